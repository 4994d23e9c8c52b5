"""What the store holds in, the same without citizens' identifiers out, for a visitor who has given no reason to see them.

Three ways lead to an identifier, and all three are closed here: the text that is shown, the counts by value, and the search
itself, which would tell by finding (``probes``): ``079200001234`` or ``0792*`` typed into a query box is refused until a reason
is given. What names a thing of ours (ids, hashes, times) is never touched.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from soc.privacy.found import Found
from soc.privacy.identifiers import find
from soc.store.base import Document
from soc.store.query import And, Comparison, Field, Not, Or, Phrase, Query

HIDDEN = "•••"
"""In place of a whole value."""
NAMED = "named"
"""The kind of a value that only its field's name says something of."""

_MAYBE = re.compile(r"@|%|(?:[^\d]*\d){5}|[A-Za-z0-9+/_\-]{24}|[^\x00-\x7f]\S*\d|(?i:pass|pwd)")
"""What every identifier has in it, disguised ones too; most values of a log do not, and are not looked at twice."""

_HOLDS_MORE = frozenset({"query", "cookie"})
_PIECE = re.compile(r"[^&;?=\s]+")

_PERSONAL = re.compile(
    r"(?i)(?:^|[._\-])(?:cccd|cmnd|cmt|so_?cccd|so_?cmnd|so_?giay_?to|citizen_?id|identity_?(?:number|card)|id_?card|passport|ho_?chieu"
    r"|phone|phone_?number|mobile|msisdn|sdt|so_?dien_?thoai|email|e_?mail|bien_?so(?:_?xe)?|license_?plate|plate)(?:$|[._\-])"
)
"""Names of fields that hold an identifier whatever it looks like: ``user.email``, ``so_cccd``."""

_OURS = frozenset(
    {"id", "version", "revision", "rule_id", "rule_set", "alerts", "alert_id", "incident_id", "merged_into", "duplicate_of", "members"}
    | {"event_id", "fingerprint", "hash", "prev", "sha256", "payload_sha256", "number", "tags", "level", "status", "state", "type"}
    | {"rule", "role", "report_kind", "verdict", "stage", "silenced_by", "campaign", "systems", "units", "key", "kind", "chain", "raised"}
    | {"idempotency_key", "receipt_id", "actor", "act", "object"}
)  # fmt: skip
"""Names in our own documents whose values are made by us."""
_OUR_FIELDS = frozenset(
    {"@timestamp", "event.id", "rule.id", "alert.id", "incident.id", "incident.number", "report.id", "silence.id", "directive.id"}
    | {"notice.id", "organization.id", "system.key", "report.sha256", "alert.fingerprint", "event.created", "event.ingested"}
    | {"event.start", "event.end", "alert.raised", "incident.raised", "rule.tags", "alert.level", "alert.status", "alert.state"}
    | {"incident.level", "incident.status", "event.kind", "level", "status", "source.ip", "destination.ip", "host.ip", "process.pid"}
)  # fmt: skip
"""The same of flat documents, under their search names."""

_LITERAL_DIGITS = re.compile(r"\d[\d .\-]{2,}\d")
_MIN_NUMBER = 10**7
_ADDRESS = re.compile(r"[\d.]*\d+\.[\d.]*|[0-9a-f]*:[0-9a-f:]*")


class Masker:
    """Masks for one visitor.

    Args:
        kinds: what he does not see; the others stay as they are.
    """

    def __init__(self, kinds: frozenset[str]) -> None:
        self.kinds = kinds
        self.found: set[str] = set()

    def document(self, document: Document) -> Document:
        """The document as it may be shown; ``found`` then has the kinds that were in it."""
        fields = {name: self._named(name, value, name in _OUR_FIELDS) for name, value in document.fields.items()}
        return document._replace(fields=fields, body=self._tree(document.body, fields=document.kind == "event"))

    def text(self, text: str) -> str:
        """One text as it may be shown."""
        found = _found_in(text) if _MAYBE.search(text) else ()
        if not found:
            return text
        self.found.update(item.kind for item in found)
        parts: list[str] = []
        last = 0
        for item in found:
            if item.kind in self.kinds and item.start >= last:
                parts += (text[last : item.start], _ends(text[item.start : item.end], item.kind))
                last = item.end
        return "".join((*parts, text[last:])) if parts else text

    def value(self, name: str, value: str) -> str:
        """One value of a field."""
        return str(self._named(name, value, name in _OUR_FIELDS))

    def _named(self, name: str, value: Any, ours: bool) -> Any:
        if ours or value is None or isinstance(value, bool):
            return value
        if isinstance(value, list | tuple):
            return [self._named(name, item, ours) for item in cast("Sequence[Any]", value)]
        if not _is_personal(name):
            return self.text(value) if isinstance(value, str) else self._tree(value, fields=True)
        shown = self.text(str(value))
        if shown == str(value) and shown:
            self.found.add(NAMED)
            return HIDDEN if self.kinds else value
        return shown if shown != str(value) else value

    def _tree(self, value: Any, *, fields: bool) -> Any:
        """A body; ``fields``: its names are a log's, not ours."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            items = cast("Mapping[str, Any]", value).items()
            out: dict[str, Any] = {}
            for name, item in items:
                if fields:
                    out[name] = self._named(name, item, name in _OUR_FIELDS)
                elif (name in _OURS or name.endswith(("_id", "_ids", "_sha256"))) and not isinstance(item, Mapping):
                    out[name] = item
                else:
                    out[name] = self._tree(item, fields=name == "fields")
            return out
        if isinstance(value, list | tuple):
            return [self._tree(item, fields=fields) for item in cast("Sequence[Any]", value)]
        return value


@lru_cache(maxsize=4096)
def _is_personal(name: str) -> bool:
    return _PERSONAL.search(name) is not None


@lru_cache(maxsize=16384)
def _found_in(text: str) -> tuple[Found, ...]:
    """What stands in a text, in order; in what is one secret as a whole (a query string) also what stands within it."""
    found: list[Found] = []
    for item in find(text):
        found.append(item)
        if item.kind in _HOLDS_MORE:
            for piece in _PIECE.finditer(text, item.start, item.end):
                at = piece.start()
                found += (Found(at + one.start, at + one.end, one.kind) for one in find(piece[0]))
    return tuple(sorted(found, key=lambda one: (one.start, -one.end)))


def _ends(value: str, kind: str) -> str:
    """An identifier as it is shown: its last two digits, or a mail's domain, so that two people can speak of the same one."""
    _, at, domain = value.rpartition("@")
    if kind == "mail" and at and domain.isascii():
        return HIDDEN + at + domain
    digits = re.sub(r"\D", "", value)
    return HIDDEN + digits[-2:] if kind != "password" and len(digits) >= 6 else HIDDEN


def _kinds_in(text: str) -> frozenset[str]:
    return frozenset(found.kind for found in _found_in(text))


def probes(query: Query, kinds: frozenset[str]) -> bool:
    """Whether the answer to a query could tell somebody an identifier that he does not see.

    A whole identifier is one, a beginning or an end of one with a wildcard is one, and so is a comparison with a number as long as one.
    An address, a port, a name, an id of ours is none.
    """
    if not kinds:
        return False
    match query:
        case And(queries) | Or(queries):
            return any(probes(part, kinds) for part in queries)
        case Not(inner):
            return probes(inner, kinds)
        case Phrase(words, _, prefix):
            text = " ".join(words)
            return _names_one(text, kinds) or _names_one("".join(words), kinds) or _is_part(text, prefix=prefix)
        case Field(name, pattern):
            if name in _OUR_FIELDS:
                return False
            text = "".join(literal for wild, literal in pattern if not wild)
            wild = [literal for is_wild, literal in pattern if is_wild]
            probe = _names_one(text, kinds) or _is_part(text, prefix=bool(wild)) or _asks_digit(text, wild)
            return probe or (_is_personal(name) and bool(text))
        case Comparison(name, _, number):
            return name not in _OUR_FIELDS and number is not None and (abs(number) >= _MIN_NUMBER or _is_personal(name))
        case _:
            return False


def _names_one(text: str, kinds: frozenset[str]) -> bool:
    return bool(_kinds_in(text) & kinds) or bool(_kinds_in(text.upper()) & kinds)


def _asks_digit(text: str, wild: Sequence[str]) -> bool:
    """Whether a pattern asks for digits at places of its choice (``?7?*``): digit by digit it would tell a number."""
    return ("?" in wild or len(wild) > 1) and text != "" and not re.sub(r"[\d .\-]", "", text) and "." not in text


def _is_part(text: str, *, prefix: bool) -> bool:
    """Whether a text with a wildcard could be completed to an identifier; an address could not."""
    if not prefix or _ADDRESS.fullmatch(text):
        return False
    return "@" in text or any(len(re.sub(r"\D", "", run)) >= 4 for run in _LITERAL_DIGITS.findall(text))

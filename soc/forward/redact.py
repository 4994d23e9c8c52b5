"""Entities and free text of an incident in; what may leave the house out, and a count of what may not, by field and rule.

Default deny: an entity of a kind that is not named here does not leave at all. Internal addresses and host names become the name of
the system they belong to (``hệ thống dvc``), or ``asset-1``, ``asset-2`` … numbered in the order in which the incident came to know
them, so that a report can still say that two alerts concern the same machine (national.md §6.4).
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple

import msgspec

from soc.forward.scan import leaks
from soc.model import SystemHit
from soc.privacy.found import Found, Kind, merged
from soc.privacy.identifiers import find
from soc.privacy.inside import INTERNAL, NOTHING, Inside, Places, internal, names_of
from soc.privacy.plain import plain

__all__ = ["INTERNAL", "Redactor", "Withheld", "internal", "nfc"]

ROUNDS = 3
"""How often a redacted text is looked through again before all of it is withheld."""

WITHHELD = "[withheld]"

_HOST_KINDS = frozenset({"host.name", "host.hostname"})
_NAMES = (".domain", ".question.name", ".registered_domain")
_FREE = ("url.full", "url.original", "file.name", "file.path", "threat.indicator.url")
_HASH = re.compile(
    r"(?:[0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{56}|[0-9A-Fa-f]{64}|[0-9A-Fa-f]{96}|[0-9A-Fa-f]{128})"
)
_BASE = re.compile(r"[^\\/]*\Z")

_RULES: Mapping[Kind, str] = {
    "internal_address": "internal-address",
    "internal_host": "host-name",
    "known_account": "account",
}
"""Rules that are not called like the kind."""


class Withheld(msgspec.Struct, frozen=True):
    """What did not leave, never its value.

    Attributes:
        field: where it stood: an entity's kind, a field's name, or ``text``.
        rule: ``internal-address``, ``host-name``, ``account``, ``not-listed``, ``unclear``, or a kind of
            ``soc.privacy.found``: ``phone``, ``cccd`` …
        count: how many different values (entities) or occurrences (text).
    """

    field: str
    rule: str
    count: int


def nfc(text: str) -> str:
    """Text in Unicode normalization form C, so that equal words are equal bytes."""
    return unicodedata.normalize("NFC", text)


@lru_cache(maxsize=4096)
def _identifiers(text: str) -> tuple[Found, ...]:
    """What identifies people or opens doors; an incident under attack is redacted again and again with mostly the same texts."""
    return find(text)


class _Done(NamedTuple):
    """A text as it leaves, and the rules that took something out of it: an incident says the same of many alerts."""

    text: str
    rules: tuple[str, ...]


class Redactor:
    """Redacts one report; what it withheld is counted in ``withheld``.

    Args:
        entities: an incident's (kind, value, count), so that their names are found in free text too.
        inside: what the register says is ours.
        systems: what was hit, with the values by which the register found it.
    """

    def __init__(
        self, entities: Iterable[tuple[str, str, int]], inside: Inside = NOTHING, systems: Sequence[SystemHit] = ()
    ) -> None:
        self._inside = inside
        self._assets: dict[str, str] = {}
        self._texts: dict[str, _Done] = {}
        self._counts: dict[tuple[str, str], int] = {}
        self._systems = {_key(value): system.key for system in systems for value in system.found_by}
        hosts: list[str] = []
        accounts: list[str] = []
        for kind, value, _ in entities:
            if kind in _HOST_KINDS:
                hosts.append(nfc(value))
            elif kind.startswith("user.") or ".user." in kind:
                accounts.append(nfc(value))
        self._places = Places(inside, names_of(hosts, accounts))

    @property
    def withheld(self) -> tuple[Withheld, ...]:
        """What was withheld so far, sorted."""
        return tuple(Withheld(field, rule, count) for (field, rule), count in sorted(self._counts.items()))

    def entity(self, kind: str, value: str) -> tuple[str, bool] | None:
        """The value as it leaves and whether it stands for something internal; None if it does not leave."""
        if kind.endswith(".ip"):
            try:
                address = ip_address(value)
            except ValueError:
                return self._deny(kind, "not-listed")
            if not self._inside.internal(address):
                return str(address), False
            self.count(kind, "internal-address")
            return self._asset(str(address)), True
        if kind in _HOST_KINDS:
            self.count(kind, "host-name")
            return self._asset(nfc(value).casefold()), True
        if ".hash." in kind or kind.endswith(".hash"):
            return (value.lower(), False) if _HASH.fullmatch(value) else self._deny(kind, "not-listed")
        if kind.endswith(_NAMES) or kind in _FREE:
            shown = self.text(value, kind)
            return (shown, False) if shown == nfc(value) or kind in _FREE else self._deny(kind, "host-name")
        return self._deny(kind, "account" if kind.startswith("user.") else "not-listed")

    def text(self, text: str, field: str = "text") -> str:
        """Free text without what identifies people, opens doors or names the inside.

        A text that is still suspicious to the second scan afterwards is withheld as a whole: a report is never held up by it later.
        """
        done = self._texts.get(text)
        if done is None:
            rules: list[str] = []
            done = self._texts[text] = _Done(self._redacted(nfc(text), rules), tuple(rules))
        for rule in done.rules:
            self.count(field, rule)
        return done.text

    def _redacted(self, text: str, rules: list[str]) -> str:
        """A text as it leaves; ``rules`` is given each rule that took something out."""
        for _ in range(ROUNDS):
            found = merged([*_identifiers(text), *find(text, self._places)])
            if not found:
                break
            parts: list[str] = []
            last = 0
            for item in found:
                parts += (text[last : item.start], self._instead(text[item.start : item.end], item, rules))
                last = item.end
            text = nfc("".join((*parts, text[last:])))
        else:
            rules.append("unclear")
            return WITHHELD
        if leaks(text, self._inside.hosts):
            rules.append("unclear")
            return WITHHELD
        return text

    def count(self, field: str, rule: str) -> None:
        """One more was withheld."""
        self._counts[field, rule] = self._counts.get((field, rule), 0) + 1

    def _instead(self, value: str, item: Found, rules: list[str]) -> str:
        """What stands in place of something found."""
        rules.append(_RULES.get(item.kind, item.kind))
        value = plain(value).text
        if item.kind == "internal_address":
            return self._asset(_address(value))
        if item.kind == "internal_host":
            return self._asset(value.casefold()) if value.isascii() and len(value) < MOST else "[host]"
        if item.kind == "known_account":
            return "account"
        if item.kind == "path":
            base = _BASE.search(value)
            return base.group() if base and base.group() and not base.group().startswith((".", "~")) else "[path]"
        return f"[{item.kind}]"

    def _asset(self, value: str) -> str:
        key = self._systems.get(value) or self._inside.system_of(value)
        return f"hệ thống {key}" if key else self._assets.setdefault(value, f"asset-{len(self._assets) + 1}")

    def _deny(self, kind: str, rule: str) -> None:
        self.count(kind, rule)


MOST = 128
"""Characters of the longest host name that gets a pseudonym of its own."""


def _key(value: str) -> str:
    """A register's value as texts have it."""
    return _address(nfc(value).casefold())


def _address(written: str) -> str:
    """An address in its usual spelling; the text itself where it is none."""
    plain = ".".join(part.lstrip("0") or "0" for part in written.split(".")) if ":" not in written else written
    try:
        return str(ip_address(plain))
    except ValueError:
        return written.casefold()

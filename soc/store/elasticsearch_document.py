"""A store document in, what Elasticsearch is given for it out (index, ``_id``, source), and the way back from a hit.

The document's own flat fields are the source as they are (the mapping has ``subobjects: false``, so ``source`` and
``source.ip`` stand side by side). What Elasticsearch would refuse as a name or a value is kept as JSON in ``soc.rest``.
Beside them stand the terms that queries use (``soc.store.elasticsearch_terms``).
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, cast

import msgspec

from soc.clock import Micros, to_datetime
from soc.store.base import Document, Kind, Refusal
from soc.store.elasticsearch_terms import MAX_NAME, terms_of

_MAX_ID = 512
"""Bytes; Elasticsearch's limit of ``_id``."""
_FIRST_YEAR, _LAST_YEAR = 2010, 2099
EARLY, LATE = "0000.00", "9999.99"
"""The months of stamps outside of these years: devices without a clock must not make an index a month since 1970."""
_MONTH_FIRST = re.compile(r"(20\d\d)(0[1-9]|1[0-2])-")
_BY_ID: frozenset[Kind] = frozenset({"alert", "incident"})
TERMS = ["soc.folded", "soc.exact", "soc.pairs", "soc.numbers", "soc.vague"]
"""Of no use to a reader: left out of what a search returns."""


def day_of(time: Micros) -> str:
    """``2026.11.22``, or ``EARLY`` or ``LATE``."""
    try:
        moment = to_datetime(time)
    except OverflowError:
        return EARLY if time < 0 else LATE
    if moment.year < _FIRST_YEAR:
        return EARLY
    return LATE if moment.year > _LAST_YEAR else f"{moment.year}.{moment.month:02}.{moment.day:02}"


def month_of(time: Micros) -> str:
    """``2026.11``, or ``EARLY`` or ``LATE``."""
    return day_of(time)[:7]


def month_in(kind: Kind, id_: str) -> str | None:
    """The month an alert's or incident's id begins with: it never changes, whatever its time becomes."""
    found = _MONTH_FIRST.match(id_) if kind in _BY_ID else None
    return f"{found[1]}.{found[2]}" if found else None


def period_of(document: Document) -> str:
    """What its index is named after: a function of what never changes from version to version.

    Events lie in the day they were received, whatever their stamp says: a day's index is written for a day, and neither a device
    without a clock nor an import of old files makes an index for every day since 1970. Alerts and incidents lie in the month
    their id begins with, everything else in the month of its time.
    """
    if month := month_in(document.kind, document.id):
        return month
    received = document.body.get("received") if document.kind == "event" else None
    return day_of(received) if isinstance(received, int) else month_of(document.time)


def key_of(id_: str) -> str:
    """The ``_id``: the id itself, or its hash where Elasticsearch takes no such id (empty, more than 512 bytes)."""
    encoded = id_.encode()
    return id_ if 0 < len(encoded) <= _MAX_ID else "sha256:" + hashlib.sha256(encoded).hexdigest()


class Prepared(NamedTuple):
    """One document as two lines of a bulk request; ``place`` is its index."""

    document: Document
    place: str
    action: bytes
    source: bytes

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        return len(self.action) + len(self.source) + 2


def prepare(document: Document, prefix: str) -> Prepared:
    """What a bulk request says of one document.

    Raises:
        ValueError: it cannot be stored: no JSON, or a number beyond 64 bits.
        TypeError: the same, from the encoder.
    """
    if not -(2**63) <= document.time < 2**63:
        raise ValueError("its time does not fit 64 bits")
    if not 0 <= document.version < 2**63:
        raise ValueError("its version is negative or does not fit 64 bits")
    fields = document.fields
    simple = _is_simple(fields)
    if not simple:
        fields = msgspec.json.decode(msgspec.json.encode(fields))
    index = f"{prefix}-{document.kind}s-{period_of(document)}"
    action = {
        "_index": index,
        "_id": key_of(document.id),
        "version": document.version,
        "version_type": "external",
    }
    rest: dict[str, Any] = {}
    if not (simple and _are_plain_names(tuple(fields))):
        rest = {name: value for name, value in fields.items() if not _is_plain(name, value)}
    source: dict[str, Any] = {n: v for n, v in fields.items() if n not in rest} if rest else dict(fields)
    source |= terms_of(fields)
    source["soc.id"], source["soc.time"] = document.id, document.time
    if rest:
        source["soc.rest"] = msgspec.json.encode(rest).decode()
    if document.body:
        source["soc.body"] = msgspec.json.encode(document.body).decode()
    return Prepared(document, index, msgspec.json.encode({"index": action}), msgspec.json.encode(source))


def prepare_all(documents: Sequence[Document], prefix: str) -> tuple[list[Prepared], list[Refusal]]:
    """Those that can be stored, and those that cannot with the reason."""
    prepared: list[Prepared] = []
    refusals: list[Refusal] = []
    for document in documents:
        try:
            prepared.append(prepare(document, prefix))
        except (TypeError, ValueError, OverflowError) as error:
            refusals.append(Refusal(document, f"no JSON: {error}"))
    return prepared, refusals


def restore(kind: Kind, hit: Mapping[str, Any]) -> Document:
    """The document of a hit (search with ``version``) or of a get."""
    source: Mapping[str, Any] = hit["_source"]
    fields = {name: value for name, value in source.items() if not name.startswith("soc.")}
    if "soc.rest" in source:
        fields |= msgspec.json.decode(source["soc.rest"])
    body: dict[str, Any] = msgspec.json.decode(source["soc.body"]) if "soc.body" in source else {}
    return Document(kind, source["soc.id"], hit["_version"], source["soc.time"], fields, body)


_SIMPLE = frozenset({str, int, bool, type(None), list})


def _is_simple(fields: Mapping[str, Any]) -> bool:
    """Every value is what JSON would give back, and flat: nothing needs to go through it before it is looked at."""
    kinds = set(map(type, fields.values()))
    if not kinds <= _SIMPLE:
        return False
    lists = (cast("list[Any]", value) for value in fields.values() if type(value) is list) if list in kinds else ()
    return all(type(item) is str for items in lists for item in items)


@lru_cache(maxsize=4096)
def _are_plain_names(names: tuple[str, ...]) -> bool:
    return all(map(_is_plain_name, names))


def _is_plain(name: str, value: object) -> bool:
    """Elasticsearch takes this name and value in a source as they are."""
    if not _is_plain_name(name):
        return False
    if type(value) is str:
        return True
    if isinstance(value, list):
        return not any(isinstance(item, dict | list) for item in cast("list[object]", value))
    return not isinstance(value, dict)


@lru_cache(maxsize=4096)
def _is_plain_name(name: str) -> bool:
    inside = bool(name) and name[0] not in "_. " and name[-1] not in ". " and len(name) <= MAX_NAME
    return inside and ".." not in name and not name.startswith("soc.")

"""A store document in, what Elasticsearch is given for it out (index, ``_id``, source), and the way back from a hit.

The document's own flat fields are the source as they are (the mapping has ``subobjects: false``, so ``source`` and
``source.ip`` stand side by side). What Elasticsearch would refuse as a name or a value is kept as JSON in ``soc.rest``.
Beside them stand the fields that queries use, equal for every kind and left out of the stored source:

    soc.folded, soc.exact   our words (``soc.store.words``), one item a value, put apart by blanks
    soc.names               the names of all fields that have a value
    soc.pairs               name and value, case-folded, for values up to ``MAX_VALUE`` characters
    soc.numbers             name and number, or name and time, as text that sorts as they do
    soc.vague               names with a value that is not in ``soc.pairs``; ``CUT``
    soc.counted             name and value as written, for counts
"""

import hashlib
import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, cast

import msgspec

from soc.clock import Micros, to_datetime
from soc.store.base import Document, Kind, Refusal
from soc.store.query import _moment, _number  # pyright: ignore[reportPrivateUsage] - the reference's own reading decides
from soc.store.words import normal, texts_of, tokens

SEPARATOR = "\x1f"
MAX_VALUE = 128
"""Longer values are found by their words and then looked at; most names, addresses and paths are shorter."""
CUT_WORD = 200
"""``soc.store.words`` cuts words here."""
CUT = f"{SEPARATOR}cut"
"""Stands in ``soc.vague`` where a word may have been cut: what it ends in cannot be known from its words."""
UNCOUNTED = frozenset({"@timestamp", "event.id", "event.original"})
"""Fields that differ from document to document: to count them is to read the documents."""
_MAX_NAME = 256
_MAX_ID = 512
"""Bytes; Elasticsearch's limit of ``_id``."""
_FIRST_YEAR, _LAST_YEAR = 2010, 2099
EARLY, LATE = "0000.00", "9999.99"
"""The months of stamps outside of these years: devices without a clock must not make an index a month since 1970."""
_MONTH_FIRST = re.compile(r"(20\d\d)(0[1-9]|1[0-2])-")
_BY_ID: frozenset[Kind] = frozenset({"alert", "incident"})
_REMEMBERED = 80


def month_of(time: Micros) -> str:
    """``2026.11``, or ``EARLY`` or ``LATE``."""
    try:
        moment = to_datetime(time)
    except OverflowError:
        return EARLY if time < 0 else LATE
    if moment.year < _FIRST_YEAR:
        return EARLY
    return LATE if moment.year > _LAST_YEAR else f"{moment.year}.{moment.month:02}"


def month_in(kind: Kind, id_: str) -> str | None:
    """The month an alert's or incident's id begins with: it never changes, whatever its time becomes."""
    found = _MONTH_FIRST.match(id_) if kind in _BY_ID else None
    return f"{found[1]}.{found[2]}" if found else None


def key_of(id_: str) -> str:
    """The ``_id``: the id itself, or its hash where Elasticsearch takes no such id (empty, more than 512 bytes)."""
    encoded = id_.encode()
    return id_ if 0 < len(encoded) <= _MAX_ID else "sha256:" + hashlib.sha256(encoded).hexdigest()


@lru_cache(maxsize=4096)
def name_key(name: str) -> str:
    """A field's name as it stands in ``soc.*``; a very long one is hashed, no term may have more than 32,766 bytes."""
    if len(name) <= _MAX_NAME and SEPARATOR not in name:
        return name
    return "sha256:" + hashlib.sha256(name.encode()).hexdigest()


def sortable_number(number: float) -> str:
    """16 hexadecimal digits that sort as the numbers do (IEEE 754 bits, the sign turned)."""
    bits: int = struct.unpack(">Q", struct.pack(">d", number + 0.0))[0]
    return f"{bits ^ (0xFFFF_FFFF_FFFF_FFFF if bits >> 63 else 1 << 63):016x}"


def sortable_integer(number: int) -> str:
    """As ``sortable_number``; one that no float equals sorts between its neighbours (``~`` is after every digit)."""
    try:
        near = float(number)
    except OverflowError:
        near = float("inf") if number > 0 else float("-inf")
    code = sortable_number(near)
    if number == near:
        return code
    return f"{code}~" if number > near else f"{int(code, 16) - 1:016x}~"


def sortable_time(time: Micros) -> str:
    """16 hexadecimal digits that sort as the times do."""
    return f"{time + 2**63:016x}"


class Prepared(NamedTuple):
    """One document as two lines of a bulk request."""

    document: Document
    month: str
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
    fields: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document.fields))
    month = month_in(document.kind, document.id) or month_of(document.time)
    action = {
        "_index": f"{prefix}-{document.kind}s-{month}",
        "_id": key_of(document.id),
        "version": document.version,
        "version_type": "external",
    }
    source: dict[str, Any] = {name: value for name, value in fields.items() if _is_plain(name, value)}
    rest = {name: value for name, value in fields.items() if name not in source}
    source |= _searchable(fields)
    source["soc.id"], source["soc.time"] = document.id, document.time
    if rest:
        source["soc.rest"] = msgspec.json.encode(rest).decode()
    if document.body:
        source["soc.body"] = msgspec.json.encode(document.body).decode()
    return Prepared(document, month, msgspec.json.encode({"index": action}), msgspec.json.encode(source))


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


def _is_plain(name: str, value: object) -> bool:
    """Elasticsearch takes this name and value in a source as they are."""
    if not _is_plain_name(name):
        return False
    if isinstance(value, str):
        return True
    if isinstance(value, list):
        return not any(isinstance(item, dict | list) for item in cast("list[object]", value))
    return not isinstance(value, dict)


@lru_cache(maxsize=4096)
def _is_plain_name(name: str) -> bool:
    inside = bool(name) and name[0] not in "_. " and name[-1] not in ". " and len(name) <= _MAX_NAME
    return inside and ".." not in name and not name.startswith("soc.")


class _Terms(NamedTuple):
    """What one value of one field adds; None where it adds nothing."""

    pair: str | None
    counted: str | None
    number: str | None
    vague: str | None


def _searchable(fields: Mapping[str, Any]) -> dict[str, Any]:
    names: list[str] = []
    found: list[_Terms] = []
    texts: set[str] = set()
    for name, value in fields.items():
        key = name_key(name)
        if type(value) is str:
            names.append(key)
            texts.add(value)
            found.append(_terms(key, value) if len(value) <= _REMEMBERED else _terms.__wrapped__(key, value))
        elif of_field := texts_of(value):
            names.append(key)
            texts.update(of_field)
            found += [_terms.__wrapped__(key, text)._replace(number=None) for text in of_field]
            items = cast("list[Any]", value) if isinstance(value, list) else [value]
            sortable = [one for item in items if (one := _sortable(item)) is not None]
            found += [_Terms(None, None, f"{key}{SEPARATOR}{one}", None) for one in sortable]
    folded, exact = _texts(texts)
    if any(len(word) >= CUT_WORD for words in folded if len(words) >= CUT_WORD for word in words.split(" ")):
        found.append(_Terms(None, None, None, CUT))
    made: dict[str, Iterable[str | None]] = {
        "soc.names": names,
        "soc.pairs": {terms.pair for terms in found},
        "soc.numbers": {terms.number for terms in found},
        "soc.vague": {terms.vague for terms in found},
        "soc.counted": {terms.counted for terms in found},
        "soc.folded": folded,
        "soc.exact": exact,
    }
    return {name: listed for name, terms in made.items() if (listed := [term for term in terms if term is not None])}


@lru_cache(maxsize=65536)
def _terms(key: str, text: str) -> _Terms:
    """Of a text; log values repeat, so short ones are remembered."""
    sortable = _sortable(text)
    number = None if sortable is None else f"{key}{SEPARATOR}{sortable}"
    same_case = normal(text)
    if len(same_case) > MAX_VALUE:
        return _Terms(None, None, number, key)
    counted = None if key in UNCOUNTED else f"{key}{SEPARATOR}{text}"
    return _Terms(f"{key}{SEPARATOR}{same_case}", counted, number, None)


def _sortable(item: Any) -> str | None:
    """A number (``n``) or a time (``t``) as the reference reads it; None where it reads neither."""
    if item is None or isinstance(item, bool | dict | list):
        return None
    if isinstance(item, str):
        if not item or (
            item[0].isascii() and not item[0].isdigit() and item[0] not in "+-. \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f"
        ):
            return None
        if (number := _number(item)) is not None:
            return f"n{sortable_number(number)}"
        moment = _moment(item)
        return None if moment is None else f"t{sortable_time(moment)}"
    return f"n{sortable_integer(item) if isinstance(item, int) else sortable_number(item)}"


def _texts(texts: Iterable[str]) -> tuple[list[str], list[str]]:
    """The words of all values, an item each; a value whose words stand in another one already is not repeated."""
    folded: list[str] = []
    exact: list[str] = []
    seen = ""
    for text in sorted(sorted(texts), key=len, reverse=True):
        words, marked = _joined(text) if len(text) <= _REMEMBERED else _joined.__wrapped__(text)
        if words.strip() and words not in seen:
            folded.append(words.strip())
            seen += words + "\n"
        if marked:
            exact.append(marked)
    return folded, exact


@lru_cache(maxsize=65536)
def _joined(text: str) -> tuple[str, str]:
    """A value's words without diacritics, a blank at both ends; and with them, where it has any."""
    made = tokens(text)
    return f" {' '.join(made.folded)} ", " ".join(made.exact) if made.exact != made.folded else ""

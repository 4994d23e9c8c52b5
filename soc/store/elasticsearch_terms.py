"""A document's flat fields in, the terms that queries use out: equal for every kind, made by us so that all stores find the same.

    soc.folded, soc.exact   our words (``soc.store.words``), one item a value, put apart by blanks
    soc.pairs               name and value, for values up to ``MAX_VALUE`` characters; what is compared, and what is counted
    soc.numbers             name and number where the pair does not sort as one, and name and second of a time
    soc.vague               names with a value that is not in ``soc.pairs``; ``CUT``

A pair is one of (``␟`` is ``SEPARATOR``, ``␞`` is ``PLAIN``)

    name␟value              the value is its own case-folded form
    name␟value␟Value        case-folded, then as written
    name␟␞c443              a number in plain digits, after a letter for how many: so plain numbers sort as text

Whole terms are few and short on purpose: they are most of what a document costs on both sides.
"""

import hashlib
import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple, cast

from soc.clock import SECOND, Micros
from soc.store.query import _moment, _number  # pyright: ignore[reportPrivateUsage] - the reference's own reading decides
from soc.store.words import normal, texts_of, tokens

SEPARATOR = "\x1f"
PLAIN = "\x1e"
MAX_VALUE = 128
"""Longer values are found by their words and then looked at; most names, addresses and paths are shorter."""
CUT_WORD = 200
"""``soc.store.words`` cuts words here."""
CUT = f"{SEPARATOR}cut"
"""Stands in ``soc.vague`` where a word may have been cut: what it ends in cannot be known from its words."""
UNPAIRED = frozenset({"@timestamp", "event.created", "event.ingested", "event.id", "event.original"})
"""Fields that differ from document to document: a term of its own for each would be a dictionary as long as the index."""
MAX_NAME = 256
PLAIN_DIGITS = 15
"""As many digits as a float surely tells apart."""
_YEAR_ONE = 2**39
"""Added to seconds, so that those of the years 1 to 9999 are positive."""
_REMEMBERED = 80
"""Values up to this length repeat often enough to be remembered."""


@lru_cache(maxsize=4096)
def name_key(name: str) -> str:
    """A field's name as it stands in ``soc.*``; a very long one is hashed, no term may have more than 32,766 bytes."""
    if len(name) <= MAX_NAME and SEPARATOR not in name:
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


def sortable_second(time: Micros) -> str:
    """10 hexadecimal digits that sort as the seconds do in which the times lie."""
    return f"{time // SECOND + _YEAR_ONE:010x}"


def is_plain(text: str) -> bool:
    """A whole number as one writes it: up to 15 digits, no sign, no zero before others."""
    return text.isdecimal() and len(text) <= PLAIN_DIGITS and text.isascii() and (text[0] != "0" or len(text) == 1)


def plain_number(digits: str) -> str:
    """Plain digits as text that sorts as the numbers do."""
    return f"{PLAIN}{chr(96 + len(digits))}{digits}"


def written(pair: str) -> str:
    """The value of a pair as it was written."""
    value = pair.partition(SEPARATOR)[2]
    return value[2:] if value.startswith(PLAIN) else value.rpartition(SEPARATOR)[2]


class _Text(NamedTuple):
    """What one value adds, whatever its field; None or "" where it adds nothing.

    Attributes:
        number: a number or a time that ``pair`` does not sort as.
        folded, exact: words with a blank at both ends; ``exact`` only where they differ.
        cut: a word may have been cut.
    """

    pair: str | None
    number: str | None
    folded: str
    exact: str
    cut: bool


def _read(text: str) -> _Text:
    made = tokens.__wrapped__(text)
    words = f" {' '.join(made.folded)} " if made.folded else ""
    if is_plain(text):
        return _Text(plain_number(text), None, words, "", False)
    exact = f" {' '.join(made.exact)} " if made.exact != made.folded else ""
    cut = len(text) >= CUT_WORD and max(map(len, made.folded), default=0) >= CUT_WORD
    value: str | None = normal(text)
    if len(value) > MAX_VALUE or SEPARATOR in value or PLAIN in value:
        value = None
    elif value != text:
        value = f"{value}{SEPARATOR}{text}"
    return _Text(value, sortable(text), words, exact, cut)


_remembered = lru_cache(maxsize=65536)(_read)


def sortable(item: Any) -> str | None:
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
        return None if moment is None else f"t{sortable_second(moment)}"
    return f"n{sortable_integer(item) if isinstance(item, int) else sortable_number(item)}"


class _Name(NamedTuple):
    """A field's name: before a pair or number of its, in ``soc.vague``, and whether its values have pairs."""

    start: str
    key: str
    paired: bool


@lru_cache(maxsize=4096)
def _shape(names: tuple[str, ...]) -> tuple[_Name, ...]:
    """Events of one sort have the same names again and again."""
    return tuple(_Name(name_key(name) + SEPARATOR, name_key(name), name not in UNPAIRED) for name in names)


def terms_of(fields: Mapping[str, Any]) -> dict[str, list[str]]:
    """``soc.*`` of a document's fields, which are JSON; a field without a term is left out."""
    pairs: list[str] = []
    numbers: list[str] = []
    vague: list[str] = []
    texts: dict[str, _Text] = {}
    for (start, key, paired), value in zip(_shape(tuple(fields)), fields.values(), strict=True):
        is_text = type(value) is str
        for text in (value,) if is_text else texts_of(value):
            known = texts.get(text)
            if known is None:
                known = texts[text] = _remembered(text) if len(text) <= _REMEMBERED else _read(text)
            pair, number = known[0], known[1]
            if paired and pair is not None:
                pairs.append(start + pair)
            else:
                vague.append(key)
                if pair is not None and pair[0:1] == PLAIN:
                    numbers.append(f"{start}n{sortable_number(float(text))}")
            if is_text and number is not None:
                numbers.append(start + number)
        if not is_text:
            numbers += [start + code for code in _sortables(value)]
    if any(known.cut for known in texts.values()):
        vague.append(CUT)
    folded, exact = _words(texts)
    made = {"soc.pairs": pairs, "soc.numbers": numbers, "soc.vague": vague, "soc.folded": folded, "soc.exact": exact}
    return {name: terms for name, terms in made.items() if terms}


def _sortables(value: Any) -> list[str]:
    """Numbers and times of a value that is no text or a list, as far as plain digits do not sort as them."""
    if type(value) is int and 0 <= value < 10**PLAIN_DIGITS:
        return []
    items = cast("list[Any]", value) if type(value) is list else [value]
    return [
        code for item in items if not (type(item) is str and is_plain(item)) and (code := sortable(item)) is not None
    ]


def _words(texts: Mapping[str, _Text]) -> tuple[list[str], list[str]]:
    """The words of all values, an item each; a value whose words stand in the longest or another one before is not repeated."""
    if not texts:
        return [], []
    longest = texts[max(texts, key=len)]
    folded = [longest.folded.strip()] if longest.folded else []
    seen = longest.folded
    exact: list[str] = []
    for known in texts.values():
        if known.folded not in seen:
            folded.append(known.folded[1:-1])
            seen += known.folded
        if known.exact:
            exact.append(known.exact[1:-1])
    return folded, exact

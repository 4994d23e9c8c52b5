"""Text in, searchable words out: the one function that makes words for every store, so that all of them find the same."""

import re
import unicodedata
from functools import lru_cache
from typing import Any, NamedTuple

_WORD = re.compile(r"(?:[^\W_]|[\u0300-\u036f])+")
_ASCII = bytes(ord(chr(code).lower()) if code < 128 and chr(code).isalnum() else 32 for code in range(256))
_MAX_WORD = 200
"""Longer words are cut, here for documents and queries alike, so that no store's own limit decides (Elasticsearch: 32,766 bytes)."""


class Words(NamedTuple):
    """The words of a text, twice, word by word: ``exact`` keeps diacritics, ``folded`` has none. Both NFC and case-folded."""

    exact: tuple[str, ...]
    folded: tuple[str, ...]


def normal(text: str) -> str:
    """NFC and case-folded, diacritics kept: what two spellings of one value have in common."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _fold(word: str) -> str:
    """One word without diacritics (as it is, if it is made of nothing else); đ has no decomposition, so it is named here."""
    if word.isascii():
        return word
    marked = unicodedata.normalize("NFD", word)
    bare = "".join(char for char in marked if unicodedata.category(char) != "Mn").replace("đ", "d")
    return unicodedata.normalize("NFC", bare) or word


@lru_cache(maxsize=16384)
def tokens(text: str) -> Words:
    """The words of ``text``. Log values repeat, so the result is remembered."""
    exact = tuple(split(text))
    return Words(exact, exact if text.isascii() else tuple(map(_fold, exact)))


def split(text: str) -> list[str]:
    """The words with their diacritics. ASCII, which most lines are, takes a way that is ten times as fast."""
    words = text.encode().translate(_ASCII).decode().split() if text.isascii() else _WORD.findall(normal(text))
    if len(text) > _MAX_WORD:
        return [word[:_MAX_WORD] for word in words]
    return words


def text_of(value: Any) -> str | None:
    """A field's scalar as the text that is searched and compared: ``true``, ``22``, ``1.5``; None where there is nothing."""
    if isinstance(value, str):
        return value
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def texts_of(value: Any) -> list[str]:
    """A field's value, scalar or list, as texts; [] where there is nothing."""
    if isinstance(value, list | tuple):
        return [text for item in value if (text := text_of(item)) is not None]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    text = text_of(value)
    return [] if text is None else [text]

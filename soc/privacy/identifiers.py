"""A text in; where citizens' identifiers and secrets stand in it, or the text with them masked, out.

Formats are Vietnamese first. The text may be disguised (``soc.privacy.plain``): what is found is always told in offsets of the text
as it was given. Pure, and linear in the length of the text.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import get_args

from soc.privacy.found import Found, Kind, merged
from soc.privacy.numbers import numbers
from soc.privacy.plain import View, again, hidden, joined, plain, unplussed, unquoted
from soc.privacy.shapes import shapes
from soc.privacy.words import words

__all__ = ["ALL", "PERSONAL", "SECRETS", "Finder", "Found", "Kind", "find", "folded", "masked"]

INTERNAL: frozenset[Kind] = frozenset({"internal_address", "internal_host", "path", "known_account"})
"""What is found only with a finder that knows the house (``soc.privacy.inside``)."""

ALL: frozenset[Kind] = frozenset(get_args(Kind)) - INTERNAL
"""Every kind that needs no knowledge of the house."""

Finder = Callable[[str, str], Iterable[Found]]
"""Plain text and the same in lower case in, what is found in it out."""

SECRETS: frozenset[Kind] = frozenset({"password", "token", "cookie", "query"})
"""What opens a door, whoever it belongs to."""

PERSONAL: frozenset[Kind] = ALL - SECRETS - {"account"}
"""What identifies a citizen: masked by role. Accounts are what an analyst works with."""

DEPTH = 3
"""Base64 inside of Base64 is looked into this deep."""

ROUNDS = 4
"""How often a masked text is looked through again before all of it is masked."""

_MASK = "•"


def identify(text: str, small: str) -> Iterator[Found]:
    """Every identifier and secret in a plain text, possibly overlapping; ``small`` is the same in lower case."""
    told, labels = words(text, small)
    yield from told
    yield from shapes(text)
    yield from numbers(text, small, labels)


def find(text: str, finder: Finder = identify) -> tuple[Found, ...]:
    """Every identifier and secret in a text, in order and without overlap.

    Args:
        text: any text; NFC or NFD, with escapes, with line breaks inside of a number.
        finder: what is looked for, in all that the text may be a disguise of.
    """
    return merged(list(_find(text, DEPTH, finder)))


def masked(text: str, kinds: Collection[Kind] = ALL) -> str:
    """The text with what is found replaced: a number's last two digits, a mail's domain and a name's initials stay.

    The same text gives the same result, and masking twice changes nothing more. A kind is masked within another one that is not:
    a citizen's number in a query string, where only numbers are asked for.

    Args:
        text: any text.
        kinds: only these are replaced.
    """
    for _ in range(ROUNDS):
        found = merged([item for item in _find(text, DEPTH, identify) if item.kind in kinds])
        if not found:
            return text
        parts: list[str] = []
        last = 0
        for item in found:
            parts += (text[last : item.start], _masked(text[item.start : item.end], item.kind))
            last = item.end
        text = "".join((*parts, text[last:]))
    return _MASK * 8


def folded(text: str) -> str:
    """The text in lower case, of the same length: a sign whose small form is longer stays."""
    small = text.lower()
    return small if len(small) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def _find(text: str, depth: int, finder: Finder) -> Iterator[Found]:
    view = plain(text)
    yield from _told(view, finder(view.text, folded(view.text)))
    together = joined(view)
    further_views = (together, together and again(together), unquoted(view), unplussed(view) if "%" in text else None)
    for further in further_views:
        if further is not None:
            yield from _across(further, finder)
    if depth:
        for seen in (view, together):
            if seen is None:
                continue
            for start, end, shown in hidden(seen.text):
                kinds: set[Kind] = {item.kind for item in _find(shown, depth - 1, finder)}
                for kind in sorted(kinds):
                    yield Found(*seen.origin(start, end), kind)


def _told(view: View, found: Iterable[Found]) -> Iterator[Found]:
    for item in found:
        yield Found(*view.origin(item.start, item.end), item.kind)


def _across(view: View, finder: Finder) -> Iterator[Found]:
    """What is found only because something was taken out: a piece of the view ends within it."""
    seams = [here for here, _, _ in view.pieces[1:]]
    if not seams:
        return
    at = 0
    for item in sorted(finder(view.text, folded(view.text))):
        while at < len(seams) and seams[at] <= item.start:
            at += 1
        if any(item.start < seam < item.end for seam in seams[at : at + 1]):
            yield Found(*view.origin(item.start, item.end), item.kind)


def _masked(value: str, kind: Kind) -> str:
    if kind in SECRETS or kind in {"account", "coordinates"}:
        return _MASK * 8
    if kind == "mail":
        _, at, domain = value.rpartition("@")
        return (
            _MASK * 8 + at + domain
            if at and domain.isascii() and "%" not in domain and "\n" not in domain
            else _MASK * 8
        )
    if kind == "person":
        return " ".join(word[0] + _MASK * 4 for word in value.split()) if value[:1].isalpha() else _MASK * 8
    if not any(c.isdigit() for c in value) or not value.isascii():
        return _MASK * 8
    kept = len(value) - 2 if value[-2:].isdigit() else len(value)
    return "".join(_MASK if c.isalnum() and at < kept else c for at, c in enumerate(value))

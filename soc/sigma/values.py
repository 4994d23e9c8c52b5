"""Event values as Sigma compares them: one scalar in, its text, number or moment out; a list in, its items out."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from math import isfinite
from typing import Any, Final

import msgspec


class Missing:
    """The type of ``MISSING``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()
"""Stands for the value of a field that the event does not have; a field that is there and null has None."""

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_FIRST_EPOCH, _LAST_EPOCH = 100_000_000, 10**19
_EPOCH_UNITS = ((100_000_000_000, 1), (100_000_000_000_000, 1_000), (100_000_000_000_000_000, 1_000_000))


def text(value: Any) -> str:
    """A scalar as the text that string matching sees.

    Numbers that are equal have equal text (``4625`` and ``4625.0``), so that a rule's 4625 meets the event's "4625" and
    4625 alike. Booleans are ``true`` and ``false``.
    """
    if isinstance(value, str):
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, float):
        return _digits(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, int):
        return _digits(value)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "replace")
    try:
        return msgspec.json.encode(value).decode()
    except TypeError:
        return str(value)


def _digits(value: int) -> str:
    """Decimal, or hexadecimal beyond the digits that Python converts (4,300 by default)."""
    try:
        return str(value)
    except ValueError:
        return hex(value)


def number(value: Any) -> int | float | None:
    """A number, or text that is one in plain decimal notation; else None. Booleans are no numbers."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else None
    if not isinstance(value, str):
        return None
    stripped = value.strip()
    if len(stripped) > 40 or _NUMBER.fullmatch(stripped) is None:
        return None
    return float(stripped) if any(c in stripped for c in ".eE") else int(stripped)


def moment(value: Any) -> datetime | None:
    """A timestamp as it was written, for the time modifiers (``hour``, ``week`` ...): no zone is converted.

    Text is ISO 8601 (with ``T`` or a blank, ``/`` for ``-``); a number, or digits as text, is an epoch in seconds,
    milliseconds, microseconds or nanoseconds, told apart by size, in UTC: from 1973, for smaller numbers are no stamps, to 2286.
    """
    epoch = number(value)
    try:
        if epoch is not None:
            if not _FIRST_EPOCH <= epoch < _LAST_EPOCH:
                return None
            return datetime.fromtimestamp(_seconds(epoch), UTC)
        if isinstance(value, str):
            return datetime.fromisoformat(value.strip().replace("/", "-"))
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _seconds(epoch: float) -> float:
    for bound, divisor in _EPOCH_UNITS:
        if abs(epoch) < bound:
            return epoch / divisor
    return epoch / 1_000_000_000


def scalars(value: Any) -> Iterator[Any]:
    """The items of a value: itself, or those of a list at any depth."""
    if isinstance(value, (list, tuple)):
        for item in value:  # pyright: ignore[reportUnknownVariableType]
            yield from scalars(item)
    else:
        yield value

"""Values of fields in, exact numbers out: what ``value_sum``, ``value_avg``, ``value_percentile`` and ``value_median`` reckon with.

A number is a decimal with nine places behind the point (more are rounded half to even), kept as an integer of billionths.
Sums of integers do not depend on the order of arrival, as sums of floats do, and 0.1 + 0.2 is 0.3.
"""

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Final

SCALE: Final = 1_000_000_000
"""Units in one: a number is kept as so many billionths."""

_LIMIT: Final = 10**30
_LONGEST: Final = 40  # characters of a number as text, as in detections
_WORD: Final = 1 << 63  # a token beyond it is kept as text: MessagePack has no longer integers
_DECIMAL: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_CONTEXT: Final = Context(prec=80, rounding=ROUND_HALF_EVEN)


def number_token(value: str | float | None) -> int | str | None:
    """A value as the token of an entry; None if it is no number.

    Text in plain decimal notation is a number ("12.5", "1e3", blanks around it); booleans, NaN, infinities and anything
    from 10^30 on are not.
    """
    if isinstance(value, str):
        if len(value) < 19 and value.isascii() and value.isdigit():
            scaled = int(value) * SCALE
        else:
            text = value.strip()
            if len(text) > _LONGEST or _DECIMAL.fullmatch(text) is None:
                return None
            return _token(Decimal(text))
    elif isinstance(value, bool) or value is None:
        return None
    elif isinstance(value, int):
        if abs(value) >= _LIMIT:
            return None
        scaled = value * SCALE
    else:
        return _token(Decimal(repr(value)))
    return scaled if -_WORD <= scaled < _WORD else str(scaled)


def _token(number: Decimal) -> int | str | None:
    if not number.is_finite() or abs(number) >= _LIMIT:
        return None
    scaled = int(number.scaleb(9, _CONTEXT).to_integral_value(ROUND_HALF_EVEN, _CONTEXT))
    return scaled if -_WORD <= scaled < _WORD else str(scaled)


def billionths(token: int | str) -> int:
    """The number that a token of ``number_token`` stands for, in billionths."""
    return token if isinstance(token, int) else int(token)


def bound_of(count: float) -> Fraction:
    """The number that a condition compares with, exactly as it is written, in billionths."""
    return Fraction(repr(count)) * SCALE

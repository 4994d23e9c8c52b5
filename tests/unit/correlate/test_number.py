"""Which values are numbers, and that they are kept exactly."""

import math

import pytest

from soc.correlate.number import SCALE, billionths, bound_of, number_token


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (7, 7 * SCALE),
        ("7", 7 * SCALE),
        ("-7", -7 * SCALE),
        (" +7.50 ", 7_500_000_000),
        ("12.5", 12_500_000_000),
        (0.1, 100_000_000),
        ("1e3", 1000 * SCALE),
        (".5", 500_000_000),
        ("0.0000000005", 0),
        ("0.0000000015", 2),
        ("00012", 12 * SCALE),
        ("12345678901234567890123456789", 12345678901234567890123456789 * SCALE),
        (2**63, 2**63 * SCALE),
        ("1e-999", 0),
    ],
)
def test_a_number_or_its_text_is_kept_in_billionths_rounded_half_to_even(value: str | float, number: int) -> None:
    token = number_token(value)
    assert token is not None
    assert billionths(token) == number
    assert isinstance(token, str) or -(2**63) <= token < 2**63


NO_WORDS = [
    "",
    " ",
    "true",
    "many",
    "12,5",
    "1 2",
    "0x10",
    "1_000",
    "NaN",
    "inf",
    "-Infinity",
    "1e30",
    "9" * 41,
    "٣",
    "²",
]


@pytest.mark.parametrize("value", [None, True, False, 10**30, math.nan, math.inf, -math.inf, 1e300, *NO_WORDS])
def test_anything_else_is_no_number(value: str | float | None) -> None:
    assert number_token(value) is None


def test_a_bound_is_the_number_that_is_written() -> None:
    assert (bound_of(0.3), bound_of(2**60 + 1)) == (300_000_000, (2**60 + 1) * SCALE)

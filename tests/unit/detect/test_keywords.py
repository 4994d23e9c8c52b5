"""Keywords are found in whatever holds them, with hyperscan and without it."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest

from soc.detect.keywords import FOLDED_TO_ASCII, KeywordIndex
from soc.detect.trigger import Literal


@pytest.fixture(params=["hyperscan", "without"], autouse=True)
def engine(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.param == "hyperscan":
        pytest.importorskip("hyperscan")
        yield
    else:
        with patch("soc.detect.literals.hyperscan", None):
            yield


def found(literal: str, fields: dict[str, Any]) -> bool:
    index = KeywordIndex([(Literal(None, literal, "contains"), "slot"), (Literal(None, "other", "contains"), "slot")])
    return any("slot" in slots for slots in index.triggered(fields))


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("needle", "a NEEDLE here"),
        ("needle", "needle" + "x" * 70_000),
        ("needle", ["x", "Needle"]),
        ("needle", ["x", ["deep", "needle"]]),
        ("needle", [{"a": "needle"}]),
        ("needle", b"needle"),
        ("\\dir\\", "C:\\Dir\\x"),
        ('say "x"', 'they SAY "x" twice'),
        ("two\nlines", "Two\nLines"),
        ("strasse", "Stra\u00dfe"),
        ("kelvin", "\u212aelvin"),
        ("vi\u1ec7t", "VI\u1ec6T nam"),
        ("4625", 4625),
        ("4625", "x4625y"),
        ("true", True),
        ("12345678901234567890123", 12345678901234567890123),
        ("needle", "half a pair \ud800 and a needle"),
    ],
)
def test_a_keyword_is_found_in(literal: str, value: Any) -> None:
    assert found(literal, {"a": 12345678901234567890, "b": None, "f": value})


@pytest.mark.parametrize("value", ["need", "needl e", ["need", "le"], 7, None, "n\u00e9edle"])
def test_a_keyword_is_not_found_in(value: Any) -> None:
    assert not found("needle", {"a": "x", "f": value})


def test_every_character_that_folds_to_ascii_is_known() -> None:
    folding = {c for c in map(chr, range(0x80, 0x11_0000)) if any(part < "\x80" for part in c.casefold())}
    assert folding == set(FOLDED_TO_ASCII)


def test_a_name_of_a_field_is_no_keyword() -> None:
    assert not found("needle", {"needle": "x"})

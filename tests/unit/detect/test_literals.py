"""Literals are found in a text, however many there are and by whichever search."""

from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc.detect.literals import FEW, Literals

TEXTS = st.text("ab\n\x00\u00e9", min_size=1, max_size=4)


@settings(max_examples=100, deadline=None)
@given(st.sets(TEXTS, min_size=1, max_size=20), st.lists(st.text("ab\n\x00\u00e9", max_size=30), max_size=6))
def test_each_literal_that_is_there_is_found(texts: set[str], values: list[str]) -> None:
    plain = {text for text in texts if "\0" not in text}
    for few, worth in ((FEW, 500), (0, 500), (0, 0)):
        with patch("soc.detect.literals.FEW", few), patch("soc.detect.literals.WORTH", worth):
            literals = Literals({text: [text] for text in sorted(texts)})
            for value in values * 2:
                found: list[str] = []
                literals.seek(value, found)
                expected = {text for text in texts if text in value}
                assert expected <= set(found)
                assert set(found) & plain == expected & plain, "only one with a zero byte may be found too often"


def test_a_literal_too_long_for_hyperscan_is_sought_all_the_same() -> None:
    pytest.importorskip("hyperscan")
    long = "ab" * 40_000
    with patch("soc.detect.literals.FEW", 0), patch("soc.detect.literals.WORTH", 0):
        literals = Literals({long: ["long"], "c": ["short"]})
        for _ in range(2):
            found: list[str] = []
            literals.seek("x" + long + "c", found)
            assert sorted(set(found)) == ["long", "short"]

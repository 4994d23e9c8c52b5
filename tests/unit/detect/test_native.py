"""The compiled loops find what their Python finds; where they were not built nothing of this can be asked (``.ci/needs``)."""

import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc.detect import compiled
from soc.detect.index import FieldIndex
from soc.detect.keywords import FOLDED_TO_ASCII, KeywordIndex
from soc.detect.trigger import Literal

pytestmark = pytest.mark.skipif(
    compiled.native is None and os.environ.get("SOC_REQUIRE_LIVE") != "1", reason="soc/detect/native.pyx was not built"
)
LITERAL = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=4, max_size=14).map(str.casefold)
PADDING = st.text(st.sampled_from("ab::\\ Kk\u00e9\u1ec7\u0111\U0001f600\u212a\x00\x7f"), max_size=9)


def gate(literals: list[str]) -> Any:
    made = compiled.gate(dict.fromkeys(literals), FOLDED_TO_ASCII)
    assert made is not None
    return made


@given(st.lists(LITERAL, min_size=1, max_size=5), st.data())
def test_a_literal_in_a_value_is_never_passed_by(literals: list[str], data: st.DataObject) -> None:
    literal = data.draw(st.sampled_from(literals))
    cased = "".join(data.draw(st.sampled_from([c, c.upper()])) for c in literal)
    value = data.draw(PADDING) + cased + data.draw(PADDING)
    held = data.draw(st.sampled_from([value, [value], ["", 7, None, value]]))
    assert gate(literals).possible({"number": 7, "nothing": None, "here": held})


@pytest.mark.parametrize("odd", FOLDED_TO_ASCII)
def test_a_character_that_folds_to_ascii_is_looked_at_in_full(odd: str) -> None:
    assert gate(["needle"]).possible({"a": f"x{odd}"})


@pytest.mark.parametrize("value", [("needle",), {"a": "needle"}, [["needle"]], b"needle", {"x": 1}])
def test_what_is_no_scalar_is_looked_at_in_full(value: Any) -> None:
    assert gate(["needle"]).possible({"a": value})


@pytest.mark.parametrize("value", ["nee dle", "nee", "", "ne\u00e9dle", 7, 1.5, True, None, ["nee", "dle"], []])
def test_what_has_no_literal_is_passed_by(value: Any) -> None:
    assert not gate(["needle"]).possible({"needle": value})


def test_few_events_without_a_literal_are_looked_at_in_full() -> None:
    few = gate(["sekurlsa::", "dpapi::masterkey", "\\mimilib.dll", "gentilkiwi.com"])
    lines = [f"C:\\Windows\\System32\\svchost{n}.exe -k netsvcs -p -s Schedule {n:08x}" for n in range(2_000)]
    assert sum(few.possible({"CommandLine": line}) for line in lines) < 20


@pytest.mark.parametrize(
    ("literals", "odd"), [(["abc"], ""), (["vi\u1ec7t"], ""), ([f"{n:04}" for n in range(1_025)], ""), (["abcd"], "x")]
)
def test_what_a_gate_was_not_built_for_it_does_not_take(literals: list[str], odd: str) -> None:
    assert compiled.native is not None
    if not odd:
        assert compiled.gate(literals, FOLDED_TO_ASCII) is None
    with pytest.raises(ValueError, match="ASCII"):
        compiled.native.Gate(dict.fromkeys(literals), odd)


def test_keywords_that_a_gate_does_not_take_are_found_without_it() -> None:
    for literals in (["abc"], [f"x{n:04}y" for n in range(1_100)], ["4625"]):
        needs = [(Literal(None, literal, "contains"), literal) for literal in literals]
        index = KeywordIndex(needs)
        found = {slot for slots in index.triggered({"a": f"__{literals[-1].upper()}__"}) for slot in slots}
        assert found == {literals[-1]}


def test_a_value_that_is_no_key_is_said_and_nothing_leaks_from_the_call() -> None:
    assert compiled.native is not None
    index = FieldIndex([(Literal("a", "x", "exact"), "slot")])
    assert compiled.native.triggered({"a": "X", "b": 1}, ("a", "missing"), (index, index)) == [("slot",)]
    assert compiled.native.triggered({"a": None}, ("a",), (index,)) is None
    assert compiled.native.triggered({"a": "y"}, ("a",), (index,)) is None
    for _ in range(3):
        with pytest.raises(TypeError):
            compiled.native.triggered({"a": ["x"]}, ("a",), (index,))

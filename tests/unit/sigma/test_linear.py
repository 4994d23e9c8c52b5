"""The automaton finds what ``re`` finds, look-around included, and its work grows with the value's length only."""

import re
import warnings
from unittest.mock import patch

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from soc.sigma.linear import LinearRegex

ATOMS = [
    "a",
    "b",
    ".",
    "[ab]",
    "[^a]",
    r"\w",
    r"\s",
    r"\d",
    "^",
    "$",
    r"\b",
    r"\B",
    r"\A",
    r"\Z",
    "A",
    "\u00e9",
    r"[^\W\d]",
    r"\n",
]
TAILS = ["*", "+", "?", "{2}", "{1,3}", "*?", "{2,}", "??", "{0,2}?"]
EXPRESSIONS = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda t: f"(?:{t[0]}|{t[1]})"),
        st.tuples(inner, st.sampled_from(TAILS)).map(lambda t: f"({t[0]}){t[1]}"),
        st.tuples(st.sampled_from("ism"), inner).map(lambda t: f"(?{t[0]}:{t[1]})"),
        st.tuples(st.sampled_from(["=", "!", "<=", "<!"]), inner).map(lambda t: f"(?{t[0]}{t[1]})"),
    ),
    max_leaves=7,
)
VALUES = st.lists(st.text("abA \n\u00e91_K\u212a", max_size=9), max_size=6)
FLAGS = st.sampled_from([0, re.IGNORECASE, re.MULTILINE, re.DOTALL, re.ASCII | re.IGNORECASE])


def plain(source: str, flags: int) -> re.Pattern[str]:
    """The same in ``re``; a look-behind of variable length is no expression there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return re.compile(source, flags)
        except re.error:
            assume(condition=False)
            raise


@settings(max_examples=300, deadline=None)
@given(EXPRESSIONS, VALUES, FLAGS)
@example("(?<=a)b(?!c)", ["abc", "abd", "ab"], 0)
@example("(?=(?!.*b)a)", ["ab", "aa", "a\nb"], 0)
@example("a$", ["a\n", "a\n\n", "a"], 0)
@example("k", ["\u212a"], re.IGNORECASE)
def test_it_finds_what_re_finds(source: str, values: list[str], flags: int) -> None:
    pattern = plain(source, flags)
    automaton = LinearRegex.build(source, flags)
    assert automaton is not None
    for value in values:
        assert automaton.search(value) == (pattern.search(value) is not None)


@settings(max_examples=100, deadline=None)
@given(EXPRESSIONS, VALUES, FLAGS)
def test_it_finds_the_same_if_it_has_to_forget_its_states_all_the_time(
    source: str, values: list[str], flags: int
) -> None:
    pattern = plain(source, flags)
    with patch("soc.sigma.linear._STATES", 1), patch("soc.sigma.linear._LEAST", 1):
        automaton = LinearRegex.build(source, flags)
        assert automaton is not None
        for value in values * 2:
            assert automaton.search(value) == (pattern.search(value) is not None)


HOSTILE = [
    (r"(a+)+$", "a" * 50_000 + "b"),
    (r"(a|aa)+$", "a" * 50_000 + "b"),
    (r"(\w+\s?)*!", "word " * 10_000),
    (r"^(([a-z])+.)+[A-Z]([a-z])+$", "a" * 50_000),
    (r"a.*b.*c.*d.*e", "abcd" * 12_500),
    (r"(?:a?){30}a{30}$", "a" * 29),
    (r"(?<=x)(?!y)(a+)+b", "xaaa" * 12_500),
]


@pytest.mark.parametrize(("source", "value"), HOSTILE)
def test_what_stalls_backtracking_is_done_in_so_many_steps_as_there_are_characters(source: str, value: str) -> None:
    automaton = LinearRegex.build(source, 0)
    assert automaton is not None
    assert automaton.search(value) is False
    assert automaton.steps <= 200, "on a value that repeats itself nearly all steps are remembered"


def test_each_character_costs_at_most_one_step_and_the_states_that_are_remembered_are_bounded() -> None:
    automaton = LinearRegex.build("(?:a|b)*a(?:a|b){14}c", 0)  # as an automaton without choices: 32,768 states
    assert automaton is not None
    value = "".join("ab"[(i * i // 7 + i) % 2 ^ (i % 11 == 3)] for i in range(20_000))
    assert automaton.search(value) is False
    assert automaton.steps <= len(value) + 1
    assert automaton.states <= 2_000
    assert automaton.search(value + "a" + "b" * 14 + "c") is True


def test_no_automaton_stands_for_back_references_and_atomic_groups() -> None:
    for source in (r"(a)\1", "(a)?(?(1)b|c)", "(?>a+)b", "a++b"):
        assert LinearRegex.build(source, 0) is None


@settings(max_examples=100, deadline=None)
@given(EXPRESSIONS, st.sampled_from([r"(\w)%s\1", "(a)?%s(?(1)b|c)", "(?>a+)%s", "%s[ab]++", "%s"]), VALUES, FLAGS)
def test_a_relaxed_automaton_is_found_wherever_the_expression_is(
    inner: str, frame: str, values: list[str], flags: int
) -> None:
    source = frame % inner
    pattern = plain(source, flags)
    automaton = LinearRegex.build(source, flags, relaxed=True)
    assert automaton is not None
    for value in values:
        assert automaton.search(value) or pattern.search(value) is None


def test_an_expression_of_fifty_kilobytes_is_followed_too() -> None:
    source = "|".join(f"w{i:05d}x" for i in range(7_000))
    automaton = LinearRegex.build(source, 0)
    assert automaton is not None
    assert automaton.search("w0000 " * 1_000 + "w06999x")
    assert not automaton.search("w0000 " * 1_000 + "w07000x")


def test_an_expression_that_is_too_large_has_no_automaton() -> None:
    assert LinearRegex.build("(?:a{1000}){1000}", 0) is None

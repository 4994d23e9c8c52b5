"""Patterns and regular expressions: the fast ways agree with the plain ones."""

import re
from fnmatch import translate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc.sigma.linear import LinearRegex
from soc.sigma.matchers import MANY, ONE, Regex, Wildcard
from soc.sigma.regex import is_risky, required_literals, simplify, unbounded
from soc.sigma.values import moment, number, text


@given(st.lists(st.sampled_from(["a", "b", "ab", MANY, ONE]), max_size=7), st.text("ab\n", max_size=9))
def test_a_wildcard_pattern_means_what_a_shell_pattern_means(parts: list[str | bool], value: str) -> None:
    kept = [p for i, p in enumerate(parts) if p is not MANY or i == 0 or parts[i - 1] is not MANY]
    shell = "".join("*" if p is MANY else "?" if p is ONE else str(p) for p in kept)
    assert Wildcard(tuple(kept)).test()(value, value, value) == (re.fullmatch(translate(shell), value) is not None)


EXPRESSIONS = st.recursive(
    st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\w", r"\s", "^", "$", r"\b", r"\A", r"\Z", "A"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda t: f"(?:{t[0]}|{t[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "*?", "{2,}"])).map(
            lambda t: f"({t[0]}){t[1]}"
        ),
    ),
    max_leaves=6,
)


@given(
    EXPRESSIONS,
    st.lists(st.text("abA \n", max_size=8), max_size=6),
    st.sampled_from([0, re.IGNORECASE, re.MULTILINE, re.DOTALL]),
)
def test_the_linear_search_finds_what_re_finds(source: str, values: list[str], flags: int) -> None:
    linear = LinearRegex.build(source, flags)
    assert linear is not None
    for value in values:
        assert linear.search(value) == (re.search(source, value, flags) is not None)


@given(
    EXPRESSIONS,
    st.text("abA \n", max_size=10),
    st.sampled_from([0, re.IGNORECASE, re.MULTILINE | re.DOTALL]),
    st.integers(1, 3),
)
def test_what_must_occur_occurs_wherever_an_expression_is_found(
    source: str, value: str, flags: int, shortest: int
) -> None:
    literals = required_literals(source, flags, shortest)
    if literals and re.search(source, value, flags):
        assert any(literal in value.casefold() for literal in literals)


@pytest.mark.parametrize(
    ("source", "literals"),
    [
        ("foo.*barbaz", ("barbaz",)),
        ("(?:cmd|powershell).x", ("cmd", "powershell")),
        ("(foo)?x", ()),
        ("(?i)Net User", ("net user",)),
        ("(?i)\u0130stanbul", ("stanbul",)),
        ("a+b+", ()),
        ("(?:ab|longer).+", ()),
    ],
)
def test_the_literals_that_an_expression_needs(source: str, literals: tuple[str, ...]) -> None:
    assert required_literals(source, 0, 3) == literals


@pytest.mark.parametrize(
    ("source", "risky"),
    [
        ("(a+)+$", True),
        ("(ab|b)*c", True),
        ("(?:x*y){9}", True),
        ("a.*b.*c", False),
        ("([0-9a-f]{2}){8,}", False),
        ("(?:a?b){3}", False),
    ],
)
def test_repetition_around_what_varies_is_risky(source: str, risky: bool) -> None:
    assert is_risky(source, 0) is risky


@pytest.mark.parametrize(
    ("source", "simple"), [(".*a.*", "a.*"), (".*?.*a", "a"), (".*+a", ".*+a"), (".*", ""), (r"\.*a", r"\.*a")]
)
def test_a_leading_star_is_dropped_where_it_says_nothing(source: str, simple: str) -> None:
    assert simplify(source) == simple


def test_no_automaton_stands_for_look_around_or_back_references() -> None:
    assert LinearRegex.build(r"(?<=a)b", 0) is None
    assert LinearRegex.build(r"(a)\1", 0) is None
    assert LinearRegex.build(r"(?:a{100}){100}", 0) is None


def test_numbers_and_times_of_any_kind_have_text_or_are_none() -> None:
    assert [text(v) for v in (True, 0, 1.0, 1.5, -1e300, 10**5000, b"x\xff", {"a": 1})][:4] == ["true", "0", "1", "1.5"]
    assert [number(v) for v in ("1e2", " 7 ", "0x7", "", "nan", float("inf"), True, None, [], "٣")] == [
        100,
        7,
        *[None] * 8,
    ]
    assert [moment(v) for v in ("", "x", None, True, 10**30, "9" * 40)] == [None] * 6


@given(st.one_of(st.integers(), st.floats(), st.text(), st.binary(), st.none(), st.booleans()))
def test_values_that_are_equal_keys_have_equal_text_but_for_booleans(value: object) -> None:
    assert isinstance(text(value), str)
    moment(value)
    if isinstance(value, float) and value.is_integer():
        assert text(value) == text(int(value))


@pytest.mark.parametrize(
    ("source", "count"),
    [("abc", 0), ("a.*b", 1), ("a.*b.*c.+d", 3), ("(?:a*|b*c*)d", 2), ("a{2,5}", 0), ("(?=a.*b)c*", 2)],
)
def test_unbounded_repetitions_are_counted(source: str, count: int):
    assert unbounded(source, 0) == count


@pytest.mark.parametrize("tail", ["zzz", "c.zzz"])
def test_several_unbounded_repetitions_find_the_same_in_short_and_long_values(tail: str):
    test = Regex("a.*b.*c.*zzz", 0).test()
    for filler in (10, 10_000):
        value = "a" + "b" * filler + "c" * filler + tail
        assert test(value, value, value.casefold())
        assert not test(value[:-1], value[:-1], value[:-1].casefold())

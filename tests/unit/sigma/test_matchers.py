"""Patterns and regular expressions: the fast ways agree with the plain ones."""

import re
from fnmatch import translate
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from soc.sigma.linear import LinearRegex
from soc.sigma.matchers import MANY, ONE, Wildcard
from soc.sigma.regex import folds_plainly, required_literals, simplify
from soc.sigma.values import moment, number, text


@given(st.lists(st.sampled_from(["a", "b", "ab", MANY, ONE]), max_size=7), st.text("ab\n", max_size=9))
def test_a_wildcard_pattern_means_what_a_shell_pattern_means(parts: list[str | bool], value: str) -> None:
    kept = [p for i, p in enumerate(parts) if p is not MANY or i == 0 or parts[i - 1] is not MANY]
    shell = "".join("*" if p is MANY else "?" if p is ONE else str(p) for p in kept)
    expected = re.fullmatch(translate(shell), value) is not None
    assert Wildcard(tuple(kept)).test()(value, value, value) == expected
    with patch("soc.sigma.matchers._MANY_ONES", 0):
        assert Wildcard(tuple(kept)).test()(value, value, value) == expected


def test_a_thousand_single_wildcards_are_followed_once_through_a_value() -> None:
    test = Wildcard((MANY, *[ONE] * 1_000, "x", MANY)).test()
    with patch.object(LinearRegex, "step", autospec=True, side_effect=LinearRegex.step) as step:
        value = "ab" * 100_000
        assert not test(value, value, value)
        assert test(value + "x", value + "x", value + "x")
    assert step.call_count <= 2_500


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


@given(
    EXPRESSIONS.map(lambda source: source.replace("b", "k").replace("\\k", "\\b")),
    st.text("abAkKsSi\u212a\u017f\u0130\u0131\u00df\u00e9 ", max_size=8),
    st.sampled_from([0, re.IGNORECASE]),
)
@example("k", "\u212a", re.IGNORECASE)
@example("a", "\u00e9A", re.IGNORECASE)
def test_what_must_occur_occurs_in_any_text_that_folds_plainly(source: str, value: str, flags: int) -> None:
    literals = required_literals(source, flags, 1)
    if literals and folds_plainly(value) and re.search(source, value, flags):
        assert any(literal in value.casefold() for literal in literals)


def test_no_other_letter_than_the_odd_ones_is_taken_for_an_ascii_one() -> None:
    all_of_them = "".join(map(chr, range(0x110000)))
    for letter in "abcdefghijklmnopqrstuvwxyz":
        taken = re.findall(letter, all_of_them, re.IGNORECASE)
        assert {char for char in taken if folds_plainly(char)} == {letter, letter.upper()}


def test_letters_that_re_alone_takes_for_ascii_ones_do_not_fold_plainly() -> None:
    assert [folds_plainly(text) for text in ("k", "\u1ec7", "\u00df", "\u212a", "x\u0131", "\u0130", "\u017f")] == [
        True
    ] * 3 + [False] * 4


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
    ("source", "simple"),
    [
        *((".*a.*", "a.*"), (".*?.*a", "a"), (".*+a", ".*+a"), (".*", ""), (r"\.*a", r"\.*a"), ("a*b", "a*b")),
        *(
            (r"\w+a", r"\wa"),
            ("[^a]+?b", "[^a]b"),
            (r"(?i)[\w-]*x", "(?i)x"),
            ("(?:.*)", "(?:.*)"),
            ("[]a]+b", "[]a]+b"),
        ),
    ],
)
def test_a_leading_repetition_is_dropped_where_it_says_nothing(source: str, simple: str) -> None:
    assert simplify(source) == simple


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

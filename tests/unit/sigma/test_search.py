"""A search answers as ``re`` does, and gives ``re`` only what it cannot take long over; the rest is counted."""

import re
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from soc.sigma.effort import Effort
from soc.sigma.search import REGEX_CAP, STEPS, TIMED, Search, lazily, tolls
from tests.unit.sigma.test_linear import EXPRESSIONS, FLAGS, VALUES, plain


def ask(search: Search, value: str) -> bool:
    return search(value, value.casefold())


@settings(max_examples=150, deadline=None)
@given(EXPRESSIONS, VALUES, FLAGS, st.sampled_from([STEPS, 60, 0]))
@example("a.*b.*c.*zzz", ["abczzz", "abc" * 30 + "zz"], 0, 60)
def test_a_search_finds_what_re_finds_whatever_way_it_goes(
    source: str, values: list[str], flags: int, steps: int
) -> None:
    pattern = plain(source, flags)
    with patch("soc.sigma.search.STEPS", steps):
        search = Search(source, flags)
        for value in values:
            assert ask(search, value) == (pattern.search(value) is not None)


class Watched:
    """Stands for ``re``'s search: notes what it is given."""

    def __init__(self, search: Search) -> None:
        self.given: list[str] = []
        self._real = search._backtrack
        search._backtrack = self  # type: ignore[assignment]

    def __call__(self, text: str) -> re.Match[str] | None:
        self.given.append(text)
        return self._real(text)


HOSTILE = ["a" * 60_000, "a b" * 20_000, "ab" * 30_000 + "\n", "abc" * 20_000 + "\u00e9", "a" * 40 + "!"]
CATASTROPHIC = [
    *(
        "(a+)+$",
        "(a|aa)+$",
        r"(\w+\s?)*!",
        "a.*b.*c.*d",
        "(x+x+)+y",
        "(.*)*z",
        "(?:a?){30}a{30}b",
        ".{0,99}.{0,99}.{0,99}z",
    ),
    *(r"(?<=a)\w+\s+\w+x", r"(\w+)\s\1\s\1x", r"(a+)+\1b", "(?>a+)+b", r"\s+$", "(?!(a+)+$)b", "a*a*a*a*a*b"),
]


@pytest.mark.parametrize("source", CATASTROPHIC)
def test_re_is_never_given_a_value_on_which_it_could_take_long(source: str) -> None:
    search = Search(source, 0)
    watched = Watched(search)
    effort = Effort(source, 0)
    for value in HOSTILE:
        ask(search, value)
        ask(search, "zzz" + value + source)
    for text in watched.given:
        assert effort.work(text, text.casefold()) <= STEPS or len(text) <= 18


def test_what_is_cut_is_counted_for_the_expression() -> None:
    search = Search(r"(\w+)-\1-tail-of-this-test", 0)
    toll = tolls[r"(\w+)-\1-tail-of-this-test", 0]
    assert ask(search, "ab-ab-tail-of-this-test")
    assert toll.cut == 0
    assert not ask(search, "x" * 100 + "-" * 70_000 + "ab-ab-tail-of-this-test"), "back-references see the begin only"
    assert toll.cut == 1
    assert not ask(search, "ab" * 40_000), "what cannot be there is no loss"
    assert toll.cut == 1


def test_a_long_value_is_cut_for_the_automaton_and_counted_if_something_repeats_without_a_bound() -> None:
    search = Search("a.*b.*c.*tail", 0)
    toll = tolls["a.*b.*c.*tail", 0]
    assert ask(search, "abc" * 20_000 + "tail")
    assert (toll.slow, toll.cut) == (1, 0)
    assert not ask(search, "abc" * 30_000 + "tail")
    assert (toll.slow, toll.cut) == (2, 1)
    assert ask(search, "abc" + "x" * 2 * REGEX_CAP + "tail"), "nothing is cut where backtracking has little to do"
    assert (toll.slow, toll.cut) == (2, 1)


def test_an_expression_that_repeats_nothing_without_a_bound_sees_all_of_a_value() -> None:
    search = Search("(?:[ab]{1,9}){1,5}tail", 0)
    assert ask(search, "ab" * REGEX_CAP + "tail")
    assert tolls["(?:[ab]{1,9}){1,5}tail", 0].cut == 0


def test_the_time_of_searches_is_estimated_from_one_in_some() -> None:
    search = Search("needle-of-time", 0)
    toll = tolls["needle-of-time", 0]
    with patch("soc.sigma.search.perf_counter", iter(range(1_000)).__next__):
        for _ in range(TIMED - 1):
            ask(search, "no")
        assert toll.seconds == 0
        ask(search, "no")
        assert toll.seconds == TIMED


def test_what_an_expression_cost_is_forgotten_with_it() -> None:
    search = Search("forgotten-with-it", 0)
    assert ("forgotten-with-it", 0) in tolls
    del search
    assert ("forgotten-with-it", 0) not in tolls


def test_what_is_no_expression_is_said_at_once() -> None:
    with pytest.raises(re.error):
        lazily("(", 0)

"""The bound on backtracking holds: no search looks at more characters than it says, counted by a plain backtracking search."""

import re
from collections.abc import Callable
from typing import Any

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from soc.sigma.effort import Effort
from soc.sigma.regex import REPEATS, one_character, parse, simplify, sre

Goes = Callable[[int], bool]


class TooManyError(Exception):
    """More looks than a test can wait for."""


class Backtracking:
    """Searches as ``re`` does without any of its short cuts, and counts the characters it looks at."""

    def __init__(self, source: str, flags: int, most: int = 200_000) -> None:
        self._tree = parse(simplify(source), flags)
        self._flags = flags
        self._most = most
        self.looks = 0

    def search(self, text: str) -> bool:
        self._text = text
        return any(self._row(list(self._tree), start, lambda _end: True) for start in range(len(text) + 1))

    def _look(self) -> None:
        self.looks += 1
        if self.looks > self._most:
            raise TooManyError

    def _row(self, items: list[tuple[Any, Any]], at: int, then: Goes) -> bool:
        if not items:
            return then(at)
        (op, av), rest = items[0], items[1:]
        follow: Goes = lambda end: self._row(rest, end, then)  # noqa: E731
        if op in REPEATS:
            return self._repeat(*av, at, follow, lazy=op is sre.MIN_REPEAT)
        if op is sre.SUBPATTERN:
            return self._row(list(av[3]), at, follow)
        if op is sre.BRANCH:
            return any(self._row(list(branch), at, follow) for branch in av[1])
        if op is sre.AT:
            self._look()
            source = {sre.AT_BEGINNING: "^", sre.AT_END: "$", sre.AT_BOUNDARY: r"\b"}[av]
            return re.compile(source, self._flags).match(self._text, at) is not None and follow(at)
        self._look()
        if at == len(self._text) or re.fullmatch(one_character(op, av), self._text[at], self._flags) is None:
            return False
        return follow(at + 1)

    def _repeat(self, low: int, high: Any, body: Any, at: int, follow: Goes, *, lazy: bool) -> bool:
        items = list(body)

        def round_(count: int, at: int) -> bool:
            def again() -> bool:
                return count < high and self._row(
                    items, at, lambda end: (end > at or count < low) and round_(count + 1, end)
                )

            if count < low:
                return again()
            return follow(at) or again() if lazy else again() or follow(at)

        return round_(0, at)


ATOMS = st.sampled_from(["a", "b", "ab", "aa", ".", "[ab]", "[^a]", r"\w", r"\s", "^", "$", r"\b", " ", "A"])
TAILS = st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "*?", "{2,}", "{0,2}", "+?", "{9}"])
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=4).map("".join),
        st.tuples(inner, inner).map(lambda t: f"(?:{t[0]}|{t[1]})"),
        st.tuples(inner, TAILS).map(lambda t: f"({t[0]}){t[1]}"),
        st.tuples(ATOMS.filter(lambda a: a not in ("^", "$", r"\b", "ab", "aa")), TAILS).map("".join),
    ),
    max_leaves=7,
)


@settings(max_examples=400, deadline=None)
@given(EXPRESSIONS, st.text("abA \n", max_size=14), st.sampled_from([0, re.IGNORECASE, re.DOTALL]))
@example("a.*b.*c.*d", "abc" * 8, 0)
@example("ab.*ab.*ab.*x", "ab" * 12, 0)
@example(r"a\s*b\s+$", "a b  " * 5, 0)
def test_no_search_looks_at_more_characters_than_the_bound_says(source: str, text: str, flags: int) -> None:
    effort = Effort(source, flags)
    assume(not effort.endless)
    plain = Backtracking(source, flags)
    try:
        found = plain.search(text)
    except TooManyError:
        found = None
    else:
        assert found == (re.search(source, text, flags) is not None), "the counting search is right"
    assert plain.looks <= 2 * effort.work(text, text.casefold()) + 2

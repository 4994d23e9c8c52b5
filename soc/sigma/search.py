"""An expression in, its search out: yes or no about a value, in a time that no value and no expression can stretch.

    literals that must occur ──missing──► no
             │ there
             ▼
    could backtracking do more than ``STEPS`` on this value? ──no──► re
             │ yes                        (soc.sigma.effort)
             ▼
    linear automaton (soc.sigma.linear) ──none: back-references …──► re on as much of the value as ``STEPS`` allow

All is built when it is first needed: most expressions of a rule set are never asked.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import Final
from weakref import WeakValueDictionary

from soc.sigma.effort import Effort
from soc.sigma.linear import LinearRegex
from soc.sigma.regex import all_required_literals, folds_plainly, required_literals, simplify

REGEX_CAP: Final = 65_536
"""Characters of a value that an expression sees which repeats something without a bound and which backtracking could be slow
on; the rest is cut off and counted. No field of a Windows event is longer."""
STEPS: Final = 3_000_000
"""Characters that backtracking may look at in one search, at the very most: about 30 ms."""
_LEAST: Final = 18
"""Characters that even an exponential expression sees: 2 to the power of this, times this, is about ``STEPS`` too."""
_SOUGHT: Final = 64
"""Alternative literals that are sought one by one before an expression is tried."""
TIMED: Final = 64
"""One search in so many is timed, and stands for the others."""


@dataclass(slots=True, weakref_slot=True)
class Toll:
    """What one expression has cost so far.

    Attributes:
        seconds: estimated from one search in ``TIMED``; searches on the automaton are all timed.
        slow: values on which backtracking could have taken too long, and did not run therefore.
        cut: values of which it did not see all.
    """

    seconds: float = 0.0
    slow: int = 0
    cut: int = 0


tolls: WeakValueDictionary[tuple[str, int], Toll] = WeakValueDictionary()
"""By expression and flags, as long as a rule set has them: for a metric."""


class Search:
    """The search of one expression."""

    __slots__ = ("_automata", "_backtrack", "_calls", "_effort", "_key", "_literal", "_literals", "_short", "_toll")

    def __init__(self, source: str, flags: int) -> None:
        self._key = (source, flags)
        source = simplify(source)
        self._backtrack = re.compile(source, flags).search
        needed = required_literals(source, flags, 1)
        sets = [needed, *(more for more in all_required_literals(source, flags) if more != needed)]
        sets = [literals for literals in sets if all(map(str.isascii, literals))]
        self._literal = [literals[0] for literals in sets if len(literals) == 1]
        self._literals = [literals for literals in sets if 1 < len(literals) <= _SOUGHT]
        self._effort = Effort(source, flags)
        self._short = self._effort.longest(STEPS)
        self._automata: tuple[LinearRegex | None, LinearRegex | None] | None = None
        self._calls = 0
        self._toll = tolls.setdefault(self._key, Toll())

    def __call__(self, text: str, folded: str) -> bool:
        """Whether it is found in ``text``, of which ``folded`` is the case-folded form."""
        self._calls += 1
        if self._calls % TIMED:
            return self._search(text, folded)
        toll, start = self._toll, perf_counter()
        slow = toll.slow
        found = self._search(text, folded)
        if toll.slow == slow:
            toll.seconds += TIMED * (perf_counter() - start)
        return found

    def _search(self, text: str, folded: str) -> bool:
        if folds_plainly(text):
            for literal in self._literal:
                if literal not in folded:
                    return False
            for literals in self._literals:
                if not _has(literals, folded):
                    return False
        if len(text) <= self._short or self._effort.work(text, folded) <= STEPS:
            return self._backtrack(text) is not None
        toll, start = self._toll, perf_counter()
        toll.slow += 1
        found = self._search_safely(text)
        toll.seconds += perf_counter() - start
        return found

    def _search_safely(self, text: str) -> bool:
        if not self._effort.bounded and len(text) > REGEX_CAP:
            self._toll.cut += 1
            text = text[:REGEX_CAP]
        if self._automata is None:
            exact = LinearRegex.build(*self._key)
            self._automata = (exact, None if exact else LinearRegex.build(*self._key, relaxed=True))
        exact, relaxed = self._automata
        if exact is not None:
            return exact.search(text)
        if relaxed is not None and not relaxed.search(text):
            return False
        length = max(self._short, _LEAST)
        if length < len(text) <= REGEX_CAP:
            self._toll.cut += 1
        return self._backtrack(text[:length]) is not None


def _has(literals: Iterable[str], folded: str) -> bool:
    return any(literal in folded for literal in literals)


def lazily(source: str, flags: int) -> Callable[[object, str, str], bool]:
    """A test (see ``soc.sigma.matchers``) that is built when it is first asked.

    Raises:
        re.error: at once, if it is no expression.
    """
    re.compile(simplify(source), flags)  # ``re`` remembers it
    search: Search | None = None

    def found(_value: object, text: str, folded: str) -> bool:
        nonlocal search
        if search is None:
            search = Search(source, flags)
        return search(text, folded)

    return found

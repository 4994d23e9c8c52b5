"""A regular expression in, a search in linear time out: yes or no, the same answer that ``re`` gives, for any value.

The expression becomes a set of places (Thompson's construction), one bit each, and all places that a text may have reached
are followed at once. What follows a set of places on a kind of character is remembered as a *state*, so that most
characters cost one look-up in a dictionary (a lazy deterministic automaton). Look-around is decided for every position of
the value first, by an automaton of its own (one that runs backwards for look-ahead), and is then a check like ``^``.
Only what is no regular expression in the strict sense cannot be followed so: back-references, atomic and conditional groups.
"""

from collections.abc import Sequence
from functools import reduce
from operator import getitem
from typing import Final

from soc.sigma.places import FINAL, Edge, Places, UnsupportedError, kind_of
from soc.sigma.regex import Tree, parse, simplify

_STATES: Final = 2_000
"""States that one expression remembers before it starts anew."""
_STATE_BITS: Final = 16_000_000
"""The same in bits, one for each place of each state: 2 MB."""
_LEAST: Final = 8
"""The same, however many places they have."""

_Key = tuple[int, Edge]
_Mark = str | tuple[str, int]
"""What a step looks at: the class of the next character, with the look-around that holds there if the expression has any."""

_LAST: Final = "\0"
"""Class of a line feed that ends the value: ``$`` holds before it."""
_END: Final = "\1"
"""Class of the end of the value."""


class LinearRegex:
    """An expression as an automaton; ``search`` tells whether it is found anywhere in a value.

    Attributes:
        steps: transitions computed so far (not looked up): what hostile values make it work.
    """

    def __init__(
        self, tree: Tree, flags: int, *, backwards: bool = False, stop: bool = True, relaxed: bool = False
    ) -> None:
        """``backwards``: follow it from the end of a value; ``stop``: at the first match; ``relaxed``: see ``build``."""
        self._places = Places(tree, flags, backwards=backwards, relaxed=relaxed)
        self._backwards = backwards
        self._stop = stop
        self._around = [
            (LinearRegex(a.tree, a.flags, backwards=a.ahead, stop=False), a.negated) for a in self._places.arounds
        ]
        self._classes: list[tuple[int, Edge]] = [(self._places.accepting("\n"), Edge.LAST), (0, Edge.OUTSIDE)]
        self._numbers = {one: i for i, one in enumerate(self._classes)}
        self._class_of = _Classes(self)
        self._room = max(_LEAST, min(_STATES, _STATE_BITS // self._places.count))
        self._states: dict[tuple[_Key, bool], _State] = {}
        self._start = self._state((0, Edge.OUTSIDE), hit=False)
        self.steps = 0

    @classmethod
    def build(cls, source: str, flags: int, *, relaxed: bool = False) -> "LinearRegex | None":
        """The automaton, or None if the expression cannot be one or is too large.

        Args:
            relaxed: where it cannot be one, build one that is found wherever the expression is, and elsewhere too: a
                back-reference stands for any text, look-around always holds.

        Raises:
            re.error: if it is no expression.
        """
        tree = parse(simplify(source), flags)
        try:
            return cls(tree, tree.state.flags, relaxed=relaxed)
        except (UnsupportedError, RecursionError):
            return None

    @property
    def states(self) -> int:
        """States remembered now."""
        return len(self._states)

    def search(self, value: str) -> bool:
        """Whether it is found. Takes time in proportion to the value's length, whatever the value is."""
        return reduce(getitem, self._marks(value), self._start).hit

    def hits(self, value: str) -> list[bool]:
        """For each position from 0 to the length: whether a match ends there (begins there, if it runs backwards)."""
        state = self._start
        hits: list[bool] = []
        for mark in self._marks(value):
            state = state[mark]
            hits.append(state.hit)
        return hits[::-1] if self._backwards else hits

    def _marks(self, value: str) -> Sequence[_Mark]:
        """One mark for each position, in the order in which the automaton goes through them."""
        ends = value.endswith("\n") and self._places.looks
        classes = (value[:-1] if ends else value).translate(self._class_of) + (_LAST + _END if ends else _END)
        if self._backwards:
            # Seen from the end, position i lies behind character i and before character i - 1.
            classes = classes[-2::-1] + _END
        if not self._around:
            return classes
        held = [0] * len(classes)
        for bit, (automaton, negated) in enumerate(self._around):
            for at, hit in enumerate(automaton.hits(value)):
                held[at] |= (hit is not negated) << bit
        return list(zip(classes, reversed(held) if self._backwards else held, strict=True))

    def class_of(self, char: str) -> str:
        """The class of a character: all that no part of the expression tells apart are one."""
        one = (self._places.accepting(char), kind_of(char) if self._places.looks else Edge.OTHER)
        number = self._numbers.setdefault(one, len(self._classes))
        if number == len(self._classes):
            self._classes.append(one)
        return chr(number)

    def step(self, state: "_State", mark: _Mark) -> "_State":
        """The state after one more character, or the end."""
        self.steps += 1
        name, held = mark if isinstance(mark, tuple) else (mark, 0)
        mask, edge = self._classes[ord(name)]
        places, behind = state.key
        reached = self._places.reached(places, (edge, behind, held) if self._backwards else (behind, edge, held))
        hit = bool(reached & FINAL)
        if hit and self._stop:
            return _FOUND
        if len(self._states) >= self._room:
            for old in self._states.values():
                old.clear()  # they refer to each other in circles, which else wait for the garbage collector
            self._start.clear()
            state.clear()
            self._states = {(self._start.key, False): self._start}
        state[mark] = after = self._state((reached & mask, edge), hit=hit)
        return after

    def _state(self, key: _Key, *, hit: bool) -> "_State":
        state = self._states.get((key, hit))
        if state is None:
            state = self._states[key, hit] = _State(self, key, hit=hit)
        return state


class _Classes(dict[int, str]):
    """Character → its class, for ``str.translate``."""

    def __init__(self, automaton: LinearRegex) -> None:
        super().__init__()
        self._automaton = automaton

    def __missing__(self, code: int) -> str:
        if len(self) > 4_096:
            self.clear()
        self[code] = name = self._automaton.class_of(chr(code))
        return name


class _State(dict[_Mark, "_State"]):
    """A set of places, and the states that follow it, as far as some value went there."""

    __slots__ = ("_automaton", "hit", "key")

    def __init__(self, automaton: LinearRegex, key: _Key, *, hit: bool) -> None:
        super().__init__()
        self._automaton = automaton
        self.key = key
        self.hit = hit

    def __missing__(self, mark: _Mark) -> "_State":
        return self._automaton.step(self, mark)


class _Found(_State):
    """Found: nothing that follows changes it."""

    __slots__ = ()

    def __init__(self) -> None:
        self.hit = True

    def __missing__(self, mark: _Mark) -> "_State":
        return self


_FOUND: Final = _Found()

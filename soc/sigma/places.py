r"""An expression's parse tree in, its places out: which characters each takes, and which places follow a set of places.

A place is a bit of an integer, so that a set of places is one number and what follows it takes a few operations on it:
a shift for those followed by their neighbour (literals), one test for each group of places that go on to the same others.
What may follow can depend on the position (``^``, ``\\b``, look-around); there is one table for each context that occurs.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from soc.sigma.regex import REPEATS, Tree, one_character, sre

FINAL: Final = 1
"""The bit of the place behind the whole expression."""
_MOST: Final = 60_000
"""Places of one expression; a longer one is left to ``re``."""
_MOST_BITS: Final = 250_000_000
"""Places times places that take no character: what the closure of a table costs, in bits."""
_TABLES: Final = 256


class UnsupportedError(Exception):
    """The expression needs more than a finite automaton, or too large a one."""


class Edge(IntEnum):
    r"""What stands beside a position, as far as ``^ $ \\A \\Z \\b \\B`` tell characters apart."""

    OUTSIDE = 0
    LINE = 1
    LAST = 2
    """A line feed that ends the value."""
    WORD = 3
    FOREIGN_WORD = 4
    """A word character beyond ASCII."""
    OTHER = 5


Context = tuple[Edge, Edge, int]
"""What is before a position, what is behind it, and a bit for each look-around that holds there."""
_Check = Callable[[Context], bool]
_Table = tuple[int, int, int, list[tuple[int, int]]]
"""Places reached at the start; places followed by themselves; by their lower neighbour; (places, others that follow them)."""

_WORD: Final = re.compile(r"\w")


def kind_of(char: str) -> Edge:
    """What a character is beside a position."""
    if char == "\n":
        return Edge.LINE
    if _WORD.match(char) is None:
        return Edge.OTHER
    return Edge.WORD if char.isascii() else Edge.FOREIGN_WORD


@dataclass(frozen=True, slots=True)
class Around:
    """A look-around: an expression of its own, sought at every position."""

    tree: Tree
    flags: int
    ahead: bool
    negated: bool


@dataclass(slots=True)
class _Node:
    """One state of Thompson's construction: takes a character (its place is ``bit``), or goes on if ``check`` holds."""

    next: list[int]
    bit: int = -1
    check: _Check | None = None


class Places:
    r"""The places of an expression.

    Attributes:
        count: how many there are, the final one included.
        looks: whether ``^``, ``$`` or ``\\b`` occur, so that kinds of characters matter.
        arounds: look-arounds, in the order of their bits in a context.
    """

    def __init__(self, tree: Tree, flags: int, *, backwards: bool, relaxed: bool) -> None:
        """``backwards``: to be followed from the end of a text to its start; ``relaxed``: see ``LinearRegex.build``."""
        self._relaxed = relaxed
        self.count = 1
        self.looks = False
        self.arounds: list[Around] = []
        self._backwards = backwards
        self._nodes: list[_Node] = [_Node([], bit=0)]
        self._acceptors: dict[tuple[str, int], tuple[Callable[[str], Any], list[int]]] = {}
        self._first = self._sequence(tree, flags, 0)
        self._masks = [(accepts, sum(1 << bit for bit in bits)) for accepts, bits in self._acceptors.values()]
        self._tables: dict[Context, _Table] = {}

    def accepting(self, char: str) -> int:
        """The places that take a character."""
        return sum(mask for accepts, mask in self._masks if accepts(char) is not None)

    def reached(self, places: int, context: Context) -> int:
        """The places that may be next after ``places`` have taken a character, or at the start of a match here."""
        key = context if self.looks or self.arounds else _ANYWHERE
        table = self._tables.get(key)
        if table is None:
            if len(self._tables) >= _TABLES:
                self._tables.clear()
            table = self._tables[key] = self._table(key)
        start, loops, chain, groups = table
        reached = start | (places & loops) | ((places & chain) >> 1)
        for some, others in groups:
            if places & some:
                reached |= others
        return reached

    def _table(self, context: Context) -> _Table:
        closures = self._closures(context)
        loops = chain = 0
        groups: dict[int, int] = {}
        for node in self._nodes:
            if node.bit < 1:
                continue
            own = 1 << node.bit
            others = self._after(node, closures)
            if others & own:
                loops |= own
            if others & (own >> 1):
                chain |= own
            others &= ~(own | own >> 1)
            if others:
                groups[others] = groups.get(others, 0) | own
        start = closures.get(self._first, 0) if self._nodes[self._first].bit < 0 else 1 << self._nodes[self._first].bit
        return start, loops, chain, [(some, others) for others, some in groups.items()]

    def _closures(self, context: Context) -> dict[int, int]:
        """For each node that takes no character, the places reached from it without taking one."""
        idle = [i for i, node in enumerate(self._nodes) if node.bit < 0]
        closures = dict.fromkeys(idle, 0)
        # A node goes on to nodes made before it, but for loops: so this settles in a few rounds.
        changed = True
        while changed:
            changed = False
            for i in idle:
                node = self._nodes[i]
                if node.check is None or node.check(context):
                    after = self._after(node, closures)
                    if after != closures[i]:
                        closures[i] = after
                        changed = True
        return closures

    def _after(self, node: _Node, closures: dict[int, int]) -> int:
        after = 0
        for i in node.next:
            bit = self._nodes[i].bit
            after |= closures[i] if bit < 0 else 1 << bit
        return after

    # Built against the direction of reading: each method takes where to go on and gives where to begin.

    def _node(self, following: list[int], check: _Check | None = None) -> int:
        self._nodes.append(_Node(following, check=check))
        if (len(self._nodes) - self.count) * self.count > _MOST_BITS:
            raise UnsupportedError
        return len(self._nodes) - 1

    def _place(self, op: Any, av: Any, flags: int, then: int) -> int:
        if self.count >= _MOST:
            raise UnsupportedError
        key = (one_character(op, av), flags & (re.IGNORECASE | re.DOTALL | re.ASCII))
        if key not in self._acceptors:
            # ``re`` itself is asked about each character, so that case and classes mean exactly what they mean there.
            self._acceptors[key] = (re.compile(*key).fullmatch, [])
        self._acceptors[key][1].append(self.count)
        self._nodes.append(_Node([then], bit=self.count))
        self.count += 1
        return len(self._nodes) - 1

    def _sequence(self, tree: Tree, flags: int, then: int) -> int:
        items = list(tree)
        for op, av in items if self._backwards else reversed(items):
            then = self._item(op, av, flags, then)
        return then

    def _item(self, op: Any, av: Any, flags: int, then: int) -> int:
        if op in (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN):
            return self._place(op, av, flags, then)
        if op is sre.AT:
            self.looks = True
            return self._node([then], _check_of(av, flags))
        if op is sre.SUBPATTERN:
            _group, added, removed, body = av
            return self._sequence(body, (flags | added) & ~removed, then)
        if op is sre.BRANCH:
            return self._node([self._sequence(branch, flags, then) for branch in av[1]])
        if op in REPEATS:
            return self._repeat(av[0], av[1], av[2], flags, then)
        if self._relaxed:
            return self._at_least(op, av, flags, then)
        if op in (sre.ASSERT, sre.ASSERT_NOT):
            direction, body = av
            held = 1 << len(self.arounds)
            self.arounds.append(Around(body, flags, ahead=direction > 0, negated=op is sre.ASSERT_NOT))
            return self._node([then], lambda context: bool(context[2] & held))
        if op is sre.FAILURE:
            return self._node([])
        raise UnsupportedError

    def _at_least(self, op: Any, av: Any, flags: int, then: int) -> int:
        """What is found wherever the node is: any text for a back-reference, an atomic group as a plain one."""
        if op is sre.GROUPREF:
            return self._repeat(0, sre.MAXREPEAT, [(sre.ANY, None)], flags | re.DOTALL, then)
        if op is sre.GROUPREF_EXISTS:
            return self._node([self._sequence(branch or [], flags, then) for branch in av[1:]])
        if op is sre.ATOMIC_GROUP:
            return self._sequence(av, flags, then)
        if op is sre.POSSESSIVE_REPEAT:
            return self._repeat(av[0], av[1], av[2], flags, then)
        return then

    def _repeat(self, low: int, high: Any, body: Tree, flags: int, then: int) -> int:
        if high is sre.MAXREPEAT:
            loop = self._node([then])
            self._nodes[loop].next.append(self._sequence(body, flags, loop))
            then = loop
        else:
            end = then
            for _ in range(high - low):
                then = self._node([self._sequence(body, flags, then), end])
        for _ in range(low):
            then = self._sequence(body, flags, then)
        return then


_ANYWHERE: Final[Context] = (Edge.OTHER, Edge.OTHER, 0)


_LINE_ENDS: Final = (Edge.OUTSIDE, Edge.LINE, Edge.LAST)


def _check_of(where: Any, flags: int) -> _Check:
    """Whether ``^``, ``$`` and the like hold in a context."""
    lines = bool(flags & re.MULTILINE)
    words = (Edge.WORD,) if flags & re.ASCII else (Edge.WORD, Edge.FOREIGN_WORD)
    if where is sre.AT_BEGINNING and lines:
        return lambda c: c[0] in _LINE_ENDS
    if where in (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING):
        return lambda c: c[0] is Edge.OUTSIDE
    if where is sre.AT_END and lines:
        return lambda c: c[1] in _LINE_ENDS
    if where is sre.AT_END:
        return lambda c: c[1] in (Edge.OUTSIDE, Edge.LAST)
    if where is sre.AT_END_STRING:
        return lambda c: c[1] is Edge.OUTSIDE
    if where is sre.AT_BOUNDARY:
        return lambda c: (c[0] in words) is not (c[1] in words)
    if where is sre.AT_NON_BOUNDARY:
        return lambda c: (c[0] in words) is (c[1] in words) and (_IN_EMPTY or c[:2] != (Edge.OUTSIDE, Edge.OUTSIDE))
    raise UnsupportedError


_IN_EMPTY: Final = re.search(r"\B", "") is not None
r"""Whether ``\B`` holds in the empty text: it does from Python 3.14 on."""

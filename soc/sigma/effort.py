r"""An expression in, an upper bound of the work out that backtracking (``re``) could do with it on a given value.

The expression is a row of parts with unbounded repetitions between them (``cmd.*&&.*set``). A way through it chooses where
each part begins, and a part begins at most as often as a literal of it occurs: the ways are at most the product of these
counts. So ``a.*b.*c`` costs nothing on a text with one ``b``, and a cube on one with thousands. A repetition that can end in
one place only (``\s*\d``: what comes next is none of its own) is no choice. Where something ambiguous is repeated, the ways
are exponential, and no value is short enough.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import takewhile
from math import inf
from typing import Any, Final

from soc.sigma.regex import REPEATS, folds_plainly, literals_of, one_character, parse, simplify, sre

_Items = Sequence[tuple[Any, Any]]
_CHARACTERS: Final = (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN)
_REPEATS: Final = (*REPEATS, sre.POSSESSIVE_REPEAT)
_UNKNOWN: Final[_Items] = [(sre.ANY, None)]
"""What follows, where that is not known: it may begin with anything."""
_BREAK: Final = (sre.AT, sre.AT_BEGINNING)
"""Stands in a part for what has no literal, so that those around it are not taken for neighbours."""
_ROUNDS: Final = 8
"""A bounded repetition of something ambiguous is written out up to so many rounds; beyond, it counts as exponential."""
_COUNTED: Final = 32
"""Alternative literals that are counted in a value; where there are more, their part may be anywhere."""
_MOST: Final = 1e15
_LONGEST: Final = 1 << 24
_SAMPLE: Final = "".join(map(chr, range(0x250))) + "\u0663\u2003\u2013\u3042\u212a\u1ec7"
"""Characters by which two classes are compared. A mistake beyond them makes the bound wrong, never an answer."""


@dataclass(slots=True)
class _Part:
    """What stands between two repetitions.

    Attributes:
        ways: in how many ways it can match at one place.
        width: characters that one way looks at.
        spread: by how many characters its length can differ.
        scans: unambiguous repetitions in it: one way may look at the whole value for each.
        items: its nodes as far as they stand at a known distance from its begin, to find a literal.
    """

    ways: float = 1
    width: float = 1
    spread: float = 0
    scans: int = 0
    items: list[tuple[Any, Any]] = field(default_factory=list[tuple[Any, Any]])


class _Row:
    """The parts of a row of nodes; see ``Effort`` for what its attributes mean."""

    def __init__(self, items: _Items, following: _Items) -> None:
        self.parts = [_Part()]
        self.endless = False
        self.bounded = True
        self._literal = True
        self._add(items, following)
        self.ways = 1.0
        for part in self.parts:
            self.ways = min(self.ways * part.ways, _MOST)
            self.endless |= part.ways >= _MOST
        self.width = sum(part.width for part in self.parts)
        self.spread = sum(part.spread for part in self.parts)
        self.scans = sum(part.scans for part in self.parts)
        self.choices = len(self.parts) - 1

    def _add(self, items: _Items, following: _Items) -> None:
        for i, (op, av) in enumerate(items):
            part = self.parts[-1]
            rest = [*items[i + 1 :], *following]
            if op in _CHARACTERS:
                part.width += 1
                self._note(op, av)
            elif op is sre.SUBPATTERN:
                self._add(list(av[3]), rest)
            elif op is sre.BRANCH:
                self._branch(av[1], op, av)
            elif op in _REPEATS:
                self._repeat(op, av, rest)
            elif op in (sre.ASSERT, sre.ASSERT_NOT):
                self._branch([av[1]])
            elif op is sre.ATOMIC_GROUP:
                self._add(list(av), rest)
            elif op is sre.AT:
                part.width += 1
            else:  # a reference back, or what depends on a group
                self.bounded = False
                part.scans += 1
                self._branch([branch for branch in av[1:] if branch] if op is sre.GROUPREF_EXISTS else [])

    def _note(self, op: Any, av: Any) -> None:
        part = self.parts[-1]
        if not part.scans:
            part.items.append((op, av) if self._literal else _BREAK)

    def _inner(self, items: Iterable[tuple[Any, Any]]) -> "_Row":
        row = _Row(list(items), _UNKNOWN)
        self.endless |= row.endless
        self.bounded &= row.bounded
        return row

    def _branch(self, branches: Iterable[Iterable[tuple[Any, Any]]], *node: Any) -> None:
        """Alternatives: their ways add up, and each repetition within one counts as one without a known end."""
        rows = [self._inner(branch) for branch in branches]
        choices = max((row.choices for row in rows), default=0)
        self._note(*(node if node and not choices else _BREAK))
        if rows:
            part = self.parts[-1]
            part.ways *= sum(row.ways for row in rows)
            part.width += sum(row.width for row in rows)
            part.spread += max(row.width + row.spread for row in rows)
            part.scans += sum(row.scans for row in rows)
            self.parts += [_Part() for _ in range(choices)]

    def _repeat(self, op: Any, av: Any, rest: _Items) -> None:
        low, high, body = av[0], av[1], list(av[2])
        unbounded = high is sre.MAXREPEAT
        self.bounded &= not unbounded
        inner = self._inner(body)
        if inner.ways > 1 or inner.choices:
            self._write_out(low, high, body, inner)
            return
        self._note(*((op, av) if low else _BREAK))
        part = self.parts[-1]
        part.scans += inner.scans * (low + 1 if unbounded else high)
        part.width += inner.width * low
        part.spread += inner.spread * low
        sure = not rest or _disjoint(body, rest)
        if unbounded and sure:
            part.scans += bool(rest)
        elif unbounded:
            self.parts.append(_Part())
        else:
            part.width += inner.width * (high - low)
            part.spread += (inner.width + inner.spread) * (high - low)
            part.ways *= 1 if sure else high - low + 1

    def _write_out(self, low: int, high: Any, body: _Items, inner: "_Row") -> None:
        """A repetition of something ambiguous: as often as it may be there at most."""
        if high is sre.MAXREPEAT or high > _ROUNDS:
            self.endless = True
            return
        part = self.parts[-1]
        part.ways *= high - low + 1
        part.spread += inner.width * (high - low)
        literal, self._literal = self._literal, False
        for _ in range(high):
            self._add(body, _UNKNOWN)
        self._literal = literal


class Effort:
    """The work of one expression.

    Attributes:
        endless: exponential: ``re`` must be given no value but the shortest.
        bounded: nothing repeats without a bound and nothing refers back: the work only grows with the value's length.
    """

    def __init__(self, source: str, flags: int) -> None:
        row = _Row(list(parse(simplify(source), flags)), [])
        self.endless = row.endless
        self.bounded = row.bounded
        self._parts = row.parts
        self._heads = [_head(part.items) for part in row.parts]
        self._literals = [
            [(literal, _occurrences(literal) * (1 + part.spread)) for literal in literals]
            if len(literals := literals_of(part.items)) <= _COUNTED and all(map(str.isascii, literals))
            else []
            for part in row.parts
        ]

    def longest(self, budget: float) -> int:
        """A length up to which no value at all can cost more than ``budget`` steps: 0, or a power of two."""
        length = 1
        while length < _LONGEST and not self.endless and self._work(length * 2, "") <= budget:
            length *= 2
        return length if length > 1 else 0

    def work(self, text: str, folded: str) -> float:
        """At most how many characters a search in this value looks at, one counted as often as it is looked at.

        Args:
            text: the value.
            folded: its case-folded form.
        """
        if self.endless:
            return inf
        return self._work(len(text), folded if folds_plainly(text) else "")

    def _work(self, length: int, folded: str) -> float:
        size = length + 1
        total, visits = 0.0, 1.0
        used: Counter[str] = Counter()
        for part, head, literals in zip(self._parts, self._heads, self._literals, strict=True):
            # Each visit looks for this part at every place, looks at all of it where its first characters are, ...
            begins = min(size, folded.count(head) * _occurrences(head)) if folded and head else size
            total += visits * (size * len(head) + begins * part.ways * (part.width + size * part.scans))
            # ... and goes on from those where it is.
            places: float = size
            if folded and literals:
                places = min(size, sum(folded.count(literal) * factor for literal, factor in literals))
                if len(literals) == 1 and literals[0][1] == 1:  # of equal parts in a row, the order is given
                    before, used[literals[0][0]] = used[literals[0][0]], used[literals[0][0]] + 1
                    places = max(0.0, places - before) / (before + 1)
            visits *= places * part.ways
        return total


def _head(items: _Items) -> str:
    """The literal that the part begins with, or "" (case-folding of what is not ASCII is not what ``re`` does)."""
    run = takewhile(lambda item: item[0] is sre.LITERAL and item[1] < 128, items)
    return "".join(chr(av) for _, av in run).casefold()


def _occurrences(literal: str) -> int:
    """How often a literal can occur where ``str.count`` counts one: it may overlap itself."""
    return len(literal) if literal[0] in literal[1:] else 1


def _disjoint(body: _Items, rest: _Items) -> bool:
    """Whether another round of ``body`` and what comes instead can never begin with the same character."""
    own, after = _first(body), _first(rest)
    return own is not None and after is not None and not own & after


def _first(items: Iterable[tuple[Any, Any]]) -> frozenset[str] | None:
    """The characters (of the sample, in any case) that a text of these may begin with; None if it may be empty, or is unknown."""
    found: frozenset[str] = frozenset()
    for op, av in items:
        if op is sre.AT:
            continue
        inner: frozenset[str] | None = None
        if op in _CHARACTERS:
            inner = _class(one_character(op, av))
        elif op is sre.SUBPATTERN:
            inner = _first(av[3])
        elif op is sre.BRANCH:
            inner = frozenset()
            for branch in av[1]:
                one = _first(branch)
                if one is None:
                    return None
                inner |= one
        elif op in _REPEATS:
            inner = _first(av[2])
        if inner is None:
            return None
        found |= inner
        if op not in _REPEATS or av[0]:
            return found
    return None


@lru_cache(maxsize=1024)
def _class(source: str) -> frozenset[str]:
    return frozenset(re.findall(source, _SAMPLE, re.IGNORECASE | re.DOTALL))

"""What one Sigma value asks of one event value: frozen, comparable matchers, each with its test.

A test is called with ``(value, text, folded)`` of a scalar that is neither missing nor null: the value itself, its text,
and its text case-folded (full Unicode folding). ``on_absent`` answers for a missing field or null.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Final, Literal

from soc.sigma.linear import LinearRegex
from soc.sigma.many import Ask, contains_any, ends_with_any, equals_any, in_any_network, starts_with_any
from soc.sigma.search import lazily
from soc.sigma.values import MISSING, moment, number

Test = Callable[[Any, str, str], bool]
Anchor = Literal["exact", "prefix", "suffix", "contains"]
Unit = Literal["minute", "hour", "day", "week", "month", "year"]
Op = Literal["eq", "neq", "gt", "gte", "lt", "lte"]

MANY: Final = True
"""``*`` in a pattern."""
ONE: Final = False
"""``?`` in a pattern: one character of the case-folded text."""

_OPS: dict[Op, Callable[[Any, Any], bool]] = {"eq": eq, "neq": ne, "gt": gt, "gte": ge, "lt": lt, "lte": le}


class Matcher:
    """The base: what a null or missing value means to it, and how to test any other."""

    __slots__ = ()

    def on_absent(self, value: Any) -> bool:
        """Whether it holds for ``None`` or ``MISSING``."""
        del value
        return False

    def test(self) -> Test:
        """The test for scalars that are there and not null."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Text(Matcher):
    """A literal: equal to, or at the start, the end or anywhere in the value.

    Attributes:
        text: case-folded unless ``cased``; never empty but for ``exact``.
    """

    text: str
    anchor: Anchor
    cased: bool = False

    def test(self) -> Test:
        """See ``Matcher``."""
        want = self.text
        cased: dict[Anchor, Test] = {
            "exact": lambda _v, t, _f: t == want,
            "prefix": lambda _v, t, _f: t.startswith(want),
            "suffix": lambda _v, t, _f: t.endswith(want),
            "contains": lambda _v, t, _f: want in t,
        }
        folded: dict[Anchor, Test] = {
            "exact": lambda _v, _t, f: f == want,
            "prefix": lambda _v, _t, f: f.startswith(want),
            "suffix": lambda _v, _t, f: f.endswith(want),
            "contains": lambda _v, _t, f: want in f,
        }
        return (cased if self.cased else folded)[self.anchor]


@dataclass(frozen=True, slots=True)
class Wildcard(Matcher):
    """A pattern with ``*`` or ``?`` inside.

    The literals between the stars are sought one after another: the leftmost place for each is always right, so the cost
    is linear where a ``.*`` regular expression would be quadratic.

    Attributes:
        parts: non-empty strings (case-folded unless ``cased``), MANY and ONE; no two MANY in a row.
    """

    parts: tuple[str | bool, ...]
    cased: bool = False

    def test(self) -> Test:
        """See ``Matcher``."""
        match = _sequence(self.parts)
        if self.cased:
            return lambda _v, t, _f: match(t)
        return lambda _v, _t, f: match(f)


_MANY_ONES: Final = 32
"""From so many ``?`` on, a pattern is followed in linear time: ``?`` a thousand times is tried a thousand characters deep."""


def _sequence(parts: tuple[str | bool, ...]) -> Callable[[str], bool]:
    if parts.count(ONE) >= _MANY_ONES:
        spelled = "".join(re.escape(p) if isinstance(p, str) else ".*" if p is MANY else "." for p in parts)
        automaton = LinearRegex.build(rf"\A{spelled}\Z", re.DOTALL)
        if automaton is not None:
            return automaton.search
    segments: list[list[str | bool]] = [[]]
    for part in parts:
        if part is MANY:
            segments.append([])
        else:
            segments[-1].append(part)
    patterns = [
        re.compile("".join(re.escape(p) if isinstance(p, str) else "." for p in s), re.DOTALL) for s in segments
    ]
    if len(patterns) == 1:
        whole = patterns[0]
        return lambda s: whole.fullmatch(s) is not None
    sizes = [sum(len(p) if isinstance(p, str) else 1 for p in s) for s in segments]
    finders = [_finder(s, p) for s, p in zip(segments, patterns, strict=True) if s]
    first, last = patterns[0], patterns[-1]
    head, tail = sizes[0], sizes[-1]
    inner = finders[(1 if head else 0) : len(finders) - (1 if tail else 0)]

    def match(s: str) -> bool:
        end = len(s) - tail
        if head > end or (head and first.match(s) is None) or (tail and last.match(s, end) is None):
            return False
        at = head
        for find in inner:
            at = find(s, at, end)
            if at < 0:
                return False
        return True

    return match


def _finder(segment: list[str | bool], pattern: re.Pattern[str]) -> Callable[[str, int, int], int]:
    """Finds the end of the segment's leftmost place in ``s[start:end]``, or -1."""
    if len(segment) == 1 and isinstance(segment[0], str):
        literal = segment[0]
        size = len(literal)

        def find_literal(s: str, start: int, end: int) -> int:
            at = s.find(literal, start, end)
            return at + size if at >= 0 else -1

        return find_literal

    def find_pattern(s: str, start: int, end: int) -> int:
        found = pattern.search(s, start, end)
        return found.end() if found else -1

    return find_pattern


@dataclass(frozen=True, slots=True)
class Regex(Matcher):
    """A regular expression, sought anywhere in the value; case matters unless it says ``i``.

    Attributes:
        source: as written, without leading and trailing ``.*``, which change nothing about whether it is found.
        flags: of ``re``.
    """

    source: str
    flags: int

    def test(self) -> Test:
        """See ``Matcher``."""
        return lazily(self.source, self.flags)


@dataclass(frozen=True, slots=True)
class Compare(Matcher):
    """A numeric comparison; text that is a decimal number counts as one."""

    op: Op
    number: float

    def test(self) -> Test:
        """See ``Matcher``."""
        compare, bound = _OPS[self.op], self.number

        def holds(value: Any, _text: str, _folded: str) -> bool:
            n = number(value)
            return n is not None and compare(n, bound)

        return holds


@dataclass(frozen=True, slots=True)
class TimePart(Matcher):
    """A part of a timestamp compared with a number; weeks are those of ISO 8601."""

    unit: Unit
    op: Op
    number: float

    def test(self) -> Test:
        """See ``Matcher``."""
        compare, bound, unit = _OPS[self.op], self.number, self.unit

        def holds(value: Any, _text: str, _folded: str) -> bool:
            at = moment(value)
            if at is None:
                return False
            part = at.isocalendar().week if unit == "week" else getattr(at, unit)
            return compare(part, bound)

        return holds


@dataclass(frozen=True, slots=True)
class Network(Matcher):
    """An address within a network; an IPv4-mapped IPv6 address is the IPv4 address it maps."""

    cidr: str

    def test(self) -> Test:
        """See ``Matcher``."""
        inside = in_any_network([self.cidr])
        return lambda _v, t, _f: inside(t)


@dataclass(frozen=True, slots=True)
class Networks(Matcher):
    """An address within any of many networks; see ``Network``."""

    cidrs: tuple[str, ...]

    def test(self) -> Test:
        """See ``Matcher``."""
        inside = in_any_network(self.cidrs)
        return lambda _v, t, _f: inside(t)


@dataclass(frozen=True, slots=True)
class Texts(Matcher):
    """Any of many literals; see ``Text``."""

    texts: tuple[str, ...]
    anchor: Anchor
    cased: bool = False

    def test(self) -> Test:
        """See ``Matcher``."""
        ask = _ANY_OF[self.anchor](self.texts)
        if self.cased:
            return lambda _v, t, _f: ask(t)
        return lambda _v, _t, f: ask(f)


_ANY_OF: Final[dict[Anchor, Callable[[Iterable[str]], Ask]]] = {
    "exact": equals_any,
    "prefix": starts_with_any,
    "suffix": ends_with_any,
    "contains": contains_any,
}


@dataclass(frozen=True, slots=True)
class Null(Matcher):
    """``field: null``: the field is missing or null; the empty string is neither."""

    def on_absent(self, value: Any) -> bool:
        """See ``Matcher``."""
        del value
        return True

    def test(self) -> Test:
        """See ``Matcher``."""
        return lambda _v, _t, _f: False


@dataclass(frozen=True, slots=True)
class Exists(Matcher):
    """``field|exists``: the field is there, be it null or empty."""

    wanted: bool

    def on_absent(self, value: Any) -> bool:
        """See ``Matcher``."""
        return (value is not MISSING) is self.wanted

    def test(self) -> Test:
        """See ``Matcher``."""
        wanted = self.wanted
        return lambda _v, _t, _f: wanted


@dataclass(frozen=True, slots=True)
class Present(Matcher):
    """``field: '*'``: any value that is not null, the empty string too."""

    def test(self) -> Test:
        """See ``Matcher``."""
        return lambda _v, _t, _f: True


@dataclass(frozen=True, slots=True)
class Reference(Matcher):
    """``field|fieldref``: compared with another field of the same event, without regard to case; evaluated by the event."""

    field: str
    starts: bool
    ends: bool

    def compare(self, own: str, other: str) -> bool:
        """Both case-folded."""
        if self.starts and self.ends:
            return other in own
        if self.starts:
            return own.startswith(other)
        return own.endswith(other) if self.ends else own == other

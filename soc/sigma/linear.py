"""A search in linear time for regular expressions that could stall a backtracking one.

It follows all places of the pattern at once (Thompson's construction), so its time is at most value length times pattern
size. Back-references and look-around cannot be followed so: such a pattern stays with ``re`` and capped values.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from soc.sigma.regex import REPEATS, Tree, parse, simplify, sre

_MAX_PLACES: Final = 2_000
_WORK: Final = 2_000_000
"""Value length times pattern places that one search may cost; longer values are cut."""
_CATEGORIES: Final[dict[Any, str]] = {
    sre.CATEGORY_DIGIT: r"\d",
    sre.CATEGORY_NOT_DIGIT: r"\D",
    sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_WORD: r"\w",
    sre.CATEGORY_NOT_WORD: r"\W",
}


class _UnsupportedError(Exception):
    """The pattern needs more than a finite automaton."""


@dataclass(slots=True)
class _Place:
    """One state: takes a character (``accepts``), passes on if ``check`` holds, or just passes on to ``next``."""

    next: list[int] = field(default_factory=list[int])
    accepts: Callable[[str], bool] | None = None
    check: Callable[[str, int], bool] | None = None


class LinearRegex:
    """A pattern as a non-deterministic automaton; ``search`` tells whether it is found anywhere in a value."""

    def __init__(self, places: list[_Place], start: int, final: int) -> None:
        self._places = places
        self._start = start
        self._final = final
        self._limit = _WORK // len(places)

    @classmethod
    def build(cls, source: str, flags: int) -> "LinearRegex | None":
        """The automaton, or None if the pattern cannot be one (look-around, back-references) or is too large."""
        builder = _Builder()
        tree = parse(simplify(source), flags)
        final = builder.place()
        try:
            start = builder.sequence(tree, tree.state.flags, final)
        except (_UnsupportedError, RecursionError):
            return None
        return cls(builder.places, start, final)

    def search(self, value: str) -> bool:
        """Whether it is found; a value longer than its work allows is cut."""
        value = value[: self._limit]
        places, final = self._places, self._final
        current: set[int] = set()
        for at in range(len(value) + 1):
            current.add(self._start)
            closed = self._close(current, value, at)
            if final in closed:
                return True
            if at == len(value):
                break
            char = value[at]
            current = set()
            for i in closed:
                place = places[i]
                if place.accepts is not None and place.accepts(char):
                    current.update(place.next)
        return False

    def _close(self, current: set[int], value: str, at: int) -> set[int]:
        places = self._places
        seen = set(current)
        stack = list(current)
        while stack:
            place = places[stack.pop()]
            if place.accepts is None and (place.check is None or place.check(value, at)):
                fresh = [n for n in place.next if n not in seen]
                seen.update(fresh)
                stack.extend(fresh)
        return seen


class _Builder:
    """Builds places backwards: each method takes where to go on and gives where to begin."""

    def __init__(self) -> None:
        self.places: list[_Place] = []

    def place(self, **parts: Any) -> int:
        if len(self.places) >= _MAX_PLACES:
            raise _UnsupportedError
        self.places.append(_Place(**parts))
        return len(self.places) - 1

    def sequence(self, tree: Tree, flags: int, then: int) -> int:
        for op, av in reversed(list(tree)):
            then = self._item(op, av, flags, then)
        return then

    def _item(self, op: Any, av: Any, flags: int, then: int) -> int:
        if op in (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN):
            return self.place(next=[then], accepts=_acceptor(op, av, flags))
        if op is sre.AT:
            return self.place(next=[then], check=_checker(av, flags))
        if op is sre.SUBPATTERN:
            _group, added, removed, body = av
            return self.sequence(body, (flags | added) & ~removed, then)
        if op is sre.BRANCH:
            return self.place(next=[self.sequence(branch, flags, then) for branch in av[1]])
        if op in REPEATS:
            low, high, body = av
            if high is sre.MAXREPEAT:
                loop = self.place()
                self.places[loop].next = [self.sequence(body, flags, loop), then]
                then = loop
            else:
                end = then
                for _ in range(high - low):
                    then = self.place(next=[self.sequence(body, flags, then), end])
            for _ in range(low):
                then = self.sequence(body, flags, then)
            return then
        raise _UnsupportedError


def _acceptor(op: Any, av: Any, flags: int) -> Callable[[str], bool]:
    """Asks ``re`` itself about each character once, so that case and classes mean exactly what they mean there."""
    if op is sre.ANY:
        source = "."
    elif op is sre.IN:
        source = _char_class(av)
    else:
        source = ("[^%s]" if op is sre.NOT_LITERAL else "%s") % re.escape(chr(av))
    relevant = flags & (re.IGNORECASE | re.DOTALL | re.ASCII)
    fullmatch = re.compile(source, relevant).fullmatch
    known: dict[str, bool] = {}

    def accepts(char: str) -> bool:
        answer = known.get(char)
        if answer is None:
            if len(known) > 4096:
                known.clear()
            answer = known[char] = fullmatch(char) is not None
        return answer

    return accepts


def _char_class(items: Iterable[tuple[Any, Any]]) -> str:
    parts = ["["]
    for op, av in items:
        if op is sre.NEGATE:
            parts.append("^")
        elif op is sre.LITERAL:
            parts.append(re.escape(chr(av)))
        elif op is sre.RANGE:
            parts.append(f"{re.escape(chr(av[0]))}-{re.escape(chr(av[1]))}")
        elif op is sre.CATEGORY and av in _CATEGORIES:
            parts.append(_CATEGORIES[av])
        else:
            raise _UnsupportedError
    return "".join([*parts, "]"])


def _checker(where: Any, flags: int) -> Callable[[str, int], bool]:
    source = {
        sre.AT_BEGINNING: "^",
        sre.AT_BEGINNING_STRING: r"\A",
        sre.AT_BOUNDARY: r"\b",
        sre.AT_NON_BOUNDARY: r"\B",
        sre.AT_END: "$",
        sre.AT_END_STRING: r"\Z",
    }.get(where)
    if source is None:
        raise _UnsupportedError
    match = re.compile(source, flags & (re.MULTILINE | re.ASCII)).match
    return lambda value, at: match(value, at) is not None

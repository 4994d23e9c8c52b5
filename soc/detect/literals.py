"""Literals sought anywhere in a text: a case-folded text in, what each literal found in it stands for out.

A few are sought one by one. More are sought by an automaton (Aho-Corasick), and, where the package ``hyperscan`` is installed,
by its vectorized search once so many characters went through the automaton that compiling for it pays.
"""

from collections.abc import Iterable
from typing import Any, Final, Protocol, cast

import ahocorasick

try:
    import hyperscan
except ImportError:  # no wheel for this machine: the automaton alone is slower on long texts, and finds the same
    hyperscan = None

FEW: Final = 12
"""Up to here, seeking literals one by one beats the automaton (measured: str.find about 1 ns a character, it 15 to 60)."""
WORTH: Final = 500
"""Characters per literal after which a database is compiled: compiling takes about 40 µs a literal, the automaton 60 ns a character."""
MOST: Final = 4_000
"""Literals beyond which compiling stalls the stream (0.15 s): they stay with the automaton."""
_LONG: Final = 400
"""Characters from which the automaton goes line by line."""
_LINES: Final = 16_384
_LINE_CHARACTERS: Final = 1_000_000


class _Automaton(Protocol):
    def iter(self, haystack: str) -> Iterable[tuple[int, list[Any]]]: ...


class Literals:
    """A set of literals, each with the items (opaque here) it stands for."""

    __slots__ = ("_automaton", "_database", "_items", "_left", "_line_room", "_lines", "_split")

    def __init__(self, items: dict[str, list[Any]]) -> None:
        """``items``: case-folded literal → items."""
        self._items = list(items.items())
        self._automaton: _Automaton | None = None
        self._database: Database | None = None
        self._left = WORTH * len(items) if hyperscan is not None and len(items) <= MOST else None
        self._split = not any("\n" in literal for literal in items)
        self._lines: dict[str, tuple[list[Any], ...]] = {}
        self._line_room = _LINE_CHARACTERS

    def prepare(self) -> None:
        """Make now what seeking would make once it pays."""
        if len(self._items) <= FEW or self._database is not None:
            return
        if self._left is not None:
            self._compile()
        if self._database is None and self._automaton is None:
            self._automaton = _automaton(self._items)

    def seek(self, folded: str, found: list[Any]) -> None:
        """Adds the items of each literal that is in the text, with repeats."""
        items = self._items
        if len(items) <= FEW:
            for literal, own in items:
                if literal in folded:
                    found += own
            return
        if self._database is not None:
            for i in self._database.scan(folded.encode("utf-8", "surrogatepass")):
                found += items[i][1]
            return
        automaton = self._automaton
        if automaton is None:
            automaton = self._automaton = _automaton(items)
        if len(folded) >= _LONG and self._split:
            self._seek_by_line(automaton, folded, found)
        else:
            for _, own in automaton.iter(folded):
                found += own
        if self._left is not None:
            self._left -= len(folded)
            if self._left < 0:
                self._compile()

    def _compile(self) -> None:
        self._left = None
        self._database = Database.of([literal.encode("utf-8", "surrogatepass") for literal, _ in self._items])

    def _seek_by_line(self, automaton: _Automaton, folded: str, found: list[Any]) -> None:
        """A long text line by line: its lines repeat (a script's, a dump of settings) even where the whole never does."""
        lines = self._lines
        for line in folded.split("\n"):
            hits = lines.get(line)
            if hits is None:
                hits = () if not line else tuple({id(own): own for _, own in automaton.iter(line)}.values())
                self._line_room -= len(line)
                if self._line_room < 0 or len(lines) >= _LINES:
                    lines.clear()
                    self._line_room = _LINE_CHARACTERS
                lines[line] = hits
            for own in hits:
                found += own


def _automaton(items: Iterable[tuple[str, list[Any]]]) -> _Automaton:
    automaton = cast("Any", ahocorasick).Automaton()
    for literal, own in items:
        automaton.add_word(literal, own)
    automaton.make_automaton()
    return cast("_Automaton", automaton)


class Database:
    """Literals compiled by hyperscan."""

    __slots__ = ("_scan",)

    def __init__(self, database: Any) -> None:
        self._scan = database.scan

    @classmethod
    def of(cls, literals: list[bytes], *, caseless: bool = False) -> "Database | None":
        """The database, or None where the package is missing or refuses them.

        Args:
            literals: not empty, each not empty.
            caseless: ASCII letters are found in either case.
        """
        if hyperscan is None:
            return None
        package = cast("Any", hyperscan)
        flags = package.HS_FLAG_SINGLEMATCH | (package.HS_FLAG_CASELESS if caseless else 0)
        database = package.Database(mode=package.HS_MODE_BLOCK)
        try:
            database.compile(
                expressions=literals,
                ids=list(range(len(literals))),
                elements=len(literals),
                flags=flags,
                literal=True,
            )
        except package.HyperscanError:  # a literal longer than it takes, say
            return None
        return cls(database)

    def scan(self, data: bytes | bytearray) -> list[int]:
        """The numbers of the literals that are in the data, each once."""
        found: list[int] = []
        if data:  # it takes no empty text
            self._scan(data, _note, 0, found)
        return found


def _note(number: int, _start: int, _end: int, _flags: int, found: list[int]) -> None:
    found.append(number)

"""The syntax tree of the query language (``soc.store.query`` describes it): what the parser makes and every store reads."""

from typing import Literal, NamedTuple

from soc.clock import Micros
from soc.errors import SocError

Operator = Literal["<", "<=", ">", ">="]


class QueryError(SocError):
    """A query cannot be read.

    Attributes:
        text: the query.
        position: 0-based index of the character it fails at.
        reason: what is wrong and what to write instead.
    """

    def __init__(self, text: str, position: int, reason: str) -> None:
        super().__init__(f"character {position + 1}: {reason}")
        self.text = text
        self.position = position
        self.reason = reason


class All(NamedTuple):
    """Matches every document: the empty query."""


class Phrase(NamedTuple):
    """Words that follow one another within one value; ``prefix``: the last one is only a beginning.

    Attributes:
        words: from ``tokens``.
        folded: no word has diacritics, so the values' are ignored too.
    """

    words: tuple[str, ...]
    folded: bool
    prefix: bool = False


class Field(NamedTuple):
    """A field has this value. ``pattern`` is ``normal`` text in parts: str is literal, ``*`` and ``?`` stand as wildcards."""

    name: str
    pattern: tuple[tuple[bool, str], ...]
    """(is it a wildcard, text) in order."""


class Comparison(NamedTuple):
    """A field's value compared with a number or with a time.

    Attributes:
        number: what was written, as a number; None if it is none.
        times: the half-open interval of a time as written (``2026-11`` is a month); None if it is none.
    """

    name: str
    operator: Operator
    number: float | None
    times: tuple[Micros, Micros] | None


class Exists(NamedTuple):
    """The field is there and is neither null nor an empty list."""

    name: str


class Not(NamedTuple):
    """The inner query does not match."""

    query: "Query"


class And(NamedTuple):
    """All of them match."""

    queries: tuple["Query", ...]


class Or(NamedTuple):
    """Any of them matches."""

    queries: tuple["Query", ...]


Query = All | Phrase | Field | Comparison | Exists | Not | And | Or

"""The query box of a page: what was typed in, the query with the page's filters out, or the mistake to show beside it."""

from typing import NamedTuple

from aiohttp import web

from soc.console.context import visitor_of
from soc.store.query import All, And, Field, Not, Or, Query, QueryError, parse
from soc.store.words import normal

NOTHING_TYPED = {"kind": "", "verdict": "", "reason": "", "text": "", "owner": ""}
"""What the forms of an act hold before anything is typed."""


class Asked(NamedTuple):
    """What was asked.

    Attributes:
        text: as typed.
        query: the typed query; everything while there is a mistake in it.
        mistake: what is wrong, "" if nothing is.
        position: where, 0-based.
    """

    text: str
    query: Query
    mistake: str
    position: int

    @property
    def shown(self) -> dict[str, str | int]:
        """What a page shows of it."""
        return {"text": self.text, "mistake": self.mistake, "position": self.position}


def asked(request: web.Request) -> Asked:
    """The query box's content, times read in the console's zone."""
    text = request.query.get("q", "")
    try:
        return Asked(text, parse(text, zone=visitor_of(request).texts.zone), "", 0)
    except QueryError as error:
        return Asked(text[:4096], All(), error.reason, error.position)


def is_(name: str, value: str) -> Query:
    """A field has exactly this value."""
    return Field(name, ((False, normal(value)),))


def any_of(name: str, values: tuple[str, ...]) -> Query:
    """A field has one of these values."""
    return Or(tuple(is_(name, value) for value in values))


def is_not(name: str, value: str) -> Query:
    """A field does not have this value."""
    return Not(is_(name, value))


def both(*queries: Query) -> Query:
    """All of these, without what matches everything anyway."""
    parts = tuple(query for query in queries if not isinstance(query, All))
    return And(parts) if len(parts) > 1 else parts[0] if parts else All()

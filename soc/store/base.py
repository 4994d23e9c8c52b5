"""The store port: documents that can be found again. It is a view: everything in it can be regenerated from the bus.

Only the index stage writes. A write names the document's version; an older or equal version changes nothing, so repeating
any write, in any order, gives the same store.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from soc.clock import Micros
from soc.store.query import Query

Kind = Literal[
    "event", "alert", "incident", "report", "deadletter", "answer", "audit", "silence", "directive", "notice"
]


class Document(NamedTuple):
    """One document.

    Attributes:
        kind: which view it belongs to.
        id: unique within the kind.
        version: the fold's sequence for alerts and incidents, the transition's for reports, 1 for what never changes.
        time: what it is sorted by and what retention goes by: event time, first seen, or when it came to be.
        fields: flat JSON: names with dots, values str, int, float, bool, None or lists of these. What is searched.
        body: the whole thing as JSON for pages, when it has more than ``fields``; else {}.
    """

    kind: Kind
    id: str
    version: int
    time: Micros
    fields: Mapping[str, Any]
    body: Mapping[str, Any] = {}


class Refusal(NamedTuple):
    """One document the store would not take, and why; the rest of its batch went in."""

    document: Document
    reason: str


class Page(NamedTuple):
    """One page of a search, newest first (time, then id, both descending).

    Attributes:
        after: pass it on to get the next page; None on the last.
        total: how many match, counted up to ``total_limit`` (10,000): a larger number means "at least".
    """

    documents: Sequence[Document]
    after: tuple[Micros, str] | None
    total: int


class StoreHealth(NamedTuple):
    """How the store is, for people.

    Attributes:
        state: ``green``: well. ``yellow``: it works, and something should be looked at (copies are missing, the disk is nearly
            full). ``red``: a part of it is missing: writes to that part and every search of that kind wait and fail until a person
            mends it or the cluster brings it back. ``slow``: it answers late. ``away``: nobody answers, or it refuses us.
        detail: one line with what is meant: file, indices, seconds, sizes.
        advice: what to do; "" when there is nothing to do.
    """

    state: Literal["green", "yellow", "red", "slow", "away"]
    detail: str
    advice: str


class Store(Protocol):
    """What search, the console and the API read."""

    async def write(self, documents: Sequence[Document]) -> Sequence[Refusal]:
        """Upsert by (kind, id), if the version is newer. Durable when it returns.

        Raises:
            UnavailableError: nothing or only a part was written; the caller repeats the whole batch.
        """
        ...

    async def get(self, kind: Kind, id: str) -> Document | None:  # noqa: A002
        """One document, or None."""
        ...

    async def get_many(self, kind: Kind, ids: Sequence[str]) -> Mapping[str, Document]:
        """Those of ``ids`` that exist."""
        ...

    async def search(
        self,
        kind: Kind,
        query: Query,
        *,
        limit: int = 50,
        after: tuple[Micros, str] | None = None,
        since: Micros | None = None,
        until: Micros | None = None,
    ) -> Page:
        """Documents that match, newest first."""
        ...

    async def counts(self, kind: Kind, query: Query, field: str, *, limit: int = 20) -> Sequence[tuple[str, int]]:
        """The most frequent values of a field among the matches, most frequent first."""
        ...

    async def clear(self) -> None:
        """Empty every view (``soc store rebuild`` then replays the bus into it)."""
        ...

    async def delete_before(self, kind: Kind, time: Micros) -> int:
        """Retention: drop documents older than ``time``; returns how many."""
        ...

    async def health(self) -> StoreHealth:
        """How it is; asks for at most 5 seconds and never raises ``UnavailableError``: being away is an answer here."""
        ...

    async def close(self) -> None:
        """Free what it holds."""
        ...

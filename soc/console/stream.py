"""What changed in the store, for pages that stay open: the newest documents' versions in, changes since the last look out."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from soc.clock import SECOND, Clock, Micros
from soc.errors import UnavailableError
from soc.store.base import Document, Kind, Store
from soc.store.query import All

MAX_CLIENTS = 64
NEWEST: Mapping[Kind, int] = {"alert": 200, "incident": 50, "report": 50}
"""How many of the newest are watched: what a queue's first pages show. Older ones change on the next load of a page."""


class Change(NamedTuple):
    """One document that is new or has a new version."""

    kind: Kind
    id: str
    version: int
    document: Document


class Stream:
    """One look at the store a second however many pages are open."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = asyncio.Lock()
        self._looked: Micros = 0
        self._documents: Mapping[tuple[Kind, str], Document] = {}
        self.clients = 0
        self.stopping = asyncio.Event()

    async def documents(self) -> Mapping[tuple[Kind, str], Document]:
        """The newest documents by (kind, id), at most a second old; the last known ones while the store is away."""
        async with self._lock:
            now = self._clock()
            if not 0 <= now - self._looked < SECOND:
                try:
                    pages = [await self._store.search(kind, All(), limit=limit) for kind, limit in NEWEST.items()]
                except UnavailableError:
                    return self._documents
                self._documents = {(found.kind, found.id): found for page in pages for found in page.documents}
                self._looked = now
        return self._documents

    async def wait(self, seconds: float) -> None:
        """Sleep, but not past the end of the console."""
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return


def changes(seen: dict[tuple[Kind, str], int], documents: Mapping[tuple[Kind, str], Document]) -> Sequence[Change]:
    """What is not yet in ``seen``, which is brought up to date; oldest first."""
    out = [
        Change(kind, id_, document.version, document)
        for (kind, id_), document in documents.items()
        if seen.get((kind, id_)) != document.version
    ]
    seen.clear()
    seen.update({key: document.version for key, document in documents.items()})
    return sorted(out, key=lambda change: (change.document.time, change.id))

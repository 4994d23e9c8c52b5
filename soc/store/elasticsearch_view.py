"""Search requests in, hits out: whole answers only, of one state of the indices, with what this process wrote in it."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from soc.errors import UnavailableError
from soc.store.base import Kind
from soc.store.elasticsearch_client import Requests, reason_of
from soc.store.elasticsearch_document import TERMS
from soc.store.elasticsearch_query import Clause

SEARCH_SECONDS = 20.0
_TOO_LONG = f"the search took longer than {SEARCH_SECONDS:.0f} s: narrow it by time or by a word"
KEEP_ALIVE = "1m"
NEWEST_FIRST = [{"soc.time": "desc"}, {"soc.id": "desc"}]


class View:
    """The reading half of the store.

    Args:
        unseen: indices with writes of this process that no search may have seen; emptied here.
    """

    def __init__(self, requests: Requests, unseen: set[str], prefix: str) -> None:
        self._requests = requests
        self._unseen = unseen
        self._prefix = prefix
        self._tries = requests.patience.read_tries

    def index(self, kind: Kind, month: str) -> str:
        """The name of a month's index; ``*`` for all of a kind."""
        return f"{self._prefix}-{kind}s-{month}"

    async def show(self, kind: Kind) -> None:
        """Make what this object wrote visible to its next search."""
        start = self.index(kind, "")
        for name in [name for name in self._unseen if name.startswith(start)]:
            self._unseen.discard(name)
            try:
                await self._requests.send(
                    lambda client, name=name: client.indices.refresh(index=name, ignore_unavailable=True)
                )
            except UnavailableError:
                self._unseen.add(name)
                raise

    async def search(self, kind: Kind, *, index: str = "", **asked: Any) -> Mapping[str, Any]:
        """One search; never a part of the answer only.

        Raises:
            UnavailableError: a shard is missing, or it took too long.
        """
        await self.show(kind)
        place: dict[str, Any] = {"index": index or self.index(kind, "*"), "ignore_unavailable": True}
        return await self.ask({**place, "allow_partial_search_results": False, **asked})

    async def ask(self, asked: dict[str, Any]) -> Mapping[str, Any]:
        """One search as it is written; see ``search``."""
        wanted = {name: value for name, value in asked.items() if value is not None}
        if "source" not in wanted:
            wanted["source_excludes"] = TERMS
        answer = await self._requests.send(
            lambda client: client.search(**wanted, timeout=f"{SEARCH_SECONDS:.0f}s"), tries=self._tries
        )
        if answer["timed_out"]:
            raise UnavailableError(_TOO_LONG)
        return answer.body

    async def read(self, places: list[dict[str, str]]) -> list[Mapping[str, Any]]:
        """Those of the (index, ``_id``) that exist; what is written is read at once, without any refresh."""
        answer = await self._requests.send(
            lambda client: client.mget(docs=places, source_excludes=TERMS), tries=self._tries
        )
        found: list[Mapping[str, Any]] = []
        for item in answer["docs"]:
            if item.get("found"):
                found.append(item)
            elif "error" in item and item["error"].get("type") != "index_not_found_exception":
                raise UnavailableError(f"Elasticsearch cannot read {item['_index']}: {reason_of(item['error'])}")
        return found

    @asynccontextmanager
    async def snapshot(self, kind: Kind) -> AsyncGenerator[str]:
        """A point in time of all indices of a kind: what is read page by page is one state of the store."""
        await self.show(kind)
        opened = await self._requests.send(
            lambda client: client.open_point_in_time(
                index=self.index(kind, "*"), keep_alive=KEEP_ALIVE, ignore_unavailable=True
            ),
            tries=self._tries,
        )
        snapshot: str = opened["id"]
        try:
            yield snapshot
        finally:
            # It ends by itself after its time; what was read is right all the same.
            with suppress(UnavailableError):
                await self._requests.send(lambda client: client.close_point_in_time(id=snapshot), tries=1)

    async def all(
        self, query: Clause, snapshot: str, *, size: int, after: list[Any] | None = None, most: int | None = None
    ) -> AsyncIterator[Mapping[str, Any]]:
        """Hits of a snapshot, newest first, page after page."""
        seen = 0
        deadline = time.monotonic() + SEARCH_SECONDS
        while most is None or seen < most:
            # A point in time adds its own last sort key; the port's key (time, id) begins before all documents that share it.
            page = await self.ask(
                {
                    "pit": {"id": snapshot, "keep_alive": KEEP_ALIVE},
                    "query": query,
                    "size": size,
                    "version": True,
                    "sort": NEWEST_FIRST,
                    "search_after": after,
                    "track_total_hits": False,
                }
            )
            hits: list[Mapping[str, Any]] = page["hits"]["hits"]
            for hit in hits:
                yield hit
            seen += len(hits)
            if len(hits) < size:
                return
            if time.monotonic() > deadline:
                raise UnavailableError(_TOO_LONG)
            after = hits[-1]["sort"][:2]

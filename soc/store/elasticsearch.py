"""The store on Elasticsearch 9: documents in, pages of them out; one index a kind and period, versions decide what is new.

An index is a function of the document (``period_of``): an event's day of receipt, the month an alert's id begins with, else
the month of its time. So a repeat meets the document it repeats, and external versions make it change nothing. Documents
that are not alerts or incidents must keep their time from version to version, as reports and audit entries do. See ``docs/adr/0013-elasticsearch.md``.
"""

import asyncio
import json
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, cast, get_args

from elasticsearch import ApiError, AsyncElasticsearch

from soc.clock import Micros
from soc.errors import UnavailableError
from soc.settings import ElasticsearchSettings, content_dir
from soc.store.base import Document, Kind, Page, Refusal, StoreHealth
from soc.store.elasticsearch_bulk import Bulk
from soc.store.elasticsearch_client import Patience, Requests, reason_of, told
from soc.store.elasticsearch_document import LATE, day_of, key_of, month_in, prepare_all, restore
from soc.store.elasticsearch_query import NOTHING, Clause, Plan, both, none, plan, regular, vague
from soc.store.elasticsearch_terms import SEPARATOR, UNPAIRED, name_key, written
from soc.store.elasticsearch_view import KEEP_ALIVE, NEWEST_FIRST, View
from soc.store.query import Query, matches
from soc.store.words import texts_of

TOTAL_LIMIT = 10_000
_KINDS: tuple[Kind, ...] = get_args(Kind)
_SHARDS = "index.number_of_shards"
_SLICE = 1000
_PART = 500
_ON_THEIR_WAY = 2
"""Parts of a write that are sent at once, while the next is prepared."""
_MORE_COUNTS = 1000


def connect(settings: ElasticsearchSettings, patience: Patience | None = None) -> "ElasticsearchStore":
    """The store that the settings describe; nothing is sent yet."""
    options: dict[str, Any] = {}
    if settings.api_key:
        options["api_key"] = settings.api_key
    elif settings.username:
        options["basic_auth"] = (settings.username, settings.password)
    if settings.ca_file:
        options["ca_certs"] = settings.ca_file
    return ElasticsearchStore(
        AsyncElasticsearch(list(settings.urls), **options),
        prefix=settings.prefix,
        event_shards=settings.event_shards,
        patience=patience,
    )


class ElasticsearchStore:
    """A store on a cluster. Only the index role writes; any number of processes read.

    A write is durable when it returns and visible to searches of this object at once, to those of others within about a
    second.
    """

    def __init__(
        self,
        client: AsyncElasticsearch,
        *,
        prefix: str = "soc",
        event_shards: int = 1,
        patience: Patience | None = None,
    ) -> None:
        self._event_shards = event_shards
        self._client = client
        self._prefix = prefix
        self._requests = Requests(client, prefix, patience or Patience())
        self._bulk = Bulk(self._requests)
        self._view = View(self._requests, self._bulk.unseen, prefix)
        self._has_template = False

    async def write(self, documents: Sequence[Document]) -> Sequence[Refusal]:
        """See the port. While parts are on their way the next is prepared, in a thread: the loop stays free."""
        await self._put_template()
        refusals: list[Refusal] = []
        sending: deque[asyncio.Task[list[Refusal]]] = deque()
        try:
            async with asyncio.TaskGroup() as group:
                for part in _chunks(documents, _PART):
                    prepared, refused = await asyncio.to_thread(prepare_all, part, self._prefix)
                    refusals += refused
                    if len(sending) == _ON_THEIR_WAY:
                        refusals += await sending.popleft()
                    sending.append(group.create_task(self._bulk.write(prepared)))
        except ExceptionGroup as failed:
            # Of the parts that were on their way; it is raised as what it is.
            raise failed.exceptions[0] from None
        return [*refusals, *(refusal for task in sending for refusal in task.result())]

    async def get(self, kind: Kind, id: str) -> Document | None:  # noqa: A002 - the port's name
        """See the port."""
        return (await self.get_many(kind, [id])).get(id)

    async def get_many(self, kind: Kind, ids: Sequence[str]) -> Mapping[str, Document]:
        """See the port. An id that names its month is read from its index; the others are searched for."""
        placed: list[dict[str, str]] = []
        elsewhere: list[str] = []
        for id_ in dict.fromkeys(ids):
            try:
                key = key_of(id_)
            except UnicodeEncodeError:
                continue
            if month := month_in(kind, id_):
                placed.append({"_index": self._view.index(kind, month), "_id": key})
            else:
                elsewhere.append(key)
        found: list[Document] = []
        for chunk in _chunks(placed):
            found += [restore(kind, hit) for hit in await self._view.read(chunk)]
        for chunk in _chunks(elsewhere):
            answer = await self._view.search(kind, query={"ids": {"values": chunk}}, size=len(chunk), version=True)
            found += [restore(kind, hit) for hit in answer["hits"]["hits"]]
        return {document.id: document for document in sorted(found, key=lambda document: document.version)}

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
        """See the port; ``since`` is inclusive, ``until`` exclusive."""
        asked = plan(query)
        within = _within(since, until)
        beyond = None if after is None else list(after)
        if asked.exact:
            answer = await self._view.search(
                kind,
                query=both(asked.sure, within),
                size=limit + 1,
                sort=NEWEST_FIRST,
                search_after=beyond,
                version=True,
                track_total_hits=TOTAL_LIMIT,
            )
            return _page(
                [restore(kind, hit) for hit in answer["hits"]["hits"]], limit, answer["hits"]["total"]["value"]
            )
        found: list[Document] = []
        async with self._view.snapshot(kind) as snapshot:
            asked_for = both(asked.maybe, within)
            async for hit in self._view.all(asked_for, snapshot, size=max(limit + 1, 100), after=beyond):
                document = restore(kind, hit)
                if matches(query, document.fields):
                    found.append(document)
                    if len(found) > limit:
                        break
            total = await self._total(kind, query, asked, within, snapshot)
        return _page(found, limit, total)

    async def counts(self, kind: Kind, query: Query, field: str, *, limit: int = 20) -> Sequence[tuple[str, int]]:
        """See the port.

        Elasticsearch counts what is sure to match and short enough to be counted; documents with longer values of the field,
        and those it cannot decide on, are read: the newest 10,000 of them.
        """
        asked = plan(query)
        counter: Counter[str] = Counter()
        long = vague(field)
        if field not in UNPAIRED and asked.sure != NOTHING:
            counted = both(asked.sure, none(long))
            include = regular(name_key(field) + SEPARATOR) + ".*"
            terms = {"field": "soc.pairs", "include": include, "size": limit + _MORE_COUNTS}
            answer = await self._view.search(kind, query=counted, size=0, aggs={"values": {"terms": terms}})
            for bucket in answer["aggregations"]["values"]["buckets"] if "aggregations" in answer else ():
                counter[written(bucket["key"])] += bucket["doc_count"]
        undecided = _either_undecided(asked, long)
        if undecided != NOTHING:
            async with self._view.snapshot(kind) as snapshot:
                async for hit in self._view.all(undecided, snapshot, size=_SLICE, most=TOTAL_LIMIT):
                    fields = restore(kind, hit).fields
                    if matches(query, fields):
                        counter.update(set(texts_of(fields.get(field))))
        return sorted(counter.items(), key=lambda item: (-item[1], item[0]))[:limit]

    async def clear(self) -> None:
        """See the port: the indices are dropped, the template is put anew."""
        for kind in _KINDS:
            for chunk in _chunks(await self._indices(kind), 20):
                await self._requests.send(
                    lambda client, chunk=chunk: client.indices.delete(index=chunk, ignore_unavailable=True)
                )
        self._bulk.unseen.clear()
        self._has_template = False
        await self._put_template(made_anew=True)

    async def delete_before(self, kind: Kind, time: Micros) -> int:
        """See the port: days and months that are over as a whole are dropped with their index, the rest document by document."""
        await self._view.show(kind)
        last = day_of(time)
        deleted = 0
        for index in await self._indices(kind):
            newest = await self._view.search(kind, index=index, sort=NEWEST_FIRST, size=1, track_total_hits=True)
            hits = newest["hits"]["hits"]
            period = index.rpartition("-")[2]
            is_over = period < last[: len(period)] and period != LATE
            if is_over and not (hits and hits[0]["sort"][0] >= time):
                await self._requests.send(
                    lambda client, index=index: client.indices.delete(index=index, ignore_unavailable=True)
                )
                deleted += newest["hits"]["total"]["value"]
            elif hits:
                deleted += await self._delete_some(kind, index, time)
        return deleted

    async def health(self) -> StoreHealth:
        """See the port."""
        return await self._requests.health()

    async def close(self) -> None:
        """See the port."""
        await self._client.close()

    # ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _check_schema(self, schema: int) -> None:
        """Terms of another making in the same indices would be searched as if they were ours.

        Raises:
            UnavailableError: the template that is there was put by a version with other terms.
        """
        there = await self._requests.send(
            lambda client: client.options(ignore_status=404).indices.get_index_template(name=f"{self._prefix}*")
        )
        for found in there.body.get("index_templates", ()):
            if found["name"] in {self._prefix, f"{self._prefix}-events"}:
                made = found["index_template"].get("_meta", {}).get("schema")
                if made != schema:
                    raise UnavailableError(
                        f"the indices {self._prefix}-* are of schema {made}, not {schema}: run `soc store rebuild`"
                    )

    async def _put_template(self, *, made_anew: bool = False) -> None:
        """Put the index template once a process, before the first write: an index made without it could not be searched."""
        if self._has_template:
            return
        text = (content_dir("deploy") / "elasticsearch" / "index-template.json").read_text(encoding="utf-8")
        template: dict[str, Any] = json.loads(text)
        if not made_anew:
            await self._check_schema(template["_meta"]["schema"])
        for name, kinds, shards in (("", _KINDS[1:], 1), ("-events", _KINDS[:1], self._event_shards)):
            patterns = [self._view.index(kind, "*") for kind in kinds]
            body = {**template["template"], "settings": {**template["template"]["settings"], _SHARDS: shards}}
            await self._requests.send(
                lambda client, name=name, patterns=patterns, body=body: client.indices.put_index_template(
                    name=f"{self._prefix}{name}",
                    index_patterns=patterns,
                    template=body,
                    priority=template["priority"],
                    meta=template["_meta"],
                )
            )
        self._has_template = True

    async def _delete_some(self, kind: Kind, index: str, time: Micros) -> int:
        """Delete an index's documents older than ``time``; one that was revised in between stays."""
        deleted = 0
        while True:
            answer = await self._view.search(
                kind,
                index=index,
                query=_within(None, time),
                size=_SLICE,
                sort=NEWEST_FIRST,
                seq_no_primary_term=True,
                source=False,
            )
            hits: list[dict[str, Any]] = answer["hits"]["hits"]
            if not hits:
                return deleted
            lines = [json.dumps({"delete": _address(hit)}).encode() for hit in hits]
            try:
                items = await self._bulk.send(lines)
            except ApiError as error:
                raise UnavailableError(f"{index}: {told(error)}") from error
            deleted += sum(item["status"] < 300 for item in items)
            for item in items:
                if item["status"] >= 300 and item["status"] not in {404, 409}:
                    raise UnavailableError(f"{index}: {item['status']} {reason_of(item.get('error'))}")
            self._bulk.unseen.add(index)

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _indices(self, kind: Kind) -> list[str]:
        answer = await self._requests.send(
            lambda client: client.indices.get_settings(
                index=self._view.index(kind, "*"), filter_path="*.settings.index.uuid"
            )
        )
        return sorted(cast("dict[str, Any]", answer.body))

    async def _total(self, kind: Kind, query: Query, asked: Plan, within: Clause, snapshot: str) -> int:
        """How many match, counted up to the limit: what is sure is counted, what is left is looked at."""
        total = 0
        if asked.sure != NOTHING:
            sure = {
                "pit": {"id": snapshot, "keep_alive": KEEP_ALIVE},
                "query": both(asked.sure, within),
                "size": 0,
                "track_total_hits": TOTAL_LIMIT,
            }
            total = (await self._view.ask(sure))["hits"]["total"]["value"]
        if total < TOTAL_LIMIT:
            undecided = both(asked.maybe, none(asked.sure), within)
            async for hit in self._view.all(undecided, snapshot, size=_SLICE):
                total += matches(query, restore(kind, hit).fields)
                if total >= TOTAL_LIMIT:
                    break
        return min(total, TOTAL_LIMIT)


def _within(since: Micros | None, until: Micros | None) -> Clause:
    bounds: dict[str, Micros] = {}
    if since is not None:
        bounds["gte"] = since
    if until is not None:
        bounds["lt"] = until
    return {"range": {"soc.time": bounds}} if bounds else {"match_all": {}}


def _either_undecided(asked: Plan, long: Clause) -> Clause:
    """Documents that counting by Elasticsearch leaves out: not sure to match, or with values too long to be counted."""
    not_counted = both(asked.maybe, long)
    not_sure = NOTHING if asked.exact else both(asked.maybe, none(asked.sure))
    parts = [part for part in (not_counted, not_sure) if part != NOTHING]
    return {"bool": {"should": parts, "minimum_should_match": 1}} if parts else NOTHING


def _page(found: list[Document], limit: int, total: int) -> Page:
    more = len(found) > limit
    found = found[:limit]
    return Page(found, (found[-1].time, found[-1].id) if more and found else None, total)


def _address(hit: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "_index": hit["_index"],
        "_id": hit["_id"],
        "if_seq_no": hit["_seq_no"],
        "if_primary_term": hit["_primary_term"],
    }


def _chunks(items: Sequence[Any], size: int = _SLICE) -> Iterator[list[Any]]:
    remaining = iter(items)
    while chunk := list(islice(remaining, size)):
        yield chunk

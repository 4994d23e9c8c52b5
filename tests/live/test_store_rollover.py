"""Events roll over by their day of receipt, alerts by the month in their id: across every boundary one document, and rebuilt the same."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from live.elasticsearch_server import shared_server
from live.index_support import behind, caught_up, event, feed, indexing, open_bus

from soc.bus.base import Message
from soc.clock import DAY, HOUR, to_micros
from soc.errors import UnavailableError
from soc.pipeline.index import rebuild
from soc.pipeline.table import INCIDENTS
from soc.store.base import Document
from soc.store.documents import event_document
from soc.store.query import All

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

MIDNIGHT = to_micros(datetime(2026, 11, 1, tzinfo=UTC))


def open_store(prefix: str, event_shards: int = 1):
    from soc.settings import ElasticsearchSettings
    from soc.store.elasticsearch import connect

    return connect(ElasticsearchSettings(urls=(shared_server().url,), prefix=prefix, event_shards=event_shards))


async def indices(store, prefix: str) -> dict[str, int]:
    """Index → documents in it."""
    await store._client.indices.refresh(index=f"{prefix}-*")
    answer = await store._client.indices.stats(index=f"{prefix}-*", metric="docs")
    return {name: found["primaries"]["docs"]["count"] for name, found in sorted(answer["indices"].items())}


def test_repeats_and_revisions_across_day_and_month_are_one_document_and_retention_goes_by_whole_indices():
    async def scenario() -> None:
        store = open_store("rolled")
        await store.clear()
        before, after = MIDNIGHT - 1_000_000, MIDNIGHT + 1_000_000
        # Written before midnight, repeated after it; the second was stamped the day before and received after it.
        events = [event_document(event("log/0/0", before, before)), event_document(event("log/0/1", before, after))]
        alerts = [
            Document("alert", "202610-a", 1, before, {"status": "new"}),
            Document("alert", "202610-a", 2, after, {"status": "closed"}),
        ]
        for _ in range(2):
            for document in (*events, *alerts, *reversed(alerts)):
                assert not await store.write([document])
        assert await indices(store, "rolled") == {
            "rolled-alerts-2026.10": 1,
            "rolled-events-2026.10.31": 1,
            "rolled-events-2026.11.01": 1,
        }
        assert (await store.get("alert", "202610-a")).version == 2
        page = await store.search("event", All())
        assert (page.total, {found.id for found in page.documents}) == (2, {"log/0/0", "log/0/1"})
        assert (await store.search("event", All(), since=before, until=before + 1)).total == 2

        assert await store.delete_before("event", before) == 0
        # The first day is over and as old as a whole; of the second the one document that is older is taken out.
        assert await store.delete_before("event", MIDNIGHT) == 2
        assert await indices(store, "rolled") == {"rolled-alerts-2026.10": 1, "rolled-events-2026.11.01": 0}
        await store.write([event_document(event("log/0/2", after + 2 * DAY, after + 2 * DAY))])
        assert await store.delete_before("event", after + DAY) == 0
        assert await indices(store, "rolled") == {"rolled-alerts-2026.10": 1, "rolled-events-2026.11.03": 1}
        assert await store.delete_before("alert", MIDNIGHT + DAY) == 1
        await store.clear()
        await store.close()

    asyncio.run(scenario())


def test_a_days_events_are_spread_over_as_many_shards_as_the_settings_say():
    async def scenario() -> None:
        store = open_store("spread", event_shards=3)
        await store.clear()
        await store.write([event_document(event(f"log/0/{n}", MIDNIGHT)) for n in range(30)])
        await store.write([Document("alert", "202611-a", 1, MIDNIGHT, {})])
        found = await store._client.indices.get_settings(index="spread-*", name="index.number_of_shards")
        shards = {name: answer["settings"]["index"]["number_of_shards"] for name, answer in found.body.items()}
        assert shards == {"spread-events-2026.11.01": "3", "spread-alerts-2026.11": "1"}
        page = await store.search("event", All(), limit=20)
        rest = await store.search("event", All(), limit=20, after=page.after)
        assert len({found.id for found in (*page.documents, *rest.documents)}) == page.total == 30
        await store.clear()
        await store.close()

    asyncio.run(scenario())


def test_terms_of_another_making_are_never_searched_as_if_they_were_ours():
    async def scenario() -> None:
        store = open_store("older")
        await store.clear()
        await store._client.indices.put_index_template(
            name="older-events", index_patterns=["older-events-*"], priority=500, meta={"schema": 1}
        )
        later = open_store("older")
        with pytest.raises(UnavailableError, match=r"schema 1, not 2.*soc store rebuild"):
            await later.write([Document("alert", "202611-a", 1, MIDNIGHT, {})])
        await later.clear()
        assert not await later.write([Document("alert", "202611-a", 1, MIDNIGHT, {})])
        await later.clear()
        await store.close()
        await later.close()

    asyncio.run(scenario())


def test_two_index_stages_write_one_index_and_a_rebuild_makes_the_same_documents_while_they_go_on(tmp_path: Path):
    async def contents(store) -> dict[str, int]:
        found: dict[str, int] = {}
        after = None
        while True:
            page = await store.search("event", All(), limit=500, after=after)
            found |= {document.id: document.version for document in page.documents}
            after = page.after
            if after is None:
                return found

    async def scenario() -> None:
        store, bus = open_store("twice"), open_bus(tmp_path)
        await store.clear()
        batches = [[event(f"log/{p}/{n}", MIDNIGHT + n * HOUR) for n in range(600)] for p in range(2)]
        async with asyncio.TaskGroup() as tasks:
            for partition, batch in enumerate(batches):
                tasks.create_task(feed(bus, partition, batch))
        async with indexing(bus, store):
            await caught_up(bus)
            before = await contents(store)
            assert set(before) == {one.id for batch in batches for one in batch}
            # One record that is no document, and more events while the store is made anew.
            claim = await bus.claim("triage", 0)
            await claim.commit([Message(INCIDENTS, b"x", b"no incident")])
            await claim.release()
            await caught_up(bus)
            done: list[int] = []
            async with asyncio.TaskGroup() as tasks:
                rebuilding = tasks.create_task(rebuild(bus, store, done.append))
                tasks.create_task(feed(bus, 1, [event(f"more/{n}", MIDNIGHT) for n in range(300)]))
            await caught_up(bus)
        rebuilt = rebuilding.result()
        assert (rebuilt.skipped, rebuilt.refused, rebuilt.missed) == (1, 0, 0)
        assert done[-1] == rebuilt.documents >= 1200
        assert await contents(store) == {**before, **{f"more/{n}": 1 for n in range(300)}}
        assert await behind(bus) == 0
        assert (await store.search("deadletter", All())).total == 1
        await store.clear()
        await store.close()
        await bus.close()

    asyncio.run(scenario())


def test_a_rebuild_that_was_interrupted_is_begun_again_and_ends_the_same(tmp_path: Path):
    async def scenario() -> None:
        store, bus = open_store("again"), open_bus(tmp_path)
        events = [event(f"log/0/{n}", MIDNIGHT) for n in range(3000)]
        await feed(bus, 0, events)

        class InterruptedForNowError(Exception):
            pass

        def interrupt(written: int) -> None:
            raise InterruptedForNowError

        with pytest.raises(InterruptedForNowError):
            await rebuild(bus, store, interrupt)
        assert 0 < (await store.search("event", All())).total < 3000
        assert (await rebuild(bus, store)).documents == 3000
        assert (await store.search("event", All())).total == 3000
        assert len(await store.get_many("event", [one.id for one in events])) == 3000
        await store.clear()
        await store.close()
        await bus.close()

    asyncio.run(scenario())


def test_a_full_disk_is_red_with_advice_and_the_write_is_repeated_when_there_is_room():
    async def scenario() -> None:
        store = open_store("full")
        await store.clear()
        await store.write([Document("alert", "202611-a", 1, MIDNIGHT, {})])
        await store._client.indices.put_settings(index="full-*", settings={"index.blocks.read_only_allow_delete": True})
        health = await store.health()
        assert (health.state, "full-alerts-2026.11" in health.detail) == ("red", True)
        assert "room" in health.advice
        store._requests.patience = type(store._requests.patience)(tries=2, first_pause=0.01)
        with pytest.raises(UnavailableError, match=r"is red.*disk"):
            await store.write([Document("alert", "202611-b", 1, MIDNIGHT, {})])
        await store._client.indices.put_settings(index="full-*", settings={"index.blocks.read_only_allow_delete": None})
        assert not await store.write([Document("alert", "202611-b", 1, MIDNIGHT, {})])
        assert (await store.health()).state in {"green", "yellow"}
        await store.clear()
        await store.close()

    asyncio.run(scenario())

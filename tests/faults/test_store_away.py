"""Elasticsearch refuses, stands still or dies under a running index stage: nothing is lost or doubled, memory and reading stand still."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from live.elasticsearch_proxy import REJECTED, Proxy, refused
from live.elasticsearch_server import ElasticsearchServer, new_server
from live.index_support import PARTITIONS, behind, caught_up, dead_letters, event, feed, indexing, open_bus, until
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from soc.bus.base import Bus
from soc.pipeline import index
from soc.pipeline.loop import FETCH_LIMIT
from soc.store.query import All

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

AWAY_SECONDS = float(os.environ.get("SOC_AWAY_SECONDS", "6"))
"""60 in the long runs."""
BATCH, BATCHES = 400, 15


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ElasticsearchServer]:
    """A server that these tests may hurt."""
    server = new_server(tmp_path_factory.mktemp("node"))
    server.start()
    yield server
    server.kill()


def open_store(url: str, prefix: str, **patience: float):
    from soc.settings import ElasticsearchSettings
    from soc.store.elasticsearch import connect
    from soc.store.elasticsearch_client import Patience

    given = {"first_pause": 0.05, "longest_pause": 0.5, "request_seconds": 3.0, **patience}
    return connect(ElasticsearchSettings(urls=(url,), prefix=prefix), Patience(**given))


def value_of(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def keep_feeding(bus: Bus) -> list[str]:
    """Events on both partitions, batch after batch; their ids."""
    ids: list[str] = []
    for batch in range(BATCHES):
        for partition in range(PARTITIONS):
            made = [event(f"log/{partition}/{batch * BATCH + n}") for n in range(BATCH)]
            await feed(bus, partition, made)
            ids += [one.id for one in made]
        await asyncio.sleep(0.05)
    return ids


async def assert_whole(store, prefix: str, ids: list[str]) -> None:
    """Every event is there, once."""
    await store.search("event", All(), limit=1)  # shows what was written
    count = await store._client.count(index=f"{prefix}-events-*")
    assert count["count"] == len(ids)
    for start in range(0, len(ids), 1000):
        assert len(await store.get_many("event", ids[start : start + 1000])) == len(ids[start : start + 1000])


def by_request(status: int):
    return lambda *_: refused(status)


def by_document(_: int, body: bytes):
    items = [{"index": {"status": 429, "error": REJECTED}}] * (len(body.splitlines()) // 2)
    return 200, {"errors": True, "items": items}


@pytest.mark.parametrize(
    ("name", "answer", "status"),
    [("whole429", by_request(429), "429"), ("whole503", by_request(503), "503"), ("each429", by_document, "429")],
)
def test_refused_for_now_by_a_proxy_nothing_is_lost_or_doubled(server, tmp_path: Path, name, answer, status):
    async def scenario() -> None:
        bus, proxy = open_bus(tmp_path), Proxy(server.url)
        retried = value_of("soc_store_retries_total", status=status)
        async with proxy.running() as url:
            store = open_store(url, name, request_seconds=30.0)
            with capture_logs() as logs:
                async with indexing(bus, store):
                    await feed(bus, 0, [event("first")])
                    await caught_up(bus)
                    assert value_of("soc_store_available", role="index") == 1
                    last = value_of("soc_store_last_success_timestamp_seconds")
                    proxy.answer = answer
                    async with asyncio.TaskGroup() as tasks:
                        feeding = tasks.create_task(keep_feeding(bus))
                        await until(lambda: value_of("soc_store_available", role="index") == 0)
                        await asyncio.sleep(AWAY_SECONDS)
                    assert await behind(bus) == 2 * BATCH * BATCHES
                    assert value_of("soc_store_last_success_timestamp_seconds") == last
                    proxy.answer = lambda *_: None
                    await caught_up(bus)
            assert value_of("soc_store_available", role="index") == 1
            assert value_of("soc_store_retries_total", status=status) > retried
            told = [entry for entry in logs if entry["event"] == "store_unavailable"]
            assert 1 <= len(told) <= PARTITIONS * (1 + AWAY_SECONDS / index.SELDOM_SECONDS)
            assert "429" in told[0]["error"] or "503" in told[0]["error"]
            await assert_whole(store, name, ["first", *feeding.result()])
            assert await dead_letters(bus) == []
            await store.close()
        await bus.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("how", ["killed", "paused"])
def test_killed_or_paused_under_load_nothing_is_lost_or_doubled(server, tmp_path: Path, how: str):
    async def scenario() -> None:
        bus, store = open_bus(tmp_path), open_store(server.url, how)
        largest = 0
        step = index.Index.step

        async def watched(self, records, now):
            nonlocal largest
            largest = max(largest, len(records))
            return await step(self, records, now)

        index.Index.step = watched
        try:
            async with indexing(bus, store), asyncio.TaskGroup() as tasks:
                feeding = tasks.create_task(keep_feeding(bus))
                await asyncio.sleep(0.3)
                server.kill() if how == "killed" else server.pause()
                await asyncio.sleep(AWAY_SECONDS)
                await asyncio.to_thread(server.start if how == "killed" else server.resume)
                ids = await feeding
                await caught_up(bus)
        finally:
            index.Index.step = step
        assert largest <= FETCH_LIMIT
        await assert_whole(store, how, ids)
        assert await dead_letters(bus) == []
        await store.close()
        await bus.close()

    asyncio.run(scenario())


def test_a_stop_ends_the_stage_soon_though_the_store_stands_still_and_the_next_start_writes_all(server, tmp_path: Path):
    async def scenario() -> None:
        bus = open_bus(tmp_path)
        store = open_store(server.url, "stopped", request_seconds=60.0)
        await store.write([])
        await feed(bus, 0, [event(f"log/0/{n}") for n in range(50)])
        server.pause()
        try:
            started = time.monotonic()
            async with indexing(bus, store):
                await asyncio.sleep(1.0)
            # One request may take a minute; the stage gives it up after some seconds.
            assert time.monotonic() - started < index.STOP_SECONDS + 15
            assert await behind(bus) == 50
        finally:
            server.resume()
        async with indexing(bus, store):
            await caught_up(bus)
        await assert_whole(store, "stopped", [f"log/0/{n}" for n in range(50)])
        await store.close()
        await bus.close()

    asyncio.run(scenario())


def test_one_refused_document_is_a_dead_letter_with_the_reason_and_the_rest_of_its_bulk_goes_in(server, tmp_path: Path):
    async def scenario() -> None:
        bus, store = open_bus(tmp_path), open_store(server.url, "refusals")
        good = [event(f"log/0/{n}") for n in range(20)]
        immense = event("x" * 40_000)
        await feed(bus, 0, [*good[:10], immense, *good[10:]])
        async with indexing(bus, store):
            await caught_up(bus)
            async with asyncio.timeout(60):  # the dead letter is a document too
                while not (await store.search("deadletter", All())).total:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        (letter,) = await dead_letters(bus)
        assert letter.stage == "index"
        assert letter.reason.startswith("the store: 400 document_parsing_exception")
        assert b"x" * 40_000 in letter.data
        await assert_whole(store, "refusals", [one.id for one in good])
        page = await store.search("deadletter", All())
        assert page.documents[0].fields["deadletter.reason"] == letter.reason
        await store.close()
        await bus.close()

    asyncio.run(scenario())

"""Clients that stop by themselves: a reader that gets nothing finds out that there is something, connections that do not answer are replaced.

aiokafka ends a consumer's fetching without a word when something cancels it: the reader then looks like that of a quiet topic.
"""

import asyncio
import secrets
from typing import Any

import pytest
from aiokafka import TopicPartition
from live import kafka_server

from soc.bus import kafka_cluster, kafka_inputs
from soc.bus.base import Message, Stage, Topology
from soc.bus.kafka import KafkaBus
from soc.errors import UnavailableError
from soc.settings import KafkaSettings

pytestmark = pytest.mark.live

TOPOLOGY = Topology((Stage("feed", (), ("lines",), 1), Stage("work", ("lines",), (), 1)), {"lines": 1})
ASK_SECONDS = 0.5


def new_bus() -> KafkaBus:
    kafka_server.need()
    servers = (kafka_server.shared().bootstrap,)
    return KafkaBus(KafkaSettings(servers=servers, prefix=f"{secrets.token_hex(4)}."), TOPOLOGY)


async def feed(bus: KafkaBus, *lines: bytes) -> None:
    claim = await bus.claim("feed", 0)
    await claim.commit([Message("lines", b"", line, 0) for line in lines])
    await claim.release()


def end_fetching(consumer: Any) -> None:
    fetcher = consumer._fetcher
    for task in (fetcher._fetch_task, *fetcher._pending_tasks):
        task.cancel()


async def seconds_until_told(claim: Any) -> float:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while loop.time() < begun + 20 * ASK_SECONDS:
        assert await claim.fetch(100, 0.1) == ()
    raise AssertionError("the reader stood still and said nothing")


def test_a_reader_whose_client_stopped_finds_out_and_the_next_claim_reads_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kafka_inputs, "OWED_SECONDS", ASK_SECONDS)

    async def scenario() -> None:
        bus = new_bus()
        await feed(bus, b"first")
        claim: Any = await bus.claim("work", 0)
        assert [record.value for record in await claim.fetch(100, 10)] == [b"first"]
        await claim.commit()
        end_fetching(claim._inputs._consumer)
        await feed(bus, b"second", b"third")
        with pytest.raises(UnavailableError, match="holds records up to"):
            await seconds_until_told(claim)
        await claim.release()
        again = await bus.claim("work", 0)
        assert [record.value for record in await again.fetch(100, 10)] == [b"second", b"third"]
        await again.release()
        await bus.close()

    asyncio.run(scenario())


def test_a_quiet_topic_is_not_taken_for_a_client_that_stopped(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kafka_inputs, "OWED_SECONDS", ASK_SECONDS)

    async def scenario() -> None:
        bus = new_bus()
        claim = await bus.claim("work", 0)
        for _ in range(3):
            await feed(bus, b"line")
            assert [record.value for record in await claim.fetch(100, 10)] == [b"line"]
            assert await claim.fetch(100, 3 * ASK_SECONDS) == ()
            assert await claim.fetch(100, 3 * ASK_SECONDS) == ()
        await claim.release()
        await bus.close()

    asyncio.run(scenario())


def test_connections_that_do_not_answer_are_not_asked_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kafka_cluster, "PEEK_SECONDS", ASK_SECONDS)

    async def scenario() -> None:
        bus = new_bus()
        await feed(bus, b"one")
        cluster = bus._cluster
        async with cluster.use("tests") as clients:
            end_fetching(clients.peeker)
        lines = TopicPartition(cluster.names.topic("lines"), 0)
        with pytest.raises(UnavailableError, match="did not answer in time"):
            await cluster.peek(lines, 0, 1)
        assert [record.value for record in await cluster.peek(lines, 0, 1)] == [b"one"]
        await bus.close()

    asyncio.run(scenario())

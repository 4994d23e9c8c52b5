"""States read again and again from outside: only what came since is read, and it is always what is committed."""

import asyncio
import secrets

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from live import kafka_server

from soc.bus.base import Message, Stage, Topology
from soc.bus.kafka import KafkaBus
from soc.bus.kafka_cluster import MANY
from soc.settings import KafkaSettings

pytestmark = pytest.mark.live

TOPOLOGY = Topology((Stage("keep", (), (), 2),), {})


@pytest.fixture
def settings() -> KafkaSettings:
    kafka_server.need()
    return KafkaSettings(servers=(kafka_server.shared().bootstrap,), prefix=f"{secrets.token_hex(4)}.")


async def states(bus) -> dict[int, dict[bytes, bytes]]:
    return {partition: dict(state) async for partition, state in bus.states("keep")}


def test_the_next_look_sees_what_was_changed_and_deleted_since_and_reads_only_that(settings, monkeypatch):
    async def main():
        bus, outside = KafkaBus(settings, TOPOLOGY), KafkaBus(settings, TOPOLOGY)
        claim = await bus.claim("keep", 0)
        await claim.commit(state={b"a": b"1", b"b": b"1"})
        first = await states(outside)
        assert first == {0: {b"a": b"1", b"b": b"1"}}
        read: list[int] = []
        each = outside._cluster.each

        async def counting(partition, offset, end, take):
            found = []
            await each(partition, offset, end, found.append)
            read.append(len(found))
            for record in found:
                take(record)

        monkeypatch.setattr(outside._cluster, "each", counting)
        assert await states(outside) == first
        assert read == []
        await claim.commit(state={b"a": None, b"c": b"2"})
        assert await states(outside) == {0: {b"b": b"1", b"c": b"2"}}
        assert read == [2]
        assert first == {0: {b"a": b"1", b"b": b"1"}}  # what was given out stays as it was
        await bus.close()
        await outside.close()

    asyncio.run(main())


def test_a_state_topic_made_anew_is_read_from_its_beginning(settings):
    async def main():
        bus, outside = KafkaBus(settings, TOPOLOGY), KafkaBus(settings, TOPOLOGY)
        claim = await bus.claim("keep", 1)
        await claim.commit(state={b"old": b"1"})
        assert await states(outside) == {1: {b"old": b"1"}}
        await bus.close()
        admin = AIOKafkaAdminClient(bootstrap_servers=settings.servers[0])
        await admin.start()
        await admin.delete_topics([f"{settings.prefix}soc.state.keep"])
        await admin.close()
        await asyncio.sleep(1.5)
        bus = KafkaBus(settings, TOPOLOGY)
        claim = await bus.claim("keep", 1)
        await claim.commit(state={b"new": b"1"})
        await claim.commit(state={b"newer": b"1"})
        assert await states(outside) == {1: {b"new": b"1", b"newer": b"1"}}
        await bus.close()
        await outside.close()

    asyncio.run(main())


def test_lags_are_told_without_the_states_and_from_what_came_since_only(settings, monkeypatch):
    topology = Topology(
        (Stage("feed", (), ("often", "never"), 1), Stage("keep", ("often", "never"), (), 1)), {"often": 1, "never": 1}
    )

    async def main():
        bus, outside = KafkaBus(settings, topology), KafkaBus(settings, topology)
        feed, keep = await bus.claim("feed", 0), await bus.claim("keep", 0)
        read: list[int] = []
        each = outside._cluster.each

        async def counting(partition, offset, end, take, count=MANY):
            if "state.keep" in partition.topic:
                read.append(end - offset)
            await each(partition, offset, end, take, count)

        monkeypatch.setattr(outside._cluster, "each", counting)
        for number in range(3):  # nothing is ever read of one topic, so that the group has no offset of it
            await feed.commit([Message("often", b"", b"line", 0)])
            assert len(await keep.fetch(10, 10)) == 1
            await keep.commit(state={b"large %d" % number: bytes(1_000_000)})
            assert [lag.records for lag in await outside.lag() if lag.stage == "keep"] == [0]
        assert len(read) == 3
        assert max(read[1:]) < 5, "only what the last commit wrote"
        assert [one.changelog.state for one in outside._cluster._kept.values()] == [{}]
        await bus.close()
        await outside.close()

    asyncio.run(main())

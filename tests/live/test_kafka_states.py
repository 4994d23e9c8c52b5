"""States read again and again from outside: only what came since is read, and it is always what is committed."""

import asyncio
import secrets

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from live import kafka_server

from soc.bus.base import Stage, Topology
from soc.bus.kafka import KafkaBus
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
        peek = outside._cluster.peek

        async def counting(partition, offset, end, count=1):
            found = await peek(partition, offset, end, count)
            read.append(len(found))
            return found

        monkeypatch.setattr(outside._cluster, "peek", counting)
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

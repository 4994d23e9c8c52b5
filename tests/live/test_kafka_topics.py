"""Topics that others write, read from a real broker: committed records once each, through restarts, retention and a topic made anew."""

import asyncio
import secrets
from collections.abc import Callable
from functools import partial

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from live import kafka_server

from collectors.intake import Intake
from collectors.kafka import KafkaTopics
from soc.clock import now
from soc.inputs import make_collector
from soc.listeners import KafkaListener
from soc.settings import Settings
from tests.unit.collectors.support.memory_claim import MemoryLog
from tests.unit.collectors.support.running import running, until

pytestmark = pytest.mark.live
SECONDS = 60.0


class Foreign:
    """A topic of somebody else on the broker."""

    def __init__(self, servers: str) -> None:
        self.servers = servers
        self.topic = f"firewall-{secrets.token_hex(4)}"

    async def admin(self, work) -> None:
        client = AIOKafkaAdminClient(bootstrap_servers=self.servers)
        await client.start()
        try:
            await work(client)
        finally:
            await client.close()

    async def make(self) -> None:
        await self.admin(lambda client: client.create_topics([NewTopic(self.topic, 2, 1)]))

    async def write(self, partition: int, *values: bytes, abort: bool = False) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.servers, transactional_id=f"{self.topic}-writer")
        await producer.start()
        try:
            await producer.begin_transaction()
            for value in values:
                await producer.send_and_wait(
                    self.topic, value, partition=partition, headers=[("host", b"fw%d" % partition)]
                )
            await (producer.abort_transaction() if abort else producer.commit_transaction())
        finally:
            await producer.stop()

    async def collect(self, log: MemoryLog, expect: int, during: Callable[[], object] | None = None) -> KafkaTopics:
        """The input as the product makes it, until so many records are durable."""
        listener = KafkaListener(
            type="kafka", name="k", servers=(self.servers,), topics=(self.topic,), source_header="host"
        )
        intake = Intake(log.open, clock=now)
        topics = make_collector(listener, intake, Settings())
        assert isinstance(topics, KafkaTopics)
        async with running(intake, topics):
            if during is not None:
                await during()
            await until(lambda: len(log.outputs) >= expect, SECONDS)
            await asyncio.sleep(0.5)  # anything doubled would come now
        return topics


@pytest.fixture(scope="module")
def servers() -> str:
    kafka_server.need()
    return kafka_server.shared().bootstrap


def lines(first: int, last: int) -> list[bytes]:
    return [b"line %d" % n for n in range(first, last)]


def test_committed_records_come_once_across_restarts(servers: str) -> None:
    async def scenario() -> None:
        log, foreign = MemoryLog(), Foreign(servers)
        await foreign.make()
        await foreign.write(0, *lines(0, 500))
        await foreign.write(0, b"never committed", abort=True)
        await foreign.write(1, *lines(500, 700))
        await foreign.collect(log, 700)
        await foreign.collect(log, 1000, partial(foreign.write, 0, *lines(700, 1000)))
        assert sorted(log.lines) == sorted(lines(0, 1000))
        assert len({record.id for record in log.records}) == 1000
        assert {(record.source, record.peer) for record in log.records} == {
            ("fw0", f"{foreign.topic}/0"),
            ("fw1", f"{foreign.topic}/1"),
        }

    asyncio.run(scenario())


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_what_others_compressed_is_read_in_each_of_kafkas_ways(servers: str, codec: str) -> None:
    async def scenario() -> None:
        log, foreign = MemoryLog(), Foreign(servers)
        await foreign.make()
        producer = AIOKafkaProducer(bootstrap_servers=servers, compression_type=codec, linger_ms=50)
        await producer.start()
        sent = [await producer.send(foreign.topic, line, partition=0) for line in lines(0, 300)]
        await asyncio.gather(*sent)
        await producer.stop()
        await foreign.collect(log, 300)
        assert sorted(log.lines) == sorted(lines(0, 300))

    asyncio.run(scenario())


def test_records_deleted_before_they_were_read_are_counted_and_a_topic_made_anew_is_read(servers: str) -> None:
    async def scenario() -> None:
        log, foreign = MemoryLog(), Foreign(servers)
        await foreign.make()
        await foreign.write(0, *lines(0, 10))
        await foreign.collect(log, 10)
        await foreign.write(0, *lines(10, 30))
        place = TopicPartition(foreign.topic, 0)
        await foreign.admin(lambda client: client.delete_records({place: RecordsToDelete(before_offset=25)}))
        topics = await foreign.collect(log, 10 + 6)
        assert topics.counters.gaps == 25 - 10  # 14 lines, and the marker of a transaction, which has an offset too
        await foreign.admin(lambda client: client.delete_topics([foreign.topic]))
        await asyncio.sleep(1)
        await foreign.make()
        await foreign.write(0, b"new")
        topics = await foreign.collect(log, 10 + 6 + 1)
        assert log.lines[-1] == b"new"
        assert log.records[-1].id == f"kafka/k/{foreign.topic}~1/0/0"
        assert topics.counters.truncated >= 1

    asyncio.run(scenario())


def test_a_topic_that_is_not_there_is_not_made_and_brokers_that_come_later_are_found(servers: str) -> None:
    async def scenario() -> None:
        log, foreign = MemoryLog(), Foreign(servers)

        async def later() -> None:
            await asyncio.sleep(1)
            found: list[str] = []

            async def look(client) -> None:
                found.extend(await client.list_topics())

            await foreign.admin(look)
            assert foreign.topic not in found
            await foreign.make()
            await foreign.write(0, b"one")

        await foreign.collect(log, 1, later)
        assert log.lines == [b"one"]

    asyncio.run(scenario())

"""Measures the Kafka bus beside bare aiokafka on the same broker in the same run; prints one JSON object.

    python bench/bus_kafka.py [--batches 60] [--compression zstd|none] [--server HOST:PORT]

Three ways, each in turns batch by batch so that a busy machine slows both alike: written (2,000 records of 600 bytes a
transaction), read, and consume-transform-produce (2,000 records read, as many written, positions committed, in one
transaction). Bare is aiokafka used for the same promise: ``create_batch``, ``getmany``, one transaction with the group's
offsets, ``read_committed``. The garbage collector looks as seldom as in the engine, for both: with Python's defaults its looks at
records that are all still in use are most of what the bus costs more in reading. Without ``--server`` a broker is started from the tests' Maven project.
"""

import argparse
import asyncio
import json
import os
import secrets
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from soc.app import spare_the_collector
from soc.bus.base import Message, Stage, Topology
from soc.bus.kafka import KafkaBus
from soc.settings import KafkaSettings

RECORDS = 2000
VALUE_BYTES = 600
TOPOLOGY = Topology((Stage("feed", (), ("in",), 1), Stage("work", ("in",), ("out",), 1)), {"in": 1, "out": 1})
BATCH_BYTES = 1024 * 1024
FETCH_BYTES = 4 * BATCH_BYTES
READ_TURNS = 5


class Bare:
    """The same work with aiokafka alone."""

    def __init__(self, server: str, prefix: str, rows: list[tuple[bytes, bytes]], compression: str) -> None:
        self._server, self._prefix, self._rows, self._compression = server, prefix, rows, compression

    async def start(self) -> None:
        """Make the topics and connect."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._server)
        await admin.start()
        await admin.create_topics([NewTopic(f"{self._prefix}{name}", 1, 1) for name in ("in", "out")])
        await admin.close()
        self._feed, self._work = (
            AIOKafkaProducer(
                bootstrap_servers=self._server,
                transactional_id=f"{self._prefix}{name}",
                max_batch_size=BATCH_BYTES,
                retry_backoff_ms=20,
                compression_type=None if self._compression == "none" else self._compression,
            )
            for name in ("feed", "work")
        )
        await self._feed.start()
        await self._work.start()
        self._input = TopicPartition(f"{self._prefix}in", 0)

    async def consumer(self) -> AIOKafkaConsumer:
        """A consumer at the beginning of the input."""
        found = AIOKafkaConsumer(
            bootstrap_servers=self._server, isolation_level="read_committed", max_partition_fetch_bytes=FETCH_BYTES
        )
        await found.start()
        found.assign([self._input])
        found.seek(self._input, 0)
        return found

    async def write(self) -> None:
        """One transaction of records."""
        await self._transaction(self._feed, self._rows, "in", {})

    async def transform(self, consumer: AIOKafkaConsumer) -> None:
        """One transaction of records read and written, with the position."""
        rows: list[tuple[bytes, bytes]] = []
        while len(rows) < RECORDS:
            for records in (await consumer.getmany(timeout_ms=1000, max_records=RECORDS - len(rows))).values():
                rows += [(record.key, record.value) for record in records]
                offset = records[-1].offset + 1
        await self._transaction(self._work, rows, "out", {self._input: offset})

    async def _transaction(self, producer, rows, topic, offsets) -> None:
        await producer.begin_transaction()
        sent, batch = [], producer.create_batch()
        for key, value in rows:
            if batch.append(timestamp=None, key=key, value=value) is None:
                sent.append(await producer.send_batch(batch, self._prefix + topic, partition=0))
                batch = producer.create_batch()
                batch.append(timestamp=None, key=key, value=value)
        sent.append(await producer.send_batch(batch, self._prefix + topic, partition=0))
        for future in sent:
            await future
        if offsets:
            await producer.send_offsets_to_transaction(offsets, f"{self._prefix}work")
        await producer.commit_transaction()

    async def close(self) -> None:
        """Disconnect."""
        await self._feed.stop()
        await self._work.stop()


def _summary(seconds: list[float], records: int) -> dict[str, float]:
    cuts = statistics.quantiles(seconds, n=100)
    return {
        "records_per_second": round(records * len(seconds) / sum(seconds)),
        "p50_ms": round(cuts[49] * 1000, 1),
        "p99_ms": round(cuts[98] * 1000, 1),
    }


async def _in_turns(turns: int, records: int, ways: dict[str, Callable[[], Awaitable[None]]]) -> dict[str, object]:
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(turns + 1):
        for name, way in ways.items():
            before = time.perf_counter()
            await way()
            if turn:  # the first makes connections
                seconds[name].append(time.perf_counter() - before)
    found: dict[str, object] = {name: _summary(some, records) for name, some in seconds.items()}
    return found | {"share_of_bare": round(sum(seconds["bare"]) / sum(seconds["bus"]), 2)}


async def measure(server: str, batches: int, compression: Literal["zstd", "none"]) -> dict[str, object]:
    """Written, read, transformed: both in turns."""
    spare_the_collector()
    prefix = f"bench.{secrets.token_hex(3)}."
    rows = [(b"host-%d" % (number % 50), os.urandom(VALUE_BYTES // 2).hex().encode()) for number in range(RECORDS)]
    messages = [Message("in", key, value) for key, value in rows]
    bare = Bare(server, f"{prefix}bare.", rows, compression)
    await bare.start()
    bus = KafkaBus(KafkaSettings(servers=(server,), prefix=f"{prefix}bus.", compression=compression), TOPOLOGY)
    feed = await bus.claim("feed", 0)

    async def bus_write() -> None:
        await feed.commit(messages)

    async def bus_read() -> None:
        reader, count = bus.reader(["in"]), 0
        while count < RECORDS * batches:
            count += len(await reader.fetch(RECORDS, 1))
        await reader.close()

    async def bare_read() -> None:
        consumer, count = await bare.consumer(), 0
        while count < RECORDS * batches:
            count += sum(map(len, (await consumer.getmany(timeout_ms=1000, max_records=RECORDS)).values()))
        await consumer.stop()

    async def bus_transform() -> None:
        count = 0
        outputs: list[Message] = []
        while count < RECORDS:
            records = await work.fetch(RECORDS - count, 1)
            outputs += [Message("out", record.key, record.value) for record in records]
            count += len(records)
        await work.commit(outputs)

    written = await _in_turns(batches, RECORDS, {"bus": bus_write, "bare": bare.write})
    # A consumer reads ahead while the other has its turn, so a turn of reading is the whole topic with a new consumer.
    read = await _in_turns(READ_TURNS, RECORDS * batches, {"bus": bus_read, "bare": bare_read})
    work, transformer = await bus.claim("work", 0), await bare.consumer()
    transformed = await _in_turns(batches, RECORDS, {"bus": bus_transform, "bare": lambda: bare.transform(transformer)})
    await transformer.stop()
    await bare.close()
    await bus.close()
    return {
        "write": written,
        "read": read,
        "consume_transform_produce": transformed,
        "compression": compression,
        "record_bytes": VALUE_BYTES,
        "batch_records": RECORDS,
        "batches": batches,
        "load_average": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=60)
    parser.add_argument("--server", default="", help="a running broker; default: one is started")
    parser.add_argument("--compression", choices=("zstd", "none"), default="zstd", help="of both")
    arguments = parser.parse_args()
    server = arguments.server
    if not server:
        sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
        from live import kafka_server  # noqa: PLC0415 - only if there is no broker

        reason = kafka_server.missing()
        if reason:
            print(json.dumps({"not_measured": reason}))
            return
        server = kafka_server.shared().bootstrap
    print(json.dumps(asyncio.run(measure(server, arguments.batches, arguments.compression)), indent=2))


if __name__ == "__main__":
    main()

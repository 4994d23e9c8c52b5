"""What crosses the wire and lies on the brokers' disks: compressed as set, asked for seldom at rest and at once beside a silent topic."""

import asyncio
import secrets
from pathlib import Path

import pytest
from live import kafka_server

from soc.bus.base import Message, Stage, Topology
from soc.bus.kafka import KafkaBus
from soc.bus.kafka_cluster import BESIDE_WAIT_MILLISECONDS, FETCH_WAIT_MILLISECONDS
from soc.settings import KafkaSettings

pytestmark = pytest.mark.live

TOPOLOGY = Topology(
    (Stage("feed", (), ("busy", "silent"), 1), Stage("work", ("busy", "silent"), (), 1)), {"busy": 1, "silent": 1}
)
LINES = [b"<134>1 - fw1 app - - - outbound connection %06d from 192.0.2.7 allowed" % number for number in range(5000)]


def new_bus(compression: str = "zstd", prefix: str = "") -> KafkaBus:
    kafka_server.need()
    servers = (kafka_server.shared().bootstrap,)
    return KafkaBus(KafkaSettings(servers=servers, prefix=prefix, compression=compression), TOPOLOGY)


async def feed(bus: KafkaBus, lines: list[bytes]) -> None:
    claim = await bus.claim("feed", 0)
    await claim.commit([Message("busy", b"", line, 0) for line in lines])
    await claim.release()


async def everything(bus: KafkaBus) -> list[bytes]:
    reader, found = bus.reader(["busy"]), []
    while records := await reader.fetch(2000, 0):
        found += [record.value for record in records]
    await reader.close()
    return found


def on_disk(topic: str) -> int:
    """Bytes of the segments of a topic's one partition."""
    data: Path = kafka_server.shared().data
    return sum(path.stat().st_size for path in (data / f"{topic}-0").glob("*.log"))


def test_what_is_written_is_compressed_as_set_and_both_ways_are_read_whatever_is_set():
    async def scenario() -> None:
        prefix = f"{secrets.token_hex(4)}."
        before = 0
        for compression, part, (least, most) in (("zstd", LINES, (0.01, 0.3)), ("none", LINES[::-1], (1.0, 1.5))):
            bus = new_bus(compression, prefix)
            await feed(bus, part)
            grown = on_disk(f"{prefix}busy") - before
            assert least < grown / sum(map(len, part)) < most
            before += grown
            await bus.close()
        for compression in ("zstd", "none"):
            bus = new_bus(compression, prefix)
            assert await everything(bus) == LINES + LINES[::-1]
            await bus.close()

    asyncio.run(scenario())


def waits_of(claim) -> list[int]:
    """The waits of the requests for records that this claim's consumer makes from now on, in milliseconds."""
    found: list[int] = []
    fetcher = claim._inputs._consumer._fetcher
    choose = fetcher._get_actions_per_node

    def noted(assignment):
        actions = choose(assignment)
        found.extend(fetcher._fetch_max_wait_ms for _ in actions[0])
        return actions

    fetcher._get_actions_per_node = noted
    return found


def test_at_rest_a_stage_asks_the_brokers_seldom():
    async def scenario() -> None:
        bus = new_bus(prefix=f"{secrets.token_hex(4)}.")
        claim = await bus.claim("work", 0)
        assert await claim.fetch(2000, 0.5) == ()
        waits = waits_of(claim)
        assert await claim.fetch(2000, 3 * FETCH_WAIT_MILLISECONDS / 1000) == ()
        assert 1 <= len(waits) <= 4
        assert set(waits) == {FETCH_WAIT_MILLISECONDS}
        await claim.release()
        await bus.close()

    asyncio.run(scenario())


def test_while_records_of_a_topic_wait_to_be_taken_no_request_for_the_silent_one_beside_it_waits_for_long():
    async def scenario() -> None:
        bus = new_bus(prefix=f"{secrets.token_hex(4)}.")
        claim = await bus.claim("work", 0)
        waits = waits_of(claim)
        await feed(bus, LINES)
        taken = 0
        while taken < len(LINES):
            taken += len(await claim.fetch(100, 5.0))
            await asyncio.sleep(0.02)
        assert BESIDE_WAIT_MILLISECONDS in waits
        await claim.release()
        await bus.close()

    asyncio.run(scenario())

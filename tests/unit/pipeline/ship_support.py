"""Shipping on embedded logs: a collector's own log and, in the place of the brokers, a second directory."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from soc.bus.base import Bus, Message, Step
from soc.bus.embedded import EmbeddedBus
from soc.clock import MINUTE, now
from soc.model import RawRecord, decode, encode
from soc.pipeline.shards import Shards
from soc.pipeline.ship import Shipper
from soc.pipeline.ship_log import OwnCollector
from soc.pipeline.shipped import KnownCollector, read_collectors
from soc.pipeline.table import RAW, collector_topology, topology

PARTITIONS, INSTANCES = 3, 2


def record(line: str, source: str = "192.0.2.7") -> RawRecord:
    return RawRecord(line.encode(), 5 * MINUTE, "udp", f"{source}:514", source)


def lines(count: int, start: int = 0) -> list[str]:
    return [f"line {number}" for number in range(start, start + count)]


def open_local(directory: Path, on_step: Callable[[Step], None] | None = None) -> EmbeddedBus:
    return EmbeddedBus(directory, collector_topology(), on_step=on_step)


def open_brokers(directory: Path, on_step: Callable[[Step], None] | None = None) -> EmbeddedBus:
    return EmbeddedBus(directory, topology(PARTITIONS, INSTANCES), on_step=on_step)


async def collect(local: Bus, some: Sequence[str], source: str = "192.0.2.7") -> None:
    """What the intake does: lines made durable in the collector's own log."""
    claim = await local.claim("collect", 0)
    await claim.commit([Message(RAW, source.encode(), encode(record(line, source))) for line in some])
    await claim.release()


def own(local: Bus, brokers: Bus, instance: int = 0, host: str = "here", shards: Shards | None = None) -> OwnCollector:
    return OwnCollector(local, brokers, instance, host, now, shards)


@asynccontextmanager
async def shipping(collector: OwnCollector, wait: float = 0.0) -> AsyncGenerator[Shipper]:
    """A shipper at work; stopped, so that it drains, at the end."""
    stop = asyncio.Event()
    shipper = Shipper(collector, take_over_wait=wait)
    task = asyncio.create_task(shipper.run(stop))
    try:
        yield shipper
    finally:
        stop.set()
        await task


async def shipped_lines(brokers: Bus) -> list[str]:
    """Every line on the brokers, as often as it is there."""
    reader = brokers.reader([RAW])
    found: list[str] = []
    while records := await reader.fetch(5000, 0.0):
        found += [decode(one.value, RawRecord).data.decode() for one in records]
    await reader.close()
    return found


async def until(what: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not what():  # noqa: ASYNC110 - it is a state of another task
            await asyncio.sleep(0.02)


async def until_shipped(brokers: Bus, count: int, seconds: float = 30.0) -> None:
    """Wait until so many lines are on the brokers."""
    async with asyncio.timeout(seconds):
        while len(await shipped_lines(brokers)) < count:  # noqa: ASYNC110 - another bus
            await asyncio.sleep(0.05)


async def only_collector(brokers: Bus) -> KnownCollector:
    """What the one collector there is has said."""
    (one,) = await read_collectors(brokers)
    return one

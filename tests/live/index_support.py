"""What tests of the index stage on a real store share: an embedded bus with events on it, and the stage over all its partitions."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from soc.bus.base import Bus, Message
from soc.bus.embedded import EmbeddedBus
from soc.clock import now
from soc.model import DeadLetter, Event, decode, encode
from soc.pipeline.index import Index
from soc.pipeline.loop import run_stage
from soc.pipeline.table import DEADLETTER, EVENTS, topology
from soc.store.base import Store

PARTITIONS = 2
START = 1_795_334_400_000_000  # 2026-11-22T08:00:00Z


def open_bus(place: Path) -> EmbeddedBus:
    """The whole pipeline's topics with two partitions."""
    return EmbeddedBus(place / "bus", topology(PARTITIONS), clock=now)


def event(id_: str, time: int = START, received: int | None = None) -> Event:
    """A small event."""
    fields = {"@timestamp": "2026-11-22T08:00:00.000Z", "user.name": f"user{len(id_)}", "event.original": f"line {id_}"}
    return Event(id_, "bastion", time, time, time if received is None else received, fields)


async def feed(bus: Bus, partition: int, events: Sequence[Event]) -> None:
    """Write events as the engine of a partition does."""
    claim = await bus.claim("engine", partition)
    await claim.commit([Message(EVENTS, b"bastion", encode(one), partition) for one in events])
    await claim.release()


@asynccontextmanager
async def indexing(bus: Bus, store: Store) -> AsyncIterator[asyncio.Event]:
    """Index stages over every partition while the block lasts; they have ended when it is left."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for partition in range(PARTITIONS):
            tasks.create_task(
                run_stage(bus, "index", partition, lambda: Index(store, stop), clock=now, stop=stop, take_over_wait=0.0)
            )
        try:
            yield stop
        finally:
            stop.set()


async def behind(bus: Bus) -> int:
    """Records that the index stage has still to read."""
    return sum(lag.records for lag in await bus.lag() if lag.stage == "index")


async def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until something holds; fails when it does not."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.05)


async def caught_up(bus: Bus, seconds: float = 120.0) -> None:
    """Wait until the index stage has committed everything."""
    async with asyncio.timeout(seconds):
        while await behind(bus):  # noqa: ASYNC110 - another process could be it
            await asyncio.sleep(0.1)


async def dead_letters(bus: Bus) -> list[DeadLetter]:
    """All that there are."""
    reader = bus.reader([DEADLETTER])
    found: list[DeadLetter] = []
    while records := await reader.fetch(1000, 0.0):
        found += [decode(record.value, DeadLetter) for record in records]
    await reader.close()
    return found

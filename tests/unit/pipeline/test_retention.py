"""What goes by itself: dead letters by age and by size, from the bus and the store, never one that is still to be indexed."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from soc.bus.base import Message
from soc.bus.embedded import EmbeddedBus
from soc.clock import DAY, Micros
from soc.model import DeadLetter, encode
from soc.pipeline.index import Index
from soc.pipeline.retention import apply_retention
from soc.pipeline.table import DEADLETTER, topology
from soc.settings import Settings
from soc.store.embedded import EmbeddedStore
from soc.store.query import All

START: Micros = 1_764_000_000_000_000
PARTITIONS = 1


class Installation:
    """A bus and a store, and a clock that is moved."""

    def __init__(self, place: Path, settings: Settings) -> None:
        self.now = START
        self.settings = settings
        self.bus = EmbeddedBus(place / "bus", topology(PARTITIONS), clock=lambda: self.now)
        self.store = EmbeddedStore(place / "store.db")

    async def bury(self, *names: str, size: int = 10) -> None:
        """Letters as the engine writes them, a commit each."""
        claim = await self.bus.claim("engine", 0)
        for name in names:
            letter = DeadLetter(name, "normalize", "no format", b"x" * size, "fw1", "tcp", "192.0.2.1:5", self.now)
            await claim.commit([Message(DEADLETTER, b"fw1", encode(letter))])
        await claim.release()

    async def index(self) -> None:
        """Everything that is there becomes documents."""
        claim = await self.bus.claim("index", 0)
        stage = Index(self.store)
        while records := await claim.fetch(1000, 0):
            await stage.step(records, self.now)
            await claim.commit()
        await claim.release()

    async def trim(self) -> list[str]:
        """Retention once; what it warned of."""
        with capture_logs() as logs:
            await apply_retention(self.bus, self.store, self.settings, lambda: self.now)
        return [entry["event"] for entry in logs if entry["log_level"] == "warning"]

    async def left(self) -> tuple[int, int]:
        """Letters on the bus, and in the store."""
        reader = self.bus.reader([DEADLETTER])
        count = 0
        while records := await reader.fetch(1000, 0):
            count += len(records)
        await reader.close()
        return count, (await self.store.search("deadletter", All())).total

    async def close(self) -> None:
        await self.bus.close()
        await self.store.close()


def settings(**bus: float) -> Settings:
    return Settings.model_validate({"bus": bus})


def test_old_dead_letters_go_from_bus_and_store_with_a_warning_and_newer_ones_stay(tmp_path: Path):
    async def scenario() -> None:
        here = Installation(tmp_path, settings(deadletter_max_age_days=10))
        await here.bury("a", "b")
        here.now += 8 * DAY
        await here.bury("c")
        await here.index()
        assert await here.trim() == []
        assert await here.left() == (3, 3)
        here.now += 3 * DAY
        assert await here.trim() == ["dead_letters_removed"]
        assert await here.left() == (1, 1)
        await here.close()

    asyncio.run(scenario())


def test_beyond_their_room_the_oldest_dead_letters_go(tmp_path: Path):
    async def scenario() -> None:
        here = Installation(tmp_path, settings(deadletter_max_bytes=1024**2))
        await here.bury(*"abcdef", size=300_000)
        await here.index()
        await here.trim()
        assert 2 <= (await here.left())[0] <= 4
        await here.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("days", [1, 400])
def test_a_dead_letter_that_is_not_indexed_yet_stays_however_old(tmp_path: Path, days: int):
    async def scenario() -> None:
        here = Installation(tmp_path, settings())
        await here.bury("a")
        here.now += days * DAY
        await here.trim()
        assert (await here.left())[0] == 1
        await here.close()

    asyncio.run(scenario())

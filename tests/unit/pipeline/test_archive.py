"""The archive stage on the embedded bus: killed anywhere, kept waiting, told to stop; and what the bus may delete meanwhile."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from soc.archive.archiver import Bounds
from soc.archive.folder import Folder
from soc.archive.naming import segments
from soc.archive.reading import Looked, Window, read
from soc.archive.verify import chains_of, verify
from soc.bus.base import Message
from soc.bus.embedded import EmbeddedBus
from soc.clock import DAY, HOUR, SECOND, Micros
from soc.errors import UnavailableError
from soc.model import RawRecord, encode
from soc.pipeline import archive as archive_module
from soc.pipeline.archive import ArchiveParts, archive_rest, past_chains, run_archive
from soc.pipeline.migrate_copy import put_state
from soc.pipeline.table import ARCHIVE, RAW, topology

START: Micros = 1_764_547_200 * SECOND
BOUNDS = Bounds(1 << 26, 1 << 27)


class Away(Folder):
    """A folder that is away as long as it is told to be, and dies when it has written so many."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.away = False
        self.dies_after = -1
        self.refused = 0

    def put(self, name: str, data: bytes) -> None:
        if self.away:
            self.refused += 1
            raise UnavailableError("archive: away")
        super().put(name, data)
        self.dies_after -= 1
        if self.dies_after == 0:
            raise KeyError("killed")


class Here:
    """One partition of ``soc.raw``, its archive, and a clock."""

    def __init__(self, directory: Path) -> None:
        self.time = START
        self.bus = EmbeddedBus(directory / "bus", topology(1, archive=True), clock=lambda: self.time)
        self.place = Away(directory / "archive")
        self.stop = asyncio.Event()

    async def collect(self, count: int, sources: int = 3) -> None:
        claim = await self.bus.claim("collect", 0)
        names = [f"source-{number % sources}" for number in range(count)]
        raws = [RawRecord(b"line %d" % n, self.time + n, "tcp", "192.0.2.1:1", name) for n, name in enumerate(names)]
        await claim.commit([Message(RAW, raw.source.encode(), encode(raw)) for raw in raws])
        await claim.release()

    async def run(self, days: float = 366) -> None:
        parts = ArchiveParts(self.place, BOUNDS, days)
        await run_archive(self.bus, 0, parts, clock=lambda: self.time, stop=self.stop, take_over_wait=0)

    async def state(self) -> dict[bytes, bytes]:
        return {key: value async for _, state in self.bus.states(ARCHIVE) for key, value in state.items()}

    async def until(self, true: Callable[["Here", dict[bytes, bytes]], bool]) -> None:
        async with asyncio.timeout(30):
            while True:
                if true(self, await self.state()):
                    return
                self.time += SECOND
                await asyncio.sleep(0.02)

    async def while_running(self, true: Callable[["Here", dict[bytes, bytes]], bool]) -> None:
        self.stop.clear()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.run())
            await self.until(true)
            self.stop.set()

    def lines(self) -> list[str]:
        looked = Looked()
        found = [one.id for one in read(self.place, Window(0, 1 << 62), looked)]
        assert looked.damaged == []
        return sorted(found, key=lambda one: int(one.rsplit("/", 1)[1]))

    async def whole(self) -> bool:
        chains = chains_of({0: await self.state()})
        return not verify(self.place, chains, base=lambda _: 0, progress=lambda _: None).faults


def waits(here: Here, state: dict[bytes, bytes]) -> bool:
    return any(key.startswith(b"open/") for key in state)


def is_closed(here: Here, state: dict[bytes, bytes]) -> bool:
    return b"chain" in state and not waits(here, state)


def scenario(directory: Path, what: Callable[[Here], object]) -> None:
    async def main() -> None:
        here = Here(directory)
        try:
            await what(here)
        finally:
            await here.bus.close()

    asyncio.run(main())


def test_what_is_read_waits_in_the_state_and_is_closed_when_the_hour_is_over(tmp_path: Path):
    async def what(here: Here) -> None:
        await here.collect(9)
        await here.while_running(waits)
        assert list(segments(here.place)) == []
        here.time = START + 2 * HOUR
        await here.while_running(is_closed)
        assert (len(here.lines()), len(list(segments(here.place))), await here.whole()) == (9, 3, True)

    scenario(tmp_path, what)


@pytest.mark.parametrize("written", [1, 2, 3])
def test_killed_between_two_segments_it_archives_each_record_once(tmp_path: Path, written: int):
    async def what(here: Here) -> None:
        await here.collect(9)
        await here.while_running(waits)
        here.time = START + 2 * HOUR
        here.place.dies_after = written
        with pytest.RaisesGroup(pytest.RaisesExc(KeyError)):
            await here.while_running(is_closed)
        await here.while_running(is_closed)
        offsets = [int(line.rsplit("/", 1)[1]) for line in here.lines()]
        assert (offsets, await here.whole()) == (list(range(9)), True)

    scenario(tmp_path, what)


def test_raw_records_are_deleted_only_once_they_are_archived(tmp_path: Path):
    async def what(here: Here) -> None:
        await here.collect(9)
        engine = await here.bus.claim("engine", 0)
        await engine.fetch(100, 1.0)
        await engine.commit()
        here.time += 400 * DAY
        assert await here.bus.retain(RAW, max_age=0, max_bytes=0) == 0
        await here.while_running(is_closed)
        assert await here.bus.retain(RAW, max_age=0, max_bytes=0) == 9
        await engine.release()

    scenario(tmp_path, what)


def test_without_an_archive_nothing_waits_for_it():
    assert all(stage.name != ARCHIVE for stage in topology(1).stages)


def test_while_the_place_is_away_nothing_is_lost_and_it_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archive_module, "RETRY_SECONDS", 0.05)

    async def what(here: Here) -> None:
        await here.collect(9)
        here.place.away = True
        here.time = START + 2 * HOUR
        with capture_logs() as logs:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(here.while_running(is_closed))
                await here.until(lambda one, _: one.place.refused >= 3)
                here.place.away = False
        told = [entry["event"] for entry in logs if entry["event"].startswith("archive_")]
        assert told == ["archive_unavailable", "archive_available"]
        assert (len(here.lines()), await here.whole()) == (9, True)

    scenario(tmp_path, what)


def test_told_to_stop_while_the_place_is_away_it_ends_and_goes_on_later(tmp_path: Path):
    async def what(here: Here) -> None:
        await here.collect(9)
        here.place.away = True
        here.time = START + 2 * HOUR
        await asyncio.wait_for(here.while_running(lambda _, state: b"closing" in state), 20)
        here.place.away = False
        await here.while_running(is_closed)
        assert (len(here.lines()), await here.whole()) == (9, True)

    scenario(tmp_path, what)


def test_segments_older_than_the_archive_keeps_are_deleted(tmp_path: Path):
    async def what(here: Here) -> None:
        await here.collect(3)
        here.time += 2 * HOUR
        await here.while_running(is_closed)
        here.time += 400 * DAY
        await here.while_running(lambda one, _: not list(segments(one.place)))
        assert await here.whole()

    scenario(tmp_path, what)


def test_the_chains_of_a_migrated_installation_stay_known_verified_and_trimmed(tmp_path: Path):
    async def what(here: Here) -> None:
        await here.collect(9)
        parts = ArchiveParts(here.place, BOUNDS, 366)
        await archive_rest(here.bus, parts, clock=lambda: here.time)
        former = {0: await here.state()}
        moved = EmbeddedBus(tmp_path / "moved", topology(1, archive=True), clock=lambda: here.time)
        await put_state(moved, ARCHIVE, 0, past_chains(former))
        await here.bus.close()
        here.bus = moved
        await here.collect(3)
        await archive_rest(here.bus, parts, clock=lambda: here.time)
        assert (len({one.name.chain for one in segments(here.place)}), await here.whole()) == (2, True)
        here.time += 400 * DAY
        await here.while_running(lambda one, _: not list(segments(one.place)))
        assert await here.whole()

    scenario(tmp_path, what)


def test_a_migration_archives_what_is_left_and_closes_it(tmp_path: Path):
    async def what(here: Here) -> None:
        await here.collect(9)
        await archive_rest(here.bus, ArchiveParts(here.place, BOUNDS, 366), clock=lambda: here.time)
        assert (len(here.lines()), await here.whole()) == (9, True)
        assert [key for key in await here.state() if key != b"chain"] == []

    scenario(tmp_path, what)

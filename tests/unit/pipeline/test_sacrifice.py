"""A disk that fills: what goes first, what goes later, and what stays whatever happens."""

import asyncio
from collections.abc import Callable
from itertools import chain, repeat
from pathlib import Path

from soc.bus.base import Message
from soc.bus.embedded import EmbeddedBus
from soc.clock import DAY, HOUR, SECOND, Micros
from soc.pipeline.retention import DERIVED
from soc.pipeline.sacrifice import relieve
from soc.pipeline.table import DETECTIONS, EVENTS, RAW, topology
from soc.settings import Settings, parse
from soc.store.base import Document
from soc.store.embedded import EmbeddedStore

NOW: Micros = 1_764_547_200 * SECOND
EVENTS_GONE = "events of the search index"
FULL = 1 << 62
"""A bound that no disk has free."""


def settings(directory: Path, bound: int, more: str = "") -> Settings:
    return parse(f'data_dir = "{directory}"\n[bus]\npartitions = 1\nfree_bytes = {bound}\n{more}', {})


async def filled(directory: Path, *, archive: bool) -> tuple[EmbeddedBus, EmbeddedStore]:
    """Three raw records and three events that were worked off, but for the archive; ten events of ten days in the index."""
    clock = [NOW - DAY]
    bus = EmbeddedBus(directory / "bus", topology(1, archive=archive), clock=lambda: clock[0])
    for stage, topic in (("collect", RAW), ("engine", EVENTS), ("engine", DETECTIONS)):
        claim = await bus.claim(stage, 0)
        while await claim.fetch(100, 0.0):
            pass
        await claim.commit([Message(topic, b"s", b"%d" % number) for number in range(3)])
        await claim.release()
    await read_all(bus, "engine", "correlate", "index")
    clock[0] = NOW
    store = EmbeddedStore(directory / "store.db")
    await store.write([Document("event", str(n), 1, NOW - n * DAY - 2 * HOUR, {"n": n}, {}) for n in range(10)])
    return bus, store


async def read_all(bus: EmbeddedBus, *stages: str) -> None:
    for stage in stages:
        claim = await bus.claim(stage, 0)
        while await claim.fetch(100, 0.0):
            pass
        await claim.commit()
        await claim.release()


def run(
    directory: Path, bound: int, free: Callable[[], int] | None = None, *, archived: bool, archive: bool = True
) -> dict[str, int]:
    async def main() -> dict[str, int]:
        bus, store = await filled(directory, archive=archive)
        if archived:
            await read_all(bus, "archive")
        more = "" if archive else "[archive]\nenabled = false\n"
        try:
            return await relieve(bus, store, settings(directory, bound, more), lambda: NOW, derived=DERIVED, free=free)
        finally:
            await store.close()
            await bus.close()

    return asyncio.run(main())


def test_with_room_nothing_goes(tmp_path: Path):
    assert run(tmp_path, 1, archived=True) == {}


def test_a_full_disk_takes_events_of_the_index_then_derived_topics_then_archived_raw_records(tmp_path: Path):
    gone = run(tmp_path, FULL, archived=True)
    assert list(gone) == [EVENTS_GONE, EVENTS, DETECTIONS, RAW]
    assert gone == {EVENTS_GONE: 10, EVENTS: 3, DETECTIONS: 3, RAW: 3}


def test_raw_records_that_are_not_archived_never_go(tmp_path: Path):
    assert RAW not in run(tmp_path, FULL, archived=False)


def test_without_an_archive_raw_records_never_go_before_their_age(tmp_path: Path):
    assert RAW not in run(tmp_path, FULL, archived=False, archive=False)


def test_the_oldest_events_go_first_and_only_as_many_as_needed(tmp_path: Path):
    freed = chain([10, 10, 10], repeat(200))  # room after the second time that half of them went
    gone = run(tmp_path, 100, lambda: next(freed), archived=True)
    assert gone == {EVENTS_GONE: 2}, "30 days halved twice: those older than 7.5 days"

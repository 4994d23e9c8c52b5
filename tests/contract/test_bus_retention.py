"""Retention: the oldest goes, but never what a registered stage has still to read."""

import asyncio

import pytest
from bus_support import Counter, everything, feed, finish, numbered, put, values_of

from soc.clock import SECOND

LINES = [f"line {number:04}" for number in range(100)]


class _Clock:
    def __init__(self) -> None:
        self.now = 1_000_000 * SECOND

    def __call__(self) -> int:
        return self.now


async def _ten_batches(bus, clock) -> None:
    feeder = await bus.claim("feed", 0)
    for start in range(0, 100, 10):
        await put(feeder, LINES[start : start + 10])
        clock.now += SECOND
    await feeder.release()


def test_a_registered_stage_slower_than_retention_loses_nothing(harness) -> None:
    async def scenario() -> None:
        clock = _Clock()
        bus = harness.open(clock=clock)
        await _ten_batches(bus, clock)
        assert await bus.retain("in", max_age=0, max_bytes=0) == 0, "a stage that never ran holds everything"
        worker = Counter(await bus.claim("work", 0))
        await worker.turn(limit=35)
        assert await bus.retain("in", max_age=0, max_bytes=0) == 30, "whole batches before the position only"
        await worker.run(limit=35)
        assert await bus.retain("in", max_age=0, max_bytes=0) == 70
        assert await values_of(bus, "in") == []
        assert await values_of(bus, "out") == numbered(LINES)
        await bus.close()

    asyncio.run(scenario())


def test_a_stage_goes_on_after_everything_it_read_was_trimmed(harness) -> None:
    """The log keeps where it ends and the stamp of what went, so positions stay verifiable."""

    async def scenario() -> None:
        clock = _Clock()
        bus = harness.open(clock=clock)
        await _ten_batches(bus, clock)
        await finish(bus, 1000)
        assert await bus.retain("in", max_age=0, max_bytes=0) == 100
        assert await bus.problems() == ()
        await feed(bus, ["after"])
        await finish(bus)
        assert await values_of(bus, "out") == numbered([*LINES, "after"])
        reader = bus.reader(["in"])
        assert [record.offset for record in await everything(reader)] == [100]
        await bus.close()

    asyncio.run(scenario())


def test_only_what_is_older_than_the_age_goes(harness) -> None:
    async def scenario() -> None:
        clock = _Clock()
        bus = harness.open(clock=clock)
        await _ten_batches(bus, clock)
        await finish(bus, 1000)
        assert await bus.retain("in", max_age=3.5, max_bytes=1 << 40) == 70
        assert await values_of(bus, "in") == LINES[70:]
        assert await bus.retain("in", max_age=3.5, max_bytes=1 << 40) == 0
        await bus.close()

    asyncio.run(scenario())


def test_past_the_size_the_oldest_of_all_logs_go_first(harness) -> None:
    async def scenario() -> None:
        clock = _Clock()
        bus = harness.open(clock=clock)
        feeder, side = await bus.claim("feed", 0), await bus.claim("side", 0)
        for number in range(20):
            await put(side if number % 2 else feeder, [f"{number:02}" + "x" * 10_000])
            clock.now += SECOND
        await finish(bus, 1000)
        assert await bus.retain("in", max_age=1e6, max_bytes=55_000) == 15
        assert sorted(value[:2] for value in await values_of(bus, "in")) == ["15", "16", "17", "18", "19"]
        await bus.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("started", [False, True])
def test_a_reader_without_a_group_is_overtaken_and_told_how_much_it_missed(harness, started) -> None:
    async def scenario() -> None:
        clock = _Clock()
        bus = harness.open(clock=clock)
        await feed(bus, ["first"])
        reader = bus.reader(["in"]) if started else None
        if reader:
            assert len(await reader.fetch(10, 0)) == 1
        await _ten_batches(bus, clock)
        await finish(bus, 1000)
        await bus.retain("in", max_age=4.5, max_bytes=1 << 40)
        reader = reader or bus.reader(["in"])
        assert [record.value.decode() for record in await everything(reader)] == LINES[60:]
        assert reader.skipped == (60 if started else 0)
        await bus.close()

    asyncio.run(scenario())


def test_owners_append_and_read_on_while_others_trim(harness) -> None:
    async def scenario() -> None:
        bus, keeper = harness.open(), harness.open()
        feeder = await bus.claim("feed", 0)
        worker = Counter(await bus.claim("work", 0))
        gone = 0
        for start in range(0, 100, 10):
            await put(feeder, LINES[start : start + 10])
            await worker.run(patience=0)
            gone += await keeper.retain("in", max_age=-1, max_bytes=0)
        assert gone == 100
        assert await values_of(bus, "out") == numbered(LINES)
        await bus.close()
        await keeper.close()

    asyncio.run(scenario())

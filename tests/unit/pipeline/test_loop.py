"""The loop of a stage: the next unit is worked on while the last one is committed, and nothing of it outlives a failed commit."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from soc.bus.base import Message, Record, Stage, Topology
from soc.bus.embedded import EmbeddedBus
from soc.clock import now
from soc.errors import BusFullError, CommitUnknownError, UnavailableError
from soc.pipeline import loop
from soc.pipeline.loop import Work, run_stage

TOPOLOGY = Topology((Stage("feed", (), ("in",), 1), Stage("work", ("in",), ("out",), 1)), {"in": 1, "out": 1})


class Copy:
    """Copies each record with its number; the number is its state, so a step on memory that was not committed shows."""

    def __init__(self, stepped: Callable[[Sequence[Record]], None] = lambda _: None) -> None:
        self.count = 0
        self.stepped = stepped

    def restore(self, state) -> None:
        self.count = int(state.get(b"count", b"0"))

    async def step(self, records, now) -> Work:
        self.stepped(records)
        if not records:
            return Work()
        work = Work()
        for record in records:
            self.count += 1
            work.outputs.append(Message("out", b"", b"%d %s" % (self.count, record.value)))
        work.state[b"count"] = b"%d" % self.count
        return work


class Guarded:
    """A claim whose commits a test holds or lets fail."""

    def __init__(self, claim, before) -> None:
        self._claim = claim
        self._before = before

    def __getattr__(self, name):
        return getattr(self._claim, name)

    def commit(self, outputs=(), state=None):
        commit = self._claim.commit(outputs, state)

        async def held():
            try:
                await self._before(outputs)
            except BaseException:
                commit.close()
                raise
            return await commit

        return held()


class Bus:
    """The embedded bus with claims of ``work`` guarded."""

    def __init__(self, bus, before) -> None:
        self._bus = bus
        self._before = before
        self.claims = 0

    def __getattr__(self, name):
        return getattr(self._bus, name)

    async def claim(self, stage, partition, *, wait=0.0):
        self.claims += 1
        return Guarded(await self._bus.claim(stage, partition, wait=wait), self._before)


async def _feed(bus: EmbeddedBus, values: Sequence[bytes]) -> None:
    claim = await bus.claim("feed", 0)
    await claim.commit([Message("in", b"", value) for value in values])
    await claim.release()


async def _out(bus: EmbeddedBus) -> list[bytes]:
    reader = bus.reader(["out"])
    found = [record.value for record in await reader.fetch(1000, 0)]
    await reader.close()
    return found


def test_the_next_unit_is_worked_on_while_the_last_one_is_committed(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(loop, "FETCH_LIMIT", 3)

    async def scenario() -> None:
        bus = EmbeddedBus(tmp_path, TOPOLOGY, clock=now)
        await _feed(bus, [b"%d" % number for number in range(6)])
        stop, both = asyncio.Event(), asyncio.Event()
        seen: list[Sequence[Record]] = []

        def stepped(records: Sequence[Record]) -> None:
            if records:
                seen.append(records)
                if len(seen) == 2:
                    both.set()

        async def before(outputs) -> None:
            if outputs and outputs[0].value.startswith(b"1 "):
                await asyncio.wait_for(both.wait(), 20)  # the first commit ends only once the second unit was worked on

        guarded = Bus(bus, before)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(run_stage(guarded, "work", 0, lambda: Copy(stepped), clock=now, stop=stop))
            await asyncio.wait_for(both.wait(), 20)
            while len(await _out(bus)) < 6:  # noqa: ASYNC110 - seen from outside only
                await asyncio.sleep(0.02)
            stop.set()
        assert await _out(bus) == [b"%d %d" % (number + 1, number) for number in range(6)]
        assert guarded.claims == 1
        await bus.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("error", [CommitUnknownError, UnavailableError, BusFullError])
def test_what_was_worked_on_behind_a_failed_commit_is_worked_on_again_and_written_once(
    tmp_path, monkeypatch, error
) -> None:
    monkeypatch.setattr(loop, "FETCH_LIMIT", 3)
    monkeypatch.setattr(loop, "FULL_SECONDS", 0.05)

    async def scenario() -> None:
        bus = EmbeddedBus(tmp_path, TOPOLOGY, clock=now)
        await _feed(bus, [b"%d" % number for number in range(9)])
        stop, ahead = asyncio.Event(), asyncio.Event()
        failed: list[object] = []

        def stepped(records: Sequence[Record]) -> None:
            if records and records[0].value == b"3":
                ahead.set()

        async def before(outputs) -> None:
            if outputs and not failed:
                await asyncio.wait_for(ahead.wait(), 20)
                failed.append(outputs)
                raise error("the test says so")

        guarded = Bus(bus, before)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(run_stage(guarded, "work", 0, lambda: Copy(stepped), clock=now, stop=stop))
            while len(await _out(bus)) < 9:  # noqa: ASYNC110 - seen from outside only
                await asyncio.sleep(0.02)
            stop.set()
        assert await _out(bus) == [b"%d %d" % (number + 1, number) for number in range(9)]
        assert guarded.claims == 2
        await bus.close()

    asyncio.run(scenario())


def test_a_mistake_in_a_step_ends_the_stage_as_itself(tmp_path) -> None:
    class Broken(Copy):
        async def step(self, records, now) -> Work:
            raise KeyError("a mistake")

    async def scenario() -> None:
        bus = EmbeddedBus(tmp_path, TOPOLOGY, clock=now)
        with pytest.raises(KeyError, match="a mistake"):
            await run_stage(bus, "work", 0, Broken, clock=now, stop=asyncio.Event())
        await bus.close()

    asyncio.run(scenario())

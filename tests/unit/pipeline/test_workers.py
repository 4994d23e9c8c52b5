"""A worker's share: partitions start, go and stay; what is fenced or mismatched ends alone."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from soc.bus.base import Message, Stage, Topology
from soc.bus.embedded import EmbeddedBus
from soc.clock import now
from soc.errors import FencedError, LogMismatchError, UnavailableError
from soc.pipeline.loop import Work, run_stage
from soc.pipeline.workers import run_share

TOPOLOGY = Topology((Stage("feed", (), ("in",), 1), Stage("work", ("in",), ("out",), 3)), {"in": 3, "out": 1})
PATIENCE = 5.0


class Script:
    """Shares as a test says them; knows whether it was closed."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[frozenset[int] | None] = asyncio.Queue()
        self.closed = False

    def say(self, *partitions: int) -> None:
        self.queue.put_nowait(frozenset(partitions))

    async def shares(self):
        try:
            while (share := await self.queue.get()) is not None:
                yield share
        finally:
            self.closed = True


class Partitions:
    """Runs partitions by waiting; notes what happened. ``failures`` are what each raises at its next starts."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.failures: dict[int, list[Exception]] = {}
        self.slow = 0.0

    async def run(self, partition, stop, ready) -> None:
        self.events.append(f"start {partition}")
        if self.failures.get(partition):
            raise self.failures[partition].pop(0)
        ready()
        await stop.wait()
        await asyncio.sleep(self.slow)
        self.events.append(f"end {partition}")

    async def until(self, *events: str) -> None:
        """Wait until these happened, in any order, and look that nothing else did."""
        for _ in range(round(PATIENCE / 0.01)):
            await asyncio.sleep(0.01)
            if len(self.events) >= len(events):
                break
        assert sorted(self.events) == sorted(events)
        self.events.clear()


@asynccontextmanager
async def sharing(script, partitions, **more):
    stop = asyncio.Event()
    task = asyncio.ensure_future(run_share("work", script.shares(), partitions.run, stop=stop, **more))
    try:
        yield
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE):
            await task


def test_a_partition_that_stays_is_not_disturbed_when_others_come_and_go():
    async def main():
        script, ran = Script(), Partitions()
        async with sharing(script, ran):
            script.say(0, 1)
            await ran.until("start 0", "start 1")
            script.say(1, 2)
            await ran.until("end 0", "start 2")
            script.say()
            await ran.until("end 1", "end 2")
            script.say(0)
            await ran.until("start 0")

    asyncio.run(main())


def test_the_share_is_given_up_after_the_last_partition_was_released():
    async def main():
        script, ran = Script(), Partitions()
        ran.slow = 0.05
        async with sharing(script, ran):
            script.say(0)
            await ran.until("start 0")
            assert not script.closed
        assert ran.events == ["end 0"]
        assert script.closed

    asyncio.run(main())


def test_a_partition_that_comes_back_while_it_ends_starts_after_its_end():
    async def main():
        script, ran = Script(), Partitions()
        ran.slow = 0.05
        async with sharing(script, ran):
            script.say(0)
            await ran.until("start 0")
            script.say()
            await asyncio.sleep(0.01)
            script.say(0)
            await asyncio.sleep(0.01)
            assert not ran.events
            await ran.until("end 0", "start 0")

    asyncio.run(main())


def test_shares_are_asked_for_while_a_partition_takes_long_to_end():
    async def main():
        script, ran = Script(), Partitions()
        ran.slow = 0.2
        async with sharing(script, ran):
            script.say(0)
            await ran.until("start 0")
            script.say()
            script.say(1)
            await ran.until("start 1")  # partition 0 is still ending

    asyncio.run(main())


def test_a_static_share_stays_when_the_iterator_ends():
    async def main():
        script, ran = Script(), Partitions()
        async with sharing(script, ran):
            script.say(2)
            script.queue.put_nowait(None)
            await ran.until("start 2")
            assert script.closed

    asyncio.run(main())


@pytest.mark.parametrize("in_a_group", [False, True])
def test_a_fenced_partition_ends_alone_and_runs_again_when_it_is_in_a_later_share(in_a_group):
    async def main():
        script, ran = Script(), Partitions()
        error = FencedError("another owner took over")
        ran.failures[1] = [ExceptionGroup("beside retention", [error]) if in_a_group else error]
        async with sharing(script, ran, fenced_seconds=60):
            script.say(0, 1)
            await ran.until("start 0", "start 1")
            script.say(0)  # the group says what the fence has said
            await ran.until()
            script.say(0, 1)
            await ran.until("start 1")

    asyncio.run(main())


def test_a_fenced_partition_that_stays_in_the_share_is_claimed_again_after_a_pause():
    async def main():
        script, ran = Script(), Partitions()
        ran.failures[1] = [FencedError("the brokers ended a transaction that took too long")] * 2
        async with sharing(script, ran, fenced_seconds=0.02):
            script.say(0, 1)
            await ran.until("start 0", "start 1", "start 1", "start 1")

    asyncio.run(main())


def test_a_mismatch_stops_its_partition_only_and_the_stage_is_not_ready_until_a_person_has_mended_it():
    async def main():
        script, ran, ready = Script(), Partitions(), []
        ran.failures[1] = [LogMismatchError("in-1 was rolled back")] * 2
        async with sharing(script, ran, mismatch_seconds=0.05, ready=ready.append):
            script.say(0, 1)
            await ran.until("start 0", "start 1")
            assert ready[-1] is False
            await asyncio.sleep(0.1)
            await ran.until("start 1", "start 1")
            assert ready[-1] is True

    asyncio.run(main())


def test_any_other_error_of_one_partition_ends_the_process():
    async def main():
        script, ran = Script(), Partitions()
        ran.failures[0] = [RuntimeError("a bug")]
        script.say(0, 1)
        working = run_share("work", script.shares(), ran.run, stop=asyncio.Event())
        with pytest.raises(ExceptionGroup) as raised:
            await asyncio.wait_for(working, PATIENCE)
        assert raised.group_contains(RuntimeError, match="a bug")
        assert script.closed

    asyncio.run(main())


def test_ready_when_all_of_the_first_share_are_owned_and_at_once_when_it_is_empty():
    async def main():
        script, ran, ready = Script(), Partitions(), []
        ran.failures[1] = [FencedError("taken")]
        async with sharing(script, ran, ready=ready.append, fenced_seconds=60):
            script.say(0, 1)
            await ran.until("start 0", "start 1")
            assert not ready
            script.say(0)  # what went need not be owned
            await asyncio.sleep(0.01)
            assert ready == [True]
        ready.clear()
        idle = Script()
        async with sharing(idle, Partitions(), ready=ready.append):
            idle.say()
            await asyncio.sleep(0.01)
            assert ready == [True]

    asyncio.run(main())


class Copy:
    """The stage of the test below: what it reads it writes, with the worker's name."""

    def __init__(self, name: bytes) -> None:
        self.name = name

    def restore(self, state) -> None:
        pass

    async def step(self, records, now) -> Work:
        return Work([Message("out", b"", self.name + b":" + record.value) for record in records])


def test_partitions_that_move_between_two_workers_lose_and_double_nothing(tmp_path):
    async def main():
        stop = asyncio.Event()
        scripts = {b"a": Script(), b"b": Script()}
        buses = []

        def worker(name: bytes):
            bus = EmbeddedBus(tmp_path / "bus", TOPOLOGY, clock=now)
            buses.append(bus)

            async def run(partition, ended, ready) -> None:
                await run_stage(bus, "work", partition, lambda: Copy(name), clock=now, stop=ended, ready=ready)

            return run_share("work", scripts[name].shares(), run, stop=stop)

        feed_bus = EmbeddedBus(tmp_path / "bus", TOPOLOGY, clock=now)
        reader = feed_bus.reader(["out"])
        found: list[bytes] = []
        sent: list[bytes] = []

        async def move(a: set[int], b: set[int], feed) -> None:
            scripts[b"a"].say(*a)
            scripts[b"b"].say(*b)
            for partition in range(3):
                value = b"%d" % len(sent)
                sent.append(value)
                await feed.commit([Message("in", b"", value, partition)])
            async with asyncio.timeout(20):
                while len(found) < len(sent):
                    found.extend(record.value for record in await reader.fetch(100, 0.05))

        async with asyncio.TaskGroup() as tasks:
            for name in scripts:
                tasks.create_task(worker(name))
            feed = await feed_bus.claim("feed", 0)
            await move({0, 1, 2}, set(), feed)
            await move({0, 1}, {2}, feed)
            await move({0}, {1, 2}, feed)
            await move({1}, {0, 2}, feed)
            await feed.release()
            stop.set()
        assert sorted(int(value.split(b":")[1]) for value in found) == list(range(len(sent)))
        assert {value.split(b":")[0] for value in found} == {b"a", b"b"}
        await reader.close()
        for bus in [*buses, feed_bus]:
            await bus.close()

    asyncio.run(main())


def test_a_membership_that_a_library_cancelled_ends_the_worker_with_an_error():
    async def shares():
        yield frozenset({0})
        lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lost.cancel()
        await lost

    async def scenario() -> None:
        partitions = Partitions()
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(ExceptionGroup) as raised:
                await run_share("work", shares(), partitions.run, stop=asyncio.Event())
        assert [type(error) for error in raised.value.exceptions] == [UnavailableError]

    asyncio.run(scenario())

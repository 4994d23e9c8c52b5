"""A log that is not the one that was read: every stage that would swallow or double something stops and says why."""

import asyncio

import pytest
from bus_support import TOPOLOGY, Counter, everything, feed, finish, values_of

from soc.bus.base import Bus, Stage
from soc.errors import LogMismatchError

# The same directory as seen by a soc that does not know who reads "in": its claims cannot look at the readers' positions.
BLIND = TOPOLOGY._replace(stages=tuple(stage for stage in TOPOLOGY.stages if stage.name != "work"))


async def _read_and_rolled_back(harness) -> Bus:
    """The topic holds a, b; a back-up is made; c, d follow and are worked off; then the back-up is put in the log's place."""
    bus = harness.open()
    await feed(bus, ["a", "b"])
    await bus.close()
    copy = harness.save("feed")
    bus = harness.open()
    await feed(bus, ["c", "d"])
    await finish(bus)
    await bus.close()
    harness.restore("feed", copy)
    return harness.open()


def test_the_reader_of_a_rolled_back_log_stops_and_names_both_numbers(harness) -> None:
    async def scenario() -> None:
        bus = await _read_and_rolled_back(harness)
        with pytest.raises(LogMismatchError, match=r"feed-0.* up to 4; it ends at 2 now.*restore") as caught:
            await bus.claim("work", 0)
        assert "soc doctor" in str(caught.value)
        await bus.close()

    asyncio.run(scenario())


def test_the_writer_of_a_rolled_back_log_stops_before_its_first_append(harness) -> None:
    """Were it to append, the new c, d would stand where the reader has been already."""

    async def scenario() -> None:
        bus = await _read_and_rolled_back(harness)
        with pytest.raises(LogMismatchError, match=r"work-0 had read .* up to 4; it ends at 2 now"):
            await bus.claim("feed", 0)
        assert await values_of(bus, "in") == ["a", "b"]
        await bus.close()

    asyncio.run(scenario())


def test_a_log_rolled_back_and_appended_beyond_the_position_stops_its_reader_too(harness) -> None:
    """The stamp of the batch before the position tells the two histories apart, though offsets alone look right."""

    async def scenario() -> None:
        bus = await _read_and_rolled_back(harness)
        await bus.close()
        blind = harness.open(BLIND)
        await feed(blind, ["x", "y", "z"])
        await blind.close()
        bus = harness.open()
        with pytest.raises(LogMismatchError, match="another record stands before 4"):
            await bus.claim("work", 0)
        with pytest.raises(LogMismatchError, match="another record stands before 4"):
            await bus.claim("feed", 0)
        await bus.close()

    asyncio.run(scenario())


def test_a_log_rolled_back_under_a_running_reader_stops_it_at_the_next_fetch(harness) -> None:
    async def scenario() -> None:
        bus = harness.open()
        await feed(bus, ["a", "b"])
        await bus.close()
        copy = harness.save("feed")
        feeder = harness.open()
        await feed(feeder, ["c", "d"])
        await feeder.close()
        bus = harness.open()
        reader = bus.reader(["in"])
        assert len(await everything(reader)) == 4
        positions = reader.positions
        await bus.close()
        harness.restore("feed", copy)
        bus = harness.open()
        with pytest.raises(LogMismatchError, match="read up to 4 and ends at 2 now"):
            await bus.reader(["in"], positions).fetch(10, 0)
        unknown = {(topic, partition, "nosuchlog"): 1 for topic, partition, _ in positions}
        with pytest.raises(LogMismatchError, match="no log nosuchlog"):
            await bus.reader(["in"], unknown).fetch(10, 0)
        await bus.close()

    asyncio.run(scenario())


def test_problems_tells_what_the_claims_would_stop_at(harness) -> None:
    async def scenario() -> None:
        bus = await _read_and_rolled_back(harness)
        found = await bus.problems()
        assert {problem.where for problem in found} == {"feed-0", "work-0"}
        assert all("up to 4; it ends at 2 now" in problem.what and problem.advice for problem in found)
        await bus.close()

    asyncio.run(scenario())


def test_rolling_back_what_nobody_had_read_beyond_is_no_mismatch(harness) -> None:
    async def scenario() -> None:
        bus = harness.open()
        await feed(bus, ["a", "b"])
        await finish(bus)
        await bus.close()
        copy = harness.save("feed")
        bus = harness.open()
        await feed(bus, ["c"])
        await bus.close()
        harness.restore("feed", copy)
        bus = harness.open()
        assert await bus.problems() == ()
        await feed(bus, ["d"])
        await finish(bus)
        assert await values_of(bus, "out") == ["0:a", "1:b", "2:d"]
        await bus.close()

    asyncio.run(scenario())


def test_a_rolled_back_stage_works_off_its_input_again_but_its_reader_stops(harness) -> None:
    """State, outputs and positions of a stage roll back together: its own result stays whole."""

    async def scenario() -> None:
        bus = harness.open()
        await feed(bus, ["a", "b"])
        await finish(bus)
        await bus.close()
        copy = harness.save("work")
        bus = harness.open()
        await feed(bus, ["c"])
        await finish(bus)
        sink = await bus.claim("sink", 0)
        assert len(await everything(sink)) == 3
        await sink.commit()
        await bus.close()
        harness.restore("work", copy)
        bus = harness.open()
        with pytest.raises(LogMismatchError, match=r"sink-0 had read .* up to 3; it ends at 2 now"):
            await bus.claim("work", 0)
        with pytest.raises(LogMismatchError):
            await bus.claim("sink", 0)
        await bus.close()

    asyncio.run(scenario())


def test_a_stage_added_later_reads_from_the_oldest_retained_record(harness) -> None:
    async def scenario() -> None:
        bus = harness.open()
        await feed(bus, ["a", "b"])
        await bus.close()
        bus = harness.open(TOPOLOGY._replace(stages=(*TOPOLOGY.stages, Stage("late", ("in",), (), 2))))
        claim = await bus.claim("late", 0)
        assert [record.value for record in await everything(claim)] == [b"a", b"b"]
        await bus.close()

    asyncio.run(scenario())


def test_a_stage_that_lost_an_input_leaves_its_old_position_alone(harness) -> None:
    async def scenario() -> None:
        bus = harness.open()
        await feed(bus, ["a"])
        await finish(bus)
        await bus.close()
        stages = [stage._replace(inputs=()) if stage.name == "work" else stage for stage in TOPOLOGY.stages]
        bus = harness.open(TOPOLOGY._replace(stages=tuple(stages)))
        worker = Counter(await bus.claim("work", 0))
        assert worker.count == 1
        assert await worker.claim.fetch(1, 0) == ()
        await worker.claim.commit()
        await bus.close()

    asyncio.run(scenario())

"""Intake: durable when it says so, in groups, once, with the balance of what was written."""

import asyncio

import pytest

from collectors.intake import BATCH_KEY, Intake
from soc.clock import MINUTE
from soc.errors import BusFullError, CommitUnknownError, FencedError, UnavailableError
from soc.model import RawRecord
from tests.unit.collectors.support.memory_claim import MemoryLog
from tests.unit.collectors.support.running import Stepped, running, until

NOW = Stepped()()


def record(data: bytes, source: str = "192.0.2.7", received: int = NOW) -> RawRecord:
    return RawRecord(data, received, "test", f"{source}:514", source)


def intake_on(log: MemoryLog, **kwargs: int) -> Intake:
    return Intake(log.open, clock=Stepped(), **kwargs)


def test_append_returns_once_the_records_and_the_state_are_durable() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = intake_on(log)
        async with running(intake):
            await intake.append([record(b"a"), record(b"b")], {b"file/x": b"1"})
            assert log.lines == [b"a", b"b"]
            assert log.state[b"file/x"] == b"1"
            assert intake.state == {b"file/x": b"1"}
            assert {message.key for message in log.outputs} == {b"192.0.2.7"}

    asyncio.run(scenario())


def test_whatever_waits_when_a_commit_ends_goes_into_the_next_one_in_order() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = intake_on(log)
        async with running(intake):
            log.gate.clear()
            first = asyncio.ensure_future(intake.append([record(b"0")]))
            await asyncio.sleep(0.01)
            rest = [asyncio.ensure_future(intake.append([record(b"%d" % n)])) for n in range(1, 50)]
            await asyncio.sleep(0.01)
            assert not first.done()
            log.gate.set()
            await asyncio.gather(first, *rest)
            assert log.commits == 2
            assert log.lines == [b"%d" % n for n in range(50)]

    asyncio.run(scenario())


def test_append_waits_while_the_queue_is_full_and_submit_refuses() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = intake_on(log, max_queued_bytes=1000)
        async with running(intake):
            log.gate.clear()
            first = asyncio.ensure_future(intake.append([record(b"x" * 2000)]))
            await asyncio.sleep(0.01)
            second = asyncio.ensure_future(intake.append([record(b"y")]))
            await asyncio.sleep(0.01)
            assert intake.full
            with pytest.raises(BusFullError):
                intake.submit([record(b"z")])
            assert intake.counters.queued_bytes < 2200
            log.gate.set()
            await asyncio.gather(first, second)
            assert log.lines == [b"x" * 2000, b"y"]
            assert not intake.full

    asyncio.run(scenario())


def test_a_full_bus_refuses_what_waits_and_takes_what_comes_later() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        log.faults.append((BusFullError("no room"), False))
        intake = intake_on(log)
        async with running(intake):
            with pytest.raises(BusFullError, match="no room"):
                await intake.append([record(b"a")], {b"k": b"1"})
            assert intake.full
            with pytest.raises(BusFullError):
                intake.submit([record(b"a")])
            assert intake.state == {}
            await until(lambda: not intake.full)
            await intake.append([record(b"b")])
            assert log.lines == [b"b"]
            assert sum(log.balance().values()) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("written", [True, False])
@pytest.mark.parametrize("error", [CommitUnknownError("lost answer"), UnavailableError("went away")])
def test_a_commit_with_unknown_outcome_is_neither_doubled_nor_lost(error: Exception, written: bool) -> None:
    async def scenario() -> None:
        log = MemoryLog()
        log.faults.extend([None, (error, written), (error, written)])
        intake = intake_on(log)
        async with running(intake):
            for n in range(6):
                log.away = n % 3
                await intake.append([record(b"%d" % n)], {b"last": b"%d" % n})
            assert log.lines == [b"%d" % n for n in range(6)]
            assert log.state[b"last"] == b"5"
            assert log.balance() == {f"{NOW // MINUTE}/192.0.2.7": 6}
            assert intake.counters.reclaimed == 2

    asyncio.run(scenario())


def test_a_fenced_intake_stops_and_fails_everything_that_waits() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = intake_on(log)
        run = asyncio.ensure_future(intake.run())
        await intake.ready.wait()
        await log.open()  # another owner
        with pytest.raises(FencedError):
            await intake.append([record(b"a")])
        with pytest.raises(FencedError):
            await run
        with pytest.raises(FencedError):
            await intake.append([record(b"b")])
        assert log.lines == []

    asyncio.run(scenario())


def test_a_restart_goes_on_from_the_durable_state_and_balance() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        for round_ in range(2):
            intake = intake_on(log)
            async with running(intake):
                assert intake.state == ({b"file/x": b"0"} if round_ else {})
                await intake.append([record(b"a"), record(b"b", "192.0.2.8")], {b"file/x": b"%d" % round_})
        assert log.balance() == {f"{NOW // MINUTE}/192.0.2.7": 2, f"{NOW // MINUTE}/192.0.2.8": 2}
        assert len(log.state[BATCH_KEY]) == 16
        assert log.released == 2

    asyncio.run(scenario())


def test_a_deleted_state_key_is_gone_for_good() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = intake_on(log)
        async with running(intake):
            await intake.append([], {b"idem/1": b"x"})
            await intake.append([], {b"idem/1": None})
            assert intake.state == {}
            assert b"idem/1" not in log.state

    asyncio.run(scenario())


def test_a_stop_writes_what_attached_listeners_hand_over_last_then_refuses() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = intake_on(log)
        run = asyncio.ensure_future(intake.run())
        await intake.ready.wait()
        with intake.attached():
            run.cancel()
            await asyncio.sleep(0.02)
            await intake.append([record(b"last")])
        with pytest.raises(asyncio.CancelledError):
            await run
        assert log.lines == [b"last"]
        with pytest.raises(UnavailableError):
            await intake.append([record(b"late")])

    asyncio.run(scenario())


def test_a_sender_that_is_cancelled_harms_nobody() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = intake_on(log)
        async with running(intake):
            log.gate.clear()
            gone = asyncio.ensure_future(intake.append([record(b"gone")]))
            stays = asyncio.ensure_future(intake.append([record(b"stays")]))
            await asyncio.sleep(0.01)
            gone.cancel()
            log.gate.set()
            await stays
            assert log.lines == [b"gone", b"stays"]
            assert sum(log.balance().values()) == 2

    asyncio.run(scenario())

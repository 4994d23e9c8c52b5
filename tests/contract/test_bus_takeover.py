"""One owner at a time, exactly once: killed anywhere, taken over in the worst moment, left without an answer."""

import asyncio
import random
import signal
import threading
import time

import pytest
from bus_support import STEPS, Counter, everything, feed, finish, numbered, put, start_child, values_of

from soc.errors import CommitUnknownError, FencedError

INPUTS = [f"line {number}" for number in range(20)]


@pytest.mark.parametrize("step", STEPS)
def test_a_process_killed_right_after_any_step_changes_nothing_in_the_result(harness, step) -> None:
    async def before() -> None:
        bus = harness.open()
        for start in range(0, 20, 4):
            await feed(bus, INPUTS[start : start + 4])
        await bus.close()

    async def after() -> list[str]:
        bus = harness.open()
        await finish(bus)
        found = await values_of(bus, "out")
        states = [dict(state) async for _, state in bus.states("work")]
        await bus.close()
        assert states == [{b"count": b"20"}]
        return found

    asyncio.run(before())
    # Steps of the claim happen once; of the others the second time, when something is committed already.
    child = start_child(harness, step, 1 if step in {"fenced", "positioned", "restored"} else 2)
    child.communicate(timeout=30)
    assert child.returncode == -signal.SIGKILL
    assert asyncio.run(after()) == numbered(INPUTS)


def test_killed_again_and_again_at_random_moments_each_input_counts_once(harness) -> None:
    async def scenario() -> None:
        bus = harness.open()
        feeder = await bus.claim("feed", 0)
        chance = random.Random()
        sent: list[str] = []
        for _ in range(5):
            child = await asyncio.to_thread(start_child, harness)
            assert await asyncio.to_thread(child.stdout.readline) == b"claimed\n"
            deadline = time.monotonic() + chance.uniform(0.0, 0.15)
            while time.monotonic() < deadline:
                batch = [f"line {number}" for number in range(len(sent), len(sent) + 10)]
                await put(feeder, batch)
                sent += batch
            child.kill()
            await asyncio.to_thread(child.communicate, timeout=10)
            assert child.returncode == -signal.SIGKILL
        await finish(bus, 1000)
        assert await values_of(bus, "out") == numbered(sent)
        await bus.close()

    asyncio.run(scenario())


def test_an_old_owner_that_commits_while_its_successor_waits_is_neither_lost_nor_repeated(harness) -> None:
    """Five inputs, five outputs: the successor reads the position after its fence, not when it began."""

    async def scenario() -> None:
        old_bus, new_bus = harness.open(), harness.open()
        await feed(old_bus, INPUTS[:5])
        old = Counter(await old_bus.claim("work", 0))
        await old.turn(2)
        uncommitted = old.outputs(await old.claim.fetch(2, 0))
        started = asyncio.create_task(new_bus.claim("work", 0, wait=1.0))
        await asyncio.sleep(0.05)
        assert not started.done(), "a living owner must be waited for"
        await old.claim.commit(uncommitted, {b"count": b"%d" % old.count})
        late = old.outputs(await old.claim.fetch(2, 0))
        new = Counter(await started)
        assert new.count == 4
        with pytest.raises(FencedError):
            await old.claim.commit(late, {b"count": b"5"})
        await new.run()
        assert await values_of(new_bus, "out") == numbered(INPUTS[:5])
        await old_bus.close()
        await new_bus.close()

    asyncio.run(scenario())


def test_an_old_owner_that_commits_between_the_fence_and_the_position_is_refused(harness) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        old_bus = harness.open()
        await feed(old_bus, INPUTS[:5])
        old = Counter(await old_bus.claim("work", 0))
        await old.turn(2)
        outputs = old.outputs(await old.claim.fetch(3, 0))
        outcome: list[BaseException | None] = []

        def interfere(step: str) -> None:
            if step == "fenced":
                commit = asyncio.run_coroutine_threadsafe(old.claim.commit(outputs, {b"count": b"5"}), loop)
                outcome.append(commit.exception(timeout=10))

        new_bus = harness.open(on_step=interfere)
        new = Counter(await new_bus.claim("work", 0))
        assert isinstance(outcome[0], FencedError)
        assert new.count == 2
        await new.run()
        assert await values_of(new_bus, "out") == numbered(INPUTS[:5])
        await old_bus.close()
        await new_bus.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("step", ["outputs_written", "state_written", "positions_written"])
def test_a_successor_that_arrives_in_the_middle_of_a_commit_sees_all_of_it_or_nothing(harness, step) -> None:
    async def scenario() -> None:
        inside, go_on = threading.Event(), threading.Event()
        old_bus, new_bus = harness.open(on_step=_pause_at(step, inside, go_on)), harness.open()
        feeder = harness.open()
        await feed(feeder, INPUTS[:5])
        old = Counter(await old_bus.claim("work", 0))
        records = await old.claim.fetch(3, 0)
        async with asyncio.TaskGroup() as group:
            commit = group.create_task(_outcome(old.claim.commit(old.outputs(records), {b"count": b"3"})))
            await asyncio.to_thread(inside.wait, 10)
            claim = group.create_task(new_bus.claim("work", 0))
            await asyncio.sleep(0.05)
            go_on.set()
        assert commit.result() is None or isinstance(commit.result(), FencedError | CommitUnknownError)
        await Counter(claim.result()).run()
        assert await values_of(new_bus, "out") == numbered(INPUTS[:5])
        for bus in (old_bus, new_bus, feeder):
            await bus.close()

    asyncio.run(scenario())


def _pause_at(step, inside: threading.Event, go_on: threading.Event):
    """An ``on_step`` that says it is inside ``step`` and stays there, the first time, until it may go on."""

    def pause(now: str) -> None:
        if now == step and not inside.is_set():
            inside.set()
            assert go_on.wait(10)

    return pause


async def _outcome(work) -> BaseException | None:
    try:
        await work
    except (FencedError, CommitUnknownError) as error:
        return error
    return None


def test_a_successor_that_waits_gets_the_claim_as_soon_as_the_owner_releases_or_dies(harness) -> None:
    async def scenario() -> None:
        bus = harness.open()
        old = await bus.claim("work", 0)
        waiting = asyncio.create_task(bus.claim("work", 0, wait=30))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await old.release()
        claim = await asyncio.wait_for(waiting, 5)
        await claim.release()
        await feed(bus, INPUTS[:1])
        child = await asyncio.to_thread(start_child, harness)
        assert await asyncio.to_thread(child.stdout.readline) == b"claimed\n"
        child.kill()
        await asyncio.to_thread(child.communicate, timeout=10)
        await asyncio.wait_for(bus.claim("work", 0, wait=30), 5)
        await bus.close()

    asyncio.run(scenario())


def test_a_fenced_owner_commits_nothing_not_even_its_position(harness) -> None:
    async def scenario() -> None:
        bus = harness.open()
        await feed(bus, INPUTS[:5])
        old = await bus.claim("work", 0)
        assert len(await old.fetch(5, 0)) == 5
        new = await bus.claim("work", 0)
        for _ in range(2):
            with pytest.raises(FencedError):
                await old.commit()
        assert dict(new.positions) == {}
        assert len(await everything(new)) == 5
        await bus.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("happened", [True, False])
def test_after_an_unknown_commit_claiming_again_gives_each_output_once_either_way(harness, happened) -> None:
    async def scenario() -> None:
        broken = False

        def lose_the_answer(step: str) -> None:
            nonlocal broken
            if step == ("committed" if happened else "positions_written") and not broken:
                broken = True
                raise CommitUnknownError("the answer was lost")

        bus, feeder = harness.open(on_step=lose_the_answer), harness.open()
        await feed(feeder, INPUTS[:5])
        first = Counter(await bus.claim("work", 0))
        with pytest.raises(CommitUnknownError):
            await first.turn(3)
        with pytest.raises(CommitUnknownError):
            await first.claim.commit()
        with pytest.raises(CommitUnknownError):
            await first.claim.fetch(3, 0)
        second = Counter(await bus.claim("work", 0))
        assert second.count == (3 if happened else 0)
        await second.run()
        assert await values_of(bus, "out") == numbered(INPUTS[:5])
        await bus.close()
        await feeder.close()

    asyncio.run(scenario())


def test_a_cancelled_commit_leaves_a_claim_that_must_be_claimed_again(harness) -> None:
    """Whether it happened cannot be known: to commit the same again could double it."""

    async def scenario() -> None:
        inside, go_on = threading.Event(), threading.Event()
        bus = harness.open(on_step=_pause_at("outputs_written", inside, go_on))
        feeder = harness.open()
        await feed(feeder, INPUTS[:5])
        first = Counter(await bus.claim("work", 0))
        turn = asyncio.create_task(first.turn(5))
        assert await asyncio.to_thread(inside.wait, 10)
        turn.cancel()
        with pytest.raises(asyncio.CancelledError):
            await turn
        go_on.set()
        with pytest.raises(CommitUnknownError):
            await first.claim.commit()
        await first.claim.release()
        await finish(bus)
        assert await values_of(bus, "out") == numbered(INPUTS[:5])
        await bus.close()
        await feeder.close()

    asyncio.run(scenario())


def test_a_cancelled_fetch_loses_no_record(harness) -> None:
    """What was read ahead for a call that went away is handed to the next call."""

    async def scenario() -> None:
        inside, go_on = threading.Event(), threading.Event()
        bus = harness.open(on_step=_pause_at("fetched", inside, go_on))
        feeder = harness.open()
        await feed(feeder, INPUTS[:5])
        claim = await bus.claim("work", 0)
        fetch = asyncio.create_task(claim.fetch(5, 1))
        assert await asyncio.to_thread(inside.wait, 10)
        fetch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetch
        go_on.set()
        assert [record.value.decode() for record in await claim.fetch(10, 1)] == INPUTS[:5]
        await bus.close()
        await feeder.close()

    asyncio.run(scenario())

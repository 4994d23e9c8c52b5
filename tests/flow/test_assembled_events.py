"""Events in several records on the real embedded bus: whole and in the balance, also when the engine is stopped between two parts."""

import asyncio
from pathlib import Path

import pytest
from flow.test_stages import Pipeline

from soc.clock import SECOND, now
from soc.model import Event
from soc.normalize import assemble
from soc.pipeline.reconcile import reconcile
from soc.pipeline.table import EVENTS


def audit(kind: str, at: int) -> bytes:
    return f'type={kind} msg=audit({at // SECOND}.000:7): comm="id" exe="/usr/bin/id"'.encode()


def test_parts_that_the_engine_reads_in_two_lives_are_one_event_and_the_balance_is_exact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(assemble, "QUIET", 600 * SECOND)  # however slow this machine is, only the end mark ends it
    monkeypatch.setattr(assemble, "OLDEST", 600 * SECOND)

    async def scenario() -> None:
        pipeline = Pipeline(tmp_path)
        await pipeline.publish(5)
        at = now()
        await pipeline.collect([audit("SYSCALL", at), audit("CWD", at)])
        first = asyncio.create_task(pipeline.run())
        while (await reconcile(pipeline.bus)).behind.get("engine"):  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.02)
        held = (await reconcile(pipeline.bus)).sums
        assert (held.normalized, held.joined, held.in_flight, held.balanced) == (0, 0, 2, False)
        first.cancel()
        await asyncio.wait([first])
        await pipeline.collect([audit("PATH", at), audit("EOE", at)])
        await pipeline.run()
        sums = (await reconcile(pipeline.bus)).sums
        assert (sums.raw, sums.normalized, sums.joined, sums.dead, sums.balanced) == (4, 1, 3, 0, True)
        events: list[Event] = await pipeline.values(EVENTS, Event)
        (event,) = events
        assert event.fields["type"] == ["SYSCALL", "CWD", "PATH", "EOE"]
        await pipeline.close()

    asyncio.run(scenario())


def test_an_event_whose_last_part_never_comes_is_ended_and_counted(tmp_path: Path):
    async def scenario() -> None:
        pipeline = Pipeline(tmp_path)
        await pipeline.publish(5)
        await pipeline.collect([audit("SYSCALL", now()), audit("CWD", now())])
        await pipeline.run()
        sums = (await reconcile(pipeline.bus)).sums
        assert (sums.raw, sums.normalized, sums.joined, sums.balanced) == (2, 1, 1, True)
        await pipeline.close()

    asyncio.run(scenario())

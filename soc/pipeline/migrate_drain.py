"""What was collected and not yet processed, worked off without any listener, so that nothing unread has to be keyed anew.

In go a bus that nobody else works on, and what makes the logic of each stage; the stages' own outputs and states come out.
"""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from soc.bus.base import Bus, Claim
from soc.clock import Clock
from soc.pipeline.loop import FETCH_LIMIT, StageLogic

Progress = Callable[[str, int], None]
"""Told the stage, and how many records it worked off so far."""


@dataclass(frozen=True, slots=True)
class Draining:
    """A stage to be drained.

    Attributes:
        make: the logic of one partition.
        settles: it is given empty batches at the end until they bring nothing more: what a rule says reaches those above it.
            Other stages are not: an engine that is told that there is nothing more lets time go on to now, and lines that
            wait in a collector would be late.
    """

    stage: str
    make: Callable[[int], StageLogic]
    settles: bool = False


@dataclass(slots=True)
class _Owned:
    draining: Draining
    claim: Claim
    logic: StageLogic


async def drain(bus: Bus, stages: Sequence[Draining], *, clock: Clock, progress: Progress) -> None:
    """Run the stages, in data order and again from the first, until none of them finds anything to do.

    Raises:
        FencedError: somebody else works on this bus.
    """
    async with AsyncExitStack() as stack:
        owned: list[_Owned] = []
        for draining in stages:
            row = next(one for one in bus.topology.stages if one.name == draining.stage)
            for partition in range(row.partitions):
                claim = await bus.claim(draining.stage, partition)
                stack.push_async_callback(claim.release)
                logic = draining.make(partition)
                logic.restore(claim.state)
                owned.append(_Owned(draining, claim, logic))
        done: dict[str, int] = {}
        while any([await _round(one, clock, done, progress) for one in owned]):
            pass


async def _round(one: _Owned, clock: Clock, done: dict[str, int], progress: Progress) -> bool:
    """Work off what one partition has now; whether there was anything."""
    worked = False
    stage = one.draining.stage
    while True:
        records = await one.claim.fetch(FETCH_LIMIT, 0.0)
        if not records and not one.draining.settles:
            return worked
        work = await one.logic.step(records, clock())
        if not records and not work.outputs and not work.state:
            return worked
        await one.claim.commit(work.outputs, work.state)
        worked = True
        done[stage] = done.get(stage, 0) + len(records)
        progress(stage, done[stage])

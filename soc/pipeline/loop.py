"""The loop that runs one stage over one partition: claim, restore, then fetch → step → commit until told to stop."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from soc.bus.base import Bus, Claim, Message, Record
from soc.clock import Clock, Micros
from soc.errors import BusError, BusFullError, CommitUnknownError, UnavailableError
from soc.pipeline.waiting import pause as wait
from soc.telemetry import COMMITS, OUTPUTS, RECLAIMS, RECORDS, STEP_SECONDS

log = structlog.get_logger()

FETCH_LIMIT = 2000
"""Records a unit of work: large enough that one fsync is shared by many, small enough that a step stays under a second."""

FETCH_TIMEOUT = 0.25
"""Seconds without records after which a stage is given a step all the same, so that time can pass in it."""

AWAY_FIRST_SECONDS, AWAY_LAST_SECONDS = 0.2, 5.0
"""Pauses between claims while the bus is away."""

FULL_SECONDS = 2.0
"""Pause between claims while the bus is full: a person must make room, and each claim restores the state anew."""


@dataclass(slots=True)
class Work:
    """What one step wants committed together."""

    outputs: list[Message] = field(default_factory=list[Message])
    state: dict[bytes, bytes | None] = field(default_factory=dict[bytes, "bytes | None"])


class StageLogic(Protocol):
    """What a stage does. An instance lives as long as one claim; its memory is never older than what is committed."""

    def restore(self, state: Mapping[bytes, bytes]) -> None:
        """Rebuild memory from the committed state."""
        ...

    async def step(self, records: Sequence[Record], now: Micros) -> Work:
        """Process records (() when only time passed); nothing is visible before the returned work is committed."""
        ...


async def run_stage(
    bus: Bus,
    stage: str,
    partition: int,
    make: Callable[[], StageLogic],
    *,
    clock: Clock,
    stop: asyncio.Event,
    ready: Callable[[], None] = lambda: None,
    take_over_wait: float = 10.0,
) -> None:
    """Run one stage over one partition until ``stop`` is set.

    An unknown commit, or a bus that is away or full, makes it drop its memory and claim again, exactly as a take-over does.

    Raises:
        FencedError: another owner has it.
        LogMismatchError: its input is not the log it read before.
    """
    pause = AWAY_FIRST_SECONDS
    while not stop.is_set():
        try:
            claim = await bus.claim(stage, partition, wait=take_over_wait)
            try:
                logic = make()
                logic.restore(claim.state)
                ready()
                pause = AWAY_FIRST_SECONDS
                await _work(claim, logic, clock, stop)
            finally:
                await claim.release()
        except CommitUnknownError as error:
            RECLAIMS.labels(stage, "commit_unknown").inc()
            log.warning("commit_unknown", stage=stage, partition=partition, error=str(error))
        except BusFullError as error:  # a stage behind the collectors has nowhere else to put its work
            RECLAIMS.labels(stage, "full").inc()
            log.error("bus_full", stage=stage, partition=partition, error=str(error))  # noqa: TRY400 - no trace
            await wait(stop, FULL_SECONDS)
        except UnavailableError as error:
            RECLAIMS.labels(stage, "unavailable").inc()
            log.warning("bus_unavailable", stage=stage, partition=partition, error=str(error), again_in=pause)
            await wait(stop, pause)
            pause = min(2 * pause, AWAY_LAST_SECONDS)


async def _work(claim: Claim, logic: StageLogic, clock: Clock, stop: asyncio.Event) -> None:
    """Units of work one after another; the next is read and worked on while the last one's commit is under way.

    That is safe because a commit that fails costs the claim: what was made of its state meanwhile is dropped with it.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            failure = await _units(claim, logic, clock, stop, tasks)
    except BaseExceptionGroup as group:
        first, *others = group.exceptions
        if others:
            raise
        raise first from None  # a mistake in a step is told as itself
    if failure is not None:
        raise failure


async def _units(
    claim: Claim, logic: StageLogic, clock: Clock, stop: asyncio.Event, tasks: asyncio.TaskGroup
) -> BusError | UnavailableError | None:
    """Work until told to stop; why it ended before, returned so that the task group wraps no error in another."""
    under_way: asyncio.Task[BusError | UnavailableError | None] | None = None
    while not stop.is_set():
        try:
            records = await claim.fetch(FETCH_LIMIT, FETCH_TIMEOUT)
            started = time.perf_counter()
            work = await logic.step(records, clock())
        except (BusError, UnavailableError) as error:
            return (await under_way if under_way else None) or error
        if under_way is not None and (failure := await under_way) is not None:
            return failure
        under_way = None
        if records or work.outputs or work.state:
            try:
                commit = claim.commit(work.outputs, work.state)
            except (BusError, UnavailableError) as error:
                return error
            under_way = tasks.create_task(_commit(claim, work, commit, len(records), started))
    return await under_way if under_way else None


async def _commit(
    claim: Claim, work: Work, commit: Coroutine[Any, Any, Any], records: int, started: float
) -> BusError | UnavailableError | None:
    """See a commit through to its end; why it failed, if it did."""
    try:
        await commit
    except (BusError, UnavailableError) as error:
        return error
    STEP_SECONDS.labels(claim.stage).observe(time.perf_counter() - started)
    COMMITS.labels(claim.stage).inc()
    RECORDS.labels(claim.stage).inc(records)
    counts: dict[str, int] = {}
    for message in work.outputs:
        counts[message.topic] = counts.get(message.topic, 0) + 1
    for topic, count in counts.items():
        OUTPUTS.labels(claim.stage, topic).inc(count)
    return None

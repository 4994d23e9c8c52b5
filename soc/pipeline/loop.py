"""The loop that runs one stage over one partition: claim, restore, then fetch → step → commit until told to stop."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from soc.bus.base import Bus, Claim, Message, Record
from soc.clock import Clock, Micros
from soc.errors import BusFullError, CommitUnknownError, UnavailableError
from soc.pipeline.waiting import pause as wait
from soc.telemetry import COMMITS, OUTPUTS, RECLAIMS, RECORDS, STEP_SECONDS

log = structlog.get_logger()

FETCH_LIMIT = 2000
"""Records a unit of work: large enough that one fsync is shared by many, small enough that a step stays under a second."""

FETCH_TIMEOUT = 0.25
"""Seconds without records after which a stage is given a step all the same, so that time can pass in it."""

AWAY_FIRST_SECONDS, AWAY_LAST_SECONDS = 0.2, 5.0
"""Pauses between claims while the bus is away."""


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

    An unknown commit, or a bus that is away, makes it drop its memory and claim again, exactly as a take-over does.

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
        except UnavailableError as error:
            RECLAIMS.labels(stage, "unavailable").inc()
            log.warning("bus_unavailable", stage=stage, partition=partition, error=str(error), again_in=pause)
            await wait(stop, pause)
            pause = min(2 * pause, AWAY_LAST_SECONDS)


async def _work(claim: Claim, logic: StageLogic, clock: Clock, stop: asyncio.Event) -> None:
    seconds = STEP_SECONDS.labels(claim.stage)
    while not stop.is_set():
        records = await claim.fetch(FETCH_LIMIT, FETCH_TIMEOUT)
        with seconds.time():
            work = await logic.step(records, clock())
            if records or work.outputs or work.state:
                await _commit(claim, work, stop)
        RECORDS.labels(claim.stage).inc(len(records))


async def _commit(claim: Claim, work: Work, stop: asyncio.Event) -> None:
    """Commit, waiting while the bus is full: a stage behind the collectors has nowhere else to put its work."""
    while True:
        try:
            await claim.commit(work.outputs, work.state)
        except BusFullError as error:
            if stop.is_set():
                raise
            log.error("bus_full", stage=claim.stage, error=str(error))  # noqa: TRY400 - no trace
            await asyncio.sleep(1)
            continue
        break
    COMMITS.labels(claim.stage).inc()
    counts: dict[str, int] = {}
    for message in work.outputs:
        counts[message.topic] = counts.get(message.topic, 0) + 1
    for topic, count in counts.items():
        OUTPUTS.labels(claim.stage, topic).inc(count)

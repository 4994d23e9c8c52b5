"""A worker's share of a stage: partitions that come and go in, one task for each while it is this worker's out."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

import structlog

from soc.bus.cancelled import asked_to_end
from soc.errors import FencedError, LogMismatchError, UnavailableError
from soc.pipeline.waiting import pause
from soc.telemetry import RECLAIMS

log = structlog.get_logger()

FENCED_SECONDS = 5.0
"""Before a partition that another owner took is claimed again, if it is still in the share: by then a worker that slept past
its session has heard that it is not."""

MISMATCH_SECONDS = 30.0
"""How often a partition whose log is not the one it read is tried again, and told again that a person must decide."""

RunPartition = Callable[[int, asyncio.Event, Callable[[], None]], Awaitable[None]]
"""Runs one partition until the event is set; calls the function once it owns it."""


async def run_share(
    stage: str,
    shares: AsyncGenerator[frozenset[int]],
    run: RunPartition,
    *,
    stop: asyncio.Event,
    ready: Callable[[bool], None] = lambda _: None,
    fenced_seconds: float = FENCED_SECONDS,
    mismatch_seconds: float = MISMATCH_SECONDS,
) -> None:
    """Run every partition of the newest share until ``stop`` is set; then release them, and only then give the share up.

    A partition that goes to another worker ends its unit of work and is released; one that stays is not disturbed. Two errors
    end one partition and leave the others alone; while the partition is in the share it is tried again:

    - ``FencedError``: another worker took it, rightly if this one slept. Who may commit is decided by the fence, nothing is
      doubled.
    - ``LogMismatchError``: a person must decide. It is told at every try, and the stage is not ready meanwhile.

    Args:
        ready: called with True once all partitions of the first share are owned, with False when one is stopped by a mismatch,
            and with True when it goes on.

    Raises:
        whatever else ``run`` or ``shares`` raises, in an ExceptionGroup: the supervisor starts the process again.
    """
    worker = _Worker(stage, run, ready, fenced_seconds, mismatch_seconds)
    newest: frozenset[int] | None = None
    changed = asyncio.Event()

    async def follow() -> None:
        nonlocal newest
        try:
            async with aclosing(shares):
                async for share in shares:  # asked again at once: a member of a group lives only while it is asked
                    newest = share
                    changed.set()
        except asyncio.CancelledError as error:
            if asked_to_end():
                raise
            raise UnavailableError(f"{stage}: a library cancelled the worker's membership") from error

    async def end() -> None:
        await stop.wait()
        changed.set()

    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(follow(), name=f"{stage}-shares")
        tasks.create_task(end(), name=f"{stage}-end")
        while not stop.is_set():
            await changed.wait()
            changed.clear()
            if newest is not None and not stop.is_set():
                worker.take(newest, tasks)
        await worker.release()
        following.cancel()


class _Worker:
    """The partitions that run, and those that are ending."""

    def __init__(
        self,
        stage: str,
        run: RunPartition,
        ready: Callable[[bool], None],
        fenced_seconds: float,
        mismatch_seconds: float,
    ) -> None:
        self._stage, self._run, self._ready = stage, run, ready
        self._pauses = {FencedError: fenced_seconds, LogMismatchError: mismatch_seconds}
        self._running: dict[int, tuple[asyncio.Event, asyncio.Task[None]]] = {}
        self._ending: dict[int, asyncio.Task[None]] = {}
        self._to_come: set[int] | None = None
        self._stopped: set[int] = set()

    def take(self, share: frozenset[int], tasks: asyncio.TaskGroup) -> None:
        """Tell what is not in the share to end, start what is new in it."""
        if self._to_come is not None:
            log.info("share_changed", stage=self._stage, partitions=sorted(share))
        for partition in frozenset(self._running) - share:
            ended, task = self._running.pop(partition)
            ended.set()
            self._ending[partition] = task
        for partition in sorted(share - frozenset(self._running)):
            ended = asyncio.Event()
            before = self._ending.pop(partition, None)
            one = self._one(partition, ended, before)
            self._running[partition] = ended, tasks.create_task(one, name=f"{self._stage}-{partition}")
        self._ending = {partition: task for partition, task in self._ending.items() if not task.done()}
        if self._to_come is None:
            self._to_come = set(share)
        self._stopped &= share
        self._to_come &= share
        self._tell()

    async def release(self) -> None:
        """End and release everything."""
        for ended, _ in self._running.values():
            ended.set()
        tasks = {task for _, task in self._running.values()} | set(self._ending.values())
        if tasks:
            await asyncio.wait(tasks)

    async def _one(self, partition: int, ended: asyncio.Event, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait({before})
        while not ended.is_set():
            errors: list[FencedError | LogMismatchError] = []
            try:
                await self._run_to_its_end(partition, ended)
            except* (FencedError, LogMismatchError) as found:
                errors = _leaves(found)
            if errors and not ended.is_set():
                await self._lost(partition, ended, errors[0])

    async def _run_to_its_end(self, partition: int, ended: asyncio.Event) -> None:
        """A partition that ends without having been told to would stand still in silence: that ends the process instead."""
        try:
            await self._run(partition, ended, lambda: self._owned(partition))
        except asyncio.CancelledError as error:
            if asked_to_end():
                raise
            raise UnavailableError(
                f"{self._stage}-{partition}: a library cancelled what it was asked to wait for"
            ) from error
        if not ended.is_set():
            raise UnavailableError(f"{self._stage}-{partition}: ended without having been told to")

    async def _lost(self, partition: int, ended: asyncio.Event, error: FencedError | LogMismatchError) -> None:
        again = self._pauses[type(error)]
        if isinstance(error, FencedError):
            RECLAIMS.labels(self._stage, "fenced").inc()
            log.warning("fenced", stage=self._stage, partition=partition, error=str(error), again_in=again)
        else:
            RECLAIMS.labels(self._stage, "log_mismatch").inc()
            log.error("log_mismatch", stage=self._stage, partition=partition, error=str(error), again_in=again)
            self._stopped.add(partition)
            self._tell()
        await pause(ended, again)

    def _owned(self, partition: int) -> None:
        self._stopped.discard(partition)
        if self._to_come is not None:
            self._to_come.discard(partition)
        self._tell()

    def _tell(self) -> None:
        if self._stopped:
            self._ready(False)
        elif not self._to_come:
            self._ready(True)


def _leaves(group: BaseExceptionGroup[FencedError | LogMismatchError]) -> list[FencedError | LogMismatchError]:
    """The errors of a group, without the groups in it; mismatches first."""
    found: list[FencedError | LogMismatchError] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return sorted(found, key=lambda error: isinstance(error, FencedError))

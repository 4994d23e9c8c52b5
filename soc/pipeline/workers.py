"""A worker's share of a stage: partitions that come and go in, one task for each while it is this worker's out."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

import structlog

log = structlog.get_logger()

RunPartition = Callable[[int, asyncio.Event, Callable[[], None]], Awaitable[None]]
"""Runs one partition until the event is set; calls the function once it owns it."""


async def run_share(
    stage: str,
    shares: AsyncGenerator[frozenset[int]],
    run: RunPartition,
    *,
    stop: asyncio.Event,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Run every partition of the newest share until ``stop`` is set.

    A partition that goes to another worker ends its unit of work and is released before the next share is looked at; one that
    stays is not disturbed.

    Args:
        ready: called once all partitions of the first share are owned (at once, if it is empty).

    Raises:
        whatever ``run`` raises, in an ExceptionGroup: the supervisor starts the process again.
    """
    running: dict[int, tuple[asyncio.Event, asyncio.Task[None]]] = {}
    waiting: set[int] | None = None

    def owned(partition: int) -> None:
        if waiting is not None:
            waiting.discard(partition)
            if not waiting:
                ready()

    async def one(partition: int, ended: asyncio.Event) -> None:
        await run(partition, ended, lambda: owned(partition))

    async def end(partitions: frozenset[int]) -> None:
        gone = [running.pop(partition) for partition in partitions]
        for ended, _ in gone:
            ended.set()
        if gone:
            await asyncio.wait([task for _, task in gone])

    async with aclosing(shares), asyncio.TaskGroup() as tasks:
        while (share := await _next(shares, stop)) is not None:
            await end(frozenset(running) - share)
            if waiting is None:
                waiting = set(share)
                if not share:
                    ready()
            else:
                log.info("share_changed", stage=stage, partitions=sorted(share))
            for partition in sorted(share - frozenset(running)):
                ended = asyncio.Event()
                running[partition] = ended, tasks.create_task(one(partition, ended), name=f"{stage}-{partition}")
        await stop.wait()
        await end(frozenset(running))


async def _next(shares: AsyncGenerator[frozenset[int]], stop: asyncio.Event) -> frozenset[int] | None:
    """The next share; None when there are no more or ``stop`` is set."""

    async def following() -> frozenset[int] | None:
        return await anext(shares, None)

    stopped = asyncio.ensure_future(stop.wait())
    share = asyncio.ensure_future(following())
    try:
        await asyncio.wait({stopped, share}, return_when=asyncio.FIRST_COMPLETED)
        return share.result() if share.done() and not stop.is_set() else None
    finally:
        stopped.cancel()
        if not share.done():
            share.cancel()
            await asyncio.wait({share})

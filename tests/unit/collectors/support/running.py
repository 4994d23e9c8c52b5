"""An intake and listeners running for the length of a ``with`` block, stopped as the product stops them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from collectors.base import Collector
from collectors.intake import Intake
from soc.clock import Micros


class Stepped:
    """A clock that says what it is told."""

    def __init__(self, now: Micros = 1_764_000_000_000_000) -> None:
        self.now = now

    def __call__(self) -> Micros:
        return self.now


@asynccontextmanager
async def running(intake: Intake, *collectors: Collector) -> AsyncIterator[None]:
    """Everything started; at the end all tasks are cancelled at once, as on SIGTERM. A task's own failure is raised."""
    tasks = [asyncio.ensure_future(part.run()) for part in (intake, *collectors)]
    try:
        await until(
            lambda: any(task.done() for task in tasks) or all(part.ready.is_set() for part in (intake, *collectors))
        )
        yield
    finally:
        for task in tasks:
            task.cancel()
        async with asyncio.timeout(20):
            ends = await asyncio.gather(*tasks, return_exceptions=True)
    for end in ends:
        if end is not None and not isinstance(end, asyncio.CancelledError):
            raise end


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait for something to become true.

    Raises:
        TimeoutError: it did not.
    """
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - nothing in the product announces this
            await asyncio.sleep(0.005)

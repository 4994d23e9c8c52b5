"""Errors of aiokafka as the port's: also a cancellation that nobody asked for, which a TaskGroup would swallow."""

import asyncio

import pytest

from soc.bus.kafka_wire import forgiven, translated
from soc.errors import UnavailableError


async def _cancelled_by_the_library() -> None:
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


def test_a_future_that_the_library_cancelled_is_an_error_and_not_the_end_of_the_task():
    async def scenario():
        with pytest.raises(UnavailableError), translated("reading"):
            await _cancelled_by_the_library()
        with forgiven():
            await _cancelled_by_the_library()

    asyncio.run(scenario())


@pytest.mark.parametrize("guard", [lambda: translated("reading"), forgiven])
def test_a_task_that_is_cancelled_ends(guard):
    async def scenario():
        async def work():
            with guard():
                await asyncio.sleep(60)

        task = asyncio.create_task(work())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())

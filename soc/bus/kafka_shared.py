"""The clients that all claims of a process share: made in, connected at first use, replaced when they do not answer.

Ends are asked on a connection of their own: a broker answers one connection in order, so behind a waiting fetch they would wait too.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient

from soc.bus.kafka_wire import forgiven, translated
from soc.errors import UnavailableError

CALL_SECONDS = 15.0
PEEK_SECONDS = 60.0
"""A changelog may be some hundred megabytes."""


class Clients(NamedTuple):
    """Connected clients.

    Attributes:
        admin: administration.
        asker: asks for offsets of what is committed.
        writes: asks for offsets of what is written.
        peeker: reads single records; one reading at a time.
    """

    admin: Any
    asker: Any
    writes: Any
    peeker: Any


class Shared:
    """The clients of one bus.

    Args:
        make: new ones, not connected yet.
    """

    def __init__(self, make: Callable[[], Clients]) -> None:
        self._make = make
        self._clients: Clients | None = None
        self._starting = asyncio.Lock()
        self._closed = asyncio.Event()
        self._closing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def use(self, what: str, seconds: float = CALL_SECONDS) -> AsyncGenerator[Clients]:
        """The clients, for one call that must be answered in time; ``what`` it does, for the error.

        Clients that did not answer in time are not used again: one that has stopped by itself would never answer anybody.

        Raises:
            UnavailableError: the brokers cannot be reached, refuse, or do not answer in time.
        """
        clients = await self._connected()
        try:
            with translated(what):
                async with asyncio.timeout(seconds):
                    yield clients
        except UnavailableError as error:
            if isinstance(error.__cause__, TimeoutError) and self._clients is clients:
                self._clients = None
                task = asyncio.create_task(self._retire(clients))
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)
            raise

    async def close(self) -> None:
        """Close every connection."""
        clients, self._clients = self._clients, None
        self._closed.set()
        if clients is not None:
            await _close(clients)
        await asyncio.gather(*self._closing)

    async def _retire(self, clients: Clients) -> None:
        """Close what is not used again, once every call that uses it has ended."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PEEK_SECONDS):
                await self._closed.wait()
        await _close(clients)

    async def _connected(self) -> Clients:
        async with self._starting:
            if self._clients is not None:
                return self._clients
            clients = self._make()
            well = False
            try:
                with translated("kafka: connecting"):
                    async with asyncio.timeout(CALL_SECONDS):
                        for client in clients:
                            await client.start()
                await asyncio.sleep(0)  # aiokafka 0.14: stopped before its tasks began, it raises CancelledError
                well = True
            finally:
                if not well:
                    await _close(clients)
            self._clients = clients
            return clients


async def _close(clients: Clients) -> None:
    for client in clients:
        with forgiven():
            async with asyncio.timeout(CALL_SECONDS):
                await (client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop())

"""A listening ``HttpIngest`` with the token ``secret`` and a client beside it."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import aiohttp

from collectors.http import HttpIngest
from collectors.intake import Intake
from tests.unit.collectors.support.memory_claim import MemoryLog
from tests.unit.collectors.support.running import Stepped, running

BASIC = "Basic " + base64.b64encode(b"anybody:secret").decode()


class Answer(NamedTuple):
    status: int
    body: Any
    headers: Any


class Client:
    """What a test sends with, and what it looks at."""

    def __init__(self, session: aiohttp.ClientSession, log: MemoryLog, listener: HttpIngest) -> None:
        assert listener.address is not None
        self.url = f"http://127.0.0.1:{listener.address[1]}"
        self.log = log
        self.listener = listener
        self._session = session

    async def ask(self, method: str, path: str, data: bytes = b"", authorization: str = "", **headers: str) -> Answer:
        """One request; an underscore in a header's name is a hyphen."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if authorization:
            named["Authorization"] = authorization
        async with self._session.request(method, self.url + path, data=data or None, headers=named) as response:
            raw = await response.read()
            value = await response.json() if raw and response.content_type == "application/json" else raw
            return Answer(response.status, value, response.headers)


def with_client(
    body: Callable[[Client], Awaitable[None]],
    log: MemoryLog | None = None,
    clock: Stepped | None = None,
    **settings: Any,
) -> None:
    """Run ``body`` against a listener on this log."""

    async def scenario() -> None:
        durable, now = log or MemoryLog(), clock or Stepped()
        intake = Intake(durable.open, clock=now)
        listener = HttpIngest(intake, name="http", host="127.0.0.1", port=0, token="secret", clock=now, **settings)
        async with running(intake, listener), aiohttp.ClientSession(auto_decompress=False) as session:
            await body(Client(session, durable, listener))

    asyncio.run(scenario())

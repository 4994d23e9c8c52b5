"""People's acts: appended to ``soc.actions``, and triage's answer to each, waited for."""

import asyncio
from collections.abc import Awaitable, Callable

from soc.bus.base import Bus, Claim, Message
from soc.errors import CommitUnknownError
from soc.model import Action, Answer, decode, encode
from soc.pipeline.table import ACTIONS, ANSWERS

ANSWER_SECONDS = 5.0
"""How long a person waits for the answer before the page says that the act is on its way."""


class ActionDesk:
    """Where the console and the command line hand acts in.

    An act is durable when ``act`` has appended it; handing the same id in again has no second effect (triage remembers).
    """

    def __init__(self, bus: Bus, open_claim: Callable[[], Awaitable[Claim]]) -> None:
        self._bus = bus
        self._open_claim = open_claim
        self._claim: Claim | None = None
        self._lock = asyncio.Lock()
        self._waiting: dict[str, asyncio.Future[Answer]] = {}

    async def act(self, action: Action) -> Answer | None:
        """Hand one act in; None when triage has not answered within ``ANSWER_SECONDS``.

        Raises:
            BusFullError: nothing was taken.
            UnavailableError: nothing was taken.
        """
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[action.id] = future
        try:
            await self._append(Message(ACTIONS, action.target_id.encode(), encode(action)))
            return await asyncio.wait_for(future, ANSWER_SECONDS)
        except TimeoutError:
            return None
        finally:
            self._waiting.pop(action.id, None)

    async def _append(self, message: Message) -> None:
        async with self._lock:
            for attempt in (1, 2):
                if self._claim is None:
                    self._claim = await self._open_claim()
                try:
                    await self._claim.commit([message])
                except CommitUnknownError:
                    # Appending once more is safe: triage answers a repeated action id without a second effect.
                    await self._claim.release()
                    self._claim = None
                    if attempt == 2:
                        raise
                else:
                    return

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver answers to who waits for them, until told to stop."""
        reader = self._bus.reader([ANSWERS], await self._bus.ends([ANSWERS]))
        try:
            while not stop.is_set():
                for record in await reader.fetch(100, 0.25):
                    answer = decode(record.value, Answer)
                    future = self._waiting.get(answer.action_id)
                    if future is not None and not future.done():
                        future.set_result(answer)
        finally:
            await reader.close()
            if self._claim is not None:
                await self._claim.release()

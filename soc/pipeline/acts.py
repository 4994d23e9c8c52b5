"""People's acts: appended to ``soc.actions``, and triage's answer to each, waited for; and the console's own audit chain.

The chain ``console/<number>`` is written by who owns the console's partition: its lines commit together with its end.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog

from soc.audit.chain import Entry, Head
from soc.bus.base import Bus, Claim, Message
from soc.errors import BusError, BusFullError, CommitUnknownError, FencedError, UnavailableError
from soc.model import Action, Answer, decode, encode
from soc.pipeline.audit_record import HEAD, head_of, lines
from soc.pipeline.table import ACTIONS, ANSWERS
from soc.pipeline.waiting import pause

log = structlog.get_logger()

ANSWER_SECONDS = 5.0
"""How long a person waits for the answer before the page says that the act is on its way."""
TAKE_SECONDS = 5.0
"""How long a person waits for the act to be durable before the page says that it was not taken."""
AWAY_SECONDS = 1.0
BEAT_SECONDS = 1.0
FIRST_WAIT_SECONDS = 15.0
"""How long a starting desk waits for the one it replaces before it fences it."""
FENCED_WAIT_SECONDS = 10.0 * 365 * 86_400
"""One that was fenced never fences back: it waits for the other to end, so that two do not take turns."""
QUEUE = 200


@dataclass(slots=True, eq=False)
class _Entry:
    """An act or a line of the audit on its way: ``begun`` once some of it may be on the bus, ``left`` once nobody waits for it."""

    message: Message | Entry
    taken: asyncio.Future[None]
    begun: bool = False
    left: bool = False


class ActionDesk:
    """Where a console hands acts in.

    An act is durable when ``act`` has appended it; handing the same id in again has no second effect (triage remembers). The
    desk rides over a restart of the brokers; who waits longer than ``TAKE_SECONDS`` is told that it was not taken.

    Args:
        bus: where answers are read.
        open_claim: claims the console's partition, waiting for a living owner for the given seconds at most.
        number: of this console among those of the installation.
    """

    def __init__(self, bus: Bus, open_claim: Callable[[float], Awaitable[Claim]], number: int) -> None:
        self._bus = bus
        self._open_claim = open_claim
        self._number = number
        self._queue: asyncio.Queue[_Entry] = asyncio.Queue(QUEUE)
        self._pending: list[_Entry] = []
        self._waiting: dict[str, asyncio.Future[Answer]] = {}
        self._why = "the bus does not answer"
        self._head = Head(f"console/{number}")
        self._tried: Head | None = None

    async def act(self, action: Action) -> Answer | None:
        """Hand one act in; None when triage has not answered within ``ANSWER_SECONDS``.

        Raises:
            BusFullError: nothing was taken.
            FencedError: nothing was taken: another console has this one's number.
            UnavailableError: nothing was taken.
            CommitUnknownError: it may have been taken or not; handing the same act in again is safe.
        """
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Answer] = loop.create_future()
        entry = _Entry(Message(ACTIONS, action.target_id.encode(), encode(action)), loop.create_future())
        self._waiting[action.id] = answered
        try:
            await self._take(entry)
            return await asyncio.wait_for(answered, ANSWER_SECONDS)
        except TimeoutError:
            return None
        finally:
            self._waiting.pop(action.id, None)

    async def record(self, entry: Entry) -> None:
        """Write a line of this console's audit chain; it is durable when this returns.

        Raises:
            BusError: as ``act``.
        """
        await self._take(_Entry(entry, asyncio.get_running_loop().create_future()))

    async def _take(self, entry: _Entry) -> None:
        try:
            self._queue.put_nowait(entry)
            async with asyncio.timeout(TAKE_SECONDS):
                await entry.taken
        except asyncio.QueueFull:
            raise UnavailableError(f"the act was not taken: {QUEUE} wait already; {self._why}") from None
        except TimeoutError:
            if entry.begun:
                raise CommitUnknownError(
                    f"it is not known whether the act was taken: {self._why}; send it again"
                ) from None
            raise UnavailableError(f"the act was not taken: {self._why}") from None
        finally:
            entry.left = True

    async def run(self, stop: asyncio.Event) -> None:
        """Append acts and deliver answers until told to stop; while the brokers are away nobody is answered."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._answers(stop), name="answers")
            tasks.create_task(self._appends(stop), name="acts")

    async def _appends(self, stop: asyncio.Event) -> None:
        wait = FIRST_WAIT_SECONDS
        while not stop.is_set():
            try:
                claim = await self._claim(wait, stop)
                if claim is None:
                    return
                try:
                    self._why = "the bus does not answer"
                    self._go_on(head_of(claim.state, f"console/{self._number}"))
                    await self._append(claim, stop)
                finally:
                    await claim.release()
            except FencedError as error:
                wait = FENCED_WAIT_SECONDS
                self._why = (
                    f"another console runs under number {self._number}; give every host its own [kafka] instance"
                )
                log.error("console_fenced", error=str(error), number=self._number)  # noqa: TRY400 - no trace
                self._fail(FencedError(f"the act was not taken: {self._why}"))
            except CommitUnknownError as error:
                log.warning("commit_unknown", stage="console", error=str(error))  # what is pending is appended again
            except UnavailableError as error:
                self._why = str(error)
                log.warning("acts_not_taken", error=str(error), again_in=AWAY_SECONDS)
                await pause(stop, AWAY_SECONDS)

    async def _claim(self, wait: float, stop: asyncio.Event) -> Claim | None:
        """The claim; None when told to stop first."""
        stopped = asyncio.ensure_future(stop.wait())
        claiming = asyncio.ensure_future(self._open_claim(wait))
        try:
            await asyncio.wait({stopped, claiming}, return_when=asyncio.FIRST_COMPLETED)
            return await claiming if claiming.done() else None
        finally:
            stopped.cancel()
            if not claiming.done():
                claiming.cancel()
                await asyncio.wait({claiming})

    async def _append(self, claim: Claim, stop: asyncio.Event) -> None:
        """Append what comes, one commit at a time; an act that was pending when the last claim died is appended once more."""
        while not stop.is_set():
            self._pending = [entry for entry in self._pending if not entry.left]
            if not self._pending:
                with suppress(TimeoutError):
                    self._pending.append(await asyncio.wait_for(self._queue.get(), BEAT_SECONDS))
            while not self._queue.empty():
                self._pending.append(self._queue.get_nowait())
            self._pending = [entry for entry in self._pending if not entry.left]
            await claim.fetch(1, 0.0)  # there is nothing to read: it shows that this owner lives
            if self._pending:
                await self._commit(claim)

    def _go_on(self, head: Head) -> None:
        """Write on after the chain's committed end; lines of a commit of unknown outcome that are in it are not written again."""
        if head == self._tried:
            for entry in self._pending:
                if isinstance(entry.message, Entry) and entry.begun:
                    _taken(entry)
            self._pending = [entry for entry in self._pending if not entry.taken.done()]
        self._head, self._tried = head, None

    async def _commit(self, claim: Claim) -> None:
        entries = [entry.message for entry in self._pending if isinstance(entry.message, Entry)]
        outputs = [entry.message for entry in self._pending if isinstance(entry.message, Message)]
        audit, self._tried = lines(self._head, entries) if entries else ([], None)
        for entry in self._pending:
            entry.begun = True
        try:
            await claim.commit([*outputs, *audit], {HEAD: encode(self._tried)} if self._tried else None)
        except BusFullError as error:
            self._fail(error)
            return
        except (FencedError, UnavailableError):  # of these nothing is on the bus
            for entry in self._pending:
                entry.begun = False
            raise
        self._head, self._tried = self._tried or self._head, None
        for entry in self._pending:
            _taken(entry)
        self._pending = []

    def _fail(self, error: BusError) -> None:
        for entry in self._pending:
            if not entry.taken.done():
                entry.taken.set_exception(error)
        self._pending = []

    async def _answers(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._deliver(stop)
            except UnavailableError as error:
                log.warning("answers_not_read", error=str(error), again_in=AWAY_SECONDS)
                await pause(stop, AWAY_SECONDS)

    async def _deliver(self, stop: asyncio.Event) -> None:
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


def _taken(entry: _Entry) -> None:
    if not entry.taken.done():
        entry.taken.set_result(None)

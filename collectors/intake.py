"""The one writer of ``soc.raw``: records of all listeners in, durable records out, committed in groups.

Every submission waiting when a commit ends goes into the next one, so the cost of a durable write is shared by all
senders, and a lone sender waits for one commit only. A commit holds the records, the state of the listeners (file
positions, idempotency keys), the balance (see ``balance``) and a random batch id. When the outcome of a commit is not
known, the partition is claimed again and the batch id that is durable tells whether to acknowledge or to write once more.
Sources take turns, and share the room for what waits (see ``fairness``); a submission counts as its first record's source's.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import attrgetter
from types import MappingProxyType
from typing import NamedTuple

from collectors.balance import PREFIX, Balance
from collectors.fairness import FairQueue, Noise, OverShareError
from soc.bus.base import Claim, Message
from soc.clock import MINUTE, Clock
from soc.errors import BusError, BusFullError, CommitUnknownError, UnavailableError
from soc.model.codec import encode
from soc.model.record import RawRecord

TOPIC = "soc.raw"
BATCH_KEY = b"intake/batch"
MAX_BATCH_BYTES = 16 * 1024 * 1024
MAX_BATCH_RECORDS = 20_000
FULL_PAUSE = 0.5  # seconds in which a full bus is not asked again
RETRY_MIN, RETRY_MAX = 0.1, 5.0  # seconds between attempts to claim while the bus is away
DRAIN_TIMEOUT = 15.0  # seconds a stop waits for listeners to hand over what they read

State = Mapping[bytes, bytes | None]
_NO_STATE: State = MappingProxyType({})


@dataclass(slots=True)
class IntakeCounters:
    """What the intake did since it started.

    Attributes:
        records: made durable.
        bytes: their encoded bytes.
        commits: how many commits that took.
        full: commits the bus had no room for.
        reclaimed: how often the partition was claimed again because an outcome was not known.
        queued_bytes: waiting or being committed now.
    """

    records: int = 0
    bytes: int = 0
    commits: int = 0
    full: int = 0
    reclaimed: int = 0
    queued_bytes: int = 0


class _Submission(NamedTuple):
    source: str
    messages: list[Message]
    state: State
    counts: Mapping[tuple[int, str], int]
    size: int
    done: asyncio.Future[None]


_origin = attrgetter("received", "source")
# Past the Python-level __new__ of a NamedTuple: there is one for each line.
_message = partial(tuple.__new__, Message)  # pyright: ignore[reportUnknownMemberType]


def _seen(future: asyncio.Future[None]) -> None:
    """Look at the outcome, so that a sender who left is no "exception was never retrieved"."""
    if not future.cancelled():
        future.exception()


class Intake:
    """Group commit over the claim of (collect, 0).

    Args:
        open_claim: claims the partition; called again after a commit with an unknown outcome.
        clock: for the age of the balance.
        max_queued_bytes: encoded bytes accepted and not yet durable; beyond it ``append`` waits.
    """

    def __init__(
        self, open_claim: Callable[[], Awaitable[Claim]], *, clock: Clock, max_queued_bytes: int = 64 * 1024 * 1024
    ) -> None:
        self._open_claim = open_claim
        self._clock = clock
        self._max = max_queued_bytes
        self._claim: Claim | None = None
        self._queue = FairQueue[_Submission](max_queued_bytes)
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._full_until = 0.0
        self._full_reason = ""
        self._closed: BusError | UnavailableError | None = None
        self._stopping = False
        self._listeners = 0
        self._state: dict[bytes, bytes] = {}
        self._balance = Balance()
        self._source_keys: dict[str, bytes] = {}
        self.counters = IntakeCounters()
        self.noise = Noise()
        self.ready = asyncio.Event()

    # --- for listeners -------------------------------------------------------------------------------------------------

    @property
    def state(self) -> Mapping[bytes, bytes]:
        """The durable state of the listeners; follows every commit. Complete once ``ready`` is set."""
        return MappingProxyType(self._state)

    @property
    def full(self) -> bool:
        """The bus has no room, or the queue has none: ``submit`` would refuse whomever now."""
        return self._closed is not None or self._queue.full or self._pausing()

    @property
    def log_full(self) -> bool:
        """The bus had no room a moment ago: what is refused now is refused for that."""
        return self._closed is None and self._pausing()

    def _pausing(self) -> bool:
        return self._full_until > asyncio.get_running_loop().time()

    @contextmanager
    def attached(self) -> Generator[None]:
        """A listener runs within this: a stop of the intake waits for it to hand over what it read."""
        self._listeners += 1
        try:
            yield
        finally:
            self._listeners -= 1
            self._work.set()

    def submit(self, records: Sequence[RawRecord], state: State = _NO_STATE) -> asyncio.Future[None]:
        """Queue records and state changes, all or nothing; the future is done when they are durable.

        Raises:
            BusFullError: no room, in the queue or on the bus (``OverShareError``: none for this source); nothing was queued.
            BusError: the intake has ended (``FencedError``: another one owns it).
        """
        if self._closed is not None:
            raise self._closed
        if self._pausing():
            raise BusFullError(self._full_reason)
        if self._queue.full:
            raise BusFullError(f"intake: {self._max} bytes are waiting to be made durable; send more slowly")
        source = records[0].source if records else ""
        if not self._queue.admits(source):
            self.noise.refuse(source, len(records))
            raise OverShareError(f"intake: {source} has its share of the room already; it must send more slowly")
        return self._enqueue(records, state)

    async def append(self, records: Sequence[RawRecord], state: State = _NO_STATE) -> None:
        """Make records and state changes durable, all or nothing; waits while the queue is full (this is the push-back).

        Cancelled while it waits for room, nothing was queued; cancelled later, the records may become durable all the same.

        Raises:
            BusFullError: the bus has no room; nothing was written.
            BusError: the intake has ended (``FencedError``: another one owns it).
        """
        await (await self.enqueue(records, state))

    async def enqueue(self, records: Sequence[RawRecord], state: State = _NO_STATE) -> asyncio.Future[None]:
        """The first half of ``append``: wait for room and queue; the future is the second half."""
        source = records[0].source if records else ""
        if not self._queue.full and not self._queue.admits(source):
            self.noise.wait(source)
        while self._closed is None and not self._queue.admits(source):
            self._room.clear()
            await self._room.wait()
        if self._closed is not None:
            raise self._closed
        if self._pausing():
            raise BusFullError(self._full_reason)
        return self._enqueue(records, state)

    def _enqueue(self, records: Sequence[RawRecord], state: State) -> asyncio.Future[None]:
        keys = self._source_keys
        if len(keys) > 100_000:  # forged senders
            keys.clear()
        messages: list[Message] = []
        counts: dict[tuple[int, str], int] = {}
        size = 0
        for (received, source), alike in groupby(records, _origin):
            key = keys.get(source)
            if key is None:
                key = keys[source] = source.encode("utf-8", "surrogateescape")
            values = list(map(encode, alike))
            size += sum(map(len, values))
            messages += [_message((TOPIC, key, value, -1)) for value in values]
            counted = (received // MINUTE, source)
            counts[counted] = counts.get(counted, 0) + len(values)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.add_done_callback(_seen)
        source = records[0].source if records else ""
        self._queue.put(source, _Submission(source, messages, state, counts, size, done), size, len(messages))
        self.counters.queued_bytes = self._queue.held
        self._work.set()
        return done

    # --- the loop ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Claim, commit until cancelled, then commit what attached listeners still hand over, and release.

        Raises:
            FencedError: another owner has the partition; everything waiting fails with it.
            LogMismatchError: the log is not the one the state belongs to.
        """
        async with asyncio.TaskGroup() as group:
            worker = group.create_task(self._serve())
            try:
                failure = await asyncio.shield(worker)
            except asyncio.CancelledError:
                self._stopping = True
                self._work.set()
                if self.ready.is_set():
                    await asyncio.wait((worker,), timeout=DRAIN_TIMEOUT)
                worker.cancel()
                raise
        if failure is not None:
            raise failure

    async def _serve(self) -> BusError | UnavailableError | None:
        """The worker: it returns why it ended instead of raising, so that ``run`` raises one error and no group of them."""
        reason: BusError | UnavailableError = UnavailableError("intake: stopped; send again after the restart")
        try:
            await self._claim_again()
            self._restore()
            self.ready.set()
            while True:
                while self._queue:
                    await self._commit(self._queue.take(MAX_BATCH_BYTES, MAX_BATCH_RECORDS))
                if self._stopping and not self._listeners:
                    return None
                self._work.clear()
                await self._work.wait()
        except (BusError, UnavailableError) as error:
            reason = error
            return error
        finally:
            self._close(reason)
            await self._release()

    async def _claim_again(self) -> Claim:
        await self._release()
        pause = RETRY_MIN
        while True:
            try:
                self._claim = await self._open_claim()
            except UnavailableError:
                await asyncio.sleep(pause)
                pause = min(2 * pause, RETRY_MAX)
            else:
                return self._claim

    async def _release(self) -> None:
        claim, self._claim = self._claim, None
        if claim is not None:
            with suppress(
                BusError, UnavailableError
            ):  # it may be dead already; nothing uncommitted survives either way
                await claim.release()

    def _restore(self) -> None:
        assert self._claim is not None
        restored = self._claim.state
        self._balance = Balance(restored.items())
        self._state.update(
            (key, value) for key, value in restored.items() if not key.startswith(PREFIX) and key != BATCH_KEY
        )

    async def _commit(self, batch: Sequence[_Submission]) -> None:
        outputs = [message for submission in batch for message in submission.messages]
        counts: dict[tuple[int, str], int] = {}
        changes: dict[bytes, bytes | None] = {}
        for submission in batch:
            for key, count in submission.counts.items():
                counts[key] = counts.get(key, 0) + count
            changes.update(submission.state)
        plan = self._balance.plan(counts, self._clock())
        # what the senders are told if this is cancelled: nobody may take an unknown outcome for a durable one
        failure: BusError | UnavailableError | None = UnavailableError(
            "intake: stopped while writing; the outcome is not known"
        )
        try:
            await self._write(outputs, {**changes, **plan.changes()})
            failure = None
        except BusFullError as error:
            failure = error
            self.counters.full += 1
            self._full_reason = str(error)
            self._full_until = asyncio.get_running_loop().time() + FULL_PAUSE
        except (BusError, UnavailableError) as error:
            failure = error
            raise
        finally:
            if failure is None:
                self._balance.apply(plan)
                self._apply(changes)
                self.counters.commits += 1
                self.counters.records += len(outputs)
            self._settle(batch, failure)

    async def _write(self, outputs: Sequence[Message], changes: State) -> None:
        """Commit once, whatever it takes: after an unknown outcome the batch id that is durable decides."""
        assert self._claim is not None
        claim = self._claim
        batch_id = secrets.token_bytes(16)
        state = {**changes, BATCH_KEY: batch_id}
        while True:
            try:
                await claim.commit(outputs, state)
            except (CommitUnknownError, UnavailableError):
                claim = await self._claim_again()
                self.counters.reclaimed += 1
                if claim.state.get(BATCH_KEY) != batch_id:
                    continue
            return

    def _apply(self, changes: State) -> None:
        for key, value in changes.items():
            if value is None:
                self._state.pop(key, None)
            else:
                self._state[key] = value

    def _settle(self, batch: Sequence[_Submission], failure: Exception | None) -> None:
        for submission in batch:
            self._queue.release(submission.source, submission.size)
            if failure is None:
                self.counters.bytes += submission.size
            if submission.done.done():  # its sender was cancelled
                continue
            if failure is None:
                submission.done.set_result(None)
            else:
                submission.done.set_exception(failure)
        self.counters.queued_bytes = self._queue.held
        self._room.set()

    def _close(self, reason: BusError | UnavailableError) -> None:
        self._closed = reason
        self._settle(self._queue.drain(), reason)

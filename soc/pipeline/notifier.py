"""Notify: alerts, incidents, reports, directives and audit lines in; messages to people, each written before it is sent, out.

    fetch ─► what must be told ─► who is called ─► commit (queued, sending) ─► send, each in a task of its own ─► commit (sent …)

A message leaves only after its ``sending`` is committed, so a process that dies loses none; one that was being sent then is
sent again under the same id (ADR 0021). Sending does not hold up reading, nor one channel another; it goes on while the bus is away.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import msgspec
import structlog

from soc.bus.base import Claim, Message, Record
from soc.clock import SECOND, Clock, Micros
from soc.duties.policy import Policy
from soc.errors import BusFullError, CommitUnknownError, FencedError, LogMismatchError, RecordError, UnavailableError
from soc.model import Alert, Directive, Incident, Report, decode, encode
from soc.notify.attempts import Outcome, Settings
from soc.notify.caller import Caller
from soc.notify.cases import CHAIN, Book, Letter
from soc.notify.channels.base import Sender
from soc.notify.matters import TEST_ACT, TOLD_ACTS, AuditLine
from soc.notify.roster import Roster
from soc.notify.watching import Batch, Patience, Watch
from soc.pipeline.heartbeat import Heartbeat
from soc.pipeline.notifier_summary import beat_of, next_hole, summarize
from soc.pipeline.table import ALERTS, AUDIT, DIRECTIVES, INCIDENTS, NOTICES, OUTBOX
from soc.pipeline.waiting import pause
from soc.telemetry import NOTICE_ATTEMPTS as ATTEMPTS
from soc.telemetry import RECLAIMS

log = structlog.get_logger()
T = TypeVar("T")

FETCH_LIMIT = 2000
FETCH_SECONDS = 0.25
AWAY_SECONDS = 2.0
SWEEP_SECONDS = 3600
_ACTS = tuple(f'"act":"{act}"'.encode() for act in (*TOLD_ACTS, TEST_ACT))


class Notifier:
    """The one notifier of an installation.

    Args:
        claim: claims the stage's only partition.
        settings: how calling is done.
        senders: the channels that are set up, by name.
        roster: the one in force.
        policy: the duties to report, None without any.
        patience: how long what is not over by itself may last before people are told.
        clock: the time.
        heartbeat: told after each unit of work how the notifier is; it runs for as long as the stage is owned.
    """

    def __init__(
        self,
        claim: Callable[[], Awaitable[Claim]],
        *,
        settings: Settings,
        senders: Mapping[str, Sender],
        roster: Callable[[], Roster],
        policy: Callable[[], Policy | None],
        patience: Patience,
        clock: Clock,
        heartbeat: Heartbeat | None = None,
    ) -> None:
        self._make_claim = claim
        self._settings = settings
        self._senders = senders
        self._roster = roster
        self._policy = policy
        self._patience = patience
        self._clock = clock
        self._heartbeat = heartbeat
        self._came: list[tuple[str, int, Outcome]] = []
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._beating: list[asyncio.Task[None]] = []

    async def run(self, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Tell people until ``stop`` is set; what is being sent then is brought to its answer first.

        Raises:
            FencedError: another notifier has taken over.
            LogMismatchError: what is read is not what was read before.
        """
        try:
            async with asyncio.TaskGroup() as sending:
                failure = await self._run(stop, ready, sending)
        except BaseExceptionGroup as group:
            first, *others = group.exceptions
            if others:
                raise
            raise first from None  # a mistake in sending is told as itself
        finally:
            for sender in self._senders.values():
                await sender.close()
        if failure is not None:
            raise failure

    async def _run(
        self, stop: asyncio.Event, ready: Callable[[], None], sending: asyncio.TaskGroup
    ) -> FencedError | LogMismatchError | None:
        """Own the stage again and again; why it cannot any more, returned so that the task group wraps no error in another."""
        while not stop.is_set():
            try:
                claim = await self._make_claim()
                try:
                    ready()
                    self._begin_beating(stop, sending)
                    await self._own(claim, stop, sending)
                finally:
                    await claim.release()
            except (CommitUnknownError, BusFullError, UnavailableError) as error:
                RECLAIMS.labels("notify", type(error).__name__).inc()
                log.warning("notify_starts_over", error=str(error), again_in=AWAY_SECONDS)
                await pause(stop, AWAY_SECONDS)
            except (FencedError, LogMismatchError) as error:
                for task in (*self._under_way.values(), *self._beating):
                    task.cancel()  # whoever has the stage now sends what this one cannot note any more
                return error
        return None

    def _begin_beating(self, stop: asyncio.Event, tasks: asyncio.TaskGroup) -> None:
        """Signs of life begin with the first claim, and go on while the bus is away: they say that nothing was worked on."""
        if self._heartbeat is not None and not self._beating:
            self._beating.append(tasks.create_task(self._heartbeat.run(stop), name="heartbeat"))

    async def _own(self, claim: Claim, stop: asyncio.Event, sending: asyncio.TaskGroup) -> None:
        book = Book(claim.state)
        caller = Caller(book, self._settings, self._roster)
        watch = Watch(claim.state, caller, self._policy, self._patience)
        caller.recover(self._clock(), still=self._under_way.keys() | {notice_id for notice_id, _, _ in self._came})
        roster: Roster | None = None
        hole: tuple[Micros, Micros] = (0, 0)
        swept = self._clock()
        while not stop.is_set() or self._under_way or self._came:
            records = () if stop.is_set() else await claim.fetch(FETCH_LIMIT, FETCH_SECONDS)
            now = self._clock()
            self._note(caller, now)
            watch.read(_batch(records), now)
            if self._roster() is not roster:
                roster = self._roster()
                hole = next_hole(roster, now)
                watch.review(now)
            watch.tick(now)
            caller.tick(now)
            if now - swept > SWEEP_SECONDS * SECOND:
                swept = now
                watch.sweep(now)
                caller.forget_old(now)
                hole = next_hole(self._roster(), now)
            due = [] if stop.is_set() else caller.take_due(now)
            summarize(book, caller, hole, self._heartbeat.failed if self._heartbeat else 0, now)
            await _commit(claim, book, watch, bool(records))
            if self._heartbeat is not None:
                self._heartbeat.note(beat_of(book, caller, now, _behind(records, now)))
            for letter in due:
                self._under_way[letter.notice.id] = sending.create_task(self._send(letter), name="notice")
            if stop.is_set() and self._under_way:
                await asyncio.wait(self._under_way.values(), return_when=asyncio.FIRST_COMPLETED)

    def _note(self, caller: Caller, now: Micros) -> None:
        """Take in what came of attempts, also of such as were begun before the stage was claimed again."""
        came, self._came = self._came, []
        for notice_id, attempt, outcome in came:
            ATTEMPTS.labels(caller.channel_of(notice_id), outcome.kind).inc()
            caller.came_of(notice_id, outcome, now, attempt)

    async def _send(self, letter: Letter) -> None:
        notice = letter.notice
        sender = self._senders.get(notice.channel)
        outcome = Outcome("refused", "the channel is not set up any more")
        try:
            if sender is not None:
                outcome = await sender.send(notice, letter.address)
            log.info("notice", notice=notice.id, channel=notice.channel, outcome=outcome.kind)
            self._came.append((notice.id, notice.attempts, outcome))
        finally:
            del self._under_way[notice.id]


async def _commit(claim: Claim, book: Book, watch: Watch, read: bool) -> None:
    changes = book.take()
    changes.state.update(watch.take())
    outputs = [Message(NOTICES, notice.id.encode(), encode(notice)) for notice in changes.notices]
    outputs += [Message(AUDIT, CHAIN.encode(), line) for line in changes.audit]
    if read or outputs or changes.state:
        await claim.commit(outputs, changes.state)


def _behind(records: Sequence[Record], now: Micros) -> Micros:
    """How old the newest record is of a batch that is not the last one there is; 0 when there is no more to read."""
    return max(0, now - records[-1].appended) if len(records) >= FETCH_LIMIT else 0


def _batch(records: Sequence[Record]) -> Batch:
    """What was read, by kind; of the audit trail only what people are told of."""
    lines = [record for record in records if record.topic == AUDIT and any(act in record.value for act in _ACTS)]
    return Batch(
        _each(records, INCIDENTS, Incident),
        _each(records, ALERTS, Alert),
        _each(records, OUTBOX, Report),
        _each(records, DIRECTIVES, Directive),
        [line for record in lines if (line := _line(record)) is not None],
    )


def _each(records: Sequence[Record], topic: str, type_: type[T]) -> list[T]:
    found: list[T] = []
    for record in records:
        if record.topic == topic:
            try:
                found.append(decode(record.value, type_))
            except RecordError as error:
                log.warning("not_read", topic=topic, offset=record.offset, reason=error.reason)
    return found


def _line(record: Record) -> AuditLine | None:
    try:
        return msgspec.json.decode(record.value, type=AuditLine)
    except msgspec.DecodeError as error:
        log.warning("not_read", topic=AUDIT, offset=record.offset, reason=str(error))
        return None

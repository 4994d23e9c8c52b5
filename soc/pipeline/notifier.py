"""Notify: alerts, incidents, reports, directives and audit lines in; messages to people, each written before it is sent, out.

    fetch ─► what must be told ─► who is called ─► commit (queued, sending) ─► send, each in a task of its own ─► commit (sent …)

Not run by any role yet. A message leaves only after its ``sending`` is committed, so a process that dies loses none; one that was being sent then is
sent again under the same id (ADR 0021). Sending does not hold up reading, nor one channel another.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import msgspec
import structlog

from soc.bus.base import Claim, Message, Record
from soc.clock import SECOND, Clock, Micros
from soc.duties.policy import Policy
from soc.errors import BusFullError, CommitUnknownError, RecordError, UnavailableError
from soc.model import Alert, Directive, Incident, Report, decode, encode
from soc.notify.caller import Caller, Outcome, Settings
from soc.notify.cases import CHAIN, Book, Letter, Summary
from soc.notify.channels.base import Sender
from soc.notify.matters import TEST_ACT, TOLD_ACTS, AuditLine
from soc.notify.roster import Roster
from soc.notify.watching import Batch, Watch
from soc.pipeline.table import ALERTS, AUDIT, DIRECTIVES, INCIDENTS, NOTICES, OUTBOX
from soc.pipeline.waiting import pause
from soc.telemetry import RECLAIMS

log = structlog.get_logger()
T = TypeVar("T")

FETCH_LIMIT = 2000
FETCH_SECONDS = 0.25
AWAY_SECONDS = 2.0
SUMMARY_SECONDS = 10
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
        uncertain: how long a report may be uncertain before people are told.
        clock: the time.
    """

    def __init__(
        self,
        claim: Callable[[], Awaitable[Claim]],
        *,
        settings: Settings,
        senders: Mapping[str, Sender],
        roster: Callable[[], Roster],
        policy: Callable[[], Policy | None],
        uncertain: Micros,
        clock: Clock,
    ) -> None:
        self._make_claim = claim
        self._settings = settings
        self._senders = senders
        self._roster = roster
        self._policy = policy
        self._uncertain = uncertain
        self._clock = clock
        self._came: list[tuple[str, Outcome]] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Tell people until ``stop`` is set; what is being sent then is brought to its answer first.

        Raises:
            FencedError: another notifier has taken over.
            LogMismatchError: what is read is not what was read before.
        """
        try:
            while not stop.is_set():
                try:
                    claim = await self._make_claim()
                    try:
                        await self._own(claim, stop)
                    finally:
                        await claim.release()
                except (CommitUnknownError, BusFullError, UnavailableError) as error:
                    RECLAIMS.labels("notify", type(error).__name__).inc()
                    log.warning("notify_starts_over", error=str(error), again_in=AWAY_SECONDS)
                    await pause(stop, AWAY_SECONDS)
        finally:
            for sender in self._senders.values():
                await sender.close()

    async def _own(self, claim: Claim, stop: asyncio.Event) -> None:
        book = Book(claim.state)
        caller = Caller(book, self._settings, self._roster)
        watch = Watch(claim.state, caller, self._policy, self._uncertain)
        self._came = []
        caller.recover(self._clock())
        roster: Roster | None = None
        swept = self._clock()
        sending: set[asyncio.Task[None]] = set()
        try:
            while not stop.is_set() or sending:
                records = await claim.fetch(FETCH_LIMIT, FETCH_SECONDS) if not stop.is_set() else ()
                now = self._clock()
                came, self._came = self._came, []
                for notice_id, outcome in came:
                    caller.came_of(notice_id, outcome, now)
                watch.read(_batch(records), now)
                if self._roster() is not roster:
                    roster = self._roster()
                    watch.review(now)
                watch.tick(now)
                caller.tick(now)
                if now - swept > SWEEP_SECONDS * SECOND:
                    swept = now
                    watch.sweep(now)
                    caller.forget_old(now)
                due = [] if stop.is_set() else caller.take_due(now)
                _summarize(book, caller, now)
                await _commit(claim, book, watch, bool(records))
                sending |= {asyncio.create_task(self._send(letter), name="notice") for letter in due}
                if stop.is_set() and sending:
                    await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
                for task in [task for task in sending if task.done()]:
                    sending.discard(task)
                    task.result()
        finally:
            for task in sending:
                task.cancel()
            if sending:
                await asyncio.wait(sending)
        for notice_id, outcome in self._came:
            caller.came_of(notice_id, outcome, self._clock())
        await _commit(claim, book, watch, read=False)

    async def _send(self, letter: Letter) -> None:
        sender = self._senders.get(letter.notice.channel)
        if sender is None:
            outcome = Outcome("refused", "the channel is not set up any more")
        else:
            outcome = await sender.send(letter.notice, letter.address)
        log.info("notice", notice=letter.notice.id, channel=letter.notice.channel, outcome=outcome.kind)
        self._came.append((letter.notice.id, outcome))


async def _commit(claim: Claim, book: Book, watch: Watch, read: bool) -> None:
    changes = book.take()
    changes.state.update(watch.take())
    outputs = [Message(NOTICES, notice.id.encode(), encode(notice)) for notice in changes.notices]
    outputs += [Message(AUDIT, CHAIN.encode(), line) for line in changes.audit]
    if read or outputs or changes.state:
        await claim.commit(outputs, changes.state)


def _summarize(book: Book, caller: Caller, now: Micros) -> None:
    """What health says, written when it changed and then at most every ``SUMMARY_SECONDS``."""
    before = book.summary
    oldest = min((letter.notice.made for letter in book.unsent.values()), default=0)
    after = Summary(before.at, caller.nobody, len(book.unsent), oldest, len(book.cases), dict(caller.troubles))
    if after != before and now - before.at >= SUMMARY_SECONDS * SECOND:
        book.summarize(msgspec.structs.replace(after, at=now))


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

"""Incidents in from the bus, approved reports out to the receiver, each transition committed before its side effect (ADR 0009)."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple, cast

import structlog

from soc.audit.chain import Entry
from soc.bus.base import Claim, Message, Record
from soc.clock import SECOND, Clock, Micros
from soc.errors import BusFullError, CommitUnknownError, FencedError, LogMismatchError, RecordError, UnavailableError
from soc.forward.bindings.base import Binding
from soc.forward.bindings.file import FilePackage
from soc.forward.bindings.https_json import HttpsJson
from soc.forward.bindings.taxii21 import Taxii21
from soc.forward.ledger import CHAIN, Changes, Ledger
from soc.forward.outbox import FINAL, Backoff, Happened, next_report
from soc.forward.profile import DEFAULT, Profile
from soc.forward.rebuild import not_in
from soc.forward.sealing import seal_new, settle, told
from soc.forward.terms import Terms, recipient_of
from soc.model import Incident, Report, decode, encode
from soc.receiver import Receiver
from soc.telemetry import RECLAIMS

log = structlog.get_logger()

FETCH_LIMIT = 500
IDLE_SECONDS = 0.5
"""The longest wait for incidents before looking at what is due and whether to stop."""

BREAKER_FAILURES = 3
BREAKER_LONGEST: Micros = 60 * SECOND
"""The longest that no report is tried because the ones before failed: deadlines are counted in hours."""
BROKEN = frozenset({"unavailable", "lost", "unreachable"})
"""What says that an endpoint, not a report, is at fault."""

RESTARTED = "the forwarder was restarted while sending"

FULL_SECONDS = 1.0
"""Between two attempts to commit while the bus is full."""

AWAY_FIRST_SECONDS, AWAY_LAST_SECONDS = 0.2, 5.0
"""Pauses between claims while the bus is away."""


class Destination:
    """One receiver: its wire, and when it may be tried.

    Args:
        receiver: its settings; without a ``url`` (``file``: a ``directory``) reports to it stay ``queued``.
        binding: the wire, in the place of the one that the settings name.
        profile: what may leave to it.

    Raises:
        SettingsError: its address cannot be used.
    """

    def __init__(self, receiver: Receiver, binding: Binding | None = None, profile: Profile = DEFAULT) -> None:
        self.name = receiver.name
        self.seconds = receiver.timeout_seconds
        self.recipient = recipient_of(receiver, profile)
        self.binding = binding or (open_binding(receiver) if receiver.url or receiver.directory else None)
        self.backoff = Backoff(round(receiver.retry_min_seconds * SECOND), round(receiver.retry_max_seconds * SECOND))
        self.changed = asyncio.Event()
        self._failures = 0
        self._closed_until: Micros = 0

    def open_at(self) -> Micros:
        """Not to be tried before this: an endpoint that fails again and again is not tried with each report in turn."""
        return self._closed_until

    def try_now(self) -> None:
        """A person asks for it: whatever came before is forgotten."""
        self._failures, self._closed_until = 0, 0
        self.changed.set()

    def note(self, happened: Happened, now: Micros, jitter: float) -> None:
        """Learn from an attempt how the endpoint is."""
        if happened.kind not in BROKEN:
            self._failures, self._closed_until = 0, 0
            return
        self._failures += 1
        if self._failures >= BREAKER_FAILURES:
            wait = self.backoff.wait(self._failures - BREAKER_FAILURES + 1, jitter)
            self._closed_until = now + min(wait, BREAKER_LONGEST)


class Forwarder:
    """The one forwarder of an installation: one report at a time to each receiver, so that what is committed is what happened.

    Args:
        claim: claims the stage's only partition; called again after a commit whose outcome is not known.
        organization: who reports.
        destinations: to whom; the first is meant where an approval names none.
        incidents: the topic read.
        outbox: the topic each transition of a report is written to, keyed by report.
        audit: the topic of the audit chain ``forward``.
        told: reads ``outbox``: report id → its latest transition; it must not know more than the state does.
        clock: the time.
        terms: by what reports are made.
        jitter: random numbers in [0, 1).
    """

    def __init__(
        self,
        claim: Callable[[], Awaitable[Claim]],
        *,
        organization: str,
        destinations: Sequence[Destination],
        incidents: str,
        outbox: str,
        audit: str,
        told: Callable[[], Awaitable[Mapping[str, Report]]],
        clock: Clock,
        terms: Terms | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._make_claim = claim
        self._organization = organization
        self._destinations = destinations
        self._recipients = [one.recipient for one in destinations]
        self._incidents, self._outbox, self._audit = incidents, outbox, audit
        self._told = told
        self._clock = clock
        self._terms = terms or Terms()
        self._jitter = jitter
        self._committing = asyncio.Lock()

    async def run(self, stop: asyncio.Event | None = None) -> None:
        """Forward until ``stop`` is set; a report that is under way then is brought to its answer first.

        Raises:
            FencedError: another forwarder has taken over.
            LogMismatchError: the incidents are not the log that was read before, or the state is older than the outbox.
        """
        stop = stop or asyncio.Event()
        pause = AWAY_FIRST_SECONDS
        try:
            while not stop.is_set():
                try:
                    claim = await self._make_claim()
                    try:
                        pause = AWAY_FIRST_SECONDS
                        await self._own(claim, stop)
                    finally:
                        await claim.release()
                except CommitUnknownError as error:
                    RECLAIMS.labels("forward", "commit_unknown").inc()
                    log.warning("commit_unknown", stage="forward", error=str(error))
                except UnavailableError as error:
                    RECLAIMS.labels("forward", "unavailable").inc()
                    log.warning("bus_unavailable", stage="forward", error=str(error), again_in=pause)
                    await _wait(stop, pause)
                    pause = min(2 * pause, AWAY_LAST_SECONDS)
        finally:
            for one in self._destinations:
                if one.binding is not None:
                    await one.binding.close()

    async def _own(self, claim: Claim, stop: asyncio.Event) -> None:
        """Work for as long as the claim lives, from what is committed."""
        ledger = Ledger(claim.state, self._terms.overtaking)
        unknown = not_in(ledger, await self._told())
        if unknown:
            raise LogMismatchError(f"forward: {unknown}; nothing is sent before `soc forward rebuild`")
        work = _Work(claim, ledger, stop)
        await self._recover(work)
        try:
            async with asyncio.TaskGroup() as tasks:
                for one in self._destinations:
                    if one.binding is not None:
                        tasks.create_task(self._serve(work, one, one.binding), name=one.name)
                await self._read_on(work)
        except BaseExceptionGroup as group:
            raise _first(group) from None  # what ended the claim is told as itself

    async def _read_on(self, work: "_Work") -> None:
        """Take up what incidents say until told to stop."""
        while not work.stop.is_set():
            records = await work.claim.fetch(FETCH_LIMIT, IDLE_SECONDS)
            if records:
                self._read(work.ledger, records)
            changed = settle(work.ledger, self._clock())
            asked = {report.recipient for report in changed if report.state not in FINAL}
            for one in self._destinations:
                if one.name in asked:
                    one.try_now()
            if records or changed:
                await self._commit(work)
                for one in self._destinations:
                    one.changed.set()

    async def _recover(self, work: "_Work") -> None:
        """Whatever the last owner was sending may have arrived, or may still for as long as an attempt may take (ADR 0016)."""
        seconds = {one.name: one.seconds for one in self._destinations}
        for report in work.ledger.reports:
            if report.state == "sending":
                wait = seconds.get(report.recipient, max(seconds.values(), default=0))
                self._step(work.ledger, report, Happened("restarted", RESTARTED, wait), Backoff())
        await self._commit(work)

    def _read(self, ledger: Ledger, records: Sequence[Record]) -> None:
        for record in records:
            if record.topic != self._incidents:
                continue
            try:
                incident = decode(record.value, Incident)
            except RecordError as error:
                log.warning("no_incident", offset=record.offset, reason=error.reason)
                continue
            seal_new(
                ledger,
                incident,
                organization=self._organization,
                recipients=self._recipients,
                now=self._clock(),
                terms=self._terms,
            )

    async def _serve(self, work: "_Work", one: Destination, binding: Binding) -> None:
        """Deliver to one receiver, report after report, until told to stop."""
        retry_now = {
            report.id
            for report in work.ledger.reports
            if report.state == "blocked_auth" and report.recipient == one.name
        }
        while not work.stop.is_set():
            one.changed.clear()
            now = self._clock()
            heads = work.ledger.heads(one.name)
            ready = [report for report in heads if report.next_attempt <= now or report.id in retry_now]
            if ready and one.open_at() <= now:
                due = min(ready, key=lambda report: report.next_attempt)
                retry_now.discard(due.id)
                await self._deliver(work, one, binding, due)
                continue
            times = [max(report.next_attempt, one.open_at()) for report in heads]
            seconds = max(0.0, (min(times) - now) / SECOND) if times else IDLE_SECONDS
            with suppress(TimeoutError):
                await asyncio.wait_for(one.changed.wait(), min(IDLE_SECONDS, max(0.005, seconds)))

    async def _deliver(self, work: "_Work", one: Destination, binding: Binding, report: Report) -> None:
        """Ask after a report that may have arrived; make one attempt at any other."""
        if report.state in {"uncertain", "processing"}:
            happened = await binding.verify(report)
        else:
            until = _awake() + one.seconds
            report = self._step(work.ledger, report, Happened("attempt"), one.backoff)
            await self._commit(work)
            happened = await binding.send(report, lambda: _awake() < until)
        one.note(happened, self._clock(), self._jitter())
        current = work.ledger.find(report.id)
        if current is not None and current.seq == report.seq:  # a person may have settled it meanwhile
            self._step(work.ledger, report, happened, one.backoff)
        settle(work.ledger, self._clock())
        await self._commit(work)

    def _step(self, ledger: Ledger, report: Report, happened: Happened, backoff: Backoff) -> Report:
        now = self._clock()
        after = next_report(report, happened, now, backoff, self._jitter())
        ledger.put(after)
        ledger.record(Entry(now, "soc", after.state, f"report/{after.id}", told(after)))
        log.info("report", report=after.id, state=after.state, detail=after.detail, attempts=after.attempts)
        return after

    async def _commit(self, work: "_Work") -> None:
        """Commit what changed, and how far the incidents were read; wait while the bus is full."""
        async with self._committing:
            changes = Changes([], [], {})
            while True:
                changes = changes.then(work.ledger.take())  # while the bus was full more may have been read
                outputs = [Message(self._outbox, report.id.encode(), encode(report)) for report in changes.reports]
                outputs += [Message(self._audit, CHAIN.encode(), line) for line in changes.audit]
                try:
                    await work.claim.commit(outputs, changes.state)
                except BusFullError as error:
                    if work.stop.is_set():
                        raise
                    log.warning("bus_full", stage="forward", error=str(error))
                    await asyncio.sleep(FULL_SECONDS)
                    continue
                return


class _Work(NamedTuple):
    """One claim and what is known under it."""

    claim: Claim
    ledger: Ledger
    stop: asyncio.Event


def open_binding(receiver: Receiver) -> Binding:
    """The wire that a receiver's settings name.

    Raises:
        SettingsError: its address cannot be used.
    """
    made = {"taxii21": Taxii21, "file": FilePackage}.get(receiver.binding, HttpsJson)
    return made(receiver)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What to tell of several errors of one claim: the loss of the claim rather than what followed from it."""
    errors = list(_leaves(group))
    return next((error for error in errors if isinstance(error, FencedError | LogMismatchError)), errors[0])


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from _leaves(one)
    else:
        yield error


def _awake() -> float:
    """Seconds of a clock that goes on while the process or the machine is stopped."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return

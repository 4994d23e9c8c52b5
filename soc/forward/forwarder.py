"""Incidents in from the bus, approved reports out to the receiver, each transition committed before its side effect (ADR 0009)."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from soc.audit.chain import Entry
from soc.bus.base import Claim, Message, Record
from soc.clock import SECOND, Clock, Micros
from soc.errors import BusFullError, CommitUnknownError, LogMismatchError, RecordError, UnavailableError
from soc.forward.bindings.base import Binding
from soc.forward.bindings.https_json import HttpsJson
from soc.forward.ledger import CHAIN, Ledger
from soc.forward.outbox import Backoff, Happened, next_report
from soc.forward.rebuild import not_in
from soc.forward.sealing import seal_new, told
from soc.model import Incident, Report, decode, encode
from soc.settings import Receiver
from soc.telemetry import RECLAIMS

log = structlog.get_logger()

FETCH_LIMIT = 500
IDLE_SECONDS = 0.5
"""The longest wait for incidents before looking at what is due and whether to stop."""

FULL_SECONDS = 1.0
"""Between two attempts to commit while the bus is full."""

AWAY_FIRST_SECONDS, AWAY_LAST_SECONDS = 0.2, 5.0
"""Pauses between claims while the bus is away."""


class Forwarder:
    """The one forwarder of an installation: one report at a time, so that what is committed is what happened.

    Args:
        claim: claims the stage's only partition; called again after a commit whose outcome is not known.
        organization: who reports.
        receiver: to whom; without a ``url`` reports stay ``queued``.
        incidents: the topic read.
        outbox: the topic each transition of a report is written to, keyed by report.
        audit: the topic of the audit chain ``forward``.
        told: reads ``outbox``: report id → its latest transition; it must not know more than the state does.
        clock: the time.
        binding: the wire; HTTPS with JSON by default.
        jitter: random numbers in [0, 1).

    Raises:
        SettingsError: the receiver's address cannot be used.
    """

    def __init__(
        self,
        claim: Callable[[], Awaitable[Claim]],
        *,
        organization: str,
        receiver: Receiver,
        incidents: str,
        outbox: str,
        audit: str,
        told: Callable[[], Awaitable[Mapping[str, Report]]],
        clock: Clock,
        binding: Binding | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._make_claim = claim
        self._organization = organization
        self._recipient = receiver.name
        self._incidents, self._outbox, self._audit = incidents, outbox, audit
        self._told = told
        self._clock = clock
        self._seconds = receiver.timeout_seconds
        self._binding = binding or (HttpsJson(receiver) if receiver.url else None)
        self._backoff = Backoff(round(receiver.retry_min_seconds * SECOND), round(receiver.retry_max_seconds * SECOND))
        self._jitter = jitter

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
            if self._binding is not None:
                await self._binding.close()

    async def _own(self, claim: Claim, stop: asyncio.Event) -> None:
        """Work for as long as the claim lives, from what is committed."""
        ledger = Ledger(claim.state)
        unknown = not_in(ledger, await self._told())
        if unknown:
            raise LogMismatchError(f"forward: {unknown}; nothing is sent before `soc forward rebuild`")
        await self._recover(claim, ledger, stop)
        retry_now = {report.id for report in ledger.reports if report.state == "blocked_auth"}
        while not stop.is_set():
            due = self._due(ledger, retry_now)
            records = await claim.fetch(FETCH_LIMIT, 0.0 if due else self._idle(ledger))
            if records:
                self._read(ledger, records)
                await self._commit(claim, ledger, stop)
            if due is not None:
                retry_now.discard(due.id)
                await self._deliver(claim, ledger, due, stop)

    async def _recover(self, claim: Claim, ledger: Ledger, stop: asyncio.Event) -> None:
        """Whatever the last owner was sending may have arrived, or may still for as long as an attempt may take (ADR 0016)."""
        what = Happened("restarted", "the forwarder was restarted while sending", self._seconds)
        for report in ledger.reports:
            if report.state == "sending":
                self._step(ledger, report, what)
        await self._commit(claim, ledger, stop)

    def _read(self, ledger: Ledger, records: Sequence[Record]) -> None:
        for record in records:
            if record.topic != self._incidents:
                continue
            try:
                incident = decode(record.value, Incident)
            except RecordError as error:
                log.warning("no_incident", offset=record.offset, reason=error.reason)
                continue
            seal_new(ledger, incident, organization=self._organization, recipient=self._recipient, now=self._clock())

    def _due(self, ledger: Ledger, retry_now: set[str]) -> Report | None:
        """The head that has waited longest past its time, or None."""
        if self._binding is None:
            return None
        now = self._clock()
        due = [report for report in ledger.heads() if report.next_attempt <= now or report.id in retry_now]
        return min(due, key=lambda report: report.next_attempt, default=None)

    def _idle(self, ledger: Ledger) -> float:
        """Seconds to wait for records."""
        due: Micros | None = ledger.next_due() if self._binding is not None else None
        if due is None:
            return IDLE_SECONDS
        return min(IDLE_SECONDS, max(0.0, (due - self._clock()) / SECOND))

    async def _deliver(self, claim: Claim, ledger: Ledger, report: Report, stop: asyncio.Event) -> None:
        """Ask after an uncertain report; make one attempt at any other."""
        if self._binding is None:
            return
        if report.state == "uncertain":
            happened = await self._binding.verify(report)
        else:
            until = _awake() + self._seconds
            report = self._step(ledger, report, Happened("attempt"))
            await self._commit(claim, ledger, stop)
            happened = await self._binding.send(report, lambda: _awake() < until)
        self._step(ledger, report, happened)
        await self._commit(claim, ledger, stop)

    def _step(self, ledger: Ledger, report: Report, happened: Happened) -> Report:
        now = self._clock()
        after = next_report(report, happened, now, self._backoff, self._jitter())
        ledger.put(after)
        ledger.record(Entry(now, "soc", after.state, f"report/{after.id}", told(after)))
        log.info("report", report=after.id, state=after.state, detail=after.detail, attempts=after.attempts)
        return after

    async def _commit(self, claim: Claim, ledger: Ledger, stop: asyncio.Event) -> None:
        """Commit what changed, and how far the incidents were read; wait while the bus is full."""
        changes = ledger.take()
        outputs = [Message(self._outbox, report.id.encode(), encode(report)) for report in changes.reports]
        outputs += [Message(self._audit, CHAIN.encode(), line) for line in changes.audit]
        while True:
            try:
                await claim.commit(outputs, changes.state)
            except BusFullError as error:
                if stop.is_set():
                    raise
                log.warning("bus_full", stage="forward", error=str(error))
                await asyncio.sleep(FULL_SECONDS)
                continue
            return


def _awake() -> float:
    """Seconds of a clock that goes on while the process or the machine is stopped."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return

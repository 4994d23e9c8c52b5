"""Incidents in from the bus, approved reports out to the receiver, each transition committed before its side effect (ADR 0009)."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

import structlog

from soc.audit.chain import Entry
from soc.bus.base import Claim, Message, Record
from soc.clock import SECOND, Clock, Micros
from soc.errors import BusFullError, CommitUnknownError, RecordError
from soc.forward.bindings.base import Binding
from soc.forward.bindings.https_json import HttpsJson
from soc.forward.ledger import Ledger
from soc.forward.outbox import Backoff, Happened, next_report
from soc.forward.sealing import seal
from soc.model import Incident, Report, decode, encode
from soc.settings import Receiver
from soc.telemetry import RECLAIMS

log = structlog.get_logger()

FETCH_LIMIT = 500
IDLE_SECONDS = 0.5
"""The longest wait for incidents before looking at what is due and whether to stop."""

FULL_SECONDS = 1.0
"""Between two attempts to commit while the bus is full."""

AUDIT_KEY = b"forward"


class Forwarder:
    """The one forwarder of an installation: one report at a time, so that what is committed is what happened.

    Args:
        claim: claims the stage's only partition; called again after a commit whose outcome is not known.
        organization: who reports.
        receiver: to whom; without a ``url`` reports stay ``queued``.
        incidents: the topic read.
        outbox: the topic each transition of a report is written to, keyed by report.
        audit: the topic of the audit chain ``forward``.
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
        clock: Clock,
        binding: Binding | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._make_claim = claim
        self._organization = organization
        self._recipient = receiver.name
        self._incidents, self._outbox, self._audit = incidents, outbox, audit
        self._clock = clock
        self._binding = binding or (HttpsJson(receiver) if receiver.url else None)
        self._backoff = Backoff(round(receiver.retry_min_seconds * SECOND), round(receiver.retry_max_seconds * SECOND))
        self._jitter = jitter

    async def run(self, stop: asyncio.Event | None = None) -> None:
        """Forward until ``stop`` is set; a report that is under way then is brought to its answer first.

        Raises:
            FencedError: another forwarder has taken over.
            LogMismatchError: the incidents are not the log that was read before.
            UnavailableError: the bus is away.
        """
        stop = stop or asyncio.Event()
        try:
            while not stop.is_set():
                claim = await self._make_claim()
                try:
                    await self._own(claim, stop)
                except CommitUnknownError as error:
                    RECLAIMS.labels("forward", "commit_unknown").inc()
                    log.warning("commit_unknown", stage="forward", error=str(error))
                finally:
                    await claim.release()
        finally:
            if self._binding is not None:
                await self._binding.close()

    async def _own(self, claim: Claim, stop: asyncio.Event) -> None:
        """Work for as long as the claim lives, from what is committed."""
        ledger = Ledger(claim.state)
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
        """Whatever was being sent when the last owner ended may have arrived."""
        for report in ledger.reports:
            if report.state == "sending":
                self._step(ledger, report, Happened("restarted", "the forwarder was restarted while sending"))
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
            if incident.status != "merged":
                ledger.learn(incident)
            self._seal(ledger, incident)

    def _seal(self, ledger: Ledger, incident: Incident) -> None:
        """Seal a report for each approval that was not acted upon yet."""
        sequences: dict[str, int] = {}
        for approval in incident.approvals:
            kind = approval.report_kind
            sequence = sequences[kind] = sequences.get(kind, 0) + 1
            if ledger.sealed(incident.id, kind, sequence):
                continue
            report = seal(
                incident,
                approval,
                sequence,
                ledger.contents(incident.id),
                organization=self._organization,
                recipient=self._recipient,
                now=self._clock(),
            )
            ledger.put(report)
            what = "seal" if report.payload else "stale"
            ledger.record(Entry(self._clock(), approval.approver, what, f"report/{report.id}", _told(report)))

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
            report = self._step(ledger, report, Happened("attempt"))
            await self._commit(claim, ledger, stop)
            happened = await self._binding.send(report)
        self._step(ledger, report, happened)
        await self._commit(claim, ledger, stop)

    def _step(self, ledger: Ledger, report: Report, happened: Happened) -> Report:
        now = self._clock()
        after = next_report(report, happened, now, self._backoff, self._jitter())
        ledger.put(after)
        ledger.record(Entry(now, "soc", after.state, f"report/{after.id}", _told(after)))
        log.info("report", report=after.id, state=after.state, detail=after.detail, attempts=after.attempts)
        return after

    async def _commit(self, claim: Claim, ledger: Ledger, stop: asyncio.Event) -> None:
        """Commit what changed, and how far the incidents were read; wait while the bus is full."""
        changes = ledger.take()
        outputs = [Message(self._outbox, report.id.encode(), encode(report)) for report in changes.reports]
        outputs += [Message(self._audit, AUDIT_KEY, line) for line in changes.audit]
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


def _told(report: Report) -> str:
    """One clause for the audit: what, which bytes, whose receipt."""
    receipt = f", receipt {report.receipt.receipt_id}" if report.receipt else ""
    return f"{report.kind} {report.sequence} on incident/{report.incident_id}, sha256 {report.payload_sha256}{receipt}"

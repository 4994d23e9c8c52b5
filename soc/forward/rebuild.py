"""``soc.outbox``, the audit chain and the incidents in; the forwarder's state as far as they tell it out (ADR 0016).

Where the state was lost or rolled back, the outbox says what was decided and not surely all of it. So whatever is not final
becomes uncertain: the receiver is asked before anything is sent again. That holds for approvals without any report too: theirs
may have been sent and the word of it lost.
"""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import TypeVar

import msgspec

from soc.audit.chain import Entry, Head
from soc.bus.base import Bus, Claim, Message, Record
from soc.clock import Clock
from soc.errors import RecordError
from soc.forward.ledger import CHAIN, Ledger
from soc.forward.outbox import FINAL, Backoff, Happened, next_report
from soc.forward.sealing import seal_new, told
from soc.forward.terms import Recipient, Terms
from soc.model import Incident, Report, decode, encode

T = TypeVar("T")

FETCH_LIMIT = 1000

REBUILT = "the state was rebuilt from the outbox: it may have been sent"


class Rebuilt(msgspec.Struct, frozen=True):
    """What became of one report.

    Attributes:
        was: its last state in the outbox; ``approved`` if the outbox knows no such report.
    """

    report: str
    incident: str
    kind: str
    sequence: int
    was: str
    state: str


class _Line(msgspec.Struct):
    """What is needed of a line of the audit chain."""

    seq: int
    hash: str


async def latest(bus: Bus, outbox: str) -> dict[str, Report]:
    """The latest transition of every report, in the order of sealing."""
    found: dict[str, Report] = {}
    async with aclosing(_all(bus, outbox)) as records:
        async for record in records:
            report = _decoded(record, Report)
            before = found.get(report.id) if report else None
            if report and (before is None or report.seq > before.seq):
                found[report.id] = report
    return found


def not_in(ledger: Ledger, transitions: Mapping[str, Report]) -> str:
    """Why a ledger must not be acted upon; "" if it knows all that the outbox says."""
    if ledger.restored:
        return "its state was declared restored: what was sent since the copy was made is not in it"
    for report in transitions.values():
        known = ledger.find(report.id)
        if known is None or known.seq < report.seq:
            mine = f"transition {known.seq}, {known.state}" if known else "nothing"
            return (
                f"soc.outbox has transition {report.seq} of report {report.id}, {report.state}; the state knows {mine}"
            )
    return ""


async def rebuild(
    bus: Bus,
    claim: Claim,
    *,
    topics: tuple[str, str, str],
    organization: str,
    recipients: Sequence[Recipient],
    seconds: float,
    clock: Clock,
    terms: Terms | None = None,
) -> list[Rebuilt]:
    """Replace the state of the claim by what the topics tell, in one commit with the new transitions.

    Args:
        topics: incidents, outbox, audit.
        organization: as in the forwarder's settings.
        recipients: as in the forwarder's settings.
        seconds: how long whoever forwarded before may still send; nothing is asked earlier.
        clock: the time.
        terms: by what reports are made.

    Returns:
        Every report, in the order of sealing.
    """
    incidents, outbox, audit = topics
    while await claim.fetch(FETCH_LIMIT, 0.0):
        pass  # the position of the new state; what comes after it is read again below, and both times to the same end
    ledger = Ledger({})
    ledger.counters.audit = await _head(bus, audit)
    before = await latest(bus, outbox)
    for report in before.values():
        ledger.adopt(report)
    async with aclosing(_all(bus, incidents)) as records:
        async for record in records:
            incident = _decoded(record, Incident)
            if incident:
                seal_new(
                    ledger,
                    incident,
                    organization=organization,
                    recipients=recipients,
                    now=clock(),
                    terms=terms,
                )
    for decision in ledger.decisions:
        if decision.decision == "resend":
            ledger.decided(decision.report_id)  # it may have been acted upon already: a person says so again
    happened = Happened("rebuilt", REBUILT, seconds)
    for report in ledger.reports:
        if report.state not in FINAL:
            after = next_report(report, happened, clock(), Backoff(), 0.0)
            ledger.put(after)
            ledger.record(Entry(clock(), "soc", "rebuilt", f"report/{after.id}", told(after)))
    changes = ledger.take()
    outputs = [Message(outbox, report.id.encode(), encode(report)) for report in changes.reports]
    outputs += [Message(audit, CHAIN.encode(), line) for line in changes.audit]
    await claim.commit(outputs, {**dict.fromkeys(claim.state), **changes.state})
    return [_row(report, before) for report in ledger.reports]


def _decoded(record: Record, type_: type[T]) -> T | None:
    """The record, or None where it is none: forward passed over it when it came."""
    try:
        return decode(record.value, type_)
    except RecordError:
        return None


def _row(report: Report, before: Mapping[str, Report]) -> Rebuilt:
    was = before[report.id].state if report.id in before else "approved"
    return Rebuilt(report.id, report.incident_id, report.kind, report.sequence, was, report.state)


async def _head(bus: Bus, audit: str) -> Head:
    head = Head(CHAIN)
    async with aclosing(_all(bus, audit, lambda record: record.key == CHAIN.encode())) as records:
        async for record in records:
            line = msgspec.json.decode(record.value, type=_Line)
            head = Head(CHAIN, line.seq, line.hash)
    return head


async def _all(bus: Bus, topic: str, wanted: Callable[[Record], bool] = lambda _: True) -> AsyncGenerator[Record]:
    reader = bus.reader([topic])
    try:
        while records := await reader.fetch(FETCH_LIMIT, 0.0):
            for record in records:
                if wanted(record):
                    yield record
    finally:
        await reader.close()

"""A clock and its incident's reports in, why it was missed or is about to be out: what an auditor asks when something was late."""

from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from soc.clock import HOUR, MINUTE, SECOND, Micros, to_datetime
from soc.duties.clocks import Clock
from soc.duties.fields import FORMAT
from soc.forward.outbox import WAITING_FOR_A_PERSON
from soc.model import Incident, Report

LATE: frozenset[str] = frozenset({"late", "overdue"})
"""States of a clock that was missed."""


def reasons(clock: Clock, incident: Incident, reports: Sequence[Report], zone: ZoneInfo) -> tuple[str, ...]:
    """Why this report was not delivered in time, in the order in which things happened; () where it was, or still can be.

    What a person wrote as the reason comes first; the rest is what the product knows: when it was approved, what became of the
    attempts, which fields were empty, which report it waited for.

    Args:
        clock: of one duty to one recipient.
        incident: the clock's.
        reports: of the incident.
        zone: times are written in it.
    """
    if clock.state not in LATE or clock.due is None:
        return ()
    return tuple(_reasons(clock, clock.due, incident, reports, zone))


def _reasons(clock: Clock, due: Micros, incident: Incident, reports: Sequence[Report], zone: ZoneInfo) -> Iterator[str]:
    typed = incident.particulars.get("late_reason", "").strip()
    if typed:
        yield f"reason given: {typed}"
    if clock.found_late:
        yield f"found late: it began {_at(incident.first_seen, zone)}"
    if clock.t0 is not None and (given := _became_owed(clock, incident)) > due:
        yield f"owed only since {_at(given, zone)}, when it was classified; it counts from {_at(clock.t0, zone)}"
    report = next((one for one in reports if one.id == clock.report_id), None)
    if report is None:
        yield "delivered on paper" if clock.paper and clock.delivered else "nobody approved it"
        if clock.missing:
            yield f"required fields are empty: {', '.join(clock.missing)}"
        if clock.waits_for:
            yield f"it waits for: {', '.join(clock.waits_for)}"
        return
    approved = min(
        (one.at for one in incident.approvals if one.payload_sha256 == report.payload_sha256), default=report.sealed_at
    )
    if approved > due:
        yield f"approved by {report.approver} {_at(approved, zone)}, {_long(approved - due)} after it was due"
    else:
        yield f"approved in time by {report.approver} {_at(approved, zone)}"
    if report.sealed_at > due >= approved:
        yield f"sealed {_at(report.sealed_at, zone)}"
    yield from _sending(report, zone)


def _became_owed(clock: Clock, incident: Incident) -> Micros:
    """When a person last made it what it is now; 0 where nothing says so."""
    acts = {"classify", "confirm"}
    return max((one.at for one in incident.timeline if one.act in acts and one.at >= (clock.t0 or 0)), default=0)


def _sending(report: Report, zone: ZoneInfo) -> Iterator[str]:
    failed = [(state, at, detail) for state, at, detail in report.history if state in {"retry_wait", "uncertain"}]
    if failed:
        state, at, detail = failed[-1]
        yield f"{report.attempts} attempts; the last that failed {_at(at, zone)}: {state}, {detail}".rstrip(", ")
    if report.state in WAITING_FOR_A_PERSON:
        yield f"{report.state}: waits for a person: {report.detail}".rstrip(": ")


def _at(at: Micros, zone: ZoneInfo) -> str:
    return to_datetime(at).astimezone(zone).strftime(FORMAT)


def _long(span: Micros) -> str:
    return f"{span // HOUR}:{span % HOUR // MINUTE:02d}:{span % MINUTE // SECOND:02d}"

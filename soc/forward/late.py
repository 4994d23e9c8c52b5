"""A clock and its incident's reports in, why it was missed or is about to be out: what an auditor asks when something was late."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

from soc.clock import HOUR, MINUTE, SECOND, Micros, to_datetime
from soc.duties.clocks import Clock, clocks
from soc.duties.fields import FORMAT
from soc.duties.policy import Policy
from soc.forward.outbox import WAITING_FOR_A_PERSON
from soc.model import Incident, Report

LATE: frozenset[str] = frozenset({"late", "overdue"})
"""States of a clock that was missed."""

CAUSES: Mapping[str, str] = {
    "given": "reason given: {text}",
    "t0_moved": "a person set the beginning to {at}: {text}",
    "found_late": "found late: it began {at}",
    "owed_since": "owed only since {at}, when it was classified; it counts from {t0}",
    "on_paper": "delivered on paper",
    "unapproved": "nobody approved it",
    "empty": "required fields are empty: {fields}",
    "waits": "it waits for: {kinds}",
    "approved_late": "approved by {name} {at}, {span} after it was due",
    "approved_in_time": "approved in time by {name} {at}",
    "sent_without": "approved without {fields}: {text}",
    "sealed": "sealed {at}",
    "attempts": "{count} attempts; the last that failed {at}: {state}, {text}",
    "person": "{state}: waits for a person: {text}",
}
"""What a cause says, in English; the console has the same keys under ``why`` in its languages."""


class Cause(NamedTuple):
    """One reason: a key of ``CAUSES`` and what stands in its places, times written in the policy's zone."""

    key: str
    values: Mapping[str, str]

    def __str__(self) -> str:
        return CAUSES[self.key].format(**self.values).rstrip(":, ")


class Missed(NamedTuple):
    """A clock that was missed, and why, in the order in which things happened."""

    clock: Clock
    incident: Incident
    causes: tuple[Cause, ...]


def missed(
    policy: Policy, incidents: Sequence[Incident], reports: Mapping[str, Sequence[Report]], now: Micros
) -> list[Missed]:
    """Every report that was delivered late or is overdue: the overdue first, then by due time.

    Args:
        policy: in force.
        incidents: those that are asked about.
        reports: incident id → its reports, as ``soc.forward.owed.reports_of`` gives them.
        now: the time.
    """
    found = [
        Missed(clock, incident, causes(clock, incident, reports[incident.id], policy.zone))
        for incident in incidents
        for clock in clocks(policy, incident, now, reports[incident.id])
        if clock.state in LATE
    ]
    return sorted(found, key=lambda one: (one.clock.state != "overdue", one.clock.due or 0))


def reasons(clock: Clock, incident: Incident, reports: Sequence[Report], zone: ZoneInfo) -> tuple[str, ...]:
    """``causes`` as English sentences."""
    return tuple(map(str, causes(clock, incident, reports, zone)))


def causes(clock: Clock, incident: Incident, reports: Sequence[Report], zone: ZoneInfo) -> tuple[Cause, ...]:
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
    return tuple(_causes(clock, clock.due, incident, reports, zone))


def _cause(key: str, **values: object) -> Cause:
    return Cause(key, {name: str(value) for name, value in values.items()})


def _causes(
    clock: Clock, due: Micros, incident: Incident, reports: Sequence[Report], zone: ZoneInfo
) -> Iterator[Cause]:
    typed = incident.particulars.get("late_reason", "").strip()
    if typed:
        yield _cause("given", text=typed)
    if incident.t0 is not None and clock.t0 == incident.t0:
        yield _cause("t0_moved", at=_at(incident.t0, zone), text=incident.t0_reason)
    if clock.found_late:
        yield _cause("found_late", at=_at(incident.first_seen, zone))
    if clock.t0 is not None and (given := _became_owed(clock, incident)) > due:
        yield _cause("owed_since", at=_at(given, zone), t0=_at(clock.t0, zone))
    report = next((one for one in reports if one.id == clock.report_id), None)
    if report is None:
        yield _cause("on_paper" if clock.paper and clock.delivered else "unapproved")
        if clock.missing:
            yield _cause("empty", fields=", ".join(clock.missing))
        if clock.waits_for:
            yield _cause("waits", kinds=", ".join(clock.waits_for))
        return
    yield from _approving(report, due, incident, zone)
    yield from _sending(report, zone)


def _approving(report: Report, due: Micros, incident: Incident, zone: ZoneInfo) -> Iterator[Cause]:
    given = [one for one in incident.approvals if one.payload_sha256 == report.payload_sha256]
    approved = min((one.at for one in given), default=report.sealed_at)
    if approved > due:
        yield _cause("approved_late", name=report.approver, at=_at(approved, zone), span=_long(approved - due))
    else:
        yield _cause("approved_in_time", name=report.approver, at=_at(approved, zone))
    for one in given:
        if one.missing:
            yield _cause("sent_without", fields=", ".join(one.missing), text=one.missing_reason)
    if report.sealed_at > due >= approved:
        yield _cause("sealed", at=_at(report.sealed_at, zone))


def _became_owed(clock: Clock, incident: Incident) -> Micros:
    """When a person last made it what it is now; 0 where nothing says so."""
    acts = {"classify", "confirm"}
    return max((one.at for one in incident.timeline if one.act in acts and one.at >= (clock.t0 or 0)), default=0)


def _sending(report: Report, zone: ZoneInfo) -> Iterator[Cause]:
    failed = [(state, at, detail) for state, at, detail in report.history if state in {"retry_wait", "uncertain"}]
    if failed:
        state, at, detail = failed[-1]
        yield _cause("attempts", count=report.attempts, at=_at(at, zone), state=state, text=detail)
    if report.state in WAITING_FOR_A_PERSON:
        yield _cause("person", state=report.state, text=report.detail)


def _at(at: Micros, zone: ZoneInfo) -> str:
    return to_datetime(at).astimezone(zone).strftime(FORMAT)


def _long(span: Micros) -> str:
    return f"{span // HOUR}:{span % HOUR // MINUTE:02d}:{span % MINUTE // SECOND:02d}"

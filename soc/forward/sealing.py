"""Approvals and what the incident said lately in, reports out: sealed with exactly the approved bytes, or stale.

The forwarder renders the bytes itself, from versions of the incident that it has read itself, and compares hashes. Nothing that a
client sends becomes part of a report, and nothing is sent that the approver did not see (ADR 0009).
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from soc.audit.chain import Entry
from soc.clock import Micros
from soc.forward.ledger import Ledger
from soc.forward.outbox import DECISIONS, TRANSITIONS, Backoff, Happened, next_report
from soc.forward.payload import report_id, sealed
from soc.forward.wire import rendered
from soc.model import Approval, Incident, Report
from soc.receiver import Receiver


class Recipient(NamedTuple):
    """Whom reports are sealed for.

    Attributes:
        name: of the receiver, part of a report's id.
        wire: by which wire its reports leave (``soc.forward.wire``).
        accepts_exercises: it takes reports of drills.
    """

    name: str
    wire: str = "https-json"
    accepts_exercises: bool = False


def recipient_of(receiver: Receiver) -> Recipient:
    """The recipient that a receiver's settings describe."""
    return Recipient(receiver.name, receiver.binding, receiver.accepts_exercises)


def seal_new(
    ledger: Ledger,
    incident: Incident,
    *,
    organization: str,
    recipients: Sequence[Recipient],
    now: Micros,
    second_person: Collection[str] = (),
) -> list[Report]:
    """Learn what an incident says, and put a report into the ledger for each approval that was not acted upon yet.

    Args:
        ledger: where to.
        incident: as it is now.
        organization: who reports.
        recipients: whom it may go to; the first is meant where an approval names none.
        now: time of sealing.
        second_person: kinds that two people must approve; until the second did, nothing is sealed.
    """
    if incident.status != "merged":
        ledger.learn(incident)
    ledger.take_up(incident)
    sequences: dict[tuple[str, str], int] = {}
    found: list[Report] = []
    for approval in incident.approvals:
        kind, name = approval.report_kind, approval.recipient or recipients[0].name
        sequence = sequences[kind, name] = sequences.get((kind, name), 0) + 1
        if ledger.sealed(incident.id, kind, sequence, name) or (kind in second_person and not approval.second):
            continue
        recipient = next((one for one in recipients if one.name == name), Recipient(name))
        refusal = _refusal(incident, name, recipients)
        contents = () if refusal else ledger.contents(incident.id)
        report = seal(incident, approval, sequence, contents, organization=organization, recipient=recipient, now=now)
        if refusal:
            report = msgspec.structs.replace(report, detail=refusal, history=(("stale", now, refusal),))
        _supersede(ledger, report, now)
        ledger.put(report)
        what = "seal" if report.payload else "stale"
        ledger.record(Entry(now, approval.approver, what, f"report/{report.id}", told(report)))
        found.append(report)
    return found


def _refusal(incident: Incident, name: str, recipients: Sequence[Recipient]) -> str:
    """Why this recipient gets nothing of this incident, whatever was approved; "" if it may."""
    recipient = next((one for one in recipients if one.name == name), None)
    if recipient is None:
        return f"no receiver is called {name}"
    if incident.exercise and not recipient.accepts_exercises:
        return f"the incident is an exercise, and {name} does not accept exercises"
    return ""


def _supersede(ledger: Ledger, report: Report, now: Micros) -> None:
    """A sealed report takes the place of those of its kind that the same receiver refused."""
    for older in ledger.reports if report.payload else ():
        same = (older.incident_id, older.kind, older.recipient) == (report.incident_id, report.kind, report.recipient)
        if same and older.state == "rejected":
            detail = f"report {report.id} took its place"
            after = next_report(older, Happened("overtaken", detail), now, Backoff(), 0.0)
            ledger.put(after)
            ledger.record(Entry(now, "soc", after.state, f"report/{after.id}", told(after)))


def settle(ledger: Ledger, now: Micros) -> list[Report]:
    """Act upon what people decided about reports of which nothing is under way; what comes too late is said in the audit."""
    changed: list[Report] = []
    for decision in ledger.decisions:
        report = ledger.find(decision.report_id)
        event = DECISIONS[decision.decision]
        if report is not None and report.state == "sending":
            continue
        told_as = f"{decision.number}; {decision.reason}" if decision.number else decision.reason
        if report is None or (report.state, event) not in TRANSITIONS:
            state = report.state if report else "unknown"
            ledger.record(Entry(now, decision.by, "too_late", f"report/{decision.report_id}", f"it is {state}"))
        else:
            after = next_report(report, Happened(event, f"{decision.by}: {told_as}"), now, Backoff(), 0.0)
            ledger.put(after)
            ledger.record(Entry(now, decision.by, after.state, f"report/{after.id}", f"{told(after)}; {told_as}"))
            changed.append(after)
        ledger.decided(decision.report_id)
    return changed


def told(report: Report) -> str:
    """One clause for the audit: what, which bytes, whose receipt."""
    receipt = f", receipt {report.receipt.receipt_id}" if report.receipt else ""
    return f"{report.kind} {report.sequence} on incident/{report.incident_id}, sha256 {report.payload_sha256}{receipt}"


def seal(
    incident: Incident,
    approval: Approval,
    sequence: int,
    contents: Iterable[Mapping[str, Any]],
    *,
    organization: str,
    recipient: Recipient,
    now: Micros,
) -> Report:
    """The report that an approval asks for, in state ``queued``; in state ``stale`` if no content gives the approved hash.

    Args:
        incident: it is about; only its id is used.
        approval: what the approver agreed to.
        sequence: 1 for the first approval of its kind on the incident, 2 for the second.
        contents: what the incident said, latest first.
        organization: as in the preview.
        recipient: as in the preview.
        now: time of sealing.
    """
    kind = approval.report_kind
    found = b""
    for tree in contents:
        own = sealed(tree, incident.id, kind, sequence, organization=organization, recipient=recipient.name)
        data = rendered(recipient.wire, own)
        if hashlib.sha256(data).hexdigest() == approval.payload_sha256:
            found = data
            break
    if found:
        state, detail = "queued", f"approved by {approval.approver}"
    else:
        state, detail = (
            "stale",
            "the approval fits no version of the incident that is known: preview it and approve again",
        )
    return Report(
        id=report_id(incident.id, kind, sequence, recipient.name),
        seq=1,
        incident_id=incident.id,
        kind=kind,
        recipient=recipient.name,
        state=state,
        payload=found,
        payload_sha256=approval.payload_sha256,
        sealed_at=now,
        approver=approval.approver,
        sequence=sequence,
        detail=detail,
        history=((state, now, detail),),
    )

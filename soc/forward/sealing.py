"""Approvals and what the incident said lately in, reports out: sealed with exactly the approved bytes, or stale.

The forwarder renders the bytes itself, from versions of the incident that it has read itself, and compares hashes. Nothing that a
client sends becomes part of a report, and nothing is sent that the approver did not see (ADR 0009).
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from soc.audit.chain import Entry
from soc.clock import Micros
from soc.forward.ledger import Ledger
from soc.forward.payload import report_id, sealed
from soc.model import Approval, Incident, Report


def seal_new(ledger: Ledger, incident: Incident, *, organization: str, recipient: str, now: Micros) -> list[Report]:
    """Learn what an incident says, and put a report into the ledger for each approval that was not acted upon yet."""
    if incident.status != "merged":
        ledger.learn(incident)
    sequences: dict[str, int] = {}
    found: list[Report] = []
    for approval in incident.approvals:
        kind = approval.report_kind
        sequence = sequences[kind] = sequences.get(kind, 0) + 1
        if ledger.sealed(incident.id, kind, sequence):
            continue
        contents = ledger.contents(incident.id)
        report = seal(incident, approval, sequence, contents, organization=organization, recipient=recipient, now=now)
        ledger.put(report)
        what = "seal" if report.payload else "stale"
        ledger.record(Entry(now, approval.approver, what, f"report/{report.id}", told(report)))
        found.append(report)
    return found


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
    recipient: str,
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
        data = sealed(tree, incident.id, kind, sequence, organization=organization, recipient=recipient)
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
        id=report_id(incident.id, kind, sequence, recipient),
        seq=1,
        incident_id=incident.id,
        kind=kind,
        recipient=recipient,
        state=state,
        payload=found,
        payload_sha256=approval.payload_sha256,
        sealed_at=now,
        approver=approval.approver,
        sequence=sequence,
        detail=detail,
        history=((state, now, detail),),
    )

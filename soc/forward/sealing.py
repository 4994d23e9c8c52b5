"""Approvals and what the incident said lately in, reports out: sealed with exactly the approved bytes, or stale.

The forwarder renders the bytes itself, from versions of the incident that it has read itself, and compares hashes. Nothing that a
client sends becomes part of a report, and nothing is sent that the approver did not see (ADR 0009).
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from soc.audit.chain import Entry
from soc.clock import Micros
from soc.forward.ledger import Ledger
from soc.forward.outbox import DECISIONS, TRANSITIONS, Backoff, Happened, next_report
from soc.forward.payload import START, omitted, report_id, sealed
from soc.forward.redact import Withheld
from soc.forward.scan import scan
from soc.forward.terms import Recipient, Terms, named, recipient_of, refusal
from soc.forward.wire import rendered
from soc.model import Approval, Incident, Report

__all__ = ["Recipient", "Terms", "leak", "recipient_of", "seal", "seal_new", "settle", "told"]

UNFIT = "the approval fits no version of the incident that is known: preview it and approve again"
RECENT = 8
"""Of an incident's contents, those that are tried with every place of the audit chain; older ones only with as many places."""
MAX_TOLD = 5
"""Places of a leak that are named."""


def seal_new(
    ledger: Ledger,
    incident: Incident,
    *,
    organization: str,
    recipients: Sequence[Recipient],
    now: Micros,
    terms: Terms | None = None,
) -> list[Report]:
    """Learn what an incident says, and put a report into the ledger for each approval that was not acted upon yet.

    Args:
        ledger: where to.
        incident: as it is now.
        organization: who reports.
        recipients: whom it may go to.
        now: time of sealing.
        terms: by what reports are made.
    """
    terms = terms or Terms()
    if incident.status != "merged":
        ledger.learn(incident, terms.inside())
    ledger.take_up(incident)
    sequences: dict[tuple[str, str], int] = {}
    found: list[Report] = []
    for approval in incident.approvals:
        kind, name = approval.report_kind, named(approval, recipients, terms)
        sequence = sequences[kind, name] = sequences.get((kind, name), 0) + 1
        waits = kind in terms.second_person and not approval.second
        if waits or ledger.sealed(incident.id, kind, sequence, name):
            continue
        recipient = next((one for one in recipients if one.name == name), Recipient(name))
        refused = refusal(incident, kind, name, recipients, terms)
        contents = () if refused else ledger.contents(incident.id)
        report = seal(
            incident, approval, sequence, contents,
            organization=organization, recipient=recipient, now=now, terms=terms, ends=ledger.ends(), refused=refused,
        )  # fmt: skip
        _supersede(ledger, report, now)
        what = "seal" if report.payload else "stale"
        ledger.record(Entry(now, approval.approver, what, f"report/{report.id}", told(report)))
        end = ledger.counters.audit
        report = msgspec.structs.replace(report, audit=(end.seq, end.hash))
        ledger.put(report)
        found.append(report)
    return found


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
        if report is not None and (report.state == "sending" or _asked_first(report, event)):
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


def _asked_first(report: Report, event: str) -> bool:
    """Whether it is taken back as soon as it is known not to have arrived: after a restore it may be uncertain once more."""
    return event == "cancelled" and report.state in {"uncertain", "processing"}


def told(report: Report) -> str:
    """One clause for the audit: what, which bytes, whose receipt."""
    receipt = f", receipt {report.receipt.receipt_id}" if report.receipt else ""
    return f"{report.kind} {report.sequence} on incident/{report.incident_id}, sha256 {report.payload_sha256}{receipt}"


class _Bytes(NamedTuple):
    """What an approval was found to mean."""

    data: bytes = b""
    withheld: tuple[Withheld, ...] = ()
    why_not: str = ""


def seal(
    incident: Incident,
    approval: Approval,
    sequence: int,
    contents: Iterable[tuple[Mapping[str, Any], tuple[Withheld, ...]]],
    *,
    organization: str,
    recipient: Recipient,
    now: Micros,
    terms: Terms | None = None,
    ends: Sequence[tuple[int, str]] = (START,),
    refused: str = "",
) -> Report:
    """The report that an approval asks for, in state ``queued``; ``stale`` and without bytes where nothing may be sealed.

    Nothing is sealed if it was ``refused``, if no content gives the approved hash, or if something stands in the approved bytes that
    must not leave: the detail says which, and a person goes on from there.

    Args:
        incident: it is about; only its id is used.
        approval: what the approver agreed to.
        sequence: 1 for the first approval of its kind on the incident, 2 for the second.
        contents: what the incident said and what was withheld of it, latest first.
        organization: as in the preview.
        recipient: as in the preview.
        now: time of sealing.
        terms: as in the preview.
        ends: where the audit chain may have stood when the preview was made, latest first.
        refused: why this recipient gets it by no automatic channel; "" if it may.
    """
    kind = approval.report_kind

    def made(tree: Mapping[str, Any], end: tuple[int, str]) -> bytes:
        own = sealed(
            tree, incident.id, kind, sequence, organization=organization, recipient=recipient.name,
            profile=recipient.profile, standing=terms.standing if terms else None, audit=end,
        )  # fmt: skip
        return rendered(recipient.wire, own)

    tried = ((made(tree, end), tree, withheld) for tree, withheld, end in _tries(contents, ends))
    agreed = next((one for one in tried if _is(one[0], approval.payload_sha256)), None)
    found = _judged(agreed, kind, recipient, terms or Terms()) if agreed else _Bytes(why_not=refused or UNFIT)
    state, detail = ("queued", f"approved by {approval.approver}") if found.data else ("stale", found.why_not)
    return Report(
        id=report_id(incident.id, kind, sequence, recipient.name),
        seq=1,
        incident_id=incident.id,
        kind=kind,
        recipient=recipient.name,
        state=state,
        payload=found.data,
        payload_sha256=approval.payload_sha256,
        sealed_at=now,
        approver=approval.approver,
        sequence=sequence,
        detail=detail,
        history=((state, now, detail),),
        withheld=tuple((one.field, one.rule, one.count) for one in found.withheld),
    )


def _tries(
    contents: Iterable[tuple[Mapping[str, Any], tuple[Withheld, ...]]], ends: Sequence[tuple[int, str]]
) -> Iterator[tuple[Mapping[str, Any], tuple[Withheld, ...], tuple[int, str]]]:
    """What the approver may have seen, the likeliest first."""
    for number, (tree, withheld) in enumerate(contents):
        for end in ends if number < RECENT else ends[:RECENT]:
            yield tree, withheld, end


def _judged(
    agreed: tuple[bytes, Mapping[str, Any], tuple[Withheld, ...]], kind: str, recipient: Recipient, terms: Terms
) -> _Bytes:
    """The bytes that were agreed to, unless something stands in them that must not leave."""
    data, tree, withheld = agreed
    why_not = leak(data, recipient, terms)
    return _Bytes(b"" if why_not else data, (*withheld, *omitted(tree, kind, recipient.profile)), why_not)


def _is(data: bytes, sha256: str) -> bool:
    return hashlib.sha256(data).hexdigest() == sha256


def leak(data: bytes, recipient: Recipient, terms: Terms) -> str:
    """What the second scan found in bytes that were to leave: kinds and places, never a value; "" if they may leave."""
    hits = scan(data, terms.inside().hosts, frozenset(recipient.profile.contact))
    if not hits:
        return ""
    places = ", ".join(f"{hit.kind} at {hit.where or '/'}" for hit in hits[:MAX_TOLD])
    more = f" and {len(hits) - MAX_TOLD} more" if len(hits) > MAX_TOLD else ""
    return f"the second scan found what must not leave: {places}{more}; change the text it came from, preview and approve again"

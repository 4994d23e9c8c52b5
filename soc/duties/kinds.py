"""What kinds of reports there are, and which state of a report counts for what; the words that policy, outbox and pages share."""

from collections.abc import Iterable
from typing import Literal

from soc.clock import Micros
from soc.model import Incident, Report

Kind = Literal[
    "notice_immediate",
    "notice_initial",
    "report_72h",
    "update",
    "response_plan",
    "support_request",
    "closing",
    "correction",
    "pdp_notice",
]
"""What a report is; its name in an approval and on the wire."""

CLAIMS: frozenset[str] = frozenset({"notice_immediate", "notice_initial", "report_72h", "pdp_notice"})
"""Kinds that say that something happened: when it turns out otherwise, a correction is owed to whoever got one."""

DELIVERED: frozenset[str] = frozenset({"accepted", "out_of_band"})
"""States of a report that its receiver has."""

UNSENT: frozenset[str] = frozenset({"stale", "rejected", "superseded", "cancelled"})
"""States of a report that nobody got and nobody will get: as if it were not there."""

HARMLESS: frozenset[str] = frozenset({"false_positive", "benign_true_positive"})
"""Verdicts that leave nothing to report."""


def paper_only(incident: Incident) -> bool:
    """Whether no automatic channel may carry it: a state secret is at risk, or it is TLP:RED. Only a paper's number is kept here."""
    return "state_secret_risk" in incident.flags or incident.tlp == "RED"


def delivered_at(report: Report) -> Micros | None:
    """When the receiver had it; None while it has not.

    The time is the receipt's as our own clock saw it, never the receiver's: theirs may be wrong, and ours is what the other times
    of the incident were taken by. What was delivered another way has no receipt, but a transition with its time.
    """
    if report.state not in DELIVERED:
        return None
    if report.receipt is not None:
        return report.receipt.at
    return next((at for state, at, _ in reversed(report.history) if state == report.state), report.sealed_at)


def sent_to(reports: Iterable[Report], recipient: str) -> tuple[Report, ...]:
    """The reports to a recipient that left or will leave, in order of sealing."""
    return tuple(
        sorted(
            (report for report in reports if report.recipient == recipient and report.state not in UNSENT),
            key=lambda report: (report.sealed_at, report.id),
        )
    )

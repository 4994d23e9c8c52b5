"""What became of sending the audit's heads, and lines that wait on this disk, in; findings for the health page and the doctor out. Pure."""

from soc.clock import Micros
from soc.desk import AuditSettings
from soc.pipeline.audit_sent import LATE, Sent, targets_of
from soc.pipeline.health import Finding, seconds_between


def audit_findings(settings: AuditSettings, sent: Sent, waiting: int, now: Micros) -> list[Finding]:
    """What of the audit is not as it should be on this host.

    Args:
        settings: where heads are sent to.
        sent: what became of the last sending.
        waiting: lines of sign-ins that are on this disk only.
        now: the time.
    """
    found: list[Finding] = []
    if waiting:
        found.append(Finding("warning", "audit", "audit_kept_on_disk", {"count": waiting}))
    if not targets_of(settings) or not sent.tried:
        return found
    since = seconds_between(sent.at or sent.since, now)
    if since > LATE * settings.interval_seconds:
        why = "; ".join(f"{target}: {said}" for target, said in sent.targets.items() if said) or "–"
        found.append(Finding("error", "audit", "audit_heads_unsent", {"for_seconds": since, "why": why}))
    return found

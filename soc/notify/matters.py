"""Documents of the pipeline in, what people must be told of them out: one function a kind, nothing of a raw line in any."""

from collections.abc import Mapping

import msgspec

from soc.clock import Micros
from soc.duties.alarms import MISSED, Alarm
from soc.model import Alert, Directive, Incident, Report
from soc.model.incident import Approval, Task
from soc.notify.routing import Matter, Reason

COMPARED = 8
"""So many rules and entities of a matter are compared with others in a storm: the most frequent ones."""

STUCK: Mapping[str, str] = {
    "rejected": "critical",
    "blocked_auth": "critical",
    "held": "critical",
    "stale": "high",
    "uncertain": "high",
    "processing": "high",
}
"""States in which a report does not get any further by itself, and how grave that is."""
SLOW = frozenset({"uncertain", "processing"})
"""Of them those that only count when they last."""

TOLD_ACTS: Mapping[str, str] = {"break_glass": "break_glass", "audit_fault": "audit_fault"}
"""Acts of the audit trail that people are told of → the reason."""
TEST_ACT = "notify_test"
"""Somebody asked for a test message: object ``person/<key>`` or ``channel/<name>``."""


class AuditLine(msgspec.Struct, frozen=True):
    """What is read of a line of the audit trail."""

    chain: str
    seq: int
    at: Micros
    actor: str
    act: str
    object: str


def of_incident(incident: Incident) -> Matter:
    """An incident, still without level and key: those depend on its alerts."""
    rules = tuple(dict.fromkeys(summary.rule_id for summary in incident.summaries))
    entities = sorted(incident.entities, key=lambda entity: (-entity[2], entity[0], entity[1]))
    return Matter(
        key="",
        about=f"incident/{incident.id}",
        reason="incident",
        level=incident.level,
        at=incident.raised,
        number=incident.number,
        title=incident.title,
        title_vi=incident.title_vi,
        systems=tuple((system.key, system.name) for system in incident.systems),
        units=incident.units,
        exercise=incident.exercise,
        path=f"/incidents/{incident.id}",
        rules=rules[:COMPARED],
        entities=tuple(dict.fromkeys(value for _, value, _ in entities))[:COMPARED],
        size=sum(1 + summary.repeats for summary in incident.summaries),
    )


def of_alert(alert: Alert) -> Matter:
    """An alert that is in no incident."""
    return Matter(
        key=f"alert/{alert.id}",
        about=f"alert/{alert.id}",
        reason="alert",
        level=alert.level,
        at=alert.raised,
        title=alert.title,
        title_vi=alert.title_vi,
        systems=tuple((key, key) for key in alert.systems),
        units=alert.units,
        path=f"/alerts/{alert.id}",
        rules=(alert.rule_id,),
        entities=tuple(dict.fromkeys(value for _, value in alert.entities))[:COMPARED],
        walks=True,
    )


def of_deadline(alarm: Alarm, incident: Incident) -> Matter:
    """A deadline of a report of which so much time is gone, or that was missed."""
    clock = alarm.clock
    missed = alarm.threshold >= MISSED
    detail = (
        ("kind_vi", clock.vi),
        ("kind_en", clock.en),
        ("recipient_vi", clock.recipient_vi or clock.recipient or "–"),
        ("recipient_en", clock.recipient_en or clock.recipient or "–"),
        ("share", "missed" if missed else str(alarm.threshold)),
        ("due", str(clock.due or 0)),
    )
    level = "critical" if alarm.threshold >= 90 else "high"
    return _of_case(incident, "deadline", f"deadline/{alarm.id}", level=level, at=alarm.at, detail=detail)


def of_task(task: Task, incident: Incident) -> Matter:
    """A task that nobody answered in time."""
    detail = (("unit", task.unit), ("due", str(task.due)))
    key = f"task/{incident.id}/{task.id}/{task.due}"
    matter = _of_case(incident, "task", key, level="high", at=task.due, detail=detail)
    return msgspec.structs.replace(matter, title=task.title, title_vi="")


def of_approval(approval: Approval, incident: Incident, due: Micros) -> Matter:
    """An approval by telephone that nobody countersigned in time."""
    detail = (("who", approval.by_telephone), ("kind", approval.report_kind), ("at", str(approval.at)))
    key = f"approval/{incident.id}/{approval.report_kind}/{approval.recipient}/{approval.at}"
    return _of_case(incident, "approval", key, level="high", at=due, detail=detail)


def _of_case(
    incident: Incident, reason: Reason, key: str, *, level: str, at: Micros, detail: tuple[tuple[str, str], ...]
) -> Matter:
    matter = of_incident(incident)
    return msgspec.structs.replace(
        matter, key=key, reason=reason, level=level, at=at, detail=detail, rules=(f"reason:{reason}",), entities=()
    )


def of_report(report: Report, number: str, at: Micros) -> Matter:
    """A report that does not reach its receiver by itself."""
    return Matter(
        key=f"report/{report.id}/{report.state}",
        about=f"report/{report.id}",
        reason="report",
        level=STUCK[report.state],
        at=at,
        number=number,
        detail=(("kind", report.kind), ("recipient", report.recipient), ("state", report.state)),
        path=f"/incidents/{report.incident_id}",
        rules=("reason:report",),
    )


def of_directive(directive: Directive, due: Micros) -> Matter:
    """A directive from above that was not answered in time."""
    return Matter(
        key=f"directive/{directive.id}/{due}",
        about=f"directive/{directive.id}",
        reason="directive",
        level="high",
        at=due,
        number=directive.number,
        title=directive.title,
        detail=(("due", str(due)),),
        path="/directives",
        rules=("reason:directive",),
    )


def of_audit(line: AuditLine) -> Matter:
    """An act of the audit trail that people are told of."""
    who = line.object.partition("/")[2] or line.actor
    return Matter(
        key=f"audit/{line.chain}/{line.seq}",
        about=f"audit/{line.chain}/{line.seq}",
        reason="break_glass" if line.act == "break_glass" else "audit_fault",
        level="critical",
        at=line.at,
        detail=(("who", who), ("what", who)),
        path="/audit",
        rules=(f"reason:{line.act}",),
        entities=(line.object,),
    )


def of_test(line: AuditLine) -> Matter:
    """A test message."""
    return Matter(
        key=f"audit/{line.chain}/{line.seq}",
        about=f"test/{line.chain}/{line.seq}",
        reason="test",
        level="informational",
        at=line.at,
        detail=(("who", line.actor),),
        path="/notices",
    )

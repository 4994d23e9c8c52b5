"""Alerts, incidents, reports, directives and audit lines in; what people must be told of, opened and ended at the caller, out.

Keys of the state (values are MessagePack):

    i/<incident>     what is known of an open incident: how loud its alerts are, what a message would say
    k/<incident>     an incident that has deadlines or tasks to come, without its bulk
    r/<report>       a report without its bytes, and since when it is in its state
    d/<directive>    a directive that waits for an answer

An incident is as loud as the gravest of its alerts that is live, new, no repeat and not silenced: what is silenced calls nobody.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from soc.clock import SECOND, Micros
from soc.duties.alarms import alarms, next_alarm
from soc.duties.clocks import clocks
from soc.duties.policy import Policy
from soc.model import Alert, Directive, Incident, Report, decode, encode
from soc.model.incident import OPEN, Approval
from soc.notify.caller import Caller
from soc.notify.cases import TOLD_KEPT
from soc.notify.matters import (
    SLOW,
    STUCK,
    TEST_ACT,
    TOLD_ACTS,
    AuditLine,
    of_alert,
    of_approval,
    of_audit,
    of_deadline,
    of_directive,
    of_incident,
    of_report,
    of_task,
    of_test,
)
from soc.notify.routing import RANK, Matter

LEVELS = {rank: level for level, rank in RANK.items()}
STUB_KEPT: Micros = 86400 * SECOND
"""An alert's incident comes with the same commit; what never came is forgotten after a day."""


class Watched(msgspec.Struct, frozen=True):
    """An open incident.

    Attributes:
        at: when it was first heard of.
        facts: what a message would say; None until its document came.
        loud: rank of the gravest of its alerts that may call somebody; 0 without one.
        told: rank that people were told of.
        waits: nobody has acknowledged it.
    """

    at: Micros
    facts: Matter | None = None
    loud: int = 0
    told: int = 0
    waits: bool = True


class Known(msgspec.Struct, frozen=True):
    """A report.

    Attributes:
        incident_id: whose it is: of what was merged, the survivor's.
        since: when it was first seen in its state.
    """

    report: Report
    incident_id: str
    since: Micros


T = TypeVar("T", Watched, Known, Incident, Directive)


KEPT_ACTS = frozenset({"classify", "unconfirm"})
"""Acts of a timeline that deadlines are computed from."""


class Patience(NamedTuple):
    """How long what is not over by itself may last before people are told.

    Attributes:
        uncertain: a report that is uncertain, or being processed.
        countersigned: an approval by telephone that nobody countersigned.
    """

    uncertain: Micros
    countersigned: Micros = 86400 * SECOND


class Batch(NamedTuple):
    """What one unit of work read."""

    incidents: Sequence[Incident] = ()
    alerts: Sequence[Alert] = ()
    reports: Sequence[Report] = ()
    directives: Sequence[Directive] = ()
    lines: Sequence[AuditLine] = ()


class Watch:
    """What is going on, as far as somebody may have to be told.

    Args:
        state: as it was committed.
        caller: who tells people.
        policy: the duties to report, None without any.
        patience: how long what is not over by itself may last.
    """

    def __init__(
        self, state: Mapping[bytes, bytes], caller: Caller, policy: Callable[[], Policy | None], patience: Patience
    ) -> None:
        self._caller = caller
        self._policy = policy
        self._patience = patience
        self._incidents: dict[str, Watched] = {}
        self._kept: dict[str, Incident] = {}
        self._reports: dict[str, Known] = {}
        self._directives: dict[str, Directive] = {}
        self._look_at: dict[str, Micros] = {}
        self._changes: dict[bytes, bytes | None] = {}
        for key in sorted(state):
            kind, _, name = key.decode("utf-8", "replace").partition("/")
            if kind == "i":
                self._incidents[name] = decode(state[key], Watched)
            elif kind == "k":
                self._kept[name] = decode(state[key], Incident)
                self._look_at[name] = 0
            elif kind == "r":
                self._reports[name] = decode(state[key], Known)
            elif kind == "d":
                self._directives[name] = decode(state[key], Directive)

    def read(self, batch: Batch, now: Micros) -> None:
        """Take in what was read, and tell people of what follows at once."""
        dirty: dict[str, None] = {}
        for report in batch.reports:
            self._report(report, now)
        for incident in batch.incidents:
            self._incident(incident, now)
            dirty[incident.id] = None
        for alert in batch.alerts:
            dirty[self._alert(alert, now)] = None
        for id_ in dirty:
            self._tell(id_, now)
        for directive in batch.directives:
            self._directive(directive)
        for line in batch.lines:
            if line.act == TEST_ACT:
                self._caller.test(of_test(line), line.object, now)
            elif line.act in TOLD_ACTS:
                self._caller.open(of_audit(line), now)

    def tick(self, now: Micros) -> None:
        """Tell people of what became due by time alone."""
        for id_ in [id_ for id_, at in self._look_at.items() if at <= now]:
            self._look(id_, now)
        for known in self._reports.values():
            if known.report.state in SLOW and now - known.since >= self._patience.uncertain:
                self._stuck(known, now)
        for directive in list(self._directives.values()):
            if directive.due is not None and directive.due < now:
                self._caller.open(of_directive(directive, directive.due), now)

    def review(self, now: Micros) -> None:
        """Tell of every open incident that the roster did not call anybody for until now: there is another roster."""
        for id_ in list(self._incidents):
            self._tell(id_, now)

    def sweep(self, now: Micros) -> None:
        """Forget what cannot matter any more."""
        for id_, watched in list(self._incidents.items()):
            if watched.facts is None and watched.at < now - STUB_KEPT:
                self._put(b"i", id_, self._incidents, None)
        for id_, known in list(self._reports.items()):
            if known.since < now - TOLD_KEPT:
                self._put(b"r", id_, self._reports, None)

    def take(self) -> dict[bytes, bytes | None]:
        """Changes of the state since the last call."""
        changes, self._changes = self._changes, {}
        return changes

    def _incident(self, incident: Incident, now: Micros) -> None:
        about = f"incident/{incident.id}"
        watched = self._incidents.get(incident.id) or Watched(now)
        self._keep(incident)
        if incident.status not in OPEN:
            self._caller.end(about, now, acknowledged=incident.status == "closed", untell=True)
            self._caller.forget(f"{about}/{level}" for level in RANK)
            self._put(b"i", incident.id, self._incidents, None)
            if incident.merged_into:
                self._merged(incident, watched, now)
            return
        gone = bool(incident.summaries) and all(summary.state != "live" for summary in incident.summaries)
        waits = incident.status == "new" and incident.acknowledged_at is None and not gone
        if not waits:
            self._caller.end(about, now, acknowledged=not gone)
        loud = 0 if gone else watched.loud
        facts = of_incident(incident)
        self._caller.refresh(facts)
        changed = msgspec.structs.replace(watched, facts=facts, waits=waits, loud=loud)
        if changed != watched:
            self._put(b"i", incident.id, self._incidents, changed)

    def _merged(self, incident: Incident, watched: Watched, now: Micros) -> None:
        """What was merged makes its survivor as loud as it was; its reports are the survivor's."""
        into = incident.merged_into
        survivor = self._incidents.get(into) or Watched(now)
        if watched.loud > survivor.loud and watched.waits:
            self._put(b"i", into, self._incidents, msgspec.structs.replace(survivor, loud=watched.loud))
            self._tell(into, now)
        for id_, known in list(self._reports.items()):
            if known.incident_id == incident.id:
                self._put(b"r", id_, self._reports, msgspec.structs.replace(known, incident_id=into))

    def _alert(self, alert: Alert, now: Micros) -> str:
        """Take an alert in; the id of its incident."""
        calls = alert.state == "live" and alert.status == "new" and not alert.silenced_by and not alert.duplicate_of
        if alert.incident_id or not calls:
            self._caller.end(f"alert/{alert.id}", now, acknowledged=alert.status != "new", untell=True)
        if not calls:
            return alert.incident_id
        if not alert.incident_id:
            self._caller.open(of_alert(alert), now)
            return ""
        rank = RANK.get(alert.level, RANK["medium"])
        watched = self._incidents.get(alert.incident_id) or Watched(now)
        if rank > watched.loud:
            self._put(b"i", alert.incident_id, self._incidents, msgspec.structs.replace(watched, loud=rank))
        return alert.incident_id

    def _tell(self, id_: str, now: Micros) -> None:
        """Tell people of an incident, or that it became graver; who works on one that did is told once."""
        watched = self._incidents.get(id_)
        if watched is None or watched.facts is None or watched.loud <= watched.told:
            return
        level = LEVELS[watched.loud]
        key = f"{watched.facts.about}/{level}"
        matter = msgspec.structs.replace(watched.facts, key=key, level=level, walks=watched.waits)
        if not self._caller.may_call(matter):
            return
        self._caller.end(matter.about, now, acknowledged=False, only="incident")
        self._caller.open(matter, now)
        self._put(b"i", id_, self._incidents, msgspec.structs.replace(watched, told=watched.loud))

    def _keep(self, incident: Incident) -> None:
        """Keep what its deadlines and tasks are computed from, for as long as one is to come."""
        if not _has_duties(incident) and incident.id not in self._kept:
            return
        timeline = tuple(moment for moment in incident.timeline if moment.act in KEPT_ACTS)
        slim = msgspec.structs.replace(
            incident, alerts=(), joins=(), summaries=(), notes=(), timeline=timeline, evidence=(), entities=()
        )
        self._put(b"k", incident.id, self._kept, slim)
        self._look_at[incident.id] = 0

    def _look(self, id_: str, now: Micros) -> None:
        """Tell of the deadlines and tasks that are due, and note when to look again."""
        incident = self._kept[id_]
        following: list[Micros] = []
        if incident.status != "merged":
            for task in incident.tasks:
                if task.status == "open" and task.due >= now:
                    following.append(task.due + 1)
                elif task.status == "open":
                    self._caller.open(of_task(task, incident), now)
            for approval in _unsigned(incident):
                due = approval.at + self._patience.countersigned
                if due >= now:
                    following.append(due + 1)
                else:
                    self._caller.open(of_approval(approval, incident, due), now)
            policy = self._policy()
            for clock in clocks(policy, incident, now, self._reports_of(incident)) if policy else ():
                for alarm in alarms(clock, now):
                    self._caller.open(of_deadline(alarm, incident), now)
                following += [at for at in (next_alarm(clock, now),) if at is not None]
        if following:
            self._look_at[id_] = min(following)
        else:
            del self._look_at[id_]
            self._put(b"k", id_, self._kept, None)

    def _reports_of(self, incident: Incident) -> list[Report]:
        ids = {incident.id, *(link.incident_id for link in incident.links)}
        return [known.report for known in self._reports.values() if known.incident_id in ids]

    def _report(self, report: Report, now: Micros) -> None:
        before = self._reports.get(report.id)
        same = before is not None and before.report.state == report.state
        slim = msgspec.structs.replace(report, payload=b"", history=())
        owner = before.incident_id if before else report.incident_id
        known = Known(slim, owner, before.since if before and same else now)
        self._put(b"r", report.id, self._reports, known)
        for id_ in self._look_at.keys() & {owner, report.incident_id}:
            self._look_at[id_] = 0
        if report.state in STUCK and report.state not in SLOW:
            self._stuck(known, now)

    def _stuck(self, known: Known, now: Micros) -> None:
        watched = self._incidents.get(known.incident_id)
        number = watched.facts.number if watched and watched.facts else ""
        self._caller.open(of_report(known.report, number, now), now)

    def _directive(self, directive: Directive) -> None:
        waits = directive.status == "open" and directive.due is not None
        if waits or directive.id in self._directives:
            self._put(b"d", directive.id, self._directives, directive if waits else None)

    def _put(self, kind: bytes, name: str, place: dict[str, T], value: T | None) -> None:
        key = kind + b"/" + name.encode()
        if value is not None:
            place[name] = value
            self._changes[key] = encode(value)
        elif place.pop(name, None) is not None:
            self._changes[key] = None
        if kind == b"k" and value is None:
            self._look_at.pop(name, None)


def _unsigned(incident: Incident) -> list[Approval]:
    """Approvals by telephone that nobody countersigned yet."""
    return [one for one in incident.approvals if one.by_telephone and one.countersigned_at is None]


def _has_duties(incident: Incident) -> bool:
    """Whether a clock of the policy or of a task may run: all of them need a person's word, and a storm has none."""
    words: Iterable[object] = (
        incident.acknowledged_at,
        incident.confirmed_at,
        incident.contained_at,
        incident.closed_at,
        incident.t0,
        incident.flags,
        incident.kind == "incident",
        incident.severity != "none",
        any(task.status == "open" for task in incident.tasks),
        bool(_unsigned(incident)),
    )
    return any(word not in (None, (), False) for word in words)

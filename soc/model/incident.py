"""``soc.incidents``: the current document of one incident, written by triage alone."""

from typing import Literal

import msgspec

from soc.clock import Micros
from soc.model.alert import Note, Verdict
from soc.model.report import Settlement
from soc.model.system import SystemHit

IncidentStatus = Literal["new", "triage", "in_progress", "contained", "closed", "merged"]
OPEN: frozenset[IncidentStatus] = frozenset({"new", "triage", "in_progress", "contained"})
"""What still takes part in grouping."""

Severity = Literal["none", "normal", "serious"]
"""Of the duty to report, by a person; not the rule's level."""

Flag = Literal[
    "national_security",
    "public_order",
    "serious_disruption",
    "beyond_capability",
    "state_secret_risk",
    "personal_data",
]


class Join(msgspec.Struct, frozen=True):
    """Why an alert is in an incident: the shared entity, said so that an analyst can check it."""

    alert_id: str
    at: Micros
    entity_kind: str
    entity_value: str


class Link(msgspec.Struct, frozen=True):
    """Another incident of the same campaign: linked, not merged.

    Attributes:
        incident_id, number: the other one.
        reason: what both share: a technique, an attacker's address, an indicator.
    """

    incident_id: str
    number: str
    reason: str


class Approval(msgspec.Struct, frozen=True):
    """A person with the role approver agreed to exactly these bytes.

    Attributes:
        payload_sha256: hash of the payload as it was previewed; sealing anything else is refused.
        incident_version: the incident's version the preview was made from.
        recipient: to whom; "" is the only receiver.
        by_telephone: who agreed by telephone; ``approver`` typed it and somebody must countersign.
        second: who agreed as the second person, where the policy asks for one.
        countersigned_by, countersigned_at: the signature after an approval by telephone.
        missing: names of the required fields that were empty in what was approved.
        missing_reason: why it was approved all the same; never "" where something was missing. It does not leave.
    """

    report_kind: str
    payload_sha256: str
    approver: str
    at: Micros
    incident_version: int
    recipient: str = ""
    by_telephone: str = ""
    second: str = ""
    countersigned_by: str = ""
    countersigned_at: Micros | None = None
    missing: tuple[str, ...] = ()
    missing_reason: str = ""


class Task(msgspec.Struct, frozen=True):
    """What somebody outside is asked to do: a unit need not have an account.

    Attributes:
        unit: the register's key of the organization, or its name.
        due: when the answer is expected.
        reply: what was answered, typed in by ``replied_by``.
    """

    id: str
    title: str
    unit: str
    due: Micros
    created: Micros
    created_by: str
    status: Literal["open", "answered", "done", "dropped"] = "open"
    reply: str = ""
    replied_at: Micros | None = None
    replied_by: str = ""


class Evidence(msgspec.Struct, frozen=True):
    """Raw lines kept beyond retention, as one file.

    Attributes:
        name: of the file in the evidence place.
        sha256, size: of its bytes.
        lines: how many raw lines; ``start`` to ``end``: the interval they were received in.
    """

    name: str
    sha256: str
    size: int
    lines: int
    start: Micros
    end: Micros
    pinned_by: str
    at: Micros


class Moment(msgspec.Struct, frozen=True):
    """One entry of an incident's timeline: what a person or the product did."""

    at: Micros
    actor: str
    act: str
    detail: str = ""


class Incident(msgspec.Struct, frozen=True):
    """One incident.

    Attributes:
        id: begins with the month of its first alert, which names its index.
        number: for people: ``INC-2026-000012``.
        version: the fold's sequence at the last change; the store's external version.
        revision: counts changes of the human fields.
        title, title_vi, level: of the gravest alert.
        alerts: ids of its alerts, in order of joining; repeats of one (``Alert.duplicate_of``) are not listed.
        joins: why each alert joined.
        entities: (kind, value) with how many of its alerts carry it.
        first_seen, last_seen: over its alerts, event time. The first of four times kept;
            ``raised`` (alerted), ``acknowledged_at`` and ``confirmed_at`` are the others.
        tags: ATT&CK tactics and techniques of its alerts' rules.
        approvals: in order; the n-th of a kind asks for the n-th report of that kind.
        merged_into: id of the incident it became part of.
        kind: ``event`` (sự kiện): an attempt without effect; ``incident`` (sự cố): a person confirmed an effect.
        severity, flags: by a person; what duties are triggered by.
        t0, t0_reason: a start of the legal clock that a person set earlier than the policy's; None is the policy's.
        particulars: field of a report → text, typed by people (cause, measures, current state …; names as in the policy).
        exercise: a drill (diễn tập): watermarked everywhere, and no receiver gets it that does not accept exercises.
        tlp: how far its report may travel (TLP 2.0). keep_secret: the reporter asks the receiver to keep it secret.
        systems: what was hit, as the register knows it; machine field. ``units``: the owners, a person's scope.
        campaign: id that incidents of one campaign share. ``links``: the others of it.
        timeline: what was done, oldest first; the latest ones.
        settlements: what people decided about its reports, in order.
    """

    id: str
    number: str
    version: int
    revision: int
    title: str
    title_vi: str
    level: str
    alerts: tuple[str, ...]
    joins: tuple[Join, ...]
    entities: tuple[tuple[str, str, int], ...]
    first_seen: Micros
    last_seen: Micros
    raised: Micros
    tags: tuple[str, ...] = ()
    status: IncidentStatus = "new"
    owner: str = ""
    verdict: Verdict = ""
    close_reason: str = ""
    notes: tuple[Note, ...] = ()
    acknowledged_at: Micros | None = None
    closed_at: Micros | None = None
    new_activity: bool = False
    approvals: tuple[Approval, ...] = ()
    merged_into: str = ""
    summaries: tuple["AlertSummary", ...] = ()
    kind: Literal["event", "incident"] = "event"
    severity: Severity = "none"
    flags: tuple[Flag, ...] = ()
    confirmed_at: Micros | None = None
    contained_at: Micros | None = None
    t0: Micros | None = None
    t0_reason: str = ""
    particulars: dict[str, str] = {}
    exercise: bool = False
    tlp: Literal["CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"] = "AMBER"
    keep_secret: bool = False
    tasks: tuple[Task, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    systems: tuple[SystemHit, ...] = ()
    units: tuple[str, ...] = ()
    risk: int = 0
    campaign: str = ""
    links: tuple[Link, ...] = ()
    timeline: tuple[Moment, ...] = ()
    unauthenticated: bool = False
    settlements: tuple[Settlement, ...] = ()


class AlertSummary(msgspec.Struct, frozen=True):
    """What an incident's report and page say of one alert, so that neither needs another look-up."""

    alert_id: str
    rule_id: str
    title: str
    title_vi: str
    level: str
    count: int
    first_seen: Micros
    last_seen: Micros
    state: str
    repeats: int = 0

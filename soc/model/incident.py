"""``soc.incidents``: the current document of one incident, written by triage alone."""

from typing import Literal

import msgspec

from soc.clock import Micros
from soc.model.alert import Note, Verdict

IncidentStatus = Literal["new", "acknowledged", "closed", "merged"]


class Join(msgspec.Struct, frozen=True):
    """Why an alert is in an incident: the shared entity, said so that an analyst can check it."""

    alert_id: str
    at: Micros
    entity_kind: str
    entity_value: str


class Approval(msgspec.Struct, frozen=True):
    """A person with the role approver agreed to exactly these bytes.

    Attributes:
        payload_sha256: hash of the payload as it was previewed; sealing anything else is refused.
        incident_version: the incident's version the preview was made from.
    """

    report_kind: str
    payload_sha256: str
    approver: str
    at: Micros
    incident_version: int


class Incident(msgspec.Struct, frozen=True):
    """One incident.

    Attributes:
        id: begins with the month of its first alert, which names its index.
        number: for people: ``INC-2026-000012``.
        version: the fold's sequence at the last change; the store's external version.
        revision: counts changes of the human fields.
        title, title_vi, level: of the gravest alert.
        alerts: ids of its alerts, in order of joining.
        joins: why each alert joined.
        entities: (kind, value) with how many of its alerts carry it.
        first_seen, last_seen: over its alerts, event time.
        tactics: ATT&CK tactics and techniques of its alerts' tags.
        approvals: in order; the n-th of a kind asks for the n-th report of that kind.
        merged_into: id of the incident it became part of.
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

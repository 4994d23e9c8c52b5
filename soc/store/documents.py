"""What the topics hold in, store documents out: pure functions, one a kind, with flat ECS-like names to search by.

    kind        id                  version          time                   names of its own
    event       raw id              1                @timestamp             the event's own fields, ``event.id``, ``source``
    alert       alert id            fold's sequence  first seen             ``alert.*``, ``rule.*``, entities by their field
    incident    incident id         fold's sequence  first seen             ``incident.*``, entities by their field
    report      report id           its sequence     sealed at              ``report.*``, ``incident.id``
    deadletter  record's id, stage  attempt, state   received               ``deadletter.*``, ``event.original``
    audit       chain and sequence  1                when it was done       what the entry holds, flattened
    silence     its id              fold's sequence  start                  ``silence.*``
    directive   its id              fold's sequence  when it was entered    ``directive.*``
    notice      its id              its transition   when it was made       ``notice.*``

``body`` is the whole value as JSON (of an event only what ``fields`` does not have).
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

from soc.clock import to_iso
from soc.errors import RecordError
from soc.model import Alert, DeadLetter, Directive, Event, Incident, Notice, Report, Silence
from soc.model.deadletter import shape
from soc.store.base import Document

SEVERITY: Mapping[str, int] = {"informational": 1, "low": 2, "medium": 3, "high": 4, "critical": 5}
"""A level as a number, for ``event.severity>=4``; an unknown one counts as 3."""

_SAMPLE_LINES = 8


def builtins(value: Any) -> Any:
    """A struct as plain JSON values: bytes as their text, or as ``{"base64": ...}`` where they are not UTF-8."""
    return _plain(msgspec.to_builtins(value, builtin_types=(bytes,)))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in cast("Iterable[Any]", value)]
    return value


def event_document(event: Event) -> Document:
    """One event, searchable by its own fields."""
    own: dict[str, Any] = {"event.id": event.id, "source": event.source}
    if event.time_flags:
        own["event.time_flags"] = list(event.time_flags)
    body = {
        "correlation_time": event.correlation_time,
        "received": event.received,
        "logsources": [{"product": s.product, "category": s.category, "service": s.service} for s in event.logsources],
    }
    return Document("event", event.id, 1, event.time, {**own, **event.fields}, body)


def _by_kind(entities: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """(kind, value) pairs as a field per kind."""
    out: dict[str, Any] = {}
    for kind, value in entities:
        out.setdefault(kind, [])
        if value not in out[kind]:
            out[kind].append(value)
    return out


def _short(level: str, status: str, owner: str) -> dict[str, Any]:
    """What people filter by all day, under names short enough to type."""
    return {"level": level, "status": status, "owner": owner or None}


def alert_document(alert: Alert) -> Document:
    """One alert, searchable by rule, status, people, entities and the raw lines of its sample."""
    lines = [str(m.fields["event.original"]) for m in alert.sample if m.fields and m.fields.get("event.original")]
    fields: dict[str, Any] = {
        **_by_kind((*alert.group, *alert.entities)),
        "@timestamp": to_iso(alert.first_seen),
        "event.kind": "alert",
        "event.start": to_iso(alert.first_seen),
        "event.end": to_iso(alert.last_seen),
        "event.severity": SEVERITY.get(alert.level, 3),
        "event.original": lines[:_SAMPLE_LINES],
        "rule.id": alert.rule_id,
        "rule.name": alert.title,
        "rule.name_vi": alert.title_vi,
        "rule.tags": list(alert.tags),
        "rule.type": alert.type,
        **_short(alert.level, alert.status, alert.owner),
        "alert.id": alert.id,
        "alert.level": alert.level,
        "alert.status": alert.status,
        "alert.state": alert.state,
        "alert.owner": alert.owner or None,
        "alert.verdict": alert.verdict or None,
        "alert.close_reason": alert.close_reason or None,
        "alert.notes": [note.text for note in alert.notes],
        "alert.count": alert.count,
        "alert.value": alert.value,
        "alert.late": alert.late,
        "alert.new_activity": alert.new_activity,
        "alert.raised": to_iso(alert.raised),
        "alert.fingerprint": alert.fingerprint or None,
        "alert.duplicate": bool(alert.duplicate_of),
        "alert.repeats": alert.repeats,
        "alert.risk": alert.risk,
        "alert.silenced": bool(alert.silenced_by),
        "silence.id": alert.silenced_by or None,
        "alert.unauthenticated": alert.unauthenticated,
        "indicator.value": [hit.value for hit in alert.indicators],
        "indicator.feed": sorted({hit.feed for hit in alert.indicators}),
        "system.key": list(alert.systems),
        "organization.id": list(alert.units),
        "incident.id": alert.incident_id or None,
    }
    return Document("alert", alert.id, alert.version, alert.first_seen, fields, builtins(alert))


def incident_document(incident: Incident) -> Document:
    """One incident, searchable by number, status, people, entities and the titles of its alerts."""
    fields: dict[str, Any] = {
        **_by_kind((kind, value) for kind, value, _ in incident.entities),
        "@timestamp": to_iso(incident.first_seen),
        "event.kind": "incident",
        "event.start": to_iso(incident.first_seen),
        "event.end": to_iso(incident.last_seen),
        "event.severity": SEVERITY.get(incident.level, 3),
        "rule.id": [summary.rule_id for summary in incident.summaries],
        "rule.name": [summary.title for summary in incident.summaries],
        "rule.name_vi": [summary.title_vi for summary in incident.summaries if summary.title_vi],
        "rule.tags": list(incident.tags),
        **_short(incident.level, incident.status, incident.owner),
        "incident.id": incident.id,
        "incident.number": incident.number,
        "incident.title": incident.title,
        "incident.title_vi": incident.title_vi,
        "incident.level": incident.level,
        "incident.status": incident.status,
        "incident.owner": incident.owner or None,
        "incident.verdict": incident.verdict or None,
        "incident.close_reason": incident.close_reason or None,
        "incident.notes": [note.text for note in incident.notes],
        "incident.alerts": len(incident.alerts),
        "incident.approvals": [approval.report_kind for approval in incident.approvals],
        "incident.merged_into": incident.merged_into or None,
        "incident.new_activity": incident.new_activity,
        "incident.raised": to_iso(incident.raised),
        "incident.kind": incident.kind,
        "incident.severity": incident.severity,
        "incident.flags": list(incident.flags),
        "incident.exercise": incident.exercise,
        "incident.campaign": incident.campaign or None,
        "incident.risk": incident.risk,
        "incident.tasks": len([task for task in incident.tasks if task.status == "open"]),
        "task.status": sorted({task.status for task in incident.tasks}),
        "task.unit": sorted({task.unit for task in incident.tasks}),
        "system.key": [system.key for system in incident.systems],
        "system.name": [system.name for system in incident.systems],
        "organization.id": list(incident.units),
        "alert.id": list(incident.alerts),
    }
    return Document("incident", incident.id, incident.version, incident.first_seen, fields, builtins(incident))


def report_document(report: Report) -> Document:
    """One report, searchable by state, incident and receipt; the payload is in the body only."""
    fields: dict[str, Any] = {
        "@timestamp": to_iso(report.sealed_at),
        "event.kind": "report",
        "state": report.state,
        "report.id": report.id,
        "report.kind": report.kind,
        "report.recipient": report.recipient,
        "report.state": report.state,
        "report.sha256": report.payload_sha256,
        "report.approver": report.approver,
        "report.attempts": report.attempts,
        "report.detail": report.detail or None,
        "report.receipt": report.receipt.receipt_id if report.receipt else None,
        "incident.id": report.incident_id,
    }
    return Document("report", report.id, report.seq, report.sealed_at, fields, builtins(report))


def deadletter_document(letter: DeadLetter) -> Document:
    """One dead letter, searchable by stage, reason, source and its bytes as text (what is no UTF-8 replaced)."""
    fields: dict[str, Any] = {
        "@timestamp": to_iso(letter.received),
        "event.kind": "deadletter",
        "event.id": letter.id,
        "event.original": letter.data.decode("utf-8", "replace"),
        "deadletter.stage": letter.stage,
        "deadletter.reason": letter.reason,
        "deadletter.profile": letter.profile or None,
        "deadletter.shape": shape(letter),
        "deadletter.state": letter.state,
        "deadletter.attempt": letter.attempt,
        "source": letter.source,
        "listener": letter.listener,
        "peer": letter.peer,
    }
    body = {**builtins(letter), "shape": shape(letter)}
    return Document("deadletter", f"{letter.id}/{letter.stage}", letter.version, letter.received, fields, body)


def silence_document(silence: Silence) -> Document:
    """One silence or maintenance window, searchable by owner, reason and what it matches."""
    fields: dict[str, Any] = {
        "@timestamp": to_iso(silence.starts),
        "event.kind": "silence",
        "silence.id": silence.id,
        "silence.kind": silence.kind,
        "silence.owner": silence.owner,
        "silence.reason": silence.reason,
        "silence.matchers": [f"{field}={value}" for field, value in silence.matchers],
        "silence.starts": to_iso(silence.starts),
        "silence.ends": to_iso(silence.ends),
        "silence.ended": silence.ended_at is not None,
        "silence.covered": silence.covered,
    }
    return Document("silence", silence.id, silence.version, silence.starts, fields, builtins(silence))


def directive_document(directive: Directive) -> Document:
    """One directive, searchable by number, issuer, text and state."""
    fields: dict[str, Any] = {
        "@timestamp": to_iso(directive.made),
        "event.kind": "directive",
        "directive.id": directive.id,
        "directive.number": directive.number,
        "directive.issuer": directive.issuer,
        "directive.title": directive.title,
        "directive.text": directive.text,
        "directive.status": directive.status,
        "directive.due": to_iso(directive.due) if directive.due is not None else None,
        "directive.answer": directive.answer or None,
        "incident.id": list(directive.incident_ids),
    }
    return Document("directive", directive.id, directive.version, directive.made, fields, builtins(directive))


def notice_document(notice: Notice) -> Document:
    """One message to people, searchable by state, reason, person and what it is about."""
    fields: dict[str, Any] = {
        "@timestamp": to_iso(notice.made),
        "event.kind": "notice",
        "notice.id": notice.id,
        "notice.state": notice.state,
        "notice.reason": notice.reason,
        "notice.about": notice.about,
        "notice.person": notice.person,
        "notice.channel": notice.channel,
        "notice.subject": notice.subject,
        "notice.step": notice.step,
        "notice.attempts": notice.attempts,
        "notice.detail": notice.detail or None,
    }
    return Document("notice", notice.id, notice.version, notice.made, fields, builtins(notice))


def audit_document(entry: bytes) -> Document:
    """One entry of the hash chain (JSON or MessagePack); its names are flattened, its id is its own or its hash.

    Raises:
        RecordError: it is neither, or is no object.
    """
    tree: Any = None
    for decode in (msgspec.json.decode, msgspec.msgpack.decode):
        try:
            tree = decode(entry)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if isinstance(tree, dict):
            break
    if not isinstance(tree, dict):
        raise RecordError("index", "an audit entry that is no JSON object")
    body = cast("dict[str, Any]", _plain(tree))
    at = body.get("at", body.get("time", 0))
    time = at if isinstance(at, int) and not isinstance(at, bool) else 0
    id_ = str(body.get("hash") or body.get("id") or hashlib.sha256(entry).hexdigest())
    fields = {**_flat(body, ""), "@timestamp": to_iso(time) if 0 <= time < 2**57 else None, "event.kind": "audit"}
    return Document("audit", id_, 1, time, fields, body)


def _flat(tree: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            out |= _flat(cast("Mapping[str, Any]", value), f"{prefix}{key}.")
        elif isinstance(value, list):
            out[f"{prefix}{key}"] = [str(item) for item in cast("list[Any]", value)]
        else:
            out[f"{prefix}{key}"] = value
    return out

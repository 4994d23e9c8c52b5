"""One act of a person and the alert or incident it is about in; the changed human fields, or why it is not possible, out."""

import re
from collections.abc import Callable, Mapping
from typing import Literal, TypeVar, cast, get_args

import msgspec

from soc.clock import Micros
from soc.model import Action, ActionKind, Alert, Approval, Evidence, Incident, Settlement, Verdict
from soc.model.alert import Note
from soc.triage import lifecycle, tasks
from soc.triage.arguments import MAX_LINE, Done, RefusedError, choice, text

Target = TypeVar("Target", Alert, Incident)

MAX_NOTES = 500
MAX_APPROVALS = 100
MAX_SETTLEMENTS = 100
MAX_EVIDENCE = 200
MAX_MISSING = 100

VERDICTS = tuple(name for name in get_args(Verdict) if name)

ALERT_TABLE: Mapping[tuple[str, ActionKind], str] = {
    ("new", "acknowledge"): "acknowledged",
    ("closed", "acknowledge"): "closed",  # its new activity was seen
    ("new", "close"): "closed",
    ("acknowledged", "close"): "closed",
    ("closed", "reopen"): "acknowledged",
    **{(state, act): state for state in ("new", "acknowledged", "closed") for act in ("assign", "note", "detach")},
}
"""(state, act) of an alert → the state after it; of an incident see ``lifecycle.TABLE``."""

_KIND = re.compile(r"[a-z0-9][a-z0-9_]{0,39}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


def perform(action: Action, target: Alert | Incident) -> Done:
    """The human fields that ``action`` changes on ``target``; of an incident its timeline with the act in it too.

    ``merge``, ``split``, ``detach``, ``link`` and ``unlink`` change more than one document and are the fold's.

    Raises:
        RefusedError: the target's state does not allow it, or its arguments are missing or wrong.
    """
    if isinstance(target, Alert):
        act = _ON_ALERTS.get(action.kind)
        if act is None:
            raise RefusedError(f"{action.kind} changes no field of an alert")
        return act(action, target)
    make = _ON_INCIDENTS.get(action.kind)
    if make is None:
        raise RefusedError(f"{action.kind} changes no field")
    lifecycle.check(target, action.kind)
    done = make(action, target)
    timeline = lifecycle.remembered(target, action.at, action.actor, action.kind, done.detail)
    return done._replace(changes={**done.changes, "timeline": timeline})


def changed(target: Target, done: Done) -> Target:
    """The target after an act; its revision counts it."""
    return msgspec.structs.replace(target, revision=target.revision + 1, **done.changes)


def followed(action: Action, alert: Alert, before: Incident, incident: Incident) -> Alert | None:
    """What an act on an incident makes of one of its alerts; None if it leaves it alone.

    Whoever has seen an incident has seen its alerts; whoever closes it closes them; reopening it undoes what its closing did.

    Args:
        action: the act.
        alert: the alert as it is.
        before: the incident as it was before the act.
        incident: the incident after it.
    """
    if action.kind == "close" and alert.status != "closed":
        fields = {"verdict": incident.verdict, "close_reason": _because_of(incident)}
        return changed(alert, Done({**_closing(alert, action.at), **fields}, ""))
    if alert.status == "new" and before.status == "new" and incident.status not in {"new", "closed"}:
        return changed(alert, _acknowledge_alert(action, alert))
    if action.kind == "reopen" and alert.status == "closed" and alert.close_reason == _because_of(before):
        return changed(alert, _reopen_alert(action, alert))
    return None


def _because_of(incident: Incident) -> str:
    return f"{incident.number}: {incident.close_reason}"


# Alerts


def _acknowledge_alert(action: Action, alert: Alert) -> Done:
    if alert.status == "closed" and alert.new_activity:
        return Done({"new_activity": False}, "seen its new activity")
    if alert.status != "new":
        raise RefusedError(f"it is {alert.status} already")
    return Done({"status": "acknowledged", "acknowledged_at": action.at, "new_activity": False}, "acknowledged")


def _close_alert(action: Action, alert: Alert) -> Done:
    if alert.status == "closed":
        raise RefusedError("it is closed already; reopen it to change the verdict")
    verdict = choice(action, "verdict", VERDICTS)
    fields = {"verdict": verdict, "close_reason": text(action, "reason")}
    return Done({**_closing(alert, action.at), **fields}, f"closed as {verdict}")


def _closing(alert: Alert, at: Micros) -> dict[str, object]:
    """To close is to have seen it, so the time of acknowledgement is kept or becomes this one."""
    acknowledged = at if alert.acknowledged_at is None else alert.acknowledged_at
    return {"status": "closed", "closed_at": at, "acknowledged_at": acknowledged, "new_activity": False}


def _reopen_alert(action: Action, alert: Alert) -> Done:
    del action
    if alert.status != "closed":
        raise RefusedError(f"it is {alert.status}, not closed")
    fields = {"status": "acknowledged", "verdict": "", "close_reason": "", "closed_at": None, "new_activity": False}
    return Done(fields, "reopened")


# Both


def _assign(action: Action, target: Alert | Incident) -> Done:
    owner = text(action, "owner", needed=False, most=200)
    if owner == target.owner:
        raise RefusedError(f"it is {owner}'s already" if owner else "it has no owner already")
    return Done({"owner": owner}, f"assigned to {owner}" if owner else "assigned to nobody", owner)


def _note(action: Action, target: Alert | Incident) -> Done:
    if len(target.notes) >= MAX_NOTES:
        raise RefusedError(f"it has {MAX_NOTES} notes; write into one of its alerts or a new incident")
    note = Note(action.at, action.actor, text(action, "text"))
    return Done({"notes": (*target.notes, note)}, "note added")


# Incidents


def _acknowledge(action: Action, incident: Incident) -> Done:
    if incident.status == "closed":
        if not incident.new_activity:
            raise RefusedError("it is closed, and there is no new activity")
        return Done({"new_activity": False}, "seen its new activity")
    to = lifecycle.check(incident, action.kind)
    return Done({**lifecycle.entered(incident, to, action.at), "new_activity": False}, "acknowledged")


def _close(action: Action, incident: Incident) -> Done:
    to = lifecycle.check(incident, action.kind)
    verdict, reason = choice(action, "verdict", VERDICTS), text(action, "reason")
    fields = {**lifecycle.entered(incident, to, action.at), "verdict": verdict, "close_reason": reason}
    return Done(fields, f"closed as {verdict}", f"{verdict}: {reason}")


def _reopen(action: Action, incident: Incident) -> Done:
    to = lifecycle.check(incident, action.kind)
    cleared = {"verdict": "", "close_reason": "", "closed_at": None, "new_activity": False}
    reason = text(action, "reason", needed=False)
    return Done({**lifecycle.entered(incident, to, action.at), **cleared}, "reopened", reason)


def _approve(action: Action, incident: Incident) -> Done:
    kind, sha256 = _previewed(action)
    recipient = text(action, "recipient", needed=False, most=200)
    by_telephone = text(action, "by_telephone", needed=False, most=200)
    if by_telephone == action.actor:
        raise RefusedError("by_telephone is who agreed, and somebody else types it")
    for given in incident.approvals:
        if (given.report_kind, given.payload_sha256, given.recipient) != (kind, sha256, recipient):
            continue
        if given.second or action.actor in {given.approver, given.by_telephone} or by_telephone:
            raise RefusedError(f"{given.by_telephone or given.approver} approved exactly this already")
        second = msgspec.structs.replace(given, second=action.actor)
        return Done(_approvals(incident, given, second), f"approved {kind} {sha256[:12]}… as the second person", kind)
    if len(incident.approvals) >= MAX_APPROVALS:
        raise RefusedError(f"it has {MAX_APPROVALS} approvals")
    version = action.changes.get("incident_version", incident.version)
    seen = version if isinstance(version, int) and not isinstance(version, bool) else incident.version
    missing = _missing(action)
    why = text(action, "missing_reason", most=MAX_LINE) if missing else ""
    approval = Approval(
        kind, sha256, action.actor, action.at, seen, recipient, by_telephone, missing=missing, missing_reason=why
    )
    without = f" without {', '.join(missing)}: {why}" if missing else ""
    detail = f"{kind} {sha256[:12]}…" + (f" ☎ {by_telephone}" if by_telephone else "") + without
    return Done({"approvals": (*incident.approvals, approval)}, f"approved {kind} {sha256[:12]}…{without}", detail)


def _missing(action: Action) -> tuple[str, ...]:
    """Names of the fields that are empty in what is approved, as the console found them by the policy."""
    given: object = action.changes.get("missing", [])
    if not isinstance(given, list | tuple):
        raise RefusedError("missing must be names of fields")
    names = tuple(cast("list[object]", given))
    if len(names) > MAX_MISSING or not all(isinstance(name, str) and _KIND.fullmatch(name) for name in names):
        raise RefusedError(f"missing must be at most {MAX_MISSING} names of fields")
    return cast("tuple[str, ...]", names)


def _countersign(action: Action, incident: Incident) -> Done:
    kind, sha256 = _previewed(action)
    recipient = text(action, "recipient", needed=False, most=200)
    for given in incident.approvals:
        named = (given.report_kind, given.payload_sha256) == (kind, sha256) and recipient in {"", given.recipient}
        if not named or not given.by_telephone or given.countersigned_by:
            continue
        if given.approver == action.actor:
            raise RefusedError("who typed an approval by telephone does not countersign it")
        signed = msgspec.structs.replace(given, countersigned_by=action.actor, countersigned_at=action.at)
        return Done(_approvals(incident, given, signed), f"countersigned {kind} {sha256[:12]}…", kind)
    raise RefusedError("no approval by telephone of exactly this waits for a signature")


def _previewed(action: Action) -> tuple[str, str]:
    """Which report, and the hash of the bytes that were seen."""
    kind = action.changes.get("report_kind", "")
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        raise RefusedError(f"{action.kind} needs report_kind: lower-case letters, digits and _, at most 40")
    sha256 = action.changes.get("payload_sha256", "")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise RefusedError(
            f"{action.kind} needs payload_sha256, the hash of the previewed bytes: 64 hexadecimal digits"
        )
    return kind, sha256


def _approvals(incident: Incident, old: Approval, new: Approval) -> dict[str, object]:
    return {"approvals": tuple(new if item is old else item for item in incident.approvals)}


def _settle(action: Action, incident: Incident) -> Done:
    report_id = text(action, "report_id", most=200)
    decision = choice(action, "decision", ("out_of_band", "resend", "cancel"))
    number = text(action, "number", needed=decision == "out_of_band", most=200)
    reason = text(action, "reason")
    if len(incident.settlements) >= MAX_SETTLEMENTS:
        raise RefusedError(f"it has {MAX_SETTLEMENTS} decisions on its reports")
    chosen = cast('Literal["out_of_band", "resend", "cancel"]', decision)
    settled = Settlement(report_id, chosen, action.actor, action.at, number, reason)
    detail = " ".join(part for part in (report_id, decision, number) if part)
    return Done(
        {"settlements": (*incident.settlements, settled)}, f"report {report_id}: {decision}", f"{detail}: {reason}"
    )


def _pin(action: Action, incident: Incident) -> Done:
    name, sha256 = text(action, "name", most=200), text(action, "sha256")
    if not _FILE.fullmatch(name):
        raise RefusedError("name is a file's name: letters, digits, ., _ and -")
    if not _SHA256.fullmatch(sha256):
        raise RefusedError("sha256 is 64 hexadecimal digits")
    numbers = [action.changes.get(field) for field in ("size", "lines", "start", "end")]
    if any(isinstance(value, bool) or not isinstance(value, int) or value < 0 for value in numbers):
        raise RefusedError("size, lines, start and end are whole numbers")
    size, lines, start, end = cast("list[int]", numbers)
    if end < start:
        raise RefusedError("end lies before start")
    if any(item.name == name for item in incident.evidence):
        raise RefusedError(f"{name} is pinned already")
    if len(incident.evidence) >= MAX_EVIDENCE:
        raise RefusedError(f"it has {MAX_EVIDENCE} pieces of evidence")
    item = Evidence(name, sha256, size, lines, start, end, action.actor, action.at)
    return Done({"evidence": (*incident.evidence, item)}, f"pinned {lines} raw lines", f"{name}: {lines}"[:MAX_LINE])


_ON_ALERTS: Mapping[str, Callable[[Action, Alert], Done]] = {
    "acknowledge": _acknowledge_alert,
    "close": _close_alert,
    "reopen": _reopen_alert,
    "assign": _assign,
    "note": _note,
}
_ON_INCIDENTS: Mapping[str, Callable[[Action, Incident], Done]] = {
    "acknowledge": _acknowledge,
    "start": lifecycle.moved,
    "contain": lifecycle.moved,
    "close": _close,
    "reopen": _reopen,
    "confirm": lifecycle.confirm,
    "unconfirm": lifecycle.unconfirm,
    "classify": lifecycle.classify,
    "set_t0": lifecycle.set_t0,
    "describe": lifecycle.describe,
    "exercise": lifecycle.exercise,
    "assign": _assign,
    "note": _note,
    "approve": _approve,
    "countersign": _countersign,
    "settle": _settle,
    "add_task": tasks.add,
    "answer_task": tasks.answer,
    "close_task": tasks.close,
    "pin": _pin,
}

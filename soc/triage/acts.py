"""One act of a person and the alert or incident it is about in; the changed human fields, or why it is not possible, out."""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar, get_args

import msgspec

from soc.clock import Micros
from soc.model import Action, Alert, Approval, Incident, Verdict
from soc.model.alert import Note

Target = TypeVar("Target", Alert, Incident)

MAX_TEXT = 10_000
"""Characters of a note or reason."""

MAX_NOTES = 500
MAX_APPROVALS = 100

_KIND = re.compile(r"[a-z0-9][a-z0-9_]{0,39}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class RefusedError(Exception):
    """The act is not possible; the message says why, for people. It never leaves triage: it becomes an answer."""


class Done(NamedTuple):
    """What an act made of its target.

    Attributes:
        what: a past participle for the history: ``closed as false_positive``.
    """

    changes: Mapping[str, object]
    what: str


def perform(action: Action, target: Alert | Incident) -> Done:
    """The human fields that ``action`` changes on ``target``; ``merge`` and ``detach`` change more than fields and are the fold's.

    Raises:
        RefusedError: the target's state does not allow it, or its arguments are missing or wrong.
    """
    act = _ACTS.get(action.kind)
    if act is None:
        raise RefusedError(f"{action.kind} changes no field")
    return act(action, target)


def changed(target: Target, done: Done) -> Target:
    """The target after an act; its revision counts it."""
    return msgspec.structs.replace(target, revision=target.revision + 1, **done.changes)


def followed(action: Action, alert: Alert, before: Incident, incident: Incident) -> Alert | None:
    """What an act on an incident makes of one of its alerts; None if it leaves it alone.

    Args:
        action: the act.
        alert: the alert as it is.
        before: the incident as it was before the act.
        incident: the incident after it.
    """
    if action.kind == "close" and alert.status != "closed":
        fields = {"verdict": incident.verdict, "close_reason": _because_of(incident)}
        return changed(alert, Done({**_closing(alert, action.at), **fields}, ""))
    if action.kind == "acknowledge" and alert.status == "new" and incident.status == "triage":
        return changed(alert, _acknowledge(action, alert))
    if action.kind == "reopen" and alert.status == "closed" and alert.close_reason == _because_of(before):
        return changed(alert, _reopen(action, alert))
    return None


def _because_of(incident: Incident) -> str:
    return f"{incident.number}: {incident.close_reason}"


def text(action: Action, name: str, *, needed: bool = True) -> str:
    """A text argument.

    Raises:
        RefusedError: it is missing, blank, too long or no text.
    """
    value = action.changes.get(name, "")
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise RefusedError(f"{name} must be text of at most {MAX_TEXT} characters")
    if needed and not value.strip():
        raise RefusedError(f"{action.kind} needs {name}")
    return value.strip()


def _acknowledge(action: Action, target: Alert | Incident) -> Done:
    if target.status == "closed" and target.new_activity:
        return Done({"new_activity": False}, "seen its new activity")
    if target.status != "new":
        raise RefusedError(f"it is {target.status} already")
    return Done({"status": _seen(target), "acknowledged_at": action.at, "new_activity": False}, "acknowledged")


def _seen(target: Alert | Incident) -> str:
    """The status of what a person has taken note of."""
    return "triage" if isinstance(target, Incident) else "acknowledged"


def _close(action: Action, target: Alert | Incident) -> Done:
    if target.status == "closed":
        raise RefusedError("it is closed already; reopen it to change the verdict")
    verdict = action.changes.get("verdict", "")
    verdicts = [name for name in get_args(Verdict) if name]
    if verdict not in verdicts:
        raise RefusedError(f"close needs verdict, one of {', '.join(verdicts)}")
    fields = {"verdict": verdict, "close_reason": text(action, "reason")}
    return Done({**_closing(target, action.at), **fields}, f"closed as {verdict}")


def _closing(target: Alert | Incident, at: Micros) -> dict[str, object]:
    """To close is to have seen it, so the time of acknowledgement is kept or becomes this one."""
    acknowledged = at if target.acknowledged_at is None else target.acknowledged_at
    return {"status": "closed", "closed_at": at, "acknowledged_at": acknowledged, "new_activity": False}


def _reopen(action: Action, target: Alert | Incident) -> Done:
    del action
    if target.status != "closed":
        raise RefusedError(f"it is {target.status}, not closed")
    fields = {"status": _seen(target), "verdict": "", "close_reason": "", "closed_at": None, "new_activity": False}
    return Done(fields, "reopened")


def _assign(action: Action, target: Alert | Incident) -> Done:
    owner = text(action, "owner", needed=False)
    if len(owner) > 200:
        raise RefusedError("owner is a user's name of at most 200 characters")
    if owner == target.owner:
        raise RefusedError(f"it is {owner}'s already" if owner else "it has no owner already")
    return Done({"owner": owner}, f"assigned to {owner}" if owner else "assigned to nobody")


def _note(action: Action, target: Alert | Incident) -> Done:
    if len(target.notes) >= MAX_NOTES:
        raise RefusedError(f"it has {MAX_NOTES} notes; write into one of its alerts or a new incident")
    note = Note(action.at, action.actor, text(action, "text"))
    return Done({"notes": (*target.notes, note)}, "note added")


def _approve(action: Action, target: Alert | Incident) -> Done:
    if not isinstance(target, Incident):
        raise RefusedError("only the report of an incident is approved")
    kind = action.changes.get("report_kind", "")
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        raise RefusedError("approve needs report_kind: lower-case letters, digits and _, at most 40")
    sha256 = action.changes.get("payload_sha256", "")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise RefusedError("approve needs payload_sha256, the hash of the previewed bytes: 64 hexadecimal digits")
    for given in target.approvals:
        if (given.report_kind, given.payload_sha256) == (kind, sha256):
            raise RefusedError(f"{given.approver} approved exactly this already")
    if len(target.approvals) >= MAX_APPROVALS:
        raise RefusedError(f"it has {MAX_APPROVALS} approvals")
    version = action.changes.get("incident_version", target.version)
    seen = version if isinstance(version, int) and not isinstance(version, bool) else target.version
    approval = Approval(kind, sha256, action.actor, action.at, seen)
    return Done({"approvals": (*target.approvals, approval)}, f"approved {kind} {sha256[:12]}…")


_ACTS: Mapping[str, Callable[[Action, Alert | Incident], Done]] = {
    "acknowledge": _acknowledge,
    "close": _close,
    "reopen": _reopen,
    "assign": _assign,
    "note": _note,
    "approve": _approve,
}

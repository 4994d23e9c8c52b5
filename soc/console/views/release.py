"""An incident in; its report of one kind to one receiver as the page shows it out: what it lacks, what would leave, who agreed, what came back."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web

from soc.clock import Micros, to_datetime
from soc.console.act_forms import Form, MistakeError
from soc.console.context import Console, PreviewLike, console_of, visitor_of
from soc.duties.clocks import LIVE, gaps, label, missing
from soc.duties.fields import FIELDS, PAPER
from soc.errors import SocError
from soc.forward.outbox import DECISIONS, TRANSITIONS
from soc.forward.stix import OWN
from soc.model import Incident
from soc.triage.arguments import MAX_LINE

USUAL = "notice_initial"
"""The kind that is shown while nothing is owed, where the policy has it."""
_BY_ACT: Mapping[str, str] = {"detected_at": "acknowledge", "severity": "classify", "closed_at": "close"}
"""Required field → the act that answers it: nobody is asked to type what a press of a button says."""
_GONE = frozenset({"", "stale", "rejected", "cancelled"})
"""States in which a clock's report is still to be made."""


def release(
    request: web.Request,
    incident: Incident,
    clocks: Sequence[Mapping[str, Any]],
    reports: Sequence[Mapping[str, Any]],
    typed: Mapping[str, str],
) -> dict[str, Any]:
    """What ``_report.html`` needs, beside the incident.

    Args:
        request: its query names the kind (``report``) and the receiver (``to``); without, what is owed first is shown.
        incident: it is about.
        clocks: its clocks as rows, the most urgent first (``soc.console.views.duties.clocks_of``).
        reports: bodies of its reports, newest first.
        typed: what was sent and could not be done: the page stays with its kind and receiver.

    Returns:
        ``preview``, ``report_kind``, ``report_kinds``, and ``release`` with the rest.
    """
    console = console_of(request)
    first, chosen = _first(console, clocks), request.query.get("report", "") or typed.get("report_kind", "")
    kind = chosen if chosen in console.report_kinds else first
    receivers = list(console.receivers(kind))
    recipient = request.query.get("to", "") or typed.get("recipient", "")
    recipient = recipient if recipient in receivers else next(iter(receivers), "")
    given = [
        one
        for one in incident.approvals
        if one.report_kind == kind and one.recipient in ({"", recipient} if receivers else {one.recipient})
    ]
    same = [one for one in reports if one.get("kind") == kind and recipient in {"", str(one.get("recipient"))}]
    policy = console.policy
    return {
        "preview": _preview(console, incident, kind, recipient),
        "report_kind": kind,
        "report_kinds": console.report_kinds,
        "release": {
            "recipient": recipient,
            "recipients": receivers,
            "live": {row["kind"]: row["state"] for row in reversed(clocks) if row["state"] in LIVE},
            "missing": _missing(request, incident, kind),
            "given": msgspec.to_builtins(given[-1]) if given else None,
            "needs_second": bool(policy and policy.second_person(kind)),
            "unsigned": [
                msgspec.to_builtins(one) for one in incident.approvals if one.by_telephone and not one.countersigned_by
            ],
            "stale": str(same[0].get("detail", "")) if same and same[0].get("state") == "stale" else "",
            "decide": [one for report in reports if (one := _decide(report))],
            "sent": _sent(console, same[0]) if same else None,
            "onward": first if first != kind and any(row["kind"] == first and _is_to_do(row) for row in clocks) else "",
            "chosen": bool(chosen),
            "waits_for": next((row["waits_for"] for row in clocks if row["kind"] == kind and row["waits_for"]), ()),
        },
    }


def unfilled(console: Console, incident: Incident, form: Form) -> dict[str, Any]:
    """What an approval says beside the hash where required fields are empty: their names, and why it is approved all the same.

    Args:
        console: with the policy in force.
        incident: as it is now.
        form: the approval; a second person who agrees to the same bytes gives no reason of his own.

    Raises:
        MistakeError: there is no reason.
    """
    kind, sha256 = form.get("report_kind", ""), form.get("payload_sha256", "")
    names = missing(console.policy, incident, kind) if console.policy else ()
    if not names or any((one.report_kind, one.payload_sha256) == (kind, sha256) for one in incident.approvals):
        return {}
    reason = form.get("missing_reason", "").strip()
    if not reason:
        raise MistakeError("act.mistake.missing")
    return {"missing": list(names), "missing_reason": reason[:MAX_LINE]}


def _is_to_do(row: Mapping[str, Any]) -> bool:
    """Whether a clock runs and nobody has approved its report."""
    return row["state"] in LIVE and row["report_state"] in _GONE


def _sent(console: Console, report: Mapping[str, Any]) -> dict[str, Any]:
    """What became of a report: its state, the receipt, and the day that the page of receipts has it under."""
    history: Sequence[tuple[str, Micros, str]] = report.get("history") or ()
    at: Micros = next((at for state, at, _ in history if state == "sending"), report.get("sealed_at", 0))
    zone = console.policy.zone if console.policy else ZoneInfo(console.timezone)
    receipt: Mapping[str, Any] | None = report.get("receipt")
    objects: Sequence[tuple[str, str]] = (receipt or {}).get("objects") or ()
    shown = ("state", "kind", "sequence", "recipient", "detail", "approver", "receipt")
    return {name: report.get(name) for name in shown} | {
        "day": to_datetime(at).astimezone(zone).date().isoformat(),
        "objects": len(objects),
        "taken": sum(answer == "success" for _, answer in objects),
    }


def _first(console: Console, clocks: Sequence[Mapping[str, Any]]) -> str:
    """The kind that has to be made first."""
    owed = (row["kind"] for row in clocks if _is_to_do(row))
    usual = USUAL if USUAL in console.report_kinds else console.report_kinds[0]
    return next((kind for kind in owed if kind in console.report_kinds), usual)


def _missing(request: web.Request, incident: Incident, kind: str) -> list[dict[str, Any]]:
    """Required fields that are empty, as a form asks for them."""
    policy, language = console_of(request).policy, visitor_of(request).texts.language
    if policy is None:
        return []
    return [
        {
            "field": gap.field.name,
            "label": (gap.field.vi if language == "vi" else gap.field.en)
            if gap.field.name.startswith(PAPER)
            else label(gap.field.name, language),
            "free": gap.field.name in FIELDS and gap.field.free,
            "act": _BY_ACT.get(gap.field.name, ""),
            "systems": list(gap.systems),
        }
        for gap in gaps(policy, incident, kind)
    ]


def _decide(report: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a person may decide about a report that is not through; None where there is nothing to decide."""
    choices = [name for name, event in DECISIONS.items() if (report.get("state"), event) in TRANSITIONS]
    shown = ("id", "kind", "recipient", "state", "detail")
    return {name: report.get(name) for name in shown} | {"choices": choices} if choices else None


def _preview(console: Console, incident: Incident, kind: str, recipient: str) -> dict[str, Any]:
    """The report exactly as it leaves, or why there is none."""
    try:
        preview: PreviewLike = console.preview(incident, kind, *([recipient] if recipient else []))
    except SocError as error:
        return {"error": str(error), "payload": "", "shown": "", "objects": 0, "sha256": "", "withheld": []}
    payload = preview.payload.decode("utf-8", "replace")
    shown, objects = _readable(payload)
    return {
        "error": "",
        "payload": payload,
        "shown": shown,
        "objects": objects,
        "sha256": preview.sha256,
        "withheld": [_withheld(item) for item in preview.withheld],
    }


def _readable(payload: str) -> tuple[str, int]:
    """The report that a STIX bundle carries whole in its last object, and how many objects there are; any other payload as it is, and 0."""
    try:
        *_, last = objects = json.loads(payload)["objects"]
        own = last["extensions"][OWN]["soc_report"]
    except (ValueError, KeyError, TypeError):
        return payload, 0
    return json.dumps(own, ensure_ascii=False), len(objects)


def _withheld(item: Any) -> dict[str, str]:
    """What was left out, as ``what`` and ``why``, from a text, a mapping, a struct or a named tuple."""
    if isinstance(item, str):
        return {"what": item, "why": ""}
    tree: Any = item._asdict() if hasattr(item, "_asdict") else msgspec.to_builtins(item)
    if isinstance(tree, Mapping):
        values = [str(value) for value in cast("Mapping[str, Any]", tree).values()]
    elif isinstance(tree, list | tuple):
        values = [str(value) for value in cast("list[Any]", tree)]
    else:
        values = [str(tree)]
    return {"what": values[0] if values else "", "why": " · ".join(values[1:])}

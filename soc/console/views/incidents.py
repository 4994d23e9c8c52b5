"""The list of incidents, and one incident: its alerts and why they belong together, its report as it leaves, its approval."""

from collections.abc import Mapping
from typing import Any, cast, get_args

import msgspec
from aiohttp import web

from soc.console.context import PreviewLike, console_of, visitor_of
from soc.console.pages import after_text, parse_after, respond, since_of
from soc.console.timeline import timeline
from soc.console.views.duties import clocks_of
from soc.console.views.query_box import NOTHING_TYPED, any_of, asked, both, is_
from soc.duties.clocks import label
from soc.duties.fields import FIELDS
from soc.errors import SocError
from soc.model import ActionKind, Flag, Incident
from soc.model.incident import OPEN
from soc.store.base import Document
from soc.store.query import All, Query
from soc.triage import lifecycle, tasks

PAGE = 50
STATUSES: Mapping[str, Query] = {
    "open": any_of("incident.status", tuple(sorted(OPEN))),
    **{name: is_("incident.status", name) for name in ("new", "triage", "in_progress", "contained", "closed")},
    "all": All(),
}
VERDICTS = ("true_positive", "benign_true_positive", "false_positive")
_TYPED = ("severity", "flags", "tlp", "at", "field", "value", "title", "unit", "due", "task", "reply", "into", "to")
"""Fields of the forms of an incident's life, beside those that every act has."""


async def queue(request: web.Request) -> web.Response:
    """Incidents, newest first."""
    console = console_of(request)
    asked_for = asked(request)
    status = request.query.get("status", "open")
    status = status if status in STATUSES else "open"
    chosen, since = since_of(request, console.clock())
    page = await console.store.search(
        "incident",
        both(asked_for.query, STATUSES[status]),
        limit=PAGE,
        after=parse_after(request.query.get("after", "")),
        since=since,
    )
    counts = dict(await console.store.counts("incident", asked_for.query, "incident.status"))
    numbers = {**counts, "open": sum(counts.get(name, 0) for name in OPEN), "all": None}
    reports = await _reports_of(request, [document.id for document in page.documents])
    data = {
        "asked": asked_for.shown,
        "status": status,
        "range": chosen,
        "incidents": [row(document) | {"report": reports.get(document.id)} for document in page.documents],
        "total": page.total,
        "next": after_text(page.after),
        "statuses": [(name, numbers.get(name, 0)) for name in STATUSES],
    }
    return respond(request, "incidents.html", data, status=400 if asked_for.mistake else 200)


def row(document: Document) -> dict[str, Any]:
    """One incident as a line of a list."""
    kept = (
        *("number", "revision", "title", "title_vi", "level", "first_seen", "last_seen", "status", "owner", "verdict"),
        *("entities", "new_activity", "tags", "merged_into", "kind", "severity", "exercise"),
    )
    body = document.body
    return {name: body.get(name) for name in kept} | {
        "id": document.id,
        "version": document.version,
        "alerts": len(body.get("alerts") or ()),
        "open_tasks": sum(task.get("status") == "open" for task in body.get("tasks") or ()),
    }


async def _reports_of(request: web.Request, ids: list[str]) -> dict[str, str]:
    """Incident id → the state of its newest report."""
    if not ids:
        return {}
    found = await console_of(request).store.search("report", any_of("incident.id", tuple(ids)), limit=200)
    states: dict[str, str] = {}
    for document in found.documents:
        states.setdefault(str(document.body.get("incident_id")), str(document.body.get("state")))
    return states


async def page(request: web.Request) -> web.Response:
    """One incident."""
    return await show(request, request.match_info["id"].removesuffix(".json"))


async def show(
    request: web.Request,
    id_: str,
    *,
    typed: Mapping[str, str] | None = None,
    notice: Mapping[str, str] | None = None,
    status: int = 200,
) -> web.Response:
    """The page of an incident, with what was typed and what became of it."""
    console = console_of(request)
    document = await console.store.get("incident", id_)
    if document is None:
        raise web.HTTPNotFound
    try:
        incident = msgspec.convert(document.body, Incident)
    except msgspec.ValidationError as error:
        raise web.HTTPNotFound from error
    kind = request.query.get("report", "")
    kind = kind if kind in console.report_kinds else console.report_kinds[0]
    reports = await console.store.search("report", is_("incident.id", id_), limit=20)
    alerts = await console.store.get_many("alert", incident.alerts[:200])
    outcome = request.query.get("outcome", "")
    passed = {"message": f"act.{outcome}", "detail": ""} if outcome in {"accepted", "pending"} else None
    console_now, language = console.clock(), visitor_of(request).texts.language
    field = request.query.get("field", "")
    typed = dict.fromkeys(_TYPED, "") | NOTHING_TYPED | dict(typed or {})
    data = {
        "incident": document.body,
        "clocks": await clocks_of(request, incident),
        "possible": {act: lifecycle.possible(incident, act) for act in get_args(ActionKind)},
        "held_back": lifecycle.held_back(incident),
        "overdue": [task.id for task in incident.tasks if tasks.overdue(task, console_now)],
        "flags": get_args(Flag),
        "labels": {name: label(name, language) for name, known in FIELDS.items() if known.source != "installation"},
        "field": field if field in FIELDS else "",
        "alert_status": {alert_id: alert.body.get("status") for alert_id, alert in alerts.items()},
        "joins": {join.alert_id: join for join in incident.joins},
        "preview": _preview(console.preview, incident, kind),
        "report_kind": kind,
        "report_kinds": console.report_kinds,
        "reports": [report.body for report in reports.documents],
        "verdicts": VERDICTS,
        "typed": typed,
        "notice": notice or passed,
    }
    only_page = {"timeline": timeline(incident.summaries), "typed_flags": typed["flags"].split()}
    return respond(request, "incident.html", data, status=status, only_page=only_page)


def _preview(make: Any, incident: Incident, kind: str) -> dict[str, Any]:
    """The report exactly as it leaves, or why there is none."""
    try:
        preview: PreviewLike = make(incident, kind)
    except SocError as error:
        return {"error": str(error), "payload": "", "sha256": "", "withheld": []}
    return {
        "error": "",
        "payload": preview.payload.decode("utf-8", "replace"),
        "sha256": preview.sha256,
        "withheld": [_withheld(item) for item in preview.withheld],
    }


def _withheld(item: Any) -> dict[str, str]:
    """What was left out, as ``what`` and ``why``, from a text, a mapping, a struct or a named tuple."""
    if isinstance(item, str):
        return {"what": item, "why": ""}
    if hasattr(item, "_asdict"):
        tree: Any = item._asdict()
    else:
        tree = msgspec.to_builtins(item)
    if isinstance(tree, Mapping):
        values = [str(value) for value in cast("Mapping[str, Any]", tree).values()]
    elif isinstance(tree, list | tuple):
        values = [str(value) for value in cast("list[Any]", tree)]
    else:
        values = [str(tree)]
    return {"what": values[0] if values else "", "why": " · ".join(values[1:])}

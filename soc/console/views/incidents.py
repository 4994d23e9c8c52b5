"""The list of incidents, and one incident: its alerts and why they belong together, its report as it leaves, its approval."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, get_args

import msgspec
from aiohttp import web

from soc.clock import to_iso
from soc.console.context import console_of, visitor_of
from soc.console.history import detail
from soc.console.pages import after_text, outcome_of, parse_after, respond, since_of
from soc.console.timeline import timeline
from soc.console.views.duties import clock_rows, clocks_of
from soc.console.views.evidence import pinning_of
from soc.console.views.query_box import NOTHING_TYPED, any_of, asked, both, is_
from soc.console.views.release import release
from soc.duties.clocks import LIVE, label
from soc.duties.fields import FIELDS
from soc.forward.owed import incident_of, reports_of
from soc.model import ActionKind, Alert, Flag, Incident
from soc.model.incident import OPEN
from soc.store.base import Document
from soc.store.query import All, Query, parse
from soc.triage import lifecycle, proposal, tasks

PAGE = 50
KINDS = ("event", "incident")
SEVERITIES = ("serious", "normal", "none")
STATUSES: Mapping[str, Query] = {
    "open": any_of("incident.status", tuple(sorted(OPEN))),
    **{name: is_("incident.status", name) for name in ("new", "triage", "in_progress", "contained", "closed")},
    "all": All(),
}
VERDICTS = ("true_positive", "benign_true_positive", "false_positive")
_TYPED = (
    *("severity", "flags", "tlp", "at", "field", "value", "title", "unit", "due", "task", "reply", "into", "to"),
    *("report_kind", "recipient", "missing_reason"),
)
"""Fields of the forms of an incident's life, beside those that every act has."""


async def queue(request: web.Request) -> web.Response:
    """Incidents, newest first, by status, kind, severity, owner and whether they are drills; each with what is due next."""
    console, query = console_of(request), request.query
    asked_for = asked(request)
    status = _chosen(request, "status", STATUSES) or "open"
    kind, severity = _chosen(request, "kind", KINDS), _chosen(request, "severity", SEVERITIES)
    chosen, since = since_of(request, console.clock())
    narrowed = both(
        asked_for.query,
        is_("incident.kind", kind) if kind else All(),
        is_("incident.severity", severity) if severity else All(),
        is_("incident.owner", visitor_of(request).name) if query.get("mine") else All(),
        is_("incident.exercise", "true") if query.get("exercise") else All(),
    )
    page = await console.store.search(
        "incident",
        both(narrowed, STATUSES[status]),
        limit=PAGE,
        after=parse_after(query.get("after", "")),
        since=since,
    )
    in_range = both(narrowed, All() if since is None else parse(f"@timestamp>={to_iso(since)}"))
    counts = dict(await console.store.counts("incident", in_range, "incident.status"))
    numbers = {**counts, "open": sum(counts.get(name, 0) for name in OPEN), "all": None}
    reports = await _reports_of(request, [document.id for document in page.documents])
    due = await _next_due(request, page.documents)
    told = [
        row(document) | {"report": reports.get(document.id), "due": due.get(document.id)} for document in page.documents
    ]
    data = {
        "asked": asked_for.shown,
        "status": status,
        "kind": kind,
        "severity": severity,
        "mine": bool(query.get("mine")),
        "exercise": bool(query.get("exercise")),
        "range": chosen,
        "incidents": told,
        "total": page.total,
        "next": after_text(page.after),
        "statuses": [(name, numbers.get(name, 0)) for name in STATUSES],
        "kinds": KINDS,
        "severities": SEVERITIES,
    }
    return respond(request, "incidents.html", data, status=400 if asked_for.mistake else 200)


def _chosen(request: web.Request, name: str, known: Collection[str]) -> str:
    """A filter of the address, "" where it is none."""
    value = request.query.get(name, "")
    return value if value in known else ""


async def _next_due(request: web.Request, documents: Sequence[Document]) -> dict[str, dict[str, Any]]:
    """Incident id → the clock that must be answered first, of those that run or are overdue."""
    console, texts = console_of(request), visitor_of(request).texts
    if console.policy is None:
        return {}
    found = [incident for document in documents if (incident := incident_of(document)) is not None]
    reports = await reports_of(console.store, found)
    first: dict[str, dict[str, Any]] = {}
    for incident in found:
        rows = clock_rows(console.policy, incident, console.clock(), reports[incident.id], texts)
        live = [one for one in rows if one["state"] in LIVE and one["due"] is not None]
        if live:
            clock = min(live, key=lambda one: one["due"])
            first[incident.id] = {name: clock[name] for name in ("duty", "kind", "name", "due", "state", "percent")} | {
                "missing": sum(len(one["missing"]) for one in live)
            }
    return first


def row(document: Document) -> dict[str, Any]:
    """One incident as a line of a list."""
    kept = (
        *("number", "revision", "title", "title_vi", "level", "first_seen", "last_seen", "status", "owner", "verdict"),
        *("entities", "new_activity", "tags", "merged_into", "kind", "severity", "exercise", "campaign", "risk"),
    )
    body = document.body
    return {name: body.get(name) for name in kept} | {
        "id": document.id,
        "version": document.version,
        "alerts": len(body.get("alerts") or ()),
        "systems": [system.get("name") for system in body.get("systems") or ()],
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
    reports = await console.store.search("report", is_("incident.id", id_), limit=20)
    alerts = await console.store.get_many("alert", incident.alerts[:200])
    console_now, language = console.clock(), visitor_of(request).texts.language
    field = request.query.get("field", "")
    typed = dict.fromkeys(_TYPED, "") | NOTHING_TYPED | dict(typed or {})
    clocks = await clocks_of(request, incident)
    bodies = [report.body for report in reports.documents]
    data = {
        "incident": document.body,
        "clocks": clocks,
        "proposal": proposal.proposed(_alerts(alerts.values())),
        "campaign": await _campaign(request, incident),
        "possible": {act: lifecycle.possible(incident, act) for act in get_args(ActionKind)},
        "held_back": lifecycle.held_back(incident),
        "overdue": [task.id for task in incident.tasks if tasks.overdue(task, console_now)],
        "flags": get_args(Flag),
        "labels": {name: label(name, language) for name, known in FIELDS.items() if known.source != "installation"},
        "field": field if field in FIELDS else "",
        "alert_status": {alert_id: alert.body.get("status") for alert_id, alert in alerts.items()},
        "joins": {join.alert_id: join for join in incident.joins},
        **release(request, incident, clocks, bodies, typed),
        "history": [
            {"at": one.at, "actor": one.actor, "act": one.act, "detail": detail(one, visitor_of(request).texts)}
            for one in incident.timeline
        ],
        "reports": bodies,
        "pinning": pinning_of(request, id_),
        "verdicts": VERDICTS,
        "typed": typed,
        "notice": notice or outcome_of(request),
    }
    only_page = {"timeline": timeline(incident.summaries), "typed_flags": typed["flags"].split()}
    return respond(request, "incident.html", data, status=status, only_page=only_page)


def _alerts(documents: Collection[Document]) -> list[Alert]:
    """The alerts of documents; one that another version wrote tells nothing here."""
    made: list[Alert] = []
    for document in documents:
        try:
            made.append(msgspec.convert(document.body, Alert))
        except msgspec.ValidationError:
            continue
    return made


async def _campaign(request: web.Request, incident: Incident) -> list[dict[str, Any]]:
    """The other incidents of its campaign, those it was linked with by hand too, as the visitor may see them."""
    reasons = {link.incident_id: link for link in incident.links}
    found = await console_of(request).store.get_many("incident", list(reasons))
    rows: list[dict[str, Any]] = []
    for id_, link in reasons.items():
        body: Mapping[str, Any] = found[id_].body if id_ in found else {}
        names = {name: body.get(name) for name in ("title", "title_vi", "status", "level")}
        rows.append({"id": id_, "number": link.number, "reason": link.reason, **names})
    return rows

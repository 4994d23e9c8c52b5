"""The plain lists: the outbox of reports, search over events with one event's page."""

from collections.abc import Mapping
from typing import Any, get_args

from aiohttp import web

from soc.console.context import console_of
from soc.console.pages import after_text, parse_after, respond, shown, since_of
from soc.console.views.query_box import asked, both, is_
from soc.model.report import ReportState
from soc.store.base import Document, Kind, Page
from soc.store.query import All, Query

PAGE = 100
REPORT_STATES: tuple[str, ...] = get_args(ReportState)


async def _page_of(request: web.Request, kind: Kind, query: Query) -> tuple[str, Page]:
    console = console_of(request)
    chosen, since = since_of(request, console.clock())
    after = parse_after(request.query.get("after", ""))
    return chosen, await console.store.search(kind, query, limit=PAGE, after=after, since=since)


async def reports(request: web.Request) -> web.Response:
    """The outbox: every report with its state, attempts and receipt."""
    asked_for = asked(request)
    state = request.query.get("state", "")
    state = state if state in REPORT_STATES else ""
    query = both(asked_for.query, is_("report.state", state) if state else All())
    chosen, page = await _page_of(request, "report", query)
    counts = dict(await console_of(request).store.counts("report", asked_for.query, "report.state"))
    ids = [str(document.body.get("incident_id")) for document in page.documents]
    incidents = await console_of(request).store.get_many("incident", ids)
    data = {
        "asked": asked_for.shown,
        "range": chosen,
        "state": state,
        "states": [(name, counts.get(name, 0)) for name in REPORT_STATES],
        "reports": [_report(document.body, incidents) for document in page.documents],
        "incidents": {id_: document.body.get("number", id_) for id_, document in incidents.items()},
        "total": page.total,
        "next": after_text(page.after),
    }
    return respond(request, "reports.html", data, status=400 if asked_for.mistake else 200)


def _report(body: Mapping[str, Any], incidents: Mapping[str, Document]) -> dict[str, Any]:
    """A report with when it first left, and the approval of exactly these bytes."""
    about = incidents.get(str(body.get("incident_id")))
    approvals: list[dict[str, Any]] = list(about.body.get("approvals") or ()) if about else []
    history: list[tuple[str, int, str]] = body.get("history") or []
    return dict(body) | {
        "sent": next((at for state, at, _ in history if state == "sending"), None),
        "approval": next((one for one in approvals if one["payload_sha256"] == body.get("payload_sha256")), None),
    }


async def search(request: web.Request) -> web.Response:
    """Events by the query language, newest first."""
    asked_for = asked(request)
    chosen, page = await _page_of(request, "event", asked_for.query)
    data = {
        "asked": asked_for.shown,
        "range": chosen,
        "events": [_event(document) for document in page.documents],
        "total": page.total,
        "next": after_text(page.after),
    }
    return respond(request, "search.html", data, status=400 if asked_for.mistake else 200)


def _event(document: Document) -> dict[str, Any]:
    original = document.fields.get("event.original")
    return {
        "id": document.id,
        "time": document.time,
        "source": document.fields.get("host.name") or document.fields.get("source"),
        "dataset": document.fields.get("event.dataset"),
        "original": original if isinstance(original, str) else None,
        "fields": {name: value for name, value in document.fields.items() if name != "event.original"},
    }


async def event(request: web.Request) -> web.Response:
    """One event with all its fields."""
    id_ = request.match_info["id"].removesuffix(".json")
    document = await console_of(request).store.get("event", id_)
    if document is None:
        raise web.HTTPNotFound
    rows = [(name, shown(value)) for name, value in sorted(document.fields.items()) if name != "event.original"]
    return respond(request, "event.html", {"event": _event(document), "body": document.body, "rows": rows})

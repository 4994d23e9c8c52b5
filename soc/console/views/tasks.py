"""What units were asked to do, over all incidents: what is waited for by due time, overdue first; what was answered."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from aiohttp import web

from soc.clock import Micros
from soc.console.context import console_of
from soc.console.pages import outcome_of, respond
from soc.console.views.query_box import any_of, asked, both, is_
from soc.model import Task
from soc.store.base import Document
from soc.store.query import All, Exists, Query
from soc.triage.tasks import overdue

MOST: Final = 500
"""Incidents looked at, the newest ones; more than that with tasks at once is said on the page."""
STATES: Mapping[str, tuple[str, ...]] = {
    "waiting": ("open", "answered"),
    "open": ("open",),
    "overdue": ("open",),
    "answered": ("answered",),
    "all": (),
}
"""What a tab shows: the statuses of its tasks; () is every one."""


async def queue(request: web.Request) -> web.Response:
    """Tasks by state and unit; those that are due first come first."""
    console = console_of(request)
    now, asked_for = console.clock(), asked(request)
    state = request.query.get("state", "waiting")
    state = state if state in STATES else "waiting"
    unit = request.query.get("unit", "").strip()
    page = await console.store.search("incident", both(asked_for.query, _of_state(state), _of_unit(unit)), limit=MOST)
    rows = [one for document in page.documents for one in rows_of(document, now)]
    statuses = STATES[state]
    shown = [
        one
        for one in rows
        if (not statuses or one["status"] in statuses)
        and (state != "overdue" or one["overdue"])
        and (not unit or one["unit"] == unit)
    ]
    shown.sort(key=lambda one: (one["status"] in {"done", "dropped"}, one["due"], one["id"]))
    data = {
        "asked": asked_for.shown,
        "state": state,
        "states": list(STATES),
        "unit": unit,
        "units": [
            name for name, _ in await console.store.counts("incident", Exists("task.unit"), "task.unit", limit=100)
        ],
        "tasks": shown,
        "overdue": sum(one["overdue"] for one in shown),
        "total": len(shown),
        "cut": page.after is not None,
        "notice": outcome_of(request),
    }
    return respond(request, "tasks.html", data, status=400 if asked_for.mistake else 200)


def rows_of(document: Document, now: Micros) -> list[dict[str, Any]]:
    """The tasks of one incident, each with what names the incident and the revision that an act on it expects."""
    body = document.body
    of_incident = {
        "incident_id": document.id,
        "number": body.get("number"),
        "title": body.get("title"),
        "title_vi": body.get("title_vi"),
        "exercise": bool(body.get("exercise")),
        "revision": body.get("revision"),
        "incident_status": body.get("status"),
    }
    rows: list[dict[str, Any]] = []
    for task in body.get("tasks") or ():
        known = msgspec.convert(task, Task)
        late = known.replied_at is not None and known.replied_at > known.due
        rows.append({**task, "what": known.title, "overdue": overdue(known, now), "late": late, **of_incident})
    return rows


def _of_state(state: str) -> Query:
    return any_of("task.status", STATES[state]) if STATES[state] else Exists("task.status")


def _of_unit(unit: str) -> Query:
    return is_("task.unit", unit) if unit else All()

"""Directives from above (chỉ đạo): what is asked, until when, what was answered; a form for one that was received."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from aiohttp import web

from soc.clock import Micros, to_iso
from soc.console.context import console_of
from soc.console.pages import outcome_of, respond
from soc.console.views.by_state import by_state
from soc.console.views.query_box import is_
from soc.model import Directive
from soc.store.base import Document
from soc.store.query import All, And, Query, parse
from soc.triage.directives import overdue

STATES: Final = ("open", "overdue", "answered", "closed", "all")
_TYPED: Final = ("kind", "number", "issuer", "title", "text", "due", "incident_ids", "answer", "reason")


async def queue(request: web.Request) -> web.Response:
    """Directives by state, the latest first; of the open ones those that are due first."""
    return await show(request, "")


async def page(request: web.Request) -> web.Response:
    """One directive."""
    return await show(request, request.match_info["id"].removesuffix(".json"))


async def show(
    request: web.Request,
    id_: str,
    *,
    typed: Mapping[str, str] | None = None,
    notice: Mapping[str, str] | None = None,
    status: int = 200,
) -> web.Response:
    """The list, or with an id that one, with what was typed and what became of it."""
    console = console_of(request)
    found = await by_state(request, "directive", id_, STATES, _of_state)
    rows = [row(document, found.now) for document in found.documents]
    if found.state in {"open", "overdue"}:
        rows.sort(key=lambda one: (one["due"] is None, one["due"] or 0))
    about = sorted({incident for one in rows for incident in one["incident_ids"]})
    incidents = await console.store.get_many("incident", about)
    data = {
        **({"directive": rows[0]} if id_ else {}),
        "asked": found.asked.shown,
        "state": found.state,
        "states": found.states,
        "directives": rows,
        "numbers": {incident: str(one.body.get("number", incident)) for incident, one in incidents.items()},
        "total": found.total,
        "next": found.after,
        "typed": dict.fromkeys(_TYPED, "") | dict(typed or {}),
        "notice": notice or outcome_of(request),
    }
    only_page = {"one": bool(id_), "about": request.query.get("incident", "")}
    return respond(request, "directives.html", data, status=400 if found.asked.mistake else status, only_page=only_page)


def row(document: Document, now: Micros) -> dict[str, Any]:
    """One directive, and whether its answer is late."""
    directive = msgspec.convert(document.body, Directive)
    late = directive.due is not None and directive.answered_at is not None and directive.answered_at > directive.due
    return {**document.body, "overdue": overdue(directive, now), "late": late}


def _of_state(state: str, now: Micros) -> Query:
    match state:
        case "all":
            return All()
        case "overdue":
            return And((is_("directive.status", "open"), parse(f"directive.due<={to_iso(now)}")))
        case _:
            return is_("directive.status", state)

"""Directives from above (chỉ đạo): what is asked, until when, what was answered; a form for one that was received."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from aiohttp import web

from soc.clock import Micros, to_iso
from soc.console.context import console_of
from soc.console.pages import after_text, outcome_of, parse_after, respond
from soc.console.views.query_box import asked, both, is_
from soc.model import Directive
from soc.store.base import Document
from soc.store.query import All, And, Query, parse
from soc.triage.directives import overdue

PAGE: Final = 50
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
    now, asked_for = console.clock(), asked(request)
    state = request.query.get("state", "open")
    state = state if state in STATES else "open"
    counts: list[tuple[str, int]] = []
    after, total = "", 1
    if id_:
        found = await console.store.get("directive", id_)
        if found is None:
            raise web.HTTPNotFound
        documents: Sequence[Document] = (found,)
    else:
        start = parse_after(request.query.get("after", ""))
        query = both(asked_for.query, _of_state(state, now))
        listed = await console.store.search("directive", query, limit=PAGE, after=start)
        documents, after, total = listed.documents, after_text(listed.after), listed.total
        for name in STATES:
            narrowed = both(asked_for.query, _of_state(name, now))
            counts.append((name, (await console.store.search("directive", narrowed, limit=1)).total))
    rows = [row(document, now) for document in documents]
    if state in {"open", "overdue"}:
        rows.sort(key=lambda one: (one["due"] is None, one["due"] or 0))
    about = sorted({incident for one in rows for incident in one["incident_ids"]})
    incidents = await console.store.get_many("incident", about)
    data = {
        **({"directive": rows[0]} if id_ else {}),
        "asked": asked_for.shown,
        "state": state,
        "states": counts,
        "directives": rows,
        "numbers": {incident: str(found.body.get("number", incident)) for incident, found in incidents.items()},
        "total": total,
        "next": after,
        "typed": dict.fromkeys(_TYPED, "") | dict(typed or {}),
        "notice": notice or outcome_of(request),
    }
    only_page = {"one": bool(id_), "about": request.query.get("incident", "")}
    return respond(request, "directives.html", data, status=400 if asked_for.mistake else status, only_page=only_page)


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

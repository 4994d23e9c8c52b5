"""Dead letters: what could not be processed, by shape, with its bytes; and the form that asks for it to be processed again."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from soc.console.context import console_of, visitor_of
from soc.console.forms import form_of
from soc.console.guards import require
from soc.console.pages import after_text, json_response, parse_after, respond, since_of, wants_json
from soc.console.views.query_box import asked, both, is_, is_not
from soc.store.base import Store
from soc.store.query import All, Query

PAGE = 50
GROUPS = 12
SOURCES = 3

_OPEN: Query = both(is_not("deadletter.state", "processed"), is_not("deadletter.state", "discarded"))
STATES: Mapping[str, Query] = {
    "open": _OPEN,
    "processed": is_("deadletter.state", "processed"),
    "discarded": is_("deadletter.state", "discarded"),
}
_MAX_TEXT = 500


async def deadletters(request: web.Request) -> web.Response:
    """The largest groups of equal shape, and the letters one by one; of one group, its letters only."""
    console = console_of(request)
    asked_for = asked(request)
    state = request.query.get("state", "open")
    state = state if state in STATES else "open"
    group = request.query.get("group", "")[:_MAX_TEXT]
    chosen, since = since_of(request, console.clock())
    base = both(asked_for.query, STATES[state])
    query = both(base, is_("deadletter.shape", group) if group else All())
    after = parse_after(request.query.get("after", ""))
    page = await console.store.search("deadletter", query, limit=PAGE, after=after, since=since)
    counts = dict(await console.store.counts("deadletter", asked_for.query, "deadletter.state"))
    data = {
        "asked": asked_for.shown,
        "range": chosen,
        "state": state,
        "states": [(name, counts.get(name, 0)) for name in STATES],
        "group": group,
        "groups": await _groups(console.store, query),
        "letters": [{"key": document.id, **document.body} for document in page.documents],
        "total": page.total,
        "next": after_text(page.after),
        "retried": _told(request.query),
    }
    return respond(request, "deadletters.html", data, status=400 if asked_for.mistake else 200)


async def _groups(store: Store, query: Query) -> list[dict[str, Any]]:
    """The largest groups among what matches, each with its newest letter and the sources that have most of it."""
    counted = await store.counts("deadletter", query, "deadletter.shape", limit=GROUPS)
    async with asyncio.TaskGroup() as tasks:
        made = [tasks.create_task(_group(store, query, shape, count)) for shape, count in counted]
    return [task.result() for task in made]


async def _group(store: Store, query: Query, shape: str, count: int) -> dict[str, Any]:
    of_group = both(query, is_("deadletter.shape", shape))
    page = await store.search("deadletter", of_group, limit=1)
    sources = await store.counts("deadletter", of_group, "source", limit=SOURCES + 1)
    sample: Mapping[str, Any] = page.documents[0].body if page.documents else {}
    return {
        "shape": shape,
        "count": count,
        "last": page.documents[0].time if page.documents else None,
        "stage": sample.get("stage", ""),
        "reason": sample.get("reason", ""),
        "sample": sample.get("data", ""),
        "sources": sources[:SOURCES],
        "more_sources": len(sources) > SOURCES,
    }


def _told(query: Mapping[str, str]) -> dict[str, int] | None:
    """What an earlier retry said, as it stands in the address; None where none did."""
    names = ("asked", "under_way", "left")
    values = {name: query.get(name, "") for name in names}
    if not all(value.isdecimal() and value.isascii() and len(value) <= 9 for value in values.values()):
        return None
    return {name: int(value) for name, value in values.items()}


async def retry(request: web.Request) -> web.StreamResponse:
    """Ask for one letter, a group, a source or all open ones to be processed again."""
    require(request, "retry")
    form = await form_of(request)
    chosen = {name: form.get(name, "").strip()[:_MAX_TEXT] for name in ("id", "shape", "source")}
    if not any(chosen.values()) and form.get("all") != "1":
        raise web.HTTPBadRequest(text="nothing chosen")
    visitor = visitor_of(request)
    became = await console_of(request).retry(chosen, visitor.name)
    if visitor.api or wants_json(request):
        return json_response(became, status=202)
    told = {name: became.get(name, 0) for name in ("asked", "under_way", "left")}
    raise web.HTTPSeeOther(f"/deadletters?{urlencode(told)}")

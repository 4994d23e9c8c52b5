"""The audit for the auditor: who did what, by person, act, object and time; verified; taken away as a file. And reasons to unmask."""

from collections.abc import AsyncIterator
from typing import Any, get_args

import msgspec
from aiohttp import web

from soc.audit.chain import Entry
from soc.console import seeing
from soc.console.context import Console, console_of, visitor_of
from soc.console.forms import form_of
from soc.console.guards import require
from soc.console.pages import after_text, json_response, parse_after, respond, since_of, wants_json
from soc.console.views.query_box import asked, both, is_
from soc.console.views.session import local_path
from soc.store.base import Kind
from soc.store.query import All, Field, Query
from soc.store.words import normal

PAGE = 100
EXPORT_PAGE = 1000
MAX_EXPORT = 500_000
FILTERS = ("actor", "act", "object", "chain")
_MAX_TEXT = 200
_KINDS: tuple[str, ...] = get_args(Kind)


def _filters(request: web.Request) -> dict[str, str]:
    return {name: request.query.get(name, "").strip()[:_MAX_TEXT] for name in FILTERS}


def _narrowed(filters: dict[str, str]) -> Query:
    """What the filters ask for; an object may be given by its beginning: ``alert/202611``."""
    parts = [is_(name, value) for name, value in filters.items() if value and name != "object"]
    if wanted := filters["object"]:
        parts.append(Field("object", ((False, normal(wanted)), (True, "*"))))
    return both(*parts) if parts else All()


async def audit(request: web.Request) -> web.Response:
    """Who did what, newest first: for the auditor."""
    require(request, "read_audit")
    return await _page(request, None)


async def verify(request: web.Request) -> web.Response:
    """The same page with every chain verified, which itself is recorded."""
    require(request, "read_audit")
    console = console_of(request)
    await console.record(Entry(console.clock(), visitor_of(request).name, "verify_audit", "audit"))
    found: list[dict[str, Any]] = []
    for one in await console.verify():
        found.append({"chain": one.chain, "lines": one.lines, "fault": one.fault, "declared": one.declared})
        if one.fault:
            told = Entry(
                console.clock(), visitor_of(request).name, "audit_fault", f"chain/{one.chain}", one.fault[:500]
            )
            await console.record(told)
    return await _page(request, found)


async def _page(request: web.Request, verified: list[dict[str, Any]] | None) -> web.Response:
    console = console_of(request)
    asked_for, filters = asked(request), _filters(request)
    query = both(asked_for.query, _narrowed(filters))
    chosen, since = since_of(request, console.clock())
    after = parse_after(request.query.get("after", ""))
    page = await console.store.search("audit", query, limit=PAGE, after=after, since=since)
    data = {
        "asked": asked_for.shown,
        "range": chosen,
        "filters": filters,
        "actors": [name for name, _ in await console.store.counts("audit", All(), "actor", limit=50)],
        "acts": [name for name, _ in await console.store.counts("audit", All(), "act", limit=100)],
        "chains": [name for name, _ in await console.store.counts("audit", All(), "chain", limit=50)],
        "entries": [dict(document.body) for document in page.documents],
        "total": page.total,
        "next": after_text(page.after),
        "verified": verified,
        "heads": dict(console.heads()),
    }
    return respond(request, "audit.html", data, status=400 if asked_for.mistake else 200)


async def export(request: web.Request) -> web.StreamResponse:
    """The lines that the page's filters choose as NDJSON, newest first; recorded before the first byte leaves."""
    require(request, "read_audit")
    require(request, "export")
    console, filters, asked_for = console_of(request), _filters(request), asked(request)
    if asked_for.mistake:
        raise web.HTTPBadRequest(text=asked_for.mistake)
    said = " ".join(f"{name}={value}" for name, value in {**filters, "q": asked_for.text}.items() if value)
    await console.record(Entry(console.clock(), visitor_of(request).name, "export", "audit", said or "all"))
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson; charset=utf-8"})
    response.headers["Content-Disposition"] = 'attachment; filename="audit.ndjson"'
    response.headers["Cache-Control"] = "no-store"
    await response.prepare(request)
    _, since = since_of(request, console.clock())
    async for chunk in _lines(console, both(asked_for.query, _narrowed(filters)), since):
        await response.write(chunk)
    return response


async def _lines(console: Console, query: Query, since: int | None) -> AsyncIterator[bytes]:
    after, written = None, 0
    while written < MAX_EXPORT:
        page = await console.store.search("audit", query, limit=EXPORT_PAGE, after=after, since=since)
        written += len(page.documents)
        yield b"".join(msgspec.json.encode(document.body) + b"\n" for document in page.documents)
        after = page.after
        if after is None:
            return


async def unmask(request: web.Request) -> web.StreamResponse:
    """Give a reason to read one document unmasked for some minutes."""
    require(request, "unmask")
    form = await form_of(request)
    kind, id_ = form.get("kind", ""), form.get("id", "")[:_MAX_TEXT]
    if kind not in seeing.KINDS or kind not in _KINDS:
        raise web.HTTPBadRequest(text="unknown kind")
    reason = seeing.reason_of(form.get("reason", ""))
    console, visitor = console_of(request), visitor_of(request)
    if await console.store.get(kind, id_) is None:
        raise web.HTTPNotFound
    await seeing.unmask(request, kind, id_, reason)
    if visitor.api or wants_json(request):
        return json_response({"outcome": "unmasked", "kind": kind, "id": id_})
    raise web.HTTPSeeOther(local_path(form.get("next", "")))

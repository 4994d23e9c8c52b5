"""Evidence of an incident: a request to pin its raw lines in, how far that has come out; a pinned file with its manifest for who may export."""

from typing import Any

from aiohttp import web

from soc.audit.chain import Entry
from soc.console import seeing
from soc.console.context import console_of, visitor_of
from soc.console.forms import form_of
from soc.console.pages import json_response, wants_json
from soc.errors import RecordError, UnavailableError


async def pin(request: web.Request) -> web.StreamResponse:
    """Begin to pin; the page of the incident says how far it has come, and the act ``pin`` follows when the file is whole."""
    console, visitor = console_of(request), visitor_of(request)
    id_ = request.match_info["id"]
    if await console.store.get("incident", id_) is None:
        raise web.HTTPNotFound
    if console.evidence is None:
        raise UnavailableError("no archive is given to this console")
    console.evidence.ask(id_, visitor.name, visitor.role_for("pin"), visitor.units)
    if visitor.api or wants_json(request):
        return json_response({"outcome": "pending", "pinning": pinning_of(request, id_)}, status=202)
    raise web.HTTPSeeOther(f"/incidents/{id_}?outcome=pending#evidence")


def pinning_of(request: web.Request, incident_id: str) -> dict[str, Any] | None:
    """How far the last request has come since this console started; None where there was none."""
    evidence = console_of(request).evidence
    latest = evidence.latest(incident_id) if evidence else None
    if latest is None:
        return None
    return {name: getattr(latest, name) for name in ("state", "read", "lines", "detail", "actor")}


async def download(request: web.Request) -> web.StreamResponse:
    """A file that this incident pinned, or its manifest. The lines in it are as they were received, so it takes a reason; recorded first."""
    console, visitor = console_of(request), visitor_of(request)
    id_, form = request.match_info["id"], await form_of(request)
    name = form.get("name", "")
    document = await console.store.get("incident", id_)
    pinned = {str(item.get("name")) for item in document.body.get("evidence") or ()} if document else set[str]()
    if name not in pinned or console.evidence is None:
        raise web.HTTPNotFound
    reason = seeing.reason_of(form.get("reason", ""))
    manifest = form.get("part", "") == "manifest"
    try:
        data = await console.evidence.file(name, manifest=manifest)
    except RecordError as error:
        raise web.HTTPNotFound(text=error.reason) from error
    what = f"incident/{id_}/evidence/{name}" + (":manifest" if manifest else "")
    await console.record(Entry(console.clock(), visitor.name, "export", what, reason))
    sent = name.removesuffix(".ndjson.zst") + ".manifest.json" if manifest else name
    headers = {"Content-Disposition": f'attachment; filename="{sent}"', "Cache-Control": "no-store"}
    return web.Response(body=data, content_type="application/json" if manifest else "application/zstd", headers=headers)

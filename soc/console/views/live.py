"""Server-sent events: what is new or changed in alerts, incidents and reports, for pages that stay open."""

import msgspec
from aiohttp import web

from soc.console.context import console_of, visitor_of
from soc.console.stream import MAX_CLIENTS, Change, changes
from soc.console.views.alerts import row
from soc.store.base import Kind

_LOOK_SECONDS = 1.0
_COMMENT_EVERY = 15
"""Looks between two comments, which keep proxies from closing a quiet connection."""


async def stream(request: web.Request) -> web.StreamResponse:
    """``event: change`` with ``{"kind", "id", "version", "alert"?}`` for each change after the connection was made."""
    console, visitor = console_of(request), visitor_of(request)
    if console.stream.clients >= MAX_CLIENTS:
        raise web.HTTPServiceUnavailable
    console.stream.clients += 1
    try:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        response.headers["Cache-Control"] = "no-store"
        seen: dict[tuple[Kind, str], int] = {}
        changes(seen, await console.stream.documents())
        await response.prepare(request)
        await response.write(b"retry: 3000\n\n")
        looks = 0
        while not console.stream.stopping.is_set() and (visitor.api or console.sessions.get(visitor.session_id)):
            await console.stream.wait(_LOOK_SECONDS)
            looks += 1
            out = b"".join(_event(change) for change in changes(seen, await console.stream.documents()))
            if out or looks % _COMMENT_EVERY == 0:
                await response.write(out or b": here\n\n")
    except (ConnectionResetError, ConnectionError):
        return web.Response()
    finally:
        console.stream.clients -= 1
    return response


def _event(change: Change) -> bytes:
    data: dict[str, object] = {"kind": change.kind, "id": change.id, "version": change.version}
    if change.kind == "alert":
        data["alert"] = row(change.document)
    return b"event: change\ndata: " + msgspec.json.encode(data) + b"\n\n"

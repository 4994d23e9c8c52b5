"""Server-sent events: what is new or changed in alerts, incidents and reports, for pages that stay open.

What is out of a visitor's scope is not even told to have changed; citizens' identifiers are masked here whoever looks.
"""

import msgspec
from aiohttp import web

from soc.console.context import Console, Visitor, console_of, visitor_of
from soc.console.masking import Masker
from soc.console.scope import VisitorStore
from soc.console.stream import MAX_CLIENTS, Change, changes
from soc.console.views.alerts import row
from soc.store.base import Kind, Store

_LOOK_SECONDS = 1.0
_COMMENT_EVERY = 15
"""Looks between two comments, which keep proxies from closing a quiet connection."""


async def stream(request: web.Request) -> web.StreamResponse:
    """``event: change`` with ``{"kind", "id", "version", "alert"?}`` for each change after the connection was made."""
    console, visitor = console_of(request), visitor_of(request)
    if console.stream.clients >= MAX_CLIENTS:
        raise web.HTTPServiceUnavailable
    console.stream.clients += 1
    masker = Masker(frozenset(console.privacy.masked))
    try:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        response.headers["Cache-Control"] = "no-store"
        seen: dict[tuple[Kind, str], int] = {}
        changes(seen, await console.stream.documents())
        await response.prepare(request)
        await response.write(b"retry: 3000\n\n")
        looks = 0
        while not console.stream.stopping.is_set() and _is_still(console, visitor):
            await console.stream.wait(_LOOK_SECONDS)
            looks += 1
            changed = changes(seen, await console.stream.documents())
            out = b"".join([_event(change, masker) for change in changed if await _in_scope(console.store, change)])
            if out or looks % _COMMENT_EVERY == 0:
                await response.write(out or b": here\n\n")
    except (ConnectionResetError, ConnectionError):
        return web.Response()
    finally:
        console.stream.clients -= 1
    return response


def _is_still(console: Console, visitor: Visitor) -> bool:
    """Whether the account is as it was when the stream began: a change of it ends the stream, and the page asks anew."""
    session = visitor.api or console.sessions.get(visitor.session_id)
    return bool(session) and console.users.get(visitor.name) == visitor.user


async def _in_scope(store: Store, change: Change) -> bool:
    return isinstance(store, VisitorStore) and await store.sees(change.document)


def _event(change: Change, masker: Masker) -> bytes:
    data: dict[str, object] = {"kind": change.kind, "id": change.id, "version": change.version}
    if change.kind == "alert":
        data["alert"] = row(masker.document(change.document))
    return b"event: change\ndata: " + msgspec.json.encode(data) + b"\n\n"

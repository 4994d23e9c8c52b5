"""``POST /ingest`` (NDJSON, a JSON array) and ``POST /gelf`` (one GELF message) in, one record a line, element or message out.

200 means durable. With an ``Idempotency-Key`` a repeat of the same body writes nothing and is answered as the first was: the
key commits with the records. Without one a repeat is a second delivery, because nothing tells it from one.
"""

from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from collectors.bodies import BodyError, records_of
from collectors.http_keys import Keys
from collectors.http_port import RETRY_AFTER, Port, Refusal

_SCHEMES = ("bearer",)


def answer(status: int, value: object, headers: dict[str, str] | None = None) -> web.Response:
    """JSON."""
    return web.Response(
        status=status, body=msgspec.json.encode(value), content_type="application/json", headers=headers
    )


def refuse(request: web.Request, refusal: Refusal) -> web.Response:
    """A refusal as ``{"error", "where", "advice"}``."""
    where = "header Authorization" if refusal.kind == "token" else f"{request.method} {request.path}"
    advice = "send Authorization: Bearer <token of this listener>" if refusal.kind == "token" else refusal.advice
    headers = None
    if refusal.status == 503:
        headers = {"Retry-After": RETRY_AFTER}
    elif refusal.kind == "token":
        headers = {"WWW-Authenticate": "Bearer"}
    return answer(refusal.status, {"error": refusal.what, "where": where, "advice": advice}, headers)


def routes(port: Port, keys: Keys) -> list[web.RouteDef]:
    """The routes of these two."""

    async def ingest(request: web.Request) -> web.StreamResponse:
        body = await port.body(request)
        content_type = request.content_type if "Content-Type" in request.headers else ""
        count, before = await keys.deliver(request, body, records_of(body, content_type))
        return answer(200, {"accepted": count}, {"Idempotent-Replay": "true"} if before else None)

    async def gelf(request: web.Request) -> web.StreamResponse:
        body = await port.body(request)
        message = body.strip(b" \t\r\n\0")  # GELF's own TCP ending, which some senders put behind the object here too
        if not message.startswith(b"{"):
            raise BodyError(400, "the body is no GELF message", "send one JSON object a request")
        _, before = await keys.deliver(request, body, [message])
        return web.Response(status=202, headers={"Idempotent-Replay": "true"} if before else None)

    return [
        web.post("/ingest", port.served(_SCHEMES, ingest, refuse)),
        web.post("/gelf", port.served(_SCHEMES, gelf, refuse)),
    ]


@web.middleware
async def json_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """What aiohttp answers by itself (404, 405, 413), as JSON too."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return refuse(request, Refusal("body", error.status, error.reason, "POST records to /ingest"))

"""Splunk's HTTP Event Collector: requests in, one record an event or raw line out; an answer, and so an ack, means durable.

A record of ``/services/collector/event`` is the event's object with its metadata (``time``, ``host``, ``source``, ``sourcetype``, ``index``,
``fields``) in the sender's own bytes; the product ``hec`` opens it. A record of ``/services/collector/raw`` is one line.

Whoever names a channel is given an ``ackId``. It is given when the events are durable and not before, so every id that was ever
given stands for durable events, after a restart too: ids follow the clock, and no list of them need be kept.
"""

import msgspec
from aiohttp import web

from collectors.bodies import BodyError
from collectors.hec import HecError, events
from collectors.http_keys import Keys
from collectors.http_port import RETRY_AFTER, Handler, Port, Refusal

_SCHEMES = ("splunk", "bearer", "basic")
_CHANNEL = "X-Splunk-Request-Channel"
_MOST_ACKS = 100_000


class _Acks(msgspec.Struct):
    acks: list[int]


_acks = msgspec.json.Decoder(_Acks)


def _answer(status: int, text: str, code: int, **more: object) -> web.Response:
    headers = {"Retry-After": RETRY_AFTER} if status == 503 else None
    return web.Response(
        status=status,
        body=msgspec.json.encode({"text": text, "code": code, **more}),
        content_type="application/json",
        headers=headers,
    )


def refuse(request: web.Request, refusal: Refusal) -> web.StreamResponse:
    """A refusal with Splunk's codes."""
    if refusal.kind == "token":
        if "Authorization" not in request.headers:
            return _answer(401, "Token is required", 2)
        return _answer(403, "Invalid token", 4)
    if refusal.kind in ("full", "unknown"):
        return _answer(503, "Server is busy", 9)
    return _answer(refusal.status, refusal.what, 6)


def _channel(request: web.Request) -> str:
    return request.headers.get(_CHANNEL, "") or request.query.get("channel", "")


def routes(port: Port, keys: Keys) -> list[web.RouteDef]:
    """The routes of this protocol."""
    last_ack = 0

    def success(request: web.Request) -> web.Response:
        nonlocal last_ack
        if not _channel(request):
            return _answer(200, "Success", 0)
        last_ack = max(last_ack + 1, port.clock())
        return _answer(200, "Success", 0, ackId=last_ack)

    async def event(request: web.Request) -> web.StreamResponse:
        body = await port.body(request)
        try:
            found = events(body)
        except HecError as error:
            port.counters.rejected += 1
            return _answer(400, error.text, error.code, **{"invalid-event-number": error.number})
        await keys.deliver(request, body, found)
        return success(request)

    async def raw(request: web.Request) -> web.StreamResponse:
        body = await port.body(request)
        lines = [line for line in (one.rstrip(b"\r") for one in body.split(b"\n")) if line.strip(b" \t\r\0")]
        if not lines:
            port.counters.rejected += 1
            return _answer(400, "No data", 5)
        await keys.deliver(request, body, lines, source=request.query.get("host", ""))
        return success(request)

    async def ack(request: web.Request) -> web.StreamResponse:
        if not _channel(request):
            return _answer(400, "Data channel is missing", 10)
        try:
            asked = _acks.decode(await port.body(request)).acks
        except (msgspec.DecodeError, RecursionError) as error:
            raise BodyError(400, "Invalid data format", 'send {"acks": [ackId, ...]}') from error
        known = max(last_ack, started)
        return web.Response(
            body=msgspec.json.encode({"acks": {str(one): 0 < one <= known for one in asked[:_MOST_ACKS]}}),
            content_type="application/json",
        )

    async def health(_: web.Request) -> web.StreamResponse:
        if port.stopping or port.intake.full:
            return _answer(503, "HEC is unhealthy, queues are full", 18)
        return _answer(200, "HEC is healthy", 17)

    def served(handle: Handler) -> Handler:
        return port.served(_SCHEMES, handle, refuse)

    started = port.clock()  # ids before this were given before a restart
    base = "/services/collector"
    found = [web.post(base + path, served(event)) for path in ("", "/event", "/event/1.0")]
    found += [web.post(base + path, served(raw)) for path in ("/raw", "/raw/1.0")]
    found += [web.post(base + path, served(ack)) for path in ("/ack", "/ack/1.0")]
    found += [web.get(base + path, health) for path in ("/health", "/health/1.0")]
    return found

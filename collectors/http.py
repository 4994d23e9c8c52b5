"""HTTP ingest: ``POST /ingest`` of NDJSON or a JSON array in, one record a line or element out; 200 means durable.

With an ``Idempotency-Key`` a repeat of the same body writes nothing and is answered as the first was: the key commits with
the records. Without one a repeat is a second delivery, because nothing tells it from one.
"""

import asyncio
import hashlib
import hmac
from collections import deque
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import msgspec
from aiohttp import web

from collectors.base import Endpoint, InputCounters, state_prefix
from collectors.bodies import BodyError, decompress, records_of, too_large
from collectors.intake import Intake
from collectors.sockets import endpoint_of, listen_tcp, peer_of
from soc.clock import HOUR, Clock, Micros
from soc.errors import BusError, BusFullError, UnavailableError
from soc.model.codec import decode, encode
from soc.model.record import RawRecord

KEY_KEPT: Micros = 24 * HOUR
MAX_KEY_LENGTH = 255
MAX_REQUESTS = 64  # bodies held at once; beyond it 503
BODY_TIMEOUT = 60.0  # seconds for a body to come in
APPEND_TIMEOUT = 30.0  # seconds for it to become durable
STOP_TIMEOUT = 10.0  # seconds a stop waits for requests under way
RETRY_AFTER = "1"
_EXPIRED_AT_ONCE = 1000  # keys deleted with one request


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """What is remembered of an idempotency key."""

    received: Micros
    count: int
    body: bytes


class _Body(NamedTuple):
    lines: list[bytes]
    digest: bytes
    key: str


def _answer(status: int, value: object, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status, body=msgspec.json.encode(value), content_type="application/json", headers=headers
    )


def _refusal(status: int, what: str, where: str, advice: str) -> web.Response:
    headers = (
        {"Retry-After": RETRY_AFTER} if status == 503 else {"WWW-Authenticate": "Bearer"} if status == 401 else None
    )
    return _answer(status, {"error": what, "where": where, "advice": advice}, headers)


class HttpIngest:
    """One HTTP port.

    Args:
        intake: where records become durable.
        name: the listener's name, on every record.
        host: address to bind; ``::`` takes IPv4 too.
        port: 0 picks a free one.
        token: what ``Authorization: Bearer`` must carry; not empty.
        profile: source profile of every record, ``""`` to find it later.
        source: key of every record; ``""`` takes the sender's address.
        max_body: bytes of a body, after decompression.
        max_bytes: a longer record is cut and marked.
        clock: stamps the records.

    Raises:
        ValueError: the token is empty.
    """

    def __init__(
        self,
        intake: Intake,
        *,
        name: str,
        host: str,
        port: int,
        token: str,
        clock: Clock,
        profile: str = "",
        source: str = "",
        max_body: int = 16 * 1024 * 1024,
        max_bytes: int = 1024 * 1024,
    ) -> None:
        if not token:
            raise ValueError(f"listener {name!r}: an empty token would let everybody in")
        self.name = name
        self.counters = InputCounters()
        self.ready = asyncio.Event()
        self.address: Endpoint | None = None
        self._intake = intake
        self._bind = (host, port)
        self._authorization = b"Bearer " + token.encode()
        self._profile = profile
        self._source = source
        self._max_body = max_body
        self._max_bytes = max_bytes
        self._clock = clock
        self._prefix = state_prefix("idem", name)
        self._expiry: deque[tuple[Micros, bytes]] = deque()
        self._under_way: dict[bytes, asyncio.Event] = {}
        self._requests = 0
        self._stopping = False

    async def run(self) -> None:
        """See ``Collector.run``."""
        await self._intake.ready.wait()
        kept = [
            (decode(value, _Kept).received, key)
            for key, value in self._intake.state.items()
            if key.startswith(self._prefix)
        ]
        self._expiry.extend(sorted(kept))
        application = web.Application(middlewares=[_json_errors], client_max_size=self._max_body + 1)
        application.router.add_post("/ingest", self._ingest)
        runner = web.AppRunner(
            application,
            access_log=None,
            handle_signals=False,
            auto_decompress=False,
            shutdown_timeout=STOP_TIMEOUT,
            keepalive_timeout=75.0,
        )
        with self._intake.attached():
            sock = listen_tcp(*self._bind)
            self.address = endpoint_of(sock)
            await runner.setup()
            try:
                await web.SockSite(runner, sock).start()
                self.ready.set()
                await asyncio.get_running_loop().create_future()
            finally:
                self._stopping = True
                await runner.cleanup()
                sock.close()

    async def _ingest(self, request: web.Request) -> web.Response:
        where = "POST /ingest"
        if not hmac.compare_digest(
            request.headers.get("Authorization", "").encode("utf-8", "surrogateescape"), self._authorization
        ):
            self.counters.rejected += 1
            return _refusal(
                401,
                "the token is missing or wrong",
                "header Authorization",
                "send Authorization: Bearer <token of this listener>",
            )
        if self._stopping or self._requests >= MAX_REQUESTS:
            self.counters.pushed_back += 1
            what = "the listener is stopping" if self._stopping else f"{MAX_REQUESTS} requests are under way"
            return _refusal(503, what, where, "nothing was written: send it again after Retry-After seconds")
        self._requests += 1
        try:
            return await self._store(request, await self._read(request))
        except BodyError as error:
            self.counters.rejected += 1
            return _refusal(error.status, error.what, where, error.advice)
        except BusFullError as error:
            self.counters.pushed_back += 1
            return _refusal(503, str(error), where, "nothing was written: send it again after Retry-After seconds")
        except (BusError, UnavailableError, TimeoutError) as error:
            self.counters.pushed_back += 1
            what = str(error) or f"not durable after {APPEND_TIMEOUT:.0f} s"
            advice = "it may or may not be written: send it again; with the same Idempotency-Key it is stored once"
            return _refusal(503, what, where, advice)
        finally:
            self._requests -= 1

    async def _read(self, request: web.Request) -> _Body:
        key = request.headers.get("Idempotency-Key", "")
        if len(key) > MAX_KEY_LENGTH:
            raise BodyError(400, f"the Idempotency-Key is longer than {MAX_KEY_LENGTH} characters", "use a UUID")
        if (request.content_length or 0) > self._max_body:
            too_large(self._max_body)
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(BODY_TIMEOUT):
                async for part in request.content.iter_any():
                    size += len(part)
                    if size > self._max_body:
                        too_large(self._max_body)
                    parts.append(part)
        except TimeoutError as error:
            raise BodyError(408, f"the body did not come within {BODY_TIMEOUT:.0f} s", "send it again") from error
        body = decompress(b"".join(parts), request.headers.get("Content-Encoding", ""), self._max_body)
        content_type = request.content_type if "Content-Type" in request.headers else ""
        return _Body(records_of(body, content_type), hashlib.sha256(body).digest() if key else b"", key)

    async def _store(self, request: web.Request, body: _Body) -> web.Response:
        if not body.key:
            if body.lines:
                await self._append(request, body, "", {}, lambda _: None)
            return _answer(200, {"accepted": len(body.lines)})
        hashed = hashlib.sha256(body.key.encode("utf-8", "surrogateescape")).hexdigest()
        state_key = self._prefix + hashed.encode()
        async with asyncio.timeout(APPEND_TIMEOUT):  # a repeat that overtakes its first delivery waits for its outcome
            while (under_way := self._under_way.get(state_key)) is not None:
                await under_way.wait()
        found = self._intake.state.get(state_key)
        kept = decode(found, _Kept) if found is not None else None
        now = self._clock()
        if kept is not None and kept.received + KEY_KEPT > now:
            if kept.body != body.digest:
                raise BodyError(
                    422, "this Idempotency-Key came before with another body", "use a new key for every body"
                )
            self.counters.duplicates += 1
            return _answer(200, {"accepted": kept.count}, {"Idempotent-Replay": "true"})
        # the body is part of the id: a key used again after it expired names other records
        identity = hashlib.sha256(b"\0".join((self.name.encode(), hashed.encode(), body.digest))).hexdigest()[:32]
        done = self._under_way[state_key] = asyncio.Event()

        def settled(durable: bool) -> None:
            del self._under_way[state_key]
            done.set()
            if durable:
                self._expiry.append((now, state_key))

        state = self._expired(now)
        state[state_key] = encode(_Kept(now, len(body.lines), body.digest))
        await self._append(request, body, identity, state, settled)
        return _answer(200, {"accepted": len(body.lines)})

    def _expired(self, now: Micros) -> dict[bytes, bytes | None]:
        """Deletions of keys older than ``KEY_KEPT``; one that is not committed leaves its key to the next start."""
        old: dict[bytes, bytes | None] = {}
        while self._expiry and self._expiry[0][0] + KEY_KEPT <= now and len(old) < _EXPIRED_AT_ONCE:
            received, key = self._expiry.popleft()
            found = self._intake.state.get(key)
            if found is not None and decode(found, _Kept).received == received:
                old[key] = None
        return old

    async def _append(
        self,
        request: web.Request,
        body: _Body,
        identity: str,
        state: dict[bytes, bytes | None],
        settled: Callable[[bool], None],
    ) -> None:
        transport = request.transport
        peer, address = peer_of((transport.get_extra_info("peername") if transport is not None else None) or ("", 0))
        source, limit, received = self._source or address, self._max_bytes, self._clock()
        records = [
            RawRecord(
                line[:limit],
                received,
                self.name,
                peer,
                source,
                f"{identity}/{index}" if identity else "",
                self._profile,
                len(line) > limit,
            )
            for index, line in enumerate(body.lines)
        ]
        cut_bytes = sum(max(0, len(line) - limit) for line in body.lines)

        def outcome(future: asyncio.Future[None]) -> None:
            durable = not future.cancelled() and future.exception() is None
            if durable:
                self.counters.received += len(records)
                self.counters.bytes += sum(len(record.data) for record in records)
                self.counters.cut += sum(record.cut for record in records)
                self.counters.cut_bytes += cut_bytes
            settled(durable)

        async with asyncio.timeout(APPEND_TIMEOUT):
            try:
                future = await self._intake.enqueue(records, state)
            except BaseException:
                settled(False)
                raise
            # what is queued may become durable after this request gave up: only then is its key free for a repeat
            future.add_done_callback(outcome)
            await asyncio.shield(future)


@web.middleware
async def _json_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """What aiohttp answers by itself (404, 405, 413), as JSON too."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _refusal(error.status, error.reason, f"{request.method} {request.path}", "POST records to /ingest")

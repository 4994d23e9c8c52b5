"""What every protocol of the HTTP listener shares: a request in, its body and its peer out; lines in, durable records out.

A protocol (``http_lines``, ``http_bulk``, ``http_hec``) is a list of routes made over a ``Port``. It says what a body holds and
how a refusal looks in its own words; who may send, how much, and what durable means is settled here.
"""

import asyncio
import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Literal, NamedTuple

from aiohttp import web

from collectors.base import InputCounters
from collectors.bodies import BodyError, decompress, too_large
from collectors.intake import Intake, State
from collectors.sockets import peer_of
from soc.clock import Clock, Micros
from soc.errors import BusError, BusFullError, UnavailableError
from soc.model.record import RawRecord

MAX_REQUESTS = 64  # bodies held at once; beyond it 503
BODY_TIMEOUT = 60.0  # seconds for a body to come in
APPEND_TIMEOUT = 30.0  # seconds for it to become durable
RETRY_AFTER = "1"
MAX_SOURCE = 255  # characters of a source that a request names
SEND_AGAIN = "nothing was written: send it again after Retry-After seconds"


class Refusal(NamedTuple):
    """Why a request is refused.

    Attributes:
        kind: ``token``: not allowed in; ``body``: the request is wrong; ``full``: nothing was written, send it again;
            ``unknown``: it may or may not be written, send it again.
        status: the HTTP status of /ingest; a protocol may have another for the kind.
        what: what is wrong.
        advice: what to do.
    """

    kind: Literal["token", "body", "full", "unknown"]
    status: int
    what: str
    advice: str


class Line(NamedTuple):
    """One record to be: its bytes, and its own identity or ``""``."""

    data: bytes
    id: str = ""


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Refuse = Callable[[web.Request, Refusal], web.StreamResponse]
Settled = Callable[[bool], None]


def _nothing(durable: bool) -> None:  # noqa: ARG001 - what a sender without a key has to settle
    return


class Port:
    """One listener as its protocols see it.

    Args:
        intake: where records become durable.
        name: the listener's name, on every record.
        token: what a sender must show; not empty.
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
        token: str,
        clock: Clock,
        profile: str,
        source: str,
        max_body: int,
        max_bytes: int,
    ) -> None:
        if not token:
            raise ValueError(f"listener {name!r}: an empty token would let everybody in")
        self.intake = intake
        self.name = name
        self.clock = clock
        self.counters = InputCounters()
        self.stopping = False
        self.max_body = max_body
        self._token = token.encode()
        self._profile = profile
        self._source = source
        self._max_bytes = max_bytes
        self._requests = 0

    def allows(self, request: web.Request, *schemes: str) -> bool:
        """The request shows the token under one of these schemes (lower case), in the form in which its clients send it.

        ``basic``: the token is the password, the user name is free (RFC 7617). ``apikey``: the token itself, or
        base64 of ``id:token``, as Elasticsearch's clients write an API key.
        """
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        scheme, found = scheme.lower(), given.strip().encode("utf-8", "surrogateescape")
        if scheme not in schemes:
            return False
        shown = [found]
        if scheme in ("basic", "apikey"):
            with suppress(binascii.Error):
                shown.append(base64.b64decode(found, validate=True).partition(b":")[2])
        if scheme == "basic":
            del shown[0]
        return any(hmac.compare_digest(one, self._token) for one in shown)

    def served(self, schemes: Sequence[str], handle: Handler, refuse: Refuse) -> Handler:
        """A handler that lets in who shows the token under one of the schemes, and answers whatever happens."""

        async def serve(request: web.Request) -> web.StreamResponse:
            return await self._serve(request, schemes, handle, refuse)

        return serve

    async def _serve(
        self, request: web.Request, schemes: Sequence[str], handle: Handler, refuse: Refuse
    ) -> web.StreamResponse:
        if not self.allows(request, *schemes):
            return self.reject(
                request,
                refuse,
                Refusal("token", 401, "the token is missing or wrong", "send the token of this listener"),
            )
        if self.stopping or self._requests >= MAX_REQUESTS:
            self.counters.pushed_back += 1
            what = "the listener is stopping" if self.stopping else f"{MAX_REQUESTS} requests are under way"
            return refuse(request, Refusal("full", 503, what, SEND_AGAIN))
        self._requests += 1
        try:
            return await handle(request)
        except BodyError as error:
            return self.reject(request, refuse, Refusal("body", error.status, error.what, error.advice))
        except BusFullError as error:
            self.counters.pushed_back += 1
            return refuse(request, Refusal("full", 503, str(error), SEND_AGAIN))
        except (BusError, UnavailableError, TimeoutError) as error:
            self.counters.pushed_back += 1
            what = str(error) or f"not durable after {APPEND_TIMEOUT:.0f} s"
            advice = "it may or may not be written: send it again; with the same Idempotency-Key it is stored once"
            return refuse(request, Refusal("unknown", 503, what, advice))
        finally:
            self._requests -= 1

    def reject(self, request: web.Request, refuse: Refuse, refusal: Refusal) -> web.StreamResponse:
        """Refuse a request that is wrong, and count it."""
        self.counters.rejected += 1
        return refuse(request, refusal)

    async def body(self, request: web.Request) -> bytes:
        """The body as it was before its ``Content-Encoding``.

        Raises:
            BodyError: it is too large, too slow or cannot be decompressed.
        """
        if (request.content_length or 0) > self.max_body:
            too_large(self.max_body)
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(BODY_TIMEOUT):
                async for part in request.content.iter_any():
                    size += len(part)
                    if size > self.max_body:
                        too_large(self.max_body)
                    parts.append(part)
        except TimeoutError as error:
            raise BodyError(408, f"the body did not come within {BODY_TIMEOUT:.0f} s", "send it again") from error
        return decompress(b"".join(parts), request.headers.get("Content-Encoding", ""), self.max_body)

    async def append(
        self,
        request: web.Request,
        lines: Sequence[Line],
        state: State,
        settled: Settled = _nothing,
        *,
        source: str = "",
    ) -> Micros:
        """Make lines and state durable, all or nothing; returns the receive time of the records.

        Args:
            request: whose peer the records name.
            lines: in order.
            state: changes of the listener's state that commit with them.
            settled: called once, when it is known whether all is durable; possibly after this has given up.
            source: what the request says its source is; the listener's own setting wins.

        Raises:
            BusFullError: no room; nothing was written.
            BusError, UnavailableError, TimeoutError: the outcome is not known.
        """
        transport = request.transport
        peer, address = peer_of((transport.get_extra_info("peername") if transport is not None else None) or ("", 0))
        key, limit, received = self._source or source[:MAX_SOURCE] or address, self._max_bytes, self.clock()
        records = [
            RawRecord(line.data[:limit], received, self.name, peer, key, line.id, self._profile, len(line.data) > limit)
            for line in lines
        ]
        cut_bytes = sum(max(0, len(line.data) - limit) for line in lines)

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
                future = await self.intake.enqueue(records, state)
            except BaseException:
                settled(False)
                raise
            # what is queued may become durable after this request gave up: only then is its key free for a repeat
            future.add_done_callback(outcome)
            await asyncio.shield(future)
        return received

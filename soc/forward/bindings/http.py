"""One HTTP exchange with a receiver: a request in, its answer or what went wrong out; the wires are made of it.

The line between "certainly not taken" and "may have been taken" decides whether a report may be sent again without asking. Only
a failed connection, 429 and 503 are certain; every other 5xx, a cut answer or a timeout may come from a receiver that has
stored the report already.
"""

import asyncio
import hashlib
import json
import ssl
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import BytesPayload

from soc.forward.outbox import Happened
from soc.receiver import Receiver

MAX_ANSWER = 64 * 1024
"""Bytes of an answer that are read; a receipt has a few hundred."""

MAX_DETAIL = 200
"""Characters of a receiver's own words that are kept."""

NOT_TAKEN = frozenset({408, 425, 429, 503})
"""Statuses that say the request was not processed (RFC 9110 §15.5.9, §15.6.4; RFC 8470 §5.2; RFC 6585 §4)."""

UNAUTHORIZED = frozenset({401, 403, 407})


class Answer(NamedTuple):
    """What a receiver answered.

    Attributes:
        retry_after: seconds it asked to wait, or None.
        peer: SHA-256 of the certificate it showed, "" without TLS.
    """

    status: int
    body: bytes
    retry_after: float | None
    peer: str

    @property
    def fields(self) -> dict[str, Any]:
        """The body as a JSON object; {} if it is none."""
        try:
            tree = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return cast("dict[str, Any]", tree) if isinstance(tree, dict) else {}

    @property
    def words(self) -> str:
        """The status and the receiver's own reason: a JSON ``error``, ``detail``, ``title`` or ``description`` (RFC 9457, TAXII 2.1 §3.6.1)."""
        fields = self.fields
        names = ("error", "detail", "title", "description")
        reason = next((fields[name] for name in names if isinstance(fields.get(name), str)), "")
        return f"{self.status}: {reason}"[:MAX_DETAIL] if reason else str(self.status)


class Http:
    """A receiver over HTTP: each request has a connection of its own, so that none ever dies with a kept one."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        total = receiver.timeout_seconds
        self._timeout = aiohttp.ClientTimeout(total=total, sock_connect=total / 2)

    async def post(
        self, url: str, headers: Mapping[str, str], data: bytes, may_leave: Callable[[], bool]
    ) -> Answer | Happened:
        """POST ``data`` once, if it may still leave when the connection is made."""
        guarded = _Guarded(data, may_leave)
        answer = await self._request("POST", url, headers, guarded)
        if guarded.held_back:
            return Happened(
                "unavailable", "not sent: it took too long from the decision to send until the bytes could leave"
            )
        if isinstance(answer, Happened) and answer.kind == "lost" and not guarded.left:
            return Happened("unavailable", f"not sent, no connection was made in time: {answer.detail}")
        return answer

    async def get(
        self, url: str, headers: Mapping[str, str] | None = None, limit: int = MAX_ANSWER
    ) -> Answer | Happened:
        """GET an answer of at most ``limit`` bytes."""
        return await self._request("GET", url, headers or {}, None, limit)

    def _context(self) -> ssl.SSLContext:
        receiver = self._receiver
        context = ssl.create_default_context(cafile=receiver.ca_file or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if receiver.certificate_file:
            context.load_cert_chain(receiver.certificate_file, receiver.key_file)
        return context

    async def _request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        data: aiohttp.Payload | None,
        limit: int = MAX_ANSWER,
    ) -> Answer | Happened:
        try:
            context = await asyncio.to_thread(self._context)
        except (OSError, ssl.SSLError) as error:
            return Happened("unauthorized", f"certificate: the receiver's TLS files cannot be used: {short(error)}")
        receiver = self._receiver
        if receiver.token:
            headers = {**headers, "Authorization": f"Bearer {receiver.token}"}
        elif receiver.username:
            headers = {**headers, "Authorization": aiohttp.encode_basic_auth(receiver.username, receiver.password)}
        connector = _Connector(ssl=context, force_close=True)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=self._timeout, trust_env=False) as session,
                session.request(method, url, headers=headers, data=data, allow_redirects=False) as response,
            ):
                body = await _body(response, limit)
                if body is None:
                    return Happened("lost", f"{response.status} with an answer of more than {limit} bytes")
                return Answer(response.status, body, _retry_after(response.headers.get("Retry-After")), connector.peer)
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError) as error:
            return Happened("unauthorized", f"certificate: {short(error)}")
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return Happened("unavailable", f"no connection: {short(error)}")
        except aiohttp.InvalidURL as error:
            return Happened("rejected", f"the receiver's address is wrong: {short(error)}")
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            return Happened("lost", f"no complete answer: {short(error)}")


def refusal(answer: Answer) -> Happened:
    """What an answer that is not 2xx means for what was POSTed."""
    if answer.status in UNAUTHORIZED:
        return Happened("unauthorized", answer.words)
    if answer.status in NOT_TAKEN:
        return Happened("unavailable", answer.words, answer.retry_after)
    if answer.status >= 500:
        return Happened("lost", answer.words)
    if answer.status < 400:
        return Happened("rejected", f"{answer.status}: the receiver points elsewhere; redirects are not followed")
    return Happened("rejected", answer.words)


class _Guarded(BytesPayload):
    """A body that asks whether it may leave when it is about to be written, connection and TLS being made.

    aiohttp hands the header over with the first bytes of the body, so where the answer is no, the receiver sees no request.
    """

    def __init__(self, value: bytes, may_leave: Callable[[], bool]) -> None:
        super().__init__(value, content_type="application/json")
        self._may_leave = may_leave
        self.held_back = False
        self.left = False

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        if not self._may_leave():
            self.held_back = True
            raise ConnectionAbortedError("too late")
        self.left = True
        await super().write_with_length(writer, content_length)


class _Connector(aiohttp.TCPConnector):
    """Remembers who the other end was: a response has let go of its connection as soon as a short answer is there.

    Attributes:
        peer: SHA-256 of the certificate it showed, "" without TLS.
    """

    peer = ""

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own signature
    ) -> aiohttp.connector.Connection:
        connection = await super().connect(req, traces, timeout)
        secured = connection.transport.get_extra_info("ssl_object") if connection.transport else None
        certificate = secured.getpeercert(binary_form=True) if secured else None
        self.peer = hashlib.sha256(certificate).hexdigest() if certificate else ""
        return connection


async def _body(response: aiohttp.ClientResponse, limit: int) -> bytes | None:
    """The answer's body, or None if it is too long."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(8192):
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


def _retry_after(value: str | None) -> float | None:
    """Retry-After in seconds; the date form (RFC 9110 §10.2.3) is left to our own back-off: clocks differ."""
    return float(value) if value and value.isascii() and value.isdecimal() and len(value) < 10 else None


def short(error: BaseException) -> str:
    """An error as one clause."""
    return f"{type(error).__name__}: {error}"[:MAX_DETAIL] if str(error) else type(error).__name__

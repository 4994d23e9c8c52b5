"""A sealed report in, one HTTPS request out, and what its answer means for the report.

    POST <url>                                        GET <url>/<report id>
    Authorization: Bearer …                           Authorization: Bearer …
    Content-Type: application/json
    Idempotency-Key: <report id>
    Digest: sha-256=<base64>      (RFC 3230)
    → 2xx {"receipt_id", "received_at"}               → 200 {"receipt_id", "received_at", "sha256"?} or 404

The line between "certainly not taken" and "may have been taken" decides whether a report may be sent again without asking. Only
a failed connection, 429 and 503 are certain; every other 5xx, a cut answer or a timeout may come from a receiver that has
stored the report already.
"""

import base64
import hashlib
import json
import ssl
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import quote

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import BytesPayload

from soc.errors import SettingsError
from soc.forward.outbox import Happened
from soc.model import Receipt, Report
from soc.settings import Receiver

MAX_ANSWER = 64 * 1024
"""Bytes of an answer that are read; a receipt has a few hundred."""

MAX_DETAIL = 200
"""Characters of a receiver's own words that are kept."""

NOT_TAKEN = frozenset({408, 425, 429, 503})
"""Statuses that say the request was not processed (RFC 9110 §15.5.9, §15.6.4; RFC 8470 §5.2; RFC 6585 §4)."""

UNAUTHORIZED = frozenset({401, 403, 407})


class HttpsJson:
    """One receiver that takes reports as JSON over HTTPS.

    Raises:
        SettingsError: the address is not an https one.
    """

    def __init__(self, receiver: Receiver) -> None:
        if not receiver.url.startswith("https://"):
            raise SettingsError(
                [f"forward.receiver.url: {receiver.url!r} is no https:// address; reports leave encrypted only"]
            )
        self._receiver = receiver
        self._url = receiver.url.rstrip("/")
        total = receiver.timeout_seconds
        self._timeout = aiohttp.ClientTimeout(total=total, sock_connect=total / 2)

    async def send(self, report: Report, may_leave: Callable[[], bool]) -> Happened:
        """POST the sealed bytes once, if they may still leave when the connection is made."""
        digest = base64.b64encode(hashlib.sha256(report.payload).digest()).decode()
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": report.id,
            "Digest": f"sha-256={digest}",
        }
        guarded = _Guarded(report.payload, may_leave)
        answer = await self._request("POST", self._url, headers, guarded)
        if guarded.held_back:
            return Happened(
                "unavailable", "not sent: it took too long from the decision to send until the bytes could leave"
            )
        if isinstance(answer, Happened):
            return answer
        status, body, retry_after = answer
        if 200 <= status < 300:
            receipt = self._receipt(status, body)
            return Happened("accepted", receipt=receipt) if receipt else Happened("lost", f"{status} without a receipt")
        detail = _words(status, body)
        if status in UNAUTHORIZED:
            return Happened("unauthorized", detail)
        if status in NOT_TAKEN:
            return Happened("unavailable", detail, retry_after)
        if status >= 500:
            return Happened("lost", detail)
        if status < 400:
            return Happened("rejected", f"{status}: the receiver points elsewhere; redirects are not followed")
        return Happened("rejected", detail)

    async def verify(self, report: Report) -> Happened:
        """GET the report by its id."""
        answer = await self._request("GET", f"{self._url}/{quote(report.id, safe='')}", {}, None)
        if isinstance(answer, Happened):
            return Happened("unreachable", answer.detail)
        status, body, retry_after = answer
        if status == 404:
            return Happened("absent", "the receiver does not have it")
        receipt = self._receipt(status, body) if status == 200 else None
        if receipt is None:
            detail = _words(status, body) if status != 200 else "200 without a receipt"
            return Happened("unreachable", detail, retry_after)
        held = _fields(body).get("sha256")
        if isinstance(held, str) and held.lower() != report.payload_sha256:
            return Happened("differs", f"the receiver has other bytes under this id: {held[:64]}")
        return Happened("found", receipt=receipt)

    async def close(self) -> None:
        """Nothing is held: each attempt has its own connection, so that no request ever dies with a kept one."""

    async def _request(
        self, method: str, url: str, headers: dict[str, str], data: aiohttp.Payload | None
    ) -> Happened | tuple[int, bytes, float | None]:
        """One exchange: (status, body, Retry-After in seconds), or what went wrong."""
        try:
            context = ssl.create_default_context(cafile=self._receiver.ca_file or None)
        except (OSError, ssl.SSLError) as error:
            return Happened("unauthorized", f"certificate: ca_file {self._receiver.ca_file} cannot be used: {error}")
        if self._receiver.token:
            headers = {**headers, "Authorization": f"Bearer {self._receiver.token}"}
        connector = aiohttp.TCPConnector(ssl=context, force_close=True)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=self._timeout, trust_env=False) as session,
                session.request(method, url, headers=headers, data=data, allow_redirects=False) as response,
            ):
                body = await _body(response)
                if body is None:
                    return Happened("lost", f"{response.status} with an answer of more than {MAX_ANSWER} bytes")
                return response.status, body, _retry_after(response.headers.get("Retry-After"))
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError) as error:
            return Happened("unauthorized", f"certificate: {_short(error)}")
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return Happened("unavailable", f"no connection: {_short(error)}")
        except aiohttp.InvalidURL as error:
            return Happened("rejected", f"the receiver's address is wrong: {_short(error)}")
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            return Happened("lost", f"no complete answer: {_short(error)}")

    def _receipt(self, status: int, body: bytes) -> Receipt | None:
        fields = _fields(body)
        receipt_id, received_at = fields.get("receipt_id"), fields.get("received_at")
        if not isinstance(receipt_id, str) or not receipt_id or not isinstance(received_at, str):
            return None
        return Receipt(receipt_id[:MAX_DETAIL], received_at[:64], status, self._url, 0, 0)


class _Guarded(BytesPayload):
    """A body that asks whether it may leave when it is about to be written, connection and TLS being made.

    aiohttp hands the header over with the first bytes of the body, so where the answer is no, the receiver sees no request.
    """

    def __init__(self, value: bytes, may_leave: Callable[[], bool]) -> None:
        super().__init__(value, content_type="application/json")
        self._may_leave = may_leave
        self.held_back = False

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        if not self._may_leave():
            self.held_back = True
            raise ConnectionAbortedError("too late")
        await super().write_with_length(writer, content_length)


async def _body(response: aiohttp.ClientResponse) -> bytes | None:
    """The answer's body, or None if it is too long."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(8192):
        body += chunk
        if len(body) > MAX_ANSWER:
            return None
    return bytes(body)


def _fields(body: bytes) -> dict[str, Any]:
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", tree) if isinstance(tree, dict) else {}


def _words(status: int, body: bytes) -> str:
    """The status and the receiver's own reason, if it gave one in a JSON ``error``, ``detail`` or ``title`` (RFC 9457)."""
    fields = _fields(body)
    reason = next((fields[name] for name in ("error", "detail", "title") if isinstance(fields.get(name), str)), "")
    return f"{status}: {reason}"[:MAX_DETAIL] if reason else str(status)


def _retry_after(value: str | None) -> float | None:
    """Retry-After in seconds; the date form (RFC 9110 §10.2.3) is left to our own back-off: clocks differ."""
    return float(value) if value and value.isascii() and value.isdecimal() and len(value) < 10 else None


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:MAX_DETAIL] if str(error) else type(error).__name__

"""A sealed report in, one HTTPS request out, and what its answer means for the report.

POST <url>                                        GET <url>/<report id>
Authorization: Bearer …                           Authorization: Bearer …
Content-Type: application/json
Idempotency-Key: <report id>
Digest: sha-256=<base64>      (RFC 3230)
JWS-Signature: <header>..<signature>   with a signing key (soc.forward.signature)
→ 2xx {"receipt_id", "received_at"}               → 200 {"receipt_id", "received_at", "sha256"?} or 404
"""

import base64
import hashlib
from collections.abc import Callable
from urllib.parse import quote

from soc.errors import SettingsError
from soc.forward.bindings.http import MAX_DETAIL, Answer, Http, refusal
from soc.forward.outbox import Happened
from soc.forward.signature import HEADER, Signer
from soc.model import Receipt, Report
from soc.receiver import Receiver


class HttpsJson:
    """One receiver that takes reports as JSON over HTTPS.

    Raises:
        SettingsError: the address is not an https one, or the signing key cannot be used.
    """

    def __init__(self, receiver: Receiver) -> None:
        if not receiver.url.startswith("https://"):
            raise SettingsError(
                [f"forward.receiver.url: {receiver.url!r} is no https:// address; reports leave encrypted only"]
            )
        self._http = Http(receiver)
        self._signer = Signer(receiver.signing_key_file, receiver.signing_key_id) if receiver.signing_key_file else None
        self._url = receiver.url.rstrip("/")
        self._readable, self._recognizes = receiver.readable, receiver.recognizes_repeats

    async def send(self, report: Report, may_leave: Callable[[], bool]) -> Happened:
        """POST the sealed bytes once, if they may still leave when the connection is made."""
        digest = base64.b64encode(hashlib.sha256(report.payload).digest()).decode()
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": report.id,
            "Digest": f"sha-256={digest}",
        }
        if self._signer is not None:
            headers[HEADER] = self._signer.detached(report.payload, report.id)
        answer = await self._http.post(self._url, headers, report.payload, may_leave)
        if isinstance(answer, Happened):
            return answer
        if not 200 <= answer.status < 300:
            return refusal(answer)
        receipt = self._receipt(answer, hashlib.sha256(report.payload).hexdigest())
        return (
            Happened("accepted", receipt=receipt) if receipt else Happened("lost", f"{answer.status} without a receipt")
        )

    async def verify(self, report: Report) -> Happened:
        """GET the report by its id."""
        if not self._readable:
            if self._recognizes:
                return Happened("absent", "the receiver cannot be asked, and takes a repeat for the same report")
            return Happened("unknowable", "the receiver can neither be asked nor recognizes a repeat")
        answer = await self._http.get(f"{self._url}/{quote(report.id, safe='')}")
        if isinstance(answer, Happened):
            return Happened("unreachable", answer.detail)
        if answer.status == 404:
            return Happened("absent", "the receiver does not have it")
        receipt = self._receipt(answer) if answer.status == 200 else None
        if receipt is None:
            detail = answer.words if answer.status != 200 else "200 without a receipt"
            return Happened("unreachable", detail, answer.retry_after)
        held = answer.fields.get("sha256")
        if isinstance(held, str) and held.lower() != report.payload_sha256:
            return Happened("differs", f"the receiver has other bytes under this id: {held[:64]}")
        return Happened("found", receipt=receipt)

    async def close(self) -> None:
        """Nothing is held."""

    def _receipt(self, answer: Answer, request_sha256: str = "") -> Receipt | None:
        receipt_id, received_at = answer.fields.get("receipt_id"), answer.fields.get("received_at")
        if not isinstance(receipt_id, str) or not receipt_id or not isinstance(received_at, str):
            return None
        url = self._url
        return Receipt(
            receipt_id[:MAX_DETAIL],
            received_at[:64],
            answer.status,
            url,
            0,
            0,
            peer=answer.peer,
            request_sha256=request_sha256,
        )

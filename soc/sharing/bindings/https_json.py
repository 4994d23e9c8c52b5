"""Records in, one HTTPS request out, and what its answer says of each record.

    POST <url>
    Content-Type: application/json
    Idempotency-Key: <key>           the same for the same records
    Digest: sha-256=<base64>         of the body (RFC 3230)
    {"batch": "<key>", "records": [{…}, …]}

    2xx {"receipt_id", "received_at", "taken"?: [ids], "refused"?: [{"id", "error"}], "counted"?: n}

Without ``taken`` and ``refused`` all of it is taken. ``counted`` answers the record of a day: so many summaries of it the receiver has.
"""

import base64
import hashlib
from collections.abc import Callable
from typing import Any, cast

from soc.forward.bindings.http import MAX_DETAIL, Answer, Http, refusal
from soc.forward.outbox import Happened
from soc.receiver import Receiver
from soc.sharing.delivery import Sending
from soc.sharing.outbox import EventKind, Outcome
from soc.sharing_receiver import SharingReceiver

KINDS: dict[str, EventKind] = {
    "accepted": "acknowledged",
    "rejected": "refused",
    "unauthorized": "unauthorized",
    "unavailable": "unavailable",
    "lost": "lost",
    "pending": "lost",
}
"""What an exchange of reports calls what happened → what it is here."""


class HttpsJson:
    """One receiver that takes records as JSON over HTTPS."""

    def __init__(self, receiver: SharingReceiver) -> None:
        self._http = Http(exchange(receiver))
        self._url = receiver.url

    async def send(self, sending: Sending, may_leave: Callable[[], bool]) -> Outcome:
        """POST the records once, if they may still leave when the connection is made."""
        digest = base64.b64encode(hashlib.sha256(sending.data).digest()).decode()
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": sending.key,
            "Digest": f"sha-256={digest}",
        }
        answer = await self._http.post(self._url, headers, sending.data, may_leave)
        if isinstance(answer, Happened):
            return outcome_of(answer)
        return _judged(answer, sending) if 200 <= answer.status < 300 else outcome_of(refusal(answer))


def exchange(receiver: SharingReceiver) -> Receiver:
    """The settings of the connection as exchanges of reports have them."""
    return Receiver(
        name=receiver.name,
        binding="taxii21" if receiver.binding == "taxii21" else "https-json",
        url=receiver.url,
        collection=receiver.collection,
        ca_file=receiver.ca_file,
        certificate_file=receiver.certificate_file,
        key_file=receiver.key_file,
        token=receiver.token,
        username=receiver.username,
        password=receiver.password,
        timeout_seconds=receiver.timeout_seconds,
        readable=receiver.readable,
    )


def outcome_of(happened: Happened) -> Outcome:
    """What happened to an exchange, in the words of alert sharing."""
    return Outcome(KINDS.get(happened.kind, "lost"), happened.detail, happened.retry_after)


def _judged(answer: Answer, sending: Sending) -> Outcome:
    """What an answer of 2xx says of each record."""
    fields = answer.fields
    receipt = fields.get("receipt_id")
    if not isinstance(receipt, str) or not receipt:
        return Outcome("lost", f"{answer.status} without a receipt")
    taken = {str(item) for item in _listed(fields.get("taken"))} & set(sending.ids)
    refused = {
        str(item["id"]): str(item.get("error") or "refused")[:MAX_DETAIL]
        for item in (cast("dict[str, Any]", one) for one in _listed(fields.get("refused")) if isinstance(one, dict))
        if item.get("id") in sending.ids
    }
    counted = fields.get("counted")
    count = counted if isinstance(counted, int) and not isinstance(counted, bool) and counted >= 0 else None
    if "taken" not in fields and not refused:
        return Outcome("acknowledged", counted=count if sending.of_day else None, receipt=receipt[:MAX_DETAIL])
    if "taken" not in fields:
        taken = set(sending.ids) - set(refused)
    if not taken and not refused:
        return Outcome(
            "unavailable", f"{answer.status}: it took none of {len(sending.ids)} records", answer.retry_after
        )
    left = len(sending.ids) - len(taken) - len(refused)
    detail = f"{len(refused)} refused, {left} not taken yet" if refused or left else ""
    kind: EventKind = "partly" if detail else "acknowledged"
    return Outcome(kind, detail, None, tuple(sorted(taken)), refused, count if sending.of_day else None, receipt)


def _listed(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []

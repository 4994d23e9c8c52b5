"""Prepared documents in, refusals out: bulk requests in which every item is looked at, repeated, or given back.

200, 201             written
409                  the store has this version or a newer one: nothing to do
429, 5xx             not now: these items are sent again after a pause, the others are done
401, 403             not this account, or the index is blocked: nothing is lost, the batch waits (``UnavailableError``)
400 and others       this document will never be taken: it is returned with the reason
"""

from collections.abc import Mapping, Sequence
from typing import Any

from elasticsearch import ApiError

from soc.errors import UnavailableError
from soc.store.base import Refusal
from soc.store.elasticsearch_client import Requests, reason_of, told
from soc.store.elasticsearch_document import Prepared
from soc.telemetry import STORE_RETRIES

MAX_BYTES = 8 * 1024 * 1024
_CONFLICT = 409
_HEADERS = {"content-type": "application/x-ndjson", "accept": "application/json"}
_NOT_THE_DOCUMENT = frozenset({"validation_exception", "invalid_index_template_exception", "index_creation_exception"})


class Bulk:
    """The writing half of the store.

    Attributes:
        unseen: indices with writes that no search of this process may have seen yet.
    """

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self.unseen: set[str] = set()

    async def write(self, prepared: Sequence[Prepared]) -> list[Refusal]:
        """Write them in requests of at most ``MAX_BYTES``; it may be repeated as a whole, versions see to that.

        Raises:
            UnavailableError: a part of them is not written, after all tries.
        """
        refusals: list[Refusal] = []
        batch: list[Prepared] = []
        size = 0
        for item in prepared:
            if batch and size + item.size > MAX_BYTES:
                refusals += await self._write(batch)
                batch, size = [], 0
            batch.append(item)
            size += item.size
        return refusals + await self._write(batch) if batch else refusals

    async def _write(self, batch: Sequence[Prepared]) -> list[Refusal]:
        refusals: list[Refusal] = []
        left = list(batch)
        for attempt in range(self._requests.patience.tries):
            lines = [line for prepared in left for line in (prepared.action, prepared.source)]
            try:
                items = await self.send(lines)
                self.unseen.update(prepared.place for prepared in left)
            except ApiError as error:
                # The request as a whole cannot be read or is too large: halves tell which document it is.
                if len(left) == 1:
                    return [*refusals, Refusal(left[0].document, told(error))]
                half = len(left) // 2
                return [*refusals, *await self._write(left[:half]), *await self._write(left[half:])]
            again: list[Prepared] = []
            reason = ""
            for prepared, item in zip(left, items, strict=True):
                match judged(item):
                    case "refused":
                        refusals.append(Refusal(prepared.document, _told(item)))
                    case "again":
                        STORE_RETRIES.labels(item["status"]).inc()
                        again.append(prepared)
                        reason = _told(item)
                    case _:
                        pass
            if not again:
                return refusals
            left = again
            await self._requests.rest(attempt, f"{len(left)} documents: {reason}")
        raise AssertionError("rest() raises after the last try")

    async def send(self, lines: Sequence[bytes]) -> list[Mapping[str, Any]]:
        """One bulk request, repeated while it is refused as a whole; the answer's items in order."""
        seconds = max(1, int(self._requests.patience.request_seconds / 2))
        # One body of ours: the client's own ``bulk`` would go through it line by line.
        body = b"\n".join((*lines, b""))
        answer = await self._requests.attempt(
            lambda client: client.perform_request(
                "POST",
                "/_bulk",
                params={"timeout": f"{seconds}s", "filter_path": "items.*.status,items.*.error"},
                headers=_HEADERS,
                body=body,
            )
        )
        return [next(iter(item.values())) for item in answer["items"]]


def judged(item: Mapping[str, Any]) -> str:
    """``done``, ``again`` or ``refused``: what an item's status means.

    Raises:
        UnavailableError: it is refused for a reason that is not the document's.
    """
    status: int = item["status"]
    if status < 300 or status == _CONFLICT:
        return "done"
    if status == 429 or status >= 500:
        return "again"
    cause: Mapping[str, Any] = item.get("error") or {}
    if status in {401, 403, 404} or cause.get("type") in _NOT_THE_DOCUMENT:
        raise UnavailableError(f"Elasticsearch refuses writes: {_told(item)}")
    return "refused"


def _told(item: Mapping[str, Any]) -> str:
    return f"{item['status']} {reason_of(item.get('error'))}"

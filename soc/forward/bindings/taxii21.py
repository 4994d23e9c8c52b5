"""A sealed STIX bundle in, TAXII 2.1 envelopes out, and what the server made of each object.

    GET  <root>/                                        max_content_length
    POST <root>/collections/<id>/objects/               {"objects": [...]}, as many as fit; what is referenced first
    → 202 status {"id", "status", "failures": [...]}    polled at <root>/status/<id>/ while it is pending
    GET  <root>/collections/<id>/objects/<object>/versions/

An object is known by its id and version, so sending a bundle again changes nothing. Servers disagree whether a repeat is a
failure (oasis-open/cti-taxii-server#131, #149; OASIS TAXII 2.1 §5.5 says it is none): an object that was refused counts as
taken if the server shows its version.
"""

import asyncio
import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast
from urllib.parse import quote

import msgspec

from soc.forward.bindings.http import MAX_DETAIL, Answer, Http, refusal
from soc.forward.outbox import Happened
from soc.model import Receipt, Report
from soc.receiver import Receiver

MEDIA_TYPE = "application/taxii+json;version=2.1"
HEADERS = {"Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE}
POLL_SECONDS = 0.5
MAX_STATUS = 4 * 1024 * 1024
"""Bytes of a status that are read: it names every object."""
DEFAULT_LIMIT = 1024 * 1024
"""Bytes of a request where the server does not say its ``max_content_length``."""
PARTIAL_ATTEMPTS = 5
"""So often a bundle is sent again of which the server refuses an object; then a person is asked."""


class Taxii21:
    """One collection of a TAXII 2.1 server."""

    def __init__(self, receiver: Receiver) -> None:
        self._http = Http(receiver)
        self._root = receiver.url.rstrip("/")
        self._collection = f"{self._root}/collections/{quote(receiver.collection, safe='')}/objects/"
        self._seconds = receiver.timeout_seconds
        self._readable, self._recognizes = receiver.readable, receiver.recognizes_repeats

    async def send(self, report: Report, may_leave: Callable[[], bool]) -> Happened:
        """POST the bundle's objects, and wait a while for what the server makes of them."""
        root = await self._http.get(f"{self._root}/", HEADERS)
        if isinstance(root, Happened):
            return root if root.kind == "unauthorized" else Happened("unavailable", root.detail)
        if root.status != 200:
            found = refusal(root)
            return found if found.kind == "unauthorized" else Happened("unavailable", root.words, root.retry_after)
        limit = root.fields.get("max_content_length")
        objects = _objects(report)
        try:
            envelopes = list(split(objects, limit if isinstance(limit, int) and limit > 0 else DEFAULT_LIMIT))
        except ValueError as error:
            return Happened("rejected", str(error))
        statuses: list[dict[str, Any]] = []
        hashed = hashlib.sha256()
        for number, envelope in enumerate(envelopes):
            answer = await self._http.post(self._collection, HEADERS, envelope, may_leave)
            if isinstance(answer, Happened) or not 200 <= answer.status < 300:
                found = answer if isinstance(answer, Happened) else refusal(answer)
                taken = number and found.kind == "unavailable"
                return Happened("lost", found.detail, found.retry_after) if taken else found
            if not isinstance(answer.fields.get("status"), str):
                return Happened("lost", f"{answer.status} without a status resource")
            statuses.append(answer.fields)
            hashed.update(envelope)
        happened = await self._judge(report, objects, await self._settled(statuses), root)
        if happened.receipt is None:
            return happened
        receipt = msgspec.structs.replace(happened.receipt, request_sha256=hashed.hexdigest())
        return dataclasses.replace(happened, receipt=receipt)

    async def verify(self, report: Report) -> Happened:
        """Ask for every object of the bundle by id and version; a status that was pending is asked for first."""
        objects = _objects(report)
        if report.state == "processing" and report.receipt is not None:
            statuses = [{"id": one, "status": "pending"} for one in report.receipt.receipt_id.split()]
            polled = await self._settled(statuses, polls=1)
            if any(status.get("status") != "complete" for status in polled):
                return Happened("pending", "the server is still at work on it")
        if not self._readable:
            if self._recognizes:
                return Happened("absent", "the collection cannot be read, and a repeat changes nothing")
            return Happened("unknowable", "the collection cannot be read, and the server takes a repeat for another")
        missing: list[str] = []
        for item in objects:
            there = await self._has(item)
            if isinstance(there, Happened):
                return there
            if not there:
                missing.append(str(item["id"]))
        if missing:
            return Happened("absent", f"{len(missing)} of {len(objects)} objects are not there")
        return Happened("found", receipt=self._receipt((), 200, [(str(item["id"]), "success") for item in objects], ""))

    async def close(self) -> None:
        """Nothing is held."""

    async def _settled(self, statuses: Sequence[dict[str, Any]], polls: int = 0) -> list[dict[str, Any]]:
        """The statuses once they are complete, or as they are when the time is over."""
        settled: list[dict[str, Any]] = []
        left = polls or max(1, round(self._seconds / POLL_SECONDS))
        for status in statuses:
            current = status
            while current.get("status") != "complete" and left > 0:
                if not polls:
                    await asyncio.sleep(POLL_SECONDS)
                left -= 1
                url = f"{self._root}/status/{quote(str(status.get('id', '')), safe='')}/"
                answer = await self._http.get(url, HEADERS, MAX_STATUS)
                if isinstance(answer, Answer) and answer.status == 200:
                    current = answer.fields
                elif isinstance(answer, Answer) and answer.status == 404:
                    current = {**status, "status": "complete"}  # forgotten: its objects are asked for one by one
            settled.append(current)
        return settled

    async def _judge(
        self, report: Report, objects: Sequence[dict[str, Any]], statuses: Sequence[dict[str, Any]], answer: Answer
    ) -> Happened:
        """What the statuses say of the whole bundle."""
        ids = tuple(str(status.get("id", "")) for status in statuses)
        if any(status.get("status") != "complete" for status in statuses):
            receipt = self._receipt(ids, 202, (), answer.peer)
            return Happened("pending", "the server took it and is at work on it", receipt=receipt)
        refused = {name: why for status in statuses for name, why in _failures(status)}
        told = [(str(item["id"]), refused.get(str(item["id"]), "success")) for item in objects]
        receipt = self._receipt(ids, 202, told, answer.peer)
        if not refused:
            return Happened("accepted", receipt=receipt)
        missing: list[str] = []
        for item in objects:
            if str(item["id"]) in refused:
                there = self._readable and await self._has(item)
                if isinstance(there, Happened):
                    return Happened("lost", f"{len(refused)} objects were refused, perhaps as repeats: {there.detail}")
                missing += [] if there else [str(item["id"])]
        if not missing:
            return Happened("accepted", "refused as repeats were objects that the server has", receipt=receipt)
        if not self._readable and report.attempts > 1 and len(refused) == len(objects):
            return Happened(
                "accepted", "not verified: all were refused as an earlier attempt's would be", receipt=receipt
            )
        detail = (
            f"{len(missing)} of {len(objects)} objects were refused, the first: {missing[0]}: {refused[missing[0]]}"
        )
        return Happened("rejected" if report.attempts >= PARTIAL_ATTEMPTS else "unavailable", detail[: 2 * MAX_DETAIL])

    async def _has(self, item: dict[str, Any]) -> bool | Happened:
        """Whether the server has this version of an object, or why it cannot be asked."""
        answer = await self._http.get(f"{self._collection}{quote(str(item['id']), safe='')}/versions/", HEADERS)
        if isinstance(answer, Happened):
            return Happened("unreachable", answer.detail)
        if answer.status == 404:
            return False
        if answer.status != 200:
            return Happened("unreachable", answer.words, answer.retry_after)
        found = answer.fields.get("versions")
        versions = [str(version) for version in cast("list[Any]", found)] if isinstance(found, list) else []
        # a cyber-observable has no version of its own, and a marking none but its creation (STIX 2.1 §3.2)
        own = item.get("modified")
        return bool(versions) if own is None else any(_same_time(version, str(own)) for version in versions)

    def _receipt(self, ids: Sequence[str], status: int, told: Sequence[tuple[str, str]], peer: str) -> Receipt:
        return Receipt(
            " ".join(ids) or "objects/versions", "", status, self._collection, 0, 0, peer=peer, objects=tuple(told)
        )


def split(objects: Sequence[dict[str, Any]], limit: int) -> Iterable[bytes]:
    """Envelopes of at most ``limit`` bytes with all objects, in their order.

    Raises:
        ValueError: one object alone is larger.
    """
    part: list[bytes] = []
    size = 0
    for item in objects:
        data = json.dumps(item, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        if len(data) + len(_OPEN) + len(_CLOSE) > limit:
            raise ValueError(f"object {item['id']} has {len(data)} bytes, and the server takes {limit} in a request")
        if part and size + 1 + len(data) > limit:
            yield _OPEN + b",".join(part) + _CLOSE
            part = []
        size = size + 1 + len(data) if part else len(_OPEN) + len(data) + len(_CLOSE)
        part.append(data)
    if part:
        yield _OPEN + b",".join(part) + _CLOSE


_OPEN, _CLOSE = b'{"objects":[', b"]}"


def _objects(report: Report) -> list[dict[str, Any]]:
    return json.loads(report.payload)["objects"]


def _failures(status: dict[str, Any]) -> Iterable[tuple[str, str]]:
    found = status.get("failures")
    for item in cast("list[Any]", found) if isinstance(found, list) else []:
        if isinstance(item, dict):
            fields = cast("dict[str, Any]", item)
            yield str(fields.get("id", "")), str(fields.get("message", "refused"))[:MAX_DETAIL]


def _same_time(version: str, own: str) -> bool:
    """Two spellings of one moment: servers strip zeros of the fraction."""
    return _bare(version) == _bare(own)


def _bare(text: str) -> str:
    moment = text.removesuffix("Z")
    return moment.rstrip("0").rstrip(".") if "." in moment else moment

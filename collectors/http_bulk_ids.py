"""The ``_id`` of documents that came lately: documents in, which of them are new out; kept with the records, bounded.

A sender that gives its documents an ``_id`` repeats it when the answer was lost. The ids of each request are one entry of the
listener's state, 24 bytes a document, so that they commit with the records: after a restart a repeat is known all the same.
Remembered are the last ``MAX_IDS``, for a day at most: a repeat comes seconds after a lost answer, not weeks.
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import msgspec
from aiohttp import web

from collectors import http_port
from collectors.base import state_prefix
from collectors.bulk import Action
from collectors.http_keys import KEY_KEPT
from collectors.http_port import Line, Port
from soc.clock import Micros
from soc.model.codec import decode, encode

MAX_IDS = 200_000
_ID, _DOCUMENT = 16, 8  # bytes of the digests that are kept

Verdict = Literal["created", "updated", "noop", "conflict", "refused"]
"""``created``: a record; ``updated``: a further record under a known ``_id``; ``noop``: it was durable before;
``conflict``: ``create`` of a known ``_id`` with another document, nothing written; ``refused``: no such operation here."""


class _Block(msgspec.Struct, frozen=True, array_like=True):
    """The ids of one request: digest of the id, digest of the document, and so on."""

    received: Micros
    packed: bytes


class _Named(NamedTuple):
    id: bytes
    document: bytes
    identity: str


def _pairs(packed: bytes) -> Iterator[tuple[bytes, bytes]]:
    for at in range(0, len(packed), _ID + _DOCUMENT):
        yield packed[at : at + _ID], packed[at + _ID : at + _ID + _DOCUMENT]


class BulkIds:
    """The ids of one listener; ``restore`` once the intake is ready."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._prefix = state_prefix("bulk-ids", port.name)
        self._known: dict[bytes, bytes] = {}
        self._blocks: deque[bytes] = deque()
        self._gone: set[bytes] = set()  # forgotten, and still in the state: deleted with the next append
        self._under_way: dict[bytes, asyncio.Event] = {}
        self._sequence = 0

    def restore(self) -> None:
        """Take up what was kept."""
        for key in sorted(key for key in self._port.intake.state if key.startswith(self._prefix)):
            self._remember(key, decode(self._port.intake.state[key], _Block).packed)
            self._sequence = int(key[len(self._prefix) :], 16) + 1

    async def deliver(self, request: web.Request, actions: Sequence[Action]) -> list[Verdict]:
        """Append what is new of the documents; returns what became of each action, in order.

        Raises:
            BusFullError, BusError, UnavailableError, TimeoutError: see ``Port.append``.
        """
        named = [self._named(action) for action in actions]
        async with asyncio.timeout(http_port.APPEND_TIMEOUT):  # a repeat that overtakes its first delivery waits for it
            while waiting := next((self._under_way[n.id] for n in named if n and n.id in self._under_way), None):
                await waiting.wait()
        self._forget(self._port.clock(), 0)
        lines: list[Line] = []
        fresh: dict[bytes, bytes] = {}
        verdicts: list[Verdict] = []
        for action, one in zip(actions, named, strict=True):
            if action.document is None or action.operation == "update":
                verdicts.append("refused")
                continue
            verdict = "created" if one is None else self._verdict(action.operation, one, fresh)
            if verdict in ("created", "updated"):
                lines.append(Line(action.document, one.identity if one else ""))
                if one is not None:
                    fresh[one.id] = one.document
            elif verdict == "noop":
                self._port.counters.duplicates += 1
            verdicts.append(verdict)
        if lines:
            await self._append(request, lines, fresh)
        return verdicts

    def _named(self, action: Action) -> _Named | None:
        if not action.id or action.document is None:
            return None
        place = f"{self._port.name}\0{action.index}\0{action.id}".encode("utf-8", "surrogateescape")
        document = hashlib.sha256(action.document).digest()
        # the document is part of the id: an _id used again names another record
        identity = hashlib.sha256(place + b"\0" + document).hexdigest()[:32]
        return _Named(hashlib.sha256(place).digest()[:_ID], document[:_DOCUMENT], identity)

    def _verdict(self, operation: str, one: _Named, fresh: dict[bytes, bytes]) -> Verdict:
        known = fresh.get(one.id) or self._known.get(one.id)
        if known is None:
            return "created"
        if known == one.document:
            return "noop"
        return "conflict" if operation == "create" else "updated"

    async def _append(self, request: web.Request, lines: Sequence[Line], fresh: dict[bytes, bytes]) -> None:
        if not fresh:
            await self._port.append(request, lines, {})
            return
        done = asyncio.Event()
        self._under_way.update(dict.fromkeys(fresh, done))
        key = self._prefix + b"%016x" % self._sequence
        self._sequence += 1
        packed = b"".join(part for pair in fresh.items() for part in pair)

        def settled(durable: bool) -> None:
            for one in fresh:
                del self._under_way[one]
            done.set()
            if durable:
                self._remember(key, packed)
                self._gone -= gone

        now = self._port.clock()
        self._forget(now, len(fresh))
        gone = frozenset(self._gone)
        state: dict[bytes, bytes | None] = {**dict.fromkeys(gone), key: encode(_Block(now, packed))}
        await self._port.append(request, lines, state, settled)

    def _remember(self, key: bytes, packed: bytes) -> None:
        self._known.update(_pairs(packed))
        self._blocks.append(key)

    def _forget(self, now: Micros, coming: int) -> None:
        """Let go of what is too old, or too much with ``coming`` more."""
        while self._blocks:
            found = self._port.intake.state.get(self._blocks[0])
            block = decode(found, _Block) if found is not None else _Block(0, b"")
            if block.received + KEY_KEPT > now and len(self._known) + coming <= MAX_IDS:
                break
            self._gone.add(self._blocks.popleft())
            for one, document in _pairs(block.packed):
                if self._known.get(one) == document:
                    del self._known[one]

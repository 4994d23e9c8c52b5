"""Idempotency keys of whole requests: a key and the digest of a body in, whether it came before out; kept 24 hours with the records."""

import asyncio
import hashlib
from collections import deque

import msgspec
from aiohttp import web

from collectors import http_port
from collectors.base import state_prefix
from collectors.bodies import BodyError
from collectors.http_port import Line, Port
from collectors.intake import State
from soc.clock import HOUR, Micros
from soc.model.codec import decode, encode

KEY_KEPT: Micros = 24 * HOUR
MAX_KEY_LENGTH = 255
_EXPIRED_AT_ONCE = 1000  # keys deleted with one request


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """What is remembered of an idempotency key."""

    received: Micros
    count: int
    body: bytes


class Keys:
    """The keys of one listener; ``restore`` once the intake is ready."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._prefix = state_prefix("idem", port.name)
        self._expiry: deque[tuple[Micros, bytes]] = deque()
        self._under_way: dict[bytes, asyncio.Event] = {}

    def restore(self) -> None:
        """Take up the keys that were kept."""
        kept = [
            (decode(value, _Kept).received, key)
            for key, value in self._port.intake.state.items()
            if key.startswith(self._prefix)
        ]
        self._expiry.extend(sorted(kept))

    async def deliver(
        self, request: web.Request, body: bytes, lines: list[bytes], *, source: str = ""
    ) -> tuple[int, bool]:
        """Append the records of a request; under the header ``Idempotency-Key`` only once.

        Args:
            request: with or without the header.
            body: decompressed; a key stands for these bytes.
            lines: the records in it.
            source: see ``Port.append``.

        Returns:
            How many records are durable now, and whether they were so before.

        Raises:
            BodyError: 400 for a key that is too long, 422 for a key that came with another body.
            BusFullError, BusError, UnavailableError, TimeoutError: see ``Port.append``.
        """
        key = request.headers.get("Idempotency-Key", "")
        if not key:
            if lines:
                await self._port.append(request, [Line(line) for line in lines], {}, source=source)
            return len(lines), False
        if len(key) > MAX_KEY_LENGTH:
            raise BodyError(400, f"the Idempotency-Key is longer than {MAX_KEY_LENGTH} characters", "use a UUID")
        hashed = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
        state_key = self._prefix + hashed.encode()
        digest = hashlib.sha256(body).digest()
        # a repeat that overtakes its first delivery waits for its outcome
        async with asyncio.timeout(http_port.APPEND_TIMEOUT):
            while (under_way := self._under_way.get(state_key)) is not None:
                await under_way.wait()
        found = self._port.intake.state.get(state_key)
        kept = decode(found, _Kept) if found is not None else None
        now = self._port.clock()
        if kept is not None and kept.received + KEY_KEPT > now:
            if kept.body != digest:
                raise BodyError(
                    422, "this Idempotency-Key came before with another body", "use a new key for every body"
                )
            self._port.counters.duplicates += 1
            return kept.count, True
        # the body is part of the id: a key used again after it expired names other records
        identity = hashlib.sha256(b"\0".join((self._port.name.encode(), hashed.encode(), digest))).hexdigest()[:32]
        done = self._under_way[state_key] = asyncio.Event()

        def settled(durable: bool) -> None:
            del self._under_way[state_key]
            done.set()
            if durable:
                self._expiry.append((now, state_key))

        state: dict[bytes, bytes | None] = {**self._expired(now), state_key: encode(_Kept(now, len(lines), digest))}
        named = [Line(line, f"{identity}/{index}") for index, line in enumerate(lines)]
        await self._port.append(request, named, state, settled, source=source)
        return len(lines), False

    def _expired(self, now: Micros) -> State:
        """Deletions of keys older than ``KEY_KEPT``; one that is not committed leaves its key to the next start."""
        old: dict[bytes, bytes | None] = {}
        while self._expiry and self._expiry[0][0] + KEY_KEPT <= now and len(old) < _EXPIRED_AT_ONCE:
            received, key = self._expiry.popleft()
            found = self._port.intake.state.get(key)
            if found is not None and decode(found, _Kept).received == received:
                old[key] = None
        return old

"""What stages know beside their inputs (``soc.context``): published whole by a command, and followed by who needs it.

    register.yaml ──► publish ──► soc.context ──► Contexts.follow ──► ``known("register", parse)`` in triage, engine, console …

A publication takes effect in a running process within ``FOLLOW_SECONDS``. What was folded before is not folded again.
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import msgspec
import structlog

from soc.audit.chain import Entry, Head, append
from soc.bus.base import Bus, Claim, Message, Record
from soc.clock import Micros
from soc.errors import RecordError, UnavailableError
from soc.model import Context, ContextName, decode, encode
from soc.pipeline.table import AUDIT, CONTEXT, PUBLISHING
from soc.pipeline.waiting import pause

log = structlog.get_logger()

T = TypeVar("T")

CHAIN, HEAD = "context", b"audit"
"""The audit chain of publications, and where its end is in the stage's state."""
FOLLOW_SECONDS = 2.0
AT_ONCE = 4
CLAIM_SECONDS = 10.0
"""How long one publication waits for the end of another."""


async def publish(bus: Bus, name: ContextName, data: bytes, *, actor: str, at: Micros, detail: str) -> str:
    """Make ``data`` what is known under ``name``; what is in force already changes nothing.

    Args:
        bus: where to.
        name: which.
        data: as its owner encodes it.
        actor: who publishes it.
        at: when.
        detail: one clause for the audit: ``312 systems, 5,004 hosts``.

    Returns:
        Its hash.
    """
    claim = await bus.claim(PUBLISHING, 0)
    try:
        return await _commit(claim, name, data, Entry(at, actor, "publish", f"context/{name}", detail))
    finally:
        await claim.release()


async def amend(
    bus: Bus, name: ContextName, change: Callable[[bytes | None], tuple[bytes, str]], *, actor: str, at: Micros
) -> str:
    """Publish what ``change`` makes of what is in force; nobody else publishes anything in between.

    Args:
        bus: where to.
        name: which.
        change: the data in force (None: nothing was ever published) → the new data, and a clause for the audit.
        actor, at: as in ``publish``.

    Returns:
        Its hash.

    Raises:
        UnavailableError: what is in force cannot be read now.
    """
    claim = await bus.claim(PUBLISHING, 0, wait=CLAIM_SECONDS)
    try:
        contexts = Contexts(bus)
        await contexts.catch_up()
        current = contexts.get(name)
        if (claim.state.get(name.encode()) or b"") != (current.hash.encode() if current else b""):
            raise UnavailableError(f"what is published under {name} cannot be read to its end now; try again")
        data, detail = change(current.data if current else None)
        return await _commit(claim, name, data, Entry(at, actor, "publish", f"context/{name}", detail))
    finally:
        await claim.release()


class SupersededError(Exception):
    """Somebody else has published meanwhile."""


async def replace(bus: Bus, name: ContextName, base: str, data: bytes, *, actor: str, at: Micros, detail: str) -> str:
    """Publish ``data`` if what is in force is still what it was made from.

    Args:
        bus: where to.
        name: which.
        base: hash of what it was made from; "": nothing was published then.
        data, actor, at, detail: as in ``publish``.

    Returns:
        Its hash.

    Raises:
        SupersededError: something else is in force by now; nothing was published.
    """
    claim = await bus.claim(PUBLISHING, 0, wait=CLAIM_SECONDS)
    try:
        if (claim.state.get(name.encode()) or b"") != base.encode():
            raise SupersededError
        return await _commit(claim, name, data, Entry(at, actor, "publish", f"context/{name}", detail))
    finally:
        await claim.release()


async def _commit(claim: Claim, name: ContextName, data: bytes, entry: Entry) -> str:
    """Write a publication and its line of the audit, unless it is in force already."""
    digest = hashlib.sha256(data).hexdigest()
    if claim.state.get(name.encode()) != digest.encode():
        head = decode(claim.state[HEAD], Head) if HEAD in claim.state else Head(CHAIN)
        line, head = append(head, msgspec.structs.replace(entry, detail=f"{entry.detail}; {digest[:16]}"))
        outputs = [
            Message(CONTEXT, name.encode(), encode(Context(name, digest, entry.at, entry.actor, data))),
            Message(AUDIT, CHAIN.encode(), line),
        ]
        await claim.commit(outputs, {name.encode(): digest.encode(), HEAD: encode(head)})
    return digest


class Contexts:
    """The latest publication of each name, as far as it was read."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._latest: dict[str, Context] = {}
        self._positions: dict[tuple[str, int, str], int] = {}

    def get(self, name: ContextName) -> Context | None:
        """What is in force under a name; None if nothing was ever published."""
        return self._latest.get(name)

    async def refresh(self) -> None:
        """Read what was published since the last time."""
        reader = self._bus.reader([CONTEXT], self._positions)
        try:
            while records := await reader.fetch(AT_ONCE, 0.0):
                self._take(records)
        finally:
            await reader.close()

    def _take(self, records: Sequence[Record]) -> None:
        for record in records:
            self._positions[record.topic, record.partition, record.log_id] = record.offset + 1
            try:
                context = decode(record.value, Context)
            except RecordError as error:
                log.warning("context_not_read", offset=record.offset, reason=error.reason)
                continue
            self._latest[context.name] = context

    async def catch_up(self) -> None:
        """Read everything that is published when this is called, also where the first look at a log finds nothing yet."""
        ends = await self._bus.ends([CONTEXT])
        reader = self._bus.reader([CONTEXT], self._positions)
        try:
            while any(reader.positions.get(log_, 0) < end for log_, end in ends.items()):
                records = await reader.fetch(AT_ONCE, 1.0)
                if not records:
                    return  # what lies before the end are markers of transactions
                self._take(records)
        finally:
            await reader.close()

    async def follow(self, stop: asyncio.Event) -> None:
        """Keep reading until told to stop; while the brokers are away, what was known stays."""
        while not stop.is_set():
            try:
                await self.refresh()
            except UnavailableError as error:
                log.warning("context_not_followed", error=str(error), again_in=FOLLOW_SECONDS)
            await pause(stop, FOLLOW_SECONDS)


class Known(Generic[T]):
    """What is in force under a name, parsed once a publication; called, it gives the current one.

    Args:
        contexts: where from.
        name: which.
        parse: the data as its owner encoded it → the thing.
        default: while nothing is published, or what was cannot be parsed (which is logged: the one before stays in force).
    """

    def __init__(self, contexts: Contexts, name: ContextName, parse: Callable[[bytes], T], default: T) -> None:
        self._contexts = contexts
        self._name: ContextName = name
        self._parse = parse
        self._hash = ""
        self._value = default

    def __call__(self) -> T:
        """The current one."""
        context = self._contexts.get(self._name)
        if context is not None and context.hash != self._hash:
            self._hash = context.hash
            try:
                self._value = self._parse(context.data)
            except RecordError as error:
                log.error("context_not_parsed", name=self._name, reason=error.reason)  # noqa: TRY400 - no trace
        return self._value

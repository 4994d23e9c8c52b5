"""Sign-ins while the brokers are away in, a private file on this host out, from which they join the audit chain later.

A person must be able to sign in just when things are broken, and no sign-in may go unrecorded: so the line is durable on disk first.
Whatever else is audited waits for the chain itself and is refused without it. A console killed between joining and deleting a line
writes it twice, with the same time.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import structlog

from soc.audit.chain import Entry
from soc.errors import BusError, UnavailableError
from soc.pipeline.waiting import pause

log = structlog.get_logger()

NAME = "audit-kept.ndjson"
AGAIN_SECONDS = 5.0
MAX_LINES = 20_000
"""Beyond, a sign-in is refused: somebody is filling the disk."""

Record = Callable[[Entry], Awaitable[None]]


def waiting(data_dir: Path) -> int:
    """How many lines wait on this host's disk."""
    try:
        return (data_dir / NAME).read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


class Kept:
    """Records, or keeps until it can be recorded.

    Args:
        record: writes a line of the chain, or raises ``BusError``.
        data_dir: where the file is.
    """

    def __init__(self, record: Record, data_dir: Path) -> None:
        self._record = record
        self._path = data_dir / NAME
        self._lock = asyncio.Lock()
        self._count = waiting(data_dir)

    async def record(self, entry: Entry) -> None:
        """Write a line; durable when this returns, on the chain or on this disk.

        Raises:
            UnavailableError: neither was possible.
        """
        if not self._count:
            try:
                await self._record(entry)
            except (BusError, UnavailableError) as error:
                log.warning("audit_kept_on_disk", act=entry.act, error=str(error))
            else:
                return
        async with self._lock:
            if self._count >= MAX_LINES:
                raise UnavailableError(
                    f"{self._path} has {MAX_LINES} lines: nothing more is kept while the brokers are away"
                )
            await asyncio.to_thread(self._append, msgspec.json.encode(entry) + b"\n")
            self._count += 1

    def _append(self, line: bytes) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    async def run(self, stop: asyncio.Event) -> None:
        """Let what was kept join the chain, in order, until told to stop."""
        while not stop.is_set():
            if self._count:
                await self._join()
            await pause(stop, AGAIN_SECONDS)

    async def _join(self) -> None:
        async with self._lock:
            kept = self._path.read_bytes().splitlines() if self._path.exists() else []
            done = 0
            try:
                for line in kept:
                    await self._record(self._entry(line))
                    done += 1
            except (BusError, UnavailableError) as error:
                log.warning("audit_still_kept", lines=len(kept) - done, error=str(error))
            if done:
                left = b"".join(line + b"\n" for line in kept[done:])
                await asyncio.to_thread(self._replace, left)
            self._count = len(kept) - done

    def _entry(self, line: bytes) -> Entry:
        try:
            return msgspec.json.decode(line, type=Entry)
        except (msgspec.DecodeError, msgspec.ValidationError):  # cut by a full disk, or edited: the chain says so
            return Entry(0, "soc", "kept_line_damaged", self._path.name, f"{len(line)} bytes")

    def _replace(self, data: bytes) -> None:
        if not data:
            self._path.unlink(missing_ok=True)
            return
        temporary = self._path.with_suffix(".new")
        temporary.write_bytes(data)
        temporary.chmod(0o600)
        temporary.replace(self._path)

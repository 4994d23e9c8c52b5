"""The claim of one (stage, partition): fence, position, restore, verify; then records in, one transaction out.

All SQLite work of a claim runs on its own single thread, so the event loop that receives datagrams never waits for a disk,
and so fill, commit and close never overlap.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from soc.bus.base import Address, Message, Positions, Record, Stage, Step
from soc.bus.embedded_append import Tail, append
from soc.bus.embedded_check import reader_problems, writer_problems
from soc.bus.embedded_inputs import Inputs
from soc.bus.embedded_layout import Disk, Layout
from soc.bus.embedded_lease import Lease, read_epoch, take
from soc.bus.embedded_log import (
    Key,
    Mark,
    connect,
    identity,
    read_positions,
    read_state,
    read_streams,
    translate,
)
from soc.clock import Clock
from soc.errors import BusError, BusFullError, CommitUnknownError, FencedError, LogMismatchError, UnavailableError

T = TypeVar("T")

WAIT_SECONDS = 0.02
"""How often a successor looks whether the living owner has gone."""


class Options(NamedTuple):
    """What every claim of a bus shares."""

    layout: Layout
    disk: Disk
    clock: Clock
    on_step: Callable[[Step], None] | None
    batch_bytes: int
    fetch_bytes: int


class EmbeddedClaim:
    """Ownership of one (stage, partition) of an ``EmbeddedBus``; made by ``EmbeddedBus.claim`` only."""

    def __init__(self, options: Options, stage: Stage, partition: int) -> None:
        self._options = options
        self._stage = stage
        self._partition = partition
        self._path: Path = options.layout.path(stage.name, partition)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"bus-{self._path.stem}")
        self._connection: sqlite3.Connection | None = None
        self._identity = (0, 0)
        self._lease: Lease | None = None
        self._inputs: Inputs | None = None
        self._log_id = ""
        self._tails: dict[tuple[str, int], Tail] = {}
        self._counts = {topic: options.layout.topology.topics[topic] for topic in stage.outputs}
        self._marks: dict[Key, Mark] = {}
        self._state: Mapping[bytes, bytes] = MappingProxyType({})
        self._dead: BusError | UnavailableError | None = None
        self._released = False

    @property
    def stage(self) -> str:
        """The stage's name."""
        return self._stage.name

    @property
    def partition(self) -> int:
        """The partition owned."""
        return self._partition

    @property
    def state(self) -> Mapping[bytes, bytes]:
        """The committed state as the claim found it."""
        return self._state

    @property
    def released(self) -> bool:
        """Whether ``release`` was called."""
        return self._released

    @property
    def positions(self) -> Positions:
        """The committed positions."""
        return {key: mark.next for key, mark in self._marks.items()}

    async def open(self, wait: float) -> None:
        """Take ownership, waiting up to ``wait`` seconds for a living owner.

        Raises:
            LogMismatchError: a stored position does not fit the log it was made from.
            UnavailableError: the file cannot be made, opened or locked.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + wait
        while not await self._run(self._fence, clock() >= deadline):  # noqa: ASYNC110 - the owner is another process
            await asyncio.sleep(WAIT_SECONDS)
        await self._run(self._restore)

    async def fetch(self, limit: int, timeout: float) -> Sequence[Record]:  # noqa: ASYNC109 - part of the port
        """Up to ``limit`` next records; () when none came within ``timeout`` seconds."""
        inputs = self._alive()
        return await inputs.fetch(lambda count: self._run(self._fill, inputs, count), limit, timeout)

    def commit(
        self, outputs: Sequence[Message] = (), state: Mapping[bytes, bytes | None] | None = None
    ) -> Coroutine[Any, Any, Sequence[Address]]:
        """Outputs, state changes and the position of everything fetched so far, in one transaction.

        Raises:
            FencedError: another owner has claimed; or this claim was released.
            CommitUnknownError: the disk failed at the commit itself, or the call was cancelled while it ran.
            BusFullError: no room; nothing was written, the claim stays usable.
            UnavailableError: the file cannot be written; nothing was.
            ValueError: an output names a topic or partition this stage may not write; nothing was written.
        """
        marks = {key: mark for key, mark in self._alive().taken.items() if self._marks.get(key) != mark}
        return self._commit(outputs, state or {}, marks)

    async def _commit(
        self, outputs: Sequence[Message], state: Mapping[bytes, bytes | None], marks: Mapping[Key, Mark]
    ) -> Sequence[Address]:
        self._alive()
        usable = False
        try:
            addresses = await self._run(self._transact, outputs, state, marks)
            usable = True
        except (BusFullError, ValueError):
            usable = True
            raise
        except (BusError, UnavailableError) as error:
            self._die(error)
            raise
        finally:
            if not usable:
                self._die(CommitUnknownError(f"{self._path}: the commit was cancelled or broke off; claim again"))
        return addresses

    async def release(self) -> None:
        """Give the claim up; what is running on its thread ends first."""
        if not self._released:
            self._released = True
            self._die(FencedError(f"{self._path}: this claim was released"))
            closing = self._thread.submit(self._close)
            self._thread.shutdown(wait=False)
            await asyncio.shield(asyncio.wrap_future(closing))

    def _alive(self) -> Inputs:
        if self._dead is not None:
            raise type(self._dead)(str(self._dead))
        assert self._inputs is not None
        return self._inputs

    def _die(self, error: BusError | UnavailableError) -> None:
        """Nothing commits through this claim any more; a successor need not wait for it."""
        self._dead = self._dead or error
        if self._lease is not None:
            self._lease.release()

    async def _run(self, job: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, job, *arguments)

    def _step(self, step: Step) -> None:
        if self._options.on_step is not None:
            self._options.on_step(step)

    # Everything below runs on the claim's thread.

    def _fence(self, force: bool) -> bool:
        try:
            if self._connection is None:
                self._options.layout.ensure(self._stage.name, self._partition)
                self._identity = identity(self._path)
                self._connection = connect(self._path, write=True)
            self._lease = take(self._connection, self._path, force=force)
        except sqlite3.Error as error:
            raise translate(error, self._path) from error
        except OSError as error:
            raise UnavailableError(f"{self._path}: {error}; check the data directory") from error
        if self._lease is None:
            return False
        self._step("fenced")
        return True

    def _restore(self) -> None:
        connection, options = self._writer(), self._options
        try:
            (self._log_id,) = connection.execute("SELECT log_id FROM meta").fetchone()
            self._marks = read_positions(connection)
            self._step("positioned")
            self._state = MappingProxyType(read_state(connection))
            self._step("restored")
            for stream in read_streams(connection):
                if stream.log_id == self._log_id:
                    self._tails[stream.topic, stream.partition] = Tail(stream.id, stream.next)
            found = [
                *reader_problems(options.layout, self._stage, self._partition, self._marks),
                *writer_problems(options.layout, self._stage, self._path, connection),
            ]
        except sqlite3.Error as error:
            raise translate(error, self._path) from error
        if found:
            raise LogMismatchError("\n".join(f"{problem.what}; {problem.advice}" for problem in found))
        wanted = options.layout.inputs(self._stage, self._partition)
        self._inputs = Inputs(wanted, self._marks, registered=True, fetch_bytes=options.fetch_bytes)

    def _fill(self, inputs: Inputs, limit: int) -> None:
        if inputs.fill(limit):
            self._step("fetched")

    def _transact(
        self, outputs: Sequence[Message], state: Mapping[bytes, bytes | None], marks: Mapping[Key, Mark]
    ) -> list[Address]:
        self._options.disk.check(self._stage)
        self._same_file()
        connection = self._writer()
        try:
            addresses, tails = self._write(connection, outputs, state, marks)
        except sqlite3.Error as error:
            raise translate(error, self._path) from error
        finally:
            if connection.in_transaction:
                _roll_back(connection)
        self._tails.update(tails)
        self._marks.update(marks)
        self._step("committed")
        return addresses

    def _write(
        self,
        connection: sqlite3.Connection,
        outputs: Sequence[Message],
        state: Mapping[bytes, bytes | None],
        marks: Mapping[Key, Mark],
    ) -> tuple[list[Address], dict[tuple[str, int], Tail]]:
        connection.execute("BEGIN IMMEDIATE")
        assert self._lease is not None
        epoch = read_epoch(connection)
        if epoch != self._lease.epoch:
            raise FencedError(f"{self._path}: owner {epoch} took over from owner {self._lease.epoch}; stop")
        written = append(
            connection,
            outputs,
            log_id=self._log_id,
            tails=self._tails,
            counts=self._counts,
            appended=self._options.clock(),
            batch_bytes=self._options.batch_bytes,
        )
        self._step("outputs_written")
        if state:
            kept = [(key, value) for key, value in state.items() if value is not None]
            connection.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", kept)
            connection.executemany(
                "DELETE FROM state WHERE key = ?", [(key,) for key, value in state.items() if value is None]
            )
        self._step("state_written")
        rows = [(*key, mark.file, mark.next, mark.stamp) for key, mark in marks.items()]
        connection.executemany("INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?, ?, ?)", rows)
        self._step("positions_written")
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY):
                raise  # before the commit record was written: known not to have happened
            raise CommitUnknownError(
                f"{self._path}: {error} at COMMIT: it may be durable or not; claim again"
            ) from error
        return written

    def _same_file(self) -> None:
        """Appending to a file that was moved away would lose everything in silence."""
        try:
            same = identity(self._path) == self._identity
        except FileNotFoundError:
            same = False
        if not same:
            raise UnavailableError(f"{self._path}: the file was removed or replaced while it was owned; claim again")

    def _writer(self) -> sqlite3.Connection:
        assert self._connection is not None
        return self._connection

    def _close(self) -> None:
        if self._inputs is not None:
            self._inputs.close()
        if self._connection is not None:
            self._connection.close()
        if self._lease is not None:
            self._lease.release()


def _roll_back(connection: sqlite3.Connection) -> None:
    """Undo; should the disk fail here too, nothing is lost: what has no commit record is never read."""
    with suppress(sqlite3.Error):
        connection.execute("ROLLBACK")

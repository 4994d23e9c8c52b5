"""The embedded bus: the port over a directory of SQLite files, one per (stage, partition), for one machine and any number of processes.

Reading is merged over the files of all stages that write a topic (``embedded_inputs``); a commit is one transaction of one
file (``embedded_claim``); an epoch in the file fences (``embedded_lease``); what does not fit stops (``embedded_check``).
"""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from soc.bus.base import Lag, Positions, Problem, Reader, Record, Step, Topology, Worker
from soc.bus.embedded_check import all_problems, retire
from soc.bus.embedded_claim import EmbeddedClaim, Options
from soc.bus.embedded_inputs import Inputs
from soc.bus.embedded_layout import Disk, Layout
from soc.bus.embedded_lease import owner_lives, read_epoch
from soc.bus.embedded_log import Key, Mark, Stream, opened, read_positions, read_state, read_streams
from soc.bus.embedded_retain import retain
from soc.clock import SECOND, Clock, now

T = TypeVar("T")

BATCH_BYTES = 1024 * 1024
FETCH_BYTES = 16 * 1024 * 1024


class EmbeddedBus:
    """The bus in a directory.

    Args:
        directory: made if it does not exist; every process of an installation opens the same.
        topology: the table of stages; partition counts are fixed by whoever opened the directory first.
        clock: gives the append time of records and the now of retention.
        on_step: called on the claim's thread after each step has really happened; what it raises, the claim raises.
        free_bytes: with less than this free, commits of stages without inputs raise ``BusFullError``; with less than half,
            those of all stages; 0 asks nothing.
        batch_bytes: records of one commit are stored in batches of about so many bytes.
        fetch_bytes: about so many bytes are read ahead at a time.

    Raises:
        SettingsError: the topology contradicts itself or the directory.
        UnavailableError: the directory cannot be made or written.
    """

    def __init__(
        self,
        directory: Path,
        topology: Topology,
        *,
        clock: Clock = now,
        on_step: Callable[[Step], None] | None = None,
        free_bytes: int = 0,
        batch_bytes: int = BATCH_BYTES,
        fetch_bytes: int = FETCH_BYTES,
    ) -> None:
        self._layout = Layout(directory, topology)
        self._disk = Disk(directory, free_bytes)
        self._clock = clock
        self._options = Options(self._layout, self._disk, clock, on_step, batch_bytes, fetch_bytes)
        self._open: set[EmbeddedClaim | EmbeddedReader] = set()

    @property
    def topology(self) -> Topology:
        """The table the bus was opened with."""
        return self._layout.topology

    async def claim(self, stage: str, partition: int, *, wait: float = 0.0) -> EmbeddedClaim:
        """Own (stage, partition): fence, position, restore, verify.

        Raises:
            LogMismatchError: a stored position does not fit the log it was made from.
            UnavailableError: the file cannot be opened or locked.
            ValueError: there is no such stage or partition.
        """
        row = self._layout.stage(stage)
        if not 0 <= partition < row.partitions:
            raise ValueError(f"stage {stage} has partitions 0 to {row.partitions - 1}, not {partition}")
        claim = EmbeddedClaim(self._options, row, partition)
        self._open = {one for one in self._open if not one.released}
        self._open.add(claim)
        opened_well = False
        try:
            await claim.open(wait)
            opened_well = True
        finally:
            if not opened_well:
                self._open.discard(claim)
                await claim.release()
        return claim

    async def shares(self, stage: str, worker: Worker) -> AsyncGenerator[frozenset[int]]:
        """Every so-manieth partition: the processes of one host are known beforehand."""
        yield frozenset(range(worker.number, self._layout.stage(stage).partitions, worker.of))

    def reader(self, topics: Sequence[str], positions: Positions | None = None) -> Reader:
        """A reader over all partitions of ``topics``, from ``positions`` or the oldest retained record."""
        pairs = [(topic, partition) for topic in topics for partition in range(self.topology.topics[topic])]
        marks = {key: Mark(offset, 0, "") for key, offset in (positions or {}).items() if key[0] in topics}
        inputs = Inputs(self._layout.wanted(pairs), marks, registered=False, fetch_bytes=self._options.fetch_bytes)
        reader = EmbeddedReader(inputs)
        self._open.add(reader)
        return reader

    async def ends(self, topics: Sequence[str]) -> Positions:
        """The end of every log of ``topics``."""
        return await asyncio.to_thread(self._ends, topics)

    async def states(self, stage: str) -> AsyncIterator[tuple[int, Mapping[bytes, bytes]]]:
        """The committed state of each partition of a stage that was ever claimed."""
        for partition, path in self._layout.paths(self._layout.stage(stage)):
            yield partition, await asyncio.to_thread(_state_of, path)

    async def lag(self) -> Sequence[Lag]:
        """How far every stage is behind on every log it reads."""
        return await asyncio.to_thread(lambda: list(self._lag()))

    async def retain(self, topic: str, *, max_age: float, max_bytes: int) -> int:
        """Delete the oldest records of a topic past an age in seconds or a size in bytes of all its logs together."""
        oldest = self._clock() - round(max_age * SECOND)
        shrink = self._disk.low
        return await asyncio.to_thread(retain, self._layout, topic, oldest=oldest, max_bytes=max_bytes, shrink=shrink)

    async def problems(self) -> Sequence[Problem]:
        """Positions that fit no log, and a full disk; () when all is well."""
        found = await asyncio.to_thread(all_problems, self._layout)
        if self._disk.low:
            what = f"only {self._disk.free()} bytes are free: intake is pushed back"
            found.append(Problem(str(self._layout.directory), what, "free disk space or shorten the retention"))
        return tuple(found)

    async def owner_lives(self, stage: str, partition: int) -> bool:
        """Whether (stage, partition) is owned by a process that lives."""
        return await asyncio.to_thread(self._owner_lives, stage, partition)

    async def declare_restored(self, stage: str, partition: int, state: Mapping[bytes, bytes] | None = None) -> str:
        """On an operator's word: what the file of (stage, partition) holds is what there is; go on from here.

        The owner is fenced. The log gets a new id, so no address is ever given twice; see ``embedded_check.retire`` for
        what readers see. Readers that already stopped claim again; their files are not touched.

        Args:
            stage: the stage that wrote the log.
            partition: 0-based.
            state: to be set with it: what the stage itself must know of this.

        Returns:
            The new log id.

        Raises:
            UnavailableError: the file cannot be written.
        """
        return await asyncio.to_thread(self._declare_restored, stage, partition, state or {})

    async def close(self) -> None:
        """Release every claim and reader."""
        for one in list(self._open):
            await (one.release() if isinstance(one, EmbeddedClaim) else one.close())
        self._open.clear()

    def _streams(self, topics: Sequence[str]) -> Iterator[tuple[Path, sqlite3.Connection, Stream]]:
        for path in dict.fromkeys(path for topic in topics for path in self._layout.writers(topic)):
            if path.exists():
                with opened(path) as connection:
                    for stream in read_streams(connection):
                        if stream.topic in topics:
                            yield path, connection, stream

    def _ends(self, topics: Sequence[str]) -> dict[Key, int]:
        return {(s.topic, s.partition, s.log_id): s.next for _, _, s in self._streams(topics)}

    def _lag(self) -> Iterator[Lag]:
        marks: dict[tuple[str, int], dict[Key, Mark]] = {}
        for stage in self.topology.stages:
            for partition, path in self._layout.paths(stage):
                with opened(path) as connection:
                    marks[stage.name, partition] = read_positions(connection)
        for _, connection, stream in self._streams([topic for stage in self.topology.stages for topic in stage.inputs]):
            key = (stream.topic, stream.partition, stream.log_id)
            for stage in self._layout.readers(stream.topic):
                mark = marks.get((stage.name, stream.partition), {}).get(key)
                position = mark.next if mark else stream.first
                waiting = max(0, stream.next - max(position, stream.first))
                oldest = _appended(connection, stream, position) if waiting else 0
                yield Lag(stage.name, *key, position, stream.next, waiting, oldest)

    def _owner_lives(self, stage: str, partition: int) -> bool:
        path = self._layout.path(stage, partition)
        if not path.exists():
            return False
        with opened(path) as connection:
            return owner_lives(path, read_epoch(connection))

    def _declare_restored(self, stage: str, partition: int, state: Mapping[bytes, bytes]) -> str:
        row = self._layout.stage(stage)
        path = self._layout.ensure(stage, partition)
        with opened(path, write=True) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("UPDATE meta SET epoch = epoch + 1")
            log_id = retire(self._layout, row, path, connection)
            connection.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", state.items())
            connection.execute("COMMIT")
        return log_id


class EmbeddedReader:
    """Reading without a group; made by ``EmbeddedBus.reader`` only."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bus-reader")
        self._closed = False

    @property
    def released(self) -> bool:
        """Whether ``close`` was called."""
        return self._closed

    @property
    def positions(self) -> Positions:
        """Where it stands."""
        return {key: mark.next for key, mark in self._inputs.taken.items()}

    @property
    def skipped(self) -> int:
        """How many records retention took before they were read."""
        return self._inputs.skipped

    async def fetch(self, limit: int, timeout: float) -> Sequence[Record]:  # noqa: ASYNC109 - part of the port
        """Up to ``limit`` next committed records; () when none came within ``timeout`` seconds."""
        return await self._inputs.fetch(self._fill, limit, timeout)

    async def close(self) -> None:
        """Free what it holds. Calling it twice is fine."""
        if not self._closed:
            self._closed = True
            closing = self._thread.submit(self._inputs.close)
            self._thread.shutdown(wait=False)
            await asyncio.shield(asyncio.wrap_future(closing))

    async def _fill(self, limit: int) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._inputs.fill, limit)


def _state_of(path: Path) -> Mapping[bytes, bytes]:
    with opened(path) as connection:
        return read_state(connection)


def _appended(connection: sqlite3.Connection, stream: Stream, offset: int) -> int:
    """When the first retained record at or after ``offset`` was appended; 0 if there is none."""
    row = connection.execute(
        "SELECT appended FROM batches WHERE stream = ?1 AND base >="
        " ifnull((SELECT max(base) FROM batches WHERE stream = ?1 AND base <= ?2), 0) ORDER BY base LIMIT 1",
        (stream.id, offset),
    ).fetchone()
    return row[0] if row else 0

"""Reading: merges the logs of all files that may write some topic partitions into one stream of records, each log in order.

Two sides share one ``Inputs``. ``fill`` runs on a worker thread: it reads batches ahead into a buffer. ``take`` runs on the
event loop: it hands records out and moves the position, with no await in between. So a cancelled fetch loses nothing: what
was read stays in the buffer, and only what was handed out counts as fetched.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from soc.bus.base import Record
from soc.bus.embedded_log import (
    Key,
    Mark,
    Stream,
    connect,
    identity,
    read_batches,
    read_retired,
    read_streams,
    records_of,
    translate,
)
from soc.errors import LogMismatchError

POLL_FIRST_SECONDS = 0.005
POLL_LAST_SECONDS = 0.05
ADVICE = (
    "see `soc doctor`; put the newer copy back, or accept this one with `soc store declare-restored STAGE PARTITION`"
)


class Chunk(NamedTuple):
    """Records of one batch, as read ahead."""

    key: Key
    file: str
    stamp: int
    records: list[Record]


class Room:
    """How much more may be read ahead in this turn."""

    def __init__(self, records: int, size: int) -> None:
        self.records = records
        self.size = size

    @property
    def left(self) -> bool:
        """Whether there is any."""
        return self.records > 0 and self.size > 0

    def use(self, records: int, size: int) -> None:
        """Count what was read."""
        self.records -= records
        self.size -= size


class _Source:
    """One file as one reader sees it; it may not exist yet."""

    def __init__(self, path: Path, wanted: frozenset[tuple[str, int]]) -> None:
        self.path = path
        self._wanted = wanted
        self._connection: sqlite3.Connection | None = None
        self._identity = (0, 0)
        self._drained = -1

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def changed(self) -> tuple[sqlite3.Connection, int] | None:
        """The connection and the file's version, if it may hold something not yet read."""
        try:
            current = identity(self.path)
        except FileNotFoundError:
            self.close()
            return None
        if self._connection is None or current != self._identity:
            self.close()
            self._connection = connect(self.path, write=False)
            self._identity, self._drained = current, -1
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return None if version == self._drained else (self._connection, version)

    def drained(self, version: int) -> None:
        """Everything of this version was read: no need to look before it changes."""
        self._drained = version

    def streams(self, connection: sqlite3.Connection) -> list[Stream]:
        """The wanted streams: restored ones first, since what replaced them comes later."""
        found = [stream for stream in read_streams(connection) if (stream.topic, stream.partition) in self._wanted]
        return sorted(found, key=lambda stream: -stream.restored)


class Inputs:
    """All files that may write the wanted topic partitions, merged.

    Args:
        wanted: per file, the (topic, partition) pairs to read from it.
        marks: where to begin; a log not named begins at its oldest retained record.
        registered: whether retention waits for this reader, so that a gap is an error and not a count.
        fetch_bytes: at most about so many bytes are read ahead.
    """

    def __init__(
        self,
        wanted: Mapping[Path, Iterable[tuple[str, int]]],
        marks: Mapping[Key, Mark],
        *,
        registered: bool,
        fetch_bytes: int,
    ) -> None:
        pairs = {path.stem: set(some) for path, some in wanted.items()}
        anywhere = {pair for some in wanted.values() for pair in some}
        # A position into what the topology does not give this reader any more is left alone.
        self.taken: dict[Key, Mark] = {
            key: mark for key, mark in marks.items() if key[:2] in (pairs.get(mark.file, ()) if mark.file else anywhere)
        }
        self.skipped = 0
        self._sources = [_Source(path, frozenset(pairs)) for path, pairs in sorted(wanted.items())]
        self._read: dict[Key, Mark] = dict(self.taken)
        self._registered = registered
        self._fetch_bytes = fetch_bytes
        self._buffer: deque[Chunk] = deque()
        self._turn = 0

    async def fetch(self, fill: Callable[[int], Awaitable[None]], limit: int, seconds: float) -> Sequence[Record]:
        """Up to ``limit`` records; waits up to ``seconds`` for the first, asking more and more rarely.

        ``fill`` runs this object's own ``fill`` on the worker thread.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + seconds
        pause = POLL_FIRST_SECONDS
        while True:
            if not self._buffer and self._sources:
                await fill(limit)
            if self._buffer:
                return self._take(limit)
            rest = deadline - clock()
            if rest <= 0:
                return ()
            await asyncio.sleep(min(pause, rest) if self._sources else rest)
            pause = min(pause * 1.5, POLL_LAST_SECONDS)

    def _take(self, limit: int) -> list[Record]:
        found: list[Record] = []
        while self._buffer and len(found) < limit:
            chunk = self._buffer[0]
            records = chunk.records
            room = limit - len(found)
            if len(records) > room:
                self._buffer[0] = chunk._replace(records=records[room:])
                records = records[:room]
            else:
                self._buffer.popleft()
            found += records
            self.taken[chunk.key] = Mark(records[-1].offset + 1, chunk.stamp, chunk.file)
        return found

    def fill(self, limit: int) -> bool:
        """Read ahead up to ``limit`` records (worker thread); whether anything was found.

        Raises:
            LogMismatchError: a log is not the one that was read.
            UnavailableError: a file cannot be read.
        """
        room = Room(limit, self._fetch_bytes)
        # Each turn begins with another file, so that a busy log cannot keep the others from being read.
        self._turn = (self._turn + 1) % max(1, len(self._sources))
        for source in self._sources[self._turn :] + self._sources[: self._turn]:
            if not room.left:
                break
            try:
                self._fill_from(source, room)
            except sqlite3.Error as error:
                source.close()
                raise translate(error, source.path) from error
        if room.left:
            for (topic, partition, log_id), mark in self._read.items():
                if not mark.file:
                    raise LogMismatchError(
                        f"no log {log_id} of {topic}-{partition} holds the position {mark.next}; {ADVICE}"
                    )
        return bool(self._buffer)

    def close(self) -> None:
        """Close every file (worker thread)."""
        for source in self._sources:
            source.close()

    def _fill_from(self, source: _Source, room: Room) -> None:
        found = source.changed()
        if found is None:
            return
        connection, version = found
        connection.execute("BEGIN")
        try:
            streams = source.streams(connection)
            self._compare(source.path, streams, connection)
            reached = [self._fill_stream(source.path, connection, stream, room) for stream in streams]
            if all(reached):
                source.drained(version)
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _compare(self, path: Path, streams: Sequence[Stream], connection: sqlite3.Connection) -> None:
        """Every position into this file must still name one of its logs."""
        known = {(stream.topic, stream.partition, stream.log_id) for stream in streams}
        gone = [key for key, mark in self._read.items() if mark.file == path.stem and key not in known]
        if not gone:
            return
        retired = read_retired(connection)
        for topic, partition, log_id in gone:
            if log_id not in retired:
                raise LogMismatchError(
                    f"{path}: log {log_id} of {topic}-{partition} was read before and is not in this file any more; {ADVICE}"
                )
            del self._read[topic, partition, log_id]

    def _fill_stream(self, path: Path, connection: sqlite3.Connection, stream: Stream, room: Room) -> bool:
        """Read one stream as far as there is room; whether its end was reached."""
        key = (stream.topic, stream.partition, stream.log_id)
        where = f"{path}: {stream.topic}-{stream.partition} of log {stream.log_id}"
        mark = self._read.get(key) or Mark(stream.first, stream.first_stamp, path.stem)
        if mark.next > stream.next and not stream.restored:
            raise LogMismatchError(
                f"{where} was read up to {mark.next} and ends at {stream.next} now: it was rolled back; {ADVICE}"
            )
        if mark.next < stream.first:
            if self._registered and not stream.restored:
                raise LogMismatchError(
                    f"{where} was read up to {mark.next} and begins at {stream.first} now: what was between is gone; {ADVICE}"
                )
            self.skipped += stream.first - mark.next
            mark = Mark(stream.first, stream.first_stamp, path.stem)
        self._read[key] = mark._replace(file=path.stem)
        if mark.next >= stream.next or not room.left:
            return mark.next >= stream.next
        with closing(read_batches(connection, stream.id, mark.next)) as batches:
            for batch in batches:
                if not room.left:
                    return False
                records = records_of(batch, key, self._read[key].next)
                self._read[key] = Mark(batch.base + batch.length, batch.stamp, path.stem)
                self._buffer.append(Chunk(key, path.stem, batch.stamp, records))
                room.use(len(records), batch.size)
        return True

"""Reading: merges the logs of all files that may write some topic partitions into one stream of records, each log in order.

Two sides share one ``Inputs``. ``fill`` runs on a worker thread: it reads batches ahead into a buffer. ``take`` runs on the
event loop: it hands records out and moves the position, with no await in between. So a cancelled fetch loses nothing: what
was read stays in the buffer, and only what was handed out counts as fetched.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import islice
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
ADVICE = "see `soc doctor`: restore the newer file, or declare this one restored"


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
        self._seen = -1

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def changed(self) -> sqlite3.Connection | None:
        """The connection, if the file may hold something that ``drained`` has not covered."""
        try:
            current = identity(self.path)
        except FileNotFoundError:
            self.close()
            return None
        if self._connection is None or current != self._identity:
            self.close()
            self._connection = connect(self.path, write=False)
            self._identity, self._seen = current, -1
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if version == self._seen:
            return None
        self._seen = version
        return self._connection

    def revisit(self) -> None:
        """Look again next time, changed or not: there was no room to read everything."""
        self._seen = -1

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
        self.taken: dict[Key, Mark] = dict(marks)
        self.skipped = 0
        self._sources = [_Source(path, frozenset(pairs)) for path, pairs in sorted(wanted.items())]
        self._read: dict[Key, Mark] = dict(marks)
        self._registered = registered
        self._fetch_bytes = fetch_bytes
        self._buffer: deque[Chunk] = deque()
        self._turn = 0

    async def fetch(
        self, fill: Callable[[int], Awaitable[None]], limit: int, seconds: float
    ) -> Sequence[Record]:
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
        return bool(self._buffer)

    def close(self) -> None:
        """Close every file (worker thread)."""
        for source in self._sources:
            source.close()

    def _fill_from(self, source: _Source, room: Room) -> None:
        connection = source.changed()
        if connection is None:
            return
        try:
            connection.execute("BEGIN")
            streams = source.streams(connection)
            self._compare(source.path, streams, connection)
            for stream in streams:
                self._fill_stream(source, connection, stream, room)
        except BaseException:
            source.revisit()
            raise
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

    def _fill_stream(self, source: _Source, connection: sqlite3.Connection, stream: Stream, room: Room) -> None:
        key = (stream.topic, stream.partition, stream.log_id)
        mark = self._read.get(key) or Mark(stream.first, stream.first_stamp, source.path.stem)
        if mark.next > stream.next and not stream.restored:
            raise LogMismatchError(
                f"{source.path}: {stream.topic}-{stream.partition} of log {stream.log_id} was read up to {mark.next}"
                f" and now ends at {stream.next}: it was rolled back; {ADVICE}"
            )
        if mark.next < stream.first:
            if self._registered:
                raise LogMismatchError(
                    f"{source.path}: {stream.topic}-{stream.partition} of log {stream.log_id} was read up to {mark.next}"
                    f" and begins at {stream.first} now: records in between are gone unread; {ADVICE}"
                )
            self.skipped += stream.first - mark.next
            mark = Mark(stream.first, stream.first_stamp, source.path.stem)
        self._read[key] = mark = mark._replace(file=source.path.stem)
        if mark.next >= stream.next:
            return
        batches = read_batches(connection, stream.id, mark.next)
        for batch in islice(batches, None):
            if not room.left:
                source.revisit()
                break
            records = records_of(batch, key, mark.next)
            mark = Mark(batch.base + batch.count, batch.stamp, source.path.stem)
            self._read[key] = mark
            self._buffer.append(Chunk(key, source.path.stem, batch.stamp, records))
            room.use(len(records), batch.size)
        batches.close()

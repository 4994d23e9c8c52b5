"""Retention: deletes the oldest batches of a topic past an age or size, never one a registered stage has still to read.

Any process may do it: each step is one short write transaction of the file it trims, so the owner's commits wait for
some tens of milliseconds at most and what the owner knows (where the log ends) is not touched.
"""

import heapq
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

from soc.bus.embedded_layout import Layout
from soc.bus.embedded_log import PAGE_BYTES, Stream, opened, read_streams
from soc.clock import Micros

STEP_BATCHES = 8
FIRST_STEP_PAGES = 16
STEP_SECONDS = 0.05
GIVE_BACK_SECONDS = 2.0
KEPT_FREE_PAGES = 64 * 1024 * 1024 // PAGE_BYTES


class _Old(NamedTuple):
    """One batch that may go; ordered by age."""

    appended: Micros
    file: int
    stream: int
    base: int
    length: int
    size: int
    stamp: int


def retain(layout: Layout, topic: str, *, oldest: Micros, max_bytes: int, shrink: bool) -> int:
    """Trim a topic over all its logs, oldest batch first.

    Args:
        layout: the directory.
        topic: what to trim.
        oldest: batches appended before this time go.
        max_bytes: while the topic has more than this, batches go.
        shrink: give every free page back to the disk, not only the bulk.

    Returns:
        How many records went.
    """
    with ExitStack() as stack:
        files = [stack.enter_context(opened(path, write=True)) for path in layout.writers(topic) if path.exists()]
        streams = [
            (number, stream)
            for number, file in enumerate(files)
            for stream in read_streams(file)
            if stream.topic == topic
        ]
        total = sum(stream.bytes for _, stream in streams)
        queues = [_candidates(files[number], number, stream, _held(layout, stream)) for number, stream in streams]
        gone: dict[tuple[int, int], list[_Old]] = {}
        for batch in heapq.merge(*queues):
            if batch.appended >= oldest and total <= max_bytes:
                break
            total -= batch.size
            gone.setdefault((batch.file, batch.stream), []).append(batch)
        count = 0
        for (number, stream_id), batches in gone.items():
            for start in range(0, len(batches), STEP_BATCHES):
                count += _delete(files[number], stream_id, batches[start : start + STEP_BATCHES][-1])
        for file in files:
            _give_back(file, 0 if shrink else KEPT_FREE_PAGES)
    return count


def held_positions(layout: Layout, stream: Stream) -> Iterator[int]:
    """How far each registered stage has read a stream; 0 for one that never began."""
    for reader in layout.readers(stream.topic):
        path = layout.path(reader.name, stream.partition)
        row = None
        if path.exists():
            with opened(path) as connection:
                row = connection.execute(
                    "SELECT next FROM positions WHERE topic = ? AND partition = ? AND log_id = ?",
                    (stream.topic, stream.partition, stream.log_id),
                ).fetchone()
        yield row[0] if row else 0


def _held(layout: Layout, stream: Stream) -> int:
    """Records at or after this offset must stay."""
    return min(held_positions(layout, stream), default=stream.next)


def _candidates(connection: sqlite3.Connection, file: int, stream: Stream, held: int) -> Iterator[_Old]:
    """The batches of a stream that lie wholly before ``held``, oldest first, looked up one by one as they are asked for."""
    base = stream.first
    while True:
        row = connection.execute(
            "SELECT appended, base, count, size, stamp FROM batches WHERE stream = ? AND base >= ? ORDER BY base LIMIT 1",
            (stream.id, base),
        ).fetchone()
        if row is None or row[1] + row[2] > held:
            return
        appended, at, count, size, stamp = row
        base = at + count
        yield _Old(appended, file, stream.id, at, count, size, stamp)


def _delete(connection: sqlite3.Connection, stream: int, last: _Old) -> int:
    """Delete the batches of a stream up to and with ``last``, in one transaction; how many records went."""
    end = last.base + last.length
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Counted here and not from what was planned: another process may have trimmed meanwhile.
        size, count = connection.execute(
            "SELECT ifnull(sum(size), 0), ifnull(sum(count), 0) FROM batches WHERE stream = ? AND base < ?",
            (stream, end),
        ).fetchone()
        connection.execute("DELETE FROM batches WHERE stream = ? AND base < ?", (stream, end))
        connection.execute(
            "UPDATE streams SET first = ?, first_stamp = ?, bytes = bytes - ? WHERE id = ? AND first < ?",
            (end, last.stamp, size, stream, end),
        )
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return count


def _give_back(connection: sqlite3.Connection, keep: int) -> None:
    """Hand free pages back to the disk; ``keep`` of them stay for the next appends, what takes too long for the next call."""
    deadline = time.monotonic() + GIVE_BACK_SECONDS
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    pages = FIRST_STEP_PAGES
    while free > keep and time.monotonic() < deadline:
        before = time.monotonic()
        # executescript, because execute() stops after the first page: the pragma gives rows without columns.
        connection.executescript(f"PRAGMA incremental_vacuum({min(pages, free - keep)})")
        # What a page costs depends on where it lies: the step follows, so that the owner never waits much longer than this.
        pages = pages * 2 if time.monotonic() - before < STEP_SECONDS / 2 else max(FIRST_STEP_PAGES, pages // 2)
        (left,) = connection.execute("PRAGMA freelist_count").fetchone()
        if left >= free:
            return
        free = left

"""Do positions and logs fit? Looks from the reader's side, from the writer's side and from outside, and gives back what does not.

The reader's side alone is not enough: a log that was rolled back below a position and then appended beyond it would look
whole again. So the owner of a log also asks, before its first append, whether any registered reader is past its end; and a
position carries the stamp of the batch before it, which another history of the log does not have (ADR 0004).
"""

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

from soc.bus.base import Problem, Stage
from soc.bus.embedded_inputs import ADVICE
from soc.bus.embedded_layout import Layout
from soc.bus.embedded_log import (
    Key,
    Mark,
    Stream,
    new_log_id,
    opened,
    read_positions,
    read_retired,
    read_streams,
    stamp_before,
)


def reader_problems(layout: Layout, stage: Stage, partition: int, marks: Mapping[Key, Mark]) -> Iterator[Problem]:
    """Positions of (stage, partition) that do not fit the logs they were made from.

    A position into a file or topic which the topology does not give this stage any more is nobody's concern.
    """
    where = f"{stage.name}-{partition}"
    for path, pairs in layout.inputs(stage, partition).items():
        mine = {key: mark for key, mark in marks.items() if mark.file == path.stem and key[:2] in pairs}
        if not mine:
            continue
        if not path.exists():
            what = f"{path} is gone; {where} had read " + ", ".join(_words(key, mark) for key, mark in mine.items())
            yield Problem(where, what, ADVICE)
            continue
        with opened(path) as connection:
            connection.execute("BEGIN")
            streams = {(s.topic, s.partition, s.log_id): s for s in read_streams(connection)}
            retired = read_retired(connection)
            for key, mark in mine.items():
                stream = streams.get(key)
                if stream is None:
                    what = "" if key[2] in retired else "it holds no such log: it was replaced by another file"
                else:
                    what = _mismatch(connection, stream, mark)
                if what:
                    yield Problem(where, f"{path}: {where} had read {_words(key, mark)}; {what}", ADVICE)


def writer_problems(layout: Layout, stage: Stage, path: Path, connection: sqlite3.Connection) -> Iterator[Problem]:
    """Registered readers that have read more of this file, or something else in it, than it holds.

    A log id it does not know is left to the reader: appending to a new log cannot be taken for the old one. Not so where the
    stage ``tells`` what was done outside: on a new log it would do that again.
    """
    streams = {(s.topic, s.partition, s.log_id): s for s in read_streams(connection)}
    retired = read_retired(connection) if stage.tells else set[str]()
    for reader, marks in _positions_into(layout, stage, path):
        for key, mark in marks.items():
            stream = streams.get(key)
            if stream is None and stage.tells and key[2] not in retired:
                what = f"{path}: {reader} had read {_words(key, mark)}; it holds no such log: it was lost and made anew"
                yield Problem(path.stem, what, ADVICE)
            if stream is None or mark.next < stream.first:
                continue
            what = _mismatch(connection, stream, mark)
            if what:
                yield Problem(path.stem, f"{path}: {reader} had read {_words(key, mark)}; {what}", ADVICE)


def all_problems(layout: Layout) -> list[Problem]:
    """Everything that claims would stop at, without claiming."""
    first = list(_look(layout))
    if not first:
        return []
    # Owners go on while this looks: what is gone at a second look was a commit or a retention in between.
    second = set(_look(layout))
    return [problem for problem in first if problem in second]


def retire(layout: Layout, stage: Stage, path: Path, connection: sqlite3.Connection) -> str:
    """Accept the log as it is, under a new log id; inside the caller's write transaction. Returns the new id.

    A stream that is a true older copy (every reader's stamp is found in it) is closed where it ends: readers finish it, one
    that is past the end or before the beginning goes on without a word, and all continue in the new log from 0. Nothing
    that is in the file is read twice and nothing in it is passed over. If some reader had read another history of a stream,
    where the two part is not known: its records get a new id too and are read again from the oldest, because a repeat can
    be found and a loss cannot. Ids the file does not know (it was lost and made anew) are retired.
    """
    streams = {(s.topic, s.partition, s.log_id): s for s in read_streams(connection)}
    gone: set[str] = set()
    forked: set[int] = set()
    for _, marks in _positions_into(layout, stage, path):
        for key, mark in marks.items():
            stream = streams.get(key)
            if stream is None:
                gone.add(key[2])
            elif _other_history(connection, stream, mark):
                gone.add(key[2])
                forked.add(stream.id)
    for stream_id in forked:
        connection.execute("UPDATE streams SET log_id = ? WHERE id = ?", (new_log_id(), stream_id))
    connection.execute("UPDATE streams SET restored = 1")
    connection.executemany("INSERT OR IGNORE INTO retired VALUES (?)", [(log_id,) for log_id in gone])
    log_id = new_log_id()
    connection.execute("UPDATE meta SET log_id = ?", (log_id,))
    return log_id


def _look(layout: Layout) -> Iterator[Problem]:
    for stage in layout.topology.stages:
        for partition, path in layout.paths(stage):
            with opened(path) as connection:
                marks = read_positions(connection)
                yield from writer_problems(layout, stage, path, connection)
            yield from reader_problems(layout, stage, partition, marks)


def _positions_into(layout: Layout, stage: Stage, path: Path) -> Iterator[tuple[str, dict[Key, Mark]]]:
    """The positions that registered readers keep into one file of ``stage``."""
    for reader in layout.topology.stages:
        if set(reader.inputs).isdisjoint(stage.outputs):
            continue
        for partition, file in layout.paths(reader):
            with opened(file) as connection:
                marks = read_positions(connection)
            mine = {key: mark for key, mark in marks.items() if mark.file == path.stem and key[0] in reader.inputs}
            yield f"{reader.name}-{partition}", mine


def _mismatch(connection: sqlite3.Connection, stream: Stream, mark: Mark) -> str:
    """What is wrong with a position in its own stream; "" if nothing is."""
    if mark.next > stream.next:
        return "" if stream.restored else f"it ends at {stream.next} now: it was rolled back to an older copy"
    if mark.next < stream.first:
        return "" if stream.restored else f"it begins at {stream.first} now: what was between is gone unread"
    if _other_history(connection, stream, mark):
        return f"another record stands before {mark.next} now: it was rolled back to an older copy and appended to"
    return ""


def _other_history(connection: sqlite3.Connection, stream: Stream, mark: Mark) -> bool:
    """Whether the batch before the position is there and was written by another commit than the one that was read."""
    if not stream.first <= mark.next <= stream.next:
        return False
    return stamp_before(connection, stream, mark.next) not in (None, mark.stamp)


def _words(key: Key, mark: Mark) -> str:
    return f"{key[0]}-{key[1]} of log {key[2]} up to {mark.next}"

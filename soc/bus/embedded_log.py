"""The file of one (stage, partition): opens or creates it and reads its batches back as records.

One SQLite file in WAL mode holds everything that one commit must change together:

    meta        log_id of the log being appended to, epoch of the owner
    streams     per (topic, partition, log_id): first retained offset, next offset, bytes
    batches     per stream: records [base, base + count), appended at one instant by one commit
    state       the stage's state
    positions   how far each input was read, in which file, and the stamp of the batch last read
    retired     log ids an operator declared gone: positions into them are dropped

A batch's *stamp* is a random number drawn by the commit that wrote it. A position carries the stamp of the batch before it,
so a log that was rolled back and then appended beyond the position is told from the log that was read (ADR 0004).
"""

import os
import secrets
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import msgspec

from soc.bus.base import Record
from soc.clock import Micros
from soc.errors import BusFullError, LogMismatchError, SocError, UnavailableError

Key = tuple[str, int, str]
"""(topic, partition, log_id): what a position is kept for."""

FORMAT = 1
"""``PRAGMA user_version`` of the files written here."""

# Measured (bench/bus.py): 16 KiB pages write and read batches of a mebibyte about half again as fast as 4 KiB ones; a
# checkpoint every 4 MiB keeps the slowest commits short. Incremental vacuum lets retention give the disk back.
PAGE_BYTES = 16 * 1024
CHECKPOINT_PAGES = 4 * 1024 * 1024 // PAGE_BYTES
WAL_LIMIT_BYTES = 64 * 1024 * 1024
LOCK_SECONDS = 10.0

_SCHEMA = f"""
BEGIN;
CREATE TABLE meta (one INTEGER PRIMARY KEY CHECK (one = 1), log_id TEXT NOT NULL, epoch INTEGER NOT NULL);
CREATE TABLE streams (
    id INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL, log_id TEXT NOT NULL,
    first INTEGER NOT NULL, first_stamp INTEGER NOT NULL, next INTEGER NOT NULL, bytes INTEGER NOT NULL,
    restored INTEGER NOT NULL, UNIQUE (topic, partition, log_id));
CREATE TABLE batches (
    stream INTEGER NOT NULL, base INTEGER NOT NULL, count INTEGER NOT NULL, appended INTEGER NOT NULL,
    stamp INTEGER NOT NULL, size INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (stream, base));
CREATE TABLE state (key BLOB PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE positions (
    topic TEXT NOT NULL, partition INTEGER NOT NULL, log_id TEXT NOT NULL,
    file TEXT NOT NULL, next INTEGER NOT NULL, stamp INTEGER NOT NULL,
    PRIMARY KEY (topic, partition, log_id)) WITHOUT ROWID;
CREATE TABLE retired (log_id TEXT PRIMARY KEY) WITHOUT ROWID;
PRAGMA user_version = {FORMAT};
COMMIT;
"""

_decoder = msgspec.msgpack.Decoder(tuple[list[bytes], list[bytes]])
# Straight to the tuple, past the Python-level __new__ of a NamedTuple: a third of the time, a million times a second.
_record = partial(tuple.__new__, Record)  # pyright: ignore[reportUnknownMemberType]


class Mark(NamedTuple):
    """A position: the next offset to read, the stamp of the batch before it (0: none), the log file's name without suffix."""

    next: int
    stamp: int
    file: str


class Stream(NamedTuple):
    """One row of ``streams``. ``restored``: closed by ``declare_restored``, so a position past its end is in order."""

    id: int
    topic: str
    partition: int
    log_id: str
    first: int
    first_stamp: int
    next: int
    bytes: int
    restored: int


class Batch(NamedTuple):
    """One row of ``batches``."""

    base: int
    length: int
    appended: Micros
    stamp: int
    size: int
    data: bytes


def new_log_id() -> str:
    """A random log id: 64 bits, as they become part of every raw id."""
    return secrets.token_hex(8)


def translate(error: sqlite3.Error, path: Path) -> SocError:
    """What a SQLite error on ``path`` means to the caller; nothing was committed."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return BusFullError(f"{path}: {error}; free disk space or shorten the retention")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return LogMismatchError(
            f"{path}: {error}; restore it from a back-up, then `soc store declare-restored STAGE PARTITION`"
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return UnavailableError(
            f"{path}: another process held its write lock for {LOCK_SECONDS:.0f} s; find it and end it"
        )
    return UnavailableError(f"{path}: {error}; check that the disk is mounted, writable and healthy")


def create(path: Path) -> None:
    """Make an empty log file under ``path``, complete or not at all. The caller holds the directory's lock."""
    fresh = path.with_suffix(".new")
    for suffix in ("", "-wal", "-shm"):
        Path(f"{fresh}{suffix}").unlink(missing_ok=True)
    # Logs hold personal data: no access for others; SQLite gives the WAL the same rights.
    os.close(os.open(fresh, os.O_RDWR | os.O_CREAT, 0o640))
    connection = sqlite3.connect(fresh, isolation_level=None)
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(_SCHEMA)
        connection.execute("INSERT INTO meta VALUES (1, ?, 0)", (new_log_id(),))
    finally:
        connection.close()
    fresh.replace(path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def connect(path: Path, *, write: bool) -> sqlite3.Connection:
    """Open an existing log file.

    Raises:
        LogMismatchError: it is damaged or of a newer format.
        UnavailableError: it cannot be opened.
    """
    try:
        # Not mode=ro: a reader must be able to create the shared memory of the WAL; query_only keeps it from writing.
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode=rw",
            uri=True,
            timeout=LOCK_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
    except sqlite3.Error as error:
        raise translate(error, path) from error
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != FORMAT:
            connection.close()
            raise LogMismatchError(
                f"{path}: format {version}, this version of soc reads {FORMAT}; use the soc that wrote it"
            )
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}")
        connection.execute(f"PRAGMA query_only = {0 if write else 1}")
    except sqlite3.Error as error:
        connection.close()
        raise translate(error, path) from error
    return connection


@contextmanager
def opened(path: Path, *, write: bool = False) -> Generator[sqlite3.Connection]:
    """A connection for one short job: closed afterwards, rolled back if a transaction is open, its errors translated."""
    connection = connect(path, write=write)
    try:
        yield connection
    except sqlite3.Error as error:
        raise translate(error, path) from error
    finally:
        connection.close()


def identity(path: Path) -> tuple[int, int]:
    """Device and inode: another one under the same name is another file.

    Raises:
        FileNotFoundError: there is none.
    """
    status = path.stat()
    return status.st_dev, status.st_ino


def read_streams(connection: sqlite3.Connection) -> list[Stream]:
    """Every stream of the file, oldest first."""
    rows = connection.execute(
        "SELECT id, topic, partition, log_id, first, first_stamp, next, bytes, restored FROM streams ORDER BY id"
    )
    return [Stream(*row) for row in rows]


def read_retired(connection: sqlite3.Connection) -> set[str]:
    """The log ids an operator declared gone."""
    return {log_id for (log_id,) in connection.execute("SELECT log_id FROM retired")}


def read_batches(connection: sqlite3.Connection, stream: int, offset: int) -> Generator[Batch, None, None]:
    """The batches of a stream from the one that holds ``offset`` on, lazily; close the generator to end the read."""
    rows = connection.execute(
        "SELECT base, count, appended, stamp, size, data FROM batches WHERE stream = ?1 AND base >="
        " ifnull((SELECT max(base) FROM batches WHERE stream = ?1 AND base <= ?2), 0) ORDER BY base",
        (stream, offset),
    )
    try:
        for row in rows:
            yield Batch(*row)
    finally:
        rows.close()


def stamp_before(connection: sqlite3.Connection, stream: Stream, offset: int) -> int | None:
    """The stamp of the batch that holds the record before ``offset``; None when it is not retained."""
    if offset == stream.first:
        return stream.first_stamp
    row = connection.execute(
        "SELECT stamp FROM batches WHERE stream = ? AND base < ? ORDER BY base DESC LIMIT 1", (stream.id, offset)
    ).fetchone()
    return None if row is None or offset < stream.first else row[0]


def read_positions(connection: sqlite3.Connection) -> dict[Key, Mark]:
    """The committed positions of the stage that owns the file."""
    rows = connection.execute("SELECT topic, partition, log_id, next, stamp, file FROM positions")
    return {(topic, partition, log_id): Mark(*rest) for topic, partition, log_id, *rest in rows}


def read_state(connection: sqlite3.Connection) -> dict[bytes, bytes]:
    """The committed state of the stage that owns the file."""
    return dict(connection.execute("SELECT key, value FROM state"))


def records_of(batch: Batch, key: Key, offset: int) -> list[Record]:
    """The records of a batch from ``offset`` on.

    Raises:
        LogMismatchError: the stored bytes are no batch.
    """
    try:
        keys, values = _decoder.decode(batch.data)
    except msgspec.MsgspecError as error:
        raise LogMismatchError(f"{key[0]}-{key[1]} of log {key[2]}: batch {batch.base} is damaged: {error}") from error
    skip = max(0, offset - batch.base)
    if skip:
        keys, values = keys[skip:], values[skip:]
    topic, partition, log_id = key
    offsets = range(batch.base + skip, batch.base + batch.length)
    columns = zip(
        repeat(topic), repeat(partition), repeat(log_id), offsets, keys, values, repeat(batch.appended), strict=False
    )
    return list(map(_record, columns))

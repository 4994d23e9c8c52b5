"""Ownership of one log file: an epoch inside it that fences, and a lock beside it that tells whether the owner lives.

The epoch decides: whoever raised it last may commit, and every commit checks it inside its own transaction. The lock decides
nothing; it only lets a polite successor wait for a living owner. It is an flock on ``<stage>-<p>.<epoch>.lock``, so the
kernel frees it when its process dies, kill -9 included, and a fenced owner that hangs on to the lock of an older epoch
cannot be mistaken for the present one.
"""

import fcntl
import os
import sqlite3
from pathlib import Path


def lock_path(log: Path, epoch: int) -> Path:
    """The lock file of one epoch of the log ``<stage>-<p>.db``."""
    return log.with_name(f"{log.stem}.{epoch}.lock")


def owner_lives(log: Path, epoch: int) -> bool:
    """Whether the owner of ``epoch`` still holds its lock."""
    try:
        descriptor = os.open(lock_path(log, epoch), os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        # Shared, so that two who ask at once do not take each other for the owner.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


class Lease:
    """What an owner holds: its epoch and the lock that says it lives."""

    def __init__(self, epoch: int, descriptor: int) -> None:
        self.epoch = epoch
        self._descriptor = descriptor

    def release(self) -> None:
        """Say that this owner is gone. Twice is fine; the epoch stays until somebody else raises it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def take(connection: sqlite3.Connection, log: Path, *, force: bool) -> Lease | None:
    """Raise the epoch, unless somebody owns the log and lives.

    Args:
        connection: a writing connection to the log, outside any transaction.
        log: its path.
        force: fence a living owner too.

    Returns:
        The lease, or None if there is a living owner and ``force`` is false.

    Raises:
        sqlite3.Error: the file cannot be written.
    """
    if not force and owner_lives(log, read_epoch(connection)):
        return None
    connection.execute("BEGIN IMMEDIATE")
    descriptor = -1
    try:
        # Asked again under the write lock: of two who wait, the second must see the first as the living owner.
        before = read_epoch(connection)
        if not force and owner_lives(log, before):
            return None
        # The lock is held before the epoch can be seen, so an owner whose epoch is visible always looks alive.
        epoch, descriptor = _lock_next(log, before + 1)
        connection.execute("UPDATE meta SET epoch = ?", (epoch,))
        connection.execute("COMMIT")
        lease, descriptor = Lease(epoch, descriptor), -1
    finally:
        if descriptor >= 0:
            os.close(descriptor)
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    for old in log.parent.glob(f"{log.stem}.*.lock"):
        number = old.suffixes[-2].lstrip(".")
        if number.isdecimal() and int(number) < epoch:
            old.unlink(missing_ok=True)
    return lease


def _lock_next(log: Path, epoch: int) -> tuple[int, int]:
    """The first epoch from ``epoch`` on whose lock is free, and its descriptor, locked.

    One that is held already belongs to an owner of this log before it was rolled back: its number is never used again.
    """
    while True:
        descriptor = os.open(lock_path(log, epoch), os.O_RDWR | os.O_CREAT, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            epoch += 1
        else:
            return epoch, descriptor


def read_epoch(connection: sqlite3.Connection) -> int:
    """The epoch of the present owner; 0 before the first."""
    (epoch,) = connection.execute("SELECT epoch FROM meta").fetchone()
    return epoch

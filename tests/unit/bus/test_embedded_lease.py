"""The epoch fences, the lock only tells who lives."""

import sqlite3
from pathlib import Path

import pytest

from soc.bus import embedded_lease
from soc.bus.embedded_lease import lock_path, owner_lives, read_epoch, take
from soc.bus.embedded_log import connect, create


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "work-0.db"
    create(path)
    return path


def test_a_living_owner_is_left_alone_unless_forced(log: Path) -> None:
    first, second = connect(log, write=True), connect(log, write=True)
    lease = take(first, log, force=False)
    assert lease is not None
    assert take(second, log, force=False) is None
    forced = take(second, log, force=True)
    assert forced is not None
    assert forced.epoch == read_epoch(first) == lease.epoch + 1
    for connection in (first, second):
        connection.close()
    lease.release()
    forced.release()


def test_a_fenced_owner_that_hangs_on_is_not_taken_for_the_present_one(log: Path) -> None:
    connection = connect(log, write=True)
    hanging = take(connection, log, force=True)
    present = take(connection, log, force=True)
    assert hanging is not None
    assert present is not None
    assert owner_lives(log, present.epoch)
    present.release()
    present.release()
    assert not owner_lives(log, present.epoch)
    connection.close()
    hanging.release()


def test_lock_files_of_earlier_owners_do_not_pile_up(log: Path) -> None:
    connection = connect(log, write=True)
    for _ in range(5):
        lease = take(connection, log, force=False)
        assert lease is not None
        lease.release()
    assert [path.name for path in log.parent.glob("*.lock")] == ["work-0.5.lock"]
    connection.close()


def test_an_epoch_whose_lock_is_held_is_never_given_again(log: Path) -> None:
    """The file was rolled back while an owner lived: were its number used again, it could commit."""
    connection = connect(log, write=True)
    lease = take(connection, log, force=False)
    assert lease is not None
    connection.execute("UPDATE meta SET epoch = 0")
    after = take(connection, log, force=False)
    assert after is not None
    assert after.epoch == 2
    assert lock_path(log, 2).exists()
    connection.close()
    lease.release()
    after.release()


def test_a_claim_that_cannot_write_leaves_no_lock_behind(log: Path) -> None:
    writer, blocked = connect(log, write=True), connect(log, write=True)
    blocked.execute("PRAGMA busy_timeout = 10")
    writer.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        take(blocked, log, force=True)
    writer.execute("ROLLBACK")
    assert not owner_lives(log, 1)
    writer.close()
    blocked.close()


def test_of_two_who_wait_the_second_takes_the_first_for_the_living_owner(log: Path, monkeypatch) -> None:
    """Both saw the log free; the first took it before the second got the write lock."""
    first, second = connect(log, write=True), connect(log, write=True)
    overtaken: list[object] = []

    def overtake(path: Path, epoch: int) -> bool:
        if overtaken:
            return owner_lives(path, epoch)
        overtaken.append(None)
        overtaken[0] = take(first, log, force=True)
        return False

    monkeypatch.setattr(embedded_lease, "owner_lives", overtake)
    assert take(second, log, force=False) is None
    assert not second.in_transaction
    assert read_epoch(second) == 1
    first.close()
    second.close()

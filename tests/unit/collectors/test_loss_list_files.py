"""The loss list of files and HTTP senders: each way in which trusted collectors lose or double lines, by name."""

import bz2
import gzip
import json
import os
import shutil
from pathlib import Path

import pytest

from collectors import packed
from collectors.file import FileTail
from soc.errors import BusFullError, CommitUnknownError
from tests.unit.collectors.support.http_client import BASIC, Client, with_client
from tests.unit.collectors.support.memory_claim import MemoryLog
from tests.unit.collectors.support.running import until
from tests.unit.collectors.test_file import numbered, tailing, texts, write


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.file.POLL", 0.01)


def compress(path: Path, to: Path, newer: float = 0) -> None:
    """As logrotate does: the compressed file has the time of the original, or a newer one, and the original goes."""
    found = path.stat()
    with gzip.open(to, "wb") as file:
        file.write(path.read_bytes())
    path.unlink()
    os.utime(to, (found.st_mtime + newer, found.st_mtime + newer))


def age(path: Path, seconds: float) -> None:
    found = path.stat()
    os.utime(path, (found.st_mtime - seconds, found.st_mtime - seconds))


def test_a_file_rotated_while_the_collector_was_down(tmp_path: Path) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    write(path, *numbered(0, 10))
    tailing(log, path, expect=10)
    write(path, *numbered(10, 20))
    path.rename(tmp_path / "app.log.1")
    write(path, *numbered(20, 30))
    tailing(log, path, expect=30)
    assert texts(log) == numbered(0, 30)


def test_a_file_rotated_and_compressed_while_the_collector_was_down_is_read_on_from_where_it_stood(
    tmp_path: Path,
) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    write(path, *numbered(0, 100))
    tailing(log, path, expect=100)
    write(path, *numbered(100, 120))
    compress(path, tmp_path / "app.log.1.gz")
    write(path, *numbered(120, 130))
    tail = tailing(log, path, expect=130)
    assert texts(log) == numbered(0, 130)
    assert len({record.id for record in log.records}) == 130
    assert (tail.counters.missing, tail.counters.truncated) == (0, 0)
    tailing(log, path)
    assert texts(log) == numbered(0, 130)


def test_generations_compressed_before_anybody_saw_them_are_read_whole_oldest_first(tmp_path: Path) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    write(path, *numbered(0, 100))
    tailing(log, path, expect=100)
    write(path, *numbered(100, 110))
    age(path, 200)
    compress(path, tmp_path / "app.log.2.gz")
    write(path, *numbered(110, 120))
    age(path, 100)
    compress(path, tmp_path / "app.log.1.gz")
    write(path, *numbered(120, 130))
    tail = tailing(log, path, expect=130)
    assert texts(log) == numbered(0, 130)
    assert tail.counters.missing == 0


def test_a_compressed_copy_of_what_was_read_is_not_read_again_whatever_its_time_says(tmp_path: Path) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    write(path, *numbered(0, 100))

    async def during(tail: FileTail) -> None:
        await until(lambda: len(log.outputs) == 100)
        path.rename(tmp_path / "app.log.1")
        write(path, *numbered(100, 110))
        await until(lambda: tail.counters.rotated == 1)
        compress(tmp_path / "app.log.1", tmp_path / "app.log.1.gz", newer=1000)
        path.rename(tmp_path / "app.log.2")
        write(path, *numbered(110, 120))

    tail = tailing(log, path, during=during, expect=120)
    assert texts(log) == numbered(0, 120)
    assert tail.counters.missing == 0


@pytest.mark.parametrize("damage", ["other format", "cut off", "too long"])
def test_a_compressed_file_that_cannot_be_read_is_counted_as_missing(
    tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    write(path, *numbered(0, 100))
    tailing(log, path, expect=100)
    write(path, *numbered(100, 50_000))
    write(tmp_path / "new", "new")  # made before the old one goes: else it may be given the same inode
    if damage == "other format":
        (tmp_path / "app.log.1.bz2").write_bytes(bz2.compress(path.read_bytes()))
        path.unlink()
    else:
        compress(path, tmp_path / "app.log.1.gz")
        if damage == "cut off":
            os.truncate(tmp_path / "app.log.1.gz", 5000)
        else:
            monkeypatch.setattr(packed, "MOST", 1000)
    (tmp_path / "new").rename(path)
    tail = tailing(log, path, expect=101)
    assert texts(log) == [*numbered(0, 100), "new"]
    assert tail.counters.missing == 1


def test_a_restart_while_a_compressed_file_is_read_goes_on_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.followed.READ", 10_000)
    log, path = MemoryLog(), tmp_path / "app.log"
    write(path, *numbered(0, 100))
    tailing(log, path, expect=100, max_bytes=1000)
    write(path, *numbered(100, 5000))
    compress(path, tmp_path / "app.log.1.gz")
    log.faults.extend([None] * 3 + [(BusFullError("no room"), False)] * 1000)

    async def no_more_room(tail: FileTail) -> None:
        await until(lambda: tail.counters.pushed_back > 0)

    tailing(log, path, during=no_more_room, max_bytes=1000)
    assert 100 < len(log.outputs) < 5000
    log.faults.clear()
    tailing(log, path, expect=5000, max_bytes=1000)
    assert texts(log) == numbered(0, 5000)


def test_a_truncated_file_is_read_from_its_beginning(tmp_path: Path) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    write(path, *numbered(0, 10))
    tailing(log, path, expect=10)
    path.write_text("")
    write(path, "after 1", "after 2")
    tail = tailing(log, path, expect=12)
    assert texts(log) == [*numbered(0, 10), "after 1", "after 2"]
    assert tail.counters.truncated == 1


def test_a_file_copied_and_truncated_while_the_collector_was_down(tmp_path: Path) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    write(path, *numbered(0, 10))
    tailing(log, path, expect=10)
    write(path, *numbered(10, 20))
    shutil.copy(path, tmp_path / "app.log.1")
    path.write_text("")
    write(path, *numbered(20, 25))
    tailing(log, path, expect=25)
    assert texts(log) == numbered(0, 25)


BULK = b"".join(b'{"create":{"_index":"logs","_id":"%d"}}\n{"n":%d}\n' % (n, n) for n in range(5))
HEC = b'{"event":"one","host":"srv1"}{"event":"two","host":"srv1"}'


def test_a_senders_repeat_after_a_lost_acknowledgement_over_bulk_is_stored_once() -> None:
    log = MemoryLog()
    log.faults.append((CommitUnknownError("the answer of the log was lost"), True))

    async def first(client: Client) -> None:
        assert (await client.ask("POST", "/_bulk", BULK, BASIC)).body["errors"] is False

    async def after_a_restart(client: Client) -> None:
        for _ in range(2):
            assert (await client.ask("POST", "/_bulk", BULK, BASIC)).body["errors"] is False
        assert [json.loads(line)["n"] for line in log.lines] == list(range(5))

    with_client(first, log)
    with_client(after_a_restart, log)


def test_a_senders_repeat_after_a_lost_acknowledgement_over_hec_is_stored_once_with_a_key() -> None:
    log = MemoryLog()

    async def send(client: Client) -> None:
        path = "/services/collector/event"
        assert (await client.ask("POST", path, HEC, "Splunk secret", Idempotency_Key="batch-7")).body["code"] == 0
        assert log.lines == [b'{"event":"one","host":"srv1"}', b'{"event":"two","host":"srv1"}']

    with_client(send, log)
    with_client(send, log)  # the answer was lost, and then the process


def test_a_senders_repeat_over_hec_without_a_key_is_a_second_delivery() -> None:
    async def send(client: Client) -> None:
        for _ in range(2):
            await client.ask("POST", "/services/collector/event", HEC, "Splunk secret")
        assert len(client.log.lines) == 4
        assert {record.id for record in client.log.records} == {""}

    with_client(send)

"""File tail on real files: rotation, truncation and restarts, nothing twice, nothing left out."""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from collectors.file import FileTail
from collectors.intake import Intake
from soc.errors import BusFullError, CommitUnknownError
from tests.unit.collectors.support.memory_claim import MemoryLog
from tests.unit.collectors.support.running import Stepped, running, until


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.file.POLL", 0.01)


def write(path: Path, *lines: str, end: str = "\n") -> None:
    with path.open("a") as file:
        file.write("".join(line + end for line in lines))


def tailing(
    log: MemoryLog,
    *paths: Path | str,
    during: Callable[[FileTail], Awaitable[None]] | None = None,
    expect: int | None = None,
    **kwargs: Any,
) -> FileTail:
    """Run a listener until ``expect`` lines are durable (and ``during`` is over), then stop it."""

    async def scenario() -> FileTail:
        intake = Intake(log.open, clock=Stepped())
        tail = FileTail(
            intake, name="file", paths=[str(path) for path in paths], clock=Stepped(), rotate_wait=0.05, **kwargs
        )
        async with running(intake, tail):
            if during is not None:
                await during(tail)
            if expect is not None:
                await until(lambda: len(log.outputs) >= expect)
            await asyncio.sleep(0.15)  # anything doubled would come now
        return tail

    return asyncio.run(scenario())


def texts(log: MemoryLog) -> list[str]:
    return [line.decode() for line in log.lines]


def numbered(first: int, last: int) -> list[str]:
    return [f"line {n}" for n in range(first, last)]


def test_lines_are_records_with_path_source_and_an_id_of_their_own(tmp_path: Path) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    write(path, "one", "two")
    tail = tailing(log, path, expect=2, profile="sshd")
    assert texts(log) == ["one", "two"]
    assert {(r.peer, r.source, r.listener, r.profile) for r in log.records} == {(str(path), str(path), "file", "sshd")}
    identities = [r.id.rsplit("/", 1) for r in log.records]
    assert [offset for _, offset in identities] == ["0", "4"]
    assert len({identity for identity, _ in identities}) == 1
    assert (tail.counters.received, tail.counters.bytes) == (2, 6)


def test_a_restart_goes_on_where_it_stood(tmp_path: Path) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    for part in range(4):
        write(path, *numbered(part * 10, part * 10 + 10))
        tailing(log, path, expect=part * 10 + 10)
    assert texts(log) == numbered(0, 40)
    assert len({r.id for r in log.records}) == 40


def test_a_partial_last_line_waits_for_its_end_across_a_restart(tmp_path: Path) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    write(path, "one", "tw", end="\n")
    path.write_text("one\ntw")
    tailing(log, path, expect=1)
    assert texts(log) == ["one"]
    write(path, "o")
    tailing(log, path, expect=2)
    assert texts(log) == ["one", "two"]


def test_start_end_skips_what_was_there_at_the_first_start_only(tmp_path: Path) -> None:
    log, old, new = MemoryLog(), tmp_path / "old.log", tmp_path / "new.log"
    write(old, "before")

    async def during(_: FileTail) -> None:
        write(old, "after")
        await until(lambda: len(log.outputs) == 1)

    tailing(log, tmp_path / "*.log", start="end", during=during)
    write(old, "while stopped")
    write(new, "new file while stopped")
    tailing(log, tmp_path / "*.log", start="end", expect=3)
    assert sorted(texts(log)) == ["after", "new file while stopped", "while stopped"]


def test_start_end_keeps_a_line_whose_beginning_was_there(tmp_path: Path) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    path.write_text("before\nbegun")

    async def during(_: FileTail) -> None:
        write(path, " and ended")

    tailing(log, path, start="end", during=during, expect=1)
    assert texts(log) == ["begun and ended"]


def test_rotation_by_rename_reads_the_old_file_to_its_end_before_the_new_one(tmp_path: Path) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    write(path, *numbered(0, 10))

    async def during(tail: FileTail) -> None:
        await until(lambda: len(log.outputs) == 10)
        write(path, *numbered(10, 5000))
        path.rename(tmp_path / "app.log.1")
        write(path, *numbered(5000, 5010))
        await until(lambda: tail.counters.rotated == 1)

    tailing(log, path, during=during, expect=5010)
    assert texts(log) == numbered(0, 5010)
    assert {r.source for r in log.records} == {str(path)}
    assert len([key for key in log.state if key.startswith(b"file/")]) == 1


def test_late_lines_and_an_unended_last_line_of_a_rotated_file_are_read(tmp_path: Path) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    write(path, "one")

    async def during(tail: FileTail) -> None:
        await until(lambda: len(log.outputs) == 1)
        with path.open("a") as writer:
            path.rename(tmp_path / "app.log.1")
            await asyncio.sleep(0.03)
            writer.write("two\nthree without end")
        await until(lambda: tail.counters.rotated == 1)

    tailing(log, path, during=during, expect=3)
    assert texts(log) == ["one", "two", "three without end"]


def test_a_glob_that_names_the_rotated_files_too_reads_nothing_twice(tmp_path: Path) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    write(path, *numbered(0, 10))

    async def during(_: FileTail) -> None:
        await until(lambda: len(log.outputs) == 10)
        path.rename(tmp_path / "app.log.1")
        write(path, *numbered(10, 20))

    tailing(log, tmp_path / "app.log*", during=during, expect=20)
    tailing(log, tmp_path / "app.log*", expect=20)
    assert texts(log) == numbered(0, 20)


@pytest.mark.parametrize("glob", ["app.log", "app.log*"])
def test_copytruncate_reads_the_rest_from_the_copy_then_the_file_from_its_beginning(tmp_path: Path, glob: str) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    write(path, *numbered(0, 100))

    async def during(tail: FileTail) -> None:
        await until(lambda: len(log.outputs) == 100)
        write(path, *numbered(100, 110))  # perhaps not read yet when the copy is made
        shutil.copyfile(path, tmp_path / "app.log.1")
        os.truncate(path, 0)
        write(path, *numbered(110, 120))
        await until(lambda: tail.counters.truncated == 1)

    tailing(log, tmp_path / glob, during=during, expect=120)
    tailing(log, tmp_path / glob, expect=120)
    assert texts(log) == numbered(0, 120)
    assert len({r.id for r in log.records}) == 120


def test_a_truncated_file_that_grew_past_the_old_size_with_the_same_first_lines_is_seen(tmp_path: Path) -> None:
    log, path = MemoryLog(), tmp_path / "iis.log"
    header = "#Software: Web Server 1.0 " + "x" * 300
    write(path, header, "a1", "a2")
    tailing(log, path, expect=3)
    path.write_text("")
    write(path, header, "b1", "b2", "b3", "b4")
    tail = tailing(log, path, expect=8)
    assert texts(log) == [header, "a1", "a2", header, "b1", "b2", "b3", "b4"]
    assert tail.counters.truncated == 1
    assert len({r.id for r in log.records}) == 8


def test_nuls_left_by_a_truncation_under_a_writer_are_no_line(tmp_path: Path) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    write(path, *numbered(0, 10))

    async def during(_: FileTail) -> None:
        await until(lambda: len(log.outputs) == 10)
        size = path.stat().st_size
        with path.open("r+") as writer:  # not O_APPEND: it goes on at its own offset
            writer.truncate(0)
            writer.seek(size + 5_000_000)
            writer.write("line 10\nline 11\n")

    tailing(log, path, during=during, expect=12)
    assert texts(log) == numbered(0, 12)


def test_rotated_while_stopped_finishes_the_old_file_first(tmp_path: Path) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    write(path, *numbered(0, 10))
    tailing(log, path, expect=10)
    write(path, *numbered(10, 20))
    path.rename(tmp_path / "app.log.1")
    write(path, *numbered(20, 30))
    tailing(log, path, expect=30)
    assert texts(log) == numbered(0, 30)


def test_rotated_more_than_once_while_stopped_reads_every_generation_in_order(tmp_path: Path) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    (tmp_path / "app.log.9").write_text("long ago\n")
    os.utime(tmp_path / "app.log.9", (1, 1))
    write(path, *numbered(0, 10))
    os.utime(path, (100, 100))
    tailing(log, path, expect=10)
    write(path, *numbered(10, 20))
    path.rename(tmp_path / "app.log.2")
    os.utime(tmp_path / "app.log.2", (200, 200))
    write(tmp_path / "app.log.1", *numbered(20, 30))
    write(path, *numbered(30, 40))
    tailing(log, path, expect=40)
    assert texts(log) == numbered(0, 40)
    assert {r.source for r in log.records} == {str(path)}
    tailing(log, path, expect=40)
    assert len(log.outputs) == 40


def test_rotated_twice_between_two_looks_misses_no_generation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.file.POLL", 0.3)
    log, path = MemoryLog(), tmp_path / "app.log"
    write(path, *numbered(0, 10))

    async def during(_: FileTail) -> None:
        await until(lambda: len(log.outputs) == 10)
        for n in (10, 20):
            write(path, *numbered(n, n + 5))
            for generation in (1, 0):
                old = tmp_path / (f"app.log.{generation}" if generation else "app.log")
                if old.exists():
                    old.rename(tmp_path / f"app.log.{generation + 1}")
            await asyncio.sleep(0.02)
            write(path, *numbered(n + 5, n + 10))
            await asyncio.sleep(0.02)

    tailing(log, path, during=during, expect=30)
    assert texts(log) == numbered(0, 30)


def test_two_files_with_the_same_content_are_two_files(tmp_path: Path) -> None:
    log = MemoryLog()
    for name in ("a.log", "b.log"):
        write(tmp_path / name, "same")
    tailing(log, tmp_path / "*.log", expect=2)
    assert [r.source for r in log.records] == [str(tmp_path / "a.log"), str(tmp_path / "b.log")]
    assert len({r.id for r in log.records}) == 2


def test_a_file_renamed_before_its_first_line_was_durable_is_found_again(tmp_path: Path) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    path.write_text("one")  # no LF yet: no record
    tailing(log, path)
    write(path, "", "two")
    path.rename(tmp_path / "app.log.1")
    write(path, "three")
    tailing(log, path, expect=3)
    assert texts(log) == ["one", "two", "three"]


def test_copied_and_truncated_while_stopped(tmp_path: Path) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    write(path, *numbered(0, 10))
    tailing(log, path, expect=10)
    write(path, *numbered(10, 20))
    shutil.copyfile(path, tmp_path / "app.log-20261122")
    os.truncate(path, 0)
    write(path, *numbered(20, 25))
    tailing(log, path, expect=25)
    assert texts(log) == numbered(0, 25)


def test_a_file_that_is_gone_after_a_restart_is_counted(tmp_path: Path) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    write(path, "one")
    tailing(log, path, expect=1)
    path.unlink()
    tail = tailing(log, path)
    assert tail.counters.missing == 1
    assert not [key for key in log.state if key.startswith(b"file/")]


def test_a_deleted_file_is_read_to_its_end(tmp_path: Path) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    write(path, "one")

    async def during(tail: FileTail) -> None:
        await until(lambda: len(log.outputs) == 1)
        write(path, "two")
        path.unlink()
        await until(lambda: tail.counters.rotated == 1)
        write(path, "three")

    tailing(log, path, during=during, expect=3)
    assert texts(log) == ["one", "two", "three"]


def test_long_lines_are_cut_and_marked_and_a_restart_inside_one_adds_nothing(tmp_path: Path) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    path.write_text("x" * 3_000_000)
    tailing(log, path, expect=1, max_bytes=500)
    write(path, "x" * 10, "next")
    tailing(log, path, expect=2, max_bytes=500)
    assert [(len(r.data), r.cut) for r in log.records] == [(500, True), (4, False)]


def test_file_names_and_lines_that_are_not_utf8_are_followed(tmp_path: Path) -> None:
    log = MemoryLog()
    name = os.fsencode(tmp_path) + b"/nh\xe2t-k\xfd.log"
    Path(os.fsdecode(name)).write_bytes(b"\xff\xfe\0x\n")
    tailing(log, tmp_path / "*.log", expect=1)
    assert log.lines == [b"\xff\xfe\0x"]
    tailing(log, tmp_path / "*.log", expect=1)
    assert len(log.outputs) == 1


@pytest.mark.parametrize("written", [True, False])
def test_unknown_commits_and_a_full_bus_double_and_lose_nothing(tmp_path: Path, written: bool) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    log.faults.extend(
        [
            None,
            (CommitUnknownError("lost"), written),
            (BusFullError("no room"), False),
            None,
            (CommitUnknownError("lost"), written),
        ]
    )

    async def during(_: FileTail) -> None:
        for n in range(0, 50, 10):
            write(path, *numbered(n, n + 10))
            await asyncio.sleep(0.03)

    tailing(log, path, during=during, expect=50)
    assert texts(log) == numbered(0, 50)


def test_a_stop_at_any_moment_neither_doubles_nor_loses_a_line(tmp_path: Path) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    write(path, *(f"line {n} " + "x" * 200 for n in range(20_000)))  # several chunks
    for pause in (0.0, 0.01, 0.02, 0.03, 0.05):

        async def during(_: FileTail, pause: float = pause) -> None:
            await asyncio.sleep(pause)

        async def scenario() -> None:
            intake = Intake(log.open, clock=Stepped())
            tail = FileTail(intake, name="file", paths=[str(path)], clock=Stepped())
            async with running(intake, tail):
                await during(tail)

        asyncio.run(scenario())
    tailing(log, path, expect=20_000)
    assert [line.split()[1] for line in texts(log)] == [str(n) for n in range(20_000)]

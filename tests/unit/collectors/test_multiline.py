"""Several lines as one record: joined alike wherever reads end, nothing lost or doubled by a restart in the middle."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.followed import FollowedFile, open_regular
from collectors.lines import Line, take_lines
from collectors.multiline import Joining, join, joining
from tests.unit.collectors.support.memory_claim import MemoryLog
from tests.unit.collectors.test_file import tailing, texts, write

TRACE = ["2026 first", "  at one", "  at two", "2026 second", "2026 third", "\tat three"]
RECORDS = ["2026 first\n  at one\n  at two", "2026 second", "2026 third\n\tat three"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.file.POLL", 0.01)


def how(pattern: str = "indented", max_lines: int = 500, idle: float = 0.05) -> Joining:
    found = joining(pattern, max_lines=max_lines, idle=idle)
    assert found is not None
    return found


def lines(*texts: str) -> list[Line]:
    return take_lines("".join(text + "\n" for text in texts).encode(), 0, max_bytes=10_000, skipping=False).lines


@pytest.mark.parametrize("pattern", ["indented", "^2026 "])
def test_lines_are_joined_and_the_last_record_may_still_grow(pattern: str) -> None:
    found, held = join(lines(*TRACE), how(pattern), 10_000, whole=False)
    assert [(one.offset, one.data.decode()) for one in found] == [(0, RECORDS[0]), (29, RECORDS[1])]
    assert held == 41
    assert [one.data.decode() for one in join(lines(*TRACE), how(pattern), 10_000, whole=True)[0]] == RECORDS


def test_what_comes_before_the_first_first_line_is_a_record_too() -> None:
    found, _ = join(lines("  at lost", "  at found", "2026 x"), how("^2026"), 10_000, whole=True)
    assert [one.data for one in found] == [b"  at lost\n  at found", b"2026 x"]


def test_a_record_at_a_limit_is_ended_and_marked_and_the_rest_is_a_record() -> None:
    text = ["a", *["  b"] * 6, "c"]
    found, _ = join(lines(*text), how(max_lines=3), 10_000, whole=True)
    assert [(one.data.count(b"\n") + 1, one.cut) for one in found] == [(3, True), (3, True), (1, False), (1, False)]
    found, _ = join(lines(*text), how(), 9, whole=True)
    assert (found[0].data, found[0].cut) == (b"a\n  b\n  b", True)
    assert b"\n".join(one.data for one in found).decode().split("\n") == text


def test_every_line_is_a_record_where_nothing_is_set() -> None:
    assert joining("", max_lines=2, idle=1) is None


def test_a_record_is_written_when_the_next_begins_and_the_last_when_nothing_more_came(tmp_path: Path) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    write(path, *TRACE)
    tailing(log, path, expect=3, joining=how())
    assert texts(log) == RECORDS
    assert [record.id.rsplit("/", 1)[1] for record in log.records] == ["0", "29", "41"]


def test_a_restart_in_the_middle_of_a_record_loses_and_doubles_nothing(tmp_path: Path) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    patient = how(idle=60)
    write(path, *TRACE[:2])
    tailing(log, path, joining=patient)
    assert texts(log) == []
    write(path, *TRACE[2:5])
    tailing(log, path, expect=2, joining=patient)
    assert texts(log) == RECORDS[:2]
    write(path, *TRACE[5:])
    tailing(log, path, expect=3, joining=how())
    assert texts(log) == RECORDS


def test_a_record_that_grows_slowly_is_whole_and_waits_for_the_end_of_its_last_line(tmp_path: Path) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"

    async def during(_: object) -> None:
        for text in ["2026 first\n", "  at", " one\n", "  at two\n"]:
            with path.open("a") as file:
                file.write(text)
            await asyncio.sleep(0.1)
        assert texts(log) == []

    path.touch()
    tailing(log, path, during=during, expect=1, joining=how(idle=1.5))
    assert texts(log) == RECORDS[:1]


def test_a_rotated_file_gives_its_last_record_before_the_new_one_is_read(tmp_path: Path) -> None:
    log, path = MemoryLog(), tmp_path / "app.log"
    write(path, *TRACE[:2])
    tailing(log, path, joining=how(idle=60))
    path.rename(tmp_path / "app.log.1")
    write(path, *TRACE[3:])
    tailing(log, path, expect=2, joining=how(idle=60))
    assert texts(log) == ["2026 first\n  at one", "2026 second"]


def test_a_great_many_empty_lines_behind_a_record_do_not_hold_the_file_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.followed.READ", 10_000)
    log, path = MemoryLog(), tmp_path / "app.log"
    path.write_bytes(b"first\n" + b"\n" * 30_000 + b"second\nthird\n")
    tailing(log, path, expect=2, joining=how(idle=60), max_bytes=1000)
    assert texts(log) == ["first", "second"]


@given(
    st.lists(st.sampled_from(["a", "2026 b", "  c", "\td", "", "eeeeeeee"]), max_size=30),
    st.lists(st.integers(1, 60), max_size=10),
    st.integers(1, 6),
    st.sampled_from(["indented", "^2026"]),
)
def test_a_file_that_grows_by_any_steps_gives_the_records_of_the_whole_file(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], steps: list[int], max_lines: int, pattern: str
) -> None:
    whole = "".join(text + "\n" for text in texts).encode()
    patient = how(pattern, max(2, max_lines), idle=60)
    path = tmp_path_factory.mktemp("grow") / "app.log"
    path.touch()
    fd = open_regular(str(path).encode())
    assert fd is not None
    file = FollowedFile.begin(fd, str(path).encode())
    found: list[Line] = []
    at = 0
    for step in [*steps, len(whole)]:
        with path.open("ab") as writer:
            writer.write(whole[at : at + step])
        at += step
        last = at >= len(whole)
        while (chunk := file.read(12, last=last, joining=patient)) is not None:
            found += chunk.lines
            file.position = chunk.position
    file.close()
    expected, held = join(take_lines(whole, 0, max_bytes=12, skipping=False).lines, patient, 12, whole=True)
    assert (found, held) == (expected, None)

"""What only the embedded bus has: files that break, are replaced, restored, and a disk that fills."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from soc.bus import embedded_layout
from soc.bus.base import Message, Record, Stage, Topology
from soc.bus.embedded import EmbeddedBus
from soc.errors import BusFullError, FencedError, LogMismatchError, SettingsError, UnavailableError

TOPOLOGY = Topology((Stage("feed", (), ("in",), 1), Stage("work", ("in",), ("out",), 1)), {"in": 1, "out": 1})


def bus_in(path: Path, **options) -> EmbeddedBus:
    return EmbeddedBus(path, options.pop("topology", TOPOLOGY), **options)


async def put(bus: EmbeddedBus, *values: str) -> None:
    claim = await bus.claim("feed", 0)
    await claim.commit([Message("in", b"", value.encode()) for value in values])
    await claim.release()


async def work_off(bus: EmbeddedBus) -> list[str]:
    claim = await bus.claim("work", 0)
    found: list[Record] = []
    while records := await claim.fetch(2, 0):
        found += records
    await claim.commit()
    await claim.release()
    return [record.value.decode() for record in found]


def copy(source: Path, target: Path) -> None:
    """Put a closed log in the place of another, as an operator does: the database alone, no WAL of the other left."""
    for suffix in ("-wal", "-shm"):
        Path(f"{target}{suffix}").unlink(missing_ok=True)
    fresh = target.with_suffix(".fresh")
    fresh.write_bytes(source.read_bytes())
    fresh.replace(target)


def test_a_true_older_copy_declared_restored_is_read_on_without_loss_or_repeat(tmp_path: Path) -> None:
    """What is gone with the newer file (c, d) had been read; b was never read; what comes has addresses of its own."""

    async def scenario() -> None:
        bus = bus_in(tmp_path)
        await put(bus, "a", "b")
        await bus.close()
        (tmp_path / "back-up").write_bytes((tmp_path / "feed-0.db").read_bytes())
        bus = bus_in(tmp_path)
        await put(bus, "c", "d")
        assert await work_off(bus) == ["a", "b", "c", "d"]
        before = set(await bus.ends(["in"]))
        await bus.close()
        copy(tmp_path / "back-up", tmp_path / "feed-0.db")
        bus = bus_in(tmp_path)
        assert await bus.problems()
        log_id = await bus.declare_restored("feed", 0)
        assert await bus.problems() == ()
        await put(bus, "e")
        assert await work_off(bus) == ["e"]
        assert set(await bus.ends(["in"])) - before == {("in", 0, log_id)}
        await bus.close()

    asyncio.run(scenario())


def test_what_a_restored_copy_holds_and_nobody_read_is_read_before_what_comes_later(tmp_path: Path) -> None:
    async def scenario() -> None:
        bus = bus_in(tmp_path)
        await put(bus, "a")
        assert await work_off(bus) == ["a"]
        await put(bus, "b", "c")
        await bus.declare_restored("feed", 0)
        await put(bus, "d")
        assert await work_off(bus) == ["b", "c", "d"]
        await bus.close()

    asyncio.run(scenario())


def test_another_history_declared_restored_is_read_again_from_its_oldest_record(tmp_path: Path) -> None:
    """Where the two histories part is not known: a repeat can be found later, a loss cannot."""

    async def scenario() -> None:
        bus = bus_in(tmp_path)
        await put(bus, "a")
        await bus.close()
        (tmp_path / "back-up").write_bytes((tmp_path / "feed-0.db").read_bytes())
        bus = bus_in(tmp_path)
        await put(bus, "b", "c")
        assert await work_off(bus) == ["a", "b", "c"]
        await bus.close()
        copy(tmp_path / "back-up", tmp_path / "feed-0.db")
        blind = bus_in(tmp_path, topology=TOPOLOGY._replace(stages=TOPOLOGY.stages[:1]))
        await put(blind, "x", "y", "z")
        await blind.close()
        bus = bus_in(tmp_path)
        with pytest.raises(LogMismatchError, match="another record stands before 3"):
            await bus.claim("work", 0)
        await bus.declare_restored("feed", 0)
        assert await bus.problems() == ()
        assert await work_off(bus) == ["a", "x", "y", "z"]
        assert await work_off(bus) == []
        assert await bus.problems() == ()
        await bus.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("made_anew", [False, True])
def test_a_lost_log_stops_its_reader_until_it_is_declared_restored(tmp_path: Path, made_anew: bool) -> None:
    async def scenario() -> None:
        bus = bus_in(tmp_path)
        await put(bus, "a", "b")
        assert await work_off(bus) == ["a", "b"]
        await bus.close()
        (tmp_path / "feed-0.db").unlink()
        bus = bus_in(tmp_path)
        if made_anew:
            await put(bus, "c")  # the collector goes on: nothing of a new log can be taken for the old one
        with pytest.raises(LogMismatchError, match="holds no such log" if made_anew else "is gone"):
            await bus.claim("work", 0)
        await bus.declare_restored("feed", 0)
        await put(bus, "d")
        assert await work_off(bus) == (["c", "d"] if made_anew else ["d"])
        await bus.close()

    asyncio.run(scenario())


def test_declaring_restored_fences_the_owner(tmp_path: Path) -> None:
    async def scenario() -> None:
        bus = bus_in(tmp_path)
        claim = await bus.claim("feed", 0)
        await bus.declare_restored("feed", 0)
        with pytest.raises(FencedError):
            await claim.commit([Message("in", b"", b"late")])
        await bus.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("replaced", [True, False])
def test_an_owner_does_not_append_to_a_file_that_was_moved_away(tmp_path: Path, replaced: bool) -> None:
    async def scenario() -> None:
        bus = bus_in(tmp_path)
        claim = await bus.claim("feed", 0)
        moved = tmp_path / "moved"
        (tmp_path / "feed-0.db").rename(moved)
        if replaced:
            copy(moved, tmp_path / "feed-0.db")
        with pytest.raises(UnavailableError, match="removed or replaced"):
            await claim.commit([Message("in", b"", b"a")])
        await bus.close()

    asyncio.run(scenario())


def test_a_log_replaced_under_a_running_reader_stops_it_at_the_next_fetch(tmp_path: Path) -> None:
    async def scenario() -> None:
        bus = bus_in(tmp_path)
        await put(bus, "a")
        await bus.close()
        (tmp_path / "back-up").write_bytes((tmp_path / "feed-0.db").read_bytes())
        bus, feeder = bus_in(tmp_path), bus_in(tmp_path)
        await put(feeder, "b")
        claim = await bus.claim("work", 0)
        assert len(await claim.fetch(10, 0)) == 2
        copy(tmp_path / "back-up", tmp_path / "feed-0.db")
        with pytest.raises(LogMismatchError, match="read up to 2 and ends at 1 now"):
            await claim.fetch(10, 0)
        with pytest.raises(LogMismatchError, match="read up to 2 and ends at 1 now"):
            await claim.fetch(10, 0)
        (tmp_path / "feed-0.db").unlink()
        await put(feeder, "new")
        with pytest.raises(LogMismatchError, match="is not in this file any more"):
            await claim.fetch(10, 0)
        await bus.close()
        await feeder.close()

    asyncio.run(scenario())


def test_a_damaged_file_is_named_and_not_read(tmp_path: Path) -> None:
    async def scenario() -> None:
        bus = bus_in(tmp_path)
        await put(bus, "a")
        await bus.close()
        path = tmp_path / "feed-0.db"
        path.write_bytes(b"no database at all" + path.read_bytes()[18:])
        bus = bus_in(tmp_path)
        words = r"feed-0\.db.*not a database.*restore"
        with pytest.raises(LogMismatchError, match=words):
            await bus.claim("feed", 0)
        work = await bus.claim("work", 0)
        with pytest.raises(LogMismatchError, match=words):
            await work.fetch(1, 0)
        await bus.close()

    asyncio.run(scenario())


def test_a_file_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        bus = bus_in(tmp_path)
        await put(bus, "a")
        connection = sqlite3.connect(tmp_path / "feed-0.db")
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        with pytest.raises(LogMismatchError, match="format 99"):
            await bus.claim("feed", 0)
        await bus.close()

    asyncio.run(scenario())


CHILD = """
import asyncio, resource, sys
from pathlib import Path
from soc.bus.base import Message, Stage, Topology
from soc.bus.embedded import EmbeddedBus
from soc.errors import CommitUnknownError

directory, happens = Path(sys.argv[1]), False
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

def fail_the_disk(step):
    if step == "positions_written" and happens:
        size = Path(f"{directory}/feed-0.db-wal").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, hard))

async def main():
    global happens
    topology = Topology((Stage("feed", (), ("in",), 1),), {"in": 1})
    bus = EmbeddedBus(directory, topology, on_step=fail_the_disk)
    claim = await bus.claim("feed", 0)
    await claim.commit([Message("in", b"", b"a")], {b"n": b"1"})
    happens = True
    try:
        await claim.commit([Message("in", b"", b"b" * 100_000)], {b"n": b"2"})
    except CommitUnknownError as error:
        print(error)
    happens = False
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    again = await bus.claim("feed", 0)
    print(dict(again.state), list((await bus.ends(["in"])).values()))
    await again.commit([Message("in", b"", b"c")])
    reader = bus.reader(["in"])
    print([record.value for record in await reader.fetch(10, 0)])
    await bus.close()

asyncio.run(main())
"""


def test_a_disk_that_fails_at_the_commit_leaves_the_outcome_unknown_and_claiming_again_tells_it(tmp_path: Path) -> None:
    """A real fault: the kernel refuses the write of the WAL (RLIMIT_FSIZE) while SQLite is inside COMMIT."""
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path)], capture_output=True, text=True, timeout=30, check=True
    )
    unknown, restored, read = child.stdout.splitlines()
    assert "at COMMIT: it may be durable or not" in unknown
    assert restored == "{b'n': b'1'} [1]"
    assert read == "[b'a', b'c']"


def test_with_little_disk_left_the_intake_is_pushed_back_before_the_stages_behind_it(
    tmp_path: Path, monkeypatch
) -> None:
    async def scenario() -> None:
        monkeypatch.setattr(embedded_layout, "CHECK_SECONDS", 0.0)
        free = 1000

        def statvfs(path: Path) -> os.statvfs_result:
            return os.statvfs_result((1, 1, free, free, free, 0, 0, 0, 0, 255))

        monkeypatch.setattr(os, "statvfs", statvfs)
        bus = bus_in(tmp_path, free_bytes=1000)
        feed, work = await bus.claim("feed", 0), await bus.claim("work", 0)
        await feed.commit([Message("in", b"", b"a")])
        free = 600
        with pytest.raises(BusFullError, match="600 bytes are free, feed needs 1000"):
            await feed.commit([Message("in", b"", b"b")])
        assert [problem.what for problem in await bus.problems()] == ["only 600 bytes are free: intake is pushed back"]
        assert len(await work.fetch(10, 0)) == 1
        await work.commit()
        free = 400
        with pytest.raises(BusFullError):
            await work.commit()
        free = 1000
        await feed.commit([Message("in", b"", b"c")])
        await work.commit()
        await bus.close()

    asyncio.run(scenario())


def test_retention_gives_the_disk_back_when_it_is_low(tmp_path: Path) -> None:
    async def scenario() -> None:
        bus = bus_in(tmp_path)
        claim = await bus.claim("feed", 0)
        for _ in range(8):
            await claim.commit([Message("in", b"", os.urandom(500_000).hex().encode())])
        await claim.release()
        await work_off(bus)
        await bus.close()
        before = (tmp_path / "feed-0.db").stat().st_size
        low = bus_in(tmp_path, free_bytes=1 << 62)
        assert await low.retain("in", max_age=-1, max_bytes=0) == 8
        await low.close()
        assert (tmp_path / "feed-0.db").stat().st_size < before / 10

    asyncio.run(scenario())


def test_the_event_loop_goes_on_while_a_commit_waits_for_the_disk(tmp_path: Path) -> None:
    async def scenario() -> None:
        ticked, outcome = threading.Event(), list[bool]()
        slow = bus_in(tmp_path, on_step=lambda step: step == "outputs_written" and outcome.append(ticked.wait(5)))
        claim = await slow.claim("feed", 0)
        commit = asyncio.create_task(claim.commit([Message("in", b"", b"a")]))
        for _ in range(20):
            await asyncio.sleep(0.001)
        ticked.set()
        await commit
        assert outcome == [True], "the loop stood still until the commit gave up waiting for it"
        await slow.close()

    asyncio.run(scenario())


def test_a_writer_that_holds_the_lock_for_too_long_is_told_apart_from_a_fence(tmp_path: Path) -> None:
    async def scenario() -> None:
        bus = bus_in(tmp_path)
        claim = await bus.claim("feed", 0)
        claim._writer().execute("PRAGMA busy_timeout = 20")
        blocker = sqlite3.connect(tmp_path / "feed-0.db", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnavailableError, match="write lock"):
            await claim.commit([Message("in", b"", b"a")])
        blocker.execute("ROLLBACK")
        blocker.close()
        await bus.close()

    asyncio.run(scenario())


def test_what_a_step_raises_reaches_the_owner_and_nothing_is_written(tmp_path: Path) -> None:
    async def scenario() -> None:
        def fail(step: str) -> None:
            if step == "outputs_written":
                raise ZeroDivisionError

        bus = bus_in(tmp_path, on_step=fail)
        claim = await bus.claim("feed", 0)
        with pytest.raises(ZeroDivisionError):
            await claim.commit([Message("in", b"", b"a")])
        assert dict(await bus.ends(["in"])) == {}
        await bus.close()

    asyncio.run(scenario())


def test_closing_leaves_no_thread_and_no_open_file(tmp_path: Path) -> None:
    async def scenario() -> None:
        bus = bus_in(tmp_path)
        await put(bus, "a")
        await work_off(bus)
        await bus.reader(["in"]).fetch(1, 0)
        await bus.claim("work", 0)
        await bus.close()

    asyncio.run(scenario())
    deadline = time.monotonic() + 5
    while any(thread.name.startswith("bus-") for thread in threading.enumerate()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("bus-")]
    assert not [link for link in Path("/proc/self/fd").iterdir() if str(tmp_path) in _target(link)]
    assert not list(tmp_path.glob("*-wal")), "the last to close empties the WAL"


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:
        return ""


@pytest.mark.parametrize(
    ("topology", "mistake"),
    [
        (Topology((Stage("Feed!", (), (), 1),), {}), "a name is lower-case"),
        (Topology((Stage("feed", (), ("in",), 1),), {}), "topic in has no number of partitions"),
        (Topology((Stage("work", ("in",), (), 1),), {"in": 2}), "nobody would read in beyond partition 0"),
    ],
)
def test_a_topology_that_contradicts_itself_is_refused(tmp_path: Path, topology: Topology, mistake: str) -> None:
    with pytest.raises(SettingsError, match=mistake):
        EmbeddedBus(tmp_path, topology)


def test_a_damaged_list_of_topics_is_named(tmp_path: Path) -> None:
    bus_in(tmp_path)
    (tmp_path / "topology.json").write_text("{")
    with pytest.raises(SettingsError, match=r"topology\.json: damaged"):
        bus_in(tmp_path)


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match=r"file/bus.*writable directory"):
        bus_in(tmp_path / "file" / "bus")


def test_logs_are_not_readable_by_everybody(tmp_path: Path) -> None:
    def rights() -> list[int]:
        return [path.stat().st_mode & 0o007 for path in tmp_path.glob("feed-0.db*")]

    async def scenario() -> None:
        bus = bus_in(tmp_path)
        claim = await bus.claim("feed", 0)
        await claim.commit([Message("in", b"", b"a")])
        assert rights() == [0, 0, 0]
        await bus.close()

    asyncio.run(scenario())

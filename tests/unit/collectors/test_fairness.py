"""A noisy source costs itself: the others keep their turn, their room and their latency."""

import asyncio
import socket
from bisect import bisect_right
from collections import Counter
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.fairness import NAMED, QUANTUM, FairQueue, Noise, OverShareError
from collectors.intake import Intake
from collectors.syslog_tcp import SyslogTcp
from collectors.syslog_udp import SyslogUdp
from soc.model import RawRecord
from tests.unit.collectors.support.memory_claim import MemoryLog
from tests.unit.collectors.support.running import Stepped, running, until

NOW = Stepped()()


def record(source: str, data: bytes) -> RawRecord:
    return RawRecord(data, NOW, "test", f"{source}:514", source)


# ── the queue ─────────────────────────────────────────────────────────────────────────────────────────────────────────


ITEMS = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 3 * QUANTUM)), max_size=60)


@settings(deadline=None)
@given(ITEMS, st.integers(1, 8 * QUANTUM), st.integers(1, 40))
def test_everything_comes_out_once_in_the_order_of_its_source_within_the_limits(
    items: list[tuple[str, int]], max_bytes: int, max_records: int
):
    queue = FairQueue[tuple[str, int, int]](1 << 40)
    for number, (source, size) in enumerate(items):
        queue.put(source, (source, number, size), size, 1)
    taken: list[tuple[str, int, int]] = []
    while queue:
        batch = queue.take(max_bytes, max_records)
        assert len(batch) == 1 or sum(size for _, _, size in batch) <= max_bytes
        assert 1 <= len(batch) <= max_records
        taken += batch
        for source, _, size in batch:
            queue.release(source, size)
    assert sorted(number for _, number, _ in taken) == list(range(len(items)))
    for lane in "abcd":
        mine = [number for source, number, _ in taken if source == lane]
        assert mine == sorted(mine)
    assert (queue.held, queue._of, len(queue)) == (0, {}, 0)


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(20, 100), st.integers(100, 5000))
def test_a_quiet_source_is_in_the_next_batch_whatever_waits(others: int, depth: int, max_records: int):
    queue = FairQueue[str](1 << 40)
    for _ in range(depth):
        for number in range(others):
            queue.put(f"noisy{number}", "noise", 100_000, 300)
    while any(f"noisy{number}" in queue._new for number in range(others)):
        queue.take(1 << 30, max_records)
    queue.put("quiet", "line", 300, 1)
    assert "line" in queue.take(1 << 30, max_records)


def test_noisy_sources_share_batches_by_bytes():
    queue = FairQueue[str](1 << 40)
    for _ in range(2000):
        queue.put("many small", "small", 1_000, 1)
        queue.put("few large", "large", 50_000, 1)
    taken = Counter[str]()
    for _ in range(4):
        taken.update(queue.take(8 * QUANTUM, 1 << 30))
    assert 0.5 < taken["small"] * 1_000 / (taken["large"] * 50_000) < 2


def test_alone_a_source_has_three_quarters_of_the_room_and_a_part_is_free_for_who_comes_next():
    queue = FairQueue[int](1_000_000)
    counts = Counter[str]()
    for source in ("one", "two", "three"):
        while queue.admits(source):
            queue.put(source, 0, 100, 1)
            counts[source] += 100
    assert counts["one"] == 750_000
    assert counts["two"] > 150_000
    assert counts["three"] > 40_000
    assert queue.admits("a fourth")


def test_while_several_sources_send_batches_are_kept_short():
    queue = FairQueue[int](1 << 40)
    for _ in range(100):
        queue.put("noisy", 0, 1000, 100)
    assert len(queue.take(1 << 30, 4000)) == 40
    queue.put("quiet", 1, 10, 1)
    assert len(queue.take(1 << 30, 4000)) <= 11


def test_names_of_noisy_sources_are_bounded():
    noise = Noise()
    for number in range(NAMED + 50):
        noise.refuse(f"192.0.2.{number}", 2)
    assert len(noise.refused) == NAMED + 1
    assert noise.refused[""] == 100


# ── the intake ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def commits_waited(noisy: int) -> list[int]:
    """For each line of a quiet source, how many commits ended from when it was handed over until it was durable.

    A commit lasts until a line was handed over, and in that time a noisy source hands over ``noisy`` times as much.
    """
    log = MemoryLog()
    intake = Intake(log.open, clock=Stepped(), max_queued_bytes=4_000_000)
    handed_over: list[int] = []
    async with running(intake):
        for _ in range(40):
            log.gate.clear()
            for _ in range(noisy):
                if intake._queue.admits("192.0.2.66"):
                    intake.submit([record("192.0.2.66", b"x" * 900)] * 40)
            handed_over.append(log.commits)
            done = intake.submit([record("192.0.2.7", b"quiet")])
            log.gate.set()
            await done
    ends = list(accumulate(log.batches))
    places = [place for place, line in enumerate(log.lines) if line == b"quiet"]
    durable = [bisect_right(ends, place) + 1 for place in places]
    return [after - before for before, after in zip(handed_over, durable, strict=True)]


def test_beside_a_source_at_fifty_times_its_rate_a_line_is_durable_within_twice_the_commits(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("collectors.intake.MAX_BATCH_RECORDS", 400)  # so that what the noisy one has waiting takes many
    alone, beside = (asyncio.run(commits_waited(noisy)) for noisy in (0, 50))
    assert max(alone) == 1
    assert max(beside) <= 2


def test_only_the_source_over_its_share_is_refused_and_it_is_named():
    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped(), max_queued_bytes=1_000_000)
        async with running(intake):
            log.gate.clear()
            while intake._queue.admits("192.0.2.66"):
                intake.submit([record("192.0.2.66", b"x" * 1000)])
            with pytest.raises(OverShareError, match=r"192\.0\.2\.66"):
                intake.submit([record("192.0.2.66", b"x" * 1000)])
            for number in range(100):
                intake.submit([record("192.0.2.7", b"%d" % number)])
            assert intake.noise.refused == {"192.0.2.66": 1}
            log.gate.set()
        assert [line for line in log.lines if len(line) < 1000] == [b"%d" % number for number in range(100)]

    asyncio.run(scenario())


# ── listeners ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def open_from(host: str, listener: SyslogTcp) -> socket.socket:
    sock = socket.socket()
    sock.setblocking(False)
    sock.bind((host, 0))
    await asyncio.get_running_loop().sock_connect(sock, listener.address)
    return sock


def test_over_tcp_only_the_noisy_connections_wait() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped(), max_queued_bytes=400_000)
        listener = SyslogTcp(intake, name="tcp", host="127.0.0.1", port=0, clock=Stepped())
        loop = asyncio.get_running_loop()
        async with running(intake, listener):
            log.gate.clear()
            line = b"<13>" + b"x" * 995 + b"\n"
            noisy = [await open_from("127.0.0.66", listener) for _ in range(8)]
            sending = [asyncio.ensure_future(loop.sock_sendall(sock, line * 20_000)) for sock in noisy]
            await until(lambda: bool(intake.noise.waited))
            quiet = await open_from("127.0.0.7", listener)
            await loop.sock_sendall(quiet, b"<13>quiet\n")
            await until(
                lambda: any(c._source == "127.0.0.7" and not c._held and c._spoke for c in listener.connections)
            )
            assert not any(task.done() for task in sending)
            before = log.commits
            while b"<13>quiet" not in log.lines:
                log.gate.set()
                await asyncio.sleep(0)
                log.gate.clear()
            assert log.commits - before <= 3
            assert set(intake.noise.waited) == {"127.0.0.66"}
            log.gate.set()
            await asyncio.gather(*sending)
            await until(lambda: len(log.outputs) == 160_001, 60)
            assert listener.counters.refused == 0
            for sock in [*noisy, quiet]:
                sock.close()

    asyncio.run(scenario())


def test_over_udp_a_flood_costs_its_own_sender_and_it_is_named() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped(), max_queued_bytes=200_000)
        listener = SyslogUdp(intake, name="udp", host="127.0.0.1", port=0, clock=Stepped())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noisy, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as quiet:  # fmt: skip
            noisy.bind(("127.0.0.66", 0))
            quiet.bind(("127.0.0.7", 0))
            async with running(intake, listener):
                log.gate.clear()
                for burst in range(50):
                    for _ in range(50):
                        noisy.sendto(b"x" * 900, listener.address or ("", 0))
                    quiet.sendto(b"quiet %d" % burst, listener.address or ("", 0))
                    await asyncio.sleep(0.001)
                await until(lambda: intake.noise.refused.get("127.0.0.66", 0) > 0)
                log.gate.set()
                await until(lambda: listener.counters.received + listener.counters.refused == 50 * 51)
        assert [line for line in log.lines if line.startswith(b"quiet")] == [b"quiet %d" % n for n in range(50)]
        assert set(intake.noise.refused) == {"127.0.0.66"}
        assert listener.counters.refused_share == listener.counters.refused == intake.noise.refused["127.0.0.66"]

    asyncio.run(scenario())

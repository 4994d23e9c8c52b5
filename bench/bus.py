"""Measures the embedded bus beside bare SQLite and a plain file, on the same disk in the same run; prints one JSON object.

    python bench/bus.py [--batches 200] [--directory DIR]

Each writer commits batches of 2,000 records of 600 bytes durably (fsync at every commit): the bus through its port, one
output topic with keys, state and position included; bare SQLite as one row a record; the file as one write and fsync a
batch. They take turns, batch by batch, so that a busy machine slows all alike. Then the bus is read through a claim.
"""

import argparse
import asyncio
import json
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from soc.bus.base import Message, Stage, Topology
from soc.bus.embedded import EmbeddedBus

RECORDS = 2000
VALUE_BYTES = 600
TOPOLOGY = Topology((Stage("feed", (), ("in",), 1), Stage("work", ("in",), (), 2)), {"in": 2})


def _summary(seconds: list[float], records: int) -> dict[str, float]:
    cuts = statistics.quantiles(seconds, n=100)
    return {
        "records_per_second": round(records * len(seconds) / sum(seconds)),
        "commit_p50_ms": round(cuts[49] * 1000, 2),
        "commit_p99_ms": round(cuts[98] * 1000, 2),
    }


def _bare_sqlite(directory: Path, rows: list[tuple[bytes, bytes]]) -> Callable[[], None]:
    connection = sqlite3.connect(directory / "bare.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE log (id INTEGER PRIMARY KEY, key BLOB, value BLOB)")

    def turn() -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO log (key, value) VALUES (?, ?)", rows)
        connection.execute("COMMIT")

    return turn


def _file(directory: Path, rows: list[tuple[bytes, bytes]]) -> Callable[[], None]:
    descriptor = os.open(directory / "append.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def turn() -> None:
        os.write(descriptor, b"".join(key + value for key, value in rows))
        os.fsync(descriptor)

    return turn


def _timed(turn: Callable[[], None]) -> float:
    before = time.perf_counter()
    turn()
    return time.perf_counter() - before


async def measure(directory: Path, batches: int) -> dict[str, object]:
    """All three writers in turns, then the reading and the latency of commits of one record."""
    rows = [(b"host-%d" % (number % 50), os.urandom(VALUE_BYTES // 2).hex().encode()) for number in range(RECORDS)]
    messages = [Message("in", key, value) for key, value in rows]
    bus = EmbeddedBus(directory / "bus", TOPOLOGY)
    feed = await bus.claim("feed", 0)
    sqlite_turn, file_turn = _bare_sqlite(directory, rows), _file(directory, rows)
    seconds: dict[str, list[float]] = {"bus": [], "sqlite_rows": [], "file_fsync": []}
    for number in range(batches):
        before = time.perf_counter()
        await feed.commit(messages, {b"count": b"%d" % number})
        seconds["bus"].append(time.perf_counter() - before)
        seconds["sqlite_rows"].append(_timed(sqlite_turn))
        seconds["file_fsync"].append(_timed(file_turn))
    single: list[float] = []
    for _ in range(200):
        before = time.perf_counter()
        await feed.commit(messages[:1])
        single.append(time.perf_counter() - before)
    await feed.release()
    count, before = 0, time.perf_counter()
    for partition in range(2):
        work = await bus.claim("work", partition)
        while records := await work.fetch(RECORDS, 0):
            count += len(records)
    reading = time.perf_counter() - before
    assert count == batches * RECORDS + 200
    await bus.close()
    return {
        "write": {name: _summary(values, RECORDS) for name, values in seconds.items()},
        "write_one_record": _summary(single, 1),
        "read": {"bus": {"records_per_second": round(count / reading)}},
        "record_bytes": VALUE_BYTES,
        "batch_records": RECORDS,
        "batches": batches,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=200)
    parser.add_argument(
        "--directory", type=Path, default=None, help="on the disk to measure; default: the system's temporary one"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
        print(json.dumps(asyncio.run(measure(Path(directory), arguments.batches)), indent=2))


if __name__ == "__main__":
    main()

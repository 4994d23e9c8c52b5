"""Measures what owning partitions costs when nothing comes in, and what watermarks cost; prints one JSON object.

    python bench/claims.py [--partitions 24] [--seconds 20] [--server HOST:PORT]

One process claims every partition of a stage at once and runs the loop of ``soc.pipeline.loop`` over them: first with nothing to
do, then sending one watermark a second from each partition to each partition, as the engine does while lines come in. CPU
seconds are of this process and, where the broker is started here, of the broker. Without ``--server`` one is started from the
tests' Maven project.
"""

import argparse
import asyncio
import json
import os
import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from soc.bus.base import Message, Record, Stage, Topology, Worker
from soc.bus.kafka import KafkaBus
from soc.clock import Micros, now
from soc.pipeline.loop import Work, run_stage
from soc.pipeline.workers import run_share
from soc.settings import KafkaSettings

MARK = b"m" * 40


class Idle:
    """A stage that does nothing, or tells every partition the time once a second."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._said: Micros = 0
        self.telling = False

    def restore(self, state) -> None:
        """Nothing is kept."""

    async def step(self, records: Sequence[Record], now: Micros) -> Work:  # noqa: ARG002
        """One watermark to each partition, if it is time."""
        work = Work()
        if self.telling and now - self._said >= 1_000_000:
            self._said = now
            work.outputs += [Message("out", b"", MARK, partition) for partition in range(self._partitions)]
            work.state[b"mark"] = MARK
        return work


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _connections(port: int) -> int:
    """Established connections of this process to a port."""
    ours = {str(one.readlink()) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()}
    rows = [row.split() for row in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    return sum(
        f"socket:[{row[9]}]" in ours for row in rows if row[3] == "01" and int(row[2].rpartition(":")[2], 16) == port
    )


async def _during(seconds: float, pids: dict[str, int]) -> dict[str, float]:
    before = {name: _cpu(pid) for name, pid in pids.items()}
    start = time.perf_counter()
    await asyncio.sleep(seconds)
    minutes = (time.perf_counter() - start) / 60
    return {
        f"{name}_cpu_seconds_per_minute": round((_cpu(pid) - before[name]) / minutes, 2) for name, pid in pids.items()
    }


async def measure(server: str, partitions: int, seconds: float, broker: int) -> dict[str, object]:
    """Claim everything, idle, tell the time."""
    topology = Topology((Stage("work", ("in",), ("out",), partitions),), {"in": partitions, "out": partitions})
    bus = KafkaBus(KafkaSettings(servers=(server,), prefix=f"bench.{secrets.token_hex(3)}."), topology)
    await bus.prepare()
    stages = [Idle(partitions) for _ in range(partitions)]
    stop, owned = asyncio.Event(), asyncio.Event()
    pids = {"own": os.getpid()} | ({"broker": broker} if broker else {})
    port = int(server.rpartition(":")[2])
    found: dict[str, object] = {"partitions": partitions}

    async def run(partition, ended, ready) -> None:
        await run_stage(bus, "work", partition, lambda: stages[partition], clock=now, stop=ended, ready=ready)

    async def first():
        async for share in bus.shares("work", Worker()):
            found.setdefault("group_seconds", round(time.perf_counter() - start, 1))
            yield share

    start = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            run_share("work", first(), run, stop=stop, ready=lambda is_ready: owned.set() if is_ready else None)
        )
        await owned.wait()
        found["owned_seconds"] = round(time.perf_counter() - start, 1)
        await asyncio.sleep(2)
        found["connections"] = _connections(port)
        found["idle"] = await _during(seconds, pids)
        for stage in stages:
            stage.telling = True
        await asyncio.sleep(2)
        found["telling_the_time"] = await _during(seconds, pids)
        stop.set()
    await bus.close()
    return found | {"load_average": round(os.getloadavg()[0], 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--partitions", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--server", default="", help="a running broker; default: one is started")
    parser.add_argument("--broker-pid", type=int, default=0, help="measure it too")
    arguments = parser.parse_args()
    server, broker = arguments.server, arguments.broker_pid
    if not server:
        sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
        from live import kafka_server  # noqa: PLC0415 - only if there is no broker

        reason = kafka_server.missing()
        if reason:
            print(json.dumps({"not_measured": reason}))
            return
        started = kafka_server.shared()
        server, broker = started.bootstrap, started._process.pid  # noqa: SLF001
    print(json.dumps(asyncio.run(measure(server, arguments.partitions, arguments.seconds, broker)), indent=2))


if __name__ == "__main__":
    main()

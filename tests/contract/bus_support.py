"""What the bus contract needs beside the port: one harness per adapter, a stage that counts, and that stage as a child process.

Run as a program (``bus_support.py ADAPTER PLACE STEP TIMES``) it is the child: it works until its input is used up, and
kills itself with SIGKILL when STEP happens for the TIMES-th time.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, get_args

from soc.bus.base import Bus, Claim, Message, Reader, Record, Stage, Step, Topology
from soc.bus.embedded import EmbeddedBus
from soc.clock import Clock, now

STEPS: tuple[Step, ...] = get_args(Step)

TOPOLOGY = Topology(
    (
        Stage("feed", (), ("in", "hops"), 1),
        Stage("side", (), ("in",), 1),
        Stage("work", ("in",), ("out",), 2),
        Stage("chain", ("hops",), ("hops", "out"), 1),
        Stage("sink", ("out",), (), 1),
    ),
    {"in": 2, "out": 1, "hops": 1},
)


class Harness(Protocol):
    """One installation of one adapter."""

    name: str
    place: str

    def open(
        self, topology: Topology = TOPOLOGY, *, clock: Clock = now, on_step: Callable[[Step], None] | None = None
    ) -> Bus:
        """Open it, as one more process would."""
        ...

    def save(self, stage: str) -> object:
        """A back-up of the log of partition 0 of a stage; nobody has it claimed."""
        ...

    def restore(self, stage: str, copy: object) -> None:
        """Put the back-up in the place of the log; nobody has it claimed."""
        ...

    def fill(self, claim: Claim) -> None:
        """Make the disk under this claim's log full."""
        ...

    def drain(self, claim: Claim) -> None:
        """Give it room again."""
        ...


class EmbeddedHarness:
    """A directory."""

    name = "embedded"

    def __init__(self, place: str) -> None:
        self.place = place

    def open(
        self, topology: Topology = TOPOLOGY, *, clock: Clock = now, on_step: Callable[[Step], None] | None = None
    ) -> Bus:
        return EmbeddedBus(Path(self.place), topology, clock=clock, on_step=on_step)

    def save(self, stage: str) -> object:
        path = Path(self.place) / f"{stage}-0.db"
        assert not Path(f"{path}-wal").exists(), "somebody has the log open: a copy would not be a back-up"
        copy = path.with_suffix(".backup")
        shutil.copyfile(path, copy)
        return copy

    def restore(self, stage: str, copy: object) -> None:
        path = Path(self.place) / f"{stage}-0.db"
        assert not Path(f"{path}-wal").exists()
        assert isinstance(copy, Path)
        shutil.copyfile(copy, path)

    def fill(self, claim: Claim) -> None:
        claim._connection.execute("PRAGMA max_page_count = 1")  # clamped to what the file has now

    def drain(self, claim: Claim) -> None:
        claim._connection.execute("PRAGMA max_page_count = 1000000000")


ADAPTERS: dict[str, Callable[[str], Harness]] = {EmbeddedHarness.name: EmbeddedHarness}


async def put(claim: Claim, values: Sequence[str], *, topic: str = "in", partition: int = 0) -> None:
    """Commit values to one partition."""
    await claim.commit([Message(topic, b"", value.encode(), partition) for value in values])


async def feed(bus: Bus, values: Sequence[str], *, topic: str = "in", partition: int = 0, stage: str = "feed") -> None:
    """Claim a feeding stage, commit values, release."""
    claim = await bus.claim(stage, 0)
    await put(claim, values, topic=topic, partition=partition)
    await claim.release()


async def everything(source: Claim | Reader, *, limit: int = 1000, patience: float = 0.0) -> list[Record]:
    """Fetch until nothing comes for ``patience`` seconds."""
    found: list[Record] = []
    while records := await source.fetch(limit, patience):
        found += records
    return found


async def values_of(bus: Bus, topic: str) -> list[str]:
    """All committed values of a topic, read without a group."""
    reader = bus.reader([topic])
    found = [record.value.decode() for record in await everything(reader)]
    await reader.close()
    return found


class Counter:
    """The stage of these tests: it numbers its input. The number is its state, so any loss or repeat shows in the output."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.count = int(claim.state.get(b"count", b"0"))

    def outputs(self, records: Sequence[Record]) -> list[Message]:
        found: list[Message] = []
        for record in records:
            found.append(Message("out", record.key, b"%d:%s" % (self.count, record.value)))
            self.count += 1
        return found

    async def turn(self, limit: int = 3, patience: float = 0.0) -> bool:
        """One unit of work; whether there was any."""
        records = await self.claim.fetch(limit, patience)
        if records:
            await self.claim.commit(self.outputs(records), {b"count": b"%d" % self.count})
        return bool(records)

    async def run(self, limit: int = 3, patience: float = 0.0) -> None:
        """Work until the input is used up."""
        while await self.turn(limit, patience):
            pass


async def finish(bus: Bus, limit: int = 3) -> None:
    """A new owner of work-0 works off what is left."""
    claim = await bus.claim("work", 0)
    await Counter(claim).run(limit)
    await claim.release()


def numbered(values: Sequence[str]) -> list[str]:
    """What the counting stage makes of these inputs, exactly once."""
    return [f"{number}:{value}" for number, value in enumerate(values)]


def start_child(harness: Harness, step: str = "-", times: int = 1) -> subprocess.Popen[bytes]:
    """The counting stage in a process of its own."""
    command = [sys.executable, __file__, harness.name, harness.place, step, str(times)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


async def _child(adapter: str, place: str, fatal: str, times: int) -> None:
    seen = 0

    def on_step(step: Step) -> None:
        nonlocal seen
        seen += step == fatal
        if step == fatal and seen == times:
            os.kill(os.getpid(), signal.SIGKILL)

    bus = ADAPTERS[adapter](place).open(on_step=on_step)
    claim = await bus.claim("work", 0)
    print("claimed", flush=True)
    await Counter(claim).run(patience=0.3)
    await bus.close()


if __name__ == "__main__":
    asyncio.run(_child(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))

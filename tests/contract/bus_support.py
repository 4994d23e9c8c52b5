"""What the bus contract needs beside the port: one harness per adapter, a stage that counts, and that stage as a child process.

Run as a program (``bus_support.py ADAPTER PLACE STEP TIMES``) it is the child: it works until its input is used up, and
kills itself with SIGKILL when STEP happens for the TIMES-th time.
"""

import asyncio
import os
import secrets
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


class KafkaHarness:
    """A prefix on a real broker. ``place`` is ``host:port/prefix``, or any directory: then on the broker of this test session."""

    name = "kafka"

    def __init__(self, place: str) -> None:
        if place.startswith("/"):
            from live import kafka_server

            kafka_server.need()
            place = f"{kafka_server.shared().bootstrap}/{secrets.token_hex(4)}."
        self.place = place

    def open(
        self, topology: Topology = TOPOLOGY, *, clock: Clock = now, on_step: Callable[[Step], None] | None = None
    ) -> Bus:
        from soc.bus.kafka import KafkaBus
        from soc.settings import KafkaSettings

        server, _, prefix = self.place.partition("/")
        settings = KafkaSettings(servers=(server,), prefix=prefix)
        bus = KafkaBus(settings, topology, clock=clock, on_step=on_step)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            asyncio.run(_prepare(bus))  # what the embedded bus does when it is made, this one does at its first call
        return bus

    def save(self, stage: str) -> object:
        raise NotImplementedError("a broker's log is no file of one stage: see tests/live/test_bus_kafka.py")

    def restore(self, stage: str, copy: object) -> None:
        raise NotImplementedError("a broker's log is no file of one stage: see tests/live/test_bus_kafka.py")

    def fill(self, claim: Claim) -> None:
        raise NotImplementedError("a broker whose disk is full stops; it does not push back")

    def drain(self, claim: Claim) -> None:
        raise NotImplementedError("a broker whose disk is full stops; it does not push back")


async def _prepare(bus) -> None:
    try:
        await bus.prepare()
    finally:
        await bus.close()


ADAPTERS: dict[str, Callable[[str], Harness]] = {EmbeddedHarness.name: EmbeddedHarness, KafkaHarness.name: KafkaHarness}

OTHERWISE_ON_KAFKA = {
    # Markers of transactions take offsets, so numbers of records and ends are others than in a log of records alone.
    "test_a_reader_sees_all_partitions_from_the_oldest_or_from_given_positions",
    "test_lag_tells_how_far_behind_a_stage_is_and_since_when",
    "test_a_registered_stage_slower_than_retention_loses_nothing",
    "test_a_stage_goes_on_after_everything_it_read_was_trimmed",
    "test_only_what_is_older_than_the_age_goes",
    "test_past_the_size_the_oldest_of_all_logs_go_first",
    "test_a_reader_without_a_group_is_overtaken_and_told_how_much_it_missed",
    "test_owners_append_and_read_on_while_others_trim",
    # One partition is one log: there is no second one that could be kept waiting.
    "test_a_busy_log_does_not_keep_another_from_being_read",
    # A broker whose disk is full stops.
    "test_a_full_disk_pushes_back_writes_nothing_and_recovers",
    # Files rolled back; on Kafka topics deleted and made anew, and partitions rolled back.
    "test_the_reader_of_a_rolled_back_log_stops_and_names_both_numbers",
    "test_the_writer_of_a_rolled_back_log_stops_before_its_first_append",
    "test_a_log_rolled_back_and_appended_beyond_the_position_stops_its_reader_too",
    "test_a_log_rolled_back_under_a_running_reader_stops_it_at_the_next_fetch",
    "test_problems_tells_what_the_claims_would_stop_at",
    "test_rolling_back_what_nobody_had_read_beyond_is_no_mismatch",
    "test_a_rolled_back_stage_works_off_its_input_again_but_its_reader_stops",
}
"""Contract tests whose wording is the embedded log's; each has its counterpart in ``tests/live/test_bus_kafka.py``."""


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

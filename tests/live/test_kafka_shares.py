"""Workers join, leave, die, hang and restart on a real broker: who owns what follows, and every input is counted exactly once.

Run as a program (``test_kafka_shares.py SERVER PREFIX NAME SESSION [STEP]``) it is one worker: it numbers the records of each of
its partitions, says on stdout what happens to it, and stops itself with SIGSTOP at the first STEP after a line on stdin.
"""

import asyncio
import os
import secrets
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Self

import pytest
from live import kafka_server

from soc.bus import kafka_claim
from soc.bus.base import Message, Record, Stage, Topology, Worker
from soc.bus.kafka import KafkaBus
from soc.clock import now
from soc.errors import SettingsError
from soc.pipeline.loop import Work, run_stage
from soc.pipeline.workers import run_share
from soc.settings import KafkaSettings

pytestmark = pytest.mark.live

PARTITIONS = 4
TOPOLOGY = Topology(
    (Stage("feed", (), ("in",), 1), Stage("work", ("in",), ("out",), PARTITIONS)), {"in": PARTITIONS, "out": PARTITIONS}
)
SESSION = 6.0
RESTART_SESSION = 15.0
"""Long enough for a process to start again on a busy machine."""
LONG_SESSION = 120.0
TRANSACTION_MILLISECONDS = 8000
EVERYTHING = frozenset(range(PARTITIONS))
PATIENCE = 60.0


class Numbering:
    """Numbers its input; the number is its state, so that any loss or repeat shows."""

    def __init__(self, name: str, partition: int) -> None:
        self.name, self.partition, self.count = name, partition, 0

    def restore(self, state) -> None:
        self.count = int(state.get(b"count", b"0"))
        say(f"owns {self.partition}")

    async def step(self, records: Sequence[Record], now) -> Work:
        work = Work()
        for record in records:
            value = b"%d %s %s" % (self.count, self.name.encode(), record.value)
            work.outputs.append(Message("out", b"", value, self.partition))
            self.count += 1
        if records:
            work.state[b"count"] = b"%d" % self.count
        return work


def say(what: str) -> None:
    print(what, flush=True)


async def work(server: str, prefix: str, name: str, session: str, step: str) -> None:
    kafka_claim.TRANSACTION_MILLISECONDS = TRANSACTION_MILLISECONDS
    stop, armed = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_reader(sys.stdin, lambda: sys.stdin.readline() and armed.set())

    def on_step(happened: str) -> None:
        if happened == step and armed.is_set():
            armed.clear()
            say("stopping")
            os.kill(os.getpid(), signal.SIGSTOP)

    settings = KafkaSettings(servers=(server,), prefix=prefix, session_seconds=float(session))
    bus = KafkaBus(settings, TOPOLOGY, on_step=on_step)

    async def shares():
        async for share in bus.shares("work", Worker(name)):
            say("share " + " ".join(map(str, sorted(share))))
            yield share

    async def run(partition, ended, ready) -> None:
        make = partial(Numbering, name, partition)
        await run_stage(bus, "work", partition, make, clock=now, stop=ended, ready=ready, take_over_wait=10)

    try:
        await run_share("work", shares(), run, stop=stop, fenced_seconds=3)
    except* SettingsError as wrong:
        say(f"wrong {wrong.exceptions[0]}")
    finally:
        await bus.close()


class Child:
    """One worker as a process; what it said."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name, self.process = name, process
        self.said: list[str] = []
        self.reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            self.said.append(line.decode().strip())

    @property
    def share(self) -> frozenset[int]:
        """The newest share."""
        for line in reversed(self.said):
            if line.startswith("share"):
                return frozenset(map(int, line.split()[1:]))
        return frozenset()

    def owned(self, since: int = 0) -> list[int]:
        """The partitions it has claimed since it had said so many lines, in order, each as often as it was claimed."""
        return [int(line.split()[1]) for line in self.said[since:] if line.startswith("owns")]

    async def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process.returncode is None:
            self.process.send_signal(how)
        async with asyncio.timeout(PATIENCE):
            await self.process.wait()
            await self.reading


class Workers:
    """An installation with some workers and a feed that never pauses."""

    def __init__(self) -> None:
        kafka_server.need()
        self.server = kafka_server.shared().bootstrap
        self.prefix = f"{secrets.token_hex(4)}."
        self.children: list[Child] = []
        self.sent = [0] * PARTITIONS
        self.bus = KafkaBus(KafkaSettings(servers=(self.server,), prefix=self.prefix), TOPOLOGY)

    async def __aenter__(self) -> Self:
        await self.bus.prepare()
        self._stop = asyncio.Event()
        self._feeding = asyncio.ensure_future(self._feed())
        return self

    async def __aexit__(self, *_) -> None:
        self._stop.set()
        await self._feeding
        for child in self.children:
            if child.process.returncode is None:
                child.process.send_signal(signal.SIGCONT)
                await child.end(signal.SIGKILL)
        await self.bus.close()

    async def start(self, name: str, *, session: float = SESSION, step: str = "") -> Child:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *(__file__, self.server, self.prefix, name, str(session), step),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        )
        child = Child(name, process)
        self.children.append(child)
        return child

    async def settled(self, *children: Child) -> None:
        """Until these have all partitions, each once, evenly, and own them."""

        def well() -> bool:
            shares = [child.share for child in children]
            sizes = sorted(map(len, shares))
            whole = sorted(one for share in shares for one in share) == sorted(EVERYTHING)
            return whole and sizes[-1] - sizes[0] <= 1 and all(child.share <= {*child.owned()} for child in children)

        await self.until(well)

    async def until(self, happened) -> None:
        for _ in range(round(PATIENCE / 0.05)):
            if happened():
                return
            await asyncio.sleep(0.05)
        pytest.fail(f"did not happen: { {child.name: child.said for child in self.children} }")

    async def counted(self) -> None:
        """End the feed; every input is in the output, numbered once and in order."""
        self._stop.set()
        await self._feeding
        reader = self.bus.reader(["out"])
        found: list[list[bytes]] = [[] for _ in range(PARTITIONS)]
        async with asyncio.timeout(PATIENCE):
            while sum(map(len, found)) < sum(self.sent):
                for record in await reader.fetch(1000, 1):
                    found[record.partition].append(record.value)
        found_more = await reader.fetch(1000, 1)
        await reader.close()
        assert not found_more
        for values, sent in zip(found, self.sent, strict=True):
            assert [value.split()[0] for value in values] == [b"%d" % number for number in range(sent)]
            assert [value.split()[2] for value in values] == [b"line-%d" % number for number in range(sent)]

    async def _feed(self) -> None:
        claim = await self.bus.claim("feed", 0)
        while not self._stop.is_set():
            messages = []
            for partition in range(PARTITIONS):
                messages += [
                    Message("in", b"", b"line-%d" % (self.sent[partition] + more), partition) for more in range(3)
                ]
                self.sent[partition] += 3
            await claim.commit(messages)
            await asyncio.sleep(0.05)
        await claim.release()


def test_workers_join_and_leave_at_once_and_what_stays_with_one_is_not_interrupted():
    async def main():
        async with Workers() as workers:
            first = await workers.start("0-0", session=LONG_SESSION)
            await workers.settled(first)
            second = await workers.start("1-0", session=LONG_SESSION)
            await workers.settled(first, second)
            third = await workers.start("2-0", session=LONG_SESSION)
            await workers.settled(first, second, third)
            assert sorted(first.owned()) == sorted(EVERYTHING)  # each claimed once: nothing was interrupted
            await second.end()  # long before its session is over
            await workers.settled(first, third)
            kept = [one for one in third.owned() if one in third.share]
            assert len(kept) == len({*kept})
            await workers.counted()

    asyncio.run(main())


def test_a_killed_worker_that_comes_back_finds_its_share_and_one_that_does_not_loses_it_after_its_session():
    async def main():
        async with Workers() as workers:
            first = await workers.start("0-0", session=RESTART_SESSION)
            second = await workers.start("1-0", session=RESTART_SESSION)
            await workers.settled(first, second)
            had = second.share
            await second.end(signal.SIGKILL)
            second = await workers.start("1-0", session=RESTART_SESSION)
            await workers.until(lambda: second.share == had and had <= {*second.owned()})
            shares = [line for line in first.said if line.startswith("share")]
            await asyncio.sleep(1.2 * RESTART_SESSION)
            assert [line for line in first.said if line.startswith("share")] == shares  # nobody was told anything
            await second.end(signal.SIGKILL)
            await workers.settled(first)
            await workers.counted()

    asyncio.run(main())


@pytest.mark.parametrize("step", ["outputs_written", "fetched"])
def test_a_worker_stopped_past_session_and_transaction_is_fenced_and_comes_back_to_a_share(step):
    async def main():
        async with Workers() as workers:
            sleeper, other = await workers.start("0-0", step=step), await workers.start("1-0")
            await workers.settled(sleeper, other)
            sleeper.process.stdin.write(b"now\n")
            await workers.until(lambda: other.share == EVERYTHING <= {*other.owned()})
            await asyncio.sleep(TRANSACTION_MILLISECONDS / 1000 - SESSION + 2)
            before = len(sleeper.said)
            sleeper.process.send_signal(signal.SIGCONT)
            # It hears that nothing is its own any more, and then claims anew what it is given.
            await workers.until(lambda: "share" in sleeper.said[before:])
            await workers.until(lambda: sleeper.share and sleeper.share <= {*sleeper.owned(before)})
            await workers.settled(sleeper, other)
            await workers.counted()

    asyncio.run(main())


def test_a_rolling_restart_keeps_every_count():
    async def main():
        async with Workers() as workers:
            running = [await workers.start(f"{number}-0", session=LONG_SESSION) for number in range(3)]
            await workers.settled(*running)
            for number in range(3):
                await running[number].end()
                running[number] = await workers.start(f"{number}-0", session=LONG_SESSION)
                await workers.settled(*running)
            await workers.counted()

    asyncio.run(main())


def test_the_second_of_a_name_takes_over_and_the_first_is_told_which_setting_is_wrong():
    async def main():
        async with Workers() as workers:
            first = await workers.start("0-0")
            await workers.settled(first)
            second = await workers.start("0-0")
            await workers.until(lambda: any(line.startswith("wrong") for line in first.said))
            await first.end()
            assert "[kafka] instance" in first.said[-1]
            await workers.settled(second)
            await workers.counted()

    asyncio.run(main())


def test_a_share_stays_while_the_broker_is_away_and_the_group_is_found_again(tmp_path):
    async def main():
        kafka_server.need()
        broker = kafka_server.Broker(tmp_path / "kafka").start()
        settings = KafkaSettings(servers=(broker.bootstrap,), session_seconds=SESSION)
        bus = KafkaBus(settings, TOPOLOGY)
        newest: dict[str, list[frozenset[int]]] = {"0-0": [], "1-0": []}

        async def follow(name) -> None:
            async for share in bus.shares("work", Worker(name)):
                newest[name].append(share)

        async def until(happened) -> None:
            async with asyncio.timeout(PATIENCE):
                while not happened():  # noqa: ASYNC110 - a test waits for what others do
                    await asyncio.sleep(0.05)

        try:
            first = asyncio.ensure_future(follow("0-0"))
            await until(lambda: newest["0-0"] == [EVERYTHING])
            await asyncio.to_thread(broker.kill)
            await asyncio.sleep(1.5 * SESSION)
            await asyncio.to_thread(broker.start)
            await asyncio.sleep(2)
            assert newest["0-0"] == [EVERYTHING]
            second = asyncio.ensure_future(follow("1-0"))
            await until(lambda: newest["1-0"] and newest["0-0"][-1] | newest["1-0"][-1] == EVERYTHING)
            assert len(newest["0-0"][-1]) == len(newest["1-0"][-1]) == PARTITIONS // 2
            for task in (first, second):
                task.cancel()
            await asyncio.wait({first, second})
        finally:
            await bus.close()
            broker.stop()

    asyncio.run(main())


if __name__ == "__main__":
    asyncio.run(work(*sys.argv[1:6]))

"""A change of rules on a real broker: two engines that get ready at different times, one killed in between, three partitions of correlate."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import pytest
from live import kafka_server
from unit.pipeline.rule_sets_support import base, counting, published

from soc.bus.base import Message, partition_of
from soc.bus.kafka import KafkaBus
from soc.clock import SECOND, Micros, now, to_iso
from soc.model import Bundle, Episode, RawRecord, decode, encode
from soc.normalize.normalizer import Normalizer
from soc.pipeline import pace, reload
from soc.pipeline.correlate import Correlate, CorrelateSettings
from soc.pipeline.engine import Engine, EngineParts
from soc.pipeline.loop import run_stage
from soc.pipeline.reload import FollowedRules
from soc.pipeline.rules_status import RulesStatus, look_at_rules
from soc.pipeline.ruleset import RuleSets, publish, replace_current
from soc.pipeline.table import EPISODES, RAW, topology
from soc.settings import KafkaSettings, SourceProfile
from soc.sigma.load import load
from soc.sigma.ruleset import RuleSet

pytestmark = pytest.mark.live

PARTITIONS = 3
SAME = base("failed", "Failed password"), counting("same", "failed", 4)
OLD = published(*SAME, counting("changed", "failed", 5), counting("removed", "failed", 3))
NEW = published(*SAME, counting("changed", "failed", 2), counting("added", "failed", 3))
LATENESS: Micros = 600 * SECOND
SOURCES = ("a", "b")


class Engines:
    """The engine of one raw partition, with a bus and rules of its own, as another process has them."""

    def __init__(self, settings: KafkaSettings, partition: int) -> None:
        self.gate = asyncio.Event()
        self.rules: FollowedRules | None = None
        self._settings, self._partition = settings, partition

    async def run(self) -> None:
        """Until cancelled, which is how it is killed: nothing is released in order."""
        bus = KafkaBus(self._settings, topology(PARTITIONS))
        sets = RuleSets(bus)
        try:
            await sets.refresh()
            self.rules = FollowedRules(sets, self._compile)
            await self.rules.start()
            profiles = (SourceProfile(name="all", product="linux"),)
            normalizer = Normalizer(profiles, timezone="UTC", lateness=LATENESS, future_skew=5 * SECOND)
            parts = EngineParts(normalizer, self.rules, PARTITIONS, LATENESS, 60 * SECOND)
            make = partial(Engine, parts, self._partition)
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.rules.follow(stop))
                tasks.create_task(run_stage(bus, "engine", self._partition, make, clock=now, stop=stop))
        finally:
            await bus.close()

    async def _compile(self, bundle: Bundle) -> RuleSet:
        if bundle.hash == NEW.hash:
            await self.gate.wait()
        return load(bundle)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await holds():  # noqa: ASYNC110 - brokers tell nobody
            await asyncio.sleep(0.2)


class Scene:
    """What the test does to the topics, and what it finds there."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.bus = KafkaBus(settings, topology(PARTITIONS))
        self.sets = RuleSets(self.bus)
        self.sent: dict[str, list[int]] = {source: [] for source in SOURCES}
        self._number = 0
        self._start = now() - 120 * SECOND

    async def send(self, source: str, count: int) -> None:
        """So many failed log-ons from one address, seen by one source."""
        messages: list[Message] = []
        for _ in range(count):
            self._number += 1
            text = f"Failed password for user{self._number} from 203.0.113.7 port {self._number} ssh2"
            line = f"<38>1 {to_iso(self._start + self._number * 100_000)} bastion sshd 1 - - {text}".encode()
            record = RawRecord(line, now(), "tcp", "192.0.2.1:1", source, id=f"{source}{self._number}")
            messages.append(Message(RAW, source.encode(), encode(record)))
        claim = await self.bus.claim("collect", 0)
        await claim.commit(messages)
        await claim.release()

    async def status(self) -> RulesStatus:
        return await look_at_rules(self.bus, self.sets)

    async def read_with(self, partition: int, name: str) -> bool:
        found = {(one.stage, one.partition): one.rule_set for one in (await self.status()).partitions}
        return found.get(("engine", partition)) == name

    async def found(self) -> dict[str, set[str]]:
        """Rule and its set, "same" under either → ids of the members."""
        reader = self.bus.reader([EPISODES])
        newest: dict[str, Episode] = {}
        while records := await reader.fetch(1000, 0.0):
            newest |= {episode.id: episode for episode in (decode(record.value, Episode) for record in records)}
        await reader.close()
        names = {OLD.hash: "old", NEW.hash: "new"}
        live = [episode for episode in newest.values() if episode.state == "live"]
        found = {e.rule if e.rule == "same" else f"{e.rule} {names[e.rule_set]}": set(e.members) for e in live}
        assert len(found) == len(live)
        return found

    async def caught_up(self) -> bool:
        return not any(
            lag.records for lag in await self.bus.lag() if lag.stage in {"engine", "correlate"} and lag.oldest
        )


def test_partitions_that_change_at_different_times_lose_nothing_and_never_go_back(monkeypatch: pytest.MonkeyPatch):
    kafka_server.need()
    monkeypatch.setattr(reload, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(pace, "PACE_SECONDS", 0.0)
    settings = KafkaSettings(servers=(kafka_server.shared().bootstrap,), prefix=f"{secrets.token_hex(4)}.")
    fast, slow = (partition_of(source.encode(), PARTITIONS) for source in SOURCES)
    assert fast != slow

    async def scenario() -> None:
        scene = Scene(settings)
        await publish(scene.bus, OLD)
        engines = {partition: Engines(settings, partition) for partition in range(PARTITIONS)}
        stop = asyncio.Event()
        bounds = CorrelateSettings(LATENESS, PARTITIONS, 1000, 1000)
        async with asyncio.TaskGroup() as tasks:
            running = {partition: tasks.create_task(engine.run()) for partition, engine in engines.items()}
            for partition in range(PARTITIONS):
                make = partial(Correlate, scene.sets, bounds)
                tasks.create_task(run_stage(scene.bus, "correlate", partition, make, clock=now, stop=stop))
            await scene.send("a", 2)
            await scene.send("b", 1)
            for partition in engines:
                await until(partial(scene.read_with, partition, OLD.hash))
            await until(scene.caught_up)

            publication = await replace_current(scene.bus, NEW, await scene.sets.latest())
            assert (publication.changed.added, publication.changed.removed) == (("added",), ("removed",))
            for partition, engine in engines.items():
                if partition != slow:
                    engine.gate.set()
            await until(partial(scene.read_with, fast, NEW.hash))
            await scene.send("a", 3)  # under the new set
            await scene.send("b", 2)  # under the old one: its engine is still compiling
            await until(scene.caught_up)

            running[fast].cancel()  # and another process takes over that has not compiled the new set yet
            with suppress(asyncio.CancelledError):
                await running[fast]
            later = Engines(settings, fast)
            running[fast] = tasks.create_task(later.run())
            await scene.send("a", 1)
            await asyncio.sleep(1)
            later.gate.set()
            engines[slow].gate.set()
            await until(partial(scene.read_with, slow, NEW.hash))
            await scene.send("b", 1)
            await until(scene.caught_up)
            await asyncio.sleep(1)
            await until(scene.caught_up)

            found = await scene.found()
            old, new = {"a1", "a2", "b3", "b7", "b8"}, {"a4", "a5", "a6", "a9", "b10"}
            assert found == {
                "same": old | new,
                "changed old": old,
                "removed old": old,
                "changed new": new,
                "added new": new,
            }
            assert (await scene.status()).everywhere
            stop.set()
            for task in running.values():
                task.cancel()
        await scene.bus.close()

    asyncio.run(scenario())

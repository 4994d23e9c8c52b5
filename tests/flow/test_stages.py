"""The stages on the real embedded bus, in one process: raw lines in, alerts, dead letters and a balance out."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from soc.bus.base import Message
from soc.bus.embedded import EmbeddedBus
from soc.clock import SECOND, now, to_iso
from soc.errors import CommitUnknownError, LogMismatchError
from soc.model import Alert, Bundle, DeadLetter, Episode, RawRecord, decode, encode
from soc.normalize.normalizer import Normalizer
from soc.pipeline.auditing import verify_audit
from soc.pipeline.balance import key
from soc.pipeline.correlate import Correlate, CorrelateSettings
from soc.pipeline.engine import Engine, EngineParts
from soc.pipeline.health_bus import BusEyes, Limits
from soc.pipeline.index import Index, rebuild
from soc.pipeline.loop import StageLogic, run_stage
from soc.pipeline.reconcile import reconcile
from soc.pipeline.reload import OneSet
from soc.pipeline.ruleset import RuleSets, publish, to_published
from soc.pipeline.table import ALERTS, DEADLETTER, EPISODES, RAW, topology
from soc.pipeline.triage import TriageStage
from soc.settings import SourceProfile
from soc.sigma.load import load
from soc.store.embedded import EmbeddedStore
from soc.store.query import parse
from soc.triage.fold import Triage

GUESSING = """
title: Failed password
id: 6f6cc5d7-9d51-4f58-9f0c-0e0d4c3f0001
name: failed
level: low
logsource: {product: linux, service: sshd}
detection: {words: ["Failed password"], condition: words}
---
title: Guessing
id: 6f6cc5d7-9d51-4f58-9f0c-0e0d4c3f0003
level: high
correlation: {type: event_count, rules: [failed], group-by: [source.ip], timespan: 1m, condition: {gte: LEAST}}
"""
LATENESS = 600 * SECOND
PARTITIONS = 2


def line(number: int, at: int, address: str = "203.0.113.7") -> bytes:
    text = f"Failed password for user{number} from {address} port {40000 + number} ssh2"
    return f"<38>1 {to_iso(at)} bastion sshd {number} - - {text}".encode()


class Pipeline:
    """Every stage over one directory."""

    def __init__(self, directory: Path) -> None:
        self.bus = EmbeddedBus(directory / "bus", topology(PARTITIONS))
        self.store = EmbeddedStore(directory / "store.db")
        self.sets = RuleSets(self.bus)

    async def close(self) -> None:
        await self.store.close()
        await self.bus.close()

    async def publish(self, least: int, more: str = "") -> None:
        bundle = Bundle((("guessing.yml", GUESSING.replace("LEAST", str(least)) + more),))
        await publish(self.bus, to_published(bundle, load(bundle)))

    async def collect(self, lines: list[bytes], source: str = "bastion") -> None:
        """Write raw records as the collectors do, with their counts."""
        claim = await self.bus.claim("collect", 0)
        counts = dict(claim.state)
        records = [RawRecord(data, now(), "tcp", "192.0.2.1:1", source) for data in lines]
        for record in records:
            bucket = key(record.received, source)
            counts[bucket] = encode(decode(counts[bucket], int) + 1 if bucket in counts else 1)
        await claim.commit([Message(RAW, source.encode(), encode(record)) for record in records], dict(counts))
        await claim.release()

    async def run(self) -> None:
        """Every stage until all have caught up."""
        rules = load((await self.sets.latest()).bundle)
        profiles = (SourceProfile(name="all", product="linux"),)
        normalizer = Normalizer(profiles, timezone="UTC", lateness=LATENESS, future_skew=5 * SECOND)
        parts = EngineParts(normalizer, OneSet(rules), PARTITIONS, LATENESS, 60 * SECOND)
        bounds = CorrelateSettings(LATENESS, PARTITIONS, 1000, 1000)
        stages: dict[str, Callable[[int], StageLogic]] = {
            "engine": lambda partition: Engine(parts, partition),
            "correlate": lambda _: Correlate(self.sets, bounds),
            "triage": lambda _: TriageStage(
                self.sets, lambda info: Triage(info, window=3600 * SECOND, shared_entities=(), max_degree=25)
            ),
            "index": lambda _: Index(self.store),
        }
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for row in self.bus.topology.stages:
                for partition in range(row.partitions if row.name in stages else 0):
                    make = stages[row.name]
                    logic = partial(make, partition)
                    tasks.create_task(run_stage(self.bus, row.name, partition, logic, clock=now, stop=stop))
            await asyncio.wait_for(self.drained(), 60)
            stop.set()

    async def drained(self) -> None:
        """Until nothing is in flight; nobody forwards here."""
        while True:
            found = await reconcile(self.bus)
            if found.sums.balanced and not found.behind.keys() - {"forward", "notify"}:
                return
            await asyncio.sleep(0.05)

    async def values(self, topic: str, type_: type) -> list:
        reader = self.bus.reader([topic])
        values = []
        while records := await reader.fetch(1000, 0.0):
            values += [decode(record.value, type_) for record in records]
        await reader.close()
        return values


def test_lines_become_an_alert_a_dead_letter_and_a_balance(tmp_path: Path):
    async def scenario() -> None:
        pipeline = Pipeline(tmp_path)
        await pipeline.publish(5)
        at = now() - 30 * SECOND
        await pipeline.collect([line(n, at + n * SECOND) for n in range(6)] + [b"\x00\x01 garbage"])
        assert (await reconcile(pipeline.bus)).sums.in_flight == 7
        await pipeline.run()
        sums = (await reconcile(pipeline.bus)).sums
        assert (sums.raw, sums.normalized + sums.dead) == (7, 7)
        newest = {alert.id: alert for alert in await pipeline.values(ALERTS, Alert)}
        (alert,) = newest.values()
        assert (alert.title, alert.count, dict(alert.group)) == ("Guessing", 6, {"source.ip": "203.0.113.7"})
        assert len(await pipeline.values(DEADLETTER, DeadLetter)) == sums.dead
        assert (await pipeline.store.search("alert", parse("guessing"))).total == 1
        assert not any(chain.fault for chain in await verify_audit(pipeline.bus))
        seen = await BusEyes(pipeline.bus, pipeline.sets, Limits(LATENESS)).look(now())
        assert not [finding for finding in seen.findings if finding.level == "error"]
        assert {lag.stage for lag in seen.lags if lag.records} <= {"forward", "notify"}
        await pipeline.close()

    asyncio.run(scenario())


def test_a_correlation_that_only_feeds_another_raises_no_alert_of_its_own(tmp_path: Path):
    chain = """
---
title: Guessed
id: 6f6cc5d7-9d51-4f58-9f0c-0e0d4c3f0004
level: critical
correlation: {type: event_count, rules: [6f6cc5d7-9d51-4f58-9f0c-0e0d4c3f0003], group-by: [source.ip], timespan: 5m, condition: {gte: 1}}
"""

    async def scenario() -> None:
        pipeline = Pipeline(tmp_path)
        await pipeline.publish(3, chain)
        at = now() - 30 * SECOND
        await pipeline.collect([line(n, at + n * SECOND) for n in range(4)])
        await pipeline.run()
        newest = {alert.id: alert for alert in await pipeline.values(ALERTS, Alert)}
        assert [alert.title for alert in newest.values()] == ["Guessed"]
        episodes = {episode.id: episode for episode in await pipeline.values(EPISODES, Episode)}
        (member,) = next(iter(newest.values())).members
        assert (episodes[member].muted, episodes[member].count) == (True, 4)
        await pipeline.close()

    asyncio.run(scenario())


def test_a_rule_set_changed_in_the_middle_applies_from_there_on(tmp_path: Path):
    async def scenario() -> None:
        pipeline = Pipeline(tmp_path)
        await pipeline.publish(5)
        at = now() - 60 * SECOND
        await pipeline.collect([line(n, at + n * SECOND) for n in range(3)])
        await pipeline.run()
        await pipeline.publish(3)
        await pipeline.collect([line(n, at + n * SECOND, "198.51.100.9") for n in range(3)])
        await pipeline.run()
        newest = {alert.id: alert for alert in await pipeline.values(ALERTS, Alert)}
        assert [dict(alert.group)["source.ip"] for alert in newest.values()] == ["198.51.100.9"]
        await pipeline.close()

    asyncio.run(scenario())


def test_the_store_is_a_view_that_can_be_made_again(tmp_path: Path):
    async def scenario() -> None:
        pipeline = Pipeline(tmp_path)
        await pipeline.publish(5)
        at = now() - 30 * SECOND
        await pipeline.collect([line(n, at + n * SECOND) for n in range(20)])
        await pipeline.run()

        async def contents() -> dict:
            return {
                kind: [
                    (d.id, d.version, d.fields)
                    for d in (await pipeline.store.search(kind, parse(""), limit=100)).documents
                ]
                for kind in ("event", "alert", "incident", "audit")
            }

        before = await contents()
        assert len(before["event"]) == 20
        assert len(before["incident"]) == 1
        await rebuild(pipeline.bus, pipeline.store)
        assert await contents() == before
        await pipeline.close()

    asyncio.run(scenario())


def test_an_unknown_commit_makes_the_stage_claim_again_and_count_nothing_twice(tmp_path: Path):
    async def scenario() -> None:
        pipeline = Pipeline(tmp_path)
        await pipeline.publish(5)
        at = now() - 30 * SECOND
        await pipeline.collect([line(n, at + n * SECOND) for n in range(6)])
        failures = [CommitUnknownError("the answer was lost")]
        claim_of = pipeline.bus.claim

        async def claim(stage: str, partition: int, *, wait: float = 0.0):
            found = await claim_of(stage, partition, wait=wait)
            commit = found.commit

            async def losing(outputs=(), state=None):
                done = await commit(outputs, state)
                if stage == "engine" and failures and outputs:
                    raise failures.pop()
                return done

            found.commit = losing  # the commit happens, its answer is lost
            return found

        pipeline.bus.claim = claim
        await pipeline.run()
        assert not failures
        newest = {alert.id: alert for alert in await pipeline.values(ALERTS, Alert)}
        assert [alert.count for alert in newest.values()] == [6]
        await pipeline.close()

    asyncio.run(scenario())


def test_detections_of_a_lost_rule_set_stop_correlate_instead_of_being_misjudged(tmp_path: Path):
    async def scenario() -> None:
        bus = EmbeddedBus(tmp_path / "bus", topology(PARTITIONS))
        with pytest.raises(LogMismatchError, match="no rule set"):
            await RuleSets(bus).get("0" * 32)
        await bus.close()

    asyncio.run(scenario())

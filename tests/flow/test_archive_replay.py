"""A line of eleven months ago, on the real embedded bus with the clock moved: archived, found, replayed, its alert marked late."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from pathlib import Path

import pytest
from cli_support import run_cli

from soc.app import open_bus
from soc.archive.archiver import Bounds
from soc.archive.folder import Folder
from soc.archive.reading import Window
from soc.bus.base import Message
from soc.bus.embedded import EmbeddedBus
from soc.clock import DAY, HOUR, MINUTE, SECOND, Micros, now, to_iso
from soc.model import Alert, Bundle, RawRecord, decode, encode
from soc.pipeline.archive import ArchiveParts, run_archive
from soc.pipeline.auditing import verify_audit
from soc.pipeline.correlate import Correlate
from soc.pipeline.engine import Engine, EngineParts
from soc.pipeline.loop import StageLogic, run_stage
from soc.pipeline.reload import OneSet
from soc.pipeline.ruleset import RuleSets, publish, to_published
from soc.pipeline.sources import make_normalizer
from soc.pipeline.table import ALERTS, RAW
from soc.pipeline.triage import TriageStage
from soc.replay import replay
from soc.roles import correlate_settings, make_fold
from soc.settings import load
from soc.sigma.load import load as load_rules

OLD_RULES = """
title: Root came in
id: 6f6cc5d7-9d51-4f58-9f0c-0e0d4c3f0101
level: high
logsource: {product: linux, service: sshd}
detection: {words: ["Accepted publickey for root"], condition: words}
"""
NEW_RULES = """
title: Failed password
id: 6f6cc5d7-9d51-4f58-9f0c-0e0d4c3f0102
name: failed
level: low
logsource: {product: linux, service: sshd}
detection: {words: ["Failed password"], condition: words}
---
title: Guessing
id: 6f6cc5d7-9d51-4f58-9f0c-0e0d4c3f0103
level: high
correlation: {type: event_count, rules: [failed], group-by: [source.ip], timespan: 5m, condition: {gte: 3}}
"""
PARTITIONS = 2
MONTHS_AGO = 335 * DAY


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while True:
            if await true():
                return
            await asyncio.sleep(0.05)


async def drained(bus: EmbeddedBus, stages: Collection[str]) -> bool:
    return not any(lag.records for lag in await bus.lag() if lag.stage in stages)


async def closed(bus: EmbeddedBus) -> bool:
    return not [key async for _, state in bus.states("archive") for key in state if key.startswith(b"open/")]


class Installation:
    """Every stage over one data directory, at a clock that a test moves."""

    def __init__(self, directory: Path) -> None:
        self.config = directory / "soc.toml"
        self.config.write_text(f'data_dir = "{directory / "data"}"\ntimezone = "UTC"\n', encoding="utf-8")
        self.settings = load(self.config, {})
        self.time = now() - MONTHS_AGO
        self.archive = Folder(self.settings.data_dir / "archive")

    def clock(self) -> Micros:
        return self.time

    def on_bus(self, what: Callable[[EmbeddedBus], object]) -> object:
        async def main() -> object:
            bus = open_bus(self.settings, self.clock)
            try:
                return await what(bus)
            finally:
                await bus.close()

        return asyncio.run(main())

    def publish(self, text: str) -> None:
        bundle = Bundle((("rules.yml", text),))
        self.on_bus(lambda bus: publish(bus, to_published(bundle, load_rules(bundle))))

    def collect(self, lines: list[bytes], source: str = "bastion") -> None:
        async def main(bus: EmbeddedBus) -> None:
            claim = await bus.claim("collect", 0)
            raws = [RawRecord(data, self.time, "tcp", "192.0.2.1:1", source) for data in lines]
            await claim.commit([Message(RAW, source.encode(), encode(raw)) for raw in raws])
            await claim.release()

        self.on_bus(main)

    def analyse(self) -> None:
        """Engine, correlate and triage until nothing is left."""

        async def main(bus: EmbeddedBus) -> None:
            sets = RuleSets(bus)
            rules = load_rules((await sets.latest()).bundle)
            lateness = round(self.settings.correlation.lateness_seconds * SECOND)
            parts = EngineParts(make_normalizer(self.settings), OneSet(rules), PARTITIONS, lateness, 60 * SECOND)
            stages: dict[str, Callable[[int], StageLogic]] = {
                "engine": lambda partition: Engine(parts, partition),
                "correlate": lambda _: Correlate(sets, correlate_settings(self.settings)),
                "triage": lambda _: TriageStage(sets, partial(make_fold, self.settings)),
            }
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                for row in bus.topology.stages:
                    for partition in range(row.partitions if row.name in stages else 0):
                        logic = partial(stages[row.name], partition)
                        tasks.create_task(run_stage(bus, row.name, partition, logic, clock=self.clock, stop=stop))
                await until(partial(drained, bus, set(stages)))
                stop.set()

        self.on_bus(main)

    def archived(self, hours: float = 2) -> None:
        """The archive stage, until ``hours`` have gone by and every segment is closed."""
        parts = ArchiveParts(self.archive, Bounds(1 << 26, 1 << 27), 366)

        async def main(bus: EmbeddedBus) -> None:
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                for partition in range(PARTITIONS):
                    tasks.create_task(run_archive(bus, partition, parts, clock=self.clock, stop=stop))
                while any(lag.records for lag in await bus.lag() if lag.stage == "archive"):
                    self.time += SECOND
                    await asyncio.sleep(0.05)
                self.time += round(hours * HOUR)
                await until(partial(closed, bus))
                stop.set()

        self.on_bus(main)

    def alerts(self) -> dict[str, Alert]:
        async def main(bus: EmbeddedBus) -> dict[str, Alert]:
            reader, found = bus.reader([ALERTS]), {}
            while records := await reader.fetch(1000, 0.0):
                found |= {record.key.decode(): decode(record.value, Alert) for record in records}
            await reader.close()
            return found

        return self.on_bus(main)  # type: ignore[return-value]

    def replay(self, window: Window, *, dry_run: bool = False) -> dict[str, object]:
        return asyncio.run(replay(self.settings, window, dry_run=dry_run, clock=self.clock)).words()


def failed(number: int, at: Micros, address: str = "203.0.113.7") -> bytes:
    return f"<38>1 {to_iso(at)} bastion sshd 7 - - Failed password for user{number} from {address} port {40000 + number} ssh2".encode()


@pytest.fixture
def old(tmp_path: Path) -> tuple[Installation, Micros]:
    """Three failed log-ins of eleven months ago, which no rule looked for, in the archive alone."""
    here = Installation(tmp_path)
    here.publish(OLD_RULES)
    at = here.time
    here.collect([failed(n, at - n * SECOND) for n in range(3)])
    here.collect([failed(9, at, "203.0.113.99")], source="other")
    here.analyse()
    here.archived()
    here.time = now()
    deleted = here.on_bus(lambda bus: bus.retain(RAW, max_age=30 * 86400, max_bytes=1 << 40))
    assert deleted == 4, "nothing of it is on the bus any more"
    return here, at


def test_a_line_archived_eleven_months_ago_is_found_replayed_and_its_alert_is_late(old):
    here, at = old
    assert here.alerts() == {}
    since, until = to_iso(at - HOUR), to_iso(at + HOUR)
    found = run_cli(
        "archive", "search", "--config", str(here.config), "--from", since, "--to", until, "user.name:user2"
    )
    assert found.code == 0, found.err
    (row,) = [json.loads(line) for line in found.out.splitlines()]
    assert (row["event"]["source.ip"], row["source"]) == ("203.0.113.7", "bastion")

    here.publish(NEW_RULES)
    window = Window(at - HOUR, at + HOUR)
    tried = here.replay(window, dry_run=True)
    here.analyse()
    assert (tried["new"], tried["published"], here.alerts()) == (1, False, {})

    done = here.replay(window)
    here.analyse()
    (alert,) = here.alerts().values()
    assert (done["lines"], done["new"], done["published"]) == (4, 1, True)
    assert (alert.title, alert.late, alert.count, alert.group) == ("Guessing", True, 3, (("source.ip", "203.0.113.7"),))
    assert (alert.first_seen, alert.last_seen) == (at - 2 * SECOND, at)


def test_a_replay_done_twice_publishes_nothing_more(old):
    here, at = old
    here.publish(NEW_RULES)
    window = Window(at - HOUR, at + HOUR)
    here.replay(window)
    here.analyse()
    before = here.alerts()
    again = here.replay(window)
    here.analyse()
    assert (again["new"], again["revised"], again["standing"]) == (0, 0, 1)
    assert here.alerts() == before
    (chain,) = [one for one in here.on_bus(verify_audit) if one.chain == "replay"]  # type: ignore[attr-defined]
    assert (chain.lines, chain.fault) == (1, "")


def test_an_alert_that_stands_stays_one_alert_and_is_not_late(tmp_path: Path):
    here = Installation(tmp_path)
    here.publish(NEW_RULES)
    at = here.time = now() - 3 * DAY
    here.collect([failed(n, at - n * SECOND) for n in range(4)])
    here.analyse()
    (alert,) = here.alerts().values()
    here.archived()
    here.time = now()
    done = here.replay(Window(at - HOUR, at + HOUR))
    here.analyse()
    assert (done["standing"], done["new"], done["revised"]) == (1, 0, 0)
    assert list(here.alerts().values()) == [alert]


def test_lines_that_came_after_the_watermark_revise_the_alert_that_stands(tmp_path: Path):
    here = Installation(tmp_path)
    here.publish(NEW_RULES)
    at = here.time = now() - 3 * DAY
    here.collect([failed(n, at + n * SECOND) for n in range(3)])
    here.analyse()
    (alert,) = here.alerts().values()
    here.collect(
        [failed(7, at - SECOND)], source="slow"
    )  # of another partition's clock, before the alert's first event
    here.archived()
    here.time = now()
    done = here.replay(Window(at - HOUR, at + HOUR))
    here.analyse()
    (revised,) = here.alerts().values()
    assert (done["revised"], done["new"]) == (1, 0)
    assert (revised.id, revised.count, revised.late, revised.first_seen) == (alert.id, 4, True, at - SECOND)


def test_lines_that_are_not_archived_yet_are_replayed_from_the_bus_once(tmp_path: Path):
    here = Installation(tmp_path)
    here.publish(OLD_RULES)
    at = here.time = now() - DAY
    here.collect([failed(0, at), failed(1, at)])
    here.archived()
    here.time = at + MINUTE
    here.collect([failed(2, at)])
    here.publish(NEW_RULES)
    here.time = now()
    done = here.replay(Window(at - HOUR, at + HOUR), dry_run=True)
    assert (done["lines"], done["unarchived"], done["new"]) == (3, 1, 1)


def test_rules_that_were_never_published_can_be_tried_only(tmp_path: Path):
    here = Installation(tmp_path)
    here.publish(OLD_RULES)
    here.collect([failed(n, here.time) for n in range(3)])
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "new.yml").write_text(NEW_RULES, encoding="utf-8")
    common = ["replay", "--config", str(here.config), "--rules", str(rules)]
    common += ["--from", to_iso(here.time - HOUR), "--to", to_iso(here.time + HOUR)]
    refused = run_cli(*common)
    tried = run_cli(*common, "--dry-run")
    assert (refused.code, "never published" in refused.err) == (2, True)
    assert (tried.code, json.loads(tried.out)["title"]) == (0, "Guessing")


def test_segments_of_other_times_and_sources_are_not_opened(old):
    here, at = old
    window = ["--from", to_iso(at - HOUR), "--to", to_iso(at + HOUR)]
    common = ["archive", "search", "--config", str(here.config)]
    everything = run_cli(*common, *window)
    other = run_cli(*common, *window, "--source", "other", "--pattern", "FAILED")
    later = run_cli(*common, "--from", to_iso(at + HOUR), "--to", to_iso(at + 9 * HOUR))
    assert everything.err == "4 of 4 lines in 2 segments\n"
    assert other.err == "1 of 1 lines in 1 segments\n"
    assert later.err == "0 of 0 lines in 0 segments\n"

"""An indicator of today and a line of yesterday, on the real embedded bus: one alert, marked late; a second hunt publishes nothing."""

import asyncio
import json
from functools import partial
from pathlib import Path

import msgspec
import pytest
from cli_support import run_cli
from flow.test_archive_replay import PARTITIONS, Installation, drained, until

from soc.app import open_store
from soc.bus.embedded import EmbeddedBus
from soc.clock import DAY, HOUR, MINUTE, SECOND, Micros, now, to_iso
from soc.desk import FeedSettings, IntelSettings
from soc.hunt.ask import ask
from soc.hunt.hunter import Hunter
from soc.hunt.look import Bounds, event_of, hunt
from soc.hunt.parts import make_parts
from soc.intel.hunting import Hunts, quarry
from soc.intel.matcher import NO_INDICATORS, Indicators
from soc.model import Alert, Bundle, Event, RawRecord
from soc.normalize.normalizer import Normalizer
from soc.pipeline.auditing import verify_audit
from soc.pipeline.context import Contexts, Known
from soc.pipeline.correlate import Correlate
from soc.pipeline.engine import Engine, EngineParts
from soc.pipeline.intel_feeds import Taking, take_in
from soc.pipeline.intel_fetch import fetch
from soc.pipeline.loop import run_stage
from soc.pipeline.reload import OneSet
from soc.pipeline.ruleset import RuleSets, publish, to_published
from soc.pipeline.sources import make_normalizer
from soc.pipeline.table import RAW
from soc.pipeline.triage import Around, TriageStage
from soc.roles import correlate_settings, make_fold
from soc.sigma.load import load as load_rules
from soc.store.documents import event_document

RULES = Path(__file__).parent.parent.parent / "rules" / "intel"
BAD = "203.0.113.7"


def accepted(at: Micros, address: str = BAD) -> bytes:
    return f"<38>1 {to_iso(at)} bastion sshd 7 - - Accepted password for root from {address} port 4000 ssh2".encode()


class Watched(Installation):
    """Every stage, with the rules on indicators and what is published beside them."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        bundle = Bundle(tuple((path.name, path.read_text(encoding="utf-8")) for path in sorted(RULES.glob("*.yml"))))
        self.on_bus(lambda bus: publish(bus, to_published(bundle, load_rules(bundle))))

    def list(self, *values: str, feed: str = "ncsc", extra: str = "") -> None:
        path = self.config.parent / f"{feed}.csv"
        head = "value,confidence" + (",first_seen" if extra else "")
        path.write_text("\n".join([head, *(f"{value},85{extra}" for value in values)]), encoding="utf-8")

        async def main(bus: EmbeddedBus) -> None:
            one = FeedSettings.model_validate({"name": feed, "kind": "csv", "url": str(path)})
            fetched = await fetch(one, "", self.time)
            await take_in(bus, fetched._replace(whole=False), Taking(feed, IntelSettings(), "test"), self.time)

        self.on_bus(main)

    def analyse(self) -> None:
        async def main(bus: EmbeddedBus) -> None:
            contexts, sets = Contexts(bus), RuleSets(bus)
            await contexts.catch_up()
            rules = load_rules((await sets.latest()).bundle)
            known = Known(contexts, "indicators", Indicators.decode, NO_INDICATORS)
            parts = EngineParts(make_normalizer(self.settings), OneSet(rules), PARTITIONS, 600 * SECOND, MINUTE, known)
            fold = partial(make_fold, self.settings, surroundings=Around(contexts))
            stages = {
                "engine": lambda partition: Engine(parts, partition),
                "correlate": lambda _: Correlate(sets, correlate_settings(self.settings)),
                "triage": lambda _: TriageStage(sets, fold),
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

    def hunt(self, since: Micros | None = None, *values: str, **more: bool) -> dict[str, object]:
        from soc.hunt.ask import words

        return words(asyncio.run(ask(self.settings, since, values, clock=self.clock, **more)))


@pytest.fixture
def here(tmp_path: Path) -> Watched:
    """A line of yesterday with a value that nobody listed then, read and archived."""
    watched = Watched(tmp_path)
    watched.time = now() - DAY
    watched.collect([accepted(watched.time), accepted(watched.time, "198.51.100.9")])
    watched.analyse()
    watched.archived()
    assert watched.alerts() == {}
    watched.time = now()
    return watched


def only(alerts: dict[str, Alert]) -> Alert:
    (alert,) = alerts.values()
    return alert


@pytest.mark.parametrize("first_seen", ["", ",2099-01-01T00:00:00Z"])
def test_an_indicator_of_today_finds_the_line_of_yesterday_once(here: Watched, first_seen: str):
    here.list(BAD, extra=first_seen)
    found = here.hunt()
    here.analyse()
    alert = only(here.alerts())
    assert (found["lines"], found["events"], found["new"], found["published"]) == (2, 1, 1, True)
    assert (alert.late, alert.count, dict(alert.group)["threat.indicator.name"]) == (True, 1, BAD)
    assert [hit.feed for hit in alert.indicators] == ["ncsc"]

    again = here.hunt()
    everything = here.hunt(everything=True)
    here.analyse()
    assert (again["indicators"], again["published"]) == (0, False)
    assert (everything["standing"], everything["published"]) == (1, False)
    assert here.alerts() == {alert.id: alert}
    assert all(not chain.fault for chain in here.on_bus(verify_audit))  # type: ignore[attr-defined]


def test_what_was_found_alive_is_not_found_again(here: Watched):
    here.list(BAD)
    here.hunt()
    here.analyse()
    here.time += MINUTE
    here.list("198.51.100.77")
    here.collect([accepted(here.time, "198.51.100.77")])
    here.analyse()
    before = here.alerts()
    assert len(before) == 2
    here.time += HOUR
    found = here.hunt(everything=True)
    here.analyse()
    assert (found["events"], found["standing"], found["published"]) == (2, 2, False)
    assert here.alerts() == before


def test_a_dry_run_tells_and_publishes_nothing(here: Watched):
    here.list(BAD)
    out = run_cli("intel", "hunt", "--config", str(here.config), "--dry-run", "--output-format", "ndjson")
    assert out.code == 0, out.err
    (row,) = [json.loads(line) for line in out.out.splitlines()]
    assert (row["indicator"], row["source"], row["contact"]) == (BAD, "bastion", "inbound")
    assert json.loads(out.err.splitlines()[-1])["new"] == 1
    here.analyse()
    assert here.alerts() == {}
    assert here.hunt()["new"] == 1, "it was not remembered as done"


def test_one_value_is_looked_for_and_one_that_no_feed_lists_is_refused(here: Watched):
    here.list(BAD, "198.51.100.9")
    found = here.hunt(here.time - 2 * DAY, "198.51.100[.]9")
    here.analyse()
    assert (found["indicators"], found["events"]) == (1, 1)
    assert dict(only(here.alerts()).group)["threat.indicator.name"] == "198.51.100.9"
    refused = run_cli("intel", "hunt", "--config", str(here.config), "--indicator", "192.0.2.1", "--indicator", "x y")
    assert refused.code == 2
    assert "no feed lists it" in refused.err
    assert "x y" in refused.err


def test_events_that_only_the_store_has_are_found_and_none_twice(here: Watched):
    at = here.time - 2 * DAY
    normalizer: Normalizer = make_normalizer(here.settings)
    event = normalizer.normalize(RawRecord(accepted(at), at, "tls", "192.0.2.1:1", "old"), "old/1", at)
    assert isinstance(event, Event)
    document = event_document(event)
    assert event_of(document) == msgspec.structs.replace(event, clock=None)

    async def store() -> None:
        opened = open_store(here.settings)
        await opened.write([document])
        await opened.close()

    asyncio.run(store())
    here.list(BAD)
    found = here.hunt()
    here.analyse()
    assert (found["events"], found["new"]) == (2, 2), "days apart, so they are two alerts"
    assert {alert.first_seen for alert in here.alerts().values()} >= {at}


def test_an_installation_hunts_by_itself_once_and_only_one_process_of_it(here: Watched):
    here.list(BAD)
    here.time += 2 * MINUTE

    async def main(bus: EmbeddedBus) -> list[Hunts]:
        contexts = Contexts(bus)
        await contexts.catch_up()
        settings = IntelSettings()

        def hunter(owner: str) -> Hunter:
            return Hunter(
                bus, contexts, settings, partial(make_parts, here.settings, bus, here.clock), owner, here.clock
            )

        states: list[Hunts] = []
        first, second = hunter("0-0"), hunter("1-0")
        await first._begin(here.time)
        await contexts.refresh()
        current = contexts.get("indicators")
        assert current is not None
        assert not await second._due(current), "the first one is at it"
        assert await first._due(current), "started anew, it goes on"
        await first._hunt(current, asyncio.Event())
        await contexts.refresh()
        states.append(first._hunts())
        assert not await second._due(current)
        return states

    (hunts,) = here.on_bus(main)  # type: ignore[misc]
    here.analyse()
    assert only(here.alerts()).late
    assert (hunts.owner, hunts.runs[0].events, hunts.runs[0].actor) == ("", 1, "soc")


def test_a_hunt_whose_time_is_up_says_how_far_it_came(here: Watched):
    here.list(BAD)

    async def main(bus: EmbeddedBus):
        contexts = Contexts(bus)
        await contexts.catch_up()
        from soc.intel.indicator import IndicatorSet

        current = contexts.get("indicators")
        assert current is not None
        sought = quarry(IndicatorSet.decode(current.data))
        parts = await make_parts(here.settings, bus, here.clock)
        bounds = Bounds(here.time - 7 * DAY, here.time, seconds=1e-9)
        return bounds, await hunt(parts, sought, bounds, actor="test")

    bounds, hunted = here.on_bus(main)  # type: ignore[misc]
    assert hunted.reached == bounds.end
    assert hunted.lines == 0
    assert here.on_bus(lambda bus: bus.ends([RAW])), "the lines are still there"

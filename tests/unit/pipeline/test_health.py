"""What was seen, as findings: each fault is named once, with its level, and nothing is claimed that cannot be known."""

import asyncio
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from soc.bus.base import Lag
from soc.bus.embedded import EmbeddedBus
from soc.clock import DAY, HOUR, MINUTE, SECOND
from soc.console.findings import tell
from soc.console.i18n import LANGUAGES, Texts, catalogue
from soc.pipeline.health import BusView, Finding, FindingId, Health, HostView, Outage, StageLag, compose
from soc.pipeline.health_bus import BusEyes, Limits, collectors_seen, hosts_of
from soc.pipeline.health_host import RESTARTS, CollectorLog, look_at_host
from soc.pipeline.ruleset import RuleSets
from soc.pipeline.shipped import KnownCollector
from soc.pipeline.status import HostStatus, ProcessStatus, read_supervisor
from soc.pipeline.table import DETECTIONS, RAW, topology
from soc.store.base import StoreHealth

NOW = 1_795_312_800 * SECOND
NOTHING = HostView((), ())
SEEN = BusView(NOW, (StageLag("engine", 0, 0.0),), (), (), {}, {})


def ids(health: Health) -> list[tuple[str, str, str]]:
    return [(f.level, f.where, f.id) for f in health.findings]


def test_nothing_wrong_is_ok():
    health = compose(SEEN, (StoreHealth("green", "", ""), 0), NOTHING, {}, NOW)
    assert (health.ok, health.findings, health.away) == (True, (), {})


def test_brokers_that_are_away_are_named_and_what_only_they_know_is_left_out():
    outage = Outage(NOW - MINUTE, {"broker1.example:9092": "nobody listens there"}, "cannot connect")
    health = compose(outage, None, NOTHING, {}, NOW)
    assert ids(health) == [("error", "bus", "brokers_away")]
    assert "broker1.example:9092" in str(health.findings[0].values["servers"])
    assert (health.ok, health.lags, health.away) == (False, (), {"bus": NOW - MINUTE})


def test_brokers_that_answer_but_refuse_are_not_called_away():
    assert ids(compose(Outage(NOW, {}, "not authorized"), None, NOTHING, {}, NOW)) == [("error", "bus", "bus_refuses")]


def test_topics_made_with_other_numbers_are_a_mistake_of_the_settings():
    outage = Outage(NOW, {}, "soc.raw has 3 partitions", settings=True)
    assert ids(compose(outage, None, NOTHING, {}, NOW)) == [("error", "bus", "topics_differ")]


def test_one_broker_of_several_is_a_warning():
    health = compose(SEEN, None, NOTHING, {"broker2.example:9092": "hangs"}, NOW)
    assert ids(health) == [("warning", "broker2.example:9092", "broker_away")]
    assert health.ok


@pytest.mark.parametrize(
    ("state", "level"), [("yellow", "warning"), ("slow", "warning"), ("red", "error"), ("away", "error")]
)
def test_red_slow_and_away_stores_are_told_apart(state: str, level: str):
    health = compose(SEEN, (StoreHealth(state, "detail", "advice"), NOW - HOUR), NOTHING, {}, NOW)
    assert ids(health) == [(level, "store", f"store_{state}")]
    assert health.away == ({"store": NOW - HOUR} if state == "away" else {})


def test_an_engine_with_another_rule_set_than_the_current_one_is_told():
    view = BusView(NOW, (), (), (), {}, {}, rule_set="b" * 32)
    processes = tuple({"group": name, "rules": rules} for name, rules in (("engine", "a" * 32), ("engine-1", "b" * 32)))
    assert ids(compose(view, None, HostView(processes, ()), {}, NOW)) == [("warning", "engine", "rules_older")]


def test_a_set_that_was_just_published_or_just_taken_is_not_told_yet():
    old, new = "a" * 32, "b" * 32
    just_published = BusView(NOW, (), (), (), {}, {}, rule_set=new, rules_since=NOW - 20 * SECOND)
    behind = {"group": "engine", "rules": old, "rules_since": NOW - HOUR}
    assert ids(compose(just_published, None, HostView((behind,), ()), {}, NOW)) == []
    not_seen_yet = BusView(NOW, (), (), (), {}, {}, rule_set=old, rules_since=NOW - HOUR)
    ahead = {"group": "engine", "rules": new, "rules_since": NOW - 5 * SECOND}
    assert ids(compose(not_seen_yet, None, HostView((ahead,), ()), {}, NOW)) == []


def test_errors_come_before_warnings():
    host = HostView((), (Finding("warning", "a", "kernel_drops", {"count": 1}),))
    found = compose(Outage(NOW, {}, "why"), None, host, {}, NOW).findings
    assert [finding.level for finding in found] == ["error", "warning"]


# ── this host ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def process(**changes: object) -> ProcessStatus:
    import os

    given = {"group": "collect", "pid": os.getpid(), "counters": {}} | changes
    return ProcessStatus(given["group"], given["pid"], ("collect",), NOW, NOW, True, {}, given["counters"])


def test_lines_on_this_disk_only_are_told_with_how_long_the_disk_lasts():
    status = process(counters={"tcp": {"received": 1000, "bytes": 350_000}})  # 500 bytes a line on the disk
    own = CollectorLog(6000, NOW - MINUTE, 100 * 500 * 3600)  # 100 lines/s, room for an hour
    (finding,) = look_at_host([status], None, own, NOW).findings
    assert (finding.level, finding.id) == ("error", "collector_waits")
    assert finding.values["left_seconds"] == pytest.approx(3600)
    assert finding.values["records"] == 6000


def test_lines_on_their_way_are_not_told():
    assert look_at_host([process()], None, CollectorLog(500, NOW - SECOND, 10**9), NOW).findings == ()


def test_a_full_disk_is_an_error():
    (finding,) = look_at_host([process()], None, CollectorLog(500, NOW - MINUTE, 0), NOW).findings
    assert (finding.level, finding.id) == ("error", "collector_full")


def test_a_process_that_ends_again_and_again_is_told_and_one_restart_is_not(tmp_path: Path):
    status = HostStatus(tmp_path, lambda: NOW)
    status.say_ended("index")
    for _ in range(RESTARTS):
        status.say_ended("engine")
    found = look_at_host([process()], read_supervisor(tmp_path), None, NOW + MINUTE).findings
    assert [(f.where, f.id, f.values["count"]) for f in found] == [("engine", "process_restarts", RESTARTS)]
    assert look_at_host([process()], read_supervisor(tmp_path), None, NOW + HOUR).findings == ()


def test_a_set_that_a_process_passes_over_is_told_with_the_reason():
    status = msgspec.structs.replace(process(group="engine"), rejected={"c" * 32: "it cannot be read"})
    (finding,) = look_at_host([status], None, None, NOW).findings
    assert (finding.level, finding.where, finding.id) == ("warning", "engine", "rules_rejected")
    assert finding.values == {"rules": "c" * 12, "why": "it cannot be read"}


def test_what_went_away_before_it_was_read_is_told_of_its_listener():
    counters = {"app": {"missing": 1, "received": 9}, "province": {"gaps": 7}, "auth": {"missing": 0}}
    found = look_at_host([msgspec.structs.replace(process(), counters=counters)], None, None, NOW).findings
    assert [(f.where, f.id, f.values["count"]) for f in found] == [
        ("app", "lines_missed", 1),
        ("province", "lines_missed", 7),
    ]


def test_the_sources_that_sent_most_over_their_share_are_named_loudest_first():
    status = msgspec.structs.replace(process(), noisy={f"192.0.2.{n}": n for n in range(1, 9)})
    found = look_at_host([status], None, None, NOW).findings
    assert [(f.where, f.id, f.values["count"]) for f in found] == [
        (f"192.0.2.{n}", "source_noisy", n) for n in (8, 7, 6, 5, 4)
    ]


def test_a_process_that_is_gone_and_a_host_without_any_are_told():
    gone = process(pid=2**22 + 1)
    assert [f.id for f in look_at_host([gone], None, None, NOW).findings] == ["process_gone"]
    assert [f.id for f in look_at_host([], None, None, NOW).findings] == ["no_process"]


# ── the bus ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class LaggingBus(EmbeddedBus):
    """An embedded bus that says of its lag what a test wants."""

    lags: list[Lag]

    async def lag(self) -> list[Lag]:
        return self.lags


def look(tmp_path: Path, looks: list[tuple[int, list[Lag]]], **given: object) -> list[list[Finding]]:
    """The findings of each of some looks, at times in seconds after NOW."""

    async def body() -> list[list[Finding]]:
        bus = LaggingBus(tmp_path / "bus", topology(2))
        limits = Limits(10 * MINUTE, {RAW: 30 * DAY, DETECTIONS: 2 * HOUR})
        eyes = BusEyes(bus, RuleSets(bus), limits, **given)
        found: list[list[Finding]] = []
        try:
            for at, lags in looks:
                bus.lags = lags
                found.append(list((await eyes.look(NOW + at * SECOND)).findings))
        finally:
            await eyes.close()
        return found

    return asyncio.run(body())


def behind(stage: str, topic: str, seconds: int, position: int = 5, at: int = 0) -> Lag:
    return Lag(stage, topic, 1, "log", position, position + 10, 10, NOW + (at - seconds) * SECOND)


def test_a_stage_past_the_lateness_is_an_error(tmp_path: Path):
    ((late, *_),) = look(tmp_path, [(0, [behind("engine", RAW, 601)])])
    assert (late.level, late.where, late.id) == ("error", "engine", "lag_late")
    assert look(tmp_path, [(0, [behind("engine", RAW, 599)])]) == [[]]


def test_a_stage_past_half_the_retention_of_its_input_is_warned_of(tmp_path: Path):
    (found,) = look(tmp_path, [(0, [behind("correlate", DETECTIONS, 3700)])])
    assert [(f.level, f.id) for f in found] == [("error", "lag_late"), ("warning", "lag_retention")]


def test_a_partition_that_stands_still_is_told_and_one_that_moves_is_not(tmp_path: Path):
    standing = [(at, [behind("engine", RAW, 40 + at, at=at)]) for at in (0, 20, 40)]
    assert [[f.id for f in found] for found in look(tmp_path, standing)] == [[], [], ["stands_still"]]
    moving = [(at, [behind("engine", RAW, 40, position=at, at=at)]) for at in (0, 20, 40)]
    assert look(tmp_path, moving) == [[], [], []]


def test_partitions_in_nobodys_share_are_told(tmp_path: Path):
    async def workers():
        return {"engine": {"0-0": frozenset({1})}, "triage": {"1-0": frozenset({0})}}

    (found,) = look(tmp_path, [(0, [])], ask_workers=workers)
    assert [(f.where, f.id, f.values["partitions"]) for f in found] == [("engine", "unowned", "0")]
    shares = {"engine": {"0-0": frozenset({1, 2}), "0-1": frozenset({0})}, "triage": {"1-0": frozenset({0})}}
    assert [(host.number, host.stages) for host in hosts_of(shares)] == [("0", {"engine": 3}), ("1", {"triage": 1})]


def test_silent_and_late_collectors_are_told_and_one_that_ended_well_is_not():
    def known(**changes: object) -> KnownCollector:
        return KnownCollector(1, "id", "edge1", NOW, ended=False, unshipped=0)._replace(**changes)

    def told(one: KnownCollector) -> list[str]:
        return [finding.id for finding in collectors_seen([one], NOW)[1]]

    assert told(known()) == []
    assert told(known(said=NOW - HOUR)) == ["collector_silent"]
    assert told(known(unshipped=10**6)) == ["collector_behind"]
    assert told(known(said=NOW - HOUR, ended=True)) == []
    assert told(known(said=NOW - HOUR, ended=True, unshipped=1)) == ["collector_silent"]


# ── words ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_finding_has_words_in_both_languages(language: str):
    known = {key.split(".")[1] for key in catalogue(language) if key.startswith("finding.")}
    assert known == set(get_args(FindingId))


def test_lengths_moments_and_numbers_are_written_as_the_language_does():
    values = {"records": 12_000, "waited_seconds": 90.4, "left_seconds": 7200}
    told = tell(Texts("vi", "Asia/Ho_Chi_Minh"), "collector_waits", values)
    assert "12.000 dòng" in told.what
    assert "1 phút 30 giây" in told.what
    away = tell(Texts("en", "UTC"), "store_away", {"since": NOW, "detail": "refused"})
    assert "2026" in away.what
    assert "refused" in away.what

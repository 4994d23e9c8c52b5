"""What the engine learns of sources: committed state repeats it, forged senders do not grow it, and it is told with what to set."""

import asyncio
from pathlib import Path

import pytest
from unit.pipeline.letters_support import PARTITIONS, RIGHT, Installation, line

from soc.bus.embedded import EmbeddedBus
from soc.clock import HOUR, MINUTE, SECOND
from soc.model import Event
from soc.pipeline import source_watch
from soc.pipeline.health_bus import BusEyes, Limits
from soc.pipeline.rhythm import Rhythm
from soc.pipeline.ruleset import RuleSets
from soc.pipeline.source_report import source_findings, source_reports, zones_of
from soc.pipeline.source_watch import SourceState, SourceWatch, read_sources
from soc.pipeline.table import topology
from soc.settings import ClockVersion, Settings, SourceProfile, parse

T0 = 29_921_820 * MINUTE


def event(received: int, clock: int | None, flags=("no_zone",)) -> Event:
    return Event("id", "fw", received, received, received, {}, (), flags, clock)


def watched(minutes: int, clock: int | None = 0) -> SourceWatch:
    watch = SourceWatch()
    for minute in range(minutes):
        at = T0 + minute * MINUTE
        assert watch.is_due("fw", at)
        watch.observe("fw", at, event(at, clock), "firewall")
        assert not watch.is_due("fw", at + 59 * SECOND)
    return watch


def committed(watch: SourceWatch) -> dict[bytes, bytes]:
    return {key: value for key, value in watch.changes().items() if value is not None}


def test_what_is_committed_goes_on_after_a_take_over():
    whole, first = watched(30, 5 * SECOND), watched(10, 5 * SECOND)
    second = SourceWatch()
    second.restore(committed(first))
    assert not second.is_due("fw", T0 + 9 * MINUTE)
    for minute in range(10, 30):
        second.observe("fw", T0 + minute * MINUTE, event(T0, 5 * SECOND), "firewall")
    assert committed(second) == committed(whole)


def test_a_dead_letter_shows_that_its_source_sends_and_nothing_of_its_clock():
    watch = SourceWatch()
    watch.observe("fw", T0, None, "")
    (known,) = read_sources([committed(watch)]).values()
    assert (known.rhythm.heard, known.samples) == (1, [])


def test_forged_senders_evict_forged_senders(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(source_watch, "MAX_SOURCES", 100)
    monkeypatch.setattr(source_watch, "_EVICTED_AT_ONCE", 10)
    watch = watched(120)
    state = committed(watch)
    for number in range(1000):
        watch.observe(f"forged-{number}", T0 + 2 * HOUR, None, "")
        for key, value in watch.changes().items():
            state.pop(key, None) if value is None else state.update({key: value})
    known = read_sources([state])
    assert "fw" in known
    assert len(known) <= 100


def test_partitions_that_share_a_source_are_told_of_as_one():
    states = [committed(watched(10)), committed(watched(20))]
    (known,) = read_sources(states).values()
    assert (known.rhythm.heard, known.rhythm.last) == (20, T0 // MINUTE + 19)


def test_a_silent_source_and_a_clock_that_is_off_are_findings_with_what_to_do():
    known = read_sources([committed(watched(120, -7 * HOUR))])
    zone_of = zones_of(Settings(timezone="Asia/Ho_Chi_Minh"))
    (one,) = source_reports(known, {}, zone_of, T0 + 3 * HOUR)
    assert (one.usual_seconds, one.silent_seconds) == (60, 61 * 60)
    silent, clock = source_findings([one])
    assert (silent.id, silent.where) == ("source_silent", "fw")
    assert (clock.id, clock.values["setting"], clock.values["profile"]) == (
        "clock_zone",
        'timezone = "UTC"',
        "firewall",
    )


def test_a_source_that_the_collector_still_hears_is_not_silent_while_the_engine_is_behind():
    known = read_sources([committed(watched(120))])
    heard = {"fw": T0 // MINUTE + 179}
    (one,) = source_reports(known, heard, zones_of(Settings()), T0 + 3 * HOUR)
    assert one.silent_seconds is None


def test_the_zone_that_holds_is_that_of_the_newest_version_of_the_profile():
    version = ClockVersion.model_validate({"since": "2026-11-22T00:00:00Z", "timezone": "UTC"})
    profile = SourceProfile(name="firewall", timezone="Asia/Tokyo", clock=(version,))
    zone_of = zones_of(Settings(sources=(profile,)))
    before, after = 1_795_132_800 * SECOND, 1_795_305_600 * SECOND
    assert (zone_of("firewall", before), zone_of("firewall", after), zone_of("", after)) == (9 * 3600, 0, 7 * 3600)


def test_the_proposed_lines_can_be_put_into_the_settings():
    text = (
        '[[sources]]\nname = "fw"\n[[sources.clock]]\nsince = 2026-11-23T06:30:00Z\nclock_offset_seconds = -189216000\n'
    )
    (profile,) = parse(text, {}).sources
    assert profile.clock[0].clock_offset_seconds == -189216000


def test_an_unknown_source_is_a_few_numbers():
    state = SourceState(Rhythm(1, 1))
    state.merge(SourceState(Rhythm(2, 2), [(2, 5)], True, "fw"))
    assert (state.rhythm.first, state.rhythm.last, state.samples, state.profile) == (1, 2, [(2, 5)], "fw")


def test_a_look_at_the_bus_names_the_silent_source_the_wrong_clock_and_what_became_of_each_sources_records(
    tmp_path: Path,
):
    start = T0 - T0 % HOUR

    async def scenario() -> None:
        bus = EmbeddedBus(tmp_path, topology(PARTITIONS))
        one = Installation(bus)
        for minute in range(90):
            at = start + minute * MINUTE
            await one.collect(line(at + 42 * SECOND), source="ahead", received=at)
            if minute < 65:
                await one.collect(line(at), b"\x00", source="silent", received=at)
        await one.run(RIGHT)
        seen = await BusEyes(bus, RuleSets(bus), Limits(600 * SECOND)).look(start + 90 * MINUTE)
        await one.bus.close()
        told = {(finding.id, finding.where) for finding in seen.findings if finding.level == "warning"}
        assert {("source_silent", "silent"), ("clock_ahead", "ahead")} <= told
        assert seen.silent_sources == ("silent",)
        ahead, silent = sorted(seen.balance, key=lambda sums: sums.source)
        assert (ahead.raw, ahead.normalized, ahead.unsettled) == (88, 88, 0)
        assert (silent.raw, silent.normalized, silent.dead, silent.unsettled) == (130, 65, 65, 0)

    asyncio.run(scenario())

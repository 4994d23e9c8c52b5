"""What the engine learned of each source, the settings and the time in; who is silent, whose clock is off, and what to set, out."""

from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

import msgspec

from soc.clock import MINUTE, SECOND, Micros, to_datetime, to_micros
from soc.pipeline.balance import PREFIX, parse_key
from soc.pipeline.clock_offset import Confidence, Proposal, propose, read_clock
from soc.pipeline.health import Finding, FindingId
from soc.pipeline.rhythm import is_known, silence, usual_gap
from soc.pipeline.source_watch import SourceState
from soc.settings import Settings

MAX_FINDINGS = 100
"""Sources told of one by one; when the network is gone all of them are silent."""

ZoneOf = Callable[[str, Micros], int]
"""(profile, when) → seconds that the zone taken for its stamps is east of UTC."""


class SourceReport(msgspec.Struct, frozen=True):
    """One source.

    Attributes:
        last: when it was last heard, to the minute.
        usual_seconds: the longest silence that is usual for it at the time of day it was last heard; None while too little is known.
        silent_seconds: for how long it is silent, if that is longer than it ever is; else None.
        offset_seconds: its stamps minus their receive times; None where none is measured.
        spread_seconds: half of the samples are within so many seconds of the offset.
        drift_seconds_a_day: what it gains; None while too little is known.
        proposal: what its profile should say; None where nothing need be said, or too little is known.
        profile: that it is read with, "" for none.
    """

    source: str
    last: Micros
    usual_seconds: int | None = None
    silent_seconds: int | None = None
    offset_seconds: float | None = None
    spread_seconds: float | None = None
    drift_seconds_a_day: float | None = None
    samples: int = 0
    confidence: Confidence | None = None
    proposal: Proposal | None = None
    profile: str = ""


def zones_of(settings: Settings) -> ZoneOf:
    """The zones that the settings' profiles have for stamps without one."""
    profiles = {profile.name: profile for profile in settings.sources}

    def zone_of(name: str, at: Micros) -> int:
        profile = profiles.get(name)
        zone = settings.timezone
        if profile is not None:
            zone = profile.timezone or zone
            for version in profile.clock:
                if to_micros(version.since) <= at:
                    zone = version.timezone or profile.timezone or settings.timezone
        offset = to_datetime(at).astimezone(ZoneInfo(zone)).utcoffset()
        return round(offset.total_seconds()) if offset is not None else 0

    return zone_of


def last_heard(collected: Mapping[bytes, bytes], heard: dict[str, int]) -> None:
    """Add the newest minute of each source of one of collect's states to ``heard``."""
    for key in collected:
        if key.startswith(PREFIX):
            minute, source = parse_key(key)
            heard[source] = max(heard.get(source, 0), minute)


def source_reports(
    sources: Mapping[str, SourceState], heard: Mapping[str, int], zone_of: ZoneOf, now: Micros
) -> list[SourceReport]:
    """Every source, by name.

    Args:
        sources: as the engine committed them.
        heard: source → newest minute, as the collectors know it.
        zone_of: see ``zones_of``.
        now: the time.
    """
    return [_one(name, sources[name], heard.get(name, 0), zone_of, now) for name in sorted(sources)]


def _one(name: str, known: SourceState, heard: int, zone_of: ZoneOf, now: Micros) -> SourceReport:
    rhythm = known.rhythm
    last = max(heard, rhythm.last)
    usual = usual_gap(rhythm, last) if is_known(rhythm) else None
    silent = silence(rhythm, now // MINUTE, heard)
    found = SourceReport(
        name,
        last * MINUTE,
        None if usual is None else usual * 60,
        None if silent is None else silent.lasted * 60,
        profile=known.profile,
    )
    reading = read_clock(known.samples)
    if reading is None:
        return found
    zone_seconds = zone_of(known.profile, last * MINUTE)
    return msgspec.structs.replace(
        found,
        offset_seconds=reading.offset,
        spread_seconds=reading.spread,
        drift_seconds_a_day=reading.drift,
        samples=reading.samples,
        confidence=reading.confidence,
        proposal=propose(reading, no_zone=known.no_zone, zone_seconds=zone_seconds),
    )


_CLOCK: Mapping[str, FindingId] = {"zone": "clock_zone", "ahead": "clock_ahead", "behind": "clock_behind"}


def source_findings(reports: list[SourceReport]) -> list[Finding]:
    """What is told of sources on the health page: the longest silences first, then the clocks that are off most."""
    silent = sorted((one for one in reports if one.silent_seconds), key=lambda one: -(one.silent_seconds or 0))
    off = sorted((one for one in reports if one.proposal), key=lambda one: -abs(one.offset_seconds or 0))
    found = [
        Finding(
            "warning",
            one.source,
            "source_silent",
            {"silent_seconds": one.silent_seconds or 0, "usual_seconds": one.usual_seconds or 0},
        )
        for one in silent[:MAX_FINDINGS]
    ]
    for one in off[:MAX_FINDINGS]:
        if one.proposal is not None:
            values: dict[str, str | int | float] = {
                "offset_seconds": abs(one.offset_seconds or 0.0),
                "offset": one.offset_seconds or 0.0,
                "samples": one.samples,
                "confidence": one.confidence or "",
                "setting": one.proposal.setting,
                "profile": one.profile or "–",
            }
            found.append(Finding("warning", one.source, _CLOCK[one.proposal.kind], values))
    return found


def written(moment: Micros) -> str:
    """A moment as a profile's ``since`` takes it, to the second."""
    return to_datetime(moment // SECOND * SECOND).isoformat().replace("+00:00", "Z")

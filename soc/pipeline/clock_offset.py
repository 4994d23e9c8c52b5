"""The clock of a source: its stamps against the times they were received in; offset, drift, confidence and what to set about it out.

What is measured is stamp − receive time: a clock that is ahead gives a positive offset; one that is behind, and a line that took
its time on the way, a negative one. Medians are used throughout, so neither a late batch nor a few wrong stamps move it. It is a
proposal only: nothing here changes any time (DESIGN §3).
"""

from collections.abc import Sequence
from statistics import median
from typing import Literal, NamedTuple

Sample = tuple[int, int]
"""Receive minute since 1970, and stamp − receive time in milliseconds."""

KEPT_SAMPLES = 60
"""The newest, at most one a minute."""

Confidence = Literal["low", "medium", "high"]
MEDIUM_SAMPLES, MEDIUM_SPREAD = 10, 30.0
HIGH_SAMPLES, HIGH_SPREAD = 30, 2.0
"""So many samples of which half are within so many seconds of the median."""

DRIFT_MINUTES, DRIFT_SAMPLES = 30, 20
"""What a drift is told from at least."""

AHEAD_SECONDS, BEHIND_SECONDS = 5.0, 60.0
"""Offsets that are worth a proposal. A clock behind by less than a minute cannot be told from lines that are sent in batches."""

HALF_HOUR = 1800
ZONE_TOLERANCE = 90.0
"""Zones differ by whole or half hours; a device whose zone is wrong is off by one of those within so many seconds."""

LARGEST_ZONE = 26 * 3600
"""From UTC-12 to UTC+14."""

_HALF_HOUR_ZONES = {
    -12600: "America/St_Johns",
    12600: "Asia/Tehran",
    16200: "Asia/Kabul",
    19800: "Asia/Kolkata",
    23400: "Asia/Yangon",
    34200: "Australia/Darwin",
}
"""One zone for each offset that is no whole hour (IANA tz database)."""


class Reading(NamedTuple):
    """A clock as its samples show it.

    Attributes:
        offset: seconds; positive if the clock is ahead.
        spread: half of the samples are within so many seconds of the offset.
        samples: how many there are.
        drift: seconds that it gains a day; None where too little is known.
    """

    offset: float
    spread: float
    samples: int
    drift: float | None
    confidence: Confidence


def read_clock(samples: Sequence[Sample]) -> Reading | None:
    """What the samples show; None without any."""
    if not samples:
        return None
    offsets = [offset / 1000 for _, offset in samples]
    middle = median(offsets)
    spread = median(abs(offset - middle) for offset in offsets)
    return Reading(middle, spread, len(samples), _drift(samples), _confidence(len(samples), spread))


def _confidence(samples: int, spread: float) -> Confidence:
    if samples >= HIGH_SAMPLES and spread <= HIGH_SPREAD:
        return "high"
    return "medium" if samples >= MEDIUM_SAMPLES and spread <= MEDIUM_SPREAD else "low"


def _drift(samples: Sequence[Sample]) -> float | None:
    """The median of the slopes between all pairs (Theil and Sen), in seconds a day."""
    minutes = [minute for minute, _ in samples]
    if len(samples) < DRIFT_SAMPLES or max(minutes) - min(minutes) < DRIFT_MINUTES:
        return None
    slopes = [
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for index, earlier in enumerate(samples)
        for later in samples[index + 1 :]
        if later[0] != earlier[0]
    ]
    return median(slopes) / 1000 * 24 * 60


class Proposal(NamedTuple):
    """What to write into the source's profile.

    Attributes:
        kind: ``zone``: its stamps say no zone, and are of another one. ``ahead``, ``behind``: its clock is wrong.
        setting: one line of the profile: ``timezone = "UTC"`` or ``clock_offset_seconds = 12.5``.
    """

    kind: Literal["zone", "ahead", "behind"]
    setting: str


def propose(reading: Reading, *, no_zone: bool, zone_seconds: int) -> Proposal | None:
    """What should be set, if anything is worth it and the measure can be believed.

    Args:
        reading: of the clock.
        no_zone: its stamps say no zone.
        zone_seconds: how far the zone that was taken for them is east of UTC, now.
    """
    if reading.confidence == "low" or abs(reading.offset) <= 3 * reading.spread:
        return None
    if no_zone and (name := _zone(reading.offset, zone_seconds)):
        return Proposal("zone", f'timezone = "{name}"')
    setting = f"clock_offset_seconds = {round(reading.offset, 1):.12g}"
    if reading.offset >= AHEAD_SECONDS:
        return Proposal("ahead", setting)
    return Proposal("behind", setting) if reading.offset <= -BEHIND_SECONDS else None


def _zone(offset: float, zone_seconds: int) -> str:
    """The zone in which stamps that were off would not have been; "" if the offset is none of a zone."""
    steps = round(offset / HALF_HOUR)
    if not steps or abs(offset) > LARGEST_ZONE or abs(offset - steps * HALF_HOUR) > ZONE_TOLERANCE:
        return ""
    east = zone_seconds + steps * HALF_HOUR
    hours, rest = divmod(east, 3600)
    if rest:
        return _HALF_HOUR_ZONES.get(east, "")
    if not -12 <= hours <= 14:
        return ""
    # POSIX counts west of Greenwich, so Etc/GMT-7 is seven hours east (IANA tz database, file etcetera)
    return f"Etc/GMT{-hours:+d}" if hours else "UTC"

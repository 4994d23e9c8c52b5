"""The rhythm of a source: the minutes it was heard in, in order; how long it usually stays silent, and whether it is too silent, out.

Only the longest gaps of each hour of the day are kept, so a source costs a bounded amount whatever it sends, and the same
minutes in the same order always give the same verdict. A gap that came once teaches nothing (it may have been the outage that
one wants to be told of): the second longest of the last 28 days is what the source is known to do. Gaps are remembered by the hour
they began in, so a machine that is off at night is still missed within minutes by day.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

DAY_MINUTES = 24 * 60
MEMORY_MINUTES = 28 * DAY_MINUTES
"""Four weeks: what happens once a week has come several times by then."""

KEPT_GAPS = 3
"""Of each hour."""

FORGOTTEN_MINUTES = 7 * DAY_MINUTES
"""A source silent for so long is taken for one that is no more: naming it for ever would hide the next."""

LEAST_HEARD, LEAST_SPAN = 10, 60
"""Minutes a source must have been heard in, and over how many, before anything is said of it."""

MARGIN, LEAST_LIMIT = 1.5, 15
"""Silent is who is silent for so many times the usual gap, and for at least so many minutes."""


class Rhythm(msgspec.Struct, array_like=True):
    """What is known of one source; times are minutes since 1970.

    Attributes:
        first: when it was first heard.
        last: when it was last heard.
        heard: in how many minutes it was heard.
        gaps: hour of the day (UTC) → (length, when it began) of the longest gaps that began in it, longest first.
    """

    first: int
    last: int
    heard: int = 1
    gaps: dict[int, list[tuple[int, int]]] = {}

    def hear(self, minute: int) -> bool:
        """Take up a minute; False if it, or a later one, was taken up before."""
        if minute <= self.last:
            return False
        self._keep(((minute - self.last, self.last),), minute)
        self.last = minute
        self.heard += 1
        return True

    def merge(self, other: "Rhythm") -> None:
        """Take up what another partition knows of the same source."""
        self.first = min(self.first, other.first)
        self.last = max(self.last, other.last)
        self.heard = max(self.heard, other.heard)
        self._keep((gap for gaps in other.gaps.values() for gap in gaps), self.last)

    def _keep(self, gaps: Iterable[tuple[int, int]], now: int) -> None:
        for length, began in gaps:
            hour = _hour(began)
            kept = [gap for gap in self.gaps.get(hour, ()) if gap[1] >= now - MEMORY_MINUTES]
            kept.append((length, began))
            kept.sort(reverse=True)
            self.gaps[hour] = kept[:KEPT_GAPS]


def _hour(minute: int) -> int:
    return minute // 60 % 24


class Silence(NamedTuple):
    """A source that is silent for longer than it ever is; all in minutes.

    Attributes:
        since: when it was last heard, since 1970.
        lasted: how long that is ago.
        usual: the longest that it usually stays silent at this time of day.
    """

    since: int
    lasted: int
    usual: int


def usual_gap(rhythm: Rhythm, began: int) -> int | None:
    """The longest silence that came at least twice and began at about this time of day (an hour more or less); None if too little is known.

    Where fewer than two gaps began around that hour, the whole day counts.
    """
    hour = _hour(began)
    near = [gap for by in (-1, 0, 1) for gap in rhythm.gaps.get((hour + by) % 24, ())]
    known = near if len(near) > 1 else [gap for gaps in rhythm.gaps.values() for gap in gaps]
    lengths = sorted((length for length, _ in known), reverse=True)
    return lengths[1] if len(lengths) > 1 else None


def is_known(rhythm: Rhythm) -> bool:
    """Whether it was heard often and long enough for a verdict."""
    return rhythm.heard >= LEAST_HEARD and rhythm.last - rhythm.first >= LEAST_SPAN


def silence(rhythm: Rhythm, now: int, last: int = 0) -> Silence | None:
    """The source's silence at minute ``now``; None while it sends as it does, or too little is known of it.

    Args:
        rhythm: what was learned.
        now: minutes since 1970.
        last: when it was last heard as somebody knows who learns it earlier (the collector does).
    """
    last = max(last, rhythm.last)
    usual = usual_gap(rhythm, last) if is_known(rhythm) else None
    lasted = now - last
    if usual is None or lasted > FORGOTTEN_MINUTES or lasted <= max(LEAST_LIMIT, MARGIN * usual):
        return None
    return Silence(last, lasted, usual)

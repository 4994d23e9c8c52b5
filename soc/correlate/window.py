"""Sorted entries in, spans of satisfied windows out: the incremental sweeps.

A window is anchored at an entry: [t, t + timespan], both edges in it. For a demand that more events can only help, look
at it from the window's last entry e instead: the anchors whose window e completes are those from the first entry not
older than t_e - timespan up to the latest start from which everything up to e still satisfies. Both bounds only move
forward as e does, so a sweep costs a constant per entry, and a batch that comes in order goes on where the last ended.

            lo            tight        e
    ─────────●──────●───────●─────●────●────────► time
             ├─ windows anchored ─┤
             here are satisfied (lo..tight)

An entry that comes out of order takes the sweep back to its place (``rewind``) and forward again over what follows it.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from soc.clock import Micros
from soc.correlate.entry import Entry
from soc.correlate.watermark import NEVER


class Span(NamedTuple):
    """Satisfied anchors in a row.

    Attributes:
        first: time of the first satisfied anchor.
        last: time of the last; no gap between two of them is longer than the timespan.
        peak: the largest number counted in any of their windows.
    """

    first: Micros
    last: Micros
    peak: float


def join(spans: list[Span], first: Micros, last: Micros, peak: float, timespan: Micros) -> None:
    """Add a span that starts no earlier than the last one did, growing that one if they share an entry."""
    if spans:
        old = spans[-1]
        if first <= old.last + timespan:
            spans[-1] = Span(old.first, max(old.last, last), max(old.peak, peak))
            return
    spans.append(Span(first, last, peak))


class Sweep(Protocol):
    """A sweep over one group's entries; ``times`` and ``entries`` are the group's own parallel lists."""

    @property
    def anew(self) -> bool:
        """Did the last ``advance`` return all satisfied anchors in memory, so that others no longer are?"""
        ...

    def rewind(self, times: Sequence[Micros], entries: Sequence[Entry], place: int, time: Micros) -> None:
        """Go back to before ``place``, where an entry with this time is about to be inserted."""
        ...

    def advance(self, times: Sequence[Micros], entries: Sequence[Entry]) -> list[Span]:
        """Go to the end; the spans of every anchor whose window an entry on the way completes."""
        ...

    def drop(self, entries: Sequence[Entry], number: int) -> None:
        """Forget the first entries, which are about to be deleted."""
        ...


class CountSweep:
    """At least ``need`` entries."""

    __slots__ = ("_end", "_lo", "_need", "_timespan")
    anew = False

    def __init__(self, need: int, timespan: Micros) -> None:
        self._need = need
        self._timespan = timespan
        self._lo = 0
        self._end = 0

    def rewind(self, times: Sequence[Micros], entries: Sequence[Entry], place: int, time: Micros) -> None:  # noqa: ARG002 the protocol's
        """See ``Sweep``."""
        if place < self._end:
            self._end = place
            self._lo = bisect_left(times, times[place - 1] - self._timespan, 0, place) if place else 0

    def advance(self, times: Sequence[Micros], entries: Sequence[Entry]) -> list[Span]:  # noqa: ARG002 the protocol's
        """See ``Sweep``."""
        timespan, before, lo = self._timespan, self._need - 1, self._lo
        spans: list[Span] = []
        first = last = NEVER
        peak = 0
        for end in range(self._end, len(times)):
            oldest = times[end] - timespan
            while times[lo] < oldest:
                lo += 1
            size = end - lo
            if size < before:
                continue
            if times[lo] > last + timespan:  # a gap: what was joined so far is a span of its own
                if peak:
                    spans.append(Span(first, last, peak))
                first, peak = times[lo], 0
            last = times[end - before]
            if size >= peak:
                peak = size + 1
        self._lo, self._end = lo, len(times)
        if peak:
            spans.append(Span(first, last, peak))
        return spans

    def drop(self, entries: Sequence[Entry], number: int) -> None:  # noqa: ARG002 the protocol's
        """See ``Sweep``."""
        self._lo = max(0, self._lo - number)
        self._end = max(0, self._end - number)


class DistinctSweep:
    """At least ``need`` different tokens.

    ``latest`` is the place of each token's latest entry in [lo, end). A token is in [start, end) if that is not before
    start: so one table serves both the whole window that ends at the last entry and the shortest end of it, [start, end),
    that still has enough. Places in the tables are counted from the first entry there ever was.
    """

    __slots__ = ("_base", "_before", "_end", "_latest", "_lo", "_need", "_start", "_tight", "_timespan")
    anew = False

    def __init__(self, need: int, timespan: Micros) -> None:
        self._need = need
        self._timespan = timespan
        self._base = 0  # how many entries were dropped
        self._lo = self._start = self._end = 0
        self._latest: dict[str | int, int] = {}
        self._before: list[int] = []  # for each entry swept, what ``latest`` said of its token, to go back
        self._tight = 0  # different tokens in [start, end)

    def rewind(self, times: Sequence[Micros], entries: Sequence[Entry], place: int, time: Micros) -> None:  # noqa: ARG002 the protocol's
        """See ``Sweep``."""
        if place >= self._end:
            return
        latest, base, lo, start, tight = self._latest, self._base, self._lo, self._start, self._tight
        for index in range(self._end - 1, place - 1, -1):
            before = self._before.pop()
            if index >= start and before < start + base:
                tight -= 1
            if before >= lo + base:
                latest[entries[index].token] = before
            elif index >= lo:
                del latest[entries[index].token]
        if start > place:
            start, tight = place, 0
        lo = min(lo, place)
        oldest = times[place - 1] - self._timespan if place else 0
        while lo and times[lo - 1] >= oldest:
            lo -= 1
            latest.setdefault(entries[lo].token, lo + base)
        # Starts before lo complete nothing any more, so the tight count need not reach further back.
        while start > lo and tight < self._need:
            start -= 1
            if latest[entries[start].token] == start + base:
                tight += 1
        self._lo, self._start, self._tight, self._end = lo, start, tight, place

    def advance(self, times: Sequence[Micros], entries: Sequence[Entry]) -> list[Span]:
        """See ``Sweep``."""
        timespan, need, base, latest, known = self._timespan, self._need, self._base, self._latest, self._before
        lo, start, tight = self._lo, self._start, self._tight
        spans: list[Span] = []
        first = last = NEVER
        peak = 0
        for end in range(self._end, len(times)):
            token = entries[end].token
            before = latest.get(token, -1)
            known.append(before)
            if before < start + base:
                tight += 1
            latest[token] = end + base
            oldest = times[end] - timespan
            while times[lo] < oldest:
                token = entries[lo].token
                if latest[token] == lo + base:
                    del latest[token]
                lo += 1
            if start < lo:
                start, tight = lo, len(latest)
            if tight < need:
                continue
            while tight > need or latest[entries[start].token] != start + base:
                if latest[entries[start].token] == start + base:
                    tight -= 1
                start += 1
            if times[lo] > last + timespan:
                if peak:
                    spans.append(Span(first, last, peak))
                first, peak = times[lo], 0
            last = times[start]
            peak = max(peak, len(latest))
        self._lo, self._start, self._end, self._tight = lo, start, len(times), tight
        if peak:
            spans.append(Span(first, last, peak))
        return spans

    def drop(self, entries: Sequence[Entry], number: int) -> None:
        """See ``Sweep``."""
        latest, base = self._latest, self._base
        for index in range(self._lo, min(number, self._end)):
            if latest[entries[index].token] == index + base:
                del latest[entries[index].token]
        if self._start < number:
            self._tight = len(latest)
        del self._before[:number]
        self._base += number
        self._lo = max(0, self._lo - number)
        self._start = max(0, self._start - number)
        self._end = max(0, self._end - number)

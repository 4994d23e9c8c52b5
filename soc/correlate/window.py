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
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from soc.clock import Micros
from soc.correlate.condition import Demand
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

    def rewind(self, times: Sequence[Micros], entries: Sequence[Entry], place: int, time: Micros) -> None:
        """Go back to before ``place``, where an entry with this time is about to be inserted."""
        ...

    def advance(self, times: Sequence[Micros], entries: Sequence[Entry]) -> list[Span]:
        """Go to the end; the spans of every anchor whose window an entry on the way completes."""
        ...

    def drop(self, entries: Sequence[Entry], number: int) -> None:
        """Forget the first entries, which are about to be deleted."""
        ...


def sweep_for(demand: Demand, timespan: Micros) -> Sweep:
    """A fresh sweep for a demand that more events can only help."""
    if demand.counting == "entries":
        return CountSweep(demand.need, timespan)
    if demand.counting == "tokens":
        return DistinctSweep(demand.need, timespan)
    return OrderedSweep(demand.steps, timespan)


class CountSweep:
    """At least ``need`` entries."""

    __slots__ = ("_end", "_lo", "_need", "_timespan")

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

    Two counts slide with it: ``wide`` over [lo, end), the whole window that ends at the last entry, and ``tight`` over
    [start, end), the shortest end of it that still has enough.
    """

    __slots__ = ("_end", "_lo", "_need", "_start", "_tight", "_timespan", "_wide")

    def __init__(self, need: int, timespan: Micros) -> None:
        self._need = need
        self._timespan = timespan
        self._lo = self._start = self._end = 0
        self._wide: dict[str | int, int] = {}
        self._tight: dict[str | int, int] = {}

    def rewind(self, times: Sequence[Micros], entries: Sequence[Entry], place: int, time: Micros) -> None:  # noqa: ARG002 the protocol's
        """See ``Sweep``."""
        if place >= self._end:
            return
        wide, tight, lo, start = self._wide, self._tight, self._lo, self._start
        for index in range(place, self._end):
            token = entries[index].token
            if index >= lo:
                _less(wide, token)
            if index >= start:
                _less(tight, token)
        lo, start = min(lo, place), min(start, place)
        oldest = times[place - 1] - self._timespan if place else 0
        while lo and times[lo - 1] >= oldest:
            lo -= 1
            token = entries[lo].token
            wide[token] = wide.get(token, 0) + 1
        # Starts before lo complete nothing any more, so the tight count need not reach further back.
        while start > lo and len(tight) < self._need:
            start -= 1
            token = entries[start].token
            tight[token] = tight.get(token, 0) + 1
        self._lo, self._start, self._end = lo, start, place

    def advance(self, times: Sequence[Micros], entries: Sequence[Entry]) -> list[Span]:
        """See ``Sweep``."""
        timespan, need = self._timespan, self._need
        wide, tight, lo, start = self._wide, self._tight, self._lo, self._start
        spans: list[Span] = []
        first = last = NEVER
        peak = 0
        for end in range(self._end, len(times)):
            token = entries[end].token
            wide[token] = wide.get(token, 0) + 1
            tight[token] = tight.get(token, 0) + 1
            oldest = times[end] - timespan
            while times[lo] < oldest:
                _less(wide, entries[lo].token)
                lo += 1
            while len(tight) >= need:
                token = entries[start].token
                count = tight[token]
                if count > 1:
                    tight[token] = count - 1
                elif len(tight) > need:
                    del tight[token]
                else:
                    break
                start += 1
            size = len(wide)
            if size < need:
                continue
            if times[lo] > last + timespan:
                if peak:
                    spans.append(Span(first, last, peak))
                first, peak = times[lo], 0
            last = times[start]
            peak = max(peak, size)
        self._lo, self._start, self._end = lo, start, len(times)
        if peak:
            spans.append(Span(first, last, peak))
        return spans

    def drop(self, entries: Sequence[Entry], number: int) -> None:
        """See ``Sweep``."""
        for index in range(self._lo, min(number, self._end)):
            _less(self._wide, entries[index].token)
        for index in range(self._start, min(number, self._end)):
            _less(self._tight, entries[index].token)
        self._lo = max(0, self._lo - number)
        self._start = max(0, self._start - number)
        self._end = max(0, self._end - number)


class OrderedSweep:
    """The steps one after another; entries of one time count as in order.

    ``best[j]`` is the latest start of a climb that has done its first j steps by now. Entries of one time are taken
    together: a climb may do several steps within them, as long as each step has an entry of its own.
    """

    __slots__ = ("_before", "_best", "_end", "_lo", "_steps", "_tie", "_timespan")

    def __init__(self, steps: Sequence[int], timespan: Micros) -> None:
        self._steps = tuple(steps)
        self._timespan = timespan
        self._lo = self._end = 0
        self._tie = 0  # where the last entries of one time begin, and best as it was before them
        self._best: list[Micros] = [NEVER] * (len(self._steps) + 1)
        self._before = list(self._best)

    def rewind(self, times: Sequence[Micros], entries: Sequence[Entry], place: int, time: Micros) -> None:  # noqa: ARG002 the protocol's
        """See ``Sweep``."""
        if place == self._end and (not place or times[place - 1] < time):
            return
        if self._tie < len(times) and times[self._tie] == time:
            self._end, self._best = self._tie, list(self._before)
            return
        # Climbs that began before time - timespan are over before it comes: start afresh there.
        self._end = self._lo = self._tie = bisect_left(times, time - self._timespan)
        self._best = [NEVER] * len(self._best)
        self._before = list(self._best)

    def advance(self, times: Sequence[Micros], entries: Sequence[Entry]) -> list[Span]:
        """See ``Sweep``."""
        spans: list[Span] = []
        end, size, lo = self._end, len(times), self._lo
        while end < size:
            time = times[end]
            have: dict[int, int] = {}
            self._tie = end
            while end < size and times[end] == time:
                rule = entries[end].rule
                have[rule] = have.get(rule, 0) + 1
                end += 1
            self._before = self._best
            self._best = self._climb(time, have)
            oldest = time - self._timespan
            while times[lo] < oldest:
                lo += 1
            if self._best[-1] >= oldest:
                join(spans, times[lo], self._best[-1], len(self._steps), self._timespan)
        self._end, self._lo = end, lo
        return spans

    def _climb(self, time: Micros, have: dict[int, int]) -> list[Micros]:
        before, steps = self._before, self._steps
        best = list(before)
        for step in range(1, len(steps) + 1):
            used: dict[int, int] = {}
            for begin in range(step, 0, -1):  # steps begin..step are done at this very time
                rule = steps[begin - 1]
                used[rule] = used.get(rule, 0) + 1
                if used[rule] > have.get(rule, 0):
                    break
                best[step] = max(best[step], before[begin - 1] if begin > 1 else time)
        return best

    def drop(self, entries: Sequence[Entry], number: int) -> None:  # noqa: ARG002 the protocol's
        """See ``Sweep``."""
        self._lo = max(0, self._lo - number)
        self._end = max(0, self._end - number)
        self._tie = max(0, self._tie - number)


def decide(
    demand: Demand, timespan: Micros, times: Sequence[Micros], entries: Sequence[Entry], number: int
) -> list[Span]:
    """The spans among the windows of the first ``number`` entries, which can no longer change, by the demand's test."""
    assert demand.test is not None
    spans: list[Span] = []
    window: deque[str | int] = deque()
    counts: dict[str | int, int] = {}
    end, anchor = 0, 0
    by_token = demand.counting == "tokens"
    while anchor < number:
        time = times[anchor]
        while end < len(times) and times[end] <= time + timespan:
            token = entries[end].token if by_token else end
            window.append(token)
            counts[token] = counts.get(token, 0) + 1
            end += 1
        if demand.test(len(counts)):
            join(spans, time, time, len(counts), timespan)
        while anchor < number and times[anchor] == time:
            _less(counts, window.popleft())
            anchor += 1
    return spans


def _less(counts: dict[str | int, int], token: str | int) -> None:
    left = counts[token] - 1
    if left:
        counts[token] = left
    else:
        del counts[token]

"""Entries with numbers in, spans of windows whose sum is large enough out, as soon as it is.

As long as no number is negative more entries can only help, and the sweep is that of ``DistinctSweep`` with sums in place of
counts. While a negative one is in memory every window there is summed up anew with each batch, and what was said may be taken
back (``anew``).
"""

from collections.abc import Sequence

from soc.clock import Micros
from soc.correlate.condition import Demand
from soc.correlate.entry import Entry
from soc.correlate.number import SCALE, billionths
from soc.correlate.watermark import NEVER
from soc.correlate.window import Span, join


def numbers_of(entries: Sequence[Entry], begin: int, *, once: bool) -> list[int]:
    """The numbers of the entries from ``begin`` on, in billionths.

    Entries of one event stand next to each other: with ``once`` the first of those with the same number has it and the
    others have 0.
    """
    if not once:
        return [billionths(entry.token) for entry in entries[begin:]]
    numbers: list[int] = []
    for index in range(begin, len(entries)):
        entry = entries[index]
        number, place = billionths(entry.token), index - 1
        while place >= 0 and entries[place].event_id == entry.event_id:
            if entries[place].token == entry.token:
                number = 0
            place -= 1
        numbers.append(number)
    return numbers


class SumSweep:
    """A sum of at least, or of more than, the bound.

    Two sums slide with it: ``wide`` over [lo, end), the whole window that ends at the last entry, and ``tight`` over
    [start, end), the shortest end of it that is still large enough.
    """

    __slots__ = (
        "_bound",
        "_compare",
        "_lo",
        "_negative",
        "_numbers",
        "_once",
        "_parts",
        "_start",
        "_tight",
        "_timespan",
        "_wide",
        "anew",
    )

    def __init__(self, demand: Demand, timespan: Micros) -> None:
        self._bound, self._parts = demand.bound.numerator, demand.bound.denominator
        self._compare = demand.compare
        self._once = demand.once
        self._timespan = timespan
        self._numbers: list[int] = []  # of the entries swept so far
        self._negative = 0  # how many of them are
        self._lo = self._start = 0
        self._wide = self._tight = 0
        self.anew = False

    def rewind(self, times: Sequence[Micros], entries: Sequence[Entry], place: int, time: Micros) -> None:  # noqa: ARG002 the protocol's
        """See ``Sweep``."""
        numbers = self._numbers
        if place >= len(numbers):
            return
        lo, start = self._lo, self._start
        self._negative -= sum(number < 0 for number in numbers[place:])
        self._wide -= sum(numbers[max(lo, place) :])
        self._tight -= sum(numbers[max(start, place) :])
        del numbers[place:]
        lo, start = min(lo, place), min(start, place)
        oldest = times[place - 1] - self._timespan if place else 0
        while lo and times[lo - 1] >= oldest:
            lo -= 1
            self._wide += numbers[lo]
        # Starts before lo complete nothing any more, so the tight sum need not reach further back.
        while start > lo and not self._satisfies(self._tight):
            start -= 1
            self._tight += numbers[start]
        self._lo, self._start = lo, start

    def _satisfies(self, total: int) -> bool:
        return self._compare(total * self._parts, self._bound)

    def advance(self, times: Sequence[Micros], entries: Sequence[Entry]) -> list[Span]:
        """See ``Sweep``."""
        if self.anew and not self._negative:  # they have left memory: sweep what is left as if nothing had been before
            self._numbers.clear()
            self._lo = self._start = 0
            self._wide = self._tight = 0
        begin = len(self._numbers)
        fresh = numbers_of(entries, begin, once=self._once)
        self._numbers += fresh
        self._negative += sum(number < 0 for number in fresh)
        self.anew = self._negative > 0
        return self._all(times) if self.anew else self._completed(times, begin)

    def _completed(self, times: Sequence[Micros], begin: int) -> list[Span]:
        """The spans of the anchors whose windows the entries from ``begin`` on complete."""
        numbers, compare, parts, bound = self._numbers, self._compare, self._parts, self._bound
        timespan, wide, tight, lo, start = self._timespan, self._wide, self._tight, self._lo, self._start
        spans: list[Span] = []
        first = last = NEVER
        peak = -1
        for end in range(begin, len(numbers)):
            wide += numbers[end]
            tight += numbers[end]
            oldest = times[end] - timespan
            while times[lo] < oldest:
                wide -= numbers[lo]
                lo += 1
            if not compare(wide * parts, bound):
                continue
            while start < end and compare((tight - numbers[start]) * parts, bound):
                tight -= numbers[start]
                start += 1
            if times[lo] > last + timespan:
                if peak >= 0:
                    spans.append(Span(first, last, peak / SCALE))
                first, peak = times[lo], wide
            last = times[start]
            peak = max(peak, wide)
        self._lo, self._start, self._wide, self._tight = lo, start, wide, tight
        if peak >= 0:
            spans.append(Span(first, last, peak / SCALE))
        return spans

    def _all(self, times: Sequence[Micros]) -> list[Span]:
        """The spans of every anchor in memory, summed up from its own side."""
        numbers, timespan, size = self._numbers, self._timespan, len(times)
        spans: list[Span] = []
        total = end = 0
        for anchor, time in enumerate(times):
            while end < size and times[end] <= time + timespan:
                total += numbers[end]
                end += 1
            if (not anchor or times[anchor - 1] < time) and self._satisfies(total):
                join(spans, time, time, total / SCALE, timespan)
            total -= numbers[anchor]
        return spans

    def drop(self, entries: Sequence[Entry], number: int) -> None:  # noqa: ARG002 the protocol's
        """See ``Sweep``."""
        numbers = self._numbers
        self._negative -= sum(one < 0 for one in numbers[:number])
        self._wide -= sum(numbers[self._lo : number])
        self._tight -= sum(numbers[self._start : number])
        del numbers[:number]
        self._lo = max(0, self._lo - number)
        self._start = max(0, self._start - number)

"""Sorted entries in, the windows that can no longer change decided: what may not be said before the watermark has passed.

The window slides over the entries from anchor to anchor: each entry goes into the gauge once and out of it once, and from
one watermark to the next the gauge stays as it is, so nothing is counted again.
"""

from collections.abc import Sequence

from soc.clock import Micros
from soc.correlate.condition import Demand
from soc.correlate.entry import Entry
from soc.correlate.gauge import Measure, gauge_of
from soc.correlate.watermark import NEVER
from soc.correlate.window import Span


class Waiting:
    """A sweep that says nothing until it is asked to decide."""

    __slots__ = ("_begin", "_demand", "_end", "_gauge", "_timespan")
    anew = False

    def __init__(self, demand: Demand, timespan: Micros) -> None:
        self._demand = demand
        self._timespan = timespan
        self._gauge = gauge_of(demand)
        self._begin = self._end = 0  # the gauge holds the entries [begin, end)

    def rewind(self, times: Sequence[Micros], entries: Sequence[Entry], place: int, time: Micros) -> None:  # noqa: ARG002 the protocol's
        """See ``Sweep``. Nothing comes into a window that was decided, so this is for what was decided and not yet dropped."""
        if place < self._end:
            self._gauge = gauge_of(self._demand)
            self._begin = self._end = 0

    def advance(self, times: Sequence[Micros], entries: Sequence[Entry]) -> list[Span]:  # noqa: ARG002 the protocol's
        """See ``Sweep``: nothing is known before its time."""
        return []

    def decide(self, times: Sequence[Micros], entries: Sequence[Entry], number: int) -> list[Span]:
        """The spans among the windows of the first ``number`` entries, which can no longer change."""
        gauge, timespan, anchor, end, size = self._gauge, self._timespan, self._begin, self._end, len(times)
        spans: list[Span] = []
        first = last = NEVER
        peak: Measure = 0
        while anchor < number:
            time = times[anchor]
            limit = time + timespan
            while end < size and times[end] <= limit:
                gauge.add(entries[end])
                end += 1
            measure = gauge.measure()
            if measure is not None:
                if time > last + timespan:
                    if last != NEVER:
                        spans.append(Span(first, last, gauge.real(peak)))
                    first, peak = time, measure
                elif measure > peak:
                    peak = measure
                last = time
            while anchor < number and times[anchor] == time:
                gauge.remove(entries[anchor])
                anchor += 1
        self._begin, self._end = anchor, end
        if last != NEVER:
            spans.append(Span(first, last, gauge.real(peak)))
        return spans

    def drop(self, entries: Sequence[Entry], number: int) -> None:
        """See ``Sweep``."""
        for index in range(self._begin, min(number, self._end)):
            self._gauge.remove(entries[index])
        self._begin = max(0, self._begin - number)
        self._end = max(0, self._end - number)

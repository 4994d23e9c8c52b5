"""Entries of several rules in, spans of windows in which they occur together, in order or by choice, out."""

from bisect import bisect_left
from collections.abc import Sequence

from soc.clock import Micros
from soc.correlate.condition import Choice
from soc.correlate.entry import Entry
from soc.correlate.watermark import NEVER
from soc.correlate.window import Span, join


class OrderedSweep:
    """The steps one after another; entries of one time count as in order.

    ``best[j]`` is the latest start of a climb that has done its first j steps by now. Entries of one time are taken
    together: a climb may do several steps within them, as long as each step has an entry of its own.
    """

    __slots__ = ("_before", "_best", "_end", "_lo", "_places", "_steps", "_tie", "_timespan")
    anew = False

    def __init__(self, steps: Sequence[int], timespan: Micros) -> None:
        self._steps = tuple(steps)
        self._places: dict[int, list[int]] = {}  # rule → which steps it is
        for place, rule in enumerate(steps, 1):
            self._places.setdefault(rule, []).append(place)
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
        end, size, lo, timespan, places = self._end, len(times), self._lo, self._timespan, self._places
        tie, before, best = self._tie, self._before, self._best
        first = last = NEVER
        peak = len(self._steps)
        while end < size:
            time, rule = times[end], entries[end].rule
            tie, before = end, best
            end += 1
            if end < size and times[end] == time:
                have = {rule: 1}
                while end < size and times[end] == time:
                    rule = entries[end].rule
                    have[rule] = have.get(rule, 0) + 1
                    end += 1
                best = self._climb(before, time, have)
            elif rule in places:
                best = before.copy()
                for step in places[rule]:  # whoever has done fewer steps began no earlier
                    best[step] = before[step - 1] if step > 1 else time
            oldest = time - timespan
            while times[lo] < oldest:
                lo += 1
            if best[-1] >= oldest:
                if times[lo] > last + timespan:  # a gap: what was joined so far is a span of its own
                    if last != NEVER:
                        spans.append(Span(first, last, peak))
                    first = times[lo]
                last = best[-1]
        if last != NEVER:
            spans.append(Span(first, last, peak))
        self._end, self._lo, self._tie, self._before, self._best = end, lo, tie, before, best
        return spans

    def _climb(self, before: list[Micros], time: Micros, have: dict[int, int]) -> list[Micros]:
        steps = self._steps
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


class EitherSweep:
    """One of several climbs: an ordered sweep for each."""

    __slots__ = ("_sweeps", "_timespan")
    anew = False

    def __init__(self, choices: Sequence[Choice], timespan: Micros) -> None:
        self._sweeps = [OrderedSweep(choice.steps, timespan) for choice in choices]
        self._timespan = timespan

    def rewind(self, times: Sequence[Micros], entries: Sequence[Entry], place: int, time: Micros) -> None:
        """See ``Sweep``."""
        for sweep in self._sweeps:
            sweep.rewind(times, entries, place, time)

    def advance(self, times: Sequence[Micros], entries: Sequence[Entry]) -> list[Span]:
        """See ``Sweep``."""
        spans: list[Span] = []
        for span in sorted(span for sweep in self._sweeps for span in sweep.advance(times, entries)):
            join(spans, *span, self._timespan)
        return spans

    def drop(self, entries: Sequence[Entry], number: int) -> None:
        """See ``Sweep``."""
        for sweep in self._sweeps:
            sweep.drop(entries, number)


class PresentSweep:
    """All rules of one of several choices, in any order.

    ``latest[rule]`` is the place of its latest entry so far: a choice holds in the windows that begin no later than the
    earliest of its rules' latest entries.
    """

    __slots__ = ("_choices", "_end", "_latest", "_lo", "_timespan")
    anew = False

    def __init__(self, choices: Sequence[Choice], timespan: Micros) -> None:
        self._choices = [choice.steps for choice in choices]
        self._timespan = timespan
        self._lo = self._end = 0
        self._latest = [-1] * (1 + max(rule for steps in self._choices for rule in steps))

    def rewind(self, times: Sequence[Micros], entries: Sequence[Entry], place: int, time: Micros) -> None:  # noqa: ARG002 the protocol's
        """See ``Sweep``."""
        if place < self._end:
            # What was before time - timespan is in no window with it: start afresh there.
            self._end = self._lo = bisect_left(times, time - self._timespan)
            self._latest = [-1] * len(self._latest)

    def advance(self, times: Sequence[Micros], entries: Sequence[Entry]) -> list[Span]:
        """See ``Sweep``."""
        latest, lo, timespan = self._latest, self._lo, self._timespan
        spans: list[Span] = []
        first = last = NEVER
        peak = 0
        for end in range(self._end, len(times)):
            latest[entries[end].rule] = end
            oldest = times[end] - timespan
            while times[lo] < oldest:
                lo += 1
            start = -1
            for steps in self._choices:
                earliest = end
                for rule in steps:
                    earliest = min(earliest, latest[rule])
                start = max(start, earliest)
            if start < lo:
                continue
            if times[lo] > last + timespan:
                if peak:
                    spans.append(Span(first, last, peak))
                first, peak = times[lo], 0
            last = times[start]
            peak = max(peak, len([place for place in latest if place >= lo]))
        if peak:
            spans.append(Span(first, last, peak))
        self._lo, self._end = lo, len(times)
        return spans

    def drop(self, entries: Sequence[Entry], number: int) -> None:  # noqa: ARG002 the protocol's
        """See ``Sweep``."""
        self._lo = max(0, self._lo - number)
        self._end = max(0, self._end - number)
        self._latest = [max(-1, place - number) for place in self._latest]

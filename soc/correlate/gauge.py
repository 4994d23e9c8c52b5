"""Entries that come into a window and leave it in, what the window measures, if that satisfies the demand, out."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Protocol

from soc.clock import Micros
from soc.correlate.condition import Choice, Demand
from soc.correlate.entry import Entry
from soc.correlate.number import SCALE, billionths
from soc.correlate.ranks import RankGauge

Measure = int | float
"""What a window measures, in the gauge's own unit."""


class Gauge(Protocol):
    """What is in a window; entries come in order of time and go the earliest first."""

    def add(self, entry: Entry) -> None:
        """An entry came in."""
        ...

    def remove(self, entry: Entry) -> None:
        """The earliest entry goes."""
        ...

    def measure(self) -> Measure | None:
        """What was measured, if it satisfies the demand; else None. Never asked of an empty window."""
        ...

    def real(self, measure: Measure) -> float:
        """A measure in the unit of the condition."""
        ...


def gauge_of(demand: Demand) -> Gauge:
    """An empty gauge for a demand that waits."""
    match demand.counting:
        case "entries":
            return CountGauge(demand)
        case "sum" | "avg":
            gauge = SumGauge(demand)
        case "percentile":
            gauge = RankGauge(demand)
        case "present":
            return PresentGauge(demand)
        case "ordered" | "steps":
            return OrderedGauge(demand)
        case "tokens":
            return DistinctGauge(demand)
    return OnceGauge(gauge) if demand.once else gauge


class OnceGauge:
    """Another gauge, given each number of an event once, however many of the referenced rules match it."""

    __slots__ = ("_counts", "_gauge")

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge
        self._counts: dict[tuple[str, str | int], int] = {}

    def add(self, entry: Entry) -> None:
        """See ``Gauge``."""
        known = self._counts.get((entry.event_id, entry.token), 0)
        self._counts[entry.event_id, entry.token] = known + 1
        if not known:
            self._gauge.add(entry)

    def remove(self, entry: Entry) -> None:
        """See ``Gauge``."""
        key = (entry.event_id, entry.token)
        known = self._counts.pop(key)
        if known > 1:
            self._counts[key] = known - 1
        else:
            self._gauge.remove(entry)

    def measure(self) -> Measure | None:
        """See ``Gauge``."""
        return self._gauge.measure()

    def real(self, measure: Measure) -> float:
        """See ``Gauge``."""
        return self._gauge.real(measure)


class CountGauge:
    """How many entries."""

    __slots__ = ("_size", "_test")

    def __init__(self, demand: Demand) -> None:
        assert demand.test is not None
        self._test = demand.test
        self._size = 0

    def add(self, entry: Entry) -> None:  # noqa: ARG002 the protocol's
        """See ``Gauge``."""
        self._size += 1

    def remove(self, entry: Entry) -> None:  # noqa: ARG002 the protocol's
        """See ``Gauge``."""
        self._size -= 1

    def measure(self) -> Measure | None:
        """See ``Gauge``."""
        return self._size if self._test(self._size) else None

    def real(self, measure: Measure) -> float:
        """See ``Gauge``."""
        return measure


class DistinctGauge:
    """How many different tokens."""

    __slots__ = ("_counts", "_test")

    def __init__(self, demand: Demand) -> None:
        assert demand.test is not None
        self._test = demand.test
        self._counts: dict[str | int, int] = {}

    def add(self, entry: Entry) -> None:
        """See ``Gauge``."""
        token = entry.token
        self._counts[token] = self._counts.get(token, 0) + 1

    def remove(self, entry: Entry) -> None:
        """See ``Gauge``."""
        left = self._counts[entry.token] - 1
        if left:
            self._counts[entry.token] = left
        else:
            del self._counts[entry.token]

    def measure(self) -> Measure | None:
        """See ``Gauge``."""
        size = len(self._counts)
        return size if self._test(size) else None

    def real(self, measure: Measure) -> float:
        """See ``Gauge``."""
        return measure


class SumGauge:
    """The sum of the numbers, or their average: the sum compared with the bound times their count."""

    __slots__ = ("_average", "_bound", "_compare", "_parts", "_size", "_total")

    def __init__(self, demand: Demand) -> None:
        self._average = demand.counting == "avg"
        self._bound, self._parts = demand.bound.numerator, demand.bound.denominator
        self._compare = demand.compare
        self._size = self._total = 0

    def add(self, entry: Entry) -> None:
        """See ``Gauge``."""
        self._size += 1
        self._total += billionths(entry.token)

    def remove(self, entry: Entry) -> None:
        """See ``Gauge``."""
        self._size -= 1
        self._total -= billionths(entry.token)

    def measure(self) -> Measure | None:
        """See ``Gauge``."""
        size = self._size if self._average else 1
        if self._compare(self._total * self._parts, self._bound * size):
            return self._total / size if self._average else self._total
        return None

    def real(self, measure: Measure) -> float:
        """See ``Gauge``."""
        return measure / SCALE


class PresentGauge:
    """How many different rules, if one of the choices holds."""

    __slots__ = ("_choices", "_counts", "_present")

    def __init__(self, demand: Demand) -> None:
        self._choices = [(_bits(choice.steps), _bits(choice.without)) for choice in demand.choices]
        self._counts: dict[int, int] = {}
        self._present = 0  # a bit for each rule

    def add(self, entry: Entry) -> None:
        """See ``Gauge``."""
        rule = entry.rule
        self._counts[rule] = self._counts.get(rule, 0) + 1
        self._present |= 1 << rule

    def remove(self, entry: Entry) -> None:
        """See ``Gauge``."""
        rule = entry.rule
        self._counts[rule] -= 1
        if not self._counts[rule]:
            self._present &= ~(1 << rule)

    def measure(self) -> Measure | None:
        """See ``Gauge``."""
        present = self._present
        for steps, without in self._choices:
            if present & steps == steps and not present & without:
                return present.bit_count()
        return None

    def real(self, measure: Measure) -> float:
        """See ``Gauge``."""
        return measure


class OrderedGauge:
    """How many steps the longest choice has that is climbed and lacks what it must lack."""

    __slots__ = ("_choices", "_gone", "_test", "_times")

    def __init__(self, demand: Demand) -> None:
        assert demand.test is not None
        self._test = demand.test
        self._choices: Sequence[Choice] = demand.choices
        self._times: dict[int, list[Micros]] = {}  # of each rule's entries, the first ``gone`` of them no longer in
        self._gone: dict[int, int] = {}

    def add(self, entry: Entry) -> None:
        """See ``Gauge``."""
        times = self._times.get(entry.rule)
        if times is None:
            times = self._times[entry.rule] = []
            self._gone[entry.rule] = 0
        times.append(entry.time)

    def remove(self, entry: Entry) -> None:
        """See ``Gauge``."""
        rule = entry.rule
        gone = self._gone[rule] + 1
        times = self._times[rule]
        if gone == len(times) or gone == 1_000:
            del times[:gone]
            gone = 0
        self._gone[rule] = gone

    def measure(self) -> Measure | None:
        """See ``Gauge``."""
        for choice in self._choices:
            if not any(self._times.get(rule) for rule in choice.without) and self._climbs(choice.steps):
                return len(choice.steps) if self._test(max(1, len(choice.steps))) else None
        return 0 if self._test(0) else None

    def real(self, measure: Measure) -> float:
        """See ``Gauge``."""
        return measure

    def _climbs(self, steps: Sequence[int]) -> bool:
        """Each step by the earliest entry that is left of its rule and not before the step before."""
        time: Micros | None = None
        used: dict[int, int] = {}
        for rule in steps:
            times = self._times.get(rule, ())
            place = used.get(rule, self._gone.get(rule, 0))
            if time is not None:
                place = bisect_left(times, time, place)
            if place >= len(times):
                return False
            time = times[place]
            used[rule] = place + 1
        return True


def _bits(rules: Sequence[int] | frozenset[int]) -> int:
    return sum(1 << rule for rule in rules)

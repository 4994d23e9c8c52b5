"""Numbers that come into a window and leave it in, a percentile of them out.

Only the numbers around the rank that is asked for are kept sorted, about a quarter of the window; of the smaller ones it is
enough to know how many they are, and nothing of the larger ones. When the rank has moved out of that zone, the window is
sorted anew; it takes as many steps to get there as the zone is wide, so that this costs little per number in any order.
"""

from bisect import bisect_left, bisect_right, insort
from collections import deque

from soc.correlate.condition import Demand
from soc.correlate.entry import Entry
from soc.correlate.number import SCALE

_NARROWEST = 32  # numbers on each side of the rank, at least
_BEYOND = 10**40  # beyond every number


class RankGauge:
    """A percentile of the numbers, interpolated between the two closest ranks (SQL's PERCENTILE_CONT); see ``Gauge``.

    Of n numbers in order, numbered from 0, the p-th percentile stands at p / 100 * (n - 1). It is measured in billionths of
    the rank's denominator, so that nothing is rounded.
    """

    __slots__ = (
        "_age",
        "_below",
        "_bound",
        "_compare",
        "_high",
        "_low",
        "_numbers",
        "_parts",
        "_rank",
        "_whole",
        "_zone",
    )

    def __init__(self, demand: Demand) -> None:
        fraction = demand.percent / 100
        self._rank, self._whole = fraction.numerator, fraction.denominator
        self._parts = demand.bound.denominator
        self._bound = demand.bound.numerator * self._whole
        self._compare = demand.compare
        self._numbers: deque[int] = deque()  # all of them, in order of time
        self._zone: list[int] = []  # those from low to high, sorted
        self._low = self._high = _BEYOND
        self._below = 0  # how many are less than low
        self._age = 0  # how often it was measured since they were sorted

    def add(self, entry: Entry) -> None:
        """See ``Gauge``."""
        token = entry.token
        number = token if isinstance(token, int) else int(token)
        self._numbers.append(number)
        if number < self._low:
            self._below += 1
        elif number <= self._high:
            insort(self._zone, number)

    def remove(self, entry: Entry) -> None:  # noqa: ARG002 the protocol's
        """See ``Gauge``."""
        number = self._numbers.popleft()
        if number < self._low:
            self._below -= 1
        elif number <= self._high:
            del self._zone[bisect_left(self._zone, number)]

    def measure(self) -> int | None:
        """See ``Gauge``."""
        whole = self._whole
        size, wide = len(self._numbers), len(self._zone)
        rank, rest = divmod(self._rank * (size - 1), whole)
        index = rank - self._below
        self._age += 1
        if index < 0 or index + (rest > 0) >= wide or (wide > size >> 1 and self._age > size + _NARROWEST):
            self._sort(rank)
            index = rank - self._below
        measure = self._zone[index] * whole
        if rest:
            measure += (self._zone[index + 1] - self._zone[index]) * rest
        return measure if self._compare(measure * self._parts, self._bound) else None

    def _sort(self, rank: int) -> None:
        """Lay the zone around a rank."""
        self._age = 0
        ordered = sorted(self._numbers)
        width = max(_NARROWEST, len(ordered) >> 3)
        first, last = rank - width, rank + 1 + width
        self._low = ordered[first] if first > 0 else -_BEYOND
        self._high = ordered[last] if last < len(ordered) else _BEYOND
        self._below = bisect_left(ordered, self._low)
        self._zone = ordered[self._below : bisect_right(ordered, self._high)]

    def real(self, measure: float) -> float:
        """See ``Gauge``."""
        return measure / (SCALE * self._whole)

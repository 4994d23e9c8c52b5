"""A percentile while numbers come and go, against a sorted list."""

import operator
import random
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from soc.correlate.condition import Demand
from soc.correlate.entry import Entry
from soc.correlate.ranks import RankGauge


def entry(number: int) -> Entry:
    return Entry("e", 0, 0, number, "s", 0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**40).map(random.Random))
def test_a_percentile_is_that_of_a_sorted_list_whatever_came_and_went(rng: random.Random) -> None:
    percent = Fraction(rng.randint(0, 1000), 10)
    gauge = RankGauge(
        Demand("percentile", "number", 1, bound=Fraction(-(10**30)), compare=operator.gt, percent=percent)
    )
    known: list[int] = []
    spread = rng.choice([1, 3, 1000])
    drift = rng.choice([0, 0, -5, 5])
    for _ in range(4):
        for _ in range(rng.choice([5, 700])):
            known.append((rng.randint(-spread, spread) + drift * len(known)) * 10**9)
            gauge.add(entry(known[-1]))
        leaving = rng.randint(0, len(known) - 1)
        for place in range(leaving):
            gauge.remove(entry(known[place]))
            if rng.random() < 0.1:
                assert gauge.measure() is not None
        del known[:leaving]
        measure = gauge.measure()
        assert measure is not None
        wanted = sorted(known)
        place = percent / 100 * (len(wanted) - 1)
        low, high = wanted[int(place)], wanted[min(int(place) + 1, len(wanted) - 1)]
        assert gauge.real(measure) == float((low + (high - low) * (place - int(place))) / 10**9)

"""A demand in, the sweep that finds the windows satisfying it out."""

from collections.abc import Sequence

from soc.clock import Micros
from soc.correlate.condition import Demand
from soc.correlate.entry import Entry
from soc.correlate.temporal import EitherSweep, OrderedSweep, PresentSweep
from soc.correlate.total import SumSweep, numbers_of
from soc.correlate.waiting import Waiting
from soc.correlate.window import CountSweep, DistinctSweep, Sweep


def sweep_for(demand: Demand, timespan: Micros) -> Sweep:
    """A fresh sweep."""
    if demand.waits:
        return Waiting(demand, timespan)
    match demand.counting:
        case "entries":
            return CountSweep(demand.need, timespan)
        case "steps":
            return OrderedSweep(demand.steps, timespan)
        case "ordered":
            return EitherSweep(demand.choices, timespan)
        case "present":
            return PresentSweep(demand.choices, timespan)
        case "sum":
            return SumSweep(demand, timespan)
        case _:
            return DistinctSweep(demand.need, timespan)


def holds(demand: Demand, timespan: Micros, times: Sequence[Micros], entries: Sequence[Entry]) -> bool:
    """Do these entries, all of one window, satisfy a demand that does not wait?"""
    if demand.counting == "sum":
        total = sum(numbers_of(entries, 0, once=demand.once))
        return demand.compare(total * demand.bound.denominator, demand.bound.numerator)
    return bool(sweep_for(demand, timespan).advance(times, entries))

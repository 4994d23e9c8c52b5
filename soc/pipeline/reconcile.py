"""``soc reconcile``: the balance of promise 1 from what is committed, waited for until nothing is in flight.

In the cluster a line may be in a collector's own log only, on a disk nobody here can look at. So it is balanced only when each
collector the brokers know of has said, after this began, that everything it held then is shipped, or has ended saying so.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from soc.bus.base import Bus, Lag
from soc.clock import HOUR, MINUTE, SECOND, Clock, now
from soc.normalize.assemble import waiting
from soc.pipeline.balance import SourceSums, Sums, by_source, compare
from soc.pipeline.shipped import KnownCollector, collectors_of
from soc.pipeline.table import RAW

POLL_SECONDS = 0.25
STATEMENTS = 2
"""A collector has spoken after this began once its statement changed twice: what it said next may have been on its way."""

SILENT_SECONDS = 10.0
"""A collector speaks every two seconds; one that did not for so long is named, also without waiting."""


class Reconciliation(msgspec.Struct, frozen=True):
    """The balance, and who is still behind.

    Attributes:
        behind: stages with records still to process, with how many.
        unshipped: host number → records in the logs of its collectors that were not on the brokers when they last said so.
        silent: collectors that are waited for and say nothing.
    """

    sums: Sums
    behind: dict[str, int]
    unshipped: dict[int, int] = {}
    silent: tuple[KnownCollector, ...] = ()

    @property
    def balanced(self) -> bool:
        """Every record is accounted for, every collector and every stage has caught up."""
        return self.sums.balanced and not self.behind and not any(self.unshipped.values()) and not self.silent


class _Heard:
    """Which collectors have spoken since this was made, by their own clocks: those of two hosts need not agree."""

    def __init__(self) -> None:
        self._said: dict[str, list[int]] = {}

    def waiting(self, collectors: Sequence[KnownCollector]) -> tuple[KnownCollector, ...]:
        """Those of ``collectors``, as they are known now, that have not spoken."""
        for one in collectors:
            said = self._said.setdefault(one.id, [])
            if one.said not in said[-1:] and len(said) <= STATEMENTS:
                said.append(one.said)
        return tuple(one for one in collectors if not one.ended and len(self._said[one.id]) <= STATEMENTS)


async def reconcile(bus: Bus, clock: Clock = now) -> Reconciliation:
    """The balance now; a collector is silent if it said nothing for ``SILENT_SECONDS``."""
    found, collectors = await _look(bus)
    before = clock() - round(SILENT_SECONDS * SECOND)
    silent = tuple(one for one in collectors if not one.ended and one.said < before)
    return msgspec.structs.replace(found, silent=silent)


async def reconcile_when_drained(bus: Bus, wait_seconds: float) -> Reconciliation:
    """The balance once every collector has spoken and every stage has caught up, or as it is after ``wait_seconds``."""
    heard = _Heard()
    deadline = asyncio.get_running_loop().time() + wait_seconds
    while True:
        found, collectors = await _look(bus)
        found = msgspec.structs.replace(found, silent=heard.waiting(collectors))
        if found.balanced or asyncio.get_running_loop().time() > deadline:
            return found
        await asyncio.sleep(POLL_SECONDS)


async def reconcile_sources(bus: Bus, hours: float, clock: Clock = now) -> list[SourceSums]:
    """The balance of each source over the last hours, by name."""
    since = (clock() - round(hours * HOUR)) // MINUTE
    collected = [state async for _, state in bus.states("collect")]
    return by_source(collected, [state async for _, state in bus.states("engine")], since)


async def _look(bus: Bus) -> tuple[Reconciliation, Sequence[KnownCollector]]:
    """One look, in data order: what arrives while it goes on makes the sums differ, never agree too early."""
    collected = {instance: state async for instance, state in bus.states("collect")}
    lags = await bus.lag()
    in_flight = sum(lag.records for lag in lags if lag.stage == "engine" and lag.topic == RAW)
    engines = [state async for _, state in bus.states("engine")]
    in_flight += sum(waiting(state) for state in engines)
    collectors = [one for instance, state in collected.items() for one in collectors_of(instance, state)]
    found = Reconciliation(compare(collected.values(), engines, in_flight), _behind(lags), _unshipped(collectors))
    return found, collectors


def _unshipped(collectors: Sequence[KnownCollector]) -> dict[int, int]:
    found: dict[int, int] = {}
    for one in collectors:
        found[one.instance] = found.get(one.instance, 0) + one.unshipped
    return found


def advice_for(one: KnownCollector) -> str:
    """What to do about a collector that says nothing."""
    return (
        f"start `soc run` (or its collect role) on {one.host}, or see its `soc doctor`; if its disk is lost for good, say so "
        f"with `soc store declare-restored collect {one.instance}`"
    )


def _behind(lags: Sequence[Lag]) -> dict[str, int]:
    behind: dict[str, int] = {}
    for lag in lags:
        if lag.records:
            behind[lag.stage] = behind.get(lag.stage, 0) + lag.records
    return behind

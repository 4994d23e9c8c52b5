"""``soc reconcile``: the balance of promise 1 from what is committed, waited for until nothing is in flight."""

import asyncio
from collections.abc import Sequence

import msgspec

from soc.bus.base import Bus, Lag
from soc.pipeline.balance import Sums, compare
from soc.pipeline.table import RAW


class Reconciliation(msgspec.Struct, frozen=True):
    """The balance, and who is still behind.

    Attributes:
        behind: stages with records still to process, with how many.
    """

    sums: Sums
    behind: dict[str, int]

    @property
    def balanced(self) -> bool:
        """Every record is accounted for and every stage has caught up."""
        return self.sums.balanced and not self.behind


async def reconcile(bus: Bus) -> Reconciliation:
    """The balance now."""
    lags = await bus.lag()
    in_flight = sum(lag.records for lag in lags if lag.stage == "engine" and lag.topic == RAW)
    collected = [state async for _, state in bus.states("collect")]
    engines = [state async for _, state in bus.states("engine")]
    return Reconciliation(compare(collected, engines, in_flight), _behind(lags))


async def reconcile_when_drained(bus: Bus, wait_seconds: float) -> Reconciliation:
    """The balance once every stage has caught up, or as it is after ``wait_seconds``."""

    async def drained() -> Reconciliation:
        while True:
            found = await reconcile(bus)
            if found.balanced:
                return found
            await asyncio.sleep(0.25)

    try:
        return await asyncio.wait_for(drained(), wait_seconds)
    except TimeoutError:
        return await reconcile(bus)


def _behind(lags: Sequence[Lag]) -> dict[str, int]:
    behind: dict[str, int] = {}
    for lag in lags:
        if lag.records:
            behind[lag.stage] = behind.get(lag.stage, 0) + lag.records
    return behind

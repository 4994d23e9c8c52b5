"""What rules cost in (``soc.detect.costs``); metrics, log lines and the list of heavy rules out, once a minute."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Final

import structlog

from soc.detect.costs import Cost, RuleCosts
from soc.pipeline.waiting import pause
from soc.telemetry import RULE_CUT, RULE_SECONDS

log = structlog.get_logger()

LOOK_SECONDS: Final = 60.0
NAMED_SHARE: Final = 0.01
"""Share of a process's time from which a rule's cost is told by its name."""
HEAVY_SHARE: Final = 0.2
"""Share from which a rule is heavy: two of five processes' worth of them would stop the engine from following."""
NAMED: Final = 50
"""Rules that a process tells by their name at most; the others are told together as ``other``."""


class CostWatch:
    """Tells which rules an engine process spends its time on. Heavy ones go on: a rule not asked is an attack not seen.

    Attributes:
        heavy: rule id → its share of this process's time in the last period, of those over ``HEAVY_SHARE``.
    """

    def __init__(self) -> None:
        self.heavy: dict[str, float] = {}
        self._known: dict[str, Cost] = {}
        self._of: RuleCosts | None = None
        self._at = 0.0
        self._named: set[str] = set()

    def look(self, costs: RuleCosts, at: float) -> None:
        """Count what was added since the last look, ``at`` (in seconds, of a clock that never goes back)."""
        elapsed, self._at = at - self._at, at
        known, now = self._known if costs is self._of else {}, dict(costs.by_rule())
        self._known = now
        first, self._of = self._of is None, costs
        if first or elapsed <= 0:
            return
        shares: dict[str, float] = {}
        for rule, cost in now.items():
            before = known.get(rule, Cost())
            if cost.cut > before.cut:
                RULE_CUT.labels(self._name(rule)).inc(cost.cut - before.cut)
            share = max(0.0, cost.seconds - before.seconds) / elapsed
            if share >= NAMED_SHARE:
                shares[rule] = share
                RULE_SECONDS.labels(self._name(rule)).inc(share * elapsed)
        heavy = {rule: share for rule, share in shares.items() if share >= HEAVY_SHARE}
        for rule in heavy.keys() - self.heavy.keys():
            title = costs.rules.infos[rule].title
            log.warning("rule_heavy", rule=rule, title=title, share=round(heavy[rule], 2))
        self.heavy.clear()
        self.heavy.update(heavy)

    def _name(self, rule: str) -> str:
        """The rule's label: bounded, however many rules a process sees in its life."""
        if rule not in self._named and len(self._named) >= NAMED:
            return "other"
        self._named.add(rule)
        return rule

    async def follow(self, costs: Callable[[], RuleCosts], stop: asyncio.Event) -> None:
        """Look once a minute at the rule set in use, until ``stop``."""
        while not stop.is_set():
            self.look(costs(), monotonic())
            await pause(stop, LOOK_SECONDS)

"""One process of an installation as its roles see it: what they share, what they tell of themselves, how their stages are run."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from collectors.fairness import Noise
from soc.bus.base import Bus, Worker
from soc.clock import Micros, now
from soc.pipeline.context import Contexts
from soc.pipeline.loop import StageLogic, run_stage
from soc.pipeline.rule_costs import CostWatch
from soc.pipeline.ruleset import RuleSets
from soc.pipeline.status import ProcessStatus, write_status
from soc.pipeline.waiting import pause
from soc.pipeline.workers import run_share
from soc.settings import Role, Settings
from soc.telemetry import RULES_INFO

STATUS_SECONDS = 1.0
CLAIM_WAIT_SECONDS = 15.0
"""How long a starting process waits for the one it replaces before it fences it."""
CONTEXT_READERS: frozenset[Role] = frozenset({"engine", "triage", "forward", "notify", "console", "share"})
"""Roles that want to know the register and the like."""


@dataclass
class Process:
    """One process of an installation, as its roles see it.

    Attributes:
        stop: set when the process is told to end; every role then returns.
        addresses: filled by the roles with what they bound.
        counters: listener → its counters, refreshed once a second.
        sets, contexts: what was published of rules, and of everything else.
        rules: hash of the newest rule set that engine or correlate works with.
        troubles: role → what keeps it from its work although it runs; empty while nothing does.
        rules_since: since when.
        rejected: hash → why the engine passes a published rule set over.
        costs: which rules the engine spends its time on.
        noise: which sources were over their share of the intake's room.
    """

    settings: Settings
    group: str
    worker: Worker
    roles: Sequence[Role]
    stop: asyncio.Event
    bus: Bus
    sets: RuleSets
    contexts: Contexts
    addresses: dict[str, str] = field(default_factory=dict[str, str])
    counters: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    ready: set[Role] = field(default_factory=set[Role])
    rules: str = ""
    troubles: dict[str, str] = field(default_factory=dict[str, str])
    rules_since: Micros = 0
    rejected: Mapping[str, str] = field(default_factory=dict[str, str])
    costs: CostWatch = field(default_factory=CostWatch)
    noise: Noise = field(default_factory=Noise)

    def works_with(self, role: Role, rule_set: str) -> None:
        """Tell which rule set the role works with from here on."""
        if rule_set != self.rules:
            if self.rules:
                RULES_INFO.labels(role, self.rules).set(0)
            self.rules, self.rules_since = rule_set, now()
            RULES_INFO.labels(role, rule_set).set(1)

    async def run(self, runners: "Mapping[Role, Runner]") -> None:
        """Run every role until ``stop``; the first error ends the process and the supervisor starts it again."""
        started = now()
        async with asyncio.TaskGroup() as tasks:
            for role in self.roles:
                tasks.create_task(runners[role](self), name=role)
            tasks.create_task(self._report(started), name="status")
            if CONTEXT_READERS & set(self.roles):
                tasks.create_task(self.contexts.follow(self.stop), name="context")

    async def _report(self, started: Micros) -> None:
        while not self.stop.is_set():
            ready = self.ready >= set(self.roles)
            status = ProcessStatus(
                self.group,
                os.getpid(),
                tuple(self.roles),
                started,
                now(),
                ready,
                self.addresses,
                self.counters,
                self.rules,
                self.troubles,
                self.rules_since,
                dict(self.rejected),
                dict(self.costs.heavy),
                dict(self.noise.refused),
                dict(self.noise.waited),
            )
            write_status(self.settings.data_dir, status)
            await pause(self.stop, STATUS_SECONDS if ready else 0.05)

    async def stages(self, role: Role, make: Callable[[int], StageLogic]) -> None:
        """Run one stage over this worker's share of its partitions."""

        async def run(partition: int, stop: asyncio.Event, ready: Callable[[], None]) -> None:
            await run_stage(
                self.bus,
                role,
                partition,
                partial(make, partition),
                clock=now,
                stop=stop,
                ready=ready,
                take_over_wait=CLAIM_WAIT_SECONDS,
            )

        await self.share(role, run)

    async def share(self, role: Role, run: Callable[[int, asyncio.Event, Callable[[], None]], Awaitable[None]]) -> None:
        """Run ``run`` over this worker's share of the partitions of a role's stage."""

        def ready(is_ready: bool) -> None:
            self.ready.add(role) if is_ready else self.ready.discard(role)

        await run_share(role, self.bus.shares(role, self.worker), run, stop=self.stop, ready=ready)


Runner = Callable[[Process], Coroutine[Any, Any, None]]
"""Runs one role until the process is told to stop."""

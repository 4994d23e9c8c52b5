"""One look at the bus: lag, silent sources, collectors, reports, rules and misfits, from outside the stages and without claiming anything.

Lag is asked at every look. What needs whole changelogs to be read (misfits, counts per source, reports) is asked every
``SLOW_SECONDS`` and remembered in between, so that a look costs about as much as asking the brokers for offsets.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from soc.bus.base import Bus, Lag
from soc.clock import HOUR, MINUTE, SECOND, Micros
from soc.forward.ledger import Ledger
from soc.pipeline.balance import SourceSums, by_source
from soc.pipeline.health import BusView, Collector, Finding, FindingId, Host, StageLag, seconds_between
from soc.pipeline.health_notify import notify_findings
from soc.pipeline.ruleset import RuleSets
from soc.pipeline.shipped import KnownCollector, collectors_of
from soc.pipeline.source_report import ZoneOf, last_heard, source_findings, source_reports
from soc.pipeline.source_watch import SourceState, read_sources

SLOW_SECONDS = 30.0
LEARNED_SECONDS = 120.0
"""What the engine learned of sources is read so seldom: it changes over days. Who was heard when is read at every thorough look."""
STANDS_SECONDS = 30.0
"""A position that did not move for so long while records wait: nobody owns the partition, or its owner is stuck."""

COLLECTOR_SILENT_SECONDS = 60.0
"""A collector speaks every two seconds."""
COLLECTOR_BEHIND_RECORDS = 50_000
"""Some seconds' worth of a busy host."""

BALANCE_HOURS = 6
BALANCE_SOURCES = 30
"""Of the balance by source so many are shown: those with anything unsettled, then the largest."""
SETTLED_MINUTES = 2
"""The newest minutes are still being read."""

SHARED_STAGES = ("engine", "correlate", "triage", "forward", "index", "archive", "share")
"""Stages whose partitions are shared out among the workers of all hosts."""

Workers = Mapping[str, Mapping[str, frozenset[int]]]
"""Stage → worker (``<host number>-<process number>``) → its partitions; without the stages that are being shared out anew."""

AskWorkers = Callable[[], Awaitable[Workers]]

_STUCK: Mapping[str, FindingId] = {
    "uncertain": "report_uncertain",
    "rejected": "report_rejected",
    "blocked_auth": "report_blocked_auth",
    "stale": "report_stale",
}


Beside = Callable[[Micros], Awaitable[Sequence[Finding]]]
"""Findings of something else on the bus."""


async def nothing_beside(_now: Micros) -> Sequence[Finding]:
    """Nothing else."""
    return ()


class Limits(msgspec.Struct, frozen=True):
    """What is too far behind.

    Attributes:
        lateness: of correlation; later events are not applied in place.
        retention: topic → how old its records may get.
        cluster: whether several hosts share the bus.
    """

    lateness: Micros
    retention: Mapping[str, Micros] = {}
    cluster: bool = False


@dataclass(slots=True)
class _Learned:
    """What the engine knows of sources, read more seldom still."""

    at: Micros = 0
    sources: Mapping[str, SourceState] = field(default_factory=dict[str, SourceState])
    balance: tuple[SourceSums, ...] = ()


@dataclass(slots=True)
class _Slow:
    """What is remembered between two thorough looks."""

    at: Micros = 0
    findings: tuple[Finding, ...] = ()
    silent: tuple[str, ...] = ()
    reports: dict[str, int] = field(default_factory=dict[str, int])
    collectors: tuple[Collector, ...] = ()
    hosts: tuple[Host, ...] = ()
    learned: _Learned = field(default_factory=_Learned)


class BusEyes:
    """Looks at one open bus again and again.

    Args:
        bus: an open bus, closed with this.
        sets: the rule sets on it.
        limits: what is too far behind.
        ask_workers: who works, where several hosts may.
        zone_of: the zones of the profiles; UTC if it is not given.
        beside: what else there is to see on it.
    """

    def __init__(
        self,
        bus: Bus,
        sets: RuleSets,
        limits: Limits,
        ask_workers: AskWorkers | None = None,
        zone_of: ZoneOf = lambda _profile, _at: 0,
        *,
        beside: Beside = nothing_beside,
    ) -> None:
        self._bus = bus
        self._ask_workers = ask_workers
        self._sets = sets
        self._limits = limits
        self._zone_of = zone_of
        self._beside = beside
        self._slow = _Slow()
        self._moved: dict[tuple[str, str, int, str], tuple[int, Micros]] = {}

    async def look(self, now: Micros) -> BusView:
        """What there is to see.

        Raises:
            UnavailableError: the brokers cannot be reached.
            SettingsError: topics are not as the settings say.
        """
        lags = await self._bus.lag()
        if now - self._slow.at >= SLOW_SECONDS * SECOND:
            await self._look_thoroughly(now)
        stages = stage_lags(self._bus, lags, now)
        findings = [*self._late(stages, lags, now), *self._standing(lags, now), *self._rules(), *self._slow.findings]
        rules = self._sets.current
        counts = {"loaded": len(rules.infos), "refused": len(rules.refused), "muted": len(rules.muted)} if rules else {}
        slow = self._slow
        return BusView(
            now,
            tuple(stages),
            tuple(findings),
            slow.silent,
            counts,
            dict(slow.reports),
            slow.collectors,
            slow.hosts,
            rules.hash if rules else "",
            self._sets.current_since,
            slow.learned.balance,
        )

    async def close(self) -> None:
        """Close the bus."""
        await self._bus.close()

    async def _look_thoroughly(self, now: Micros) -> None:
        await self._sets.refresh()
        problems = await self._bus.problems()
        found = [
            Finding("error", problem.where, "bus_problem", {"what": problem.what, "advice": problem.advice})
            for problem in problems
        ]
        found += await self._beside(now)
        reports = await self._reports()
        found += [
            Finding("error", "forward", _STUCK[state], {"count": count})
            for state, count in reports.items()
            if state in _STUCK
        ]
        async for _, state in self._bus.states("notify"):
            found += notify_findings(state, now)
        collected = [one async for one in self._bus.states("collect")]
        known = [one for instance, state in collected for one in collectors_of(instance, state)]
        collectors, late = collectors_seen(known, now)
        found += late
        heard: dict[str, int] = {}
        for _, state in collected:
            last_heard(state, heard)
        learned = await self._learned([state for _, state in collected], now)
        sources = source_reports(learned.sources, heard, self._zone_of, now)
        found += source_findings(sources)
        silent = [one.source for one in sources if one.silent_seconds]
        workers: Workers = await self._ask_workers() if self._ask_workers else {}
        found += self._unowned(workers)
        self._slow = _Slow(now, tuple(found), tuple(silent), reports, tuple(collectors), hosts_of(workers), learned)

    def _unowned(self, workers: Workers) -> list[Finding]:
        """Partitions that are in nobody's share: a stage without any worker on any host."""
        found: list[Finding] = []
        for stage in self._bus.topology.stages:
            if stage.name in workers:
                owned = frozenset[int]().union(*workers[stage.name].values())
                left = sorted(frozenset(range(stage.partitions)) - owned)
                if left:
                    found.append(Finding("error", stage.name, "unowned", {"partitions": _listed(left)}))
        return found

    def _late(self, stages: Sequence[StageLag], lags: Sequence[Lag], now: Micros) -> list[Finding]:
        found: list[Finding] = []
        lateness = self._limits.lateness / SECOND
        for stage in stages:
            if stage.seconds > lateness:
                values = {"records": stage.records, "behind_seconds": stage.seconds, "lateness_seconds": lateness}
                found.append(Finding("error", stage.stage, "lag_late", dict(values)))
        worst: dict[tuple[str, str], float] = {}
        for lag in lags:
            if lag.records and lag.oldest:
                key = lag.stage, lag.topic
                worst[key] = max(worst.get(key, 0.0), seconds_between(lag.oldest, now))
        for (stage, topic), seconds in worst.items():
            kept = self._limits.retention.get(topic, 0) / SECOND
            if kept and seconds > kept / 2:
                values = {"topic": topic, "behind_seconds": seconds, "retention_seconds": kept}
                found.append(Finding("warning", stage, "lag_retention", dict(values)))
        return found

    def _standing(self, lags: Sequence[Lag], now: Micros) -> list[Finding]:
        """Partitions with records waiting whose position did not move since an earlier look."""
        moved: dict[tuple[str, str, int, str], tuple[int, Micros]] = {}
        standing: dict[str, dict[int, float]] = {}
        for lag in lags:
            key = lag.stage, lag.topic, lag.partition, lag.log_id
            position, since = self._moved.get(key, (-1, now))
            moved[key] = (lag.position, since if position == lag.position and lag.records else now)
            seconds = min(seconds_between(moved[key][1], now), seconds_between(lag.oldest or now, now))
            if lag.records and seconds >= STANDS_SECONDS:
                standing.setdefault(lag.stage, {})[lag.partition] = seconds
        self._moved = moved
        return [
            Finding(
                "error",
                stage,
                "stands_still",
                {"partitions": _listed(sorted(partitions)), "longest_seconds": max(partitions.values())},
            )
            for stage, partitions in standing.items()
        ]

    def _rules(self) -> list[Finding]:
        rules = self._sets.current
        if rules is None:
            return [Finding("error", "rules", "no_rules")] if self._limits.cluster else []
        return [Finding("warning", "rules", "rules_refused", {"count": len(rules.refused)})] if rules.refused else []

    async def _reports(self) -> dict[str, int]:
        """How many reports are in each state, as the forwarder has committed it."""
        counts: dict[str, int] = {}
        async for _, state in self._bus.states("forward"):
            for report in Ledger(state).reports:
                counts[report.state] = counts.get(report.state, 0) + 1
        return counts

    async def _learned(self, collected: Sequence[Mapping[bytes, bytes]], now: Micros) -> _Learned:
        """What the engine learned of sources and made of their records, read anew if that was long ago."""
        if self._slow.learned.sources and now - self._slow.learned.at < LEARNED_SECONDS * SECOND:
            return self._slow.learned
        engines = [state async for _, state in self._bus.states("engine")]
        since, until = (now - BALANCE_HOURS * HOUR) // MINUTE, now // MINUTE - SETTLED_MINUTES
        balance = by_source(collected, engines, since, until)
        balance.sort(key=lambda one: (-abs(one.unsettled), -one.raw, one.source))
        return _Learned(now, read_sources(engines), tuple(balance[:BALANCE_SOURCES]))


def collectors_seen(known: Sequence[KnownCollector], now: Micros) -> tuple[list[Collector], list[Finding]]:
    """Collectors of all hosts as they last said, and those that should be looked at."""
    seen: list[Collector] = []
    found: list[Finding] = []
    for one in known:
        name = f"{one.host} ({one.instance})"
        seconds = seconds_between(one.said, now)
        if one.ended and not one.unshipped:
            continue
        seen.append(Collector(name, seconds, one.unshipped))
        if seconds > COLLECTOR_SILENT_SECONDS:
            values = {"silent_seconds": seconds, "unshipped": one.unshipped}
            found.append(Finding("error", name, "collector_silent", dict(values)))
        elif one.unshipped > COLLECTOR_BEHIND_RECORDS:
            found.append(Finding("warning", name, "collector_behind", {"unshipped": one.unshipped}))
    return seen, found


def stage_lags(bus: Bus, lags: Sequence[Lag], now: Micros) -> list[StageLag]:
    """Lag by stage, also of stages that are not behind."""
    records: dict[str, int] = {stage.name: 0 for stage in bus.topology.stages if stage.inputs}
    oldest: dict[str, Micros] = {}
    for lag in lags:
        records[lag.stage] = records.get(lag.stage, 0) + lag.records
        if lag.records and lag.oldest:
            oldest[lag.stage] = min(oldest.get(lag.stage, lag.oldest), lag.oldest)
    return [
        StageLag(stage, count, seconds_between(oldest[stage], now) if stage in oldest else 0.0)
        for stage, count in records.items()
    ]


def hosts_of(workers: Workers) -> tuple[Host, ...]:
    """Host number → how many partitions of each stage are its, over its workers."""
    hosts: dict[str, dict[str, int]] = {}
    for stage, shares in workers.items():
        for worker, partitions in shares.items():
            stages = hosts.setdefault(worker.partition("-")[0], {})
            stages[stage] = stages.get(stage, 0) + len(partitions)
    return tuple(Host(number, stages) for number, stages in sorted(hosts.items()))


def _listed(partitions: Sequence[int]) -> str:
    """At most ten numbers, and how many more there are."""
    shown = ", ".join(map(str, partitions[:10]))
    return f"{shown} (+{len(partitions) - 10})" if len(partitions) > 10 else shown

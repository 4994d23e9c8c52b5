"""Whether the installation sees: what was found on the bus, in the store and on this host, as one document.

A finding is an id with values; its words, in both languages, are in the console's catalogue (``finding.<id>``).
"""

from typing import Any, Literal

import msgspec

from soc.clock import SECOND, Micros, to_iso
from soc.pipeline.balance import SourceSums
from soc.store.base import StoreHealth

FindingId = Literal[
    "brokers_away",
    "broker_away",
    "bus_refuses",
    "bus_not_asked",
    "topics_differ",
    "bus_problem",
    "no_rules",
    "rules_refused",
    "rules_older",
    "rules_rejected",
    "rule_heavy",
    "lag_late",
    "lag_retention",
    "stands_still",
    "unowned",
    "report_uncertain",
    "report_rejected",
    "report_blocked_auth",
    "report_stale",
    "store_away",
    "store_red",
    "store_slow",
    "store_yellow",
    "collector_waits",
    "collector_full",
    "collector_behind",
    "collector_silent",
    "collector_trouble",
    "source_silent",
    "clock_zone",
    "clock_ahead",
    "clock_behind",
    "no_process",
    "process_gone",
    "process_restarts",
    "kernel_drops",
    "lines_missed",
    "source_noisy",
    "notify_nobody",
    "notify_failing",
    "notify_queue",
    "notify_unanswered",
    "notify_hole",
    "notify_heartbeat",
    "audit_heads_unsent",
    "audit_kept_on_disk",
    "feed_failing",
    "feed_stale",
    "sharing_blocked",
    "sharing_behind",
    "sharing_full",
    "sharing_refused",
    "sharing_gap",
    "sharing_orphaned",
]


class Finding(msgspec.Struct, frozen=True):
    """One thing that is not as it should be.

    Attributes:
        where: stage, listener, host, address: a name, the same in every language.
        values: what its text names. Names ending in ``_seconds`` are lengths of time, ``since`` is a moment in microseconds.
    """

    level: Literal["error", "warning"]
    where: str
    id: FindingId
    values: dict[str, str | int | float] = {}


class StageLag(msgspec.Struct, frozen=True):
    """How far a stage is behind over all its partitions."""

    stage: str
    records: int
    seconds: float


class Collector(msgspec.Struct, frozen=True):
    """A host that collects, as it last said on the brokers.

    Attributes:
        seconds: how long ago it last said something.
        unshipped: records of its own log that were not on the brokers then.
    """

    host: str
    seconds: float
    unshipped: int


class Host(msgspec.Struct, frozen=True):
    """A host that works.

    Attributes:
        number: its [kafka] instance.
        stages: stage → how many of its partitions are with this host.
    """

    number: str
    stages: dict[str, int]


RULES_SECONDS = 60.0
"""A set that was published takes effect within seconds; with every rule there is, and nothing compiled yet, within tens."""


class BusView(msgspec.Struct, frozen=True):
    """What one look at the bus found.

    Attributes:
        rule_set: hash of the current rule set, "" without one.
        rules_since: when it was published.
        balance: of the sources with anything unsettled, and the largest, in the last hours.
    """

    at: Micros
    lags: tuple[StageLag, ...]
    findings: tuple[Finding, ...]
    silent_sources: tuple[str, ...]
    rules: dict[str, int]
    reports: dict[str, int]
    collectors: tuple[Collector, ...] = ()
    hosts: tuple[Host, ...] = ()
    rule_set: str = ""
    rules_since: Micros = 0
    balance: tuple[SourceSums, ...] = ()


class HostView(msgspec.Struct, frozen=True):
    """What can be seen on this host without asking anybody else.

    Attributes:
        unshipped: records of its collector that are not on the brokers yet; None where it has no log of its own.
    """

    processes: tuple[dict[str, Any], ...]
    findings: tuple[Finding, ...]
    unshipped: int | None = None


class Outage(msgspec.Struct, frozen=True):
    """The bus cannot be looked at.

    Attributes:
        since: when that was first so; 0 when it has not been asked yet.
        servers: which of the configured servers do not answer, each with its reason.
        why: what the bus said.
        settings: the bus answers, and its topics are not as the settings say.
    """

    since: Micros
    servers: dict[str, str] = {}
    why: str = ""
    settings: bool = False


class Health(msgspec.Struct, frozen=True):
    """The state of an installation at one moment; ``ok`` when there is no finding of level error.

    Attributes:
        away: ``bus`` and ``store``, as far as they are away, and since when.
        lags: () while the bus is away: they are not known then.
    """

    ok: bool
    at: str
    lags: tuple[StageLag, ...]
    processes: tuple[dict[str, Any], ...]
    findings: tuple[Finding, ...]
    silent_sources: tuple[str, ...]
    rules: dict[str, int]
    reports: dict[str, int] = {}
    away: dict[str, Micros] = {}
    collectors: tuple[Collector, ...] = ()
    own_unshipped: int | None = None
    hosts: tuple[Host, ...] = ()
    balance: tuple[SourceSums, ...] = ()


def compose(
    bus: BusView | Outage,
    store: tuple[StoreHealth, Micros] | None,
    host: HostView,
    servers: dict[str, str],
    now: Micros,
) -> Health:
    """One document of everything that was seen.

    Args:
        bus: what was found there, or that it cannot be looked at.
        store: how it is, and since when it is away (0 if it is not); None when nobody asked.
        host: this host.
        servers: those of several that do not answer while the others do, each with its reason.
        now: the time.
    """
    findings: list[Finding] = []
    away: dict[str, Micros] = {}
    if isinstance(bus, Outage):
        findings.append(_outage(bus))
        away["bus"] = bus.since
        view = BusView(0, (), (), (), {}, {})
    else:
        findings += [
            Finding("warning", server, "broker_away", {"problem": problem}) for server, problem in servers.items()
        ]
        findings += _older_rules(bus, host)
        view = bus
    if store is not None:
        health, since = store
        findings += _store(health, since)
        if health.state == "away":
            away["store"] = since
    findings += [*host.findings, *view.findings]
    findings.sort(key=lambda finding: finding.level)  # errors first, otherwise as found
    ok = not any(finding.level == "error" for finding in findings)
    return Health(
        ok,
        to_iso(now),
        view.lags,
        host.processes,
        tuple(findings),
        view.silent_sources,
        view.rules,
        view.reports,
        away,
        view.collectors,
        host.unshipped,
        view.hosts,
        view.balance,
    )


def _outage(outage: Outage) -> Finding:
    if not outage.since:
        return Finding("warning", "bus", "bus_not_asked")
    if outage.settings:
        return Finding("error", "bus", "topics_differ", {"why": outage.why})
    values: dict[str, str | int | float] = {"since": outage.since, "why": outage.why}
    if not outage.servers:
        return Finding("error", "bus", "bus_refuses", values)
    values["servers"] = "; ".join(f"{server}: {problem}" for server, problem in outage.servers.items())
    return Finding("error", "bus", "brokers_away", values)


def _older_rules(view: BusView, host: HostView) -> list[Finding]:
    """Processes of this host that have worked with another rule set than the current one for a while."""
    return [
        Finding(
            "warning", process["group"], "rules_older", {"rules": process["rules"][:12], "current": view.rule_set[:12]}
        )
        for process in host.processes
        if view.rule_set and process.get("rules") and process["rules"] != view.rule_set
        if seconds_between(max(view.rules_since, process.get("rules_since", 0)), view.at) > RULES_SECONDS
    ]


def _store(health: StoreHealth, since: Micros) -> list[Finding]:
    match health.state:
        case "green":
            return []
        case "yellow":
            return [Finding("warning", "store", "store_yellow", {"detail": health.detail})]
        case "slow":
            return [Finding("warning", "store", "store_slow", {"detail": health.detail})]
        case "red":
            return [Finding("error", "store", "store_red", {"detail": health.detail})]
        case "away":
            return [Finding("error", "store", "store_away", {"detail": health.detail, "since": since})]


def seconds_between(start: Micros, now: Micros) -> float:
    """A length of time in seconds, never negative."""
    return max(0.0, (now - start) / SECOND)

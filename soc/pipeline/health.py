"""Whether the installation sees: lag, drops, silent sources, refused rules, problems of the bus, as one document."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from soc.bus.base import Bus
from soc.clock import MINUTE, SECOND, Micros, to_iso
from soc.forward.ledger import Ledger
from soc.pipeline.balance import PREFIX, parse_key
from soc.pipeline.ruleset import PublishedRules
from soc.pipeline.status import is_alive, read_statuses

SILENT_AFTER_MINUTES = 15
"""A source that was heard in the last day and not for so long is named; learned rhythms are a later issue."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that is not as it should be: what, where, what to do."""

    level: Literal["error", "warning"]
    where: str
    what: str
    advice: str


class StageLag(msgspec.Struct, frozen=True):
    """How far a stage is behind over all its partitions."""

    stage: str
    records: int
    seconds: float


class Health(msgspec.Struct, frozen=True):
    """The state of an installation at one moment; ``ok`` when there is no finding of level error."""

    ok: bool
    at: str
    lags: tuple[StageLag, ...]
    processes: tuple[dict[str, Any], ...]
    findings: tuple[Finding, ...]
    silent_sources: tuple[str, ...]
    rules: dict[str, int]
    reports: dict[str, int] = {}


async def examine(bus: Bus, data_dir: Path, rules: PublishedRules | None, *, lateness: Micros, now: Micros) -> Health:
    """Look at everything that can be seen from outside the stages, without claiming anything."""
    findings = [Finding("error", problem.where, problem.what, problem.advice) for problem in await bus.problems()]
    lags = await _lags(bus, now)
    for lag in lags:
        if lag.seconds * SECOND > lateness:
            advice = "its process is down or too slow: see its log lines and `soc_stage_step_seconds`"
            findings.append(
                Finding("error", lag.stage, f"{lag.seconds:.0f} s behind, past the allowed lateness", advice)
            )
    statuses = read_statuses(data_dir)
    for status in statuses:
        if not is_alive(status):
            advice = "start `soc run`; its last log lines say why it ended"
            findings.append(Finding("error", status.group, f"process {status.pid} is gone", advice))
        for listener, counters in status.counters.items():
            dropped = counters.get("kernel_dropped", 0)
            if dropped:
                advice = "raise the listener's receive_buffer (and net.core.rmem_max), or have the device send over TCP"
                findings.append(Finding("warning", listener, f"the kernel dropped {dropped} datagrams", advice))
    reports = await _reports(bus)
    findings += [_stuck(state, count) for state, count in reports.items() if state in _STUCK]
    silent = await _silent_sources(bus, now)
    if rules and rules.refused:
        advice = "`soc rules check` lists them with file, line and reason"
        findings.append(Finding("warning", "rules", f"{len(rules.refused)} rules are refused", advice))
    counts = {"loaded": len(rules.infos), "refused": len(rules.refused), "muted": len(rules.muted)} if rules else {}
    processes = tuple(msgspec.to_builtins(status) for status in statuses)
    ok = not any(finding.level == "error" for finding in findings)
    return Health(ok, to_iso(now), tuple(lags), processes, tuple(findings), tuple(silent), counts, reports)


async def _lags(bus: Bus, now: Micros) -> list[StageLag]:
    records: dict[str, int] = {stage.name: 0 for stage in bus.topology.stages if stage.inputs}
    oldest: dict[str, Micros] = {}
    for lag in await bus.lag():
        records[lag.stage] = records.get(lag.stage, 0) + lag.records
        if lag.records and lag.oldest:
            oldest[lag.stage] = min(oldest.get(lag.stage, lag.oldest), lag.oldest)
    return [
        StageLag(stage, count, max(0.0, (now - oldest[stage]) / SECOND) if stage in oldest else 0.0)
        for stage, count in records.items()
    ]


_STUCK: Mapping[str, str] = {
    "uncertain": "the receiver's answer was lost and it cannot be asked: find out there whether it has the report",
    "rejected": "the receiver refused the content: see the report's detail, mend the incident, approve again",
    "blocked_auth": "the receiver refused who we are: check [forward.receiver] token and ca_file, then restart forward",
    "stale": "the incident changed between preview and approval: look at the preview again and approve it",
}


def _stuck(state: str, count: int) -> Finding:
    return Finding("error", "forward", f"{count} report(s) {state}", _STUCK[state])


async def _reports(bus: Bus) -> dict[str, int]:
    """How many reports are in each state, as the forwarder has committed it."""
    counts: dict[str, int] = {}
    async for _, state in bus.states("forward"):
        for report in Ledger(state).reports:
            counts[report.state] = counts.get(report.state, 0) + 1
    return counts


async def _silent_sources(bus: Bus, now: Micros) -> list[str]:
    newest: dict[str, int] = {}
    async for _, state in bus.states("collect"):
        for source, minute in _last_minutes(state).items():
            newest[source] = max(newest.get(source, 0), minute)
    minute_now = now // MINUTE
    return sorted(source for source, minute in newest.items() if SILENT_AFTER_MINUTES < minute_now - minute <= 24 * 60)


def _last_minutes(state: Mapping[bytes, bytes]) -> dict[str, int]:
    newest: dict[str, int] = {}
    for key in state:
        if key.startswith(PREFIX):
            minute, source = parse_key(key)
            newest[source] = max(newest.get(source, 0), minute)
    return newest

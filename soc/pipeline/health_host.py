"""What can be seen on one host without asking anybody else: its processes, their restarts, its listeners, its collector's own log."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from soc.bus.base import Lag
from soc.clock import Micros
from soc.pipeline.health import Finding, HostView, seconds_between
from soc.pipeline.status import ProcessStatus, SupervisorStatus, is_alive

RESTARTS = 3
RESTART_SECONDS = 600.0
"""So many restarts within so long are told; one after a fault is what the supervisor is for."""

NOISY_TOLD = 5
"""So many sources that sent more than their share are told, the loudest first."""

WAITS_SECONDS = 30.0
RECORD_OVERHEAD_BYTES = 150
"""What a line takes beside its own bytes in a collector's log: receive time, names, row and index entry."""


class CollectorLog(NamedTuple):
    """A collector's own log, as far as it is not on the brokers yet.

    Attributes:
        records: how many.
        oldest: when the first of them was received.
        room: bytes that are left for it on its disk.
    """

    records: int
    oldest: Micros
    room: int


def collector_log(lags: Sequence[Lag], directory: Path, free_bytes: int) -> CollectorLog:
    """What waits in a collector's log and how much room there is; ``free_bytes`` are never used."""
    waiting = [lag for lag in lags if lag.records]
    oldest = min((lag.oldest for lag in waiting if lag.oldest), default=0)
    room = max(0, shutil.disk_usage(directory).free - free_bytes)
    return CollectorLog(sum(lag.records for lag in waiting), oldest, room)


def look_at_host(
    statuses: Sequence[ProcessStatus],
    supervisor: SupervisorStatus | None,
    own_log: CollectorLog | None,
    now: Micros,
) -> HostView:
    """What this host's files say."""
    findings: list[Finding] = []
    if not statuses:
        findings.append(Finding("warning", "host", "no_process"))
    for status in statuses:
        if not is_alive(status):
            findings.append(Finding("error", status.group, "process_gone", {"pid": status.pid}))
        for role, why in status.troubles.items():
            findings.append(Finding("error", role, "collector_trouble", {"why": why}))
        for name, why in status.rejected.items():
            findings.append(Finding("warning", status.group, "rules_rejected", {"rules": name[:12], "why": why}))
        for rule, share in status.heavy_rules.items():
            findings.append(
                Finding("warning", status.group, "rule_heavy", {"rule": rule, "percent": round(100 * share)})
            )
        for listener, counters in status.counters.items():
            if dropped := counters.get("kernel_dropped", 0):
                findings.append(Finding("warning", listener, "kernel_drops", {"count": dropped}))
            if missed := counters.get("missing", 0) + counters.get("gaps", 0):
                findings.append(Finding("warning", listener, "lines_missed", {"count": missed}))
        loudest = sorted(status.noisy.items(), key=lambda one: -one[1])[:NOISY_TOLD]
        findings += [Finding("warning", source or "…", "source_noisy", {"count": count}) for source, count in loudest]
    if supervisor is not None:
        findings += _restarts(supervisor, now)
    if own_log is not None:
        findings += _waiting(own_log, statuses, now)
    processes = tuple(msgspec.to_builtins(status) for status in statuses)
    return HostView(processes, tuple(findings), own_log.records if own_log else None)


def _restarts(supervisor: SupervisorStatus, now: Micros) -> list[Finding]:
    found: list[Finding] = []
    for group, ended in supervisor.ended.items():
        recent = [at for at in ended if seconds_between(at, now) < RESTART_SECONDS]
        if len(recent) >= RESTARTS:
            found.append(
                Finding("error", group, "process_restarts", {"count": len(recent), "within_seconds": RESTART_SECONDS})
            )
    return found


def _waiting(own_log: CollectorLog, statuses: Sequence[ProcessStatus], now: Micros) -> list[Finding]:
    """Lines that are only on this host's disk, and for how long the disk lasts at the rate at which they came."""
    if not own_log.room:
        return [Finding("error", "collect", "collector_full", {"records": own_log.records})]
    waited = seconds_between(own_log.oldest, now) if own_log.oldest else 0.0
    if waited < WAITS_SECONDS:
        return []
    rate = own_log.records / waited * _bytes_per_record(statuses)
    left = own_log.room / rate
    values = {"records": own_log.records, "waited_seconds": waited, "left_seconds": left}
    level = "error" if left < 4 * 3600 else "warning"
    return [Finding(level, "collect", "collector_waits", dict(values))]


def _bytes_per_record(statuses: Sequence[ProcessStatus]) -> float:
    """From the listeners' counters since their start."""
    counted = [counters for status in statuses for counters in status.counters.values()]
    received = sum(counters.get("received", 0) for counters in counted)
    size = sum(counters.get("bytes", 0) for counters in counted)
    return (size / received if received else 300.0) + RECORD_OVERHEAD_BYTES

"""What is seen from outside the stages, in Prometheus's text format: health in, lines out.

Names follow Prometheus's conventions: counters end in ``_total``, units are seconds and bytes, every series carries its HELP.
"""

from collections.abc import Iterable
from typing import get_args

from soc.model import ReportState
from soc.pipeline.health import Health

_GAUGES_OF_INPUTS = frozenset({"connections"})
Sample = tuple[dict[str, str], float]


def exposition(health: Health) -> str:
    """The metrics of an installation that no process counts on its own; while the bus is away, those that do not need it."""
    lines: list[str] = []
    _add(lines, "soc_bus_available", "gauge", "1 if the bus could be looked at", [({}, "bus" not in health.away)])
    _add(lines, "soc_store_reachable", "gauge", "1 if the store answers this host", [({}, "store" not in health.away)])
    _add(
        lines,
        "soc_findings",
        "gauge",
        "Findings of the health page",
        (({"level": level}, sum(f.level == level for f in health.findings)) for level in ("error", "warning")),
    )
    if "bus" not in health.away:
        _add_bus(lines, health)
    _add_collectors(lines, health)
    _add_inputs(lines, health)
    _add_noise(lines, health)
    return "\n".join(lines) + "\n"


def _add_bus(lines: list[str], health: Health) -> None:
    """What is only known by asking the bus."""
    _add(lines, "soc_lag_records", "gauge", "Records a stage has still to process", _lags(health, "records"))
    _add(lines, "soc_lag_seconds", "gauge", "Age of the oldest of them", _lags(health, "seconds"))
    _add(
        lines,
        "soc_reports",
        "gauge",
        "Reports by state",
        (({"state": state}, health.reports.get(state, 0)) for state in get_args(ReportState)),
    )
    text = "Sources that are silent for longer than they ever are"
    _add(lines, "soc_sources_silent", "gauge", text, [({}, len(health.silent_sources))])
    text = "Of each of them (of a hundred at most): since when"
    _add(lines, "soc_source_silent_seconds", "gauge", text, _of_sources(health, {"source_silent"}, "silent_seconds"))
    text = "Sources whose clock or zone is off: their stamps minus receive time, in the median"
    clocks = {"clock_ahead", "clock_behind", "clock_zone"}
    _add(lines, "soc_source_clock_offset_seconds", "gauge", text, _of_sources(health, clocks, "offset"))


def _of_sources(health: Health, ids: set[str], value: str) -> Iterable[Sample]:
    """A value of each finding about a source."""
    return (
        ({"source": finding.where}, float(finding.values.get(value, 0)))
        for finding in health.findings
        if finding.id in ids
    )


def _add_collectors(lines: list[str], health: Health) -> None:
    """Collectors of the cluster: all of them as they last said on the brokers, this host's own from its own disk."""
    if health.own_unshipped is not None:
        text = "Records of this host's collector that are not on the brokers yet"
        _add(lines, "soc_collector_own_unshipped_records", "gauge", text, [({}, health.own_unshipped)])
    if health.collectors:
        text = "Records of a collector that were not on the brokers when it last said so"
        samples = [({"host": one.host}, one.unshipped) for one in health.collectors]
        _add(lines, "soc_collector_unshipped_records", "gauge", text, samples)
        text = "Since a collector last said something"
        samples = [({"host": one.host}, one.seconds) for one in health.collectors]
        _add(lines, "soc_collector_silent_seconds", "gauge", text, samples)


def _lags(health: Health, what: str) -> Iterable[Sample]:
    return (({"stage": lag.stage}, getattr(lag, what)) for lag in health.lags)


def _add_inputs(lines: list[str], health: Health) -> None:
    """The listeners' counters, one metric a counter."""
    series: dict[str, list[Sample]] = {}
    for process in health.processes:
        for listener, counters in process["counters"].items():
            for name, value in counters.items():
                series.setdefault(name, []).append(({"listener": listener}, value))
    for name, samples in series.items():
        gauge = name in _GAUGES_OF_INPUTS
        metric = f"soc_input_{name}" if gauge else f"soc_input_{name}_total"
        _add(lines, metric, "gauge" if gauge else "counter", f"Of one listener: {name.replace('_', ' ')}", samples)


def _add_noise(lines: list[str], health: Health) -> None:
    """Who sent more than its share while the intake was crowded; names are bounded by the intake."""
    for name, key, text in (
        ("soc_input_source_refused_total", "noisy", "Records of a source refused because it held more than its share"),
        ("soc_input_source_waits_total", "slowed", "Times that senders of a source waited for the same reason"),
    ):
        counts: dict[str, int] = {}
        for process in health.processes:
            for source, count in process.get(key, {}).items():
                counts[source] = counts.get(source, 0) + count
        if counts:
            _add(lines, name, "counter", text, [({"source": source}, count) for source, count in counts.items()])


def _add(lines: list[str], name: str, kind: str, text: str, samples: Iterable[Sample]) -> None:
    lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
    for labels, value in samples:
        number = int(value) if isinstance(value, bool) else value
        pairs = ",".join(f'{key}="{_escape(text)}"' for key, text in labels.items())
        lines.append(f"{name}{{{pairs}}} {number}" if pairs else f"{name} {number}")


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")

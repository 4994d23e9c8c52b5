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
    """The metrics of an installation that no process counts on its own."""
    lines: list[str] = []
    _add(lines, "soc_lag_records", "gauge", "Records a stage has still to process", _lags(health, "records"))
    _add(lines, "soc_lag_seconds", "gauge", "Age of the oldest of them", _lags(health, "seconds"))
    _add(
        lines,
        "soc_reports",
        "gauge",
        "Reports by state",
        (({"state": state}, health.reports.get(state, 0)) for state in get_args(ReportState)),
    )
    _add(
        lines,
        "soc_findings",
        "gauge",
        "Findings of the health page",
        (({"level": level}, sum(f.level == level for f in health.findings)) for level in ("error", "warning")),
    )
    silent = "Sources heard in the last day that are silent now"
    _add(lines, "soc_sources_silent", "gauge", silent, [({}, len(health.silent_sources))])
    _add_inputs(lines, health)
    return "\n".join(lines) + "\n"


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


def _add(lines: list[str], name: str, kind: str, text: str, samples: Iterable[Sample]) -> None:
    lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
    for labels, value in samples:
        pairs = ",".join(f'{key}="{_escape(text)}"' for key, text in labels.items())
        lines.append(f"{name}{{{pairs}}} {value}" if pairs else f"{name} {value}")


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")

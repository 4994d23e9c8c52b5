"""The alerts of an incident in, the geometry of its timeline out: one lane an alert, time from left to right."""

from collections.abc import Sequence
from typing import NamedTuple

from soc.clock import DAY, HOUR, MINUTE, SECOND, Micros
from soc.model.incident import AlertSummary

WIDTH = 960
LEFT = 8
LANE = 26
TOP = 26
MAX_LANES = 40
_MIN_BAR = 6.0
_TICK_LABEL = 46
"""Width of ``HH:MM:SS`` beside its line: a tick nearer to the right edge is left out."""
_STEPS: tuple[Micros, ...] = (
    *(SECOND, 5 * SECOND, 15 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE),
    *(HOUR, 2 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 30 * DAY, 365 * DAY),
)


class Bar(NamedTuple):
    """One alert: ``x``, ``y``, ``width`` in units of the picture."""

    summary: AlertSummary
    x: float
    y: float
    width: float
    label_x: float
    label_before: bool


class Tick(NamedTuple):
    """One line of the time axis."""

    x: float
    time: Micros


class Timeline(NamedTuple):
    """The picture: ``viewBox`` is 0 0 ``width`` ``height``; ``hidden`` alerts did not fit."""

    width: int
    height: int
    bars: Sequence[Bar]
    ticks: Sequence[Tick]
    hidden: int


def timeline(summaries: Sequence[AlertSummary]) -> Timeline | None:
    """The geometry, or None without alerts. A label stands behind its bar, or before it in the right half."""
    ordered = sorted(summaries, key=lambda item: (item.first_seen, item.last_seen, item.alert_id))
    shown = ordered[:MAX_LANES]
    if not shown:
        return None
    first = min(item.first_seen for item in shown)
    last = max(max(item.last_seen, item.first_seen) for item in shown)
    span = max(last - first, 10 * SECOND)
    inner = WIDTH - 2 * LEFT

    def place(time: Micros) -> float:
        return round(LEFT + (time - first) / span * inner, 2)

    bars: list[Bar] = []
    for row, item in enumerate(shown):
        width = max(_MIN_BAR, place(max(item.last_seen, item.first_seen)) - place(item.first_seen))
        x = min(place(item.first_seen), WIDTH - LEFT - width)
        before = x + width / 2 > WIDTH / 2 and x > WIDTH / 4
        bars.append(Bar(item, x, TOP + row * LANE, round(width, 2), x - 6 if before else x + width + 6, before))
    step = next((step for step in _STEPS if span / step <= 8), _STEPS[-1])
    start = -(-first // step) * step
    ticks = [Tick(place(time), time) for time in range(start, first + span + 1, step)][:12]
    ticks = [tick for tick in ticks if tick.x + _TICK_LABEL <= WIDTH]
    return Timeline(WIDTH, TOP + len(shown) * LANE + 6, bars, ticks, len(ordered) - len(shown))

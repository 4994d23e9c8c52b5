"""What the notifier committed of itself in; findings for the health page and the doctor out. Pure."""

from collections.abc import Mapping

from soc.clock import HOUR, MINUTE, Micros
from soc.model import decode
from soc.notify.cases import NEITHER, SUMMARY, Summary
from soc.pipeline.health import Finding, seconds_between

QUEUE_LATE: Micros = 15 * MINUTE
"""A message that waits for so long: every channel of a person was tried several times by then."""
UNANSWERED_LATE: Micros = HOUR
"""A matter that nobody acknowledged for so long: a usual roster was walked once by then."""
FAILURES = 3
"""Failures of a channel one after another that are no accident."""


def notify_findings(state: Mapping[bytes, bytes], now: Micros) -> list[Finding]:
    """What of telling people is not as it should be.

    Args:
        state: the stage's, as it was committed; empty before it first ran.
        now: the time.

    Raises:
        RecordError: the state is of another version.
    """
    if SUMMARY not in state:
        return []
    summary = decode(state[SUMMARY], Summary)
    found: list[Finding] = []
    if summary.nobody not in {"", NEITHER}:
        found.append(Finding("warning", "notify", "notify_nobody", {"what": summary.nobody}))
    for channel, trouble in sorted(summary.failing.items()):
        if trouble.failures >= FAILURES:
            values = {"count": trouble.failures, "since": trouble.since, "why": trouble.detail}
            found.append(Finding("error", channel, "notify_failing", dict(values)))
    if summary.oldest and now - summary.oldest > QUEUE_LATE:
        late = {"count": summary.unsent, "for_seconds": seconds_between(summary.oldest, now)}
        found.append(Finding("error", "notify", "notify_queue", dict(late)))
    if summary.unanswered and now - summary.unanswered > UNANSWERED_LATE:
        waiting = {"count": summary.cases, "for_seconds": seconds_between(summary.unanswered, now)}
        found.append(Finding("warning", "notify", "notify_unanswered", dict(waiting)))
    start, end = summary.hole
    if end > now:
        hole = {"since": max(start, now), "for_seconds": seconds_between(max(start, now), end)}
        found.append(Finding("warning", "notify", "notify_hole", dict(hole)))
    if summary.beat_failed and now - summary.beat_failed > 5 * MINUTE:
        found.append(Finding("error", "notify", "notify_heartbeat", {"since": summary.beat_failed}))
    return found

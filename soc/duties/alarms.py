"""A clock and the time in, the alarm that is due now out: at 50, 75 and 90 % of the time, and when it was missed."""

from typing import NamedTuple

from soc.clock import Micros
from soc.duties.clocks import LIVE, Clock

SHARES = (50, 75, 90)
MISSED = 100


class Alarm(NamedTuple):
    """Somebody must be told.

    Attributes:
        id: the same however often it is asked for, another one when the deadline moves: what is sent once.
        threshold: 50, 75, 90, or 100 for a miss.
        at: when it was due.
    """

    id: str
    threshold: int
    at: Micros
    clock: Clock


def alarms(clock: Clock, now: Micros) -> tuple[Alarm, ...]:
    """What to say of a clock now: nothing, or the gravest threshold that is reached; the ones before it are then old news."""
    reached = [alarm for alarm in _all(clock) if alarm.at <= now]
    return tuple(reached[-1:])


def next_alarm(clock: Clock, now: Micros) -> Micros | None:
    """When a clock will have something to say the next time, if nothing changes; None if never."""
    return next((alarm.at for alarm in _all(clock) if alarm.at > now), None)


def _all(clock: Clock) -> list[Alarm]:
    """Every alarm of a clock, in order. A miss is one microsecond after the last moment that is in time."""
    start, due = clock.t0, clock.due
    if clock.state not in LIVE or start is None or due is None:
        return []
    span = due - start
    times = [(share, start + -(-span * share // 100)) for share in SHARES]
    key = f"{clock.incident_id}/{clock.duty}/{clock.recipient}/{due}"
    return [Alarm(f"{key}/{share}", share, at, clock) for share, at in (*times, (MISSED, due + 1))]

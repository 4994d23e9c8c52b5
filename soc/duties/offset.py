"""``24 hours``, ``5 days`` as a policy writes them in, the moment a duty is due out.

Hours and minutes are exact lengths. Days are days of the calendar in the policy's zone: the same time of day so many days later,
also where the clocks are changed in between. That is the stricter of the two ways to read "within 5 days"; a policy that wants the
other one writes ``5 days, end of day`` (the last second of that day).
"""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from soc.clock import HOUR, MINUTE, SECOND, Micros, to_datetime, to_micros

ON_DEMAND = "on demand"
_FORM = re.compile(r"(\d{1,5}) (minute|hour|day)s?(, end of day)?")
_EXACT = {"minute": MINUTE, "hour": HOUR}


class Offset(NamedTuple):
    """How long after its T0 something is due.

    Attributes:
        exact: microseconds; days come on top.
        days: days of the calendar.
        end_of_day: the last second of the day so reached.
        demanded: there is no time: it is made when somebody asks for it.
    """

    exact: Micros = 0
    days: int = 0
    end_of_day: bool = False
    demanded: bool = False


def parse_offset(text: str) -> Offset:
    """An offset as a policy writes it.

    Raises:
        ValueError: it is none.
    """
    if text == ON_DEMAND:
        return Offset(demanded=True)
    found = _FORM.fullmatch(text)
    if found is None or (found[3] and found[2] != "day"):
        raise ValueError(
            f"{text!r} is no length: write `15 minutes`, `24 hours`, `5 days`, `5 days, end of day` or `{ON_DEMAND}`"
        )
    count = int(found[1])
    if count == 0:
        raise ValueError("a length of 0 leaves no time at all: write `1 minutes` for at once")
    if found[2] == "day":
        return Offset(days=count, end_of_day=bool(found[3]))
    return Offset(exact=count * _EXACT[found[2]])


def due_at(t0: Micros, offset: Offset, zone: ZoneInfo) -> Micros | None:
    """The last moment that is still in time; None where there is none."""
    if offset.demanded:
        return None
    if not offset.days:
        return t0 + offset.exact
    local = to_datetime(t0).astimezone(zone)
    day = (local + timedelta(days=offset.days)).replace(fold=0)
    if offset.end_of_day:
        return last_second(day)
    return to_micros(day.astimezone(UTC))


def last_second(day: datetime) -> Micros:
    """The last whole second of an aware datetime's day."""
    midnight = (day + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return to_micros(midnight.astimezone(UTC)) - SECOND

"""The only reader of wall time. Times are integers: microseconds since 1970-01-01T00:00:00Z.

Microseconds are what Python's datetimes hold, order events finer than the millisecond that Sigma timespans need, and fit
a JSON number exactly until the year 2255.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Micros = int
"""Microseconds since the Unix epoch, UTC."""

Clock = Callable[[], Micros]
"""How the edges are told the time; tests pass their own."""

SECOND: Micros = 1_000_000
MINUTE: Micros = 60 * SECOND
HOUR: Micros = 60 * MINUTE
DAY: Micros = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def now() -> Micros:
    """The wall clock, in microseconds."""
    return time.time_ns() // 1000


def to_micros(moment: datetime) -> Micros:
    """An aware datetime as microseconds, exactly (no float in between).

    Raises:
        TypeError: if ``moment`` has no zone.
    """
    return (moment - _EPOCH) // _MICROSECOND


def to_datetime(micros: Micros) -> datetime:
    """Microseconds as an aware UTC datetime.

    Raises:
        OverflowError: outside the years 1 to 9999.
    """
    return _EPOCH + timedelta(microseconds=micros)


def to_iso(micros: Micros) -> str:
    """RFC 3339 in UTC with a Z: ``2026-11-22T08:00:00.000Z``; microseconds only where there are any."""
    moment = to_datetime(micros)
    spec = "microseconds" if micros % 1000 else "milliseconds"
    return moment.isoformat(timespec=spec).replace("+00:00", "Z")

"""A periodic report's name in, the days it covers and the last moment of each hand-over out; days are those of a zone.

    weekly      2026-W47   Monday 00:00 to the next Monday 00:00 (ISO 8601)
    half-year   2026-H1    from its first day for six months; H2 the six months after
    year        2026       from its first day (15/12 of the year before) for a year: 15/12/2025 to 14/12/2026

"Before 20/12" is until the last second of 19/12.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from soc.clock import SECOND, Micros, to_datetime, to_micros
from soc.duties.offset import Offset, last_second, parse_offset

Every = Literal["week", "half-year", "year"]

_DAY = re.compile(r"(\d{2})/(\d{2})")
_AFTER = re.compile(r"(.+) after its end")
_NAME = re.compile(r"(\d{4})(?:-(?:W(\d{2})|H([12])))?")
_LEAP = 2000


class MonthDay(NamedTuple):
    """A day of every year."""

    month: int
    day: int


class Period(NamedTuple):
    """What a periodic report covers.

    Attributes:
        name: ``2026``, ``2026-H1``, ``2026-W47``.
        start: its first moment. ``end``: the first moment after it.
    """

    every: Every
    name: str
    start: Micros
    end: Micros


def parse_day(text: str) -> MonthDay:
    """``20/12``: day, month.

    Raises:
        ValueError: it is none; 29/02 is not of every year.
    """
    found = _DAY.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no day: write day/month as in 20/12")
    day = MonthDay(int(found[2]), int(found[1]))
    try:
        date(_LEAP + 1, day.month, day.day)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a day of every year") from error
    return day


def parse_before(text: str) -> MonthDay | Offset:
    """``20/12``, or ``2 days after its end``.

    Raises:
        ValueError: it is neither.
    """
    found = _AFTER.fullmatch(text)
    if found is None:
        return parse_day(text)
    offset = parse_offset(found[1])
    if offset.demanded:
        raise ValueError(f"{text!r}: a periodic report has a day")
    return offset


def period(every: Every, name: str, first_day: MonthDay | None, zone: ZoneInfo) -> Period:
    """The period of a name.

    Raises:
        ValueError: there is no such period.
    """
    found = _NAME.fullmatch(name)
    if found is None or bool(found[2]) != (every == "week") or bool(found[3]) != (every == "half-year"):
        example = {"week": "2026-W47", "half-year": "2026-H1", "year": "2026"}[every]
        raise ValueError(f"{name!r} is no {every}: write {example}")
    year = int(found[1])
    if every == "week":
        try:
            first = date.fromisocalendar(year, int(found[2]), 1)
        except ValueError as error:
            raise ValueError(f"{name!r}: there is no such week") from error
        return Period(every, name, _midnight(first, zone), _midnight(first + timedelta(days=7), zone))
    day = first_day or MonthDay(1, 1)
    begins = year if day == MonthDay(1, 1) else year - 1
    first = date(begins, day.month, day.day)
    if every == "year":
        return Period(every, name, _midnight(first, zone), _midnight(date(begins + 1, day.month, day.day), zone))
    middle = _months_later(first, 6)
    if found[3] == "1":
        return Period(every, name, _midnight(first, zone), _midnight(middle, zone))
    return Period(every, name, _midnight(middle, zone), _midnight(date(begins + 1, day.month, day.day), zone))


def periods_around(every: Every, first_day: MonthDay | None, now: Micros, zone: ZoneInfo) -> Iterator[Period]:
    """The periods about a moment: the last one that ended, and the one that runs; oldest first."""
    today = to_datetime(now).astimezone(zone).date()
    names: list[str]
    if every == "week":
        names = [
            f"{week.year}-W{week.week:02d}"
            for week in ((today + timedelta(days=shift)).isocalendar() for shift in (-14, -7, 0))
        ]
    elif every == "year":
        names = [str(year) for year in range(today.year - 1, today.year + 2)]
    else:
        names = [f"{year}-H{half}" for year in range(today.year - 1, today.year + 2) for half in (1, 2)]
    found = [period(every, name, first_day, zone) for name in names]
    yield from [one for one in found if one.end <= now][-1:]
    yield from [one for one in found if one.start <= now < one.end]


def due_of(before: MonthDay | Offset, covered: Period, zone: ZoneInfo) -> Micros:
    """The last second in which a hand-over of a period's report is in time: of a day, the evening before its first occurrence after the period's end.

    Where the period ends after that day of the same year (a report that is due before its data are complete), it is the
    year's own day that counts, if it lies within the last month of the period.
    """
    if isinstance(before, Offset):
        if not before.days:
            return covered.end + before.exact - SECOND
        end = to_datetime(covered.end).astimezone(zone)
        return last_second(end + timedelta(days=before.days - 1))
    ended = to_datetime(covered.end - 1).astimezone(zone).date()
    for year in (ended.year, ended.year + 1):
        day = date(year, before.month, before.day)
        if day > ended - timedelta(days=31):
            return _midnight(day, zone) - SECOND
    raise AssertionError("a day of every year comes within a year")


def _months_later(day: date, months: int) -> date:
    month = day.month - 1 + months
    year = day.year + month // 12
    month = month % 12 + 1
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month, min(last, day.day))
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")


def _midnight(day: date, zone: ZoneInfo) -> Micros:
    return to_micros(datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC))

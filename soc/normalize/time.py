"""Stamps as found in logs → microseconds and what had to be assumed; and the event's times against its receive time.

A stamp is ``(micros, flags)``, or None where the text is no time. All parsers are pure and memoized: stamps repeat within
a second, and the memo is bounded by its size and by the length of what is admitted to it.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

from soc.clock import DAY, SECOND, Micros, to_datetime, to_micros
from soc.model.event import TimeFlag
from soc.normalize.compiled import native

Stamp = tuple[Micros, tuple[TimeFlag, ...]]
"""When, and what was assumed about it."""

MONTHS = {
    name: number
    for number, name in enumerate(
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], 1
    )
}

LATEST: Micros = 253_402_300_799_999_999
"""The last microsecond of the year 9999, which is as far as datetimes go."""

_KNOWN: tuple[TimeFlag, ...] = ()
NO_TIME: tuple[TimeFlag, ...] = ("no_time",)
"""What ``settle`` says where no time was stamped, or none that a datetime can hold."""
_NO_ZONE: tuple[TimeFlag, ...] = ("no_zone",)
_NO_YEAR: tuple[TimeFlag, ...] = ("no_year",)
_NO_YEAR_NO_ZONE: tuple[TimeFlag, ...] = ("no_year", "no_zone")
_LONGEST = 64
"""No stamp is longer; longer text is refused before it can enter a memo."""

_UTC_NAMES = frozenset(("UTC", "GMT", "Z"))

_ISO = re.compile(
    r"(\d{4})[-/](\d{2})[-/](\d{2})[T _](\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,9}))?\d* ?(Z|UTC|GMT|[+-]\d{2}:?\d{2})?$",
    re.ASCII,
)
_BSD = re.compile(
    r"(?:[A-Z][a-z]{2} )?([A-Z][a-z]{2}) {1,2}(\d{1,2}) (?:(\d{4}) )?(\d{1,2}):(\d{2}):(\d{2})(?:[.,](\d{1,9}))?"
    r"(?: (\d{4}))?(?: ([A-Za-z]{1,5}|[+-]\d{2}:?\d{2}))?$",
    re.ASCII,
)
_CLF = re.compile(r"(\d{2})/([A-Z][a-z]{2})/(\d{4}):(\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})$", re.ASCII)


def _fraction(digits: str | None) -> int:
    return int(digits[:6].ljust(6, "0")) if digits else 0


def _offset(text: str) -> timezone:
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


@lru_cache(maxsize=8192)
def _iso(text: str, zone: ZoneInfo) -> Stamp | None:
    match = _ISO.match(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, digits, offset = match.groups()
    if offset is None:
        where: timezone | ZoneInfo = zone
    else:
        where = _offset(offset) if offset[0] in "+-" else UTC
    # RFC 3339 §5.6 allows second 60; the leap second is folded into the one before it
    seconds = min(int(second), 59) if second == "60" else int(second)
    moment = datetime(int(year), int(month), int(day), int(hour), int(minute), seconds, _fraction(digits), where)
    return to_micros(moment), (_NO_ZONE if offset is None else _KNOWN)


def iso(text: str, zone: ZoneInfo) -> Stamp | None:
    """ISO 8601 / RFC 3339 and its relatives (space, slash, underscore, comma); ``zone`` holds where none is written."""
    if len(text) > _LONGEST:
        return None
    if native is not None and (micros := native.zoned(text)) is not None:
        return micros, _KNOWN
    if text[16:17] == ":" and text[10:11] in ("T", " ") and text[4:5] == "-":
        # what most senders write (Sysmon with a blank); the standard library reads it ten times faster than the expression
        try:
            moment = datetime.fromisoformat(text)
            aware = moment.tzinfo is not None
            return to_micros(moment if aware else moment.replace(tzinfo=zone)), (_KNOWN if aware else _NO_ZONE)
        except (ValueError, OverflowError):
            pass
    try:
        return _iso(text, zone)
    except (ValueError, OverflowError):
        return None


def _nearest(text: tuple[int, ...], where: timezone | ZoneInfo, reference: Micros) -> Micros:
    """The year in which month, day and time come nearest to ``reference``: right on both sides of New Year.

    29 February looks up to the nearest leap year on either side.
    """
    year = to_datetime(reference).year
    span = 8 if text[:2] == (2, 29) else 1
    found: list[Micros] = []
    for candidate in range(max(1, year - span), min(9999, year + span) + 1):
        try:
            found.append(to_micros(datetime(candidate, *text, tzinfo=where)))  # type: ignore[arg-type]
        except ValueError:
            continue
    if not found:
        raise ValueError("no such day")
    return min(found, key=lambda micros: abs(micros - reference))


@lru_cache(maxsize=8192)
def _bsd(text: str, zone: ZoneInfo, day_of_receipt: int) -> Stamp | None:
    match = _BSD.match(text)
    if match is None:
        return None
    month_name, day, year, hour, minute, second, digits, year_after, zone_name = match.groups()
    month = MONTHS.get(month_name)
    if month is None:
        return None
    where: timezone | ZoneInfo = zone
    zoned = False
    if zone_name is not None:
        if zone_name[0] in "+-":
            where, zoned = _offset(zone_name), True
        elif zone_name.upper() in _UTC_NAMES:
            where, zoned = UTC, True
        # other abbreviations name several zones each (IST, CST, ICT): the profile's zone holds
    seconds = 59 if second == "60" else int(second)
    rest = (month, int(day), int(hour), int(minute), seconds, _fraction(digits))
    year = year or year_after
    if year is not None:
        return to_micros(datetime(int(year), *rest, tzinfo=where)), (_KNOWN if zoned else _NO_ZONE)  # type: ignore[arg-type,misc]
    micros = _nearest(rest, where, day_of_receipt * DAY + DAY // 2)
    return micros, (_NO_YEAR if zoned else _NO_YEAR_NO_ZONE)


def bsd(text: str, zone: ZoneInfo, day_of_receipt: int) -> Stamp | None:
    """``Nov 22 08:00:00`` with or without year (before or after), fraction, weekday and zone.

    Args:
        text: the stamp.
        zone: holds where no offset or UTC is written.
        day_of_receipt: receive time in whole days since the epoch. The missing year is the one nearest to its noon.
    """
    if len(text) > _LONGEST:
        return None
    try:
        return _bsd(text, zone, day_of_receipt)
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=8192)
def _clf(text: str) -> Stamp | None:
    match = _CLF.match(text)
    if match is None:
        return None
    day, month, year, hour, minute, second, sign, hours, minutes = match.groups()
    if month not in MONTHS:
        return None
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    where = timezone(-offset if sign == "-" else offset)
    seconds = 59 if second == "60" else int(second)
    return to_micros(
        datetime(int(year), MONTHS[month], int(day), int(hour), int(minute), seconds, tzinfo=where)
    ), _KNOWN


def clf(text: str) -> Stamp | None:
    """``08/Jun/2026:06:49:01 +0700``, the stamp of access logs."""
    if len(text) > _LONGEST:
        return None
    try:
        return _clf(text)
    except (ValueError, OverflowError):
        return None


def epoch(digits: str) -> Stamp | None:
    """Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by the number of digits.

    Until the year 2286 seconds have 10 digits (9 before September 2001), milliseconds 13, microseconds 16, nanoseconds 19.
    A decimal fraction of seconds is kept.
    """
    whole, _, fraction = digits.partition(".")
    if not whole.isdecimal() or not whole.isascii() or (fraction and not fraction.isdecimal()):
        return None
    size = len(whole)
    if size in (9, 10):
        micros = int(whole) * SECOND + _fraction(fraction)
    elif size in (12, 13):
        micros = int(whole) * 1000
    elif size in (15, 16):
        micros = int(whole)
    elif size in (18, 19):
        micros = int(whole) // 1000
    else:
        return None
    return micros, _KNOWN


def settle_in_python(
    stamp: Stamp | None, received: Micros, *, live: bool, lateness: Micros, future_skew: Micros
) -> tuple[Micros, Micros, tuple[TimeFlag, ...]]:
    """When it happened, when it correlates, and what was done about it.

    A source that is not live (an imported file) has its stamps taken as they are. A live one's stamp from the future is set
    back to receive time plus the skew; one older than the lateness (a device that says 2020) correlates at receive time.
    """
    if stamp is None or not 0 <= stamp[0] <= LATEST:
        return received, received, NO_TIME
    time, flags = stamp
    if live:
        if time > received + future_skew:
            clamped = received + future_skew
            return clamped, clamped, (*flags, "future_clamped")
        if time < received - lateness:
            return time, received, (*flags, "stale")
    return time, time, flags


_MILLISECONDS = tuple(f".{millisecond:03d}Z" for millisecond in range(1000))


@lru_cache(maxsize=4096)
def _second(second: int) -> str:
    return to_datetime(second * SECOND).isoformat()[:19]


def iso_text_in_python(micros: Micros) -> str:
    """As ``soc.clock.to_iso``, but remembering the second: the same text, several times faster."""
    second, rest = divmod(micros, SECOND)
    millisecond, rest = divmod(rest, 1000)
    if rest:
        return f"{_second(second)}.{millisecond:03d}{rest:03d}Z"
    return _second(second) + _MILLISECONDS[millisecond]


iso_text = iso_text_in_python if native is None else native.iso_text
settle = settle_in_python if native is None else native.settle

"""A stamp and the Java SimpleDateFormat pattern that it was written with (LEEF's devTimeFormat) → when, and what was assumed."""

import re
from functools import lru_cache
from zoneinfo import ZoneInfo

from soc.normalize.time import MONTHS, Stamp, bsd, epoch, iso

_LONGEST = 64
_TOKEN = re.compile(r"'([^']{0,32})'|([A-Za-z])\2{0,8}|[^A-Za-z']", re.ASCII)
_NAMES = {
    "y": r"(?P<year>\d{2,4})",
    "M": r"(?P<month>\d{1,2}|[A-Za-z]{3,9})",
    "d": r"(?P<day>\d{1,2})",
    "H": r"(?P<hour>\d{1,2})",
    "k": r"(?P<hour>\d{1,2})",
    "h": r"(?P<hour>\d{1,2})",
    "m": r"(?P<minute>\d{1,2})",
    "s": r"(?P<second>\d{1,2})",
    "S": r"(?P<fraction>\d{1,9})",
    "a": r"(?P<half>[AaPp][Mm])",
    "z": r"(?P<zone>[A-Za-z]{0,5}(?:[+-]\d{2}:?\d{2})?)",
    "Z": r"(?P<zone>[+-]\d{2}:?\d{2})",
    "X": r"(?P<zone>Z|[+-]\d{2}(?::?\d{2})?)",
    "E": r"[A-Za-z]{2,9}",
}


@lru_cache(maxsize=256)
def _expression(pattern: str) -> re.Pattern[str] | None:
    parts: list[str] = []
    at = 0
    for token in _TOKEN.finditer(pattern):
        if token.start() != at:
            return None
        at = token.end()
        if token[2]:
            part = _NAMES.get(token[2])
            if part is None:
                return None
            parts.append(part)
        else:
            parts.append(re.escape(token[1] if token[1] is not None else token[0]))
    try:
        return re.compile("".join(parts), re.ASCII) if at == len(pattern) else None
    except re.error:  # a letter that comes twice
        return None


def _hour(found: dict[str, str]) -> int:
    hour = int(found.get("hour") or 0)
    half = (found.get("half") or "").lower()
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    return hour


def formatted(text: str, pattern: str, zone: ZoneInfo) -> Stamp | None:
    """A stamp written with a pattern; None where the pattern is not understood or the text is not of it.

    Args:
        text: the stamp.
        pattern: of SimpleDateFormat; years of two digits are of this century.
        zone: of stamps whose pattern has none.
    """
    if len(text) > _LONGEST or len(pattern) > _LONGEST:
        return None
    expression = _expression(pattern)
    match = None if expression is None else expression.fullmatch(text)
    if match is None:
        return None
    found = {name: value for name, value in match.groupdict().items() if value is not None}
    month = found.get("month", "1")
    number = int(month) if month.isdecimal() else MONTHS.get(month[:3].capitalize(), 0)
    year = int(found.get("year", "0"))
    offset = found.get("zone", "")
    offset = offset.upper().removeprefix("UTC").removeprefix("GMT") if offset not in ("UTC", "GMT", "Z") else "Z"
    if offset.isalpha() and offset != "Z":
        offset = ""
    if len(offset) == 3:
        offset += "00"
    fraction = found.get("fraction", "")
    seconds = f"{int(found.get('second', '0')):02d}" + (f".{fraction.zfill(3)}" if fraction else "")
    return iso(
        f"{year + 2000 if year < 100 else year:04d}-{number:02d}-{int(found.get('day', '1')):02d}T"
        f"{_hour(found):02d}:{int(found.get('minute', '0')):02d}:{seconds}{offset}",
        zone,
    )


_GMT = re.compile(r" (?:GMT|UTC)(?=[+-])")


def device_time(text: str, zone: ZoneInfo, day: int) -> Stamp | None:
    """A stamp of CEF or LEEF without a pattern: milliseconds since 1970, ``MMM dd yyyy HH:mm:ss`` and kin, or ISO 8601."""
    if len(text) > _LONGEST or not text:
        return None
    if text[0].isdigit():
        return epoch(text) or iso(text, zone)
    return bsd(_GMT.sub(" ", text), zone, day)

"""A line template and an instant in, one raw line out: how cases and the demo write stamps as each product does."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from soc.clock import Micros, to_datetime, to_iso

_PLACE = re.compile(r"\{(n|time|utc|date|clock|bsd|clf|unix|nanos|zone)(?:\+(\d+))?\}")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def render(template: str, at: Micros, zone: ZoneInfo, n: int = 0) -> str:
    """Fill a template in; braces that are none of these stay as they are, so that JSON needs no escaping.

    ======== =========================== ================================
    place    becomes                     as in
    ======== =========================== ================================
    {n}      0, 1, 2 ... of a repetition ports, process ids
    {n+500}  500, 501, 502 ...
    {time}   2026-11-22T08:00:00+07:00   RFC 5424
    {utc}    2026-11-22T01:00:00.000Z    Windows events as JSON
    {bsd}    Nov  2 08:00:00             RFC 3164
    {clf}    22/Nov/2026:08:00:00 +0700  access logs
    {date}   2026-11-22                  FortiGate
    {clock}  08:00:00                    FortiGate
    {zone}   +0700                       FortiGate
    {unix}   1795309200                  seconds
    {nanos}  1795309200000000000         FortiGate's eventtime
    ======== =========================== ================================
    """
    local = to_datetime(at).astimezone(zone)

    def fill(match: re.Match[str]) -> str:
        name, offset = match[1], int(match[2] or 0)
        return str(n + offset) if name == "n" else _stamp(name, at, local)

    return _PLACE.sub(fill, template)


def _stamp(name: str, at: Micros, local: datetime) -> str:
    month = _MONTHS[local.month - 1]
    match name:
        case "time":
            return local.isoformat(timespec="microseconds" if at % 1_000_000 else "seconds")
        case "utc":
            return to_iso(at)
        case "bsd":
            return f"{month} {local.day:2} {local:%H:%M:%S}"
        case "clf":
            return f"{local:%d}/{month}/{local:%Y:%H:%M:%S %z}"
        case "date":
            return f"{local:%Y-%m-%d}"
        case "clock":
            return f"{local:%H:%M:%S}"
        case "zone":
            return f"{local:%z}"
        case "unix":
            return str(at // 1_000_000)
        case _:
            return str(at * 1000)

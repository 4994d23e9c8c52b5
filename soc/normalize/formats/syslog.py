"""A syslog line of either RFC → its header's fields, the program that wrote it, its stamp and its message."""

from typing import Any
from zoneinfo import ZoneInfo

from soc.normalize.formats import rfc3164, rfc5424
from soc.normalize.time import Stamp


def read(text: str, fields: dict[str, Any], zone: ZoneInfo, day: int) -> tuple[str, str, Stamp | None] | None:
    """Read a header of RFC 5424 or, failing that, of RFC 3164 as found.

    Returns:
        (message, program or "", stamp or None), or None: this is no syslog line. ``fields`` is written to.
    """
    if text.startswith("<"):
        found = rfc5424.read(text, fields, zone)
        if found is not None:
            return found
    found = rfc3164.read(text, fields, zone, day)
    if found is not None and found[0].startswith(rfc5424.BOM):
        return found[0][1:], found[1], found[2]
    return found

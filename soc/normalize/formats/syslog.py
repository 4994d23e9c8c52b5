"""A syslog line of either RFC → its header's fields, the program that wrote it, its stamp and its message."""

import re
from typing import Any
from zoneinfo import ZoneInfo

from soc.normalize.formats import json, rfc3164, rfc5424
from soc.normalize.formats.priority import PRIORITIES
from soc.normalize.time import Stamp

_NO_PRIORITY = re.compile(r"1 \d{4}-\d\d-\d\dT[^ ]{8,30} [^ ]{1,255} [^ ]{1,255} [^ ]{1,128} [^ ]{1,128} ", re.ASCII)
"""A header of RFC 5424 whose priority a file or a relay took away."""


def read(text: str, fields: dict[str, Any], zone: ZoneInfo, day: int) -> tuple[str, str, Stamp | None] | None:
    """Read a header of RFC 5424 or, failing that, of RFC 3164 as found.

    Returns:
        (message, program or "", stamp or None), or None: this is no syslog line. ``fields`` is written to.
    """
    if text.startswith("<"):
        found = rfc5424.read(text, fields, zone)
        if found is not None:
            return found
    elif text.startswith("1 ") and _NO_PRIORITY.match(text):
        found = rfc5424.read("<13>" + text, fields, zone)
        if found is not None:
            for name in PRIORITIES["13"]:
                del fields[name]
            return found
    found = rfc3164.read(text, fields, zone, day)
    if found is not None and found[0].startswith(rfc5424.BOM):
        return found[0][1:], found[1], found[2]
    return found


def json_object(
    text: str, fields: dict[str, Any], zone: ZoneInfo, day: int
) -> tuple[dict[str, Any], bool, Stamp | None] | None:
    """A JSON object, alone or as the message of a syslog line (with or without a ``@cee:`` cookie).

    Returns:
        (object, whether every value of it is a scalar, the header's stamp), or None: there is no object. ``fields`` is given the header's.
    """
    decoded = json.decode_object(text)
    if decoded is not None:
        return *decoded, None
    found = read(text, fields, zone, day)
    if found is None:
        return None
    decoded = json.decode_object(found[0].removeprefix("@cee:").lstrip())
    return None if decoded is None else (*decoded, found[2])

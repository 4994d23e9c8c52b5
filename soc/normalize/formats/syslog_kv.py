"""A line of key=value pairs → what stands behind its syslog header, if it has one: appliances write all sorts, or none."""

from typing import Any
from zoneinfo import ZoneInfo

from soc.normalize.formats import rfc3164, rfc5424
from soc.normalize.formats.priority import PRIORITIES
from soc.normalize.time import Stamp


def behind_header(text: str, fields: dict[str, Any], zone: ZoneInfo, day: int) -> tuple[str, Stamp | None]:
    """Take off a header: nothing but a PRI, RFC 3164 as found, RFC 5424, or just a host; words before the first pair.

    Args:
        text: the line.
        fields: what the header says is written to it.
        zone: of a stamp without one.
        day: of receipt, for a stamp without a year.

    Returns:
        (from the first pair on, the header's stamp)
    """
    if text.startswith("<"):
        pri, mark, rest = text.partition(">")
        if mark and pri[1:] in PRIORITIES:
            if rest.startswith("1 "):
                found = rfc5424.read(text, fields, zone)
                if found is not None:
                    # the pairs may stand in the structured data
                    return (found[0] if "=" in found[0] else rest), found[2]
            fields.update(PRIORITIES[pri[1:]])
            text = rest
    if "=" in text[: text.find(" ")]:
        return text, None
    at, header, _ = rfc3164.lead(text, fields, zone, day)
    while (blank := text.find(" ", at)) >= 0 and "=" not in text[at:blank]:  # host, serial number and tag
        if blank > at and text[blank - 1] != ":":
            fields.setdefault("host.name", text[at:blank][:255])
        at = blank + 1
    return text[at:], header

"""An RFC 5424 header and its structured data → ``log.syslog.*`` fields, program, stamp and message."""

import re
from typing import Any
from zoneinfo import ZoneInfo

from soc.normalize.formats.priority import PRIORITIES
from soc.normalize.time import Stamp, iso

_HEAD = re.compile(
    r"<(\d{1,3})>(\d{1,2}) ([^ ]{1,64}) ([^ ]{1,255}) ([^ ]{1,255}) ([^ ]{1,128}) ([^ ]{1,128})(?: |$)", re.ASCII
)
# §6.3: the parameter's value escapes only `"`, `\` and `]`; senders that leave `]` bare are read as they meant it
_ELEMENT = re.compile(r'\[([^ =\]"]{1,128})((?: +[^ =\]"]{1,128}="[^"\\]*(?:\\.[^"\\]*)*")*) *\]', re.DOTALL)
_PARAMETER = re.compile(r' ([^ =\]"]{1,128})="([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\\]])')

BOM = "\ufeff"


def read(text: str, fields: dict[str, Any], zone: ZoneInfo) -> tuple[str, str, Stamp | None] | None:
    """Read a header.

    Args:
        text: the line.
        fields: written to, if this is such a header.
        zone: for a stamp without offset, which the RFC forbids and devices write.

    Returns:
        (message, program or "", stamp), or None: no RFC 5424 header.
    """
    match = _HEAD.match(text)
    if match is None:
        return None
    pri, version, when, host, program, procid, msgid = match.groups()
    priority = PRIORITIES.get(pri)
    if priority is None:
        return None
    stamp = None if when == "-" else iso(when, zone)
    if stamp is None and when != "-":
        return None
    fields.update(priority)
    fields["log.syslog.version"] = version
    if host != "-":
        fields["log.syslog.hostname"] = fields["host.name"] = host
    if program == "-":
        program = ""
    else:
        fields["log.syslog.appname"] = fields["process.name"] = program
    if procid != "-":
        fields["log.syslog.procid"] = procid
        if procid.isascii() and procid.isdecimal() and len(procid) <= 10:
            fields["process.pid"] = int(procid)
    if msgid != "-":
        fields["log.syslog.msgid"] = msgid
    message = _structured_data(text, match.end(), fields)
    return message.removeprefix(BOM), program, stamp


def _structured_data(text: str, start: int, fields: dict[str, Any]) -> str:
    """Write the elements as ``log.syslog.structured_data.<id>.<name>``; return what follows them.

    Something that only looks like structured data (``[a:"b"; ...]``) is left whole in the message.
    """
    if text.startswith("-", start):
        return text[start + 2 :]
    at = start
    found: list[tuple[str, str]] = []
    while (element := _ELEMENT.match(text, at)) is not None:
        found.append((element[1], element[2]))
        at = element.end()
    if at < len(text) and text[at] != " ":
        return text[start:]
    for name, parameters in found:
        prefix = f"log.syslog.structured_data.{name}."
        for key, value in _PARAMETER.findall(parameters):
            fields[prefix + key] = _ESCAPED.sub(r"\1", value) if "\\" in value else value
    return text[at + 1 :]

"""GELF (Graylog Extended Log Format): one JSON message → event fields; additional fields stand under both their names.

After "GELF Payload Specification", version 1.1, of Graylog's documentation. An additional field is sent as ``_name``; it is kept so,
and as ``name`` too, where that is not a name of GELF's own, so that what an application calls ``_src_ip`` or ``_user.name`` is
found where every other sender's is.
"""

from typing import Any
from zoneinfo import ZoneInfo

from soc.normalize.formats import json, syslog
from soc.normalize.products import generic_json
from soc.normalize.products.product import Fields, Product, Reading, refuse

MARK = "short_message"
"""The one name, beside ``host`` and ``version``, that every message has."""

LEVELS = ("emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug")
"""Of ``level``: syslog's severities (RFC 5424 §6.2.1)."""

FIELDS = {
    "version": "",
    "host": "host.name",
    "short_message": "message",
    "full_message": "",
    "timestamp": "@timestamp",
    "level": "log.level, log.syslog.severity.code, log.syslog.severity.name",
    "facility": "",
    "file": "log.origin.file.name",
    "line": "log.origin.file.line",
    "_*": "",
}


def read(event: dict[str, Any], fields: Fields, zone: ZoneInfo) -> Reading | None:
    """Read a decoded object; None if it is no GELF message: without the names that each must have."""
    text = event.get(MARK)
    if not isinstance(text, str) or not isinstance(event.get("host"), str) or "version" not in event:
        return None
    message = {name: value for name, value in event.items() if value is not None}
    for name, value in event.items():
        if name.startswith("_") and len(name) > 1 and value is not None:
            message.setdefault(name[1:], value)
    message.setdefault("message", text)
    message.setdefault("event.module", "gelf")
    message.setdefault("event.dataset", "gelf.message")
    sources, stamp = generic_json.read(message, fields, zone, flat=False)
    fields["host.name"] = event["host"]
    level = event.get("level")
    if isinstance(level, str) and len(level) == 1 and level.isdigit():
        level = int(level)
    if isinstance(level, int | float) and not isinstance(level, bool) and level in range(len(LEVELS)):
        severity = int(level)
        fields["log.level"] = LEVELS[severity]
        fields["log.syslog.severity.code"] = severity
        fields["log.syslog.severity.name"] = LEVELS[severity]
    if isinstance(fields.get("file"), str):
        fields["log.origin.file.name"] = fields["file"]
    line = fields.get("line")
    if isinstance(line, int) and not isinstance(line, bool) and 0 < line < 2**31:
        fields["log.origin.file.line"] = line
    return sources, stamp


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One message, alone or, as some relays send it, behind a syslog header."""
    decoded = json.decode_object(text)
    header = None
    if decoded is None:
        header = syslog.read(text, fields, zone, day)
        decoded = json.decode_object(header[0].lstrip()) if header is not None else None
    reading = read(decoded[0], fields, zone) if decoded is not None else None
    if reading is None:
        raise refuse("gelf: no GELF message (an object with version, host and short_message)")
    return reading[0], reading[1] or (header[2] if header is not None else None)


PRODUCT = Product("gelf", "GELF messages (Graylog), additional fields under both their names", parse, fields=FIELDS)

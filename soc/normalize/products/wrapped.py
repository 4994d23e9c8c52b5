"""An object in which a shipper carries another product's line (Filebeat, Fluent Bit, Logstash, Vector, rsyslog) → the line's own reading.

Only an object that holds nothing but the line and what shippers say of it is taken for one: a program that writes its own JSON may
have any text in ``message``, also one that somebody else chose.
"""

from typing import Any, Final
from zoneinfo import ZoneInfo

from soc.errors import RecordError
from soc.normalize.products import generic_json
from soc.normalize.products.marks import BODIES, LINES
from soc.normalize.products.product import Fields, Parse, Reading

_TEXTS: Final = ("message", "log", "MESSAGE", "msg", "line", "raw", "_raw", "event.original")
"""Where the line is, in the order looked."""

_PROGRAMS: Final = (
    "appname",
    "app_name",
    "ident",
    "program",
    "PROGRAM",
    "programname",
    "SYSLOG_IDENTIFIER",
    "syslogtag",
    "tag",
)
"""Where a shipper that has read the syslog header itself puts the program."""

_METADATA: Final = frozenset(
    [
        *(
            "@timestamp",
            "@version",
            "@metadata",
            "timestamp",
            "time",
            "date",
            "ts",
            "received_at",
            "event",
            "ecs",
            "type",
        ),
        *(
            "host",
            "hostname",
            "HOST",
            "HOST_FROM",
            "SOURCEIP",
            "source_ip",
            "fromhost",
            "fromhost-ip",
            "source_host",
            "agent",
        ),
        *(
            "beat",
            "input",
            "log",
            "fileset",
            "service",
            "data_stream",
            "container",
            "kubernetes",
            "docker",
            "cloud",
            "stream",
        ),
        *("file", "path", "filename", "filepath", "offset", "tags", "tag", "fields", "labels", "metadata", "host_ip"),
        *(
            "source",
            "source_type",
            "sourcetype",
            "index",
            "port",
            "facility",
            "FACILITY",
            "severity",
            "SEVERITY",
            "PRIORITY",
        ),
        *(
            "priority",
            "pri",
            "level",
            "LEVEL",
            "syslogfacility",
            "syslogseverity",
            "syslogfacility-text",
            "syslogseverity-text",
        ),
        *(
            "procid",
            "msgid",
            "pid",
            "PID",
            "version",
            "syslog",
            "process",
            "iut",
            "inputname",
            "timegenerated",
            "DATE",
            "ISODATE",
        ),
        *_PROGRAMS,
        *_TEXTS,
    ]
)
"""Top-level names that shippers write beside the line."""


def read(event: dict[str, Any], flat: bool, fields: Fields, zone: ZoneInfo, day: int, inner: Parse) -> Reading | None:  # noqa: PLR0917 - what any reader is given, and the object
    """What is inside, with what the shipper says beneath it; None if the object carries no line, or one that nobody knows.

    Args:
        event: the decoded object.
        flat: whether every value of it is a scalar.
        fields: written to, if there is a reading.
        zone: for stamps without one.
        day: of receipt.
        inner: reads a line of any product.
    """
    line = _line(event)
    if line is None or not _METADATA.issuperset(event):
        return None
    inside: Fields = {}
    reading = _of_program(event, line, inside, zone, day)
    if reading is None:
        inside.clear()
        try:
            reading = inner(line, inside, zone, day)
        except RecordError:
            return None
    outer = generic_json.read(event, fields, zone, flat=flat)
    fields.update(inside)
    return reading[0], reading[1] or outer[1]


def _line(event: dict[str, Any]) -> str | None:
    for name in _TEXTS:
        value = event.get(name)
        if isinstance(value, str) and value:
            return value.strip()
    return None


def _of_program(event: dict[str, Any], message: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """The message of a program whose name the shipper took out of the header."""
    for name in _PROGRAMS:
        value = event.get(name)
        if not isinstance(value, str) or not value:
            continue
        program = value.rpartition("/")[2].partition("[")[0].rstrip(":").lower()
        body = BODIES.get(program)
        if body is not None and (sources := body(message, fields)) is not None:
            return sources, None
        line = LINES.get(program)
        if line is not None and (reading := line(message, fields, zone, day)) is not None:
            return reading
    return None

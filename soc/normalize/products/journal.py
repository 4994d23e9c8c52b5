r"""A systemd journal entry as JSON (``journalctl --output=json``, or the journal input) → what its program wrote, as from a syslog line.

The message goes to the reader of its program, so sshd's lines of the journal give the fields that sshd's syslog lines give. Every
field of the entry stays under its own name (systemd.journal-fields); a value that is no text is a list of bytes there, and is
written as text with ``\xNN`` for what is no UTF-8.
"""

from collections.abc import Mapping
from typing import Any, cast
from zoneinfo import ZoneInfo

from soc.clock import DAY
from soc.normalize.formats import json
from soc.normalize.formats.priority import PRIORITIES
from soc.normalize.products import linux
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import epoch, iso

_MARKS = ('"__REALTIME_TIMESTAMP"', '"_BOOT_ID"')
"""journald gives both to every entry; shippers that read the journal themselves (Fluent Bit) keep the second only."""

TEXT = {
    "_HOSTNAME": "host.name",
    "_MACHINE_ID": "host.id",
    "_BOOT_ID": "host.boot.id",
    "_EXE": "process.executable",
    "_CMDLINE": "process.command_line",
    "_UID": "process.user.id",
    "_GID": "process.group.id",
    "_SYSTEMD_UNIT": "service.name",
    "CODE_FILE": "log.origin.file.name",
    "CODE_FUNC": "log.origin.function",
}
"""Journal field → ECS, as text."""

NUMBERS = {"_PID": "process.pid", "CODE_LINE": "log.origin.file.line"}
"""Journal field → ECS, as an integer."""

FIELDS: Mapping[str, str] = {
    **TEXT,
    **NUMBERS,
    "MESSAGE": "message",
    "PRIORITY": "log.syslog.severity.code, log.level, event.severity",
    "SYSLOG_FACILITY": "log.syslog.facility.code",
    "SYSLOG_IDENTIFIER": "process.name, log.syslog.appname",
    "SYSLOG_PID": "log.syslog.procid",
    "_COMM": "process.name",
    "__REALTIME_TIMESTAMP": "@timestamp",
    "_SOURCE_REALTIME_TIMESTAMP": "@timestamp",
    **dict.fromkeys(
        (
            *(
                "MESSAGE_ID",
                "ERRNO",
                "INVOCATION_ID",
                "USER_INVOCATION_ID",
                "SYSLOG_TIMESTAMP",
                "SYSLOG_RAW",
                "DOCUMENTATION",
            ),
            *("TID", "UNIT", "USER_UNIT", "_CAP_EFFECTIVE", "_AUDIT_SESSION", "_AUDIT_LOGINUID", "_SYSTEMD_CGROUP"),
            *("_SYSTEMD_SLICE", "_SYSTEMD_USER_UNIT", "_SYSTEMD_USER_SLICE", "_SYSTEMD_SESSION", "_SYSTEMD_OWNER_UID"),
            *("_SYSTEMD_INVOCATION_ID", "_SELINUX_CONTEXT", "_TRANSPORT", "_STREAM_ID", "_LINE_BREAK", "_NAMESPACE"),
            *(
                "_RUNTIME_SCOPE",
                "_KERNEL_DEVICE",
                "_KERNEL_SUBSYSTEM",
                "_UDEV_SYSNAME",
                "_UDEV_DEVNODE",
                "_UDEV_DEVLINK",
            ),
            *(
                "COREDUMP_UNIT",
                "COREDUMP_USER_UNIT",
                "OBJECT_PID",
                "OBJECT_UID",
                "OBJECT_GID",
                "OBJECT_COMM",
                "OBJECT_EXE",
            ),
            *("OBJECT_CMDLINE", "OBJECT_AUDIT_SESSION", "OBJECT_AUDIT_LOGINUID", "OBJECT_SYSTEMD_CGROUP"),
            *("OBJECT_SYSTEMD_SESSION", "OBJECT_SYSTEMD_OWNER_UID", "OBJECT_SYSTEMD_UNIT", "OBJECT_SYSTEMD_USER_UNIT"),
            *("__CURSOR", "__MONOTONIC_TIMESTAMP", "__SEQNUM", "__SEQNUM_ID"),
        ),
        "",
    ),
}
"""The fields of systemd.journal-fields; programs may add their own, which are kept as they are."""

_LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")


def _text(value: Any) -> Any:
    """A value as journalctl writes it → text, or a list of texts where the field came several times."""
    if not isinstance(value, list):
        return value if isinstance(value, str) or value is None else str(value)
    items = cast("list[Any]", value)
    if items and all(isinstance(item, int) and 0 <= item < 256 for item in items):
        return bytes(items).decode("utf-8", "backslashreplace")
    return [_text(item) for item in items]


def _first(fields: Fields, *names: str) -> str:
    """The value of the first of these journal fields that is there; of one that came several times the first value."""
    for name in names:
        value = fields.get(name)
        if value.__class__ is list and value:
            value = value[0]
        if value and value.__class__ is str:
            return value
    return ""


def bears_mark(text: str) -> bool:
    """Whether a line may be an entry: enough to look at it."""
    return _MARKS[0] in text or _MARKS[1] in text


def line(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """One entry; None if it is none."""
    decoded = json.decode_object(text)
    if decoded is None:
        return None
    event = decoded[0]
    if "__REALTIME_TIMESTAMP" not in event and not ("_BOOT_ID" in event and ("MESSAGE" in event or "message" in event)):
        return None
    if "EventID" in event:  # Windows, whatever else it holds
        return None
    for name, value in event.items():
        if value.__class__ is str:
            fields[name] = value
        elif value.__class__ is dict:  # what a shipper added
            fields.update(json.flatten({name: value}))
        elif value is not None:
            fields[name] = _text(value)
    for name, ecs in TEXT.items():
        if name in event and (value := _first(fields, name)):
            fields[ecs] = value
    for name, ecs in NUMBERS.items():
        value = _first(fields, name)
        if value.isascii() and value.isdecimal() and len(value) <= 10:
            fields[ecs] = int(value)
    program = _first(fields, "SYSLOG_IDENTIFIER", "_COMM")
    if program:
        fields["process.name"] = fields["log.syslog.appname"] = program
    if procid := _first(fields, "SYSLOG_PID"):
        fields["log.syslog.procid"] = procid
    _priority(fields)
    # when the program wrote it, as it or journald says: microseconds since 1970
    stamp = epoch(_first(fields, "_SOURCE_REALTIME_TIMESTAMP")) or epoch(_first(fields, "__REALTIME_TIMESTAMP"))
    stamp = stamp or iso(_first(fields, "@timestamp", "timestamp"), zone)
    message = _first(fields, "MESSAGE", "message").strip(" \t\r\n\0")
    found = (message, program, stamp)
    return linux.said(found, fields, zone, day if stamp is None else stamp[0] // DAY)


def _priority(fields: Fields) -> None:
    severity, facility = _first(fields, "PRIORITY"), _first(fields, "SYSLOG_FACILITY")
    if len(severity) != 1 or severity not in "01234567":
        return
    code = int(severity)
    fields["log.level"] = _LEVELS[code]
    fields["event.severity"] = code
    if facility.isascii() and facility.isdecimal() and len(facility) <= 2:
        fields.update(PRIORITIES.get(str(int(facility) * 8 + code), {}))


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One entry."""
    reading = line(text, fields, zone, day)
    if reading is None:
        raise refuse("journal: no journal entry as JSON")
    return reading


PRODUCT = Product(
    "journal", "systemd journal entries as JSON; their messages as those of the program", parse, fields=FIELDS
)

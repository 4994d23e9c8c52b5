"""A raw record → the event that it is a part of, if its source writes one event in several lines: pure, and keeps nothing.

Two kinds are known: the records of one auditd event, which bear the same stamp and serial number, and the lines of a
profile with ``multiline`` (a stack trace), which follow one another.
"""

import re
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from soc.clock import Micros
from soc.model.record import RawRecord
from soc.normalize.formats import syslog

AUDIT_RECORD = re.compile(
    r"(?:node=(?P<node>\S{1,255}) )?type=(?P<type>[A-Za-z0-9_]{1,64}|UNKNOWN\[\d{1,9}\]) "
    r"(?:msg=)?audit\((?P<second>\d{1,11})[.,](?P<fraction>\d{1,9}):(?P<serial>\d{1,20})\) ?: ?",
    re.ASCII,
)
"""The head of an auditd record, at the start of the message: what stands further in is text that somebody else chose."""

# audit-userspace, lib/audit-records.h: 1100-1299 and 2100-2999 come from programs, one record an event. What the kernel writes
# (1300-1999) may have companions.
_KERNEL_WRITES = frozenset(
    [
        "SYSCALL",
        "PATH",
        "IPC",
        "SOCKETCALL",
        "CONFIG_CHANGE",
        "SOCKADDR",
        "CWD",
        "EXECVE",
        "IPC_SET_PERM",
        "MQ_OPEN",
        "MQ_SENDRECV",
        "MQ_NOTIFY",
        "MQ_GETSETATTR",
        "FD_PAIR",
        "OBJ_PID",
        "TTY",
        "BPRM_FCAPS",
        "CAPSET",
        "MMAP",
        "NETFILTER_PKT",
        "NETFILTER_CFG",
        "SECCOMP",
        "PROCTITLE",
        "FEATURE_CHANGE",
        "KERN_MODULE",
        "FANOTIFY",
        "TIME_INJOFFSET",
        "TIME_ADJNTPVAL",
        "BPF",
        "EVENT_LISTENER",
        "URINGOP",
        "OPENAT2",
        "DM_CTRL",
        "DM_EVENT",
        "EOE",
        "AVC",
        "SELINUX_ERR",
        "AVC_PATH",
        "MAC_POLICY_LOAD",
        "MAC_STATUS",
        "MAC_CONFIG_CHANGE",
        "MAC_UNLBL_ALLOW",
        "MAC_CIPSOV4_ADD",
        "MAC_CIPSOV4_DEL",
        "MAC_MAP_ADD",
        "MAC_MAP_DEL",
        "MAC_IPSEC_EVENT",
        "MAC_UNLBL_STCADD",
        "MAC_UNLBL_STCDEL",
        "MAC_CALIPSO_ADD",
        "MAC_CALIPSO_DEL",
        "MAC_TASK_CONTEXTS",
        "MAC_OBJ_CONTEXTS",
        "IPE_ACCESS",
        "IPE_CONFIG_CHANGE",
        "IPE_POLICY_LOAD",
        "LANDLOCK_ACCESS",
        "LANDLOCK_DOMAIN",
        "APPARMOR",
        "APPARMOR_AUDIT",
        "APPARMOR_ALLOWED",
        "APPARMOR_DENIED",
        "APPARMOR_HINT",
        "APPARMOR_STATUS",
        "APPARMOR_ERROR",
        "APPARMOR_KILL",
        "ANOM_PROMISCUOUS",
        "ANOM_ABEND",
        "ANOM_LINK",
        "ANOM_CREAT",
        "INTEGRITY_DATA",
        "INTEGRITY_METADATA",
        "INTEGRITY_STATUS",
        "INTEGRITY_HASH",
        "INTEGRITY_PCR",
        "INTEGRITY_RULE",
        "INTEGRITY_EVM_XATTR",
        "INTEGRITY_POLICY_RULE",
        "LOGIN",
    ]
)
AUDIT_MARK = b"msg=audit("
_GOES_ON = re.compile(r"[ \t]|Caused by: |Suppressed: |\.\.\. \d|$")
"""What goes on from the line before where a profile says ``indented``: also the lines of a Java trace that are not indented."""

_SYSLOG = re.compile(
    r"<\d{1,3}>|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d |\d{4}-\d\d-\d\dT[\d:.,]{8,20}(?:Z|[+-]\d\d:\d\d) \S{1,255} [\w./-]{1,64}(?:\[\d{1,10}\])?: ",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record belongs.

    Attributes:
        stream: records of one stream may be parts of one event.
        event: within the stream; ``""`` for lines that follow one another.
        stamp: the event's own time, 0 where the line bears none that is known here.
        begins: it cannot be the second part of anything.
        ends: no part comes after it.
        ripens: only an end mark comes after it, and not every sender writes one.
        alone: it is an event of its own unless parts of the same event wait.
        headless: a line without a syslog header: it may go on from one with a header that came on the same connection.
    """

    stream: str
    event: str
    stamp: Micros = 0
    begins: bool = False
    ends: bool = False
    ripens: bool = False
    alone: bool = False
    headless: bool = False


@dataclass(frozen=True, slots=True)
class Joining:
    """How the records of a source belong together.

    Attributes:
        zone: of the profile, to read syslog headers with; nothing of the time is used.
        multiline: lines follow one another; else they are auditd's.
        start: what a first line holds; None: a line that is not indented is one.
    """

    zone: ZoneInfo
    multiline: bool = False
    start: re.Pattern[str] | None = None

    def place(self, record: RawRecord) -> Place | None:
        """The place of a record, None if it stands alone."""
        return line_place(record, self.start, self.zone) if self.multiline else audit_place(record, self.zone)


def audit_place(record: RawRecord, zone: ZoneInfo) -> Place | None:
    """The place of an auditd record, in a file or behind a syslog header; None if the record is none."""
    data = record.data
    if AUDIT_MARK not in data or b"\n" in data:
        return None
    text = data.decode("utf-8", "replace").lstrip(" \t\ufeff")
    found, host = AUDIT_RECORD.match(text), ""
    if found is None:
        header: dict[str, Any] = {}
        read = syslog.read(text, header, zone, 0)
        if read is None:
            return None
        found = AUDIT_RECORD.match(read[0].lstrip())
        if found is None:
            return None
        host = header.get("host.name", "")
    kind = found["type"]
    second, fraction = found["second"], found["fraction"]
    return Place(
        f"audit\0{record.source}\0{found['node'] or host}",
        f"{second}.{fraction}:{found['serial']}",
        int(second) * 1_000_000 + int(fraction[:6].ljust(6, "0")),
        ends=kind == "EOE",
        ripens=kind == "PROCTITLE",
        alone=kind not in _KERNEL_WRITES,
    )


def line_place(record: RawRecord, start: re.Pattern[str] | None, zone: ZoneInfo) -> Place:
    """The place of a line of a profile with ``multiline``: each process of a syslog sender is a stream of its own.

    Args:
        record: the line.
        start: see ``Joining``; sought with and without the syslog header.
        zone: see ``Joining``.
    """
    text = record.data.decode("utf-8", "replace")
    header: dict[str, Any] = {}
    message = bare(text, zone, header)
    who = f"{header.get('host.name', '')}\0{header.get('process.name', '')}\0{header.get('process.pid', '')}"
    stream = f"lines\0{record.source}\0{record.peer if message is None else who}"
    if start is None:
        begins = _GOES_ON.match(text if message is None else message) is None
    else:
        begins = bool(start.search(text) or (message is not None and start.search(message)))
    return Place(stream, "", begins=begins, headless=message is None)


def bare(text: str, zone: ZoneInfo, header: dict[str, Any]) -> str | None:
    """A line without its syslog header, which is written to ``header``; None if it bears none that cannot be a program's own.

    Programs write stamps like ``2026-11-22 08:00:00,123 ERROR`` themselves, so only what syslog alone writes counts.
    """
    if _SYSLOG.match(text) is None:
        return None
    found = syslog.read(text, header, zone, 0)
    return None if found is None else found[0]


def unwrapped(text: str, zone: ZoneInfo) -> str:
    """Several lines, each with a syslog header of its own → the first as it is, the others without theirs."""
    first, *rest = text.split("\n")
    lines = [first]
    for line in rest:
        message = bare(line, zone, {})
        lines.append(line if message is None else message)
    return "\n".join(lines)

"""A syslog header as it is found in the wild (RFC 3164 and what devices make of it) → fields, program, stamp, message.

Found and read: no PRI, nothing but a PRI, no host, no tag, a year before or after the time, fractions, zones, ISO stamps,
Cisco's sequence numbers and ``*``/``.`` marks, unpadded days, ``host:`` before a Cisco mnemonic, tags without a colon.
"""

import re
from typing import Any
from zoneinfo import ZoneInfo

from soc.clock import DAY
from soc.normalize.addresses import is_ip
from soc.normalize.formats.priority import PRIORITIES
from soc.normalize.time import Stamp, bsd, iso

UNSET_DAYS = 2
"""Cisco IOS marks the stamp of a clock that nobody set with ``*`` ("service timestamps", Cisco IOS command reference); it counts from
1 March, so it says how long the device is up and not when. One that was set by hand has the mark too, and is near receipt."""

_BSD = (
    r"(?:[A-Z][a-z]{2} )?[A-Z][a-z]{2} {1,2}\d{1,2} (?:\d{4} )?\d{1,2}:\d{2}:\d{2}(?:[.,]\d{1,9})?"
    r"(?: \d{4}(?= |: |:$))?(?: (?:[A-Z]{3,5}(?=:)|UTC|GMT|[+-]\d{2}:?\d{2})(?=[ :]|$))?"
)
_ISO = r"\d{4}[-/]\d{2}[-/]\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d{1,9})?(?:Z| ?[+-]\d{2}:?\d{2})?"
_COMMON = re.compile(
    r"(?:<(\d{1,3})>)?([A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2}) ([A-Za-z0-9_.-]{1,255}) "
    r"([A-Za-z0-9_./()-]{1,64})(?:\[(\d{1,10})\])?: ?",
    re.ASCII,
)
_PRI = re.compile(r"<(\d{1,3})>", re.ASCII)
_LEAD = re.compile(
    r" ?(?:\d{1,10}: {1,2})?(?:(?P<host>[^\s:%]{1,255}): (?:\d{1,10}: )?)??(?P<mark>[*.:])?"
    rf"(?P<stamp>{_BSD}|{_ISO})(?:: ?| {{1,2}}|$)",
    re.ASCII,
)
_WORD = re.compile(r"([^\s]{1,255})(?: |$)")
_TAG = re.compile(
    r"([^\s:\[\]<>\"'={},]{1,64}(?:\(authority=\w{1,32}\))?)(?:\[([^\]\s]{0,64})\])?:(?: |$)|([\w./-]{1,64})\[(\d{1,10})\] "
)


# RFC 5424 without its PRI and version, as rsyslog writes it to a file: program, pid, no message id, no structured data
_NILS = re.compile(r"([A-Za-z][\w./-]{0,47}) (\d{1,10}|-) - - {1,2}", re.ASCII)
# F5 BIG-IP writes the level between host and program ("notice tmm[19885]: ")
_LEVEL = re.compile(
    r"(emerg|alert|crit|err|error|warning|warn|notice|info|debug) (?=[\w./()-]{1,64}(?:\[\d{1,10}\]: |: 0[0-9a-f]{7}:[0-7]: )|logger: \[)",
    re.ASCII,
)
_FAIL2BAN = re.compile(r"(fail2ban\.\w{1,32}) {1,32}\[(\d{1,10})\]: ", re.ASCII)  # of its own file
_LEVELS = frozenset(("TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "WARNING", "ERROR", "SEVERE", "CRITICAL", "FATAL"))


def read(text: str, fields: dict[str, Any], zone: ZoneInfo, day: int) -> tuple[str, str, Stamp | None] | None:
    """Read a header.

    Args:
        text: the line.
        fields: written to.
        zone: of stamps without one.
        day: of receipt, for stamps without a year.

    Returns:
        (message, program or "", stamp), or None: neither PRI nor stamp, so no syslog line.
    """
    match = _COMMON.match(text)
    if match is None:
        return _found(text, fields, zone, day)
    pri, when, host, program, pid = match.groups()
    stamp = bsd(when, zone, day)
    if stamp is None:
        return _found(text, fields, zone, day)
    if pri is not None:
        priority = PRIORITIES.get(pri)
        if priority is None:
            return None
        fields.update(priority)
    fields["host.name"] = host
    fields["process.name"] = program
    if pid is not None:
        fields["process.pid"] = int(pid)
    return text[match.end() :], program, stamp


def lead(text: str, fields: dict[str, Any], zone: ZoneInfo, day: int) -> tuple[int, Stamp | None, bool]:
    """PRI, marks and stamp only: (where the rest starts, stamp, whether there was a PRI). Writes PRI and a ``host:``.

    A stamp of a clock that was never set is passed over, and is no stamp.
    """
    at = 0
    match = _PRI.match(text)
    if match is not None:
        priority = PRIORITIES.get(match[1])
        if priority is None:
            return 0, None, False
        fields.update(priority)
        at = match.end()
    after = _LEAD.match(text, at)
    if after is None:
        return at, None, match is not None
    when = after["stamp"]
    stamp = iso(when, zone) if when[0].isdigit() else bsd(when, zone, day)
    if stamp is None:
        return at, None, match is not None
    if after["host"]:
        fields["host.name"] = after["host"]
    if after["mark"] == "*" and abs(stamp[0] // DAY - day) > UNSET_DAYS:
        return after.end(), None, match is not None
    return after.end(), stamp, match is not None


def _found(text: str, fields: dict[str, Any], zone: ZoneInfo, day: int) -> tuple[str, str, Stamp | None] | None:
    at, stamp, _ = lead(text, fields, zone, day)
    if stamp is None:
        if not at:
            return None
        at, program = _tag(text, at, fields)
        return text[at:].lstrip(" "), program, None
    while text.startswith(" ", at):
        at += 1
    if "host.name" not in fields and not text.startswith("fail2ban.", at):
        at = _host(text, at, fields)
    banned = _FAIL2BAN.match(text, at)
    if banned is not None:
        fields["process.name"], fields["process.pid"] = banned[1], int(banned[2])
        return text[banned.end() :], banned[1], stamp
    level = _LEVEL.match(text, at)
    if level is not None:
        fields["log.level"] = level[1]
        at = level.end()
    at, program = _tag(text, at, fields)
    return text[at:], program, stamp


def _host(text: str, at: int, fields: dict[str, Any]) -> int:
    """The word after the stamp is the host, unless it is the tag, the message's mnemonic or the start of key=value."""
    word = _WORD.match(text, at)
    if word is None:
        return at
    host = word[1]
    if host.endswith(":"):
        bare = host[:-1]
        if not (is_ip(bare) or text.startswith("%", word.end())):
            return at
        host = bare
    if not host or host[0] in "%<{[\"'(" or "=" in host or (host[-1] == "]" and "[" in host):
        return at
    if host in _LEVELS:  # of a program's own file: stamp, level, message
        fields["log.level"] = host.lower()
        return word.end()
    fields["host.name"] = host
    return word.end()


def _tag(text: str, at: int, fields: dict[str, Any]) -> tuple[int, str]:
    match = _TAG.match(text, at)
    if match is None:
        match = _NILS.match(text, at)
        if match is None:
            return at, ""
        fields["process.name"] = match[1]
        if match[2] != "-":
            fields["process.pid"] = int(match[2])
        return match.end(), match[1]
    program = match[1] or match[3]
    if program[0] == "%":
        return at, ""
    pid = match[2] or match[4]
    fields["process.name"] = program
    if pid and pid.isascii() and pid.isdecimal() and len(pid) <= 10:
        fields["process.pid"] = int(pid)
    return match.end(), program

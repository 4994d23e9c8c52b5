"""A syslog line → the parser of the program that wrote it (sshd, sudo, su, the kernel, a web server), else a plain event."""

import re
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.formats import syslog
from soc.normalize.products import auditd, f5_system, linux_programs, netfilter, objects, pam
from soc.normalize.products.marks import BODIES, LINES
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import Stamp

_AUTH = frozenset(
    [
        "login",
        "gdm-password",
        "systemd-logind",
        "polkitd",
        "useradd",
        "userdel",
        "usermod",
        "groupadd",
        "passwd",
        "chpasswd",
        "chage",
        "groupdel",
        "gpasswd",
        "chsh",
        "chfn",
    ]
)
_SERVICES = {
    "cron": "cron",
    "crontab": "cron",
    "crond": "cron",
    "anacron": "cron",
    "vsftpd": "vsftpd",
    "clamd": "clamav",
    "freshclam": "clamav",
}
_ACCOUNTS: dict[str, dict[str, Any]] = {
    "useradd": {"event.category": ["iam"], "event.type": ["user", "creation"]},
    "userdel": {"event.category": ["iam"], "event.type": ["user", "deletion"]},
    "usermod": {"event.category": ["iam"], "event.type": ["user", "change"]},
    "groupadd": {"event.category": ["iam"], "event.type": ["group", "creation"]},
    "passwd": {"event.category": ["iam"], "event.type": ["user", "change"]},
    "chpasswd": {"event.category": ["iam"], "event.type": ["user", "change"]},
}
_INFO: dict[str, Any] = {"event.category": ["process"], "event.type": ["info"]}
_SYSLOG = (LogSource("linux", "", "syslog"),)
_SOLARIS = re.compile(r"\[ID \d{1,9} \w{1,16}\.\w{1,16}\] ", re.ASCII)
_IN_PARENTHESES = re.compile(r"([\w.-]{1,64})\(((?:pam_|authority=)\w{1,32})\)$", re.ASCII)
_NONE: tuple[LogSource, ...] = ()


def _program(message: str, program: str, fields: Fields) -> tuple[LogSource, ...]:
    """A line of a program that has no parser of its own."""
    fields["event.kind"] = "event"
    fields["message"] = message
    if not program:
        fields["event.module"], fields["event.dataset"] = "syslog", "syslog.line"
        return _NONE
    fields["event.module"], fields["event.dataset"] = "linux", "linux.syslog"
    name = program.rpartition("/")[2].lower()
    if not pam.read(message, fields) and not linux_programs.read(name, message, fields):
        fields.update(_ACCOUNTS.get(name, _INFO))
    service = _SERVICES.get(name)
    if service is not None:
        return LogSource("linux", "", service), LogSource("linux", "", "syslog")
    if name in _AUTH or "pam.module" in fields:
        return LogSource("linux", "", "auth"), LogSource("linux", "", "syslog")
    return _SYSLOG


def line(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A syslog line of any program; None if it has no syslog header."""
    if "msg=audit(" in text:
        reading = auditd.lines(text, fields, zone, day)
        if reading is not None:
            return reading
        fields.clear()
    found = syslog.read(text, fields, zone, day)
    if found is None:
        return None
    return said(found, fields, zone, day)


def said(found: tuple[str, str, Stamp | None], fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """(message, program, stamp) of a syslog header or of the journal, read as what the program writes."""
    message, program, stamp = found
    if message.startswith("[ID ") and (solaris := _SOLARIS.match(message)) is not None:
        message = message[solaris.end() :]
    if message[8:9] == ":" or message.startswith("[ssl_acc] "):
        sources = f5_system.read(message, fields)
        if sources is not None:
            return sources, stamp
    if program.endswith(")"):
        module = _IN_PARENTHESES.match(program)
        if module is not None:
            return _with_module(module, (message, stamp), fields, zone, day)
    name = program.rpartition("/")[2].lower()
    body = BODIES.get(name)
    if body is not None:
        sources = body(message, fields)
        if sources is not None:
            return sources, stamp
    elif name in LINES:
        reading = LINES[name](message, fields, zone, day)
        if reading is not None:
            return reading[0], reading[1] or stamp
    if message.startswith(("{", "@cee:")):
        wrapped = objects.any_object(message.removeprefix("@cee:").lstrip(), fields, zone, day)
        if wrapped is not None:
            return wrapped[0], wrapped[1] or stamp
    if netfilter.recognizes(message):
        sources = netfilter.read(message, fields)
        if sources is not None:
            return sources, stamp
    return _program(message, program, fields), stamp


def _with_module(
    module: re.Match[str], rest: tuple[str, Stamp | None], fields: Fields, zone: ZoneInfo, day: int
) -> Reading:
    """A program that names a part of itself: ``polkitd(authority=local)``, ``su(pam_unix)`` (Linux-PAM before 0.99)."""
    program, part = module.groups()
    message, stamp = rest
    fields["process.name"] = program
    if not part.startswith("pam_"):
        return said((message, program, stamp), fields, zone, day)
    kind = "session" if message.startswith("session ") else "auth"
    reading = said((f"{part}({program}:{kind}): {message}", program, stamp), fields, zone, day)
    fields["message"] = message
    return reading


def _parser(name: str) -> Callable[[str, Fields, ZoneInfo, int], Reading]:
    def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
        reading = line(text, fields, zone, day)
        if reading is None:
            raise refuse(f"{name}: no syslog header")
        return reading

    return parse


def _netfilter(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """A netfilter line may come without any syslog header (dmesg, a file of ulogd)."""
    reading = line(text, fields, zone, day)
    if reading is not None:
        return reading
    sources = netfilter.read(text, fields)
    if sources is None:
        raise refuse("netfilter: neither a syslog header nor SRC= and DST=")
    return sources, None


PRODUCTS = (
    Product(
        "linux",
        "a Linux host's syslog: sshd, sudo, su, netfilter, web servers, PAM and any other program",
        _parser("linux"),
    ),
    Product("sshd", "OpenSSH log-ons (a syslog line of another program is read as linux)", _parser("sshd")),
    Product("sudo", "sudo (a syslog line of another program is read as linux)", _parser("sudo")),
    Product("su", "su (a syslog line of another program is read as linux)", _parser("su")),
    Product("netfilter", "Linux netfilter LOG lines: iptables, nftables, ufw", _netfilter),
    Product("syslog", "any syslog line (RFC 5424, RFC 3164 as found): header and message", _parser("syslog")),
)

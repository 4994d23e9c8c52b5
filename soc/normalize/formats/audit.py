"""The text of auditd records → their types, stamps and decoded name=value pairs, as the kernel and programs write them.

Source of the rules: audit-userspace, "Audit Event Fields" and auparse: untrusted text is in double quotes, or, if it holds a
quote, a blank or a control character, bare and in hexadecimal; programs put their pairs into ``msg='...'``; an enriched log
has the interpreted values in capital letters behind a group separator (0x1D).
"""

import re
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from soc.clock import Micros
from soc.normalize.joining import AUDIT_RECORD

Pairs = list[tuple[str, str]]

_PAIR = re.compile(
    r"(?:^|[\s,(])([A-Za-z_][\w-]{0,31}(?:\[\d{1,5}\])?)=(\"[^\"]*\"|'[^']*'|\{[^}]{0,512}\}|[^\s]*)", re.ASCII
)
_OPERATION = re.compile(r"(?:^|[\s'])op=([^=\"']{1,128}?)(?= [A-Za-z_][\w-]{0,31}=|$)", re.ASCII)
_INNER = re.compile(r"msg='(.*)'?", re.ASCII | re.DOTALL)
_HEX = re.compile(r"(?:[0-9A-F]{2})+$", re.ASCII)
_DENIAL = re.compile(r"avc: {1,4}(denied|granted) {1,4}\{ ([^}]{0,256}) \}", re.ASCII)
_SEPARATOR = "\x1d"
_UNSEPARATED = re.compile(
    r"(?:'|\bres=(?:success|failed|\d)|\bkey=(?:\(null\)|\"[^\"]{0,256}\"|[0-9A-F]{2,512})|\bsaddr=[0-9A-F]{4,512}?|"
    r"\bcap_frootid=\d|\bnametype=[A-Z]{4,12}?) ?(?=(?:(?:[AOEFS]|OLD-A)?UID|ARCH|SADDR|ID)=)",
    re.ASCII,
)
"""What an enriched record's last plain pair may be: collectors drop the separator, or write a blank for it."""
_QUOTES, _BRACKETS, _ENDS = frozenset("\"'"), frozenset("{("), frozenset("),")

_NAMES = """acct acomm cgroup cmd code comm cwd data device dir exe file key name new-disk new-fs new-rng new_group new-chardev
    new-net ocomm old-disk old-fs old-chardev old-net old-rng path proctitle root_dir vm watch"""
_ENCODED = frozenset(_NAMES.split())
"""Untrusted text; so are the arguments of EXECVE."""
_ARGUMENT = re.compile(r"a\d{1,5}(?:\[\d{1,5}\])?$", re.ASCII)


class AuditRecord(NamedTuple):
    """One record.

    Attributes:
        kind: its type, e.g. ``SYSCALL``.
        node: the host it names, or "".
        stamp: when, in microseconds.
        serial: the event's number.
        pairs: names and values in their order, decoded.
        body: the text behind the head.
    """

    kind: str
    node: str
    stamp: Micros
    serial: str
    pairs: Pairs
    body: str


def read(text: str) -> AuditRecord | None:
    """A record that begins the text, None if there is none."""
    head = AUDIT_RECORD.match(text)
    if head is None:
        return None
    kind = KINDS.get(head["type"], head["type"])
    stamp = int(head["second"]) * 1_000_000 + int(head["fraction"][:6].ljust(6, "0"))
    body = text[head.end() :]
    plain, separator, enriched = body.partition(_SEPARATOR)
    if not separator and (joined := _UNSEPARATED.search(body)) is not None:
        plain, separator, enriched = body[: joined.end()], _SEPARATOR, body[joined.end() :]
    pairs = _pairs(plain, kind)
    if separator:
        pairs += _pairs(enriched, "")
    return AuditRecord(kind, head["node"] or "", stamp, head["serial"], pairs, body)


def _pairs(text: str, kind: str) -> Pairs:
    found: Pairs = []
    inner = _INNER.search(text) if "msg='" in text else None
    if inner is not None:
        found = _pairs(text[: inner.start()], kind)
        text = inner[1].rstrip("' ")
    denial = _DENIAL.search(text) if "avc:" in text else None
    if denial is not None:
        found += [("seresult", denial[1]), ("seperms", denial[2])]
    operation = _OPERATION.search(text) if "op=" in text else None
    if operation is not None:
        found.append(("op", operation[1].strip()))
    said = operation is not None
    executed = kind == "EXECVE"
    for name, value in _PAIR.findall(text):
        if value[:1] in _QUOTES and len(value) > 1:
            found.append((name, value[1:-1]))
        elif said and name == "op":
            continue
        elif name in _ENCODED or executed or value[-1:] in _ENDS:
            found.append((name, _value(name, value, executed=executed)))
        else:
            found.append((name, value))
    return found


def _value(name: str, value: str, *, executed: bool) -> str:
    """A bare value: without the bracket or comma that programs put behind it, and decoded where it is untrusted text."""
    if value[:1] not in _BRACKETS:
        value = value.rstrip("),")
    if (name in _ENCODED or (executed and _ARGUMENT.match(name))) and _HEX.match(value):
        return unhex(value)
    return value


def unhex(value: str) -> str:
    """The text of hexadecimal digits; NUL between arguments becomes a blank, bytes that are no UTF-8 stay visible."""
    return bytes.fromhex(value).decode("utf-8", "backslashreplace").rstrip("\0").replace("\0", " ")


def arguments(pairs: Pairs) -> list[str]:
    """The command line of an EXECVE record: ``a0`` … ``aN``, long ones in pieces ``a1[0]`` …; without an argument, []."""
    found: dict[int, list[str]] = {}
    for name, value in pairs:
        if name[0] == "a" and _ARGUMENT.match(name):
            found.setdefault(int(name[1:].partition("[")[0]), []).append(value)
    return ["".join(found[number]) for number in sorted(found)]


class SocketAddress(NamedTuple):
    """A decoded ``saddr``: family (``inet``, ``inet6``, ``unix`` or its number), address or path, port or 0."""

    family: str
    address: str
    port: int


def socket_address(value: str) -> SocketAddress | None:
    """``saddr`` in hexadecimal, as the kernel has it in memory (struct sockaddr, little-endian family); None if it is cut."""
    if not _HEX.match(value) or len(value) < 4:
        return None
    data = bytes.fromhex(value)
    family = int.from_bytes(data[:2], "little")
    if family == 2 and len(data) >= 8:
        return SocketAddress("inet", str(IPv4Address(data[4:8])), int.from_bytes(data[2:4], "big"))
    if family == 10 and len(data) >= 24:
        return SocketAddress("inet6", str(IPv6Address(data[8:24])), int.from_bytes(data[2:4], "big"))
    if family == 1:
        path = data[2:].lstrip(b"\0").partition(b"\0")[0]
        return SocketAddress("unix", path.decode("utf-8", "backslashreplace"), 0)
    return SocketAddress(str(family), "", 0)


KINDS = {
    "1006": "LOGIN",
    "1100": "USER_AUTH",
    "1101": "USER_ACCT",
    "1103": "CRED_ACQ",
    "1104": "CRED_DISP",
    "1105": "USER_START",
    "1106": "USER_END",
    "1107": "USER_AVC",
    "1110": "CRED_REFR",
    "1112": "USER_LOGIN",
    "1123": "USER_CMD",
    "1130": "SERVICE_START",
    "1131": "SERVICE_STOP",
    "1300": "SYSCALL",
    "1302": "PATH",
    "1305": "CONFIG_CHANGE",
    "1306": "SOCKADDR",
    "1307": "CWD",
    "1309": "EXECVE",
    "1320": "EOE",
    "1325": "NETFILTER_CFG",
    "1326": "SECCOMP",
    "1327": "PROCTITLE",
    "1334": "BPF",
    "1400": "AVC",
    "1403": "MAC_POLICY_LOAD",
    "1404": "MAC_STATUS",
    "1700": "ANOM_PROMISCUOUS",
    "1701": "ANOM_ABEND",
    "2000": "KERNEL",
}
"""Types as numbers, as the kernel writes them to its own log where no auditd runs (linux/audit.h)."""

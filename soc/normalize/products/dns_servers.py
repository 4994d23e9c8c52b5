"""DNS servers and resolvers (BIND, unbound, dnsmasq, Windows DNS) → who asked for which name, and what was answered or refused."""

import re
from typing import Any
from zoneinfo import ZoneInfo

from soc.clock import DAY
from soc.model.event import LogSource
from soc.normalize.addresses import is_ip, port, put
from soc.normalize.formats import syslog
from soc.normalize.formats.wire_name import plain_name
from soc.normalize.products import bind_messages
from soc.normalize.products.product import Fields, Line, Parse, Product, Reading, refuse
from soc.normalize.time import MONTHS, Stamp, epoch, iso

_SOURCES = {
    name: (LogSource(product, "dns", service),)
    for name, product, service in (
        ("bind", "bind", "named"),
        ("unbound", "unbound", "unbound"),
        ("dnsmasq", "dnsmasq", "dnsmasq"),
        ("windows-dns", "windows", "dns-server"),
    )
}
_OTHER = {name: (LogSource(row[0].product, "", row[0].service),) for name, row in _SOURCES.items()}

# BIND 9 Administrator Reference Manual, "logging": categories queries, query-errors, security, rpz, xfer-out, update
_BIND_HEAD = re.compile(
    r"(\d{2}-[A-Z][a-z]{2}-\d{4} \d{2}:\d{2}:\d{2}(?:\.\d{1,6})?|\d{4}-\d{2}-\d{2}T[\d:.]{8,16}Z?) (?=[a-z]|client)",
    re.ASCII,
)
_BIND_WHERE = re.compile(r"([a-z][a-z-]{2,32}): ([a-z]{4,8}(?: \d)?): ", re.ASCII)
_BIND_CLIENT = re.compile(
    r"client (?:@0x[\da-f]{1,16} )?([\da-fA-F.:%\w]{2,64})#(\d{1,5})(?:/key [^\s:(]{1,255})?(?: \(([^)]{0,1024})\))?: (?:view ([^\s:]{1,255}): )?",
    re.ASCII,
)
_BIND_QUERY = re.compile(r"query: (\S{1,1024}) (\S{1,16}) (\S{1,16}) ([+-]\S{0,16})(?: \(([^)]{1,64})\))?", re.ASCII)
_BIND_RPZ = re.compile(
    r"(?:disabled )?rpz (\S{1,16}) (\S{1,32}) rewrite (\S{1,1024}?)(?:/(\w{1,16})/(\w{1,8}))? via (\S{1,1024})",
    re.ASCII,
)
_BIND_DENIED = re.compile(
    r"(query|query \(cache\)|zone transfer|update|notify|recursion)(?: forwarding)? '([^']{1,1024})' denied", re.ASCII
)
_BIND_FAILED = re.compile(r"query failed \((\w{1,32})\) for (\S{1,1024}?)/(\w{1,8})/(\w{1,16})", re.ASCII)
_BIND_TRANSFER = re.compile(
    r"transfer of '([^'/]{1,1024})/(\w{1,8})': (AXFR|IXFR)(?:-style IXFR)? (started|ended)", re.ASCII
)

_UNBOUND_HEAD = re.compile(r"\[(\d{9,11})\] unbound\[\d{1,10}:\w{1,8}\] (\w{1,10}): ", re.ASCII)
_UNBOUND_INNER = re.compile(
    r"(?:\[\d{1,10}:\w{1,8}\] )?(?:(info|debug|notice|warning|error): )?(?:query: |reply: )?", re.ASCII
)
_UNBOUND_QUERY = re.compile(
    r"([\da-fA-F.:]{2,45}) (\S{1,1024}) (\w{1,16}) (IN|CH|HS|ANY)(?: (\w{1,16}) (\d{1,6}\.\d{1,9}) ([01]) (\d{1,9}))?\s*$",
    re.ASCII,
)
_UNBOUND_ZONE = re.compile(
    r"(?:[\w.-]{1,255}: )?(?:(\S{1,1024}) )?([a-z][a-z_]{1,31}) ([\da-fA-F.:]{2,45})@(\d{1,5}) (\S{1,1024}) (\w{1,16}) (IN|CH|HS|ANY)\s*$",
    re.ASCII,
)

_LET_THROUGH = frozenset(
    ("transparent", "typetransparent", "always_transparent", "inform", "nodefault", "redirect", "inform_redirect")
)
"""unbound.conf, ``local-zone``: the types whose queries are answered."""
_DNSMASQ = re.compile(
    r"(?:(\d{1,12}) ([\da-fA-F.:]{2,45})/(\d{1,5}) )?(?:(query)\[([\w=]{1,16})\] (\S{1,1024}) from (\S{2,45})|(forwarded) (\S{1,1024}) to (\S{2,64})|"
    r"(reply|cached|cached-stale|config|regex blacklisted|gravity blocked|exactly blacklisted|special domain|/\S{1,255}|DHCP) (\S{1,1024}) is (\S.{0,1023}))",
    re.ASCII,
)
_DHCP = re.compile(
    r"(?:\d{1,12} )?(DHCP[A-Z]{3,10})\((\S{1,64}?)\)(?: ([\da-fA-F.:]{4,45}))?(?: ([\da-f]{2}(?::[\da-f]{2}){5}))?(?: ([\w.-]{1,255}))?",
    re.ASCII,
)

# Microsoft, "DNS Logging and Diagnostics": the packet lines of the debug log
_WINDOWS = re.compile(
    r"(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{8}) (\d{1,2}:\d{2}:\d{2}(?: ?[AP]M)?) ([\dA-Fa-f]{1,8}) PACKET {1,2}([\dA-Fa-f]{1,16}) (UDP|TCP) {1,2}(Rcv|Snd) ([\da-fA-F.:%]{2,64}) +"
    r"([\dA-Fa-f]{4}) ([ R]) ([QNU?]) \[([\dA-Fa-f]{4}) {1,6}([ATDR ]{0,6}?) *(\w{1,16})\] (\w{1,16}) +(\S{1,1024})",
    re.ASCII,
)
_DATE = re.compile(r"(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})$", re.ASCII)

_ASKED: dict[str, Any] = {
    "event.category": ["network"],
    "event.type": ["protocol", "info"],
    "event.action": "dns-query",
}
_ANSWERED: dict[str, Any] = {**_ASKED, "event.action": "dns-answer"}
_REFUSED: dict[str, Any] = {
    "event.category": ["network"],
    "event.type": ["protocol", "denied"],
    "event.outcome": "failure",
}

FIELDS = {
    "bind": {
        "client": "source.ip, source.port",
        "query": "dns.question.name",
        "class": "dns.question.class",
        "type": "dns.question.type",
        "flags": "dns.header_flags",
        "server": "destination.ip",
        "view": "bind.view",
        "category": "event.code",
        "severity": "log.level",
        "policy": "rule.name",
    },
    "unbound": {
        "client": "source.ip, source.port",
        "name": "dns.question.name",
        "type": "dns.question.type",
        "class": "dns.question.class",
        "return code": "dns.response_code",
        "time to resolve": "event.duration",
        "from cache": "unbound.cached",
        "message size": "network.bytes",
        "local-zone": "rule.name",
    },
    "dnsmasq": {
        "query[type]": "dns.question.type",
        "name": "dns.question.name",
        "from": "source.ip",
        "to": "destination.ip",
        "is": "dns.answers.data, dns.resolved_ip, dns.response_code",
        "serial": "dns.id",
    },
    "windows-dns": {
        "Date": "@timestamp",
        "Time": "@timestamp",
        "Thread ID": "process.thread.id",
        "Internal packet identifier": "",
        "UDP/TCP indicator": "network.transport",
        "Send/Receive indicator": "network.direction",
        "Remote IP": "source.ip, destination.ip",
        "Xid (hex)": "dns.id",
        "Query/Response": "dns.type",
        "Opcode": "dns.op_code",
        "Flags (hex)": "",
        "Flags (char codes)": "dns.header_flags",
        "ResponseCode": "dns.response_code",
        "Question Type": "dns.question.type",
        "Question Name": "dns.question.name",
    },
}
"""What each server's log holds, as its manual calls it → ECS."""


def _begin(server: str, message: str, fields: Fields) -> None:
    fields["event.kind"] = "event"
    fields["event.module"], fields["event.dataset"] = server, server + ".log"
    fields["event.category"], fields["event.type"] = ["network"], ["info"]
    fields["network.protocol"] = "dns"
    fields["message"] = message


def _question(fields: Fields, name: str, kind: str = "", class_: str = "") -> None:
    fields["dns.question.name"] = plain_name(name)
    if kind:
        fields["dns.question.type"] = kind.upper()
    if class_:
        fields["dns.question.class"] = class_
    fields.setdefault("dns.type", "query")


def _code(fields: Fields, code: str) -> None:
    """RFC 1035 §4.1.1, RCODE: a name that does not exist is an answer all the same."""
    fields["dns.response_code"] = code
    fields["event.outcome"] = "success" if code in ("NOERROR", "NXDOMAIN") else "failure"


def bind(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001 - one signature for all
    """A line of BIND's log files, or a message of ``named`` through syslog; None if it is none."""
    head = _BIND_HEAD.match(text)
    stamp = None if head is None else _bind_stamp(head[1], zone)
    at = 0 if head is None else head.end()
    where = _BIND_WHERE.match(text, at)
    said = False
    rest = text[at if where is None else where.end() :]
    client = _BIND_CLIENT.match(rest)
    if (
        head is None
        and where is None
        and client is None
        and not rest.startswith(("zone ", "lame server", "REFUSED", "DNS format error"))
        and not (said := bind_messages.read(rest, fields))
    ):
        return None
    if client is None and not said:
        said = bind_messages.read(rest, fields)
    made = dict(fields) if said else {}
    _begin("bind", rest, fields)
    fields.update(made)
    if where is not None:
        fields["event.code"], fields["log.level"] = where[1], where[2]
    if client is None:
        return _SOURCES["bind"] if "dns.question.name" in fields else _OTHER["bind"], stamp
    put(fields, "source", client[1].partition("%")[0])
    if (found := port(client[2])) is not None:
        fields["source.port"] = found
    if client[4]:
        fields["bind.view"] = client[4]
    return _bind_said(rest[client.end() :], client[3] or "", fields), stamp


def _bind_said(said: str, name: str, fields: Fields) -> tuple[LogSource, ...]:
    if (query := _BIND_QUERY.match(said)) is not None:
        fields.update(_ASKED)
        _question(fields, query[1], query[3], query[2])
        fields["flags"] = query[4]
        fields["dns.header_flags"] = ["RD"] if query[4].startswith("+") else []
        fields["network.transport"] = "tcp" if "T" in query[4] else "udp"
        if query[5] and is_ip(query[5]):
            fields["destination.ip"] = query[5]
        return _SOURCES["bind"]
    if (policy := _BIND_RPZ.match(said)) is not None:
        fields.update(_REFUSED if policy[2] not in ("PASSTHRU", "TCP-ONLY") else _ASKED)
        _question(fields, policy[3], policy[4] or "", policy[5] or "")
        fields["event.action"] = "rpz-" + policy[2].lower()
        fields["rule.name"], fields["rule.category"] = plain_name(policy[6]), policy[1]
        return _SOURCES["bind"]
    if (denied := _BIND_DENIED.match(said)) is not None:
        fields.update(_REFUSED)
        fields["event.action"] = denied[1].replace(" (cache)", "").replace(" ", "-") + "-denied"
        parts = denied[2].split("/")
        _question(fields, parts[0], parts[1] if len(parts) > 2 else "", parts[-1] if len(parts) > 1 else "")
        return _SOURCES["bind"]
    if (failed := _BIND_FAILED.match(said)) is not None:
        fields.update(_ANSWERED)
        _question(fields, failed[2], failed[4], failed[3])
        _code(fields, failed[1])
        return _SOURCES["bind"]
    if (transfer := _BIND_TRANSFER.match(said)) is not None:
        fields.update(_ASKED)
        fields["event.action"] = f"zone-transfer-{transfer[4]}"
        _question(fields, transfer[1], transfer[3], transfer[2])
        return _SOURCES["bind"]
    known = bind_messages.of_client(said, fields)
    if name:
        fields.setdefault("dns.question.name", plain_name(name))
    return _SOURCES["bind"] if known and "dns.question.name" in fields else _OTHER["bind"]


def _bind_stamp(text: str, zone: ZoneInfo) -> Stamp | None:
    if text[2] != "-":
        return iso(text, zone)
    month = MONTHS.get(text[3:6])
    return None if month is None else iso(f"{text[7:11]}-{month:02}-{text[:2]} {text[12:]}", zone)


def unbound(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001 - one signature for all
    """A line of unbound's log file, or its message through syslog; None if it is none."""
    head = _UNBOUND_HEAD.match(text)
    at = 0 if head is None else head.end()
    inner = _UNBOUND_INNER.match(text, at)
    if inner is not None:
        at = inner.end()
    stamp = None if head is None else epoch(head[1])
    rest = text[at:]
    query = _UNBOUND_QUERY.match(rest)
    refused = _UNBOUND_ZONE.match(rest) if query is None else None
    if head is None and query is None and refused is None and (inner is None or not inner[0]):
        return None
    _begin("unbound", rest, fields)
    if level := (head[2] if head is not None else inner[1] if inner is not None else None):
        fields["log.level"] = level
    if query is not None and is_ip(query[1]):
        address, name, kind, class_, code, taken, cached, size = query.groups()
        fields.update(_ASKED if code is None else _ANSWERED)
        fields["source.ip"] = address
        _question(fields, name, kind, class_)
        if code is not None:
            fields["dns.type"] = "answer"
            _code(fields, code)
            seconds, _, fraction = taken.partition(".")
            fields["event.duration"] = int(seconds) * 1_000_000_000 + int(fraction.ljust(9, "0"))
            fields["unbound.cached"] = cached == "1"
            fields["network.bytes"] = int(size)
        return _SOURCES["unbound"], stamp
    if refused is not None and is_ip(refused[3]):
        fields.update(_ASKED if refused[2] in _LET_THROUGH else _REFUSED)
        fields["event.action"] = "local-zone-" + refused[2]
        if refused[1]:
            fields["rule.name"] = plain_name(refused[1])
        fields["source.ip"] = refused[3]
        fields["source.port"] = int(refused[4])
        _question(fields, refused[5], refused[6], refused[7])
        return _SOURCES["unbound"], stamp
    return _OTHER["unbound"], stamp


def dnsmasq(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001 - one signature for all
    """A message of dnsmasq (also Pi-hole's) behind its syslog header; None if it is none."""
    match = _DNSMASQ.match(text)
    if match is None:
        return _dhcp(text, fields)
    serial, client, client_port, query, kind, name, asker, forwarded, sent, server, how, answered, answer = (
        match.groups()
    )
    _begin("dnsmasq", text, fields)
    fields.update(_ASKED if query or forwarded else _ANSWERED)
    if serial:
        fields["dns.id"] = serial
        put(fields, "source", client)
        fields["source.port"] = int(client_port)
    if query:
        put(fields, "source", asker)
        _question(fields, name, kind)
    elif forwarded:
        fields["event.action"] = "dns-forwarded"
        put(fields, "destination", server.partition("#")[0])
        _question(fields, sent)
    else:
        fields["event.action"] = "dns-" + ("hosts" if how.startswith("/") else how.replace(" ", "-").lower())
        _question(fields, answered)
        fields["dns.type"] = "answer"
        _answer(answer, how, fields)
    return _SOURCES["dnsmasq"], None


def _answer(answer: str, how: str, fields: Fields) -> None:
    if is_ip(answer):
        fields["dns.resolved_ip"] = [answer]
        fields["dns.answers.data"] = [answer]
    elif answer.startswith(("NXDOMAIN", "SERVFAIL", "REFUSED", "NODATA")):
        word = answer.partition(" ")[0].partition("-")[0]
        _code(fields, "NOERROR" if word == "NODATA" else word)
    else:
        fields["dns.answers.data"] = [answer.strip("<>")]
    if "blocked" in how or "blacklisted" in how:
        fields.update(_REFUSED)


def _dhcp(text: str, fields: Fields) -> Reading | None:
    match = _DHCP.match(text)
    if match is None:
        return None
    what, interface, address, mac, name = match.groups()
    _begin("dnsmasq", text, fields)
    fields["network.protocol"] = "dhcp"
    fields["event.action"] = what.lower()
    fields["event.type"] = ["protocol", "denied"] if what in ("DHCPNAK", "DHCPDECLINE") else ["protocol", "info"]
    fields["observer.ingress.interface.name"] = interface
    if address and is_ip(address):
        fields["client.ip"] = fields["source.ip"] = address
    if mac:
        fields["client.mac"] = fields["source.mac"] = mac.upper().replace(":", "-")
    if name:
        fields["client.domain"] = fields["source.domain"] = name
    return _OTHER["dnsmasq"], None


def windows(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A packet line of the Windows DNS server's debug log; None if it is none."""
    match = _WINDOWS.match(text)
    if match is None:
        return None
    date, clock, thread, packet, transport, way, remote, xid, answer, _, _, letters, code, kind, name = match.groups()
    _begin("windows-dns", text, fields)
    fields.update(_ANSWERED if answer == "R" else _ASKED)
    fields["network.transport"] = transport.lower()
    received = way == "Rcv"
    fields["network.direction"] = "ingress" if received else "egress"
    # a query received and the answer sent to it are of the same client
    side = "source" if received == (answer != "R") else "destination"
    put(fields, side, remote.partition("%")[0])
    fields["dns.id"] = xid
    fields["dns.header_flags"] = [
        {"A": "AA", "T": "TC", "D": "RD", "R": "RA"}[letter] for letter in letters if letter != " "
    ]
    fields["process.thread.id"] = int(thread, 16)
    fields["packet"] = packet
    fields["dns.type"] = "answer" if answer == "R" else "query"
    _question(fields, name, kind)
    if answer == "R":
        _code(fields, code)
    return _SOURCES["windows-dns"], _windows_stamp(date, clock, zone, day)


def _windows_stamp(date: str, clock: str, zone: ZoneInfo, day: int) -> Stamp | None:
    """The date is in the server's own order; of day and month that could be either, what is nearer to the receipt holds."""
    if len(date) == 8 and date.isdecimal():
        date = f"{date[:4]}-{date[4:6]}-{date[6:]}"
    found = _DATE.match(date)
    time, _, half = clock.replace("AM", " AM").replace("PM", " PM").partition(" ")
    if found is None:
        return None
    hour, _, rest = time.partition(":")
    hours = int(hour)
    if half.strip():
        hours = hours % 12 + (12 if "P" in half else 0)
    if len(found[1]) == 4:
        orders = [(found[1], found[2], found[3])]
    else:
        year = found[3] if len(found[3]) == 4 else "20" + found[3]
        orders = [(year, found[1], found[2]), (year, found[2], found[1])]
        if half.strip():
            orders = orders[:1] if int(found[1]) <= 12 else orders[1:]
    read = [iso(f"{y:0>4}-{m:0>2}-{d:0>2} {hours:02}:{rest}", zone) for y, m, d in orders]
    stamps = [stamp for stamp in read if stamp is not None]
    return min(stamps, key=lambda stamp: abs(stamp[0] - day * DAY), default=None)


def shape(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A line of a log file of BIND, unbound or Windows, recognized by its head."""
    if text.startswith("["):
        return unbound(text, fields, zone, day) if _UNBOUND_HEAD.match(text) else None
    if not text[:1].isdigit():
        return bind(text, fields, zone, day) if _BIND_CLIENT.match(text) else None
    if (head := _BIND_HEAD.match(text)) is not None:
        here = _BIND_WHERE.match(text, head.end()) or _BIND_CLIENT.match(text, head.end())
        return None if here is None else bind(text, fields, zone, day)
    return windows(text, fields, zone, day)


def _parser(name: str, read: Line, what: str) -> Parse:
    def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
        reading = read(text, fields, zone, day)
        if reading is not None:
            return reading
        found = syslog.read(text, fields, zone, day)
        if found is not None:
            reading = read(found[0], fields, zone, day)
            if reading is not None:
                return reading[0], reading[1] or found[2]
        raise refuse(f"{name}: {what}")

    return parse


PRODUCTS = tuple(
    Product(name, description, _parser(name, read, what), fields=FIELDS[name])
    for name, read, description, what in (
        ("bind", bind, "BIND: queries, security, RPZ, errors, transfers; files and syslog", "no line of its log"),
        ("unbound", unbound, "unbound: queries, replies, local zones; files and syslog", "no line of its log"),
        ("dnsmasq", dnsmasq, "dnsmasq and Pi-hole: queries, answers, DHCP", "neither a query, an answer nor DHCP"),
        ("windows-dns", windows, "Windows DNS server: packets of the debug log", "no packet line of the debug log"),
    )
)

"""MikroTik RouterOS (``topic,level message`` behind any syslog header, or the message alone) → events."""

import re
from typing import Any
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import is_ip, mac
from soc.normalize.formats import device_header
from soc.normalize.products import rows
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.products.rows import row

MARKS = (",info", ",error", ",warning", ", proto ")
"""One of these stands in every line: the level among the topics, or a packet that the firewall logged."""

_LEVELS = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
_TOPICS = re.compile(
    r"(?:<\d{1,3}>)?(?P<head>(?:(?!: )[^=\[\",]){0,160}? ?)(?P<topics>[a-z][a-z0-9-]{1,15}(?:,[a-z!][a-z0-9-]{1,15}){1,6}):? ",
    re.ASCII,
)
_PACKET_HEAD = re.compile(
    r"(?P<head>[^\[\"=]{0,200}?)\b(?P<chain>[\w-]{1,64}): (?=in:(?:\(|\S{1,64}(?: [^\s:]{1,32}){0,3} out:))", re.ASCII
)
# input: in:ether1 out:(unknown 0), connection-state:new,snat src-mac ..., proto TCP (SYN), 192.0.2.1:1->198.51.100.1:2, NAT ..., len 60
_PACKET = re.compile(
    r"(?:(?P<prefix>[^:]{0,128}?) ?\b)?(?P<chain>[\w-]{1,64}): in:(?P<in>\([^()]{1,32}\)|\S{1,64}(?: [^\s:]{1,32}){0,3}) "
    r"out:(?P<out>\([^()]{1,32}\)|[^\s,]{1,64}(?:(?: [^\s,:]{1,32}){1,3}(?=,))?),? "
    r"(?:packet-mark:(?P<packetmark>\S{1,64}) )?(?:connection-mark:(?P<connectionmark>\S{1,64}) )?"
    r"(?:connection-state:(?P<state>[\w,-]{1,64}) )?(?:src-mac (?P<mac>[0-9A-Fa-f:-]{11,17}), )?"
    r"proto (?P<proto>[\w-]{1,16})(?: \((?P<detail>[^()]{1,64})\))?, ?(?P<ends>[^\s,]{0,120})",
    re.ASCII,
)
_END = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9.]{7,15})|([0-9A-Fa-f:]{2,45}))(?::(\d{1,5}))?$", re.ASCII)
_NAT = re.compile(
    r", NAT \(?(?P<a>[^\s,()>]{2,60}?)->\(?(?P<b>[^\s,()>]{2,60}?)(?:\)->(?P<c>[^\s,()]{2,60})|->(?P<d>[^\s,()]{2,60})\)?)(?:,|$)",
    re.ASCII,
)
_LEN = re.compile(r", (?:prio \S{1,8}, )?len (\d{1,9})$", re.ASCII)
_TYPE = re.compile(r"type (\d{1,3}), code (\d{1,3})", re.ASCII)
_DENIED = frozenset(
    ("drop", "dropped", "deny", "denied", "block", "blocked", "reject", "rejected", "ban", "banned", "invalid")
)
_ALLOWED = frozenset(("accept", "accepted", "allow", "allowed", "pass", "permit"))
_WORD = re.compile(r"[A-Za-z]+")

_IP = r"([0-9A-Fa-f.:]{2,45})"
_MAC = r"([0-9A-Fa-f:]{11,17})"
ROWS = (
    row(
        rf"user (\S{{1,255}}) logged in(?: from {_IP})?(?: via ([\w-]{{1,32}}))?",
        "user.name source network.application",
        "login",
        "authentication",
        "start",
        "success",
    ),
    row(
        rf"user (\S{{1,255}}) logged out(?: from {_IP})?(?: via ([\w-]{{1,32}}))?",
        "user.name source network.application",
        "logout",
        "authentication session",
        "end",
    ),
    row(
        rf"login failure for user (.{{0,255}}?)(?: from {_IP})? via ([\w-]{{1,32}})",
        "user.name source network.application",
        "login",
        "authentication",
        "start",
        "failure",
    ),
    row(
        rf"(\S{{1,64}}) assigned {_IP} (?:for|to) {_MAC}(?: (\S{{1,255}}))?",
        "mikrotik.server source source.mac source.domain",
        "dhcp-lease",
        "network",
        "start",
        network_protocol="dhcp",
    ),
    row(
        rf"(\S{{1,64}}) deassigned {_IP} (?:for|from) {_MAC}(?: (\S{{1,255}}))?",
        "mikrotik.server source source.mac source.domain",
        "dhcp-release",
        "network",
        "end",
        network_protocol="dhcp",
    ),
    row(
        rf"(?:<[^<>]{{1,64}}>: )?(\S{{1,255}}) logged in, {_IP}(?: from {_IP})?",
        "user.name source.nat source",
        "vpn-session-start",
        "authentication session network",
        "start",
        "success",
    ),
    row(
        rf"(?:<[^<>]{{1,64}}>: )?(\S{{1,255}}) logged out, (\d{{1,12}}) (\d{{1,18}}) (\d{{1,18}}) (\d{{1,18}}) (\d{{1,18}})(?: from {_IP})?",
        "user.name mikrotik.seconds source.bytes destination.bytes source.packets destination.packets source",
        "vpn-session-end",
        "session network",
        "end",
    ),
    row(
        r"<([\w-]{1,16}?)-([^<>]{1,255})>: (?:user )?authentication failed",
        "network.application user.name",
        "vpn-login",
        "authentication",
        "start",
        "failure",
    ),
    row(
        r"<([\w-]{1,16}?)-([^<>]{1,255})>: authenticated",
        "network.application user.name",
        "vpn-login",
        "authentication",
        "start",
        "success",
    ),
    row(
        r"<([\w-]{1,16}?)-([^<>]{1,255})>: connected",
        "network.application user.name",
        "vpn-connection-start",
        "session network",
        "start",
        "success",
    ),
    row(
        r"<([\w-]{1,16}?)-([^<>]{1,255})>: (?:disconnected|terminating)",
        "network.application user.name",
        "vpn-connection-end",
        "session network",
        "end",
    ),
    row(
        rf"(?:<[^<>]{{1,64}}>: )?user (\S{{1,255}}) authentication failed(?: from {_IP})?",
        "user.name source",
        "vpn-login",
        "authentication",
        "start",
        "failure",
    ),
    row(
        rf"(?:first L2TP UDP packet received|TCP connection established|connection established) from {_IP}",
        "source",
        "vpn-initiated",
        "network",
        "connection start",
    ),
    row(
        r"(.{1,120}?) (added|changed|removed|moved) by (?:\S{1,64}:)?([^\s@()]{1,255})(?:@([0-9A-Fa-f.:]{2,45}))?(?: \((.{1,500})\))?",
        "mikrotik.object event.action user.name source process.command_line",
        "configure",
        "configuration",
        "change",
        "success",
    ),
    row(r"(\S{1,64}) link (up|down)", "observer.ingress.interface.name mikrotik.state", "interface", "network", "info"),
    row(
        rf"{_MAC}@(\S{{1,64}}): (connected|disconnected)",
        "source.mac observer.ingress.interface.name event.action",
        "wireless",
        "network",
        "info",
    ),
)
"""What is no packet."""
_STATIC: dict[str, Any] = {
    "event.module": "mikrotik",
    "event.kind": "event",
    "observer.vendor": "MikroTik",
    "observer.product": "RouterOS",
}
_INFO: dict[str, Any] = {"event.category": ["host"], "event.type": ["info"]}

FIELDS: dict[str, str] = {
    "topics": "log.level",
    "chain": "",
    "prefix": "rule.name",
    "in": "observer.ingress.interface.name",
    "out": "observer.egress.interface.name",
    "connection-state": "",
    "packet-mark": "",
    "connection-mark": "",
    "src-mac": "source.mac",
    "proto": "network.transport",
    "src-address": "source.ip",
    "src-port": "source.port",
    "dst-address": "destination.ip",
    "dst-port": "destination.port",
    "nat": "source.nat.ip, destination.nat.ip",
    "len": "network.bytes",
}
"""What a packet's line holds, under RouterOS' own names → ECS."""


def _end(text: str) -> tuple[str, int | None] | None:
    match = _END.match(text)
    if match is None:
        return None
    address = match[1] or match[2] or match[3]
    return (address, int(match[4]) if match[4] else None) if is_ip(address) else None


def _put(fields: Fields, side: str, text: str) -> None:
    found = _end(text)
    if found is not None:
        fields[side + ".ip"] = found[0]
        if found[1] is not None:
            fields[side + ".port"] = found[1]


def _packet(message: str, fields: Fields) -> bool:
    """A packet that a firewall rule logged; False: the message is no such text."""
    match = _PACKET.match(message)
    if match is None:
        return False
    found = match.groupdict()
    natives = {
        "packetmark": "packet-mark",
        "connectionmark": "connection-mark",
        "state": "connection-state",
        "mac": "src-mac",
    }
    fields.update(
        (natives.get(name, name), value) for name, value in found.items() if value and name not in ("ends", "detail")
    )
    fields["event.category"], fields["event.type"] = ["network"], ["connection"]
    fields["event.action"] = found["chain"]
    fields["network.transport"] = _TRANSPORTS.get(found["proto"].lower(), found["proto"].lower())
    if not found["in"].startswith("("):
        fields["observer.ingress.interface.name"] = found["in"]
    if not found["out"].startswith("("):
        fields["observer.egress.interface.name"] = found["out"]
    if found["mac"]:
        fields["source.mac"] = mac(found["mac"])
    # a line cut short ends in ">" where the arrow or an address was
    one, _, other = found["ends"].removesuffix(">").rstrip(":-").partition("->")
    _put(fields, "source", one)
    _put(fields, "destination", other)
    kind = _TYPE.match(found["detail"] or "")
    if kind is not None:
        fields["mikrotik.icmp_type"], fields["mikrotik.icmp_code"] = kind[1], kind[2]
    elif found["detail"]:
        fields["mikrotik.tcp_flags"] = found["detail"]
    _translated(message[match.end() :], fields)
    prefix = (found["prefix"] or "").strip()
    if prefix:
        fields["rule.name"] = prefix
        words = {word.lower() for word in _WORD.findall(prefix)}
        if words & _DENIED:
            fields["event.type"], fields["event.outcome"] = ["connection", "denied"], "failure"
        elif words & _ALLOWED:
            fields["event.type"], fields["event.outcome"] = ["connection", "allowed"], "success"
    return True


def _translated(rest: str, fields: Fields) -> None:
    """``NAT (a->b)->c``: the source a became b; ``NAT a->(b->c)``: the destination b became c."""
    nat = _NAT.search(rest)
    if nat is not None:
        fields["nat"] = nat[0].removeprefix(", NAT ").rstrip(",")
        side, text = ("source.nat", nat["b"]) if nat["c"] else ("destination.nat", nat["d"])
        _put(fields, side, text)
    length = _LEN.search(rest)
    if length is not None:
        fields["len"] = length[1]
        fields["network.bytes"] = int(length[1])


_TRANSPORTS = {"icmpv6": "ipv6-icmp", "47": "gre", "50": "esp", "2": "igmp"}


def read(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """One line; None if it has neither topics with a level nor a packet's text."""
    match = _TOPICS.match(text)
    topics = match["topics"].split(",") if match is not None else []
    level = next((topic for topic in reversed(topics) if topic in _LEVELS), None)
    if match is not None and level is not None:
        start, message = match.start("topics"), text[match.end() :]
    else:
        match = _PACKET_HEAD.match(text)
        if match is None or ", proto " not in text:
            return None
        start, message = match.start("chain"), text[match.start("chain") :]
    stamp = None
    if 0 < start <= device_header.LONGEST:
        head, stamp = device_header.read(text[:start], zone, day)
        fields.update(head)
    fields.update(_STATIC)
    fields["message"] = message
    service = topics[0] if level is not None else "firewall"
    fields["event.dataset"] = "mikrotik." + service
    if level is not None:
        fields["topics"] = ",".join(topics)
        fields["log.level"], fields["event.severity"] = level, _LEVELS[level]
        if "critical" in topics:
            fields["log.level"], fields["event.severity"] = "critical", _LEVELS["critical"]
    if _packet(message, fields):
        return (LogSource("mikrotik", "firewall", "firewall"),), stamp
    if not rows.first(ROWS, message, fields):
        fields.update(_INFO)
    return (LogSource("mikrotik", "", service),), stamp


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line, with topics or without."""
    reading = read(text, fields, zone, day)
    if reading is not None:
        return reading
    fields.clear()
    at = text.find("> ") + 1 if text.startswith("<") else 0
    head = text[at:]
    if not rows.first(ROWS, head, fields):
        raise refuse("mikrotik: neither topics with a level nor a text of RouterOS")
    fields.update(_STATIC)
    fields["event.dataset"], fields["message"] = "mikrotik.system", head
    return (LogSource("mikrotik", "", "system"),), None


PRODUCT = Product(
    "mikrotik",
    "MikroTik RouterOS: firewall packets, log-ons, DHCP leases, VPN users, changes",
    parse,
    fields=FIELDS,
)

"""DrayTek Vigor routers (DrayOS): filter, session, DNS and DoS lines and log-ins → events."""

import re
from typing import Any
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import is_ip
from soc.normalize.formats import device_header
from soc.normalize.products import rows
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.products.rows import Row, row

MARKS = ("[FILTER][", "Local User", " PR ")
"""What stands in a line of the filter, of a session and of a defence against floods."""

_START = re.compile(
    r"(?P<head>[^\[\"=]{0,200}?)(?P<body>\[FILTER\]\[|Local User(?:: | \(MAC=)|DoS \w{1,32} (?:Block|Pass|Log)|\[[A-Za-z0-9/_-]{2,24}\]\[)",
    re.ASCII,
)
_IP = r"([0-9.]{7,15}|[0-9A-Fa-f:]{2,45})"
_END = r"([0-9.]{7,15}|\[[0-9A-Fa-f:]{2,45}\])(?::(\d{1,5}))?"

# [FILTER][Block][WAN->LAN/RT/VPN, 10:05:11][@S:R=13:1, 203.0.113.5:41222->192.0.2.1:445][TCP][HLen=20, TLen=40, Flag=S]
_FILTER = re.compile(
    rf"\[FILTER\]\[(\w{{1,16}})\]\[([^\],]{{1,64}}?)->([^\],]{{1,64}}?)(?:, [\d: ]{{1,24}})?\]\[@S:R=([\d:]{{1,16}}), ?{_END}->{_END}\]"
    r"\[(?:PR )?([\w-]{1,16})\](?:\[([^\]]{0,200})\])?",
    re.ASCII,
)
_DETAIL = re.compile(r"(\w{1,16})=([^,\]]{1,32})", re.ASCII)
ROWS: tuple[Row, ...] = (
    row(
        r"Local User(?: \(MAC=([0-9A-Fa-f:-]{11,17})\))?: ([0-9.]{7,15}) DNS -> ([0-9.]{7,15}) inquire (\S{1,255})",
        "source.mac source destination dns.question.name",
        "dns-query",
        "network",
        "protocol",
        network_protocol="dns",
    ),
    row(
        r"Local User(?: \(MAC=([0-9A-Fa-f:-]{11,17})\))?: ([0-9.]{7,15})(?::(\d{1,5}))? -> ([0-9.]{7,15})(?::(\d{1,5}))? \((\w{1,8})\) ?close connection",
        "source.mac source source.port destination destination.port network.transport",
        "connection-end",
        "network",
        "connection end",
    ),
    row(
        r"Local User(?: \(MAC=([0-9A-Fa-f:-]{11,17})\))?: ([0-9.]{7,15})(?::(\d{1,5}))? -> ([0-9.]{7,15})(?::(\d{1,5}))? \((\w{1,8})\) ?(\S{0,64})",
        "source.mac source source.port destination destination.port network.transport network.protocol",
        "connection-start",
        "network",
        "connection start",
    ),
    row(
        r"DoS (\w{1,32}) Block\(?(?:\d{1,6}s)?\)? ([0-9.]{7,15})(?:,(\d{1,5}))? -> ([0-9.]{7,15})(?:,(\d{1,5}))? PR \d{1,3}\((\w{1,16})\)(?: len \d{1,3} (\d{1,6}))?",
        "rule.name source source.port destination destination.port network.transport network.bytes",
        "dos",
        "intrusion_detection network",
        "connection denied",
        "failure",
        event_kind="alert",
    ),
    row(
        r"DoS (\w{1,32}) (?:Pass|Log)\S{0,16} ([0-9.]{7,15})(?:,(\d{1,5}))? -> ([0-9.]{7,15})(?:,(\d{1,5}))? PR \d{1,3}\((\w{1,16})\)",
        "rule.name source source.port destination destination.port network.transport",
        "dos",
        "intrusion_detection network",
        "connection info",
        event_kind="alert",
    ),
)
"""Sessions, DNS queries and the defence against floods."""
# DrayTek publishes no list of the texts of log-ins: what one says of person, address and outcome is read from its words.
_LOGIN = re.compile(r"\b(?:log ?-?(?:in|on)|logged in|authenticat\w{1,8})\b", re.IGNORECASE)
_FAILED = re.compile(r"\b(?:fail\w{0,4}|wrong|invalid|denied|error|incorrect)\b", re.IGNORECASE)
_SUCCEEDED = re.compile(r"\b(?:success\w{0,4}|ok|logged in|succeeded)\b", re.IGNORECASE)
_WHO = re.compile(r"\b(?:user(?: ?name)?|account)[ :=]{1,3}[\[('\"]?([\w.@\\-]{1,64})", re.IGNORECASE | re.ASCII)
_WHERE = re.compile(rf"(?:\bfrom |\b(?:IP|address)[ :=]{{1,3}}|@){_IP}", re.ASCII)

FIELDS: dict[str, str] = {
    "filter-action": "event.action",
    "from": "observer.ingress.zone",
    "to": "observer.egress.zone",
    "rule": "rule.id",
    "HLen": "",
    "TLen": "network.bytes",
    "Flag": "",
    "Seq": "",
    "Ack": "",
    "Win": "",
    "Type": "",
    "Code": "",
}
"""What a line of the filter holds → ECS; the first four have no name in the line itself."""

_STATIC: dict[str, Any] = {
    "event.module": "draytek",
    "event.kind": "event",
    "observer.vendor": "DrayTek",
    "observer.product": "Vigor",
    "observer.type": "router",
}
_INFO: dict[str, Any] = {"event.category": ["network"], "event.type": ["info"]}
_PROTOCOLS = {"1": "icmp", "2": "igmp", "6": "tcp", "17": "udp", "47": "gre", "50": "esp", "icmp6": "ipv6-icmp"}
_DENIED = frozenset(("block", "drop", "reject"))


def _filter(message: str, fields: Fields) -> bool:
    match = _FILTER.match(message)
    if match is None:
        return False
    action, origin, target, rule, source, source_port, destination, destination_port, proto, detail = match.groups()
    details = dict(_DETAIL.findall(detail or ""))
    fields.update(details)
    fields.update({"filter-action": action, "from": origin, "to": target, "rule": rule})
    fields["event.category"], fields["event.action"] = ["network"], action.lower()
    denied = action.lower() in _DENIED
    fields["event.type"] = ["connection", "denied" if denied else "allowed"]
    fields["event.outcome"] = "failure" if denied else "success"
    fields["observer.ingress.zone"], fields["observer.egress.zone"], fields["rule.id"] = origin, target, rule
    fields["network.transport"] = _PROTOCOLS.get(proto.lower(), proto.lower())
    for side, address, port in (("source", source, source_port), ("destination", destination, destination_port)):
        bare = address.strip("[]")
        if is_ip(bare):
            fields[side + ".ip"] = bare
        if port:
            fields[side + ".port"] = int(port)
    if details.get("TLen", "").isdecimal():
        fields["network.bytes"] = int(details["TLen"][:9])
    return True


def _login(message: str, fields: Fields) -> bool:
    text = message[:500]
    if _LOGIN.search(text) is None:
        return False
    failed, succeeded = _FAILED.search(text), _SUCCEEDED.search(text)
    fields["event.category"], fields["event.type"], fields["event.action"] = ["authentication"], ["start"], "login"
    if failed or succeeded:
        fields["event.outcome"] = "failure" if failed else "success"
    who, where = _WHO.search(text), _WHERE.search(text)
    if who is not None:
        fields["user.name"] = who[1]
    if where is not None and is_ip(where[1]):
        fields["source.ip"] = where[1]
    return True


def _event(message: str, fields: Fields) -> tuple[LogSource, ...]:
    fields.update(_STATIC)
    fields["event.dataset"] = "draytek.vigor"
    fields["message"] = message
    level = fields.get("log.syslog.severity.name")
    if level is not None:
        fields["log.level"] = level.lower()
    if _filter(message, fields) or rows.first(ROWS, message, fields):
        return (LogSource("draytek", "firewall", "vigor"),)
    if not _login(message, fields):
        fields.update(_INFO)
    return (LogSource("draytek", "", "vigor"),)


def read(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """One line of the filter, of a session or of the DoS defence behind any header; None: no such line."""
    match = _START.match(text)
    if match is None:
        return None
    stamp = None
    head = match["head"]
    if head:
        found, stamp = device_header.read(head, zone, day)
        fields.update(found)
    return _event(text[match.start("body") :], fields), stamp


_HEADER = re.compile(
    r"(?:<\d{1,3}>)?(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S{8,24}) ?([\w.-]{1,64}): ", re.ASCII
)


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line; of other texts than ``read`` knows, header and log-ins are read."""
    reading = read(text, fields, zone, day)
    if reading is not None:
        return reading
    head = _HEADER.match(text)
    if head is None:
        raise refuse("draytek: no header of a Vigor router")
    found, stamp = device_header.read(text[: head.end()], zone, day)
    fields.update(found)
    fields["host.name"] = head[1]
    return _event(text[head.end() :], fields), stamp


PRODUCT = Product(
    "draytek",
    "DrayTek Vigor (DrayOS): filter, sessions, DNS queries, DoS defence, log-ins",
    parse,
    fields=FIELDS,
)

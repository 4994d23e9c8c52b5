"""Snort's alerts (fast, syslog, JSON of Snort 3) and Suricata's fast log and syslog alerts, which have the same form → ECS.

11/22-15:00:00.123456 [**] [1:1000001:2] A scan [**] [Classification: Attempted Recon] [Priority: 2] {TCP} a:1 -> b:2
"""

import re
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import is_ip
from soc.normalize.formats import csv, json, syslog
from soc.normalize.products.fill import Table, address, fill, lower, mac, number, port, text
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import MONTHS, Stamp, bsd, epoch, iso

_SOURCES = (LogSource("snort", "", "alert"),)
_SURICATA = (LogSource("suricata", "", "alert"),)
_FAST = re.compile(r"(\d\d)/(\d\d)(?:/(\d{2,4}))?-(\d\d:\d\d:\d\d(?:\.\d{1,6})?)\s{0,8}(?=[\[,])", re.ASCII)
_ALERT = re.compile(
    r"(?:\[(Drop|wDrop|Reject|Block|Would Drop|drop|block|reject|would_drop)\] ?)?(?:\[\*\*\] ?)?\[(\d{1,10}):(\d{1,10}):(\d{1,6})\]:? "
    r'"?(.{0,512}?)"? ?(?:\[\*\*\] ?)?(?:\[Classification: ?([^\]]{0,255})\] ?)?(?:\[Priority: (\d{1,3})\]:?) ?'
    r"(?:\[AppID: ([^\]]{0,128})\] ?)?(?:<([^>]{1,64})> ?)?\{([A-Za-z0-9:-]{1,24})\} "
    r"([0-9A-Fa-f.:]{2,51}) -> ([0-9A-Fa-f.:]{2,51})$",
    re.ASCII,
)
_NAMES = {number: name for name, number in MONTHS.items()}
_WITH_PORTS: Final = frozenset(["tcp", "udp", "sctp"])
_DENIED: Final = frozenset(["drop", "reject", "block"])


@lru_cache(maxsize=8192)
def _stamp(parts: tuple[str | None, ...], zone: ZoneInfo, received: int) -> Stamp | None:
    """Month, day, year or None, time in the sensor's zone; without a year the one nearest to receipt."""
    month, day, year, clock = (part or "" for part in parts)
    name = _NAMES.get(int(month))
    if name is None:
        return None
    if not year:
        return bsd(f"{name} {int(day)} {clock}", zone, received)
    return iso(f"{year if len(year) == 4 else '20' + year}-{month}-{day} {clock}", zone)


def read(message: str, fields: Fields) -> tuple[LogSource, ...] | None:
    """An alert behind its stamp or its syslog header; None if it is none."""
    if len(message) > 4096:
        return None
    match = _ALERT.match(message.rstrip())
    if match is None:
        return None
    verdict, generator, sid, revision, name, kind, priority, app, interface, protocol, *ends = match.groups()
    fields["gid"], fields["sid"], fields["rev"] = generator, sid, revision
    fields["msg"] = name
    fields["rule.id"], fields["rule.version"], fields["rule.name"] = sid, revision, name
    fields["message"] = name
    if kind:
        fields["classification"] = fields["rule.category"] = kind
    fields["event.severity"] = int(priority)
    if app:
        fields["network.application"] = app.lower()
    if interface:
        fields["observer.ingress.interface.name"] = interface
    transport = protocol.lower()
    fields["network.transport"] = {"ipv6-icmp": "ipv6-icmp", "icmp6": "ipv6-icmp"}.get(transport, transport)
    for side, end in zip(("source", "destination"), ends, strict=True):
        where, _, digits = end.rpartition(":")
        if is_ip(end) and ("." in end or transport not in _WITH_PORTS):  # the end of an IPv6 address looks like a port
            where, digits = end, ""
        address(fields, where, side)
        if digits:
            port(fields, digits, side + ".port")
    program = fields.get("process.name")
    return _alert(fields, (verdict or "").lower(), suricata=isinstance(program, str) and program.lower() == "suricata")


def _alert(fields: Fields, verdict: str, *, suricata: bool = False) -> tuple[LogSource, ...]:
    denied = verdict in _DENIED
    fields["event.kind"] = "alert"
    fields["event.category"] = ["intrusion_detection", "network"]
    fields["event.type"] = (
        ["info", "denied"] if denied else ["info", "allowed"] if verdict in ("allow", "pass") else ["info"]
    )
    if verdict:
        fields["event.action"] = verdict
        if denied or verdict in ("allow", "pass"):
            fields["event.outcome"] = "failure" if denied else "success"
    name = "suricata" if suricata else "snort"
    fields["event.module"], fields["event.dataset"] = name, name + ".alert"
    fields["observer.type"], fields["observer.product"] = "ids", name.capitalize()
    return _SURICATA if suricata else _SOURCES


def line(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A line of the fast log or a row of the CSV output; None for anything else."""
    match = _FAST.match(text)
    if match is None:
        return None
    rest = text[match.end() :]
    sources = row(rest[1:], fields) if rest.startswith(",") else read(rest, fields)
    if sources is None:
        return None
    return sources, _stamp(match.groups(), zone, day)


_COLUMNS: Final = ("gid", "sid", "rev", "msg", "proto", "src_addr", "src_port", "dst_addr", "dst_port")
_SNORT2: Final = (
    "eth_src",
    "eth_dst",
    "eth_len",
    "tcp_flags",
    "tcp_seq",
    "tcp_ack",
    "tcp_len",
    "tcp_win",
    "ttl",
    "tos",
    "ip_id",
)
_PFSENSE: Final = ("ip_id", "class", "priority", "alert", "action")


def row(text: str, fields: Fields) -> tuple[LogSource, ...] | None:
    """A row behind its stamp: Snort 2's ``alert_csv`` in its default order, or pfSense's package."""
    values = [value.strip() for value in csv.read(text, most=64)]
    if len(values) < 14 or not values[0].isdecimal() or not values[1].isdecimal():
        return None
    names = (*_COLUMNS, *(_PFSENSE if len(values) == 14 else _SNORT2))
    for name, value in zip(names, values, strict=False):
        if value:
            fields[name] = value
    fill(fields, _TABLE)
    if isinstance(fields.get("rule.name"), str):
        fields["message"] = fields["rule.name"]
    return _alert(fields, str(fields.get("action", "")).lower()[:32])


_TABLE: Final[Table] = {
    "src_addr": (address, "source"),
    "src_port": (port, "source.port"),
    "dst_addr": (address, "destination"),
    "dst_port": (port, "destination.port"),
    "proto": (lower, "network.transport"),
    "service": (lower, "network.protocol"),
    "msg": (text, "rule.name"),
    "class": (text, "rule.category"),
    "sid": (text, "rule.id"),
    "rev": (text, "rule.version"),
    "priority": (number, "event.severity"),
    "iface": (text, "observer.ingress.interface.name"),
    "eth_src": (mac, "source.mac"),
    "eth_dst": (mac, "destination.mac"),
    "pkt_len": (number, "network.bytes"),
}
_JSON_TIME = re.compile(r"(?:(\d\d)/)?(\d\d)/(\d\d)-(\d\d:\d\d:\d\d(?:\.\d{1,6})?)$", re.ASCII)


def read_object(event: dict[str, Any], fields: Fields, zone: ZoneInfo, day: int | None = None) -> Reading | None:
    """An object of Snort 3's ``alert_json``; None if it names no rule and packet.

    Its default stamp has no year: it is read where the day of receipt is given, ``seconds`` is always.
    """
    rule = event.get("rule")
    named = isinstance(rule, str) and rule.count(":") == 2
    if not named and "sid" not in event and "msg" not in event:
        return None
    fields.update(json.flatten(event))
    fill(fields, _TABLE)
    if named:
        fields["gid"], sid, revision = str(rule).split(":")
        fields["rule.id"], fields["rule.version"] = sid, revision
    for side, name in (("source", "src_ap"), ("destination", "dst_ap")):
        pair = event.get(name)
        if isinstance(pair, str) and len(pair) <= 64:
            where, _, digits = pair.rpartition(":")
            address(fields, where, side)
            if digits != "0":
                port(fields, digits, side + ".port")
    if fields.get("network.protocol") == "unknown":
        del fields["network.protocol"]
    if fields.get("rule.category") == "none":
        del fields["rule.category"]
    if isinstance(fields.get("rule.name"), str):
        fields["message"] = fields["rule.name"]
    action = event.get("action")
    sources = _alert(fields, action.lower()[:32] if isinstance(action, str) else "")
    return sources, _when(event, zone, day)


def _when(event: dict[str, Any], zone: ZoneInfo, day: int | None) -> Stamp | None:
    seconds, when = event.get("seconds"), event.get("timestamp")
    match = _JSON_TIME.match(when) if isinstance(when, str) else None
    if isinstance(seconds, int) and 0 < seconds < 10**11:
        fraction = match[4].partition(".")[2] if match is not None else ""
        return epoch(f"{seconds}.{fraction}" if fraction else str(seconds))
    if match is None or (day is None and not match[1]):
        return None
    return _stamp((match[2], match[3], match[1], match[4]), zone, day or 0)


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line: fast log, syslog, or JSON."""
    decoded = json.decode_object(text)
    reading = read_object(decoded[0], fields, zone, day) if decoded is not None else line(text, fields, zone, day)
    if reading is not None:
        return reading
    found = syslog.read(text, fields, zone, day)
    if found is not None:
        decoded = json.decode_object(found[0].lstrip())
        reading = read_object(decoded[0], fields, zone, day) if decoded is not None else None
        if reading is not None:
            return reading[0], reading[1] or found[2]
        sources = read(found[0], fields)
        if sources is not None:
            return sources, found[2]
    raise refuse("snort: no alert")


PRODUCT = Product(
    "snort",
    "Snort alerts: fast log, syslog, JSON of Snort 3 (and Suricata's fast log)",
    parse,
    fields={
        **{
            name: {"source": "source.ip", "destination": "destination.ip"}.get(ecs, ecs)
            for name, (_, ecs) in _TABLE.items()
        },
        **dict.fromkeys(
            ("timestamp", "seconds", "pkt_num", "pkt_gen", "dir", "b64_data", "eth_len", "eth_type", "icmp_code"), ""
        ),
        **dict.fromkeys(
            ("icmp_id", "icmp_seq", "icmp_type", "ip_id", "ip_len", "mpls", "sgt", "target", "tcp_ack", "tcp_flags"), ""
        ),
        **dict.fromkeys(
            ("tcp_len", "tcp_seq", "tcp_win", "tos", "ttl", "udp_len", "vlan", "flowstart_time", "geneve_vni"), ""
        ),
        "action": "event.action",
        "gid": "",
        "rule": "rule.id, rule.version",
        "src_ap": "source.ip, source.port",
        "dst_ap": "destination.ip, destination.port",
        "classification": "rule.category",
    },
)

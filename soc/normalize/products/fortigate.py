"""FortiGate (key=value, FortiOS Log Message Reference) → traffic, event and UTM events; native names stay beside."""

from typing import Any
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import is_ip, number, put
from soc.normalize.formats import rfc3164
from soc.normalize.formats.kv import pairs
from soc.normalize.formats.priority import PRIORITIES
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import Stamp, epoch, iso

TEXT = {
    "action": "event.action",
    "logid": "event.code",
    "level": "log.level",
    "msg": "message",
    "reason": "event.reason",
    "devname": "observer.name",
    "devid": "observer.serial_number",
    "srcintf": "observer.ingress.interface.name",
    "dstintf": "observer.egress.interface.name",
    "policyid": "rule.id",
    "policyname": "rule.name",
    "poluuid": "rule.uuid",
    "policytype": "rule.ruleset",
    "user": "user.name",
    "group": "user.group.name",
    "app": "network.application",
    "proto": "network.iana_number",
    "hostname": "url.domain",
    "url": "url.original",
    "agent": "user_agent.original",
    "filename": "file.name",
    "filehash": "file.hash.sha256",
    "srcmac": "source.mac",
    "dstmac": "destination.mac",
    "srcname": "source.domain",
    "srccountry": "source.geo.country_name",
    "dstcountry": "destination.geo.country_name",
    "qname": "dns.question.name",
    "qtype": "dns.question.type",
    "attack": "threat.indicator.name",
    "virus": "threat.software.name",
}
"""Vendor field → ECS, as text."""

NUMBERS = {
    "srcport": "source.port",
    "dstport": "destination.port",
    "transport": "source.nat.port",
    "tranport": "destination.nat.port",
    "sentbyte": "source.bytes",
    "rcvdbyte": "destination.bytes",
    "sentpkt": "source.packets",
    "rcvdpkt": "destination.packets",
}
"""Vendor field → ECS, as an integer."""

ADDRESSES = {
    "srcip": "source",
    "dstip": "destination",
    "transip": "source.nat",
    "tranip": "destination.nat",
    "remip": "source",
    "locip": "destination",
}
"""Vendor field → the side whose address it is; remip and locip are a tunnel's ends in VPN events."""

_KIND = {
    **{native: (0, ecs) for native, ecs in TEXT.items()},
    **{native: (1, ecs) for native, ecs in NUMBERS.items()},
    **{native: (2, ecs) for native, ecs in ADDRESSES.items()},
}
_TRANSPORTS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "ipv6-icmp", "47": "gre", "50": "esp", "132": "sctp"}
_SEVERITY = {
    name: 7 - rank
    for rank, name in enumerate(
        ["debug", "information", "notice", "warning", "error", "critical", "alert", "emergency"]
    )
}

_DENIED = frozenset(
    ["deny", "denied", "block", "blocked", "dropped", "reset", "drop", "reject", "server-rst-blocked", "quarantine"]
)
_ALLOWED = frozenset(
    [
        "accept",
        "allow",
        "allowed",
        "pass",
        "passthrough",
        "permit",
        "start",
        "close",
        "timeout",
        "client-rst",
        "server-rst",
        "ip-conn",
        "detected",
        "monitored",
    ]
)

_TRAFFIC = (LogSource("fortigate", "firewall", "traffic"),)
_EVENT = (LogSource("fortigate", "", "event"),)
_UTM_CATEGORY = {
    "virus": ["malware", "network"],
    "ips": ["intrusion_detection", "network"],
    "anomaly": ["intrusion_detection", "network"],
    "waf": ["intrusion_detection", "web"],
    "webfilter": ["web", "network"],
    "emailfilter": ["email", "network"],
    "dlp": ["network"],
    "dns": ["network"],
}
_UTM_SOURCES = {
    subtype: (
        LogSource("fortigate", "firewall", "utm"),
        LogSource("fortigate", "firewall", subtype),
        LogSource("fortigate", category, subtype),
    )
    for subtype, category in (("virus", "antivirus"), ("webfilter", "proxy"), ("dns", "dns"))
}
"""UTM subtypes that are also of a category in which rules look for such events of any product."""
_EVENT_CATEGORY = {
    "login": (["authentication"], ["start"]),
    "logout": (["authentication", "session"], ["end"]),
    "ssl-login-fail": (["authentication"], ["start"]),
    "auth-logon": (["authentication"], ["start"]),
    "auth-logout": (["authentication", "session"], ["end"]),
    "authentication": (["authentication"], ["start"]),
    "tunnel-up": (["session", "network"], ["start"]),
    "tunnel-down": (["session", "network"], ["end"]),
    "Add": (["configuration"], ["creation"]),
    "Edit": (["configuration"], ["change"]),
    "Delete": (["configuration"], ["deletion"]),
}
_OUTCOME = {
    "success": "success",
    "succeeded": "success",
    "failed": "failure",
    "failure": "failure",
    "fail": "failure",
    "login_failed": "failure",
    "authentication_failed": "failure",
}
_ACTION_OUTCOME = {"ssl-login-fail": "failure", "tunnel-up": "success"}


def _stamp(kv: dict[str, str], zone: ZoneInfo) -> Stamp | None:
    """``eventtime`` is UTC, in the unit its digits tell; ``date``/``time`` are the device's local time, ``tz`` its offset."""
    eventtime = kv.get("eventtime")
    if eventtime and (stamp := epoch(eventtime)) is not None:
        return stamp
    date, time = kv.get("date"), kv.get("time")
    if date is None or time is None:
        return None
    return iso(f"{date}T{time}{kv.get('tz', '')}", zone) or iso(f"{date}T{time}", zone)


def _utm_or_traffic(kv: dict[str, str], fields: Fields, kind: str) -> tuple[LogSource, ...]:
    action = kv.get("action", "").lower()
    verdict = "denied" if action in _DENIED else "allowed" if action in _ALLOWED else ""
    if verdict:
        fields["event.outcome"] = "success" if verdict == "allowed" else "failure"
    if kind == "traffic":
        fields["event.category"] = ["network"]
        types = ["connection"]
        if action in ("close", "client-rst", "server-rst", "timeout"):
            types.append("end")
        elif action in ("start", "accept"):
            types.append("start")
        sources = _TRAFFIC
    else:
        subtype = kv.get("subtype", "")
        fields["event.category"] = _UTM_CATEGORY.get(subtype, ["network"])
        types = ["info"]
        if subtype in ("virus", "ips", "anomaly", "waf", "dlp"):
            fields["event.kind"] = "alert"
        if "attackid" in kv:
            fields["rule.id"] = kv["attackid"]
            fields["rule.name"] = kv.get("attack", "")
        sources = _UTM_SOURCES.get(subtype) or (
            LogSource("fortigate", "firewall", "utm"),
            LogSource("fortigate", "firewall", subtype),
        )
    if verdict:
        types.append(verdict)
    fields["event.type"] = types
    return sources


def _admin_event(kv: dict[str, str], fields: Fields) -> None:
    action = kv.get("action", "")
    found = _EVENT_CATEGORY.get(action)
    if "cfgpath" in kv and found is None:
        found = (["configuration"], ["change"])
    if found is not None:
        fields["event.category"], fields["event.type"] = found
    elif kv.get("subtype") == "vpn":
        fields["event.category"], fields["event.type"] = ["network", "session"], ["info"]
    else:
        fields["event.category"], fields["event.type"] = ["host"], ["info"]
    outcome = _OUTCOME.get(kv.get("status", "").lower()) or _ACTION_OUTCOME.get(action)
    if outcome is None and "cfgpath" in kv:
        outcome = "success"
    if outcome is not None:
        fields["event.outcome"] = outcome
    # an administrator's address is in `ui`, e.g. ui="https(192.0.2.9)"
    interface, _, rest = kv.get("ui", "").partition("(")
    if rest and "source.ip" not in fields:
        put(fields, "source", rest.rstrip(")"))
        fields["network.protocol"] = interface.lower()


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line, with or without a syslog header before it."""
    header = None
    if text.startswith("<"):
        pri, mark, rest = text.partition(">")
        priority = PRIORITIES.get(pri[1:]) if mark else None
        if priority is not None:
            fields.update(priority)
            text = rest
    if "=" not in text[:16]:
        _, header, _ = rfc3164.lead(text, fields, zone, day)
    kv = pairs(text)
    kind = kv.get("type")
    if kind is None or ("devid" not in kv and "logid" not in kv):
        raise refuse("fortigate: no type= beside devid= or logid=")
    fields.update(kv)  # before the ECS names: no key of the line can replace one
    _ecs(kv, fields)
    if kind in ("traffic", "utm"):
        sources = _utm_or_traffic(kv, fields, kind)
    else:
        _admin_event(kv, fields)
        sources = _EVENT if kind == "event" else (LogSource("fortigate", "", kind),)
    fields.setdefault("event.kind", "event")
    fields["event.module"] = "fortigate"
    fields["event.dataset"] = "fortigate." + kind
    fields["observer.vendor"] = "Fortinet"
    fields["observer.product"] = "FortiGate"
    fields["observer.type"] = "firewall"
    return sources, _stamp(kv, zone) or header


def _ecs(kv: dict[str, str], fields: dict[str, Any]) -> None:
    kinds = _KIND
    for native in [name for name in kv if name in kinds]:
        value = kv[native]
        if not value:
            continue
        how, ecs = kinds[native]
        if how == 0:
            fields[ecs] = value
        elif how == 1:
            count = number(value)
            if count is not None and (count or ".nat." not in ecs):  # port 0 there says: not translated
                fields[ecs] = count
        elif is_ip(value):
            fields[ecs + ".ip"] = value
        else:
            put(fields, ecs, value)
    proto = kv.get("proto")
    if proto in _TRANSPORTS:
        fields["network.transport"] = _TRANSPORTS[proto]
    service = kv.get("service")
    if service:
        fields["network.protocol"] = service.lower()
    if "source.bytes" in fields and "destination.bytes" in fields:
        fields["network.bytes"] = fields["source.bytes"] + fields["destination.bytes"]
    severity = _SEVERITY.get(kv.get("level", ""))
    if severity is not None:
        fields["event.severity"] = severity
    duration = number(kv.get("duration"))
    if duration is not None:
        fields["event.duration"] = duration * 1_000_000_000  # ECS: nanoseconds
    name = kv.get("devname")
    if name:
        fields["host.name"] = name


PRODUCT = Product("fortigate", "Fortinet FortiGate: key=value lines of traffic, event and UTM logs", parse)

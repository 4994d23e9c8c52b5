"""Check Point gateways and management (Log Exporter: syslog, Splunk, generic, CEF, LEEF, JSON; LEA) → events of its blades."""

import re
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import is_ip, number, port
from soc.normalize.formats import checkpoint, kv, syslog
from soc.normalize.formats.json import flatten
from soc.normalize.products.checkpoint_fields import TABLE
from soc.normalize.products.product import Device, Fields, Product, Reading, refuse
from soc.normalize.products.url_parts import put_url
from soc.normalize.time import Stamp, epoch, iso
from soc.normalize.transports import put_transport
from soc.normalize.words import OUTCOMES, outcome, verdict

MARK = "loguid"
"""Stands in almost every log of a gateway."""

_START = re.compile(
    r'(?:<\d{1,3}>)?(?:(?:(?!: )[^=\[\]"|]){1,200} )?\[?(?:time|loc|action|flags|ifdir|hostname|product|origin|severity)[=:]',
    re.ASCII,
)
_SIC_NAME = re.compile(r"cn\\?=([^,\\]{1,128})", re.IGNORECASE)
_FULL_NAME = re.compile(r"([^()]{1,128}?) ?\(([^()]{1,64})\)(?:\(\+\))?")
_STRUCTURED = "log.syslog.structured_data."

# sk122323: Log Exporter's mapping to CEF and LEEF keys
_NATIVE = {
    "act": "action",
    "spt": "s_port",
    "dpt": "service",
    "srcPort": "s_port",
    "dstPort": "service",
    "in": "received_bytes",
    "out": "sent_bytes",
    "srcBytes": "sent_bytes",
    "dstBytes": "received_bytes",
    "suser": "src_user_name",
    "duser": "dst_user_name",
    "usrName": "user",
    "request": "resource",
    "requestMethod": "method",
    "requestClientApplication": "user_agent",
    "rt": "time",
    "devTime": "time",
    "sourceTranslatedAddress": "xlatesrc",
    "sourceTranslatedPort": "xlatesport",
    "destinationTranslatedAddress": "xlatedst",
    "destinationTranslatedPort": "xlatedport",
    "srcPostNAT": "xlatesrc",
    "dstPostNAT": "xlatedst",
    "srcPostNATPort": "xlatesport",
    "dstPostNATPort": "xlatedport",
    "fname": "file_name",
    "shost": "src_machine_name",
    "dhost": "dst_machine_name",
    "smac": "mac_source_address",
    "dmac": "mac_destination_address",
    "dvchost": "hostname",
    "app": "service_name",
}
_LABELS = {
    "rule name": "rule_name",
    "threat prevention rule name": "malware_rule_name",
    "application rule name": "app_rule_name",
    "protection name": "protection_name",
    "protection type": "protection_type",
    "application name": "appi_name",
    "dlp rule name": "dlp_rule_name",
}

_LEVELS = ("informational", "low", "medium", "high", "critical")
_FIREWALL = ("firewall", ["network"], "event")
_BLADES: tuple[tuple[tuple[str, ...], tuple[str, list[str], str]], ...] = (
    (("smartdefense", "ips"), ("ips", ["intrusion_detection", "network"], "alert")),
    (
        (
            "anti malware",
            "anti-bot",
            "anti bot",
            "new anti virus",
            "anti-virus",
            "anti virus",
            "anti-malware",
            "threat",
        ),
        ("antivirus", ["malware", "network"], "alert"),
    ),
    (("url filtering", "application control"), ("urlfiltering", ["web", "network"], "event")),
    (("dlp",), ("dlp", ["file", "network"], "event")),
    (("anti-spam", "mta"), ("email", ["email"], "event")),
    (("identity",), ("identity", ["authentication"], "event")),
    (("mobile access", "connectra", "vpn client"), ("remoteaccess", ["session", "network"], "event")),
    (("endpoint", "forensics", "full disk", "media encryption", "core"), ("endpoint", ["host"], "event")),
    (("vpn-1", "firewall", "vpn"), _FIREWALL),
    (
        (
            "smartconsole",
            "web_api",
            "cpmi",
            "smartupdate",
            "smart",
            "cli",
            "mds",
            "security gateway/management",
            "system",
        ),
        ("audit", ["configuration"], "event"),
    ),
)
_CATEGORIES = {"urlfiltering": "proxy", "antivirus": "antivirus"}
_OPERATIONS = {
    "log in": (["authentication"], ["start"]),
    "failed log in": (["authentication"], ["start"]),
    "log out": (["authentication", "session"], ["end"]),
    "create object": (["configuration"], ["creation"]),
    "modify object": (["configuration"], ["change"]),
    "set object": (["configuration"], ["change"]),
    "delete object": (["configuration"], ["deletion"]),
    "install policy": (["configuration"], ["change"]),
}


@lru_cache(maxsize=256)
def _known_blade(product: str) -> tuple[str, list[str], str]:
    for words, blade in _BLADES:
        if product.startswith(words):
            return blade
    return _FIREWALL


def _blade(product: str) -> tuple[str, list[str], str]:
    return _known_blade(product[:64].lower())


def _observer(pairs: dict[str, str], fields: Fields) -> None:
    fields["observer.vendor"], fields["observer.type"] = "Check Point", "firewall"
    fields["observer.product"] = pairs.get("product") or "Check Point"
    if pairs.get("hostname"):
        fields["host.name"] = pairs["hostname"]
    origin = pairs.get("origin") or pairs.get("orig", "")
    sic = _SIC_NAME.search(pairs.get("originsicname") or pairs.get("origin_sic_name", ""))
    if is_ip(origin):
        fields.setdefault("observer.ip", origin)
        origin = ""
    name = (sic[1] if sic is not None else "") or origin or fields.get("host.name", "")
    if name:
        fields["observer.name"] = name
    interface = pairs.get("ifname") or pairs.get("i/f_name")
    if interface:
        way = "egress" if fields.get("network.direction") == "outbound" else "ingress"
        fields.setdefault(f"observer.{way}.interface.name", interface)


def _who(pairs: dict[str, str], fields: Fields) -> None:
    for key in ("user", "src_user_name", "administrator", "endpointuser"):
        text = pairs.get(key)
        if not text:
            continue
        named = _FULL_NAME.fullmatch(text)
        if named is not None:
            fields["user.full_name"] = named[1].rstrip()
            text = named[2].rstrip()
        fields["user.name"] = text
        return


def _service(pairs: dict[str, str], fields: Fields) -> None:
    service = pairs.get("service", "")
    destination = port(service)
    if destination is not None:
        fields["destination.port"] = destination
    elif service:
        fields.setdefault("network.protocol", service.lower())
    if "service_id" in pairs:
        fields.setdefault("network.protocol", pairs["service_id"].lower())


def _web(pairs: dict[str, str], fields: Fields) -> None:
    url = pairs.get("resource") or pairs.get("url")
    if url:
        put_url(fields, url, pairs.get("http_host", ""), "http")
    elif pairs.get("http_host"):
        fields["url.domain"] = pairs["http_host"]


def _categorize(pairs: dict[str, str], fields: Fields) -> tuple[LogSource, ...]:
    service, category, kind = _blade(pairs.get("product", ""))
    fields["event.kind"] = kind
    action = pairs.get("action", "")
    said = verdict(action)
    types = ["connection"] if category == ["network"] else ["info"]
    operation = _OPERATIONS.get(pairs.get("operation", "").lower()) or _OPERATIONS.get(action.lower())
    if operation is not None:
        category, types = operation
        if "action" not in pairs:
            fields["event.action"] = pairs["operation"]
    elif said:
        types = [*types, said]
    fields["event.category"], fields["event.type"] = category, types
    status = pairs.get("audit_status") or pairs.get("auth_status") or pairs.get("status", "")
    first = status.partition(" ")[0]
    result = outcome(first) or OUTCOMES.get(said)
    if action.lower() in ("log in", "failed log in"):
        result = "success" if action.lower() == "log in" else "failure"
    if result is not None:
        fields["event.outcome"] = result
    if service == "audit":
        return (LogSource("checkpoint", "", "audit"),)
    extra = _CATEGORIES.get(service)
    sources = (LogSource("checkpoint", "firewall", service),)
    return sources if extra is None else (*sources, LogSource("checkpoint", extra, service))


def _write(pairs: dict[str, str], fields: Fields) -> tuple[LogSource, ...]:
    TABLE.write(pairs, fields)
    _observer(pairs, fields)
    _who(pairs, fields)
    _service(pairs, fields)
    _web(pairs, fields)
    if "<" in pairs.get("packets", ""):
        _dropped(pairs, fields)
    severity = pairs.get("severity", "")
    level = number(severity)
    if level is not None:
        fields["event.severity"] = level
        if level < len(_LEVELS):
            fields["log.level"] = _LEVELS[level]
    elif severity:
        fields["log.level"] = severity.lower()
        if severity.lower() in _LEVELS:
            fields["event.severity"] = _LEVELS.index(severity.lower())
    elapsed = number(pairs.get("elapsed"))
    if elapsed is not None:
        fields["event.duration"] = elapsed * 1_000_000_000
    fields["event.module"], fields["event.dataset"] = "checkpoint", "checkpoint.log"
    return _categorize(pairs, fields)


def _stamp(pairs: dict[str, str], zone: ZoneInfo) -> Stamp | None:
    when = pairs.get("time", "")
    return epoch(when) or iso(when, zone)


def _known(pairs: dict[str, str]) -> bool:
    return ("product" in pairs or "loguid" in pairs) and len(pairs) >= 3


def body(message: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001 - one signature for all
    """The message behind a syslog header; a legal structured data is already among the fields."""
    pairs = checkpoint.pairs(message)
    if not pairs:
        for name in [name for name in fields if name.startswith(_STRUCTURED)]:
            pairs.setdefault(name.rpartition(".")[2], fields.pop(name))
    if not _known(pairs):
        return None
    return _write(pairs, fields), _stamp(pairs, zone)


def line(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A whole line that shows its marks where Check Point puts them."""
    return parse(text, fields, zone, day) if _START.match(text) else None


def structured(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001 - one signature for all
    """A log as structured data under Check Point's enterprise number, its stamp's offset written ``--5:00``; None: another line."""
    head = _FIELDS.match(text)
    if head is None:
        return None
    stamp, offset, host = head.groups()
    if offset is not None and offset != "Z":
        hours, _, minutes = offset.lstrip("+-").partition(":")
        offset = f"{offset[0]}{hours.zfill(2)}:{minutes}"
    pairs: dict[str, str] = {}
    for key, value in kv.pairs(text[head.end() :]).items():
        if value and value not in _ROWS:
            pairs.setdefault(_STRUCTURED_NAMES.get(key, key), value.rstrip("]") if key == "ProductFamily" else value)
    if not _known(pairs):
        return None
    if host != "-":
        fields["host.name"] = host
    return _write(pairs, fields), _stamp(pairs, zone) or iso(stamp + (offset or ""), zone)


FIELDS_MARK = "[Fields@1.3.6.1.4.1.2620 "
_FIELDS = re.compile(
    r"(?:<\d{1,3}>)?1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,9})?(Z|[+-]{1,2}\d{1,2}:\d\d)? (\S{1,255}) \S{1,64} \S{1,64} \S{1,64} "
    r"\[Fields@1\.3\.6\.1\.4\.1\.2620 ",
    re.ASCII,
)
_STRUCTURED_NAMES = {
    "svc": "service",
    "sport_svc": "s_port",
    "xlatedport_svc": "xlatedport",
    "xlatesport_svc": "xlatesport",
    "ProductName": "product",
    "NAT_rulenum": "nat_rulenum",
    "NAT_addtnl_rulenum": "nat_addtnl_rulenum",
}
_ROWS = frozenset(("TABLE_START", "TABLE_END"))
"""What parts the rows of a table in such a log from one another."""


def _dropped(pairs: dict[str, str], fields: Fields) -> None:
    """Packets that were dropped alike, ``<source,port,destination,port,protocol;interface>`` each: what they have in common."""
    packets = _PACKET.findall(pairs["packets"][:8000])
    if not packets:
        return
    for place, name in enumerate(("source.ip", "source.port", "destination.ip", "destination.port")):
        found = {packet[place] for packet in packets}
        value = found.pop()
        if not found and name.endswith(".ip") and is_ip(value):
            fields[name] = value
        elif not found and name.endswith(".port") and (number_of_port := port(value)) is not None:
            fields[name] = number_of_port
    protocols = {packet[4] for packet in packets}
    if len(protocols) == 1:
        put_transport(fields, protocols.pop())
    count = number(pairs.get("packet_amount"))
    if count is not None:
        fields["network.packets"] = count


_PACKET = re.compile(
    r"<([0-9A-Fa-f.:]{2,45}),(\d{1,5}),([0-9A-Fa-f.:]{2,45}),(\d{1,5}),(\d{1,3})(?:;[^<>]{0,64})?>", re.ASCII
)


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line of any of the forms but CEF and LEEF."""
    if FIELDS_MARK in text and (reading := structured(text, fields, zone, day)) is not None:
        return reading
    found = syslog.read(text, fields, zone, day)
    message, header = (text, None) if found is None else (found[0], found[2])
    if (
        found is not None and "=" not in message and "|" in text
    ):  # a pipe form whose first pairs were taken for a header
        message = text
    if message.startswith("{"):
        raise refuse("checkpoint: an object is read as json")
    reading = body(message, fields, zone, day)
    if reading is None:
        raise refuse("checkpoint: neither product nor loguid among the pairs of the line")
    return reading[0], reading[1] or header


def read_object(event: dict[str, Any], fields: Fields, zone: ZoneInfo) -> Reading | None:
    """Log Exporter's JSON form."""
    pairs = {name: str(value) for name, value in flatten(event).items() if value is not None}
    if not _known(pairs) or "product" not in pairs:
        return None
    return _write(pairs, fields), _stamp(pairs, zone)


def read_device(device: Device, extension: dict[str, str], fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001 - one signature for all
    """CEF and LEEF: their keys are given back the native names."""
    pairs: dict[str, str] = {"product": device.product}
    for key, value in extension.items():
        label = _LABELS.get(extension.get(key + "Label", "").lower())
        pairs[label or _NATIVE.get(key, key)] = value
    way = extension.get("deviceDirection")
    if way in ("0", "1"):
        pairs["ifdir"] = "outbound" if way == "1" else "inbound"
    if "severity" not in pairs and device.severity and device.severity.lower() != "unknown":
        pairs["severity"] = extension.get("cp_severity", "")
    fields.pop("event.severity", None)
    for name in ("source.bytes", "destination.bytes", "network.bytes", "rule.name", "message", "network.protocol"):
        fields.pop(name, None)
    fields.pop("user.name", None)
    sources = _write(pairs, fields)
    return sources, _stamp(pairs, zone)


PRODUCT = Product(
    "checkpoint",
    "Check Point: firewall, IPS, anti-bot, anti-virus, URL filtering, identity and audit logs of the Log Exporter",
    parse,
    fields=TABLE.fields,
)

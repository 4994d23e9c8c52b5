"""Juniper SRX and other Junos devices (structured RFC 5424 or the older sentences) → events; the vendor's names stay beside."""

import re
from typing import Any
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import is_ip, mac, number, port, put
from soc.normalize.formats import rfc5424, syslog
from soc.normalize.products import rows
from soc.normalize.products.juniper_messages import FIELDS, NUMBERS, SENTENCES, SIDES, TEXT
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import Stamp, iso

MARK = "[junos@"
"""The structured data of Junos; behind it is Juniper's enterprise number, 2636, which anonymizing relays replace."""

_PAIR = re.compile(r' ([A-Za-z][\w-]{0,63})="([^"\\]*(?:\\.[^"\\]*)*)"', re.ASCII | re.DOTALL)
_TAG = re.compile(r"(?:%[A-Z0-9_]{0,16}-(?:[0-7]-)?)?([A-Z][A-Z0-9_]{3,64}): ?", re.ASCII)
_OLD_HEAD = re.compile(r"([\w/-]{1,64})(?:\[(\d{1,10})\])?: (?:- )?([A-Z][A-Z0-9_]{3,64}):? $", re.ASCII)
_RELAYED = re.compile(
    r"(?:: |1 )(\d{4}-\d\d-\d\dT[0-9:.]{8,18}(?:Z|[+-]\d\d:\d\d)?) (\S{1,255}) \S{1,64} \S{1,64} ([A-Z][A-Z0-9_]{3,64}) $",
    re.ASCII,
)
_EMPTY = frozenset(("N/A", "UNKNOWN", "None", "-", "0.0.0.0", "::", ""))  # noqa: S104 - what the vendor writes where there is nothing
_TRANSPORTS = {
    "1": "icmp",
    "2": "igmp",
    "6": "tcp",
    "17": "udp",
    "47": "gre",
    "50": "esp",
    "58": "ipv6-icmp",
    "89": "ospf",
    "132": "sctp",
}
_STATIC: dict[str, Any] = {
    "event.module": "juniper",
    "event.kind": "event",
    "observer.vendor": "Juniper",
    "observer.product": "Junos",
}
_NETWORK = ["network"]
_ALERT = ["intrusion_detection", "network"]
_KINDS: tuple[tuple[str, str, list[str], list[str], str], ...] = (
    ("RT_FLOW_SESSION_CREATE", "event", _NETWORK, ["connection", "start", "allowed"], "success"),
    ("RT_FLOW_SESSION_CLOSE", "event", _NETWORK, ["connection", "end"], ""),
    ("RT_FLOW_SESSION_DENY", "event", _NETWORK, ["connection", "denied"], "failure"),
    ("APPTRACK_SESSION_CREATE", "event", _NETWORK, ["connection", "start", "allowed"], "success"),
    ("APPTRACK_SESSION_CLOSE", "event", _NETWORK, ["connection", "end"], ""),
    ("APPTRACK_", "event", _NETWORK, ["connection", "info"], ""),
    ("WEBFILTER_URL_BLOCKED", "event", ["web", "network"], ["access", "denied"], "failure"),
    ("WEBFILTER_URL_", "event", ["web", "network"], ["access", "allowed"], "success"),
    ("AV_VIRUS_", "alert", ["malware", "network"], ["info"], ""),
    ("AV_", "event", ["malware", "network"], ["info"], ""),
    ("AAMW_", "alert", ["malware", "network"], ["info"], ""),
    ("SECINTEL_", "alert", _ALERT, ["info"], ""),
    ("IDP_", "alert", _ALERT, ["info"], ""),
    ("RT_SCREEN_", "alert", _ALERT, ["info"], ""),
    ("CONTENT_FILTERING_BLOCKED", "event", _NETWORK, ["denied"], "failure"),
    ("ANTISPAM_", "event", ["email", "network"], ["info"], ""),
    ("UI_LOGIN_EVENT", "event", ["authentication"], ["start"], "success"),
    ("UI_AUTH_EVENT", "event", ["authentication"], ["start"], "success"),
    ("UI_LOGOUT_EVENT", "event", ["authentication", "session"], ["end"], ""),
    ("UI_CMDLINE_READ_LINE", "event", ["configuration"], ["access"], "success"),
    ("UI_", "event", ["configuration"], ["change"], "success"),
    ("SSHD_LOGIN_", "event", ["authentication"], ["start"], "failure"),
    ("LOGIN_FAILED", "event", ["authentication"], ["start"], "failure"),
    ("LOGIN_INFORMATION", "event", ["authentication"], ["start"], "success"),
    ("LOGIN_", "event", ["authentication"], ["info"], ""),
    ("KMD_PM_SA_ESTABLISHED", "event", ["network", "session"], ["start"], "success"),
    ("KMD_VPN_DOWN_", "event", ["network", "session"], ["end"], ""),
    ("DOT1XD_USR_AUTHENTICATED", "event", ["authentication"], ["start"], "success"),
    ("SNMPD_AUTH_FAILURE", "event", ["authentication"], ["start"], "failure"),
    ("WEBAUTH_FAIL", "event", ["authentication"], ["start"], "failure"),
    ("WEBAUTH_", "event", ["authentication"], ["start"], "success"),
)
"""Beginning of the tag → kind, category, type, outcome; the first that fits. UI_ others: commits and changes."""

_SERVICES = (
    ("RT_FLOW", ("firewall", "rt_flow")),
    ("APPTRACK", ("firewall", "rt_flow")),
    ("WEBFILTER", ("proxy", "rt_utm")),
    ("AV_", ("antivirus", "rt_utm")),
    ("AAMW", ("antivirus", "rt_utm")),
    ("IDP", ("firewall", "rt_idp")),
    ("RT_SCREEN", ("firewall", "rt_screen")),
    ("SECINTEL", ("firewall", "rt_secintel")),
    ("RPD_LDP", ("", "ldp")),
    ("LDP", ("", "ldp")),
    ("RPD_BGP", ("", "bgp")),
    ("BGP", ("", "bgp")),
)
_DENIED = ("drop", "block", "deny", "close", "reset", "reject")
_ALLOWED = ("permit", "none", "allow", "log")


def _sources(tag: str) -> tuple[LogSource, ...]:
    for start, (category, service) in _SERVICES:
        if tag.startswith(start):
            return (LogSource("juniper", category, service),)
    return (LogSource("juniper", "", "syslog"),)


def _event(tag: str, kv: dict[str, str], fields: Fields) -> tuple[LogSource, ...]:
    """What tag and pairs say, however they were written."""
    fields.update(_STATIC)
    fields["event.dataset"] = "juniper.junos"
    fields["event.code"] = tag
    kind, category, types, outcome = "event", ["host"], ["info"], ""
    for start, *found in _KINDS:
        if tag.startswith(start):
            kind, category, types, outcome = found
            break
    fields["event.kind"], fields["event.category"] = kind, category
    _ecs(kv, fields)
    action = kv.get("action", "").lower()
    if not outcome and action:
        verdict = "denied" if action.startswith(_DENIED) else "allowed" if action.startswith(_ALLOWED) else ""
        if verdict:
            types, outcome = [*types, verdict], "failure" if verdict == "denied" else "success"
    fields["event.type"] = types
    if outcome:
        fields["event.outcome"] = outcome
    fields.setdefault("event.action", tag.lower().replace("_", "-"))
    if tag.startswith("RT_SCREEN_"):
        transport = tag[10:].partition("_")[0].lower()
        if transport in ("tcp", "udp", "icmp"):
            fields.setdefault("network.transport", transport)
    elif tag.startswith("KMD_") and kv.get("argument1") == "outbound":  # our end began
        fields["source.ip"], fields["destination.ip"] = fields.get("destination.ip"), fields.get("source.ip")
        for name in ("source.ip", "destination.ip"):
            if fields[name] is None:
                del fields[name]
    elif tag.startswith("CONTENT_FILTERING") and kv.get("protocol", "") not in _EMPTY:
        fields["network.protocol"] = kv["protocol"].lower()
    elif tag.startswith("AAMW_") and kv.get("hostname", "") not in _EMPTY and "client-ip" in kv:
        fields["source.domain"] = kv["hostname"]
    return _sources(tag)


def _ecs(kv: dict[str, str], fields: Fields) -> None:
    for native, value in kv.items():
        if value in _EMPTY:
            continue
        if native in SIDES:
            if is_ip(value):
                fields[SIDES[native] + ".ip"] = value
            else:
                put(fields, SIDES[native], value)
        elif native in NUMBERS:
            count = number(value)
            if count is not None and (count or not NUMBERS[native].endswith(".port")):
                fields[NUMBERS[native]] = count
        elif native in TEXT:
            fields[TEXT[native]] = value
    service = fields.get("network.protocol")
    if service is not None:
        fields["network.protocol"] = service.lower().removeprefix("junos-")
    level = fields.get("log.syslog.severity.name")
    if level is not None:
        fields["log.level"] = level.lower()
    proto = kv.get("protocol-id") or kv.get("protocol-name")
    if proto and proto not in _EMPTY:
        fields["network.transport"] = _TRANSPORTS.get(proto, proto.lower())
    seconds = number(kv.get("elapsed-time"))
    if seconds is not None:
        fields["event.duration"] = seconds * 1_000_000_000  # ECS: nanoseconds
    for total, one, other in (
        ("network.bytes", "source.bytes", "destination.bytes"),
        ("network.packets", "source.packets", "destination.packets"),
    ):
        if one in fields and other in fields:
            fields[total] = fields[one] + fields[other]
    if kv.get("mac-address", "") not in _EMPTY:
        fields["source.mac"] = mac(kv["mac-address"])
    url = kv.get("url", "")
    if "obj" in kv and url not in _EMPTY:  # a URL filter writes the host and the path apart
        fields["url.path"] = kv["obj"]
        if "/" not in url:
            fields["url.domain"] = url
    # 'client address, client port, own address, own port'
    ends = kv.get("ssh-connection", "").split()
    if len(ends) == 4 and is_ip(ends[0]):
        fields["source.ip"] = ends[0]
        fields["network.protocol"] = "ssh"


def structured(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A line with ``[junos@2636...]`` (the number may be another), behind a header of RFC 5424 or 3164; None where it stands elsewhere."""
    at = text.find(MARK)
    if not 0 < at <= 400:
        return None
    head = text[:at]
    found = rfc5424.read(head + "-", fields, zone) if head.startswith("<") else None
    stamp: Stamp | None
    if found is not None:
        _, program, stamp = found
        tag = fields.get("log.syslog.msgid", program)
    else:
        relayed = _RELAYED.search(head)
        if relayed is not None:  # a relay's header before the device's own, which has lost its priority
            when, fields["host.name"], tag = relayed.groups()
            return _pairs(text, at, tag, fields), iso(when, zone)
        match = _OLD_HEAD.search(head)
        read = syslog.read(head, fields, zone, day) if match is not None else None
        if match is None or read is None:
            return None
        tag, stamp = match[3], read[2]
    return _pairs(text, at, tag, fields), stamp


def _pairs(text: str, at: int, tag: str, fields: Fields) -> tuple[LogSource, ...]:
    """What stands in the structured data that begins ``at``, and the sentence behind it."""
    end = text.find('"]', at)
    body = text[at : end + 1] if end >= 0 else text[at:]
    pairs = _PAIR.findall(body)
    kv = {key: re.sub(r'\\(["\\\]])', r"\1", value) if "\\" in value else value for key, value in pairs}
    fields.update(kv)
    message = text[end + 2 :].strip() if end >= 0 else ""
    if message:
        fields["message"] = message
    return _event(tag, kv, fields)


def body(message: str, fields: Fields) -> tuple[LogSource, ...] | None:
    """A sentence of one of Junos' programs, its tag in front; None: it has no tag that Junos writes."""
    tagged = _TAG.match(message)
    if tagged is None:
        return _negotiation(message, fields)
    tag, text = tagged[1], message[tagged.end() :]
    kv: dict[str, str] = {}
    for start, sentences in SENTENCES:
        if tag.startswith(start):
            found: Fields = {}
            if rows.first(sentences, text, found):
                kv = {name: value for name, value in found.items() if isinstance(value, str) and name != "event.action"}
            break
    else:
        if not tag.startswith(_KNOWN):
            return None
    fields.update(kv)
    fields["message"] = message
    return _event(tag, kv, fields)


def _negotiation(message: str, fields: Fields) -> tuple[LogSource, ...] | None:
    """``IKE negotiation failed with error: ... Local: 192.0.2.1/500, Remote: 203.0.113.1/500, ...``; who began is the source."""
    found = _NEGOTIATED.match(message)
    if found is None:
        return None
    fields.update(_STATIC)
    fields["event.dataset"], fields["message"] = "juniper.junos", message
    fields["event.category"] = ["network", "session"]
    protocol, ended, reason = found.groups()
    fields["event.action"] = protocol.lower() + "-negotiation"
    fields["event.outcome"] = "success" if ended.startswith("success") else "failure"
    fields["event.type"] = ["start"] if ended.startswith("success") else ["info"]
    if reason:
        fields["event.reason"] = reason
    local, remote = ("source", "destination") if _INITIATOR.search(message) else ("destination", "source")
    for side, ends in ((local, _LOCAL.search(message)), (remote, _REMOTE.search(message))):
        if ends is not None:
            put(fields, side, ends[1])
            number_of_port = port(ends[2])
            if number_of_port:
                fields[side + ".port"] = number_of_port
    return (LogSource("juniper", "", "syslog"),)


_NEGOTIATED = re.compile(
    r"(IKE|IPSec) negotiation (failed|successfully completed)(?: with error: (.{1,200}?))?\. ", re.ASCII
)
_INITIATOR = re.compile(r"[,:] Role: Initiator\b", re.ASCII)
_LOCAL = re.compile(r"\bLocal: ([0-9A-Fa-f.:]{2,45})/(\d{1,5})", re.ASCII)
_REMOTE = re.compile(r"\bRemote: ([0-9A-Fa-f.:]{2,45})/(\d{1,5})", re.ASCII)


def filtered(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A packet that a stateless filter logs: ``PFE_FW_SYSLOG_IP: FW: ge-0/0/1.0 D tcp 192.0.2.1 198.51.100.1 40000 22 (1 packets)``."""
    read = syslog.read(text, fields, zone, day)
    sources = packet(read[0], fields) if read is not None else None
    return (sources, read[2]) if read is not None and sources is not None else None


def packet(message: str, fields: Fields) -> tuple[LogSource, ...] | None:
    """The text of such a line; the kernel of Junos writes it without the tag (``FW: ge-0/0/1.0 A udp ...``). None: another text."""
    found = _FILTERED.match(message)
    if found is None:
        return None
    tag, interface, verdict, protocol, source, destination, source_port, destination_port, packets = found.groups()
    fields.update(_STATIC)
    fields["event.dataset"], fields["message"] = "juniper.junos", message
    if tag:
        fields["event.code"] = tag
    allowed = verdict == "A"
    fields["event.category"], fields["event.type"] = _NETWORK, ["connection", "allowed" if allowed else "denied"]
    fields["event.outcome"] = "success" if allowed else "failure"
    fields["event.action"] = {"A": "accept", "D": "discard"}.get(verdict, "reject")
    fields["observer.ingress.interface.name"] = interface
    fields["network.transport"] = _TRANSPORTS.get(protocol, protocol.lower())
    put(fields, "source", source)
    put(fields, "destination", destination)
    if fields["network.transport"] in ("tcp", "udp", "sctp"):
        fields["source.port"], fields["destination.port"] = port(source_port), port(destination_port)
    if packets:
        fields["network.packets"] = fields["source.packets"] = int(packets)
    return (LogSource("juniper", "firewall", "syslog"),)


FILTER_MARK = "PFE_FW_SYSLOG_IP"
KERNEL_MARK = "FW: "
_FILTERED = re.compile(
    r"(?:(?:\S{1,255} )?(PFE_FW_SYSLOG_IP6?(?:_\w{1,16})?): (?:FW: )?|FW: )(\S{1,64}) {1,2}([ADR]) {1,2}(\S{1,16}) "
    r"([0-9A-Fa-f.:]{2,45}) ([0-9A-Fa-f.:]{2,45}) {1,3}(\d{1,5}) {1,3}(\d{1,5})(?: \((\d{1,12}) packets?\))?",
    re.ASCII,
)

_KNOWN = (
    "RT_",
    "UI_",
    "SSHD_LOGIN",
    "LOGIN_",
    "IDP_",
    "WEBFILTER_",
    "AV_",
    "AAMW_",
    "SECINTEL_",
    "APPTRACK_",
    "RPD_",
    "CHASSISD_",
    "SNMPD_",
    "LDP_",
    "BGP_",
    "KMD_",
    "DOT1XD_",
    "JSRPD_",
    "FWAUTH_",
    "WEBAUTH_",
    "RTLOG_",
    "CONTENT_",
    "ANTISPAM_",
)
"""How the tags of Junos begin (System Log Explorer), for programs that other systems have too."""

PROGRAMS = (
    "rt_flow",
    "rt_utm",
    "rt_idp",
    "rt_screen",
    "rt_ids",
    "rt_aamw",
    "rt_secintel",
    "rt_system",
    "mgd",
    "rpd",
    "kmd",
    "fwauthd",
    "jsrpd",
    "login",
    "utmd",
    "idpd",
    "web-auth",
    "chassisd",
)
"""Programs of Junos that write tagged sentences."""


def digest(message: str, fields: Fields) -> tuple[LogSource, ...] | None:
    """The kernel of Junos on a BGP segment without a digest: ``tcp_auth_ok: Packet from 203.0.113.1:179 missing MD5 digest``."""
    match = _DIGEST.match(message)
    if match is None:
        return None
    fields.update(_STATIC)
    fields["event.dataset"] = "juniper.junos"
    fields["message"] = message
    fields["event.category"], fields["event.type"], fields["event.outcome"] = (
        _NETWORK,
        ["connection", "denied"],
        "failure",
    )
    fields["event.action"], fields["event.reason"] = "tcp-md5", match[3]
    put(fields, "source", match[1])
    fields["source.port"] = int(match[2])
    return (LogSource("juniper", "", "bgp"),)


_DIGEST = re.compile(
    r"tcp_auth_ok: Packet from ([0-9A-Fa-f.:]{2,45}):(\d{1,5}) ((?:missing|unexpectedly has|wrong) MD5 digest)",
    re.ASCII,
)


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line of either form, behind any syslog header."""
    if MARK in text:
        reading = structured(text, fields, zone, day)
        if reading is not None:
            return reading
        fields.clear()
    found = syslog.read(text, fields, zone, day)
    if found is None:
        raise refuse("juniper-srx: no syslog header")
    message, _, stamp = found
    if FILTER_MARK in message and (reading := filtered(text, fields, zone, day)) is not None:
        return reading
    if message.startswith(KERNEL_MARK) and (sources := packet(message, fields)) is not None:
        return sources, stamp
    sources = digest(message, fields) or body(message, fields)
    if sources is not None:
        return sources, stamp
    fields.update(_STATIC)
    fields["event.dataset"] = "juniper.junos"
    fields["event.category"], fields["event.type"] = ["host"], ["info"]
    fields["message"] = message
    return (LogSource("juniper", "", "syslog"),), stamp


PRODUCT = Product(
    "juniper-srx",
    "Juniper SRX and Junos: RT_FLOW, RT_UTM, RT_IDP, RT_SCREEN and log-on lines, structured or in sentences",
    parse,
    fields=FIELDS,
)

"""pfSense and OPNsense: ``filterlog`` rows, log-ons to the web interface, OpenVPN and IPsec lines → events."""

from typing import Any
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import is_ip, number
from soc.normalize.formats import csv, syslog
from soc.normalize.products import rows
from soc.normalize.products.product import Body, Fields, Product, Reading, refuse
from soc.normalize.products.rows import Row, row

# The columns, as pfSense's "Raw Filter Log Format" and OPNsense's filterlog name them
_COMMON = ("rulenr", "subrulenr", "anchor", "tracker", "interface", "reason", "action", "dir", "ipversion")
_VERSIONS = {
    "4": ("tos", "ecn", "ttl", "id", "offset", "ipflags", "protonum", "protoname", "length", "src", "dst"),
    "6": ("class", "flowlabel", "hoplimit", "protoname", "protonum", "length", "src", "dst"),
}
_PORTS = ("srcport", "dstport", "datalen")
_PROTOCOLS = {
    "tcp": (*_PORTS, "tcpflags", "seq", "ack", "window", "urg", "tcpopts"),
    "udp": _PORTS,
    "icmp": ("icmptype", "icmpdata"),
    "icmpv6": ("icmptype", "icmpdata"),
    "ipv6-icmp": ("icmptype", "icmpdata"),
    "carp": ("carptype", "ttl", "vhid", "version", "advskew", "advbase"),
}
_LABEL = 32
"""OPNsense writes the rule's label as a digest of so many digits where pfSense writes a short number."""

FIELDS: dict[str, str] = {
    **dict.fromkeys(
        (*_COMMON, *_VERSIONS["4"], *_VERSIONS["6"], *(name for names in _PROTOCOLS.values() for name in names)), ""
    ),
    "rulenr": "rule.id",
    "tracker": "rule.uuid",
    "interface": "observer.ingress.interface.name",
    "reason": "event.reason",
    "action": "event.action",
    "dir": "network.direction",
    "protoname": "network.transport",
    "length": "network.bytes",
    "src": "source.ip",
    "dst": "destination.ip",
    "srcport": "source.port",
    "dstport": "destination.port",
}
"""Every column of a filterlog row → ECS."""

_VERDICTS = {"pass": ("allowed", "success"), "block": ("denied", "failure"), "reject": ("denied", "failure")}
_DIRECTIONS = {"in": ("inbound", "ingress"), "out": ("outbound", "egress")}
_TRANSPORTS = {"icmpv6": "ipv6-icmp"}
_STATIC: dict[str, Any] = {
    "event.module": "pfsense",
    "event.kind": "event",
    "observer.type": "firewall",
}
_SOURCES = (LogSource("pfsense", "firewall", "filterlog"),)


def filterlog(message: str, fields: Fields) -> tuple[LogSource, ...] | None:
    """One row of filterlog; None: not such a row."""
    values = csv.read(message.strip(), most=64)
    if len(values) < len(_COMMON) or values[8] not in _VERSIONS:
        return None
    names = (*_COMMON, *_VERSIONS[values[8]])
    kv = dict(zip(names, values, strict=False))
    rest = values[len(names) :]
    transport = kv.get("protoname", "").lower()
    kv.update(zip(_PROTOCOLS.get(transport, ()), rest, strict=False))
    kv = {name: value for name, value in kv.items() if value}
    fields.update(kv)
    fields.update(_STATIC)
    opnsense = len(kv.get("tracker", "")) == _LABEL
    fields["event.dataset"] = "pfsense.filterlog"
    fields["observer.vendor"], fields["observer.product"] = (
        ("OPNsense", "OPNsense") if opnsense else ("Netgate", "pfSense")
    )
    fields["message"] = message
    fields["event.category"] = ["network"]
    kind, outcome = _VERDICTS.get(kv.get("action", ""), ("", ""))
    fields["event.type"] = ["connection", kind] if kind else ["connection"]
    if outcome:
        fields["event.outcome"] = outcome
    _ecs(kv, transport, fields)
    return _SOURCES


def _ecs(kv: dict[str, str], transport: str, fields: Fields) -> None:
    for native, name in (
        ("action", "event.action"),
        ("rulenr", "rule.id"),
        ("tracker", "rule.uuid"),
        ("tracker", "rule.id"),  # stays the rule's when others are put before it; 0 where it has none
        ("reason", "event.reason"),
    ):
        if native in kv and (native != "tracker" or kv[native] != "0"):
            fields[name] = kv[native]
    if kv.get("protonum", "").isdecimal():
        fields["network.iana_number"] = kv["protonum"]
    direction, side = _DIRECTIONS.get(kv.get("dir", ""), ("", "ingress"))
    if direction:
        fields["network.direction"] = direction
    if "interface" in kv:
        fields[f"observer.{side}.interface.name"] = kv["interface"]
    if transport:
        fields["network.transport"] = _TRANSPORTS.get(transport, transport)
    fields["network.type"] = "ipv" + kv["ipversion"]
    for native, side in (("src", "source"), ("dst", "destination")):
        if is_ip(kv.get(native, "")):
            fields[side + ".ip"] = kv[native]
        port = number(kv.get(native + "port"))
        if port is not None:
            fields[side + ".port"] = port
    length = number(kv.get("length"))
    if length is not None:
        fields["network.bytes"] = length


_IP = r"\[?([0-9A-Fa-f.:]{2,45}?)\]?"
_USER = r"'([^']{0,255})'"
WEB = (
    row(
        rf"(?:\S{{1,64}}: )?Successful login (?:on \S{{1,64}} )?for (?:user )?{_USER} from:? {_IP}(?: |$)",
        "user.name source",
        "login",
        "authentication",
        "start",
        "success",
    ),
    row(
        rf"(?:\S{{1,64}}: )?(?:webConfigurator|[Ww]eb ?[Gg][Uu][Ii]|\S{{1,32}}) authentication error for (?:user )?{_USER} from:? {_IP}(?: |$)",
        "user.name source",
        "login",
        "authentication",
        "start",
        "failure",
    ),
    row(
        rf"(?:\S{{1,64}}: )?(?:User logged out|Session timed out) for (?:user )?{_USER} from:? {_IP}(?: |$)",
        "user.name source",
        "logout",
        "authentication session",
        "end",
    ),
)
"""Log-ons to the web interface."""
OPENVPN = (
    row(
        r"TLS (?:Auth )?Error: (.{1,200}? from) \[AF_INET6?\]([0-9A-Fa-f.:]{2,45}?):(\d{1,5})(?: |$|\))",
        "event.reason source source.port",
        "vpn-refused",
        "session network",
        "denied",
        "failure",
    ),
    row(
        rf"openvpn server '([^']{{1,64}})' user {_USER} address '?{_IP}'?(?::\d{{1,5}})? - connecting",
        "rule.name user.name source",
        "vpn-connecting",
        "session network",
        "info",
    ),
    row(
        rf"openvpn server '([^']{{1,64}})' user {_USER} address '?{_IP}'?(?::\d{{1,5}})? - connected",
        "rule.name user.name source",
        "vpn-session-start",
        "session network",
        "start",
        "success",
    ),
    row(
        rf"openvpn server '([^']{{1,64}})' user {_USER} address '?{_IP}'?(?::\d{{1,5}})? - disconnected",
        "rule.name user.name source",
        "vpn-session-end",
        "session network",
        "end",
    ),
    row(rf"user {_USER} authenticated", "user.name", "vpn-login", "authentication", "start", "success"),
    row(rf"user {_USER} could not authenticate", "user.name", "vpn-login", "authentication", "start", "failure"),
    row(
        rf"(?:\S{{1,255}} )?\[([^\]]{{1,255}})\] Peer Connection Initiated with \[AF_INET6?\]{_IP}:(\d{{1,5}})(?: |$)",
        "user.name source source.port",
        "vpn-session-start",
        "session network",
        "start",
        "success",
    ),
    row(
        rf"(?:([^\s/]{{1,255}})/)?{_IP}:(\d{{1,5}}) TLS Auth Error: (.{{1,200}})",
        "user.name source source.port event.reason",
        "vpn-login",
        "authentication",
        "start",
        "failure",
    ),
    row(
        rf"(?:([^\s/]{{1,255}})/)?{_IP}:(\d{{1,5}}) TLS Error: (.{{1,200}})",
        "user.name source source.port event.reason",
        "vpn-tls",
        "session network",
        "error",
        "failure",
    ),
    row(
        rf"(?:([^\s/]{{1,255}})/){_IP}:(\d{{1,5}}) (.{{1,200}})",
        "user.name source source.port event.reason",
        "vpn",
        "session network",
        "info",
    ),
    row(rf"{_IP}:(\d{{1,5}}) (.{{1,200}})", "source source.port event.reason", "vpn", "session network", "info"),
)
"""OpenVPN's own texts, and those of the script that pfSense runs at each connection."""
_IKE = r"(?:\d{1,5}\[\w{3}\] )?(?:<([^<>|]{1,64})\|?[^<>]{0,20}> )?"
CHARON = (
    row(
        rf"{_IKE}(?:sending|received) packet: from {_IP}\[(\d{{1,5}})\] to {_IP}\[(\d{{1,5}})\] \((\d{{1,9}}) bytes\)",
        "rule.name source source.port destination destination.port network.bytes",
        "vpn-packet",
        "network",
        "connection",
    ),
    row(
        rf"{_IKE}IKE_SA (\S{{1,64}}) established between {_IP}\[([^\]]{{0,255}})\]\.\.\.{_IP}\[([^\]]{{0,255}})\]",
        "rule.name ipsec.sa destination ipsec.local source user.name",
        "vpn-session-start",
        "session network",
        "start",
        "success",
    ),
    row(
        rf"{_IKE}deleting IKE_SA (\S{{1,64}}) between {_IP}\[([^\]]{{0,255}})\]\.\.\.{_IP}\[([^\]]{{0,255}})\]",
        "rule.name ipsec.sa destination ipsec.local source user.name",
        "vpn-session-end",
        "session network",
        "end",
    ),
    row(
        rf"{_IKE}{_IP} is initiating an? (?:\w{{1,16}} Mode )?IKE_SA",
        "rule.name source",
        "vpn-initiated",
        "session network",
        "info",
    ),
    row(
        rf"{_IKE}EAP method \w{{1,32}} failed for peer (\S{{1,255}})",
        "rule.name user.name",
        "vpn-login",
        "authentication",
        "start",
        "failure",
    ),
    row(
        rf"{_IKE}authentication of {_USER} .{{0,80}}?successful",
        "rule.name user.name",
        "vpn-login",
        "authentication",
        "start",
        "success",
    ),
)
"""strongSwan's texts."""


def _texts(table: tuple[Row, ...], module: str, service: str) -> Body:
    sources = (LogSource(module, "", service),)

    def read(message: str, fields: Fields) -> tuple[LogSource, ...] | None:
        if not rows.first(table, message, fields):
            return None
        fields.update(_STATIC if module == "pfsense" else {"event.module": module, "event.kind": "event"})
        fields["event.dataset"] = f"{module}.{service}"
        fields["message"] = message
        return sources

    return read


_WEB_PROGRAMS = ("php-fpm", "php", "audit", "configd.py")

BODIES: dict[str, Body] = {
    "filterlog": filterlog,
    "openvpn": _texts(OPENVPN, "openvpn", "openvpn"),
    "charon": _texts(CHARON, "strongswan", "ipsec"),
    **dict.fromkeys(_WEB_PROGRAMS, _texts(WEB, "pfsense", "webgui")),
}
"""By program: what is none of these texts is the line of any other Unix system. OpenVPN and strongSwan run on those too."""

_OWN: dict[str, Body] = {
    **BODIES,
    "openvpn": _texts(OPENVPN, "pfsense", "openvpn"),
    "charon": _texts(CHARON, "pfsense", "ipsec"),
}
"""As BODIES, where the profile says that it is a pfSense or OPNsense."""


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line with a syslog header, or a bare row of filterlog."""
    found = syslog.read(text, fields, zone, day)
    message, program, stamp = found if found is not None else (text, "filterlog", None)
    body = _OWN.get(program.rpartition("/")[2].lower())
    sources = body(message, fields) if body is not None else None
    if sources is not None:
        return sources, stamp
    if found is None:
        raise refuse("pfsense: neither a syslog header nor a row of filterlog")
    fields.update(_STATIC)
    fields["event.dataset"] = "pfsense.syslog"
    fields["event.category"], fields["event.type"] = ["host"], ["info"]
    fields["message"] = message
    return (LogSource("pfsense", "", "syslog"),), stamp


PRODUCT = Product(
    "pfsense",
    "pfSense and OPNsense: filterlog rows, web log-ons, OpenVPN and IPsec",
    parse,
    fields=FIELDS,
)

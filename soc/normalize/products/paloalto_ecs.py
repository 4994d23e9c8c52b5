"""PAN-OS columns by their vendor's names → ECS fields, the event's kind, category, type and outcome, and its logsources."""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from soc.model.event import LogSource
from soc.normalize.addresses import is_ip, mac, number, put
from soc.normalize.products.paloalto_fields import COLUMNS, HEAD
from soc.normalize.products.product import Fields

TEXT = {
    "action": "event.action",
    "app": "network.application",
    "authpolicy": "rule.name",
    "cert_serial": "tls.server.x509.serial_number",
    "cn": "tls.server.x509.subject.common_name",
    "comment": "message",
    "contenttype": "http.response.mime_type",
    "desc": "message",
    "device_name": "observer.name",
    "dst_mac": "destination.mac",
    "ec_curve": "tls.curve",
    "error": "error.message",
    "eventid": "event.code",
    "event_name": "event.action",
    "evidence": "message",
    "from": "observer.ingress.zone",
    "hostid": "host.id",
    "http_method": "http.request.method",
    "inbound_if": "observer.ingress.interface.name",
    "issuer_cn": "tls.server.x509.issuer.common_name",
    "mac": "source.mac",
    "machinename": "source.domain",
    "matchname": "rule.name",
    "objectname": "rule.name",
    "opaque": "message",
    "outbound_if": "observer.egress.interface.name",
    "path": "message",
    "reason": "event.reason",
    "referer": "http.request.referrer",
    "rule": "rule.name",
    "rule_uuid": "rule.uuid",
    "seqno": "event.id",
    "serial": "observer.serial_number",
    "session_end_reason": "event.reason",
    "severity": "log.level",
    "sni": "tls.client.server_name",
    "src_host": "source.domain",
    "src_mac": "source.mac",
    "subject": "email.subject",
    "tls_enc": "tls.cipher",
    "to": "observer.egress.zone",
    "user_agent": "user_agent.original",
}
"""Column → ECS, as text."""

NUMBERS = {
    "beginport": "source.port",
    "bytes": "network.bytes",
    "bytes_received": "destination.bytes",
    "bytes_sent": "source.bytes",
    "cert_size": "tls.server.x509.public_key_size",
    "dport": "destination.port",
    "endport": "destination.port",
    "natdport": "destination.nat.port",
    "natsport": "source.nat.port",
    "packets": "network.packets",
    "pkts_received": "destination.packets",
    "pkts_sent": "source.packets",
    "sport": "source.port",
}
"""Column → ECS, as an integer."""

ADDRESSES = {
    "dst": "destination",
    "host": "source",
    "ip": "source",
    "natdst": "destination.nat",
    "natsrc": "source.nat",
    "private_ip": "source.nat",
    "private_ipv6": "source.nat",
    "public_ip": "source",
    "public_ipv6": "source",
    "src": "source",
    "srcipv6": "source",
}
"""Column → the side whose address it is; GlobalProtect's private address is the one given to the client."""

USERS = {
    "admin": "user",
    "dstuser": "destination.user",
    "srcuser": "source.user",
    "user": "source.user",
}
r"""Column → where ``DOMAIN\name`` and ``name@domain`` go, as ``.name`` and ``.domain``; the source's user is the event's too."""

_LISTS = {"recipient": "email.to.address", "sender": "email.from.address", "xff": "", "xff_ip": ""}
_DIGITS = 18
"""What is longer may not fit 63 bits."""
_SECONDS = ("elapsed", "login_duration")


class _Plan(NamedTuple):
    """The columns of one type that have an ECS field, by what is done to them."""

    texts: tuple[tuple[str, str], ...]
    numbers: tuple[tuple[str, str], ...]
    addresses: tuple[tuple[str, str], ...]
    users: tuple[tuple[str, str], ...]
    lists: tuple[tuple[str, str], ...]


def _plan(columns: Iterable[str]) -> _Plan:
    names = tuple(dict.fromkeys(columns))
    return _Plan(
        *(
            tuple((name, table[name]) for name in names if name in table)
            for table in (TEXT, NUMBERS, ADDRESSES, USERS, _LISTS)
        )
    )


_PLANS = {kind: _plan((*HEAD, *columns)) for kind, columns in COLUMNS.items()}
_ANY = _plan((*TEXT, *NUMBERS, *ADDRESSES, *USERS, *_LISTS))
_NO_ADDRESS = frozenset(("0.0.0.0", "::", "0"))  # noqa: S104 - what the vendor writes where there is none
_SEVERITY = {"critical": 2, "high": 3, "medium": 4, "low": 5, "informational": 6}
"""The vendor's five severities as the syslog severities that it sends them with (System Log Severity Levels)."""
_PROTOCOLS = {
    **{
        app: app
        for app in ("dns", "ssh", "ftp", "tftp", "smtp", "pop3", "imap", "ldap", "ntp", "snmp", "sip", "telnet")
    },
    "ssl": "tls",
    "web-browsing": "http",
    "ms-rdp": "rdp",
    "ms-ds-smb": "smb",
    "quic": "quic",
    "kerberos": "kerberos",
}
_THREAT = re.compile(r"(?P<name>.{0,400}?)\((?P<id>\d{1,12})\)$", re.DOTALL)
_ALLOWED = frozenset(
    ("allow", "alert", "continue", "override", "block-override", "syncookie-sent", "forward", "wildfire-upload-success")
)
_DENIED_START = (
    "deny",
    "drop",
    "reset",
    "block",
    "sinkhole",
    "random-drop",
    "override-lockout",
    "wildfire-upload-skip",
)

_CATEGORIES = {
    "url": ["web", "network"],
    "file": ["file", "network"],
    "data": ["file", "network"],
    "virus": ["malware", "network"],
    "ml-virus": ["malware", "network"],
    "wildfire": ["malware", "network"],
    "wildfire-virus": ["malware", "network"],
}
_NO_ALERT = frozenset(("url", "file", "data", "wildfire"))
_FILES = frozenset(("file", "data", "virus", "ml-virus", "wildfire", "wildfire-virus"))


def ecs(kind: str, kv: dict[str, str], fields: Fields) -> None:
    """Write the ECS field of each column that has one.

    Args:
        kind: the log's type.
        kv: column → value, none of them empty.
        fields: written to.
    """
    plan = _PLANS.get(kind, _ANY)
    for native, name in plan.texts:
        if native in kv:
            fields[name] = kv[native] if not name.endswith(".mac") else mac(kv[native])
    if "severity" in kv:
        fields["log.level"] = kv["severity"].lower()
    for native, name in plan.numbers:
        value = kv.get(native)
        # port 0: the protocol has none, or nothing was translated
        if (
            value is not None
            and value.isdecimal()
            and len(value) <= _DIGITS
            and (value != "0" or not name.endswith(".port"))
        ):
            fields[name] = int(value)
    for native, name in plan.addresses:
        value = kv.get(native)
        if value is None or value in _NO_ADDRESS:
            continue
        if is_ip(value):
            fields[name + ".ip"] = value
        else:
            put(fields, name, value)
    for native, name in plan.users:
        if native in kv:
            _user(fields, name, kv[native])
    for native, name in plan.lists:
        value = kv.get(native)
        if value is None:
            continue
        if name:
            fields[name] = [value]
        elif is_ip(value):
            fields["network.forwarded_ip"] = value
    _derived(kv, fields)


def _user(fields: Fields, name: str, value: str) -> None:
    r"""A user as the device knows it: ``DOMAIN\name``, ``name@domain``, a distinguished name, or the address behind a proxy."""
    if value[:11].lower() == "x-fwd-for: ":
        if is_ip(value[11:]):
            fields["network.forwarded_ip"] = value[11:]
        return
    domain, _, login = value.rpartition("\\")
    domain = domain.rstrip("\\")
    mail = ""
    if not domain and value.count("@") == 1:
        login, _, domain = value.partition("@")
        mail = value
    if not login or (mail and not domain):
        domain, login, mail = "", value, ""
    for prefix in (name, "user") if name == "source.user" else (name,):
        fields[prefix + ".name"] = login
        if domain:
            fields[prefix + ".domain"] = domain
        if mail:
            fields[prefix + ".email"] = mail


def _derived(kv: dict[str, str], fields: Fields) -> None:
    proto = kv.get("proto")
    if proto:
        fields["network.transport"] = "ipv6-icmp" if proto == "icmp6" else proto.lower()
    protocol = _PROTOCOLS.get(kv.get("app", ""))
    if protocol:
        fields["network.protocol"] = protocol
    severity = _SEVERITY.get(kv.get("severity", "").lower())
    if severity is not None:
        fields["event.severity"] = severity
    for name in _SECONDS:
        seconds = number(kv.get(name))
        if seconds is not None:
            fields["event.duration"] = seconds * 1_000_000_000  # ECS: nanoseconds
    for native, side in (("srcloc", "source"), ("dstloc", "destination"), ("srcregion", "source")):
        place = kv.get(native)
        if place and not place[0].isdigit() and ":" not in place:  # for private addresses it is their range
            kind = "country_iso_code" if len(place) == 2 else "country_name"
            fields[f"{side}.geo.{kind}"] = place
    name = kv.get("device_name")
    if name:
        fields["host.name"] = name
    digest = kv.get("filedigest")
    if digest and len(digest) in _HASHES:
        fields["file.hash." + _HASHES[len(digest)]] = digest.lower()
    print_ = kv.get("fingerprint")
    if print_ and len(print_) in _HASHES:
        fields["tls.server.hash." + _HASHES[len(print_)]] = print_.upper()
    version = kv.get("tls_version", "")
    if version[:3] in ("TLS", "SSL"):
        fields["tls.version_protocol"], fields["tls.version"] = version[:3].lower(), version[3:].lstrip("v")


_HASHES = {32: "md5", 40: "sha1", 64: "sha256"}


def verdict(action: str) -> str:
    """``allowed``, ``denied`` or "" of an ``action`` column (Traffic and Threat Log Fields)."""
    action = action.lower()
    if action in _ALLOWED:
        return "allowed"
    return "denied" if action.startswith(_DENIED_START) else ""


def _judge(action: str, fields: Fields, types: list[str]) -> None:
    found = verdict(action)
    if found:
        types.append(found)
        fields["event.outcome"] = "success" if found == "allowed" else "failure"
    fields["event.type"] = types


def traffic(kv: dict[str, str], fields: Fields) -> tuple[LogSource, ...]:
    """A session's start or end, or one that was refused; DECRYPTION too."""
    fields["event.category"] = ["network"]
    subtype = kv.get("subtype", "")
    types = ["connection"]
    if subtype in ("start", "end"):
        types.append(subtype)
    _judge(kv.get("action", ""), fields, types)
    return _TRAFFIC


_TRAFFIC = (LogSource("paloalto", "firewall", "traffic"),)
_THREATS = {
    subtype: (
        LogSource("paloalto", "firewall", "threat"),
        LogSource("paloalto", "firewall", subtype),
        *((LogSource("paloalto", category, subtype),) if category else ()),
    )
    for subtype, category in (
        *(("url", "proxy"), ("virus", "antivirus"), ("ml-virus", "antivirus"), ("wildfire-virus", "antivirus")),
        *(
            (subtype, "")
            for subtype in ("wildfire", "vulnerability", "spyware", "file", "data", "flood", "scan", "packet")
        ),
    )
}
_ANY_THREAT = (LogSource("paloalto", "firewall", "threat"),)


def threat(kv: dict[str, str], fields: Fields) -> tuple[LogSource, ...]:
    """What a security profile found: a URL, a file, a virus, an attack."""
    subtype = kv.get("subtype", "")
    fields["event.category"] = _CATEGORIES.get(subtype, ["intrusion_detection", "network"])
    if subtype not in _NO_ALERT or kv.get("category") in ("malicious", "phishing", "grayware"):
        fields["event.kind"] = "alert"
    _judge(kv.get("action", ""), fields, ["access" if subtype in ("url", "file", "data") else "info"])
    match = _THREAT.match(kv.get("threatid", "")[-420:])
    if match is not None:
        fields["event.code"] = match["id"]
        name = match["name"].strip()
        if name and subtype != "url":
            fields["threat.indicator.name"] = name
    misc = kv.get("misc")
    if misc:
        _misc(misc, subtype, kv, fields)
    return _THREATS.get(subtype, _ANY_THREAT)


def _misc(misc: str, subtype: str, kv: dict[str, str], fields: Fields) -> None:
    """The URL or the file's name, by the subtype and by whether there is a path (Threat Log Fields, "URL/Filename")."""
    slash = "/" in misc
    if subtype == "spyware" and not slash and kv.get("app") in ("dns", "dns-base"):
        fields["dns.question.name"] = misc
        return
    if subtype in _FILES:
        path = misc.partition("?")[0]
        name = path.rpartition("/")[2].rpartition("\\")[2]
        if name:
            fields["file.name"] = name
    if subtype == "url" or (slash and subtype not in ("file", "data")):
        _url(misc, fields)


def _url(url: str, fields: Fields) -> None:
    """``host:port/path?query``: the vendor writes no scheme."""
    fields["url.original"] = url
    scheme, mark, rest = url.partition("://")
    if not mark or "/" in scheme:
        rest = url
    host, slash, path = rest.partition("/")
    host, question, query = host.partition("?")
    if slash:
        path, question, query = path.partition("?")
        fields["url.path"] = "/" + path
    if question:
        fields["url.query"] = query
    name, colon, digits = host.rpartition(":")
    at = number(digits) if colon and "]" not in digits else None
    if at is not None:
        fields["url.port"] = at
        host = name
    if host:
        fields["url.domain"] = host


def fields_of(columns: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """Every column of every type → its ECS names, for the reference."""
    special = {
        "proto": "network.transport",
        "time_generated": "@timestamp",
        "high_res_timestamp": "@timestamp",
        "misc": "url.original, file.name, dns.question.name",
        "threatid": "event.code, threat.indicator.name",
        "elapsed": "event.duration",
        "login_duration": "event.duration",
        "filedigest": "file.hash.sha256",
        "srcloc": "source.geo.country_name",
        "dstloc": "destination.geo.country_name",
        "srcregion": "source.geo.country_iso_code",
        "tls_version": "tls.version",
        "xff": "network.forwarded_ip",
        "xff_ip": "network.forwarded_ip",
        "fingerprint": "tls.server.hash.sha256",
        "cmd": "event.action",
        "result": "event.outcome",
        "status": "event.outcome",
        "event": "event.outcome",
    }
    ends: dict[str, Any] = {
        **TEXT,
        **NUMBERS,
        **{native: side + ".ip" for native, side in ADDRESSES.items()},
        **{native: name + ".name" for native, name in USERS.items()},
        **{native: name for native, name in _LISTS.items() if name},
        **special,
    }
    names = dict.fromkeys(name for row in columns.values() for name in row if name != "future_use")
    return {name: ends.get(name, "") for name in names}

"""Cisco ASA message ids → what each one's text holds, after the documented formats (ASA Series Syslog Messages).

A row is (pattern, names of its groups, fields that hold for every such message). A new id is a row and a sample.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple


class Message(NamedTuple):
    """One message id.

    Attributes:
        pattern: matched at the start of the text after ``%ASA-n-id: ``.
        names: event field of each group; ``source`` and ``destination`` are address positions.
        fields: set for each such message.
    """

    pattern: re.Pattern[str]
    names: tuple[str, ...]
    fields: Mapping[str, Any]


_IF_IP_PORT = r"([^\s:/]{1,64}):([^\s/(]{1,255})/(\d{1,5})"
_IP_PORT = r"([^\s/]{1,255})/(\d{1,5})"
_IF_IP = r"([^\s:/]{1,64}):([^\s/(,]{1,255})"
_USER = r"(?: ?\((?!type )([^()]{1,255})\))?"
_MAPPED = r" \(([^\s/()]{1,255})/(\d{1,5})\)"

_SRC = ("observer.ingress.interface.name", "source", "source.port")
_DST = ("observer.egress.interface.name", "destination", "destination.port")
_ENDS = ("source", "source.port", "destination", "destination.port")


def _net(action: str, types: list[str], outcome: str | None = None, **more: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"event.category": ["network"], "event.type": types, "event.action": action}
    if outcome is not None:
        fields["event.outcome"] = outcome
    for name, value in more.items():
        fields[name.replace("_", ".")] = value
    return fields


def _denied(**more: Any) -> dict[str, Any]:
    return _net("deny", ["connection", "denied"], "failure", **more)


def _login(action: str, outcome: str | None, types: list[str], categories: list[str] | None = None) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "event.category": categories or ["authentication"],
        "event.type": types,
        "event.action": action,
    }
    if outcome is not None:
        fields["event.outcome"] = outcome
    return fields


def _row(pattern: str, names: tuple[str, ...], fields: dict[str, Any]) -> Message:
    return Message(re.compile(pattern, re.ASCII), names, fields)


_BUILT = (
    rf"Built (inbound|outbound) (TCP|UDP|SCTP|GRE) connection (\d{{1,20}}) for {_IF_IP_PORT}{_MAPPED}{_USER} "
    rf"to {_IF_IP_PORT}{_MAPPED}{_USER}"
)
_BUILT_NAMES = (
    "network.direction",
    "network.transport",
    "cisco.asa.connection_id",
    *_SRC,
    "source.nat",
    "source.nat.port",
    "source.user.name",
    *_DST,
    "destination.nat",
    "destination.nat.port",
    "user.name",
)
_TEARDOWN = (
    rf"Teardown (TCP|UDP|SCTP|GRE) connection (\d{{1,20}}) for {_IF_IP_PORT}{_USER} to {_IF_IP_PORT}{_USER} "
    r"duration (\d{1,5}:\d{2}:\d{2}) bytes (\d{1,18})(?: ([^()]{1,200}))?(?: \(([^()]{1,255})\))?"
)
_TEARDOWN_NAMES = (
    "network.transport",
    "cisco.asa.connection_id",
    *_SRC,
    "source.user.name",
    *_DST,
    "destination.user.name",
    "event.duration",
    "network.bytes",
    "event.reason",
    "user.name",
)
_ICMP = (
    r"(?:Built (inbound|outbound)|Teardown) ICMP connection for faddr ([^\s/(]{1,255})/(\d{1,5})"
    rf"{_USER} gaddr ([^\s/(]{{1,255}})/\d{{1,5}} laddr ([^\s/(]{{1,255}})/(\d{{1,5}}){_USER}"
)
_ICMP_NAMES = (
    "network.direction",
    "source",
    "cisco.asa.icmp_code",
    "source.user.name",
    "destination.nat",
    "destination",
    "cisco.asa.icmp_type",
    "user.name",
)
_XLATE = (
    rf"(?:Built|Teardown) (dynamic|static) (\S{{1,16}}) translation from {_IF_IP_PORT}{_USER} to {_IF_IP_PORT}"
    r"(?: duration (\d{1,5}:\d{2}:\d{2}))?"
)
_XLATE_NAMES = (
    "cisco.asa.translation",
    "network.transport",
    *_SRC,
    "source.user.name",
    "observer.egress.interface.name",
    "source.nat",
    "source.nat.port",
    "event.duration",
)
_VPN = r"Group <([^<>]{0,255})> User <([^<>]{0,255})> IP <([^<>]{0,64})> ?(.{0,500})"
_VPN_NAMES = ("user.group.name", "user.name", "source", "event.reason")
_SESSION = ["authentication", "session", "network"]

MESSAGES: dict[str, Message] = {
    "106001": _row(
        rf"Inbound TCP connection denied from {_IP_PORT} to {_IP_PORT} flags (.{{1,40}}?) +on interface (\S{{1,64}})",
        (*_ENDS, "cisco.asa.tcp_flags", "observer.ingress.interface.name"),
        _denied(network_transport="tcp", network_direction="inbound"),
    ),
    "106006": _row(
        rf"Deny (inbound|outbound) UDP from {_IP_PORT} to {_IP_PORT}(?: on interface (\S{{1,64}}))?",
        ("network.direction", *_ENDS, "observer.ingress.interface.name"),
        _denied(network_transport="udp"),
    ),
    "106007": _row(
        rf"Deny (inbound|outbound) UDP from {_IP_PORT} to {_IP_PORT} due to (.{{1,80}})",
        ("network.direction", *_ENDS, "event.reason"),
        _denied(network_transport="udp"),
    ),
    "106014": _row(
        rf"Deny (inbound|outbound) icmp src {_IF_IP} dst {_IF_IP}",
        ("network.direction", *_SRC[:2], *_DST[:2]),
        _denied(network_transport="icmp"),
    ),
    "106015": _row(
        rf"Deny TCP \(([^()]{{1,40}})\) from {_IP_PORT} to {_IP_PORT} flags (.{{1,40}}?) +on interface (\S{{1,64}})",
        ("event.reason", *_ENDS, "cisco.asa.tcp_flags", "observer.ingress.interface.name"),
        _denied(network_transport="tcp"),
    ),
    "106021": _row(
        r"Deny (\S{1,16}) reverse path check from ([^\s/]{1,255}) to ([^\s/]{1,255}) on interface (\S{1,64})",
        ("network.transport", "source", "destination", "observer.ingress.interface.name"),
        _denied(event_reason="reverse path check"),
    ),
    "106023": _row(
        rf"Deny (?:protocol )?(\S{{1,16}}) src (?:([^\s:/]{{1,64}}):)?([^\s/(]{{1,255}}?)(?:/(\d{{1,5}}))?{_USER} "
        rf"dst (?:([^\s:/]{{1,64}}):)?([^\s/(]{{1,255}}?)(?:/(\d{{1,5}}))?{_USER} "
        r'(?:\(type (\d{1,3}), code (\d{1,3})\) )?by access-group "([^"]{1,255})"',
        (
            "network.transport",
            *_SRC,
            "source.user.name",
            *_DST,
            "destination.user.name",
            "cisco.asa.icmp_type",
            "cisco.asa.icmp_code",
            "rule.name",
        ),
        _denied(),
    ),
    "106100": _row(
        rf"access-list (\S{{1,255}}) (permitted|denied|est-allowed) (\S{{1,16}}) ([^\s/]{{1,64}})/([^\s(]{{1,255}})\((\d{{1,5}})\)"
        rf"{_USER} -> ([^\s/]{{1,64}})/([^\s(]{{1,255}})\((\d{{1,5}})\){_USER} hit-cnt (\d{{1,18}})",
        (
            "rule.name",
            "cisco.asa.verdict",
            "network.transport",
            *_SRC,
            "source.user.name",
            *_DST,
            "destination.user.name",
            "cisco.asa.hit_count",
        ),
        _net("access-list", ["connection"]),
    ),
    "111008": _row(
        r"User '([^']{0,255})' executed the '(.{0,500})' command",
        ("user.name", "process.command_line"),
        _login("command", "success", ["change"], ["configuration"]),
    ),
    "111010": _row(
        r"User '([^']{0,255})', running '([^']{0,64})' from IP ([^\s,]{1,255}), executed '(.{0,500})'",
        ("user.name", "process.name", "source", "process.command_line"),
        _login("command", "success", ["change"], ["configuration"]),
    ),
    "113004": _row(
        r"AAA user (\S{1,32}) Successful : server = +([^\s:]{1,255}|\S{1,255}?) : user = ?(.{0,255})",
        ("cisco.asa.aaa", "server", "user.name"),
        _login("aaa", "success", ["start"]),
    ),
    "113005": _row(
        r"AAA user (\S{1,32}) Rejected : reason = ([^:]{1,120}?) : server = (\S{1,255}) : user = ?(.{0,255}?)"
        r"(?: : user IP = (\S{1,64}))?$",
        ("cisco.asa.aaa", "event.reason", "server", "user.name", "source"),
        _login("aaa", "failure", ["start"]),
    ),
    "113015": _row(
        r"AAA user (\S{1,32}) Rejected : reason = ([^:]{1,120}?) : local database : user = ?(.{0,255}?)"
        r"(?: : user IP = (\S{1,64}))?$",
        ("cisco.asa.aaa", "event.reason", "user.name", "source"),
        _login("aaa", "failure", ["start"]),
    ),
    "113012": _row(
        r"AAA user (\S{1,32}) Successful : local database : user = ?(.{0,255})",
        ("cisco.asa.aaa", "user.name"),
        _login("aaa", "success", ["start"]),
    ),
    "113019": _row(
        r"Group = ([^,]{0,255}), Username = ([^,]{0,255}), IP = ([^,]{1,64}), Session disconnected\. "
        r"Session Type: ([^,]{1,64}), Duration: ([^,]{1,32}), Bytes xmt: (\d{1,18}), Bytes rcv: (\d{1,18}), Reason: (.{1,120})",
        (
            "user.group.name",
            "user.name",
            "source",
            "cisco.asa.session_type",
            "event.duration",
            "destination.bytes",
            "source.bytes",
            "event.reason",
        ),
        _login("vpn-session-end", None, ["end"], ["session", "network"]),
    ),
    "113039": _row(_VPN, _VPN_NAMES, _login("vpn-session-start", "success", ["start"], _SESSION)),
    "302013": _row(_BUILT, _BUILT_NAMES, _net("connection-start", ["connection", "start", "allowed"], "success")),
    "302014": _row(_TEARDOWN, _TEARDOWN_NAMES, _net("connection-end", ["connection", "end"])),
    "302015": _row(_BUILT, _BUILT_NAMES, _net("connection-start", ["connection", "start", "allowed"], "success")),
    "302016": _row(_TEARDOWN, _TEARDOWN_NAMES, _net("connection-end", ["connection", "end"])),
    "302020": _row(
        _ICMP,
        _ICMP_NAMES,
        _net("connection-start", ["connection", "start", "allowed"], "success", network_transport="icmp"),
    ),
    "302021": _row(_ICMP, _ICMP_NAMES, _net("connection-end", ["connection", "end"], network_transport="icmp")),
    "304001": _row(
        r"(?:(\S{1,255})@)?([^\s@]{1,64}) Accessed URL (\S{1,64}?):(\S{1,8000})",
        ("user.name", "source", "destination", "url.original"),
        {
            "event.category": ["network", "web"],
            "event.type": ["access", "allowed"],
            "event.action": "url-access",
            "event.outcome": "success",
        },
    ),
    "304002": _row(
        r"Access denied URL (\S{1,8000}) SRC (\S{1,64}) DEST (\S{1,64})",
        ("url.original", "source", "destination"),
        {
            "event.category": ["network", "web"],
            "event.type": ["access", "denied"],
            "event.action": "url-access",
            "event.outcome": "failure",
        },
    ),
    "305011": _row(_XLATE, _XLATE_NAMES, _net("translation-start", ["info"])),
    "305012": _row(_XLATE, _XLATE_NAMES, _net("translation-end", ["info"])),
    "313001": _row(
        r"Denied ICMP type=(\d{1,3}), code=(\d{1,3}) from ([^\s]{1,255}) on interface (\S{1,64})",
        ("cisco.asa.icmp_type", "cisco.asa.icmp_code", "source", "observer.ingress.interface.name"),
        _denied(network_transport="icmp"),
    ),
    "500004": _row(
        rf"Invalid transport field for protocol=(\S{{1,16}}), from {_IP_PORT} to {_IP_PORT}",
        ("network.iana_number", *_ENDS),
        _denied(),
    ),
    "605004": _row(
        rf"Login denied from {_IP_PORT} to ([^\s:/]{{1,64}}):([^\s/]{{1,255}})/(\S{{1,16}}) for user \"(.{{0,255}}?)\"",
        (
            "source",
            "source.port",
            "observer.ingress.interface.name",
            "destination",
            "network.protocol",
            "user.name",
        ),
        _login("login", "failure", ["start"]),
    ),
    "605005": _row(
        rf"Login permitted from {_IP_PORT} to ([^\s:/]{{1,64}}):([^\s/]{{1,255}})/(\S{{1,16}}) for user \"(.{{0,255}}?)\"",
        (
            "source",
            "source.port",
            "observer.ingress.interface.name",
            "destination",
            "network.protocol",
            "user.name",
        ),
        _login("login", "success", ["start"]),
    ),
    "611101": _row(
        r"User authentication succeeded:(?: IP address: (\S{1,64}?),)? Uname: (.{0,255})",
        ("source", "user.name"),
        _login("login", "success", ["start"]),
    ),
    "611102": _row(
        r"User authentication failed:(?: IP address: (\S{1,64}?),)? Uname: (.{0,255})",
        ("source", "user.name"),
        _login("login", "failure", ["start"]),
    ),
    "611103": _row(
        r"User logged out: Uname: (.{0,255})",
        ("user.name",),
        _login("logout", None, ["end"], ["authentication", "session"]),
    ),
    "710003": _row(
        rf"(TCP|UDP|SCTP) access denied by ACL from {_IP_PORT} to ([^\s:/]{{1,64}}):([^\s/]{{1,255}})/(\S{{1,32}})",
        (
            "network.transport",
            "source",
            "source.port",
            "observer.ingress.interface.name",
            "destination",
            "cisco.asa.service",
        ),
        _denied(),
    ),
    "716001": _row(_VPN, _VPN_NAMES, _login("vpn-session-start", "success", ["start"], _SESSION)),
    "716002": _row(_VPN, _VPN_NAMES, _login("vpn-session-end", None, ["end"], ["session", "network"])),
    "716038": _row(_VPN, _VPN_NAMES, _login("vpn-login", "success", ["start"])),
    "716039": _row(_VPN, _VPN_NAMES, _login("vpn-login", "failure", ["start"])),
    "722022": _row(_VPN, _VPN_NAMES, _login("vpn-connection-start", "success", ["start"], ["session", "network"])),
    "722023": _row(_VPN, _VPN_NAMES, _login("vpn-connection-end", None, ["end"], ["session", "network"])),
    "722051": _row(
        r"Group <([^<>]{0,255})> User <([^<>]{0,255})> IP <([^<>]{0,64})> (?:IPv4 )?Address <([^<>]{0,64})>",
        ("user.group.name", "user.name", "source", "source.nat"),
        _login("vpn-address", "success", ["info"], ["session", "network"]),
    ),
    "733100": _row(
        r"\[ ?(.{1,120}?)\] drop (rate-\d{1,3}) exceeded",
        ("cisco.asa.object", "cisco.asa.rate"),
        {
            "event.kind": "alert",
            "event.category": ["intrusion_detection", "network"],
            "event.type": ["info"],
            "event.action": "drop-rate",
        },
    ),
}

FAMILIES: dict[str, Message] = {
    "716": _row(_VPN, _VPN_NAMES, _login("vpn", None, ["info"], ["session", "network"])),
    "722": _row(_VPN, _VPN_NAMES, _login("vpn", None, ["info"], ["session", "network"])),
}
"""By the first three digits, for ids that are not in ``MESSAGES``."""

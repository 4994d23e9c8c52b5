"""What kind of FortiGate log it is (type, subtype, action, status ...) → ECS categorization, direction, transport and Sigma logsources."""

from collections.abc import Mapping
from typing import Any

from soc.model.event import LogSource
from soc.normalize.transports import TRANSPORTS
from soc.normalize.words import OUTCOMES, verdict

DECIDING = (
    *("type", "subtype", "eventtype", "action", "utmaction", "status", "result", "level", "direction", "dir", "proto"),
    *("srcintfrole", "dstintfrole", "logid", "cfgpath", "dhcp_msg", "eapuser", "tunneltype"),
)
"""The native fields that this module looks at; each takes few values, so what it makes of them is worth remembering."""

Kind = tuple[dict[str, Any], tuple[LogSource, ...]]

_LEVELS = ("emergency", "alert", "critical", "error", "warning", "notice", "information", "debug")
SEVERITY = {name: rank for rank, name in enumerate(_LEVELS)}

# The action of a traffic log is deny, or how an allowed session went on (FortiOS Log Message Reference, "action").
_SESSION_ENDED = frozenset(["close", "client-rst", "server-rst", "timeout", "ip-conn", "dns"])
_UTM_BLOCKS = frozenset(["block", "blocked", "reset", "deny", "drop", "dropped", "quarantine"])

_UTM_CATEGORY = {
    "virus": ["malware", "network"],
    "ips": ["intrusion_detection", "network"],
    "anomaly": ["intrusion_detection", "network"],
    "waf": ["intrusion_detection", "web"],
    "webfilter": ["web", "network"],
    "emailfilter": ["email", "network"],
    "file-filter": ["file", "network"],
    "dlp": ["file", "network"],
}
_ALERTS = frozenset(["virus", "ips", "anomaly", "waf", "dlp"])
_CATEGORY_OF_PRODUCTS = {"virus": "antivirus", "webfilter": "proxy", "dns": "dns", "waf": "webserver"}
"""UTM subtypes that are also of a category in which rules look for such events of any product."""

_OWN_TYPES = frozenset(
    [
        *("dns", "voip", "gtp", "ssl", "ssh", "waf", "ips", "virus", "webfilter", "app-ctrl", "anomaly", "dlp"),
        *("emailfilter", "file-filter", "icap", "cifs"),
    ]
)
"""FortiOS 6.0 and older write some UTM logs with a type of their own, e.g. type="dns" subtype="dns-query"."""

_EVENT_ACTIONS: dict[str, tuple[list[str], list[str]]] = {
    **dict.fromkeys(
        ("login", "ssl-login-fail", "authentication", "ntlm-auth", "auth-timeout", "2fa-challenge"),
        (["authentication"], ["start"]),
    ),
    **dict.fromkeys(("auth-logon", "fsso-logon", "rsso-logon"), (["authentication"], ["start"])),
    **dict.fromkeys(("logout", "auth-logout", "fsso-logoff", "rsso-logoff"), (["authentication", "session"], ["end"])),
    **dict.fromkeys(("tunnel-up", "phase2-up", "ssl-new-con"), (["session", "network"], ["connection", "start"])),
    **dict.fromkeys(("tunnel-down", "phase2-down", "ssl-exit"), (["session", "network"], ["connection", "end"])),
    "add": (["configuration"], ["creation"]),
    "edit": (["configuration"], ["change"]),
    "move": (["configuration"], ["change"]),
    "delete": (["configuration"], ["deletion"]),
    "reboot": (["host"], ["end"]),
    "shutdown": (["host"], ["end"]),
}
_ONLY_CONFIGURATION = frozenset(["add", "edit", "move", "delete"])
_OUTCOMES = {
    **dict.fromkeys(("success", "succeeded", "logon", "ok", "passed"), "success"),
    **dict.fromkeys(
        ("failed", "failure", "fail", "login_failed", "authentication_failed", "negotiate_error", "error", "timed_out"),
        "failure",
    ),
}
_ACTION_OUTCOMES = {
    **dict.fromkeys(("ssl-login-fail", "auth-timeout"), "failure"),
    **dict.fromkeys(("tunnel-up", "fsso-logon", "auth-logon", "fsso-logoff", "auth-logout", "rsso-logon"), "success"),
}
_SUBTYPE_CATEGORY = {
    "vpn": (["network", "session"], ["connection", "info"]),
    "user": (["authentication"], ["info"]),
    "router": (["network"], ["info"]),
    "sdwan": (["network"], ["info"]),
    "wireless": (["network"], ["info"]),
    "wad": (["network"], ["info"]),
    "security-rating": (["configuration"], ["info"]),
    "rest-api": (["api"], ["info"]),
}
_HOST = (["host"], ["info"])

_TRAFFIC_SOURCES = (LogSource("fortigate", "firewall", "traffic"),)
_EVENT_SOURCES = (LogSource("fortigate", "", "event"),)

_DIRECTIONS = {
    **dict.fromkeys(("incoming", "inbound", "inbnd"), "inbound"),
    **dict.fromkeys(("outgoing", "outbound", "outbnd"), "outbound"),
    "internal": "internal",
    "external": "external",
}
_INSIDE = frozenset(["lan", "dmz"])


def _direction(kv: Mapping[str, str]) -> str | None:
    """As the log says; else by the roles of the interfaces, if both have one."""
    said = _DIRECTIONS.get((kv.get("direction") or kv.get("dir") or "").lower())
    if said is not None:
        return said
    ingress, egress = kv.get("srcintfrole", ""), kv.get("dstintfrole", "")
    if ingress in _INSIDE:
        return "outbound" if egress == "wan" else "internal" if egress in _INSIDE else None
    if ingress == "wan":
        return "inbound" if egress in _INSIDE else "external" if egress == "wan" else None
    return None


def _verdict(action: str, made: dict[str, Any]) -> str:
    said = verdict(action)
    if said:
        made["event.outcome"] = OUTCOMES[said]
    return said


def _traffic(kv: Mapping[str, str], made: dict[str, Any]) -> tuple[LogSource, ...]:
    action = kv.get("action", "").lower()
    blocked = kv.get("utmaction", "").lower() in _UTM_BLOCKS
    said = _verdict("block" if blocked else action, made)
    made["event.category"] = ["network"]
    types = ["connection"]
    if action in _SESSION_ENDED:
        types.append("end")
    elif action == "start" or (action == "accept" and not kv.get("logid", "").endswith("20")):  # …20: still going on
        types.append("start" if action == "start" else "end")
    if said:
        types.append(said)
    made["event.type"] = types
    return _TRAFFIC_SOURCES


def _utm(kv: Mapping[str, str], made: dict[str, Any], subtype: str) -> tuple[LogSource, ...]:
    said = _verdict(kv.get("action", "").lower(), made)
    made["event.category"] = _UTM_CATEGORY.get(subtype, ["network"])
    types = ["info"]
    if subtype == "dns":
        asked = kv.get("eventtype") or kv.get("subtype", "")
        made["network.protocol"] = "dns"
        made["dns.type"] = "query" if asked == "dns-query" else "answer"
        types.append("protocol")
    if subtype in _ALERTS:
        made["event.kind"] = "alert"
    if said:
        types.append(said)
    made["event.type"] = types
    sources = (LogSource("fortigate", "firewall", "utm"), LogSource("fortigate", "firewall", subtype))
    category = _CATEGORY_OF_PRODUCTS.get(subtype)
    return sources if category is None else (*sources, LogSource("fortigate", category, subtype))


def _event(kv: Mapping[str, str], made: dict[str, Any]) -> None:
    action = kv.get("action", "").lower()
    subtype = kv.get("subtype", "")
    configured = "cfgpath" in kv
    found = _EVENT_ACTIONS.get(action)
    if action in _ONLY_CONFIGURATION and not configured and subtype != "system":
        found = None
    if found is None:
        found = (["configuration"], ["change"]) if configured else _SUBTYPE_CATEGORY.get(subtype, _HOST)
    if kv.get("dhcp_msg"):
        found = (["network"], ["protocol", "info"])
        made["network.protocol"] = "dhcp"
        made["event.action"] = kv["dhcp_msg"]
    made["event.category"], made["event.type"] = found
    outcome = _OUTCOMES.get(kv.get("status", "").lower()) or _OUTCOMES.get(kv.get("result", "").lower())
    outcome = outcome or _ACTION_OUTCOMES.get(action)
    if outcome is None and configured:
        outcome = "success"
    if outcome is not None:
        made["event.outcome"] = outcome


def kind(kv: Mapping[str, str]) -> Kind:
    """Judge one log.

    Args:
        kv: the fields named in ``DECIDING``, those of them that the log has.

    Returns:
        (ECS fields, the same for every log with these values; Sigma logsources)
    """
    name = kv["type"]
    made: dict[str, Any] = {
        "event.kind": "event",
        "event.module": "fortigate",
        "event.dataset": "fortigate." + name,
        "observer.vendor": "Fortinet",
        "observer.product": "FortiGate",
        "observer.type": "firewall",
    }
    if name == "traffic":
        sources = _traffic(kv, made)
    elif name == "utm" or name in _OWN_TYPES:
        sources = _utm(kv, made, kv.get("subtype", "") if name == "utm" else name)
    else:
        _event(kv, made)
        sources = _EVENT_SOURCES if name == "event" else (LogSource("fortigate", "", name),)
    level = SEVERITY.get(kv.get("level", ""))
    if level is not None:
        made["event.severity"] = level
    transport = TRANSPORTS.get(kv.get("proto", ""))
    if transport is not None:
        made["network.transport"] = transport
    direction = _direction(kv)
    if direction is not None:
        made["network.direction"] = direction
    return made, sources

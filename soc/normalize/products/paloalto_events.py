"""PAN-OS logs that are no traffic (SYSTEM, CONFIG, GLOBALPROTECT, USERID, ...) → category, type, outcome, user and address."""

import re
from collections.abc import Callable

from soc.model.event import LogSource
from soc.normalize.addresses import is_ip, put
from soc.normalize.products.product import Fields

_Reader = Callable[[dict[str, str], Fields], tuple[LogSource, ...]]

# The texts of SYSTEM logs name the user and the address in a few ways: "User lan logged in via Web from 192.0.2.5 using
# https", "failed authentication for user 'lan'. ... From: 192.0.2.5.", "Login from: 192.0.2.5, ... User name: lan".
_WHO = re.compile(
    r"(?:\bUser name: |\b(?:for|User|user) ')([^',]{1,255}?)(?:'|,|\.? *$)|\b[Uu]ser (\S{1,255}) logged |\bby user (\S{1,255})"
)
_WHERE = re.compile(r"\b(?:[Ff]rom:?|Client IP:|source:|Source region:) ([0-9A-Fa-f.:]{2,45}?)[.,]?(?: |$)", re.ASCII)
_VIA = re.compile(r"\bvia (\w{1,16}) from ")
_SUCCESS = re.compile(r"\bsucc|\bauthenticated for\b|\blogged (?:in|out)\b|-succ|\bsuccess", re.IGNORECASE)
_FAILURE = re.compile(r"\bfail|-fail|\bdenied\b|\brejected\b|\binvalid\b", re.IGNORECASE)
_LONGEST_TEXT = 2000
"""A text is looked at no further than this: what it says of user and address it says at its beginning."""

_CHANGES = {
    "set": ["creation"],
    "add": ["creation"],
    "clone": ["creation"],
    "delete": ["deletion"],
}


def _outcome(text: str) -> str:
    if _FAILURE.search(text):
        return "failure"
    return "success" if _SUCCESS.search(text) else ""


def _login(name: str) -> tuple[list[str], list[str]] | None:
    """(category, type) of an event whose name or text speaks of authentication, a log-on or its end."""
    if "logout" in name or "logged out" in name:
        return ["authentication", "session"], ["end"]
    if "auth" in name or "login" in name or "logged in" in name:
        return ["authentication"], ["start"]
    return None


def _system(kv: dict[str, str], fields: Fields) -> tuple[LogSource, ...]:
    text = kv.get("opaque", "")[:_LONGEST_TEXT]
    subtype, name = kv.get("subtype", ""), kv.get("eventid", "")
    fields["event.category"], fields["event.type"] = ["host"], ["info"]
    if name:
        fields["event.action"] = name
    login = (
        _login(f"{name} {text[:200]}".lower()) if subtype in ("auth", "general", "globalprotect", "userid") else None
    )
    if login is not None:
        fields["event.category"], fields["event.type"] = login
        outcome = _outcome(f"{name} {text}")
        if outcome and login[1] == ["start"]:
            fields["event.outcome"] = outcome
    elif subtype in ("vpn", "globalprotect", "ras", "routing", "port", "dhcp", "dnsproxy", "ha"):
        fields["event.category"] = ["network"]
    who = _WHO.search(text)
    if who is not None:
        domain, slash, user = (who[1] or who[2] or who[3]).rpartition("\\")
        fields["user.name"] = user
        if slash and domain:
            fields["user.domain"] = domain
    where = _WHERE.search(text)
    if where is not None and is_ip(where[1]):
        fields["source.ip"] = where[1]
    via = _VIA.search(text)
    if via is not None:
        fields["network.protocol"] = via[1].lower()
    service = LogSource("paloalto", "", "system")
    if subtype == "globalprotect":
        return service, LogSource("paloalto", "appliance", "globalprotect")
    return service, LogSource("paloalto", "", subtype or "system")


def _config(kv: dict[str, str], fields: Fields) -> tuple[LogSource, ...]:
    command = kv.get("cmd", "")
    fields["event.category"] = ["configuration"]
    fields["event.type"] = _CHANGES.get(command, ["change"])
    if command:
        fields["event.action"] = command
    if "path" in kv:
        fields["message"] = kv["path"].strip()
    result = kv.get("result", "").lower()
    if result:
        fields["event.outcome"] = (
            "success"
            if result in ("succeeded", "submitted")
            else "failure"
            if result in ("failed", "unauthorized")
            else "unknown"
        )
    return (LogSource("paloalto", "", "config"),)


def _globalprotect(kv: dict[str, str], fields: Fields) -> tuple[LogSource, ...]:
    name = kv.get("eventid", "")
    fields["event.category"], fields["event.type"] = _login(name) or (["session", "network"], ["info"])
    if name.endswith(("-connected", "-setup-ipsec", "-setup-ssl")):
        fields["event.category"], fields["event.type"] = ["session", "network"], ["start"]
    if name:
        fields["event.action"] = name
    status = kv.get("status", "").lower()
    if status in ("success", "failure"):
        fields["event.outcome"] = status
    return (LogSource("paloalto", "appliance", "globalprotect"),)


def _userid(kv: dict[str, str], fields: Fields) -> tuple[LogSource, ...]:
    subtype = kv.get("subtype", "")
    fields["event.category"] = ["authentication"]
    fields["event.type"] = ["end"] if subtype == "logout" else ["start"] if subtype == "login" else ["info"]
    if subtype:
        fields["event.action"] = subtype
    return (LogSource("paloalto", "", "userid"),)


def _hipmatch(kv: dict[str, str], fields: Fields) -> tuple[LogSource, ...]:  # noqa: ARG001 - one signature for all
    fields["event.category"], fields["event.type"] = ["host"], ["info"]
    fields["event.action"] = "hip-match"
    return (LogSource("paloalto", "", "hipmatch"),)


def _authentication(kv: dict[str, str], fields: Fields) -> tuple[LogSource, ...]:
    fields["event.category"], fields["event.type"] = ["authentication"], ["start"]
    fields["event.action"] = "authentication"
    if "user.name" not in fields and "normalize_user" in kv:
        fields["user.name"] = kv["normalize_user"]
    outcome = _outcome(f"{kv.get('event', '')} {kv.get('desc', '')}"[:_LONGEST_TEXT])
    if outcome:
        fields["event.outcome"] = outcome
    return (LogSource("paloalto", "", "authentication"),)


def _iptag(kv: dict[str, str], fields: Fields) -> tuple[LogSource, ...]:
    fields["event.category"], fields["event.type"] = ["configuration"], ["change"]
    if "eventid" in kv:
        fields["event.action"] = kv["eventid"]
    return (LogSource("paloalto", "", "iptag"),)


def _correlation(kv: dict[str, str], fields: Fields) -> tuple[LogSource, ...]:
    fields["event.kind"] = "alert"
    fields["event.category"], fields["event.type"] = ["intrusion_detection", "network"], ["info"]
    if "objectname" in kv:
        fields["event.action"] = kv["objectname"]
    if "source.ip" not in fields:
        put(fields, "source", kv.get("src", ""))
    return (LogSource("paloalto", "", "correlation"),)


def _audit(kv: dict[str, str], fields: Fields) -> tuple[LogSource, ...]:
    """A command or a click of an administrator (PAN-OS 10.1 on)."""
    fields["event.category"], fields["event.type"] = ["configuration"], ["access"]
    if "cmd" in kv:
        fields["message"] = kv["cmd"]
    status = kv.get("status", "").lower()
    if status:
        fields["event.outcome"] = "success" if status == "success" else "failure"
    return (LogSource("paloalto", "", "audit"),)


EVENTS: dict[str, _Reader] = {
    "AUDIT": _audit,
    "SYSTEM": _system,
    "CONFIG": _config,
    "GLOBALPROTECT": _globalprotect,
    "USERID": _userid,
    "HIPMATCH": _hipmatch,
    "HIP-MATCH": _hipmatch,
    "AUTHENTICATION": _authentication,
    "IPTAG": _iptag,
    "CORRELATION": _correlation,
}
"""Log type → its reader."""

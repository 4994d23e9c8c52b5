"""Cisco IOS, IOS XE, IOS XR and NX-OS (``%FACILITY-SEVERITY-MNEMONIC: text`` behind their headers) → events."""

import re
from typing import Any
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.products import cisco_ios_header, rows
from soc.normalize.products.cisco_ios_messages import DENIED, FACILITIES, MESSAGES, NAMED
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import Stamp

# sub-facilities stand between (%PIM-SW1-6-INVALID_RP_JOIN, %ACL-IPV4_ACL-6-IPACCESSLOGP)
_MARK = re.compile(
    r"%(?P<facility>[A-Z][A-Z0-9_]{0,31}(?:[-/][A-Za-z0-9_]{1,31}){0,3}?)-(?P<level>[0-7])-(?P<name>[A-Za-z][A-Za-z0-9_]{1,63})"
    r"(?: ?:(?: |$)| |$|(?=:))",
    re.ASCII,
)
_LONGEST_HEAD = 300
_LEVELS: dict[str, dict[str, Any]] = {
    str(severity): {"event.severity": severity, "log.level": level}
    for severity, level in enumerate(
        ["emergency", "alert", "critical", "error", "warning", "notification", "informational", "debugging"]
    )
}
_STATIC: dict[str, Any] = {
    "event.module": "cisco",
    "event.dataset": "cisco.ios",
    "event.kind": "event",
    "observer.vendor": "Cisco",
    "observer.product": "ios",
}
_INFO: dict[str, Any] = {"event.category": ["network"], "event.type": ["info"]}
_SYSLOG = (LogSource("cisco", "", "syslog"),)
_SERVICES = {name: (LogSource("cisco", "", name), *_SYSLOG) for name in ("aaa", "bgp", "ldp")}
_FIREWALL = (LogSource("cisco", "firewall", "ios"), *_SYSLOG)
_BGP_PORT = 179


def _sources(facility: str, name: str, fields: Fields) -> tuple[LogSource, ...]:
    if "network.transport" in fields and "rule.name" in fields:
        return _FIREWALL
    if name == "BADAUTH" and _BGP_PORT in (fields.get("destination.port"), fields.get("source.port")):
        return _SERVICES["bgp"]
    service = FACILITIES.get(facility)
    if service is None and ("process.command_line" in fields or "authentication" in fields.get("event.category", ())):
        service = "aaa"
    return _SERVICES.get(service or "", _SYSLOG)


def _event(mark: re.Match[str], text: str, fields: Fields) -> tuple[LogSource, ...]:
    message = text[mark.end() :]
    inner = _MARK.search(message, 0, _LONGEST_HEAD) if mark["name"] == "PLATFORM" else None
    if inner is not None:  # IOS XE's data plane wraps the message of the feature
        mark, message = inner, message[inner.end() :]
    facility, level, name = mark.group("facility", "level", "name")
    fields.update(_STATIC)
    fields.update(_LEVELS[level])
    fields["event.code"] = name
    fields["cisco.ios.facility"] = facility
    fields["cisco.ios.message_id"] = f"{facility}-{level}-{name}"
    fields["message"] = mark[0] + message  # with the mark: SigmaHQ's rules look for it
    if not rows.first(NAMED.get(name, ()), message, fields) and not rows.first(
        MESSAGES.get(facility.partition("-")[0], ()), message, fields
    ):
        fields.update(_INFO)
    verdict = fields.get("cisco.ios.verdict")
    if verdict is not None:
        denied = verdict.lower().startswith(DENIED)
        fields["event.type"] = ["connection", "denied" if denied else "allowed"]
        fields["event.outcome"] = "failure" if denied else "success"
        if "network.packets" in fields:  # an access list sees one direction only
            fields["source.packets"] = fields["network.packets"]
    return _sources(facility.partition("-")[0], name, fields)


def read(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """One line with any header before the mark; None if there is no mark where a header may end."""
    mark = _MARK.search(text, 0, _LONGEST_HEAD + 120)
    if mark is None or mark.start() > _LONGEST_HEAD:
        return None
    stamp, _ = cisco_ios_header.read(text[: mark.start()], fields, zone, day)
    return _event(mark, text, fields), stamp


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line; of a line without a mark (``NTP Core (NOTICE): ...``) header and text are read."""
    reading = read(text, fields, zone, day)
    if reading is not None:
        return reading
    fields.clear()
    stamp, end = _bare(text, fields, zone, day)
    if not end:
        raise refuse("cisco-ios: neither a %FACILITY-SEVERITY-MNEMONIC nor a stamp")
    fields.update(_STATIC)
    fields.update(_INFO)
    fields["message"] = text[end:].lstrip(": ")
    return _SYSLOG, stamp


def _bare(text: str, fields: Fields, zone: ZoneInfo, day: int) -> tuple[Stamp | None, int]:
    _, end = cisco_ios_header.read(text[:_LONGEST_HEAD], {}, zone, day)
    stamp, _ = cisco_ios_header.read(text[:end], fields, zone, day)
    return stamp, end


PRODUCT = Product(
    "cisco-ios",
    "Cisco IOS, IOS XE, IOS XR and NX-OS: %FACILITY-SEVERITY-MNEMONIC messages of routers and switches",
    parse,
)

"""Keycloak's log-on and administrator events: the JBoss log line, the same as a JSON log, and event objects of a listener → ECS.

2026-11-22 15:00:00,123 WARN  [org.keycloak.events] (executor-thread-1) type="LOGIN_ERROR", realmId="...", ipAddress="..."
"""

import re
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.formats import json, syslog
from soc.normalize.products.fill import Table, address, fill, text
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import epoch, iso

PROGRAMS = ("keycloak", "kc.sh", "standalone.sh", "rhsso")
MARK: Final = "[org.keycloak."
_LOGGER: Final = "org.keycloak.events"
_EVENTS = (LogSource("keycloak", "authentication", "events"),)
_ADMIN = (LogSource("keycloak", "", "admin"),)
_SERVER = (LogSource("keycloak", "", "log"),)
_LINE = re.compile(
    r"(?:(?:(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[,.]\d{3}(?:[+-]\d\d:?\d\d)?)|\d\d:\d\d:\d\d,\d{3}) {1,2})?(?:([A-Z]{4,5}) {1,2})?\[org\.keycloak\.events\] (?:\(([^()]{0,128}(?:\([^()]{0,64}\))?)\) )?",
    re.ASCII,
)
_OTHER = re.compile(
    r"(?:(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[,.]\d{3}(?:[+-]\d\d:?\d\d)?)|\d\d:\d\d:\d\d,\d{3}) {1,2}([A-Z]{4,5}) {1,2}"
    r"\[([a-z][\w.$-]{2,255})\] \(([^()]{0,128}(?:\([^()]{0,64}\))?)\) (?:([A-Z][A-Z-]{1,15}\d{3,6}): )?",
    re.ASCII,
)
"""A line of the server log that is no event: stamp, level, logger, thread, number of the message."""
_ADDED = re.compile(r"Added user '([^']{1,256})' to realm '([^']{1,256})'")
_PAIR = re.compile(
    r'(?:^|, )([A-Za-z_]\w{0,63})=(?:"([^"\\]{0,2048}(?:\\.[^"\\]{0,2048}){0,64})"|\'([^\']{0,2048})\'|([^,]{0,2048}))',
    re.ASCII,
)
_TABLE: Final[Table] = {
    "userId": (text, "user.id"),
    "username": (text, "user.name"),
    "details.username": (text, "user.name"),
    "ipAddress": (address, "source"),
    "authDetails.ipAddress": (address, "source"),
    "authDetails.userId": (text, "user.id"),
    "error": (text, "event.reason"),
    "clientId": (text, "service.name"),
    "realmId": (text, "organization.id"),
    "realmName": (text, "organization.name"),
    "sessionId": (text, "session.id"),
    "redirect_uri": (text, "url.original"),
    "details.redirect_uri": (text, "url.original"),
}
_TYPES: Final[dict[str, tuple[str, str]]] = {
    "LOGIN": ("authentication session", "start"),
    "CODE_TO_TOKEN": ("authentication", "info"),
    "REFRESH_TOKEN": ("authentication session", "info"),
    "CLIENT_LOGIN": ("authentication", "start"),
    "TOKEN_EXCHANGE": ("authentication", "info"),
    "IMPERSONATE": ("authentication iam", "admin"),
    "LOGOUT": ("session", "end"),
    "REGISTER": ("iam", "user creation"),
    "DELETE_ACCOUNT": ("iam", "user deletion"),
    "UPDATE_PASSWORD": ("iam", "user change"),
    "RESET_PASSWORD": ("iam", "user change"),
    "UPDATE_EMAIL": ("iam", "user change"),
    "UPDATE_PROFILE": ("iam", "user change"),
    "UPDATE_TOTP": ("iam", "user change"),
    "REMOVE_TOTP": ("iam", "user change"),
    "UPDATE_CREDENTIAL": ("iam", "user change"),
    "REMOVE_CREDENTIAL": ("iam", "user change"),
    "GRANT_CONSENT": ("iam", "change"),
}
_OPERATIONS: Final = {"CREATE": "creation", "UPDATE": "change", "DELETE": "deletion", "ACTION": "info"}


def _event(pairs: dict[str, Any], fields: Fields) -> tuple[LogSource, ...] | None:
    """One event's names and values; None if they name no kind of event."""
    kind, operation = pairs.get("type"), pairs.get("operationType")
    if not isinstance(kind, str) and not isinstance(operation, str):
        return None
    fields.update(
        {
            name: value
            for name, value in pairs.items()
            if name not in ("message", "tags") and value not in (None, "null", "")
        }
    )
    fill(fields, _TABLE)
    fields["event.kind"], fields["event.module"] = "event", "keycloak"
    if isinstance(operation, str):
        fields["event.dataset"] = "keycloak.admin"
        what = str(pairs.get("resourceType") or "")[:64]
        iam = what in (
            "USER",
            "GROUP",
            "REALM_ROLE",
            "CLIENT_ROLE",
            "GROUP_MEMBERSHIP",
            "REALM_ROLE_MAPPING",
            "CLIENT_ROLE_MAPPING",
        )
        fields["event.category"] = ["iam"] if iam else ["configuration"]
        fields["event.type"] = [*(["admin"] if iam else []), _OPERATIONS.get(operation, "change")]
        fields["event.action"] = f"{operation}-{what}".strip("-").lower()
        fields["event.outcome"] = "failure" if pairs.get("error") not in (None, "", "null") else "success"
        return _ADMIN
    name = str(kind)
    failed = name.endswith("_ERROR")
    category, types = _TYPES.get(name.removesuffix("_ERROR"), ("authentication", "info"))
    fields["event.dataset"] = "keycloak.events"
    fields["event.category"], fields["event.type"] = category.split(), types.split()
    fields["event.action"] = name.lower()[:64]
    fields["event.outcome"] = "failure" if failed else "success"
    return _EVENTS


def _pairs(message: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, double, single, plain in _PAIR.findall(message[:16384]):
        found.setdefault(name, (double or single or plain).strip())
    return found


def line(text_: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A line of the JBoss log, with or without a syslog header; None for anything else."""
    header = None
    match = _LINE.match(text_)
    if match is None:
        reading = _other(text_, fields, zone)
        if reading is not None:
            return reading
        found = syslog.read(text_, fields, zone, day)
        match = _LINE.match(found[0]) if found is not None else None
        if found is None or match is None:
            return None
        text_, header = found[0], found[2]
    sources = _event(_pairs(text_[match.end() :]), fields)
    if sources is None:
        return None
    fields["message"] = text_[match.end() :]
    if match[2]:
        fields["log.level"] = match[2].lower()
    if match[3]:
        fields["process.thread.name"] = match[3]
    return sources, (iso(match[1], zone) if match[1] else None) or header


def _other(line_: str, fields: Fields, zone: ZoneInfo) -> Reading | None:
    """What the server says of itself; None for anything else."""
    match = _OTHER.match(line_)
    if match is None:
        return None
    when, level, logger, thread, code = match.groups()
    message = line_[match.end() :].rstrip()
    fields["event.kind"], fields["message"] = "event", message
    fields["event.module"], fields["event.dataset"] = "keycloak", "keycloak.log"
    fields["event.category"] = ["process"]
    fields["event.type"] = ["error"] if level in ("ERROR", "FATAL") else ["info"]
    fields["log.level"], fields["log.logger"] = level.lower(), logger
    fields["process.thread.name"] = thread
    if code:
        fields["event.code"] = code
    added = _ADDED.match(message)
    if added is not None:
        fields["event.category"], fields["event.type"] = ["iam"], ["user", "creation"]
        fields["event.action"], fields["event.outcome"] = "added-user", "success"
        fields["user.name"] = fields["user.target.name"] = added[1]
        fields["organization.name"] = added[2]
    return _SERVER, iso(when, zone) if when else None


def read_object(event: dict[str, Any], fields: Fields, zone: ZoneInfo) -> Reading | None:
    """A JSON log line of Keycloak, or an event object; None if it is neither."""
    if event.get("loggerName") == _LOGGER and isinstance(event.get("message"), str):
        message = cast("str", event["message"])
        fields.update(json.flatten(event))
        sources = _event(_pairs(message), fields)
        if isinstance(event.get("hostName"), str):
            fields["host.name"] = event["hostName"][:255]
        when = event.get("timestamp")
        return None if sources is None else (sources, iso(when, zone) if isinstance(when, str) else None)
    if "realmId" not in event or ("type" not in event and "operationType" not in event):
        return None
    flat = json.flatten(event)
    sources = _event(flat, fields)
    when = event.get("time")
    return None if sources is None else (sources, epoch(str(when)) if isinstance(when, int) and when > 0 else None)


def parse(text_: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line in any of the forms."""
    decoded = json.decode_object(text_)
    reading = read_object(decoded[0], fields, zone) if decoded is not None else line(text_, fields, zone, day)
    if reading is None:
        found = syslog.read(text_, fields, zone, day)
        decoded = json.decode_object(found[0]) if found is not None else None
        reading = read_object(decoded[0], fields, zone) if decoded is not None else None
    if reading is None:
        raise refuse("keycloak: no event")
    return reading


PRODUCT = Product(
    "keycloak",
    "Keycloak log-on and administrator events: log lines, JSON log, event objects",
    parse,
    fields={
        **{name: "source.ip" if ecs == "source" else ecs for name, (_, ecs) in _TABLE.items()},
        "type": "event.action, event.outcome",
        "operationType": "event.action, event.type",
        **dict.fromkeys(
            ("resourceType", "resourcePath", "auth_method", "auth_type", "grant_type", "code_id", "identity_provider"),
            "",
        ),
        **dict.fromkeys(
            (
                "scope",
                "token_id",
                "refresh_token_type",
                "representation",
                "authDetails.realmId",
                "authDetails.clientId",
            ),
            "",
        ),
        "time": "@timestamp",
    },
)

"""API gateways: WSO2's audit log and Carbon's log-on warnings, Kong's http-log objects → who called or changed what, with which status."""

import re
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import is_ip
from soc.normalize.formats import json, syslog
from soc.normalize.products import web
from soc.normalize.products.fill import Table, address, fill, milliseconds, number, status, target, text
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import epoch, iso

_AUDIT = (LogSource("wso2", "application", "audit"),)
_CARBON = (LogSource("wso2", "application", "carbon"),)
_KONG = (LogSource("kong", "webserver", "access"),)
_OWN: Final = ("TID: [", "{AUDIT_LOG}", "org.wso2.", "CarbonAuthenticationUtil", "carbon.super")
WSO2_PROGRAMS = ("wso2", "wso2am", "wso2is", "wso2carbon")
_LINE = re.compile(
    r"(?:TID: \[[^\]]{0,16}\] (?:\[[^\]]{0,32}\] ){0,2})?\[(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d,\d{3})\] {0,2}(?:\[[^\]]{0,64}\] {1,2})?"
    r"(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)(?: {1,2}\{([\w.]{1,128})\})?(?: {0,2}-)? {1,2}",
    re.ASCII,
)
_COLON = re.compile(r"(?:^|\| ?)(Initiator|Action|Target|Data|Result|Outcome) {0,2}: {0,2}([^|]{0,4096})", re.ASCII)
_EQUALS = re.compile(r"(?:^|\s)(Initiator|Action|Target|Outcome|Result)=(\S{0,512})", re.ASCII)
_LOGIN = re.compile(
    r"(Failed Administrator login attempt|'[^']{1,255}' logged in at)(?: '([^'\[]{1,255})(?:\[[^\]]{0,32}\])?')?",
    re.ASCII,
)
_NAMED = re.compile(r"'([^'@\[]{1,255})(?:@([^'\[\s]{1,255}))?(?: ?\[[^\]]{0,32}\])?'", re.ASCII)
_FROM = re.compile(r"(?:remoteAddress|IP address|ip|RemoteAddress)\"? ?[:=]? ?\"?([0-9A-Fa-f.:]{3,45})", re.ASCII)


def _account(fields: Fields, name: str) -> None:
    user, _, domain = name.strip().partition("@")
    if user and user.lower() not in ("null", "unknown"):
        fields["user.name"] = user
        if domain:
            fields["user.domain"] = domain


def line(text_: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001 - one signature for all
    """A line of WSO2's audit log or Carbon log; None for anything else."""
    match = _LINE.match(text_)
    if match is None:
        return None
    when, level, logger = match.groups()
    message = text_[match.end() :].removeprefix("- ")
    fields["event.kind"], fields["message"], fields["log.level"] = "event", message, level.lower()
    fields["event.module"] = "wso2"
    fields["event.category"], fields["event.type"] = ["process"], ["info"]
    if logger:
        fields["log.logger"] = logger
    stamp = iso(when, zone)
    if logger == "AUDIT_LOG" or message.startswith(("Initiator :", "Initiator=")):
        _audited(message, fields)
        return _AUDIT, stamp
    fields["event.dataset"] = "wso2.carbon"
    if (login := _LOGIN.search(message[:2048])) is not None:
        failed = login[1].startswith("Failed")
        named = _NAMED.search(message[:2048])
        if named is not None:
            fields["user.name"] = named[1]
            if named[2]:
                fields["user.domain"] = named[2]
        _logon(fields, "failure" if failed else "success")
        _origin(message, fields)
    return _CARBON, stamp


def shape(text_: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """As ``line``, for lines of unknown origin: others write ``[stamp] LEVEL`` too, so WSO2 must name itself."""
    if not text_.startswith(("TID: [", "[20")) or not any(word in text_[:400] for word in _OWN):
        return None
    return line(text_, fields, zone, day)


def _logon(fields: Fields, outcome: str) -> None:
    fields["event.category"], fields["event.type"] = ["authentication"], ["start"]
    fields["event.outcome"] = outcome
    fields.setdefault("event.action", "login")


def _origin(message: str, fields: Fields) -> None:
    found = _FROM.search(message[:4096])
    if found is not None and is_ip(found[1]):
        fields["source.ip"] = found[1]


def _audited(message: str, fields: Fields) -> None:
    """``Initiator : x | Action : y | Target : z | Data : {…} | Result : Success``, or ``Initiator=x Action=y …``."""
    fields["event.dataset"] = "wso2.audit"
    pattern = _COLON if message.startswith("Initiator :") or " | Action" in message[:512] else _EQUALS
    said = {name: value.strip() for name, value in pattern.findall(message[:16384])}
    fields.update({name: value for name, value in said.items() if value})
    _account(fields, said.get("Initiator", ""))
    action = said.get("Action", "")
    if action:
        fields["event.action"] = action.lower()
    result = (said.get("Result") or said.get("Outcome") or "").lower()
    outcome = (
        "success"
        if result.startswith("success")
        else "failure"
        if result.startswith(("fail", "denied", "error"))
        else ""
    )
    if "login" in action.lower() or action.lower() == "authenticate":
        _logon(fields, outcome or "unknown")
    elif action.lower() == "logout":
        fields["event.category"], fields["event.type"] = ["session"], ["end"]
    else:
        fields["event.category"], fields["event.type"] = ["iam"], ["admin"]
    if outcome:
        fields["event.outcome"] = outcome
    target_ = said.get("Target", "")
    if target_ and target_ != said.get("Initiator"):
        fields["user.target.name"] = target_.partition("@")[0]
    _origin(said.get("Data", ""), fields)


def parse_wso2(text_: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line: audit, Carbon, or an access log."""
    reading = line(text_, fields, zone, day) or web.recognize(text_, fields, zone, day)
    if reading is not None:
        return reading
    found = syslog.read(text_, fields, zone, day)
    reading = line(found[0], fields, zone, day) if found is not None else None
    if found is None or reading is None:
        raise refuse("wso2: neither audit, Carbon nor access log")
    return reading[0], reading[1] or found[2]


_TABLE: Final[Table] = {
    "client_ip": (address, "source"),
    "request.method": (text, "http.request.method"),
    "request.size": (number, "http.request.bytes"),
    "request.url": (target, "url.original"),
    "request.uri": (text, "url.original"),
    "request.headers.user-agent": (text, "user_agent.original"),
    "request.headers.referer": (text, "http.request.referrer"),
    "request.headers.host": (text, "url.domain"),
    "request.tls.version": (text, "tls.version"),
    "request.tls.cipher": (text, "tls.cipher"),
    "request.id": (text, "http.request.id"),
    "response.status": (status, "http.response.status_code"),
    "response.size": (number, "http.response.bytes"),
    "response.headers.content-type": (text, "http.response.mime_type"),
    "latencies.request": (milliseconds, "event.duration"),
    "consumer.username": (text, "user.name"),
    "consumer.id": (text, "user.id"),
    "authenticated_entity.consumer_id": (text, "user.id"),
    "service.name": (text, "service.name"),
    "route.name": (text, "rule.name"),
    "upstream_uri": (text, "kong.upstream_uri"),
}


def read_kong(event: dict[str, Any], fields: Fields, zone: ZoneInfo) -> Reading | None:  # noqa: ARG001 - one signature for all
    """An object of Kong's logging plugins; None if it has no request and response."""
    request, response = event.get("request"), event.get("response")
    if not isinstance(request, dict) or not isinstance(response, dict) or "client_ip" not in event:
        return None
    fields.update(json.flatten(event))
    fields.pop("url.original", None)
    fill(fields, _TABLE)
    fields["event.kind"], fields["event.category"], fields["event.type"] = "event", ["web", "api"], ["access"]
    fields["event.module"], fields["event.dataset"] = "kong", "kong.access"
    uri = cast("dict[str, Any]", request).get("uri")
    if isinstance(uri, str):
        target(fields, uri, "url.original")
    tries = event.get("tries")
    last = cast("list[Any]", tries)[-1] if isinstance(tries, list) and tries else None
    if isinstance(last, dict):
        upstream = cast("dict[str, Any]", last)
        address(fields, upstream.get("ip"), "destination")
        number(fields, upstream.get("port"), "destination.port")
    started = event.get("started_at")
    return _KONG, epoch(str(started)) if isinstance(started, int) and started > 0 else None


def parse_kong(text_: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One object, alone or as the message of a syslog line."""
    decoded = json.decode_object(text_)
    header = None
    if decoded is None:
        found = syslog.read(text_, fields, zone, day)
        if found is not None:
            decoded, header = json.decode_object(found[0]), found[2]
    reading = read_kong(decoded[0], fields, zone) if decoded is not None else None
    if reading is None:
        raise refuse("kong: no object of a logging plugin")
    return reading[0], reading[1] or header


WSO2 = Product(
    "wso2",
    "WSO2 API Manager and Identity Server: audit log, Carbon log-ons, access log",
    parse_wso2,
    fields={
        "Initiator": "user.name, user.domain",
        "Action": "event.action",
        "Target": "user.target.name",
        "Data": "source.ip",
        "Result": "event.outcome",
        "Outcome": "event.outcome",
    },
)
KONG = Product(
    "kong",
    "Kong Gateway's logging plugins (http-log, file-log, syslog) as JSON",
    parse_kong,
    fields={
        **{name: "source.ip" if ecs == "source" else ecs for name, (_, ecs) in _TABLE.items()},
        **dict.fromkeys(
            (
                "request.querystring",
                "latencies.kong",
                "latencies.proxy",
                "route.id",
                "route.paths",
                "service.id",
                "workspace",
            ),
            "",
        ),
        "tries.ip": "destination.ip",
        "tries.port": "destination.port",
        "started_at": "@timestamp",
    },
)

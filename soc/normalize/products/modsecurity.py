"""ModSecurity and Coraza → attacks on web applications: audit log in sections (v2) or JSON (v3), and lines of error logs."""

import re
from typing import Any, cast
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import port, put
from soc.normalize.formats import clf
from soc.normalize.formats import json as json_format
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import Stamp, bsd, iso
from soc.normalize.time import clf as clf_stamp

MARK = "transaction"
"""What stands in every JSON object of the audit log."""
FIRST_LINE = r'^(?:--[0-9A-Za-z]{1,32}-A--|\{ ?"transaction")'
"""What begins an entry of a serial audit log, or a JSON one. A body may hold any line, so nothing else does."""

_SOURCES = (LogSource("modsecurity", "webserver", "modsecurity"),)

# ModSecurity Reference Manual, "ModSecurity 2 Data Formats"
_SECTION = re.compile(r"^--[0-9A-Za-z]{1,32}-([A-Z])--\r?$", re.MULTILINE)
_HEAD = re.compile(
    r"\[(\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2})(?:\.\d{1,9})? ([+-]\d{4})\] (\S{1,128}) (\S{1,255}) (\d{1,5}) (\S{1,255}) (\d{1,5})",
    re.ASCII,
)
_STATUS = re.compile(r"HTTP/[\d.]{1,3} (\d{3})(?: |\r?$)", re.ASCII | re.MULTILINE)
_TAGGED = re.compile(
    r'\[(file|line|id|rev|msg|data|severity|ver|maturity|accuracy|tag|hostname|uri|unique_id|phase|match) "((?:[^"\\]|\\.){0,8192}?)"\]',
    re.DOTALL,
)
_DENIED = re.compile(r"Access denied with (?:code (\d{3})|(\w{1,32}))", re.ASCII)
_CLIENT = re.compile(r"^\[client ([^\]\s]{1,255})\] ", re.ASCII)
_APACHE_ENDS = ("remote_address", "remote_port", "local_address", "local_port")
_SEVERITIES = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")

FIELDS = {
    "id": "rule.id",
    "msg": "rule.name",
    "file": "rule.ruleset",
    "rev": "rule.version",
    "severity": "log.level, event.severity",
    "tag": "",
    "data": "event.reason",
    "hostname": "url.domain",
    "uri": "url.path",
    "unique_id": "http.request.id",
    "client_ip": "source.ip",
    "client_port": "source.port",
    "host_ip": "destination.ip",
    "host_port": "destination.port",
    "time_stamp": "@timestamp",
    "transaction.time": "@timestamp",
    "transaction.transaction_id": "http.request.id",
    "transaction.remote_address": "source.ip",
    "transaction.remote_port": "source.port",
    "transaction.local_address": "destination.ip",
    "transaction.local_port": "destination.port",
    "request.request_line": "http.request.method, url.original, http.version",
    "response.status": "http.response.status_code",
    "audit_data.action.intercepted": "event.outcome",
    "request.method": "http.request.method",
    "request.uri": "url.original, url.path, url.query",
    "request.http_version": "http.version",
    "response.http_code": "http.response.status_code",
    **dict.fromkeys(("line", "ver", "maturity", "accuracy", "phase", "match", "server_id", "secrules_engine"), ""),
}
"""The tags of the error log and the members of the JSON audit log → ECS."""


def _begin(fields: Fields) -> None:
    fields["event.kind"] = "alert"
    fields["event.category"] = ["web", "intrusion_detection"]
    fields["event.type"] = ["info"]
    fields["event.module"], fields["event.dataset"] = "modsecurity", "modsecurity.audit"


def error(message: str, fields: Fields) -> bool:
    """Add what a line of a web server's error log says of a rule; False if ModSecurity did not write it.

    Args:
        message: behind the server's own head.
        fields: of the server's line; written to.
    """
    client = _CLIENT.match(message)
    rest = message if client is None else message[client.end() :]
    if not rest.startswith(("ModSecurity: ", "ModSecurity-nginx: ", "Coraza: ")):
        return False
    fields["event.kind"] = "alert"
    fields["event.category"] = ["web", "intrusion_detection"]
    fields["event.type"] = ["info"]
    if client is not None and "source.ip" not in fields:
        put(fields, "source", client[1])
    _rule(rest, fields)
    return True


def _rule(text: str, fields: Fields) -> None:
    tags: list[str] = []
    for name, value in _TAGGED.findall(text):
        if name == "tag":
            tags.append(value)
        else:
            fields.setdefault("modsecurity." + name, value)
    if tags:
        fields["modsecurity.tag"] = tags
    for name, to in (
        ("id", "rule.id"),
        ("msg", "rule.name"),
        ("file", "rule.ruleset"),
        ("rev", "rule.version"),
        ("data", "event.reason"),
    ):
        if value := fields.get("modsecurity." + name):
            fields[to] = value
    if value := fields.get("modsecurity.hostname"):
        fields.setdefault("url.domain", value)
    if value := fields.get("modsecurity.uri"):
        fields.setdefault("url.path", value)
    if value := fields.get("modsecurity.unique_id"):
        fields["http.request.id"] = value
    _severity(fields.get("modsecurity.severity", ""), fields)
    denied = _DENIED.search(text)
    if denied is not None:
        _blocked(fields)
        if denied[1]:
            fields.setdefault("http.response.status_code", int(denied[1]))


def _blocked(fields: Fields) -> None:
    fields["event.type"] = ["denied"]
    fields["event.action"] = "denied"
    fields["event.outcome"] = "failure"


def _severity(text: str, fields: Fields) -> None:
    """0 (emergency) to 7 (debug), as a number or a word."""
    word = text.lower()
    if word.isdecimal() and len(word) == 1 and int(word) < len(_SEVERITIES):
        word = _SEVERITIES[int(word)]
    if word in _SEVERITIES:
        fields["log.level"] = word
        fields["event.severity"] = _SEVERITIES.index(word)


def audit(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001 - one signature for all
    """An entry of the serial audit log, its sections parted by LF; None if it is none."""
    parts = _SECTION.split(text)
    if len(parts) < 3 or parts[0].strip():
        return None
    sections = {name: body.strip("\r\n") for name, body in zip(parts[1::2], parts[2::2], strict=False)}
    head = _HEAD.match(sections.get("A", ""))
    if head is None:
        return None
    _begin(fields)
    clock, offset, unique, client, client_port, host, host_port = head.groups()
    fields["http.request.id"] = fields["modsecurity.unique_id"] = unique
    _ends((client, client_port), (host, host_port), fields)
    request = sections.get("B", "")
    first, _, headers = request.partition("\n")
    if first:
        clf.request_line(first.rstrip("\r"), fields)
        _headers(headers, fields)
    status = _STATUS.match(sections.get("F", ""))
    if status is not None:
        fields["http.response.status_code"] = int(status[1])
    trailer = sections.get("H", "")
    messages = [line[9:] for line in trailer.split("\n") if line.startswith("Message: ")]
    for message in messages:
        _rule(message, fields)
    _all_rules([dict(_TAGGED.findall(message)) for message in messages], fields)
    fields["message"] = messages[0] if messages else first
    return _SOURCES, clf_stamp(f"{clock} {offset}")


def _ends(client: tuple[str, str], host: tuple[str, str], fields: Fields) -> None:
    for side, (address, at) in (("source", client), ("destination", host)):
        put(fields, side, address)
        if (number := port(at)) is not None:
            fields[side + ".port"] = number


def _headers(text: str, fields: Fields) -> None:
    for line in text.split("\n"):
        name, colon, value = line.rstrip("\r").partition(":")
        if colon:
            _header(name, value.strip(), fields)


def _header(name: str, value: str, fields: Fields) -> None:
    match name.lower():
        case "host":
            fields["url.domain"] = value.partition(":")[0] if value.count(":") == 1 else value
        case "user-agent":
            fields["user_agent.original"] = value
        case "referer":
            fields["http.request.referrer"] = value
        case "x-forwarded-for":
            fields["http.request.headers.x_forwarded_for"] = value
        case _:
            pass


def _all_rules(found: list[dict[str, str]], fields: Fields) -> None:
    """Every rule that matched, where there is more than one."""
    ids = [one["id"] for one in found if one.get("id")]
    if len(ids) > 1:
        fields["modsecurity.rules"] = ids


def read(event: dict[str, Any], fields: Fields, zone: ZoneInfo) -> Reading | None:
    """A JSON entry of the audit log (ModSecurity 3, Coraza); None if the object is another's."""
    transaction: Any = event[MARK]
    if not isinstance(transaction, dict):
        return None
    whole = cast("dict[str, Any]", transaction)
    if "remote_address" in whole and isinstance(event.get("audit_data"), dict):
        return _apache(whole, event, fields)
    messages: Any = whole.get("messages", event.get("messages"))
    if "producer" not in whole and not isinstance(messages, list):
        return None
    _begin(fields)
    flat = json_format.flatten({MARK: {name: value for name, value in whole.items() if name != "messages"}})
    fields.update({f"modsecurity.{name.removeprefix('transaction.')}": value for name, value in flat.items()})
    get = flat.get
    _ends(
        (str(get("transaction.client_ip", "")), str(get("transaction.client_port", ""))),
        (str(get("transaction.host_ip", "")), str(get("transaction.host_port", ""))),
        fields,
    )
    _request(flat, fields)
    code = get("transaction.response.http_code", get("transaction.response.status"))
    if isinstance(code, int):
        fields["http.response.status_code"] = code
    if unique := get("transaction.unique_id", get("transaction.id")):
        fields["http.request.id"] = unique
    _matched(cast("list[Any]", messages) if isinstance(messages, list) else [], fields)
    if get("transaction.is_interrupted") is True or code == 403:
        _blocked(fields)
    return _SOURCES, _stamp(str(get("transaction.time_stamp", get("transaction.timestamp", ""))), zone)


def _apache(transaction: dict[str, Any], event: dict[str, Any], fields: Fields) -> Reading:
    """A JSON entry as ModSecurity 2.9 writes it for Apache (``SecAuditLogFormat JSON``)."""
    _begin(fields)
    data = cast("dict[str, Any]", event["audit_data"])
    kept = {name: value for name, value in data.items() if name not in ("messages", "error_messages")}
    flat = json_format.flatten({**event, "audit_data": kept})
    fields.update({f"modsecurity.{name.removeprefix('transaction.')}": value for name, value in flat.items()})
    text = {name: str(transaction.get(name, "")) for name in _APACHE_ENDS}
    _ends(
        (text["remote_address"], text["remote_port"]),
        (text["local_address"], text["local_port"]),
        fields,
    )
    line: Any = flat.get("request.request_line")
    if isinstance(line, str):
        clf.request_line(line, fields)
    for name, value in flat.items():
        if name.startswith("request.headers.") and isinstance(value, str):
            _header(name.removeprefix("request.headers."), value, fields)
    if isinstance(flat.get("response.status"), int):
        fields["http.response.status_code"] = flat["response.status"]
    if unique := transaction.get("transaction_id"):
        fields["http.request.id"] = str(unique)
    said: Any = data.get("messages")
    messages = [one for one in cast("list[Any]", said) if isinstance(one, str)] if isinstance(said, list) else []
    for message in messages:
        _rule(message, fields)
    _all_rules([dict(_TAGGED.findall(message)) for message in messages], fields)
    fields["message"] = messages[0] if messages else str(line or "")
    if flat.get("audit_data.action.intercepted") is True:
        _blocked(fields)
    clock, _, offset = str(transaction.get("time", "")).partition(" ")
    return _SOURCES, clf_stamp(f"{clock.partition('.')[0]} {offset}")


def _request(flat: dict[str, Any], fields: Fields) -> None:
    uri, method = flat.get("transaction.request.uri"), flat.get("transaction.request.method")
    if isinstance(uri, str) and isinstance(method, str):
        version = flat.get("transaction.request.http_version", "")
        clf.request_line(f"{method} {uri}" + (f" HTTP/{version}" if version else ""), fields)
    prefix = "transaction.request.headers."
    for name, value in flat.items():
        if name.startswith(prefix) and isinstance(value, str):
            _header(name.removeprefix(prefix), value, fields)


def _matched(messages: list[Any], fields: Fields) -> None:
    rules: list[str] = []
    for item in messages:
        if not isinstance(item, dict):
            continue
        message = cast("dict[str, Any]", item)
        details: Any = message.get("details", message.get("data"))
        if not isinstance(details, dict):
            continue
        detail = {str(name): value for name, value in cast("dict[Any, Any]", details).items()}
        rule = str(detail.get("ruleId", detail.get("id", "")))
        rules.append(rule)
        if len(rules) > 1:
            continue
        said = message.get("message") or detail.get("msg")
        named = (
            ("rule.id", rule),
            ("rule.name", said),
            ("rule.ruleset", detail.get("file")),
            ("event.reason", detail.get("data")),
        )
        fields.update((name, str(value)) for name, value in named if value)
        if said:
            fields["message"] = str(said)
        if isinstance(detail.get("tags"), list):
            fields["modsecurity.tag"] = [str(tag) for tag in cast("list[Any]", detail["tags"])]
        _severity(str(detail.get("severity", "")), fields)
        if match := detail.get("match"):
            fields["modsecurity.match"] = str(match)
    if len(rules) > 1:
        fields["modsecurity.rules"] = rules


def _stamp(text: str, zone: ZoneInfo) -> Stamp | None:
    """``Sun Nov 22 15:00:00 2026``, or Coraza's ``2026/11/22 15:00:00``."""
    return bsd(text, zone, 0) or iso(text, zone)


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """An entry of a profile with product ``modsecurity``."""
    reading = audit(text, fields, zone, day)
    if reading is None:
        found = json_format.decode_object(text)
        if found is not None and MARK in found[0]:
            reading = read(found[0], fields, zone)
    if reading is None:
        raise refuse(
            "modsecurity: neither sections of the audit log nor its JSON (lines of error logs are the web server's)"
        )
    return reading


PRODUCT = Product(
    "modsecurity",
    "ModSecurity and Coraza: serial audit log (its lines are put together) and JSON; error-log lines are read with the server's",
    parse,
    multiline=FIRST_LINE,
    fields=FIELDS,
)

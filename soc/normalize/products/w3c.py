"""W3C extended logs: requests of IIS (and its FTP and HTTPERR logs), connections of the Windows firewall (``pfirewall.log``)."""

import re
from typing import Any
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import is_ip, number, port, put
from soc.normalize.formats import syslog, w3c
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import Stamp, iso

_IIS = (LogSource("iis", "webserver", "iis"),)
_FIREWALL = (LogSource("windows", "firewall", "firewall"),)
_NONE: tuple[LogSource, ...] = ()

_TEXT_COLUMNS = {
    1: ("cs(User-Agent)",),
    2: ("cs(User-Agent)", "cs(Referer)"),
    3: ("cs(User-Agent)", "cs(Cookie)", "cs(Referer)"),
    4: ("cs(User-Agent)", "cs(Cookie)", "cs(Referer)", "cs-host"),
}
_HTTPERR = ("date", "time", "c-ip", "c-port", "s-ip", "s-port", "cs-version", "cs-method", "cs-uri")
_REFUSED = {
    13: (*_HTTPERR, "sc-status", "s-siteid", "s-reason", "s-queuename"),
    14: (*_HTTPERR, "streamid", "sc-status", "s-siteid", "s-reason", "s-queuename"),
    15: (*_HTTPERR, "streamid", "sc-status", "s-siteid", "s-reason", "s-queuename", "transport"),
}
"""The columns of HTTP.sys's error log, by their number ("Error logging in HTTP APIs"; ``streamid`` since HTTP/2)."""
_FTP = (
    *("date", "time", "c-ip", "cs-username", "s-ip", "s-port", "cs-method", "cs-uri-stem"),
    *("sc-status", "sc-win32-status", "sc-substatus", "x-session", "x-fullpath"),
)
"""The columns of IIS's FTP log as it is set up ("FTP log file format", W3C)."""
_SESSION = re.compile(r"[\da-fA-F]{8}(?:-[\da-fA-F]{4}){3}-[\da-fA-F]{12}$", re.ASCII)
_TRANSPORTS = {"TCP": "tcp", "QUIC": "udp"}
_NUMBER_COLUMNS = {0: (), 1: ("time-taken",), 3: ("sc-bytes", "cs-bytes", "time-taken")}
_METHOD = re.compile(r"[A-Z][A-Z_-]{1,31}$", re.ASCII)
_SHAPE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (?:\S{1,255} ){1,3}?[A-Z][A-Z_-]{1,31} [/*]\S{0,65536} \S{1,65536} \d{1,5} "
    r"|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [\da-fA-F.:%]{2,64} \d{1,5} [\da-fA-F.:%]{2,64} \d{1,5} (?:HTTP/\d|- )"
    r"|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [\da-fA-F.:%]{2,64} \S{1,255} [\da-fA-F.:%]{2,64} \d{1,5} [A-Z][A-Za-z]{2,31} \S{1,4096} (?:\d{3}|-) ",
    re.ASCII,
)

_NATIVE = re.compile(
    r"(?P<address>[0-9A-Fa-f.:%]{2,60}), (?P<user>[^,]{1,256}), (?P<date>\d{1,2}/\d{1,2}/(?:20)?\d{2}), (?P<time>\d{1,2}:\d\d:\d\d), "
    r"(?P<rest>W3SVC\d{0,10}, .{1,8192})",
    re.ASCII | re.DOTALL,
)
_NATIVE_COLUMNS = (
    *("s-sitename", "s-computername", "s-ip", "time-taken", "cs-bytes", "sc-bytes"),
    *("sc-status", "sc-win32-status", "cs-method", "cs-uri-stem", "cs-uri-query"),
)
_TEXTS = {
    "cs-method": "http.request.method",
    "cs-uri-stem": "url.path",
    "cs-uri-query": "url.query",
    "cs(Referer)": "http.request.referrer",
    "cs(Cookie)": "http.request.headers.cookie",
    "s-computername": "host.name",
    "s-reason": "event.reason",
}
_NUMBERS = {
    "s-port": "destination.port",
    "c-port": "source.port",
    "sc-status": "http.response.status_code",
    "sc-bytes": "http.response.bytes, destination.bytes",
    "cs-bytes": "http.request.bytes, source.bytes",
}
FIELDS = {
    **_TEXTS,
    **_NUMBERS,
    "date": "@timestamp",
    "time": "@timestamp",
    "c-ip": "source.ip",
    "s-ip": "destination.ip",
    "cs-username": "user.domain, user.name",
    "cs(User-Agent)": "user_agent.original",
    "cs-host": "url.domain",
    "cs(Host)": "url.domain",
    "cs-version": "http.version",
    "cs-uri": "url.original",
    "time-taken": "event.duration",
    "X-Forwarded-For": "network.forwarded_ip",
    "sc-substatus": "",
    "sc-win32-status": "",
    "s-sitename": "",
    "s-siteid": "",
    "s-queuename": "",
    "streamid": "",
    "transport": "network.transport",
    "x-session": "",
    "x-fullpath": "",
    "action": "event.action",
    "protocol": "network.transport",
    "src-ip": "source.ip",
    "dst-ip": "destination.ip",
    "src-port": "source.port",
    "dst-port": "destination.port",
    "size": "network.bytes",
    "path": "network.direction",
    "tcpflags": "",
    "tcpsyn": "",
    "tcpack": "",
    "tcpwin": "",
    "icmptype": "",
    "icmpcode": "",
    "info": "",
    "pid": "process.pid",
}
"""The names of IIS ("Enhanced logging for IIS", W3C), HTTPERR and the Windows firewall → ECS."""


def line(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001 - one signature for all
    """A line, with or without the directives declared before it; None if it is none."""
    row = w3c.read(text) if text.startswith("#") else None
    if isinstance(row, w3c.Directive):
        return _directive(row, text, fields, zone)
    if row is None:
        row = _undeclared(text.rpartition("\n")[2])
    if row is None or "date" not in row.values or "time" not in row.values:
        return None
    values = row.values
    if "src-ip" in values or "dst-ip" in values:
        return _firewall(values, fields), iso(f"{values['date']} {values['time']}", zone)
    _request(values, fields)
    return _IIS, _utc(values)


def shape(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A line of IIS whose source declared no columns, recognized by its first ones."""
    if _SHAPE.match(text):
        return line(text, fields, zone, day)
    return _native(text, fields, zone) if ", W3SVC" in text[:512] else None


def _native(text: str, fields: Fields, zone: ZoneInfo) -> Reading | None:
    """A line of the "IIS Log File Format": commas, columns that never change, the server's own time."""
    match = _NATIVE.match(text)
    if match is None or not is_ip(match["address"].partition("%")[0]):
        return None
    words = match["rest"].split(", ")
    if len(words) < len(_NATIVE_COLUMNS):
        return None
    month, date, year = match["date"].split("/")
    named = dict(zip(_NATIVE_COLUMNS, words, strict=False))
    named |= {"c-ip": match["address"], "cs-username": match["user"]}
    named["cs-uri-query"] = ", ".join(words[len(_NATIVE_COLUMNS) - 1 :]).rstrip(", ")
    _request({name: value for name, value in named.items() if value not in ("", "-")}, fields)
    return _IIS, iso(f"20{year[-2:]}-{month:0>2}-{date:0>2} {match['time']:0>8}", zone)


def _utc(values: dict[str, str]) -> Stamp | None:
    """Stamps are in UTC ("W3C Extended Log File Format": GMT)."""
    return iso(f"{values['date']} {values['time']}Z", ZoneInfo("UTC"))


def _undeclared(text: str) -> w3c.Row | None:
    """A line of IIS whose columns nobody declared.

    Their order is fixed ("W3C Extended Log File Format (IIS)") and any of them may be left out: method, address, status and
    the numbers behind it show where one is.
    """
    words = w3c.split(text)
    if len(words) == len(_FTP) and _SESSION.match(words[11]) and is_ip(words[2].partition("%")[0]):
        return w3c.row(_FTP, words)
    refused = _REFUSED.get(len(words))
    if refused is not None and is_ip(words[2].partition("%")[0]) and is_ip(words[4].partition("%")[0]):
        return w3c.row(refused, words)
    at = next(
        (
            i
            for i in range(2, min(6, len(words)))
            if _METHOD.match(words[i]) and words[i + 1 : i + 2] and words[i + 1][0] in "/*-"
        ),
        0,
    )
    if not at or len(words) < at + 9:
        return None
    names = ["date", "time"]
    names += [_server_column(word) for word in words[2:at]]
    names += ["cs-method", "cs-uri-stem", "cs-uri-query", "s-port", "cs-username", "c-ip"]
    if not is_ip(words[at + 5].partition("%")[0]) or not words[at + 3].isdecimal():
        return None
    rest = words[at + 6 :]
    if rest[0].startswith("HTTP/"):
        names.append("cs-version")
        rest = rest[1:]
    texts = next(
        (i for i in range(len(rest) - 2) if all(word.isdecimal() for word in rest[i : i + 3]) and len(rest[i]) == 3), 0
    )
    columns = _TEXT_COLUMNS.get(texts)
    if columns is None:
        return None
    if texts == 3 and "." in rest[2] and "://" not in rest[2]:
        columns = ("cs(User-Agent)", "cs(Referer)", "cs-host")
    after = rest[texts + 3 :]
    counted = sum(1 for word in after if word.isdecimal())
    numbers = _NUMBER_COLUMNS.get(counted)
    if numbers is None or len(after) - counted > 1:
        return None
    names += [*columns, "sc-status", "sc-substatus", "sc-win32-status", *numbers]
    return (
        w3c.row(tuple(names), words[: len(names)])
        if len(after) == counted
        else w3c.row((*names, "X-Forwarded-For"), words)
    )


def _server_column(word: str) -> str:
    if is_ip(word.partition("%")[0]):
        return "s-ip"
    return "s-sitename" if word.startswith("W3SVC") else "s-computername"


def _directive(row: w3c.Directive, text: str, fields: Fields, zone: ZoneInfo) -> Reading:
    fields["event.kind"] = "event"
    fields["event.category"], fields["event.type"] = ["configuration"], ["info"]
    fields["event.module"], fields["event.dataset"] = "w3c", "w3c.directive"
    fields["event.action"] = "log-" + row.name.lower()
    fields["message"] = text.rpartition("\n")[2]
    return _NONE, iso(row.value.strip() + "Z", zone) if row.name == "Date" else None


def _request(values: dict[str, str], fields: Fields) -> None:
    fields["event.kind"] = "event"
    fields["event.category"], fields["event.type"] = ["web"], ["access"]
    fields["event.module"], fields["event.dataset"] = "iis", "iis.access"
    for name, to in _TEXTS.items():
        if name in values:
            fields[to] = values[name]
    for name, to in _NUMBERS.items():
        if (count := number(values.get(name))) is not None:
            for each in to.split(", "):
                fields[each] = count
    put(fields, "source", values.get("c-ip", "").partition("%")[0])
    put(fields, "destination", values.get("s-ip", "").partition("%")[0])
    _user(values.get("cs-username", ""), fields)
    _url(values, fields)
    if "cs(User-Agent)" in values:
        fields["user_agent.original"] = values["cs(User-Agent)"].replace("+", " ")
    if "x-session" in values and "cs-method" in values:
        fields["event.action"], fields["network.protocol"] = values["cs-method"], "ftp"
    transport = values.get("transport", values.get("s-queuename", ""))
    if transport in _TRANSPORTS and "s-reason" in values:
        fields["network.transport"] = _TRANSPORTS[transport]
    if "cs-version" in values:
        fields["http.version"] = values["cs-version"].removeprefix("HTTP/")
    if (taken := number(values.get("time-taken"))) is not None:
        fields["event.duration"] = taken * 1_000_000
    forwarded = values.get("X-Forwarded-For", "").replace("+", "").partition(",")[0]
    if is_ip(forwarded):
        fields["network.forwarded_ip"] = forwarded
    status = fields.get("http.response.status_code")
    if status is not None:
        fields["event.outcome"] = "success" if status < 400 else "failure"  # RFC 9110 §15
        if status >= 400:
            fields["event.type"] = ["access", "error"]
        if status == 401 and "user.name" in fields:
            fields["event.category"] = ["authentication", "web"]
        if values.get("cs-method") == "PASS" and status in (230, 530):  # RFC 959 §4.2.2: logged in, not logged in
            fields["event.category"], fields["event.type"] = ["authentication"], ["start"]
            fields["event.action"], fields["network.protocol"] = "ftp-login", "ftp"
    fields.update(values)


def _user(text: str, fields: Fields) -> None:
    if not text:
        return
    domain, slash, name = text.rpartition("\\")
    fields["user.name"] = name
    if slash:
        fields["user.domain"] = domain


def _url(values: dict[str, str], fields: Fields) -> None:
    stem, query = values.get("cs-uri-stem", ""), values.get("cs-uri-query", "")
    whole = values.get("cs-uri") or (f"{stem}?{query}" if query else stem)
    if whole:
        fields["url.original"] = whole
    if "cs-uri" in values and not stem:
        path, mark, query = whole.partition("?")
        fields["url.path"] = path
        if mark:
            fields["url.query"] = query
    host = values.get("cs-host") or values.get("cs(Host)")
    if host:
        name, colon, last = host.rpartition(":")
        fields["url.domain"] = name if colon and port(last) is not None and name else host


def _firewall(values: dict[str, str], fields: Fields) -> tuple[LogSource, ...]:
    """A line of the Windows firewall; its stamps are local (``#Time Format: Local``)."""
    fields["event.kind"] = "event"
    fields["event.category"] = ["network"]
    fields["event.module"], fields["event.dataset"] = "windows_firewall", "windows_firewall.log"
    action = values.get("action", "").upper()
    allowed = action in ("ALLOW", "OPEN", "OPEN-INBOUND", "CLOSE")
    fields["event.type"] = ["connection", "allowed"] if allowed else ["connection", "denied"]
    fields["event.outcome"] = "success" if allowed else "failure"
    if action:
        fields["event.action"] = action.lower()
    put(fields, "source", values.get("src-ip", ""))
    put(fields, "destination", values.get("dst-ip", ""))
    for name, to in (("src-port", "source.port"), ("dst-port", "destination.port"), ("pid", "process.pid")):
        if (found := port(values.get(name))) is not None:
            fields[to] = found
    if (size := number(values.get("size"))) is not None:
        fields["network.bytes"] = size
    if "protocol" in values:
        fields["network.transport"] = values["protocol"].lower()
    direction: dict[str, Any] = {"SEND": "egress", "RECEIVE": "ingress", "FORWARD": "internal"}
    if values.get("path") in direction:
        fields["network.direction"] = direction[values["path"]]
    fields.update(values)
    return _FIREWALL


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """A line of a profile with product ``iis``."""
    reading = line(text, fields, zone, day) or _native(text, fields, zone)
    if reading is None and text.startswith("<"):
        found = syslog.read(text, fields, zone, day)
        if found is not None:
            reading = line(found[0], fields, zone, day)
    if reading is None:
        raise refuse("iis: no line of the declared columns, nor of those that IIS writes by default")
    return reading


PRODUCT = Product(
    "iis",
    "IIS and other W3C extended logs (#Fields: is kept per file; else the default columns); the Windows firewall's",
    parse,
    headed=True,
    fields=FIELDS,
)

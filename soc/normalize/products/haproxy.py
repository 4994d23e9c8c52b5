"""HAProxy → HTTP requests, TCP connections, errors of connections and changes of servers, as its own log formats write them."""

import re
from typing import Any
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import number, port, put
from soc.normalize.formats import clf, syslog
from soc.normalize.products.fill import tls_version
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import MONTHS, Stamp, iso

_WEB = (LogSource("haproxy", "webserver", "haproxy"),)
_OTHER = (LogSource("haproxy", "", "haproxy"),)

# HAProxy Configuration Manual, 8.2 "Log formats"
_HEAD = re.compile(
    r"(\S{1,45}):(\d{1,5}) \[(\d{2})/([A-Z][a-z]{2})/(\d{4}):(\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?)\] (\S{1,255}) ", re.ASCII
)
_HTTP = re.compile(
    r"([^\s/]{1,255})/(\S{1,255}) (?:[^\s/]{1,255} )?([+-]?\d{1,12}(?:/[+-]?\d{1,12}){3,4}) (-?\d{1,3}) \+?(\d{1,18}) (\S{1,1024}) (\S{1,1024}) (\S{4}) "
    r"(\d{1,9}/\d{1,9}/\d{1,9}/\d{1,9}/\+?\d{1,9}) (\d{1,9}/\d{1,9}) (?:\{([^{}]{0,8192})\} )?(?:\{([^{}]{0,8192})\} )?"
    r'"([^"]{0,65536})"?(?: (?:[\dA-Fa-f]{1,16}/){4}\d{1,9} ([^\s/]{1,255})/([^\s/]{1,32})/(\S{1,64}))?',
    re.ASCII,
)
_TCP = re.compile(
    r"([^\s/]{1,255})/(\S{1,255}) ([+-]?\d{1,12}(?:/[+-]?\d{1,12}){2}) \+?(\d{1,18}) (\S{2}) "
    r"(\d{1,9}/\d{1,9}/\d{1,9}/\d{1,9}/\+?\d{1,9}) (\d{1,9}/\d{1,9})",
    re.ASCII,
)
_CONNECT = re.compile(r"Connect from (\S{2,45}):(\d{1,5}) to (\S{2,45}):(\d{1,5}) \((\S{1,255})/(\w{1,16})\)", re.ASCII)
_SERVER = re.compile(
    r"(?:Health check for )?(?:(?:backup )?[Ss]erver )([^\s/]{1,255})/(\S{1,255}) (?:is|was) (UP|DOWN|going DOWN|\S{1,32}?)[ .,](?:.{0,64}?reason: (.{1,255}?)(?:, check|\.|$))?",
    re.ASCII,
)
_TAG = re.compile(r"haproxy\[(\d{1,10})\]: ", re.ASCII)
_TIMERS = ("TR", "Tw", "Tc", "Tr", "Ta")
_CONNECTIONS = ("actconn", "feconn", "beconn", "srv_conn", "retries")

FIELDS = {
    "client_ip": "source.ip",
    "client_port": "source.port",
    "accept_date": "@timestamp",
    "frontend_name": "haproxy.frontend_name",
    "backend_name": "haproxy.backend_name",
    "server_name": "haproxy.server_name",
    "Ta": "event.duration",
    "Tt": "event.duration",
    "status_code": "http.response.status_code",
    "bytes_read": "http.response.bytes, destination.bytes",
    "http_request": "http.request.method, url.original, http.version",
    "termination_state": "haproxy.termination_state",
    "ssl_version": "tls.version",
    "ssl_ciphers": "tls.cipher",
    "sni": "tls.client.server_name",
    **dict.fromkeys(("captured_request_cookie", "captured_response_cookie", "captured_request_headers"), ""),
    **dict.fromkeys(
        ("captured_response_headers", "TR", "Tw", "Tc", "Tr", *_CONNECTIONS, "srv_queue", "backend_queue"), ""
    ),
}
"""The manual's names of what its formats hold → ECS."""


def line(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001 - one signature for all
    """A message of HAProxy without the syslog header; None if it is of none of its formats."""
    head = _HEAD.match(text)
    if head is None:
        return _plain(text, fields)
    http = _HTTP.match(text, head.end())
    tcp = _TCP.match(text, head.end()) if http is None else None
    if http is None and tcp is None and ": " not in text[head.end() - 1 :] and "/" not in head[7]:
        return None
    address, client_port, d, month, year, clock, frontend = head.groups()
    put(fields, "source", address.removeprefix("::ffff:").strip("[]"))
    if address != "-":
        fields["client_ip"] = address
    if (found := port(client_port)) is not None:
        fields["source.port"] = found
    fields["haproxy.frontend_name"] = fields["frontend_name"] = frontend.partition("/")[0].rstrip("~:")
    fields["event.kind"] = "event"
    fields["event.module"], fields["event.dataset"] = "haproxy", "haproxy.log"
    fields["message"] = text
    stamp = iso(f"{year}-{MONTHS[month]:02}-{d} {clock}", zone) if month in MONTHS else None
    if http is not None:
        return _http(http, fields, stamp)
    if tcp is not None:
        return _tcp(tcp, fields, stamp)
    fields.update(_said("connection denied", "failure"))
    fields["event.reason"] = text[head.end() :][:255]
    return _OTHER, stamp


def _said(types: str, outcome: str = "") -> dict[str, Any]:
    fields: dict[str, Any] = {"event.category": ["network"], "event.type": types.split()}
    return {**fields, "event.outcome": outcome} if outcome else fields


def _http(match: re.Match[str], fields: Fields, stamp: Stamp | None) -> Reading:
    backend, server, timers, status, size, cookie, set_cookie, state, counts, queues = match.groups()[:10]
    asked, answered, request, sni, version, cipher = match.groups()[10:]
    fields["event.category"], fields["event.type"] = ["web"], ["access"]
    _ends((backend, server, state), counts, queues, fields)
    clf.request_line(request, fields)
    fields["http_request"] = request
    if not status.startswith("-"):
        code = int(status)
        fields["http.response.status_code"] = code
        fields["event.outcome"] = "success" if code < 400 else "failure"  # RFC 9110 §15
        if code >= 400:
            fields["event.type"] = ["access", "error"]
    fields["http.response.bytes"] = fields["destination.bytes"] = int(size)
    fields.update(zip(_TIMERS, timers.split("/"), strict=False))
    _duration(timers.split("/")[-1], fields)
    native = (
        ("captured_request_cookie", cookie),
        ("captured_response_cookie", set_cookie),
        ("captured_request_headers", asked),
        ("captured_response_headers", answered),
        ("tls.client.server_name", sni),
        ("tls.cipher", cipher),
    )
    fields.update((name, value) for name, value in native if value and value != "-")
    tls_version(version or "", fields)
    return _WEB, stamp


def _tcp(match: re.Match[str], fields: Fields, stamp: Stamp | None) -> Reading:
    backend, server, timers, size, state, counts, queues = match.groups()
    fields.update(_said("connection end"))
    fields["network.transport"] = "tcp"
    _ends((backend, server, state), counts, queues, fields)
    fields["destination.bytes"] = int(size)
    fields.update(zip(("Tw", "Tc", "Tt"), timers.split("/"), strict=True))
    _duration(timers.split("/")[-1], fields)
    # 8.5: "--" is a normal end; a state's first letter is who or what ended it
    fields["event.outcome"] = "success" if state == "--" else "failure"
    return _OTHER, stamp


def _ends(names: tuple[str, str, str], counts: str, queues: str, fields: Fields) -> None:
    backend, server, state = names
    fields["haproxy.backend_name"] = fields["backend_name"] = backend
    fields["haproxy.server_name"] = fields["server_name"] = server
    fields["haproxy.termination_state"] = fields["termination_state"] = state
    fields.update(zip(_CONNECTIONS, counts.split("/"), strict=True))
    fields.update(zip(("srv_queue", "backend_queue"), queues.split("/"), strict=True))


def _duration(milliseconds: str, fields: Fields) -> None:
    taken = number(milliseconds.lstrip("+"))
    if taken is not None:
        fields["event.duration"] = taken * 1_000_000


def _plain(text: str, fields: Fields) -> Reading | None:
    """What has no accept date: the default format, and what becomes of servers and proxies."""
    match = _CONNECT.match(text)
    if match is not None:
        fields.update(_said("connection start"))
        for side, address, at in (("source", match[1], match[2]), ("destination", match[3], match[4])):
            put(fields, side, address.removeprefix("::ffff:"))
            if (found := port(at)) is not None:
                fields[side + ".port"] = found
        fields["haproxy.frontend_name"] = fields["frontend_name"] = match[5]
    else:
        server = _SERVER.match(text)
        if server is None and not text.startswith(("Proxy ", "backend ", "proxy ", "Stopping ", "Pausing ")):
            return None
        fields["event.category"], fields["event.type"] = ["host"], ["info"]
        if server is not None:
            fields["event.type"] = ["change"]
            fields["haproxy.backend_name"], fields["haproxy.server_name"] = server[1], server[2]
            fields["event.action"] = "server-" + server[3].lower().replace(" ", "-")
            if server[4]:
                fields["event.reason"] = server[4]
    fields["event.kind"] = "event"
    fields["event.module"], fields["event.dataset"] = "haproxy", "haproxy.log"
    fields["message"] = text
    return _OTHER, None


def shape(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """As ``line``, for lines of unknown origin: only its log of requests and of connections, and what has its tag before it."""
    tag = _TAG.match(text) if text.startswith("haproxy[") else None
    if tag is not None:
        reading = line(text[tag.end() :], fields, zone, day)
        if reading is not None:
            fields["process.name"], fields["process.pid"] = "haproxy", int(tag[1])
        return reading
    head = _HEAD.match(text)
    if head is None or (_HTTP.match(text, head.end()) is None and _TCP.match(text, head.end()) is None):
        return None
    return line(text, fields, zone, day)


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """A line of a profile with product ``haproxy``: a file, or through syslog."""
    reading = line(text, fields, zone, day)
    if reading is not None:
        return reading
    found = syslog.read(text, fields, zone, day)
    if found is not None:
        reading = line(found[0], fields, zone, day)
        if reading is not None:
            return reading[0], reading[1] or found[2]
    raise refuse("haproxy: of none of its log formats (httplog, tcplog, httpslog, errors, servers)")


PRODUCT = Product(
    "haproxy", "HAProxy: HTTP, HTTPS, TCP, error and default log formats, server states", parse, fields=FIELDS
)

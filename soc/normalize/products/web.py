"""Access and error logs of nginx and Apache, in files or through syslog → web requests and what went wrong."""

import re
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import is_ip, port, put
from soc.normalize.formats import clf, syslog
from soc.normalize.formats import json as json_format
from soc.normalize.products import modsecurity, web_json
from soc.normalize.products.fill import tls_version
from soc.normalize.products.product import Fields, Line, Product, Reading, refuse
from soc.normalize.time import Stamp, bsd, iso
from soc.normalize.time import clf as clf_stamp

_NGINX_ERROR = re.compile(
    r"(\d{4}/\d{2}/\d{2} \d{2}:\d{2}:\d{2}) \[([a-z]{1,16})\] (\d{1,10})#(\d{1,10}): (?:\*\d{1,20} )?", re.ASCII
)
_APACHE_ERROR = re.compile(
    r"\[([A-Z][a-z]{2} [A-Z][a-z]{2} {1,2}\d{1,2} \d{2}:\d{2}:\d{2}(?:\.\d{1,9})? \d{4}|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[\d.]{0,8}(?: [+-]\d{4})?)\] \[(?:([\w-]{0,64}):)?([a-z0-9]{1,16})\] "
    r"(?:\[pid (\d{1,10})(?::tid (\d{1,20}))?\] )?(?:[\w/.-]{1,64}\.c\(\d{1,6}\): )?(?:\([^)]{1,128}\)[^:\[]{0,256}: )?(?:\[(?:remote|client) ([^\]\s]{1,80})\] )?",
    re.ASCII,
)
_APACHE_START = re.compile(r"(AH\d{5}): (?:apache2|httpd|\w{1,16}): ", re.ASCII)
_SSL_REQUEST = re.compile(
    r'\[(\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4})\] (\S{1,255}) (\S{1,32}) (\S{1,64}) "([^"\\]*(?:\\.[^"\\]*)*)" (\d{1,18}|-)',
    re.ASCII | re.DOTALL,
)
_CODE = re.compile(r"(AH\d{5}): ", re.ASCII)
_FORWARDED = re.compile(r' (?:X-Forwarded-For=)?"([\da-fA-F.:]{2,45})(?:, ?[^"]{0,512})?"', re.ASCII)
_TIMED = re.compile(r' \d{1,18} "([^"\\]{0,4096})" "([^"\\]{0,4096})"', re.ASCII)
_FILE = re.compile(
    r"(?:File does not exist|client denied by server configuration|script not found or unable to stat"
    r"|Directory index forbidden by (?:rule|Options directive)|Attempt to serve directory): (/.{0,4096}?)(?:, referer: |$)",
    re.DOTALL,
)
_DENIED = re.compile(r"client denied by server configuration|Directory index forbidden by ", re.ASCII)
_PEER = re.compile(r"attempt to connect to \[?([\da-fA-F.:]{2,45}?)\]?:(\d{1,5}) ", re.ASCII)
_NGINX_FILE = re.compile(r'open\(\) "([^"]{1,4096})" failed', re.DOTALL)
_NGINX_DENIED = re.compile(r"access forbidden by rule|directory index of \"[^\"]{1,4096}\" is forbidden", re.DOTALL)
_NGINX_LIMIT = re.compile(r'limiting (?:requests|connections)(?:, .{0,64}?)? by zone "([^"]{1,255})"', re.ASCII)
_REFERER = re.compile(r", referer: (\S{1,2048})$", re.ASCII)
_NGINX_USER = re.compile(r'user "([^"]{0,256})"(?: was not found in|: password mismatch)')
_APACHE_USER = re.compile(r"user (.{1,256}?)(?: not found|: authentication failure| in realm)", re.ASCII)
_NGINX_PARTS = re.compile(r', (client|server|request|upstream|host|referrer): (?:"([^"\\]*(?:\\.[^"\\]*)*)"|([^,\s]*))')

_SOURCES = {
    "nginx": (LogSource("nginx", "webserver", "nginx"),),
    "apache": (LogSource("apache", "webserver", "apache"),),
    "web": (LogSource("", "webserver", ""),),
}
_GUARDED = {
    name: (*_SOURCES[name], LogSource("modsecurity", "webserver", "modsecurity")) for name in ("nginx", "apache")
}
_ACCESS: dict[str, dict[str, Any]] = {
    name: {
        "event.kind": "event",
        "event.category": ["web"],
        "event.module": name,
        "event.dataset": name + ".access",
    }
    for name in _SOURCES
}
_LOGIN_FAILED: dict[str, Any] = {
    "event.category": ["authentication", "web"],
    "event.type": ["start"],
    "event.outcome": "failure",
    "event.action": "http-login",
}
_QUIET = frozenset(("debug", "info", "notice", *(f"trace{depth}" for depth in range(1, 9))))


def access(text: str, fields: Fields, server: str) -> Reading | None:
    """An access line, as ``server`` (nginx, apache, web) writes it; None if it is none."""
    fields_before = _ACCESS[server]
    line = clf.read(text, fields)
    if line is None:
        return None
    fields.update(fields_before)
    if line.rest and (forwarded := _FORWARDED.search(line.rest)) is not None and is_ip(forwarded[1]):
        fields["network.forwarded_ip"] = forwarded[1]
    if line.rest and not line.combined and (timed := _TIMED.match(line.rest)) is not None:  # %D before the referrer
        if timed[1] not in ("-", ""):
            fields["http.request.referrer"] = timed[1]
        if timed[2] not in ("-", ""):
            fields["user_agent.original"] = timed[2]
    if "user.name" in fields and fields.get("http.response.status_code") == 401:  # RFC 9110 §15.5.2
        fields["event.category"] = ["authentication", "web"]
    return _SOURCES[server], line.stamp


def nginx_error(text: str, fields: Fields, zone: ZoneInfo) -> Reading | None:
    """A line of nginx's error log; None if it is none."""
    match = _NGINX_ERROR.match(text)
    if match is None:
        return None
    when, level, pid, thread = match.groups()
    rest = text[match.end() :]
    parts = {name: quoted or bare for name, quoted, bare in _NGINX_PARTS.findall(rest)}
    put(fields, "source", parts.get("client", "").removeprefix("unix:"))
    if "request" in parts:
        clf.request_line(parts["request"], fields)
    if parts.get("host"):
        clf.host(parts["host"], fields)
    if parts.get("referrer"):
        fields["http.request.referrer"] = parts["referrer"]
    _error("nginx", level, rest, fields)
    fields["process.pid"], fields["process.thread.id"] = int(pid), int(thread)
    if "ModSecurity" in rest and modsecurity.error(rest, fields):
        return _GUARDED["nginx"], iso(when, zone)
    if (file := _NGINX_FILE.search(rest)) is not None:
        fields["file.path"] = file[1]
    if (limit := _NGINX_LIMIT.match(rest)) is not None:
        fields["rule.name"] = limit[1]
    if limit is not None or _NGINX_DENIED.match(rest) is not None:
        fields["event.outcome"] = "failure"
    user = _NGINX_USER.search(rest)
    if user is not None:
        fields.update(_LOGIN_FAILED)
        fields["user.name"] = user[1]
    return _SOURCES["nginx"], iso(when, zone)


def apache_error(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A line of Apache's error log (2.2 and 2.4 forms); None if it is none."""
    match = _APACHE_ERROR.match(text)
    if match is None:
        return _apache_rest(text, fields)
    when, module, level, pid, thread, client = match.groups()
    rest = text[match.end() :]
    if client:
        _client(client, fields)
    code = _CODE.match(rest)
    if code is not None:
        fields["event.code"] = code[1]
        rest = rest[code.end() :]
    _error("apache", level, rest, fields)
    if client and (referer := _REFERER.search(rest)) is not None:
        fields["http.request.referrer"] = referer[1]
    if module:
        fields["apache.error.module"] = module
    if pid:
        fields["process.pid"] = int(pid)
    if thread:
        fields["process.thread.id"] = int(thread)
    if "ModSecurity" in rest and modsecurity.error(rest, fields):
        return _GUARDED["apache"], _apache_stamp(when, zone, day)
    _apache_said(rest, fields)
    if module is None or module.startswith("auth"):
        user = _APACHE_USER.match(rest)
        if user is not None:
            fields.update(_LOGIN_FAILED)
            fields["user.name"] = user[1]
    return _SOURCES["apache"], _apache_stamp(when, zone, day)


def _apache_said(rest: str, fields: Fields) -> None:
    """The file or the server behind that the message names, and whether the client was refused."""
    file = _FILE.match(rest)
    if file is not None:
        fields["file.path"] = file[1]
    if _DENIED.match(rest) is not None:
        fields["event.outcome"] = "failure"
    peer = _PEER.search(rest)
    if peer is not None and is_ip(peer[1]) and (found := port(peer[2])) is not None:
        fields["destination.ip"], fields["destination.port"] = peer[1], found


def _apache_rest(text: str, fields: Fields) -> Reading | None:
    """What Apache says before its log is open, and the log of requests over TLS (``ssl_request_log``)."""
    start = _APACHE_START.match(text)
    if start is not None:
        fields["event.code"] = start[1]
        _error("apache", "notice", text, fields)
        return _SOURCES["apache"], None
    match = _SSL_REQUEST.match(text)
    if match is None:
        return None
    when, address, version, cipher, request, size = match.groups()
    fields.update(_ACCESS["apache"])
    fields["event.type"] = ["access"]
    put(fields, "source", address)
    fields["tls.cipher"] = cipher
    tls_version(version, fields)
    clf.request_line(request, fields)
    if size != "-":
        fields["http.response.body.bytes"] = int(size)
    return _SOURCES["apache"], clf_stamp(when)


def _apache_stamp(when: str, zone: ZoneInfo, day: int) -> Stamp | None:
    return iso(when, zone) if when[0].isdigit() else bsd(when, zone, day)


def _client(client: str, fields: Fields) -> None:
    """``192.0.2.1:51514``, ``2001:db8::1:51514`` (Apache writes no brackets) or an address alone."""
    address, _, last = client.rpartition(":")
    number = port(last)
    if address and number is not None and (client.count(":") == 1 or client.count(":") > 7 or "::" in address):
        put(fields, "source", address.strip("[]"))
        if "source.ip" in fields:
            fields["source.port"] = number
            return
        fields.pop("source.address", None)
        fields.pop("source.domain", None)
    put(fields, "source", client)


def _error(server: str, level: str, message: str, fields: Fields) -> None:
    fields["event.kind"] = "event"
    fields["event.category"] = ["web"]
    fields["event.type"] = ["info"] if level in _QUIET else ["error"]
    fields["event.module"] = server
    fields["event.dataset"] = server + ".error"
    fields["log.level"] = level
    fields["message"] = message


def _read(text: str, fields: Fields, zone: ZoneInfo, day: int, server: str) -> Reading | None:
    reading = access(text, fields, server)
    if reading is None and server != "apache":
        reading = nginx_error(text, fields, zone)
    if reading is None and server != "nginx":
        reading = apache_error(text, fields, zone, day)
    return reading


def recognize(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A line of a web server's own file, without knowing which; None if it is none."""
    return _read(text, fields, zone, day, "web")


def _object(text: str, fields: Fields, zone: ZoneInfo) -> Reading | None:
    found = json_format.decode_object(text)
    return None if found is None or web_json.MARK not in found[0] else web_json.read(found[0], fields, zone)


def _parse(text: str, fields: Fields, zone: ZoneInfo, day: int, server: str) -> Reading:
    if text.startswith("{") and server == "nginx" and (reading := _object(text, fields, zone)) is not None:
        return reading
    reading = _read(text, fields, zone, day, server)
    if reading is not None:
        return reading
    found = syslog.read(text, fields, zone, day)
    if found is not None:
        reading = _read(found[0], fields, zone, day, server)
        if reading is not None:
            return reading[0], reading[1] or found[2]
    raise refuse(f"{server}: neither an access nor an error line")


def syslog_line(server: str) -> Line:
    """The reader of the payload of a syslog line whose program is this web server."""
    return partial(_read, server=server)


_NAMES = {
    "%h": "source.ip",
    "%a": "source.ip",
    "%l": "client.user.name",
    "%u": "user.name",
    "%t": "@timestamp",
    "%r": "http.request.method, url.original, url.path, url.query, http.version",
    "%>s": "http.response.status_code",
    "%b": "http.response.body.bytes",
    "%O": "http.response.body.bytes",
    "%v:%p": "url.domain, destination.port",
    "%{Referer}i": "http.request.referrer",
    "%{User-Agent}i": "user_agent.original",
    "%{X-Forwarded-For}i": "network.forwarded_ip",
    "%{SSL_PROTOCOL}x": "tls.version",
    "%{SSL_CIPHER}x": "tls.cipher",
}
"""Apache's codes of an access log ("Module mod_log_config", Custom Log Formats) → ECS; the log has no names for them."""

NGINX = Product(
    "nginx",
    "nginx: access log (combined, JSON with the names of its variables) and error log",
    lambda t, f, z, d: _parse(t, f, z, d, "nginx"),
    fields=web_json.FIELDS,
)
APACHE = Product(
    "apache",
    "Apache httpd: access log (common, combined, vhost) and error log",
    lambda t, f, z, d: _parse(t, f, z, d, "apache"),
    fields=_NAMES,
)
WEB = Product(
    "web-access",
    "an access log in common or combined form, of a server not known",
    lambda t, f, z, d: _parse(t, f, z, d, "web"),
)

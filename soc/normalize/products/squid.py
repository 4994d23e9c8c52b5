"""Squid's access log, in its own format and in the combined one → what was asked of a proxy, by whom, and what became of it."""

import re
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import is_ip, number, port, put
from soc.normalize.formats import clf, syslog
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.products.url_parts import put_url
from soc.normalize.time import Stamp, epoch

_SOURCES = (LogSource("squid", "proxy", "squid"),)

# squid.conf, logformat "squid": %ts.%03tu %6tr %>a %Ss/%03>Hs %<st %rm %ru %[un %Sh/%<a %mt
_RESULT = r"((?:TCP|UDP|NONE|ERR|TAG|CF)[A-Z_]{0,64})"
_NATIVE = re.compile(
    rf"(\d{{9,11}}\.\d{{3}}) {{1,12}}(-?\d{{1,12}}) (\S{{2,255}}) {_RESULT}/(\d{{1,3}}|-) (\d{{1,18}}) ([^\s]{{1,32}}) (\S{{1,65536}}) (\S{{1,255}}) "
    r"([A-Z_]{1,64})/(\S{1,255}) (\S{1,255})",
    re.ASCII,
)
# The same with the client's port, more sizes, the HTTP version and the peer's port between (a custom logformat)
_WIDE = re.compile(
    rf"(\d{{9,11}}\.\d{{3}}) {{1,12}}(-?\d{{1,12}}) (\S{{2,255}}) (\d{{1,5}}|-) {_RESULT}/(\d{{1,3}}|-) (\d{{1,18}}|-) (\d{{1,18}}|-)(?: (?:\d{{1,18}}|-)){{0,6}} "
    r"([A-Z][A-Z_-]{0,31}) (\S{1,65536}) (\d\.\d|-) (\S{1,255}) ([A-Z_]{1,64})/(\S{1,255}) (\d{1,5}|-) (\S{1,255})",
    re.ASCII,
)
_HEADERS = re.compile(r'(?: [^\s"]{1,255}){0,8} "([^"]{0,2048})" "([^"]{0,2048})"', re.ASCII)
_AFTER = re.compile(rf"\s*(?:\"[^\"]{{0,1024}}\" ?)?{_RESULT}:([A-Z_]{{1,64}})\s*$", re.ASCII)
_LAST = re.compile(rf"{_RESULT}:[A-Z_]{{1,64}}\s*$", re.ASCII)
_SHAPE = re.compile(r"\d{9,11}\.\d{3} {1,12}-?\d{1,12} \S{2,255} (?:\d{1,5} )?(?:TCP|UDP|NONE|ERR|TAG|CF)", re.ASCII)

FIELDS = {
    "ts": "@timestamp",
    "tr": "event.duration",
    ">a": "source.ip",
    ">p": "source.port",
    "Ss": "event.action",
    ">Hs": "http.response.status_code",
    ">st": "http.request.bytes, source.bytes",
    "<st": "http.response.bytes, destination.bytes",
    "rm": "http.request.method",
    "ru": "url.original",
    "un": "user.name",
    "Sh": "squid.hierarchy",
    "<a": "destination.ip",
    "<p": "destination.port",
    "rv": "http.version",
    "mt": "http.response.mime_type",
    "{Referer}>h": "http.request.referrer",
    "{User-Agent}>h": "user_agent.original",
}
"""The codes of squid.conf's ``logformat`` → ECS; the values have no names of their own in the log."""


def line(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001 - one signature for all
    """A line of the access log; None if it is none."""
    match = _NATIVE.match(text)
    if match is not None:
        _headers(text, match.end(), fields)
        return _SOURCES, _native(match.groups(), fields)
    wide = _WIDE.match(text)
    if wide is not None:
        return _SOURCES, _wide(wide, text, fields)
    request: Fields = {}
    found = clf.read(text, request)
    after = None if found is None else _AFTER.match(found.rest)
    if found is None or after is None:
        return None
    fields.update(request)
    method, url = fields.get("http.request.method", ""), str(fields.get("url.original", ""))
    _url(method, url, fields)
    if (size := fields.pop("http.response.body.bytes", None)) is not None:
        fields["http.response.bytes"] = fields["destination.bytes"] = size
    _common(after[1], fields.get("http.response.status_code"), after[2], fields)
    return _SOURCES, found.stamp


def shape(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A line of the native format, or one of the combined format with Squid's result at its end."""
    if _SHAPE.match(text) is None and not ends_so(text):
        return None
    return line(text, fields, zone, day)


def ends_so(text: str) -> bool:
    """Whether a line ends as the combined format does: with what the cache did and where it asked."""
    return _LAST.match(text, text.rfind(" ") + 1) is not None


def _headers(text: str, end: int, fields: Fields) -> None:
    """The referrer and the user agent, if the log's format has them quoted at its end."""
    match = _HEADERS.match(text, end)
    if match is None:
        return
    referrer, agent = match.groups()
    if referrer not in ("", "-"):
        fields["http.request.referrer"] = referrer
    if agent not in ("", "-"):
        fields["user_agent.original"] = agent


def _wide(match: re.Match[str], text: str, fields: Fields) -> Stamp | None:
    (when, taken, address, sent_from, result, status, size, asked) = match.groups()[:8]
    method, url, version, user, hierarchy, peer, peer_port, kind = match.groups()[8:]
    stamp = _native(
        (when, taken, address, result, status, size.replace("-", "0"), method, url, user, hierarchy, peer, kind), fields
    )
    if (found := port(sent_from)) is not None:
        fields["source.port"] = found
    if (found := port(peer_port)) is not None:
        fields["destination.port"] = found
    if (count := number(asked)) is not None:
        fields["http.request.bytes"] = fields["source.bytes"] = count
    if version != "-":
        fields["http.version"] = version
    _headers(text, match.end(), fields)
    return stamp


def _native(groups: tuple[str, ...], fields: Fields) -> Stamp | None:
    when, taken, address, result, status, size, method, url, user, hierarchy, peer, kind = groups
    put(fields, "source", address)
    if (milliseconds := number(taken)) is not None:
        fields["event.duration"] = milliseconds * 1_000_000
    if method != "-":
        fields["http.request.method"] = method
    if url != "-":
        _url(method, url, fields)
    code = None if status in ("-", "0", "000") else int(status)
    if code is not None:
        fields["http.response.status_code"] = code
    fields["http.response.bytes"] = fields["destination.bytes"] = int(size)
    if user != "-":
        fields["user.name"] = user
    if is_ip(peer):
        fields["destination.ip"] = peer
    elif peer != "-":
        fields["destination.address"] = fields["destination.domain"] = peer
    if kind not in ("-", ":"):
        fields["http.response.mime_type"] = kind
    _common(result, code, hierarchy, fields)
    return epoch(when)


def _common(result: str, code: object, hierarchy: str, fields: Fields) -> None:
    denied = "DENIED" in result
    fields["event.kind"] = "event"
    fields["event.category"] = ["web", "network"]
    fields["event.type"] = ["connection", "denied"] if denied else ["access"]
    fields["event.module"], fields["event.dataset"] = "squid", "squid.access"
    fields["event.action"] = result
    fields["squid.hierarchy"] = hierarchy
    if denied or (isinstance(code, int) and code >= 400):
        fields["event.outcome"] = "failure"
    elif isinstance(code, int):
        fields["event.outcome"] = "success"


def _url(method: str, url: str, fields: Fields) -> None:
    """A URL, or ``host:port`` of a tunnel (RFC 9110 §9.3.6)."""
    for name in ("url.path", "url.query", "url.domain", "url.scheme"):
        fields.pop(name, None)
    if method == "CONNECT" or "://" not in url:
        host, colon, last = url.rpartition(":")
        fields["url.original"] = url
        if colon and (found := port(last)) is not None:
            fields["url.domain"], fields["url.port"] = host.strip("[]"), found
            fields["destination.port"] = found
        return
    put_url(fields, url)


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """A line of a profile with product ``squid``: a file, or through syslog."""
    reading = line(text, fields, zone, day)
    if reading is not None:
        return reading
    found = syslog.read(text, fields, zone, day)
    if found is not None:
        reading = line(found[0].lstrip(), fields, zone, day)
        if reading is not None:
            return reading[0], reading[1] or found[2]
    raise refuse("squid: a line of neither its own nor the combined access log")


PRODUCT = Product("squid", "Squid: access log in its own format and combined", parse, fields=FIELDS)

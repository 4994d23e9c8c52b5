"""Access logs of nginx as JSON, under the names of nginx's variables (``log_format ... escape=json``) → web requests."""

from typing import Any
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import is_ip, number, port, put
from soc.normalize.formats import clf
from soc.normalize.formats import json as json_format
from soc.normalize.products.fill import tls_version
from soc.normalize.products.product import Fields, Reading
from soc.normalize.time import Stamp, epoch, iso
from soc.normalize.time import clf as clf_stamp

MARK = "remote_addr"
_SOURCES = (LogSource("nginx", "webserver", "nginx"),)
_TEXTS = {
    "remote_user": "user.name",
    "http_referer": "http.request.referrer",
    "http_referrer": "http.request.referrer",
    "http_user_agent": "user_agent.original",
    "request_method": "http.request.method",
    "scheme": "url.scheme",
    "http_cookie": "http.request.headers.cookie",
    "ssl_protocol": "tls.version",
    "ssl_cipher": "tls.cipher",
    "request_id": "http.request.id",
}
_NUMBERS = {
    "status": "http.response.status_code",
    "response_status": "http.response.status_code",
    "body_bytes_sent": "http.response.body.bytes",
    "bytes_sent": "http.response.bytes",
    "request_length": "http.request.bytes",
    "remote_port": "source.port",
    "server_port": "destination.port",
}
FIELDS = {
    **_TEXTS,
    **_NUMBERS,
    "remote_addr": "source.ip",
    "server_addr": "destination.ip",
    "http_x_forwarded_for": "network.forwarded_ip",
    "host": "url.domain",
    "http_host": "url.domain",
    "server_name": "url.domain",
    "request": "http.request.method, url.original, http.version",
    "request_uri": "url.original, url.path, url.query",
    "request_time": "event.duration",
    "time_iso8601": "@timestamp",
    "time_local": "@timestamp",
    "msec": "@timestamp",
}
"""nginx's variables ("Alphabetical index of variables") → ECS."""


def read(event: dict[str, Any], fields: Fields, zone: ZoneInfo) -> Reading | None:
    """An object with nginx's ``remote_addr`` and a request; None if it is another's."""
    if not ("request" in event or "request_uri" in event or "uri" in event):
        return None
    flat = json_format.flatten(event)
    values = {
        name: str(value)
        for name, value in flat.items()
        if isinstance(value, str | int | float) and str(value) not in ("", "-")
    }
    fields.update(flat)
    fields["event.kind"] = "event"
    fields["event.category"], fields["event.type"] = ["web"], ["access"]
    fields["event.module"], fields["event.dataset"] = "nginx", "nginx.access"
    put(fields, "source", values.get(MARK, ""))
    if is_ip(values.get("server_addr", "")):
        fields["destination.ip"] = values["server_addr"]
    fields.update((to, values[name]) for name, to in _TEXTS.items() if name in values)
    for name, to in _NUMBERS.items():
        if (count := number(values.get(name))) is not None:
            fields[to] = count
    if "request" in values:
        clf.request_line(values["request"], fields)
    else:
        method, version = values.get("request_method", "GET"), values.get("server_protocol", "")
        clf.request_line(f"{method} {values.get('request_uri') or values.get('uri', '')} {version}".rstrip(), fields)
    domain = values.get("http_host") or values.get("host") or values.get("server_name")
    if domain:
        name, colon, last = domain.rpartition(":")
        fields["url.domain"] = name if colon and port(last) is not None else domain
    if is_ip(forwarded := values.get("http_x_forwarded_for", "").partition(",")[0].strip()):
        fields["network.forwarded_ip"] = forwarded
    if "ssl_protocol" in values:
        tls_version(values["ssl_protocol"], fields)
    _outcome(fields)
    _duration(values.get("request_time", ""), fields)
    return _SOURCES, _stamp(values, zone)


_APACHE = {
    "remote_ip": "remote_addr",
    "method": "request_method",
    "userAgent": "http_user_agent",
    "referer": "http_referer",
    "user": "remote_user",
}


def read_apache(event: dict[str, Any], fields: Fields, zone: ZoneInfo) -> Reading | None:
    """Apache's ``LogFormat`` as JSON under the names that its users copy from one another; None if it is another's."""
    path, query = event.get("request"), event.get("query", "")
    if not (isinstance(path, str) and path.startswith("/") and isinstance(query, str)):
        return None
    if "method" not in event or "status" not in event:
        return None
    renamed = {_APACHE.get(name, name): value for name, value in event.items() if name not in ("request", "query")}
    reading = read(renamed | {"request_uri": path + query}, fields, zone)
    if reading is None:
        return None
    fields["event.module"], fields["event.dataset"] = "apache", "apache.access"
    return (LogSource("apache", "webserver", "apache"),), reading[1]


def _outcome(fields: Fields) -> None:
    code = fields.get("http.response.status_code")
    if isinstance(code, int):
        fields["event.outcome"] = "success" if code < 400 else "failure"  # RFC 9110 §15
        if code >= 400:
            fields["event.type"] = ["access", "error"]
        if code == 401 and "user.name" in fields:
            fields["event.category"] = ["authentication", "web"]


def _duration(seconds: str, fields: Fields) -> None:
    whole, _, fraction = seconds.partition(".")
    if (count := number(whole)) is not None and fraction.isdecimal() and fraction.isascii():
        fields["event.duration"] = count * 1_000_000_000 + int(fraction[:9].ljust(9, "0"))


def _stamp(values: dict[str, str], zone: ZoneInfo) -> Stamp | None:
    for name in ("time_iso8601", "time", "timestamp", "@timestamp"):
        if name in values and (stamp := iso(values[name], zone)) is not None:
            return stamp
    if "time_local" in values:
        return clf_stamp(values["time_local"])
    return epoch(values["msec"]) if "msec" in values else None

"""logfmt (``time=... level=info msg="..."``), as Go's services write it, of a program not known → its own names beside a few of ECS."""

import re
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import is_ip, number, port
from soc.normalize.formats import kv, syslog
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import Stamp, epoch, iso

_NONE: tuple[LogSource, ...] = ()
_SHAPE = re.compile(
    r'(?:(?:time|ts|t|timestamp)=(?:"[^"]{1,64}"|\S{1,64}) (?:caller=\S{1,256} )?(?:level|lvl|severity)=[A-Za-z"]|(?:level|lvl)=\w{1,16} (?:time|ts|msg|caller|component)=)',
    re.ASCII,
)
_STAMPS = ("time", "ts", "t", "timestamp", "@timestamp")
_LEVELS = ("level", "lvl", "severity")
_TEXTS = {
    "msg": "message",
    "message": "message",
    "user": "user.name",
    "username": "user.name",
    "method": "http.request.method",
    "logger": "log.logger",
    "caller": "log.origin.file.name",
    "err": "error.message",
    "error": "error.message",
    "host": "host.name",
    "hostname": "host.name",
    "service": "service.name",
    "request_id": "http.request.id",
    "trace_id": "trace.id",
}
_ADDRESSES = ("remote_addr", "remote", "client_ip", "client", "ip", "remote_ip", "src", "source")
_PORTED = re.compile(r"\[?([\da-fA-F.:]{2,45}?)\]?:(\d{1,5})$", re.ASCII)
_BAD = frozenset(("error", "err", "fatal", "critical", "crit", "panic", "dpanic"))

FIELDS = {
    **_TEXTS,
    **dict.fromkeys(_STAMPS, "@timestamp"),
    **dict.fromkeys(_LEVELS, "log.level"),
    **dict.fromkeys(_ADDRESSES, "source.ip, source.port"),
    "path": "url.path",
    "uri": "url.original",
    "status": "http.response.status_code",
}
"""logfmt has no names of its own; these are what programs write most → ECS."""


def line(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001 - one signature for all
    """A line of pairs; None if it has fewer than two."""
    values = kv.pairs(text)
    if len(values) < 2:
        return None
    fields.update(values)
    fields["event.kind"] = "event"
    fields["event.module"], fields["event.dataset"] = "logfmt", "logfmt.line"
    fields["event.category"], fields["event.type"] = ["process"], ["info"]
    fields.setdefault("message", text)
    fields.update((to, values[name]) for name, to in reversed(_TEXTS.items()) if values.get(name))
    level = next((values[name] for name in _LEVELS if values.get(name)), "").lower()
    if level:
        fields["log.level"] = level
        if level in _BAD:
            fields["event.type"] = ["error"]
    _address(values, fields)
    _request(values, fields)
    return _NONE, _stamp(values, zone)


def shape(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A line that begins with a time and a level, or a level and what else comes with it."""
    return line(text, fields, zone, day) if _SHAPE.match(text) else None


def _address(values: dict[str, str], fields: Fields) -> None:
    for name in _ADDRESSES:
        value = values.get(name, "")
        if is_ip(value):
            fields["source.ip"] = value
            return
        match = _PORTED.match(value)
        if match is not None and is_ip(match[1]) and (at := port(match[2])) is not None:
            fields["source.ip"], fields["source.port"] = match[1], at
            return


def _request(values: dict[str, str], fields: Fields) -> None:
    if "method" not in values:
        return
    fields["event.category"] = ["web"]
    if uri := values.get("uri"):
        fields["url.original"] = uri
    if path := values.get("path"):
        fields["url.path"] = path
    if (code := number(values.get("status"))) is not None:
        fields["http.response.status_code"] = code
        fields["event.outcome"] = "success" if code < 400 else "failure"  # RFC 9110 §15


def _stamp(values: dict[str, str], zone: ZoneInfo) -> Stamp | None:
    for name in _STAMPS:
        value = values.get(name)
        if value:
            return iso(value, zone) or epoch(value)
    return None


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """A line of a profile with product ``logfmt``: a file, or through syslog."""
    if text.startswith("<"):
        found = syslog.read(text, fields, zone, day)
        if found is not None:
            reading = line(found[0], fields, zone, day)
            if reading is not None:
                return reading[0], reading[1] or found[2]
    reading = line(text, fields, zone, day)
    if reading is None:
        raise refuse("logfmt: fewer than two pairs of a name and a value")
    return reading


PRODUCT = Product(
    "logfmt", "logfmt of any program; a mapping file says more of one that is known", parse, fields=FIELDS
)

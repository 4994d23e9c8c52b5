"""F5 BIG-IP LTM request logging as Telemetry Streaming sends it (a JSON object of one request) → events of a web server."""

import re
from typing import Any
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.formats import json
from soc.normalize.formats.json import flatten
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.products.table import Table
from soc.normalize.products.url_parts import put_url
from soc.normalize.time import iso

MARK = "telemetryEventCategory"

TABLE = Table(
    text={
        "hostname": "observer.name",
        "virtual_server": "rule.ruleset",
        "virtual_name": "rule.ruleset",
        "user": "user.name",
        "http_method": "http.request.method",
        "http_version": "http.version",
        "http_user_agent": "user_agent.original",
        "http_referrer": "http.request.referrer",
        "http_content_type": "http.request.mime_type",
    },
    numbers={
        "bytes_in": "http.request.bytes",
        "bytes_out": "http.response.bytes",
        "http_status": "http.response.status_code",
    },
    ports={"node_port": "destination.nat.port", "client_port": "source.port", "server_port": "destination.port"},
    addresses={
        "src_ip": "source",
        "client_ip": "source",
        "vip": "destination",
        "server_ip": "destination",
        "node": "destination.nat",
    },
    derived={
        MARK: "event.dataset",
        "http_host": "url.domain, url.port",
        "http_uri": "url.original, url.path, url.query",
        "http_url": "url.original, url.path, url.query",
        "req_elapsed_time": "event.duration",
        "event_timestamp": "@timestamp",
        "req_start_time": "@timestamp",
    },
    kept="event_source cookie res_start_time tenant application",
)
_SOURCES = (LogSource("f5", "webserver", "ltm"),)
_STAMP = re.compile(r"(\d{4})[-/](\d\d)[-/](\d\d)[ :T](.{8,20})", re.ASCII)
_PORT = re.compile(r":(\d{1,5})$", re.ASCII)


def read_object(event: dict[str, Any], fields: Fields, zone: ZoneInfo) -> Reading | None:
    """One request; None: another of F5's categories, or anyone else's object."""
    if event.get(MARK) != "LTM" or ("src_ip" not in event and "client_ip" not in event):
        return None
    pairs = {name: str(value) for name, value in flatten(event).items() if value is not None}
    TABLE.write(pairs, fields)
    host, url = pairs.get("http_host", ""), pairs.get("http_uri") or pairs.get("http_url", "")
    port = _PORT.search(host)
    if url:
        put_url(fields, url)
    if host:
        fields["url.domain"] = host[: port.start()] if port is not None else host
    if port is not None:
        fields["url.port"] = int(port[1])
    elapsed = pairs.get("req_elapsed_time", "")
    if elapsed.isascii() and elapsed.isdecimal() and len(elapsed) < 10:
        fields["event.duration"] = int(elapsed) * 1_000_000
    status = fields.get("http.response.status_code")
    if status is not None:
        fields["event.outcome"] = "failure" if status >= 400 else "success"
    fields["event.kind"], fields["event.category"], fields["event.type"] = "event", ["web"], ["access"]
    fields["event.module"], fields["event.dataset"] = "f5", "f5.ltm"
    fields["observer.vendor"], fields["observer.product"] = "F5", "BIG-IP LTM"
    written = _STAMP.match(pairs.get("event_timestamp") or pairs.get("req_start_time", ""))
    stamp = iso(f"{written[1]}-{written[2]}-{written[3]}T{written[4]}", zone) if written is not None else None
    return _SOURCES, stamp


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:  # noqa: ARG001 - one signature for all
    """One object."""
    decoded = json.decode_object(text)
    reading = read_object(decoded[0], fields, zone) if decoded is not None else None
    if reading is None:
        raise refuse("f5-ltm: no object of the category LTM with a client's address")
    return reading


PRODUCT = Product("f5-ltm", "F5 BIG-IP LTM: requests (Telemetry Streaming)", parse, fields=TABLE.fields)

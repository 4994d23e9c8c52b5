"""A line of an unknown product → the reading of the first product whose mark it bears (profile product ``auto``)."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from soc.errors import RecordError
from soc.normalize.formats import json
from soc.normalize.products import cisco_asa, fortigate, generic_json, linux, netfilter, web, windows_json
from soc.normalize.products.product import Fields, Product, Reading, refuse


def _json(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001 - one signature for all
    event = json.decode_object(text)
    if event is None:
        return None
    if windows_json.is_windows(event):
        return windows_json.read(event, fields, zone)
    return generic_json.read(event, fields, zone)


def _asa(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    return cisco_asa.parse(text, fields, zone, day) if cisco_asa.MARK.search(text) else None


def _fortigate(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    return fortigate.parse(text, fields, zone, day) if "type=" in text else None


def _netfilter(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001 - one signature for all
    sources = netfilter.read(text, fields)
    return None if sources is None else (sources, None)


_MARKS: tuple[tuple[str, Callable[[str, Fields, ZoneInfo, int], Reading | None]], ...] = (
    ("devid=", _fortigate),
    ("%ASA-", _asa),
    ("%FTD-", _asa),
    ("logid=", _fortigate),
)
"""Marks that say which product it is wherever they stand; a match of the mark alone is only a candidate."""


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """Read a line of any product.

    In this order: a JSON object; a vendor's mark; an access or error line of a web server; a syslog line, by its program;
    a netfilter line without header.
    """
    reading: Reading | None = None
    if text.startswith("{"):
        reading = _json(text, fields, zone, day)
        if reading is not None:
            return reading
    for mark, read in _MARKS:
        if mark in text:
            try:
                reading = read(text, fields, zone, day)
            except RecordError:
                fields.clear()  # the mark was quoted by another product's line
                continue
            if reading is not None:
                return reading
    if not text.startswith("<"):
        reading = web.recognize(text, fields, zone, day)
        if reading is not None:
            return reading
    reading = linux.line(text, fields, zone, day) or _netfilter(text, fields, zone, day)
    if reading is None:
        raise refuse("no known format: neither JSON, a syslog header, an access log nor a vendor's mark")
    return reading


PRODUCT = Product("auto", "recognized line by line", parse)

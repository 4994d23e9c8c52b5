"""A line of an unknown product → the reading of the first product whose mark it bears (profile product ``auto``)."""

from zoneinfo import ZoneInfo

from soc.errors import RecordError
from soc.normalize.products import linux, netfilter, objects, web, windows_json
from soc.normalize.products.marks import MARKS, SHAPES
from soc.normalize.products.product import Fields, Product, Reading, refuse


def _netfilter(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001 - one signature for all
    sources = netfilter.read(text, fields)
    return None if sources is None else (sources, None)


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """Read a line of any product.

    In this order: a JSON object; a vendor's mark; a line of a known shape; an access or error line of a web server; a syslog
    line, by its program; a netfilter line without header.
    """
    reading: Reading | None = None
    if text.startswith("{"):
        reading = objects.any_object(text, fields, zone)
        if reading is not None:
            return reading
    for mark, read in MARKS:
        if mark in text:
            try:
                reading = read(text, fields, zone, day)
            except RecordError:
                reading = None
            if reading is not None:
                return reading
            fields.clear()  # the mark was quoted by another product's line
    if not text.startswith("<"):
        for shape in SHAPES:
            reading = shape(text, fields, zone, day)
            if reading is not None:
                return reading
            if fields:
                fields.clear()
        reading = web.recognize(text, fields, zone, day)
        if reading is not None:
            return reading
    reading = linux.line(text, fields, zone, day) or _netfilter(text, fields, zone, day)
    if reading is None:
        raise refuse("no known format: neither JSON, a syslog header, an access log nor a vendor's mark")
    return reading


PRODUCT = Product("auto", "recognized line by line", parse, windows_json.PRODUCT.first_look)

"""A line of an unknown product → the reading of the first product whose mark it bears (profile product ``auto``)."""

from zoneinfo import ZoneInfo

from soc.errors import RecordError
from soc.normalize.products import device, hec, journal, linux, netfilter, objects, squid, web, windows_json
from soc.normalize.products.marks import HEADED, MARKS, SHAPES
from soc.normalize.products.product import Fields, Product, Reading, refuse


def _netfilter(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001 - one signature for all
    sources = netfilter.read(text, fields)
    return None if sources is None else (sources, None)


def _hec(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    reading = hec.read(text, fields, zone, day, _inside)
    if reading is None:
        raise refuse("hec: no event with Splunk's metadata")
    return reading


def _carried(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """What stands inside a shipper's object: a line; an object in an object is left as it is."""
    if text.startswith("{"):
        raise refuse("an object inside an object")
    return _inside(text, fields, zone, day)


def _access(text: str, fields: Fields) -> Reading | None:
    """An access line, before all shapes are tried: of web servers come more lines than of anything else."""
    if squid.ends_so(text):
        return None
    reading = web.access(text, fields, "web")
    if reading is None:
        fields.clear()
    return reading


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """Read a line of any product.

    In this order: a JSON object; what begins with a directive; CEF or LEEF; a vendor's mark; a line of a known
    shape; an access or error line of a web server; a syslog line, by its program; a netfilter line without header.
    """
    if text.startswith("{") and hec.MARK in text:
        reading = hec.read(text, fields, zone, day, _inside)
        if reading is not None:
            return reading
    return _inside(text, fields, zone, day)


def _inside(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    reading: Reading | None = None
    if text.startswith("{"):
        reading = journal.line(text, fields, zone, day) if journal.bears_mark(text) else None
        if reading is not None:
            return reading
        reading = objects.any_object(text, fields, zone, day, _carried)
        if reading is not None:
            return reading
    if text.startswith("#"):
        for headed in HEADED:
            reading = headed(text, fields, zone, day)
            if reading is not None:
                return reading
            fields.clear()
        text = text.rpartition("\n")[2]
    if "EF:" in text:  # CEF: or LEEF:, before any mark: their values are others' text
        reading = device.line(text, fields, zone, day)
        if reading is not None:
            return reading
        fields.clear()
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
        if '] "' in text and (reading := _access(text, fields)) is not None:
            return reading
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


PRODUCT = Product("auto", "recognized line by line", parse, windows_json.PRODUCT.first_look, headed=True)
HEC = Product("hec", "any product inside Splunk's HTTP Event Collector metadata", _hec, fields=hec.FIELDS)

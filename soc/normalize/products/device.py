"""A CEF or LEEF message behind any syslog header or none → the reading of its vendor's product, else by the format's dictionary."""

import re
from dataclasses import replace
from zoneinfo import ZoneInfo

from soc.normalize.formats import cef, leef, syslog
from soc.normalize.products import cef_fields, leef_fields
from soc.normalize.products.device_ecs import write_cef, write_leef
from soc.normalize.products.marks import DEVICES
from soc.normalize.products.product import Device, Fields, Parse, Product, Reading, refuse
from soc.normalize.time import Stamp

_START = re.compile(r"(?:CEF: ?[01]|LEEF: ?[12])(?:\.\d{1,2})?\|")
_LONGEST_HEADER = 1024
_CUT_SHORT = re.compile(r"^(<\d{1,3}>)1 (?=[^ ]{1,64} [^ ]{1,255}$)", re.ASCII)
"""RFC 5424 as some senders have it: its version and stamp, then the host and no more."""

_LOOSE_TAG = re.compile(r"[\w.-]{1,64} -?: ?", re.ASCII)
"""``name -:``, a tag whose process id is nil."""

_HOST = re.compile(r"[\w.:-]{1,255}", re.ASCII)


def message(text: str, fields: Fields, zone: ZoneInfo, day: int, start: int = 0) -> Reading | None:
    """A message that begins at ``start``; None if it is none."""
    if text.startswith("C", start):
        found = cef.read(text, start)
        if found is None:
            return None
        device, extension = Device(*found[0]), found[1]
        stamp = write_cef(device, extension, fields, zone, day)
    else:
        read = leef.read(text, start)
        if read is None:
            return None
        device, extension = Device(*read[0]), read[1]
        stamp = write_leef(device, extension, fields, zone, day)
    vendor = device.vendor.lower()
    reader = DEVICES.get((vendor, device.product.lower())) or DEVICES.get((vendor, ""))
    if reader is not None:
        reading = reader(device, extension, fields, zone, day)
        if reading is not None:
            return reading[0], reading[1] or stamp
    return (), stamp


def _header(text: str, fields: Fields, zone: ZoneInfo, day: int) -> tuple[bool, Stamp | None]:
    """(whether this is a syslog header and no more, its stamp); relays put their own before the sender's."""
    stamp: Stamp | None = None
    for _ in range(3):
        text = text.strip()
        if not text:
            return True, stamp
        own: Fields = {}
        found = syslog.read(_CUT_SHORT.sub(r"\1", text), own, zone, day)
        fields.update(own)
        if found is None:
            if _HOST.fullmatch(text) is None:
                return False, None
            fields.setdefault("host.name", text.rstrip(":"))
            return True, stamp
        if found[0] == text:
            return False, None
        if "process.name" not in own and _LOOSE_TAG.fullmatch(found[0]):
            return True, found[2] or stamp
        text, stamp = found[0], found[2] or stamp
    return not text.strip(), stamp


def line(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A line whose message is CEF or LEEF; None if it is none, ``fields`` may then be written to."""
    start = _START.search(text, 0, _LONGEST_HEADER)
    if start is None:
        return None
    fits, header = _header(text[: start.start()], fields, zone, day) if start.start() else (True, None)
    if not fits:
        return None
    reading = message(text, fields, zone, day, start.start())
    return None if reading is None else (reading[0], reading[1] or header)


def _parser(name: str) -> Parse:
    def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
        reading = line(text, fields, zone, day)
        if reading is None:
            raise refuse(f"{name}: no CEF: or LEEF: header where the message begins")
        return reading

    return parse


def also(product: Product) -> Product:
    """The product, its lines in CEF and LEEF too."""

    def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
        if "EF:" in text:
            reading = line(text, fields, zone, day)
            if reading is not None:
                return reading
            fields.clear()
        return product.parse(text, fields, zone, day)

    return replace(product, parse=parse)


PRODUCTS = (
    Product(
        "cef",
        "ArcSight Common Event Format of any vendor, behind any syslog header",
        _parser("cef"),
        fields=cef_fields.FIELDS,
    ),
    Product(
        "leef",
        "IBM QRadar LEEF 1.0 and 2.0 of any vendor, behind any syslog header",
        _parser("leef"),
        fields=leef_fields.FIELDS,
    ),
)

"""A line of an unknown product → the reading of the first product whose mark it bears (profile product ``auto``)."""

import re
from collections.abc import Callable
from zoneinfo import ZoneInfo

from soc.errors import RecordError
from soc.normalize.products import cisco_asa, fortigate, generic_json, linux, netfilter, web, windows_json
from soc.normalize.products.product import Fields, Product, Reading, refuse

# A mark counts only where the vendor puts it, right behind the syslog header. Else whoever may choose a user name or a URL
# could make a log-on of sshd or a request look like a firewall's line. (`sshd[1]: ` holds "[" and ": ", headers do not.)
_FORTIGATE = re.compile(
    r'(?:<\d{1,3}>)?(?:(?:(?!: )[^=\["]){1,160} )?(?:date|time|timestamp|itime|eventtime|logver|devname|devid|logid|type)=',
    re.ASCII,
)
_ASA = re.compile(r'[^=\["]{0,160}%(?:ASA|FTD)-', re.ASCII)


def _asa(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    return cisco_asa.parse(text, fields, zone, day) if _ASA.match(text) else None


def _fortigate(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    return fortigate.parse(text, fields, zone, day) if _FORTIGATE.match(text) else None


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
        reading = generic_json.any_object(text, fields, zone)
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


PRODUCT = Product("auto", "recognized line by line", parse, windows_json.PRODUCT.first_look)

"""How a line of an unknown product shows whose it is: the tables that a new product adds its marks to.

A product's module is imported here and says nothing of recognition itself; this module imports no dispatcher (``recognize``,
``linux``, ``objects``, ``device``), which all read these tables.
"""

import re
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from soc.normalize.products import cisco_asa, fortigate, netfilter, sshd, su, sudo, web
from soc.normalize.products.product import Body, DeviceReader, Fields, Line, ObjectReader, Reading

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


MARKS: tuple[tuple[str, Line], ...] = (
    ("devid=", _fortigate),
    ("%ASA-", _asa),
    ("%FTD-", _asa),
    ("logid=", _fortigate),
)
"""Text that stands in every line of a product → its reader, tried in this order. The text alone makes a line a candidate only:
the reader looks whether it stands where the vendor puts it."""

SHAPES: tuple[Line, ...] = ()
"""Readers of lines without a syslog header and without a mark (a CSV row, a W3C log), in the order in which they are tried;
each must say None at the first character that does not fit."""

BODIES: Mapping[str, Body] = {
    **dict.fromkeys(sshd.PROGRAMS, sshd.read),
    **dict.fromkeys(su.PROGRAMS, su.read),
    "sudo": sudo.read,
    "kernel": netfilter.read,
    "ufw": netfilter.read,
    "ulogd": netfilter.read,
}
"""By program name of the syslog header, in lower case, without its path."""

LINES: Mapping[str, Line] = {
    name: web.syslog_line(server)
    for name, server in (("nginx", "nginx"), ("apache2", "apache"), ("apache", "apache"), ("httpd", "apache"))
}
"""As BODIES, for messages with a stamp or a zone of their own: the reader is given the message."""

OBJECTS: tuple[tuple[str, ObjectReader], ...] = ()
"""Top-level name that stands in every JSON object of a product → its reader, tried in this order."""

DEVICES: Mapping[tuple[str, str], DeviceReader] = {}
"""(vendor, product) of a CEF or LEEF header, in lower case; product "" is any product of the vendor."""

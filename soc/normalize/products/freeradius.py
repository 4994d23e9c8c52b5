"""FreeRADIUS's radius.log, in a file or through syslog → who logged on through which access device, and why not.

Sun Nov 22 15:00:00 2026 : Auth: (12) Login incorrect (mschap: x): [lan] (from client sw1 port 5 cli 02-00-00-00-00-01)
"""

import re
from typing import Final
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import mac, port, put
from soc.normalize.formats import syslog
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import bsd

PROGRAMS = ("radiusd", "freeradius", "radius")
_SOURCES = (LogSource("freeradius", "authentication", "radius"),)
_LINE = re.compile(
    r"([A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}) ?: (Auth|Info|Error|Proxy|Debug|Warning|Acct|Warn): {1,2}",
    re.ASCII,
)
_AUTH = re.compile(
    r"(?:\((\d{1,10})\) {1,4})?(?:\w{1,32}: )?(Login OK|Login incorrect|Invalid user|Multiple logins|Rejected)(?: \((.{0,512}?)\))?: "
    r"\[([^\]]{0,512}?)(?:/([^\]]{0,256}))?\](?: \(from client (\S{1,255}) port (\d{1,10})(?: cli ([^\s)]{1,128}))?[^)]{0,64}\))?(.{0,512})",
    re.ASCII,
)
_UNKNOWN = re.compile(
    r"Ignoring request to (?:(auth|acct)[\w+]{0,16} )?(?:proto \w{1,8} )?(?:address |from )?\S{1,64} port (\d{1,5})\b.{0,64}?"
    r"from unknown client ([\da-fA-F.:]{2,45})(?: port (\d{1,5}))?(?: proto (udp|tcp))?",
    re.ASCII,
)
_BARE_MAC = re.compile(r"[0-9A-Fa-f]{12}$", re.ASCII)
_MAC = re.compile(r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?=$|:)", re.ASCII)


def body(message: str, fields: Fields) -> tuple[LogSource, ...] | None:
    """A message behind its header."""
    fields["event.kind"], fields["message"] = "event", message
    fields["event.module"], fields["event.dataset"] = "freeradius", "freeradius.radius"
    fields["event.category"], fields["event.type"] = ["process"], ["info"]
    match = _AUTH.match(message)
    if match is None:
        _unknown(message, fields)
        return _SOURCES
    number, what, reason, name, password, client, nas_port, calling, _ = match.groups()
    fields["event.category"], fields["event.type"] = ["authentication"], ["start"]
    fields["event.action"] = what.lower().replace(" ", "-")
    fields["event.outcome"] = "success" if what == "Login OK" else "failure"
    if number:
        fields["event.id"] = number
    if reason:
        fields["event.reason"] = reason
    domain, _, user = name.rpartition("\\")
    if user:
        fields["user.name"] = user
    if domain:
        fields["user.domain"] = domain.rstrip("\\")  # some versions write the backslash twice
    if password and password.startswith("<"):
        fields["freeradius.auth_type"] = password.strip("<>")
    if client:
        fields["freeradius.client"], fields["observer.name"] = client, client
    if nas_port:
        fields["freeradius.port"] = nas_port
    if calling:
        fields["freeradius.calling_station"] = calling
        if _BARE_MAC.match(calling) is not None:
            fields["source.mac"] = mac(":".join(calling[at : at + 2] for at in range(0, 12, 2)))
        elif _MAC.match(calling) is not None:
            fields["source.mac"] = mac(calling[:17])
        else:
            put(fields, "source", calling)
    return _SOURCES


def _unknown(message: str, fields: Fields) -> None:
    """``Ignoring request to auth address * port 1812 from unknown client 192.0.2.9 port 4000``."""
    match = _UNKNOWN.search(message)
    if match is None:
        return
    fields["event.category"], fields["event.type"] = ["network"], ["connection", "denied"]
    fields["event.action"], fields["event.outcome"] = "unknown-client", "failure"
    put(fields, "source", match[3])
    if match[5]:
        fields["network.transport"] = match[5]
    for side, found in (("destination", match[2]), ("source", match[4])):
        if found and (number := port(found)) is not None:
            fields[side + ".port"] = number


def line(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A line of the file; None for anything else."""
    match = _LINE.match(text)
    if match is None:
        return None
    sources = body(text[match.end() :], fields)
    fields["log.level"] = match[2].lower()
    return None if sources is None else (sources, bsd(match[1], zone, day))


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line, of the file or through syslog."""
    reading = line(text, fields, zone, day)
    if reading is not None:
        return reading
    found = syslog.read(text, fields, zone, day)
    if found is None or found[1].lower() not in PROGRAMS:
        raise refuse("freeradius: neither a line of radius.log nor a syslog line of radiusd")
    return body(found[0], fields) or _SOURCES, found[2]


_FIELDS: Final = {
    "user": "user.name, user.domain",
    "client": "observer.name",
    "port": "",
    "cli": "source.mac, source.ip",
    "reason": "event.reason",
    "request number": "event.id",
}
PRODUCT = Product("freeradius", "FreeRADIUS radius.log: log-ons and refusals", parse, fields=_FIELDS)

"""Sophos UTM 9 (formerly Astaro; its own stamp, then key="value" of a subsystem, Sophos "UTM log file fields") → events."""

import re
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.formats import kv
from soc.normalize.formats.priority import PRIORITIES
from soc.normalize.products import dns_servers, sshd
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.products.table import Table
from soc.normalize.products.url_parts import put_url
from soc.normalize.time import iso
from soc.normalize.words import OUTCOMES, verdict

MARKS = ('" sub="', ">20", "reverseproxy: id=")
"""Text of its lines: of pairs, of any line that begins with a PRI, of the web server protection behind another header."""

TABLE = Table(
    text={
        "id": "event.code",
        "action": "event.action",
        "event": "event.action",
        "reason": "event.reason",
        "user": "user.name",
        "username": "user.name",
        "ad_domain": "user.domain",
        "fwrule": "rule.id",
        "sid": "rule.id",
        "filteraction": "rule.name",
        "profile": "rule.ruleset",
        "class": "rule.category",
        "categoryname": "rule.category",
        "initf": "observer.ingress.interface.name",
        "outitf": "observer.egress.interface.name",
        "application": "network.application",
        "ua": "user_agent.original",
        "referer": "http.request.referrer",
        "method": "http.request.method",
        "content-type": "http.response.mime_type",
        "virus": "threat.software.name",
        "threatname": "threat.indicator.name",
        "filename": "file.name",
        "from": "email.from.address",
        "to": "email.to.address",
        "subject": "email.subject",
        "queueid": "email.local_id",
        "server": "url.domain",
        "country": "destination.geo.country_name",
    },
    numbers={"statuscode": "http.response.status_code"},
    ports={"srcport": "source.port", "dstport": "destination.port"},
    addresses={"srcip": "source", "dstip": "destination", "localip": "destination"},
    macs={"srcmac": "source.mac", "dstmac": "destination.mac"},
    transports=("proto",),
    derived={
        "severity": "log.level",
        "sys": "",
        "sub": "event.dataset, event.category",
        "name": "message",
        "message": "message",
        "group": "user.group.name",
        "length": "network.bytes",
        "size": "http.response.bytes, network.bytes",
        "url": "url.original, url.full, url.domain, url.path, url.query",
    },
    kept="""
    caller host cached request error authtime dnstime aptptime cattime avscantime fullreqtime device auth exceptions
    category reputation app-id sandbox extension overridecategory overridereputation function file line tos prec ttl
    tcpflags mark app type code priority generator msgid variant virtual_ip extra time cookie set-cookie websocket_scheme
    """,
)
_LINE = re.compile(
    r'(?:<(\d{1,3})>)?(?:(?:(?!\[|: )[^="]){1,120} )?(\d{4}:\d\d:\d\d-\d\d:\d\d:\d\d) (\S{1,255}) ([\w./-]{1,64})(?:\[(\d{1,10})\])?: ',
    re.ASCII,
)
_WORD = re.compile(r'id="[0-9a-zA-Z]{1,8}" ')
_LEASED = re.compile(r"DHCP(\w{1,12}) (?:on|for|of|from) (\S{1,64})(?: (?:to|from) ([0-9A-Fa-f:]{17}))?")
_NETWORK, _WEB = ["network"], ["web", "network"]
_KINDS = {
    "packetfilter": (_NETWORK, "event", "firewall"),
    "http": (_WEB, "event", "proxy"),
    "ips": (["intrusion_detection", "network"], "alert", ""),
    "smtp": (["email"], "event", ""),
    "pop3": (["email"], "event", ""),
    "ftp": (["file", "network"], "event", ""),
    "auth": (["authentication"], "event", ""),
    "vpn": (["network", "session"], "event", ""),
    "reverseproxy": (["web"], "event", "webserver"),
    "confd": (["configuration"], "event", ""),
    "dhcpd": (_NETWORK, "event", ""),
}
_HOST = (["host"], "event", "")


def line(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A line whose stamp and program stand as a UTM writes them."""
    return parse(text, fields, zone, day) if _LINE.match(text) else None


def _types(kind: str, pairs: dict[str, str], fields: Fields) -> None:
    said = verdict(pairs.get("action", ""))
    types = (
        ["connection"]
        if kind in ("packetfilter", "vpn")
        else ["access"]
        if kind in ("http", "reverseproxy")
        else ["info"]
    )
    result = OUTCOMES.get(said)
    name = (pairs.get("name") or pairs.get("event", "")).lower()
    if kind == "auth":
        types = ["start"]
        result = "success" if "success" in name else "failure" if "fail" in name else None
    elif kind == "confd":
        types = ["change"]
    elif kind == "vpn" and ("started" in name or "terminated" in name):
        types.append("start" if "started" in name else "end")
    elif kind == "reverseproxy":
        status = fields.get("http.response.status_code", 0)
        result = "failure" if status >= 400 else "success" if status else None
    if said:
        types.append(said)
    fields["event.type"] = types
    if result is not None:
        fields["event.outcome"] = result


def _pairs(pairs: dict[str, str], fields: Fields) -> None:
    """What stands in pairs, without the category."""
    TABLE.write(pairs, fields)
    text = pairs.get("name") or pairs.get("message") or pairs.get("event")
    if text:
        fields["message"] = text
    if pairs.get("severity"):
        fields["log.level"] = pairs["severity"]
    if pairs.get("group") and pairs.get("sub") == "http":  # a number of rules for the intrusion prevention
        fields["user.group.name"] = pairs["group"]
    for name, ecs in (("length", "network.bytes"), ("size", "http.response.bytes")):
        if pairs.get(name, "").isdecimal() and len(pairs[name]) < 19:
            fields[ecs] = int(pairs[name])
    if pairs.get("url"):
        put_url(fields, pairs["url"], pairs.get("server", ""), "http" if pairs.get("server") else "")


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line, with its own header or behind another's."""
    found = _LINE.match(text)
    if found is None:
        raise refuse("sophos-utm: no stamp as 2026:11:22-15:00:00 before host and program")
    if found[1] in PRIORITIES:
        fields.update(PRIORITIES[found[1]])
    date, _, clock = found[2].partition("-")
    stamp = iso(date.replace(":", "-") + "T" + clock, zone)
    program, body = found[4], text[found.end() :]
    fields["host.name"] = fields["observer.name"] = found[3]
    fields["process.name"] = program
    if found[5]:
        fields["process.pid"] = int(found[5])
    kind = program
    if _WORD.match(body):
        pairs = kv.pairs(body)
        kind = pairs.get("sub") or program
        _pairs(pairs, fields)
    else:
        if program == "sshd":
            return sshd.read(body, fields), stamp
        query = dns_servers.bind(body, fields, zone, day) if program == "named" else None
        if query is not None:
            return query[0], stamp
        pairs = {}
        fields["message"] = body
        leased = _LEASED.match(body) if program == "dhcpd" else None
        if leased is not None:
            TABLE.write({"action": leased[1], "srcip": leased[2], "srcmac": leased[3] or ""}, fields)
    fields["event.category"], fields["event.kind"], extra = _KINDS.get(kind, _HOST)
    fields["observer.vendor"], fields["observer.product"], fields["observer.type"] = "Sophos", "UTM", "firewall"
    fields["event.module"], fields["event.dataset"] = "sophos", "sophos.utm"
    _types(kind, pairs, fields)
    sources = (LogSource("sophos", "firewall", "utm"),)
    return (*sources, LogSource("sophos", extra, "utm")) if extra not in ("", "firewall") else sources, stamp


PRODUCT = Product(
    "sophos-utm", "Sophos UTM 9 (Astaro): packet filter, web, mail, log-on, VPN lines", parse, fields=TABLE.fields
)

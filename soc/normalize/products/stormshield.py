"""Stormshield Network Security (key=value in WELF, "Description of audit logs", SNS 3 and 4) → events by its log types."""

import re
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import number
from soc.normalize.formats import kv
from soc.normalize.formats.syslog_kv import behind_header
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.products.table import Table
from soc.normalize.products.url_parts import put_url
from soc.normalize.time import iso
from soc.normalize.words import OUTCOMES, verdict

MARK = "logtype="

TABLE = Table(
    text={
        "alarmid": "event.code",
        "msg": "message",
        "action": "event.action",
        "fw": "observer.name",
        "srcifname": "observer.ingress.interface.name",
        "srcif": "observer.ingress.interface.name",
        "dstifname": "observer.egress.interface.name",
        "dstif": "observer.egress.interface.name",
        "ruleid": "rule.id",
        "rulename": "rule.name",
        "slotlevel": "rule.ruleset",
        "class": "rule.category",
        "cat_site": "rule.category",
        "user": "user.name",
        "domain": "user.domain",
        "srcname": "source.domain",
        "dstname": "destination.domain",
        "srccountry": "source.geo.country_iso_code",
        "dstcountry": "destination.geo.country_iso_code",
        "srccontinent": "source.geo.continent_code",
        "dstcontinent": "destination.geo.continent_code",
        "usergroup": "user.group.name",
        "filename": "file.name",
        "op": "http.request.method",
        "tz": "event.timezone",
        "error": "error.code",
        "sipproto": "network.application",
    },
    numbers={
        "sent": "source.bytes",
        "rcvd": "destination.bytes",
        "risk": "event.risk_score",
        "result": "http.response.status_code",
    },
    ports={
        "srcport": "source.port",
        "dstport": "destination.port",
        "modsrcport": "source.nat.port",
        "origdstport": "destination.nat.port",
    },
    addresses={
        "src": "source",
        "dst": "destination",
        "modsrc": "source.nat",
        "origdst": "destination.nat",
        "address": "source",
    },
    macs={"srcmac": "source.mac", "dstmac": "destination.mac"},
    transports=("ipproto",),
    derived={
        "time": "@timestamp",
        "startime": "event.start",
        "pri": "event.severity, log.level",
        "proto": "network.protocol",
        "virus": "threat.software.name",
        "duration": "event.duration",
        "logtype": "event.dataset, event.category",
        "arg": "url.original, url.full, url.path, url.query",
    },
    kept="""
    id confid modsrcname origdstname srcportname dstportname ipv classification repeat pktlen pktdump pktdumplen target
    icmptype icmpcode srcmacname dsthostrep srchostrep srciprep dstiprep bucket1 method agentid endreason phase side
    remote localnet localnetwork remotenet dstnet ikev spi_in spi_out rule cookie_i cookie_r unused sandboxing sandboxinglevel
    hash sessionid contentpolicy mailruleid etherproto caller callee media service spamlevel ads totp
    version serverid tsagentname portname ruletype pvmid detail family severity solution remotenetwork reqmode
    statsid
    """,
)
_START = re.compile(r'(?:<\d{1,3}>)?(?:(?:(?!: )[^=\["]){0,160} )?(?:id=firewall +)?time="[^"]{10,32}" +fw="', re.ASCII)
_LEVELS = ("emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug")
_KINDS: dict[str, tuple[list[str], str]] = {
    **dict.fromkeys(("filter", "connection", "plugin", "filterstat"), (["network"], "")),
    "alarm": (["intrusion_detection", "network"], ""),
    "pvm": (["vulnerability"], ""),
    "web": (["web", "network"], "proxy"),
    "ssl": (["network"], ""),
    "smtp": (["email", "network"], ""),
    "pop3": (["email", "network"], ""),
    "ftp": (["file", "network"], ""),
    "sandboxing": (["malware", "network"], "antivirus"),
    "vpn": (["network", "session"], ""),
    "xvpn": (["network", "session"], ""),
    "auth": (["authentication"], ""),
    "server": (["configuration"], ""),
    "system": (["host"], ""),
    "monitor": (["host"], ""),
    "count": (["host"], ""),
}
_NO_VIRUS = frozenset(["", "clean", "failed", "passed", "not scanned"])
"""What the analysis says where it names no virus."""

_REFUSED = re.compile(r"\b(?:fail(?:ed|ure)?|denied|refused|rejected|invalid)\b", re.IGNORECASE)


def line(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A line that begins as a Stormshield's do."""
    return parse(text, fields, zone, day) if _START.match(text) else None


def _categorize(pairs: dict[str, str], fields: Fields) -> tuple[LogSource, ...]:
    kind = pairs["logtype"]
    category, extra = _KINDS.get(kind, (["network"], ""))
    said = verdict(pairs.get("action", ""))
    types = ["connection"] if category == ["network"] else ["info"]
    result = OUTCOMES.get(said)
    if said:
        types.append(said)
    if kind == "auth":
        types = ["start"]
        failed = pairs.get("error", "0") not in ("", "0") or _REFUSED.search(pairs.get("msg", "")) is not None
        result = "failure" if failed else "success"
    elif kind == "server":
        types = ["change"]
    if kind in ("server", "xvpn") and result is None and pairs.get("error"):
        result = "success" if pairs["error"] == "0" else "failure"
    fields["event.category"], fields["event.type"] = category, types
    fields["event.kind"] = (
        "alert" if kind in ("alarm", "sandboxing") else "metric" if kind in ("monitor", "count") else "event"
    )
    if result is not None:
        fields["event.outcome"] = result
    fields["event.module"], fields["event.dataset"] = "stormshield", "stormshield." + kind
    sources = (LogSource("stormshield", "firewall", kind),)
    return (*sources, LogSource("stormshield", extra, kind)) if extra else sources


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line, with or without a syslog header."""
    body, header = behind_header(text, fields, zone, day)
    pairs = kv.pairs(body.removeprefix("\ufeff"))
    if "logtype" not in pairs or "fw" not in pairs:
        raise refuse("stormshield: no logtype= beside fw=")
    TABLE.write(pairs, fields)
    fields["observer.vendor"], fields["observer.product"], fields["observer.type"] = "Stormshield", "SNS", "firewall"
    fields.setdefault("host.name", pairs["fw"])
    if "icmptype" in pairs:  # an ICMP's numbers stand where ports do
        fields.pop("source.port", None)
        fields.pop("destination.port", None)
    if pairs.get("proto"):
        fields["network.protocol"] = pairs["proto"].lower()
    if pairs.get("virus", "").lower() not in _NO_VIRUS:
        fields["threat.software.name"] = pairs["virus"]
    severity = number(pairs.get("pri"))
    if severity is not None and severity < len(_LEVELS):
        fields["event.severity"], fields["log.level"] = severity, _LEVELS[severity]
    whole, _, part = pairs.get("duration", "").partition(".")
    seconds = number(whole)
    if seconds is not None:
        fields["event.duration"] = seconds * 1_000_000_000 + (number(part[:9].ljust(9, "0")) or 0)
    if pairs.get("arg") and pairs["logtype"] == "web":
        put_url(fields, pairs["arg"], pairs.get("dstname", ""), "http")
    zoned = pairs.get("tz", "")
    stamp = iso(pairs.get("time", "") + zoned, zone) or iso(pairs.get("time", ""), zone)
    return _categorize(pairs, fields), stamp or header


PRODUCT = Product(
    "stormshield", "Stormshield SNS: filter, alarm, web, VPN, log-on and system logs", parse, fields=TABLE.fields
)

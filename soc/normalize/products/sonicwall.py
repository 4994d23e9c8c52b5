"""SonicWall (key=value of SonicOS, "SonicOS Log Events Reference Guide") → connections, threats and log-ons by message id."""

import re
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import is_ip, number, port
from soc.normalize.formats.syslog_kv import behind_header
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.products.table import Table
from soc.normalize.products.url_parts import put_url
from soc.normalize.time import iso
from soc.normalize.words import OUTCOMES, verdict

TABLE = Table(
    text={
        "m": "event.code",
        "msg": "message",
        "note": "event.reason",
        "sn": "observer.serial_number",
        "srcZone": "observer.ingress.zone",
        "dstZone": "observer.egress.zone",
        "sid": "rule.id",
        "rule": "rule.name",
        "ipscat": "rule.category",
        "Category": "rule.category",
        "appcat": "rule.category",
        "vpnpolicy": "rule.ruleset",
        "appName": "network.application",
        "dstname": "destination.domain",
        "agent": "user_agent.original",
        "referer": "http.request.referrer",
        "filename": "file.name",
    },
    numbers={
        "n": "event.sequence",
        "sent": "source.bytes",
        "rcvd": "destination.bytes",
        "spkt": "source.packets",
        "rpkt": "destination.packets",
        "result": "http.response.status_code",
    },
    macs={"srcMac": "source.mac", "dstMac": "destination.mac"},
    derived={
        "time": "@timestamp",
        "fw": "observer.ip",
        "pri": "event.severity, log.level",
        "src": "source.ip, source.port, observer.ingress.interface.name, source.domain",
        "dst": "destination.ip, destination.port, observer.egress.interface.name, destination.domain",
        "srcV6": "source.ip",
        "dstV6": "destination.ip",
        "natSrc": "source.nat.ip, source.nat.port",
        "natDst": "destination.nat.ip, destination.nat.port",
        "natSrcV6": "source.nat.ip",
        "natDstV6": "destination.nat.ip",
        "proto": "network.transport, network.protocol",
        "usr": "user.name",
        "user": "user.name",
        "cdur": "event.duration",
        "dur": "event.duration",
        "arg": "url.original, url.full, url.path, url.query",
        "op": "http.request.method",
        "fw_action": "event.action, event.outcome",
        "af_action": "event.action, event.outcome",
    },
    kept="""
    id c gcat catid sess code app appid f icmpCode icmpType type ipspri spycat spypri af_polid af_policy af_type
    af_service af_object contentObject bid dpi uuid bytesRx bytesTotal conns unsynched licenses if fileid filetxstatus
    ai bcastRx bcastTx cfUpTime lic pt fwlan i lp mailFrom radio station station_name ver vc ucastRx ucastTx todo spf
    goodRxBytes goodTxBytes
    """,
)
MARK = " sn="

_START = re.compile(r'(?:<\d{1,3}>)?(?:(?:(?!: )[^=\["]){0,160} )?id=[^\s"]{1,64} +sn=[^\s"]{1,64} +time="', re.ASCII)
_PAIR = re.compile(r"(?:^|\s)([A-Za-z_][\w-]{0,63})=(?:\"([^\"]*)\"|'([^']*)'|([^\s\"]*))", re.ASCII)
_LEVELS = ("emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug")
_METHODS = {"1": "GET", "2": "POST", "3": "HEAD", "4": "PUT", "5": "CONNECT"}
_NOBODY = re.compile(r"Unknown\b.*|N/A|", re.DOTALL)

_CONNECTION, _DROPPED = (["network"], ["connection"], ""), (["network"], ["connection", "denied"], "failure")
_THREAT = (["intrusion_detection", "network"], ["info"], "")
_LOGIN, _REFUSED = (["authentication"], ["start"], "success"), (["authentication"], ["start"], "failure")
MESSAGES: dict[str, tuple[list[str], list[str], str]] = {
    "98": (["network"], ["connection", "start", "allowed"], "success"),
    "537": (["network"], ["connection", "end"], ""),
    "97": (["web", "network"], ["access", "allowed"], "success"),
    "14": (["web", "network"], ["access", "denied"], "failure"),
    "16": (["web", "network"], ["access", "allowed"], "success"),
    **dict.fromkeys(("36", "37", "38", "41", "173", "174", "175", "523", "524", "526", "713", "714", "715"), _DROPPED),
    **dict.fromkeys(("609", "790", "794", "809", "1155"), (["intrusion_detection", "network"], ["denied"], "failure")),
    **dict.fromkeys(("23", "25", "81", "82", "83", "608", "795", "1154", "1373", "1374", "1375"), _THREAT),
    **dict.fromkeys(("29", "31", "236", "237", "1080"), _LOGIN),
    **dict.fromkeys(("30", "32", "33", "35", "238", "265", "329", "745", "746", "986", "1081"), _REFUSED),
    **dict.fromkeys(("24", "261", "262", "263", "264"), (["authentication", "session"], ["end"], "success")),
    "346": _CONNECTION,
    "1382": (["configuration"], ["change"], "success"),
    "1383": (["configuration"], ["change"], "failure"),
    "1197": (["network"], ["connection", "info"], ""),
}
"""Message id → event.category, event.type, event.outcome; another id is read by its words."""

_DENYING = re.compile(r"\b(?:dropped|denied|blocked|prevent(?:ion|ed)|rejected|discarded)\b", re.IGNORECASE)


def line(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A line that begins as SonicOS's do."""
    return parse(text, fields, zone, day) if _START.match(text) else None


def _end(pairs: dict[str, str], key: str, side: str, interface: str, fields: Fields) -> None:
    """``address:port:interface:host``, any of them missing; an IPv6 address stands in a field of its own."""
    parts = pairs.get(key, "").split(":", 3)
    address = pairs.get(key + "V6") or parts[0]
    if is_ip(address):
        fields[side + ".ip"] = address
    if len(parts) > 1:
        number_of_port = port(parts[1])
        if number_of_port is not None and (number_of_port or not side.endswith(".nat")):
            fields[side + ".port"] = number_of_port
    bracketed = _BRACKETED.fullmatch(address)
    if bracketed is not None and is_ip(bracketed[1]):
        fields[side + ".ip"], fields[side + ".port"] = bracketed[1], int(bracketed[2])
    if interface and len(parts) > 2 and parts[2]:
        fields[f"observer.{interface}.interface.name"] = parts[2]
    if interface and len(parts) > 3 and parts[3]:
        fields[side + ".domain"] = parts[3].rstrip(":")


_BRACKETED = re.compile(r"\[([0-9A-Fa-f.:]{2,45})\]:(\d{1,5})", re.ASCII)


def _web(pairs: dict[str, str], fields: Fields) -> None:
    path, host = pairs.get("arg", ""), pairs.get("dstname", "")
    if pairs.get("m") not in ("97", "14", "16") or not (path or host):
        return
    if host:
        fields["url.domain"] = host
    put_url(fields, path or "/", host, "https" if pairs.get("proto", "").endswith("https") else "http")
    method = _METHODS.get(pairs.get("op", ""))
    if method is not None:
        fields["http.request.method"] = method


def _categorize(pairs: dict[str, str], fields: Fields) -> tuple[LogSource, ...]:
    message = pairs.get("msg", "")
    found = MESSAGES.get(pairs.get("m", ""))
    if found is None:
        found = (
            _DROPPED if _DENYING.search(message) else (["network"] if "source.ip" in fields else ["host"], ["info"], "")
        )
    category, types, result = found
    action = pairs.get("fw_action") or pairs.get("af_action", "")
    said = verdict(action)
    if said and category[-1] == "network":
        result = OUTCOMES[said]
        types = [*(name for name in types if name not in ("allowed", "denied")), said]
        fields["event.action"] = action
    else:
        fields["event.action"] = message
    fields["event.category"], fields["event.type"] = category, types
    if result:
        fields["event.outcome"] = result
    fields["event.kind"] = "alert" if category[0] == "intrusion_detection" else "event"
    sources = (LogSource("sonicwall", "firewall", ""),)
    return (*sources, LogSource("sonicwall", "proxy", "")) if category[0] == "web" else sources


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line, with or without a syslog header."""
    body, header = behind_header(text, fields, zone, day)
    pairs: dict[str, str] = {}
    for key, double, single, bare in _PAIR.findall(body):
        pairs.setdefault(key, double or single or bare)
    if "sn" not in pairs or ("m" not in pairs and "fw" not in pairs):
        raise refuse("sonicwall: no sn= beside m= or fw=")
    TABLE.write(pairs, fields)
    _end(pairs, "src", "source", "ingress", fields)
    _end(pairs, "dst", "destination", "egress", fields)
    _end(pairs, "natSrc", "source.nat", "", fields)
    _end(pairs, "natDst", "destination.nat", "", fields)
    transport, _, protocol = pairs.get("proto", "").partition("/")
    if transport in ("tcp", "udp", "icmp", "igmp", "gre", "esp"):
        fields["network.transport"] = transport
    elif pairs.get("msg", "").startswith(("TCP ", "UDP ", "ICMP ")):
        fields["network.transport"] = pairs["msg"].partition(" ")[0].lower()
    elif "icmp" in pairs.get("msg", "").lower() and "type" in pairs and "code" in pairs:
        fields["network.transport"] = "icmp"
    if protocol and not protocol.isdecimal():
        fields["network.protocol"] = protocol
    user = pairs.get("usr") or pairs.get("user", "")
    if not _NOBODY.fullmatch(user):
        fields["user.name"] = user
    severity = number(pairs.get("pri"))
    if severity is not None and severity < len(_LEVELS):
        fields["event.severity"], fields["log.level"] = severity, _LEVELS[severity]
    milliseconds, seconds = number(pairs.get("cdur")), number(pairs.get("dur"))
    if milliseconds is not None:
        fields["event.duration"] = milliseconds * 1_000_000
    elif seconds is not None:
        fields["event.duration"] = seconds * 1_000_000_000
    if is_ip(pairs.get("fw", "")):
        fields["observer.ip"] = pairs["fw"]
    fields["observer.vendor"], fields["observer.product"], fields["observer.type"] = "SonicWall", "SonicOS", "firewall"
    fields["observer.name"] = fields.get("host.name") or pairs["sn"]
    fields["event.module"], fields["event.dataset"] = "sonicwall", "sonicwall.log"
    _web(pairs, fields)
    return _categorize(pairs, fields), iso(pairs.get("time", ""), zone) or header


PRODUCT = Product("sonicwall", "SonicWall SonicOS: connections, web, threats, log-ons", parse, fields=TABLE.fields)

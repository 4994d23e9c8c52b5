"""FortiWeb (key=value or CSV, FortiWeb Log Message Reference) → attacks, traffic and events; native names stay beside."""

import re
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import put
from soc.normalize.formats import kv
from soc.normalize.formats.syslog_kv import behind_header
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.products.table import Table
from soc.normalize.products.url_parts import put_url
from soc.normalize.time import Stamp, iso
from soc.normalize.words import OUTCOMES, outcome, verdict

TABLE = Table(
    text={
        "log_id": "event.code",
        "msg_id": "event.id",
        "pri": "log.level",
        "action": "event.action",
        "msg": "message",
        "reason": "event.reason",
        "devname": "observer.name",
        "device_id": "observer.serial_number",
        "signature_id": "rule.id",
        "signature_subclass": "rule.name",
        "sub_type": "rule.name",
        "main_type": "rule.category",
        "policy": "rule.ruleset",
        "signature_cve_id": "vulnerability.id",
        "user": "user.name",
        "user_name": "user.name",
        "http_agent": "user_agent.original",
        "user_agent": "user_agent.original",
        "http_refer": "http.request.referrer",
        "http_referer": "http.request.referrer",
        "sigid": "rule.id",
        "subcat": "rule.name",
        "user_id": "user.id",
        "http_version": "http.version",
        "http_host": "url.domain",
        "srccountry": "source.geo.country_name",
        "original_srccountry": "source.geo.country_name",
        "cipher_suite": "tls.cipher",
    },
    numbers={
        "http_retcode": "http.response.status_code",
        "http_request_bytes": "http.request.bytes",
        "http_response_bytes": "http.response.bytes",
        "threat_weight": "event.risk_score",
        "ibytes": "source.bytes",
        "obytes": "destination.bytes",
    },
    ports={
        "src_port": "source.port",
        "dst_port": "destination.port",
        "trans_src_port": "source.nat.port",
        "trans_dst_port": "destination.nat.port",
    },
    addresses={
        "src": "source",
        "src_ip": "source",
        "dst": "destination",
        "original_src": "client",
        "trans_src": "source.nat",
        "trans_dst": "destination.nat",
    },
    transports=("proto",),
    derived={
        "type": "event.dataset, event.category",
        "http_url": "url.original, url.full, url.path, url.query",
        "http_method": "http.request.method",
        "service": "network.protocol, tls.version",
        "status": "event.outcome",
        "ui": "source.ip",
        "date": "@timestamp",
        "date_time": "@timestamp",
        "cat": "event.dataset, event.category",
        "time": "@timestamp",
        "timezone": "@timestamp",
    },
    kept="""
    subtype ep_id ep_region ep_domain app_name login_user http_qry real_server usrgrp severity_level vd timezone_dayst trigger_policy http_session_id content_switch_name server_pool_name
    false_positive_mitigation log_type event_score score_message entry_sequence monitor_status dev_id es
    history_threat_weight threat_level ftp_mode ftp_cmd backend_service attack_type owasp_top10 owasp_api_top10 bot_info
    client_level x509_cert_subject ml_log_hmm_probability ml_log_sample_prob_mean ml_log_sample_arglen_mean
    ml_log_arglen ml_svm_log_main_types ml_svm_log_match_types ml_svm_accuracy ml_domain_index ml_url_dbid ml_arg_dbid
    ml_allow_method http_request_time http_response_time matched_field matched_pattern ja3 ja4
    """,
)
_KINDS = {
    "attack": (["intrusion_detection", "web"], "alert"),
    "traffic": (["web", "network"], "event"),
    "event": (["host"], "event"),
}
_OFFSET = re.compile(r"\(GMT([+-])(\d{1,2}):?(\d{2})\)", re.ASCII)
_ADDRESS = re.compile(r"(?:GUI|SSH|ssh|http|https|telnet|jsconsole)\(([0-9A-Fa-f.:]{2,45})\)", re.ASCII)
_CSV_START = re.compile(r"(\d{4}-\d{2}-\d{2}),(\d{2}:\d{2}:\d{2}),", re.ASCII)
_CSV_PAIR = re.compile(r'(^|,)"(\w{1,64})=""', re.ASCII)
MARK = "device_id="
_START = re.compile(
    r'(?:<\d{1,3}>)? ?(?:(?:(?!: )[^=\["]){1,160} )?(?:(?:date|time|timestamp|v|devname)=|\d{4}-\d{2}-\d{2},)'
    r'(?:(?!type=).){1,400}device_id="?F[VW]',
    re.ASCII,
)


def line(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A line whose device id is a FortiWeb's, or that has the names that its logs share with FortiADC's."""
    if _START.match(text) is None and not (_BEGIN.match(text) and all(name in text for name in _SHARED)):
        return None
    return parse(text, fields, zone, day)


def cloud(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A line of FortiWeb Cloud."""
    return parse(text, fields, zone, day) if _CLOUD.match(text) else None


_BEGIN = re.compile(r'(?:<\d{1,3}>)? ?(?:(?:(?!: )[^=\["]){1,160} )?(?:date|time)=', re.ASCII)
_SHARED = (" log_id=", " msg_id=", " subtype=", " vd=")
CLOUD = "date_time="
_CLOUD = re.compile(r'(?:<\d{1,3}>)? ?(?:(?:(?!: )[^=\["]){1,160} )?cat=(?:attack|traffic|audit) date_time=', re.ASCII)


def _pairs(text: str) -> dict[str, str]:
    start = _CSV_START.match(text)
    if start is None:
        return kv.comma_pairs(text) if ",time=" in text[:40] else kv.pairs(text)
    rest = _CSV_PAIR.sub(r'\1\2="', text[start.end() :]).replace('"""', '"')
    return {"date": start[1], "time": start[2], **kv.comma_pairs(rest)}


def _stamp(pairs: dict[str, str], zone: ZoneInfo) -> Stamp | None:
    if "date_time" in pairs:
        return iso(pairs["date_time"], zone)
    offset = _OFFSET.match(pairs.get("timezone", ""))
    text = f"{pairs.get('date', '')}T{pairs.get('time', '')}"
    return iso(text + (f"{offset[1]}{offset[2]:0>2}{offset[3]}" if offset else ""), zone)


def _web(pairs: dict[str, str], fields: Fields) -> None:
    service, _, tls = pairs.get("service", "").lower().partition("/")
    if service:
        fields["network.protocol"] = service
    if tls.startswith("tls"):
        fields["tls.version_protocol"], fields["tls.version"] = "tls", tls.removeprefix("tls").lstrip("v")
    if pairs.get("http_method"):
        fields["http.request.method"] = pairs["http_method"].upper()
    url = pairs.get("http_url")
    if url:
        put_url(fields, url, pairs.get("http_host", ""), service or "http")


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line, with or without a syslog header."""
    body, header = behind_header(text, fields, zone, day)
    pairs = _pairs(body)
    kind = pairs.get("type", pairs.get("cat", ""))
    if "log_id" not in pairs or not kind:
        raise refuse("fortiweb: no log_id= beside type=")
    TABLE.write(pairs, fields)
    fields["event.category"], fields["event.kind"] = _KINDS.get(kind, _KINDS["event"])
    fields["event.module"], fields["event.dataset"] = "fortiweb", "fortiweb." + kind
    fields["observer.vendor"], fields["observer.product"], fields["observer.type"] = "Fortinet", "FortiWeb", "waf"
    name = pairs.get("devname")
    if name:
        fields["host.name"] = name
    elif "host.name" in fields:
        fields["observer.name"] = fields["host.name"]
    _web(pairs, fields)
    said = verdict(pairs.get("action", "")) if kind == "attack" else ""
    result = OUTCOMES.get(said) or outcome(pairs.get("status", ""))
    if result is not None:
        fields["event.outcome"] = result
    fields["event.type"] = ["info", said] if said else ["info"]
    if kind == "event" and pairs.get("action") in ("login", "logout"):
        fields["event.category"], fields["event.type"] = (
            ["authentication"],
            ["start" if pairs["action"] == "login" else "end"],
        )
    address = _ADDRESS.search(pairs.get("ui", "") + pairs.get("msg", "")) if kind == "event" else None
    if address is not None and "source.ip" not in fields:
        put(fields, "source", address[1])
    category = "" if kind == "event" else "webserver"
    return (LogSource("fortiweb", category, kind),), _stamp(pairs, zone) or header


PRODUCT = Product("fortiweb", "Fortinet FortiWeb: attack, traffic and event logs", parse, fields=TABLE.fields)

"""F5 BIG-IP ASM and NGINX App Protect (comma-separated key="value", or CEF) → requests that violated a policy."""

import re
from typing import Any
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.formats import syslog
from soc.normalize.formats.json import flatten
from soc.normalize.products.product import Device, Fields, Product, Reading, refuse
from soc.normalize.products.table import Table
from soc.normalize.products.url_parts import put_url
from soc.normalize.time import iso
from soc.normalize.words import OUTCOMES, verdict

TABLE = Table(
    text={
        "support_id": "event.id",
        "request_status": "event.action",
        "outcome_reason": "event.reason",
        "severity": "log.level",
        "unit_hostname": "observer.name",
        "sig_ids": "rule.id",
        "sig_names": "rule.name",
        "attack_type": "rule.category",
        "policy_name": "rule.ruleset",
        "violations": "message",
        "sig_cves": "vulnerability.id",
        "username": "user.name",
        "session_id": "http.request.id",
        "method": "http.request.method",
        "virus_name": "threat.software.name",
        "login_result": "event.reason",
    },
    lower={"protocol": "network.protocol"},
    numbers={"response_code": "http.response.status_code", "responseCode": "http.response.status_code"},
    ports={"src_port": "source.port", "dest_port": "destination.port"},
    addresses={
        "ip_client": "source",
        "ip": "source",
        "dest_ip": "destination",
        "management_ip_address": "observer",
        "x_forwarded_for_header_value": "client",
    },
    derived={
        "date_time": "@timestamp",
        "uri": "url.original, url.path",
        "query_string": "url.query",
        "request": "url.domain, user_agent.original, http.request.referrer, http.version",
        "violation_rating": "event.severity",
        "geo_location": "source.geo.country_iso_code",
    },
    kept="""
    management_ip_address_2 http_class_name web_application_name policy_apply_date route_domain
    ip_address_intelligence sub_violations websocket_direction websocket_message_type device_id staged_sig_ids
    staged_sig_names threat_campaign_names staged_threat_campaign_names blocking_exception_reason captcha_result
    microservice tap_event_id tap_vid vs_name sig_set_names staged_sig_set_names fragment header headers violation_details
    response is_truncated is_truncated_response slot_number conviction_traps mobile_application_name
    mobile_application_version client_type compression_method bot_anomalies enforced_bot_anomalies bot_category
    bot_signature_name client_class client_application client_application_version transport_protocol outcome json_log
    ip_with_route_domain likely_false_positive_sig_ids avr_id operation_id sig_accuracy
    """,
)
MARK = 'support_id="'
_START = re.compile(r'ASM: ?(?=\w{1,64}=)|(?=(?:attack_type|unit_hostname)="[^"]{0,1024}",)', re.ASCII)
_PAIR = re.compile(r'(?:^|[,\s])([A-Za-z_][\w-]{0,63})=(?:"([^"]*(?:""[^"]*)*)"|([^,"\s]*))', re.ASCII)
_HEADER_LINE = re.compile(r"(?:\\r\\n|\r?\n|\\n)(Host|User-Agent|Referer): ([^\r\n\\]{1,2048})", re.IGNORECASE)
_VERSION = re.compile(r" HTTP/(\d(?:\.\d)?)", re.ASCII)
_HEADERS = {"user-agent": "user_agent.original", "referer": "http.request.referrer"}
_SOURCES = (LogSource("f5", "webserver", "asm"),)
_TELEMETRY = {
    "unit_host": "unit_hostname",
    "hostname": "unit_hostname",
    "req_status": "request_status",
    "resp_code": "response_code",
    "query_str": "query_string",
    "req": "request",
    "manage_ip_addr": "management_ip_address",
    "x_fwd_hdr_val": "x_forwarded_for_header_value",
    "violate_rate": "violation_rating",
}
"""What F5 Telemetry Streaming calls some of the fields."""

_CEF = {
    "act": "request_status",
    "externalId": "support_id",
    "src": "ip_client",
    "spt": "src_port",
    "dst": "dest_ip",
    "dpt": "dest_port",
    "requestMethod": "method",
    "app": "protocol",
    "request": "uri",
    "dvchost": "unit_hostname",
    "dvc": "management_ip_address",
    "suser": "username",
    "duser": "username",
}


def _request(pairs: dict[str, str], fields: Fields) -> None:
    request = pairs.get("request", "")[:8192]
    host = ""
    for name, value in _HEADER_LINE.findall(request):
        if name.lower() == "host":
            host = value.strip()
        else:
            fields.setdefault(_HEADERS[name.lower()], value.strip())
    version = _VERSION.search(request[:4096])
    if version is not None:
        fields["http.version"] = version[1]
    uri, query = pairs.get("uri", ""), pairs.get("query_string", "")
    if uri and uri != "N/A":
        if query and query != "N/A" and "?" not in uri:
            uri += "?" + query
        put_url(fields, uri, host.partition(":")[0], pairs.get("protocol", "").lower())


def _write(pairs: dict[str, str], fields: Fields) -> None:
    TABLE.write(pairs, fields)
    _request(pairs, fields)
    if fields.get("http.response.status_code") == 0:  # refused before a server answered
        del fields["http.response.status_code"]
    said = verdict("alert" if pairs.get("request_status") == "alerted" else pairs.get("request_status", ""))
    if said:
        fields["event.outcome"] = OUTCOMES[said]
    violated = pairs.get("violations", "N/A") not in ("", "N/A")
    fields["event.kind"] = "alert" if violated else "event"
    fields["event.category"] = ["intrusion_detection", "web"] if violated else ["web"]
    fields["event.type"] = ["info", said] if said else ["info"]
    rating = pairs.get("violation_rating", "")
    if rating.isascii() and rating.isdecimal() and len(rating) == 1:
        fields["event.severity"] = int(rating)
    country = pairs.get("geo_location", "")
    if len(country) == 2 and country.isalpha():
        fields["source.geo.country_iso_code"] = country
    fields["event.module"], fields["event.dataset"] = "f5", "f5.asm"
    fields["observer.vendor"], fields["observer.product"], fields["observer.type"] = "F5", "BIG-IP ASM", "waf"
    codes = pairs.get("sig_ids", "").split(",")[0]
    if codes and codes != "N/A":
        fields["event.code"] = codes


def line(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A line whose message begins as ASM's do; None for any other."""
    start = _START.search(text, 0, 512)
    if start is None or "=" in text[: start.start()]:
        return None
    pairs: dict[str, str] = {}
    for key, quoted, bare in _PAIR.findall(text[start.end() :]):
        pairs.setdefault(key, quoted.replace('""', '"') if quoted else bare)
    if "support_id" not in pairs and "ip_client" not in pairs:
        return None
    header = syslog.read(text[: start.start()], fields, zone, day)
    if header is not None and header[0].strip():  # what another program quotes
        return None
    _write(pairs, fields)
    return _SOURCES, iso(pairs.get("date_time", ""), zone) or (None if header is None else header[2])


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line, with or without a syslog header."""
    reading = line(text, fields, zone, day)
    if reading is None:
        raise refuse("f5-asm: neither ASM: nor a support id among the pairs of the line")
    return reading


def read_object(event: dict[str, Any], fields: Fields, zone: ZoneInfo) -> Reading | None:
    """The same as JSON (F5 Telemetry Streaming)."""
    if "ip_client" not in event or "violations" not in event:
        return None
    values = {name: str(value) for name, value in flatten(event).items() if value is not None}
    pairs = dict(values)
    for name, native in _TELEMETRY.items():
        if name in values:
            pairs.setdefault(native, values[name])
    _write(pairs, fields)
    return _SOURCES, iso(pairs.get("date_time", ""), zone)


def _read_other(device: Device, extension: dict[str, str], fields: Fields) -> Reading:
    """Another module of BIG-IP in CEF (AFM, PSM, requests of an iRule): its fields are CEF's own, but for the labeled rule."""
    labels = {label: extension.get(key[:-5], "") for key, label in extension.items() if key.endswith("Label")}
    if labels.get("acl_rule_name"):
        fields["rule.name"] = labels["acl_rule_name"]
    ruleset = labels.get("acl_policy_name") or labels.get("policy_name")
    if ruleset:
        fields["rule.ruleset"] = ruleset
    name = "afm" if "firewall" in device.product.lower() else device.product.lower().replace(" ", "_")[:32]
    fields["event.module"], fields["event.dataset"] = "f5", "f5." + (name or "log")
    return (LogSource("f5", "firewall" if name == "afm" else "", name),), None


def read_cef(device: Device, extension: dict[str, str], fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001 - one signature for all
    """The same in CEF: labels are the native names."""
    if device.product.upper() != "ASM":
        return _read_other(device, extension, fields)
    pairs = {name: extension[key] for key, name in _CEF.items() if key in extension}
    for key, label in extension.items():
        if key.endswith("Label") and key[:-5] in extension:
            pairs[label] = extension[key[:-5]]
    pairs.setdefault("sig_ids", device.code)
    pairs.setdefault("violations", device.name)
    if "full_request" in pairs:
        pairs["request"] = pairs["full_request"]
    for name in ("rule.name", "message", "network.protocol"):
        fields.pop(name, None)
    _write(pairs, fields)
    fields.setdefault("rule.name", device.name)
    return _SOURCES, None


PRODUCT = Product(
    "f5-asm", "F5 BIG-IP ASM and NGINX App Protect: requests judged by a policy", parse, fields=TABLE.fields
)

"""Sophos Firewall (XG/XGS, key=value of SFOS 16 to 21, "Log Viewer and syslog guide") → events of its modules."""

import re
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import number
from soc.normalize.formats import kv
from soc.normalize.formats.syslog_kv import behind_header
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.products.table import Table
from soc.normalize.products.url_parts import put_url
from soc.normalize.time import Stamp, iso, iso_text
from soc.normalize.words import OUTCOMES, outcome, verdict

MARK = "log_component="

TABLE = Table(
    text={
        "log_id": "event.code",
        "log_subtype": "event.action",
        "message": "message",
        "reason": "event.reason",
        "device_serial_id": "observer.serial_number",
        "device_id": "observer.serial_number",
        "device_model": "observer.product",
        "device_name": "observer.name",
        "in_interface": "observer.ingress.interface.name",
        "out_interface": "observer.egress.interface.name",
        "srczone": "observer.ingress.zone",
        "src_zone": "observer.ingress.zone",
        "srczonetype": "observer.ingress.zone",
        "dstzone": "observer.egress.zone",
        "dst_zone": "observer.egress.zone",
        "dstzonetype": "observer.egress.zone",
        "signature_id": "rule.id",
        "fw_rule_id": "rule.id",
        "policy_id": "rule.id",
        "signature_msg": "rule.name",
        "fw_rule_name": "rule.name",
        "policy_name": "rule.name",
        "category": "rule.category",
        "classification": "rule.category",
        "ips_policy_name": "rule.ruleset",
        "idp_policy_name": "rule.ruleset",
        "user_name": "user.name",
        "user": "user.name",
        "usergroupname": "user.group.name",
        "user_gp": "user.group.name",
        "user_group": "user.group.name",
        "application": "network.application",
        "app_name": "network.application",
        "application_name": "network.application",
        "src_country": "source.geo.country_name",
        "src_country_code": "source.geo.country_iso_code",
        "dst_country": "destination.geo.country_name",
        "dst_country_code": "destination.geo.country_iso_code",
        "domain": "url.domain",
        "domainname": "url.domain",
        "dstdomain": "destination.domain",
        "dst_domainname": "destination.domain",
        "src_domainname": "source.domain",
        "client_host_name": "source.domain",
        "hostname": "source.domain",
        "http_user_agent": "user_agent.original",
        "user_agent": "user_agent.original",
        "http_category": "rule.category",
        "referer": "http.request.referrer",
        "contenttype": "http.response.mime_type",
        "content_type": "http.response.mime_type",
        "file_name": "file.name",
        "filename": "file.name",
        "file_path": "file.path",
        "virus": "threat.software.name",
        "virusname": "threat.software.name",
        "malware": "threat.software.name",
        "threatname": "threat.indicator.name",
        "threat": "threat.indicator.name",
        "eventid": "event.id",
        "con_id": "event.id",
        "connid": "event.id",
        "from_email_address": "email.from.address",
        "sender": "email.from.address",
        "to_email_address": "email.to.address",
        "recipient": "email.to.address",
        "email_subject": "email.subject",
        "subject": "email.subject",
        "mailid": "email.message_id",
        "mail_id": "email.message_id",
    },
    numbers={
        "sent_bytes": "source.bytes",
        "bytes_sent": "source.bytes",
        "recv_bytes": "destination.bytes",
        "bytes_received": "destination.bytes",
        "sent_pkts": "source.packets",
        "packets_sent": "source.packets",
        "recv_pkts": "destination.packets",
        "packets_received": "destination.packets",
        "file_size": "file.size",
        "status_code": "http.response.status_code",
        "httpresponsecode": "http.response.status_code",
        "http_status": "http.response.status_code",
    },
    ports={
        "src_port": "source.port",
        "dst_port": "destination.port",
        "tran_src_port": "source.nat.port",
        "src_trans_port": "source.nat.port",
        "tran_dst_port": "destination.nat.port",
        "dst_trans_port": "destination.nat.port",
    },
    addresses={
        "src_ip": "source",
        "sourceip": "source",
        "localip": "source",
        "ipaddress": "source",
        "reported_ip": "source",
        "dst_ip": "destination",
        "destinationip": "destination",
        "remote_ip": "destination",
        "tran_src_ip": "source.nat",
        "src_trans_ip": "source.nat",
        "tran_dst_ip": "destination.nat",
        "dst_trans_ip": "destination.nat",
    },
    macs={
        "src_mac": "source.mac",
        "srcmac": "source.mac",
        "client_physical_address": "source.mac",
        "dst_mac": "destination.mac",
    },
    hashes=("file_hash", "sha1sum", "sha256", "md5sum"),
    transports=("protocol",),
    derived={
        "timestamp": "@timestamp",
        "date": "@timestamp",
        "time": "@timestamp",
        "timezone": "@timestamp",
        "log_type": "event.dataset, event.category",
        "log_component": "",
        "status": "event.outcome",
        "severity": "log.level, event.severity",
        "priority": "log.level, event.severity",
        "duration": "event.duration, event.start",
        "src_zone_type": "network.direction",
        "dst_zone_type": "network.direction",
        "url": "url.original, url.full, url.domain, url.path, url.query",
        "con_event": "event.type",
        "connevent": "event.type",
    },
    kept="""
    device nat_rule_id fw_rule_section fw_rule_type nat_rule_name web_policy_id ips_policy_id appfilter_policy_id
    app_filter_policy_id application_filter_policy application_risk application_technology application_category
    appresolvedby app_resolved_by app_is_cloud vlan_id ether_type bridge_name bridge_display_name in_display_interface
    out_display_interface gw_id_request gw_name_request gw_id_reply gw_name_reply sdwan_profile_id_request
    sdwan_profile_name_request sdwan_profile_id_reply sdwan_profile_name_reply sdwan_route_id_request
    sdwan_route_name_request sdwan_route_id_reply sdwan_route_name_reply dir_disp vconn_id vconnid hb_health hb_status
    log_occurrence log_version icmp_type icmp_code flags qualifier appfilter_policy_name iap av_policy_name
    category_type override_token override_name override_authorizer httpstatus transactionid transaction_id exceptions
    activityname activity download_file_name download_file_type upload_file_name upload_file_type con_direction
    used_quota con_name connectionname connectiontype connection_type mailsize mail_size spamaction spam_action quarantine
    quarantine_reason ftp_url ftp_direction ftpcommand FTP_url FTP_direction platform target rule_priority eventtype
    execution_path ep_uuid login_user process_user ep_name ep_ip backup_mode
    auth_client auth_mechanism client_used start_time event_type ap ssid clients_conn_ssid interface receivedkbits
    transmittedkbits receivederrors receiveddrops transmittederrors transmitteddrops collisions system_cpu user_cpu idle_cpu
    total_memory free used unit configuration reports signature temp cleared users reported_host reported_ip
    additional_information newversion oldversion updatedip server cookie extra contentlength reverse_proxy query_string
    responsetime local_interface_ip local_network remote_interface_ip remote_network remote_peer sqli xss raw_data app_category
    cat_id resolved_dst app_risk app_technology web_policy_name parent_app parent_app_category parent_app_risk
    """,
)
_START = re.compile(r'(?:<\d{1,3}>)?(?:(?:(?!: )[^=\["]){1,160} )?device(?:_name)?="', re.ASCII)
_OFFSET = re.compile(r"[+-]\d{2}(?::?\d{2})?", re.ASCII)
_KINDS = {
    "firewall": (["network"], "event", ""),
    "idp": (["intrusion_detection", "network"], "alert", ""),
    "ips": (["intrusion_detection", "network"], "alert", ""),
    "atp": (["intrusion_detection", "network"], "alert", ""),
    "anti-virus": (["malware", "network"], "alert", "antivirus"),
    "sandbox": (["malware", "network"], "alert", "antivirus"),
    "content filtering": (["web", "network"], "event", "proxy"),
    "anti-spam": (["email"], "event", ""),
    "waf": (["web", "intrusion_detection"], "event", "webserver"),
    "authentication": (["authentication"], "event", ""),
    "heartbeat": (["host"], "event", ""),
    "endpoint": (["host"], "event", ""),
    "wireless protection": (["network"], "event", ""),
    "event": (["host"], "event", ""),
    "system health": (["host"], "metric", ""),
}
_HOST = (["host"], "event", "")
_LEVELS = ("emergency", "alert", "critical", "error", "warning", "notice", "information", "debug")
_FROM_INSIDE = {"WAN": "outbound", "LAN": "internal", "DMZ": "internal", "WIFI": "internal"}
_WAYS = {
    "LAN": _FROM_INSIDE,
    "DMZ": _FROM_INSIDE,
    "WIFI": _FROM_INSIDE,
    "WAN": {"LAN": "inbound", "DMZ": "inbound", "WIFI": "inbound", "WAN": "external"},
}
"""Type of the zone that traffic comes from → type of the zone that it goes to → direction."""

_SUBTYPES = {"clean": "allowed", "virus": "denied", "spam": "denied", "detect": "allowed"}


def line(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A line that begins as a Sophos Firewall's do."""
    return parse(text, fields, zone, day) if _START.match(text) else None


def _stamp(pairs: dict[str, str], zone: ZoneInfo) -> Stamp | None:
    if "timestamp" in pairs:
        return iso(pairs["timestamp"], zone)
    offset = pairs.get("timezone", "")
    if _OFFSET.fullmatch(offset) and len(offset) == 3:
        offset += "00"
    elif not _OFFSET.fullmatch(offset) and offset not in ("UTC", "GMT"):
        offset = ""  # other abbreviations name several zones each
    return iso(f"{pairs.get('date', '')}T{pairs.get('time', '')}{offset}", zone)


def _categorize(pairs: dict[str, str], fields: Fields) -> tuple[LogSource, ...]:
    kind = pairs.get("log_type", "").lower()
    category, fields["event.kind"], extra = _KINDS.get(kind, _HOST)
    subtype = pairs.get("log_subtype", "")
    said = _SUBTYPES.get(subtype.lower()) or verdict(subtype)
    result = outcome(pairs.get("status", "")) or OUTCOMES.get(said)
    action = subtype.lower()
    if kind == "event" and (action == "authentication" or "authentication" in pairs.get("log_component", "").lower()):
        category = ["authentication"]
    elif kind == "event" and action in ("admin", "system") and pairs.get("log_component") in ("GUI", "CLI"):
        category = ["configuration"]
    fields["event.category"] = category
    event = pairs.get("con_event") or pairs.get("connevent", "")
    types = ["connection"] if category == ["network"] else ["info"]
    if event in ("Start", "Stop"):
        types.append(event.lower().replace("stop", "end"))
    if said:
        types.append(said)
    fields["event.type"] = types
    if result is not None:
        fields["event.outcome"] = result
    dataset = kind.replace(" ", "_").replace("-", "_") or "event"
    fields["event.module"], fields["event.dataset"] = "sophos", "sophos." + dataset
    if kind in ("event", "authentication", "system health"):
        return (LogSource("sophos", "", dataset),)
    sources = (LogSource("sophos", "firewall", dataset),)
    return (*sources, LogSource("sophos", extra, dataset)) if extra else sources


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line, with or without a syslog header."""
    body, header = behind_header(text, fields, zone, day)
    pairs = kv.pairs(body)
    if "log_type" not in pairs or "log_id" not in pairs:
        raise refuse("sophos: no log_type= beside log_id=")
    TABLE.write(pairs, fields)
    fields["observer.vendor"], fields["observer.type"] = "Sophos", "firewall"
    fields.setdefault("observer.product", "Sophos Firewall")
    if pairs.get("device_name") in ("SFW", None, ""):  # the model line, not the name of a device
        fields["observer.name"] = fields.get("host.name", pairs.get("device_name") or "SFW")
    fields.setdefault("host.name", fields["observer.name"])
    for side in ("source", "destination"):
        if fields.get(side + ".geo.country_iso_code", "").startswith("R1"):  # a private address
            del fields[side + ".geo.country_iso_code"]
        if fields.get(side + ".geo.country_name", "") == "R1":
            del fields[side + ".geo.country_name"]
    level = pairs.get("severity") or pairs.get("priority", "")
    if level:
        fields["log.level"] = level.lower()
        if level.lower() in _LEVELS:
            fields["event.severity"] = _LEVELS.index(level.lower())
    if fields.get("http.response.status_code") == 0:  # nothing was seen of the answer
        del fields["http.response.status_code"]
    if "source.ip" in fields and "user.name" in fields:
        fields["source.user.name"] = fields["user.name"]
    way = _WAYS.get((pairs.get("src_zone_type") or pairs.get("srczonetype", "")).upper())
    if way is not None:
        to = (pairs.get("dst_zone_type") or pairs.get("dstzonetype", "")).upper()
        if to in way:
            fields["network.direction"] = way[to]
    if pairs.get("url"):
        put_url(fields, pairs["url"], fields.get("url.domain", ""), "http")
        host, slash, rest = pairs["url"].partition("/")
        if host and "://" not in pairs["url"][:20]:  # a host without a scheme is no path
            fields["url.domain"] = host
            fields.pop("url.path", None)
            if slash:
                fields["url.path"] = "/" + rest.partition("?")[0]
    stamp = _stamp(pairs, zone) or header
    seconds = number(pairs.get("duration"))
    if seconds is not None:
        fields["event.duration"] = seconds * 1_000_000_000
        if seconds and stamp is not None and stamp[0] >= seconds * 1_000_000:
            fields["event.start"] = iso_text(stamp[0] - seconds * 1_000_000)
    return _categorize(pairs, fields), stamp


PRODUCT = Product(
    "sophos", "Sophos Firewall (XG, XGS): logs of every module, old and new form", parse, fields=TABLE.fields
)

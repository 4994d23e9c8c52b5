"""PAN-OS logs sent as CEF or LEEF → the same events as from CSV: extension names → the vendor's columns.

Source: PAN-OS "CEF-style Log Formats" (8.0 to 10.0) and "LEEF Custom Log Formats", which an administrator copies into the
device; and the CEF of Strata Logging Service, whose header has type and subtype where the device has subtype and type.
"""

from zoneinfo import ZoneInfo

from soc.normalize.products.paloalto import event, stamp_of
from soc.normalize.products.paloalto_fields import COLUMNS
from soc.normalize.products.product import Device, Fields, Reading
from soc.normalize.time import Stamp, bsd, iso

_CEF = {
    "act": "action",
    "app": "app",
    "cnt": "repeatcnt",
    "destinationServiceName": "tunnel",
    "destinationTranslatedAddress": "natdst",
    "destinationTranslatedPort": "natdport",
    "deviceExternalId": "serial",
    "deviceInboundInterface": "inbound_if",
    "deviceOutboundInterface": "outbound_if",
    "dpt": "dport",
    "dst": "dst",
    "duid": "recipient",
    "duser": "dstuser",
    "dvchost": "device_name",
    "externalId": "seqno",
    "fileHash": "filedigest",
    "fileId": "pcap_id",
    "fileType": "filetype",
    "in": "bytes_sent",
    "out": "bytes_received",
    "proto": "proto",
    "request": "misc",
    "requestClientApplication": "user_agent",
    "requestContext": "contenttype",
    "requestMethod": "http_method",
    "rt": "receive_time",
    "sourceTranslatedAddress": "natsrc",
    "sourceTranslatedPort": "natsport",
    "spt": "sport",
    "src": "src",
    "start": "time_generated",
    "suid": "sender",
    "suser": "srcuser",
}
_CEF_LABELS = {
    "Destination Zone": "to",
    "DestinationZone": "to",
    "Direction": "direction",
    "Elapsed time in seconds": "elapsed",
    "Flags": "flags",
    "FromZone": "from",
    "LogProfile": "logset",
    "LogSetting": "logset",
    "Module": "module",
    "Packets": "packets",
    "Rule": "rule",
    "SessionID": "sessionid",
    "Source Zone": "from",
    "SourceZone": "from",
    "ToZone": "to",
    "Total bytes": "bytes",
    "Total Bytes": "bytes",
    "URL Category": "category",
    "Virtual System": "vsys",
    "VirtualLocation": "vsys",
}
"""Label of a custom field (``cs1Label=Rule cs1=...``) → column."""
_CUSTOM = (
    *(f"cs{number}" for number in range(1, 7)),
    *(f"cn{number}" for number in range(1, 4)),
    *("flexString1", "flexString2", "flexNumber1", "flexNumber2"),
)
_CEF_MORE = {
    "PanOSPacketsReceived": "pkts_received",
    "PanOSPacketsSent": "pkts_sent",
    "PanOSActionFlags": "actionflags",
    "PanOSRuleUUID": "rule_uuid",
    "PanOSReferer": "referer",
    "PanOSThreatCategory": "thr_category",
    "PanOSThreatID": "threatid",
    "PanOSVsysName": "vsys_name",
    "PanOSXForwarderfor": "xff",
    "PanOSCloud": "cloud",
    "PanOSSessionEndReason": "session_end_reason",
    "PanOSSourceUserName": "srcuser",
    "PanOSPublicIPv4": "public_ip",
    "PanOSPrivateIPv4": "private_ip",
    "PanOSEventID": "eventid",
    "PanOSEventStatus": "status",
    "PanOSStage": "stage",
    "PanOSAuthMethod": "auth_method",
    "PanOSTunnelType": "tunnel_type",
    "PanOSPortal": "portal",
    "PanOSEndpointDeviceName": "machinename",
}
_LEEF = {
    "Action": "action",
    "Admin": "admin",
    "App": "app",
    "Application": "app",
    "Bytes": "bytes",
    "Cloud": "cloud",
    "Configuration": "path",
    "ConfigurationPath": "path",
    "ContentType": "contenttype",
    "DestinationLocation": "dstloc",
    "DestinationUser": "dstuser",
    "DestinationZone": "to",
    "DeviceName": "device_name",
    "DUser": "dstuser",
    "Direction": "direction",
    "DstPackets": "pkts_received",
    "EgressInterface": "outbound_if",
    "ElapsedTime": "elapsed",
    "FileDigest": "filedigest",
    "FileType": "filetype",
    "Flags": "flags",
    "IngressInterface": "inbound_if",
    "LogForwardingProfile": "logset",
    "Miscellaneous": "misc",
    "Module": "module",
    "NATDestPort": "natdport",
    "NATDstIP": "natdst",
    "NATSourcePort": "natsport",
    "NATSrcIP": "natsrc",
    "Packets": "packets",
    "ReceiveTime": "receive_time",
    "Recipient": "recipient",
    "Referer": "referer",
    "RepeatCount": "repeatcnt",
    "ReportID": "reportid",
    "RequestMethod": "http_method",
    "Result": "result",
    "RuleName": "rule",
    "SUser": "srcuser",
    "Sender": "sender",
    "SequenceNumber": "seqno",
    "SerialNumber": "serial",
    "SessionEndReason": "session_end_reason",
    "SessionID": "sessionid",
    "Severity": "severity",
    "SourceLocation": "srcloc",
    "SourceUser": "srcuser",
    "SourceZone": "from",
    "SrcPackets": "pkts_sent",
    "StartTime": "start",
    "Subject": "subject",
    "Subtype": "subtype",
    "ThreatCategory": "thr_category",
    "ThreatID": "threatid",
    "TunnelType": "tunnel",
    "Type": "type",
    "URLCat": "category",
    "URLCategory": "category",
    "UserAgent": "user_agent",
    "VirtSyst": "vsys",
    "VirtualSystem": "vsys",
    "action": "action",
    "client": "client",
    "devTime": "time_generated",
    "dst": "dst",
    "dstBytes": "bytes_received",
    "dstPackets": "pkts_received",
    "dstPort": "dport",
    "dstPostNAT": "natdst",
    "dstPostNATPort": "natdport",
    "identSrc": "xff",
    "msg": "opaque",
    "proto": "proto",
    "sequence": "seqno",
    "src": "src",
    "srcBytes": "bytes_sent",
    "srcPackets": "pkts_sent",
    "srcPort": "sport",
    "srcPostNAT": "natsrc",
    "srcPostNATPort": "natsport",
    "totalBytes": "bytes",
    "totalPackets": "packets",
    "usrName": "srcuser",
}
_SEVERITIES = {"5": "critical", "4": "high", "3": "medium", "2": "low", "1": "informational"}
"""``number-of-severity``: what PAN-OS writes as the severity of a CEF header."""
_FILES = frozenset(("file", "virus", "wildfire", "wildfire-virus", "data", "ml-virus"))


def _type(device: Device, extension: dict[str, str]) -> tuple[str, str]:
    """(type, subtype): device and logging service write them in the header, each its own way round; LEEF in ``cat``."""
    for kind, subtype in (
        (device.name, device.code),
        (device.code, device.name),
        (extension.get("cat", ""), extension.get("Subtype", "")),
        (extension.get("Type", ""), extension.get("Subtype", "")),
    ):
        if kind.upper() in COLUMNS:
            return kind.upper(), subtype
    return "", ""


def _columns(device: Device, extension: dict[str, str], kind: str, subtype: str) -> dict[str, str]:
    kv: dict[str, str] = {}
    if not device.name and not device.severity:
        kv = {_LEEF[name]: value for name, value in extension.items() if name in _LEEF and value}
        kv["type"], kv["subtype"] = kind, kv.get("subtype", subtype)
        if kind == "TRAFFIC" and device.code.isalpha():  # the id of a session's event is what was done with it
            kv.setdefault("action", device.code)
        return kv
    for name, value in extension.items():
        column = _CEF.get(name) or _CEF_MORE.get(name)
        if column is not None and value:
            kv[column] = value
    for name in _CUSTOM:
        column, value = _CEF_LABELS.get(extension.get(name + "Label", "")), extension.get(name, "")
        if column is not None and value:
            kv[column] = value
    kv["type"] = kind
    severity = _SEVERITIES.get(device.severity)
    if kind == "TRAFFIC":
        kv["subtype"] = subtype
        if extension.get("reason"):
            kv["session_end_reason"] = extension["reason"]
        return kv
    if severity is not None:
        kv.setdefault("severity", severity)
    if kind == "THREAT":
        # the device writes the threat in the header and what it was in `cat`
        threat, other = (subtype, extension.get("cat", "")) if "(" in subtype else (extension.get("cat", ""), subtype)
        kv.setdefault("threatid", threat)
        kv["subtype"] = other or extension.get("PanOSLogSubtype", "")
        if kv["subtype"] in _FILES and extension.get("fname"):
            kv["misc"] = extension["fname"]
        if extension.get("msg"):
            kv["subject"] = extension["msg"]
    elif kind == "SYSTEM":
        kv["subtype"] = subtype
        kv.update({"opaque": extension.get("msg", ""), "eventid": extension.get("cat", "")})
        kv["object"] = extension.get("fname", "")
    elif kind == "CONFIG":
        kv["admin"] = kv.pop("srcuser", kv.pop("dstuser", ""))
        kv.update(
            {
                "cmd": extension.get("act", ""),
                "path": extension.get("msg", ""),
                "result": extension.get("reason", "") or subtype,
            }
        )
        kv["host"] = kv.pop("src", extension.get("shost", ""))
    else:
        kv["subtype"] = subtype
        kv.setdefault("opaque", extension.get("msg", ""))
    return kv


def _stamp(kv: dict[str, str], zone: ZoneInfo, day: int) -> Stamp | None:
    for name in ("time_generated", "receive_time"):
        text = kv.get(name, "")
        stamp = bsd(text, zone, day) or iso(text, zone)
        if stamp is not None:
            return stamp
    return stamp_of(kv, zone)


def read(device: Device, extension: dict[str, str], fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """One message of PAN-OS or of Strata Logging Service; None: its type is none that the tables have."""
    kind, subtype = _type(device, extension)
    if not kind:
        return None
    kv = {name: value for name, value in _columns(device, extension, kind, subtype).items() if value}
    return event(kind, kv, fields), _stamp(kv, zone, day)

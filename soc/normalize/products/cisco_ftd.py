"""Cisco FTD security events (430001 to 430005, ``Name: value, Name: value``) → ECS; the vendor's names stay beside.

Source: Cisco Secure Firewall Threat Defense Syslog Messages, "Security Event Syslog Messages".
"""

import re

from soc.normalize.addresses import is_ip, number, put
from soc.normalize.products.product import Fields

TEXT = {
    "AccessControlRuleAction": "event.action",
    "AccessControlRuleName": "rule.name",
    "AccessControlRuleReason": "event.reason",
    "Classification": "rule.category",
    "DNSQuery": "dns.question.name",
    "DNSResponseType": "dns.response_code",
    "DeviceUUID": "observer.serial_number",
    "EgressInterface": "observer.egress.interface.name",
    "EgressZone": "observer.egress.zone",
    "FileAction": "event.action",
    "FileName": "file.name",
    "FileSHA256": "file.hash.sha256",
    "HTTPReferer": "http.request.referrer",
    "HTTP_Hostname": "url.domain",
    "IngressInterface": "observer.ingress.interface.name",
    "IngressZone": "observer.ingress.zone",
    "InlineResult": "event.action",
    "Message": "message",
    "ReferencedHost": "url.domain",
    "SID": "rule.id",
    "SSLCipherSuite": "tls.cipher",
    "SSLServerName": "tls.client.server_name",
    "ThreatName": "threat.indicator.name",
    "URI": "url.original",
    "URL": "url.original",
    "UserAgent": "user_agent.original",
    "WebApplication": "network.application",
}
"""Vendor field → ECS, as text."""

NUMBERS = {
    "DstPort": "destination.port",
    "FileSize": "file.size",
    "HTTPResponse": "http.response.status_code",
    "InitiatorBytes": "source.bytes",
    "InitiatorPackets": "source.packets",
    "NAT_InitiatorPort": "source.nat.port",
    "NAT_ResponderPort": "destination.nat.port",
    "ResponderBytes": "destination.bytes",
    "ResponderPackets": "destination.packets",
    "SrcPort": "source.port",
}
"""Vendor field → ECS, as an integer."""

ADDRESSES = {
    "DstIP": "destination",
    "NAT_InitiatorIP": "source.nat",
    "NAT_ResponderIP": "destination.nat",
    "SrcIP": "source",
}
"""Vendor field → the side whose address it is."""

FIELDS: dict[str, str] = {
    **TEXT,
    **NUMBERS,
    **{name: side + ".ip" for name, side in ADDRESSES.items()},
    "Protocol": "network.transport",
    "ApplicationProtocol": "network.protocol",
    "User": "user.name",
    "ConnectionDuration": "event.duration",
    "DNSRecordType": "dns.question.type",
    "OriginalClientIP": "client.ip",
    "SSLVersion": "tls.version",
    "FirstPacketSecond": "event.start",
    "Priority": "event.severity",
    **dict.fromkeys(
        (
            *("ACPolicy", "ArchiveDepth", "ArchiveFileName", "ArchiveFileStatus", "ArchiveSHA256", "Client"),
            *("ClientAppDetector", "ClientVersion", "ConnectType", "ConnectionID", "DE", "DNSSICategory", "DNS_TTL"),
            *("DestIP_DynamicAttribute", "DestinationSecurityGroup", "DestinationSecurityGroupTag"),
            *("DestinationSecurityGroupType", "EgressVRF", "EncryptPeerIP", "EncryptPeerPort", "DecryptPeerIP"),
            *("DecryptPeerPort", "Endpoint Profile", "EventPriority", "FileCount", "FileDirection", "FilePolicy"),
            *("FileSandboxStatus", "FileStaticAnalysisStatus", "FileStorageStatus", "FileType", "GID", "HTTP_URI"),
            *("ICMPCode", "ICMPType", "IOC", "IPReputationSICategory", "IPSCount", "IngressVRF", "InlineResultReason"),
            *("InstanceID", "IntrusionPolicy", "MPLS_Label", "NAPPolicy", "NetBIOSDomain", "NumIOC", "Policy"),
            *("Prefilter Policy", "QoS-AppliedInterface", "QoS-DroppedInitiatorBytes", "QoS-DroppedInitiatorPackets"),
            *("QoS-DroppedResponderBytes", "QoS-DroppedResponderPackets", "QoS-Policy", "QoS-RuleName"),
            *("RateLimitedInterfaces", "Revision", "SHA_Disposition", "SSLActualAction", "SSLCertificate"),
            *("SSLExpectedAction", "SSLFlowStatus", "SSLPolicy", "SSLRuleName", "SSLServerCertStatus", "SSLSessionID"),
            *("SSLTicketID", "SSLURLCategory", "SecIntMatchingIP", "SecurityGroup", "Sinkhole"),
            *("SourceIP_DynamicAttribute", "SourceSecurityGroup", "SourceSecurityGroupTag", "SourceSecurityGroupType"),
            *("SperoDisposition", "TCPFlags", "ThreatScore", "Tunnel or Prefilter Rule", "URLCategory"),
            *("URLReputation", "URLSICategory", "VLAN_ID", "VirtualRouter"),
        ),
        "",
    ),
}
"""Every field that the vendor documents → ECS."""

# A value may hold ", " (a user agent); what begins the next pair is a name that starts with a capital and a colon behind it.
_PAIR = re.compile(r"(?:^|, )([A-Z][A-Za-z0-9_/-]{0,40}(?: [A-Za-z]{1,20}){0,3}): ", re.ASCII)
_NOBODY = frozenset(
    ("No Authentication Required", "Unknown", "Not Found", "Not Authenticated", "Special Identities", "None")
)
_NO_ADDRESS = frozenset(("::", "0.0.0.0"))  # noqa: S104 - what the vendor writes where there is none
_RECORDS = {
    "a host address": "A",
    "ip6 address": "AAAA",
    "mail exchange": "MX",
    "text strings": "TXT",
    "domain name pointer": "PTR",
}
_CODES = {
    "no error": "NOERROR",
    "non-existent domain": "NXDOMAIN",
    "server failure": "SERVFAIL",
    "query refused": "REFUSED",
}
_DENIED = (
    "block",
    "interactive block",
    "reset",
    "drop",
    "would",
    "malware block",
    "custom detection block",
    "sinkhole",
)
_ALLOWED = ("allow", "trust", "monitor", "fastpath", "pass", "detect", "malware cloud lookup", "default action")
_PRIORITIES = {"1": 2, "2": 4, "3": 5, "4": 6, "high": 2, "medium": 4, "low": 5}
_EVENTS: dict[str, tuple[str, list[str], list[str]]] = {
    "430001": ("alert", ["intrusion_detection", "network"], ["info"]),
    "430002": ("event", ["network"], ["connection", "start"]),
    "430003": ("event", ["network"], ["connection", "end"]),
    "430004": ("event", ["file", "network"], ["info"]),
    "430005": ("alert", ["malware", "file", "network"], ["info"]),
}


def pairs(text: str) -> dict[str, str]:
    """The pairs of one message; of a name that comes twice the first is kept."""
    found = list(_PAIR.finditer(text))
    kv: dict[str, str] = {}
    for index, match in enumerate(found):
        end = found[index + 1].start() if index + 1 < len(found) else len(text)
        kv.setdefault(match[1], text[match.end() : end])
    return kv


def read(code: str, text: str, fields: Fields) -> bool:
    """Read the text of one message.

    Args:
        code: the message id; "" for the older ``SFIMS:`` lines, which have none.
        text: what follows the mark.
        fields: written to.

    Returns:
        Whether it was of this kind.
    """
    kv = pairs(text)
    if "SrcIP" not in kv and "DstIP" not in kv:
        return False
    fields.update(kv)
    kind, category, types = _EVENTS.get(code) or _EVENTS["430002" if kv.get("ConnectType") == "Start" else "430003"]
    fields["event.kind"], fields["event.category"] = kind, category
    _ecs(kv, fields)
    action = (kv.get("AccessControlRuleAction") or kv.get("FileAction") or kv.get("InlineResult") or "").lower()
    if action.startswith(_DENIED):
        types, fields["event.outcome"] = [*types, "denied"], "failure"
    elif action.startswith(_ALLOWED):
        types, fields["event.outcome"] = [*types, "allowed"], "success"
    fields["event.type"] = types
    return True


def _ecs(kv: dict[str, str], fields: Fields) -> None:
    for native, value in kv.items():
        if native in TEXT:
            if value:
                fields[TEXT[native]] = value
        elif native in NUMBERS:
            count = number(value)
            if count is not None:
                fields[NUMBERS[native]] = count
        elif native in ADDRESSES and value not in _NO_ADDRESS:
            put(fields, ADDRESSES[native], value)
    protocol = kv.get("Protocol")
    if protocol:
        fields["network.transport"] = protocol.lower()
    if "ApplicationProtocol" in kv:
        fields["network.protocol"] = kv["ApplicationProtocol"].lower()
    user = kv.get("User", "")
    if user and user not in _NOBODY:
        domain, _, fields["user.name"] = user.rpartition("\\")
        if domain:
            fields["user.domain"] = domain
    seconds = number(kv.get("ConnectionDuration"))
    if seconds is not None:
        fields["event.duration"] = seconds * 1_000_000_000  # ECS: nanoseconds
    if "source.bytes" in fields and "destination.bytes" in fields:
        fields["network.bytes"] = fields["source.bytes"] + fields["destination.bytes"]
    if "source.packets" in fields and "destination.packets" in fields:
        fields["network.packets"] = fields["source.packets"] + fields["destination.packets"]
    record = kv.get("DNSRecordType")
    if record:
        fields["dns.question.type"] = _RECORDS.get(record.lower(), record)
    answer = kv.get("DNSResponseType")
    if answer:
        fields["dns.response_code"] = _CODES.get(answer.lower(), answer)
    original = kv.get("OriginalClientIP", "")
    if original not in _NO_ADDRESS and is_ip(original):
        fields["client.ip"] = original
    version = kv.get("SSLVersion", "")
    if version[:3] in ("TLS", "SSL"):
        fields["tls.version_protocol"], fields["tls.version"] = version[:3].lower(), version[3:].lstrip("v")
    priority = _PRIORITIES.get(kv.get("Priority", "").lower())
    if priority is not None:
        fields["event.severity"] = priority
    if fields.get("threat.indicator.name") in ("Unknown", "Invalid ID"):  # what it writes where no name is known
        del fields["threat.indicator.name"]
    _url(fields)


def _url(fields: Fields) -> None:
    """The host of the URL, where no field of its own names it."""
    url = fields.get("url.original", "")
    scheme, mark, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    if mark:
        fields["url.full"], fields["url.scheme"] = url, scheme.lower()
        if slash:
            bare, question, query = path.partition("?")
            fields["url.path"] = "/" + bare
            if question:
                fields["url.query"] = query
        name = host.rpartition("@")[2]
        head, colon, digits = name.rpartition(":")
        if colon and digits.isdecimal() and number(digits) is not None:
            fields["url.port"], name = int(digits), head
        if name:
            fields["url.domain"] = name

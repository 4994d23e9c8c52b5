"""Cisco ASA messages about traffic: connections, translations, what was denied and why (ASA Series Syslog Messages)."""

from typing import Any

from soc.normalize.products.cisco_asa_row import (
    ANY_END,
    DST,
    DST_USER,
    ENDS,
    IF_IP,
    IF_IP_PORT,
    IF_IP_USER,
    IP_PORT,
    MAPPED,
    SRC,
    SRC_USER,
    USER,
    Message,
    denied,
    net,
    row,
)

_ON_IF = r" on interface (\S{1,64})"
_IN = "observer.ingress.interface.name"
_START = net("connection-start", ["connection", "start", "allowed"], "success")
_END = net("connection-end", ["connection", "end"])
_ICMP_START = {**_START, "network.transport": "icmp"}
_ICMP_END = {**_END, "network.transport": "icmp"}
_DURATION = r"duration (\d{1,5}:\d{2}:\d{2})"

_BUILT = row(
    rf"Built (inbound|outbound) (TCP|UDP|SCTP|GRE) connection (\d{{1,20}}+) (?:for|from) {IF_IP_PORT}{MAPPED}{USER} "
    rf"to {IF_IP_PORT}{MAPPED}(?:\(([^()]{{1,255}})\))?(?: \(([^()]{{1,255}})\))?",
    (
        *("network.direction", "network.transport", "cisco.asa.connection_id"),
        *(*SRC, "source.nat", "source.nat.port", "source.user.name"),
        *(*DST, "destination.nat", "destination.nat.port", "destination.user.name", "user.name"),
    ),
    _START,
)
_TEARDOWN = row(
    rf"Teardown (TCP|UDP|SCTP|GRE)(?: state-bypass)? connection (\d{{1,20}}+) (?:for|from) {IF_IP_USER} to {IF_IP_USER} "
    rf"{_DURATION} bytes (\d{{1,18}}+)(?: ([^()]{{1,200}}))?(?: ?\(([^()]{{1,255}}+)\))?",
    (
        *("network.transport", "cisco.asa.connection_id", *SRC_USER, *DST_USER),
        *("event.duration", "network.bytes", "event.reason", "user.name"),
    ),
    _END,
)
_OLD_TEARDOWN = row(
    rf"Teardown (TCP|UDP) connection (\d{{1,20}}) for {IF_IP_PORT} (\S{{1,255}}) to {IF_IP_PORT} (\S{{1,255}}) "
    rf"{_DURATION} bytes (\d{{1,18}})(?: ([^()]{{1,200}}))?",
    (
        *("network.transport", "cisco.asa.connection_id", *SRC_USER, *DST_USER),
        *("event.duration", "network.bytes", "event.reason"),
    ),
    _END,
)
_STUB_PATH = (
    r"stub (TCP|UDP|ICMP) connection for ([^\s:/]{1,64}):([^\s/(]{1,255})/(\d{1,6})(?: ?\(([^\s/()]{1,255})(?:[/(]\d{1,5})?\))? "
    r"to ([^\s:/]{1,64}):([^\s/(]{1,255})/(\d{1,6})(?: ?\(([^\s/()]{1,255})(?:/\d{1,5})?\))?"
)
_STUB_NAMES = ("network.transport", *SRC, "source.nat", *DST, "destination.nat")
_STUB = row(rf"Built (\w{{1,16}}) {{1,2}}{_STUB_PATH}", ("cisco.asa.role", *_STUB_NAMES), _START)
_STUB_END = row(
    rf"Teardown {_STUB_PATH} {_DURATION} forwarded bytes (\d{{1,18}})(?: (.{{1,200}}))?",
    (*_STUB_NAMES, "event.duration", "network.bytes", "event.reason"),
    _END,
)
_ICMP_TEXT = (
    rf"ICMP connection for faddr ([^\s/(]{{1,255}})/\d{{1,6}}{USER} gaddr ([^\s/(]{{1,255}})/\d{{1,6}} "
    rf"laddr ([^\s/(]{{1,255}})/\d{{1,6}}{USER}(?: type (\d{{1,3}}) code (\d{{1,3}}))?"
)
_ICMP_NAMES = (
    *("source", "source.user.name", "destination.nat", "destination", "user.name"),
    *("cisco.asa.icmp_type", "cisco.asa.icmp_code"),
)
_ICMP = row(rf"Built (inbound|outbound) {_ICMP_TEXT}", ("network.direction", *_ICMP_NAMES), _ICMP_START)
_XLATE = (
    rf"(?:Built|Teardown) (dynamic|static) (\S{{1,16}}) translation from {IF_IP_USER} to {IF_IP_PORT}(?: {_DURATION})?"
)
_XLATE_NAMES = (
    *("cisco.asa.translation", "network.transport", *SRC_USER),
    *("observer.egress.interface.name", "source.nat", "source.nat.port", "event.duration"),
)
_OLD_XLATE = (
    r"(?:Built|Teardown) (dynamic|static) translation from ([^\s:/(]{1,64})(?: ?\([^()]{1,255}\))?:([^\s/(]{1,255}) to "
    rf"([^\s:/(]{{1,64}})(?: ?\([^()]{{1,255}}\))?:([^\s/]{{1,255}})(?: {_DURATION})?"
)
_OLD_XLATE_NAMES = (
    *("cisco.asa.translation", *SRC[:2], "observer.egress.interface.name", "source.nat", "event.duration"),
)
_XLATE_START, _XLATE_END = net("translation-start", ["info"]), net("translation-end", ["info"])

_VERDICT = "cisco.asa.verdict"
_ACL_ENDS = (
    rf"([^\s/]{{1,64}})/([^\s(]{{1,255}})\((\d{{1,6}})\){USER} -> ([^\s/]{{1,64}})/([^\s(]{{1,255}})\((\d{{1,6}})\){USER} "
    r"hit-cnt (\d{1,18})"
)
_ACL_NAMES = (*SRC_USER, *DST_USER, "cisco.asa.hit_count")
_ACL_USER = row(
    rf"access-list (\S{{1,255}}) (permitted|denied|est-allowed) (\S{{1,16}}) for user '?([^\s']{{1,255}})'? {_ACL_ENDS}",
    ("rule.name", _VERDICT, "network.transport", "user.name", *_ACL_NAMES),
    net("access-list", ["connection"]),
)
_SERVICE = r"(?:(\d{1,5})(?!\S)|(\S{1,32}))"
"""A port, or the name of a service."""
_TYPED = r"(?:\(?type (\d{1,3}), code (\d{1,3})\)?,? ?)?"
_ICMP_TYPES = ("cisco.asa.icmp_type", "cisco.asa.icmp_code")
_FILTER = row(
    rf"Dynamic [Ff]ilter (monitored|dropped|permitted|action drop|action monitored)? ?(black|white|gr[ea]y) ?list(?:ed)? (\S{{1,16}}) "
    rf"traffic from {IF_IP_PORT}{MAPPED} to {IF_IP_PORT}{MAPPED}, (?:source|destination) (\S{{1,255}}) resolved from "
    r"(\S{1,16}) list: ([^,]{1,255})(?:, threat-level: ([^,]{1,32}))?(?:, category: (.{1,64}))?",
    (
        *("cisco.asa.verdict", "cisco.asa.list", "network.transport", *SRC, "source.nat", "source.nat.port"),
        *(*DST, "destination.nat", "destination.nat.port", "cisco.asa.matched", "cisco.asa.list_source"),
        *("threat.indicator.name", "cisco.asa.threat_level", "cisco.asa.threat_category"),
    ),
    {**net("botnet-filter", ["info"]), "event.kind": "alert", "event.category": ["intrusion_detection", "network"]},
)
_ALERT: dict[str, Any] = {
    "event.kind": "alert",
    "event.category": ["intrusion_detection", "network"],
    "event.type": ["info"],
}
_FROM_TO = rf"from ([^\s/()]{{1,255}}) to ([^\s/()]{{1,255}}){_ON_IF}"
_SSL_TEXT = rf"(client|server) {IF_IP_PORT}(?: to {IP_PORT})?"
_SSL_NAMES = ("cisco.asa.role", *SRC, "destination", "destination.port")
_SFR = rf"SFR requested (?:\S{{1,10}} )?to (drop|bypass further packet redirection and process) (\S{{1,16}}) (?:packet|flow) from {IF_IP_PORT} to ([^\s:/]{{1,64}}):([^\s/(]{{1,255}})/(\d{{1,6}})"

TRAFFIC: dict[str, Message] = {
    "106001": row(
        rf"Inbound TCP connection denied from {IP_PORT} to {IP_PORT} flags (.{{1,40}}?) +on interface (\S{{1,64}})",
        (*ENDS, "cisco.asa.tcp_flags", _IN),
        denied(network_transport="tcp", network_direction="inbound"),
    ),
    "106002": row(
        r"(\S{1,16}) [Cc]onnection denied by outbound list (\S{1,255}) src ([^\s/]{1,255})(?:[/ ](\d{1,5}))? dest ([^\s/]{1,255})(?:[/ ](\d{1,5}))?",
        ("network.transport", "rule.name", *ENDS),
        denied(network_direction="outbound"),
    ),
    "106006": row(
        rf"Deny (inbound|outbound) UDP from {IP_PORT} to {IP_PORT}(?:{_ON_IF})?",
        ("network.direction", *ENDS, _IN),
        denied(network_transport="udp"),
    ),
    "106007": row(
        rf"Deny (inbound|outbound) UDP from {IP_PORT} to {IP_PORT} due to (.{{1,80}})",
        ("network.direction", *ENDS, "event.reason"),
        denied(network_transport="udp"),
    ),
    "106010": row(
        rf"Deny (inbound|outbound) (?:protocol )?(\S{{1,16}}) src {ANY_END} dst {ANY_END}(?: |$)",
        ("network.direction", "network.transport", *SRC_USER, *DST_USER),
        denied(),
    ),
    "106011": row(
        rf"Deny (inbound|outbound) \((No xlate)\) (?:protocol )?(\S{{1,16}}) src {ANY_END} dst {ANY_END}(?: |$)",
        ("network.direction", "event.reason", "network.transport", *SRC_USER, *DST_USER),
        denied(),
    ),
    "106012": row(
        r'Deny IP from ([^\s,]{1,255}) to ([^\s,]{1,255}), IP options:? "?([^"]{1,80})',
        ("source", "destination", "event.reason"),
        denied(),
    ),
    "106013": row(
        r"Dropping echo request from (\S{1,255}) to PAT address (\S{1,255})",
        ("source", "destination"),
        denied(network_transport="icmp"),
    ),
    "106014": row(
        rf"Deny (inbound|outbound) icmp src {IF_IP}{USER} dst {IF_IP}{USER} ?{_TYPED}",
        ("network.direction", *SRC[:2], "source.user.name", *DST[:2], "destination.user.name", *_ICMP_TYPES),
        denied(network_transport="icmp"),
    ),
    "106015": row(
        rf"Deny TCP \(([^()]{{1,40}})\) from {IP_PORT} to {IP_PORT} flags (.{{1,40}}?) +on interface (\S{{1,64}})",
        ("event.reason", *ENDS, "cisco.asa.tcp_flags", _IN),
        denied(network_transport="tcp"),
    ),
    "106016": row(
        rf"Deny IP spoof from \(?([^\s()]{{1,255}})\)? to (\S{{1,255}}){_ON_IF}",
        ("source", "destination", _IN),
        {**denied(event_reason="spoof"), **_ALERT, "event.type": ["connection", "denied"]},
    ),
    "106017": row(
        r"Deny IP due to Land Attack from (\S{1,255}) to (\S{1,255})",
        ("source", "destination"),
        {**denied(event_reason="land attack"), **_ALERT, "event.type": ["connection", "denied"]},
    ),
    "106018": row(
        r"ICMP packet type (\d{1,3}) denied by outbound list (\S{1,255}) src (\S{1,255}) dest (\S{1,255})",
        ("cisco.asa.icmp_type", "rule.name", "source", "destination"),
        denied(network_transport="icmp", network_direction="outbound"),
    ),
    "106020": row(
        r"Deny IP teardrop fragment \(([^()]{1,80})\) from (\S{1,255}) to (\S{1,255})",
        ("event.reason", "source", "destination"),
        {**denied(), **_ALERT, "event.type": ["connection", "denied"]},
    ),
    "106021": row(
        rf"Deny (\S{{1,16}}) reverse path check from ([^\s/]{{1,255}}) to ([^\s/]{{1,255}}){_ON_IF}",
        ("network.transport", "source", "destination", _IN),
        denied(event_reason="reverse path check"),
    ),
    "106022": row(
        rf"Deny (\S{{1,16}}) connection spoof from ([^\s/]{{1,255}}) to ([^\s/]{{1,255}}){_ON_IF}",
        ("network.transport", "source", "destination", _IN),
        denied(event_reason="connection spoof"),
    ),
    "106023": row(
        rf"Deny (?:protocol )?(\S{{1,16}}) src {ANY_END} dst {ANY_END},? {_TYPED}by access-group \"([^\"]{{1,255}})\"",
        ("network.transport", *SRC_USER, *DST_USER, *_ICMP_TYPES, "rule.name"),
        denied(),
    ),
    "106027": row(
        r"(?:\S{1,255}: )?Deny src ([^\s/]{1,255}) dst ([^\s/]{1,255}) by access-group \W?([\w.-]{1,255})",
        ("source", "destination", "rule.name"),
        denied(),
    ),
    "106100": row(
        rf"access-list (\S{{1,255}}) (permitted|denied|est-allowed) (\S{{1,16}}) {_ACL_ENDS}",
        ("rule.name", _VERDICT, "network.transport", *_ACL_NAMES),
        net("access-list", ["connection"]),
    ),
    "106102": _ACL_USER,
    "106103": _ACL_USER,
    "110002": row(
        rf"Failed to locate egress interface for (\S{{1,16}}) from {IF_IP_PORT} to ([^\s/]{{1,255}})/(\d{{1,6}})",
        ("network.transport", *SRC, "destination", "destination.port"),
        denied(event_reason="no egress interface"),
    ),
    "110003": row(
        rf"Routing failed to locate next[- ]hop for (\S{{1,16}}) from {IF_IP_PORT} to {IF_IP_PORT}",
        ("network.transport", *SRC, *DST),
        denied(event_reason="no next hop"),
    ),
    **dict.fromkeys(("302013", "302015", "302017"), _BUILT),
    **dict.fromkeys(("302014", "302016", "302018", "302304"), _TEARDOWN),
    "302020": _ICMP,
    "302021": row(rf"Teardown {_ICMP_TEXT}", _ICMP_NAMES, _ICMP_END),
    **dict.fromkeys(("302022", "302024", "302026"), _STUB),
    **dict.fromkeys(("302023", "302025", "302027"), _STUB_END),
    "302303": row(
        rf"Built (TCP) state-bypass connection (\d{{1,20}}) (?:for|from) {IF_IP_PORT}{MAPPED}{USER} to {IF_IP_PORT}{MAPPED}{USER}",
        (
            *(
                "network.transport",
                "cisco.asa.connection_id",
                *SRC,
                "source.nat",
                "source.nat.port",
                "source.user.name",
            ),
            *(*DST, "destination.nat", "destination.nat.port", "destination.user.name"),
        ),
        _START,
    ),
    "303002": row(
        rf"FTP connection from {IF_IP_PORT} to {IF_IP_PORT}, user (\S{{1,255}}) (\S{{1,32}}) file (.{{1,500}})",
        (*SRC, *DST, "user.name", "cisco.asa.ftp_action", "file.path"),
        {
            **net("ftp", ["access"], network_protocol="ftp", network_transport="tcp"),
            "event.category": ["file", "network"],
        },
    ),
    "304001": row(
        r"(?:([^\s@]{1,255})@)?([^\s@(]{1,64})(?: ?\(([^()]{1,255})\))? Accessed (?:JAVA )?URL (?:[^\s@/]{1,255}@)?(\S{1,64}?):(\S{1,8000})",
        ("user.name", "source", "source.user.name", "destination", "url.original"),
        {**net("url-access", ["access", "allowed"], "success"), "event.category": ["network", "web"]},
    ),
    "304002": row(
        rf"Access denied URL (\S{{1,8000}}) SRC (\S{{1,64}}) DEST (\S{{1,64}})(?:{_ON_IF})?",
        ("url.original", "source", "destination", _IN),
        {**net("url-access", ["access", "denied"], "failure"), "event.category": ["network", "web"]},
    ),
    "305005": row(
        rf"No translation group found for (?:protocol )?(\S{{1,16}}) src {ANY_END} dst {ANY_END}(?: |$)",
        ("network.transport", *SRC_USER, *DST_USER),
        denied(event_reason="no translation group"),
    ),
    "305006": row(
        rf"(.{{1,40}}?) translation creation failed for (?:protocol )?(\S{{1,16}}) src {ANY_END} dst {ANY_END}(?: {_TYPED}|$)",
        ("cisco.asa.translation", "network.transport", *SRC_USER, *DST_USER, *_ICMP_TYPES),
        denied(event_reason="translation creation failed"),
    ),
    "305009": row(_OLD_XLATE, _OLD_XLATE_NAMES, _XLATE_START),
    "305010": row(_OLD_XLATE, _OLD_XLATE_NAMES, _XLATE_END),
    "305011": row(_XLATE, _XLATE_NAMES, _XLATE_START),
    "305012": row(_XLATE, _XLATE_NAMES, _XLATE_END),
    "305013": row(
        rf"Asymmetric NAT rules matched for forward and reverse flows; Connection (?:for )?(?:protocol )?(\S{{1,16}}) "
        rf"src {ANY_END} dst {ANY_END},? {_TYPED}denied",
        ("network.transport", *SRC_USER, *DST_USER, *_ICMP_TYPES),
        denied(event_reason="NAT reverse path failure"),
    ),
    "313001": row(
        rf"Denied ICMP type=(\d{{1,3}}), code=(\d{{1,3}}) from (\S{{1,255}}){_ON_IF}",
        (*_ICMP_TYPES, "source", _IN),
        denied(network_transport="icmp"),
    ),
    "313004": row(
        rf"Denied ICMP type=(\d{{1,3}}), from (?:laddr )?(\S{{1,255}}){_ON_IF} to ([^\s:]{{1,255}}|\S{{1,255}}?):? no matching session",
        (_ICMP_TYPES[0], "source", _IN, "destination"),
        denied(network_transport="icmp", event_reason="no matching session"),
    ),
    "313005": row(
        rf"No matching connection for ICMP error message: (icmp\w{{0,2}}) src {ANY_END} dst {ANY_END} {_TYPED}on (\S{{1,64}}) interface",
        ("network.transport", *SRC_USER, *DST_USER, *_ICMP_TYPES, "cisco.asa.interface"),
        denied(event_reason="no matching connection"),
    ),
    "313008": row(
        rf"Denied (?:IPv6-ICMP|ICMPv6) type=(\d{{1,3}}), code=(\d{{1,3}}) from (\S{{1,255}}){_ON_IF}",
        (*_ICMP_TYPES, "source", _IN),
        denied(network_transport="ipv6-icmp"),
    ),
    "313009": row(
        rf"Denied invalid ICMP code (\d{{1,3}}), for {IF_IP_PORT}(?: \([^()]{{1,80}}\)){{0,2}} to {IF_IP_PORT}",
        (_ICMP_TYPES[1], *SRC[:2], "cisco.asa.icmp_id", *DST[:2], "cisco.asa.icmp_seq"),
        denied(network_transport="icmp", event_reason="invalid ICMP code"),
    ),
    "322001": row(
        rf"Deny MAC address (\S{{1,20}}), possible spoof attempt{_ON_IF}",
        ("source.mac", _IN),
        {**denied(event_reason="possible spoof attempt"), **_ALERT, "event.type": ["denied"]},
    ),
    **{f"33800{digit}": _FILTER for digit in range(1, 9)},
    **{f"33820{digit}": _FILTER for digit in range(1, 5)},
    "401002": row(
        r"Shun added: (\S{1,64}) (\S{1,64}) (\d{1,5}) (\d{1,5})",
        ("source", "destination", *ENDS[1:4:2]),
        net("shun-added", ["info"]),
    ),
    "401003": row(r"Shun deleted: (\S{1,64})", ("source",), net("shun-deleted", ["info"])),
    "401004": row(
        rf"Shunned packet: (\S{{1,64}}) =+> (\S{{1,64}}){_ON_IF}",
        ("source", "destination", _IN),
        denied(event_reason="shunned"),
    ),
    "405001": row(
        rf"Received ARP (?:request|response) collision from ([^\s/]{{1,64}})/(\S{{1,20}}){_ON_IF}",
        ("source", "source.mac", _IN),
        {**_ALERT, "event.action": "arp-collision"},
    ),
    "407002": row(
        rf"Embryonic limit (\S{{1,32}}) for through connections exceeded\. ?{IP_PORT} to ([^\s/]{{1,255}}) \(([^\s/()]{{1,255}})\)/(\d{{1,5}}){_ON_IF}",
        ("cisco.asa.limit", "source", "source.port", "destination.nat", "destination", "destination.port", _IN),
        {**_ALERT, "event.action": "embryonic-limit"},
    ),
    "410001": row(
        rf"Dropped UDP DNS (?:request|reply|packet) from {IF_IP_PORT} to {IF_IP_PORT}; (.{{1,200}})",
        (*SRC, *DST, "event.reason"),
        denied(network_transport="udp", network_protocol="dns"),
    ),
    "419001": row(
        rf"Dropping TCP packet from {IF_IP_PORT} to {IF_IP_PORT}, reason: (.{{1,200}})",
        (*SRC, *DST, "event.reason"),
        denied(network_transport="tcp"),
    ),
    "419002": row(
        rf"(?:Received d|D)uplicate TCP SYN from {IF_IP_PORT} to ([^\s:/]{{1,64}}):([^\s/(]{{1,255}})/(\d{{1,6}})",
        (*SRC, *DST),
        {**_ALERT, "event.action": "duplicate-syn", "network.transport": "tcp"},
    ),
    "419003": row(
        rf"Cleared TCP urgent flag from {IF_IP_PORT} to {IF_IP_PORT}",
        (*SRC, *DST),
        net("urgent-flag-cleared", ["info"], network_transport="tcp"),
    ),
    "434002": row(_SFR, ("cisco.asa.verdict", "network.transport", *SRC, *DST), denied(event_reason="SFR")),
    "434004": row(_SFR, ("cisco.asa.verdict", "network.transport", *SRC, *DST), net("bypass", ["info"])),
    **dict.fromkeys(
        ("852001", "852002"),
        row(
            rf"Received (.{{1,80}}? event) from application \S{{1,64}} for (\S{{1,16}}) flow {IP_PORT} to {IP_PORT}",
            ("event.reason", "network.transport", *ENDS),
            net("flow-offload", ["info"]),
        ),
    ),
    "500003": row(
        rf"Bad TCP hdr length \(([^()]{{1,64}})\) from {IP_PORT} to {IP_PORT}, flags: (.{{1,40}}?),? on interface (\S{{1,64}})",
        ("event.reason", *ENDS, "cisco.asa.tcp_flags", _IN),
        denied(network_transport="tcp"),
    ),
    "500004": row(
        rf"Invalid transport field for protocol=(\S{{1,16}}), from {IP_PORT} to {IP_PORT}",
        ("network.iana_number", *ENDS),
        denied(),
    ),
    "507003": row(
        rf"(\S{{1,16}}) flow from {IF_IP_PORT} to {IF_IP_PORT} terminated by inspection engine, reason - (.{{1,200}})",
        ("network.transport", *SRC, *DST, "event.reason"),
        denied(),
    ),
    "609001": row(rf"Built local-host {IF_IP}", SRC[:2], net("host-start", ["info"])),
    "609002": row(rf"Teardown local-host {IF_IP} {_DURATION}", (*SRC[:2], "event.duration"), net("host-end", ["info"])),
    "710001": row(
        rf"(TCP|UDP|SCTP) access requested from {IP_PORT} to {IF_IP}/{_SERVICE}",
        ("network.transport", "source", "source.port", _IN, "destination", "destination.port", "cisco.asa.service"),
        net("access-requested", ["connection"]),
    ),
    "710002": row(
        rf"(TCP|UDP|SCTP) access permitted from {IP_PORT} to {IF_IP}/{_SERVICE}",
        ("network.transport", "source", "source.port", _IN, "destination", "destination.port", "cisco.asa.service"),
        net("access-permitted", ["connection", "allowed"], "success"),
    ),
    "710003": row(
        rf"(TCP|UDP|SCTP) access denied by ACL from {IP_PORT} to {IF_IP}/{_SERVICE}",
        ("network.transport", "source", "source.port", _IN, "destination", "destination.port", "cisco.asa.service"),
        denied(),
    ),
    "710004": row(
        rf"(TCP|UDP) connection limit exceeded from {IP_PORT} to {IF_IP}/{_SERVICE}",
        ("network.transport", "source", "source.port", _IN, "destination", "destination.port", "cisco.asa.service"),
        denied(event_reason="connection limit exceeded"),
    ),
    "710005": row(
        rf"(TCP|UDP|SCTP) request discarded from {IP_PORT} to {IF_IP}/{_SERVICE}",
        ("network.transport", "source", "source.port", _IN, "destination", "destination.port", "cisco.asa.service"),
        denied(event_reason="request discarded"),
    ),
    "710006": row(
        rf"(\S{{1,16}}) request discarded from (\S{{1,255}}) to {IF_IP}",
        ("network.transport", "source", _IN, "destination"),
        denied(event_reason="request discarded"),
    ),
    "725001": row(
        rf"Starting SSL handshake with {_SSL_TEXT}",
        _SSL_NAMES,
        net("tls-start", ["connection", "start"], network_protocol="tls"),
    ),
    "725002": row(
        rf"Device completed SSL handshake with {_SSL_TEXT}",
        _SSL_NAMES,
        net("tls-completed", ["connection", "info"], "success", network_protocol="tls"),
    ),
    "725006": row(
        rf"Device failed SSL handshake with {_SSL_TEXT}",
        _SSL_NAMES,
        net("tls-failed", ["connection", "error"], "failure", network_protocol="tls"),
    ),
    "725007": row(
        rf"SSL session with {_SSL_TEXT}", _SSL_NAMES, net("tls-end", ["connection", "end"], network_protocol="tls")
    ),
    "725016": row(
        rf"Device selects trust-point (\S{{1,255}}) for {_SSL_TEXT}",
        ("cisco.asa.trust_point", *_SSL_NAMES),
        net("tls-trust-point", ["info"], network_protocol="tls"),
    ),
    "733100": row(
        r"\[ *((\d{1,3}(?:\.\d{1,3}){3})?.{0,120}?)\] drop (rate-\d{1,3}) exceeded",
        ("cisco.asa.object", "source", "cisco.asa.rate"),
        {**_ALERT, "event.action": "drop-rate"},
    ),
    "733101": row(
        r"(?:Object|Host|Subnet|host|subnet) (\S{1,64}) (is targeted|is attacking|is scanning)",
        ("source", "cisco.asa.threat"),
        {**_ALERT, "event.action": "threat-detection"},
    ),
    "733102": row(
        r"Threat-detection adds host (\S{1,64}) to shun list", ("source",), {**_ALERT, "event.action": "shun-added"}
    ),
    "733103": row(
        r"Threat-detection removes host (\S{1,64}) from shun list", ("source",), net("shun-deleted", ["info"])
    ),
    **{
        code: row(
            r"(?:Offloaded )?(TCP|UDP|SCTP) Flow (?:for|is no longer offloaded for) connection (\d{1,20}) from "
            rf"{IF_IP_PORT}{MAPPED} to {IF_IP_PORT}{MAPPED}",
            (
                *("network.transport", "cisco.asa.connection_id", *SRC, "source.nat", "source.nat.port"),
                *(*DST, "destination.nat", "destination.nat.port"),
            ),
            net("flow-offload", ["info"]),
        )
        for code in ("805001", "805002", "805003")
    },
}
"""By message id."""

OLDER: dict[str, Message] = {"302014": _OLD_TEARDOWN, "302016": _OLD_TEARDOWN}
"""What an id's text also was; tried where the row above does not fit."""

SIGNATURES = row(
    rf"I[PD]S:(\d{{1,6}}) (.{{1,120}}?) {_FROM_TO}",
    ("rule.id", "rule.name", "source", "destination", _IN),
    {**_ALERT, "event.action": "ips"},
)
"""400000 to 400051, the signatures built in."""

"""Cisco IOS mnemonics and facilities → what their texts hold (Cisco IOS System Message Guide, NX-OS System Messages Reference)."""

from soc.normalize.products.rows import Row, row

DENIED = ("den", "drop", "block")
"""How a verdict begins that refuses."""

FACILITIES = {
    "BGP": "bgp",
    "ROUTING": "bgp",
    "LDP": "ldp",
    "MPLS_LDP": "ldp",
    "AAA": "aaa",
    "AAAA": "aaa",
    "PARSER": "aaa",
    "TACACS": "aaa",
    "RADIUS": "aaa",
}
"""Facility → the Sigma service its messages are of."""

_IP = r"([0-9A-Fa-f.:]{2,45})"
_MAC = r"([0-9A-Fa-f.:-]{12,17})"
_IF = "observer.ingress.interface.name"
_VERDICT = "cisco.ios.verdict"
_WHO = r"\[user: ?([^\]]{0,255})\] \[Source: ?([^\]\s]{0,255})\](?: \[localport: ?(\d{1,5})\])?(?: \[Reason: ?([^\]]{0,255})\])?"
_WHO_NAMES = "user.name source destination.port event.reason"

_FLOW = row(
    rf"(?: ?\S{{1,16}}: {{1,2}}\w{{1,32}}: {{1,2}})?(?:access-)?list (\S{{1,255}}) (permitted|denied|permit|deny) (\S{{1,16}}) (?:{_MAC} )?"
    rf"{_IP}(?:\((\d{{1,6}})\))? ?(?:\((\S{{1,64}})(?: {_MAC})?\) ?|\([^()]{{0,80}}\) ?|([A-Za-z][\w/.:-]{{1,40}}?) ?)?-> ?"
    rf"{_IP}(?:\((\d{{1,6}})\))?(?: \((\d{{1,3}})(?:/(\d{{1,3}}))?\))?(?:, (\d{{1,12}}) packet)?",
    f"rule.name {_VERDICT} network.transport source.mac source source.port {_IF} source.mac {_IF} destination destination.port "
    "cisco.ios.icmp_type cisco.ios.icmp_code network.packets",
    "access-list",
    "network",
    "connection",
)
_STANDARD = row(
    rf"(?:access-)?list (\S{{1,255}}) (permitted|denied) {_IP}(?: (\d{{1,12}}) packet)?",
    f"rule.name {_VERDICT} source network.packets",
    "access-list",
    "network",
    "connection",
)
_NXOS_FLOW = row(
    rf"(?:ACL Name: ([^,]{{1,255}}), ACE Action: (\w{{1,16}}), (?:Appl Intf: [^,]{{1,64}}, )?)?(?:Src IP|Source IP): {_IP}, (?:Dst IP|Destination IP): {_IP}, "
    r"(?:Src Port|Source Port): (\d{1,5}), (?:Dst Port|Destination Port): (\d{1,5}), (?:Src Intf|Source Interface): ([^,]{1,64}), "
    r"Protocol: \"?(\w{1,16})\"?\(\d{1,3}\),(?: ACL Name: ([^,]{1,255}), ACE Action: (\w{1,16}),)?(?:.{0,80}?Hit-count ?= ?(\d{1,12}))?",
    f"rule.name {_VERDICT} source destination source.port destination.port {_IF} network.transport rule.name {_VERDICT} network.packets",
    "access-list",
    "network",
    "connection",
)
_LOGIN = row(rf"[Ll]ogin [Ss]uccess {_WHO}", _WHO_NAMES, "login", "authentication", "start", "success")
_CONFIGURED = (
    row(
        r"Configured from (\S{1,64}) by (\S{1,255}) on (\S{1,64})(?: \(([^()\s]{1,64})\))?",
        "cisco.ios.from user.name cisco.ios.line source",
        "configure",
        "configuration",
        "change",
        "success",
    ),
    row(
        r"Configured from (\S{1,64}) by (\S{1,64}) \(([^()\s]{1,64})\)",
        "cisco.ios.from cisco.ios.line source",
        "configure",
        "configuration",
        "change",
        "success",
    ),
    row(
        r"Configured from (\S{1,64})(?: by (\S{1,64}))?",
        "cisco.ios.from cisco.ios.line",
        "configure",
        "configuration",
        "change",
        "success",
    ),
)
_NXOS_CONFIGURED = row(
    r"Configured from (\S{1,64}) by (\S{1,255}) on ([^\s@]{1,255})@(\S{1,64})",
    "cisco.ios.from user.name source cisco.ios.line",
    "configure",
    "configuration",
    "change",
    "success",
)
_UPDOWN = (
    row(
        r"(?:Line protocol on )?Interface ([^,]{1,64}), changed state to (.{1,40})",
        f"{_IF} cisco.ios.state",
        "interface",
        "network",
        "info",
    ),
    row(r"Interface (\S{1,64}) is (.{1,80})", f"{_IF} cisco.ios.state", "interface", "network", "info"),
)
_DROPPED = "drop"

NAMED: dict[str, tuple[Row, ...]] = {
    **dict.fromkeys(
        (
            "IPACCESSLOGP",
            "IPACCESSLOGDP",
            "IPACCESSLOGNP",
            "IPACCESSLOGRP",
            "IPACCESSLOGSP",
            "ACCESSLOGP",
            "ACCESSLOGDP",
        ),
        (_FLOW,),
    ),
    **dict.fromkeys(("ACCESSLOGNP", "ACCESSLOGSP", "IPV6ACCESSLOGP", "IPV6ACCESSLOGDP", "IPV6ACCESSLOGSP"), (_FLOW,)),
    "IPACCESSLOGS": (_STANDARD,),
    **dict.fromkeys(
        ("ACLLOG_FLOW_INTERVAL", "ACLLOG_NEW_FLOW", "ACLLOG_PKTLOG", "ACLLOG_V6_FLOW_INTERVAL"), (_NXOS_FLOW,)
    ),
    "LOGIN_SUCCESS": (_LOGIN,),
    "WEBLOGIN_SUCCESS": (_LOGIN,),
    "LOGIN_FAILED": (row(rf"[Ll]ogin [Ff]ailed {_WHO}", _WHO_NAMES, "login", "authentication", "start", "failure"),),
    "WEBLOGIN_FAILED": (row(rf"[Ll]ogin [Ff]ailed {_WHO}", _WHO_NAMES, "login", "authentication", "start", "failure"),),
    "QUIET_MODE_ON": (
        row(
            rf".{{0,120}}?{_WHO}",
            _WHO_NAMES,
            "quiet-mode",
            "authentication intrusion_detection",
            "info",
            "failure",
            event_kind="alert",
        ),
    ),
    "TTY_EXPIRE_TIMER": (
        row(
            r"\(exec timer expired, tty (\d{1,5}) \(([^()]{0,64})\)\), user (\S{1,255})",
            "cisco.ios.line source user.name",
            "logout",
            "authentication session",
            "end",
        ),
    ),
    "LOGOUT": (
        row(
            r"User (\S{1,255}) has exited tty session (\d{1,5})\(([^()]{0,64})\)",
            "user.name cisco.ios.line source",
            "logout",
            "authentication session",
            "end",
        ),
    ),
    "CONFIG_I": _CONFIGURED,
    "VSHD_SYSLOG_CONFIG_I": (_NXOS_CONFIGURED, *_CONFIGURED),
    "CONFIG_P": (
        row(
            r"Configured programmatically by process (\S{1,128}) from (\S{1,64}) as (\S{1,255})(?: on (\S{1,64}))?",
            "process.name cisco.ios.from user.name cisco.ios.line",
            "configure",
            "configuration",
            "change",
            "success",
        ),
    ),
    "CFGLOG_LOGGEDCMD": (
        row(
            r"User: ?(\S{1,255}) {1,2}logged command: ?(.{0,500})",
            "user.name process.command_line",
            "command",
            "configuration",
            "change",
            "success",
        ),
    ),
    "PRIV_AUTH_PASS": (
        row(
            r"Privilege level set to (\d{1,2}) by (\S{1,255}) on (\S{1,64})(?: \(([^()\s]{1,64})\))?",
            "cisco.ios.privilege user.name cisco.ios.line source",
            "privilege",
            "authentication",
            "start",
            "success",
        ),
    ),
    "PRIV_AUTH_FAIL": (
        row(
            r"Authentication to [Pp]rivilege level (\d{1,2}) failed by (\S{1,255}) on (\S{1,64})(?: \(([^()\s]{1,64})\))?",
            "cisco.ios.privilege user.name cisco.ios.line source",
            "privilege",
            "authentication",
            "start",
            "failure",
        ),
    ),
    "RELOAD": (
        row(
            r"Reload requested by (\S{1,255})(?: on (\S{1,64}))?(?: \(([^()\s]{1,64})\))?",
            "user.name cisco.ios.line source",
            "reload",
            "host",
            "change",
        ),
    ),
    "SSH2_USERAUTH": (
        row(
            rf"User '([^']{{0,255}})' authentication for SSH2 Session from {_IP} .{{0,200}}?Succeeded",
            "user.name source",
            "login",
            "authentication",
            "start",
            "success",
            network_protocol="ssh",
        ),
        row(
            rf"User '([^']{{0,255}})' authentication for SSH2 Session from {_IP} .{{0,200}}?Failed",
            "user.name source",
            "login",
            "authentication",
            "start",
            "failure",
            network_protocol="ssh",
        ),
    ),
    "SSH2_SESSION": (
        row(
            rf"SSH2 Session request from {_IP} ",
            "source",
            "ssh-session",
            "network session",
            "start",
            network_protocol="ssh",
        ),
    ),
    "SSH2_CLOSE": (
        row(
            rf"SSH2 Session from {_IP} .{{0,80}}?for user '([^']{{0,255}})'",
            "source user.name",
            "ssh-session",
            "network session",
            "end",
            network_protocol="ssh",
        ),
    ),
    "UPDOWN": _UPDOWN,
    "CHANGED": (
        row(
            r"Interface ([^,]{1,64}), changed state to (.{1,40})",
            f"{_IF} cisco.ios.state",
            "interface",
            "network",
            "change",
        ),
    ),
    "PSECURE_VIOLATION": (
        row(
            rf"Security violation occurred,? caused by MAC address {_MAC} on port ([^\s]{{1,64}}?)\.?$",
            f"source.mac {_IF}",
            "port-security",
            "intrusion_detection network",
            "denied",
            "failure",
            event_kind="alert",
        ),
    ),
    "ERR_DISABLE": (
        row(r"(\S{1,64}) error detected on ([^\s,]{1,64})", f"event.reason {_IF}", "err-disable", "network", "change"),
    ),
    "DHCP_SNOOPING_DENY": (
        row(
            rf"\d{{1,10}} Invalid ARPs \((\w{{1,8}})\) on ([^\s,]{{1,64}}), vlan (\d{{1,4}})\.?\(\[{_MAC}/{_IP}/{_MAC}/{_IP}",
            f"cisco.ios.arp {_IF} network.vlan.id source.mac source destination.mac destination",
            _DROPPED,
            "intrusion_detection network",
            "denied",
            "failure",
            event_kind="alert",
        ),
    ),
    "DHCP_SNOOPING_UNTRUSTED_PORT": (
        row(
            rf"DHCP_SNOOPING drop message on untrusted port,? (?:message type: (\w{{1,32}}), )?MAC sa: {_MAC}",
            "cisco.ios.dhcp_message source.mac",
            _DROPPED,
            "intrusion_detection network",
            "denied",
            "failure",
            event_kind="alert",
            event_reason="untrusted port",
        ),
    ),
    "DHCP_SNOOPING_MATCH_MAC_FAIL": (
        row(
            rf"DHCP_SNOOPING drop message because .{{0,80}}?message type: (\w{{1,32}}), chaddr: {_MAC}, MAC sa: {_MAC}",
            "cisco.ios.dhcp_message cisco.ios.chaddr source.mac",
            _DROPPED,
            "intrusion_detection network",
            "denied",
            "failure",
            event_kind="alert",
        ),
    ),
    "DUPADDR": (
        row(
            rf"Duplicate address {_IP} on ([^\s,]{{1,64}}), sourced by {_MAC}",
            f"source {_IF} source.mac",
            "duplicate-address",
            "network",
            "info",
        ),
    ),
    "AUTHFAIL": (
        row(
            rf"Authentication failure for SNMP req(?:uest)? from host {_IP}",
            "source",
            "snmp-auth",
            "authentication",
            "start",
            "failure",
            network_protocol="snmp",
        ),
    ),
    "BADAUTH": (
        row(
            rf"(.{{1,64}}?) from {_IP}(?:\((\d{{1,5}})\)|:(\d{{1,5}})) to {_IP}(?:\((\d{{1,5}})\)|:(\d{{1,5}}))",
            "event.reason source source.port source.port destination destination.port destination.port",
            "tcp-md5",
            "network",
            "denied connection",
            "failure",
        ),
    ),
    "SESS_AUDIT_TRAIL": (
        row(
            rf".{{0,200}}?Stop (\S{{1,32}}) session: initiator \({_IP}:(\d{{1,5}})\) sent (\d{{1,18}}) bytes -- responder \({_IP}:(\d{{1,5}})\) sent (\d{{1,18}}) bytes(?:, from (\S{{1,64}}))?",
            f"network.protocol source source.port source.bytes destination destination.port destination.bytes {_IF}",
            "connection-end",
            "network",
            "connection end",
        ),
    ),
    "INVALID_RP_JOIN": (
        row(
            rf"Received \([^()]{{1,100}}\) Join from {_IP} for invalid RP {_IP}",
            "source cisco.ios.rp",
            "pim-join",
            "network",
            "error",
        ),
    ),
    "SESS_AUDIT_TRAIL_START": (
        row(
            rf".{{0,200}}?Start (\S{{1,32}}) session: initiator \({_IP}:(\d{{1,5}})\) -- responder \({_IP}:(\d{{1,5}})\)",
            "network.protocol source source.port destination destination.port",
            "connection-start",
            "network",
            "connection start allowed",
            "success",
        ),
    ),
    "DROP_PKT": (
        row(
            rf"Dropping (\S{{1,16}}) pkt from (\S{{1,64}}) {_IP}:(\d{{1,5}}) => {_IP}:(\d{{1,5}})(?:\([^()]{{0,128}}\)(?:-\(([^()]{{0,255}})\))?)?(?: due to (.{{1,120}}?) with)?",
            f"network.transport {_IF} source source.port destination destination.port rule.name event.reason",
            _DROPPED,
            "network",
            "connection denied",
            "failure",
        ),
    ),
    "INSTALL_OPERATION_INFO": (
        row(
            r"User: ?(\S{1,255}?), Install Operation: (.{1,200})",
            "user.name process.command_line",
            "install",
            "configuration package",
            "change",
        ),
    ),
}
"""By mnemonic."""

_AUTH_TEXTS = (
    row(
        rf"pam_aaa:Authentication failed (?:for user (\S{{1,255}}) )?from {_IP}",
        "user.name source",
        "login",
        "authentication",
        "start",
        "failure",
    ),
    row(
        r"Authentication failed for client \(([^()]{1,20})\) on Interface (\S{1,64})",
        f"source.mac {_IF}",
        "dot1x",
        "authentication",
        "start",
        "failure",
    ),
    row(
        r"(?:Authorization|Authentication) succeeded for client \(([^()]{1,20})\) on Interface (\S{1,64})",
        f"source.mac {_IF}",
        "dot1x",
        "authentication",
        "start",
        "success",
    ),
    row(
        r"(?:Authorization|Authentication) failed .{0,40}?client \(([^()]{1,20})\) on Interface (\S{1,64})",
        f"source.mac {_IF}",
        "dot1x",
        "authentication",
        "start",
        "failure",
    ),
)

MESSAGES: dict[str, tuple[Row, ...]] = {
    "IPS": (
        row(
            rf"Sig:(\d{{1,6}}) Subsig:\d{{1,4}} Sev:(\w{{1,16}}) (.{{1,200}}?) \[{_IP}:(\d{{1,5}}) -> {_IP}:(\d{{1,5}})\]",
            "rule.id cisco.ios.severity rule.name source source.port destination destination.port",
            "signature",
            "intrusion_detection network",
            "info",
            event_kind="alert",
        ),
    ),
    "BGP": (
        row(
            rf"neighbor {_IP}(?: \([^()]{{0,64}}\))? (?:vpn vrf \S{{1,64}} )?(Up|Down)(?: (.{{1,120}}))?",
            "source cisco.ios.state event.reason",
            "bgp-adjacency",
            "network",
            "info",
        ),
        row(
            rf"(?:sent to|received from) neighbor {_IP} (\d{{1,2}}/\d{{1,2}}) \(([^()]{{1,120}})\)",
            "source cisco.ios.notification event.reason",
            "bgp-notification",
            "network",
            "error",
        ),
    ),
    "LDP": (
        row(
            rf"LDP Neighbor {_IP}:\d{{1,5}} \(\S{{1,32}}\) is (\w{{1,8}})(?: \(([^()]{{1,120}})\))?",
            "source cisco.ios.state event.reason",
            "ldp-adjacency",
            "network",
            "info",
        ),
    ),
    "OSPF": (
        row(
            rf"Process (\S{{1,32}}), Nbr {_IP} on (\S{{1,64}}) from (\w{{1,16}}) to (\w{{1,16}})(?:, (.{{1,120}}))?",
            f"cisco.ios.process source {_IF} cisco.ios.state_before cisco.ios.state event.reason",
            "ospf-adjacency",
            "network",
            "info",
        ),
    ),
    "DUAL": (
        row(
            rf"EIGRP-IPv[46](?::\(\d{{1,5}}\))? (\d{{1,10}}): Neighbor {_IP} \(([^()]{{1,64}})\) is (\w{{1,8}})(?:: (.{{1,120}}))?",
            f"cisco.ios.process source {_IF} cisco.ios.state event.reason",
            "eigrp-adjacency",
            "network",
            "info",
        ),
    ),
    "ETHPORT": _UPDOWN,
    **dict.fromkeys(("AUTHPRIV", "DAEMON", "DOT1X", "MAB", "AUTHMGR", "EPM"), _AUTH_TEXTS),
}
"""By facility, for mnemonics without rows of their own."""

MESSAGES["OSPFv3"] = MESSAGES["OSPF"]
MESSAGES["MPLS_LDP"] = MESSAGES["LDP"]

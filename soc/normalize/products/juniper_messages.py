"""Junos: the names of its structured data → ECS, and the older sentences → the same names (Junos OS System Log Explorer)."""

import re

from soc.normalize.products.rows import Row

TEXT = {
    "action": "event.action",
    "application": "network.application",
    "attack-name": "rule.name",
    "category": "url.category",
    "class-name": "user.roles",
    "command": "process.command_line",
    "destination-interface-name": "observer.egress.interface.name",
    "destination-zone": "observer.egress.zone",
    "destination-zone-name": "observer.egress.zone",
    "filename": "file.name",
    "file-name": "file.name",
    "http-host": "url.domain",
    "interface-name": "observer.ingress.interface.name",
    "malware-info": "threat.software.name",
    "name": "threat.software.name",
    "packet-incoming-interface": "observer.ingress.interface.name",
    "policy-name": "rule.name",
    "reason": "event.reason",
    "sample-sha256": "file.hash.sha256",
    "service-name": "network.protocol",
    "source-interface-name": "observer.ingress.interface.name",
    "source-zone": "observer.ingress.zone",
    "source-zone-name": "observer.ingress.zone",
    "url": "url.original",
    "username": "user.name",
}
"""Structured name → ECS, as text."""

NUMBERS = {
    "bytes-from-client": "source.bytes",
    "bytes-from-server": "destination.bytes",
    "destination-port": "destination.port",
    "inbound-bytes": "source.bytes",
    "inbound-packets": "source.packets",
    "nat-destination-port": "destination.nat.port",
    "nat-source-port": "source.nat.port",
    "outbound-bytes": "destination.bytes",
    "outbound-packets": "destination.packets",
    "packets-from-client": "source.packets",
    "packets-from-server": "destination.packets",
    "source-port": "source.port",
}
"""Structured name → ECS, as an integer."""

SIDES = {
    "destination-address": "destination",
    "client-ip": "source",
    "local-address": "destination",
    "nat-destination-address": "destination.nat",
    "nat-source-address": "source.nat",
    "remote-address": "source",
    "source-address": "source",
}
"""Structured name → the side whose address it is."""

_OTHER = (
    *("alert", "apbr-rule-type", "application-category", "application-characteristics", "application-risk"),
    *("application-sub-category", "client-mode", "connection-tag", "data", "destination-service", "dst-nat-rule-name"),
    *("dst-nat-rule-type", "dst-vrf-grp", "encrypted", "export-id", "feed-name", "file-category", "file-hash-lookup"),
    *("hostname", "icmp-type", "index", "list-hit", "local-peer", "logical-system-name", "message", "message-type"),
    *(
        "nat-connection-tag",
        "nested-application",
        "obj",
        "occur-count",
        "packet-log-id",
        "pathname",
        "peer-destination-address",
    ),
    *(
        "peer-destination-port",
        "peer-session-id",
        "peer-source-address",
        "peer-source-port",
        "pid",
        "profile",
        "profile-name",
    ),
    *(
        "repeat-count",
        "roles",
        "routing-instance",
        "rule-name",
        "rulebase-name",
        "session-flag",
        "session-id",
        "session-id-32",
    ),
    *("source-tenant", "src-nat-rule-name", "src-nat-rule-type", "src-vrf-grp", "sub-category", "temporary-filename"),
    *("threat-severity", "tunnel-inspection", "tunnel-inspection-policy-set", "uplink-incoming-interface-name"),
    *(
        "uplink-rx-bytes",
        "uplink-tx-bytes",
        "url-category-risk",
        "value",
        "verdict-number",
        "action-detail",
        "delimiter",
    ),
)

FIELDS: dict[str, str] = {
    **TEXT,
    **NUMBERS,
    **{name: side + ".ip" for name, side in SIDES.items()},
    "protocol-id": "network.transport",
    "protocol-name": "network.transport",
    "elapsed-time": "event.duration",
    "ssh-connection": "source.ip",
    "epoch-time": "",
    "mac-address": "source.mac",
    **dict.fromkeys(_OTHER, ""),
}
"""Every name of the structured data of security and user events → ECS."""

_ENDS = r"(\S{2,45})/(\d{1,5})->(\S{2,45})/(\d{1,5})"
_END_NAMES = ("source-address", "source-port", "destination-address", "destination-port")
_NAT_NAMES = tuple("nat-" + name for name in _END_NAMES)
_TAG = r"(?: 0x\w{1,8})?"
_PATH = rf"{_ENDS}{_TAG} (\S{{1,64}}) {_ENDS}{_TAG} (.{{1,200}}?) (\d{{1,3}}) (\S{{1,255}}) (\S{{1,64}}) (\S{{1,64}}) (\d{{1,20}})"
_PATH_NAMES = (
    *(*_END_NAMES, "service-name", *_NAT_NAMES, "nat-rules", "protocol-id", "policy-name"),
    *("source-zone-name", "destination-zone-name", "session-id-32"),
)
_USER = r"([^\s()]{1,255})\(([^()]{0,255})\)"


def _sentence(pattern: str, names: tuple[str, ...] | str) -> Row:
    return Row(re.compile(pattern, re.ASCII), tuple(names.split()) if isinstance(names, str) else names, {})


_SCREEN_END = r"([0-9A-Fa-f.:]{2,45}?)(?::(\d{1,5}))?,"

SENTENCES: tuple[tuple[str, tuple[Row, ...]], ...] = (
    (
        "RT_FLOW_SESSION_CREATE",
        (
            _sentence(
                rf"session created {_PATH}(?: {_USER} (\S{{1,64}}))?",
                (*_PATH_NAMES, "username", "roles", "packet-incoming-interface"),
            ),
            _sentence(rf"session created {_ENDS}{_TAG} (\S{{1,64}})", (*_END_NAMES, "service-name")),
        ),
    ),
    (
        "RT_FLOW_SESSION_CLOSE",
        (
            _sentence(
                rf"session closed (.{{1,60}}?): {_PATH} (\d{{1,18}})\((\d{{1,18}})\) (\d{{1,18}})\((\d{{1,18}})\) (\d{{1,12}})"
                rf"(?: (\S{{1,64}}) (\S{{1,64}}) {_USER} (\S{{1,64}}))?",
                (
                    *("reason", *_PATH_NAMES, "packets-from-client", "bytes-from-client", "packets-from-server"),
                    *("bytes-from-server", "elapsed-time", "application", "nested-application", "username", "roles"),
                    "packet-incoming-interface",
                ),
            ),
            _sentence(
                rf"session closed (.{{1,60}}?): {_ENDS}{_TAG} (\S{{1,64}})", ("reason", *_END_NAMES, "service-name")
            ),
        ),
    ),
    (
        "RT_FLOW_SESSION_DENY",
        (
            _sentence(
                rf"session denied {_ENDS}{_TAG} (\S{{1,64}}) (\d{{1,3}})\((\d{{1,3}})\) (\S{{1,255}}) (\S{{1,64}}) (\S{{1,64}})"
                rf"(?: (\S{{1,64}}) (\S{{1,64}}) {_USER} (\S{{1,64}})(?: (?:Yes|No|UNKNOWN|N/A) (.{{1,60}}?)(?: \d| -|$))?)?",
                (
                    *(*_END_NAMES, "service-name", "protocol-id", "icmp-type", "policy-name", "source-zone-name"),
                    *("destination-zone-name", "application", "nested-application", "username", "roles"),
                    *("packet-incoming-interface", "reason"),
                ),
            ),
        ),
    ),
    (
        "WEBFILTER_",
        (
            _sentence(
                r'WebFilter: ACTION="([^"]{1,64})" (?:SRC-ZONE=\S{1,64} DST-ZONE=\S{1,64} )?(\S{2,45}?)\((\d{1,5})\)->(\S{2,45}?)\((\d{1,5})\) '
                r'(?:SESSION_ID=\S{1,20} APPLICATION="[^"]{0,64}" NESTED-APPLICATION="[^"]{0,64}" )?CATEGORY="([^"]{0,128})" REASON="([^"]{0,128})" '
                r'PROFILE="([^"]{0,128})" URL=(\S{1,4000})(?: OBJ=(\S{0,4000}))?(?: username (\S{1,255}) roles (\S{1,255}))?',
                ("utm-action", *_END_NAMES, "category", "reason", "profile", "url", "obj", "username", "roles"),
            ),
        ),
    ),
    (
        "IDP_",
        (
            _sentence(
                rf"IDP: at (\d{{1,12}}), (\w{{1,16}}) Attack log <{_ENDS}> for (\w{{1,16}}) protocol and service (\S{{1,64}}) application (\S{{1,64}}) "
                r"by rule (\S{1,64}) of rulebase (\S{1,64}) in policy (\S{1,128}?)\. attack: (?:id=\d{1,12}, )?repeat=(\d{1,9}), action=(\w{1,32}), "
                r"threat-severity=(\w{1,16}), name=([^,]{1,255})(?:, NAT <(\S{2,45}?):(\d{1,5})->(\S{2,45}?):(\d{1,5})>)?"
                r"(?:, time-elapsed=(\d{1,12}), inbytes=(\d{1,18}), outbytes=(\d{1,18}), inpackets=(\d{1,18}), outpackets=(\d{1,18}))?"
                r"(?:, intf:([^:]{1,64}):(\S{1,64}?)->([^:]{1,64}):(\S{1,64}?),)?",
                (
                    *(
                        "epoch-time",
                        "message-type",
                        *_END_NAMES,
                        "protocol-name",
                        "service-name",
                        "application",
                        "rule-name",
                    ),
                    *(
                        "rulebase-name",
                        "policy-name",
                        "repeat-count",
                        "action",
                        "threat-severity",
                        "attack-name",
                        *_NAT_NAMES,
                    ),
                    *("elapsed-time", "inbound-bytes", "outbound-bytes", "inbound-packets", "outbound-packets"),
                    *(
                        "source-zone-name",
                        "source-interface-name",
                        "destination-zone-name",
                        "destination-interface-name",
                    ),
                ),
            ),
        ),
    ),
    (
        "RT_SCREEN_",
        (
            _sentence(
                rf"([^:!]{{1,128}})! source: {_SCREEN_END} destination: {_SCREEN_END}(?: protocol-id: (\d{{1,3}}),)? zone name: ([^,]{{1,64}}), "
                r"interface name: ([^,]{1,64})(?:, action: (\w{1,16}))?",
                ("attack-name", *_END_NAMES, "protocol-id", "source-zone-name", "interface-name", "action"),
            ),
        ),
    ),
    (
        "AV_VIRUS_",
        (
            _sentence(
                rf"AntiVirus: Virus detected: from {_ENDS.replace('/', ':')} source-zone (\S{{1,64}}) (\S{{1,500}}) file (\S{{1,500}}) virus (\S{{1,255}})",
                (*_END_NAMES, "source-zone-name", "url", "filename", "name"),
            ),
        ),
    ),
    (
        "UI_",
        (
            _sentence(
                r"User '([^']{0,255})' login, class '([^']{0,128})'(?: \[(\d{1,10})\])?(?:, ssh-connection '([^']{0,128})')?(?:, client-mode '([^']{0,64})')?",
                "username class-name pid ssh-connection client-mode",
            ),
            _sentence(r"User '([^']{0,255})', command '(.{0,500}?)'(?: |$)", "username command"),
            _sentence(
                r"User '([^']{0,255})' requested '([^']{1,64})' operation(?: \(comment: ([^()]{0,255})\))?",
                "username command comment",
            ),
            _sentence(
                r"User '([^']{0,255})' (\w{1,32}): (\[[^\]]{0,500}\])(?: (.{0,500}))?",
                "username config-action pathname value",
            ),
            _sentence(
                r"(?:Authenticated u|U)ser '([^']{0,255})'(?: (?:assigned to|at permission level) (?:class )?'([^']{0,128})')?",
                "username class-name",
            ),
        ),
    ),
    (
        "SSHD_LOGIN_FAILED",
        (_sentence(r"Login failed for user '([^']{0,255})' from host '([^']{1,64})'", "username source-address"),),
    ),
    ("SSHD_LOGIN_ATTEMPTS", (_sentence(r".{1,100} by user '([^']{0,255})'", "username"),)),
    (
        "LOGIN_",
        (
            _sentence(
                r"Login failed for user '?([^']{1,255}?)'? from host '?([^'\s]{1,64})", "username source-address"
            ),
            _sentence(
                r"User '?([^']{1,255}?)'? logged in from host '?([^'\s]{1,64}?)'? on device (\S{1,64})",
                "username source-address device",
            ),
        ),
    ),
    ("WEBAUTH_", (_sentence(r"Web-authentication of user (\S{1,255})", "username"),)),
)
"""Beginning of the tag → its sentences, the groups under the structured names."""

"""The predefined attributes of LEEF (IBM QRadar, "LEEF event attributes") as data: key → ECS."""

TEXT = {
    "usrName": "user.name",
    "identHostName": "source.domain",
    "identNetBios": "host.hostname",
    "groupID": "user.group.name",
    "role": "user.roles",
    "accountName": "user.name",
    "domain": "user.domain",
    "realm": "user.domain",
    "resource": "host.name",
    "policy": "rule.name",
    "url": "url.original",
    "action": "event.action",
    "msg": "message",
    "reason": "event.reason",
}

NUMBERS = {
    "srcPort": "source.port",
    "dstPort": "destination.port",
    "srcPreNATPort": "source.port",
    "dstPreNATPort": "destination.port",
    "srcPostNATPort": "source.nat.port",
    "dstPostNATPort": "destination.nat.port",
    "srcBytes": "source.bytes",
    "dstBytes": "destination.bytes",
    "srcPackets": "source.packets",
    "dstPackets": "destination.packets",
}

ADDRESSES = {
    "src": "source",
    "dst": "destination",
    "srcPreNAT": "source",
    "dstPreNAT": "destination",
    "srcPostNAT": "source.nat",
    "dstPostNAT": "destination.nat",
}
"""Where a line has both, ``src`` is kept and not ``srcPreNAT``."""

MACS = {"srcMAC": "source.mac", "dstMAC": "destination.mac", "identMAC": "source.mac"}

_DERIVED = {
    "cat": "rule.category",
    "devTime": "@timestamp",
    "devTimeFormat": "@timestamp",
    "proto": "network.transport",
    "sev": "log.level",
    "outcome": "event.outcome",
}

_KEPT = """
vSrc vSrcName identSrc calCountryOrRegion calLanguage deviceType identGrpName identSecondlp identUserName isLoginEvent isLogoutEvent
totalPackets
"""

FIELDS: dict[str, str] = {
    **dict.fromkeys(_KEPT.split(), ""),
    **TEXT,
    **NUMBERS,
    **{key: f"{side}.ip" for key, side in ADDRESSES.items()},
    **MACS,
    **_DERIVED,
}
"""Every predefined attribute."""

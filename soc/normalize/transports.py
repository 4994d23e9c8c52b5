"""How firewalls name a transport protocol (number or name, any case) → ``network.transport`` and ``network.iana_number``."""

from typing import Any

TRANSPORTS = {
    "1": "icmp",
    "2": "igmp",
    "4": "ipv4",
    "6": "tcp",
    "17": "udp",
    "33": "dccp",
    "41": "ipv6",
    "47": "gre",
    "50": "esp",
    "51": "ah",
    "58": "ipv6-icmp",
    "88": "eigrp",
    "89": "ospf",
    "103": "pim",
    "112": "vrrp",
    "132": "sctp",
    "136": "udplite",
}
"""IANA protocol number → its name (IANA, Protocol Numbers)."""

_NUMBERS = {name: number for number, name in TRANSPORTS.items()}
_OTHER_NAMES = {"icmpv6": "ipv6-icmp", "icmp6": "ipv6-icmp", "ipv6_icmp": "ipv6-icmp"}


def put_transport(fields: dict[str, Any], text: str) -> None:
    """Write a protocol; a name that is no transport's (http) is not written."""
    name = text.strip().lower()
    if name.isdecimal():
        fields["network.iana_number"] = name
        if name in TRANSPORTS:
            fields["network.transport"] = TRANSPORTS[name]
        return
    name = _OTHER_NAMES.get(name, name)
    if name in _NUMBERS:
        fields["network.transport"] = name
        fields["network.iana_number"] = _NUMBERS[name]

"""Pieces that mail servers' lines share: ``host[address]:port``, ``<address>``, ``key=value, key=<value>``."""

import re

from soc.normalize.addresses import is_ip
from soc.normalize.addresses import port as port_of
from soc.normalize.products.product import Fields

PEER = r"([^\s\[\],;]{0,255})\[([^\]\s]{1,64})\](?::(\d{1,5}))?"
"""``mx.example[192.0.2.5]:25``; an unknown name is ``unknown``."""
_PEER = re.compile(PEER)
_PAIR = re.compile(r"(?:^|[\s,;])([a-z][a-z_-]{0,31})=(?:<([^>]{0,1024})>|([^\s,;]{0,1024}))", re.ASCII)


RESERVED = frozenset(["message", "tags"])
"""What an event uses itself: a line's own value of that name is in the message."""


def peer(fields: Fields, side: str, text: str) -> bool:
    """``host[address]:port`` of ``side``; False if it is none."""
    match = _PEER.match(text)
    if match is None:
        return False
    write_peer(fields, side, match[1], match[2], match[3])
    return True


def write_peer(fields: Fields, side: str, name: str | None, address: str, digits: str | None) -> None:
    """The parts of ``host[address]:port``."""
    address = address.removeprefix("IPv6:")
    if is_ip(address):
        fields[side + ".ip"] = address
    if name and name != "unknown":
        fields[side + ".domain"] = name
    found = port_of(digits)
    if found is not None:
        fields[side + ".port"] = found


def pairs(text: str) -> dict[str, str]:
    """``from=<a@example.com>, size=10`` → names and values without their angle brackets; of a name that comes twice the first."""
    found: dict[str, str] = {}
    for name, quoted, plain in _PAIR.findall(text[:8192]):
        if name not in RESERVED:
            found.setdefault(name, quoted or plain)
    return found


def account(fields: Fields, name: str) -> None:
    """A mail user, ``lan`` or ``lan@example.com``."""
    user, at, domain = name.rpartition("@")
    fields["user.name"] = name
    if at and user:
        fields["user.email"], fields["user.domain"] = name, domain

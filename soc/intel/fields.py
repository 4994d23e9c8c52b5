"""Which fields of an event can hold an indicator, and what their place says: who spoke to whom, and whether it came through.

The names are those of ECS 9 that ``soc.normalize`` fills.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, Protocol, cast

Side = Literal["source", "destination", "name", "file", "mail"]
"""Whose the value is: of who began, of who was asked, a name that was asked for, a file, a mail."""
Contact = Literal["outbound", "inbound", "passing", "file", "mail"]
"""``outbound``: one of ours went there. ``inbound``: it came to us. ``passing``: neither end is ours."""

ADDRESSES: Final[Mapping[str, Side]] = {
    "source.ip": "source",
    "destination.ip": "destination",
    "source.nat.ip": "source",
    "destination.nat.ip": "destination",
    "client.ip": "source",
    "server.ip": "destination",
    "network.forwarded_ip": "source",
    "dns.resolved_ip": "name",
}
NAMES: Final[Mapping[str, Side]] = {
    "dns.question.name": "name",
    "url.domain": "name",
    "destination.domain": "destination",
    "source.domain": "source",
    "tls.client.server_name": "name",
}
URLS: Final[Mapping[str, Side]] = {"url.full": "name", "url.original": "name"}
DIGESTS: Final[tuple[str, ...]] = ("file.hash", "process.hash", "process.parent.hash")
"""Of whatever is in the place of a file; the algorithm follows."""
MAILS: Final[Mapping[str, Side]] = {
    "email.from.address": "mail",
    "email.sender.address": "mail",
    "email.to.address": "mail",
}

_OURS_OUT: Final = ("outbound", "egress")
_OURS_IN: Final = ("inbound", "ingress")
_REFUSED_ACTIONS: Final = frozenset(
    (
        "block",
        "blocked",
        "deny",
        "denied",
        "drop",
        "dropped",
        "reject",
        "rejected",
        "refused",
        "quarantined",
        "sinkhole",
    )
)


class Ours(Protocol):
    """Knows what is one's own."""

    def has(self, text: str) -> bool:
        """Whether an address is ours; False for what is no address."""
        ...


def contact_of(side: Side, fields: Mapping[str, Any], ours: Ours) -> Contact:
    """Which way an event with a listed value went.

    The place of the value decides: who is listed as the destination was asked, who is listed as the source came. What the
    sender says of the direction stands in where the other end is not known to be ours; if nothing says that one end is ours,
    the event only passed a sensor.
    """
    if side in ("file", "mail"):
        return "file" if side == "file" else "mail"
    said = fields.get("network.direction")
    if side == "source":
        other = _first(fields, "destination.ip", "server.ip")
        if said in _OURS_IN or not other or ours.has(other):
            return "inbound"
        return "passing"
    other = _first(fields, "source.ip", "client.ip")
    if said in _OURS_OUT or not other or ours.has(other):
        return "outbound"
    return "passing"


def refused(fields: Mapping[str, Any]) -> bool:
    """Whether what the event tells of did not come through: denied by type, by outcome, by action or by the answer of DNS."""
    types = fields.get("event.type")
    if types == "denied" or (isinstance(types, list | tuple) and "denied" in types):
        return True
    if fields.get("event.outcome") == "failure" or fields.get("dns.response_code") == "REFUSED":
        return True
    action = fields.get("event.action")
    return isinstance(action, str) and action.lower() in _REFUSED_ACTIONS


def host_of(contact: Contact, fields: Mapping[str, Any], source: str) -> str:
    """Which of ours is concerned: what repeats are told apart by."""
    if contact in ("outbound", "passing"):
        return _first(fields, "source.ip", "client.ip", "host.name", "host.ip") or source
    if contact == "inbound":
        return _first(fields, "destination.ip", "server.ip", "host.name", "host.ip") or source
    return _first(fields, "host.name", "host.ip", "source.ip") or source


def _first(fields: Mapping[str, Any], *names: str) -> str:
    for name in names:
        value = fields.get(name)
        if isinstance(value, list | tuple):
            items = cast("Sequence[Any]", value)
            value = items[0] if items else None
        if value:
            return str(value)
    return ""

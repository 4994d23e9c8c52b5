"""What every event is given, whatever its product: its times as text, the line itself, and ``related.*``."""

from typing import Any, cast

from soc.clock import Micros
from soc.normalize.compiled import native
from soc.normalize.time import iso_text

ADDRESSES = (
    *("source.ip", "destination.ip", "source.nat.ip", "destination.nat.ip"),
    *("client.ip", "server.ip", "network.forwarded_ip", "dns.resolved_ip"),
)
USERS = (
    *("user.name", "user.effective.name", "source.user.name", "user.target.name", "destination.user.name"),
    *("user.audit.name", "user.changes.name"),
)


def in_python(fields: dict[str, Any], time: Micros, received: Micros, ingested: str, original: str) -> None:
    """Write it.

    Args:
        fields: of the event, otherwise whole.
        time: when it happened.
        received: when the collector had it.
        ingested: when it is processed, as text.
        original: the line.
    """
    fields["@timestamp"] = iso_text(time)
    fields["event.created"] = iso_text(received)
    fields["event.ingested"] = ingested
    fields["event.original"] = original
    _related(fields)


def _related(fields: dict[str, Any]) -> None:
    """``related.*``: every address and user that took part, and the host, each once."""
    addresses = _distinct(tuple(map(fields.get, ADDRESSES)))
    if addresses:
        fields["related.ip"] = addresses
    users = _distinct(tuple(map(fields.get, USERS)))
    if users:
        fields["related.user"] = users
    host = fields.get("host.name")
    if host is not None:
        fields["related.hosts"] = host if isinstance(host, list) else [host]


def _distinct(values: tuple[Any, ...]) -> list[Any]:
    """Without None and repeats, lists opened (a JSON sender may give several addresses in one field)."""
    found: list[Any] = []
    for value in values:
        if isinstance(value, list):
            found.extend(item for item in cast("list[Any]", value) if item not in found)
        elif value is not None and value not in found:
            found.append(value)
    return found


finish = in_python if native is None else native.finish

"""What every event is given, whatever its product: its times as text, the line itself, and ``related.*``."""

from typing import Any, cast

from soc.clock import Micros
from soc.normalize.compiled import native
from soc.normalize.time import iso_text

_NO_NAT = (None, None)


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
    """``related.*``: every address, user and host of the event, each once."""
    get = fields.get
    source, destination = get("source.ip"), get("destination.ip")
    nat = get("source.nat.ip"), get("destination.nat.ip")
    if source is not None or destination is not None or nat != _NO_NAT:
        fields["related.ip"] = _distinct((source, destination, *nat))
    user, effective, other = get("user.name"), get("user.effective.name"), get("source.user.name")
    target = get("user.target.name")
    if user is not None or effective is not None or other is not None or target is not None:
        fields["related.user"] = _distinct((user, effective, other, target))
    host = get("host.name")
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

"""Windows and Sysmon events as JSON (NXLog, Winlogbeat, native) → the native names exactly as they came, ECS beside them.

Exporters nest and rename the native names (``windows_shapes``): they are lifted to the top as well, where Sigma's rules look.
"""

from typing import Any
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.conform import conform
from soc.normalize.formats import json, syslog
from soc.normalize.products.product import Fields, FirstLook, Product, Reading, refuse
from soc.normalize.products.windows_ecs import MARKS, add_agent_values, add_native_names, agent_sources
from soc.normalize.products.windows_fields import FIELDS
from soc.normalize.products.windows_mapping import CHECKED, DEFENDER, MAKES, WORDS, add_ecs, by_channel
from soc.normalize.products.windows_shapes import add_joined_names, add_provider, add_sysmon_names, is_plain, unnest
from soc.normalize.time import Stamp, iso


def _stamp(event: dict[str, Any], zone: ZoneInfo) -> Stamp | None:
    """The event's own time: TimeCreated, Sysmon's UtcTime (UTC), EventTime (the host's zone if none), the shipper's."""
    for name in ("TimeCreated", "UtcTime", "EventTime", "@timestamp", "timestamp"):
        value = event.get(name)
        if isinstance(value, str) and (stamp := iso(value + "Z" if name == "UtcTime" else value, zone)) is not None:
            return stamp
    return None


def read(event: dict[str, Any], fields: Fields, zone: ZoneInfo, *, flat: bool) -> Reading:
    """Read a decoded event; the native names end up in ``fields`` with their values as they came.

    Args:
        event: the object.
        fields: written to; what a syslog header has put there stays.
        zone: of stamps without one.
        flat: nothing in it is nested.
    """
    plain = flat and is_plain(event)
    if not plain:
        event = unnest(event)
    if fields:
        header = dict(fields)
        fields.update(event)
        fields.update(header)
    else:
        fields.update(event)
    if "Provider_Name" not in fields:
        add_provider(fields)
    stamp = _stamp(event, zone)
    sources = add_ecs(event, fields)
    if not plain:  # a sender that knows ECS (Winlogbeat) has said it better
        fields.update((name, value) for name, value in event.items() if name not in CHECKED)
        if not MARKS.isdisjoint(event):
            sources = agent_sources(fields, sources)
            add_native_names(fields, sources)
        add_agent_values(fields)
        conform(fields)
        fields.setdefault("event.kind", "event")
    return sources, stamp


def look(line: bytes) -> tuple[Fields, tuple[LogSource, ...]] | None:
    """What ``parse`` finds in a flat event with its native names on top, but for ECS; None for any other line."""
    event = json.decode_flat(line) if line.startswith(b"{") else None
    if event is None:
        return None
    kind = by_channel(event)
    if kind is None:
        return None
    if "Provider_Name" not in event:
        add_provider(event)
    if kind[0] == "4688":
        add_sysmon_names(event)
    elif kind[2]["event.dataset"] == DEFENDER:
        add_joined_names(event)
    return event, kind[1]


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line: the JSON object, alone or as the message of a syslog line."""
    decoded = json.decode_object(text)
    header: Stamp | None = None
    if decoded is None:
        found = syslog.read(text, fields, zone, day)
        decoded = json.decode_object(found[0]) if found is not None else None
        header = found[2] if found is not None else None
    if decoded is None:
        raise refuse("windows-json: no JSON object")
    sources, stamp = read(decoded[0], fields, zone, flat=decoded[1])
    return sources, stamp or header


PRODUCT = Product(
    "windows-json",
    "Windows and Sysmon events as JSON: NXLog, Winlogbeat, evtx_dump and other shapes",
    parse,
    FirstLook(look, MAKES, WORDS),
    fields=FIELDS,
)

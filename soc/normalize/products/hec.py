"""What a Splunk forwarder or HEC client wraps around an event (``event``, ``time``, ``host``, ``source``, ``sourcetype``) → the event inside it.

A text is read as any line, an object as any object; what is around it stays under ``splunk.*`` and fills in what the event does not say
itself: the host, the file, the time. (Splunk documentation, "Format events for HTTP Event Collector": event metadata.)
"""

from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from soc.errors import RecordError
from soc.normalize.formats import json
from soc.normalize.products.product import Fields, Parse, Reading
from soc.normalize.time import Stamp, epoch

MARK = '"event"'

FIELDS = {
    "event": "message",
    "time": "@timestamp",
    "host": "host.name",
    "source": "log.file.path",
    "sourcetype": "",
    "index": "",
    "fields": "",
}
"""Every name of an event's metadata; each is kept as ``splunk.<name>``."""


class _Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    event: msgspec.Raw
    time: float | str | None = None
    host: str | None = None
    source: str | None = None
    sourcetype: str | None = None
    index: str | None = None
    fields: dict[str, Any] | None = None


_envelope = msgspec.json.Decoder(_Envelope)
_string = msgspec.json.Decoder(str)


def read(text: str, fields: Fields, zone: ZoneInfo, day: int, inner: Parse) -> Reading | None:
    """An event with its metadata; None if the text is none, and ``fields`` is then untouched.

    Args:
        text: the object.
        fields: written to.
        zone: for stamps without one.
        day: of receipt.
        inner: reads what is inside.
    """
    try:
        found = _envelope.decode(text)
        raw = bytes(found.event)
        event = _string.decode(raw) if raw[:1] == b'"' else raw.decode()
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    # an object named "event" alone, or beside a host, may be anybody's
    if raw[:1] != b'"' and all(value is None for value in (found.time, found.sourcetype, found.index, found.fields)):
        return None
    try:
        sources, stamp = inner(event.strip(), fields, zone, day)
    except RecordError:  # what nobody knows is a message all the same: the sender said that it is an event
        fields.clear()
        fields.update(
            {"event.kind": "event", "event.module": "splunk", "event.dataset": "splunk.event", "message": event}
        )
        sources, stamp = (), None
    for name in ("host", "source", "sourcetype", "index"):
        value = getattr(found, name)
        if value:
            fields[f"splunk.{name}"] = value
    if found.fields:
        fields.update((f"splunk.fields.{name}", value) for name, value in json.flatten(found.fields).items())
    if found.host:
        fields.setdefault("host.name", found.host)
    if found.source and found.source.startswith(("/", "C:\\")):
        fields.setdefault("log.file.path", found.source)
    return sources, _time(stamp, found.time)


def _time(own: Stamp | None, given: float | str | None) -> Stamp | None:
    """The event's own stamp where it says year and zone, else the time beside it."""
    if own is not None and not own[1]:
        return own
    stamp = None
    if given is not None:
        stamp = epoch(given if isinstance(given, str) else f"{given:.6f}")
    return stamp or own

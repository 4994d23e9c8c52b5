"""A MISP feed (manifest and event files) in; indicators, and what cannot be used with its reason, out.

The format is that of the feeds MISP itself reads: ``manifest.json`` maps the uuid of each event to its time, ``<uuid>.json`` is one
event with its attributes, alone and in objects.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, cast

import msgspec

from soc.clock import SECOND, Micros, to_micros
from soc.intel import value as values
from soc.intel.indicator import TAGS, Defaults, Indicator, Kind, Parsed, Tlp, Unusable, line, strictest, tlp_of

_TYPES: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("ip-src", "ip-dst"), "address"),
    **dict.fromkeys(("domain", "hostname"), "domain"),
    **dict.fromkeys(("url", "uri", "link"), "url"),
    **dict.fromkeys(("email", "email-src", "email-dst", "email-reply-to"), "mail"),
    **{kind: kind for kind in ("md5", "sha1", "sha256")},
}
_FIRST_OF_TWO: Final[Mapping[str, Kind]] = {
    "ip-src|port": "address",
    "ip-dst|port": "address",
    "hostname|port": "domain",
}
_SECOND_OF_TWO: Final[Mapping[str, Kind]] = {
    f"filename|{kind}": cast("Kind", kind) for kind in ("md5", "sha1", "sha256")
}
_THREATS: Final = {"1": 85, "2": 60, "3": 40}
"""Threat level of an event (1 high, 2 medium, 3 low) as a confidence; 4 is undefined."""


class _Tag(msgspec.Struct):
    name: str = ""


class _Attribute(msgspec.Struct):
    """What is read of an attribute."""

    type: str = ""
    value: str = ""
    uuid: str = ""
    to_ids: bool = False
    deleted: bool = False
    comment: str = ""
    timestamp: str | int = ""
    first_seen: str | None = None
    last_seen: str | None = None
    tags: list[_Tag] = msgspec.field(name="Tag", default_factory=list[_Tag])


class _Object(msgspec.Struct):
    name: str = ""
    deleted: bool = False
    attributes: list[_Attribute] = msgspec.field(name="Attribute", default_factory=list[_Attribute])


class _Event(msgspec.Struct):
    info: str = ""
    uuid: str = ""
    threat_level_id: str | int = ""
    timestamp: str | int = ""
    attributes: list[_Attribute] = msgspec.field(name="Attribute", default_factory=list[_Attribute])
    objects: list[_Object] = msgspec.field(name="Object", default_factory=list[_Object])
    tags: list[_Tag] = msgspec.field(name="Tag", default_factory=list[_Tag])


class _File(msgspec.Struct):
    event: _Event = msgspec.field(name="Event")


def parse_manifest(data: bytes) -> dict[str, str]:
    """The events of a feed: uuid → time stamp.

    Raises:
        ValueError: it is no manifest.
    """
    try:
        tree = msgspec.json.decode(data, type=dict[str, dict[str, Any]])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"no manifest of a MISP feed: {line(error)}") from error
    bad = [name for name in tree if not name.replace("-", "").isalnum()]
    if bad:
        raise ValueError(f"no manifest of a MISP feed: {line(bad[0], 60)!r} is no uuid")
    return {name: str(about.get("timestamp", "")) for name, about in tree.items()}


def parse_event(data: bytes, where: str, defaults: Defaults) -> Parsed:
    """Indicators of one event file: its attributes with ``to_ids``, alone and in objects."""
    try:
        event = msgspec.json.decode(data, type=_File, strict=False).event
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Parsed(mistakes=(Unusable(where, "", f"no MISP event: {line(error)}"),))
    found: list[Indicator] = []
    unusable: list[Unusable] = []
    mistakes: list[Unusable] = []
    for attribute in _attributes(event):
        place = f"{where}: {line(attribute.uuid, 60)}"
        told = line(attribute.value, 80)
        parts = list(_values(attribute))
        if not parts:
            unusable.append(Unusable(place, told, f"the type {line(attribute.type, 40)} is in no event here"))
        for kind, text in parts:
            try:
                found.append(_indicator(event, attribute, values.canonical(kind, text), defaults))
            except ValueError as error:
                mistakes.append(Unusable(place, told, line(error)))
    return Parsed(tuple(found), tuple(unusable), tuple(mistakes))


def _attributes(event: _Event) -> Iterator[_Attribute]:
    """Those that are meant for detection and still stand."""
    of_objects = (one for item in event.objects if not item.deleted for one in item.attributes)
    for attribute in (*event.attributes, *of_objects):
        if attribute.to_ids and not attribute.deleted:
            yield attribute


def _values(attribute: _Attribute) -> Iterator[tuple[Kind, str]]:
    """The values of an attribute; ``domain|ip`` has two, of ``filename|sha256`` the digest counts, of ``ip-dst|port`` the address."""
    type_ = attribute.type.lower()
    before, _, after = attribute.value.partition("|")
    if type_ in _TYPES:
        yield _TYPES[type_], attribute.value
    elif type_ == "domain|ip":
        yield "domain", before
        yield "address", after
    elif type_ in _FIRST_OF_TWO:
        yield _FIRST_OF_TWO[type_], before
    elif type_ in _SECOND_OF_TWO:
        yield _SECOND_OF_TWO[type_], attribute.value.rpartition("|")[2]


def _indicator(event: _Event, attribute: _Attribute, value: values.Canonical, defaults: Defaults) -> Indicator:
    names = [tag.name for tag in (*attribute.tags, *event.tags)]
    own = _marking(tag.name for tag in attribute.tags)
    tlp = own or _marking(tag.name for tag in event.tags) or defaults.tlp
    said = _seconds(attribute.timestamp) or _seconds(event.timestamp)
    last = _time(attribute.last_seen) or said or defaults.now
    return Indicator(
        value.kind,
        value.value,
        tlp,
        _THREATS.get(str(event.threat_level_id), defaults.confidence),
        _time(attribute.first_seen),
        last,
        last + defaults.expire if defaults.expire else 0,
        line(" – ".join(text for text in (event.info, attribute.comment) if text)),
        tuple(line(name, 60) for name in dict.fromkeys(names))[:TAGS],
        attribute.uuid or event.uuid,
    )


def _marking(names: Iterator[str]) -> Tlp | None:
    return strictest(tlp for name in names if name.lower().startswith("tlp:") and (tlp := tlp_of(name)))


def _seconds(text: str | int) -> Micros:
    return int(text) * SECOND if str(text).isascii() and str(text).isdecimal() and len(str(text)) <= 11 else 0


def _time(text: str | None) -> Micros:
    """ISO 8601, or seconds; 0 where there is none.

    Raises:
        ValueError: it is neither.
    """
    if not text:
        return 0
    if text.isascii() and text.isdecimal():
        return _seconds(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{line(text, 40)!r} is no time") from error
    if moment.tzinfo is None:
        raise ValueError(f"{line(text, 40)!r} has no zone")
    return to_micros(moment)

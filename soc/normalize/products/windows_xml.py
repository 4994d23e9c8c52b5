"""A Windows event as the XML of its own schema, on one line, alone or behind a syslog header → as ``windows_json`` reads the same event.

Elements, attributes, CDATA, the five named and the numeric references are read; declarations (DTD, entities) are refused.
"""

import re
from typing import Any, Final
from zoneinfo import ZoneInfo

from soc.normalize.formats import syslog
from soc.normalize.products import windows_json
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.products.windows_fields import FIELDS

MARK: Final = "http://schemas.microsoft.com/win/2004/08/events/event"
"""The namespace that every event of the schema names (Microsoft, "Event Schema")."""

_START = re.compile(r"(?:<\?xml [^<>]{0,200}\?>\s{0,64})?(?=<Event[\s>])", re.ASCII)
_TOKEN = re.compile(
    r"<(/?)([A-Za-z_][\w.:-]{0,127})((?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*)>|<!\[CDATA\[(.*?)\]\]>|<|([^<]+)",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"([A-Za-z_][\w.:-]{0,127})\s{0,8}=\s{0,8}(?:\"([^\"]*)\"|'([^']*)')")
_REFERENCE = re.compile(r"&(#x[0-9A-Fa-f]{1,6}|#\d{1,7}|[a-z]{2,4});")
_NAMED: Final = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}
_MOST = 4000
"""Tokens of one event."""
_DEEPEST = 16


def _reference(match: re.Match[str]) -> str:
    name = match[1]
    if name[0] != "#":
        return _NAMED.get(name, match[0])
    number = int("0" + name[1:], 0) if name[1] == "x" else int(name[1:])
    if not 0 < number < 0x110000 or 0xD800 <= number < 0xE000:
        return match[0]
    return chr(number)


def _text(raw: Any) -> str:
    return _REFERENCE.sub(_reference, raw) if "&" in raw else raw


def decode(text: str) -> dict[str, Any] | None:
    """The event's native names and values; None if the text is no event of the schema.

    ``EventData`` and ``UserData`` give their names, unnamed data the list ``Data``; ``System`` its elements, their attributes
    with a dot (``TimeCreated`` and ``Provider`` as ``windows_json`` has them); ``RenderingInfo`` the message.
    """
    start = _START.match(text)
    if start is None:
        return None
    event: dict[str, Any] = {}
    path: list[str] = []
    named = ""
    content: list[str] = []
    for count, token in enumerate(_TOKEN.finditer(text, start.end())):
        if count > _MOST:
            return None
        closing, tag, attributes, cdata, characters = token.groups()
        if tag is None:
            if cdata is None and characters is None:
                return None
            content.append(_text(characters) if cdata is None else cdata)
            continue
        if closing:
            if not path or path.pop() != tag:
                return None
            _leaf(event, path, tag, named, "".join(content))
            named = ""
        else:
            found = {name: _text(double or single) for name, double, single in _ATTRIBUTE.findall(attributes)}
            named = found.get("Name", "") if tag in ("Data", "ComplexData") else ""
            _attributes(event, path, tag, found)
            if attributes.endswith("/"):
                _leaf(event, path, tag, named, "")
                named = ""
            elif len(path) >= _DEEPEST:
                return None
            else:
                path.append(tag)
        content.clear()
    return event if not path and "EventID" in event else None


_SYSTEM: Final = {
    ("Provider", "Name"): "Provider_Name",
    ("TimeCreated", "SystemTime"): "TimeCreated",
}


def _attributes(event: dict[str, Any], path: list[str], tag: str, found: dict[str, str]) -> None:
    if len(path) == 2 and path[1] == "System":
        for name, value in found.items():
            event[_SYSTEM.get((tag, name), f"{tag}.{name}")] = value
            if (tag, name) == ("Security", "UserID"):
                event["UserID"] = value


def _leaf(event: dict[str, Any], path: list[str], tag: str, named: str, text: str) -> None:
    """An element ended: its text under its native name."""
    where = path[1] if len(path) > 1 else ""
    text = text.strip() if where == "System" else text
    if where == "System":
        if text:
            event[tag] = int(text) if tag == "EventID" and text.isdecimal() and len(text) < 10 else text
    elif where == "EventData":
        if named:
            event.setdefault(named, text)
        elif tag == "Data" and text:
            event.setdefault("Data", []).append(text)
        elif tag == "Binary" and text:
            event["Binary"] = text
    elif where == "UserData" and len(path) > 2:
        if text.strip():
            event.setdefault(tag, text.strip())
    elif where == "RenderingInfo":
        if tag == "Message":
            event["Message"] = text
        elif tag == "Keyword" and text:
            event.setdefault("winlog.keywords", []).append(text)
        elif text:
            event["RenderingInfo." + tag] = text


def line(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A line, with or without a syslog header; None if its message is no event."""
    header = None
    message = text
    if _START.match(text) is None:
        found = syslog.read(text, fields, zone, day)
        if found is None:
            return None
        message, header = found[0], found[2]
    event = decode(message.strip())
    if event is None:
        return None
    sources, stamp = windows_json.read(event, fields, zone, flat=True)
    return sources, stamp or header


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line of a profile of this product."""
    reading = line(text, fields, zone, day)
    if reading is None:
        raise refuse("windows-xml: no event of Windows' event schema")
    return reading


PRODUCT = Product("windows-xml", "Windows and Sysmon events as their own XML, one line each", parse, fields=FIELDS)

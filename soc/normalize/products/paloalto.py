"""Palo Alto Networks PAN-OS log rows (CSV behind any syslog header, or none) → events; the vendor's column names stay beside."""

import re
from typing import Any
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.formats import csv, device_header
from soc.normalize.products.paloalto_ecs import ecs, fields_of, threat, traffic
from soc.normalize.products.paloalto_events import EVENTS
from soc.normalize.products.paloalto_fields import AUDIT, COLUMNS, HEAD, OLD_CONFIG, OLD_GLOBALPROTECT
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import Stamp, iso

_DATE = r"\d{4}[-/]\d{2}[-/]\d{2}[ T]\d{2}:\d{2}:\d{2}[^,]{0,24}"
_ROW = re.compile(
    rf"(?:^|(?<=[ >:\]]))\d{{0,20}},{_DATE},[^,]{{0,64}},(?:[A-Z][A-Z-]{{2,19}},|\d{{1,20}},0x[0-9a-f]{{1,16}},GLOBALPROTECT,)",
    re.ASCII,
)
_AUDIT = re.compile(
    rf"(?:^|(?<=[ >:\]]))\d{{6,20}},{_DATE},audit,[^,]{{0,40}},(?:gui-op|cli-op|[a-z-]{{2,40}}),", re.ASCII
)
_TYPE, _OLD_TYPE = HEAD.index("type"), OLD_GLOBALPROTECT.index("type")
_PATH = len(HEAD) + COLUMNS["CONFIG"].index("path") + 1
_OFFSET = re.compile(r"(?:Z|[+-]\d{2}:?\d{2})$", re.ASCII)
_STATIC: dict[str, Any] = {
    "event.module": "paloalto",
    "event.kind": "event",
    "observer.vendor": "Palo Alto Networks",
    "observer.product": "PAN-OS",
    "observer.type": "firewall",
}
_OTHER: dict[str, Any] = {"event.category": ["network"], "event.type": ["info"]}
_READERS = {"TRAFFIC": traffic, "THREAT": threat, "DECRYPTION": traffic, **EVENTS}


def _names(kind: str, row: list[str]) -> tuple[str, ...]:
    """The columns of a row: those of its type, at the places at which this version puts them."""
    columns = COLUMNS.get(kind, ())
    if kind == "CONFIG" and len(row) > _PATH + 1 and not (row[_PATH].isdecimal() and row[_PATH + 1].startswith("0x")):
        at = columns.index("path") + 1
        return (*HEAD, *columns[:at], *OLD_CONFIG, *columns[at:-2])
    if kind == "GLOBALPROTECT" and row[_OLD_TYPE] == kind:
        return (*OLD_GLOBALPROTECT, *columns[: columns.index("portal") + 1])
    return _WHOLE.get(kind, HEAD)


_WHOLE = {kind: (*HEAD, *columns) for kind, columns in COLUMNS.items()}


def stamp_of(kv: dict[str, str], zone: ZoneInfo) -> Stamp | None:
    """When it happened.

    ``time_generated`` is the device's local time in whole seconds; ``high_res_timestamp`` (PAN-OS 10 on) tells its offset
    and, where it is of the same second, the milliseconds. Devices that do not know it write a moment of 1970.
    """
    generated = kv.get("time_generated") or kv.get("receive_time", "")
    high = kv.get("high_res_timestamp", "")
    offset = _OFFSET.search(high) if high[:4] > "1970" else None
    if offset is None:
        return iso(generated, zone)
    if high[11:19] == generated[11:19]:
        return iso(high, zone) or iso(generated, zone)
    return iso(generated.rstrip("Z") + offset[0], zone) or iso(generated, zone)


def event(kind: str, kv: dict[str, str], fields: Fields) -> tuple[LogSource, ...]:
    """Write the event of one log, from CSV, CEF or LEEF.

    Args:
        kind: the log's type, ``TRAFFIC``, ``THREAT`` ...
        kv: column → value, none of them empty.
        fields: written to.
    """
    fields.update(kv)  # before the ECS names: no column can replace one
    fields.update(_STATIC)
    fields["event.dataset"] = "paloalto." + kind.lower().replace("-", "")
    ecs(kind, kv, fields)
    reader = _READERS.get(kind)
    if reader is None:
        fields.update(_OTHER)
        return (LogSource("paloalto", "", kind.lower()),)
    return reader(kv, fields)


def read(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """One line; None if no row of PAN-OS begins within what can be a header."""
    found = _ROW.search(text, 0, device_header.LONGEST + 100)
    if found is None or found.start() > device_header.LONGEST:
        return _audit(text, fields, zone, day)
    start = found.start()
    header = None
    if start:
        head, header = device_header.read(text[:start], zone, day)
        fields.update(head)
    row = csv.read(text[start:])
    if "{" in text:
        row = _joined(row)
    if len(row) <= _OLD_TYPE:  # a quote that is never closed swallows columns
        row += [""] * (_OLD_TYPE + 1 - len(row))
    kind = row[_TYPE]
    if kind.isdecimal():
        kind = row[_OLD_TYPE]
    kv = {name: value for name, value in zip(_names(kind, row), row, strict=False) if value and not value.isspace()}
    kv.pop("future_use", None)
    return event(kind, kv, fields), stamp_of(kv, zone) or header


def _audit(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """An audit row has a head of its own: serial, time, ``audit``, version."""
    found = _AUDIT.search(text, 0, device_header.LONGEST + 100)
    if found is None or found.start() > device_header.LONGEST:
        return None
    start = found.start()
    header = None
    if start:
        head, header = device_header.read(text[:start], zone, day)
        fields.update(head)
    row = csv.read(text[start:])
    kv = {name: value for name, value in zip(AUDIT, row, strict=False) if value and name != "future_use"}
    return event("AUDIT", kv, fields), stamp_of(kv, zone) or header


def _joined(row: list[str]) -> list[str]:
    """``link_switches`` is a list in braces, its commas unquoted: the pieces are one column."""
    found: list[str] = []
    at = 0
    while at < len(row):
        value = row[at]
        if value.startswith("{") and "}" not in value:
            end = next((index for index in range(at + 1, len(row)) if row[index].endswith("}")), None)
            if end is None:
                return [*found, *row[at:]]
            value, at = ",".join(row[at : end + 1]), end
        found.append(value)
        at += 1
    return found


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line with any header, or none, before the row."""
    reading = read(text, fields, zone, day)
    if reading is None:
        raise refuse("paloalto: no row of a PAN-OS log (number,time,serial,TYPE,)")
    return reading


PRODUCT = Product(
    "paloalto",
    "Palo Alto Networks PAN-OS: CSV rows of traffic, threat, system, config, GlobalProtect and other logs",
    parse,
    fields=fields_of({**_WHOLE, "AUDIT": AUDIT}),
)

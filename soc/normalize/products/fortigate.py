"""FortiGate (key=value, CSV or CEF, FortiOS Log Message Reference) → traffic, event and UTM events; native names stay beside."""

import re
from functools import lru_cache
from zoneinfo import ZoneInfo

from soc.clock import DAY
from soc.normalize.formats import kv
from soc.normalize.formats.kv_shapes import Shapes
from soc.normalize.formats.syslog_kv import behind_header
from soc.normalize.products.fortigate_cef import native
from soc.normalize.products.fortigate_ecs import Plan
from soc.normalize.products.fortigate_fields import FIELDS
from soc.normalize.products.product import Device, Fields, Product, Reading, refuse
from soc.normalize.time import Stamp, epoch, iso, iso_text

_UTC = ZoneInfo("UTC")
_SHAPES = Shapes("logid", Plan)
_OFFSET = re.compile(r"[A-Z]{0,4}([+-])(\d{1,2}):?(\d{2})", re.ASCII)


def _stamp(fields: Fields, zone: ZoneInfo) -> Stamp | None:
    """``eventtime`` is UTC, in the unit its digits tell; ``date``/``time`` are the device's local time, ``tz`` its offset.

    Both come from one clock. Where they are days apart, ``eventtime`` was not written as the device meant it (its unit changed from
    version to version, and a log that was edited keeps it), and what people read holds.
    """
    eventtime, date, time = fields.get("eventtime"), fields.get("date"), fields.get("time")
    if eventtime and (stamp := epoch(eventtime)) is not None and not _days_apart(stamp, date):
        return stamp
    if date and time:
        offset = _OFFSET.fullmatch(fields.get("tz", ""))
        zoned = f"{offset[1]}{offset[2]:0>2}{offset[3]}" if offset is not None else ""
        stamp = iso(f"{date}T{time}{zoned}", zone) or iso(f"{date}T{time}", zone)
        if stamp is not None:
            return stamp
    for name in ("timestamp", "itime"):
        if fields.get(name) and (stamp := epoch(fields[name])) is not None:
            return stamp
    return None


def _days_apart(stamp: Stamp, date: str | None) -> bool:
    day = _day(date) if date else None
    return day is not None and abs(stamp[0] // DAY - day) > 1


@lru_cache(maxsize=1024)
def _day(date: str) -> int | None:
    """``2026-11-22`` → days since 1970."""
    found = iso(f"{date[:10]}T00:00:00Z", _UTC)
    return None if found is None else found[0] // DAY


def _finish(fields: Fields, stamp: Stamp | None) -> None:
    """A log with a duration is written at its end; a device that does not name itself is named by its header."""
    if "observer.name" not in fields and "host.name" in fields:
        fields["observer.name"] = fields["host.name"]
    duration = fields.get("event.duration")
    if duration and stamp is not None and stamp[0] >= duration // 1000:
        fields["event.start"] = iso_text(stamp[0] - duration // 1000)


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line of key=value or CSV, with or without a syslog header before it."""
    text, header = behind_header(text, fields, zone, day)
    if "," in text[: text.find(" ", 24) + 1 or 64] and text.find(",time=", 0, 40) > 0:
        pairs = kv.comma_pairs(text)
        plan, values = Plan(tuple(pairs)), tuple(pairs.values())
    else:
        plan, values = _SHAPES.read(text)
    if not plan.whole:
        raise refuse("fortigate: no type= beside devid= or logid=")
    sources = plan.write(values, fields)
    stamp = _stamp(fields, zone) or header
    _finish(fields, stamp)
    return sources, stamp


def read_cef(device: Device, extension: dict[str, str], fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001 - one signature for all
    """The same logs in CEF: its keys are given back their native names, and are then read as the others are."""
    pairs = native(device, extension)
    if pairs is None:
        return None
    plan = _SHAPES.plan_of(tuple(pairs))
    if not plan.whole:
        return None
    # what the dictionary of CEF says of sides, bytes and users is not what FortiOS means by them
    for name in [name for name in fields if "." in name and not name.startswith(("log.", "host."))]:
        del fields[name]
    fields.pop("message", None)
    sources = plan.write(tuple(pairs.values()), fields)
    fields["observer.version"] = device.version
    stamp = _stamp(fields, zone)
    _finish(fields, stamp)
    return sources, stamp


PRODUCT = Product(
    "fortigate", "Fortinet FortiGate: key=value, CSV or CEF lines of traffic, event and UTM logs", parse, fields=FIELDS
)

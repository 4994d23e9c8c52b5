"""The header and extension of a CEF or LEEF message → ECS by the format's own dictionary, beside the keys as they came."""

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from soc.normalize.addresses import is_ip, mac, number, put
from soc.normalize.ecs import GUARDED
from soc.normalize.file_hash import put_hash
from soc.normalize.formats.java_time import device_time, formatted
from soc.normalize.products import cef_fields, leef_fields
from soc.normalize.products.product import Device, Fields
from soc.normalize.products.url_parts import put_url
from soc.normalize.time import Stamp, iso_text
from soc.normalize.transports import put_transport
from soc.normalize.words import OUTCOMES, outcome, verdict

_SIDES_OF_IPV6 = {"c6a1": ("device", "observer"), "c6a2": ("source", "source"), "c6a3": ("destination", "destination")}
_UNSPECIFIED = frozenset(["0.0.0.0", "::"])  # noqa: S104 - no socket: says that nothing was translated
_DIRECTIONS = {"0": "inbound", "1": "outbound", "inbound": "inbound", "outbound": "outbound"}


@dataclass(frozen=True, slots=True)
class _Dictionary:
    """A format's keys, as one table: key → (how, ECS); the first key of a line's fields wins where two name one field."""

    kinds: Mapping[str, tuple[str, str]]

    @classmethod
    def of(cls, **tables: Mapping[str, str]) -> "_Dictionary":
        return cls({key: (how, ecs) for how, table in tables.items() for key, ecs in table.items()})

    def write(self, extension: dict[str, str], fields: Fields) -> None:
        kinds = self.kinds
        for key in [key for key in kinds if key in extension] if len(extension) > len(kinds) else extension:
            found = kinds.get(key)
            if found is None:
                continue
            value = extension[key]
            how, ecs = found
            if not value or value == "-":
                continue
            if how == "text":
                fields.setdefault(ecs, value)
            elif how == "numbers":
                count = number(value)
                if count is not None and (count or ".nat." not in ecs):  # port 0 there says: not translated
                    fields.setdefault(ecs, count)
            elif how == "addresses":
                if ecs + ".ip" not in fields and not (ecs.endswith(".nat") and value in _UNSPECIFIED):
                    put(fields, ecs, value)
            elif how == "hosts":
                if is_ip(value):
                    fields.setdefault(ecs + ".ip", value)
                else:
                    fields.setdefault(ecs + ".domain", value)
            elif how == "macs":
                fields.setdefault(ecs, mac(value))
            else:
                _coordinate(fields, ecs, value)


_CEF = _Dictionary.of(
    text=cef_fields.TEXT,
    numbers=cef_fields.NUMBERS,
    addresses=cef_fields.ADDRESSES,
    hosts=cef_fields.HOSTS,
    macs=cef_fields.MACS,
    coordinates=cef_fields.COORDINATES,
)
_LEEF = _Dictionary.of(
    text=leef_fields.TEXT, numbers=leef_fields.NUMBERS, addresses=leef_fields.ADDRESSES, macs=leef_fields.MACS
)


def _coordinate(fields: Fields, ecs: str, value: str) -> None:
    try:
        degrees = float(value[:32])
    except ValueError:
        return
    if -180 <= degrees <= 180:
        fields[ecs] = degrees


def _native(extension: dict[str, str], fields: Fields) -> None:
    if GUARDED.isdisjoint(extension):
        fields.update(extension)
    else:
        fields.update((key, value) for key, value in extension.items() if key not in GUARDED)


def _labelled(extension: dict[str, str], fields: Fields) -> None:
    """A value under the name that its label gives, unless there is such a field."""
    for key, label in extension.items():
        if key.endswith("Label"):
            value = extension.get(key[:-5])
            if value is not None and label and len(label) <= 128 and label not in GUARDED:
                fields.setdefault(label, value)


def _ipv6(extension: dict[str, str], fields: Fields) -> None:
    for key, (word, side) in _SIDES_OF_IPV6.items():
        value = extension.get(key)
        if value and word in extension.get(key + "Label", "").lower() and side + ".ip" not in fields:
            put(fields, side, value)


def _categorize(fields: Fields, action: str, status: str) -> None:
    said = verdict(action)
    result = outcome(status) or OUTCOMES.get(said)
    if result is not None:
        fields["event.outcome"] = result
    category = [
        name
        for name, key in (("network", "destination.ip"), ("web", "url.original"), ("file", "file.name"))
        if key in fields
    ]
    if category:
        fields["event.category"] = category
    types = ["info"]
    if said:
        types.append(said)
    fields["event.type"] = types


def _who(fields: Fields) -> None:
    if "user.name" not in fields:
        user = fields.get("source.user.name") or fields.get("destination.user.name")
        if user:
            fields["user.name"] = user
    for unit in ("bytes", "packets"):
        sent, received = fields.get("source." + unit), fields.get("destination." + unit)
        if sent is not None and received is not None:
            fields["network." + unit] = sent + received


def _header(device: Device, fields: Fields, module: str) -> None:
    fields["event.kind"] = "event"
    fields["event.module"], fields["event.dataset"] = module, module + ".event"
    fields["observer.vendor"], fields["observer.product"] = device.vendor, device.product
    if device.version:
        fields["observer.version"] = device.version
    fields["event.code"] = device.code
    if device.name:
        fields["rule.name"] = device.name
        fields.setdefault("message", device.name)
    severity = number(device.severity)
    if severity is not None:
        fields["event.severity"] = severity
    elif device.severity:
        fields.setdefault("log.level", device.severity.lower())
    if "host.name" in fields:
        fields.setdefault("observer.name", fields["host.name"])


def _url(fields: Fields) -> None:
    url = fields.get("url.original")
    if url:
        put_url(fields, url)


def _times(extension: dict[str, str], zone: ZoneInfo, day: int, fields: Fields) -> Stamp | None:
    found: Stamp | None = None
    for names, ecs in (
        (("rt", "deviceReceiptTime"), ""),
        (("start", "startTime"), "start"),
        (("end", "endTime"), "end"),
    ):
        value = next((extension[name] for name in names if extension.get(name)), None)
        stamp = None if value is None else device_time(value, zone, day)
        if stamp is None:
            continue
        if ecs and stamp[0] >= 0:
            fields["event." + ecs] = iso_text(stamp[0])
        found = found or stamp
    return found


def write_cef(device: Device, extension: dict[str, str], fields: Fields, zone: ZoneInfo, day: int) -> Stamp | None:
    """Native keys first: none of them can replace an ECS name.

    Returns:
        When it happened: rt, else start, else end.
    """
    _native(extension, fields)
    _CEF.write(extension, fields)
    _header(device, fields, "cef")
    _labelled(extension, fields)
    _ipv6(extension, fields)
    for key in ("proto", "transportProtocol"):
        if key in extension:
            put_transport(fields, extension[key])
    for key in ("cat", "deviceEventCategory"):
        if extension.get(key):
            fields["rule.category"] = extension[key]
    if extension.get("deviceSeverity"):
        fields["log.level"] = extension["deviceSeverity"].lower()
    way = _DIRECTIONS.get(extension.get("deviceDirection", "").lower())
    if way is not None:
        fields["network.direction"] = way
    if "fileHash" in extension:
        put_hash(fields, extension["fileHash"])
    _url(fields)
    _who(fields)
    action = extension.get("act") or extension.get("deviceAction", "")
    _categorize(fields, action, extension.get("outcome") or extension.get("eventOutcome", ""))
    return _times(extension, zone, day, fields)


def write_leef(device: Device, extension: dict[str, str], fields: Fields, zone: ZoneInfo, day: int) -> Stamp | None:
    """As ``write_cef``; the time is devTime, read by devTimeFormat where there is one."""
    _native(extension, fields)
    _LEEF.write(extension, fields)
    _header(device, fields, "leef")
    if "proto" in extension:
        put_transport(fields, extension["proto"])
    if extension.get("cat"):
        fields["rule.category"] = extension["cat"]
    severity = number(extension.get("sev"))
    if severity is not None:
        fields["event.severity"] = severity
    _url(fields)
    _who(fields)
    _categorize(fields, extension.get("action", ""), extension.get("outcome", ""))
    when = extension.get("devTime")
    if not when:
        return None
    pattern = extension.get("devTimeFormat")
    return (formatted(when, pattern, zone) if pattern else None) or device_time(when, zone, day)

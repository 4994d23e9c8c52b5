"""Cisco ASA and FTD (``%ASA-level-id: text``) → events, read by message id; an id without a row still gives an event."""

import re
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import is_bounded_ip, number, put
from soc.normalize.formats import rfc3164, rfc5424
from soc.normalize.products.cisco_asa_messages import FAMILIES, MESSAGES, Message
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import Stamp

MARK = re.compile(r"%(?:ASA|FTD|FWSM|PIX)-(?:[A-Za-z]{1,16}-)?([0-7])-(\d{6}): ?", re.ASCII)

_SOURCES = (LogSource("cisco", "firewall", "asa"),)
_COMMANDS = (*_SOURCES, LogSource("cisco", "", "aaa"))
"""What an administrator typed (111008 ...): SigmaHQ's rules look for commands in the records of AAA."""
_ADDRESSES = frozenset(("source", "destination", "source.nat", "destination.nat", "server"))
_NUMBERS = frozenset(
    [
        "source.port",
        "destination.port",
        "source.nat.port",
        "destination.nat.port",
        "network.bytes",
        "source.bytes",
        "destination.bytes",
        "cisco.asa.hit_count",
    ]
)
_LOWER = frozenset(("network.transport", "network.direction"))
_LEVELS = ["emergency", "alert", "critical", "error", "warning", "notification", "informational", "debugging"]
_STATIC: dict[str, Any] = {
    "event.module": "cisco",
    "event.dataset": "cisco.asa",
    "observer.vendor": "Cisco",
    "observer.product": "asa",
    "observer.type": "firewall",
}
_VERDICTS = {
    "permitted": (["connection", "allowed"], "success"),
    "est-allowed": (["connection", "allowed"], "success"),
    "denied": (["connection", "denied"], "failure"),
}
_INFO: dict[str, Any] = {**_STATIC, "event.kind": "event", "event.category": ["network"], "event.type": ["info"]}


class _Plan(NamedTuple):
    """A row made ready: the few groups that are no plain text are put right by their place, then all are written at once.

    Attributes:
        pattern: matched at the start of the message.
        names: field of each group; an address position is ``<side>.ip``.
        numbers: places of groups that are digits.
        lower: places of groups written in lower case.
        addresses: (place, side) of address positions.
        duration: place of the duration, or -1.
        fields: set for each such message.
    """

    pattern: re.Pattern[str]
    names: tuple[str, ...]
    numbers: tuple[int, ...]
    lower: tuple[int, ...]
    addresses: tuple[tuple[int, str], ...]
    duration: int
    fields: dict[str, Any]


def _plan(row: Message) -> _Plan:
    names = row.names
    return _Plan(
        row.pattern,
        tuple(name + ".ip" if name in _ADDRESSES else name for name in names),
        tuple(place for place, name in enumerate(names) if name in _NUMBERS),
        tuple(place for place, name in enumerate(names) if name in _LOWER),
        tuple((place, name) for place, name in enumerate(names) if name in _ADDRESSES),
        names.index("event.duration") if "event.duration" in names else -1,
        {**_STATIC, "event.kind": "event", **row.fields},
    )


def _compiled(rows: dict[str, Message]) -> dict[str, _Plan]:
    return {key: _plan(row) for key, row in rows.items()}


_BY_ID = _compiled(MESSAGES)
_BY_FAMILY = _compiled(FAMILIES)


@lru_cache(maxsize=8192)
def _head(head: str, zone: ZoneInfo, day: int) -> tuple[dict[str, Any], Stamp | None]:
    """What stands before the mark: repeated by every line of a device within a second, so it is remembered."""
    fields: dict[str, Any] = {}
    found = rfc5424.read(head, fields, zone) if head.startswith("<") else None
    if found is not None:
        return fields, found[2]
    at, stamp, _ = rfc3164.lead(head, fields, zone, day)
    host = head[at:].strip(" :")
    if host and " " not in host and "host.name" not in fields:
        fields["host.name"] = host
    return fields, stamp


def _duration(text: str) -> int | None:
    """``0:01:20`` or ``1h:02m:03s`` as nanoseconds."""
    parts = [number(part.rstrip("dhms")) for part in text.split(":")]
    if len(parts) != 3 or None in parts:  # hours, minutes, seconds
        return None
    hours, minutes, seconds = (part or 0 for part in parts)
    return (hours * 3600 + minutes * 60 + seconds) * 1_000_000_000


def _write(plan: _Plan, groups: tuple[str | None, ...], fields: Fields) -> None:
    values: list[Any] = list(groups)
    for place in plan.numbers:
        if values[place] is not None:
            values[place] = int(values[place])
    for place in plan.lower:
        if values[place] is not None:
            values[place] = values[place].lower()
    if plan.duration >= 0 and values[plan.duration] is not None:
        values[plan.duration] = _duration(values[plan.duration])
    for place, side in plan.addresses:
        value = values[place]
        if value is not None and not is_bounded_ip(value):
            put(fields, side, value)
            values[place] = None
    if None in values or "" in values:
        fields.update((name, value) for name, value in zip(plan.names, values, strict=True) if value not in (None, ""))
    else:
        fields.update(zip(plan.names, values, strict=True))


_SWAPPED = (
    ("source.ip", "destination.ip"),
    ("source.address", "destination.address"),
    ("source.domain", "destination.domain"),
    ("source.port", "destination.port"),
    ("source.nat.ip", "destination.nat.ip"),
    ("source.nat.port", "destination.nat.port"),
    ("source.user.name", "destination.user.name"),
    ("observer.ingress.interface.name", "observer.egress.interface.name"),
)


def _swap(fields: Fields) -> None:
    """Of an outbound connection the ASA names the far end first; here the source is who opened it."""
    for one, other in _SWAPPED:
        a, b = fields.pop(one, None), fields.pop(other, None)
        if b is not None:
            fields[one] = b
        if a is not None:
            fields[other] = a


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line with any header before the mark."""
    mark = MARK.search(text)
    if mark is None:
        raise refuse("cisco-asa: no %ASA-level-id: mark")
    start = mark.start()
    stamp = None
    if 0 < start <= 400:  # longer is no header, and would fill the memo
        head, stamp = _head(text[:start], zone, day)
        fields.update(head)
    level, code = mark.groups()
    message = text[mark.end() :]
    severity = int(level)
    fields["event.code"] = code
    fields["event.severity"] = severity
    fields["log.level"] = _LEVELS[severity & 7]
    fields["message"] = message
    sources = _COMMANDS if code.startswith("111") else _SOURCES
    plan = _BY_ID.get(code) or _BY_FAMILY.get(code[:3])
    match = plan.pattern.match(message) if plan is not None else None
    if plan is None or match is None:
        fields.update(_INFO)
        return sources, stamp
    fields.update(plan.fields)
    _write(plan, match.groups(), fields)
    if code == "106100":
        fields["event.type"], fields["event.outcome"] = _VERDICTS[fields["cisco.asa.verdict"]]
    if fields.get("network.direction") == "outbound" and code in ("302013", "302015", "302020"):
        _swap(fields)
    return sources, stamp


PRODUCT = Product("cisco-asa", "Cisco ASA and FTD: %ASA-level-id messages, read by message id", parse)

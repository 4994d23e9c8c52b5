"""Cisco ASA and FTD (``%ASA-level-id: text``) → events, read by message id; an id without a row still gives an event."""

import re
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import is_ip, number, port, put
from soc.normalize.formats import rfc3164, rfc5424
from soc.normalize.products.cisco_asa_messages import FAMILIES, MESSAGES, Message
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import Stamp

MARK = re.compile(r"%(?:ASA|FTD|FWSM|PIX)-(?:[A-Za-z]{1,16}-)?(\d)-(\d{6}): ?", re.ASCII)

_SOURCES = (LogSource("cisco", "firewall", "asa"),)
_ADDRESSES = frozenset(("source", "destination", "source.nat", "destination.nat", "server"))
_PORTS = frozenset(("source.port", "destination.port", "source.nat.port", "destination.nat.port"))
_COUNTS = frozenset(("network.bytes", "source.bytes", "destination.bytes", "cisco.asa.hit_count"))
_LOWER = frozenset(("network.transport", "network.direction"))
_LEVELS = "emergency alert critical error warning notification informational debugging".split()
_SEVERITIES = [str(level) for level in range(8)]
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
_INFO: dict[str, Any] = {"event.kind": "event", "event.category": ["network"], "event.type": ["info"]}


def _plan(row: Message) -> tuple[tuple[int, str], ...]:
    """How each group is written: 0 text, 1 port, 2 count, 3 address, 4 lower case, 5 duration."""
    plan: list[tuple[int, str]] = []
    for name in row.names:
        if name in _ADDRESSES:
            plan.append((3, name))
        elif name in _PORTS:
            plan.append((1, name))
        elif name in _COUNTS:
            plan.append((2, name))
        elif name in _LOWER:
            plan.append((4, name))
        elif name == "event.duration":
            plan.append((5, name))
        else:
            plan.append((0, name))
    return tuple(plan)


def _compiled(rows: dict[str, Message]) -> dict[str, tuple[re.Pattern[str], tuple[tuple[int, str], ...], dict[str, Any]]]:
    return {key: (row.pattern, _plan(row), {"event.kind": "event", **row.fields}) for key, row in rows.items()}


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
    if len(parts) != 3 or None in parts:  # noqa: PLR2004 - hours, minutes, seconds
        return None
    hours, minutes, seconds = (part or 0 for part in parts)
    return (hours * 3600 + minutes * 60 + seconds) * 1_000_000_000


def _write(plan: tuple[tuple[int, str], ...], groups: tuple[str | None, ...], fields: Fields) -> None:
    for (how, name), value in zip(plan, groups, strict=True):
        if value is None:
            continue
        if how == 3:  # noqa: PLR2004 - see _plan
            if is_ip(value):
                fields[name + ".ip"] = value
            else:
                put(fields, name, value)
        elif how == 0:
            if value:
                fields[name] = value
        elif how == 4:  # noqa: PLR2004
            fields[name] = value.lower()
        else:
            count = port(value) if how == 1 else number(value) if how == 2 else _duration(value)  # noqa: PLR2004
            if count is not None:
                fields[name] = count


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
    if 0 < start <= 400:  # noqa: PLR2004 - longer is no header, and would fill the memo
        head, stamp = _head(text[:start], zone, day)
        fields.update(head)
    level, code = mark.groups()
    message = text[mark.end() :]
    fields.update(_STATIC)
    fields["event.code"] = code
    fields["event.severity"] = int(level)
    fields["log.level"] = _LEVELS[int(level)] if level in _SEVERITIES else level
    fields["message"] = message
    row = _BY_ID.get(code) or _BY_FAMILY.get(code[:3])
    match = row[0].match(message) if row is not None else None
    if row is None or match is None:
        fields.update(_INFO)
        return _SOURCES, stamp
    fields.update(row[2])
    _write(row[1], match.groups(), fields)
    verdict = fields.get("cisco.asa.verdict")
    if verdict is not None:
        fields["event.type"], fields["event.outcome"] = _VERDICTS[verdict]
    if fields.get("network.direction") == "outbound" and code in ("302013", "302015", "302020"):
        _swap(fields)
    return _SOURCES, stamp


PRODUCT = Product("cisco-asa", "Cisco ASA and FTD: %ASA-level-id messages, read by message id", parse)

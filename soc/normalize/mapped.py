"""A mapping → a product: lines of a system known only from its mapping file in, events with ECS names out."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize import ecs
from soc.normalize import time as times
from soc.normalize.addresses import number, put
from soc.normalize.formats import csv, json, kv, syslog
from soc.normalize.mapping import Constant, Format, Input, LogSourceOf, MappingFile, Time
from soc.normalize.products import device
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import Stamp

TakeApart = Callable[[str], dict[str, Any] | None]
"""(message) → the sender's fields under its own names, or None: not of this format."""

_MOST_PAIRS = 1000


class _Condition(NamedTuple):
    """Made from a ``When``: (field, exact values, beginnings, ends) that must all hold, then what is written."""

    tests: tuple[tuple[str, frozenset[str], tuple[str, ...], tuple[str, ...]], ...]
    set: Mapping[str, Constant]
    sources: tuple[LogSource, ...] | None


class _Plan(NamedTuple):
    """A mapping made ready."""

    name: str
    take: TakeApart
    direct: tuple[tuple[str, tuple[str, ...]], ...]
    values: tuple[tuple[str, str, Mapping[str, Constant], Constant | None], ...]
    conditions: tuple[_Condition, ...]
    stamp: Callable[[Mapping[str, Any], ZoneInfo, int], Stamp | None]
    sources: tuple[LogSource, ...]


def product(mapping: MappingFile) -> Product:
    """The product that a mapping describes."""
    plan = _Plan(
        mapping.name,
        _taker(mapping.format, mapping.input),
        tuple((name, (to,) if isinstance(to, str) else tuple(to)) for name, to in mapping.fields.items()),
        tuple(
            (v.field, v.to, {key.casefold(): value for key, value in v.map.items()}, v.default) for v in mapping.values
        ),
        tuple(_Condition(_tests(when.match), when.set, _sources(when.logsource)) for when in mapping.when),
        _stamper(mapping.time),
        _sources(mapping.logsource) or (),
    )
    table = {name: to if isinstance(to, str) else ", ".join(to) for name, to in mapping.fields.items()}
    if mapping.format in ("cef", "leef"):
        return Product(mapping.name, mapping.description, partial(_parse_device, plan), fields=table)
    return Product(mapping.name, mapping.description, partial(_parse, plan), fields=table)


def _parse(plan: _Plan, text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line: as it is, else as the message of a syslog line."""
    header: Stamp | None = None
    native = None if text.startswith("<") else plan.take(text)
    if native is None:
        found = syslog.read(text, fields, zone, day)
        if found is not None:
            native, header = plan.take(found[0].removeprefix("@cee:").lstrip()), found[2]
    if native is None:
        raise refuse(f"{plan.name}: the line is not of the mapping's format")
    fields.update(native)
    return _finish(plan, native, fields), plan.stamp(native, zone, day) or header


def _parse_device(plan: _Plan, text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """A CEF or LEEF line: what the format itself says first, the mapping upon that."""
    reading = device.line(text, fields, zone, day)
    if reading is None:
        raise refuse(f"{plan.name}: neither CEF nor LEEF")
    native = dict(fields)
    return _finish(plan, native, fields), plan.stamp(native, zone, day) or reading[1]


def _finish(plan: _Plan, native: Mapping[str, Any], fields: Fields) -> tuple[LogSource, ...]:
    """Write the ECS names beside the sender's own; the logsources of the event."""
    for name, targets in plan.direct:
        value = native.get(name)
        if value is not None and value not in ("", "-"):
            for target in targets:
                _write(fields, target, value)
    for name, target, known, default in plan.values:
        value = native.get(name)
        if value is None:
            continue
        meant = known.get(_text(value).casefold(), default)
        if meant is not None:
            fields[target] = meant
    sources = plan.sources
    for condition in plan.conditions:
        if _holds(condition, native):
            fields.update(condition.set)
            sources = sources if condition.sources is None else condition.sources
    fields.setdefault("event.kind", "event")
    fields["event.module"] = plan.name
    fields.setdefault("event.dataset", plan.name + ".log")
    return sources


def _write(fields: Fields, target: str, value: Any) -> None:
    """One value under its ECS name: an address, a whole number, or text; what does not fit is kept under the native name only."""
    if target.endswith(".ip"):
        put(fields, target[:-3], _text(value))
    elif target in ecs.INTEGER_FIELDS:
        whole = value if isinstance(value, int) and not isinstance(value, bool) else number(_text(value).strip())
        if whole is not None:
            fields[target] = whole
    else:
        fields[target] = value if isinstance(value, list) else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def _holds(condition: _Condition, native: Mapping[str, Any]) -> bool:
    for name, exact, beginnings, ends in condition.tests:
        value = native.get(name)
        if value is None:
            return False
        text = _text(value).casefold()
        if text not in exact and not text.startswith(beginnings) and not text.endswith(ends):
            return False
    return True


def _tests(
    match: Mapping[str, str | Sequence[str]],
) -> tuple[tuple[str, frozenset[str], tuple[str, ...], tuple[str, ...]], ...]:
    """``a*`` a beginning, ``*a`` an end, ``*`` any value that is there; else the whole value. Case does not count."""
    tests: list[tuple[str, frozenset[str], tuple[str, ...], tuple[str, ...]]] = []
    for name, wanted in match.items():
        texts = [text.casefold() for text in ([wanted] if isinstance(wanted, str) else wanted)]
        beginnings = tuple(text[:-1] for text in texts if text.endswith("*"))
        ends = tuple(text[1:] for text in texts if text.startswith("*") and len(text) > 1)
        exact = frozenset(text for text in texts if not text.startswith("*") and not text.endswith("*"))
        tests.append((name, exact, beginnings, ends))
    return tuple(tests)


def _sources(given: LogSourceOf | None) -> tuple[LogSource, ...] | None:
    if given is None:
        return None
    source = LogSource(given.product, given.category, given.service)
    return (source,) if source != LogSource() else ()


def _taker(name: Format, given: Input) -> TakeApart:
    match name:
        case "json":
            return _json
        case "csv":
            return partial(_row, csv.Dialect(given.delimiter, escape=given.escape), given.columns)
        case "regex":
            return partial(_expression, re.compile(given.pattern))
        case _ if given.pairs or given.assign != "=":
            return partial(_split, given.pairs or " ", given.assign)
        case _:
            return _pairs


def _json(text: str) -> dict[str, Any] | None:
    decoded = json.decode_object(text)
    if decoded is None:
        return None
    return decoded[0] if decoded[1] else json.flatten(decoded[0])


def _pairs(text: str) -> dict[str, Any] | None:
    found: dict[str, Any] = dict(kv.pairs(text))
    return found or None


def _split(between: str, assign: str, text: str) -> dict[str, Any] | None:
    """``name: value; name: value`` with separators of the sender's own; no quoting."""
    found: dict[str, Any] = {}
    for pair in text.split(between, _MOST_PAIRS):
        name, mark, value = pair.partition(assign)
        if mark and name.strip():
            found.setdefault(name.strip(), value.strip())
    return found or None


def _row(dialect: csv.Dialect, columns: Sequence[str], text: str) -> dict[str, Any] | None:
    values = csv.read(text, dialect, most=len(columns))
    return dict(zip(columns, values, strict=False)) if len(values) > 1 or len(columns) == 1 else None


def _expression(pattern: re.Pattern[str], text: str) -> dict[str, Any] | None:
    found = pattern.match(text)
    return None if found is None else {name: value for name, value in found.groupdict().items() if value is not None}


def _stamper(given: Time | None) -> Callable[[Mapping[str, Any], ZoneInfo, int], Stamp | None]:
    if given is None:
        return lambda _native, _zone, _day: None
    return partial(_stamp, given)


def _stamp(given: Time, native: Mapping[str, Any], zone: ZoneInfo, day: int) -> Stamp | None:
    values = [native.get(name) for name in given.fields]
    if given.joined:
        if None in values:
            return None
        values = [" ".join(_text(value) for value in values)]
    for value in values:
        if value is None:
            continue
        stamp = _read(f"{value:.6f}" if isinstance(value, float) else _text(value), given.format, zone, day)
        if stamp is not None:
            return stamp
    return None


def _read(text: str, how: str, zone: ZoneInfo, day: int) -> Stamp | None:
    text = text.strip()
    match how:
        case "iso":
            return times.iso(text, zone)
        case "epoch":
            return times.epoch(text)
        case "bsd":
            return times.bsd(text, zone, day)
        case "clf":
            return times.clf(text)
        case _:
            return times.iso(text, zone) or times.epoch(text) or times.bsd(text, zone, day) or times.clf(text)

"""Two registers in; what was added, removed and changed from the one to the other, out."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from soc.assets.entries import Entries
from soc.assets.tables import TABLES, Table


class Change(msgspec.Struct, frozen=True):
    """One entry that differs.

    Attributes:
        what: ``added``, ``removed`` or ``changed``.
        key: of the entry: a key, a host's name, a log source's system and source.
        fields: of a changed one: (field, before, after) as text.
    """

    table: Table
    what: str
    key: str
    name: str = ""
    fields: tuple[tuple[str, str, str], ...] = ()


def identity(table: Table, entry: Any) -> str:
    """By what an entry is the same one in two registers."""
    match table:
        case "hosts":
            return str(entry.name).casefold()
        case "log_sources":
            return f"{entry.system}: {entry.source}"
        case "contacts":
            return f"{entry.of}: {entry.role}: {entry.name}"
        case _:
            return entry.key


def difference(before: Entries, after: Entries) -> tuple[Change, ...]:
    """Table by table: removed, added, changed."""
    found: list[Change] = []
    for table in TABLES:
        old, new = _keyed(table, before), _keyed(table, after)
        found += [Change(table, "removed", key, _name(old[key])) for key in old if key not in new]
        found += [Change(table, "added", key, _name(new[key])) for key in new if key not in old]
        for key, entry in new.items():
            if key in old and (fields := _fields(old[key], entry)):
                found.append(Change(table, "changed", key, _name(entry), fields))
    return tuple(found)


def _keyed(table: Table, entries: Entries) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for entry in getattr(entries, table):
        key, number = identity(table, entry), 1
        while (name := key if number == 1 else f"{key} ({number})") in found:
            number += 1
        found[name] = entry
    return found


def _name(entry: Any) -> str:
    return str(getattr(entry, "name", ""))


def _fields(old: Any, new: Any) -> tuple[tuple[str, str, str], ...]:
    before, after = msgspec.structs.asdict(old), msgspec.structs.asdict(new)
    return tuple((name, _text(before[name]), _text(value)) for name, value in after.items() if before[name] != value)


def _text(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(str(item) for item in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return str(value) if value else ""


def counts(changes: Sequence[Change]) -> dict[str, dict[str, int]]:
    """Table → what → how many; tables without changes are not in it."""
    found: dict[str, dict[str, int]] = {}
    for change in changes:
        of_table = found.setdefault(change.table, {})
        of_table[change.what] = of_table.get(change.what, 0) + 1
    return found


def summary(entries: Entries) -> str:
    """The register in one clause: ``17 systems, 5,004 hosts, 31 units, 40 log sources``."""
    return (
        f"{len(entries.systems):,} systems, {len(entries.hosts):,} hosts, "
        f"{len(entries.units):,} units, {len(entries.log_sources):,} log sources"
    )

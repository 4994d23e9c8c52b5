"""Rows as they were typed in, the register they say out, or every mistake in them: what a value means, and what fits together.

Nothing is taken of rows with mistakes: the caller gets the register or the list. A table that no file has stays as it was, and is
checked against the new ones: hosts of a system that is gone are mistakes too.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from soc.assets.entries import Contact, Entries, Host, LogSource, System, Unit
from soc.assets.mistakes import Mistake, quoted
from soc.assets.tables import TABLES, Cell, Column, Row, Table
from soc.assets.together import Read, check_together
from soc.assets.units import folded
from soc.assets.values import NONE_WORDS, READERS, plain

KEPT = "(published register)"
"""The ``file`` of what was not imported again."""

Told = Callable[[int, int], None]
"""(rows done, rows in all), now and then."""

_TYPES: Mapping[Table, type[Any]] = {
    "units": Unit,
    "systems": System,
    "hosts": Host,
    "log_sources": LogSource,
    "contacts": Contact,
}
_EVERY = 500


class Checked(NamedTuple):
    """What came of the rows.

    Attributes:
        entries: the whole register; None if there is any mistake.
        mistakes: in the order of the files' rows.
    """

    entries: Entries | None
    mistakes: tuple[Mistake, ...]


def check(
    rows: Sequence[Row],
    tables: Iterable[Table],
    before: Entries,
    *,
    timezone: str,
    mistakes: Iterable[Mistake] = (),
    told: Told = lambda done, total: None,  # noqa: ARG005 - nobody watches
) -> Checked:
    """Read and compare.

    Args:
        rows: of all files.
        tables: those that the files have; the others are kept from ``before``.
        before: what is published.
        timezone: of the days in the units.
        mistakes: what is known already of the files' form.
        told: is told how far it is.
    """
    noted, read = list(mistakes), _kept(before, frozenset(tables))
    for number, row in enumerate(rows):
        if number % _EVERY == 0:
            told(number, len(rows))
        read[row.table].append(Read(row, _values(row, noted)))
    _resolve(read, noted)
    check_together(read, noted)
    told(len(rows), len(rows))
    if noted:
        order = {file: number for number, file in enumerate(dict.fromkeys(row.file for row in rows))}
        return Checked(None, tuple(sorted(noted, key=lambda one: (order.get(one.file, -1), one.row))))
    made = {table: tuple(_TYPES[table](**one.values) for one in found) for table, found in read.items()}
    return Checked(Entries(**made, timezone=timezone), ())


def _kept(before: Entries, replaced: frozenset[Table]) -> dict[Table, list[Read]]:
    kept: dict[Table, list[Read]] = {}
    for table in TABLES:
        entries: Sequence[Any] = () if table in replaced else getattr(before, table)
        kept[table] = [
            Read(Row(table, KEPT, 0, f"{table}[{number}]"), msgspec.structs.asdict(entry))
            for number, entry in enumerate(entries)
        ]
    return kept


def _values(row: Row, mistakes: list[Mistake]) -> dict[str, Any]:
    """The values of one row by field; a field with a mistake is left out."""
    values: dict[str, Any] = {}
    without: list[str] = []
    for column in TABLES[row.table].values():
        cell = row.cells.get(column.name)
        if cell is None:
            if column.required:
                mistakes.append(Mistake(row.file, row.row, row.column, f"has no {column.name}"))
            continue
        if column.may_be_none and len(cell.texts) == 1 and plain(cell.texts[0]) in NONE_WORDS:
            without.append(column.name)
            continue
        found = _read(column, cell, row, mistakes)
        if column.many:
            values[column.name] = tuple(dict.fromkeys(found))
        elif found:
            values[column.name] = found[0]
    if without:
        values["without"] = tuple(without)
    return values


def _read(column: Column, cell: Cell, row: Row, mistakes: list[Mistake]) -> list[Any]:
    reader = READERS["words" if column.refers else column.kind]
    found: list[Any] = []
    for text in cell.texts:
        for part in column.split(text):
            try:
                found.append(reader(part))
            except ValueError as error:
                mistakes.append(Mistake(row.file, cell.row, cell.column, str(error)))
    return found


class _Names:
    """What cells may call a thing by, and what they mean."""

    def __init__(self, what: str, found: Iterable[Read]) -> None:
        self._what = what
        self._keys: set[str] = set()
        self._named: dict[str, set[str]] = {}
        for one in found:
            typed = one.row.cells.get(
                "key"
            )  # a key with a mistake is still what others call the thing: one mistake, not a thousand
            key = one.values.get("key", "") or (typed.texts[0].casefold() if typed else "")
            if key:
                self._keys.add(key)
                for name in (one.values.get("name", ""), *one.values.get("aliases", ())):
                    self._named.setdefault(folded(name), set()).add(key)

    def key(self, text: str) -> str:
        """The key that a text means.

        Raises:
            ValueError: it means none, or several.
        """
        if (lower := text.casefold()) in self._keys:
            return lower
        named = sorted(self._named.get(folded(text), ()))
        if not named:
            raise ValueError(f"{quoted(text)} is no {self._what} of the register, neither by key nor by name")
        if len(named) > 1:
            raise ValueError(f"{quoted(text)} may be {' or '.join(named)}: write the key")
        return named[0]


def _resolve(read: dict[Table, list[Read]], mistakes: list[Mistake]) -> None:
    """Turn what rows call units and systems into keys."""
    units, systems = _Names("unit", read["units"]), _Names("system", read["systems"])
    either = _Names("system or unit", [*read["systems"], *read["units"]])
    names = {"unit": units, "system": systems, "any": either}
    for table, found in read.items():
        columns = [column for column in TABLES[table].values() if column.refers]
        for one in found:
            for column in columns:
                typed = one.values.get(column.name)
                if not typed:
                    continue
                keys: list[str] = []
                for text in typed if column.many else (typed,):
                    try:
                        keys.append(names[column.refers].key(text))
                    except ValueError as error:
                        mistakes.append(one.mistake(column.name, str(error)))
                one.values[column.name] = tuple(dict.fromkeys(keys)) if column.many else keys[0] if keys else ""

"""The register in, its YAML or its CSV tables out: importing them gives the same register."""

import csv
import io
from collections.abc import Mapping
from typing import Any, cast

import msgspec
import yaml

from soc.assets.csv_text import guarded
from soc.assets.entries import Entries
from soc.assets.tables import TABLES, Column, Table
from soc.assets.values import spelled_span

_BOM = "\ufeff"
"""Without it spreadsheets take UTF-8 for something else."""


def _spelled(column: Column, value: Any) -> Any:
    """A value as files have it: text, a number or a list."""
    if column.kind == "span":
        return spelled_span(value)
    return list(value) if column.many else value


def _rows(entries: Entries, table: Table) -> list[dict[str, Any]]:
    """Every entry with what is known of it, in the order of the columns."""
    rows: list[dict[str, Any]] = []
    for entry in getattr(entries, table):
        values: Mapping[str, Any] = msgspec.structs.asdict(entry)
        without = values.get("without", ())
        rows.append(
            {
                name: "none" if name in without else _spelled(column, values[name])
                for name, column in TABLES[table].items()
                if values[name] or name in without
            }
        )
    return rows


def to_yaml(entries: Entries) -> str:
    """One file with every table, also the empty ones."""
    tree = {table: _rows(entries, table) for table in TABLES}
    return yaml.dump(tree, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False, width=120)


def to_csv(entries: Entries) -> dict[str, str]:
    """File name → text of every table, also of the empty ones; opens in spreadsheets as it is."""
    found: dict[str, str] = {}
    for table, columns in TABLES.items():
        out = io.StringIO(newline="")
        writer = csv.writer(out)
        writer.writerow(columns)
        for row in _rows(entries, table):
            writer.writerow([guarded(_cell(row.get(name, ""))) for name in columns])
        found[f"{table}.csv"] = _BOM + out.getvalue()
    return found


def _cell(value: Any) -> str:
    return "; ".join(cast("list[str]", value)) if isinstance(value, list) else str(value)

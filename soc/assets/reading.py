"""Files of the register as (name, bytes) in; the register they say, or all their mistakes, out."""

from collections.abc import Iterable
from pathlib import PurePath

from soc.assets import csv_text, yaml_text
from soc.assets.check import Checked, Told, check
from soc.assets.entries import Entries
from soc.assets.mistakes import Mistake, MistakesError
from soc.assets.tables import Row, Table

CSV = frozenset({".csv", ".tsv", ".txt"})
YAML = frozenset({".yaml", ".yml", ".json"})
_SPREADSHEETS = frozenset({".xlsx", ".xls", ".xlsm", ".ods"})


def read(
    files: Iterable[tuple[str, bytes]],
    before: Entries,
    *,
    timezone: str,
    told: Told = lambda done, total: None,  # noqa: ARG005 - nobody watches
) -> Checked:
    """Read files as one register.

    A table may be spread over several files. What no file has stays as in ``before``.

    Args:
        files: (name as given, bytes); the ending says CSV or YAML (JSON is YAML).
        before: what is published.
        timezone: IANA zone of the days in the units.
        told: is told how far it is.
    """
    rows: list[Row] = []
    tables: set[Table] = set()
    mistakes: list[Mistake] = []
    for name, data in files:
        try:
            if (ending := PurePath(name).suffix.casefold()) in CSV:
                found = csv_text.rows(name, data, mistakes)
                tables.add(found.table)
                rows += found.rows
            elif ending in YAML:
                more, has = yaml_text.rows(name, data, mistakes)
                rows += more
                tables |= has
            else:
                advice = (
                    'save each sheet as "CSV UTF-8"'
                    if ending in _SPREADSHEETS
                    else "the name must end with .csv or .yaml"
                )
                mistakes.append(Mistake(name, 0, "", f"cannot be read: {advice}"))
        except MistakesError as error:
            mistakes += error.mistakes
    if not tables and not mistakes:
        mistakes.append(Mistake("", 0, "", "the files hold no table of the register"))
    if not tables:
        return Checked(None, tuple(mistakes))
    return check(rows, tables, before, timezone=timezone, mistakes=mistakes, told=told)

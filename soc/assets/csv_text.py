"""The bytes of a CSV file as spreadsheets save it in, the rows of one table and every mistake of its form out.

Taken as they come: UTF-8 with or without a byte order mark, UTF-16 with one ("Unicode text"), comma, semicolon or tab, any line
ending, line breaks inside quotes, empty rows, a first line ``sep=;``, headings in Vietnamese or English.
"""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import NamedTuple

from soc.assets.mistakes import Mistake, MistakesError, quoted
from soc.assets.tables import TABLES, Cell, Column, Row, Table, column_named, table_named
from soc.assets.values import cleaned, plain

MAX_CELL = 100_000
_SEPARATORS = ",;\t"
_FORMULA = ("=", "+", "-", "@", "'")
"""What a spreadsheet would calculate, and the mark against it."""


def text_of(file: str, data: bytes) -> str:
    """The text of a file.

    Raises:
        MistakesError: it is in no encoding that is taken.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding, advice = "utf-16", "is cut off in the middle of a character"
    else:
        encoding, advice = "utf-8-sig", 'is not UTF-8: save it as "CSV UTF-8", else Vietnamese letters are lost'
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        row = data[: error.start].count(b"\n") + 1
        raise MistakesError([Mistake(file, row, "", f"the file {advice}")]) from error
    if "\0" in text:
        raise MistakesError([Mistake(file, 0, "", "the file holds NUL bytes: it is no text; export it as CSV")])
    return text


def records(file: str, text: str, mistakes: list[Mistake]) -> Iterator[tuple[int, list[str]]]:
    """(row, cells) of every record, also of empty ones, so that rows count as in a spreadsheet."""
    first = text.partition("\n")[0].strip().casefold()
    skipped = 0
    separator = _separator(text)
    if first.startswith("sep=") and len(first) == 5:
        separator, text, skipped = first[4], text.partition("\n")[2], 1
    csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    row = skipped
    while True:
        row += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            said = "a quote is opened and never closed" if "unexpected end" in str(error) else str(error)
            mistakes.append(Mistake(file, row, "", f"cannot be read from here on: {said}"))
            return
        yield row, cells


def _separator(text: str) -> str:
    """Of the first line that is not empty, what stands outside quotes most often."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    outside = "".join(line.split('"')[::2])
    return max(_SEPARATORS, key=outside.count)


class Found(NamedTuple):
    """The rows of a file, of one table."""

    table: Table
    rows: list[Row]


def rows(file: str, data: bytes, mistakes: list[Mistake]) -> Found:
    """The rows of a file; what is wrong with its form is added to ``mistakes``.

    Args:
        file: its name as given; ``hosts.csv`` says which table it is, else the headings do.
        data: its bytes.
        mistakes: collects.

    Raises:
        MistakesError: not even its heading can be used.
    """
    listed = records(file, text_of(file, data), mistakes)
    nothing: tuple[int, list[str]] = (0, [])
    heading_row, heading = next(((row, cells) for row, cells in listed if any(map(str.strip, cells))), nothing)
    if not heading:
        raise MistakesError(
            [*mistakes, Mistake(file, 0, "", "the file is empty: its first row must hold the headings")]
        )
    table = table_named(PurePath(file).stem) or _table_of(heading)
    if table is None:
        known = "; ".join(f"{name}: {', '.join(columns)}" for name, columns in TABLES.items())
        raise MistakesError(
            [
                Mistake(
                    file, heading_row, "", f"the headings are of no table of the register. Tables and headings: {known}"
                )
            ]
        )
    columns = _columns(file, heading_row, table, heading, mistakes)
    found: list[Row] = []
    for row, cells in listed:
        typed: dict[str, Cell] = {}
        for number, raw in enumerate(cells):
            text = unguarded(cleaned(raw))
            if not text or text in _NOTHING:
                continue
            if number >= len(columns):
                reason = f"{quoted(text)} stands under no heading: is there a separator too many in this row?"
                mistakes.append(Mistake(file, row, letter(number), reason))
            elif (column := columns[number]) is not None:
                typed[column.name] = Cell((text,), row, f'{letter(number)} "{cleaned(heading[number])}"')
        if typed:
            found.append(Row(table, file, row, "", typed))
    return Found(table, found)


_NOTHING = frozenset({"-", "–", "—", "?"})


def _table_of(heading: Sequence[str]) -> Table | None:
    """The table that knows most of the headings and has all that it requires."""
    best: tuple[int, Table] | None = None
    for table, columns in TABLES.items():
        known = {column.name for text in heading if (column := column_named(table, text)) is not None}
        needed = {column.name for column in columns.values() if column.required}
        if needed <= known and (best is None or len(known) > best[0]):
            best = len(known), table
    return best[1] if best else None


def _columns(file: str, row: int, table: Table, heading: Sequence[str], mistakes: list[Mistake]) -> list[Column | None]:
    found: list[Column | None] = []
    for number, text in enumerate(heading):
        column = column_named(table, text)
        where = f'{letter(number)} "{cleaned(text)}"'
        if column is None and text.strip() and plain(text) not in _NUMBERING:
            known = ", ".join(TABLES[table])
            mistakes.append(Mistake(file, row, where, f"is no heading of the table {table}; known are {known}"))
        elif column is not None and column in found:
            mistakes.append(Mistake(file, row, where, f"is the column {column.name} a second time"))
            column = None
        found.append(column)
    lacking = [column for column in TABLES[table].values() if column.required and column not in found]
    mistakes += [
        Mistake(file, row, "", f"the table {table} needs a column {column.name} (or: {', '.join(column.headings)})")
        for column in lacking
    ]
    return found


_NUMBERING = frozenset({"stt", "no", "no.", "#", "tt"})
"""Columns that only count the rows."""


def letter(number: int) -> str:
    """How a spreadsheet names its n-th column, from 0: A … Z, AA and so on."""
    name = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        name = chr(65 + rest) + name
    return name


def guarded(text: str) -> str:
    """A cell so that no spreadsheet calculates it: ``=…`` and the like get an apostrophe in front."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def unguarded(text: str) -> str:
    """What ``guarded`` was given."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text

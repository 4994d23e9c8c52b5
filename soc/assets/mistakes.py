"""A mistake in a file that people type, with its place as they see it: file, row and column, or line and path."""

from collections.abc import Iterable

import msgspec


class Mistake(msgspec.Struct, frozen=True):
    """One mistake.

    Attributes:
        file: as it was given.
        row: of a CSV file as a spreadsheet counts them, the heading is row 1; of a YAML or LDIF file the line; 0: the whole file.
        column: of a CSV file its letter and heading: ``C "địa chỉ"``; of a YAML file the path: ``systems[3].level``; or "".
        reason: what is wrong and what to write instead.
    """

    file: str
    row: int
    column: str
    reason: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.row}" if self.row else self.file
        return f"{where}: {self.column}: {self.reason}" if self.column else f"{where}: {self.reason}"


class MistakesError(Exception):
    """A file cannot be used; nothing of it is.

    Attributes:
        mistakes: all of them, in the order of the files.
    """

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(map(str, self.mistakes)))


def quoted(text: str) -> str:
    """A value as it is shown in a reason: one line, not too long, nothing that could steer a terminal."""
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return '"' + "".join(char if char.isprintable() else " " for char in shown) + '"'


_SHOWN = 60

"""A line of a W3C extended log, with the directives declared before it → names and values; or a directive alone.

W3C Working Draft WD-logfile-960323: values stand in the order of ``#Fields:``, parted by white space; ``-`` is none; a text
with blanks is in double quotes, a quote in it doubled. IIS writes ``+`` for a blank instead.
"""

import re
from functools import lru_cache
from typing import NamedTuple

_VALUE = re.compile(r'"((?:[^"]|"")*)"(?=\s|$)|(\S+)')
_DIRECTIVE = re.compile(r"#(Version|Fields|Software|Start-Date|End-Date|Date|Remark):[ \t]?(.*)")


class Row(NamedTuple):
    """Values by their names, ``-`` and empty ones left out; the software that wrote them, as it says, or ""."""

    values: dict[str, str]
    software: str


class Directive(NamedTuple):
    """A line that begins with ``#``."""

    name: str
    value: str


@lru_cache(maxsize=1024)
def declared(head: str) -> tuple[tuple[str, ...], str]:
    """(names of ``#Fields:``, ``#Software:``) of directive lines; names are () where none are declared by blanks."""
    names: tuple[str, ...] = ()
    software = ""
    for line in head.split("\n"):
        found = _DIRECTIVE.match(line)
        if found is None:
            continue
        if found[1] == "Fields":
            names = tuple(found[2].split())
        elif found[1] == "Software":
            software = found[2].strip()
    return names, software


def split(line: str) -> list[str]:
    """The values of a line."""
    if '"' not in line:
        return line.split()
    return [bare or quoted.replace('""', '"') for quoted, bare in _VALUE.findall(line)]


def read(text: str) -> Row | Directive | None:
    """A line behind its directives, or a directive alone.

    Args:
        text: directives, parted by LF, and perhaps one line that is none.

    Returns:
        None: no directive, no names declared, or other than as many values.
    """
    head, _, line = text.rpartition("\n")
    if line.startswith("#"):
        found = _DIRECTIVE.match(line)
        return None if found is None else Directive(found[1], found[2])
    names, software = declared(head)
    values = split(line)
    if not names or len(values) != len(names):
        return None
    return row(names, values, software)


def row(names: tuple[str, ...], values: list[str], software: str = "") -> Row:
    """The values that are given, by name."""
    return Row({name: value for name, value in zip(names, values, strict=True) if value and value != "-"}, software)

"""Values of a line, by place or by name → fields: what the table of a product comes to, once the names of its lines are known.

They are written by ``native.Columns`` where that was built (``soc.normalize.compiled``), else by ``InPython``: both write the same.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple, Protocol

from soc.normalize.addresses import is_ip, number, put
from soc.normalize.compiled import native


class Kind(IntEnum):
    """What is written of a value. ``native.pyx`` has the same numbers."""

    PLAIN = 0
    """It, whatever it is."""
    TEXT = 1
    """It, if it is a text that says something."""
    NUMBER = 2
    """As an integer, if it is a count."""
    NAT_PORT = 3
    """As NUMBER; 0 says that nothing was translated, and nothing is then there."""
    ADDRESS = 4
    """It, if it is an address; else ``extra`` is called, as by CALL."""
    NAT_ADDRESS = 5
    """As ADDRESS; what is no address of a host (0.0.0.0) is passed over."""
    PATH = 6
    """As TEXT; the last part of the path as ``extra``."""
    WORD = 7
    """What ``extra`` has for the text, else the text in lower case."""
    CALL = 8
    """What ``extra`` does with (fields, value, name), if the value is a text that says something."""
    ANY = 9
    """What ``extra`` does with (fields, value, name)."""
    DECIMAL = 10
    """As an integer, if it is a text of up to nine digits; else as ANY."""


_FEW = 9
"""Digits of what fits 32 bits."""


class Row(NamedTuple):
    """One value.

    Attributes:
        kind: what is written of it.
        place: where it stands among the values, or its name.
        name: the field it goes to.
        extra: see the kind: a name, a mapping, or what is called with (fields, value, name).
    """

    kind: Kind
    place: int | str
    name: str
    extra: Any = None


def named(fields: dict[str, Any], value: str, name: str) -> None:
    """What stands in an address position and is no address: the side's name."""
    put(fields, name.removesuffix(".ip"), value)


def base(path: str) -> str:
    """The last part of a path of Windows or Linux."""
    return path.rpartition("\\" if "\\" in path else "/")[2] or path


class Columns(Protocol):
    """Rows made ready."""

    def write(self, values: tuple[str | None, ...], fields: dict[str, Any]) -> None:
        """Write the values of places."""
        ...

    def write_named(self, values: dict[str, Any], fields: dict[str, Any]) -> None:
        """Write the values of names, which must be there."""
        ...


class InPython:
    """As ``native.Columns``."""

    def __init__(
        self,
        rows: Sequence[Row],
        nothing: frozenset[str],
        nowhere: frozenset[str] = frozenset(),
        first: bool = False,
    ) -> None:
        self._rows = tuple(rows)
        self._nothing = nothing
        self._nowhere = nowhere
        self._first = first

    def write(self, values: tuple[str | None, ...], fields: dict[str, Any]) -> None:
        """Write the values of places."""
        for row in self._rows:
            self._one(row, values[row.place], fields)  # type: ignore[call-overload]

    def write_named(self, values: dict[str, Any], fields: dict[str, Any]) -> None:
        """Write the values of names, which must be there."""
        for row in self._rows:
            self._one(row, values[row.place], fields)  # type: ignore[index]

    def _one(self, row: Row, value: Any, fields: dict[str, Any]) -> None:
        kind, _, name, extra = row
        if self._first and name in fields:
            return
        if kind == Kind.PLAIN:
            fields[name] = value
        elif (
            kind == Kind.DECIMAL
            and value.__class__ is str
            and len(value) <= _FEW
            and (few := number(value)) is not None
        ):
            fields[name] = few
        elif kind >= Kind.ANY:
            extra(fields, value, name)
        elif value.__class__ is not str:
            return
        elif kind in (Kind.NUMBER, Kind.NAT_PORT):
            count = number(value)
            if count is None:
                return
            if count or kind == Kind.NUMBER:
                fields[name] = count
            else:
                fields.pop(name, None)
        elif kind in (Kind.ADDRESS, Kind.NAT_ADDRESS):
            if kind == Kind.NAT_ADDRESS and value in self._nowhere:
                return
            if is_ip(value):
                fields[name] = value
            elif value not in self._nothing:
                extra(fields, value, name)
        elif value in self._nothing:
            return
        elif kind == Kind.WORD:
            fields[name] = extra.get(value) or value.lower()
        elif kind == Kind.CALL:
            extra(fields, value, name)
        else:
            fields[name] = value
            if kind == Kind.PATH:
                fields[extra] = base(value)


def columns(
    rows: Sequence[Row], nothing: frozenset[str], nowhere: frozenset[str] = frozenset(), *, first: bool = False
) -> Columns:
    """Make rows ready.

    Args:
        rows: in the order in which they are written; of two for one field the last stays.
        nothing: texts that say nothing.
        nowhere: addresses that are none.
        first: what is there stays: of two for one field the first.
    """
    return (InPython if native is None else native.Columns)(rows, nothing, nowhere, first)

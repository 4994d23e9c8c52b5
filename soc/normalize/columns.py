"""Values of a line, by place or by name → fields: what the table of a product comes to, once the names of its lines are known.

They are written by ``native.Columns`` where that was built (``soc.normalize.compiled``), else by ``InPython``: both write the same.
"""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import groupby
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


_Part = tuple[Any, str, Any]
"""Place, name and extra of a row."""


class InPython:
    """As ``native.Columns``: rows of one kind that follow each other are written by one loop."""

    def __init__(
        self,
        rows: Sequence[Row],
        nothing: frozenset[str],
        nowhere: frozenset[str] = frozenset(),
        first: bool = False,
    ) -> None:
        self._nothing = nothing
        self._nowhere = nowhere
        self._first = first
        loops = {
            Kind.PLAIN: self._plain,
            Kind.TEXT: self._texts,
            Kind.NUMBER: self._numbers,
            Kind.NAT_PORT: self._nat_ports,
            Kind.ADDRESS: self._addresses,
            Kind.NAT_ADDRESS: self._nat_addresses,
            Kind.PATH: self._paths,
            Kind.WORD: self._words,
            Kind.CALL: self._calls,
            Kind.ANY: self._any,
            Kind.DECIMAL: self._decimals,
        }
        self._runs = tuple(
            (loops[kind], [(row.place, row.name, row.extra) for row in run])
            for kind, run in groupby(rows, lambda row: row.kind)
        )

    def write(self, values: tuple[str | None, ...], fields: dict[str, Any]) -> None:
        """Write the values of places."""
        for loop, parts in self._runs:
            loop(parts, values, fields)

    def write_named(self, values: dict[str, Any], fields: dict[str, Any]) -> None:
        """Write the values of names, which must be there."""
        for loop, parts in self._runs:
            loop(parts, values, fields)

    def _open(self, parts: Sequence[_Part], fields: dict[str, Any]) -> Iterator[_Part]:
        """Those that may be written: looked at one by one, because two may be for one field."""
        return (part for part in parts if part[1] not in fields) if self._first else iter(parts)

    def _plain(self, parts: Sequence[_Part], values: Any, fields: dict[str, Any]) -> None:
        for place, name, _ in self._open(parts, fields):
            fields[name] = values[place]

    def _texts(self, parts: Sequence[_Part], values: Any, fields: dict[str, Any]) -> None:
        nothing = self._nothing
        for place, name, _ in self._open(parts, fields):
            value = values[place]
            if value.__class__ is str and value not in nothing:
                fields[name] = value

    def _numbers(self, parts: Sequence[_Part], values: Any, fields: dict[str, Any]) -> None:
        for place, name, _ in self._open(parts, fields):
            value = values[place]
            if value.__class__ is str and (count := number(value)) is not None:
                fields[name] = count

    def _nat_ports(self, parts: Sequence[_Part], values: Any, fields: dict[str, Any]) -> None:
        for place, name, _ in self._open(parts, fields):
            value = values[place]
            if value.__class__ is str and (count := number(value)) is not None:
                if count:
                    fields[name] = count
                else:
                    fields.pop(name, None)

    def _addresses(self, parts: Sequence[_Part], values: Any, fields: dict[str, Any]) -> None:
        self._hosts(parts, values, fields, frozenset())

    def _nat_addresses(self, parts: Sequence[_Part], values: Any, fields: dict[str, Any]) -> None:
        self._hosts(parts, values, fields, self._nowhere)

    def _hosts(self, parts: Sequence[_Part], values: Any, fields: dict[str, Any], nowhere: frozenset[str]) -> None:
        for place, name, extra in self._open(parts, fields):
            value = values[place]
            if value.__class__ is not str or value in nowhere:
                continue
            if is_ip(value):
                fields[name] = value
            elif value not in self._nothing:
                extra(fields, value, name)

    def _paths(self, parts: Sequence[_Part], values: Any, fields: dict[str, Any]) -> None:
        nothing = self._nothing
        for place, name, extra in self._open(parts, fields):
            value = values[place]
            if value.__class__ is str and value not in nothing:
                fields[name] = value
                fields[extra] = base(value)

    def _words(self, parts: Sequence[_Part], values: Any, fields: dict[str, Any]) -> None:
        for place, name, extra in self._open(parts, fields):
            value = values[place]
            if value.__class__ is str and value not in self._nothing:
                fields[name] = extra.get(value) or value.lower()

    def _calls(self, parts: Sequence[_Part], values: Any, fields: dict[str, Any]) -> None:
        for place, name, extra in self._open(parts, fields):
            value = values[place]
            if value.__class__ is str and value not in self._nothing:
                extra(fields, value, name)

    def _any(self, parts: Sequence[_Part], values: Any, fields: dict[str, Any]) -> None:
        for place, name, extra in self._open(parts, fields):
            extra(fields, values[place], name)

    def _decimals(self, parts: Sequence[_Part], values: Any, fields: dict[str, Any]) -> None:
        for place, name, extra in self._open(parts, fields):
            value = values[place]
            if value.__class__ is str and len(value) <= _FEW and (count := number(value)) is not None:
                fields[name] = count
            else:
                extra(fields, value, name)


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

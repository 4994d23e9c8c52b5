"""A table of texts that a device writes: the row that fits a message → its fields; for devices that log sentences."""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from soc.normalize.addresses import is_ip, mac, put
from soc.normalize.products.product import Fields

_SIDES = frozenset(("source", "destination", "source.nat", "destination.nat", "server", "client"))
_NUMBERS = frozenset(
    [
        *("source.port", "destination.port", "source.nat.port", "destination.nat.port"),
        *("source.bytes", "destination.bytes", "network.bytes"),
        *("source.packets", "destination.packets", "network.packets", "process.pid"),
    ]
)
_DIGITS = 18
"""What is longer may not fit 63 bits."""


class Row(NamedTuple):
    """One text.

    Attributes:
        pattern: matched at the start of the message.
        names: event field of each group; an address position is its side (``source``), digits become integers,
            a transport is written in lower case.
        fields: set for each such message.
    """

    pattern: re.Pattern[str]
    names: tuple[str, ...]
    fields: dict[str, Any]


def row(  # noqa: PLR0917 - a row of a table reads best in one order
    pattern: str,
    names: str,
    action: str,
    category: str,
    types: str,
    outcome: str = "",
    **more: Any,
) -> Row:
    """A row in short.

    Args:
        pattern: the expression's text; bounded.
        names: the groups' fields, separated by blanks.
        action: ``event.action``.
        category: the values of ``event.category``, separated by blanks.
        types: the values of ``event.type``, separated by blanks.
        outcome: ``event.outcome``, "" for none.
        more: further fields, ``_`` for the dot.
    """
    fields: dict[str, Any] = {"event.category": category.split(), "event.type": types.split(), "event.action": action}
    if outcome:
        fields["event.outcome"] = outcome
    fields.update((name.replace("_", "."), value) for name, value in more.items())
    return Row(re.compile(pattern, re.ASCII), tuple(names.split()), fields)


def write(found: Row, groups: tuple[str | None, ...], fields: Fields) -> None:
    """The groups of one match; what is empty is no field."""
    fields.update(found.fields)
    for name, value in zip(found.names, groups, strict=True):
        if not value:
            continue
        if name in _SIDES:
            if is_ip(value):
                fields[name + ".ip"] = value
            else:
                put(fields, name, value)
        elif name in _NUMBERS:
            if value.isdecimal() and len(value) <= _DIGITS:
                fields[name] = int(value)
        elif name == "network.transport":
            fields[name] = value.lower()
        elif name.endswith(".mac"):
            fields[name] = mac(value)
        else:
            fields[name] = value


def first(rows: Iterable[Row], message: str, fields: Fields) -> bool:
    """Write the first row that fits; False: none does, and nothing is written."""
    for found in rows:
        match = found.pattern.match(message)
        if match is not None:
            write(found, match.groups(), fields)
            return True
    return False

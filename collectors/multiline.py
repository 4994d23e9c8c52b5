"""Lines that make one record: lines of a file in, records in, and where the record begins that may still grow.

A record's offset is that of its first line. Nothing is remembered between two calls: what may still grow is not taken, and is read
again with what comes behind it, so a restart in the middle loses nothing and doubles nothing. A record that reaches a limit is
ended there and marked, and what follows up to the next first line is a record of its own.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from collectors.lines import Line

INDENTED = "indented"


class Joining(NamedTuple):
    """How lines are joined.

    Attributes:
        begins: whether a line is the first one of a record.
        max_lines: of a record.
        idle: seconds without a further line after which a record is whole.
    """

    begins: Callable[[bytes], bool]
    max_lines: int
    idle: float


def _not_indented(line: bytes) -> bool:
    return not line.startswith((b" ", b"\t"))


def joining(how: str, *, max_lines: int, idle: float) -> Joining | None:
    """The settings of a listener as they are used; None where every line is a record.

    Args:
        how: ``""``; ``indented``: a line that begins with a blank or a tab belongs to the one before it; else a regular
            expression that is found in the first line of every record.
        max_lines: see ``Joining``.
        idle: see ``Joining``.

    Raises:
        re.error: it is no regular expression.
    """
    if not how:
        return None
    if how == INDENTED:
        return Joining(_not_indented, max_lines, idle)
    first = re.compile(how.encode())

    def begins(line: bytes) -> bool:
        return first.search(line) is not None

    return Joining(begins, max_lines, idle)


def join(lines: Sequence[Line], how: Joining, max_bytes: int, *, whole: bool) -> tuple[list[Line], int | None]:
    """The records that lines make.

    Args:
        lines: in order, from the beginning of a record on.
        how: how.
        max_bytes: of a record; no single line is longer.
        whole: nothing more comes: the last record is whole, too.

    Returns:
        The records, and the offset of the one that may still grow (None if there is none).
    """
    records: list[Line] = []
    group: list[Line] = []
    size = 0
    for line in lines:
        if group:
            longer = size + 1 + len(line.data)
            over = longer > max_bytes or len(group) >= how.max_lines
            if over or how.begins(line.data):
                records.append(_record(group, cut=over and not how.begins(line.data)))
                group = []
        size = size + 1 + len(line.data) if group else len(line.data)
        group.append(line)
        if line.cut:  # its end is not there any more, so nothing can follow it
            records.append(_record(group, cut=True))
            group = []
    if group and whole:
        records.append(_record(group, cut=False))
        group = []
    return records, group[0].offset if group else None


def _record(group: Sequence[Line], *, cut: bool) -> Line:
    return Line(group[0].offset, b"\n".join(line.data for line in group), cut)

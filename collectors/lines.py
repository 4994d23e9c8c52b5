"""Lines of a file: a chunk of its bytes and where it begins in, lines with their offsets out; no file is touched.

An LF ends a line (CR LF too). A line longer than the limit is cut, marked, and the rest of it discarded and counted. A run of
NULs at the beginning of a line is a hole (a writer that goes on behind a truncation) and belongs to no line.
"""

from typing import NamedTuple


class Line(NamedTuple):
    """One line: the offset of its first byte in the file, its bytes, and whether it was cut."""

    offset: int
    data: bytes
    cut: bool


class Taken(NamedTuple):
    """What a chunk gave.

    Attributes:
        lines: the lines that ended in it (or were cut there).
        consumed: bytes that need not be read again.
        skipping: the next bytes belong to a line that was cut: they are discarded up to the next LF.
        discarded: bytes cut off.
    """

    lines: list[Line]
    consumed: int
    skipping: bool
    discarded: int


def take_lines(chunk: bytes, offset: int, *, max_bytes: int, skipping: bool, last: bool = False) -> Taken:
    """Split a chunk that begins at ``offset`` of the file.

    Args:
        chunk: bytes as read; to come forward it must be longer than ``max_bytes``, or hold an LF.
        offset: where it begins: at the beginning of a line, or inside one that is being skipped.
        max_bytes: the limit of a line.
        skipping: as the last ``Taken`` said.
        last: nothing more will be written: what follows the last LF is a line too.
    """
    lines: list[Line] = []
    at = discarded = 0
    if skipping:
        end = chunk.find(b"\n")
        if end < 0:
            return Taken([], len(chunk), not last, len(chunk))
        at, discarded = end + 1, end
    stop = chunk.rfind(b"\n") + 1
    if stop > at:
        for raw in chunk[at : stop - 1].split(b"\n"):
            discarded += _line(raw, offset + at, max_bytes, lines)
            at += len(raw) + 1
    rest = chunk[at:]
    if rest and (last or len(rest.lstrip(b"\0")) > max_bytes + 1):
        discarded += _line(rest, offset + at, max_bytes, lines)
        return Taken(lines, len(chunk), not last, discarded)
    hole = len(rest) - len(rest.lstrip(b"\0"))
    if hole < len(rest):  # NULs with nothing behind them may be space a writer has reserved: they are looked at again
        at += hole
    return Taken(lines, at, False, discarded)


def _line(raw: bytes, offset: int, max_bytes: int, lines: list[Line]) -> int:
    """Append one line, if there is anything in it; returns how many bytes were cut off."""
    whole = raw.lstrip(b"\0")
    offset += len(raw) - len(whole)
    data = whole.removesuffix(b"\r")
    if len(data) > max_bytes:
        lines.append(Line(offset, data[:max_bytes], cut=True))
        return len(whole) - max_bytes
    if data:
        lines.append(Line(offset, data, cut=False))
    return 0

"""A file, packed or not, or standard input → its lines in blocks; JSON written over several lines → one line an object."""

import gzip
import json
import re
import sys
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, cast

from soc.errors import SettingsError

MAX_LINE: Final = 16 * 1024 * 1024
"""Bytes of a line that are kept; the rest of a longer one is cut, and the record says so."""
MAX_DOCUMENT: Final = 256 * 1024 * 1024
"""Bytes of a pretty-printed JSON file that are read as one; the rest is read line by line."""
BLOCK: Final = 256 * 1024
"""Bytes asked for at once; with a megabyte every block is fresh memory, and reading takes twice the time. A pipe gives what it has, so that lines are seen as they are written."""
_WHITE = re.compile(r"[\s,]*")

Block = tuple[list[bytes], bool]
"""Lines without their ends, none of them empty, and whether they were cut (then it is one line)."""


@contextmanager
def open_input(file: Path) -> Generator[IO[bytes]]:
    """The bytes of ``file``: ``-`` is standard input, ``.gz`` is unpacked.

    Raises:
        SettingsError: it cannot be read, at whatever point of it.
    """
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
            yield cast("IO[bytes]", stream)
    except (OSError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise SettingsError([f"{file}: cannot be read: {error}"]) from error


def blocks(stream: IO[bytes]) -> Iterator[Block]:
    """All lines in order."""
    first = stream.readline(MAX_LINE)
    if first.strip(b" \t\r\n\xef\xbb\xbf") in (b"{", b"[", b"[{"):
        whole = first + stream.read(MAX_DOCUMENT)
        found = _objects(whole)
        if found is not None:
            yield found, False
            whole = b""
        first = whole
    yield from _blocks(stream, first)


def lines(stream: IO[bytes]) -> Iterator[tuple[bytes, bool]]:
    """All lines in order, each with whether it was cut."""
    for found, cut in blocks(stream):
        for line in found:
            yield line, cut


def _blocks(stream: IO[bytes], first: bytes) -> Iterator[Block]:
    read, rest = getattr(stream, "read1", stream.read), b""
    while True:
        block: bytes = first or read(BLOCK)
        first = b""
        found = block.split(b"\n")
        found[0] = rest + found[0]
        returns, long = b"\r" in block or b"\r" in rest, len(rest) + len(block) > MAX_LINE
        rest = found.pop() if block else b""
        if returns:
            found = [line.rstrip(b"\r") for line in found]
        if long:
            yield from (([line[:MAX_LINE]], len(line) > MAX_LINE) for line in found if line)
        elif any(found):
            yield list(filter(None, found)), False
        if not block:
            return
        if len(rest) > MAX_LINE:
            yield [rest[:MAX_LINE]], True
            first, rest = _after_line(read), b""


def _after_line(read: Any) -> bytes:
    """Reads to the end of the line; what came behind it."""
    while block := read(BLOCK):
        _, end, rest = block.partition(b"\n")
        if end:
            return rest
    return b""


def _objects(document: bytes) -> list[bytes] | None:
    """The objects of a pretty-printed file, one after another or in one array, each on one line; None if it is not JSON."""
    text, decoder, found = document.decode("utf-8-sig", "replace"), json.JSONDecoder(), list[Any]()
    at = _WHITE.match(text).end()  # type: ignore[union-attr]
    try:
        while at < len(text):
            value, at = decoder.raw_decode(text, at)
            found += cast("list[Any]", value) if isinstance(value, list) else [value]
            at = _WHITE.match(text, at).end()  # type: ignore[union-attr]
    except (ValueError, RecursionError):
        return None
    return [json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass") for value in found]

"""How far the reading of a long file has come → one line on a terminal's standard error; nothing anywhere else."""

import sys
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

import click

_EVERY: Final = 0.5
"""Seconds between two words, and before the first one: short files show nothing."""
_CLEAR: Final = "\r\x1b[K"


class Progress:
    """Shows lines, lines a second and, where the size is known, the share that was read; wiped at the end."""

    def __init__(self, stream: IO[bytes], file: Path) -> None:
        """Watch ``stream``, the opened ``file`` (``-`` and packed ones have no known size)."""
        self._stream = stream
        plain = str(file) != "-" and file.suffix != ".gz" and file.is_file()
        self._size = file.stat().st_size if plain else 0
        self._on = sys.stderr.isatty()
        self._shown = False
        self._started = self._last = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wipe()

    def show(self, lines: int) -> None:
        """Say that so many lines are done, at most twice a second."""
        if not self._on or (at := time.monotonic()) < self._last + _EVERY:
            return
        self._last = at
        share = f"{min(100, 100 * self._stream.tell() // self._size)} % · " if self._size else ""
        click.echo(f"{_CLEAR}{share}{lines:,} lines · {lines / (at - self._started):,.0f} a second", err=True, nl=False)
        self._shown = True

    def wipe(self) -> None:
        """Give the line back, before anything else is written to the terminal."""
        if self._shown:
            click.echo(_CLEAR, err=True, nl=False)
            self._shown = False

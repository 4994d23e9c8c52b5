"""How commands print: rows as NDJSON, as one JSON array, or as a table for people; and what every command is given."""

import asyncio
import getpass
import os
import sys
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
import uvloop

from soc.settings import Settings, load

Row = Mapping[str, Any]
F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

_json = msgspec.json.Encoder(enc_hook=str)


def config_option(command: F) -> F:
    """``--config``: the settings file."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        default=None,
        help="Settings file [default: soc.toml, if it is there].",
    )(command)


def format_option(command: F) -> F:
    """``--output-format``: how rows are printed."""
    return click.option(
        "--output-format",
        "output_format",
        type=click.Choice(["table", "ndjson", "json"]),
        default=None,
        help="[default: table on a terminal, else ndjson]",
    )(command)


def settings_of(config: Path | None) -> Settings:
    """The settings a command works with."""
    return load(config)


def actor() -> str:
    """Who gives the command, for the audit trail."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container whose user number has no name
        return f"cli:{os.getuid()}"


def run_async(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine on uvloop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(coroutine)


def print_rows(rows: Iterable[Row], output_format: str | None, columns: Sequence[str] = ()) -> None:
    """Print rows; a table shows ``columns`` (or the first row's keys) only."""
    chosen = output_format or ("table" if sys.stdout.isatty() else "ndjson")
    if chosen == "ndjson":
        for row in rows:
            print_json(row)
    elif chosen == "json":
        print_json(list(rows))
    else:
        _print_table(list(rows), columns)


def print_json(value: Any) -> None:
    """One JSON value on one line of standard output."""
    sys.stdout.buffer.write(_json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


def print_json_lines(values: Iterable[Any]) -> None:
    """Each JSON value on a line of its own, all written at once."""
    if lines := [_json.encode(value) for value in values]:
        sys.stdout.buffer.write(b"\n".join(lines) + b"\n")
        sys.stdout.buffer.flush()


def _print_table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    if not rows:
        click.echo("(none)", err=True)
        return
    names = list(columns) or list(rows[0])
    cells = [[_cell(row.get(name)) for name in names] for row in rows]
    widths = [max(len(name), *(len(line[i]) for line in cells)) for i, name in enumerate(names)]
    widths = [min(width, 60) for width in widths]
    click.echo("  ".join(name.ljust(width) for name, width in zip(names, widths, strict=True)).rstrip())
    for line in cells:
        click.echo("  ".join(_fit(cell, width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else _json.encode(value).decode()
    return "".join(char if char.isprintable() else " " for char in text)


def _fit(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else text[: width - 1] + "…"

"""``soc deadletter``: what could not be processed, by shape; one with its bytes; and asking for it to be processed again."""

import base64
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec

from soc.cli.operate import require_installation
from soc.cli.output import actor, config_option, format_option, print_json, print_rows, run_async, settings_of
from soc.clock import to_iso
from soc.settings import Settings

if TYPE_CHECKING:
    from soc.bus.base import Bus
    from soc.model import DeadLetter
    from soc.pipeline.letters import Group

T = TypeVar("T")

SAMPLE_CHARACTERS = 300


def _on_bus(settings: Settings, what: "Callable[[Bus], Awaitable[T]]") -> T:
    from soc.app import open_bus
    from soc.pipeline.migrate_guard import GuardedBus

    require_installation(settings)

    async def main() -> T:
        bus = open_bus(settings)
        try:
            return await what(GuardedBus(bus))
        finally:
            await bus.close()

    return run_async(main())


def printable(data: bytes) -> str:
    """Bytes for a terminal: what is no UTF-8, and what could steer the terminal, escaped as Python writes it."""
    text = data.decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


@click.group()
def deadletter() -> None:
    """Dead letters: records that could not be processed, with their bytes.

    \b
    Example:
      soc deadletter list
      soc deadletter retry --group 4f1c09aa31b2
    """


@deadletter.command(name="list")
@click.option("--source", default="", help="Of this source only.")
@click.option("--group", "shape", default="", help="The letters of this group, one by one.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@config_option
@format_option
def list_(source: str, shape: str, limit: int, config: Path | None, output_format: str | None) -> None:
    """Group the open ones by shape, the largest group first; letters of equal stage, reason and masked line are one group.

    \b
    Example:
      soc deadletter list --source 192.0.2.31
    """
    from soc.pipeline.letters import Selection, groups, open_letters

    selection = Selection(shape=shape, source=source)
    settings = settings_of(config)
    if not shape:
        found = _on_bus(settings, lambda bus: groups(bus, selection))
        columns = ("group", "count", "last", "sources", "stage", "reason", "sample")
        print_rows([_group_row(group) for group in found[:limit]], output_format, columns)
        return

    async def first(bus: "Bus") -> "list[DeadLetter]":
        some: list[DeadLetter] = []
        async for letter in open_letters(bus, selection):
            some.append(letter)
            if len(some) == limit:
                break
        return some

    rows = [_letter_row(letter) for letter in _on_bus(settings, first)]
    print_rows(rows, output_format, ("id", "received", "source", "attempt", "line"))


@deadletter.command()
@click.argument("identifier")
@config_option
def show(identifier: str, config: Path | None) -> None:
    """Show one by its id, with its bytes as text (escaped where a terminal could not take them) and as base64.

    \b
    Example:
      soc deadletter show 6b1f/0/41
    """
    from soc.model.deadletter import shape
    from soc.pipeline.letters import letters_of

    found = _on_bus(settings_of(config), lambda bus: letters_of(bus, identifier))
    if not found:
        click.echo(f"soc: there is no dead letter {identifier!r}", err=True)
        raise click.exceptions.Exit(1)
    for letter in found:
        shown = msgspec.to_builtins(letter, builtin_types=(bytes,))
        shown |= {"group": shape(letter), "received": to_iso(letter.received), "line": printable(letter.data)}
        print_json({**shown, "data": {"base64": base64.b64encode(letter.data).decode()}})


@deadletter.command()
@click.argument("identifier", required=False, default="")
@click.option("--group", "shape", default="", help="All of this group.")
@click.option("--source", default="", help="All of this source.")
@click.option("--all", "everything", is_flag=True, help="All that are open.")
@click.option("--wait", type=click.FloatRange(min=0), default=0.0, help="Seconds to wait for what becomes of them.")
@config_option
def retry(identifier: str, shape: str, source: str, config: Path | None, *, everything: bool, wait: float) -> None:
    """Ask the engine to process them again, by id, group, source or all; say afterwards what became of them with --wait.

    Restart the engine first if a mapping or profile was changed: it is read at its start. What is processed keeps its id
    and its receive time, so nothing is doubled however often it is asked for; what fails again stays one open letter.

    Exit code 1: some of them failed again.

    \b
    Example:
      soc deadletter retry --group 4f1c09aa31b2 --wait 30
    """
    from soc.pipeline.letters import Selection
    from soc.pipeline.letters import retry as ask

    if not (identifier or shape or source or everything):
        raise click.UsageError("say which: an id, --group, --source or --all")
    selection = Selection(identifier, shape, source)
    asked = _on_bus(settings_of(config), lambda bus: ask(bus, selection, actor(), outcome_seconds=wait))
    print_json(asked)
    if asked.left:
        click.echo(f"soc: {asked.left} are no raw lines; `soc store rebuild` makes what misses them anew", err=True)
    if asked.failed:
        raise click.exceptions.Exit(1)


def _group_row(group: "Group") -> dict[str, Any]:
    return {
        "group": group.shape,
        "count": group.count,
        "first": to_iso(group.first),
        "last": to_iso(group.last),
        "sources": group.sources,
        "stage": group.stage,
        "reason": group.reason,
        "sample": printable(group.sample.data)[:SAMPLE_CHARACTERS],
        "sample_id": group.sample.id,
    }


def _letter_row(letter: "DeadLetter") -> dict[str, Any]:
    return {
        "id": letter.id,
        "received": to_iso(letter.received),
        "source": letter.source,
        "stage": letter.stage,
        "reason": letter.reason,
        "attempt": letter.attempt,
        "line": printable(letter.data)[:SAMPLE_CHARACTERS],
    }


COMMANDS = (deadletter,)

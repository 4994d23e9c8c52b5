"""``soc alerts``, ``soc incidents``: what the installation holds, and acts on it."""

from pathlib import Path

import click

from soc.cli.acts import act_command
from soc.cli.operate import require_installation
from soc.cli.output import config_option, format_option, print_json, print_rows, run_async, settings_of
from soc.cli.personal import shown, unmask_option
from soc.errors import SettingsError
from soc.store.base import Document, Kind


def _list_command(kind: Kind, text: str, columns: tuple[str, ...]) -> click.Command:
    @click.command(name="list", help=text)
    @click.argument("query", default="")
    @click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
    @unmask_option
    @config_option
    @format_option
    def command(query: str, limit: int, unmask: str | None, config: Path | None, output_format: str | None) -> None:
        found = found_documents(kind, query, limit, config)
        found = shown(settings_of(config), found, unmask, f"{kind}s/{query or 'all'}")
        rows = [document.body or document.fields for document in found]
        print_rows(rows, output_format, columns)

    return command


def show_command(kind: Kind, text: str) -> click.Command:
    """The command ``show`` of a group."""

    @click.command(name="show", help=text)
    @click.argument("identifier")
    @unmask_option
    @config_option
    def command(identifier: str, unmask: str | None, config: Path | None) -> None:
        document = run_async(_get(kind, identifier, config))
        if document is None:
            click.echo(f"soc: there is no {kind} {identifier!r}", err=True)
            raise click.exceptions.Exit(1)
        (document,) = shown(settings_of(config), [document], unmask, f"{kind}/{identifier}")
        print_json(document.body or document.fields)

    return command


def found_documents(kind: Kind, query: str, limit: int, config: Path | None) -> list[Document]:
    """The newest documents of a kind that match.

    Raises:
        SettingsError: the query is none.
        UnavailableError: the store is away.
    """
    return run_async(_search(kind, query, limit, config))


async def _search(kind: Kind, query: str, limit: int, config: Path | None) -> list[Document]:
    from soc.app import open_store
    from soc.store.query import QueryError, parse

    settings = settings_of(config)
    require_installation(settings)
    store = open_store(settings)
    try:
        try:
            parsed = parse(query)
        except QueryError as error:
            raise SettingsError([str(error)]) from error
        return list((await store.search(kind, parsed, limit=limit)).documents)
    finally:
        await store.close()


async def _get(kind: Kind, identifier: str, config: Path | None) -> Document | None:
    from soc.app import open_store

    settings = settings_of(config)
    require_installation(settings)
    store = open_store(settings)
    try:
        return await store.get(kind, identifier)
    finally:
        await store.close()


def documents(name: str, kind: Kind, what: str, example: str, columns: tuple[str, ...]) -> click.Group:
    """A group of commands that list and show the store's documents of one kind."""
    group = click.Group(name, help=f"List and show {what}.\n\n\b\nExample:\n  {example}")
    group.add_command(_list_command(kind, f"List {what} that match QUERY, newest first.", columns))
    group.add_command(show_command(kind, f"Show one of the {what} by its id."))
    return group


alerts = documents(
    "alerts",
    "alert",
    "alerts",
    "soc alerts list 'level:high status:new'",
    ("id", "level", "status", "title", "count", "incident_id"),
)
incidents = documents(
    "incidents",
    "incident",
    "incidents",
    "soc incidents list status:new",
    ("id", "number", "level", "status", "kind", "severity", "exercise", "owner", "title"),
)

alerts.add_command(act_command("alert"))
incidents.add_command(act_command("incident"))

COMMANDS = (alerts, incidents)

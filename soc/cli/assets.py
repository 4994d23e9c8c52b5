"""``soc assets``: the register of systems, organizations and hosts: import, export, look up, compare."""

import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click
import msgspec

from soc.cli.operate import require_installation
from soc.cli.output import actor, config_option, format_option, print_json, print_rows, run_async, settings_of
from soc.errors import SettingsError
from soc.settings import Settings

if TYPE_CHECKING:
    from soc.assets.difference import Change
    from soc.assets.entries import Entries
    from soc.assets.mistakes import Mistake
    from soc.assets.register import Register
    from soc.bus.base import Bus
    from soc.model import ContextName

T = TypeVar("T")

FILES = click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False, readable=True)
)


@click.group()
def assets() -> None:
    """The register: systems, their organizations, hosts, networks, expected log sources, contacts.

    \b
    Example:
      soc assets import systems.yaml hosts.csv --dry-run
      soc assets lookup 192.0.2.21
    """


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


async def _published(bus: "Bus") -> "Register":
    from soc.assets.register import EMPTY, Register
    from soc.pipeline.context import Contexts

    contexts = Contexts(bus)
    await contexts.refresh()
    found = contexts.get("register")
    return Register.decode(found.data) if found is not None else EMPTY


def _told(done: int, total: int) -> None:
    """How far the check is, on a terminal, where there is enough to wait for."""
    if sys.stderr.isatty() and total > 1000:
        end = "\r\x1b[K" if done >= total else ""
        click.echo(f"\r\x1b[K{100 * done // total} % of {total:,} rows{end}", err=True, nl=False)


def _refuse(mistakes: "Sequence[Mistake]", output_format: str | None) -> NoReturn:
    """Print every mistake and end with 1."""
    print_rows([msgspec.structs.asdict(one) for one in mistakes], output_format, ("file", "row", "column", "reason"))
    click.echo(f"{len(mistakes):,} mistakes; nothing was taken, what is published stays as it was", err=True)
    raise click.exceptions.Exit(1)


def _read(settings: Settings, files: Sequence[Path], before: "Entries", output_format: str | None) -> "Entries":
    """What the files say; else every mistake is printed and the command ends with 1."""
    from soc.assets.reading import read

    try:
        texts = [(str(file), file.read_bytes()) for file in files]
    except OSError as error:
        raise SettingsError([f"{error.filename}: cannot be read: {error.strerror}"]) from error
    found = read(texts, before, timezone=settings.timezone, told=_told)
    if found.entries is None:
        _refuse(found.mistakes, output_format)
    return found.entries


def _publish(settings: Settings, name: "ContextName", data: bytes, detail: str, *, dry_run: bool) -> str:
    """Publish; the hash, or "" in a dry run."""
    from soc.assets.packing import MAX_PACKED
    from soc.clock import now
    from soc.pipeline.context import publish

    if len(data) > MAX_PACKED:
        raise SettingsError([f"the {name} is {len(data):,} bytes when packed; {MAX_PACKED:,} can be published"])
    if dry_run:
        return ""
    return _on_bus(settings, lambda bus: publish(bus, name, data, actor=actor(), at=now(), detail=detail))


def _change_rows(changes: "Sequence[Change]") -> list[dict[str, Any]]:
    return [
        {
            "what": change.what,
            "table": change.table,
            "key": change.key,
            "name": change.name,
            "fields": [{"field": name, "before": before, "after": after} for name, before, after in change.fields],
        }
        for change in changes
    ]


@assets.command(name="import")
@FILES
@click.option("--dry-run", is_flag=True, help="Check and count what would change; publish nothing.")
@config_option
@format_option
def import_(files: tuple[Path, ...], config: Path | None, output_format: str | None, *, dry_run: bool) -> None:
    """Check files of the register and publish what they say; running processes take it up within seconds.

    CSV as spreadsheets save it (one table a file: units, systems, hosts, log_sources, contacts) or YAML. A table in the files
    replaces the published one as a whole; tables that no file has stay. Every mistake is listed with file, row and column, and then
    nothing is taken: exit code 1.

    \b
    Example:
      soc assets import units.yaml systems.yaml hosts.csv
    """
    from soc.assets.difference import counts, difference, summary
    from soc.assets.register import Register

    settings = settings_of(config)
    before = _on_bus(settings, _published).entries
    entries = _read(settings, files, before, output_format)
    changes = difference(before, entries)
    data = Register(entries).encode()
    digest = _publish(settings, "register", data, summary(entries), dry_run=dry_run)
    print_json({"published": not dry_run, "hash": digest, "register": summary(entries), "changes": counts(changes)})
    removed = sum(change.what == "removed" for change in changes)
    if removed:
        click.echo(
            f"{removed:,} entries {'would be' if dry_run else 'were'} removed; `soc assets diff` lists them", err=True
        )


@assets.command()
@FILES
@config_option
@format_option
def diff(files: tuple[Path, ...], config: Path | None, output_format: str | None) -> None:
    """Say entry by entry what importing these files would change; exit code 1 if they hold mistakes.

    \b
    Example:
      soc assets diff hosts.csv
    """
    from soc.assets.difference import difference

    settings = settings_of(config)
    before = _on_bus(settings, _published).entries
    changes = difference(before, _read(settings, files, before, output_format))
    print_rows(_change_rows(changes), output_format, ("what", "table", "key", "name", "fields"))


@assets.command()
@click.option(
    "--csv", "directory", type=click.Path(path_type=Path, file_okay=False), help="One CSV a table, into this directory."
)
@config_option
def export(directory: Path | None, config: Path | None) -> None:
    """Print the published register as YAML, or write it as CSV files; importing them gives the same register.

    \b
    Example:
      soc assets export > register.yaml
      soc assets export --csv register/
    """
    from soc.assets.export import to_csv, to_yaml

    entries = _on_bus(settings_of(config), _published).entries
    if directory is None:
        sys.stdout.buffer.write(to_yaml(entries).encode())
        return
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in to_csv(entries).items():
            (directory / name).write_bytes(text.encode())
            click.echo(str(directory / name), err=True)
    except OSError as error:
        raise SettingsError([f"{directory}: cannot be written: {error.strerror}"]) from error


@assets.command(name="list")
@config_option
@format_option
def list_(config: Path | None, output_format: str | None) -> None:
    """List the systems, the most critical first, with what a report would lack of each.

    \b
    Example:
      soc assets list
    """
    register = _on_bus(settings_of(config), _published)
    rows: list[dict[str, Any]] = []
    for system in register.systems():
        hit = register.hit(system.key)
        assert hit is not None
        rows.append(
            {
                "key": system.key,
                "name": system.name,
                "level": system.level or None,
                "criticality": system.criticality,
                "owner": hit.owner,
                "hosts": len(register.hosts_of(system.key)),
                "missing": list(hit.missing),
            }
        )
    print_rows(rows, output_format)


@assets.command()
@click.argument("key")
@config_option
def show(key: str, config: Path | None) -> None:
    """Show one system with its hosts, log sources and contacts, or one unit with who succeeded it.

    \b
    Example:
      soc assets show dvc
    """
    register = _on_bus(settings_of(config), _published)
    system, unit = register.system(key), register.units.get(key)
    if system is not None:
        print_json(
            {
                "system": system,
                "as_reported": register.hit(key),
                "hosts": register.hosts_of(key),
                "log_sources": register.sources_of(key),
                "contacts": register.contacts_of(key),
            }
        )
    elif unit is not None:
        print_json({"unit": unit, "sees": sorted(register.under(key)), "contacts": register.contacts_of(key)})
    else:
        click.echo(f"soc: the register has no system or unit {key!r}", err=True)
        raise click.exceptions.Exit(1)


@assets.command()
@click.argument("value")
@config_option
@format_option
def lookup(value: str, config: Path | None, output_format: str | None) -> None:
    """Say to which systems an address, host, domain or user belongs; exit code 1 if to none.

    \b
    Example:
      soc assets lookup 192.0.2.21
    """
    register = _on_bus(settings_of(config), _published)
    fields = ("source.ip", "host.name", "url.domain", "user.name")
    hits = register.find([(name, value) for name in fields])
    host, shared = register.host(value), register.is_shared(value)
    rows = [
        {
            "key": hit.key,
            "name": hit.name,
            "level": hit.level or None,
            "owner": hit.owner,
            "host": host.name if host else "",
            "shared": shared,
        }
        for hit in hits
    ]
    print_rows(rows, output_format)
    if not hits:
        raise click.exceptions.Exit(1)


FILE = click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, readable=True))


@click.group()
def directory() -> None:
    """People of the organizations: whose account a user name is.

    \b
    Example:
      soc directory import users.ldif
    """


@directory.command(name="import")
@FILE
@click.option("--dry-run", is_flag=True, help="Check; publish nothing.")
@config_option
@format_option
def import_directory(file: Path, config: Path | None, output_format: str | None, *, dry_run: bool) -> None:
    """Publish an export of the user directory, CSV or LDIF (.ldif), in place of the one before.

    Taken are the user name (sAMAccountName, uid, login), name, department, title, mail, telephone and whether the account is closed;
    everything else is passed over. All mistakes are listed, and then nothing is taken: exit code 1.

    \b
    Example:
      soc directory import users.ldif
    """
    from soc.assets.directory import Directory
    from soc.assets.mistakes import MistakesError
    from soc.assets.people import people

    settings = settings_of(config)
    require_installation(settings)
    try:
        found = people(str(file), file.read_bytes())
    except MistakesError as error:
        _refuse(error.mistakes, output_format)
    detail = f"{len(found):,} accounts"
    digest = _publish(settings, "directory", Directory(found).encode(), detail, dry_run=dry_run)
    print_json({"published": not dry_run, "hash": digest, "directory": detail})


@click.group()
def geography() -> None:
    """Networks to countries and autonomous systems, from a file of yours.

    \b
    Example:
      soc geography import networks.csv
    """


@geography.command(name="import")
@FILE
@click.option("--dry-run", is_flag=True, help="Check; publish nothing.")
@config_option
@format_option
def import_geography(file: Path, config: Path | None, output_format: str | None, *, dry_run: bool) -> None:
    """Publish a CSV of networks: `network,country,asn,organization`, or `first,last,country,asn,organization`.

    The last two columns may be left out, a heading too. All mistakes are listed, and then nothing is taken: exit code 1.

    \b
    Example:
      soc geography import networks.csv
    """
    from soc.assets.mistakes import MistakesError
    from soc.assets.places import geography as read_geography

    settings = settings_of(config)
    require_installation(settings)
    try:
        found = read_geography(str(file), file.read_bytes())
    except MistakesError as error:
        _refuse(error.mistakes, output_format)
    detail = f"{len(found.ranges):,} networks"
    digest = _publish(settings, "geography", found.encode(), detail, dry_run=dry_run)
    print_json({"published": not dry_run, "hash": digest, "geography": detail})


COMMANDS = (assets, directory, geography)

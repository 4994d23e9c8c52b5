"""``soc notify …``: the duty roster, who would be called, whether it would work, what was told; and the watch on a second host."""

import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from zoneinfo import ZoneInfo

import click

from soc.cli.operate import require_installation
from soc.cli.output import actor, config_option, format_option, print_json, print_rows, run_async, settings_of
from soc.clock import DAY, Micros, now, to_datetime, to_iso, to_micros
from soc.errors import SettingsError, UnavailableError
from soc.settings import Settings

if TYPE_CHECKING:
    from soc.bus.base import Bus
    from soc.notify.roster import Roster

T = TypeVar("T")

AHEAD: Final = 28 * DAY
"""Holes in the roster are looked for so far ahead: four weeks."""
LEVELS: Final = ("informational", "low", "medium", "high", "critical")
STARTING_SECONDS: Final = 20.0
"""A running notifier reads an order within a second; one that was just started within some."""


@click.group()
def notify() -> None:
    r"""People who are told: the duty roster, who would be called when, whether it would work, what was told to whom.

    \b
    Example:
      soc notify roster import roster.yaml
      soc notify check
    """


@notify.group()
def roster() -> None:
    """The duty roster: people, shifts, holidays, substitutions, escalations, routes (docs/howto/notify.md)."""


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


async def _published(bus: "Bus") -> bytes | None:
    from soc.pipeline.context import Contexts

    contexts = Contexts(bus)
    await contexts.catch_up()
    found = contexts.get("roster")
    return found.data if found else None


def _roster(settings: Settings, file: Path | None) -> "Roster":
    """The roster of a file, or the published one."""
    from soc.notify.roster import EMPTY
    from soc.notify.roster_file import decode

    if file is not None:
        return _parsed(file)[1]
    data = _on_bus(settings, _published)
    return decode(data) if data is not None else EMPTY


def _parsed(file: Path) -> "tuple[str, Roster]":
    """A file's text and the roster it says; every mistake is on standard error and the exit code 1."""
    from soc.notify.roster_file import parse

    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([f"{file}: cannot be read: {error}"]) from error
    try:
        return text, parse(text, str(file))
    except SettingsError as error:
        click.echo(str(error), err=True)
        click.echo("soc: nothing was taken, what is published stays as it was", err=True)
        raise click.exceptions.Exit(1) from error


FILE = click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, readable=True))


@roster.command(name="import")
@FILE
@click.option("--dry-run", is_flag=True, help="Check only; publish nothing.")
@config_option
def import_(file: Path, config: Path | None, *, dry_run: bool) -> None:
    """Check the roster of FILE (YAML) and publish it; the running notifier takes it up within seconds.

    Every mistake is listed with its line and column, and then nothing is taken: exit code 1. What is right but leaves hours in
    which nobody is on duty is taken, and said.

    \b
    Example:
      soc notify roster import roster.yaml
    """
    from soc.notify.readiness import gaps
    from soc.pipeline.context import publish

    settings = settings_of(config)
    text, found = _parsed(file)
    at = now()
    detail = f"{len(found.people)} people, {len(found.shifts)} shifts, {len(found.escalations)} escalations"
    digest = ""
    if not dry_run:
        digest = _on_bus(
            settings, lambda bus: publish(bus, "roster", text.encode(), actor=actor(), at=at, detail=detail)
        )
    left = gaps(found, settings.notify, at, at + AHEAD)
    print_json({"published": not dry_run, "hash": digest, "roster": detail, "findings": len(left)})
    for gap in left:
        click.echo(f"{gap.what}: {gap.detail}", err=True)


@roster.command()
@config_option
def show(config: Path | None) -> None:
    """Print the published roster as it was imported (YAML); exit code 1 if there is none.

    \b
    Example:
      soc notify roster show > roster.yaml
    """
    data = _on_bus(settings_of(config), _published)
    if data is None:
        click.echo("no roster was imported: nobody is told of anything", err=True)
        raise click.exceptions.Exit(1)
    sys.stdout.buffer.write(data)


def _moment(text: str, zone: str) -> Micros:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise SettingsError([f"--at {text!r} is no time; write one like 2026-12-31T07:00"]) from error
    return to_micros(found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone)))


@notify.command()
@click.option("--at", "at_text", default="", help="When, in the roster's zone: 2026-12-31T07:00 [default: now].")
@click.option("--level", type=click.Choice(LEVELS), default="critical", show_default=True, help="Of what comes up.")
@click.option("--system", "systems", multiple=True, help="Key of a system that is hit; may be repeated.")
@click.option("--unit", "units", multiple=True, help="Key of the system's owner; may be repeated.")
@click.option(
    "--roster", "file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A roster not imported yet."
)
@config_option
@format_option
def who(
    *,
    at_text: str,
    level: str,
    systems: tuple[str, ...],
    units: tuple[str, ...],
    file: Path | None,
    config: Path | None,
    output_format: str | None,
) -> None:
    """Say who would be called, step by step, if an incident came up and nobody acknowledged it; exit code 1 if nobody.

    \b
    Example:
      soc notify who --at 2026-12-31T23:30 --level critical
    """
    from soc.notify.routing import Matter, who_would_be_called

    settings = settings_of(config)
    found = _roster(settings, file)
    at = _moment(at_text, found.zone) if at_text else now()
    matter = Matter("who", "who", "incident", level, at, systems=tuple((key, key) for key in systems), units=units)
    zone = ZoneInfo(found.zone)
    rows = [
        {
            "step": number + 1,
            "at": to_datetime(moment).astimezone(zone).isoformat(timespec="minutes"),
            "people": [found.people[key].name for key in people],
            "channels": [[channel for channel, _ in found.people[key].channels] for key in people],
        }
        for number, moment, people in who_would_be_called(found, matter, at)
    ]
    print_rows(rows, output_format, ("step", "at", "people", "channels"))
    if not any(row["people"] for row in rows):
        click.echo("nobody would be called", err=True)
        raise click.exceptions.Exit(1)


@notify.command()
@click.option(
    "--roster", "file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A roster not imported yet."
)
@config_option
@format_option
def check(file: Path | None, config: Path | None, output_format: str | None) -> None:
    """Check whether people would be told: hours of the next four weeks in which nobody is on duty, people without a channel that is set up.

    It sends nothing; `soc notify test` does. Exit code 1 if anything is found.

    \b
    Example:
      soc notify check
      soc notify check --roster roster.yaml
    """
    from soc.notify.readiness import gaps
    from soc.pipeline.heartbeat import Heartbeat
    from soc.pipeline.notifier_parts import senders

    settings = settings_of(config)
    senders(settings.notify, now)  # what it needs on this disk is there
    Heartbeat(settings.notify.heartbeat, now)
    at = now()
    rows = [gap._asdict() for gap in gaps(_roster(settings, file), settings.notify, at, at + AHEAD)]
    print_rows(rows, output_format, ("what", "where", "detail"))
    if rows:
        raise click.exceptions.Exit(1)


@notify.command()
@click.argument("person", default="")
@click.option(
    "--channel", type=click.Choice(["smtp", "webhook", "command"]), help="To everybody who has it, over it alone."
)
@click.option(
    "--wait", type=click.FloatRange(0), default=120.0, show_default=True, help="Seconds until it must have arrived."
)
@config_option
@format_option
def test(person: str, channel: str | None, wait: float, config: Path | None, output_format: str | None) -> None:
    """Have the running notifier send a test message to PERSON over each channel, and wait for what comes of it.

    Exit code 1 if a channel does not take it, 3 if no notifier runs. It is in the audit trail.

    \b
    Example:
      soc notify test lan
      soc notify test --channel command
    """
    from soc.pipeline.notice_test import order_test

    if bool(person) == bool(channel):
        raise SettingsError(["name a person or a --channel, and not both"])
    settings = settings_of(config)
    found = _roster(settings, None)
    if person and person not in found.people:
        raise SettingsError([f"there is no person {person!r}; the roster has {', '.join(found.people) or 'nobody'}"])
    if channel and not any(name == channel for one in found.people.values() for name, _ in one.channels):
        raise SettingsError([f"nobody in the roster has the channel {channel}"])
    about = f"person/{person}" if person else f"channel/{channel}"
    ended, answered = _on_bus(
        settings, lambda bus: order_test(bus, about, actor(), now, wait=wait, starting=min(wait, STARTING_SECONDS))
    )
    rows = [
        {
            "person": one.person,
            "channel": one.channel,
            "state": one.state,
            "attempts": one.attempts,
            "detail": one.detail,
        }
        for one in ended
    ]
    print_rows(rows, output_format, ("person", "channel", "state", "attempts", "detail"))
    if not answered:
        raise UnavailableError(
            "no notifier answered, or none of these channels is set up: is `soc run` there? soc notify check"
        )
    if any(row["state"] != "sent" for row in rows):
        raise click.exceptions.Exit(1)


@notify.command(name="list")
@click.argument("query", default="")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@config_option
@format_option
def list_(query: str, limit: int, config: Path | None, output_format: str | None) -> None:
    """List messages to people that match QUERY, newest first.

    \b
    Example:
      soc notify list notice.state:failed
      soc notify list notice.person:lan --limit 10
    """
    from soc.app import open_store
    from soc.store.base import Document
    from soc.store.query import QueryError, parse

    settings = settings_of(config)
    require_installation(settings)
    try:
        parsed = parse(query)
    except QueryError as error:
        raise SettingsError([str(error)]) from error

    async def ask() -> list[Document]:
        store = open_store(settings)
        try:
            return list((await store.search("notice", parsed, limit=limit)).documents)
        finally:
            await store.close()

    rows: list[dict[str, Any]] = [
        {**(document.body or {}), "made": to_iso(document.time)} for document in run_async(ask())
    ]
    print_rows(rows, output_format, ("made", "state", "person", "channel", "subject", "detail"))


@notify.command()
@config_option
def watch(config: Path | None) -> None:
    """On a second host: hear the first host's sign of life and call people when it stops, or tells of trouble, and when it is back.

    It needs [notify.watch] with a roster file of its own, and the channels of [notify] set up for this host. It runs until SIGTERM.

    \b
    Example:
      soc notify watch --config soc-watch.toml
    """
    from soc.cli.run import stop_on_signals
    from soc.pipeline.notifier_parts import senders
    from soc.pipeline.watchman import Watchman
    from soc.telemetry import configure_logging

    settings = settings_of(config)
    if not settings.notify.watch.roster:
        raise SettingsError(["[notify.watch] roster is not set: nobody can be called from here"])
    _, found = _parsed(Path(settings.notify.watch.roster))
    configure_logging(settings.log.level, settings.log.format, process="watch")

    async def main() -> None:
        state_file = settings.data_dir / "notify-watch.state"
        watchman = Watchman(settings.notify, found, senders(settings.notify, now), state_file, now)
        await watchman.run(stop_on_signals())

    run_async(main())


COMMANDS = (notify,)

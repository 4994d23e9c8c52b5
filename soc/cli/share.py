"""``soc share status | day | retry``: alert sharing with each receiver, its daily count, and what a person orders."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from soc.cli.operate import require_installation
from soc.cli.output import actor, config_option, format_option, print_rows, run_async, settings_of
from soc.clock import now, to_iso
from soc.errors import SettingsError

if TYPE_CHECKING:
    from soc.settings import Settings
    from soc.sharing.book import Book

STATUS_COLUMNS = ("receiver", "wire", "state", "waiting", "oldest", "refused", "last", "gaps", "detail")
DAY_COLUMNS = ("receiver", "day", "due", "sent", "acknowledged", "refused", "counted", "agreement")


@click.group()
def share() -> None:
    """Alert sharing: what waits, what was sent and acknowledged each day."""


@share.command()
@config_option
@format_option
def status(config: Path | None, output_format: str | None) -> None:
    """Where alert sharing stands with each receiver, from its own committed state. Exit code 1 if anything needs a person.

    \b
    Example:
      soc share status
    """
    settings = _settings(config)
    book, terms = run_async(_book(settings)), _terms(settings)
    from soc.sharing.telling import standing

    told = list(standing(book, terms).values())
    rows = [
        msgspec.to_builtins(one)
        | {name: to_iso(at) if (at := getattr(one, name)) else "" for name in ("since", "last", "oldest", "failing")}
        | {"gaps": " ".join(one.gaps)}
        for one in told
    ]
    print_rows(rows, output_format, STATUS_COLUMNS)
    if not rows:
        click.echo("nothing was shared yet: the role share has not run with a receiver", err=True)
    if any(one.refused or one.gaps or one.state == "blocked" for one in told):
        raise click.exceptions.Exit(1)


@share.command()
@config_option
@format_option
@click.argument("day", default="")
@click.option("--receiver", default="", help="Only this one.")
@click.option(
    "--counted", type=click.IntRange(min=0), default=None, help="The receiver says that it has so many summaries."
)
def day(config: Path | None, output_format: str | None, day: str, receiver: str, counted: int | None) -> None:
    """The count of a day (2026-11-23), or of the last 31: due, sent, acknowledged, and whether the receiver agrees.

    Syslog has no acknowledgement: ask the receiver how many summaries it has of the day, and say so with --counted; the audit keeps
    who said it. Exit code 1 if any of them does not agree.

    \b
    Example:
      soc share day 2026-11-23
      soc share day 2026-11-23 --receiver national --counted 287
    """
    settings = _settings(config)
    if day and not re.fullmatch(r"\d{4}-\d\d-\d\d", day):
        raise SettingsError([f"{day!r} is no day; write 2026-11-23"])
    if counted is not None:
        _say_count(settings, day, receiver, counted)
        return
    from soc.sharing.telling import days_told

    rows = [
        row for row in days_told(run_async(_book(settings)), _terms(settings), day) if receiver in {"", row["receiver"]}
    ]
    print_rows(rows, output_format, DAY_COLUMNS)
    if any(row["agreement"] == "gap" for row in rows):
        raise click.exceptions.Exit(1)


@share.command()
@config_option
@click.option("--receiver", default="", help="Only this one.")
def retry(config: Path | None, receiver: str) -> None:
    """Try to send at once, also what a receiver refused.

    \b
    Example:
      soc share retry --receiver national
    """
    from soc.sharing.orders import with_retry

    settings = _settings(config)
    names = _named(settings, receiver)
    _order(settings, lambda data: (with_retry(data, names, now()), f"retry {' '.join(names)}"))
    click.echo(f"ordered; within seconds `soc share status` tells what came of it: {', '.join(names)}", err=True)


def _say_count(settings: "Settings", day: str, receiver: str, counted: int) -> None:
    from soc.sharing.orders import Counted, with_count

    names = _named(settings, receiver)
    if not day or len(names) != 1:
        raise SettingsError(["--counted needs a DAY and, where there are several receivers, --receiver"])
    known = {one.day: one for one in run_async(_book(settings)).days(names[0])}
    if day not in known or not known[day].closed:
        raise SettingsError([f"{day}: no count of that day is closed for {names[0]}; see `soc share day`"])
    said = Counted(names[0], day, counted, actor(), now())
    _order(settings, lambda data: (with_count(data, said), f"{names[0]} has {counted} summaries of {day}"))
    click.echo(f"{names[0]}: {counted} of {known[day].due} summaries of {day}", err=True)


def _order(settings: "Settings", change: Callable[[bytes | None], tuple[bytes, str]]) -> None:
    """Publish an order; the audit says who gave it."""
    from soc.app import order_sharing

    run_async(order_sharing(settings, change, actor=actor()))


def _settings(config: Path | None) -> "Settings":
    settings = settings_of(config)
    require_installation(settings)
    if not settings.sharing.enabled:
        raise SettingsError(["[sharing] enabled is false: no alert is shared"])
    return settings


def _named(settings: "Settings", receiver: str) -> list[str]:
    names = [one.name for one in settings.sharing.receivers]
    if receiver and receiver not in names:
        raise SettingsError([f"no receiver of [[sharing.receivers]] is called {receiver!r}: {', '.join(names)}"])
    return [receiver] if receiver else names


def _terms(settings: "Settings") -> Any:
    from soc.sharing.setting_up import all_terms

    return all_terms(settings)


async def _book(settings: "Settings") -> "Book":
    from soc.app import sharing_book

    return await sharing_book(settings)


COMMANDS = (share,)

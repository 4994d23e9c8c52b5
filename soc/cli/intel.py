"""``soc intel …``: what is known to be bad is imported, pulled, shown and forgotten."""

import sys
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
import msgspec

from soc.cli.archive import Moment, Progress, moment_of
from soc.cli.operate import require_installation
from soc.cli.output import actor, config_option, format_option, print_json, print_rows, run_async, settings_of
from soc.clock import now, to_iso
from soc.desk import FeedSettings
from soc.errors import RecordError, SettingsError
from soc.intel.indicator import Attempts, Indicator, IndicatorSet, Parsed, Unusable
from soc.intel.matcher import Indicators
from soc.settings import Settings

if TYPE_CHECKING:
    from soc.bus.base import Bus
    from soc.intel.merge import Merged

T = TypeVar("T")

LISTED: Final = 20
"""Of what was left out so many are named on a screen; --output-format prints all."""


@click.group()
def intel() -> None:
    r"""Threat intelligence: values that are known to be bad, and which feed says so.

    \b
    Example:
      soc intel import --feed ncsc indicators.csv
    """


@intel.command(name="import")
@click.argument("source")
@click.option("--feed", "name", default="", help="Under which name [default: the file's name without its ending].")
@click.option("--kind", type=click.Choice(["csv", "stix", "misp"]), default=None, help="[default: what the name says]")
@click.option("--tlp", default="AMBER", show_default=True, help="Of indicators that carry no marking.")
@click.option(
    "--confidence", type=click.IntRange(0, 100), default=50, show_default=True, help="Of those that say none."
)
@click.option("--expiry-days", type=click.FloatRange(0), default=180.0, show_default=True, help="0 = for ever.")
@click.option("--replace", is_flag=True, help="What the file does not name any more, goes.")
@click.option("--skip-mistakes", is_flag=True, help="Take what is right of a file with mistakes.")
@click.option("--dry-run", is_flag=True, help="Read and check only.")
@config_option
def import_(
    source: str,
    *,
    name: str,
    kind: str | None,
    tlp: str,
    confidence: int,
    expiry_days: float,
    replace: bool,
    skip_mistakes: bool,
    dry_run: bool,
    config: Path | None,
) -> None:
    r"""Take in the indicators of SOURCE: a file (CSV, a bare list, STIX 2.1, gzip or not), a folder with a MISP feed, or an address.

    A file with a mistake is not taken at all: every mistake is listed with its row and column on standard error, and the exit
    code is 1. What can never be used (patterns that one line of a log cannot answer, one's own addresses, public resolvers) is
    listed too and is no mistake. Running processes take the indicators up within seconds.

    \b
    Example:
      soc intel import --feed ncsc --tlp GREEN --confidence 85 indicators.csv
    """
    from soc.pipeline.intel_feeds import Taking, take_in
    from soc.pipeline.intel_fetch import fetch

    settings = settings_of(config)
    feed = _feed(source, name, kind, {"tlp": tlp.upper(), "confidence": confidence, "expiry_days": expiry_days})
    at = now()
    fetched = run_async(fetch(feed, "", at, zone=settings.timezone))
    _tell("mistake", [one for page in fetched.pages for one in page.mistakes])
    mistakes = sum(len(page.mistakes) for page in fetched.pages)
    if dry_run or (mistakes and not skip_mistakes):
        _tell("left out", [one for page in fetched.pages for one in page.unusable])
        print_json({"feed": feed.name, "read": _count(fetched.pages), "mistakes": mistakes, "imported": False})
        if mistakes:
            click.echo("soc: nothing was imported", err=True)
            raise click.exceptions.Exit(1)
        return
    require_installation(settings)
    whole = fetched._replace(whole=replace)
    merged = run_async(
        _with_bus(settings, lambda bus: take_in(bus, whole, Taking(feed.name, settings.intel, actor()), at))
    )
    left_out = [one for one in merged.left_out if one not in {m for page in fetched.pages for m in page.mistakes}]
    _tell("left out", left_out)
    print_json(
        {
            "feed": feed.name,
            "read": _count(fetched.pages),
            "mistakes": mistakes,
            "imported": True,
            "in_force": len(merged.content.indicators),
            "new": len(merged.added),
            "gone": merged.removed,
            "left_out": len(left_out),
        }
    )


def _feed(source: str, name: str, kind: str | None, said: dict[str, Any]) -> FeedSettings:
    """The source as a feed."""
    from pydantic import ValidationError

    plain = source.rstrip("/").rpartition("/")[2].removesuffix(".gz")
    guessed = "misp" if Path(source).is_dir() else "stix" if plain.endswith((".json", ".stix")) else "csv"
    chosen = name or plain.partition(".")[0]
    try:
        return FeedSettings(name=chosen, kind=kind or guessed, url=source, **said)  # pyright: ignore[reportArgumentType]
    except ValidationError as error:
        raise SettingsError(
            [f"--{'.'.join(map(str, item['loc'])).replace('_', '-')}: {item['msg']}" for item in error.errors()]
        ) from error


def _count(pages: Iterable[Parsed]) -> int:
    return sum(len(page.indicators) for page in pages)


def _tell(what: str, items: list[Unusable]) -> None:
    shown = items if what == "mistake" else items[:LISTED]
    for one in shown:
        click.echo(f"{what}: {one.where}: {one.value}: {one.reason}", err=True)
    if len(items) > len(shown):
        click.echo(f"{what}: … and {len(items) - len(shown):,} more", err=True)


@intel.command()
@click.argument("feeds", nargs=-1)
@config_option
def pull(feeds: tuple[str, ...], config: Path | None) -> None:
    r"""Ask FEEDS of the settings now [default: all], whether they are due or not. Exit code 1 names those that failed.

    \b
    Example:
      soc intel pull ncsc
    """
    from soc.errors import SocError

    settings = settings_of(config)
    known = {feed.name: feed for feed in settings.intel.feeds}
    unknown = [name for name in feeds if name not in known]
    if unknown:
        raise SettingsError(
            [f"no feed of the settings is called {name!r}; there are: {', '.join(known) or 'none'}" for name in unknown]
        )
    require_installation(settings)
    failed = False
    for name in feeds or known:
        feed = known[name]
        try:
            merged = run_async(
                _with_bus(
                    settings,
                    _pulling(settings, feed),
                )
            )
        except SocError as error:
            click.echo(f"soc: {name}: {error}", err=True)
            failed = True
            continue
        row: dict[str, Any] = {"feed": name, "changed": merged is not None}
        if merged is not None:
            content = merged.content
            row |= {
                "in_force": len(content.indicators),
                "new": len(merged.added),
                "gone": merged.removed,
                "left_out": content.dropped,
            }
        print_json(row)
    if failed:
        raise click.exceptions.Exit(1)


def _pulling(settings: Settings, feed: FeedSettings) -> "Callable[[Bus], Awaitable[Merged | None]]":
    from soc.pipeline.intel_feeds import pull as pull_feed

    return lambda bus: pull_feed(bus, settings.intel, feed, actor=actor(), now=now(), zone=settings.timezone)


@intel.command()
@config_option
@format_option
def feeds(config: Path | None, output_format: str | None) -> None:
    r"""List every feed: how many indicators of it are in force, what was left out, when it was last asked, and what went wrong.

    Exit code 1 if a feed of the settings fails.

    \b
    Example:
      soc intel feeds
    """
    settings = settings_of(config)
    published, attempts = _published(settings)
    names = dict.fromkeys([*(one.name for one in published.feeds), *(one.name for one in settings.intel.feeds)])
    rows: list[dict[str, Any]] = []
    for name in names:
        content, attempt = published.feed(name), attempts.of(name)
        rows.append(
            {
                "feed": name,
                "indicators": len(content.indicators) if content else 0,
                "left_out": content.dropped if content else 0,
                "changed": to_iso(content.at) if content else "",
                "asked": to_iso(attempt.at) if attempt else "",
                "error": attempt.error if attempt else "",
                "origin": content.origin if content else "",
            }
        )
    print_rows(rows, output_format, ("feed", "indicators", "left_out", "changed", "asked", "error"))
    configured = {one.name for one in settings.intel.feeds}
    if any(row["error"] for row in rows if row["feed"] in configured):
        raise click.exceptions.Exit(1)


@intel.command()
@click.argument("values", nargs=-1, required=True)
@config_option
@format_option
def lookup(values: tuple[str, ...], config: Path | None, output_format: str | None) -> None:
    r"""Say what is known of VALUES: the indicators that they are, or are in (a network, a higher domain). Exit code 1 if any is known.

    \b
    Example:
      soc intel lookup 203.0.113.7 bad.example
    """
    published, _ = _published(settings_of(config))
    listed = Indicators(published)
    rows: list[dict[str, Any]] = []
    for value in values:
        try:
            found = listed.known(value)
        except ValueError as error:
            raise SettingsError([f"{value!r}: {error}"]) from error
        rows += [_row(value, feed, one) for feed, one in found]
    print_rows(rows, output_format, ("value", "indicator", "feed", "tlp", "confidence", "expires", "note"))
    if rows:
        raise click.exceptions.Exit(1)


def _row(value: str, feed: str, one: Indicator) -> dict[str, Any]:
    return {
        "value": value,
        "kind": one.kind,
        "indicator": one.value,
        "feed": feed,
        "tlp": one.tlp,
        "confidence": one.confidence,
        "first": to_iso(one.first) if one.first else "",
        "last": to_iso(one.last) if one.last else "",
        "expires": to_iso(one.expires) if one.expires else "",
        "in_force": one.holds(now()),
        "note": one.note,
        "tags": list(one.tags),
    }


@intel.command()
@click.option("--since", type=Moment(), default=None, help="Lines received from then on [default: hunt_days ago].")
@click.option("--indicator", "values", multiple=True, help="Only this value; it must be in force.")
@click.option("--all", "everything", is_flag=True, help="Everything in force, not only what was not looked for yet.")
@click.option("--dry-run", is_flag=True, help="Print what is found, publish nothing.")
@config_option
@format_option
def hunt(
    since: datetime | None,
    *,
    values: tuple[str, ...],
    everything: bool,
    dry_run: bool,
    config: Path | None,
    output_format: str | None,
) -> None:
    r"""Look for indicators in what came before they were known: the archive, the bus and the store.

    An event that has one becomes an alert as a live one would, marked late; an alert that stands stays one alert, and a second hunt
    publishes nothing more. A running installation hunts by itself for what is new ([intel] hunt_days). Each event that was found
    is printed; the last line on standard error says what was done, as JSON.

    \b
    Example:
      soc intel hunt --since 2026-10-01 --indicator 203.0.113.7
    """
    from soc.hunt.ask import as_rows, ask, words
    from soc.telemetry import configure_logging

    settings = settings_of(config)
    require_installation(settings)
    configure_logging("warning", "auto")
    progress = Progress("lines")
    start = None if since is None else moment_of(since, settings.timezone)
    asked = run_async(
        ask(settings, start, values, everything=everything, dry_run=dry_run, actor=actor(), progress=progress)
    )
    progress.wipe()
    print_rows(as_rows(asked), output_format, ("time", "source", "indicator", "contact", "event"))
    sys.stdout.flush()
    click.echo(msgspec.json.encode(words(asked)).decode(), err=True)
    for name, reason in asked.hunted.damaged:
        click.echo(f"soc: {name}: {reason}; see `soc archive verify`", err=True)
    if asked.hunted.damaged:
        raise click.exceptions.Exit(1)


@intel.command()
@click.argument("feed")
@config_option
def forget(feed: str, config: Path | None) -> None:
    r"""Take FEED and all its indicators out; the audit keeps that it was there.

    \b
    Example:
      soc intel forget old-list
    """
    from soc.pipeline.intel_feeds import forget as forget_feed

    settings = settings_of(config)
    require_installation(settings)
    print_json(
        {"feed": feed, "gone": run_async(_with_bus(settings, lambda bus: forget_feed(bus, feed, actor(), now())))}
    )


def _published(settings: Settings) -> tuple[IndicatorSet, Attempts]:
    """What is in force, and when feeds were last asked."""
    from soc.pipeline.context import Contexts

    require_installation(settings)

    async def read(bus: "Bus") -> tuple[IndicatorSet, Attempts]:
        contexts = Contexts(bus)
        await contexts.catch_up()
        known, asked = contexts.get("indicators"), contexts.get("feeds")
        return (
            IndicatorSet.decode(known.data) if known else IndicatorSet(),
            Attempts.decode(asked.data) if asked else Attempts(),
        )

    return run_async(_with_bus(settings, read))


async def _with_bus(settings: Settings, call: Callable[["Bus"], Awaitable[T]]) -> T:
    """Call with the installation's bus open.

    Raises:
        SettingsError: what was given is nothing of its kind.
    """
    from soc.app import open_bus

    bus = open_bus(settings)
    try:
        return await call(bus)
    except RecordError as error:
        raise SettingsError([error.reason]) from error
    finally:
        await bus.close()


COMMANDS = (intel,)

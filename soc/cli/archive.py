"""``soc archive …`` and ``soc replay``: twelve months of raw lines, verified, searched and run anew."""

import sys
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import click

from soc.cli.operate import require_installation
from soc.cli.output import (
    actor,
    config_option,
    format_option,
    print_json,
    print_json_lines,
    print_rows,
    run_async,
    settings_of,
)
from soc.clock import Micros, now, to_iso, to_micros
from soc.errors import RecordError, SettingsError
from soc.settings import Settings

if TYPE_CHECKING:
    from soc.archive.archiver import Chain
    from soc.archive.reading import Window

_SHOWN: Final = 0.5
"""Seconds between two words of progress."""


class Progress:
    """So many are done, on a terminal's standard error; nothing anywhere else."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._on = sys.stderr.isatty()
        self._last = time.monotonic()
        self._shown = False

    def __call__(self, count: int) -> None:
        """So many are through."""
        if self._on and time.monotonic() - self._last >= _SHOWN:
            self._last, self._shown = time.monotonic(), True
            click.echo(f"\r\x1b[K{count:,} {self._what}", err=True, nl=False)

    def wipe(self) -> None:
        """Give the line back."""
        if self._shown:
            click.echo("\r\x1b[K", err=True, nl=False)
            self._shown = False


class Moment(click.ParamType[datetime]):
    """A time of the command line; without a zone it is in the installation's."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """2026-11-23, 2026-11-23T08:00 or with a zone: 2026-11-23T08:00:00Z."""
        try:
            return datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time; write one like 2026-11-23T08:00 or 2026-11-23T01:00:00Z", param, ctx)


def moment_of(value: datetime, zone: str) -> Micros:
    """A time as typed; without a zone of its own it is in this one."""
    return to_micros(value if value.tzinfo else value.replace(tzinfo=ZoneInfo(zone)))


_from = click.option("--from", "start", type=Moment(), required=True, help="Lines received from then on.")
_to = click.option("--to", "end", type=Moment(), required=True, help="Lines received before then.")
_source = click.option("--source", default=None, help="Of this source only.")


def _window(settings: Settings, start: datetime, end: datetime, source: str | None) -> "Window":
    from soc.archive.reading import Window

    window = Window(moment_of(start, settings.timezone), moment_of(end, settings.timezone), source)
    if window.end <= window.start:
        raise SettingsError([f"--to {to_iso(window.end)} is not after --from {to_iso(window.start)}"])
    return window


@click.group()
def archive() -> None:
    """Every raw line, kept compressed in segments that are chained by hash.

    \b
    Example:
      soc archive status
    """


@archive.command()
@config_option
@click.option(
    "--head",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="What this command printed before, kept elsewhere.",
)
def verify(config: Path | None, head: Path | None) -> None:
    """Read every segment and check it: content, name, and its place in the chain. Exit code 1 names every broken one.

    A segment that is missing, exchanged, altered or cut short is found, also at the end of a chain: the chains' heads are in
    the bus. Keep what this prints on another host: it holds the heads of today, and with --head an archive that was written
    anew since is found, also when an administrator did it.

    \b
    Example:
      soc archive verify > archive-heads.json
    """
    from soc.app import open_archive
    from soc.archive.verify import read_heads
    from soc.archive.verify import verify as verify_chains

    settings = settings_of(config)
    try:
        kept = read_heads(head.read_bytes()) if head else None
    except RecordError as error:
        raise SettingsError([f"--head {head}: {error.reason}"]) from error
    known = _known(settings)
    progress = Progress("segments")
    found = verify_chains(
        open_archive(settings),
        known,
        base=lambda chain: _base(settings, chain),
        progress=progress,
        kept=kept,
    )
    progress.wipe()
    print_json(
        {
            "segments": found.segments,
            "chains": [
                {"chain": one.id, "from": one.base + 1, "to": one.head, "hash": one.head_hash} for one in found.heads
            ],
            "faults": [{"segment": one.segment, "reason": one.reason} for one in found.faults],
        }
    )
    if not known:
        click.echo(
            "soc: no installation here tells the heads: what is missing at the ends of chains is not seen", err=True
        )
    for fault in found.faults:
        click.echo(f"soc: {fault.segment}: {fault.reason}", err=True)
    if found.faults:
        raise click.exceptions.Exit(1)


@archive.command(name="list")
@config_option
@format_option
@click.option("--from", "start", type=Moment(), default=None, help="Segments with lines received from then on.")
@click.option("--to", "end", type=Moment(), default=None, help="Segments with lines received before then.")
@_source
def list_(
    config: Path | None, output_format: str | None, start: datetime | None, end: datetime | None, source: str | None
) -> None:
    """List segments by hour and source, from their names alone.

    \b
    Example:
      soc archive list --from 2026-11-01 --to 2026-11-02 --source 192.0.2.7
    """
    from soc.app import open_archive
    from soc.archive.naming import segments

    settings = settings_of(config)
    first = start or datetime.fromisoformat("1970-01-01T00:00:00Z")
    last = end or datetime.fromisoformat("9999-12-31T00:00:00Z")
    window = _window(settings, first, last, source)
    print_rows(
        (
            {
                "hour": to_iso(found.name.hour),
                "source": found.name.source,
                "first": to_iso(found.name.first),
                "last": to_iso(found.name.last),
                "bytes": found.stored.size,
                "chain": found.name.chain,
                "number": found.name.seq,
                "name": found.stored.name,
            }
            for found in segments(open_archive(settings), window.start, window.end, window.source)
        ),
        output_format,
        ("hour", "source", "bytes", "chain", "number"),
    )


@archive.command()
@config_option
def status(config: Path | None) -> None:
    """Say where the archive is, how far back it reaches, how large it is and what is not closed yet, as one JSON object.

    \b
    Example:
      soc archive status
    """
    from soc.app import open_archive
    from soc.archive.archiver import open_chunks
    from soc.archive.expire import days_covered
    from soc.archive.naming import segments

    settings = settings_of(config)
    place = open_archive(settings)
    chains = _known(settings)
    open_records = sum(chunk.records for _, chunk in open_chunks(_states(settings)))
    count = size = 0
    progress = Progress("segments")
    for found in segments(place):
        count, size = count + 1, size + found.stored.size
        progress(count)
    progress.wipe()
    print_json(
        {
            "enabled": settings.archive.enabled,
            "place": str(place),
            "days": settings.archive.days,
            "days_covered": round(max((days_covered(chain, now()) for chain in chains.values()), default=0.0), 3),
            "since": min((to_iso(chain.since) for chain in chains.values() if chain.since), default=""),
            "segments": count,
            "bytes": size,
            "open_records": open_records,
            "chains": [{"chain": one.id, "from": one.base + 1, "to": one.head} for one in chains.values()],
        }
    )


@archive.command()
@click.argument("query", default="")
@config_option
@_from
@_to
@_source
@click.option("--pattern", default="", help="A text that stands in the line, whatever the case of its ASCII letters.")
def search(
    query: str, config: Path | None, *, start: datetime, end: datetime, source: str | None, pattern: str
) -> None:
    """Print the archived lines that match QUERY (the language of the console's search), normalized, as NDJSON.

    Segments of other times or sources are not opened. The time is when a line was received. Lines of the last hour or two are in
    no closed segment yet: search those in the console. Exit code 1 names segments that are damaged.

    \b
    Example:
      soc archive search --from 2026-01-05 --to 2026-01-06 'source.ip:203.0.113.7 event.outcome:failure'
    """
    from soc.app import open_archive
    from soc.archive.reading import Looked
    from soc.pipeline.sources import make_normalizer
    from soc.store.query import QueryError, parse
    from soc.tooling.archive_search import search as search_archive

    settings = settings_of(config)
    window = _window(settings, start, end, source)
    try:
        parsed = parse(query)
    except QueryError as error:
        raise SettingsError([f"QUERY: {error}"]) from error
    looked, progress, found = Looked(), Progress("lines"), 0
    for row in search_archive(
        open_archive(settings),
        make_normalizer(settings),
        window,
        query=parsed,
        text=pattern,
        now=now(),
        looked=looked,
        progress=progress,
    ):
        progress.wipe()
        print_json_lines([row])
        found += 1
    progress.wipe()
    click.echo(f"{found:,} of {looked.records:,} lines in {looked.opened:,} segments", err=True)
    _tell_damaged(looked.damaged)


@click.command()
@config_option
@format_option
@_from
@_to
@_source
@click.option(
    "--rules",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help="Other rules than the current set; unless they were published before, only with --dry-run.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be published, publish nothing.")
def replay(
    config: Path | None,
    output_format: str | None,
    *,
    start: datetime,
    end: datetime,
    source: str | None,
    rules: tuple[Path, ...],
    dry_run: bool,
) -> None:
    """Run retained raw lines anew through the rules of today, and publish the alerts that are new.

    Lines come from the archive, and from the bus where they are not archived yet. An alert that stands stays one alert: it is
    revised if it now has more events, and never retracted. A new one is marked late. Doing it twice publishes nothing more.
    The last line on standard error says what was done, as JSON.

    \b
    Example:
      soc replay --from 2026-01-05 --to 2026-01-06 --dry-run
    """
    from soc.replay import as_rows
    from soc.replay import replay as run_replay
    from soc.telemetry import configure_logging

    settings = settings_of(config)
    require_installation(settings)
    configure_logging("warning", "auto")
    window = _window(settings, start, end, source)
    progress = Progress("lines")
    done = run_async(
        run_replay(settings, window, rules=tuple(map(str, rules)), dry_run=dry_run, actor=actor(), progress=progress)
    )
    progress.wipe()
    print_rows(as_rows(done), output_format, ("act", "level", "title", "start", "count", "alert"))
    sys.stdout.flush()
    _say(done.words())
    _tell_damaged(done.looked.damaged)


def _say(words: Any) -> None:
    import msgspec

    click.echo(msgspec.json.encode(words).decode(), err=True)


def _tell_damaged(damaged: Iterable[tuple[str, str]]) -> None:
    """Name damaged segments; exit code 1 if there are any."""
    rows = list(damaged)
    for name, reason in rows:
        click.echo(f"soc: {name}: {reason}; see `soc archive verify`", err=True)
    if rows:
        raise click.exceptions.Exit(1)


def _known(settings: Settings) -> "dict[str, Chain]":
    """Every chain that the installation knows, by id; none where there is no installation here."""
    from soc.archive.verify import chains_of

    return chains_of(_states(settings))


def _base(settings: Settings, chain: str) -> int:
    """How far retention has deleted a chain by now."""
    found = _known(settings).get(chain)
    return found.base if found else 0


def _states(settings: Settings) -> dict[int, Any]:
    from soc.app import open_bus
    from soc.pipeline.table import ARCHIVE

    if not settings.archive.enabled or (not settings.kafka.servers and not (settings.data_dir / "bus").exists()):
        return {}

    async def main() -> dict[int, Any]:
        bus = open_bus(settings)
        try:
            return {partition: dict(state) async for partition, state in bus.states(ARCHIVE)}
        finally:
            await bus.close()

    return run_async(main())


COMMANDS = (archive, replay)

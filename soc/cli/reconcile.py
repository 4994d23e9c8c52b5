"""``soc reconcile``: the balance of promise 1, and what each listener lost before it; ``soc sources``: each source's rhythm and clock."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from soc.cli.operate import require_installation
from soc.cli.output import config_option, format_option, print_json, print_rows, run_async, settings_of
from soc.clock import now, to_iso
from soc.settings import Settings

if TYPE_CHECKING:
    from soc.pipeline.balance import SourceSums
    from soc.pipeline.reconcile import Reconciliation
    from soc.pipeline.source_report import SourceReport

OFF_SHOWN = 20
"""Minutes that do not add up, in the table; all of a hundred are in the JSON."""

LISTENER_COUNTERS = ("received", "kernel_dropped", "refused", "rejected", "cut", "cut_bytes")
"""What became of a message before it was a record of ``soc.raw``, by listener, since its process started."""


@click.command()
@config_option
@click.option("--wait", is_flag=True, help="Until every stage has caught up.")
@click.option(
    "--timeout", type=click.FloatRange(min=0), default=300.0, show_default=True, help="Seconds to wait at most."
)
@click.option(
    "--hours",
    type=click.FloatRange(min=0),
    default=6.0,
    show_default=True,
    help="Receive time that sources are shown for.",
)
@click.option(
    "--output-format",
    "output_format",
    type=click.Choice(["table", "ndjson", "json"]),
    default=None,
    help="[default: table on a terminal, else json]",
)
def reconcile(config: Path | None, timeout: float, hours: float, output_format: str | None, *, wait: bool) -> None:
    """Check that every record is in exactly one bucket.

    The buckets: normalized, open dead letter, discarded by a named policy, joined to another (a part of an assembled event),
    or in flight. Before those, by listener of this host: datagrams that the kernel dropped, records refused, frames cut.

    In the cluster each collector must have said that its own log is shipped; `unshipped` says how much is not, by host number,
    and `silent` names those that say nothing.

    As JSON it is one object; as NDJSON a line for each source, each listener and the sums. Exit code 1 if anything is off
    (or, with --wait, still in flight at the end).

    \b
    Example:
      soc reconcile --wait
    """
    from soc.app import open_bus
    from soc.pipeline import reconcile as balance

    settings = settings_of(config)
    require_installation(settings)

    async def main() -> "tuple[Reconciliation, list[SourceSums]]":
        bus = open_bus(settings)
        try:
            found = await (balance.reconcile_when_drained(bus, timeout) if wait else balance.reconcile(bus))
            return found, await balance.reconcile_sources(bus, hours)
        finally:
            await bus.close()

    found, sources = run_async(main())
    _print(_sums(found, settings), [_source_row(one) for one in sources], _listeners(settings), output_format)
    for one in found.silent:
        who = f"the collector of host {one.instance} ({one.host})"
        what = f"{who} has said nothing since {to_iso(one.said)}, when {one.unshipped} of its lines were not shipped"
        click.echo(f"{what}; {balance.advice_for(one)}", err=True)
    missing = sum(abs(item.missing) for item in found.sums.off) - found.sums.in_flight
    if (wait and not found.balanced) or missing > 0:
        raise click.exceptions.Exit(1)


def _sums(found: "Reconciliation", settings: Settings) -> dict[str, Any]:
    sums = found.sums
    shown: dict[str, Any] = {
        "raw": sums.raw,
        "normalized": sums.normalized,
        "dead_letters": sums.dead,
        "discarded": sums.discarded,
        "discarded_by": sums.policies,
        "joined": sums.joined,
        "in_flight": sums.in_flight,
        "behind": found.behind,
        "off": [{**msgspec.to_builtins(item), "missing": item.missing} for item in sums.off[:100]],
    }
    if settings.kafka.servers:
        shown["unshipped"] = {str(instance): count for instance, count in found.unshipped.items()}
        shown["silent"] = [
            {"instance": one.instance, "host": one.host, "since": to_iso(one.said), "unshipped": one.unshipped}
            for one in found.silent
        ]
    return shown


def _source_row(one: "SourceSums") -> dict[str, Any]:
    return {
        "source": one.source or "(others)",
        "raw": one.raw,
        "normalized": one.normalized,
        "dead_letters": one.dead,
        "discarded": one.discarded,
        "joined": one.joined,
        "unsettled": one.unsettled,
        "discarded_by": one.policies,
    }


def _listeners(settings: Settings) -> list[dict[str, Any]]:
    """The listeners of this host, as their processes last said."""
    from soc.pipeline.status import read_statuses

    counters = {
        name: counted for status in read_statuses(settings.data_dir) for name, counted in status.counters.items()
    }
    return [
        {"listener": name, **{counter: counted.get(counter, 0) for counter in LISTENER_COUNTERS}}
        for name, counted in sorted(counters.items())
    ]


def _print(
    sums: dict[str, Any], sources: list[dict[str, Any]], listeners: list[dict[str, Any]], output_format: str | None
) -> None:
    chosen = output_format or ("table" if sys.stdout.isatty() else "json")
    if chosen == "json":
        print_json({**sums, "sources": sources, "listeners": listeners})
    elif chosen == "ndjson":
        kinds = (("source", sources), ("listener", listeners), ("sums", [sums]))
        print_rows([{"kind": kind, **row} for kind, rows in kinds for row in rows], "ndjson")
    else:
        print_rows(sources, "table")
        click.echo()
        print_rows(listeners, "table")
        click.echo()
        print_rows([{name: value for name, value in sums.items() if name != "off"}], "table")
        if sums["off"]:
            click.echo()
            print_rows(sums["off"][:OFF_SHOWN], "table")


@click.command()
@config_option
@format_option
@click.option("--silent", is_flag=True, help="Only those that are silent for longer than they ever are.")
@click.option("--off", is_flag=True, help="Only those whose clock or zone should be set.")
def sources(config: Path | None, output_format: str | None, *, silent: bool, off: bool) -> None:
    """Show each source's rhythm and clock, as the engine learned them.

    `usual_seconds` is the longest silence that is usual for it at the time of day it was last heard; `silent_seconds` is there
    when it is silent for longer. `offset_seconds` is its stamps minus their receive times, in the median. `profile_lines` is what to
    write into its source profile (one of its own, if others are read with the same); it takes effect at the next start, for what
    is received from `since` on, and a replay repeats it.

    \b
    Example:
      soc sources --off
    """
    from soc.app import open_bus
    from soc.pipeline.source_report import last_heard, source_reports, zones_of
    from soc.pipeline.source_watch import read_sources

    settings = settings_of(config)
    require_installation(settings)

    async def main() -> "list[SourceReport]":
        bus = open_bus(settings)
        heard: dict[str, int] = {}
        try:
            async for _, state in bus.states("collect"):
                last_heard(state, heard)
            known = read_sources([state async for _, state in bus.states("engine")])
            return source_reports(known, heard, zones_of(settings), now())
        finally:
            await bus.close()

    found = run_async(main())
    chosen = [one for one in found if (not silent or one.silent_seconds) and (not off or one.proposal)]
    columns = ("source", "last", "usual_seconds", "silent_seconds", "offset_seconds", "confidence", "proposal")
    print_rows([_report_row(one) for one in chosen], output_format, columns)


def _report_row(one: "SourceReport") -> dict[str, Any]:
    from soc.pipeline.source_report import written

    row = msgspec.to_builtins(one)
    proposal = one.proposal
    lines = [] if proposal is None else ["[[sources.clock]]", f"since = {written(now())}", proposal.setting]
    row |= {"last": to_iso(one.last), "proposal": proposal.setting if proposal else None, "profile_lines": lines}
    for name in ("offset_seconds", "spread_seconds", "drift_seconds_a_day"):
        row[name] = None if row[name] is None else round(row[name], 3)
    return row


COMMANDS = (reconcile, sources)

"""``soc check``, ``doctor``, ``reconcile``, ``store``, ``audit``, ``users``: what operators run."""

import sys
from pathlib import Path
from typing import Any, cast

import click
import msgspec

from soc.cli.output import config_option, format_option, print_json, print_rows, run_async, settings_of
from soc.errors import SettingsError
from soc.settings import Settings


def require_installation(settings: Settings) -> None:
    """Refuse to look at a data directory that nobody has started on: opening it would make one.

    Raises:
        SettingsError: there is none.
    """
    if not settings.kafka.servers and not (settings.data_dir / "bus").exists():
        raise SettingsError(
            [
                f"{settings.data_dir} holds no installation; start `soc run`, or name its --config (the demo's: --config soc-data/demo/soc.toml)"
            ]
        )


_SECRETS = frozenset({"token", "password", "api_key"})


def _without_secrets(tree: Any) -> Any:
    """Settings as they may be shown: that a secret is set, not which."""
    if isinstance(tree, dict):
        items = cast("dict[str, Any]", tree).items()
        return {name: "(set)" if name in _SECRETS and value else _without_secrets(value) for name, value in items}
    if isinstance(tree, list):
        return [_without_secrets(item) for item in cast("list[Any]", tree)]
    return tree


@click.command()
@config_option
def check(config: Path | None) -> None:
    """Check the settings and rules, print the effective settings as JSON; exit code 2 lists every mistake.

    \b
    Example:
      soc check --config soc.toml
    """
    from soc.pipeline.ruleset import read_bundle
    from soc.sigma.load import load

    settings = settings_of(config)
    ruleset = load(read_bundle(settings.rules))
    print_json(_without_secrets(settings.model_dump(mode="json")))
    for refused in ruleset.refused:
        click.echo(f"refused: {refused}", err=True)
    click.echo(f"{len(ruleset.infos)} rules loaded, {len(ruleset.refused)} refused", err=True)
    if not settings.forward.receiver.url:
        click.echo("no receiver: [forward.receiver] url is empty, reports will wait in the outbox", err=True)
    if ruleset.refused:
        raise click.exceptions.Exit(1)


@click.command()
@config_option
@format_option
def doctor(config: Path | None, output_format: str | None) -> None:
    """Say what is wrong with a running (or stopped) installation, and what to do; exit code 1 if anything is.

    \b
    Example:
      soc doctor
    """
    from soc.app import examine_installation

    settings = settings_of(config)
    require_installation(settings)
    health = run_async(examine_installation(settings))
    rows = [msgspec.to_builtins(finding) for finding in health.findings]
    if not health.processes:
        advice = "start `soc run`"
        rows.append({"level": "warning", "where": "installation", "what": "no process is running", "advice": advice})
    rows += [
        {"level": "warning", "where": source, "what": "silent", "advice": "see whether it still sends"}
        for source in health.silent_sources
    ]
    print_rows(rows, output_format, ("level", "where", "what", "advice"))
    if rows:
        raise click.exceptions.Exit(1)


@click.command()
@config_option
@click.option("--wait", is_flag=True, help="Until every stage has caught up.")
@click.option(
    "--timeout", type=click.FloatRange(min=0), default=300.0, show_default=True, help="Seconds to wait at most."
)
def reconcile(config: Path | None, timeout: float, *, wait: bool) -> None:
    """Check that every record is in exactly one bucket: normalized, dead letter, discarded or in flight.

    Prints the sums as one JSON object. Exit code 1 if anything is off (or, with --wait, still in flight at the end).

    \b
    Example:
      soc reconcile --wait
    """
    from soc.app import open_bus
    from soc.pipeline import reconcile as balance

    settings = settings_of(config)
    require_installation(settings)

    async def main() -> balance.Reconciliation:
        bus = open_bus(settings)
        try:
            return await (balance.reconcile_when_drained(bus, timeout) if wait else balance.reconcile(bus))
        finally:
            await bus.close()

    found = run_async(main())
    sums = found.sums
    print_json(
        {
            "raw": sums.raw,
            "normalized": sums.normalized,
            "dead_letters": sums.dead,
            "discarded": sums.discarded,
            "in_flight": sums.in_flight,
            "behind": found.behind,
            "off": [{**msgspec.to_builtins(item), "missing": item.missing} for item in sums.off[:100]],
        }
    )
    missing = sum(abs(item.missing) for item in sums.off) - sums.in_flight
    if (wait and not found.balanced) or missing > 0:
        raise click.exceptions.Exit(1)


@click.group()
def store() -> None:
    """What is kept: the store, a view that can be regenerated, and the logs it is regenerated from."""


@store.command(name="declare-restored")
@click.argument("stage")
@click.argument("partition", type=click.IntRange(min=0))
@config_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def declare_restored(stage: str, partition: int, config: Path | None, *, yes: bool) -> None:
    """Accept an older copy of a log file as what there is: the word only an operator can give.

    Use it when `soc doctor` says that a log was rolled back and the newer copy is lost. What was read from the lost part
    stays as it is; what the file holds and was not read yet is read; new lines get a new log id.

    \b
    Example:
      soc store declare-restored collect 0
    """
    from soc.app import declare_restored as declare
    from soc.pipeline.table import topology

    settings = settings_of(config)
    require_installation(settings)
    stages = topology(settings.partitions, settings.kafka.instances if settings.kafka.servers else 1).stages
    known = {f"{row.name} {p}" for row in stages for p in range(row.partitions)}
    if f"{stage} {partition}" not in known:
        raise SettingsError([f"there is no {stage} {partition}; known: {', '.join(sorted(known))}"])
    if not yes:
        click.confirm(f"The newer copy of {stage}-{partition} is lost for good?", abort=True, err=True)

    print_json(run_async(declare(settings, stage, partition)))


@store.command()
@config_option
def rebuild(config: Path | None) -> None:
    """Empty the store and write every retained record into it again. Stop `soc run` first, or only its index role.

    \b
    Example:
      soc store rebuild
    """
    from soc.app import open_bus, open_store
    from soc.pipeline.index import rebuild as rebuild_store

    settings = settings_of(config)

    async def main() -> int:
        bus, view = open_bus(settings), open_store(settings)
        try:
            return await rebuild_store(bus, view, _progress)
        finally:
            await view.close()
            await bus.close()

    print_json({"documents": run_async(main())})


def _progress(done: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{done:,} documents", err=True, nl=False)


@click.group()
def audit() -> None:
    """The audit chain."""


@audit.command()
@config_option
@click.option(
    "--head",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="What this command printed before, kept elsewhere.",
)
def verify(config: Path | None, head: Path | None) -> None:
    """Verify every hash chain of acts; exit code 1 names the first break.

    What it prints holds the heads. Keep it on another host: with --head, a chain that was cut short or written anew
    since is found, also when an administrator did it.

    \b
    Example:
      soc audit verify > heads.json
    """
    from soc.app import open_bus
    from soc.pipeline.auditing import Verified, read_heads, verify_audit

    settings = settings_of(config)
    require_installation(settings)
    expected = read_heads(head) if head else None

    async def main() -> list[Verified]:
        bus = open_bus(settings)
        try:
            return await verify_audit(bus, expected)
        finally:
            await bus.close()

    found = run_async(main())
    print_json(found)
    if any(chain.fault for chain in found):
        raise click.exceptions.Exit(1)


COMMANDS = (check, doctor, reconcile, store, audit)

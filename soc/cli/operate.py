"""``soc check``, ``doctor``, ``store``: what operators run."""

import sys
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import click

from soc.cli.output import config_option, format_option, print_json, print_rows, run_async, settings_of
from soc.errors import SettingsError, UnavailableError
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


_SECRETS = frozenset({"token", "password", "api_key", "secret_key"})


def _without_secrets(tree: Any) -> Any:
    """Settings as they may be shown: that a secret is set, not which."""
    if isinstance(tree, dict):
        items = cast("dict[str, Any]", tree).items()
        return {name: "(set)" if name in _SECRETS and value else _without_secrets(value) for name, value in items}
    if isinstance(tree, list):
        return [_without_secrets(item) for item in cast("list[Any]", tree)]
    return tree


@click.command()
@click.option("--readiness", is_flag=True, help="What a report would lack today, and which expected logs do not come.")
@config_option
@format_option
def check(config: Path | None, output_format: str | None, *, readiness: bool) -> None:
    """Check the settings, the rules and what they need, print the effective settings as JSON.

    In the cluster every broker and Elasticsearch are tried, and the topics are compared with the settings; nothing is made
    or changed. Exit code 2 lists every mistake of the settings, 1 says that rules are refused or that a sample of a mapping file
    does not come out as written, 3 that something needed
    cannot be used. With --readiness it looks at the published register instead: every field that a report would lack today, system by
    system, and every expected log source that never came or is silent; and on stderr what of the policy of duties is not ready
    (nobody compared it with the law, a receiver that is no recipient of it). Exit code 1 if there is any.

    \b
    Example:
      soc check --config soc.toml
      soc check --readiness
    """
    from soc.inputs import check_inputs
    from soc.pipeline.audit_sent import targets_of
    from soc.pipeline.ruleset import read_bundle
    from soc.sigma.load import load

    settings = settings_of(config)
    if readiness:
        _check_readiness(settings, output_format)
        return
    check_inputs(settings)
    ruleset = load(read_bundle(settings.rules))
    print_json(_without_secrets(settings.model_dump(mode="json")))
    for refused in ruleset.refused:
        click.echo(f"refused: {refused}", err=True)
    click.echo(f"{len(ruleset.infos)} rules loaded, {len(ruleset.refused)} refused", err=True)
    differing = _check_mappings(settings)
    _check_policy(settings)
    if not settings.forward.receiver.url:
        click.echo("no receiver: [forward.receiver] url is empty, reports will wait in the outbox", err=True)
    if not settings.notify.channels:
        click.echo("nobody is told of anything: [notify] has no channel (docs/howto/notify.md)", err=True)
    _check_sharing(settings)
    if not targets_of(settings.audit):
        click.echo("the audit's heads stay on this host: set [audit] directory, url or syslog", err=True)

    usable = [_check_servers(settings), _check_archive(settings)]
    if not all(usable):
        raise click.exceptions.Exit(3)
    if ruleset.refused or differing:
        raise click.exceptions.Exit(1)


def _check_sharing(settings: Settings) -> None:
    """Say to whom alert data goes; a profile with mistakes ends the command."""
    from soc.sharing.setting_up import all_terms, rules_of

    if not settings.sharing.enabled:
        click.echo("no alert data is shared: [sharing] enabled is false", err=True)
        return
    rules_of(settings)
    for one in all_terms(settings).values():
        said = "acknowledges" if one.acknowledges else "no acknowledgement exists on this wire: compare the daily count"
        click.echo(
            f"alerts are shared with {one.name} over {one.wire}: {', '.join(one.profile.sharing.by)}; {said}", err=True
        )


def _check_policy(settings: Settings) -> None:
    """Say which policy of reporting is in force, and how much of it nobody compared with the law."""
    from soc.pipeline.policy import load_policy, policy_path
    from soc.pipeline.release import load_profiles, profile_path

    policy = load_policy(settings)
    load_profiles(settings)
    for receiver in settings.forward.all_receivers:
        click.echo(f"receiver {receiver.name}: what may leave to it: {profile_path(receiver)}", err=True)
    entries = len(policy.duties) + len(policy.periodic)
    said = (
        f"policy {policy.id} ({policy_path(settings)}): {entries} duties, {len(policy.unverified())} verified by nobody"
    )
    click.echo(f"{said}, SHA-256 {policy.hash[:16]}", err=True)


def _check_readiness(settings: Settings, output_format: str | None) -> None:
    """Print every gap of the register and its log sources; end with 1 if there is any."""
    from soc.app import open_bus
    from soc.assets.register import EMPTY, Register
    from soc.clock import now
    from soc.pipeline.context import Contexts
    from soc.pipeline.policy import load_policy
    from soc.pipeline.policy import readiness as duties
    from soc.pipeline.readiness import Gap, gaps
    from soc.pipeline.source_report import last_heard, source_reports, zones_of
    from soc.pipeline.source_watch import read_sources

    require_installation(settings)

    async def ask() -> list[Gap]:
        bus = open_bus(settings)
        heard: dict[str, int] = {}
        try:
            contexts = Contexts(bus)
            await contexts.refresh()
            published = contexts.get("register")
            register = Register.decode(published.data) if published is not None else EMPTY
            async for _, state in bus.states("collect"):
                last_heard(state, heard)
            known = read_sources([state async for _, state in bus.states("engine")])
            at = now()
            return gaps(register, source_reports(known, heard, zones_of(settings), at), at)
        finally:
            await bus.close()

    found = run_async(ask())
    print_rows([{name: getattr(gap, name) for name in gap.__struct_fields__} for gap in found], output_format)
    lacking = duties(settings, load_policy(settings))
    for line in lacking:
        click.echo(line, err=True)
    click.echo(f"{len(found):,} gaps; {len(lacking):,} matters of the duties to report", err=True)
    if found or lacking:
        raise click.exceptions.Exit(1)


def _check_archive(settings: Settings) -> bool:
    """Say where raw lines are archived; whether that place can be looked at."""
    from soc.app import open_archive

    if not settings.archive.enabled:
        days = settings.bus.raw_max_age_days
        click.echo(f"no archive: [archive] enabled is false, raw lines are kept for {days:g} days", err=True)
        return True
    place = open_archive(settings)
    try:
        days = len(place.folders())
    except UnavailableError as error:
        click.echo(str(error), err=True)
        return False
    click.echo(f"archive: {place}, {days} days in it", err=True)
    if settings.kafka.servers and not settings.archive.url:
        click.echo(
            "archive: every host that runs the role archive must see this folder; or set [archive] url", err=True
        )
    return True


def _check_mappings(settings: Settings) -> bool:
    """Read every mapping file and run its samples; whether any does not come out as written."""
    from soc.clock import now
    from soc.normalize.samples import failures
    from soc.pipeline.sources import make_normalizer, read_mappings

    make_normalizer(settings)  # profiles that name what does not exist
    zone, differing = ZoneInfo(settings.timezone), False
    mappings = read_mappings(settings)
    for mapping in mappings:
        for failure in failures(mapping, zone, now()):
            click.echo(failure, err=True)
            differing = True
    if mappings:
        click.echo(f"{len(mappings)} mapping files, {sum(len(one.sample) for one in mappings)} samples", err=True)
    return differing


def _check_servers(settings: Settings) -> bool:
    """Say of every broker and node whether it can be used, and how the topics compare; whether all of it can be used."""
    from soc.app import reach_brokers, reach_store

    async def ask() -> tuple[list[Any], list[Any]]:
        return [*await reach_brokers(settings)], [*await reach_store(settings)]

    brokers, nodes = run_async(ask())
    for one in (*brokers, *nodes):
        click.echo(f"{one.server}: {one.problem or one.version}", err=True)
    usable = not any(one.problem for one in (*brokers, *nodes))
    if any(not one.problem for one in brokers):
        return _check_topics(settings) and usable
    return usable


def _check_topics(settings: Settings) -> bool:
    """Say what of the topics is not as it should be; whether they can be used: missing ones are made at the first start."""
    from soc.app import open_topics

    async def ask() -> list[Any]:
        topics = open_topics(settings)
        try:
            return [one for one in await topics.check() if one.advice]
        finally:
            await topics.close()

    found = run_async(ask())
    missing = [one for one in found if one.found == "missing"]
    if missing:
        click.echo(f"{len(missing)} topics are not there yet: `soc topics create` makes them", err=True)
    for one in found:
        if one not in missing:
            click.echo(f"{one.topic}: {one.what} {one.found}, should be {one.wanted}: {one.advice}", err=True)
    return not any(one.what == "partitions" for one in found)


@click.command()
@config_option
@format_option
@click.option("--language", type=click.Choice(["en", "vi"]), default="en", show_default=True)
def doctor(config: Path | None, output_format: str | None, language: str) -> None:
    """Say what is wrong with a running (or stopped) installation, and what to do; exit code 1 if anything is.

    In the cluster it says what can be seen from this host: the brokers and what is on them, the store, this host's own
    processes and its collector's log. It also answers while brokers or store are away.

    \b
    Example:
      soc doctor
    """
    from soc.app import examine_installation
    from soc.console.findings import tell
    from soc.console.i18n import Texts
    from soc.telemetry import configure_logging

    settings = settings_of(config)
    require_installation(settings)
    configure_logging("error", "auto")  # what a look notices is in the findings
    health = run_async(examine_installation(settings))
    texts = Texts(language, settings.timezone)
    rows = [
        {"level": f.level, "where": f.where, "id": f.id, **tell(texts, f.id, f.values)._asdict()}
        for f in health.findings
    ]
    print_rows(rows, output_format, ("level", "where", "what", "advice"))
    if rows:
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

    In the cluster `ship 0` accepts this host's own collector log as it is, and ships it from where it says it was shipped;
    `collect N` says that nobody need wait for what the collector of host N has not shipped, because its disk is lost.

    \b
    Example:
      soc store declare-restored collect 0
    """
    from soc.app import declare_restored as declare
    from soc.app import table_of

    settings = settings_of(config)
    require_installation(settings)
    stages = table_of(settings).stages
    known = {f"{row.name} {p}" for row in stages for p in range(row.partitions)}
    if settings.kafka.servers:
        known.add("ship 0")
    if f"{stage} {partition}" not in known:
        raise SettingsError([f"there is no {stage} {partition}; known: {', '.join(sorted(known))}"])
    if not yes:
        click.confirm(f"What {stage}-{partition} held beside what is there now is lost for good?", abort=True, err=True)

    print_json(run_async(declare(settings, stage, partition)))


@store.command()
@config_option
def rebuild(config: Path | None) -> None:
    """Empty the store and write every retained record into it again.

    Everything may go on meanwhile; pages show what has been written so far. What was interrupted is begun again by the same
    command. `skipped` counts records that are no documents (their dead letters are in the store), `missed` those that retention
    took meanwhile.

    \b
    Example:
      soc store rebuild
    """
    from soc.app import open_bus, open_store
    from soc.pipeline.index import Rebuilt
    from soc.pipeline.index import rebuild as rebuild_store

    settings = settings_of(config)

    async def main() -> Rebuilt:
        bus, view = open_bus(settings), open_store(settings)
        try:
            return await rebuild_store(bus, view, _progress)
        finally:
            await view.close()
            await bus.close()

    rebuilt = run_async(main())
    if sys.stderr.isatty():
        click.echo(err=True)
    print_json(rebuilt._asdict())


def _progress(done: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{done:,} documents", err=True, nl=False)


COMMANDS = (check, doctor, store)

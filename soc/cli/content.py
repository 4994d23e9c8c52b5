"""``soc rules …``: what rule writers run."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from soc.cli.operate import require_installation
from soc.cli.output import config_option, format_option, print_json, print_rows, run_async, settings_of
from soc.clock import to_iso
from soc.model import Bundle
from soc.settings import RuleSettings, content_dir

if TYPE_CHECKING:
    from soc.pipeline.ruleset import Publication

LISTED = 20
"""Rules named one by one of those that publishing added, changed or removed."""


@click.group()
def rules() -> None:
    """Check, test and list Sigma rules.

    \b
    Example:
      soc rules check my-rules/
    """


def _bundle(paths: tuple[Path, ...], config: Path | None) -> Bundle:
    from soc.pipeline.ruleset import read_bundle

    chosen = RuleSettings(paths=tuple(map(str, paths))) if paths else settings_of(config).rules
    return read_bundle(chosen)


@rules.command()
@click.argument("paths", type=click.Path(path_type=Path, exists=True), nargs=-1)
@config_option
@format_option
def check(paths: tuple[Path, ...], config: Path | None, output_format: str | None) -> None:
    """Load rules from PATHS (default: those of the settings) and list every one that cannot be used.

    Exit code 1 if there is any. Listed on standard error: rules that raise no alerts of their own, because a correlation
    uses them; rules that an overlay disables; and overlays on rules that are not there.

    \b
    Example:
      soc rules check rules/ my-rules/
    """
    from soc.sigma.load import load

    ruleset = load(_bundle(paths, config))
    rows = [{"path": error.path, "line": error.line, "reason": error.reason} for error in ruleset.refused]
    print_rows(rows, output_format, ("path", "line", "reason"))
    for rule, by in sorted(ruleset.muted.items()):
        title = ruleset.infos[rule].title
        click.echo(f"muted: {title} ({rule}): used by {', '.join(by)}, none of which says generate", err=True)
    for rule, reason in sorted(ruleset.disabled.items()):
        click.echo(f"disabled: {rule}: {reason}", err=True)
    for warning in ruleset.warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"{len(ruleset.infos)} rules loaded, {len(rows)} refused", err=True)
    if not ruleset.infos and not rows:
        click.echo("soc: there is no rule to check: name a file or a folder that holds *.yml files", err=True)
    if rows:
        raise click.exceptions.Exit(1)


@rules.command(name="list")
@click.argument("paths", type=click.Path(path_type=Path, exists=True), nargs=-1)
@config_option
@format_option
def list_rules(paths: tuple[Path, ...], config: Path | None, output_format: str | None) -> None:
    """List the rules with their level, whether they raise alerts, and what they feed.

    \b
    Example:
      soc rules list --output-format json
    """
    from soc.sigma.load import load

    ruleset = load(_bundle(paths, config))
    rows = [
        {
            "id": rule,
            "title": info.title,
            "level": info.level,
            "type": info.type,
            "alerts": rule in ruleset.alerting,
            "feeds": list(ruleset.feeds.get(rule, ())),
            "path": info.path,
        }
        for rule, info in ruleset.infos.items()
    ]
    print_rows(rows, output_format, ("level", "type", "alerts", "title", "id"))


@rules.command()
@click.argument("cases", type=click.Path(path_type=Path, exists=True), nargs=-1)
@config_option
@format_option
def test(cases: tuple[Path, ...], config: Path | None, output_format: str | None) -> None:
    """Run the cases of rules: raw lines or timelines that must fire, and ones that must stay silent.

    CASES are files or directories [default: the cases beside the rules that ship with soc, in a checkout]. Exit code 1
    if a case fails.

    \b
    Example:
      soc rules test tests/rules
    """
    from soc.pipeline.ruleset import read_bundle
    from soc.tooling.cases import read_cases, run_cases

    chosen = list(cases) or [content_dir("rules").parent / "tests" / "rules"]
    texts: list[tuple[str, str]] = []
    for path in chosen:
        files = [path] if path.is_file() else sorted(path.rglob("*.yml"))
        texts += [(str(file), file.read_text(encoding="utf-8")) for file in files]
    settings = settings_of(config)
    results = run_cases(read_bundle(settings.rules), read_cases(texts), timezone=settings.timezone)
    rows = [{"rule": r.rule, "case": r.case, "ok": r.ok, "detail": r.detail, "path": r.path} for r in results]
    failed = [row for row in rows if not row["ok"]]
    print_rows(failed, output_format, ("path", "case", "detail"))
    click.echo(f"{len(rows)} cases, {len(failed)} failed", err=True)
    if failed or not rows:
        raise click.exceptions.Exit(1)


@rules.command(name="publish")
@click.option(
    "--rules",
    "paths",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help="A file or folder to publish instead of what the settings name; may be given again.",
)
@config_option
def publish_rules(paths: tuple[Path, ...], config: Path | None) -> None:
    """Make rules the current set of a running (or stopped) installation; prints its hash and what changed.

    Nothing is restarted: each engine compiles the set aside and takes it between two batches, within seconds; windows of
    rules that stay the same go on. `soc rules status` shows who is there already.

    Rules that cannot be used are listed on standard error, with file, line and reason, and the others are published all the
    same. A set in which nothing can be used changes nothing. Exit code 1 in both cases.

    Without --rules the settings say which. On one machine `soc run` publishes those at each start.

    \b
    Example:
      soc rules publish --rules rules/ --rules my-rules/
    """
    from soc.app import publish_rules as publish

    settings = settings_of(config)
    require_installation(settings)
    if paths:
        chosen = RuleSettings(paths=tuple(map(str, paths)))
        settings = settings.model_copy(update={"rules": chosen})
    publication = run_async(publish(settings))
    _print_publication(publication)
    if publication.refused or publication.rejected:
        raise click.exceptions.Exit(1)


def _print_publication(publication: "Publication") -> None:
    for refused in publication.refused:
        click.echo(f"refused: {refused.path}:{refused.line}: {refused.reason}", err=True)
    current, changed = publication.current, publication.changed
    for what, ids in changed._asdict().items():
        for rule in ids[:LISTED]:
            info = current.infos.get(rule)
            click.echo(f"{what}: {f'{info.title} ({rule})' if info else rule}", err=True)
        if len(ids) > LISTED:
            click.echo(f"{what}: … and {len(ids) - LISTED} more", err=True)
    if publication.rejected:
        click.echo(f"rejected, {current.hash or 'nothing'} stays in use: {publication.rejected}", err=True)
    print_json(
        {
            "hash": current.hash,
            "changed": publication.before != current.hash,
            "before": publication.before,
            "loaded": len(current.infos),
            "refused": len(publication.refused),
            "muted": len(current.muted),
            "rules_added": len(changed.added),
            "rules_changed": len(changed.changed),
            "rules_removed": len(changed.removed),
            "rejected": publication.rejected,
        }
    )


@rules.command()
@config_option
@format_option
def status(config: Path | None, output_format: str | None) -> None:
    """Show which rule set is current, and which one every partition of engine and correlate works with, on whatever host.

    A set that was just published takes effect within seconds. Exit code 1 if a partition works with another one, or if a set
    was published since that cannot be used.

    \b
    Example:
      soc rules status
    """
    from soc.app import rules_status

    settings = settings_of(config)
    require_installation(settings)
    found = run_async(rules_status(settings))
    rows: list[dict[str, object]] = [
        {**one._asdict(), "current": one.rule_set == found.current} for one in found.partitions
    ]
    print_rows(rows, output_format, ("stage", "partition", "rule_set", "current"))
    since = f", published {to_iso(found.since)}" if found.current else ""
    click.echo(f"current: {found.current or 'none'}{since}", err=True)
    for name, reason in found.rejected.items():
        click.echo(f"rejected: {name}: {reason}", err=True)
    if not found.everywhere or found.rejected:
        raise click.exceptions.Exit(1)


COMMANDS = (rules,)

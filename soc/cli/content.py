"""``soc rules …``: what rule writers run."""

from pathlib import Path

import click

from soc.cli.output import config_option, format_option, print_json, print_rows, run_async, settings_of
from soc.errors import SettingsError
from soc.model import Bundle
from soc.settings import RuleSettings, content_dir


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

    Exit code 1 if there is any. A rule that raises no alerts of its own, because a correlation uses it, is listed on
    standard error.

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
@config_option
def publish_rules(config: Path | None) -> None:
    """Make the rules that the settings name the current set of a cluster; prints its hash and how many rules it has.

    Every engine takes the current set when its process starts, and correlate and triage follow it by the hash in each
    detection. So after publishing, restart the engines, one host after another. Exit code 1 if rules are refused: the
    others are published all the same.

    \b
    Example:
      soc rules publish --config soc.toml
    """
    from soc.app import current_rules
    from soc.app import publish_rules as publish

    settings = settings_of(config)
    if not settings.kafka.servers:
        raise SettingsError(["without [kafka] servers `soc run` publishes the rules at each start: restart it instead"])
    before = run_async(current_rules(settings))
    published = run_async(publish(settings))
    for refused in published.refused:
        click.echo(f"refused: {refused.path}:{refused.line}: {refused.reason}", err=True)
    counts = {"loaded": len(published.infos), "refused": len(published.refused), "muted": len(published.muted)}
    print_json({"hash": published.hash, "changed": before != published.hash, "before": before, **counts})
    if before not in ("", published.hash):
        click.echo("engines work with the set before until their processes are started again", err=True)
    if published.refused:
        raise click.exceptions.Exit(1)


COMMANDS = (rules,)

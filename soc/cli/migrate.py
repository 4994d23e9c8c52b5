"""``soc migrate`` and ``soc topics …``: from one machine to a cluster, and the topics of a cluster."""

import sys
from pathlib import Path

import click

from soc.cli.output import config_option, format_option, print_json, print_rows, run_async, settings_of
from soc.settings import Settings

PROGRESS_EVERY = 20_000
"""Records between two lines of progress where standard error is no terminal."""


def _say(what: str) -> None:
    click.echo(f"soc: {what}", err=True)


class _Progress:
    """Progress on standard error: one line that is written over on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self._last = ("", 0)

    def __call__(self, what: str, count: int) -> None:
        """So many of ``what`` are through."""
        if sys.stderr.isatty():
            click.echo(f"\r\x1b[K{what}: {count:,}", err=True, nl=False)
        elif what != self._last[0] or count - self._last[1] >= PROGRESS_EVERY:
            click.echo(f"{what}: {count:,}", err=True)
            self._last = (what, count)


@click.command()
@config_option
@click.option(
    "--back", is_flag=True, help="Give it up: the installation in the data directory goes on, the topics do not."
)
def migrate(config: Path | None, *, back: bool) -> None:
    """Move the installation in the data directory to the cluster that [kafka] and [elasticsearch] name.

    Stop `soc run` first. What was collected is processed, every record copied, every state moved: alerts, open windows,
    incidents, reports, audit chains and the positions of followed files go on where they were. If it breaks off, start it
    again; nothing is doubled. Then start `soc run` with the same settings.

    \b
    Example:
      soc migrate --config soc.toml
    """
    from soc import migration

    settings = settings_of(config)
    if back:
        print_json(run_async(migration.back(migration.in_data_dir(settings), settings)))
        _say("empty [kafka] servers to run on the data directory again; delete the topics with `soc topics delete`")
        return
    print_json(run_async(migration.migrate_to_cluster(settings, say=_say, progress=_Progress())))
    _say("the installation is on the brokers now: start `soc run`; its store is filled as it runs")


@click.group()
def topics() -> None:
    """The topics of the cluster: make, check, move to another number of partitions, delete.

    \b
    Example:
      soc topics check --config soc.toml
    """


@topics.command()
@config_option
@format_option
def create(config: Path | None, output_format: str | None) -> None:
    """Make every topic that is missing, and print those. It can be run at any time; `soc run` does it too.

    \b
    Example:
      soc topics create
    """
    from soc.app import open_topics

    async def main() -> list[str]:
        topics = open_topics(settings_of(config))
        try:
            return list(await topics.create())
        finally:
            await topics.close()

    print_rows([{"made": name} for name in run_async(main())], output_format)


@topics.command()
@config_option
@format_option
def check(config: Path | None, output_format: str | None) -> None:
    """Compare every topic on the brokers with what it should be: partitions, copies, configuration. Exit code 1 if one is off.

    \b
    Example:
      soc topics check
    """
    from soc.app import open_topics

    async def main() -> list[dict[str, str]]:
        topics = open_topics(settings_of(config))
        try:
            return [one._asdict() for one in await topics.check()]
        finally:
            await topics.close()

    rows = run_async(main())
    print_rows(rows, output_format, ("topic", "what", "found", "wanted", "advice"))
    if any(row["advice"] for row in rows):
        raise click.exceptions.Exit(1)


@topics.command(name="migrate")
@config_option
@click.option("--partitions", type=click.IntRange(1, 1024), required=True, help="How many there will be.")
@click.option("--prefix", default=None, help="Before the new topics [default: the next generation, as in g2.]")
@click.option("--back", is_flag=True, help="Give it up: the old topics go on, the new ones do not.")
def migrate_topics(config: Path | None, partitions: int, prefix: str | None, *, back: bool) -> None:
    """Move the installation to topics with another number of partitions.

    The new topics stand beside the old ones under another prefix. Stop every role but the collectors, which go on and ship
    later. If it breaks off, start it again with the same options; nothing is doubled. Then set [kafka] prefix and
    partitions as it says on every host, and start `soc run`.

    \b
    Example:
      soc topics migrate --partitions 48
    """
    from soc import migration

    settings = settings_of(config)
    target = migration.on_topics(settings, partitions, next_prefix(settings) if prefix is None else prefix)
    if back:
        print_json(run_async(migration.back(settings, target)))
        return
    print_json(run_async(migration.migrate_topics(settings, target, say=_say, progress=_Progress())))
    _say("set on every host, and start `soc run`:")
    click.echo(f'[kafka]\nprefix = "{target.kafka.prefix}"\npartitions = {partitions}', err=True)


def next_prefix(settings: Settings) -> str:
    """The prefix of the next generation of topics: ``site.`` → ``site.g2.`` → ``site.g3.``."""
    base, _, last = settings.kafka.prefix.removesuffix(".").rpartition(".")
    if last[:1] == "g" and last[1:].isdecimal():
        return f"{base}.g{int(last[1:]) + 1}." if base else f"g{int(last[1:]) + 1}."
    return f"{settings.kafka.prefix}g2."


@topics.command()
@click.argument("prefix")
@config_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(prefix: str, config: Path | None, *, yes: bool) -> None:
    """Delete the topics under PREFIX ("" for none) that a migration has left, with all that they hold.

    Only topics that were migrated to others, or to which a migration was given up, are deleted.

    \b
    Example:
      soc topics delete ""
    """
    from soc import migration
    from soc.app import open_topics

    left, mark = run_async(migration.left_behind(settings_of(config), prefix))
    if not yes:
        click.confirm(f"{mark.refusal()}. Delete it for good?", abort=True, err=True)

    async def main() -> list[str]:
        topics = open_topics(left)
        try:
            return list(await topics.delete())
        finally:
            await topics.close()

    print_rows([{"deleted": name} for name in run_async(main())], None)


COMMANDS = (migrate, topics)

"""A whole installation in one call: rules published, first account made, supervisor and metrics running until told to stop."""

import asyncio
import math
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager

import click
import structlog
from aiohttp import web

from soc.app import health_watch, open_bus, publish_rules
from soc.console.auth import Users
from soc.errors import CommitUnknownError, FencedError, SettingsError, UnavailableError
from soc.inputs import check_inputs
from soc.pipeline.exposition import exposition
from soc.pipeline.migrate_guard import read_mark
from soc.pipeline.ruleset import Publication
from soc.pipeline.status import HostStatus, ProcessStatus
from soc.pipeline.waiting import pause
from soc.settings import KafkaSettings, Role, Settings
from soc.supervise import Groups, Supervisor, groups, metrics_app, prepare_metrics, wait_until_ready
from soc.telemetry import configure_logging

log = structlog.get_logger()

RULES_SECONDS = 2.0
READY_SECONDS = 120.0
"""Starting with all of SigmaHQ's rules takes the engine tens of seconds of compiling."""
UNDER_WAY_SECONDS = 30.0
SCRAPE_SECONDS = 0.7
"""How long a scrape waits for a new look at the bus before it tells the last one."""


async def run_installation(
    settings: Settings,
    command: Sequence[str],
    stop_on_signals: Callable[[], asyncio.Event],
    roles: Sequence[Role] = (),
) -> None:
    """Run until stopped by a signal, and say on standard error where the console is and how to sign in."""
    configure_logging(settings.log.level, settings.log.format, process="supervisor")
    stop = stop_on_signals()
    async with installation(settings, command, stop, roles) as (statuses, password):
        say_where(statuses, password)
        await stop.wait()


@asynccontextmanager
async def installation(
    settings: Settings, command: Sequence[str], stop: asyncio.Event, roles: Sequence[Role] = ()
) -> AsyncGenerator[tuple[list[ProcessStatus], str | None]]:
    """Everything running; leaving the context (or setting ``stop``) ends it cleanly.

    Args:
        command: arguments after ``python -m soc`` that start a worker of this installation.
        roles: only these on this host; () is all.

    Yields:
        The processes' statuses once all are ready, and the first account's password if it was just made.
    """
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError([f"data_dir: {settings.data_dir} cannot be made: {error.strerror}"]) from error
    if not roles or "collect" in roles:
        check_inputs(settings)
    await _refuse_if_moved(settings)
    environment = prepare_metrics(settings.data_dir)
    if "archive" in roles and not settings.archive.enabled:
        raise SettingsError(["--role archive: [archive] enabled is false"])
    if "share" in roles and not settings.sharing.enabled:
        raise SettingsError(["--role share: [sharing] enabled is false"])
    processes = groups(settings.processes, roles, without=_switched_off(settings))
    cluster = bool(settings.kafka.servers)
    if not cluster:
        _say_rules(await publish_rules(settings))
    password = Users(settings.data_dir).bootstrap() if not roles or "console" in roles else None
    status = HostStatus(settings.data_dir)
    supervisor = Supervisor(settings.data_dir, command, processes, environment, status.say_ended)
    async with _metrics(settings, processes, status), asyncio.TaskGroup() as tasks:
        tasks.create_task(supervisor.run(stop), name="supervisor")
        if cluster:
            tasks.create_task(_refuse_if_moved_on(settings, stop), name="moved")
        if cluster and (not roles or "engine" in roles):
            tasks.create_task(_publish_first_rules(settings, stop), name="rules")
        try:
            yield await _ready_or_stopped(settings, processes, stop), password
        finally:
            stop.set()


def _switched_off(settings: Settings) -> tuple[Role, ...]:
    """Roles that the settings say nobody runs."""
    off: dict[Role, bool] = {"archive": not settings.archive.enabled, "share": not settings.sharing.enabled}
    return tuple(role for role, is_off in off.items() if is_off)


async def _refuse_if_moved(settings: Settings) -> None:
    """An installation in the data directory is worked on until it is migrated, and by nobody from then on.

    Raises:
        SettingsError: it was migrated and the settings do not say where to; or it was not, and they name brokers.
    """
    directory = settings.data_dir / "bus"
    if not directory.exists():
        return
    bus = open_bus(settings.model_copy(update={"kafka": KafkaSettings()}))
    try:
        mark = await read_mark(bus)
    finally:
        await bus.close()
    moved = mark is not None and mark.side == "source" and mark.stage == "done"
    refusal = mark.refusal() if mark is not None else ""
    if settings.kafka.servers:
        refusal = "" if moved else refusal or "it was not migrated to [kafka]: run `soc migrate`, or move it away"
    if refusal:
        raise SettingsError([f"{directory}: {refusal}"])


async def _refuse_if_moved_on(settings: Settings, stop: asyncio.Event) -> None:
    """End an installation whose topics were migrated to others; one whose migration is under way waits for its end.

    Raises:
        SettingsError: the settings name topics that are no longer worked on.
    """
    while not stop.is_set():
        bus = open_bus(settings)
        try:
            mark = await read_mark(bus)
        except UnavailableError:
            await pause(stop, RULES_SECONDS)
            continue
        finally:
            await bus.close()
        if mark is None or not mark.refusal():
            return
        if mark.stage != "under way":
            raise SettingsError([f"[kafka]: {mark.refusal()}"])
        log.warning("migration_under_way", what=mark.refusal())
        await pause(stop, UNDER_WAY_SECONDS)


async def _publish_first_rules(settings: Settings, stop: asyncio.Event) -> None:
    """A new cluster's first rule set; later ones are published with ``soc rules publish``, by one host for all."""
    while not stop.is_set():
        try:
            published = await publish_rules(settings, only_first=True)
        except (UnavailableError, CommitUnknownError, FencedError) as error:
            log.warning("rules_not_published", error=str(error), again_in=RULES_SECONDS)
            await pause(stop, RULES_SECONDS)
        else:
            _say_rules(published)
            return


def _say_rules(publication: Publication) -> None:
    for refused in publication.refused:
        log.warning("rule_refused", path=refused.path, line=refused.line, reason=refused.reason)
    current = publication.current
    if publication.rejected:
        log.error("rules_rejected", reason=publication.rejected, in_use=current.hash)
    else:
        log.info("rules_published", hash=current.hash, loaded=len(current.infos), refused=len(current.refused))


async def _ready_or_stopped(settings: Settings, processes: Groups, stop: asyncio.Event) -> list[ProcessStatus]:
    """In the cluster however long the brokers are away: a collector collects without them."""
    seconds = math.inf if settings.kafka.servers else READY_SECONDS
    ready = asyncio.ensure_future(wait_until_ready(settings.data_dir, processes, seconds))
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait({ready, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not ready.done():
        ready.cancel()
        return []
    return ready.result()


@asynccontextmanager
async def _metrics(settings: Settings, processes: Groups, status: HostStatus) -> AsyncGenerator[None]:
    watch = health_watch(settings, on_away=status.say_away)

    async def health_lines() -> str:
        return exposition(await watch.latest(SCRAPE_SECONDS))

    runner = web.AppRunner(metrics_app(settings.data_dir, processes, health_lines), access_log=None)
    await runner.setup()
    host, port = settings.metrics.host, settings.metrics.port
    try:
        try:
            await web.TCPSite(runner, host, port, shutdown_timeout=1).start()
        except OSError as error:
            raise UnavailableError(
                f"metrics: cannot listen on {host}:{port}: {error.strerror}; set [metrics] port"
            ) from error
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(watch.run(), name="health")
            try:
                yield
            finally:
                watching.cancel()
    finally:
        await runner.cleanup()


def say_where(statuses: Sequence[ProcessStatus], password: str | None) -> None:
    """Tell the person at the terminal where everything is."""
    addresses = {name: address for status in statuses for name, address in status.addresses.items()}
    for name, address in sorted(addresses.items()):
        if name != "console":
            click.echo(f"  {name:<12} {address}", err=True)
    if "console" in addresses:
        click.echo(f"  console      {addresses['console']}", err=True)
    if password:
        click.echo(f"  sign in as   admin / {password}   (shown once; change it under /account)", err=True)
    sys.stderr.flush()

"""What each role of a process runs: its stages over the partitions that are its, its listeners, its pages.

In go the settings and the opened bus; nothing comes out but what the stages commit (``soc.app`` makes the parts).
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import msgspec
import structlog
from aiohttp import web

from collectors.fairness import Noise
from collectors.intake import Intake
from soc.app import (
    health_watch,
    micros,
    open_archive,
    open_bus,
    open_collector_log,
    open_store,
    rule_cache,
    spare_the_collector,
)
from soc.archive.archiver import Bounds
from soc.bus.base import Bus, Worker
from soc.clock import Micros, now
from soc.console.app import create_app
from soc.console.auth import Users
from soc.console.context import Outages
from soc.errors import LogMismatchError, UnavailableError
from soc.forward.forwarder import Forwarder
from soc.forward.payload import payload_preview
from soc.forward.rebuild import latest
from soc.inputs import make_collector
from soc.model import Action, Answer, Incident, RuleInfo
from soc.pipeline.acts import ActionDesk
from soc.pipeline.archive import ArchiveParts, run_archive
from soc.pipeline.compile_aside import compile_aside
from soc.pipeline.correlate import Correlate, CorrelateSettings
from soc.pipeline.engine import Engine, EngineParts
from soc.pipeline.index import Index
from soc.pipeline.letters import Selection
from soc.pipeline.letters import retry as retry_letters
from soc.pipeline.loop import StageLogic, run_stage
from soc.pipeline.migrate_guard import GuardedBus
from soc.pipeline.reload import FollowedRules, Ready, RulesInUse
from soc.pipeline.retention import keep_log_retention, keep_retention
from soc.pipeline.rule_costs import CostWatch
from soc.pipeline.ruleset import PublishedRules, RuleSets
from soc.pipeline.shards import Shards
from soc.pipeline.ship import Shipper
from soc.pipeline.ship_log import OwnCollector
from soc.pipeline.sources import make_normalizer
from soc.pipeline.status import ProcessStatus, write_status
from soc.pipeline.table import AUDIT, INCIDENTS, OUTBOX
from soc.pipeline.triage import TriageStage
from soc.pipeline.waiting import pause
from soc.pipeline.workers import run_share
from soc.settings import Role, Settings
from soc.telemetry import RULES_INFO
from soc.triage.fold import Triage

log = structlog.get_logger()

STATUS_SECONDS = 1.0
RULES_SECONDS = 1.0
FOLLOW_RULES_SECONDS = 15.0
HEALTH_SECONDS = 3.0
"""How long the health page waits for a new look before it shows the last one."""
CLAIM_WAIT_SECONDS = 15.0
"""How long a starting process waits for the one it replaces before it fences it."""


@dataclass
class Process:
    """One process of an installation, as its roles see it.

    Attributes:
        stop: set when the process is told to end; every role then returns.
        addresses: filled by the roles with what they bound.
        counters: listener → its counters, refreshed once a second.
        rules: hash of the newest rule set that engine or correlate works with.
        troubles: role → what keeps it from its work although it runs; empty while nothing does.
        rules_since: since when.
        rejected: hash → why the engine passes a published rule set over.
        costs: which rules the engine spends its time on.
        noise: which sources were over their share of the intake's room.
    """

    settings: Settings
    group: str
    worker: Worker
    roles: Sequence[Role]
    stop: asyncio.Event
    bus: Bus
    sets: RuleSets
    addresses: dict[str, str] = field(default_factory=dict[str, str])
    counters: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    ready: set[Role] = field(default_factory=set[Role])
    rules: str = ""
    troubles: dict[str, str] = field(default_factory=dict[str, str])
    rules_since: Micros = 0
    rejected: Mapping[str, str] = field(default_factory=dict[str, str])
    costs: CostWatch = field(default_factory=CostWatch)
    noise: Noise = field(default_factory=Noise)

    def works_with(self, role: Role, rule_set: str) -> None:
        """Tell which rule set the role works with from here on."""
        if rule_set != self.rules:
            if self.rules:
                RULES_INFO.labels(role, self.rules).set(0)
            self.rules, self.rules_since = rule_set, now()
            RULES_INFO.labels(role, rule_set).set(1)

    async def run(self) -> None:
        """Run every role until ``stop``; the first error ends the process and the supervisor starts it again."""
        started = now()
        async with asyncio.TaskGroup() as tasks:
            for role in self.roles:
                tasks.create_task(_ROLES[role](self), name=role)
            tasks.create_task(self._report(started), name="status")

    async def _report(self, started: Micros) -> None:
        while not self.stop.is_set():
            ready = self.ready >= set(self.roles)
            status = ProcessStatus(
                self.group,
                os.getpid(),
                tuple(self.roles),
                started,
                now(),
                ready,
                self.addresses,
                self.counters,
                self.rules,
                self.troubles,
                self.rules_since,
                dict(self.rejected),
                dict(self.costs.heavy),
                dict(self.noise.refused),
                dict(self.noise.waited),
            )
            write_status(self.settings.data_dir, status)
            await pause(self.stop, STATUS_SECONDS if ready else 0.05)

    async def stages(self, role: Role, make: Callable[[int], StageLogic]) -> None:
        """Run one stage over this worker's share of its partitions."""

        async def run(partition: int, stop: asyncio.Event, ready: Callable[[], None]) -> None:
            await run_stage(
                self.bus,
                role,
                partition,
                partial(make, partition),
                clock=now,
                stop=stop,
                ready=ready,
                take_over_wait=CLAIM_WAIT_SECONDS,
            )

        await self.share(role, run)

    async def share(self, role: Role, run: Callable[[int, asyncio.Event, Callable[[], None]], Awaitable[None]]) -> None:
        """Run ``run`` over this worker's share of the partitions of a role's stage."""

        def ready(is_ready: bool) -> None:
            self.ready.add(role) if is_ready else self.ready.discard(role)

        await run_share(role, self.bus.shares(role, self.worker), run, stop=self.stop, ready=ready)


async def run_process(
    settings: Settings, group: str, roles: Sequence[Role], stop: asyncio.Event, *, number: int = 0, of: int = 1
) -> None:
    """Run some roles in this process until ``stop`` is set.

    Args:
        group: name of the process on this host.
        number: which of the ``of`` equal processes of this host it is.
    """
    bus = GuardedBus(open_bus(settings))
    worker = Worker(f"{settings.kafka.instance}-{number}", number, of)
    try:
        await Process(settings, group, worker, roles, stop, bus, RuleSets(bus)).run()
    finally:
        await bus.close()


async def _collect(process: Process) -> None:
    """Listeners and the intake that makes what they hear durable; in the cluster that log is shipped from here."""
    settings = process.settings
    async with AsyncExitStack() as opened:
        log_bus = process.bus
        if settings.kafka.servers:
            log_bus = open_collector_log(settings)
            opened.push_async_callback(log_bus.close)
        intake = Intake(partial(log_bus.claim, "collect", 0, wait=CLAIM_WAIT_SECONDS), clock=now)
        process.noise = intake.noise
        listeners = [make_collector(listener, intake, settings) for listener in settings.listeners]
        async with asyncio.TaskGroup() as tasks:
            writing = tasks.create_task(intake.run(), name="intake")
            await intake.ready.wait()
            collected = asyncio.Event()
            shipper: Shipper | None = None
            if settings.kafka.servers:
                shipper = Shipper(_own_collector(process, log_bus), take_over_wait=CLAIM_WAIT_SECONDS)
                tasks.create_task(shipper.run(collected), name="ship")
                crowded = partial(getattr, intake, "full")
                tasks.create_task(keep_log_retention(log_bus, settings, process.stop, crowded), name="retention")
            running = [tasks.create_task(listener.run(), name=listener.name) for listener in listeners]
            for listener in listeners:
                await listener.ready.wait()
                if listener.address:
                    process.addresses[listener.name] = "{}:{}".format(*listener.address)
            process.ready.add("collect")
            while not process.stop.is_set():
                for listener in listeners:
                    process.counters[listener.name] = asdict(listener.counters)
                if shipper is not None:
                    process.troubles = {"ship": shipper.trouble} if shipper.needs_a_person else {}
                await pause(process.stop, STATUS_SECONDS)
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=10)
            writing.cancel()
            await asyncio.wait({writing})
            collected.set()  # nothing more comes: what is in the log now can be shipped to its end


def _own_collector(process: Process, log_bus: Bus) -> OwnCollector:
    """This host's collector as its shipping sees it."""
    settings, kafka = process.settings, process.settings.kafka
    shards = None
    if Shards.wanted(settings.sources):
        shards = Shards(make_normalizer(settings).profile_for, kafka.partitions)
    return OwnCollector(log_bus, process.bus, kafka.instance, socket.gethostname(), now, shards)


async def _latest_rules(process: Process) -> PublishedRules:
    """The current rule set; in the cluster it may not be published yet, or the brokers be away."""
    while True:
        try:
            return await process.sets.latest()
        except (LogMismatchError, UnavailableError) as error:
            if not process.settings.kafka.servers or process.stop.is_set():
                raise
            log.warning("no_rules", error=str(error), again_in=RULES_SECONDS)
            await pause(process.stop, RULES_SECONDS)


async def _engine(process: Process) -> None:
    settings = process.settings
    await _latest_rules(process)

    def settled(ready: Ready) -> None:
        process.works_with("engine", ready.hash)

    compiling = partial(compile_aside, directory=rule_cache(settings))
    rules = FollowedRules(process.sets, compiling, settled, spare_the_collector)
    process.rejected = rules.rejected
    await rules.start()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(rules.follow(process.stop), name="rules")
        costs = process.costs.follow(lambda: rules.current.detector.costs, process.stop)
        tasks.create_task(costs, name="costs")
        await process.stages("engine", partial(Engine, engine_parts(settings, rules)))


def engine_parts(settings: Settings, rules: RulesInUse) -> EngineParts:
    """What the engine's partitions share."""
    return EngineParts(
        make_normalizer(settings),
        rules,
        settings.partitions,
        micros(settings.correlation.lateness_seconds),
        micros(settings.correlation.idle_seconds),
    )


async def _correlate(process: Process) -> None:
    bounds = correlate_settings(process.settings)
    told = partial(process.works_with, "correlate")
    await process.stages("correlate", lambda _: Correlate(process.sets, bounds, told))


def correlate_settings(settings: Settings) -> CorrelateSettings:
    """The bounds that correlate works within."""
    correlation = settings.correlation
    return CorrelateSettings(
        micros(correlation.lateness_seconds),
        settings.partitions,
        correlation.max_groups,
        correlation.max_events_per_group,
    )


async def _triage(process: Process) -> None:
    await process.stages("triage", lambda _: TriageStage(process.sets, partial(make_fold, process.settings)))


def make_fold(settings: Settings, info: Callable[[str, str], RuleInfo | None]) -> Triage:
    """The fold that the settings describe."""
    triage = settings.triage
    return Triage(
        info,
        window=micros(triage.window_seconds),
        shared_entities=triage.shared_entities,
        max_degree=triage.max_degree,
    )


async def _index(process: Process) -> None:
    store = open_store(process.settings)

    async def run(partition: int, stop: asyncio.Event, ready: Callable[[], None]) -> None:
        retention: list[asyncio.Task[None]] = []
        async with asyncio.TaskGroup() as tasks:
            if partition == 0:  # one of all workers keeps the retention
                keeping = keep_retention(process.bus, store, process.settings, now, stop)
                retention.append(tasks.create_task(keeping, name="retention"))
            await run_stage(
                process.bus,
                "index",
                partition,
                lambda: Index(store, stop),
                clock=now,
                stop=stop,
                ready=ready,
                take_over_wait=CLAIM_WAIT_SECONDS,
            )
            for task in retention:
                task.cancel()  # it may be waiting for a store that is away

    try:
        await process.share("index", run)
    finally:
        await store.close()


async def _archive(process: Process) -> None:
    parts = archive_parts(process.settings)

    async def run(partition: int, stop: asyncio.Event, ready: Callable[[], None]) -> None:
        await run_archive(
            process.bus, partition, parts, clock=now, stop=stop, ready=ready, take_over_wait=CLAIM_WAIT_SECONDS
        )

    await process.share("archive", run)


def archive_parts(settings: Settings) -> ArchiveParts:
    """What the archive's partitions share."""
    archive = settings.archive
    return ArchiveParts(open_archive(settings), Bounds(archive.segment_bytes, archive.open_bytes), archive.days)


async def _forward(process: Process) -> None:
    settings = process.settings.forward

    async def run(partition: int, stop: asyncio.Event, ready: Callable[[], None]) -> None:
        forwarder = Forwarder(
            partial(process.bus.claim, "forward", partition, wait=CLAIM_WAIT_SECONDS),
            organization=settings.organization,
            receiver=settings.receiver,
            incidents=INCIDENTS,
            outbox=OUTBOX,
            audit=AUDIT,
            told=partial(latest, process.bus, OUTBOX),
            clock=now,
        )
        ready()
        await forwarder.run(stop)

    await process.share("forward", run)


async def _console(process: Process) -> None:
    settings = process.settings
    store = open_store(settings)
    number = settings.kafka.instance
    desk = ActionDesk(process.bus, lambda wait: process.bus.claim("console", number, wait=wait), number)
    watch = health_watch(settings)

    async def act(action: Action) -> Answer | None:
        if "bus" in watch.away:  # known: nobody waits for a time-out
            raise UnavailableError("the brokers are away")
        return await desk.act(action)

    async def retry(chosen: Mapping[str, str], actor: str) -> Mapping[str, Any]:
        if "bus" in watch.away:
            raise UnavailableError("the brokers are away")
        return msgspec.to_builtins(await retry_letters(process.bus, Selection(**chosen), actor))

    async def health() -> Mapping[str, Any]:
        return msgspec.to_builtins(await watch.latest(HEALTH_SECONDS))

    app = create_app(
        store=store,
        act=act,
        users=Users(settings.data_dir),
        info=process.sets.info,
        preview=partial(_preview, settings),
        language=settings.console.language,
        clock=now,
        timezone=settings.timezone,
        health=health,
        outages=lambda: Outages(watch.away.get("bus", 0), watch.away.get("store", 0), watch.store_late),
        session_hours=settings.console.session_hours,
        data_dir=settings.data_dir,
        rules=lambda: process.sets.current,
        retry=retry,
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.console.host, settings.console.port, shutdown_timeout=2)
        await _bind(site, "console", settings.console.host, settings.console.port)
        host, port = runner.addresses[0][:2]
        process.addresses["console"] = f"http://{host}:{port}"
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(watch.run(), name="health")
            tasks.create_task(_follow_rules(process), name="rules")
            process.ready.add("console")
            await desk.run(process.stop)
            watching.cancel()
    finally:
        await runner.cleanup()
        await store.close()


async def _follow_rules(process: Process) -> None:
    """Know what is published, for the pages that show rules; while the brokers are away, what was known."""
    while not process.stop.is_set():
        try:
            await process.sets.refresh()
        except UnavailableError as error:
            log.warning("rules_not_read", error=str(error), again_in=RULES_SECONDS)
        await pause(process.stop, RULES_SECONDS if process.sets.current is None else FOLLOW_RULES_SECONDS)


def _preview(settings: Settings, incident: Incident, kind: str) -> Any:
    return payload_preview(incident, kind, settings.forward.organization, settings.forward.receiver.name)


async def _bind(site: web.TCPSite, what: str, host: str, port: int) -> None:
    try:
        await site.start()
    except OSError as error:
        raise UnavailableError(
            f"{what}: cannot listen on {host}:{port}: {error.strerror}; choose another port"
        ) from error


_ROLES: Mapping[Role, Callable[[Process], Coroutine[Any, Any, None]]] = {
    "collect": _collect,
    "engine": _engine,
    "correlate": _correlate,
    "triage": _triage,
    "index": _index,
    "forward": _forward,
    "console": _console,
    "archive": _archive,
}

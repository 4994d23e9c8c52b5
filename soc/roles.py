"""What each role of a process runs: its stages over the partitions that are its, its listeners, its pages.

In go the settings and the opened bus; nothing comes out but what the stages commit (``soc.app`` makes the parts).
"""

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from functools import partial

import structlog

from collectors.intake import Intake
from soc.app import (
    micros,
    open_archive,
    open_bus,
    open_collector_log,
    open_store,
    rule_cache,
    spare_the_collector,
)
from soc.archive.archiver import Bounds
from soc.assets.register import EMPTY, Register
from soc.bus.base import Bus, Worker
from soc.clock import now
from soc.errors import LogMismatchError, UnavailableError
from soc.forward.forwarder import Destination, Forwarder
from soc.forward.rebuild import latest
from soc.hunt.hunter import Hunter
from soc.hunt.parts import make_parts
from soc.inputs import make_collector
from soc.intel.matcher import NO_INDICATORS, Indicators
from soc.model import RuleInfo
from soc.notify import roster_file
from soc.notify.roster import EMPTY as NO_ROSTER
from soc.pipeline.archive import ArchiveParts, run_archive
from soc.pipeline.compile_aside import compile_aside
from soc.pipeline.context import Contexts, Known
from soc.pipeline.correlate import Correlate, CorrelateSettings
from soc.pipeline.engine import Engine, EngineParts
from soc.pipeline.heartbeat import Heartbeat
from soc.pipeline.index import ROOM, Index
from soc.pipeline.intel_feeds import Puller
from soc.pipeline.loop import run_stage
from soc.pipeline.migrate_guard import GuardedBus
from soc.pipeline.notifier import Notifier
from soc.pipeline.notifier_parts import calling, patience, senders
from soc.pipeline.policy import load_policy
from soc.pipeline.release import load_profiles, terms_of
from soc.pipeline.reload import FollowedRules, Ready, RulesInUse
from soc.pipeline.retention import keep_log_retention, keep_retention
from soc.pipeline.ruleset import PublishedRules, RuleSets
from soc.pipeline.shards import Shards
from soc.pipeline.ship import Shipper
from soc.pipeline.ship_log import OwnCollector
from soc.pipeline.sources import make_normalizer
from soc.pipeline.table import ALERTS, AUDIT, INCIDENTS, OUTBOX
from soc.pipeline.triage import Around, TriageStage
from soc.pipeline.waiting import pause
from soc.process import CLAIM_WAIT_SECONDS, STATUS_SECONDS, Process, Runner
from soc.serve import run_console
from soc.settings import Role, Settings
from soc.sharing import orders
from soc.sharing.ours import Ours
from soc.sharing.setting_up import destinations, rules_of
from soc.sharing.sharer import Sharer, Topics
from soc.triage.fold import Triage
from soc.triage.surroundings import Surroundings

log = structlog.get_logger()

RULES_SECONDS = 1.0


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
        await Process(settings, group, worker, roles, stop, bus, RuleSets(bus), Contexts(bus)).run(_ROLES)
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
            spare_the_collector()
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
    await process.contexts.catch_up()  # no event is looked at before what is known to be bad is there
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(rules.follow(process.stop), name="rules")
        costs = process.costs.follow(lambda: rules.current.detector.costs, process.stop)
        tasks.create_task(costs, name="costs")
        await process.stages("engine", partial(Engine, engine_parts(settings, rules, process.contexts)))


def engine_parts(settings: Settings, rules: RulesInUse, contexts: Contexts | None = None) -> EngineParts:
    """What the engine's partitions share."""
    return EngineParts(
        make_normalizer(settings),
        rules,
        settings.partitions,
        micros(settings.correlation.lateness_seconds),
        micros(settings.correlation.idle_seconds),
        Known(contexts, "indicators", Indicators.decode, NO_INDICATORS) if contexts else lambda: NO_INDICATORS,
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
    around = Around(process.contexts)
    make = partial(make_fold, process.settings, surroundings=around)
    await process.contexts.catch_up()  # the register, before any alert; when each feed was last asked, by whomever
    async with asyncio.TaskGroup() as tasks:
        settings = process.settings
        if settings.intel.feeds:
            puller = Puller(process.bus, process.contexts, settings.intel, settings.timezone, now)
            tasks.create_task(puller.run(process.stop), name="feeds")
        if settings.intel.hunt_days:
            parts = partial(make_parts, settings, process.bus, now)
            hunter = Hunter(process.bus, process.contexts, settings.intel, parts, process.worker.name, now)
            tasks.create_task(hunter.run(process.stop), name="hunt")
        await process.stages("triage", lambda _: TriageStage(process.sets, make))


def make_fold(
    settings: Settings,
    info: Callable[[str, str], RuleInfo | None],
    *,
    surroundings: Callable[[], Surroundings] = Surroundings,
) -> Triage:
    """The fold that the settings describe, with what is known beside its inputs."""
    triage = settings.triage
    return Triage(
        info,
        window=micros(triage.window_seconds),
        shared_entities=triage.shared_entities,
        max_degree=triage.max_degree,
        repeat_window=micros(triage.repeat_seconds),
        half_life=micros(triage.risk_half_life_hours * 3600),
        surroundings=surroundings,
    )


async def _index(process: Process) -> None:
    store, room = open_store(process.settings), asyncio.Semaphore(ROOM)

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
                lambda: Index(store, stop, room),
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
    profiles = load_profiles(process.settings)
    register = Known(process.contexts, "register", Register.decode, EMPTY)
    terms = terms_of(process.settings, load_policy(process.settings), register)

    async def run(partition: int, stop: asyncio.Event, ready: Callable[[], None]) -> None:
        await process.contexts.catch_up()  # nothing is sealed before it is known what is ours
        forwarder = Forwarder(
            partial(process.bus.claim, "forward", partition, wait=CLAIM_WAIT_SECONDS),
            organization=settings.organization,
            destinations=[Destination(one, profile=profiles[one.name]) for one in settings.all_receivers],
            incidents=INCIDENTS,
            outbox=OUTBOX,
            audit=AUDIT,
            told=partial(latest, process.bus, OUTBOX),
            clock=now,
            terms=terms,
        )
        ready()
        await forwarder.run(stop)

    await process.share("forward", run)


async def _share(process: Process) -> None:
    rules, receivers = rules_of(process.settings), destinations(process.settings)
    await process.contexts.catch_up()  # nothing is sealed before it is known what is ours
    register = Known(process.contexts, "register", Register.decode, EMPTY)
    ordered = Known(process.contexts, "sharing", orders.parse, orders.NONE)

    async def run(partition: int, stop: asyncio.Event, ready: Callable[[], None]) -> None:
        sharer = Sharer(
            partial(process.bus.claim, "share", partition, wait=CLAIM_WAIT_SECONDS),
            rules=rules,
            destinations=receivers,
            topics=Topics(alerts=ALERTS, incidents=INCIDENTS),
            inside=Ours(register),
            orders=ordered,
            clock=now,
        )
        ready()
        await sharer.run(stop)

    await process.share("share", run)


async def _read_contexts(process: Process) -> None:
    """Read what is published, however long the brokers are away: the console, in the same process, is served meanwhile."""
    while not process.stop.is_set():
        try:
            await process.contexts.catch_up()
        except UnavailableError as error:
            log.warning("context_not_read", error=str(error), again_in=RULES_SECONDS)
            await pause(process.stop, RULES_SECONDS)
        else:
            return


async def _notify(process: Process) -> None:
    settings = process.settings.notify
    policy = load_policy(process.settings)
    await _read_contexts(process)  # nobody is passed over because the roster was not read yet
    roster = Known(process.contexts, "roster", roster_file.decode, NO_ROSTER)

    async def run(partition: int, stop: asyncio.Event, ready: Callable[[], None]) -> None:
        heartbeat = Heartbeat(settings.heartbeat, now)
        notifier = Notifier(
            partial(process.bus.claim, "notify", partition, wait=CLAIM_WAIT_SECONDS),
            settings=calling(settings),
            senders=senders(settings, now),
            roster=roster,
            policy=lambda: policy,
            patience=patience(settings),
            clock=now,
            heartbeat=heartbeat,
        )
        await notifier.run(stop, ready)

    await process.share("notify", run)


_ROLES: Mapping[Role, Runner] = {
    "collect": _collect,
    "engine": _engine,
    "correlate": _correlate,
    "triage": _triage,
    "index": _index,
    "forward": _forward,
    "console": run_console,
    "notify": _notify,
    "archive": _archive,
    "share": _share,
}

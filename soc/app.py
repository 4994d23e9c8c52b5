"""The composition root: settings in, the roles of one process running out; the only module that names adapters."""

import asyncio
import gc
import os
import secrets
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import msgspec
from aiohttp import web

from collectors.base import Collector
from collectors.file import FileTail
from collectors.http import HttpIngest
from collectors.intake import Intake
from collectors.syslog_tcp import SyslogTcp
from collectors.syslog_udp import SyslogUdp
from soc.bus.embedded import EmbeddedBus
from soc.clock import SECOND, Micros, now
from soc.console.app import create_app
from soc.console.auth import Users
from soc.detect.detector import Detector
from soc.errors import SettingsError, UnavailableError
from soc.forward.forwarder import Forwarder
from soc.forward.payload import payload_preview
from soc.model import Incident, RuleInfo
from soc.normalize.normalizer import Normalizer
from soc.pipeline.acts import ActionDesk
from soc.pipeline.correlate import Correlate, CorrelateSettings
from soc.pipeline.engine import Engine, EngineParts
from soc.pipeline.health import Health, examine
from soc.pipeline.index import Index
from soc.pipeline.loop import StageLogic, run_stage
from soc.pipeline.retention import keep_retention
from soc.pipeline.ruleset import PublishedRules, RuleSets, publish, read_bundle, to_published
from soc.pipeline.status import ProcessStatus, write_status
from soc.pipeline.table import AUDIT, INCIDENTS, OUTBOX, topology
from soc.pipeline.triage import TriageStage
from soc.settings import FileListener, HttpListener, Listener, Role, Settings, SyslogListener
from soc.sigma.load import load
from soc.store.embedded import EmbeddedStore
from soc.telemetry import LOADED_RULES, REFUSED_RULES
from soc.triage.fold import Triage

STATUS_SECONDS = 1.0
CLAIM_WAIT_SECONDS = 15.0
"""How long a starting process waits for the one it replaces before it fences it."""


def micros(seconds: float) -> Micros:
    """Seconds of a setting as microseconds."""
    return round(seconds * SECOND)


def open_bus(settings: Settings) -> EmbeddedBus:
    """The bus of the profile in use.

    Raises:
        SettingsError: the settings ask for Kafka: its adapter is there and passes the contract, but roles do not run on it yet.
    """
    if settings.kafka.servers:
        raise SettingsError(["[kafka] servers: this version runs on the embedded bus only; leave it empty"])
    return EmbeddedBus(
        settings.data_dir / "bus", topology(settings.bus.partitions), clock=now, free_bytes=settings.bus.free_bytes
    )


def open_store(settings: Settings) -> EmbeddedStore:
    """The store of the profile in use.

    Raises:
        SettingsError: the settings ask for Elasticsearch: its adapter is there and passes the contract, but no role uses it yet.
    """
    if settings.elasticsearch.urls:
        raise SettingsError(["[elasticsearch] urls: this version runs on the embedded store only; leave it empty"])
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return EmbeddedStore(settings.data_dir / "store.db")


def make_normalizer(settings: Settings) -> Normalizer:
    """The normalizer that the settings describe."""
    return Normalizer(
        settings.sources,
        timezone=settings.timezone,
        lateness=micros(settings.correlation.lateness_seconds),
        future_skew=micros(settings.correlation.future_skew_seconds),
    )


def ingest_token(settings: Settings) -> str:
    """The generated token of HTTP listeners without one of their own, made at first use, mode 0600."""
    path = settings.data_dir / "ingest-token"
    if not path.exists():
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(24) + "\n")
    return path.read_text(encoding="ascii").strip()


async def publish_rules(settings: Settings) -> PublishedRules:
    """Load the rules that the settings name and make them the current set."""
    bundle = read_bundle(settings.rules)
    published = to_published(bundle, load(bundle))
    bus = open_bus(settings)
    try:
        await publish(bus, published)
    finally:
        await bus.close()
    return published


async def examine_installation(settings: Settings) -> Health:
    """The health of an installation, seen from outside its processes."""
    bus = open_bus(settings)
    try:
        return await _health(bus, RuleSets(bus), settings)
    finally:
        await bus.close()


async def _health(bus: EmbeddedBus, sets: RuleSets, settings: Settings) -> Health:
    await sets.refresh()
    lateness = micros(settings.correlation.lateness_seconds)
    return await examine(bus, settings.data_dir, sets.current, lateness=lateness, now=now())


@dataclass
class Process:
    """One process of an installation, as its roles see it.

    Attributes:
        stop: set when the process is told to end; every role then returns.
        addresses: filled by the roles with what they bound.
        counters: listener → its counters, refreshed once a second.
    """

    settings: Settings
    group: str
    roles: Sequence[Role]
    stop: asyncio.Event
    bus: EmbeddedBus
    sets: RuleSets
    addresses: dict[str, str] = field(default_factory=dict[str, str])
    counters: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    ready: set[Role] = field(default_factory=set[Role])

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
                self.group, os.getpid(), tuple(self.roles), started, now(), ready, self.addresses, self.counters
            )
            write_status(self.settings.data_dir, status)
            await _wait(self.stop, STATUS_SECONDS if ready else 0.05)

    async def stages(self, role: Role, make: Callable[[int], StageLogic]) -> None:
        """Run one stage over all its partitions."""
        partitions = next(row.partitions for row in self.bus.topology.stages if row.name == role)
        claimed: set[int] = set()

        def ready(partition: int) -> None:
            claimed.add(partition)
            if len(claimed) == partitions:
                self.ready.add(role)

        async with asyncio.TaskGroup() as tasks:
            for partition in range(partitions):
                stage = run_stage(
                    self.bus,
                    role,
                    partition,
                    partial(make, partition),
                    clock=now,
                    stop=self.stop,
                    ready=partial(ready, partition),
                    take_over_wait=CLAIM_WAIT_SECONDS,
                )
                tasks.create_task(stage, name=f"{role}-{partition}")


async def run_process(settings: Settings, group: str, roles: Sequence[Role], stop: asyncio.Event) -> None:
    """Run some roles in this process until ``stop`` is set."""
    bus = open_bus(settings)
    try:
        await Process(settings, group, roles, stop, bus, RuleSets(bus)).run()
    finally:
        await bus.close()


async def _collect(process: Process) -> None:
    settings = process.settings
    intake = Intake(partial(process.bus.claim, "collect", 0, wait=CLAIM_WAIT_SECONDS), clock=now)
    listeners = [make_collector(listener, intake, settings) for listener in settings.listeners]
    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(intake.run(), name="intake")
        await intake.ready.wait()
        running = [tasks.create_task(listener.run(), name=listener.name) for listener in listeners]
        for listener in listeners:
            await listener.ready.wait()
            if listener.address:
                process.addresses[listener.name] = "{}:{}".format(*listener.address)
        process.ready.add("collect")
        while not process.stop.is_set():
            for listener in listeners:
                process.counters[listener.name] = asdict(listener.counters)
            await _wait(process.stop, STATUS_SECONDS)
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=10)
        writing.cancel()


def make_collector(listener: Listener, intake: Intake, settings: Settings) -> Collector:
    """The input that a listener's settings describe."""
    match listener:
        case FileListener():
            return FileTail(
                intake,
                name=listener.name,
                paths=listener.paths,
                start=listener.start,
                profile=listener.profile,
                source=listener.source,
                max_bytes=listener.max_bytes,
                clock=now,
            )
        case HttpListener():
            return HttpIngest(
                intake,
                name=listener.name,
                host=listener.host,
                port=listener.port,
                token=listener.token or ingest_token(settings),
                profile=listener.profile,
                source=listener.source,
                max_body=listener.max_body,
                max_bytes=listener.max_bytes,
                clock=now,
            )
        case SyslogListener(type="syslog-tcp"):
            return SyslogTcp(
                intake,
                name=listener.name,
                host=listener.host,
                port=listener.port,
                profile=listener.profile,
                source=listener.source,
                max_bytes=listener.max_bytes,
                clock=now,
            )
        case SyslogListener():
            return SyslogUdp(
                intake,
                name=listener.name,
                host=listener.host,
                port=listener.port,
                profile=listener.profile,
                source=listener.source,
                max_bytes=listener.max_bytes,
                receive_buffer=listener.receive_buffer,
                clock=now,
            )


def spare_the_collector() -> None:
    """Take what was loaded out of the garbage collector's sight, and let it look less often.

    Compiled rules are a million objects that live as long as the process; walking them again and again while events are
    made and dropped costs more than a tenth of the engine's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def _engine(process: Process) -> None:
    settings = process.settings
    published = await process.sets.latest()
    rules = await asyncio.to_thread(load, published.bundle)
    LOADED_RULES.set(len(rules.infos))
    REFUSED_RULES.set(len(rules.refused))
    parts = EngineParts(
        make_normalizer(settings),
        Detector(rules),
        rules,
        settings.bus.partitions,
        micros(settings.correlation.lateness_seconds),
        micros(settings.correlation.idle_seconds),
    )
    spare_the_collector()
    await process.stages("engine", partial(Engine, parts))


async def _correlate(process: Process) -> None:
    correlation = process.settings.correlation
    bounds = CorrelateSettings(
        micros(correlation.lateness_seconds),
        process.settings.bus.partitions,
        correlation.max_groups,
        correlation.max_events_per_group,
    )
    await process.stages("correlate", lambda _: Correlate(process.sets, bounds))


async def _triage(process: Process) -> None:
    triage = process.settings.triage

    def make_fold(info: Callable[[str, str], RuleInfo | None]) -> Triage:
        return Triage(
            info,
            window=micros(triage.window_seconds),
            shared_entities=triage.shared_entities,
            max_degree=triage.max_degree,
        )

    await process.stages("triage", lambda _: TriageStage(process.sets, make_fold))


async def _index(process: Process) -> None:
    store = open_store(process.settings)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(process.stages("index", lambda _: Index(store)))
            tasks.create_task(keep_retention(process.bus, store, process.settings, now, process.stop))
    finally:
        await store.close()


async def _forward(process: Process) -> None:
    settings = process.settings.forward
    forwarder = Forwarder(
        partial(process.bus.claim, "forward", 0, wait=CLAIM_WAIT_SECONDS),
        organization=settings.organization,
        receiver=settings.receiver,
        incidents=INCIDENTS,
        outbox=OUTBOX,
        audit=AUDIT,
        clock=now,
    )
    process.ready.add("forward")
    await forwarder.run(process.stop)


async def _console(process: Process) -> None:
    settings = process.settings
    store = open_store(settings)
    desk = ActionDesk(process.bus, partial(process.bus.claim, "console", 0, wait=CLAIM_WAIT_SECONDS))

    async def health() -> Mapping[str, Any]:
        return msgspec.to_builtins(await _health(process.bus, process.sets, settings))

    app = create_app(
        store=store,
        act=desk.act,
        users=Users(settings.data_dir),
        info=process.sets.info,
        preview=partial(_preview, settings),
        language=settings.console.language,
        clock=now,
        timezone=settings.timezone,
        health=health,
        session_hours=settings.console.session_hours,
        data_dir=settings.data_dir,
        rules=lambda: process.sets.current,
    )
    await process.sets.refresh()
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.console.host, settings.console.port, shutdown_timeout=2)
        await _bind(site, "console", settings.console.host, settings.console.port)
        host, port = runner.addresses[0][:2]
        process.addresses["console"] = f"http://{host}:{port}"
        process.ready.add("console")
        await desk.run(process.stop)
    finally:
        await runner.cleanup()
        await store.close()


def _preview(settings: Settings, incident: Incident, kind: str) -> Any:
    return payload_preview(incident, kind, settings.forward.organization, settings.forward.receiver.name)


async def _bind(site: web.TCPSite, what: str, host: str, port: int) -> None:
    try:
        await site.start()
    except OSError as error:
        raise UnavailableError(
            f"{what}: cannot listen on {host}:{port}: {error.strerror}; choose another port"
        ) from error


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


_ROLES: Mapping[Role, Callable[[Process], Coroutine[Any, Any, None]]] = {
    "collect": _collect,
    "engine": _engine,
    "correlate": _correlate,
    "triage": _triage,
    "index": _index,
    "forward": _forward,
    "console": _console,
}

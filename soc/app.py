"""The composition root: settings in, opened adapters and made parts out; the only module that names adapters, beside ``soc.inputs``."""

import gc
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from soc.archive.folder import Folder
from soc.archive.place import Place
from soc.bus.base import Topology
from soc.bus.embedded import EmbeddedBus
from soc.clock import DAY, SECOND, Clock, Micros, now
from soc.errors import LogMismatchError, SettingsError
from soc.forward.ledger import RESTORED, Ledger
from soc.forward.rebuild import Rebuilt, rebuild
from soc.model import Incident, Report
from soc.pipeline.acceptance import Difference
from soc.pipeline.audit_heads import key_of
from soc.pipeline.audit_kept import waiting
from soc.pipeline.audit_record import record
from soc.pipeline.audit_sent import last_sent
from soc.pipeline.context import amend
from soc.pipeline.dossier import Asked, Made, Sources, recorded
from soc.pipeline.health import Health, HostView
from soc.pipeline.health_audit import audit_findings
from soc.pipeline.health_bus import SHARED_STAGES, AskWorkers, BusEyes, Limits
from soc.pipeline.health_host import CollectorLog, collector_log, look_at_host
from soc.pipeline.health_intel import FeedEyes
from soc.pipeline.health_sharing import SharingEyes
from soc.pipeline.health_watch import HealthWatch
from soc.pipeline.migrate_guard import GuardedBus
from soc.pipeline.policy import load_policy
from soc.pipeline.release import load_recipients, terms_now
from soc.pipeline.retention import retention_days
from soc.pipeline.rule_cache import load_cached
from soc.pipeline.rules_status import RulesStatus, look_at_rules
from soc.pipeline.ruleset import Publication, RuleSets, read_bundle, replace_current, to_published
from soc.pipeline.ship_log import OwnCollector, accept_log
from soc.pipeline.shipped import forget_collectors
from soc.pipeline.source_report import zones_of
from soc.pipeline.status import read_statuses, read_supervisor
from soc.pipeline.table import AUDIT, INCIDENTS, OUTBOX, SHARE, SHIP, collector_topology, topology
from soc.settings import Settings
from soc.sharing.book import Book
from soc.sharing.seen import read_book
from soc.sharing.setting_up import all_terms
from soc.store.base import Store
from soc.store.embedded import EmbeddedStore

if TYPE_CHECKING:
    from soc.bus.kafka import KafkaBus
    from soc.bus.kafka_reach import Reached
    from soc.bus.kafka_topics import BrokerTopics
    from soc.store.elasticsearch import ElasticsearchStore
    from soc.store.elasticsearch_reach import ReachedNode

NOT_INSTALLED = "needs the packages of the cluster: pip install 'soc[cluster]'"


def micros(seconds: float) -> Micros:
    """Seconds of a setting as microseconds."""
    return round(seconds * SECOND)


def open_bus(settings: Settings, clock: Clock = now) -> "EmbeddedBus | KafkaBus":
    """The bus of the profile in use: the brokers where the settings name some, else the logs in the data directory.

    Raises:
        SettingsError: the settings name brokers, and the packages that speak with them are not installed.
    """
    if settings.kafka.servers:
        try:
            from soc.bus.kafka import KafkaBus
        except ModuleNotFoundError as error:
            raise SettingsError([f"[kafka] servers: {NOT_INSTALLED}"]) from error
        kafka = settings.kafka
        return KafkaBus(kafka, table_of(settings), clock=clock)
    return EmbeddedBus(settings.data_dir / "bus", table_of(settings), clock=clock, free_bytes=settings.bus.free_bytes)


def table_of(settings: Settings) -> Topology:
    """The pipeline that the settings describe."""
    hosts = settings.kafka.instances if settings.kafka.servers else 1
    return topology(settings.partitions, hosts, archive=settings.archive.enabled, share=settings.sharing.enabled)


def open_archive(settings: Settings) -> Place:
    """Where segments are kept: the bucket that the settings name, else a folder.

    Raises:
        SettingsError: they name a bucket, and the library that speaks with it is not installed.
    """
    archive = settings.archive
    if archive.url:
        try:
            from soc.archive.bucket import Bucket
        except ModuleNotFoundError as error:
            raise SettingsError(["[archive] url: needs the library for buckets: pip install 'soc[s3]'"]) from error
        return Bucket(archive)
    return Folder(Path(archive.path) if archive.path else settings.data_dir / "archive")


def open_topics(settings: Settings) -> "BrokerTopics":
    """The topics of an installation on brokers, to be made, checked and deleted.

    Raises:
        SettingsError: the settings name no brokers, or the packages that speak with them are not installed.
    """
    if not settings.kafka.servers:
        raise SettingsError(["[kafka] servers is empty: `soc topics` is about topics on brokers"])
    try:
        from soc.bus.kafka_topics import BrokerTopics
    except ModuleNotFoundError as error:
        raise SettingsError([f"[kafka] servers: {NOT_INSTALLED}"]) from error
    return BrokerTopics(settings.kafka, table_of(settings))


def open_collector_log(settings: Settings) -> EmbeddedBus:
    """The log of a collector of the cluster, on its own disk."""
    return EmbeddedBus(
        settings.data_dir / "collector", collector_topology(), clock=now, free_bytes=settings.bus.free_bytes
    )


def open_store(settings: Settings) -> "EmbeddedStore | ElasticsearchStore":
    """The store of the profile in use: Elasticsearch where the settings name it, else the file in the data directory.

    Raises:
        SettingsError: the settings name Elasticsearch, and its client is not installed.
    """
    if settings.elasticsearch.urls:
        try:
            from soc.store.elasticsearch import connect
        except ModuleNotFoundError as error:
            raise SettingsError([f"[elasticsearch] urls: {NOT_INSTALLED}"]) from error
        return connect(settings.elasticsearch)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return EmbeddedStore(settings.data_dir / "store.db")


def rule_cache(settings: Settings) -> Path:
    """Where compiled rule sets are kept: who publishes on this machine compiles for its engines too."""
    return settings.data_dir / "rule-cache"


async def publish_rules(settings: Settings, *, only_first: bool = False) -> Publication:
    """Load the rules that the settings name and make them the current set, which running engines then take up.

    Args:
        only_first: leave the current set as it is, if there is one.
    """
    bus = open_bus(settings)
    try:
        sets = RuleSets(bus)
        await sets.refresh()
        current = sets.current
        if only_first and current is not None:
            return Publication(current, current.hash, Difference((), (), ()), current.refused)
        bundle = read_bundle(settings.rules)
        return await replace_current(
            GuardedBus(bus), to_published(bundle, load_cached(bundle, rule_cache(settings))), current
        )
    finally:
        await bus.close()


async def rules_status(settings: Settings) -> RulesStatus:
    """Which rule set is current, and which one every partition of the installation works with."""
    bus = open_bus(settings)
    try:
        return await look_at_rules(bus, RuleSets(bus))
    finally:
        await bus.close()


async def declare_restored(settings: Settings, stage: str, partition: int) -> dict[str, Any]:
    """On an operator's word: what there is of what (stage, partition) wrote or read is all there is; go on from here.

    Embedded, the log of (stage, partition) gets a new id; on the brokers its positions that do not fit are moved. The
    forwarder then sends nothing before its state was rebuilt.

    Returns:
        What was done, for printing.
    """
    done: dict[str, Any] = {"stage": stage, "partition": partition}
    if settings.kafka.servers and stage in {"collect", SHIP}:
        return {**done, **await _declare_collector(settings, stage, partition)}
    state = {RESTORED: b""} if stage in {"forward", SHARE} else {}
    bus = open_bus(settings)
    try:
        if isinstance(bus, EmbeddedBus):
            return {**done, "log_id": await bus.declare_restored(stage, partition, state)}
        moved = await bus.declare_replaced(stage, partition, state)
        return {**done, "moved": [{"topic": t, "log_id": log_id, "next": at} for (t, _, log_id), at in moved.items()]}
    finally:
        await bus.close()


async def _declare_collector(settings: Settings, stage: str, partition: int) -> dict[str, Any]:
    """``collect N``: nobody waits for what host N has not shipped. ``ship 0``: this host's own log is accepted as it is."""
    bus = open_bus(settings)
    try:
        if stage == "collect":
            forgotten = await forget_collectors(bus, partition)
            return {"forgotten": [{"host": one.host, "unshipped": one.unshipped} for one in forgotten]}
        local = open_collector_log(settings)
        try:
            own = OwnCollector(local, bus, settings.kafka.instance, "", now)
            try:
                return {"next": await accept_log(own)}
            except LogMismatchError:  # the log does not fit its own position either
                log_id = await local.declare_restored("collect", 0)
                return {"next": await accept_log(own), "log_id": log_id}
        finally:
            await local.close()
    finally:
        await bus.close()


async def rebuild_forward(settings: Settings) -> list[Rebuilt]:
    """The forwarder's state made anew from the outbox, the audit chain and the incidents; what became of each report.

    Raises:
        SettingsError: a forwarder lives.
        LogMismatchError: embedded, and the log was not declared restored.
    """
    bus = open_bus(settings)
    try:
        if await bus.owner_lives("forward", 0):
            raise SettingsError(["a forwarder is running; stop the forward role on every host first"])
        try:
            claim = await bus.claim("forward", 0)
        except LogMismatchError:
            if isinstance(bus, EmbeddedBus):
                raise  # whether a newer copy exists is the operator's to say
            await bus.declare_replaced("forward", 0)
            claim = await bus.claim("forward", 0)
        try:
            forward = settings.forward
            return await rebuild(
                bus,
                claim,
                topics=(INCIDENTS, OUTBOX, AUDIT),
                organization=forward.organization,
                recipients=load_recipients(settings),
                seconds=max(one.timeout_seconds for one in forward.all_receivers),
                clock=now,
                terms=await terms_now(settings, bus),
            )
        finally:
            await claim.release()
    finally:
        await bus.close()


async def reports(settings: Settings) -> list[Report]:
    """Every report as the forwarder has it, in the order of sealing."""
    bus = open_bus(settings)
    try:
        return [report async for _, state in bus.states("forward") for report in Ledger(state).reports]
    finally:
        await bus.close()


async def sharing_book(settings: Settings) -> Book:
    """What alert sharing has committed; nothing where it never ran."""
    bus = open_bus(settings)
    try:
        return await read_book(bus) or Book({})
    finally:
        await bus.close()


async def order_sharing(settings: Settings, change: Callable[[bytes | None], tuple[bytes, str]], *, actor: str) -> None:
    """Publish an order for alert sharing: the orders so far → the new ones, and a clause for the audit."""
    bus = open_bus(settings)
    try:
        await amend(bus, "sharing", change, actor=actor, at=now())
    finally:
        await bus.close()


def audit_key(settings: Settings) -> bytes | None:
    """This host's audit key (PEM), or None where nobody made one."""
    try:
        return key_of(settings.data_dir, make=False)
    except SettingsError:
        return None


async def make_dossier(settings: Settings, store: Store, incident: Incident, made_by: str) -> Made:
    """The dossier of an incident, recorded in the audit before it is handed on.

    Raises:
        UnavailableError: it could not be gathered or recorded.
    """
    bus = open_bus(settings)
    try:
        sources = Sources(store, bus, open_archive(settings), load_policy(settings))
        asked = Asked(settings.forward.organization, made_by, audit_key(settings))
        return await recorded(sources, incident, asked, now(), partial(record, bus))
    finally:
        await bus.close()


def health_watch(
    settings: Settings,
    *,
    on_away: Callable[[Mapping[str, Micros]], None] = lambda _: None,
    away: Mapping[str, Micros] | None = None,
) -> HealthWatch:
    """The health of an installation, seen from outside its processes over a bus of its own; nothing is opened yet."""
    limits = Limits(
        micros(settings.correlation.lateness_seconds),
        {topic: round(days * DAY) for topic, days in retention_days(settings).items()},
        bool(settings.kafka.servers),
    )

    def open_eyes() -> BusEyes:
        bus = open_bus(settings)
        beside = SharingEyes(bus, partial(all_terms, settings), FeedEyes(bus, settings.intel))
        return BusEyes(bus, RuleSets(bus), limits, ask_workers(settings), zones_of(settings), beside=beside)

    async def servers() -> Mapping[str, str]:
        return {one.server: one.problem for one in await reach_brokers(settings) if one.problem}

    async def host(at: Micros) -> HostView:
        data_dir = settings.data_dir
        own_log = await examine_collector_log(settings)
        view = look_at_host(read_statuses(data_dir), read_supervisor(data_dir), own_log, at)
        audit = audit_findings(settings.audit, last_sent(data_dir), waiting(data_dir), at)
        return msgspec.structs.replace(view, findings=(*view.findings, *audit))

    return HealthWatch(open_eyes, partial(open_store, settings), host, servers, clock=now, on_away=on_away, away=away)


def ask_workers(settings: Settings) -> AskWorkers | None:
    """Who works on which partitions, asked of the brokers; None where one host does everything."""
    if not settings.kafka.servers:
        return None
    from soc.bus.kafka_workers import workers

    return partial(workers, settings.kafka, SHARED_STAGES)


async def examine_installation(settings: Settings) -> Health:
    """The health of an installation, looked at once."""
    known = read_supervisor(settings.data_dir)
    watch = health_watch(settings, away=known.away if known else None)
    try:
        await watch.look()
        return await watch.told()
    finally:
        await watch.close()


async def examine_collector_log(settings: Settings) -> CollectorLog | None:
    """What waits in this host's own collector log; None where there is none."""
    directory = settings.data_dir / "collector"
    if not settings.kafka.servers or not directory.is_dir():
        return None
    bus = open_collector_log(settings)
    try:
        return collector_log(await bus.lag(), directory, settings.bus.free_bytes)
    finally:
        await bus.close()


async def reach_brokers(settings: Settings) -> "Sequence[Reached]":
    """Every configured broker, whether it answers and if not why; () without brokers."""
    if not settings.kafka.servers:
        return ()
    from soc.bus.kafka_reach import reach

    return await reach(settings.kafka)


async def reach_store(settings: Settings) -> "Sequence[ReachedNode]":
    """Every configured node of Elasticsearch, whether it answers and if not why; () without."""
    if not settings.elasticsearch.urls:
        return ()
    from soc.store.elasticsearch_reach import reach

    return await reach(settings.elasticsearch)


def spare_the_collector() -> None:
    """Take what was loaded out of the garbage collector's sight, and let it look less often.

    Compiled rules are a million objects that live as long as the process; walking them again and again while events are
    made and dropped costs more than a tenth of the engine's time. Said again after a change of rules, it also lets the set before
    go: it is in cycles, so each change would leave one behind for ever. That stops the process once a change, for as long as it takes to
    walk two sets.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)

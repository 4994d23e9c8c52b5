"""The composition root: settings in, opened adapters and made parts out; the only module that names adapters."""

import gc
import os
import secrets
from typing import TYPE_CHECKING, Any

from collectors.base import Collector
from collectors.file import FileTail
from collectors.http import HttpIngest
from collectors.intake import Intake
from collectors.syslog_tcp import SyslogTcp
from collectors.syslog_udp import SyslogUdp
from soc.bus.base import Bus
from soc.bus.embedded import EmbeddedBus
from soc.clock import SECOND, Micros, now
from soc.errors import SettingsError
from soc.normalize.normalizer import Normalizer
from soc.pipeline.health import Health, examine
from soc.pipeline.ruleset import PublishedRules, RuleSets, publish, read_bundle, to_published
from soc.pipeline.table import collector_topology, topology
from soc.settings import FileListener, HttpListener, Listener, Settings, SyslogListener
from soc.sigma.load import load
from soc.store.embedded import EmbeddedStore

if TYPE_CHECKING:
    from soc.bus.kafka import KafkaBus
    from soc.store.elasticsearch import ElasticsearchStore

NOT_INSTALLED = "needs the packages of the cluster: pip install 'soc[cluster]'"


def micros(seconds: float) -> Micros:
    """Seconds of a setting as microseconds."""
    return round(seconds * SECOND)


def open_bus(settings: Settings) -> "EmbeddedBus | KafkaBus":
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
        return KafkaBus(kafka, topology(kafka.partitions, kafka.instances), clock=now)
    return EmbeddedBus(
        settings.data_dir / "bus", topology(settings.bus.partitions), clock=now, free_bytes=settings.bus.free_bytes
    )


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


async def publish_rules(settings: Settings, *, only_first: bool = False) -> PublishedRules:
    """Load the rules that the settings name and make them the current set; returns the set that is current then.

    Args:
        only_first: leave the current set as it is, if there is one.
    """
    bus = open_bus(settings)
    try:
        if only_first:
            sets = RuleSets(bus)
            await sets.refresh()
            if sets.current is not None:
                return sets.current
        bundle = read_bundle(settings.rules)
        published = to_published(bundle, load(bundle))
        await publish(bus, published)
    finally:
        await bus.close()
    return published


async def declare_restored(settings: Settings, stage: str, partition: int) -> dict[str, Any]:
    """On an operator's word: what there is of what (stage, partition) wrote or read is all there is; go on from here.

    Embedded, the log of (stage, partition) gets a new id; on the brokers its positions that do not fit are moved.

    Returns:
        What was done, for printing.
    """
    done: dict[str, Any] = {"stage": stage, "partition": partition}
    bus = open_bus(settings)
    try:
        if isinstance(bus, EmbeddedBus):
            return {**done, "log_id": await bus.declare_restored(stage, partition)}
        moved = await bus.declare_replaced(stage, partition)
        return {**done, "moved": [{"topic": t, "log_id": log_id, "next": at} for (t, _, log_id), at in moved.items()]}
    finally:
        await bus.close()


async def examine_installation(settings: Settings) -> Health:
    """The health of an installation, seen from outside its processes."""
    bus = open_bus(settings)
    try:
        return await examine_bus(bus, RuleSets(bus), settings)
    finally:
        await bus.close()


async def examine_bus(bus: Bus, sets: RuleSets, settings: Settings) -> Health:
    """The health of an installation on an open bus."""
    await sets.refresh()
    lateness = micros(settings.correlation.lateness_seconds)
    return await examine(bus, settings.data_dir, sets.current, lateness=lateness, now=now())


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

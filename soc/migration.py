"""Migrations of a whole installation: settings in, both buses opened, everything that ``soc.pipeline.migrate`` needs made.

``soc migrate`` moves the installation in the data directory to the brokers that the settings name; ``soc topics migrate`` moves
the one on the brokers to topics with another prefix, and another number of partitions.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

from pydantic import ValidationError

from soc.app import micros, open_bus, open_collector_log, open_store, open_topics
from soc.bus.base import Bus
from soc.clock import MINUTE, now
from soc.errors import SettingsError
from soc.forward.forwarder import Destination, Forwarder
from soc.forward.rebuild import latest
from soc.pipeline.archive import archive_rest
from soc.pipeline.balance import PREFIX as BALANCE
from soc.pipeline.context import Contexts
from soc.pipeline.correlate import Correlate
from soc.pipeline.engine import Engine, EngineParts
from soc.pipeline.index import Index
from soc.pipeline.migrate import Migrated, Plan, give_up, migrate
from soc.pipeline.migrate_copy import CopiedTime, Progress
from soc.pipeline.migrate_drain import Draining, drain
from soc.pipeline.migrate_guard import Mark, read_mark
from soc.pipeline.migrate_states import Counts
from soc.pipeline.release import load_profiles, terms_now
from soc.pipeline.reload import OneSet
from soc.pipeline.ruleset import RuleSets
from soc.pipeline.table import ARCHIVE, AUDIT, INCIDENTS, OUTBOX, RAW
from soc.pipeline.triage import Around, TriageStage
from soc.roles import archive_parts, correlate_settings, engine_parts, make_fold
from soc.settings import KafkaSettings, Settings
from soc.sigma.load import load

if TYPE_CHECKING:
    from soc.bus.embedded import EmbeddedBus
    from soc.bus.kafka import KafkaBus

HOLD = 15 * MINUTE
"""For so long after a migration a source that was active before it holds event time: whoever comes back within it, with what
waited in a collector meanwhile, is not late; for whoever does not, absences are found so much later once."""

STATE_OF_MIGRATE = "soc.state.migrate"
BATCH_KEY = b"intake/batch"
FORWARD_SECONDS = 0.2

Say = Callable[[str], None]


def in_data_dir(settings: Settings) -> Settings:
    """The same installation on its embedded bus."""
    return settings.model_copy(update={"kafka": KafkaSettings()})


def on_topics(settings: Settings, partitions: int, prefix: str) -> Settings:
    """The same installation on other topics of the same brokers.

    Raises:
        SettingsError: the prefix or number cannot be used.
    """
    try:
        kafka = KafkaSettings.model_validate(
            {**settings.kafka.model_dump(), "partitions": partitions, "prefix": prefix}
        )
    except ValidationError as error:
        raise SettingsError([f"[kafka]: {item['msg']}" for item in error.errors()]) from error
    return settings.model_copy(update={"kafka": kafka})


async def migrate_to_cluster(settings: Settings, *, say: Say, progress: Progress) -> Migrated:
    """Move the installation in the data directory to the brokers of the settings.

    Raises:
        SettingsError: there is none, or no brokers; and what ``migrate`` raises.
    """
    if not settings.kafka.servers:
        raise SettingsError(["[kafka] servers is empty: name the brokers to migrate to"])
    if not (settings.data_dir / "bus").is_dir():
        raise SettingsError([f"{settings.data_dir} holds no installation that could be migrated"])
    source = in_data_dir(settings)
    return await _migrate(
        source, settings, say, progress, hosts={0: settings.kafka.instance}, partitions=settings.bus.partitions
    )


async def migrate_topics(settings: Settings, target: Settings, *, say: Say, progress: Progress) -> Migrated:
    """Move the installation on the brokers to the topics of ``target``.

    Raises:
        SettingsError: there are no brokers, or the topics are the same; and what ``migrate`` raises.
    """
    if not settings.kafka.servers:
        raise SettingsError(["[kafka] servers is empty: `soc topics` is about topics on brokers"])
    if settings.kafka.prefix == target.kafka.prefix:
        raise SettingsError([f"the topics are called {settings.kafka.prefix!r}… already: choose another --prefix"])
    hosts = {instance: instance for instance in range(settings.kafka.instances)}
    return await _migrate(settings, target, say, progress, hosts=hosts, partitions=settings.kafka.partitions)


async def back(source: Settings, target: Settings) -> Mark:
    """Give a migration up, or take it back: the source may be worked on again, the target not."""
    async with AsyncExitStack() as opened:
        buses = [open_bus(one) for one in (source, target)]
        for bus in buses:
            opened.push_async_callback(bus.close)
        return await give_up(buses[0], buses[1], now)


async def left_behind(settings: Settings, prefix: str) -> tuple[Settings, Mark]:
    """The topics under a prefix that a migration has left, as they were made, and what it said of them.

    Raises:
        SettingsError: there are none, or they are worked on.
    """
    topics = open_topics(on_topics(settings, settings.kafka.partitions, prefix))
    try:
        made = await topics.made()
    finally:
        await topics.close()
    where = f"topics with the prefix {prefix!r}"
    if RAW not in made or STATE_OF_MIGRATE not in made:
        raise SettingsError([f"there are no {where} of a migration"])
    left = on_topics(settings, made[RAW], prefix)
    bus = open_bus(left)
    try:
        mark = await read_mark(bus)
    finally:
        await bus.close()
    if mark is None or not mark.refusal() or mark.stage == "under way":
        raise SettingsError([f"the {where} are in use: no migration has left them"])
    return left, mark


def name_of(settings: Settings) -> str:
    """A bus, for people, and to tell one migration from another."""
    kafka = settings.kafka
    if kafka.servers:
        return f"topics with the prefix {kafka.prefix!r} and {kafka.partitions} partitions"
    return f"the logs in {(settings.data_dir / 'bus').resolve()}"


async def _migrate(
    source: Settings, target: Settings, say: Say, progress: Progress, *, hosts: Mapping[int, int], partitions: int
) -> Migrated:
    embedded = not source.kafka.servers
    stamp = CopiedTime(now())
    async with AsyncExitStack() as opened:
        here, there = open_bus(source), open_bus(target, stamp)
        opened.push_async_callback(here.close)
        opened.push_async_callback(there.close)

        plan = Plan(
            source=here,
            target=there,
            stamp=stamp,
            source_name=name_of(source),
            target_name=name_of(target),
            counts=Counts(partitions, target.kafka.partitions, max((one.shards for one in source.sources), default=1)),
            hosts=hosts,
            idle=micros(source.correlation.idle_seconds),
            hold=HOLD,
            index_again=embedded,
            living=partial(who_lives, here, collectors=embedded),
            drain=partial(work_off, source, here, progress),
            hand_over=partial(_hand_over, target) if embedded else _keep_all,
        )
        return await migrate(plan, clock=now, say=say, progress=progress)


async def who_lives(bus: "EmbeddedBus | KafkaBus", *, collectors: bool) -> Sequence[str]:
    """Who works on a bus.

    Args:
        collectors: also who collects or serves the console. On brokers they may go on: what they hear waits in their own logs.
    """
    owned = [(row.name, p) for row in bus.topology.stages if row.inputs or collectors for p in range(row.partitions)]
    return [f"{stage}-{p}" for stage, p in owned if await bus.owner_lives(stage, p)]


async def work_off(settings: Settings, bus: Bus, progress: Progress) -> None:
    """Run every stage without listeners until nothing is left to do; reports are sealed, none is sent.

    Args:
        settings: the source's; on brokers the store is kept up with too.
        bus: the source.
    """
    sets, contexts = RuleSets(bus), Contexts(bus)
    await sets.refresh()
    await contexts.catch_up()  # what is worked off here is told by the register and the indicators as anywhere else
    behind = {lag.stage for lag in await bus.lag() if lag.records}
    stages: list[Draining] = []
    if "engine" in behind:
        parts = await _engine_parts(settings, sets, contexts)
        stages.append(Draining("engine", partial(Engine, parts)))
    bounds = correlate_settings(settings)
    stages.append(Draining("correlate", lambda _: Correlate(sets, bounds), settles=True))
    make = partial(make_fold, settings, surroundings=Around(contexts))
    stages.append(Draining("triage", lambda _: TriageStage(sets, make)))
    await drain(bus, stages, clock=now, progress=progress)
    if any(row.name == ARCHIVE for row in bus.topology.stages):
        await archive_rest(bus, archive_parts(settings), clock=now)
    await _seal(settings, bus, progress)
    if settings.kafka.servers:
        store = open_store(settings)
        try:
            await drain(bus, [Draining("index", lambda _: Index(store))], clock=now, progress=progress)
        finally:
            await store.close()


async def _engine_parts(settings: Settings, sets: RuleSets, contexts: Contexts) -> EngineParts:
    rules = await asyncio.to_thread(load, (await sets.latest()).bundle)
    return engine_parts(settings, OneSet(rules), contexts)


async def _seal(settings: Settings, bus: Bus, progress: Progress) -> None:
    """Have the forwarder read what incidents say, without a way to send anything."""

    async def behind() -> int:
        return sum(lag.records for lag in await bus.lag() if lag.stage == "forward")

    if not await behind():
        return
    stop = asyncio.Event()
    profiles = load_profiles(settings)
    silent = [one.model_copy(update={"url": "", "directory": ""}) for one in settings.forward.all_receivers]
    forwarder = Forwarder(
        partial(bus.claim, "forward", 0),
        organization=settings.forward.organization,
        destinations=[Destination(one, profile=profiles[one.name]) for one in silent],
        incidents=INCIDENTS,
        outbox=OUTBOX,
        audit=AUDIT,
        told=partial(latest, bus, OUTBOX),
        clock=now,
        terms=await terms_now(settings, bus),
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(forwarder.run(stop))
        while left := await behind():
            progress("forward, incidents left", left)
            await asyncio.sleep(FORWARD_SECONDS)
        stop.set()


async def _hand_over(settings: Settings, state: Mapping[bytes, bytes]) -> Mapping[bytes, bytes]:
    """Listeners' file positions and idempotency keys to this host's own collector log; the counts to the brokers.

    Raises:
        SettingsError: a collector has worked there already.
    """
    listeners, counts = split_collect(state)
    bus = open_collector_log(settings)
    try:
        if any((await bus.ends([RAW])).values()):
            place = settings.data_dir / "collector"
            raise SettingsError(
                [f"{place}: a collector has worked here: it would read followed files twice; move it away"]
            )
        claim = await bus.claim("collect", 0)
        try:
            gone: dict[bytes, bytes | None] = {key: None for key in claim.state if key not in listeners}
            await claim.commit(state={**gone, **listeners})
        finally:
            await claim.release()
    finally:
        await bus.close()
    return counts


def split_collect(state: Mapping[bytes, bytes]) -> tuple[dict[bytes, bytes], dict[bytes, bytes]]:
    """Collect's state on one machine as the two that it is in the cluster: the listeners' own, and the counts."""
    counts = {key: value for key, value in state.items() if key.startswith(BALANCE)}
    listeners = {key: value for key, value in state.items() if key not in counts and key != BATCH_KEY}
    return listeners, counts


async def _keep_all(state: Mapping[bytes, bytes]) -> Mapping[bytes, bytes]:
    return state

"""A migration: an installation on one bus in, the same on another, which may have other numbers of partitions, out (ADR 0015).

    mark      both sides say that a migration is under way; nobody claims there any more (``migrate_guard``)
    fence     whoever had claimed before can commit nothing
    drain     what was collected is processed, on the source (``migrate_drain``)
    copy      every retained record, in order of each key (``migrate_copy``)
    states    every key to the partition where its records will be (``migrate_states``), positions behind what was copied
    compare   balance and audit chains of both sides
    mark      the target may be worked on, the source not

Every step may be broken off and done again: a migration that was killed is finished by starting it once more.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from soc.bus.base import Bus
from soc.clock import Clock, Micros
from soc.errors import LogMismatchError, SettingsError
from soc.model import decode
from soc.pipeline.archive import past_chains
from soc.pipeline.auditing import verify_audit
from soc.pipeline.migrate_copy import CopiedTime, Copy, Progress, put_state
from soc.pipeline.migrate_guard import Mark, read_mark, write_mark
from soc.pipeline.migrate_states import Counts, Pause, correlate_states, engine_states, raw_floor
from soc.pipeline.reconcile import reconcile
from soc.pipeline.ruleset import PublishedRules
from soc.pipeline.table import ARCHIVE, MIGRATE, PUBLISHING, REPLAY, RETRYING, RULES, SHARE

AT_ONCE = 4
"""Claims under way at a time."""

HandOver = Callable[[Mapping[bytes, bytes]], Awaitable[Mapping[bytes, bytes]]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is moved where.

    Attributes:
        stamp: the clock that ``target`` was opened with.
        source_name: for people, also in the marks.
        target_name: the same of the target.
        counts: partitions.
        hosts: partition of collect and console on the source → on the target.
        idle: a source silent for so long is not active.
        hold: see ``Pause``.
        index_again: the target's store is filled from the beginning; else it holds everything already.
        living: who works on the source, in words; asked before anything is begun.
        drain: works off what was collected on the source; called again after a crash.
        hand_over: is given collect's state, and returns what of it belongs on the target's bus.
    """

    source: Bus
    target: Bus
    stamp: CopiedTime
    source_name: str
    target_name: str
    counts: Counts
    hosts: Mapping[int, int]
    idle: Micros
    hold: Micros
    index_again: bool
    living: Callable[[], Awaitable[Sequence[str]]]
    drain: Callable[[], Awaitable[None]]
    hand_over: HandOver


class Migrated(msgspec.Struct, frozen=True):
    """What came of it.

    Attributes:
        records: copied in this run, those of runs that were broken off not counted.
        left_out: state records of rules of which no published set knows.
        already: it was complete before.
    """

    id: str
    source: str
    target: str
    records: int = 0
    left_out: int = 0
    already: bool = False


async def migrate(plan: Plan, *, clock: Clock, say: Callable[[str], None], progress: Progress) -> Migrated:
    """Do it, or finish it.

    Raises:
        SettingsError: the source runs, the target is not empty, or one of the two belongs to another migration.
        FencedError: somebody else works on one of the two, or migrates too.
        LogMismatchError: the source changed under way, or the copy does not add up; nothing was switched.
        UnavailableError: one of the two cannot be reached; start it again.
    """
    found = await _begin(plan, clock)
    done = Migrated(found.id, plan.source_name, plan.target_name, already=found.stage == "done")
    if not done.already:
        say("fencing whoever still works")
        await _fence(plan.source)
        say("processing what was collected")
        await plan.drain()
        say("copying records")
        records = await _copy(plan, progress)
        say("moving states")
        left_out = await _states(plan, clock, progress)
        say("comparing both sides")
        await _compare(plan)
        await write_mark(plan.target, Mark(found.id, "target", "done", plan.source_name, clock()))
        done = msgspec.structs.replace(done, records=records, left_out=left_out)
    await write_mark(plan.source, Mark(found.id, "source", "done", plan.target_name, clock()))
    return done


async def give_up(source: Bus, target: Bus | None, clock: Clock) -> Mark:
    """The source may be worked on again, the target not any more; returns the mark that the source had.

    What was collected on the target since then is not brought back.

    Raises:
        SettingsError: the source was not migrated.
    """
    mark = await read_mark(source)
    if mark is None or mark.side != "source":
        raise SettingsError(["there is no migration from here that could be given up"])
    if target is not None:
        there = await read_mark(target)
        if there is not None and there.id == mark.id:
            await write_mark(target, msgspec.structs.replace(there, stage="given up", at=clock()))
    await write_mark(source, None)
    return mark


async def _begin(plan: Plan, clock: Clock) -> Mark:
    """Agree on the migration and mark both sides; the target's mark."""
    there, here = await read_mark(plan.target), await read_mark(plan.source)
    ours = here if here is not None and here.side == "source" else None
    if here is not None and ours is None and here.refusal():
        raise SettingsError([f"{plan.source_name}: {here.refusal()}"])
    if ours is not None and ours.peer != plan.target_name:
        raise SettingsError([f"{plan.source_name}: {ours.refusal()}; this would be another migration"])
    if there is not None and (ours is None or there.id != ours.id):
        raise SettingsError([f"{plan.target_name}: {there.refusal() or 'there is an installation already'}"])
    if there is not None and there.stage == "given up":
        raise SettingsError([f"{plan.target_name}: {there.refusal()}"])
    if there is not None:
        return there
    if await _used(plan.target):
        raise SettingsError([f"{plan.target_name}: there is something already; take an empty one, e.g. another prefix"])
    if ours is None:
        living = await plan.living()
        if living:
            raise SettingsError([f"{plan.source_name}: stop it first: {', '.join(living)} still run"])
        ours = Mark(secrets.token_hex(8), "source", "under way", plan.target_name, clock())
        await write_mark(plan.source, ours)
    there = Mark(ours.id, "target", "under way", plan.source_name, clock())
    await write_mark(plan.target, there)
    return there


async def _used(bus: Bus) -> bool:
    if any((await bus.ends(list(bus.topology.topics))).values()):
        return True
    for stage in bus.topology.stages:
        async for _, state in bus.states(stage.name):
            if state:
                return True
    return False


async def _fence(bus: Bus) -> None:
    """Claim everything once. The marks stand before this, so whoever claims later sees them."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(stage: str, partition: int) -> None:
        async with turns:
            await (await bus.claim(stage, partition)).release()

    async with asyncio.TaskGroup() as tasks:
        for stage in bus.topology.stages:
            for partition in range(stage.partitions if stage.name != MIGRATE else 0):
                tasks.create_task(one(stage.name, partition))


async def _copy(plan: Plan, progress: Progress) -> int:
    claim = await plan.target.claim(MIGRATE, 0)
    try:
        copy = Copy(plan.source, claim, plan.stamp, progress)
        copy.restore()
        return await copy.run()
    finally:
        await claim.release()


async def _states(plan: Plan, clock: Clock, progress: Progress) -> int:
    """Every state to its partitions; how many state records were left out."""
    plan.stamp.now = clock()
    counts = plan.counts
    engines = await _of(plan.source, "engine")
    pause = Pause(clock(), plan.idle, plan.hold)
    floor = raw_floor(engines, counts.old)
    rekeyed = correlate_states(await _of(plan.source, "correlate"), counts.new, floor, await _published(plan.source))
    collected = {plan.hosts[p]: await plan.hand_over(s) for p, s in (await _of(plan.source, "collect")).items()}
    wanted: dict[tuple[str, int], Mapping[bytes, bytes]] = {
        **{("engine", p): state for p, state in enumerate(engine_states(engines, counts, pause))},
        **{("correlate", p): state for p, state in enumerate(rekeyed.states)},
        **{("collect", p): state for p, state in collected.items()},
        **{("console", plan.hosts[p]): state for p, state in (await _of(plan.source, "console")).items()},
    }
    for stage in ("rules", "triage", "forward", "notify", PUBLISHING, RETRYING, REPLAY):
        wanted[stage, 0] = (await _of(plan.source, stage)).get(0, {})
    if _has(plan.source, SHARE) and _has(plan.target, SHARE):
        wanted[SHARE, 0] = (await _of(plan.source, SHARE)).get(0, {})
    if _has(plan.source, ARCHIVE) and _has(plan.target, ARCHIVE):
        wanted |= {(ARCHIVE, p): {} for p in range(counts.new)}
        wanted[ARCHIVE, 0] = past_chains(await _of(plan.source, ARCHIVE))
    if not plan.index_again:
        wanted |= {("index", p): {} for p in range(counts.new)}
    turns = asyncio.Semaphore(AT_ONCE)
    through: dict[str, int] = {}

    async def one(stage: str, partition: int, state: Mapping[bytes, bytes]) -> None:
        async with turns:
            await put_state(plan.target, stage, partition, state)
        through[stage] = through.get(stage, 0) + 1
        progress(f"{stage} partitions", through[stage])

    async with asyncio.TaskGroup() as tasks:
        for (stage, partition), state in wanted.items():
            tasks.create_task(one(stage, partition, state))
    return rekeyed.left_out


def _has(bus: Bus, stage: str) -> bool:
    return any(row.name == stage for row in bus.topology.stages)


async def _of(bus: Bus, stage: str) -> dict[int, Mapping[bytes, bytes]]:
    return {partition: state async for partition, state in bus.states(stage)}


async def _published(bus: Bus) -> list[PublishedRules]:
    reader = bus.reader([RULES])
    found: list[PublishedRules] = []
    try:
        while records := await reader.fetch(16, 0.0):
            found += [decode(record.value, PublishedRules) for record in records]
    finally:
        await reader.close()
    return found


async def _compare(plan: Plan) -> None:
    """Balance and audit chains of both sides.

    Raises:
        LogMismatchError: they are not the same, or something is still to be processed on the target.
    """
    before, after = await reconcile(plan.source), await reconcile(plan.target)
    behind = {stage: count for stage, count in after.behind.items() if stage != "index"}
    chains = await verify_audit(plan.source), await verify_audit(plan.target)
    wrong: list[str] = []
    if before.sums != after.sums:
        wrong.append(f"the balance is {before.sums} on the source and {after.sums} on the target")
    if chains[0] != chains[1]:
        wrong.append(f"the audit chains are {chains[0]} on the source and {chains[1]} on the target")
    if behind:
        wrong.append(f"on the target is still something to be processed: {behind}")
    if wrong:
        raise LogMismatchError("\n".join(f"{what}; nothing was switched" for what in wrong))

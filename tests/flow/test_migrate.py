"""A migration between two embedded buses with other numbers of partitions: broken off, refused, given up."""

import asyncio
from dataclasses import replace
from functools import partial

import pytest

from soc.bus.base import Message, Record, partition_of
from soc.bus.embedded import EmbeddedBus
from soc.clock import MINUTE, SECOND, now, to_iso
from soc.errors import LogMismatchError, SettingsError, UnavailableError
from soc.migration import in_data_dir, on_topics, split_collect, who_lives, work_off
from soc.model import Alert, Bundle, Event, RawRecord, RulesChange, Watermark, decode, encode
from soc.pipeline.auditing import verify_audit
from soc.pipeline.balance import key
from soc.pipeline.engine import to_each_partition
from soc.pipeline.migrate import Plan, give_up, migrate
from soc.pipeline.migrate_copy import STATE_BYTES, CopiedTime, moved, pieces
from soc.pipeline.migrate_guard import GuardedBus, Mark, read_mark, write_mark
from soc.pipeline.migrate_states import Counts
from soc.pipeline.reconcile import reconcile
from soc.pipeline.ruleset import publish, to_published
from soc.pipeline.table import ALERTS, DETECTIONS, EVENTS, RAW, topology
from soc.settings import Settings
from soc.sigma.load import load

RULES = """
title: Failed password
id: 6f6cc5d7-9d51-4f58-9f0c-0e0d4c3f0001
name: failed
level: low
logsource: {product: linux, service: sshd}
detection: {words: ["Failed password"], condition: words}
---
title: Guessing
id: 6f6cc5d7-9d51-4f58-9f0c-0e0d4c3f0003
level: high
correlation: {type: event_count, rules: [failed], group-by: [source.ip], timespan: 10m, condition: {gte: 4}}
"""
BUNDLE = Bundle((("guessing.yml", RULES),))
OLD, NEW = 2, 3
ADDRESSES = range(8)
BEGAN = now() - 300 * SECOND


class StopHere(Exception):  # noqa: N818 - it is none
    """As if the process were killed there."""


class Scene:
    """An installation half way in ``old``, to be moved to ``new``."""

    def __init__(self, directory):
        self.directory = directory
        self.settings = Settings.model_validate({"data_dir": directory, "bus": {"partitions": OLD}})
        self.source = EmbeddedBus(directory / "old", topology(OLD))
        self.stamp = CopiedTime(now())
        self.listeners = {}
        self.said = []
        self.steps = self.stop_at = 0
        self.open()

    def open(self):
        """The target, which interrupts at the chosen step."""
        self.target = EmbeddedBus(
            self.directory / "new",
            topology(NEW),
            clock=self.stamp,
            on_step=self.step,
            batch_bytes=2000,
            fetch_bytes=2000,
        )

    def step(self, _):
        self.steps += 1
        if self.steps == self.stop_at:
            raise StopHere

    async def close(self):
        await self.source.close()
        await self.target.close()

    async def hand_over(self, state):
        self.listeners, counts = split_collect(state)
        return counts

    def plan(self):
        async def nobody():
            return ()

        return Plan(
            source=self.source,
            target=self.target,
            stamp=self.stamp,
            source_name="old",
            target_name="new",
            counts=Counts(OLD, NEW),
            hosts={0: 0},
            idle=60 * SECOND,
            hold=15 * MINUTE,
            index_again=True,
            living=nobody,
            drain=partial(work_off, self.settings, self.source, lambda *_: None),
            hand_over=self.hand_over,
        )

    async def migrate(self):
        return await migrate(self.plan(), clock=now, say=self.said.append, progress=lambda *_: None)

    async def collect(self, bus, numbers, **state):
        """Failures of every address, from two sources; the state of a listener in the same commit."""
        claim = await bus.claim("collect", 0)
        counts = dict(claim.state)
        outputs = []
        for number in numbers:
            for address in ADDRESSES:
                source = f"host{address % 2}"
                stamp = to_iso(BEGAN + number * SECOND)
                text = f"<38>1 {stamp} bastion sshd 1 - - Failed password for root from 203.0.113.{address} port {number} ssh2"
                outputs.append(
                    Message(RAW, source.encode(), encode(RawRecord(text.encode(), now(), "tcp", "p", source)))
                )
                bucket = key(BEGAN, source)
                counts[bucket] = encode(decode(counts.get(bucket, encode(0)), int) + 1)
        outputs = [Message(m.topic, m.key, with_time(m.value)) for m in outputs]
        changes = {k: v for k, v in counts.items() if claim.state.get(k) != v}
        await claim.commit(outputs, {**changes, **{k.encode(): v for k, v in state.items()}})
        await claim.release()

    async def begin(self):
        await publish(self.source, to_published(BUNDLE, load(BUNDLE)))
        await self.collect(self.source, range(4), **{"file/auth/x": b"position"})
        await work_off(self.settings, self.source, lambda *_: None)
        await self.collect(self.source, range(10, 13))


def with_time(value):
    raw = decode(value, RawRecord)
    return encode(RawRecord(raw.data, BEGAN, raw.listener, raw.peer, raw.source))


async def read(bus, topic, type_=None):
    reader = bus.reader([topic])
    found = []
    while records := await reader.fetch(1000, 0.0):
        found += [decode(record.value, type_) for record in records] if type_ else records
    await reader.close()
    return found


def in_scene(tmp_path, play):
    async def main():
        scene = Scene(tmp_path)
        try:
            return await play(scene)
        finally:
            await scene.close()

    return asyncio.run(main())


async def check_moved(scene):
    """Everything is on the target, once, and its stages go on."""
    for topic in scene.source.topology.topics:
        left, right = await read(scene.source, topic), await read(scene.target, topic)
        want = [(m.key, m.value) for m in moved(left)]
        assert sorted(want) == sorted((r.key, r.value) for r in right), topic
        if topic == RAW:
            assert {r.partition for r in right} == {partition_of(r.key, NEW) for r in right}
    assert scene.listeners == {b"file/auth/x": b"position"}
    found = await reconcile(scene.target)
    assert found.sums.balanced
    assert found.sums.raw == 8 * 7
    assert await verify_audit(scene.source) == await verify_audit(scene.target)


def test_a_migration_broken_off_again_and_again_moves_everything_once(tmp_path):
    async def play(scene):
        await scene.begin()
        broken = 0
        while True:
            broken += 1
            scene.steps, scene.stop_at = 0, 13 * broken
            done = await broken_off(scene)
            if done is not None:
                break
            await scene.target.close()
            scene.open()
        assert broken > 5
        scene.stop_at = 0
        await check_moved(scene)
        scene.listeners = {}
        assert (await scene.migrate()).already
        assert scene.listeners == {}

    in_scene(tmp_path, play)


def test_windows_begun_before_a_migration_are_finished_after_it(tmp_path):
    async def play(scene):
        await publish(scene.source, to_published(BUNDLE, load(BUNDLE)))
        await scene.collect(scene.source, range(2))
        await scene.migrate()
        assert await read(scene.target, ALERTS, Alert) == []
        await scene.collect(scene.target, range(2, 4))
        settings = scene.settings.model_copy(update={"bus": scene.settings.bus.model_copy(update={"partitions": NEW})})
        await work_off(settings, scene.target, lambda *_: None)
        alerts = {alert.id: alert for alert in await read(scene.target, ALERTS, Alert)}
        assert {alert.group[0][1] for alert in alerts.values()} == {f"203.0.113.{n}" for n in ADDRESSES}
        assert all(alert.count == 4 for alert in alerts.values())
        assert len({event.id for event in await read(scene.target, EVENTS, Event)}) == 8 * 4

    in_scene(tmp_path, play)


def test_nobody_claims_on_either_side_before_a_migration_has_ended_and_on_the_source_never_again(tmp_path):
    async def play(scene):
        await scene.begin()
        scene.stop_at = 40
        assert await broken_off(scene) is None
        for bus in (scene.source, scene.target):
            with pytest.raises(UnavailableError, match=r"being migrated to new|from old to here is under way"):
                await GuardedBus(bus).claim("engine", 0)
        scene.stop_at = 0
        await scene.migrate()
        await (await GuardedBus(scene.target).claim("engine", 0)).release()
        with pytest.raises(UnavailableError, match="was migrated to new"):
            await GuardedBus(scene.source).claim("engine", 0)

    in_scene(tmp_path, play)


async def broken_off(scene):
    """What came of a migration; None if it was stopped."""
    done = None
    try:
        done = await scene.migrate()
    except* StopHere:
        pass
    return done


def test_who_claims_while_the_mark_is_written_is_let_go(tmp_path):
    async def play(scene):
        class Late(EmbeddedBus):
            async def claim(self, stage, partition, *, wait=0.0):
                claim = await super().claim(stage, partition, wait=wait)
                if stage == "engine":
                    await write_mark(scene.source, Mark("m", "source", "under way", "new", 1))
                return claim

        bus = Late(tmp_path / "old", topology(OLD))
        with pytest.raises(UnavailableError, match="being migrated"):
            await GuardedBus(bus).claim("engine", 0)
        assert not await bus.owner_lives("engine", 0)
        await bus.close()

    in_scene(tmp_path, play)


def test_a_running_source_or_a_target_that_is_not_empty_is_refused_and_nothing_is_marked(tmp_path):
    async def play(scene):
        async def somebody():
            return ["engine"]

        with pytest.raises(SettingsError, match="stop it first: engine"):
            await migrate(replace(scene.plan(), living=somebody), clock=now, say=print, progress=print)
        await scene.collect(scene.target, range(1))
        with pytest.raises(SettingsError, match="there is something already"):
            await scene.migrate()
        assert await read_mark(scene.source) is await read_mark(scene.target) is None

    in_scene(tmp_path, play)


def test_who_owns_a_partition_runs(tmp_path):
    async def play(scene):
        assert await who_lives(scene.source, collectors=True) == []
        claim = await scene.source.claim("collect", 0)
        assert await who_lives(scene.source, collectors=True) == ["collect-0"]
        assert await who_lives(scene.source, collectors=False) == []
        await claim.release()

    in_scene(tmp_path, play)


def test_a_source_whose_migration_goes_elsewhere_is_refused(tmp_path):
    async def play(scene):
        await write_mark(scene.source, Mark("m", "source", "under way", "elsewhere", 1))
        with pytest.raises(SettingsError, match="this would be another migration"):
            await scene.migrate()

    in_scene(tmp_path, play)


def test_a_migration_given_up_leaves_the_source_as_it_was_and_the_target_unusable(tmp_path):
    async def play(scene):
        await scene.begin()
        await scene.migrate()
        await give_up(scene.source, scene.target, now)
        await (await GuardedBus(scene.source).claim("engine", 0)).release()
        with pytest.raises(UnavailableError, match="was given up"):
            await GuardedBus(scene.target).claim("engine", 0)
        with pytest.raises(SettingsError, match="given up"):
            await scene.migrate()
        with pytest.raises(SettingsError, match="no migration from here"):
            await give_up(scene.source, None, now)

    in_scene(tmp_path, play)


def test_a_copy_that_does_not_add_up_is_not_switched_to(tmp_path):
    async def play(scene):
        await scene.begin()

        async def forget(_):
            return {}

        with pytest.raises(LogMismatchError, match="nothing was switched"):
            await migrate(replace(scene.plan(), hand_over=forget), clock=now, say=scene.said.append, progress=print)
        mark = await read_mark(scene.target)
        assert mark is not None
        assert mark.stage == "under way"
        await scene.migrate()

    in_scene(tmp_path, play)


def test_draining_does_not_let_time_go_on_to_now(tmp_path):
    async def play(scene):
        await scene.begin()
        await work_off(scene.settings, scene.source, lambda *_: None)
        times = [
            decode(state[b"watermark"], Watermark).time
            async for _, state in scene.source.states("engine")
            if b"watermark" in state
        ]
        assert times
        assert max(times) <= BEGAN + 12 * SECOND

    in_scene(tmp_path, play)


def test_a_raw_record_keeps_the_address_it_was_known_by_as_its_id():
    record = Record(RAW, 1, "log", 7, b"s", encode(RawRecord(b"x", 1, "tcp", "p", "s")), 1)
    own = record._replace(value=encode(RawRecord(b"x", 1, "tcp", "p", "s", "own")))
    garbage = record._replace(value=b"\xc1")
    first, second, third = moved([record, own, garbage])
    assert decode(first.value, RawRecord).id == "log/1/7"
    assert (second.value, third.value) == (own.value, b"\xc1")


def test_watermarks_and_changes_of_rules_stay_behind_and_detections_come_along():
    marks = [*to_each_partition(Watermark(0, 1), 2), *to_each_partition(RulesChange(0, "hash"), 2)]
    records = [Record(m.topic, m.partition, "log", 0, m.key, m.value, 1) for m in marks]
    detection = Record(DETECTIONS, 0, "log", 1, b"\x92", b"value", 1)
    assert moved([*records, detection]) == [Message(DETECTIONS, b"\x92", b"value")]


def test_large_states_are_committed_in_pieces():
    changes = {b"%d" % n: bytes(STATE_BYTES // 2) for n in range(5)}
    found = pieces(changes)
    assert len(found) > 1
    assert {k: v for piece in found for k, v in piece.items()} == changes
    assert pieces({}) == [{}]


def test_a_prefix_that_topics_cannot_have_is_said():
    with pytest.raises(SettingsError, match=r"\[kafka\]"):
        on_topics(Settings(), 3, "no blanks ")
    assert on_topics(Settings(), 3, "g2.").kafka.partitions == 3
    assert in_data_dir(on_topics(Settings(), 3, "g2.")).kafka.partitions == 24

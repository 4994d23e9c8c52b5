"""The unit of work and what comes back from it: outputs, state and positions together, each record once and in order."""

import asyncio
import time

import pytest
from bus_support import TOPOLOGY, Counter, everything, feed, finish, numbered, put, values_of

from soc.bus.base import Lag, Message, partition_of
from soc.errors import BusFullError, FencedError, SettingsError


def test_what_is_committed_comes_back_with_its_address_key_value_and_time(harness) -> None:
    async def scenario() -> None:
        bus = harness.open(clock=lambda: 1_700_000_000_000_000)
        feeder = await bus.claim("feed", 0)
        sent = [Message("in", b"a", b"1", 0), Message("in", b"b", b"2", 1), Message("in", b"c", b"3", 0)]
        addresses = await feeder.commit(sent)
        assert [(a.topic, a.partition, a.offset) for a in addresses] == [("in", 0, 0), ("in", 1, 0), ("in", 0, 1)]
        reader = bus.reader(["in"])
        found = {record[:4]: record for record in await everything(reader)}
        for message, address in zip(sent, addresses, strict=True):
            record = found.pop(tuple(address))
            assert (record.key, record.value, record.appended) == (message.key, message.value, 1_700_000_000_000_000)
        assert not found
        await bus.close()

    asyncio.run(scenario())


def test_outputs_state_and_position_appear_together_and_only_at_the_commit(harness) -> None:
    async def scenario() -> None:
        bus = harness.open()
        await feed(bus, ["a", "b"])
        claim = await bus.claim("work", 0)
        records = await claim.fetch(10, 0)
        assert dict(claim.positions) == {}
        assert await values_of(bus, "out") == []
        await claim.commit([Message("out", b"", b"x")], {b"k": b"v"})
        assert list(claim.positions.values()) == [2]
        assert await values_of(bus, "out") == ["x"]
        assert [(partition, dict(state)) async for partition, state in bus.states("work")] == [(0, {b"k": b"v"})]
        await claim.release()
        again = await bus.claim("work", 0)
        assert dict(again.state) == {b"k": b"v"}
        assert list(again.positions) == [(records[0].topic, 0, records[0].log_id)]
        assert await again.fetch(10, 0) == ()
        await bus.close()

    asyncio.run(scenario())


def test_what_is_fetched_while_a_commit_is_under_way_is_not_part_of_it(harness) -> None:
    async def scenario() -> None:
        bus = harness.open()
        await feed(bus, [f"{number}" for number in range(40)])
        claim = await bus.claim("work", 0)
        first = await claim.fetch(5, 1)
        commit = claim.commit([Message("out", b"", b"of the first")])
        second = await claim.fetch(5, 1)
        await commit
        assert list(claim.positions.values()) == [first[-1].offset + 1]
        await claim.release()
        again = await bus.claim("work", 0)
        assert (await again.fetch(5, 1))[0].value == second[0].value
        await bus.close()

    asyncio.run(scenario())


def test_state_is_replaced_and_deleted_by_key(harness) -> None:
    async def scenario() -> None:
        bus = harness.open()
        claim = await bus.claim("work", 0)
        await claim.commit((), {b"a": b"1", b"b": b"2", b"\x00\xff": b""})
        await claim.commit((), {b"a": None, b"b": b"3", b"never there": None})
        await claim.release()
        assert dict((await bus.claim("work", 0)).state) == {b"b": b"3", b"\x00\xff": b""}
        await bus.close()

    asyncio.run(scenario())


def test_an_empty_commit_is_fine_and_commits_the_position_alone(harness) -> None:
    async def scenario() -> None:
        bus = harness.open()
        claim = await bus.claim("work", 0)
        assert list(await claim.commit()) == []
        await feed(bus, ["a"])
        await claim.fetch(10, 1)
        await claim.commit()
        await claim.release()
        assert await (await bus.claim("work", 0)).fetch(10, 0) == ()
        await bus.close()

    asyncio.run(scenario())


def test_values_of_megabytes_and_keys_of_any_bytes_come_back_as_they_were(harness) -> None:
    async def scenario() -> None:
        bus = harness.open()
        sent = [
            Message("in", bytes(range(256)), b"x" * 5_000_000, 0),
            Message("in", b"", b"", 0),
            Message("in", b"\x00", b"\xff\xfe" * 1_500_000, 0),
            *(Message("in", b"k", b"%d" % number * 1000, 0) for number in range(1000)),
        ]
        feeder = await bus.claim("feed", 0)
        await feeder.commit(sent)
        claim = await bus.claim("work", 0)
        found = await everything(claim, limit=100)
        assert [(record.key, record.value) for record in found] == [(message.key, message.value) for message in sent]
        assert [record.offset for record in found] == list(range(len(sent)))
        await bus.close()

    asyncio.run(scenario())


def test_a_key_goes_where_partition_of_says_and_keeps_its_order(harness) -> None:
    async def scenario() -> None:
        bus = harness.open()
        feeder = await bus.claim("feed", 0)
        keys = [b"host-%d" % number for number in range(20)]
        for turn in range(10):
            await feeder.commit([Message("in", key, b"%d" % turn) for key in keys])
        seen: dict[bytes, list[int]] = {}
        for partition in range(2):
            claim = await bus.claim("work", partition)
            for record in await everything(claim, limit=7):
                assert record.partition == partition == partition_of(record.key, 2)
                seen.setdefault(record.key, []).append(int(record.value))
        assert seen == {key: list(range(10)) for key in keys}
        await bus.close()

    asyncio.run(scenario())


def test_a_message_with_a_partition_goes_there_whatever_its_key(harness) -> None:
    async def scenario() -> None:
        bus = harness.open()
        feeder = await bus.claim("feed", 0)
        await feeder.commit([Message("in", b"watermark", b"w", partition) for partition in range(2)])
        for partition in range(2):
            assert len(await (await bus.claim("work", partition)).fetch(10, 0)) == 1
        await bus.close()

    asyncio.run(scenario())


def test_a_message_the_stage_may_not_write_is_refused_and_the_claim_goes_on(harness) -> None:
    async def scenario() -> None:
        bus = harness.open()
        feeder = await bus.claim("feed", 0)
        for wrong in (Message("out", b"", b""), Message("in", b"", b"", 2), Message("nowhere", b"", b"")):
            with pytest.raises(ValueError, match="this stage writes"):
                await feeder.commit([Message("in", b"", b"lost", 0), wrong])
        await put(feeder, ["kept"])
        assert await values_of(bus, "in") == ["kept"]
        with pytest.raises(ValueError, match="no stage"):
            await bus.claim("nobody", 0)
        with pytest.raises(ValueError, match="partitions 0 to 1"):
            await bus.claim("work", 2)
        await bus.close()

    asyncio.run(scenario())


def test_two_writers_of_one_partition_are_both_read_each_in_its_order(harness) -> None:
    """The second one's log may come into being after the reader began."""

    async def scenario() -> None:
        bus = harness.open()
        worker = Counter(await bus.claim("work", 0))
        await feed(bus, ["f0", "f1"])
        await worker.run(patience=0.1)
        await feed(bus, ["s0", "s1"], stage="side")
        await feed(bus, ["f2"])
        await worker.run(patience=0.1)
        await feed(bus, ["s2"], stage="side")
        await worker.run(patience=0.1)
        found = await values_of(bus, "out")
        assert [value.partition(":")[0] for value in found] == [str(number) for number in range(6)]
        inputs = [value.partition(":")[2] for value in found]
        assert [value for value in inputs if value[0] == "f"] == ["f0", "f1", "f2"]
        assert [value for value in inputs if value[0] == "s"] == ["s0", "s1", "s2"]
        await bus.close()

    asyncio.run(scenario())


def test_a_busy_log_does_not_keep_another_from_being_read(harness) -> None:
    async def scenario() -> None:
        bus = harness.open()
        feeder = await bus.claim("feed", 0)
        for start in range(0, 2000, 100):
            await put(feeder, [f"f{number}" for number in range(start, start + 100)])
        await feed(bus, ["s0"], stage="side")
        claim = await bus.claim("work", 0)
        first = [record.value for _ in range(5) for record in await claim.fetch(100, 0)]
        assert b"s0" in first
        await bus.close()

    asyncio.run(scenario())


def test_a_stage_may_read_what_it_writes(harness) -> None:
    """A chain: each hop commits the next one, until the last."""

    async def scenario() -> None:
        bus = harness.open()
        await feed(bus, ["5"], topic="hops")
        for _ in range(3):  # a new owner every other hop
            claim = await bus.claim("chain", 0)
            for _ in range(2):
                for record in await claim.fetch(10, 0.2):
                    rest = int(record.value) - 1
                    hops = [Message("hops", b"", b"%d" % rest)] if rest else []
                    await claim.commit([*hops, Message("out", b"", record.value)])
            await claim.release()
        assert await values_of(bus, "out") == ["5", "4", "3", "2", "1"]
        await bus.close()

    asyncio.run(scenario())


def test_fetch_waits_no_longer_than_asked_and_returns_as_soon_as_something_comes(harness) -> None:
    async def scenario() -> None:
        bus = harness.open()
        claim = await bus.claim("work", 0)
        feeder = await bus.claim("feed", 0)
        before = time.monotonic()
        assert await claim.fetch(10, 0.1) == ()
        assert 0.09 < time.monotonic() - before < 2
        fetch = asyncio.create_task(claim.fetch(10, 30))
        await asyncio.sleep(0.2)
        assert not fetch.done()
        before = time.monotonic()
        await put(feeder, ["a"])
        assert [record.value for record in await fetch] == [b"a"]
        assert time.monotonic() - before < 2
        assert await feeder.fetch(10, 0.01) == (), "a stage without inputs has nothing to fetch"
        await bus.close()

    asyncio.run(scenario())


def test_fetch_goes_on_where_it_ended_and_a_new_claim_where_the_commit_was(harness) -> None:
    async def scenario() -> None:
        bus = harness.open()
        await feed(bus, [str(number) for number in range(10)])
        claim = await bus.claim("work", 0)
        assert [record.offset for record in await claim.fetch(4, 0)] == [0, 1, 2, 3]
        await claim.commit()
        assert [record.offset for record in await claim.fetch(3, 0)] == [4, 5, 6]
        await claim.release()
        assert [record.offset for record in await (await bus.claim("work", 0)).fetch(100, 0)] == list(range(4, 10))
        await bus.close()

    asyncio.run(scenario())


def test_a_released_claim_is_dead_and_releasing_twice_is_fine(harness) -> None:
    async def scenario() -> None:
        bus = harness.open()
        claim = await bus.claim("feed", 0)
        await claim.release()
        await claim.release()
        with pytest.raises(FencedError):
            await put(claim, ["a"])
        with pytest.raises(FencedError):
            await claim.fetch(1, 0)
        await bus.close()
        await bus.close()

    asyncio.run(scenario())


def test_a_full_disk_pushes_back_writes_nothing_and_recovers(harness) -> None:
    async def scenario() -> None:
        bus = harness.open()
        await feed(bus, ["a", "b", "c"])
        worker = Counter(await bus.claim("work", 0))
        outputs = worker.outputs(await worker.claim.fetch(10, 0))
        ballast = Message("out", b"", b"x" * 1_000_000)
        harness.fill(worker.claim)
        for _ in range(2):
            with pytest.raises(BusFullError):
                await worker.claim.commit([*outputs, ballast], {b"count": b"3"})
        assert await values_of(bus, "out") == []
        harness.drain(worker.claim)
        addresses = await worker.claim.commit(outputs, {b"count": b"3"})
        assert [address.offset for address in addresses] == [0, 1, 2]
        await worker.claim.release()
        await finish(bus)
        assert await values_of(bus, "out") == numbered(["a", "b", "c"])
        await bus.close()

    asyncio.run(scenario())


def test_a_reader_sees_all_partitions_from_the_oldest_or_from_given_positions(harness) -> None:
    async def scenario() -> None:
        bus, other = harness.open(), harness.open()
        await feed(bus, ["a"], partition=0)
        await feed(bus, ["b"], partition=1)
        ends = await other.ends(["in"])
        assert sorted(ends.values()) == [1, 1]
        await feed(bus, ["c"], partition=0)
        await feed(bus, ["s"], stage="side")
        assert sorted(await values_of(other, "in")) == ["a", "b", "c", "s"]
        later = other.reader(["in"], ends)
        assert sorted(record.value for record in await everything(later)) == [b"c", b"s"]
        assert later.skipped == 0
        assert dict(later.positions) == dict(await other.ends(["in"]))
        again = other.reader(["in"], later.positions)
        assert await again.fetch(10, 0) == ()
        await again.close()
        await again.close()
        await bus.close()
        await other.close()

    asyncio.run(scenario())


def test_lag_tells_how_far_behind_a_stage_is_and_since_when(harness) -> None:
    async def scenario() -> None:
        time_now = 1_000
        bus = harness.open(clock=lambda: time_now)
        feeder = await bus.claim("feed", 0)
        await put(feeder, ["a", "b"])
        time_now = 2_000
        addresses = await feeder.commit([Message("in", b"", b"c", 0)])
        log_id = addresses[0].log_id
        assert Lag("work", "in", 0, log_id, 0, 3, 3, 1_000) in await bus.lag()
        claim = await bus.claim("work", 0)
        await claim.fetch(2, 0)
        await claim.commit()
        assert Lag("work", "in", 0, log_id, 2, 3, 1, 2_000) in await bus.lag()
        await claim.fetch(2, 0)
        await claim.commit()
        assert Lag("work", "in", 0, log_id, 3, 3, 0, 0) in await bus.lag()
        await bus.close()

    asyncio.run(scenario())


def test_the_number_of_partitions_is_fixed_when_a_topic_is_made(harness) -> None:
    harness.open()
    with pytest.raises(SettingsError, match="in was made with 2 partitions"):
        harness.open(TOPOLOGY._replace(topics={**TOPOLOGY.topics, "in": 1}))
    harness.open(TOPOLOGY._replace(topics={**TOPOLOGY.topics, "new": 4}))


def test_looking_from_another_process_disturbs_nobody(harness) -> None:
    async def scenario() -> None:
        bus, other = harness.open(), harness.open()
        feeder = await bus.claim("feed", 0)
        worker = Counter(await bus.claim("work", 0))
        for number in range(20):
            await put(feeder, [str(number)])
            await worker.turn(patience=1)
            assert [int(state[b"count"]) async for _, state in other.states("work")] == [number + 1]
            assert len(await other.lag()) >= 1
            assert await other.problems() == ()
        assert await values_of(other, "out") == numbered([str(number) for number in range(20)])
        await bus.close()
        await other.close()

    asyncio.run(scenario())

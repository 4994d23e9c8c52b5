"""Shipping a collector's own log: exactly once, loud when it cannot, and nothing of it stops collecting."""

import asyncio
import shutil
from collections import Counter

import msgspec
import pytest
from structlog.testing import capture_logs

from soc.errors import BusFullError, CommitUnknownError, FencedError, UnavailableError
from soc.model import RawRecord, decode
from soc.pipeline import ship as ship_module
from soc.pipeline import ship_log
from soc.pipeline.balance import PREFIX
from soc.pipeline.shards import Shards, shard_keys
from soc.pipeline.ship_log import accept_log
from soc.pipeline.shipped import forget_collectors, read_collectors
from soc.pipeline.table import RAW
from soc.settings import SourceProfile
from tests.unit.pipeline.ship_support import (
    collect,
    lines,
    only_collector,
    open_brokers,
    open_local,
    own,
    record,
    shipped_lines,
    shipping,
    until,
    until_shipped,
)


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(ship_log, "SAY_SECONDS", 0.1)
    monkeypatch.setattr(ship_log, "FOLLOW_SECONDS", 0.1)
    monkeypatch.setattr(ship_module, "TAKEN_SECONDS", 0.5)
    monkeypatch.setattr(ship_module, "MISFIT_SECONDS", 0.1)


@pytest.fixture
def local(tmp_path):
    return open_local(tmp_path / "local")


@pytest.fixture
def brokers(tmp_path):
    return open_brokers(tmp_path / "brokers")


def test_what_is_collected_is_shipped_counted_and_said(local, brokers):
    async def scenario():
        async with shipping(own(local, brokers)):
            await collect(local, lines(300))
            await until_shipped(brokers, 300)
        assert await shipped_lines(brokers) == lines(300)
        (state,) = [state async for _, state in brokers.states("collect")]
        counted = {key: msgspec.msgpack.decode(value) for key, value in state.items() if key.startswith(PREFIX)}
        assert counted == {b"balance/5/192.0.2.7": 300}
        said = await only_collector(brokers)
        assert (said.instance, said.host, said.ended, said.unshipped) == (0, "here", True, 0)

    asyncio.run(scenario())


def test_a_stop_ships_what_was_collected_before_it_and_says_that_it_ended(local, brokers):
    async def scenario():
        await collect(local, lines(12_000))
        async with shipping(own(local, brokers)) as shipper:
            pass
        assert Counter(await shipped_lines(brokers)) == Counter(lines(12_000))
        assert (await only_collector(brokers)).ended
        assert not shipper.trouble

    asyncio.run(scenario())


def test_a_collector_that_is_idle_goes_on_speaking(local, brokers):
    async def scenario():
        async with shipping(own(local, brokers)):
            await asyncio.sleep(0.5)
            first = await only_collector(brokers)
            await asyncio.sleep(0.7)
            second = await only_collector(brokers)
        assert first.said < second.said
        assert not second.ended

    asyncio.run(scenario())


@pytest.mark.parametrize("happened", [True, False])
def test_an_unknown_commit_ships_each_line_once_either_way(local, tmp_path, happened):
    async def scenario():
        broken = 0

        def lose_the_answer(step):
            nonlocal broken
            if step == ("committed" if happened else "positions_written") and broken < 3:
                broken += 1
                raise CommitUnknownError("the answer was lost")

        brokers = open_brokers(tmp_path / "brokers", lose_the_answer)
        await collect(local, lines(9000))
        async with shipping(own(local, brokers)):
            await until_shipped(brokers, 9000)
        assert broken == 3
        assert Counter(await shipped_lines(brokers)) == Counter(lines(9000))

    asyncio.run(scenario())


def test_while_the_brokers_are_away_one_line_is_logged_and_afterwards_all_is_shipped(local, brokers, monkeypatch):
    async def scenario():
        claim = brokers.claim

        async def away(*_, **__):
            raise UnavailableError("nobody answers")

        monkeypatch.setattr(brokers, "claim", away)
        monkeypatch.setattr(ship_module, "AWAY_FIRST_SECONDS", 0.01)
        monkeypatch.setattr(ship_module, "AWAY_LAST_SECONDS", 0.02)
        async with shipping(own(local, brokers)) as shipper:
            await collect(local, lines(10))
            await asyncio.sleep(0.5)
            assert "nobody answers" in shipper.trouble
            monkeypatch.setattr(brokers, "claim", claim)
            await until_shipped(brokers, 10)
            assert not shipper.trouble

    with capture_logs() as logs:
        asyncio.run(scenario())
    assert [entry["event"] for entry in logs].count("not_shipping") == 1


def test_a_stop_while_the_brokers_are_away_does_not_wait_for_them(local, brokers, monkeypatch):
    async def scenario():
        async def away(*_, **__):
            raise UnavailableError("nobody answers")

        monkeypatch.setattr(brokers, "claim", away)
        async with shipping(own(local, brokers)) as shipper:
            await until(lambda: shipper.trouble)
            started = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - started < 2

    asyncio.run(scenario())


def test_a_second_host_with_the_same_number_ships_and_the_first_says_so_collects_on_and_takes_over_at_its_end(
    local, brokers, tmp_path
):
    async def scenario():
        other = open_local(tmp_path / "other")
        other_brokers = open_brokers(tmp_path / "brokers")
        await collect(local, lines(10))
        async with shipping(own(local, brokers, host="first")) as shipper:
            await until_shipped(brokers, 10)
            async with shipping(own(other, other_brokers, host="second")) as newer:
                await collect(other, lines(10, 10), "192.0.2.8")
                await until(lambda: "two hosts have the number 0: first and second" in shipper.trouble)
                assert "[kafka] instance" in shipper.trouble
                await collect(local, lines(10, 20))
                await until_shipped(brokers, 20)
                await asyncio.sleep(1.2)
                assert await shipped_lines(brokers) == lines(20), "the first one took the number back"
                assert not newer.trouble
            await until_shipped(brokers, 30)
            assert not shipper.trouble
        assert Counter(await shipped_lines(brokers)) == Counter(lines(30))

    with capture_logs() as logs:
        asyncio.run(scenario())
    assert "host_number_taken" in {entry["event"] for entry in logs}


def test_another_process_on_the_same_data_directory_ends_this_one(local, brokers, tmp_path):
    async def scenario():
        shipper = ship_module.Shipper(own(local, brokers), take_over_wait=0)
        running = asyncio.create_task(shipper.run(asyncio.Event()))
        await collect(local, lines(10))
        await until_shipped(brokers, 10)
        again = open_local(tmp_path / "local")
        claim = await again.claim("ship", 0)
        await collect(local, lines(10, 10))
        with pytest.raises(FencedError):
            await asyncio.wait_for(running, 20)
        await claim.release()

    asyncio.run(scenario())


async def _shipped_once(directory, brokers, some):
    """A collector from its start to its end."""
    bus = open_local(directory)
    async with shipping(own(bus, brokers)):
        if some:
            await collect(bus, some)
    await bus.close()


@pytest.mark.parametrize("more", [0, 5, 100])
def test_a_log_rolled_back_as_a_whole_is_told_and_swallows_nothing(tmp_path, brokers, more):
    """Shorter than what was shipped, and grown past it again: neither is taken for the log that was shipped."""

    async def scenario():
        directory = tmp_path / "local"
        await _shipped_once(directory, brokers, lines(20))
        shutil.copytree(directory, tmp_path / "copy")
        await _shipped_once(directory, brokers, lines(20, 20))
        shutil.rmtree(directory)
        shutil.copytree(tmp_path / "copy", directory)
        local = open_local(directory)
        if more:
            await collect(local, lines(more, 100))
        async with shipping(own(local, brokers)) as shipper:
            await until(lambda: "rolled back" in shipper.trouble)
            assert "soc store declare-restored ship 0" in shipper.trouble
            assert len(await shipped_lines(brokers)) == 40
            await collect(local, lines(1, 500))
        accepting = open_local(directory)
        await accept_log(own(accepting, brokers))
        async with shipping(own(local, brokers)) as shipper:
            await until_shipped(brokers, 41 + more)
            assert not shipper.trouble
        assert Counter(await shipped_lines(brokers)) == Counter(lines(40) + lines(more, 100) + lines(1, 500))

    asyncio.run(scenario())


def test_brokers_that_lost_their_state_are_told_and_shipping_goes_on_once_accepted(tmp_path, local, brokers):
    async def scenario():
        async with shipping(own(local, brokers)):
            await collect(local, lines(20))
            await until_shipped(brokers, 20)
        fresh = open_brokers(tmp_path / "fresh")
        async with shipping(own(local, fresh)) as shipper:
            await until(lambda: "lost or replaced" in shipper.trouble)
            assert await shipped_lines(fresh) == []
            await collect(local, lines(5, 20))
        await accept_log(own(local, fresh))
        async with shipping(own(local, fresh)):
            await until_shipped(fresh, 5)
        assert await shipped_lines(fresh) == lines(5, 20)

    asyncio.run(scenario())


def test_a_collector_that_is_forgotten_goes_on_where_it_was(local, brokers):
    async def scenario():
        async with shipping(own(local, brokers)):
            await collect(local, lines(10))
            await until_shipped(brokers, 10)
            assert [one.host for one in await forget_collectors(brokers, 0)] == ["here"]
            await collect(local, lines(10, 10))
            await until_shipped(brokers, 20)
        assert await shipped_lines(brokers) == lines(20)
        assert len(await read_collectors(brokers)) == 1

    asyncio.run(scenario())


def test_large_lines_go_in_batches_of_bounded_size(local, brokers, monkeypatch):
    async def scenario():
        monkeypatch.setattr(ship_log, "BATCH_BYTES", 10_000)
        sizes = []
        claim = brokers.claim

        async def measured(*arguments, **named):
            owned = await claim(*arguments, **named)
            commit = owned.commit

            async def measure(outputs=(), state=None):
                sizes.append(sum(len(one.value) for one in outputs))
                return await commit(outputs, state)

            monkeypatch.setattr(owned, "commit", measure)
            return owned

        monkeypatch.setattr(brokers, "claim", measured)
        await collect(local, [f"{number} " + "x" * 3000 for number in range(50)])
        async with shipping(own(local, brokers)):
            await until_shipped(brokers, 50)
        assert max(sizes) <= 10_000
        assert len([size for size in sizes if size]) >= 16

    asyncio.run(scenario())


def test_a_line_larger_than_brokers_take_is_cut_and_marked(local, brokers, monkeypatch):
    async def scenario():
        monkeypatch.setattr(ship_log, "LARGEST_RECORD", 1000)
        await collect(local, ["x" * 5000, "short"])
        async with shipping(own(local, brokers)):
            await until_shipped(brokers, 2)
        reader = brokers.reader([RAW])
        found = [one.value for one in await reader.fetch(10, 1)]
        await reader.close()
        first, second = (decode(value, RawRecord) for value in found)
        assert (first.cut, set(first.data), second) == (True, set(b"x"), record("short"))
        assert 900 < len(found[0]) <= 1000

    asyncio.run(scenario())


def test_a_disk_without_room_for_the_position_does_not_stop_shipping(local, brokers, monkeypatch):
    async def scenario():
        claim = local.claim

        async def full(*arguments, **named):
            owned = await claim(*arguments, **named)
            commit = owned.commit

            async def refuse(outputs=(), state=None):
                if not state:
                    raise BusFullError("no room")
                return await commit(outputs, state)

            monkeypatch.setattr(owned, "commit", refuse)
            return owned

        await collect(local, lines(10))
        monkeypatch.setattr(local, "claim", full)
        async with shipping(own(local, brokers)) as shipper:
            await until_shipped(brokers, 10)
            assert not shipper.trouble
        monkeypatch.setattr(local, "claim", claim)
        async with shipping(own(local, brokers)):
            await collect(local, lines(10, 10))
            await until_shipped(brokers, 20)
        assert await shipped_lines(brokers) == lines(20)

    asyncio.run(scenario())


def test_what_is_not_shipped_outlives_every_retention(local, brokers):
    async def scenario():
        await collect(local, lines(10))
        assert await local.retain(RAW, max_age=0, max_bytes=0) == 0
        async with shipping(own(local, brokers)):
            await until_shipped(brokers, 10)
        await collect(local, lines(10, 10))
        assert await local.retain(RAW, max_age=0, max_bytes=0) == 10
        async with shipping(own(local, brokers)):
            await until_shipped(brokers, 20)
        assert await shipped_lines(brokers) == lines(20)

    asyncio.run(scenario())


def test_a_heavy_source_is_keyed_by_its_shards(local, brokers):
    async def scenario():
        spread = Shards(lambda _: SourceProfile(name="heavy", shards=3), 3)
        await collect(local, lines(30))
        async with shipping(own(local, brokers, shards=spread)):
            await until_shipped(brokers, 30)
        reader = brokers.reader([RAW])
        found = await reader.fetch(100, 1)
        await reader.close()
        assert Counter(one.partition for one in found) == dict.fromkeys(range(3), 10)
        assert {one.key for one in found} == set(shard_keys("192.0.2.7", 3, 3))

    asyncio.run(scenario())

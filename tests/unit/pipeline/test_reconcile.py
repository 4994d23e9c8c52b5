"""``soc reconcile`` in the cluster: not balanced while a collector may hold lines, and the silent ones are named."""

import asyncio

import pytest

from soc.bus.base import Message
from soc.clock import MINUTE, SECOND, now
from soc.model import encode
from soc.pipeline import ship_log
from soc.pipeline.balance import Balance
from soc.pipeline.reconcile import advice_for, reconcile, reconcile_when_drained
from soc.pipeline.shipped import Shipped, Statement, forget_collectors, says_key, shipped_key
from tests.unit.pipeline.ship_support import (
    collect,
    lines,
    only_collector,
    open_brokers,
    open_local,
    own,
    shipping,
    until_shipped,
)


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(ship_log, "SAY_SECONDS", 0.2)


@pytest.fixture
def brokers(tmp_path):
    return open_brokers(tmp_path / "brokers")


async def say(brokers, *, end, shipped, ended, said, instance=0):
    """What a collector committed once, long ago or now."""
    claim = await brokers.claim("collect", instance)
    await claim.commit(
        state={
            says_key(f"id{instance}"): encode(Statement("there", {"log": end}, said, ended)),
            shipped_key("log"): encode(Shipped(shipped, 0)),
        }
    )
    await claim.release()


async def work_off(brokers):
    """What the stages behind do, as far as the balance and the lag show it."""
    for stage in brokers.topology.stages:
        for partition in range(stage.partitions if stage.inputs else 0):
            claim = await brokers.claim(stage.name, partition)
            records = await claim.fetch(10_000, 0.0)
            balance = Balance()
            if stage.name == "engine":
                for _ in records:
                    balance.bucket(5 * MINUTE, "192.0.2.7").normalized += 1
            await claim.commit(state=balance.changes())
            await claim.release()


def test_a_collector_at_work_that_has_shipped_everything_is_balanced_after_it_spoke(tmp_path, brokers):
    async def scenario():
        local = open_local(tmp_path / "local")
        async with shipping(own(local, brokers)):
            await collect(local, lines(10))
            await until_shipped(brokers, 10)
            await work_off(brokers)
            before = (await only_collector(brokers)).said
            found = await reconcile_when_drained(brokers, 20)
            assert found.balanced
            assert found.unshipped == {0: 0}
            assert (await only_collector(brokers)).said > before, "it did not wait for the collector to speak"

    asyncio.run(scenario())


def test_lines_that_a_collector_holds_are_unshipped_and_not_balanced(brokers):
    async def scenario():
        await say(brokers, end=25, shipped=20, ended=True, said=now())
        found = await reconcile_when_drained(brokers, 0.5)
        assert not found.balanced
        assert found.unshipped == {0: 5}

    asyncio.run(scenario())


def test_a_silent_collector_is_waited_for_and_named_with_what_to_do(brokers):
    async def scenario():
        said = now() - 3600 * SECOND
        await say(brokers, end=20, shipped=20, ended=False, said=said, instance=1)
        waited = await reconcile_when_drained(brokers, 0.5)
        assert not waited.balanced
        for found in (waited, await reconcile(brokers)):
            (one,) = found.silent
            assert (one.instance, one.host, one.said, one.unshipped) == (1, "there", said, 0)
        assert "soc store declare-restored collect 1" in advice_for(one)

    asyncio.run(scenario())


def test_one_that_ended_with_everything_shipped_is_not_waited_for(brokers):
    async def scenario():
        await say(brokers, end=20, shipped=20, ended=True, said=now() - 3600 * SECOND)
        assert (await reconcile_when_drained(brokers, 0.5)).balanced

    asyncio.run(scenario())


def test_one_statement_after_the_beginning_is_not_enough(brokers):
    """It may have been on its way with what was true before."""

    async def scenario():
        await say(brokers, end=20, shipped=20, ended=False, said=1)
        waiting = asyncio.create_task(reconcile_when_drained(brokers, 20))
        await asyncio.sleep(0.6)
        await say(brokers, end=20, shipped=20, ended=False, said=2)
        await asyncio.sleep(0.6)
        assert not waiting.done()
        await say(brokers, end=20, shipped=20, ended=False, said=3)
        assert (await asyncio.wait_for(waiting, 10)).balanced

    asyncio.run(scenario())


def test_a_collector_that_was_given_up_is_not_waited_for(brokers):
    async def scenario():
        await say(brokers, end=25, shipped=20, ended=False, said=1)
        (gone,) = await forget_collectors(brokers, 0)
        assert gone.unshipped == 5
        assert (await reconcile_when_drained(brokers, 0.5)).balanced

    asyncio.run(scenario())


def test_the_embedded_profile_knows_no_collectors(brokers):
    async def scenario():
        claim = await brokers.claim("collect", 0)
        await claim.commit([Message("soc.raw", b"a", b"x")])
        await claim.release()
        await work_off(brokers)
        found = await reconcile(brokers)
        assert (found.unshipped, found.silent) == ({}, ())

    asyncio.run(scenario())

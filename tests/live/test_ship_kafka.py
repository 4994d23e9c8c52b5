"""A collector's log shipped to a real broker: killed after every step, the broker killed under it, its number taken by another process.

Run as a program (``test_ship_kafka.py DIRECTORY SERVER PREFIX INSTANCE SIDE STEP TIMES``) it is the collector's shipping, which
kills itself with SIGKILL when STEP of SIDE (``local`` or ``brokers``) happens for the TIMES-th time.
"""

import asyncio
import os
import secrets
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest

# ruff: noqa: E402 - the path comes first
ROOT = Path(__file__).parents[2]
if __name__ == "__main__":  # before anything of the project is imported
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from live import kafka_server

from soc.bus.base import Step
from soc.bus.kafka import KafkaBus
from soc.pipeline import ship_log
from soc.pipeline.shipped import read_collectors
from soc.pipeline.table import topology
from soc.settings import KafkaSettings
from tests.unit.pipeline.ship_support import (
    collect,
    lines,
    open_local,
    own,
    shipped_lines,
    shipping,
    until,
    until_shipped,
)

pytestmark = pytest.mark.live

COUNT, BATCH = 3000, 500
STEPS: tuple[Step, ...] = get_args(Step)
KILLS = [("local", step) for step in ("restored", "fetched", "positions_written", "committed")]
KILLS += [("brokers", step) for step in STEPS if step != "fetched"]


def open_kafka(server: str, prefix: str, on_step=None) -> KafkaBus:
    return KafkaBus(KafkaSettings(servers=(server,), prefix=prefix), topology(2, 16), on_step=on_step)


async def _child(arguments: list[str]) -> None:
    directory, server, prefix, instance, side, fatal, times = arguments
    seen = 0

    def on_step(step: Step) -> None:
        nonlocal seen
        seen += step == fatal
        if step == fatal and seen == int(times):
            os.kill(os.getpid(), signal.SIGKILL)

    ship_log.BATCH_RECORDS = BATCH
    local = open_local(Path(directory), on_step if side == "local" else None)
    brokers = open_kafka(server, prefix, on_step if side == "brokers" else None)
    async with shipping(own(local, brokers, int(instance))):
        await asyncio.sleep(60)


@pytest.fixture
def server() -> str:
    kafka_server.need()
    return kafka_server.shared().bootstrap


@pytest.fixture(scope="module")
def prefix() -> str:
    """The same for all: making topics costs more than what is done with them. Each test has its own host number and lines."""
    return f"{secrets.token_hex(4)}."


@pytest.fixture
def own_broker(tmp_path):
    kafka_server.need()
    broker = kafka_server.Broker(tmp_path / "kafka").start()
    yield broker
    broker.stop()


async def _shipped_of(brokers: KafkaBus, word: str) -> Counter[str]:
    return Counter(line for line in await shipped_lines(brokers) if line.startswith(word))


@pytest.mark.parametrize("number", range(len(KILLS)), ids=[f"{side}-{step}" for side, step in KILLS])
def test_killed_right_after_any_step_each_line_is_shipped_once(server, prefix, tmp_path, number):
    side, step = KILLS[number]
    some = [f"kill-{number} {line}" for line in lines(COUNT)]

    async def scenario():
        local = open_local(tmp_path / "local")
        await collect(local, some)
        # Steps of a claim and of reading ahead happen once; of the others the third time, when something is committed already.
        times = 1 if step in STEPS[:4] else 3
        command = [__file__, tmp_path / "local", server, prefix, number, side, step, times]
        child = await asyncio.create_subprocess_exec(sys.executable, *map(str, command))
        assert await asyncio.wait_for(child.wait(), 90) == -signal.SIGKILL
        brokers = open_kafka(server, prefix)
        async with shipping(own(local, brokers, number)) as shipper:
            await until(lambda: shipper.ready)
        assert await _shipped_of(brokers, f"kill-{number} ") == Counter(some)
        (said,) = [one for one in await read_collectors(brokers) if one.instance == number]
        assert (said.ended, said.unshipped) == (True, 0)
        await brokers.close()
        await local.close()

    asyncio.run(scenario())


def test_a_broker_killed_and_away_for_a_while_loses_and_doubles_nothing(own_broker, prefix, tmp_path):
    async def scenario():
        local, brokers = open_local(tmp_path / "local"), open_kafka(own_broker.bootstrap, prefix)
        async with shipping(own(local, brokers)) as shipper:
            sent = 0
            for round_ in range(2):
                deadline = time.monotonic() + 1.5
                while time.monotonic() < deadline:
                    await collect(local, lines(200, sent))
                    sent += 200
                await asyncio.to_thread(own_broker.kill)
                for _ in range(10):
                    await collect(local, lines(200, sent))
                    sent += 200
                    await asyncio.sleep(0.1)
                if round_:
                    await until(lambda: shipper.trouble, 60)
                await asyncio.to_thread(own_broker.start)
            await until_shipped(brokers, sent, 90)
            await until(lambda: not shipper.trouble)
        assert Counter(await shipped_lines(brokers)) == Counter(lines(sent))
        await brokers.close()
        await local.close()

    asyncio.run(scenario())


def test_a_second_host_with_the_same_number_ships_and_the_first_collects_on_and_says_so(server, prefix, tmp_path):
    async def scenario():
        first, second = open_local(tmp_path / "first"), open_local(tmp_path / "second")
        first_bus, second_bus = open_kafka(server, prefix), open_kafka(server, prefix)
        some = [f"two {line}" for line in lines(30)]
        await collect(first, some[:10])
        async with shipping(own(first, first_bus, 15, "first")) as older:
            await until(lambda: older.ready)
            async with shipping(own(second, second_bus, 15, "second")) as newer:
                await collect(second, some[10:20])
                await until(lambda: "first and second" in older.trouble, 60)
                assert newer.ready
                await collect(first, some[20:])
            await until(lambda: not older.trouble, 60)
        assert await _shipped_of(first_bus, "two ") == Counter(some)
        hosts = {one.host for one in await read_collectors(first_bus) if one.instance == 15}
        assert hosts == {"first", "second"}
        for bus in (first_bus, second_bus, first, second):
            await bus.close()

    asyncio.run(scenario())


if __name__ == "__main__":
    asyncio.run(_child(sys.argv[1:]))

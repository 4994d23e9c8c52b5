"""Shares of a stage: whoever takes part, every partition is somebody's, and once settled nobody else's."""

import asyncio
from contextlib import aclosing, asynccontextmanager

import pytest
from bus_support import Harness

from soc.bus.base import Stage, Topology, Worker

TOPOLOGY = Topology((Stage("work", ("in",), (), 5), Stage("single", ("one",), (), 1)), {"in": 5, "one": 1})
SETTLED_SECONDS = 30.0


@asynccontextmanager
async def following(bus, stage: str, worker: Worker):
    """The newest share of a worker, in a list of at most one."""
    newest: list[frozenset[int]] = []

    async def follow() -> None:
        async with aclosing(bus.shares(stage, worker)) as shares:
            async for share in shares:
                newest[:] = [share]

    task = asyncio.ensure_future(follow())
    try:
        yield newest
    finally:
        task.cancel()
        await asyncio.wait({task})


def split(workers, partitions: int) -> bool:
    """Whether every worker has its share, and all shares together are all partitions, each once."""
    return all(workers) and sorted(one for (share,) in workers for one in share) == list(range(partitions))


async def until(settled) -> None:
    for _ in range(round(SETTLED_SECONDS / 0.05)):
        await asyncio.sleep(0.05)
        if settled():
            return
    pytest.fail("the shares did not settle")


@pytest.mark.parametrize(("stage", "partitions"), [("work", 5), ("single", 1)])
def test_the_shares_of_all_workers_are_all_partitions_and_do_not_overlap_once_settled(
    harness: Harness, stage, partitions
):
    buses = [harness.open(TOPOLOGY) for _ in range(3)]

    async def main() -> None:
        one, two, three = (following(bus, stage, Worker(f"0-{number}", number, 3)) for number, bus in enumerate(buses))
        async with one as first, two as second, three as third:
            workers = [first, second, third]
            await until(lambda: split(workers, partitions))
            sizes = sorted(len(share) for (share,) in workers)
            assert sizes[-1] - sizes[0] <= 1
        for bus in buses:
            await bus.close()

    asyncio.run(main())


def test_the_share_of_a_worker_alone_is_everything(harness: Harness):
    bus = harness.open(TOPOLOGY)

    async def main() -> None:
        async with following(bus, "work", Worker()) as alone:
            await until(lambda: split([alone], 5))
        await bus.close()

    asyncio.run(main())


def test_a_stage_that_is_not_in_the_table_has_no_shares(harness: Harness):
    bus = harness.open(TOPOLOGY)

    async def main() -> None:
        async with aclosing(bus.shares("nothing", Worker())) as shares:
            with pytest.raises(ValueError, match="nothing"):
                await anext(shares)
        await bus.close()

    asyncio.run(main())

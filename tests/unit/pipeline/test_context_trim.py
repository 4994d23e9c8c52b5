"""Superseded publications go, and what is in force stays in force for who follows, who begins, and who publishes next."""

import asyncio
from pathlib import Path

from soc.bus.embedded import EmbeddedBus
from soc.clock import SECOND, now
from soc.pipeline.context import Contexts, amend, publish
from soc.pipeline.context_trim import ContextTrim
from soc.pipeline.table import CONTEXT, topology


class Clock:
    """An hour a publication."""

    def __init__(self) -> None:
        self.at = now()

    def __call__(self) -> int:
        return self.at


async def kept(bus: EmbeddedBus) -> int:
    reader, count = bus.reader([CONTEXT]), 0
    while records := await reader.fetch(100, 0.0):
        count += len(records)
    await reader.close()
    return count


def test_what_was_superseded_goes_and_what_is_in_force_stays(tmp_path: Path) -> None:
    async def main() -> None:
        clock = Clock()
        bus = EmbeddedBus(tmp_path / "bus", topology(1), clock=clock)
        follower = Contexts(bus)
        await publish(bus, "register", b"of last year", actor="a", at=clock(), detail="")
        for number in range(20):
            clock.at += 3600 * SECOND
            await publish(bus, "indicators", b"%d" % number * 1000, actor="a", at=clock(), detail="")
            if number == 10:
                await follower.refresh()
        clock.at += 3600 * SECOND
        trim = ContextTrim(bus, slack=10_000)
        assert await trim.trim(clock) == 21
        assert await kept(bus) == 2
        await follower.refresh()
        fresh = Contexts(bus)
        await fresh.catch_up()
        for contexts in (follower, fresh):
            known = contexts.get("register"), contexts.get("indicators")
            assert [one.data for one in known if one] == [b"of last year", b"19" * 1000]
        assert await trim.trim(clock) == 0
        await amend(bus, "indicators", lambda data: ((data or b"")[:2], "less"), actor="a", at=clock())
        await fresh.refresh()
        last = fresh.get("indicators")
        assert last is not None
        assert last.data == b"19"
        await bus.close()

    asyncio.run(main())


def test_a_little_that_was_superseded_stays(tmp_path: Path) -> None:
    async def main() -> None:
        bus = EmbeddedBus(tmp_path / "bus", topology(1), clock=now)
        trim = ContextTrim(bus)
        assert await trim.trim(now) == 0
        for number in range(5):
            await publish(bus, "register", b"%d" % number, actor="a", at=now(), detail="")
        assert await trim.trim(now) == 0
        assert await kept(bus) == 5
        await bus.close()

    asyncio.run(main())


def test_a_trim_that_was_killed_half_way_is_done_again(tmp_path: Path) -> None:
    async def main() -> None:
        clock = Clock()
        bus = EmbeddedBus(tmp_path / "bus", topology(1), clock=clock)
        for number in range(20):
            clock.at += SECOND
            await publish(bus, "indicators", b"%d" % number * 1000, actor="a", at=clock(), detail="")
        killed = ContextTrim(bus, slack=10_000)
        await killed._follow()
        claim = await bus.claim("context", 0)
        assert await killed._write_again(claim)
        await claim.release()
        clock.at += 3600 * SECOND
        assert await ContextTrim(bus, slack=10_000).trim(clock) == 21
        fresh = Contexts(bus)
        await fresh.catch_up()
        known = fresh.get("indicators")
        assert known is not None
        assert (known.data, await kept(bus)) == (b"19" * 1000, 1)
        await bus.close()

    asyncio.run(main())

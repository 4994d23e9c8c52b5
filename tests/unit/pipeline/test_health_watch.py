"""Health that is there when it is asked for: one open bus, one look at a time, an answer in time whatever hangs."""

import asyncio
import time
from collections.abc import Mapping

from soc.clock import SECOND, Micros
from soc.errors import SettingsError, UnavailableError
from soc.pipeline.health import BusView, Health, HostView
from soc.pipeline.health_watch import HealthWatch
from soc.store.base import StoreHealth


class Eyes:
    """Looks at a bus that does what a test wants."""

    def __init__(self, world: "World") -> None:
        self.world = world
        world.opened += 1

    async def look(self, now: Micros) -> BusView:
        world = self.world
        world.looking += 1
        world.most = max(world.most, world.looking)
        try:
            await asyncio.sleep(world.seconds)
            world.looks += 1
            if world.error is not None:
                raise world.error
            return BusView(now, (), (), (), {}, {})
        finally:
            world.looking -= 1

    async def close(self) -> None:
        self.world.closed += 1


class World:
    """What can be seen, and a watch on it."""

    def __init__(self) -> None:
        self.opened = self.closed = self.looks = self.looking = self.most = 0
        self.seconds = 0.0
        self.error: Exception | None = None
        self.store = StoreHealth("green", "", "")
        self.now = 1000 * SECOND
        self.told: list[dict[str, Micros]] = []
        self.watch = HealthWatch(
            lambda: Eyes(self),
            lambda: self,
            self.host,
            self.servers,
            clock=lambda: self.now,
            on_away=lambda away: self.told.append(dict(away)),
        )

    async def health(self) -> StoreHealth:
        return self.store

    async def close(self) -> None:
        return None

    async def host(self, now: Micros) -> HostView:
        return HostView(({"group": "collect", "counters": {}},), ())

    async def servers(self) -> Mapping[str, str]:
        return {"broker1.example:9092": "nobody listens there"} if self.error else {}


def ids(health: Health) -> list[str]:
    return [finding.id for finding in health.findings]


def run(body) -> None:
    async def main() -> None:
        world = World()
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(world.watch.run())
            await asyncio.sleep(0)
            try:
                await body(world)
            finally:
                watching.cancel()
        assert world.closed == world.opened, "a bus was left open"

    asyncio.run(main())


def test_many_who_ask_share_one_open_bus_and_one_look():
    async def body(world: World) -> None:
        world.seconds = 0.05
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(world.watch.latest(5)) for _ in range(20)]
        assert all(task.result().ok for task in asked)
        assert (world.opened, world.most) == (1, 1)
        assert world.looks <= 2

    run(body)


def test_what_is_seconds_old_is_told_again_and_what_is_older_is_looked_at_anew():
    async def body(world: World) -> None:
        await world.watch.latest(5)
        looks = world.looks
        await world.watch.latest(5)
        assert world.looks == looks
        world.now += 10 * SECOND
        await world.watch.latest(5)
        assert world.looks == looks + 1

    run(body)


def test_who_asks_is_answered_in_time_though_the_bus_hangs():
    async def body(world: World) -> None:
        world.seconds = 30
        started = time.monotonic()
        health = await world.watch.latest(0.1)
        assert time.monotonic() - started < 5
        assert ids(health) == ["bus_not_asked"]
        assert health.processes, "what this host knows is told all the same"

    run(body)


def test_an_outage_is_told_with_its_beginning_and_the_bus_is_opened_anew_when_it_is_over():
    async def body(world: World) -> None:
        await world.watch.latest(5)
        world.error = UnavailableError("nobody answers")
        world.now += 10 * SECOND
        since = world.now
        assert ids(await world.watch.latest(5)) == ["brokers_away"]
        world.now += 10 * SECOND
        assert (await world.watch.latest(5)).away == {"bus": since}
        world.error = None
        world.now += 10 * SECOND
        assert (await world.watch.latest(5)).ok
        assert world.opened == 3, "each look after one that failed opens the bus anew"
        assert world.told == [{"bus": since}, {}]

    run(body)


def test_topics_that_differ_from_the_settings_are_a_finding_and_no_end_of_the_watch():
    async def body(world: World) -> None:
        world.error = SettingsError(["the topic soc.raw was made with 3 partitions"])
        world.now += 10 * SECOND
        assert ids(await world.watch.latest(5)) == ["topics_differ"]

    run(body)


def test_a_store_that_is_away_says_since_when_and_a_slow_one_is_known_as_such():
    async def body(world: World) -> None:
        world.store = StoreHealth("away", "refused", "")
        world.now += 10 * SECOND
        since = world.now
        health = await world.watch.latest(5)
        assert (ids(health), health.away, world.watch.store_late) == (["store_away"], {"store": since}, False)
        world.store = StoreHealth("slow", "no answer", "")
        world.now += 10 * SECOND
        health = await world.watch.latest(5)
        assert (ids(health), health.away, world.watch.store_late) == (["store_slow"], {}, True)

    run(body)

"""Health that is there when it is asked for: one look at a time at a bus that stays open, remembered for some seconds.

A scrape, a page or a probe is answered at once from the newest look, also while the brokers are away or a look takes long.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Protocol

import structlog

from soc.clock import SECOND, Clock, Micros
from soc.errors import SettingsError, SocError
from soc.pipeline.health import BusView, Health, HostView, Outage, compose
from soc.store.base import StoreHealth

log = structlog.get_logger()

FRESH_SECONDS = 3.0
"""What is older is looked at anew when somebody asks."""
IDLE_SECONDS = 15.0
"""Between two looks that nobody asked for: they tell since when something is away."""
LOOK_SECONDS = 30.0
CLOSE_SECONDS = 5.0
STALE_SECONDS = 60.0
"""A look that old says nothing about now: the one that should have followed hangs."""


class Eyes(Protocol):
    """Looks at an open bus."""

    async def look(self, now: Micros) -> BusView:
        """What there is to see."""
        ...

    async def close(self) -> None:
        """Close the bus."""
        ...


class StoreLike(Protocol):
    """The part of a store that is asked."""

    async def health(self) -> StoreHealth:
        """How it is."""
        ...

    async def close(self) -> None:
        """Free what it holds."""
        ...


class HealthWatch:
    """The newest look at everything.

    Args:
        open_eyes: opens the bus; called at the first look, and again after one that failed.
        open_store: opens the store; None where there is none to be asked.
        look_at_host: what this host's own files say.
        servers: which of the configured brokers do not answer, each with its reason; {} where there are none.
        clock: the time.
        on_away: told what is away and since when, after each look that changed it.
        away: since when something is away, as far as that was known before.
    """

    def __init__(
        self,
        open_eyes: Callable[[], Eyes],
        open_store: Callable[[], StoreLike] | None,
        look_at_host: Callable[[Micros], Awaitable[HostView]],
        servers: Callable[[], Awaitable[Mapping[str, str]]],
        *,
        clock: Clock,
        on_away: Callable[[Mapping[str, Micros]], None] = lambda _: None,
        away: Mapping[str, Micros] | None = None,
    ) -> None:
        self._open_eyes = open_eyes
        self._open_store = open_store
        self._look_at_host = look_at_host
        self._ask_servers = servers
        self._clock = clock
        self._on_away = on_away
        self._away: dict[str, Micros] = dict(away or {})
        self._eyes: Eyes | None = None
        self._store: StoreLike | None = None
        self._bus_seen: BusView | Outage = Outage(0)
        self._store_seen: StoreHealth | None = None
        self._servers: dict[str, str] = {}
        self._servers_at: Micros = 0
        self._looked: Micros = 0
        self._asked = asyncio.Event()
        self._done = asyncio.Event()

    @property
    def away(self) -> Mapping[str, Micros]:
        """``bus`` and ``store``, as far as they were away at the last look, and since when."""
        return self._away

    @property
    def store_late(self) -> bool:
        """The store answered late or not at all at the last look."""
        return self._store_seen is not None and self._store_seen.state == "slow"

    async def run(self) -> None:
        """Look now and then, and whenever somebody asks, until cancelled."""
        try:
            while True:
                await self.look()
                done, self._done = self._done, asyncio.Event()
                done.set()
                self._asked.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._asked.wait(), IDLE_SECONDS)
        finally:
            await self.close()

    async def latest(self, patience: float) -> Health:
        """The newest look, after at most ``patience`` seconds; an older one, or that it is not known, if that is all there is."""
        if self._clock() - self._looked > FRESH_SECONDS * SECOND:
            done = self._done
            self._asked.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), patience)
        return await self.told()

    async def told(self) -> Health:
        """What is known, as a document."""
        now = self._clock()
        bus = self._bus_seen
        if isinstance(bus, BusView) and now - self._looked > STALE_SECONDS * SECOND:
            bus = Outage(self._looked, {}, f"no look at it ended within {STALE_SECONDS:.0f} s")
        store = None if self._store_seen is None else (self._store_seen, self._away.get("store", 0))
        return compose(bus, store, await self._look_at_host(now), self._servers, now)

    async def look(self) -> None:
        """Look once at bus and store, side by side."""
        before = dict(self._away)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look_at_bus())
            tasks.create_task(self._look_at_store())
        self._looked = self._clock()
        if self._away != before:
            self._on_away(self._away)

    async def close(self) -> None:
        """Close what is open."""
        await self._close_eyes()
        store, self._store = self._store, None
        if store is not None:
            await store.close()

    async def _look_at_bus(self) -> None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                if self._eyes is None:
                    self._eyes = self._open_eyes()
                seen = await self._eyes.look(self._clock())
        except (SocError, TimeoutError) as error:
            wrong_settings = isinstance(error, SettingsError)
            why = str(error) or f"no answer within {LOOK_SECONDS:.0f} s"
            await self._close_eyes()
            since = self._away.setdefault("bus", self._clock())
            self._servers = {} if wrong_settings else dict(await self._ask_servers())
            self._servers_at = 0
            if not isinstance(self._bus_seen, Outage) or self._bus_seen.why != why:
                log.warning("bus_not_seen", error=why, servers=self._servers)
            self._bus_seen = Outage(since, self._servers, why, wrong_settings)
            return
        self._bus_seen = seen
        self._away.pop("bus", None)
        if self._clock() - self._servers_at > STALE_SECONDS * SECOND:
            self._servers = dict(await self._ask_servers())
            self._servers_at = self._clock()

    async def _look_at_store(self) -> None:
        if self._open_store is None:
            return
        if self._store is None:
            self._store = self._open_store()
        self._store_seen = await self._store.health()
        if self._store_seen.state == "away":
            self._away.setdefault("store", self._clock())
        else:
            self._away.pop("store", None)

    async def _close_eyes(self) -> None:
        eyes, self._eyes = self._eyes, None
        if eyes is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await eyes.close()

"""Newly published indicators in; a hunt for them, once, by one process of the installation, out."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

from soc.bus.base import Bus
from soc.clock import HOUR, Clock, Micros
from soc.desk import IntelSettings
from soc.errors import BusError, RecordError, SettingsError, UnavailableError
from soc.hunt.look import SETTLED, Bounds, HuntParts, hunt, remember, run_of, window_of
from soc.intel.hunting import Hunts, Quarry, quarry
from soc.intel.indicator import IndicatorSet
from soc.model import Context, encode
from soc.pipeline.context import Contexts, amend
from soc.pipeline.waiting import pause

log = structlog.get_logger()

LOOK_SECONDS: Final = 20.0
SHARE: Final = 0.4
"""Of the time a hunt works: it shares its process with the fold."""
ACTOR: Final = "soc"


@dataclass
class Hunter:
    """Hunts by itself when there is something new.

    Attributes:
        contexts: followed by the process.
        open_parts: what a hunt works with, made anew for each: rules change.
        owner: name of this process, the same after its restart.
    """

    bus: Bus
    contexts: Contexts
    settings: IntelSettings
    open_parts: Callable[[], Awaitable[HuntParts]]
    owner: str
    clock: Clock
    _seen: tuple[str, Micros] = field(default=("", 0))

    async def run(self, stop: asyncio.Event) -> None:
        """Go on until told to stop."""
        while not stop.is_set():
            try:
                current = self.contexts.get("indicators")
                if current is not None and await self._due(current):
                    await self._hunt(current, stop)
                    await self.contexts.refresh()
            except (UnavailableError, BusError, RecordError, SettingsError) as error:
                log.warning("hunt_failed", error=str(error))
            await pause(stop, LOOK_SECONDS)

    async def _due(self, current: Context) -> bool:
        if self._seen[0] != current.hash:
            self._seen = current.hash, await asyncio.to_thread(_newest, current.data)
        return due(self._hunts(), self._seen[1], self.settings, self.owner, self.clock())

    def _hunts(self) -> Hunts:
        known = self.contexts.get("hunts")
        return Hunts.decode(known.data) if known else Hunts()

    async def _hunt(self, current: Context, stop: asyncio.Event) -> None:
        began, hunts = self.clock(), self._hunts()
        await self._begin(began)
        sought: Quarry = await asyncio.to_thread(_sought, current.data, hunts.until)
        start, end = window_of(sought.newest, self.settings.hunt_days, began)
        bounds = Bounds(start, end, self.settings.hunt_max_hours * 3600, SHARE, stop)
        log.info("hunt_began", indicators=sought.fresh.count, days=self.settings.hunt_days)
        parts = await self.open_parts()
        try:
            hunted = await hunt(parts, sought, bounds, actor=ACTOR)
        finally:
            if parts.store is not None:
                await parts.store.close()
        if hunted.stopped:
            return
        run = run_of(hunted, sought, bounds, actor=ACTOR, began=began, now=self.clock())
        await remember(self.bus, run, sought.newest, self.clock())
        log.info("hunt_ended", lines=run.lines, events=run.events, alerts=run.alerts, partial=run.reached > run.start)
        for name, reason in hunted.damaged:
            log.warning("segment_damaged", segment=name, reason=reason)

    async def _begin(self, at: Micros) -> None:
        def change(data: bytes | None) -> tuple[bytes, str]:
            hunts = Hunts.decode(data) if data else Hunts()
            return encode(hunts.begun(self.owner, at)), f"{self.owner} begins a hunt"

        await amend(self.bus, "hunts", change, actor=ACTOR, at=at)


def due(hunts: Hunts, newest: Micros, settings: IntelSettings, owner: str, now: Micros) -> bool:
    """Whether this process is to begin a hunt now.

    Args:
        hunts: what was done, and by whom one is being done.
        newest: when the last of the indicators in force was first published.
        owner: this process.
    """
    if not settings.hunt_days or newest <= hunts.until or now < newest + SETTLED:
        return False
    if hunts.owner not in ("", owner) and now < hunts.began + round((settings.hunt_max_hours + 1) * HOUR):
        return False
    last = max((run.at for run in hunts.runs if run.actor == ACTOR), default=0)
    return now - last >= round(settings.hunt_every_hours * HOUR)


def _newest(data: bytes) -> Micros:
    return max((one.known for feed in IndicatorSet.decode(data).feeds for one in feed.indicators), default=0)


def _sought(data: bytes, after: Micros) -> Quarry:
    return quarry(IndicatorSet.decode(data), after=after)

"""Retention: once a minute the oldest records of each topic and the oldest events of the store go, never one still to be read.

While the disk fills, more goes than its age asks for, in a stated order (``soc.pipeline.sacrifice``).
"""

import asyncio
from collections.abc import Callable, Mapping

import structlog

from soc.bus.base import Bus
from soc.clock import DAY, Clock
from soc.errors import BusFullError, UnavailableError
from soc.pipeline.context_trim import ContextTrim
from soc.pipeline.sacrifice import relieve
from soc.pipeline.table import ACTIONS, ANSWERS, DEADLETTER, DETECTIONS, EPISODES, EVENTS, RAW, RETRY
from soc.pipeline.waiting import pause
from soc.settings import Settings
from soc.store.base import Kind, Store

log = structlog.get_logger()

DERIVED = (EVENTS, DETECTIONS, EPISODES, ACTIONS, ANSWERS, RETRY)
"""Topics whose records are of use only until they are folded; alerts, incidents, outbox, audit and rules are what the store is
rebuilt from, and stay. Dead letters go by an age and a size of their own: a device that sends garbage must not fill the disk, and
their lines can be replayed from the archive."""

EVERY_SECONDS = 60.0
LOOK_SECONDS = 1.0
DISK_SECONDS = 5.0
"""How often the free space is looked at."""
DAY_SECONDS = 86_400.0
SHIPPED_SECONDS = 3600.0
UNBOUNDED = 1 << 62


async def keep_retention(bus: Bus, store: Store, settings: Settings, clock: Clock, stop: asyncio.Event) -> None:
    """Apply the settings' retention until told to stop; what cannot be reached now is trimmed later."""
    waited, context = EVERY_SECONDS, ContextTrim(bus)
    while not stop.is_set():
        try:
            if waited >= EVERY_SECONDS:
                waited = 0.0
                await apply_retention(bus, store, settings, clock)
                await context.trim(clock)
            await relieve(bus, store, settings, clock, derived=DERIVED)
        except UnavailableError as error:
            log.warning("not_trimmed", error=str(error), again_in=EVERY_SECONDS)
        await pause(stop, DISK_SECONDS)
        waited += DISK_SECONDS


async def keep_log_retention(
    log_bus: Bus, settings: Settings, stop: asyncio.Event, crowded: Callable[[], bool] = lambda: False
) -> None:
    """Keep a collector's own log to what was not shipped yet, and the last hour for who wants to look.

    Args:
        crowded: whether the intake has no room now; then all that was shipped goes at once.
    """
    waited = EVERY_SECONDS
    while not stop.is_set():
        room = not crowded()
        if waited >= EVERY_SECONDS or not room:
            waited = 0.0
            age, size = (SHIPPED_SECONDS, settings.bus.raw_max_bytes) if room else (0.0, 0)
            try:
                await log_bus.retain(RAW, max_age=age, max_bytes=size)
            except (BusFullError, UnavailableError) as error:
                log.warning("log_not_trimmed", error=str(error), again_in=LOOK_SECONDS)
        await pause(stop, LOOK_SECONDS)
        waited += LOOK_SECONDS


def retention_days(settings: Settings) -> Mapping[str, float]:
    """How old the records of each trimmed topic may get."""
    bus = settings.bus
    return {
        RAW: bus.raw_max_age_days,
        DEADLETTER: bus.deadletter_max_age_days,
        **dict.fromkeys(DERIVED, bus.max_age_days),
    }


async def apply_retention(bus: Bus, store: Store, settings: Settings, clock: Clock) -> int:
    """Apply it once; returns how many records and documents went."""
    sizes = {RAW: settings.bus.raw_max_bytes, DEADLETTER: settings.bus.deadletter_max_bytes}
    gone = 0
    for topic, days in retention_days(settings).items():
        removed = await bus.retain(topic, max_age=days * DAY_SECONDS, max_bytes=sizes.get(topic, UNBOUNDED))
        if (
            removed and topic == DEADLETTER
        ):  # they were open, or a record of what became of them: nobody is to miss that in silence
            log.warning("dead_letters_removed", removed=removed)
        gone += removed
    documents: dict[Kind, float] = {
        "event": settings.store.event_days,
        "deadletter": settings.bus.deadletter_max_age_days,
    }
    for kind, days in documents.items():
        gone += await store.delete_before(kind, clock() - round(days * DAY))
    if gone:
        log.info("retention", removed=gone)
    return gone

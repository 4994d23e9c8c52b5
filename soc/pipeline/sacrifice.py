"""What goes first when the data directory's disk fills: the order of sacrifice (ADR 0019).

    1  the search index: the oldest events of the embedded store, half of the time it covers at once; the last hour stays
    2  derived topics: what every stage has read of them
    3  raw records in the bus that are archived
    -  never: raw records that are not archived, alerts, incidents, reports, the audit chain, an archive younger than its age

It begins when less than twice ``bus.free_bytes`` is free, so that intake, which is pushed back at ``bus.free_bytes``, does not
notice as long as there is something to give up. Brokers and Elasticsearch have disks of their own, which this does not see.
"""

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import structlog

from soc.bus.base import Bus
from soc.clock import DAY, HOUR, Clock
from soc.pipeline.table import ARCHIVE, RAW
from soc.settings import Settings
from soc.store.base import Store
from soc.telemetry import SACRIFICED

log = structlog.get_logger()

BEGINS_AT = 2
"""Times ``bus.free_bytes``."""


def free_bytes(directory: Path) -> int:
    """What is free on the disk that a directory is on."""
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize


async def relieve(
    bus: Bus,
    store: Store,
    settings: Settings,
    clock: Clock,
    *,
    derived: Sequence[str],
    free: Callable[[], int] | None = None,
) -> dict[str, int]:
    """Give up what may be given up, step by step, until there is room again.

    Args:
        bus: the installation's.
        store: its store.
        settings: with the bound.
        clock: now.
        derived: topics whose records are of use only until they are folded.
        free: measures the disk; None = that of the data directory.

    Returns:
        What went, with how many records or documents.

    Raises:
        UnavailableError: bus or store are away.
    """
    measure = free or partial(free_bytes, settings.data_dir)
    enough = BEGINS_AT * settings.bus.free_bytes
    gone: dict[str, int] = {}
    if not enough or measure() >= enough:
        return gone
    if not settings.elasticsearch.urls:
        kept = round(settings.store.event_days * DAY) // 2
        while measure() < enough and kept >= HOUR:
            _note(gone, "events of the search index", await store.delete_before("event", clock() - kept))
            kept //= 2
    if not settings.kafka.servers:
        archived = any(stage.name == ARCHIVE for stage in bus.topology.stages)
        for topic in (*derived, *([RAW] if archived else ())):
            if measure() < enough:
                _note(gone, topic, await bus.retain(topic, max_age=0.0, max_bytes=0))
    if gone:
        log.error("disk_is_filling", free=measure(), wanted=enough, gave_up=gone)
    return gone


def _note(gone: dict[str, int], what: str, count: int) -> None:
    if count:
        SACRIFICED.labels(what).inc(count)
        gone[what] = gone.get(what, 0) + count

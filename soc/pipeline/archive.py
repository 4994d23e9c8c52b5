"""The archive stage over one partition: ``soc.raw`` in, closed segments in a place out (ADR 0019).

Its loop is its own: a segment is written between two commits, so nothing may be read ahead while a commit is under way.
While the place is away nothing is read: memory stays flat, the lag grows, and no raw record is deleted before it is archived.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from soc.archive.archiver import PAST, Archiver, Bounds
from soc.archive.expire import days_covered, expired
from soc.archive.place import Place
from soc.archive.verify import chains_of
from soc.bus.base import Bus, Claim
from soc.clock import DAY, Clock
from soc.errors import BusFullError, CommitUnknownError, UnavailableError
from soc.model import encode
from soc.pipeline.loop import FETCH_LIMIT, FETCH_TIMEOUT
from soc.pipeline.table import ARCHIVE
from soc.pipeline.waiting import pause
from soc.telemetry import (
    ARCHIVE_AVAILABLE,
    ARCHIVED_BYTES,
    ARCHIVED_RECORDS,
    ARCHIVED_SEGMENTS,
    COMMITS,
    RECLAIMS,
    RECORDS,
    RETENTION_DAYS,
)

log = structlog.get_logger()

RETRY_SECONDS = 5.0
SELDOM_SECONDS = 60.0
"""How often it is told again that the place is away."""
AWAY_SECONDS = 2.0
EXPIRE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class ArchiveParts:
    """What the partitions of one archive process share.

    Attributes:
        days: how long segments are kept.
    """

    place: Place
    bounds: Bounds
    days: float


def new_chain() -> str:
    """The id of a new chain."""
    return secrets.token_hex(4)


async def run_archive(
    bus: Bus,
    partition: int,
    parts: ArchiveParts,
    *,
    clock: Clock,
    stop: asyncio.Event,
    ready: Callable[[], None] = lambda: None,
    take_over_wait: float = 10.0,
) -> None:
    """Archive one partition until ``stop`` is set.

    Raises:
        FencedError: another owner has it.
        LogMismatchError: its input is not the log it read before.
    """
    while not stop.is_set():
        try:
            claim = await bus.claim(ARCHIVE, partition, wait=take_over_wait)
            try:
                archiver = Archiver(partition, parts.bounds, new_chain)
                archiver.restore(claim.state, clock())
                ready()
                await _Work(claim, archiver, parts, clock, stop).run()
            finally:
                await claim.release()
        except CommitUnknownError as error:
            RECLAIMS.labels(ARCHIVE, "commit_unknown").inc()
            log.warning("commit_unknown", stage=ARCHIVE, partition=partition, error=str(error))
        except BusFullError as error:
            RECLAIMS.labels(ARCHIVE, "full").inc()
            log.error("bus_full", stage=ARCHIVE, partition=partition, error=str(error))  # noqa: TRY400 - no trace
            await pause(stop, AWAY_SECONDS)
        except UnavailableError as error:
            RECLAIMS.labels(ARCHIVE, "unavailable").inc()
            log.warning("bus_unavailable", stage=ARCHIVE, partition=partition, error=str(error))
            await pause(stop, AWAY_SECONDS)


@dataclass(slots=True)
class _Work:
    """The units of work of one claim."""

    claim: Claim
    archiver: Archiver
    parts: ArchiveParts
    clock: Clock
    stop: asyncio.Event
    expire_at: float = 0.0
    away_since: float = 0.0
    told: float = 0.0

    async def run(self) -> None:
        time = asyncio.get_running_loop().time
        ARCHIVE_AVAILABLE.labels(str(self.claim.partition)).set(1)
        if self.archiver.is_closing:  # whoever was here before was killed while closing
            await self._close()
        while not self.stop.is_set():
            records = await self.claim.fetch(FETCH_LIMIT, FETCH_TIMEOUT)
            self.archiver.take(records, self.clock())
            RECORDS.labels(ARCHIVE).inc(len(records))
            if self.archiver.is_due(self.clock()):
                await self._cut()
            if time() >= self.expire_at:
                self.expire_at = time() + EXPIRE_SECONDS
                await self._expire()
        await self._cut(closing=False)

    async def _cut(self, *, closing: bool = True) -> None:
        changes = self.archiver.cut(self.clock())
        if changes:
            await self.claim.commit((), changes)
            COMMITS.labels(ARCHIVE).inc()
        if closing and self.archiver.is_closing:
            await self._close()

    async def _close(self) -> None:
        """Write the closing's segments, however long the place is away; told to stop, leave them to the next owner."""
        while True:
            try:
                written = await asyncio.to_thread(write_segments, self.archiver, self.parts.place)
            except UnavailableError as error:
                await self._wait(error)
                if self.stop.is_set():
                    return
                continue
            break
        ARCHIVE_AVAILABLE.labels(str(self.claim.partition)).set(1)
        if self.away_since:
            log.info("archive_available", partition=self.claim.partition)
            self.away_since = self.told = 0.0
        await self.claim.commit((), self.archiver.closed())
        COMMITS.labels(ARCHIVE).inc()
        ARCHIVED_SEGMENTS.inc(written[0])
        ARCHIVED_RECORDS.inc(written[1])
        ARCHIVED_BYTES.inc(written[2])
        self._tell_days()

    async def _wait(self, error: UnavailableError) -> None:
        now = asyncio.get_running_loop().time()
        ARCHIVE_AVAILABLE.labels(str(self.claim.partition)).set(0)
        self.away_since = self.away_since or now
        if not self.told or now - self.told >= SELDOM_SECONDS:
            self.told = now
            log.warning("archive_unavailable", error=str(error), away_seconds=round(now - self.away_since))
        await pause(self.stop, RETRY_SECONDS)

    async def _expire(self) -> None:
        """Delete what is older than the archive keeps; what cannot be deleted now goes later."""
        before = self.clock() - round(self.parts.days * DAY)
        place = self.parts.place
        self._tell_days()
        for chain in self.archiver.chains:
            try:
                gone = await asyncio.to_thread(expired, place, chain, before)
            except UnavailableError as error:
                log.warning("archive_not_trimmed", error=str(error), again_in=EXPIRE_SECONDS)
                return
            if gone is None:
                continue
            await self.claim.commit((), self.archiver.forget(chain, gone.base, gone.base_hash, gone.since))
            try:
                await asyncio.to_thread(_delete, place, gone.names)
            except UnavailableError as error:
                log.warning("archive_not_trimmed", error=str(error), again_in=EXPIRE_SECONDS)
                return
            log.info("archive_trimmed", chain=chain.id, segments=len(gone.names))
            self._tell_days()

    def _tell_days(self) -> None:
        days = max(days_covered(chain, self.clock()) for chain in self.archiver.chains)
        RETENTION_DAYS.labels(str(self.claim.partition)).set(round(days, 3))


def write_segments(archiver: Archiver, place: Place) -> tuple[int, int, int]:
    """Put every segment of the closing; how many segments, records and bytes.

    Raises:
        UnavailableError: the place is away, or has no room.
    """
    written = records = size = 0
    for manifest, data in archiver.segments():
        place.put(manifest.name, data)
        written += 1
        records += manifest.records
        size += len(data)
    return written, records, size


def _delete(place: Place, names: Sequence[str]) -> None:
    for name in names:
        place.delete(name)


async def archive_rest(bus: Bus, parts: ArchiveParts, *, clock: Clock) -> None:
    """Archive what is left of ``soc.raw`` and close every segment, of an installation that moves elsewhere.

    Raises:
        FencedError: somebody else archives.
        UnavailableError: bus or place are away.
    """
    stage = next(row for row in bus.topology.stages if row.name == ARCHIVE)
    for partition in range(stage.partitions):
        claim = await bus.claim(ARCHIVE, partition)
        try:
            archiver = Archiver(partition, parts.bounds, new_chain)
            archiver.restore(claim.state, clock())
            while (records := await claim.fetch(FETCH_LIMIT, 0.0)) or archiver.open_records:
                archiver.take(records, clock())
                if archiver.is_due(clock()) or not records:
                    await claim.commit((), archiver.cut(clock(), everything=not records))
                if archiver.is_closing:
                    await asyncio.to_thread(write_segments, archiver, parts.place)
                    await claim.commit((), archiver.closed())
        finally:
            await claim.release()


def past_chains(states: Mapping[int, Mapping[bytes, bytes]]) -> dict[bytes, bytes]:
    """The state that the archive of an installation begins with that was migrated: its former chains, which it does not go on with."""
    return {PAST + chain.id.encode(): encode(chain) for chain in chains_of(states).values()}

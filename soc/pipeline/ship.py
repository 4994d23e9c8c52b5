"""Shipping: what a collector has made durable in its own log in, the same records on the brokers out, each exactly once.

How far the log was shipped is state of (collect, host number) on the brokers and commits in the transaction of the records, so
a crash on either side repeats and loses nothing. The collector's own position follows; it only tells retention what may go.

State keys on the brokers: ``ship/<log id>`` is the next offset to ship, ``balance/<minute>/<source>`` counts what was shipped.
"""

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from collectors.balance import PREFIX, Balance
from soc.bus.base import Bus, Claim, Message, Record
from soc.clock import MINUTE, Clock
from soc.errors import CommitUnknownError, LogMismatchError, UnavailableError
from soc.model import RawRecord, decode, encode
from soc.pipeline.table import RAW, SHIP
from soc.pipeline.waiting import pause as wait

log = structlog.get_logger()

BATCH = 5000
FETCH_SECONDS = 0.25
AWAY_FIRST_SECONDS, AWAY_LAST_SECONDS = 0.2, 5.0


async def ship(
    local: Bus, bus: Bus, instance: int, *, clock: Clock, stop: asyncio.Event, take_over_wait: float
) -> None:
    """Ship until ``stop`` is set; while the brokers are away the log grows.

    Args:
        local: the collector's own log (``collector_topology``).
        bus: the brokers.
        instance: number of this host; another host with the same number is fenced, and fences.

    Raises:
        FencedError: another host has this number, or this log is shipped by another process.
        LogMismatchError: the log ends before what was shipped of it: it was rolled back.
    """
    pause = AWAY_FIRST_SECONDS
    while not stop.is_set():
        try:
            claim = await bus.claim("collect", instance, wait=take_over_wait)
            try:
                pause = AWAY_FIRST_SECONDS
                await _ship(local, claim, clock, stop)
            finally:
                await claim.release()
        except (CommitUnknownError, UnavailableError) as error:
            log.warning("not_shipped", error=str(error), again_in=pause)
            await wait(stop, pause)
            pause = min(2 * pause, AWAY_LAST_SECONDS)


async def _ship(local: Bus, claim: Claim, clock: Clock, stop: asyncio.Event) -> None:
    balance = Balance((key, value) for key, value in claim.state.items() if key.startswith(PREFIX))
    shipped = {key: decode(value, int) for key, value in claim.state.items() if key.startswith(b"ship/")}
    reading = await local.claim(SHIP, 0)
    try:
        await _verify(reading, shipped)
        while not stop.is_set():
            records = await reading.fetch(BATCH, FETCH_SECONDS)
            fresh = [record for record in records if record.offset >= shipped.get(_key(record), 0)]
            if fresh:
                plan = balance.plan(_counts(fresh), clock())
                ends = {_key(record): record.offset + 1 for record in fresh}
                state: Mapping[bytes, bytes | None] = {
                    **plan.changes(),
                    **{key: encode(end) for key, end in ends.items()},
                }
                await claim.commit([Message(RAW, record.key, record.value) for record in fresh], state)
                balance.apply(plan)
                shipped |= ends
            if records:
                await reading.commit()
    finally:
        await reading.release()


async def _verify(reading: Claim, shipped: Mapping[bytes, int]) -> None:
    """A log that was not shipped as far as its own position says lost its state on the brokers: those lines are gone there."""
    for (_, _, log_id), position in reading.positions.items():
        known = shipped.get(b"ship/" + log_id.encode(), 0)
        if known < position:
            raise LogMismatchError(
                f"the log {log_id} was shipped up to {position}, the brokers know of {known}: their state was lost or replaced"
            )


def _key(record: Record) -> bytes:
    return b"ship/" + record.log_id.encode()


def _counts(records: Sequence[Record]) -> dict[tuple[int, str], int]:
    counts: dict[tuple[int, str], int] = {}
    for record in records:
        raw = decode(record.value, RawRecord)
        bucket = raw.received // MINUTE, raw.source
        counts[bucket] = counts.get(bucket, 0) + 1
    return counts

"""One session of shipping: a collector's own log and its number on the brokers, both owned, in; transactions out.

A unit of work is a batch of records, how far the log was shipped with them, their counts, and now and then what the collector
says of itself. The log's own position is committed behind it and never before.
"""

import asyncio
import secrets
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
import structlog

from collectors.balance import PREFIX, Balance
from soc.bus.base import Bus, Claim, Message, Record
from soc.clock import MINUTE, Clock
from soc.errors import BusFullError, FencedError, LogMismatchError
from soc.model import RawRecord, decode, encode
from soc.pipeline.shards import Shards
from soc.pipeline.shipped import Shipped, Statement, says_key, shipped_key, shipped_of
from soc.pipeline.table import RAW, SHIP
from soc.telemetry import COMMITS, RECORDS, UNSHIPPED

log = structlog.get_logger()

BATCH_RECORDS = 5000
BATCH_BYTES = 8 * 1024 * 1024
"""A transaction of the brokers is at most so large, so that it takes well under the seconds it is given."""
LARGEST_RECORD = 16 * 1024 * 1024 - 4096
"""What brokers take at most, the key left out; a longer line is cut here and marked, as listeners do."""

FETCH_SECONDS = 0.25
SAY_SECONDS = 2.0
"""How often a collector says where its log ends: an owner silent for three seconds looks dead to a successor."""
FOLLOW_SECONDS = 1.0
"""How often the position in the collector's own log follows: each time costs an fsync there."""

COLLECTOR_ID = b"collector"

ADVICE = (
    "shipping waits, collecting goes on; put the newer copy back, or accept what there is with "
    "`soc store declare-restored ship 0` on this host: what was shipped since that copy may then come twice, nothing is lost"
)


class TakenError(Exception):
    """Another collector has claimed this host number on the brokers."""


class OwnCollector(NamedTuple):
    """A collector as its shipping sees it.

    Attributes:
        local: its own log (``collector_topology``).
        bus: the brokers.
        instance: number of its host.
        host: the machine's name, for people.
        clock: stamps what it says.
        shards: how heavy sources are spread; None where none is.
    """

    local: Bus
    bus: Bus
    instance: int
    host: str
    clock: Clock
    shards: Shards | None = None


async def collector_id(reading: Claim) -> str:
    """The id of a collector: random, made with its data directory and kept in its own log."""
    known = reading.state.get(COLLECTOR_ID)
    if known is None:
        known = secrets.token_hex(8).encode()
        await reading.commit(state={COLLECTOR_ID: known})
    return known.decode()


class Session:
    """Ships while both claims hold.

    Args:
        collector: whose log it is.
        reading: of (ship, 0) in the collector's own log.
        claim: of (collect, host number) on the brokers.
        id: of the collector.
    """

    def __init__(self, collector: OwnCollector, reading: Claim, claim: Claim, id: str) -> None:  # noqa: A002 - its own name
        self._collector = collector
        self._reading = reading
        self._claim = claim
        self._id = id
        self._balance = Balance((key, value) for key, value in claim.state.items() if key.startswith(PREFIX))
        self._shipped = shipped_of(claim.state)
        self._say_at = self._follow_at = 0.0
        self._unfollowed = False

    async def verify(self) -> None:
        """Compare how far the log was shipped, as the log says, as the brokers say, and as the log is.

        Raises:
            LogMismatchError: the log was rolled back, or the brokers lost their state.
        """
        ends = await self._ends()
        positions = {log_id: at for (_, _, log_id), at in self._reading.positions.items()}
        number = self._collector.instance
        for log_id, position in positions.items():
            known = self._shipped.get(log_id, Shipped(0, -1)).next
            if known < position:
                raise LogMismatchError(
                    f"the log {log_id} was shipped up to {position}, and for host {number} the brokers know of {known}: their "
                    f"state was lost or replaced, or [kafka] instance was changed; {ADVICE}"
                )
        for log_id, end in ends.items():
            known = self._shipped.get(log_id)
            position = positions.get(log_id, 0)
            if known is None or known.next <= position:
                continue  # as far as its own position goes, the log has been compared by its own claim
            if known.next > end or not await self._holds(log_id, known, ends):
                what = f"ends at {end}" if known.next > end else "holds another record there"
                raise LogMismatchError(
                    f"the log {log_id} was shipped up to {known.next} and {what} now: it was rolled back to an older copy; {ADVICE}"
                )

    async def run(self, stop: asyncio.Event) -> None:
        """Ship until ``stop`` is set and everything before that is shipped; then say so.

        Raises:
            TakenError: another collector claimed this number.
            FencedError: another process claimed the log.
            LogMismatchError: the log is not the one that was read.
            UnavailableError: brokers or disk are away.
            CommitUnknownError: claim again, what is committed decides.
        """
        while True:
            stopping = stop.is_set()
            records = await self._reading.fetch(BATCH_RECORDS, 0 if stopping else FETCH_SECONDS)
            fresh = [one for one in records if one.offset >= self._next(one.log_id)]
            for batch in _batches(fresh):
                await self._ship(batch)
            ended = stopping and not records
            await self._follow(records, at_once=ended)
            if not fresh and (ended or self._due()):
                await self._commit((), await self._says(ended=ended))
            if ended:
                return

    async def _ship(self, batch: Sequence[Record]) -> None:
        outputs: list[Message] = []
        counts: dict[tuple[int, str], int] = {}
        for record in batch:
            raw = decode(record.value, RawRecord)
            bucket = raw.received // MINUTE, raw.source
            counts[bucket] = counts.get(bucket, 0) + 1
            outputs.append(self._message(record, raw))
        plan = self._balance.plan(counts, self._collector.clock())
        shipped = {one.log_id: one for one in batch}
        marks = {log_id: Shipped(one.offset + 1, _check(one)) for log_id, one in shipped.items()}
        state = {**plan.changes(), **{shipped_key(log_id): encode(mark) for log_id, mark in marks.items()}}
        if self._due():
            state |= await self._says(ended=False)
        await self._commit(outputs, state)
        self._balance.apply(plan)
        self._shipped |= marks
        RECORDS.labels(SHIP).inc(len(outputs))

    def _message(self, record: Record, raw: RawRecord) -> Message:
        shards, value = self._collector.shards, record.value
        if len(value) > LARGEST_RECORD:
            log.warning("line_cut", listener=raw.listener, peer=raw.peer, bytes=len(raw.data), largest=LARGEST_RECORD)
            size = LARGEST_RECORD - (len(value) - len(raw.data))
            value = encode(msgspec.structs.replace(raw, data=raw.data[:size], cut=True))
        return Message(RAW, record.key if shards is None else shards.key(raw, record.key), value)

    async def _commit(self, outputs: Sequence[Message], state: Mapping[bytes, bytes | None]) -> None:
        try:
            await self._claim.commit(outputs, state)
        except FencedError as error:
            raise TakenError from error
        COMMITS.labels(SHIP).inc()

    async def _follow(self, records: Sequence[Record], *, at_once: bool) -> None:
        """Move the log's own position to what is shipped. A disk without room for that is told where it matters: at intake."""
        moment = asyncio.get_running_loop().time()
        self._unfollowed |= bool(records)
        if self._unfollowed and (at_once or moment >= self._follow_at):
            self._follow_at = moment + FOLLOW_SECONDS
            try:
                await self._reading.commit()
                self._unfollowed = False
            except BusFullError as error:
                log.debug("position_not_followed", error=str(error))

    def _due(self) -> bool:
        return asyncio.get_running_loop().time() >= self._say_at

    async def _says(self, *, ended: bool) -> dict[bytes, bytes | None]:
        """What the collector says now, as state."""
        ends = await self._ends()
        UNSHIPPED.set(sum(max(0, end - self._next(log_id)) for log_id, end in ends.items()))
        self._say_at = asyncio.get_running_loop().time() + SAY_SECONDS
        return {says_key(self._id): encode(Statement(self._collector.host, ends, self._collector.clock(), ended))}

    def _next(self, log_id: str) -> int:
        known = self._shipped.get(log_id)
        return known.next if known is not None else 0

    async def _ends(self) -> dict[str, int]:
        return {log_id: end for (_, _, log_id), end in (await self._collector.local.ends([RAW])).items()}

    async def _holds(self, log_id: str, known: Shipped, ends: Mapping[str, int]) -> bool:
        """Whether the record before ``known.next`` is the one that was shipped."""
        starts = {(RAW, 0, one): end for one, end in ends.items()} | {(RAW, 0, log_id): known.next - 1}
        reader = self._collector.local.reader([RAW], starts)
        try:
            found = await reader.fetch(1, 1.0)
        finally:
            await reader.close()
        return bool(found) and _check(found[0]) == known.check


def _check(record: Record) -> int:
    return zlib.crc32(record.value, zlib.crc32(record.key, record.appended & 0xFFFFFFFF))


def _batches(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """What was fetched at once, in parts that a transaction may hold."""
    start = size = 0
    for number, record in enumerate(records):
        size += len(record.value)
        if size > BATCH_BYTES and number > start:
            yield records[start:number]
            start, size = number, len(record.value)
    if start < len(records):
        yield records[start:]


async def accept_log(collector: OwnCollector) -> dict[str, int]:
    """On an operator's word: the collector's log as it is is what there is; ship on from where it says it was shipped.

    The shipper of this host is fenced, or was stopped. Whatever was shipped behind that position is shipped again if it is still
    in the log.

    Returns:
        Log id → the next offset that will be shipped.
    """
    reading = await collector.local.claim(SHIP, 0)
    try:
        claim = await collector.bus.claim("collect", collector.instance)
        try:
            positions = {log_id: at for (_, _, log_id), at in reading.positions.items()}
            known = shipped_of(claim.state)
            accepted = {log_id: positions.get(log_id, 0) for log_id in await _log_ids(collector.local)}
            changed = {log_id: at for log_id, at in accepted.items() if log_id not in known or known[log_id].next != at}
            if changed:
                await claim.commit(
                    state={shipped_key(log_id): encode(Shipped(at, -1)) for log_id, at in changed.items()}
                )
            return accepted
        finally:
            await claim.release()
    finally:
        await reading.release()


async def _log_ids(local: Bus) -> list[str]:
    return [log_id for _, _, log_id in await local.ends([RAW])]

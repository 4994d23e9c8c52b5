"""Index: every view's records in, documents written to the store; the only stage that writes it.

A batch is committed when all its documents are durable, so a repeat after a crash writes the same versions again. While the
store is away the batch is held and nothing else is read: memory stays flat, the lag grows, and every other stage goes on.

``rebuild`` makes the store anew from all retained records, while everything else goes on.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import structlog

from soc.bus.base import Bus, Message, Positions, Record, raw_id
from soc.clock import SECOND, Micros
from soc.errors import RecordError, UnavailableError, forget_frames
from soc.model import Alert, DeadLetter, Directive, Event, Incident, Notice, Report, Silence, decode, encode
from soc.pipeline.loop import FETCH_LIMIT, Work
from soc.pipeline.table import ALERTS, AUDIT, DEADLETTER, DIRECTIVES, EVENTS, INCIDENTS, NOTICES, OUTBOX, SILENCES
from soc.pipeline.waiting import pause
from soc.store.base import Document, Refusal, Store
from soc.store.documents import (
    alert_document,
    audit_document,
    deadletter_document,
    directive_document,
    event_document,
    incident_document,
    notice_document,
    report_document,
    silence_document,
)
from soc.telemetry import DEAD_LETTERS, STORE_AVAILABLE, STORE_REFUSED, STORE_SUCCESS

log = structlog.get_logger()

VIEWS: Mapping[str, Callable[[bytes], Document]] = {
    EVENTS: lambda value: event_document(decode(value, Event)),
    ALERTS: lambda value: alert_document(decode(value, Alert)),
    INCIDENTS: lambda value: incident_document(decode(value, Incident)),
    OUTBOX: lambda value: report_document(decode(value, Report)),
    DEADLETTER: lambda value: deadletter_document(decode(value, DeadLetter)),
    AUDIT: audit_document,
    SILENCES: lambda value: silence_document(decode(value, Silence)),
    DIRECTIVES: lambda value: directive_document(decode(value, Directive)),
    NOTICES: lambda value: notice_document(decode(value, Notice)),
}

ROOM = 4
"""Partitions of a process that hold documents at once."""
SLICE = 500
"""Documents that a partition makes and holds at once: one is several times its record, and they wait while the store is away."""
RETRY_SECONDS = 1.0
SELDOM_SECONDS = 60.0
"""How often it is told again that the store is away."""
STOP_SECONDS = 5.0
"""How long a write may go on after the process was told to stop."""
END_SECONDS = 1.0
"""Without a record for so long the end is reached, though markers of transactions may lie before it."""


class PatientWriter:
    """Writes to a store that may be away: it waits, says so once and then seldom, and gives up only when told to stop."""

    def __init__(self, store: Store, stop: asyncio.Event, *, retry_seconds: float = RETRY_SECONDS) -> None:
        self._store = store
        self._stop = stop
        self._retry_seconds = retry_seconds

    async def write(self, documents: Sequence[Document]) -> Sequence[Refusal]:
        """Write them all; returns those that the store will never take, with the reason.

        Raises:
            UnavailableError: it was told to stop before they were durable; some of them may be.
        """
        if not documents:
            return ()
        time = asyncio.get_running_loop().time
        away_since = told = 0.0
        while True:
            try:
                refusals = await self._try(documents)
            except UnavailableError as error:
                forget_frames(error)
                STORE_AVAILABLE.labels("index").set(0)
                away_since = away_since or time()
                if not told or time() - told >= SELDOM_SECONDS:
                    told = time()
                    log.warning("store_unavailable", error=str(error), away_seconds=round(told - away_since))
                if self._stop.is_set():
                    raise
                await pause(self._stop, self._retry_seconds)
                continue
            STORE_AVAILABLE.labels("index").set(1)
            if away_since:
                log.info("store_available", away_seconds=round(time() - away_since))
            return refusals

    async def _try(self, documents: Sequence[Document]) -> Sequence[Refusal]:
        """One write, given up some seconds after ``stop`` is set: a repeat of any part of it changes nothing."""
        if self._stop.is_set():
            raise UnavailableError("told to stop while the store was away: the batch is written after the next start")
        writing = asyncio.ensure_future(self._store.write(documents))
        stopped = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({writing, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not writing.done():
                await asyncio.wait({writing}, timeout=STOP_SECONDS)
            if not writing.done():
                raise UnavailableError(
                    "told to stop, and the store did not answer: the batch is written after the next start"
                )
            return writing.result()
        finally:
            writing.cancel()
            stopped.cancel()
            await asyncio.wait({writing, stopped})


class Index:
    """Writes documents, then commits how far it read.

    Args:
        store: where to.
        stop: set when the process is to end.
        room: shared by the partitions of a process: so many hold their documents at once. A document is several times its record, and
            while the store is away every partition would hold a batch of them.
    """

    def __init__(self, store: Store, stop: asyncio.Event | None = None, room: asyncio.Semaphore | None = None) -> None:
        self._writer = PatientWriter(store, stop or asyncio.Event())
        self._room = room or asyncio.Semaphore()

    def restore(self, state: Mapping[bytes, bytes]) -> None:
        """The store is the state."""

    async def step(self, records: Sequence[Record], now: Micros) -> Work:
        """Write one batch; what cannot be a document goes to the dead letters, but never a dead letter itself.

        Raises:
            UnavailableError: it was told to stop while the store was away.
        """
        work = Work()
        for first in range(0, len(records), SLICE):
            async with self._room:
                await self._write(records[first : first + SLICE], now, work)
        return work

    async def _write(self, records: Sequence[Record], now: Micros, work: Work) -> None:
        documents: list[Document] = []
        origins: dict[tuple[str, str, int], Record] = {}
        for record in records:
            try:
                document = VIEWS[record.topic](record.value)
            except RecordError as error:
                _refuse(record, error.reason, work)
                continue
            documents.append(document)
            origins[document.kind, document.id, document.version] = record
        for document, reason in await self._writer.write(documents):
            _refuse(origins[document.kind, document.id, document.version], f"the store: {reason}", work)
        if documents:
            STORE_SUCCESS.set(now / SECOND)


def _refuse(record: Record, reason: str, work: Work) -> None:
    STORE_REFUSED.labels(record.topic).inc()
    log.error("no_document", topic=record.topic, address=raw_id(record), reason=reason)
    if record.topic != DEADLETTER:
        DEAD_LETTERS.labels("index").inc()
        key = record.key.decode("utf-8", "replace")
        letter = DeadLetter(raw_id(record), "index", reason, record.value, key, "", "", record.appended)
        work.outputs.append(Message(DEADLETTER, record.key, encode(letter)))


class Rebuilt(NamedTuple):
    """What a rebuild did.

    Attributes:
        documents: written, revisions of one counted each.
        skipped: records that cannot be documents: their dead letters were written when they came first.
        refused: documents that the store would not take.
        missed: records that retention took while it ran.
    """

    documents: int
    skipped: int
    refused: int
    missed: int


async def rebuild(
    bus: Bus, store: Store, progress: Callable[[int], None] = lambda _: None, stop: asyncio.Event | None = None
) -> Rebuilt:
    """Empty the store and write every retained record into it again, up to where the topics end when it begins.

    What was interrupted is begun again: versions decide, whoever else writes meanwhile. The end is looked up after the store is
    empty: what an index stage wrote and this removed is before it.

    Raises:
        UnavailableError: the bus is away, the store was when it had to be emptied, or ``stop`` was set.
    """
    writer = PatientWriter(store, stop or asyncio.Event())
    await store.clear()
    ends = await bus.ends(list(VIEWS))
    reader = bus.reader(list(VIEWS))
    written = skipped = refused = 0
    try:
        while not _has_reached(reader.positions, ends) and (records := await reader.fetch(FETCH_LIMIT, END_SECONDS)):
            documents: list[Document] = []
            for record in records:
                try:
                    documents.append(VIEWS[record.topic](record.value))
                except RecordError as error:
                    skipped += 1
                    log.warning("no_document", topic=record.topic, address=raw_id(record), reason=error.reason)
            refusals = await writer.write(documents)
            for document, reason in refusals:
                log.warning("store_refused", kind=document.kind, id=document.id, reason=reason)
            refused += len(refusals)
            written += len(documents) - len(refusals)
            progress(written)
        return Rebuilt(written, skipped, refused, reader.skipped)
    finally:
        await reader.close()


def _has_reached(positions: Positions, ends: Positions) -> bool:
    return all(positions.get(log_of, 0) >= end for log_of, end in ends.items())

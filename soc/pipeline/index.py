"""Index: every view's records in, documents written to the store; the only stage that writes it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import structlog

from soc.bus.base import Bus, Message, Record, raw_id
from soc.clock import Micros
from soc.errors import RecordError, UnavailableError
from soc.model import Alert, DeadLetter, Event, Incident, Report, decode, encode
from soc.pipeline.loop import FETCH_LIMIT, Work
from soc.pipeline.table import ALERTS, AUDIT, DEADLETTER, EVENTS, INCIDENTS, OUTBOX
from soc.store.base import Document, Store
from soc.store.documents import (
    alert_document,
    audit_document,
    deadletter_document,
    event_document,
    incident_document,
    report_document,
)
from soc.telemetry import STORE_REFUSED

log = structlog.get_logger()

_VIEWS: Mapping[str, Callable[[bytes], Document]] = {
    EVENTS: lambda value: event_document(decode(value, Event)),
    ALERTS: lambda value: alert_document(decode(value, Alert)),
    INCIDENTS: lambda value: incident_document(decode(value, Incident)),
    OUTBOX: lambda value: report_document(decode(value, Report)),
    DEADLETTER: lambda value: deadletter_document(decode(value, DeadLetter)),
    AUDIT: audit_document,
}

RETRY_SECONDS = 1.0


class Index:
    """Writes documents, then commits how far it read: a repeat after a crash writes the same versions again."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def restore(self, state: Mapping[bytes, bytes]) -> None:
        """The store is the state."""

    async def step(self, records: Sequence[Record], now: Micros) -> Work:  # noqa: ARG002 - the store keeps no time
        """Write one batch; what cannot be a document goes to the dead letters, but never a dead letter itself."""
        work = Work()
        documents: list[Document] = []
        for record in records:
            try:
                documents.append(_VIEWS[record.topic](record.value))
            except RecordError as error:
                self._refuse(record, error.reason, work)
        await self._write(documents)
        return work

    async def _write(self, documents: Sequence[Document]) -> None:
        while documents:
            try:
                refused = await self._store.write(documents)
            except UnavailableError as error:
                log.warning("store_unavailable", error=str(error))
                await asyncio.sleep(RETRY_SECONDS)
                continue
            for refusal in refused:
                STORE_REFUSED.labels(refusal.document.kind).inc()
                log.error("store_refused", id=refusal.document.id, reason=refusal.reason)
            return

    def _refuse(self, record: Record, reason: str, work: Work) -> None:
        STORE_REFUSED.labels(record.topic).inc()
        log.error("no_document", topic=record.topic, address=raw_id(record), reason=reason)
        if record.topic != DEADLETTER:
            key = record.key.decode("utf-8", "replace")
            letter = DeadLetter(raw_id(record), "index", reason, record.value, key, "", "", record.appended)
            work.outputs.append(Message(DEADLETTER, record.key, encode(letter)))


async def rebuild(bus: Bus, store: Store, progress: Callable[[int], None] = lambda _: None) -> int:
    """Empty the store and write every retained record into it again; returns how many documents were written."""
    await store.clear()
    reader = bus.reader(list(_VIEWS))
    written = 0
    try:
        while records := await reader.fetch(FETCH_LIMIT, 0.0):
            documents: list[Document] = []
            for record in records:
                try:
                    documents.append(_VIEWS[record.topic](record.value))
                except RecordError as error:
                    log.error("no_document", topic=record.topic, address=raw_id(record), reason=error.reason)  # noqa: TRY400 - no trace
            await store.write(documents)
            written += len(documents)
            progress(written)
    finally:
        await reader.close()
    return written

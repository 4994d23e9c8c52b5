"""The engine: raw records in; normalized events, detections, watermarks and dead letters out, counted in the same commit."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from soc.bus.base import Message, Record, raw_id
from soc.clock import SECOND, Micros
from soc.detect.detector import Detector
from soc.detect.feed import Sampler, feed
from soc.errors import RecordError
from soc.model import DeadLetter, Event, RawRecord, Watermark, decode, encode
from soc.normalize.normalizer import Discarded, Normalizer
from soc.pipeline.balance import Balance
from soc.pipeline.loop import Work
from soc.pipeline.table import DEADLETTER, DETECTIONS, EVENTS
from soc.pipeline.watermarks import Watermarks
from soc.sigma.ruleset import RuleSet
from soc.telemetry import DEAD_LETTERS, LATE

YIELD_EVERY = 200
"""Records after which the event loop gets a turn, so that other partitions and signals are not starved."""

SAMPLE_EVERY: Micros = 10 * SECOND
"""How often the sampler begins anew: of one (correlation, group) so few detections carry their event in that time."""


@dataclass(frozen=True, slots=True)
class EngineParts:
    """What the partitions of one engine process share: the expensive, stateless things."""

    normalizer: Normalizer
    detector: Detector
    rules: RuleSet
    detection_partitions: int
    lateness: Micros
    idle: Micros


class Engine:
    """Assemble, normalize and detect over one raw partition."""

    def __init__(self, parts: EngineParts, partition: int) -> None:
        self._parts = parts
        self._sampler = Sampler()
        self._sampled_since: Micros = 0
        self._balance = Balance()
        self._watermarks = Watermarks(partition, idle=parts.idle)

    def restore(self, state: Mapping[bytes, bytes]) -> None:
        """Take up counts and source clocks."""
        self._balance.restore(state)
        self._watermarks.restore(state)

    async def step(self, records: Sequence[Record], now: Micros) -> Work:
        """Process one batch."""
        work = Work()
        if now - self._sampled_since >= SAMPLE_EVERY:
            self._sampler.start()
            self._sampled_since = now
        for index, record in enumerate(records):
            self._one(record, now, work.outputs)
            if index % YIELD_EVERY == YIELD_EVERY - 1:
                await asyncio.sleep(0)
        work.state.update(self._balance.changes())
        mark, clocks = self._watermarks.emit(now, caught_up=not records)
        work.state.update(clocks)
        if mark is not None:
            work.outputs.extend(_to_each_partition(mark, self._parts.detection_partitions))
        return work

    def _one(self, record: Record, now: Micros, outputs: list[Message]) -> None:
        try:
            raw = decode(record.value, RawRecord)
        except RecordError as error:
            raw = RawRecord(record.value, record.appended, "", "", record.key.decode("utf-8", "replace"))
            self._bury(raw, raw_id(record), error, outputs)
            return
        event_id = raw.id or raw_id(record)
        try:
            event = self._parts.normalizer.normalize(raw, event_id, now)
        except RecordError as error:
            self._bury(raw, event_id, error, outputs)
            return
        bucket = self._balance.bucket(raw.received, raw.source)
        if isinstance(event, Discarded):
            bucket.discarded += 1
            return
        bucket.normalized += 1
        outputs.append(Message(EVENTS, record.key, encode(event)))
        self._detect(event, outputs)
        self._watermarks.observe(event, now)

    def _detect(self, event: Event, outputs: list[Message]) -> None:
        matches = self._parts.detector.detect(event)
        if not matches:
            return
        late = event.correlation_time < self._watermarks.time - self._parts.lateness
        if late:
            LATE.labels("engine").inc()
        for key, detection in feed(event, matches, self._parts.rules, self._sampler):
            value = msgspec.structs.replace(detection, late=True) if late else detection
            outputs.append(Message(DETECTIONS, key, encode(value)))

    def _bury(self, raw: RawRecord, event_id: str, error: RecordError, outputs: list[Message]) -> None:
        profile = self._parts.normalizer.profile_for(raw)
        letter = DeadLetter(
            event_id,
            error.stage,
            error.reason,
            raw.data,
            raw.source,
            raw.listener,
            raw.peer,
            raw.received,
            profile.name if profile else "",
        )
        self._balance.bucket(raw.received, raw.source).dead += 1
        DEAD_LETTERS.labels(error.stage).inc()
        outputs.append(Message(DEADLETTER, raw.source.encode(), encode(letter)))


def _to_each_partition(mark: Watermark, partitions: int) -> list[Message]:
    value = encode(mark)
    return [Message(DETECTIONS, b"watermark/%d" % mark.raw_partition, value, p) for p in range(partitions)]

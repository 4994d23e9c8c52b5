"""The engine: raw records in; normalized events, detections, watermarks and dead letters out, counted in the same commit.

Which rule set a partition is read with is part of the unit of work: kept in its state, and said on every detections
partition where it changes, so that a take-over goes on with that one or a later one (ADR 0017).
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import structlog

from soc.bus.base import Message, Record, raw_id
from soc.clock import SECOND, Micros
from soc.detect.feed import Sampler, feed
from soc.errors import RecordError
from soc.intel.matcher import NO_INDICATORS, Indicators
from soc.model import DeadLetter, Event, RawRecord, RulesChange, Watermark, decode, encode
from soc.normalize.assemble import SLACK, Assembler, Whole
from soc.normalize.normalizer import Discarded, Normalizer
from soc.pipeline.balance import Balance
from soc.pipeline.loop import Work
from soc.pipeline.reload import Ready, RulesInUse
from soc.pipeline.retried import try_again
from soc.pipeline.source_watch import SourceWatch
from soc.pipeline.table import DEADLETTER, DETECTIONS, EVENTS, RETRY
from soc.pipeline.watermarks import Watermarks
from soc.telemetry import DEAD_LETTERS, INTEL_HITS, LATE

log = structlog.get_logger()

YIELD_EVERY = 20
"""Records after which the event loop gets a turn: the commit before is under way meanwhile, a dozen turns long. After 200 records it
was not over when the step was (47 ms of waiting in each 235 on Kafka), after 20 it is."""

RULE_SET = b"rules"
"""State: the hash of the set that the partition is read with."""

WATERMARK_KEY, CHANGE_KEY = b"watermark/", b"rules/"
"""Keys on ``soc.detections`` of what is said of a raw partition, before its number."""

SAMPLE_EVERY: Micros = 10 * SECOND
"""How often the sampler begins anew: of one (correlation, group) so few detections carry their event in that time."""


@dataclass(frozen=True, slots=True)
class EngineParts:
    """What the partitions of one engine process share: the expensive, stateless things."""

    normalizer: Normalizer
    rules: RulesInUse
    detection_partitions: int
    lateness: Micros
    idle: Micros
    indicators: Callable[[], Indicators] = lambda: NO_INDICATORS


class Engine:
    """Assemble, normalize and detect over one raw partition."""

    def __init__(self, parts: EngineParts, partition: int) -> None:
        self._parts = parts
        self._sampler = Sampler()
        self._sampled_since: Micros = 0
        self._balance = Balance()
        self._sources = SourceWatch()
        self._watermarks = Watermarks(partition, idle=parts.idle)
        self._assembler = Assembler(parts.normalizer, self._watermarks.reached)
        self._partition = partition
        self._hash = ""
        self._ready: Ready | None = None
        self._listed = NO_INDICATORS

    def restore(self, state: Mapping[bytes, bytes]) -> None:
        """Take up the rule set, counts, source clocks and what waits for its parts."""
        self._hash = state.get(RULE_SET, b"").decode()
        self._balance.restore(state)
        self._sources.restore(state)
        self._watermarks.restore(state)
        self._assembler.restore(state)

    async def step(self, records: Sequence[Record], now: Micros) -> Work:
        """Process one batch."""
        work = Work()
        ready = await self._take_rules(work)
        self._listed = self._parts.indicators()
        if now - self._sampled_since >= SAMPLE_EVERY:
            self._sampler.start()
            self._sampled_since = now
        for index, record in enumerate(records):
            self._one(record, now, ready, work.outputs)
            if index % YIELD_EVERY == YIELD_EVERY - 1:
                await asyncio.sleep(0)
        if not records:
            for whole in self._assembler.expire(now - SLACK):
                self._whole(whole, now, ready, work.outputs)
        work.state.update(self._balance.changes())
        work.state.update(self._sources.changes())
        work.state.update(self._assembler.changes())
        mark, clocks = self._watermarks.emit(now, caught_up=not records, held=self._assembler.held)
        work.state.update(clocks)
        if mark is not None:
            work.outputs.extend(to_each_partition(mark, self._parts.detection_partitions))
        return work

    async def _take_rules(self, work: Work) -> Ready:
        """The set of this unit of work: the newest, and never an older one than that of the unit before, whoever did that."""
        rules = self._parts.rules
        ready = rules.current if self._ready is not None or not self._hash else await rules.not_before(self._hash)
        self._ready = ready
        if ready.hash != self._hash:
            self._hash = ready.hash
            work.state[RULE_SET] = ready.hash.encode()
            change = RulesChange(self._partition, ready.hash)
            work.outputs.extend(to_each_partition(change, self._parts.detection_partitions))
        return ready

    def _one(self, record: Record, now: Micros, ready: Ready, outputs: list[Message]) -> None:
        if record.topic == RETRY:
            self._again(record, now, ready, outputs)
            return
        try:
            raw = decode(record.value, RawRecord)
        except RecordError as error:
            raw = RawRecord(record.value, record.appended, "", "", record.key.decode("utf-8", "replace"))
            self._bury(raw, raw_id(record), error, outputs)
            return
        for whole in self._assembler.take(raw, raw.id or raw_id(record), record.key, record.appended):
            self._whole(whole, now, ready, outputs)

    def _whole(self, whole: Whole, now: Micros, ready: Ready, outputs: list[Message]) -> None:
        raw = whole.record
        for part in whole.parts:
            self._balance.bucket(part.received, raw.source).joined += 1
        try:
            event = self._parts.normalizer.normalize(raw, whole.id, now, whole.head)
        except RecordError as error:
            self._bury(raw, whole.id, error, outputs, whole.head)
            return
        self._watch(raw, event)
        self._take(raw, event, whole.key, ready, outputs)
        if isinstance(event, Event):
            self._watermarks.observe(event, now)

    def _take(self, raw: RawRecord, event: Event | Discarded, key: bytes, ready: Ready, outputs: list[Message]) -> None:
        """Count a record that could be read; of an event, detect on it."""
        bucket = self._balance.bucket(raw.received, raw.source)
        if isinstance(event, Discarded):
            bucket.discard(event.profile)
            return
        bucket.normalized += 1
        normalized, event = event, self._listed.mark(event)
        if event is not normalized:
            INTEL_HITS.labels(event.fields["threat.contact"]).inc()
        outputs.append(Message(EVENTS, key, encode(event)))
        self._detect(event, ready, outputs)

    def _again(self, record: Record, now: Micros, ready: Ready, outputs: list[Message]) -> None:
        """Try a dead letter once more.

        Whoever asked made sure that it is open and is asked for once (``soc.pipeline.letters``). Its source is not heard by it and
        no clock goes on: what is late by now is marked so.
        """
        try:
            letter = decode(record.value, DeadLetter)
        except RecordError as error:
            log.error("no_letter", address=raw_id(record), reason=error.reason)  # noqa: TRY400 - no trace
            return
        tried = try_again(letter, self._parts.normalizer, now)
        outputs += [Message(DEADLETTER, record.key, encode(one)) for one in tried.letters]
        self._balance.bucket(letter.received, letter.source).dead -= 1
        if tried.result is None:
            self._balance.bucket(tried.record.received, tried.record.source).dead += 1
        else:
            self._take(tried.record, tried.result, record.key, ready, outputs)

    def _watch(self, raw: RawRecord, event: Event | Discarded | None) -> None:
        """Learn of the source, once a minute."""
        if self._sources.is_due(raw.source, raw.received):
            profile = self._parts.normalizer.profile_for(raw)
            known = event if isinstance(event, Event) else None
            self._sources.observe(raw.source, raw.received, known, profile.name if profile else "")

    def _detect(self, event: Event, ready: Ready, outputs: list[Message]) -> None:
        matches = ready.detector.detect(event)
        if not matches:
            return
        late = event.correlation_time < self._watermarks.time - self._parts.lateness
        if late:
            LATE.labels("engine").inc()
        for key, detection in feed(event, matches, ready.rules, self._sampler):
            value = msgspec.structs.replace(detection, late=True) if late else detection
            outputs.append(Message(DETECTIONS, key, encode(value)))

    def _bury(self, raw: RawRecord, event_id: str, error: RecordError, outputs: list[Message], head: str = "") -> None:
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
            cut=raw.cut,
            named=raw.profile,
            head=head,
            unauthenticated=raw.unauthenticated,
        )
        self._balance.bucket(raw.received, raw.source).dead += 1
        self._watch(raw, None)
        DEAD_LETTERS.labels(error.stage).inc()
        outputs.append(Message(DEADLETTER, raw.source.encode(), encode(letter)))


def to_each_partition(item: Watermark | RulesChange, partitions: int) -> list[Message]:
    """What is said of a raw partition, for every detections partition."""
    value = encode(item)
    key = CHANGE_KEY if isinstance(item, RulesChange) else WATERMARK_KEY
    return [Message(DETECTIONS, key + b"%d" % item.raw_partition, value, p) for p in range(partitions)]

"""Topics that others write to Kafka: committed records in, one record each out; the positions commit with the records they cover.

No consumer group: where reading stands is in the intake's own state, so a restart goes on at the first record that is not durable
here, none twice, none left out. A record's id is its address there: ``kafka/<listener>/<topic>/<partition>/<offset>``.

What is looked at when a partition is taken up, and again after any trouble:

    position before the oldest offset    the records between were deleted there: counted (``gaps``), reading goes on
    position behind the end              the topic was made anew: from its beginning (``truncated``), ids get ``~1``, ``~2`` ...
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Literal, NamedTuple, Protocol

import msgspec
import structlog

from collectors.base import Endpoint, InputCounters, state_prefix
from collectors.intake import Intake
from collectors.patience import append_when_there_is_room
from soc.clock import Clock
from soc.errors import UnavailableError
from soc.model.codec import decode, encode
from soc.model.record import RawRecord

LOOK_AGAIN = 30.0  # seconds between looks for new partitions, and for topics that were not there
FETCH_WAIT = 0.5  # seconds a fetch waits for records
BATCH = 5000  # records of one fetch
RETRY_MIN, RETRY_MAX = 0.5, 30.0  # seconds before brokers that were away are asked again

log = structlog.get_logger()


class Place(NamedTuple):
    """One partition of a topic."""

    topic: str
    partition: int


class Fetched(Protocol):
    """One record as a consumer gives it."""

    @property
    def offset(self) -> int:
        """In its partition."""
        ...

    @property
    def value(self) -> bytes | None:
        """Its bytes; None is a deletion mark of a compacted topic."""
        ...

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """Its headers."""
        ...


class Consumer(Protocol):
    """What reads from the brokers (``collectors.kafka_consumer``); every call raises UnavailableError when they are away."""

    async def partitions(self, topics: Sequence[str]) -> Sequence[Place]:
        """The partitions there are of these topics; a topic that is not there has none."""
        ...

    async def bounds(self, places: Sequence[Place]) -> Mapping[Place, tuple[int, int]]:
        """(oldest offset, end) of each."""
        ...

    def read(self, positions: Mapping[Place, int]) -> None:
        """From now on fetch these partitions, each from its position."""
        ...

    async def fetch(self, limit: int, wait: float) -> Mapping[Place, Sequence[Fetched]]:
        """What came, in order for each partition; empty after ``wait`` seconds without anything."""
        ...

    async def close(self) -> None:
        """End all connections."""
        ...


class _Position(msgspec.Struct, frozen=True, array_like=True):
    """The next offset to read, and how often the topic was made anew."""

    offset: int
    generation: int = 0


class KafkaTopics:
    """Topics of one Kafka cluster.

    Args:
        intake: where records become durable, and where the positions are kept.
        name: the listener's name, on every record and in its id.
        topics: their names.
        connect: opens a consumer.
        clock: stamps the records.
        start: where partitions begin that are there when the listener is used for the first time; later ones begin at their beginning.
        source_header: header of a record that names its source; ``""`` for none.
        profile: source profile of every record, ``""`` to find it later.
        source: key of every record without that header; ``""`` takes the topic.
        max_bytes: a longer record is cut and marked.
        signed_in: the brokers ask who writes (SASL, a client certificate); else every record is marked ``unauthenticated``.
    """

    def __init__(
        self,
        intake: Intake,
        *,
        name: str,
        topics: Sequence[str],
        connect: Callable[[], Awaitable[Consumer]],
        clock: Clock,
        start: Literal["beginning", "end"] = "beginning",
        source_header: str = "",
        profile: str = "",
        source: str = "",
        max_bytes: int = 1024 * 1024,
        signed_in: bool = True,
    ) -> None:
        self.name = name
        self.counters = InputCounters()
        self.ready = asyncio.Event()
        self.address: Endpoint | None = None
        self._intake = intake
        self._topics = tuple(topics)
        self._connect = connect
        self._clock = clock
        self._from_end = start == "end"
        self._header = source_header
        self._profile = profile
        self._source = source
        self._max = max_bytes
        self._unproven = not signed_in
        self._prefix = state_prefix("kafka", name)
        self._begun = state_prefix("kafka-begun", name)
        self._generations: dict[Place, int] = {}

    async def run(self) -> None:
        """See ``Collector.run``. Brokers that are away are waited for: this input's senders lose nothing by that."""
        await self._intake.ready.wait()
        self.ready.set()
        pause = RETRY_MIN
        with self._intake.attached():
            while True:
                before = self.counters.received
                try:
                    await self._consume()
                except UnavailableError as error:
                    if self.counters.received > before:
                        pause = RETRY_MIN
                    self.counters.restarted += 1
                    log.warning("kafka_topics_away", listener=self.name, error=str(error), again_in=pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, RETRY_MAX)

    async def _consume(self) -> None:
        consumer = await self._connect()
        loop = asyncio.get_running_loop()
        try:
            look_at, reading = 0.0, frozenset[Place]()
            while True:
                if loop.time() >= look_at:
                    look_at = loop.time() + LOOK_AGAIN
                    places = frozenset(await consumer.partitions(self._topics))
                    if places != reading:
                        consumer.read(await self._positions(consumer, sorted(places)))
                        reading = places
                if not reading:
                    await asyncio.sleep(FETCH_WAIT)
                    continue
                for place, records in (await consumer.fetch(BATCH, FETCH_WAIT)).items():
                    if records:
                        await self._append(place, records)
        finally:
            with suppress(UnavailableError):
                await consumer.close()

    def _key(self, place: Place) -> bytes:
        return self._prefix + f"{place.topic}/{place.partition}".encode()

    async def _positions(self, consumer: Consumer, places: Sequence[Place]) -> dict[Place, int]:
        """Where each partition is read from; first uses are saved, so that a restart before the first record changes nothing."""
        first_time = self._from_end and self._begun not in self._intake.state
        changes: dict[bytes, bytes | None] = {}
        found: dict[Place, int] = {}
        for place, (oldest, end) in (await consumer.bounds(places)).items():
            kept = self._intake.state.get(self._key(place))
            position = _Position(end if first_time else oldest) if kept is None else decode(kept, _Position)
            if position.offset > end:
                self.counters.truncated += 1
                position = _Position(oldest, position.generation + 1)
            elif position.offset < oldest:
                self.counters.gaps += oldest - position.offset
                position = _Position(oldest, position.generation)
            if kept is None or decode(kept, _Position) != position:
                changes[self._key(place)] = encode(position)
            self._generations[place] = position.generation
            found[place] = position.offset
        if places and self._begun not in self._intake.state:
            changes[self._begun] = b""
        if changes:
            await append_when_there_is_room(self._intake, (), changes, self.counters, give_up=lambda: False)
        return found

    async def _append(self, place: Place, fetched: Sequence[Fetched]) -> None:
        generation = self._generations[place]
        topic = f"{place.topic}~{generation}" if generation else place.topic
        address = f"kafka/{self.name}/{topic}/{place.partition}/"
        peer = f"{place.topic}/{place.partition}"
        received, limit = self._clock(), self._max
        records: list[RawRecord] = []
        for one in fetched:
            data = one.value
            if data is None:
                continue
            if len(data) > limit:
                self.counters.cut_bytes += len(data) - limit
            records.append(
                RawRecord(
                    data[:limit],
                    received,
                    self.name,
                    peer,
                    self._source_of(one) or self._source or place.topic,
                    f"{address}{one.offset}",
                    self._profile,
                    len(data) > limit,
                    self._unproven,
                )
            )
        state = {self._key(place): encode(_Position(fetched[-1].offset + 1, generation))}
        await append_when_there_is_room(self._intake, records, state, self.counters, give_up=lambda: False)

    def _source_of(self, record: Fetched) -> str:
        if not self._header:
            return ""
        return next(
            (value[:255].decode("utf-8", "backslashreplace") for name, value in record.headers if name == self._header),
            "",
        )

"""Reading: records of the assigned partitions, oldest first in each; what was read ahead stays for the next call.

As in the embedded bus, only what was handed out counts as fetched, so a cancelled fetch loses nothing.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from soc.bus.base import Record
from soc.bus.kafka_cluster import POLL_MILLISECONDS, Cluster
from soc.bus.kafka_position import ADVICE, Mark, Place, check_of
from soc.bus.kafka_shared import CALL_SECONDS
from soc.bus.kafka_wire import forgiven, translated
from soc.errors import LogMismatchError, UnavailableError

SLICE_SECONDS = 1.0
SAME_SECONDS = 2.5
"""How often a running reader asks whether its topics are still the same: the brokers are asked for records by name. An answer to
another reader will do if it is not older than that, so it is noticed within twice this time."""
OWED_SECONDS = 15.0
"""How often a reader that gets nothing asks whether there is nothing. What was there at one asking and has not come by the next will
not come: a client whose fetching has ended (aiokafka's does so without a word when it is cancelled) looks like a quiet topic."""


class Inputs:
    """The assigned partitions of one consumer.

    Args:
        cluster: the brokers.
        consumer: started and without assignment; owned by this object from here on.
        starts: where to begin in each partition.
        registered: whether a gap is an error (retention waits for this reader) or a count.
        idle: called at least every second while a fetch waits.
    """

    def __init__(
        self,
        cluster: Cluster,
        consumer: Any,
        starts: Mapping[Place, int],
        *,
        registered: bool,
        idle: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.taken: dict[Place, Mark] = {}
        self.skipped = 0
        self._cluster = cluster
        self._consumer = consumer
        self._registered = registered
        self._idle = idle
        self._log_ids = {place: cluster.log_ids[place[0]] for place in starts}
        self._places = {cluster.partition(place): place for place in starts}
        self._buffer: deque[tuple[Place, list[Record]]] = deque()
        self._looked = self._asked = asyncio.get_running_loop().time()
        self._owed: Mapping[TopicPartition, int] = {}
        if starts:
            consumer.assign(list(self._places))
        for partition, place in self._places.items():
            consumer.seek(partition, starts[place])

    async def fetch(self, limit: int, seconds: float, step: Callable[[], Awaitable[None]]) -> Sequence[Record]:
        """Up to ``limit`` records; () when none came in time. With 0 seconds the brokers are asked what is committed now.

        Raises:
            LogMismatchError: a topic is not the one that was read, or what was to be read is gone.
            UnavailableError: the brokers do not answer.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + seconds
        ends: Mapping[TopicPartition, int] | None = None
        while not self._buffer:
            if self._idle is not None:
                await self._idle()
            rest = deadline - clock()
            if not self._places:
                if rest <= 0:
                    return ()
                await asyncio.sleep(min(rest, SLICE_SECONDS))
                continue
            if clock() - self._looked > SAME_SECONDS:
                await self._same_topics()
            wait = min(rest, SLICE_SECONDS) if rest > 0 else 0 if ends is None else POLL_MILLISECONDS / 1000
            await self._fill(limit, wait)
            if self._buffer or rest > 0:
                continue
            if seconds > 0:
                if clock() - self._asked > OWED_SECONDS:
                    await self._is_owed()
                return ()
            if ends is None:
                ends = await self._cluster.ends(self._places)
            if await self._reached(ends):
                return ()
            if rest < -CALL_SECONDS:
                raise UnavailableError("kafka: the brokers do not deliver what is committed; check that they run")
        self._asked, self._owed = clock(), {}
        await step()
        return self._take(limit)

    async def close(self) -> None:
        """Stop the consumer, also one whose connections are broken."""
        with forgiven():
            async with asyncio.timeout(CALL_SECONDS):
                await self._consumer.stop()

    async def _is_owed(self) -> None:
        """Ask what is committed behind the positions; what was so the last time and is so still is not delivered.

        Raises:
            UnavailableError: the brokers do not answer; or they hold what does not come, and a new consumer is needed.
        """
        positions = await self._positions()
        missing = {one: end for one, end in self._owed.items() if positions[one] < end}
        if missing:
            one, end = next(iter(missing.items()))
            raise UnavailableError(
                f"kafka: {one.topic}-{one.partition} holds records up to {end} and since {positions[one]} none came for "
                f"{OWED_SECONDS:g} s; a new connection is made"
            )
        ends = await self._cluster.committed(self._places)
        self._owed = {one: end for one, end in ends.items() if positions[one] < end}
        self._asked = asyncio.get_running_loop().time()

    async def _positions(self) -> Mapping[TopicPartition, int]:
        with translated("kafka: reading"):
            return {one: await self._consumer.position(one) for one in self._places}

    async def _reached(self, ends: Mapping[TopicPartition, int]) -> bool:
        positions = await self._positions()
        if any(positions[one] < end for one, end in ends.items()):
            return False
        if not self._registered:
            # Nothing committed is before these ends: a reader may say so, and begin there another time.
            for one, end in ends.items():
                place = self._places[one]
                before = self.taken.get(place)
                self.taken[place] = Mark(max(end, before.next if before else 0), self._log_ids[place], -1)
        return True

    async def _fill(self, limit: int, seconds: float) -> None:
        with translated("kafka: reading"):
            try:
                found = await self._consumer.getmany(timeout_ms=round(seconds * 1000), max_records=limit)
            except OffsetOutOfRangeError as error:
                await self._out_of_range(error.args[0])
                return
        for partition, records in found.items():
            if records:
                self._buffer.append((self._places[partition], self._records(partition, records)))

    def _records(self, partition: TopicPartition, records: Sequence[Any]) -> list[Record]:
        topic, number = self._places[partition]
        log_id = self._log_ids[topic, number]
        # What Record(...) does in the end, in two thirds of the time.
        new: Callable[..., Record] = tuple.__new__  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        return [
            new(Record, (topic, number, log_id, one.offset, one.key or b"", one.value or b"", one.timestamp * 1000))
            for one in records
        ]

    def _take(self, limit: int) -> list[Record]:
        found: list[Record] = []
        while self._buffer and len(found) < limit:
            place, records = self._buffer[0]
            room = limit - len(found)
            if len(records) > room:
                self._buffer[0] = place, records[room:]
                records = records[:room]
            else:
                self._buffer.popleft()
            found += records
            last = records[-1]
            check = check_of(last.key, last.value, last.appended // 1000)
            self.taken[place] = Mark(last.offset + 1, last.log_id, check)
        return found

    async def _out_of_range(self, positions: Mapping[TopicPartition, int]) -> None:
        """A position that the brokers do not hold: a gap is counted or told, an end that went back is told."""
        bounds = await self._cluster.bounds_for(positions)
        for partition, position in positions.items():
            begin, end = bounds[partition]
            topic, number = self._places[partition]
            where = f"{topic}-{number} of log {self._log_ids[topic, number]}"
            if position > end:
                raise LogMismatchError(
                    f"{where} was read up to {position} and ends at {end} now: it was rolled back; {ADVICE}"
                )
            if position >= begin:
                continue  # the brokers had not caught up after an election: it is there
            if self._registered:
                raise LogMismatchError(
                    f"{where} was read up to {position} and begins at {begin} now: what was between is gone; {ADVICE}"
                )
            self.skipped += begin - position
            self._consumer.seek(partition, begin)

    async def _same_topics(self) -> None:
        found = await self._cluster.topics_lately(SAME_SECONDS)
        for (topic, number), log_id in self._log_ids.items():
            now = found.get(self._cluster.names.topic(topic), ("", 0))[0]
            if now != log_id:
                raise LogMismatchError(
                    f"{topic}-{number} was read as log {log_id} and has the id {now or 'no more'} now: it was deleted "
                    f"and made anew; {ADVICE}"
                )
        self._looked = asyncio.get_running_loop().time()

"""What one bus knows of the brokers beside its claims: topics made and checked, ends, single records, groups, deletion.

Every call has a time-out and raises ``UnavailableError``. Connections are opened at first use and closed with the bus
(``kafka_shared``).
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.errors import CoordinatorNotAvailableError, KafkaError, NotCoordinatorError

from soc.bus.base import Topology
from soc.bus.kafka_position import Changelog, Mark, Marks, Place, parse
from soc.bus.kafka_shared import CALL_SECONDS, PEEK_SECONDS, Clients, Shared
from soc.bus.kafka_wire import (
    BATCH_BYTES,
    FETCH_BYTES,
    MAX_RECORD_BYTES,
    Names,
    TopicsRequest,
    connection,
    topic_ids,
    translated,
)
from soc.errors import SettingsError, UnavailableError
from soc.settings import KafkaSettings

MANY = 2**62
POLL_MILLISECONDS = 20
DRAIN_RECORDS = 2000
"""Taken out of a fetch at once: a fetch of one megabyte may unpack to a hundred."""
FETCH_WAIT_MILLISECONDS = 2000
"""How long a fetch waits at the broker when nothing comes: it ends with the first record, so a longer wait only costs less."""
BESIDE_WAIT_MILLISECONDS = 50
"""The same for a fetch that leaves a topic out because records of it wait here to be taken: aiokafka has one request to a broker on
its way, so until it ends nothing more of that topic comes. Measured: 2,900 lines/s of one partition with 2000, 5,500 with 50."""
FETCH_AGAIN_MILLISECONDS = 200
"""Pause of a consumer whose broker is away; there are as many as claims."""
SETTLE_SECONDS = 1.0
CATCH_UP_SECONDS = 3.0
SETTLE_POLL_SECONDS = 0.002
ALREADY_THERE = 36
COPIES = 3

_FOREVER = {"retention.ms": "-1", "retention.bytes": "-1", "message.timestamp.after.max.ms": str(2**63 - 1)}
_LARGE = {"max.message.bytes": str(MAX_RECORD_BYTES + BATCH_BYTES)}
DATA = {"cleanup.policy": "delete", **_FOREVER, **_LARGE}
"""The brokers delete nothing by themselves: they do not know who has still to read (``KafkaBus.retain``)."""
CHANGELOG = {"cleanup.policy": "compact", "segment.bytes": str(64 * 1024**2), **_FOREVER, **_LARGE}
OWNERS = {"cleanup.policy": "delete", "retention.ms": "600000", "message.timestamp.type": "LogAppendTime"}


KEPT_BYTES = 1024**2
"""Larger states are read anew each time: this many bytes are held for each partition at most."""
KEPT_SECONDS = 3600.0
"""What was not read for so long is read anew: compaction forgets that a key was deleted after a day."""
KEPT_SAME_SECONDS = 1.0


class Kept(NamedTuple):
    """A changelog as it was read last: of which topic, up to where, when."""

    log_id: str
    next: int
    read: float
    changelog: Changelog

    def follows(self, log_id: str, begin: int, end: int, now: float) -> bool:
        """Whether reading on from here gives what reading all would."""
        return self.log_id == log_id and begin <= self.next <= end and now - self.read < KEPT_SECONDS


class Cluster:
    """The brokers as one bus sees them."""

    def __init__(self, settings: KafkaSettings, topology: Topology) -> None:
        self.names = Names(settings.prefix)
        self.topology = topology
        self.arguments = connection(settings)
        self.compression = None if settings.compression == "none" else settings.compression
        self.log_ids: Mapping[str, str] = {}
        self._copies = settings.replication
        self._shared = Shared(self._clients)
        self._peeking = asyncio.Lock()
        self._ensuring = asyncio.Lock()
        self._looking = asyncio.Lock()
        self._keeping = asyncio.Lock()
        self._ensured = self._looked = float("-inf")
        self._seen: Mapping[str, tuple[str, int]] = {}
        self._kept: dict[tuple[TopicPartition, type[Changelog]], Kept] = {}

    async def ensure(self) -> None:
        """Make the topics that are missing, check the partitions of the others, note the topic ids (``log_ids``).

        Raises:
            SettingsError: a topic has another number of partitions than the topology says.
            UnavailableError: the brokers cannot be reached or refuse.
        """
        asked = time.monotonic()
        async with self._ensuring:
            if self._ensured < asked:  # else somebody looked after this was asked: of many claims at once not each asks
                begun = time.monotonic()
                await self._ensure()
                self._ensured = begun

    async def _ensure(self) -> None:
        wanted = self.wanted()
        brokers, found = await self.topics(wanted)
        missing = {name: row for name, row in wanted.items() if name not in found}
        if missing:
            await self._create(missing, brokers)
            deadline = time.monotonic() + CALL_SECONDS
            while wanted.keys() - (found := (await self.topics(wanted))[1]).keys():
                if time.monotonic() > deadline:
                    raise UnavailableError(f"kafka: the topics {', '.join(sorted(missing))} did not come into being")
                await asyncio.sleep(POLL_MILLISECONDS / 1000)
        prefix = len(self.names.prefix)
        wrong = [
            f"the topic {name[prefix:]} was made with {found[name][1]} partitions and cannot have {count}: keys would move; "
            "set the old number, or see `soc topics migrate`"
            for name, (count, _) in wanted.items()
            if found[name][1] != count
        ]
        if wrong:
            raise SettingsError(wrong)
        self.log_ids = {topic: found[self.names.topic(topic)][0] for topic in self.topology.topics}

    async def topics(self, names: Iterable[str] | None = None) -> tuple[int, Mapping[str, tuple[str, int]]]:
        """(number of brokers, name on the brokers → (topic id, partitions)) of these that there are, or of all."""
        async with self._shared.use("kafka: asking for the topics") as clients:
            client = clients.admin._client  # noqa: SLF001 - the admin client has no call that tells topic ids
            while True:
                try:
                    return topic_ids(await client.send(client.get_random_node(), TopicsRequest(names)))
                except KafkaError as error:
                    if not error.retriable:
                        raise
                    await client.force_metadata_update()
                    await asyncio.sleep(POLL_MILLISECONDS / 1000)

    async def topics_lately(self, seconds: float) -> Mapping[str, tuple[str, int]]:
        """This installation's topics as they were at most so many seconds ago: many ask, the brokers are asked once."""
        async with self._looking:
            now = time.monotonic()
            if now - self._looked >= seconds:
                self._seen = (await self.topics(list(self.wanted())))[1]
                self._looked = now
            return self._seen

    def partition(self, place: Place) -> TopicPartition:
        """A topic partition by its name on the brokers."""
        return TopicPartition(self.names.topic(place[0]), place[1])

    async def bounds(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, tuple[int, int]]:
        """(oldest retained offset, end of what is committed) of each."""
        some = list(partitions)
        if not some:
            return {}
        async with self._shared.use("kafka: asking for offsets") as clients:
            begins = await clients.asker.beginning_offsets(some)
        ends = await self.ends(some)
        return {one: (begins[one], ends[one]) for one in some}

    async def bounds_for(self, positions: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, tuple[int, int]]:
        """The bounds of partitions that were read up to some positions.

        A broker that comes back may tell an earlier end until it has caught up with itself: an end before a position is
        believed after ``CATCH_UP_SECONDS`` only, because who believes it stops and calls a person.
        """
        deadline = time.monotonic() + CATCH_UP_SECONDS
        while True:
            found = await self.bounds(positions)
            if all(found[one][1] >= position for one, position in positions.items()) or time.monotonic() > deadline:
                return found
            await asyncio.sleep(10 * POLL_MILLISECONDS / 1000)

    async def ends(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, int]:
        """The end of what is committed of each.

        A commit is answered before its markers stand in all partitions. So what stands behind the committed end now is given
        ``SETTLE_SECONDS`` to become committed or aborted: who asks after a commit sees it.
        """
        some = list(partitions)
        async with self._shared.use("kafka: asking for offsets") as clients:
            written = await clients.writes.end_offsets(some)
            deadline = time.monotonic() + SETTLE_SECONDS
            while True:
                ends = await clients.asker.end_offsets(some)
                if all(ends[one] >= written[one] for one in some) or time.monotonic() > deadline:
                    return ends
                await asyncio.sleep(SETTLE_POLL_SECONDS)

    async def committed(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, int]:
        """As ``ends``, at once: what was committed just now may be missing."""
        async with self._shared.use("kafka: asking for offsets") as clients:
            return await clients.asker.end_offsets(list(partitions))

    async def at(self, partitions: Iterable[TopicPartition], milliseconds: int) -> Mapping[TopicPartition, int | None]:
        """The first offset stamped at or after a time; None if there is none."""
        async with self._shared.use("kafka: asking for offsets by time") as clients:
            found = await clients.asker.offsets_for_times(dict.fromkeys(partitions, max(0, milliseconds)))
        return {one: answer and answer.offset for one, answer in found.items()}

    async def peek(self, partition: TopicPartition, offset: int, end: int, count: int = 1) -> list[Any]:
        """The first ``count`` committed records at or after an offset and before ``end``."""
        found: list[Any] = []
        await self.each(partition, offset, end, found.append, count)
        return found[:count]

    async def each(
        self, partition: TopicPartition, offset: int, end: int, take: Callable[[Any], None], count: int = MANY
    ) -> None:
        """Hand over, as they come, the committed records from an offset to before ``end``, or the first ``count`` of them."""
        what = f"kafka: reading {partition.topic}-{partition.partition}"
        async with self._peeking, self._shared.use(what, PEEK_SECONDS) as clients:
            clients.peeker.assign([partition])
            clients.peeker.seek(partition, offset)
            try:
                await drain(clients.peeker, {partition: end}, take, count)
            finally:
                clients.peeker.unsubscribe()  # or it would fetch on, and the next peek wait behind that

    async def changelog(self, stage: str, partition: int) -> Changelog:
        """State and positions of (stage, partition) up to what is committed."""
        one = TopicPartition(self.names.state(stage), partition)
        begin, end = (await self.bounds([one]))[one]
        found = Changelog()
        if begin < end:
            await self.each(one, begin, end, found.take)
        return found

    async def changelogs(
        self, stage: str, partitions: Iterable[int], make: type[Changelog] = Changelog
    ) -> Mapping[int, Changelog]:
        """State and positions of some partitions of a stage, for who asks again and again: only what came since is read.

        They are brought up to date by the next call, so take out of them what is to stay. Those that never committed
        anything are left out.

        Args:
            stage: the stage.
            partitions: of it.
            make: ``Marks`` where the state is of no use: a changelog may hold a hundred megabytes of it.
        """
        name = self.names.state(stage)
        found: dict[int, Changelog] = {}
        async with self._keeping:
            log_id = (await self.topics_lately(KEPT_SAME_SECONDS)).get(name, ("", 0))[0]
            for one, (begin, end) in (await self.bounds(TopicPartition(name, each) for each in partitions)).items():
                kept = self._kept.pop((one, make), None)
                now = time.monotonic()
                if kept is None or not kept.follows(log_id, begin, end, now):
                    kept = Kept(log_id, begin, now, make())
                if kept.next < end:
                    await self.each(one, kept.next, end, kept.changelog.take)
                if end:
                    found[one.partition] = kept.changelog
                    if kept.changelog.size() <= KEPT_BYTES:
                        self._kept[one, make] = Kept(log_id, end, now, kept.changelog)
        return found

    async def group(self, stage: str) -> Mapping[Place, Mark | None]:
        """The offsets of a stage's group; None for one that this program did not write."""
        found: dict[Place, Mark | None] = {}
        group = self.names.group(stage)
        async with self._shared.use(f"kafka: asking for the offsets of group {group}") as clients:
            while True:
                try:
                    offsets = await clients.admin.list_consumer_group_offsets(group)
                    break
                except (CoordinatorNotAvailableError, NotCoordinatorError):
                    await asyncio.sleep(POLL_MILLISECONDS / 1000)  # the offsets topic is being made
        prefix = len(self.names.prefix)
        for partition, kept in offsets.items():
            if kept.offset >= 0 and partition.topic.startswith(self.names.prefix):
                found[partition.topic[prefix:], partition.partition] = parse(kept.offset, kept.metadata or "")
        return found

    async def marks(self, stage: str) -> Mapping[Place, Mark]:
        """Every position of a stage: the group's offsets, and the changelog where brokers have let those expire."""
        row = next(one for one in self.topology.stages if one.name == stage)
        group = await self.group(stage)
        found = {place: mark for place, mark in group.items() if mark is not None}
        missing = {
            partition
            for topic in row.inputs
            for partition in range(min(row.partitions, self.topology.topics[topic]))
            if (topic, partition) not in found
        }
        if missing:
            for changelog in (await self.changelogs(stage, sorted(missing), Marks)).values():
                found |= changelog.marks
        return found

    async def delete(self, before: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, int]:
        """Delete what is before these offsets; the oldest retained offset of each then."""
        async with self._shared.use("kafka: deleting records") as clients:
            return await clients.admin.delete_records(
                {one: RecordsToDelete(before_offset=offset) for one, offset in before.items()}
            )

    def consumer(
        self, *, fetch_max_wait_ms: int = FETCH_WAIT_MILLISECONDS, isolation_level: str = "read_committed"
    ) -> Any:
        """A consumer without a group that sees what is committed and never moves its position by itself."""
        arguments: dict[str, Any] = {**self.arguments, "retry_backoff_ms": FETCH_AGAIN_MILLISECONDS}
        return AIOKafkaConsumer(
            **arguments,
            group_id=None,
            enable_auto_commit=False,
            isolation_level=isolation_level,
            auto_offset_reset="none",
            fetch_max_wait_ms=fetch_max_wait_ms,
            max_partition_fetch_bytes=FETCH_BYTES,
        )

    async def started(self) -> Any:
        """A consumer that is connected and not assigned yet."""
        consumer = self.consumer()
        with translated("kafka: connecting a consumer"):
            async with asyncio.timeout(CALL_SECONDS):
                await consumer.start()
        await asyncio.sleep(0)  # as in ``kafka_shared``
        _wait_long_only_for_all(consumer)
        return consumer

    async def close(self) -> None:
        """Close every connection."""
        await self._shared.close()

    def use(self, what: str) -> AbstractAsyncContextManager[Clients]:
        """The clients, for one other call (``kafka_shared``)."""
        return self._shared.use(what)

    def wanted(self) -> dict[str, tuple[int, Mapping[str, str]]]:
        """Every topic by its name on the brokers: how many partitions it has, and how it is configured."""
        found = {self.names.topic(topic): (count, DATA) for topic, count in self.topology.topics.items()}
        found |= {self.names.state(stage.name): (stage.partitions, CHANGELOG) for stage in self.topology.stages}
        return {**found, self.names.owners: (1, OWNERS)}

    async def _create(self, missing: Mapping[str, tuple[int, Mapping[str, str]]], brokers: int) -> None:
        copies = self._copies or min(COPIES, brokers)
        sure = {"min.insync.replicas": "2"} if copies >= COPIES else {}
        new = [
            NewTopic(name, count, copies, topic_configs={**configs, **sure})
            for name, (count, configs) in missing.items()
        ]
        async with self._shared.use("kafka: making topics") as clients:
            answer = await clients.admin.create_topics(new)
        refused = [f"{error[0]}: {error[-1]}" for error in answer.topic_errors if error[1] not in (0, ALREADY_THERE)]
        if refused:
            raise UnavailableError("kafka: topics were not made: " + "; ".join(refused))

    def _clients(self) -> Clients:
        return Clients(
            AIOKafkaAdminClient(**self.arguments),
            self.consumer(),
            self.consumer(isolation_level="read_uncommitted"),
            self.consumer(fetch_max_wait_ms=10),
        )


async def drain(
    consumer: Any, ends: Mapping[TopicPartition, int], take: Callable[[Any], None], count: int = MANY
) -> None:
    """Read what is assigned up to the ends, or until ``count`` records came; the caller sets the time-out.

    What stands before an end may be markers and aborted records only, of which a consumer tells nothing but its position.
    """
    wait = 0
    while count > 0 and any([await consumer.position(one) < end for one, end in ends.items()]):
        for records in (await consumer.getmany(timeout_ms=wait, max_records=min(count, DRAIN_RECORDS))).values():
            for record in records:
                if record.offset < ends[TopicPartition(record.topic, record.partition)]:
                    take(record)
                    count -= 1
        wait = POLL_MILLISECONDS - wait  # every other look waits: what holds only markers moves on without a record


def _wait_long_only_for_all(consumer: Any) -> None:
    """Let a fetch wait at the broker for long only if it asks for every partition: whatever comes first ends it then.

    aiokafka 0.14 has one wait for all requests and leaves out of a request what it has records of.
    """
    fetcher = consumer._fetcher  # noqa: SLF001 - no setting does it
    actions = fetcher._get_actions_per_node  # noqa: SLF001

    def with_its_wait(assignment: Any) -> Any:
        fetcher._fetch_max_wait_ms = BESIDE_WAIT_MILLISECONDS if fetcher._records else FETCH_WAIT_MILLISECONDS  # noqa: SLF001
        return actions(assignment)

    fetcher._get_actions_per_node = with_its_wait  # noqa: SLF001

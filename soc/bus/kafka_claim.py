"""The claim of one (stage, partition) on Kafka: fence, position, restore, verify; then records in, one transaction out.

The fence is the start of a producer with the transactional id of (stage, partition): the brokers end what the previous owner
left open and refuse it from then on. The consumer is made after the fence, so nothing fetched earlier can exist.
"""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, ProducerFenced

from soc.bus.base import Address, Message, Positions, Record, Stage, Step
from soc.bus.cancelled import asked_to_end
from soc.bus.kafka_cluster import Cluster
from soc.bus.kafka_inputs import Inputs
from soc.bus.kafka_owner import ALIVE, BEAT_SECONDS, GONE, Beats, stop, wait_for_end
from soc.bus.kafka_position import ADVICE, Mark, Place, check_of, differences, mismatch
from soc.bus.kafka_transaction import Keyed, Sent, addresses, changes, delivered, offsets, place, send
from soc.bus.kafka_wire import BATCH_BYTES, MAX_RECORD_BYTES, forgiven, translated
from soc.clock import Clock
from soc.errors import BusError, CommitUnknownError, FencedError, LogMismatchError, UnavailableError

COMMIT_SECONDS = 30.0
TRANSACTION_MILLISECONDS = 45_000
"""How long the brokers leave a transaction open whose owner is silent: readers of its outputs wait behind it."""


class Options(NamedTuple):
    """What every claim of a bus shares."""

    cluster: Cluster
    beats: Beats
    clock: Clock
    on_step: Callable[[Step], None] | None


class KafkaClaim:
    """Ownership of one (stage, partition) of a ``KafkaBus``; made by ``KafkaBus.claim`` only."""

    def __init__(self, options: Options, stage: Stage, partition: int) -> None:
        names = options.cluster.names
        self._options = options
        self._stage = stage
        self._partition = partition
        self._name = names.transactional(stage.name, partition)
        self._group = names.group(stage.name)
        self._changelog = TopicPartition(names.state(stage.name), partition)
        self._counts = {topic: options.cluster.topology.topics[topic] for topic in stage.outputs}
        self._token = secrets.token_hex(8).encode()
        self._said = float("-inf")
        self._producer: Any = None
        self._inputs: Inputs | None = None
        self._log_ids: Mapping[str, str] = {}
        self._marks: dict[Place, Mark] = {}
        self._state: Mapping[bytes, bytes] = MappingProxyType({})
        self._open = False
        self._dead: BusError | UnavailableError | None = None
        self._released = False

    @property
    def stage(self) -> str:
        """The stage's name."""
        return self._stage.name

    @property
    def partition(self) -> int:
        """The partition owned."""
        return self._partition

    @property
    def state(self) -> Mapping[bytes, bytes]:
        """The committed state as the claim found it."""
        return self._state

    @property
    def released(self) -> bool:
        """Whether ``release`` was called."""
        return self._released

    @property
    def positions(self) -> Positions:
        """The committed positions."""
        return {(*one, mark.log_id): mark.next for one, mark in self._marks.items()}

    async def open(self, wait: float) -> None:
        """Take ownership, waiting up to ``wait`` seconds for an owner that shows that it lives.

        Raises:
            LogMismatchError: a stored position does not fit the log it was made from.
            UnavailableError: the brokers cannot be reached or do not answer in time.
            SettingsError: the topics have other numbers of partitions.
        """
        cluster = self._options.cluster
        await cluster.ensure()
        self._log_ids = cluster.log_ids
        if wait > 0:
            await wait_for_end(cluster, self._options.clock, self._name.encode(), wait)
        self._producer = AIOKafkaProducer(
            **cluster.arguments,
            transactional_id=self._name,
            transaction_timeout_ms=TRANSACTION_MILLISECONDS,
            compression_type=cluster.compression,
            max_batch_size=BATCH_BYTES,
            max_request_size=MAX_RECORD_BYTES + BATCH_BYTES,
            linger_ms=0,
        )
        with translated(f"kafka: fencing {self._name}"):
            async with asyncio.timeout(COMMIT_SECONDS):
                await self._producer.start()
        await self._alive_still()
        await self._step("fenced")
        group = await cluster.group(self._stage.name)
        await self._step("positioned")
        starts = await self._restore({one: mark for one, mark in group.items() if self._mine(one)})
        self._inputs = Inputs(cluster, await cluster.started(), starts, registered=True, idle=self._alive_still)

    async def fetch(self, limit: int, timeout: float) -> Sequence[Record]:  # noqa: ASYNC109 - part of the port
        """Up to ``limit`` next records; () when none came within ``timeout`` seconds.

        Raises:
            LogMismatchError: an input is not the topic that was read, or lost what was still to be read.
            UnavailableError: the brokers do not answer.
        """
        return await self._alive().fetch(limit, timeout, lambda: self._step("fetched"))

    def commit(
        self, outputs: Sequence[Message] = (), state: Mapping[bytes, bytes | None] | None = None
    ) -> Coroutine[Any, Any, Sequence[Address]]:
        """Outputs, state changes and the position of everything fetched so far, in one transaction.

        Raises:
            FencedError: another owner has claimed; or this claim was released.
            CommitUnknownError: the end of the transaction was asked for and not answered, or the call was cancelled.
            UnavailableError: the brokers do not answer; the transaction was not ended.
            ValueError: an output names a topic or partition this stage may not write, or is too large; nothing was written.
        """
        marks = {one: mark for one, mark in self._alive().taken.items() if self._marks.get(one) != mark}
        return self._commit(outputs, state or {}, marks)

    async def _commit(
        self, outputs: Sequence[Message], state: Mapping[bytes, bytes | None], marks: Mapping[Place, Mark]
    ) -> Sequence[Address]:
        self._alive()
        placed = place(outputs, self._counts)
        changed = changes(state, marks)
        if not placed and not changed:
            return []
        cluster = self._options.cluster
        records = {cluster.partition(one): some for one, some in placed.items()}
        try:
            sent, bases = await self._transact(records, changed, marks)
        except (BusError, UnavailableError) as error:
            self._dead = self._dead or error
            raise
        finally:
            if self._open:
                self._dead = self._dead or CommitUnknownError(f"{self._name}: the commit broke off; claim again")
        self._marks |= marks
        return addresses(sent, bases, self._where)

    async def release(self) -> None:
        """Give the claim up: what is open is ended, a waiting successor is told."""
        if self._released:
            return
        self._released = True
        self._dead = self._dead or FencedError(f"{self._name}: this claim was released")
        if self._inputs is not None:
            await self._inputs.close()
        if self._producer is not None:
            if self._open:
                with forgiven():
                    async with asyncio.timeout(BEAT_SECONDS):
                        await self._producer.abort_transaction()
            await stop(self._producer)
            await self._options.beats.say(self._name.encode(), self._token, GONE)

    def _where(self, one: TopicPartition) -> tuple[str, int, str]:
        topic = one.topic[len(self._options.cluster.names.prefix) :]
        return topic, one.partition, self._log_ids[topic]

    def _mine(self, one: Place) -> bool:
        """Whether this claim reads a place: other partitions share the group, and a stage may lose an input."""
        topic, partition = one
        return partition == self._partition and topic in self._stage.inputs

    async def _restore(self, group: Mapping[Place, Mark | None]) -> dict[Place, int]:
        """Read the changelog up to what is committed, compare, verify; where to begin in each input."""
        cluster = self._options.cluster
        kept = await cluster.changelog(self._stage.name, self._partition)
        self._state, self._marks = MappingProxyType(kept.state), kept.marks
        await self._step("restored")
        places = [
            (topic, self._partition) for topic in self._stage.inputs if self._partition < cluster.topology.topics[topic]
        ]
        wrong = differences({one: mark for one, mark in kept.marks.items() if self._mine(one)}, group)
        marks = {one: kept.marks[one] for one in places if one in kept.marks}
        wrong += await mismatches(cluster, self._name, marks)
        if wrong:
            raise LogMismatchError("\n".join(f"{what}; {ADVICE}" for what in wrong))
        bounds = await cluster.bounds([cluster.partition(one) for one in places])
        return {one: marks[one].next if one in marks else bounds[cluster.partition(one)][0] for one in places}

    async def _transact(
        self,
        records: Mapping[TopicPartition, Sequence[Keyed]],
        changed: Sequence[Keyed],
        marks: Mapping[Place, Mark],
    ) -> tuple[Sequence[Sent], Sequence[int]]:
        """One transaction; the batches of outputs and the offset at which each begins."""
        await self._alive_still()
        producer = self._producer
        milliseconds = self._options.clock() // 1000
        ending = False
        try:
            async with asyncio.timeout(COMMIT_SECONDS):
                await producer.begin_transaction()
                self._open = True
                # The changelog goes with the outputs: one request adds all partitions to the transaction.
                sent = await send(producer, {**records, self._changelog: changed}, milliseconds)
                outputs = [one for one in sent if one[0] != self._changelog]
                bases = await delivered(outputs)
                await self._step("outputs_written")
                await delivered([one for one in sent if one[0] == self._changelog])
                await self._step("state_written")
                if marks:
                    # Not beside the records: while the coordinator adds the group, Kafka 4 sends records back to be retried.
                    positions = offsets(marks, self._options.cluster.partition)
                    await producer.send_offsets_to_transaction(positions, self._group)
                await self._step("positions_written")
                ending = True
                await producer.commit_transaction()
                await self._step("committed")
        except ProducerFenced as error:
            raise FencedError(
                f"{self._name}: another owner took over, or this one was silent too long; stop"
            ) from error
        except (KafkaError, OSError, TimeoutError, AssertionError, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and asked_to_end():
                raise
            if ending:
                raise CommitUnknownError(f"{self._name}: no answer to the commit ({error!r}); claim again") from error
            raise UnavailableError(f"{self._name}: not committed: {error!r}; check the brokers") from error
        self._open = False
        return outputs, bases

    async def _alive_still(self) -> None:
        """Say so, at most once in ``BEAT_SECONDS``."""
        now = asyncio.get_running_loop().time()
        if now - self._said >= BEAT_SECONDS:
            self._said = now
            await self._options.beats.say(self._name.encode(), self._token, ALIVE)

    def _alive(self) -> Inputs:
        if self._dead is not None:
            raise type(self._dead)(str(self._dead))
        assert self._inputs is not None
        return self._inputs

    async def _step(self, step: Step) -> None:
        if self._options.on_step is not None:  # on a thread: what interferes there must not stop the loop
            await asyncio.to_thread(self._options.on_step, step)


async def mismatches(cluster: Cluster, where: str, marks: Mapping[Place, Mark]) -> list[str]:
    """What does not fit of these positions.

    Raises:
        UnavailableError: the brokers do not answer.
    """
    found = (await cluster.topics())[1]
    log_ids = {one: found.get(cluster.names.topic(one[0]), ("", 0))[0] for one in marks}
    bounds = await cluster.bounds_for(
        {cluster.partition(one): mark.next for one, mark in marks.items() if mark.log_id == log_ids[one]}
    )
    wrong: list[str] = []
    for one, mark in marks.items():
        partition = cluster.partition(one)
        begin, end = bounds.get(partition, (0, 0))
        before: int | None = None
        if mark.log_id == log_ids[one] and begin < mark.next <= end:
            for record in await cluster.peek(partition, mark.next - 1, mark.next):
                before = check_of(record.key or b"", record.value or b"", record.timestamp)
        what = mismatch(where, one, mark, log_id=log_ids[one], begin=begin, end=end, before=before)
        if what:
            wrong.append(what)
    return wrong

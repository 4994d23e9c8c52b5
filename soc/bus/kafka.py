"""The bus on Apache Kafka: the port over a cluster of brokers, one transactional id and one changelog partition per (stage, partition).

A claim is in ``kafka_claim``, what a commit sends in ``kafka_transaction``, reading in ``kafka_inputs``, positions and how they are
verified in ``kafka_position``, everything asked beside that in ``kafka_cluster`` (ADR 0012).
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing

from aiokafka import TopicPartition

from soc.bus.base import Lag, Positions, Problem, Record, Stage, Step, Topology, Worker
from soc.bus.kafka_claim import KafkaClaim, Options, mismatches
from soc.bus.kafka_cluster import Cluster
from soc.bus.kafka_inputs import Inputs
from soc.bus.kafka_membership import Membership
from soc.bus.kafka_owner import Beats, wait_for_end
from soc.bus.kafka_position import ADVICE, Mark, Place
from soc.bus.kafka_quiet import quieten
from soc.bus.kafka_replace import declare_replaced
from soc.bus.kafka_retain import retain
from soc.clock import Clock, now
from soc.errors import LogMismatchError
from soc.settings import KafkaSettings


class KafkaBus:
    """The bus on brokers. It belongs to one event loop; nothing connects before the first call.

    Args:
        settings: where the brokers are and how to speak with them.
        topology: the table of stages; topics are made with its partition counts.
        clock: gives the append time of records and the now of retention.
        on_step: called on a thread after each step has really happened; what it raises, the claim raises.

    Raises:
        SettingsError: there are no servers, or a certificate cannot be read.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topology: Topology,
        *,
        clock: Clock = now,
        on_step: Callable[[Step], None] | None = None,
    ) -> None:
        quieten()
        self._cluster = Cluster(settings, topology)
        self._session = settings.session_seconds
        self._beats = Beats(self._cluster)
        self._clock = clock
        self._options = Options(self._cluster, self._beats, clock, on_step)
        self._open: set[KafkaClaim | KafkaReader] = set()
        self._oldest: dict[tuple[TopicPartition, int, int], int] = {}

    @property
    def topology(self) -> Topology:
        """The table the bus was opened with."""
        return self._cluster.topology

    async def prepare(self) -> None:
        """Make the topics that are missing and check the others; every claim does it too.

        Raises:
            SettingsError: a topic has another number of partitions than the topology says.
            UnavailableError: the brokers cannot be reached or refuse.
        """
        await self._cluster.ensure()

    async def claim(self, stage: str, partition: int, *, wait: float = 0.0) -> KafkaClaim:
        """Own (stage, partition): fence, position, restore, verify.

        Raises:
            LogMismatchError: a stored position does not fit the log it was made from.
            UnavailableError: the brokers cannot be reached or do not answer in time.
            SettingsError: a topic has another number of partitions than the topology says.
            ValueError: there is no such stage or partition.
        """
        row = self._stage(stage)
        if not 0 <= partition < row.partitions:
            raise ValueError(f"stage {stage} has partitions 0 to {row.partitions - 1}, not {partition}")
        claim = KafkaClaim(self._options, row, partition)
        self._open = {one for one in self._open if not one.released}
        self._open.add(claim)
        opened_well = False
        try:
            await claim.open(wait)
            opened_well = True
        finally:
            if not opened_well:
                self._open.discard(claim)
                await claim.release()
        return claim

    async def shares(self, stage: str, worker: Worker) -> AsyncGenerator[frozenset[int]]:
        """The partitions of a stage that are this worker's to claim; see ``Membership.shares``.

        Raises:
            SettingsError: another process has the name of this worker, or the brokers refuse the session time-out.
            ValueError: there is no such stage.
        """
        row = self._stage(stage)
        widest = max(row.inputs, key=lambda topic: self.topology.topics[topic], default="")
        names = self._cluster.names
        membership = Membership(
            self._cluster.arguments,
            names,
            stage,
            names.topic(widest) if widest else names.state(stage),
            partitions=row.partitions,
            worker=worker.name,
            session=self._session,
        )
        async with aclosing(membership.shares()) as shares:
            async for share in shares:
                yield share

    def reader(self, topics: Sequence[str], positions: Positions | None = None) -> "KafkaReader":
        """A reader over all partitions of ``topics``, from ``positions`` or the oldest retained record."""
        reader = KafkaReader(self._cluster, topics, positions or {})
        self._open.add(reader)
        return reader

    async def ends(self, topics: Sequence[str]) -> Positions:
        """The end of what is committed of every partition of ``topics``."""
        await self._cluster.ensure()
        ends = await self._cluster.ends([self._cluster.partition(one) for one in self._places(topics)])
        return {
            (*one, self._cluster.log_ids[one[0]]): ends[self._cluster.partition(one)] for one in self._places(topics)
        }

    async def states(self, stage: str) -> AsyncIterator[tuple[int, Mapping[bytes, bytes]]]:
        """The committed state of each partition of a stage that ever committed."""
        row = self._stage(stage)
        await self._cluster.ensure()
        ones = [TopicPartition(self._cluster.names.state(stage), partition) for partition in range(row.partitions)]
        ends = await self._cluster.ends(ones)
        for one in ones:
            if ends[one]:
                for changelog in (await self._cluster.changelogs(stage, [one.partition])).values():
                    yield one.partition, dict(changelog.state)

    async def lag(self) -> Sequence[Lag]:
        """How far every stage is behind on every partition it reads; records are counted by offsets, markers included."""
        await self._cluster.ensure()
        found: list[Lag] = []
        for stage in self.topology.stages:
            if not stage.inputs:
                continue
            places = [one for one in self._places(stage.inputs) if one[1] < stage.partitions]
            bounds = await self._cluster.bounds([self._cluster.partition(one) for one in places])
            marks = await self._cluster.marks(stage.name)
            for one in places:
                begin, end = bounds[self._cluster.partition(one)]
                if one in marks or begin < end:
                    found.append(await self._lag(stage, one, marks.get(one), begin, end))
        return found

    async def retain(self, topic: str, *, max_age: float, max_bytes: int) -> int:
        """Delete a topic's oldest records; the size is estimated from samples, the number counted by offsets.

        Raises:
            UnavailableError: the brokers do not answer.
        """
        await self._cluster.ensure()
        readers = [stage for stage in self.topology.stages if topic in stage.inputs]
        return await retain(self._cluster, topic, readers, self._clock(), max_age=max_age, max_bytes=max_bytes)

    async def problems(self) -> Sequence[Problem]:
        """Positions that fit no log; () when all is well."""
        await self._cluster.ensure()
        found: list[Problem] = []
        for stage in self.topology.stages:
            places = [one for one in self._places(stage.inputs) if one[1] < stage.partitions]
            marks: Mapping[Place, Mark] = await self._cluster.marks(stage.name) if places else {}
            for one in places:
                where = f"{stage.name}-{one[1]}"
                wrong = await mismatches(self._cluster, where, {one: marks[one]}) if one in marks else []
                found += [Problem(where, what, ADVICE) for what in wrong]
        return tuple(found)

    async def owner_lives(self, stage: str, partition: int) -> bool:
        """Whether (stage, partition) is owned by a process that lately showed that it lives."""
        await self._cluster.ensure()
        owner = self._cluster.names.transactional(self._stage(stage).name, partition).encode()
        return not await wait_for_end(self._cluster, self._clock, owner, 0.0)

    async def declare_replaced(
        self, stage: str, partition: int, state: Mapping[bytes, bytes] | None = None
    ) -> Positions:
        """On an operator's word: what the inputs of (stage, partition) hold now is what there is; go on from here.

        The owner is fenced. A position that does not fit moves to the group's offset where that does, else to the oldest
        retained record; the state is kept. What of the old topic was not read is not read any more.

        Args:
            stage: whose positions.
            partition: 0-based.
            state: entries of the state to be set with them: what the stage itself must know of this.

        Returns:
            The positions that were moved, as they are now.

        Raises:
            UnavailableError: the brokers do not answer; ask again.
        """
        moved = await declare_replaced(self._cluster, self._clock, self._stage(stage), partition, state or {})
        return {(*one, mark.log_id): mark.next for one, mark in moved.items()}

    async def close(self) -> None:
        """Release everything. Calling it twice is fine."""
        waiting, self._open = self._open, set()
        for one in waiting:
            await one.release()
        await self._beats.close()
        await self._cluster.close()

    def _places(self, topics: Sequence[str]) -> list[Place]:
        return [(topic, partition) for topic in topics for partition in range(self.topology.topics[topic])]

    def _stage(self, name: str) -> Stage:
        for stage in self.topology.stages:
            if stage.name == name:
                return stage
        raise ValueError(f"there is no stage {name!r}")

    async def _lag(self, stage: Stage, one: Place, mark: Mark | None, begin: int, end: int) -> Lag:
        partition = self._cluster.partition(one)
        log_id = self._cluster.log_ids[one[0]]
        position = mark.next if mark is not None and mark.log_id == log_id else begin
        oldest = 0
        if position < end:
            key = (partition, position, end)
            if key not in self._oldest:
                if len(self._oldest) > len(self.topology.stages) * 1000:
                    self._oldest.clear()
                records = await self._cluster.peek(partition, max(position, begin), end)
                self._oldest[key] = records[0].timestamp * 1000 if records else -1
            oldest = self._oldest[key]
        # Only markers of transactions stand there if no record was found: nothing is behind.
        waiting = end - max(position, begin) if position < end and oldest >= 0 else 0
        return Lag(stage.name, *one, log_id, position, end, waiting, oldest if waiting else 0)


class KafkaReader:
    """Reading without a group; made by ``KafkaBus.reader`` only."""

    def __init__(self, cluster: Cluster, topics: Sequence[str], positions: Positions) -> None:
        self._cluster = cluster
        self._topics = topics
        self._given = {key: offset for key, offset in positions.items() if key[0] in topics}
        self._inputs: Inputs | None = None
        self._early = 0
        self._closed = False

    @property
    def released(self) -> bool:
        """Whether ``close`` was called."""
        return self._closed

    @property
    def positions(self) -> Positions:
        """Where it stands."""
        taken: Mapping[Place, Mark] = self._inputs.taken if self._inputs is not None else {}
        return self._given | {(*one, mark.log_id): mark.next for one, mark in taken.items()}

    @property
    def skipped(self) -> int:
        """How many offsets retention took before they were read, markers of transactions included."""
        return self._early + (self._inputs.skipped if self._inputs is not None else 0)

    async def fetch(self, limit: int, timeout: float) -> Sequence[Record]:  # noqa: ASYNC109 - part of the port
        """Up to ``limit`` next committed records; () when none came within ``timeout`` seconds.

        Raises:
            LogMismatchError: a position is of a topic that is not there any more, or past its end.
            UnavailableError: the brokers do not answer.
        """
        if self._inputs is None:
            self._inputs = await self._start()
        return await self._inputs.fetch(limit, timeout, _nothing)

    async def release(self) -> None:
        """The same as ``close``."""
        await self.close()

    async def close(self) -> None:
        """Free what it holds. Calling it twice is fine."""
        if not self._closed:
            self._closed = True
            if self._inputs is not None:
                await self._inputs.close()

    async def _start(self) -> Inputs:
        cluster = self._cluster
        await cluster.ensure()
        places = [(topic, partition) for topic in self._topics for partition in range(cluster.topology.topics[topic])]
        known = {key: offset for key, offset in self._given.items() if cluster.log_ids[key[0]] == key[2]}
        read = {cluster.partition(one): known.get((*one, cluster.log_ids[one[0]]), 0) for one in places}
        bounds = await cluster.bounds_for(read)
        starts = {one: bounds[cluster.partition(one)][0] for one in places}
        for (topic, partition, log_id), offset in self._given.items():
            where = f"{topic}-{partition}"
            if cluster.log_ids[topic] != log_id:
                raise LogMismatchError(f"no log {log_id} of {where} holds the position {offset}; {ADVICE}")
            begin, end = bounds[cluster.partition((topic, partition))]
            if offset > end:
                raise LogMismatchError(f"{where} was read up to {offset} and ends at {end} now: rolled back; {ADVICE}")
            self._early += max(0, begin - offset)
            starts[topic, partition] = max(begin, offset)
        return Inputs(cluster, await cluster.started(), starts, registered=False)


async def _nothing() -> None:
    """Readers have no steps."""

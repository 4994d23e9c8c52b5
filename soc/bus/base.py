"""The bus port: topics of keyed records, and the unit of work in which outputs, state and read position commit together.

A **stage** works on one **partition** at a time through a **claim**. A claim is ownership: at most one owner's commits
succeed, whatever the others believe. Its life, in this order (ADR 0003; DESIGN §3):

    claim()   1 fence      the previous owner can commit nothing from here on (Kafka: InitProducerId)
              2 position   read the committed positions afresh
              3 restore    read the committed state
              4 verify     every stored position still points into the log it was made from
    fetch()   records after the position, of the claimed partition of each input topic
    commit()  outputs + state + positions, all or nothing
    fetch() ...
    release()

Nothing can be fetched before step 4 is over, so no record read by an earlier owner's view is ever processed.

An **address** is (topic, partition, log_id, offset). A partition may be written by several logs (embedded: one file per
writing stage and partition; Kafka: one), so a position is one number per log_id: the next offset to read. A log_id is random,
new when a log is created or declared restored; a position into a log that is gone, or past its end, raises
``LogMismatchError`` and never reads on.

What raises what: ``commit`` raises ``FencedError`` (stop), ``CommitUnknownError`` (drop memory, claim again), ``BusFullError``
(push back, nothing was written) or ``UnavailableError``. After any of them but ``BusFullError`` the claim is dead.
"""

import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from soc.clock import Micros


class Address(NamedTuple):
    """Where a record is, for ever."""

    topic: str
    partition: int
    log_id: str
    offset: int


class Record(NamedTuple):
    """One record as read: its address, key, value and the time it was appended."""

    topic: str
    partition: int
    log_id: str
    offset: int
    key: bytes
    value: bytes
    appended: Micros


class Message(NamedTuple):
    """One record to be written; the partition is ``partition_of(key)`` unless it is given (watermarks go to each)."""

    topic: str
    key: bytes
    value: bytes
    partition: int = -1


Positions = Mapping[tuple[str, int, str], int]
"""(topic, partition, log_id) → the next offset to read."""

Step = Literal[
    "fenced", "positioned", "restored", "fetched", "outputs_written", "state_written", "positions_written", "committed"
]
"""Where a test may interfere (``on_step`` of an adapter): after each of these something real has happened."""


class Stage(NamedTuple):
    """One row of the pipeline's table: who reads what and writes what.

    Attributes:
        name: stage and, in Kafka, prefix of the group id and the transactional id.
        inputs: topics read; the claim of partition p reads partition p of each that has so many.
        outputs: topics it may write.
        partitions: how many claims there are.
        tells: its outputs say what was done outside and cannot be done again unseen. Where its log was read and is gone, it does
            not begin a new one before a person has declared that it may; any other stage does, and its readers stop.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    partitions: int
    tells: bool = False


class Topology(NamedTuple):
    """The whole table: every stage, and how many partitions each topic has."""

    stages: tuple[Stage, ...]
    topics: Mapping[str, int]


class Claim(Protocol):
    """Ownership of one (stage, partition)."""

    @property
    def stage(self) -> str:
        """The stage's name."""
        ...

    @property
    def partition(self) -> int:
        """The partition owned."""
        ...

    @property
    def state(self) -> Mapping[bytes, bytes]:
        """The committed state as restored by the claim; it does not follow later commits: the owner knows what it wrote."""
        ...

    @property
    def positions(self) -> Positions:
        """The committed positions (they follow each commit)."""
        ...

    async def fetch(self, limit: int, timeout: float) -> Sequence[Record]:  # noqa: ASYNC109
        """Up to ``limit`` next records, in offset order within each log; () when none came within ``timeout`` seconds.

        A second call goes on where the first ended, committed or not. Logs are interleaved in no stated order.
        """
        ...

    def commit(
        self, outputs: Sequence[Message] = (), state: Mapping[bytes, bytes | None] | None = None
    ) -> Coroutine[Any, Any, Sequence[Address]]:
        """Commit outputs, state changes (None deletes) and the position of everything fetched so far, all or nothing.

        What counts as fetched is settled by the call, not by when its coroutine runs: the owner may fetch and work on
        what comes next meanwhile. One commit at a time.

        Returns:
            The addresses of the outputs, in order.
        """
        ...

    async def release(self) -> None:
        """Give the claim up. Nothing uncommitted survives. Calling it twice is fine."""
        ...


class Reader(Protocol):
    """Reading without a group: it holds nothing back, and retention may overtake it (a gap is told, not an error)."""

    async def fetch(self, limit: int, timeout: float) -> Sequence[Record]:  # noqa: ASYNC109
        """Up to ``limit`` next committed records of all partitions of its topics."""
        ...

    @property
    def positions(self) -> Positions:
        """Where it stands."""
        ...

    @property
    def skipped(self) -> int:
        """How many records retention took before they were read."""
        ...

    async def close(self) -> None:
        """Free what it holds."""
        ...


class Lag(NamedTuple):
    """How far one stage is behind on one log.

    Attributes:
        records: records in the log at or after the position.
        oldest: when the oldest of them was appended, or 0 when there is none.
    """

    stage: str
    topic: str
    partition: int
    log_id: str
    position: int
    end: int
    records: int
    oldest: Micros


class Problem(NamedTuple):
    """Something ``soc doctor`` must say: which (stage, partition), what is wrong, what to do."""

    where: str
    what: str
    advice: str


class Worker(NamedTuple):
    """A process that takes part in a stage.

    Attributes:
        name: its own in the installation and the same after a restart, ``<host number>-<process number>``.
        number: which of the processes of its kind on this host it is, from 0.
        of: how many of them this host runs.
    """

    name: str = "0-0"
    number: int = 0
    of: int = 1


class Bus(Protocol):
    """What the composition root hands to everybody."""

    @property
    def topology(self) -> Topology:
        """The table the bus was opened with."""
        ...

    async def claim(self, stage: str, partition: int, *, wait: float = 0.0) -> Claim:
        """Own (stage, partition): fence, position, restore, verify (see the module).

        Args:
            stage: a stage of the topology.
            partition: 0-based.
            wait: seconds to wait for a living owner to release before it is fenced; 0 fences at once.

        Raises:
            LogMismatchError: a stored position does not fit the log it was made from.
            UnavailableError: the bus cannot be reached.
        """
        ...

    def shares(self, stage: str, worker: Worker) -> AsyncGenerator[frozenset[int]]:
        """The partitions of a stage that are this worker's to claim, now and after every change.

        Who claims what is decided here, who may commit by the fence alone: shares may overlap for a moment. The last share
        stays when the iterator ends. Closing it gives the share to the others. A worker counts as there only while the next
        share is waited for: ask again at once.

        Raises:
            SettingsError: another process has this worker's name, or the settings of the membership are refused.
        """
        ...

    def reader(self, topics: Sequence[str], positions: Positions | None = None) -> Reader:
        """A reader over all partitions of ``topics``: from ``positions`` where given, else from the oldest retained record."""
        ...

    async def ends(self, topics: Sequence[str]) -> Positions:
        """The end of every log of ``topics``: a reader given these sees only what comes later."""
        ...

    def states(self, stage: str) -> AsyncIterator[tuple[int, Mapping[bytes, bytes]]]:
        """The committed state of each partition of a stage, read from outside (reconcile, doctor, metrics)."""
        ...

    async def lag(self) -> Sequence[Lag]:
        """How far every stage is behind on every log it reads."""
        ...

    async def retain(self, topic: str, *, max_age: float, max_bytes: int) -> int:
        """Delete a topic's oldest records past an age in seconds or a size in bytes; returns how many went.

        Never one that a registered stage has still to read.
        """
        ...

    async def problems(self) -> Sequence[Problem]:
        """Positions that fit no log, gaps, a full disk: for ``soc doctor``. () when all is well."""
        ...

    async def close(self) -> None:
        """Release everything."""
        ...


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key: CRC-32 modulo. The same in every adapter, so that a migration keeps keys where they were."""
    return zlib.crc32(key) % partitions


def raw_id(record: Record) -> str:
    """The id of a record that has no identity of its own: its address without the topic."""
    return f"{record.log_id}/{record.partition}/{record.offset}"

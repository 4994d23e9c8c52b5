"""Records and states from one bus to another: what is committed on the source in, the same on the target out, each record once.

Copying is a unit of work of the stage ``migrate`` on the target: records and how far each source log was copied commit
together, so that it goes on where it was after any crash.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from soc.bus.base import Bus, Claim, Message, Record, raw_id
from soc.clock import Micros
from soc.errors import RecordError
from soc.model import RawRecord, decode, encode
from soc.pipeline.engine import CHANGE_KEY, WATERMARK_KEY
from soc.pipeline.table import DETECTIONS, RAW

BATCH = 2000
STATE_BYTES = 8 * 1024 * 1024
"""Of state in one commit."""

_Log = tuple[str, int, str]
Progress = Callable[[str, int], None]
"""Told what is being moved, and how many records of it are through."""


@dataclass(slots=True)
class CopiedTime:
    """The clock of the target's bus: records keep the time they were appended, so that retention counts from then."""

    now: Micros

    def __call__(self) -> Micros:
        """The time to stamp what is written with."""
        return self.now


@dataclass(slots=True)
class Copy:
    """Copies topics to the target, partition by key anew.

    Attributes:
        claim: of (migrate, 0) on the target.
        stamp: the clock that the target's bus was opened with.
        copied: per topic the next offset to copy of each source log, as committed.
    """

    source: Bus
    claim: Claim
    stamp: CopiedTime
    progress: Progress
    copied: dict[str, dict[_Log, int]] = field(default_factory=dict[str, dict[_Log, int]])

    def restore(self) -> None:
        """Take up how far an earlier attempt came."""
        for topic in self.source.topology.topics:
            kept = self.claim.state.get(_state_key(topic))
            rows = decode(kept, list[tuple[int, str, int]]) if kept is not None else []
            self.copied[topic] = {(topic, partition, log_id): at for partition, log_id, at in rows}

    async def run(self) -> int:
        """Copy every topic up to its end; how many records were copied now.

        Raises:
            LogMismatchError: the source is not the one that was copied from before.
        """
        return sum([await self._topic(topic) for topic in self.source.topology.topics])

    async def _topic(self, topic: str) -> int:
        positions = self.copied[topic]
        reader = self.source.reader([topic], positions)
        done = 0
        self.progress(topic, done)
        try:
            while records := await reader.fetch(BATCH, 0.0):
                positions.update(reader.positions)
                rows = [(partition, log_id, at) for (_, partition, log_id), at in positions.items()]
                self.stamp.now = max(record.appended for record in records)
                await self.claim.commit(moved(records), {_state_key(topic): encode(rows)})
                done += len(records)
                self.progress(topic, done)
        finally:
            await reader.close()
        return done


def _state_key(topic: str) -> bytes:
    return b"copied/" + topic.encode()


def moved(records: Sequence[Record]) -> list[Message]:
    """Source records as they are written to the target; the partition follows the key.

    Two differ: a raw record whose id is its address is given it in words, since it has another address from now on. And
    watermarks and changes of rules stay behind: they speak of partitions that are no more, and everybody has read them.
    """
    found: list[Message] = []
    for record in records:
        if record.topic == DETECTIONS and record.key.startswith((WATERMARK_KEY, CHANGE_KEY)):
            continue
        value = _with_id(record) if record.topic == RAW else record.value
        found.append(Message(record.topic, record.key, value))
    return found


def _with_id(record: Record) -> bytes:
    try:
        raw = decode(record.value, RawRecord)
    except RecordError:
        return record.value
    return record.value if raw.id else encode(msgspec.structs.replace(raw, id=raw_id(record)))


async def put_state(bus: Bus, stage: str, partition: int, wanted: Mapping[bytes, bytes]) -> None:
    """Give (stage, partition) exactly this state, and a position behind everything that stands in its inputs.

    Doing it again changes nothing. What is read is thrown away: the port moves positions by reading.
    """
    claim = await bus.claim(stage, partition)
    try:
        changes: dict[bytes, bytes | None] = {key: None for key in claim.state if key not in wanted}
        changes.update((key, value) for key, value in wanted.items() if claim.state.get(key) != value)
        while await claim.fetch(BATCH, 0.0):
            pass
        for piece in pieces(changes):
            await claim.commit(state=piece)
    finally:
        await claim.release()


def pieces(changes: Mapping[bytes, bytes | None]) -> list[dict[bytes, bytes | None]]:
    """The changes in parts of about ``STATE_BYTES``; one, though empty, if there are none."""
    found: list[dict[bytes, bytes | None]] = [{}]
    size = 0
    for key, value in changes.items():
        if size > STATE_BYTES:
            found.append({})
            size = 0
        found[-1][key] = value
        size += len(key) + len(value or b"")
    return found

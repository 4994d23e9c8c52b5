"""One unit of work as one transaction: outputs, changelog records and group offsets in; the outputs' addresses out.

The caller says when (``begin`` … ``end``), so that it knows whether the end was asked for: before that nothing can have been
committed, after it nobody can say without an answer.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from soc.bus.base import Message, partition_of
from soc.bus.kafka_position import STATE, Mark, Place, encode
from soc.bus.kafka_wire import MAX_RECORD_BYTES
from soc.errors import UnavailableError

OVERHEAD_BYTES = 100


class Keyed(NamedTuple):
    """One record to be sent; None deletes."""

    number: int
    key: bytes
    value: bytes | None


def place(outputs: Sequence[Message], counts: Mapping[str, int]) -> dict[Place, list[Keyed]]:
    """The outputs by topic partition, in order, each with its index among all.

    Raises:
        ValueError: an output names a topic or partition that is not among ``counts``, or is too large for a record.
    """
    found: dict[Place, list[Keyed]] = {}
    for index, (topic, key, value, given) in enumerate(outputs):
        count = counts.get(topic, 0)
        partition = given if given >= 0 else partition_of(key, count or 1)
        if partition >= count:
            names = ", ".join(f"{name} (0 to {number - 1})" for name, number in counts.items())
            raise ValueError(f"{topic}-{partition}: this stage writes {names or 'nothing'}")
        _fits(topic, key, value)
        found.setdefault((topic, partition), []).append(Keyed(index, key, value))
    return found


def changes(state: Mapping[bytes, bytes | None], marks: Mapping[Place, Mark]) -> list[Keyed]:
    """State changes and positions as records of the changelog.

    Raises:
        ValueError: a value is too large for a record.
    """
    for key, value in state.items():
        _fits("state", key, value or b"")
    kept = [Keyed(-1, STATE + key, value) for key, value in state.items()]
    return kept + [Keyed(-1, *encode(one, mark)) for one, mark in marks.items()]


async def send(
    producer: Any, records: Mapping[TopicPartition, Sequence[Keyed]], milliseconds: int
) -> list[tuple[TopicPartition, Sequence[Keyed], Any]]:
    """Hand the records over in batches; each with its future.

    The first batch of every partition goes first: so all partitions are added to the transaction in one request.
    """
    waiting = {one: _batches(producer.create_batch, some, milliseconds) for one, some in records.items()}
    sent: list[tuple[TopicPartition, Sequence[Keyed], Any]] = []
    while waiting:
        for one, batches in list(waiting.items()):
            found = next(batches, None)
            if found is None:
                del waiting[one]
                continue
            batch, some = found
            future = await producer.send_batch(batch, one.topic, partition=one.partition)
            future.add_done_callback(_seen)
            sent.append((one, some, future))
    return sent


async def delivered(sent: Sequence[tuple[TopicPartition, Sequence[Keyed], Any]]) -> dict[int, int]:
    """Wait for the brokers; index of each output → its offset.

    Raises:
        UnavailableError: the brokers took a batch and do not say where.
    """
    found: dict[int, int] = {}
    for one, some, future in sent:
        base = (await future).offset
        if base < 0:
            raise UnavailableError(
                f"{one.topic}-{one.partition}: a batch was written before and its offset is forgotten"
            )
        for distance, record in enumerate(some):
            found[record.number] = base + distance
    return found


def offsets(
    marks: Mapping[Place, Mark], partition: Callable[[Place], TopicPartition]
) -> dict[TopicPartition, OffsetAndMetadata]:
    """Positions as offsets of the group, for the tools that show lag."""
    return {partition(one): OffsetAndMetadata(mark.next, mark.text()) for one, mark in marks.items()}


def _fits(topic: str, key: bytes, value: bytes) -> None:
    size = len(key) + len(value) + OVERHEAD_BYTES
    if size > MAX_RECORD_BYTES:
        raise ValueError(f"{topic}: a record of {size} bytes; {MAX_RECORD_BYTES} is the most")


def _batches(create: Callable[[], Any], records: Sequence[Keyed], milliseconds: int) -> Iterator[Any]:
    start = 0
    while start < len(records):
        batch = create()
        append = batch.append
        end = start
        for _, key, value in records[start:] if start else records:
            if append(timestamp=milliseconds, key=key, value=value) is None:
                break
            end += 1
        batch.close()
        yield batch, records[start:end]
        start = end


def _seen(future: Any) -> None:
    """Look at the error of a future that may not be waited for any more."""
    if not future.cancelled():
        future.exception()

"""One unit of work as one transaction: outputs, changelog records and group offsets in; the outputs' addresses out.

The caller says when (``begin`` … ``end``), so that it knows whether the end was asked for: before that nothing can have been
committed, after it nobody can say without an answer.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from soc.bus.base import Address, Message, partition_of
from soc.bus.kafka_position import STATE, Mark, Place, encode
from soc.bus.kafka_wire import MAX_RECORD_BYTES
from soc.errors import UnavailableError

OVERHEAD_BYTES = 100


Keyed = tuple[int, bytes, bytes | None]
"""One record to be sent: which of the outputs it is, its key, its value; None deletes."""

Sent = tuple[TopicPartition, Sequence[Keyed], Any]
"""A batch on its way: where to, what, the future of its acknowledgement."""


def place(outputs: Sequence[Message], counts: Mapping[str, int]) -> dict[Place, list[Keyed]]:
    """The outputs by topic partition, in order, each with its index among all.

    Raises:
        ValueError: an output names a topic or partition that is not among ``counts``, or is too large for a record.
    """
    found: dict[Place, list[Keyed]] = {}
    for number, (topic, key, value, given) in enumerate(outputs):
        partition = given if given >= 0 else partition_of(key, counts.get(topic) or 1)
        some = found.get((topic, partition))
        if some is None:
            if partition >= counts.get(topic, 0):
                names = ", ".join(f"{name} (0 to {count - 1})" for name, count in counts.items())
                raise ValueError(f"{topic}-{partition}: this stage writes {names or 'nothing'}")
            some = found[topic, partition] = []
        if len(key) + len(value) > MAX_RECORD_BYTES - OVERHEAD_BYTES:
            raise ValueError(
                f"{topic}: a record of {len(key) + len(value)} bytes; {MAX_RECORD_BYTES} is about the most"
            )
        some.append((number, key, value))
    return found


def changes(state: Mapping[bytes, bytes | None], marks: Mapping[Place, Mark]) -> list[Keyed]:
    """State changes and positions as records of the changelog.

    Raises:
        ValueError: a value is too large for a record.
    """
    for key, value in state.items():
        if len(key) + len(value or b"") > MAX_RECORD_BYTES - OVERHEAD_BYTES:
            raise ValueError(
                f"state of {len(key) + len(value or b'')} bytes under one key; {MAX_RECORD_BYTES} is the most"
            )
    kept: list[Keyed] = [(-1, STATE + key, value) for key, value in state.items()]
    return kept + [(-1, *encode(one, mark)) for one, mark in marks.items()]


async def send(producer: Any, records: Mapping[TopicPartition, Sequence[Keyed]], milliseconds: int) -> list[Sent]:
    """Hand the records over in batches; each with its future.

    The first batch of every partition goes first: so all partitions are added to the transaction in one request.
    """
    waiting = {one: _batches(producer.create_batch, some, milliseconds) for one, some in records.items()}
    sent: list[Sent] = []
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


async def delivered(sent: Sequence[Sent]) -> list[int]:
    """Wait for the brokers; the offset of the first record of each batch.

    Raises:
        UnavailableError: the brokers took a batch and do not say where.
    """
    bases = [(await future).offset for _, _, future in sent]
    if any(base < 0 for base in bases):
        raise UnavailableError("a batch was written before and its offset is forgotten")
    return bases


def addresses(
    placed: Sequence[Sent], bases: Sequence[int], where: Callable[[TopicPartition], tuple[str, int, str]]
) -> list[Address]:
    """The addresses of the outputs, in the order in which they were given."""
    found: list[tuple[int, Address]] = []
    for (one, some, _), base in zip(placed, bases, strict=True):
        topic, partition, log_id = where(one)
        found += [(keyed[0], Address(topic, partition, log_id, offset)) for offset, keyed in enumerate(some, base)]
    if len({sent[0] for sent in placed}) > 1:
        found.sort()
    return [address for _, address in found]


def offsets(
    marks: Mapping[Place, Mark], partition: Callable[[Place], TopicPartition]
) -> dict[TopicPartition, OffsetAndMetadata]:
    """Positions as offsets of the group, for the tools that show lag."""
    return {partition(one): OffsetAndMetadata(mark.next, mark.text()) for one, mark in marks.items()}


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

"""Reading of foreign topics with aiokafka: arguments of a client in, a ``collectors.kafka.Consumer`` out; its errors as UnavailableError.

The only module of the inputs that needs the packages of the cluster, so it is imported when such a listener is made.
"""

import asyncio
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from collectors.kafka import Fetched, Place
from soc.errors import UnavailableError

CALL_SECONDS = 15.0
PARTITION_BYTES = 4 * 1024 * 1024


@contextmanager
def _translated(what: str) -> Generator[None]:
    try:
        yield
    except TimeoutError as error:
        raise UnavailableError(f"{what}: the brokers did not answer in time; check that they run") from error
    except (KafkaError, OSError, AssertionError) as error:  # its state machine asserts where a connection broke
        raise UnavailableError(f"{what}: {error!r}; check the brokers, and servers and tls of the listener") from error
    except asyncio.CancelledError as error:
        # aiokafka cancels futures of its own when it loses a connection, and who waits for one sees the same error
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise UnavailableError(f"{what}: the connection was closed meanwhile; check the brokers") from error


class KafkaConsumer:
    """A consumer without a group; it sees what is committed and never moves its position by itself."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self._consumer: Any = AIOKafkaConsumer(
            **arguments,
            group_id=None,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="none",
            max_partition_fetch_bytes=PARTITION_BYTES,
        )

    async def start(self) -> None:
        """Connect."""
        with _translated("kafka: connecting"):
            async with asyncio.timeout(CALL_SECONDS):
                await self._consumer.start()
        await asyncio.sleep(0)  # aiokafka 0.14: stopped before its tasks began, it raises CancelledError

    async def partitions(self, topics: Sequence[str]) -> Sequence[Place]:
        """See ``Consumer``."""
        with _translated("kafka: asking for the topics"):
            async with asyncio.timeout(CALL_SECONDS):
                known: Mapping[str, Any] = await self._consumer._client.fetch_all_metadata()  # noqa: SLF001 - the public call makes topics that are missing
                return [
                    Place(topic, partition)
                    for topic in topics
                    for partition in (known.partitions_for_topic(topic) or ())  # type: ignore[attr-defined] - untyped library
                ]

    async def bounds(self, places: Sequence[Place]) -> Mapping[Place, tuple[int, int]]:
        """See ``Consumer``."""
        asked = [TopicPartition(*place) for place in places]
        with _translated("kafka: asking for offsets"):
            async with asyncio.timeout(CALL_SECONDS):
                begins = await self._consumer.beginning_offsets(asked)
                ends = await self._consumer.end_offsets(asked)
        return {place: (begins[one], ends[one]) for place, one in zip(places, asked, strict=True)}

    def read(self, positions: Mapping[Place, int]) -> None:
        """See ``Consumer``."""
        self._consumer.assign([TopicPartition(*place) for place in positions])
        for place, offset in positions.items():
            self._consumer.seek(TopicPartition(*place), offset)

    async def fetch(self, limit: int, wait: float) -> Mapping[Place, Sequence[Fetched]]:
        """See ``Consumer``."""
        with _translated("kafka: reading"):
            found = await self._consumer.getmany(timeout_ms=round(wait * 1000), max_records=limit)
        return {Place(one.topic, one.partition): records for one, records in found.items()}

    async def close(self) -> None:
        """See ``Consumer``."""
        with _translated("kafka: closing"):
            async with asyncio.timeout(CALL_SECONDS):
                await self._consumer.stop()


async def connect(arguments: Mapping[str, Any]) -> KafkaConsumer:
    """A consumer that is connected.

    Raises:
        UnavailableError: no broker answers, or it does not let us in.
    """
    consumer = KafkaConsumer(arguments)
    try:
        await consumer.start()
    except UnavailableError:
        await consumer.close()
        raise
    return consumer

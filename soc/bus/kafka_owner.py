"""Whether an owner lives, as well as it can be told: owners say so in a topic of its own, a successor listens before it fences.

This is courtesy only (ADR 0003): who may commit is decided by the fence. An owner that is busy for longer than
``DEAD_SECONDS`` between two calls looks dead and is fenced sooner than it need be; its uncommitted work is done again.
"""

import asyncio
import time
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from soc.bus.cancelled import asked_to_end
from soc.bus.kafka_cluster import Cluster, drain
from soc.bus.kafka_shared import CALL_SECONDS
from soc.bus.kafka_wire import forgiven, translated
from soc.clock import Clock

BEAT_SECONDS = 1.0
DEAD_SECONDS = 3.0
BEAT_TIMEOUT = 2.0
GATHER_MILLISECONDS = 20
"""The owners of a process begin together, so they say so together, in one request."""
LISTEN_SECONDS = 0.5
ALIVE, GONE = b"alive", b"gone"


class Beats:
    """Says that the owners of this process live; one connection for all of them."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._producer: Any = None
        self._starting = asyncio.Lock()

    async def say(self, owner: bytes, token: bytes, what: bytes) -> None:
        """Tell the others; that it did not arrive costs a successor's courtesy, nothing else."""
        with forgiven():
            async with asyncio.timeout(BEAT_TIMEOUT):
                async with self._starting:
                    if self._producer is None:
                        self._producer = await self._started()
                sent = await self._producer.send(self._cluster.names.owners, what + b" " + token, owner, partition=0)
                sent.add_done_callback(_seen)
                if what == GONE:
                    await sent

    async def _started(self) -> Any:
        """A producer that is connected; one that could not be is given up whole, or it would wait for metadata for ever."""
        producer = AIOKafkaProducer(**self._cluster.arguments, acks=1, linger_ms=GATHER_MILLISECONDS)
        well = False
        try:
            await producer.start()
            well = True
        finally:
            if not well:
                await stop(producer)
        return producer

    async def close(self) -> None:
        """Close the connection."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await stop(producer)


async def wait_for_end(cluster: Cluster, clock: Clock, owner: bytes, seconds: float) -> bool:
    """Return when the living owner says that it goes, or is silent for ``DEAD_SECONDS``, or after ``seconds``.

    Returns:
        Whether nobody owns it: False where the owner lives on after that time.

    Raises:
        UnavailableError: the brokers cannot be reached.
    """
    one = TopicPartition(cluster.names.owners, 0)
    start = (await cluster.at([one], clock() // 1000 - round(DEAD_SECONDS * 1000)))[one]
    alive: set[bytes] = set()
    heard = time.monotonic()

    def listen(record: Any) -> None:
        nonlocal heard
        if record.key == owner:
            what, _, token = record.value.partition(b" ")
            heard = time.monotonic()
            alive.add(token) if what == ALIVE else alive.discard(token)

    if start is None:
        return True
    deadline = time.monotonic() + seconds
    pause = 0.02
    consumer = await cluster.started()
    try:
        with translated("kafka: listening for the owner"):
            consumer.assign([one])
            consumer.seek(one, start)
            while True:
                async with asyncio.timeout(CALL_SECONDS):
                    await drain(consumer, await cluster.ends([one]), listen)
                if not alive or time.monotonic() > min(deadline, heard + DEAD_SECONDS):
                    return not alive or time.monotonic() > heard + DEAD_SECONDS
                await asyncio.sleep(pause)
                pause = min(1.2 * pause, LISTEN_SECONDS)
    finally:
        with forgiven():
            async with asyncio.timeout(CALL_SECONDS):
                await consumer.stop()


async def stop(producer: Any) -> None:
    """Stop a producer, also one whose brokers are away: aiokafka would wait for ever to deliver what is left."""
    try:
        async with asyncio.timeout(BEAT_TIMEOUT):
            await producer.stop()
    except (KafkaError, OSError, TimeoutError, AssertionError, asyncio.CancelledError) as error:
        if isinstance(error, asyncio.CancelledError) and asked_to_end():
            raise
        task = producer._sender.sender_task  # noqa: SLF001 - nothing public ends it
        if task is not None:
            task.cancel()
            await asyncio.wait([task], timeout=BEAT_TIMEOUT)
        with forgiven():
            async with asyncio.timeout(CALL_SECONDS):
                await producer.client.close()


def _seen(future: Any) -> None:
    """Look at the error of a future nobody waits for, so that the loop does not report it."""
    if not future.cancelled():
        future.exception()

"""On an operator's word: a stage whose positions do not fit goes on from what there is.

In go the brokers and a (stage, partition); out come the positions that were moved. The owner is fenced, as by any claim, and
changelog and group get the new positions in one transaction. The state is kept as it is.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition

from soc.bus.base import Stage
from soc.bus.kafka_claim import mismatches
from soc.bus.kafka_cluster import Cluster
from soc.bus.kafka_owner import stop
from soc.bus.kafka_position import Mark, Place
from soc.bus.kafka_shared import CALL_SECONDS
from soc.bus.kafka_transaction import changes, delivered, offsets, send
from soc.bus.kafka_wire import translated
from soc.clock import Clock


async def declare_replaced(
    cluster: Cluster, clock: Clock, stage: Stage, partition: int, state: Mapping[bytes, bytes]
) -> dict[Place, Mark]:
    """Take the stage's own position where it fits, else the group's where that fits, else the oldest retained record.

    Args:
        cluster: the brokers.
        clock: stamps what is written.
        stage: whose positions.
        partition: 0-based.
        state: entries of its state to be set with them.

    Raises:
        UnavailableError: the brokers do not answer; nothing was changed, or all of it: ask again.
    """
    await cluster.ensure()
    name = cluster.names.transactional(stage.name, partition)
    producer: Any = AIOKafkaProducer(**cluster.arguments, transactional_id=name, compression_type=cluster.compression)
    try:
        with translated(f"kafka: moving the positions of {name}"):
            async with asyncio.timeout(2 * CALL_SECONDS):
                await producer.start()
                moved = await _moved(cluster, name, stage, partition)
                if moved or state:
                    await producer.begin_transaction()
                    changelog = TopicPartition(cluster.names.state(stage.name), partition)
                    await delivered(await send(producer, {changelog: changes(state, moved)}, clock() // 1000))
                    if moved:
                        group = cluster.names.group(stage.name)
                        await producer.send_offsets_to_transaction(offsets(moved, cluster.partition), group)
                    await producer.commit_transaction()
    finally:
        await stop(producer)
    return moved


async def _moved(cluster: Cluster, name: str, stage: Stage, partition: int) -> dict[Place, Mark]:
    kept = (await cluster.changelog(stage.name, partition)).marks
    group = await cluster.group(stage.name)
    found: dict[Place, Mark] = {}
    for topic in stage.inputs:
        one = topic, partition
        if partition >= cluster.topology.topics[topic] or not (one in kept or one in group):
            continue
        for mark in (kept.get(one), group.get(one)):
            if mark is not None and not await mismatches(cluster, name, {one: mark}):
                break
        else:
            where = cluster.partition(one)
            mark = Mark((await cluster.bounds([where]))[where][0], cluster.log_ids[topic], -1)
        if not kept.get(one) == group.get(one, kept.get(one)) == mark:
            found[one] = mark
    return found

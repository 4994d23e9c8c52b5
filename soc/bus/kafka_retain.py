"""Retention: what of a topic may go is asked of the brokers to be deleted, never what a registered stage has still to read.

Brokers could delete by age and size themselves, but they do not know who has still to read; so topics are made without such
limits and this decides. Sizes are estimated from samples: brokers tell sizes of whole segments, deleted parts included.
"""

from collections.abc import Mapping, Sequence

from aiokafka import TopicPartition

from soc.bus.base import Stage
from soc.bus.kafka_cluster import Cluster
from soc.clock import SECOND, Micros

SAMPLES = 4
SAMPLE_RECORDS = 50
RECORD_OVERHEAD_BYTES = 12

Bounds = Mapping[TopicPartition, tuple[int, int]]


async def retain(
    cluster: Cluster, topic: str, readers: Sequence[Stage], now: Micros, *, max_age: float, max_bytes: int
) -> int:
    """Delete a topic's oldest records past an age in seconds or a size in bytes of all its partitions together.

    Args:
        cluster: the brokers.
        topic: what to trim.
        readers: the registered stages that read it.
        now: what ages are counted from.
        max_age: seconds.
        max_bytes: keys and values, before compression.

    Returns:
        How many offsets went, markers of transactions included.

    Raises:
        UnavailableError: the brokers do not answer.
    """
    partitions = [cluster.partition((topic, number)) for number in range(cluster.topology.topics[topic])]
    bounds = await cluster.bounds(partitions)
    held = await _held(cluster, topic, readers, bounds)
    young = await cluster.at(partitions, (now - round(max_age * SECOND)) // 1000)
    small = await _small(cluster, bounds, max_bytes)
    before: dict[TopicPartition, int] = {}
    for one, (begin, end) in bounds.items():
        first = young[one]
        cut = min(held[one], max(end if first is None else first, small[one]))
        if cut > begin:
            before[one] = cut
    if not before:
        return 0
    left = await cluster.delete(before)
    return sum(left[one] - bounds[one][0] for one in before)


async def _held(cluster: Cluster, topic: str, readers: Sequence[Stage], bounds: Bounds) -> dict[TopicPartition, int]:
    """The least position of all registered readers; the beginning for one that has none."""
    held = {one: end for one, (_, end) in bounds.items()}
    for stage in readers:
        marks = await cluster.marks(stage.name)
        for one, (begin, _) in bounds.items():
            if one.partition < stage.partitions:
                mark = marks.get((topic, one.partition))
                ours = mark is not None and mark.log_id == cluster.log_ids[topic]
                held[one] = min(held[one], mark.next if mark is not None and ours else begin)
    return held


async def _small(cluster: Cluster, bounds: Bounds, max_bytes: int) -> dict[TopicPartition, int]:
    """Where to cut so that about ``max_bytes`` stay, each partition in proportion to what it holds."""
    sizes = {one: await _size(cluster, one, begin, end) for one, (begin, end) in bounds.items()}
    total = sum(sizes.values())
    share = 0.0 if total <= max_bytes else 1 - max_bytes / total
    return {one: begin + round((end - begin) * share) for one, (begin, end) in bounds.items()}


async def _size(cluster: Cluster, one: TopicPartition, begin: int, end: int) -> float:
    """About how many bytes the records hold: samples at even distances, their mean size by offset."""
    size = offsets = 0
    step = max(1, (end - begin) // SAMPLES)
    for start in range(begin, end, step):
        records = await cluster.peek(one, start, min(start + step, end), SAMPLE_RECORDS)
        if records:
            size += sum(len(r.key or b"") + len(r.value or b"") + RECORD_OVERHEAD_BYTES for r in records)
            offsets += min(records[-1].offset + 1, end) - start
    return size / offsets * (end - begin) if offsets else 0.0

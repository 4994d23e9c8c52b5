"""Who gets which partition: what each worker had in, an even share for each out, with as few moves as can be.

Pure. All workers of a stage can take all its partitions, so this is much less than aiokafka's assignor, which is for members
that read different topics and keeps what it gave in a variable of its class, one for all groups of a process.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple


class Held(NamedTuple):
    """What a worker says it has, and since which generation of the group: of two who say the same the newer is right."""

    generation: int
    partitions: Collection[int]


def spread(workers: Mapping[str, Held], partitions: int) -> dict[str, list[int]]:
    """Every partition to exactly one worker; no worker has two more than another; who has a partition keeps it if that fits.

    Args:
        workers: name → what it has; at least one.
        partitions: how many there are, numbered from 0.
    """
    least, one_more = divmod(partitions, len(workers))
    free = set(range(partitions))
    found: dict[str, list[int]] = {}
    for name in sorted(workers, key=lambda name: (-workers[name].generation, -len(workers[name].partitions), name)):
        kept = sorted(free.intersection(workers[name].partitions))[: least + (one_more > 0)]
        one_more -= len(kept) > least
        free.difference_update(kept)
        found[name] = kept
    for partition in sorted(free):
        found[min(found, key=lambda name: (len(found[name]), name))].append(partition)
    return found

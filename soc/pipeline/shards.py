"""Shards of a heavy source: a raw record in, the key out under which it is shipped, so that one source fills several partitions.

A key is ``<source>#<number>``. The numbers are the smallest whose keys fall on partitions no shard of the source has yet, so n
shards are on n different partitions as long as there are so many (then a second round begins). They follow from source,
number of shards and number of partitions alone: every host has the same, and what is keyed by the record's key later on (the
events) is spread the same way. Nothing else looks at the key: balance and watermarks go by ``RawRecord.source``.
"""

from collections.abc import Callable, Sequence

from soc.bus.base import partition_of
from soc.model import RawRecord
from soc.settings import SourceProfile

MAX_SOURCES = 10_000
"""Sources remembered; forged senders come without end, and what is forgotten is only worked out again."""

TRIES = 200
"""Numbers tried a shard; n partitions out of p are found in about p·ln(p) tries, ten times less than this for p = 1,024."""


def shard_keys(source: str, shards: int, partitions: int) -> tuple[bytes, ...]:
    """The keys of a source: each partition holds one of them before any holds two."""
    stem = source.encode("utf-8", "surrogateescape")
    keys: list[bytes] = []
    held: set[int] = set()
    for number in range(TRIES * shards + TRIES):
        if len(keys) == shards:
            break
        key = b"%s#%d" % (stem, number)
        partition = partition_of(key, partitions)
        if partition not in held:
            held.add(partition)
            keys.append(key)
            if len(held) == partitions:
                held.clear()
    return tuple(keys)


class Shards:
    """Round robin over the shards of each source whose profile has several.

    Args:
        profile_for: the profile that a record is read with (``Normalizer.profile_for``).
        partitions: of ``soc.raw``.
    """

    def __init__(self, profile_for: Callable[[RawRecord], SourceProfile | None], partitions: int) -> None:
        self._profile_for = profile_for
        self._partitions = partitions
        self._keys: dict[tuple[str, int], tuple[bytes, ...]] = {}
        self._turns: dict[tuple[str, int], int] = {}

    @staticmethod
    def wanted(profiles: Sequence[SourceProfile]) -> bool:
        """Whether any profile has more than one shard; where none has, no record need be looked at."""
        return any(profile.shards > 1 for profile in profiles)

    def key(self, raw: RawRecord, otherwise: bytes) -> bytes:
        """The key to ship a record under; ``otherwise`` where its source is not spread."""
        profile = self._profile_for(raw)
        if profile is None or profile.shards == 1:
            return otherwise
        spread = raw.source, profile.shards
        keys = self._keys.get(spread)
        if keys is None:
            if len(self._keys) >= MAX_SOURCES:
                self._keys.clear()
                self._turns.clear()
            keys = self._keys[spread] = shard_keys(*spread, self._partitions)
            self._turns[spread] = 0
        turn = self._turns[spread]
        self._turns[spread] = turn + 1 if turn + 1 < len(keys) else 0
        return keys[turn]

"""What one incident lately said, a content after another: bytes in, the slots to commit out, the contents again, latest first.

A ring of ``CONTENTS_KEPT`` slots in blocks of ``BLOCK``. The first content of a block is compressed by itself, the others with it as
their dictionary: an incident says nearly the same from revision to revision, and there is one of these for every incident.
A block whose first slot was taken again is gone with it.
"""

import zlib
from collections.abc import Iterator, Mapping

CONTENTS_KEPT = 256
"""Contents of one incident from which an approval can be served, less up to ``BLOCK`` - 1. An incident under attack changes at most with
every batch of triage, in practice with every few seconds: this is many minutes between preview and approval."""
BLOCK = 16


class Contents:
    """The latest contents of one incident.

    Attributes:
        count: how many were kept so far, from the first on.
    """

    __slots__ = ("_slots", "count")

    def __init__(self) -> None:
        self.count = 0
        self._slots: dict[int, bytes] = {}

    def restore(self, slot: int, data: bytes) -> None:
        """A slot as it was committed; ``count`` is set beside it."""
        self._slots[slot] = data

    def add(self, content: bytes) -> Mapping[int, bytes]:
        """Keep one more content; the slot to commit, none if it is the one kept last."""
        if next(iter(self), None) == content:
            return {}
        number = self.count
        data = zlib.compress(content)
        if number % BLOCK and (base := self._base(number)) is not None:
            packer = zlib.compressobj(zdict=base)
            data = packer.compress(content) + packer.flush()
        self._slots[number % CONTENTS_KEPT] = data
        self.count += 1
        return {number % CONTENTS_KEPT: data}

    def forget_old(self) -> list[int]:
        """Keep the last two blocks only; the slots that are free now."""
        first = (self.count - 1) // BLOCK * BLOCK - BLOCK
        kept = {number % CONTENTS_KEPT for number in range(max(0, first), self.count)}
        gone = [slot for slot in self._slots if slot not in kept]
        for slot in gone:
            del self._slots[slot]
        return gone

    def __iter__(self) -> Iterator[bytes]:
        """Latest first, as far as they are kept."""
        for number in range(self.count - 1, max(-1, self.count - 1 - CONTENTS_KEPT), -1):
            data = self._slots.get(number % CONTENTS_KEPT)
            base = self._base(number)
            if data is None or base is None:
                return
            yield zlib.decompressobj(zdict=base).decompress(data) if number % BLOCK else base

    def _base(self, number: int) -> bytes | None:
        """The first content of a number's block, None if it is no longer kept."""
        first = number - number % BLOCK
        data = self._slots.get(first % CONTENTS_KEPT)
        return None if data is None or first < self.count - CONTENTS_KEPT else zlib.decompress(data)

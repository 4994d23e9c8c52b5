"""Whose turn it is: submissions of many sources in, batches in which each source has its part out; no I/O, no clock.

A device that sends fifty times what others send must not make the others wait, or lose. Two rules do that, both without a number
that somebody would have to configure:

Turns. Each source has a queue of its own. A batch is filled in rounds, a quantum of bytes a source and round (deficit round
robin: Shreedhar and Varghese, "Efficient Fair Queuing using Deficit Round-Robin", 1995). A source of which nothing waited has its
turn before those that are behind (RFC 8290 §4.2), so what a quiet source hands over is in the next batch whatever else waits. While
more than one source sends, batches are kept shorter, because a quiet source also waits for the batch that is being written when
its line comes.

Room. A source may have waiting at most ``SHARE`` times what is free (dynamic thresholds: Choudhury and Hahne, "Dynamic queue
length thresholds for multiqueue switches", 1998). Alone it has three quarters of the room; two noisy ones have three sevenths
each; a part is always free for who comes next. While nothing is crowded nobody is refused. Who is over its share waits (TCP, HTTP,
files: only that sender is not read) or is refused and counted by name (UDP).

The order within a source is the order in which it came.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from soc.errors import BusFullError

SHARE = 3
QUANTUM = 256 * 1024  # bytes a source and round
NAMED = 100  # sources counted by name; the rest is counted under ""

T = TypeVar("T")


class OverShareError(BusFullError):
    """There is room, but not for this source: it has its share of it already."""


@dataclass(slots=True)
class _Lane(Generic[T]):
    """One source: what waits in the order in which it came, and what it may still take in this round."""

    waiting: deque[tuple[T, int, int]] = field(default_factory=deque[tuple[T, int, int]])
    deficit: int = 0


class FairQueue(Generic[T]):
    """Items with a source, a size in bytes and a count of records.

    Args:
        room: bytes held before nobody is admitted; the last one admitted may go over it.

    Attributes:
        held: bytes taken in and not yet released.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._lanes: dict[str, _Lane[T]] = {}
        self._new: deque[str] = deque()  # sources of which nothing waited before
        self._behind: deque[str] = deque()  # those that had a turn since, and still have something waiting
        self._of: dict[str, int] = {}
        self._shared = False  # more than one source was in the last batch
        self.held = 0

    def __len__(self) -> int:
        """How many items wait for a batch."""
        return sum(len(lane.waiting) for lane in self._lanes.values())

    def __bool__(self) -> bool:
        """Whether any waits."""
        return bool(self._lanes)

    @property
    def full(self) -> bool:
        """No room for anybody."""
        return self.held >= self._room

    def admits(self, source: str) -> bool:
        """Whether a source may put something in now."""
        return self._of.get(source, 0) < SHARE * (self._room - self.held)

    def put(self, source: str, item: T, size: int, records: int) -> None:
        """Queue an item behind its source's others; it holds ``size`` bytes until it is released."""
        lane = self._lanes.get(source)
        if lane is None:
            lane = self._lanes[source] = _Lane[T]()
            self._new.append(source)
        lane.waiting.append((item, size, records))
        self._of[source] = self._of.get(source, 0) + size
        self.held += size

    def release(self, source: str, size: int) -> None:
        """An item that was taken is durable, or refused: its bytes are free."""
        self.held -= size
        left = self._of.get(source, 0) - size  # an item of state alone has no bytes
        if left > 0:
            self._of[source] = left
        else:
            self._of.pop(source, None)

    def take(self, max_bytes: int, max_records: int) -> list[T]:
        """The next batch: at least one item if any waits, then as many as the limits allow, by turns.

        While several sources send, the limits are a quarter.
        """
        shared = self._shared or len(self._lanes) > 1
        if shared:
            max_bytes, max_records = max_bytes // 4, max_records // 4
        batch: list[T] = []
        sources: set[str] = set()
        size = records = 0
        full = False
        while self._lanes and not full:
            turns = self._new or self._behind
            source = turns[0]
            lane = self._lanes[source]
            lane.deficit += QUANTUM
            while lane.waiting and lane.waiting[0][1] <= lane.deficit:
                item, item_size, item_records = lane.waiting[0]
                full = bool(batch) and (size + item_size > max_bytes or records + item_records > max_records)
                if full:
                    break
                lane.waiting.popleft()
                lane.deficit -= item_size
                batch.append(item)
                sources.add(source)
                size, records = size + item_size, records + item_records
            if full and source not in sources:
                lane.deficit -= QUANTUM  # its turn is the first of the next batch
                break
            turns.popleft()
            if lane.waiting:
                lane.deficit = min(lane.deficit, QUANTUM + lane.waiting[0][1])  # no turns are saved up
                self._behind.append(source)
            else:
                del self._lanes[source]
        self._shared = len(sources) > 1
        return batch

    def drain(self) -> list[T]:
        """Everything that waits, at once."""
        items = [item for lane in self._lanes.values() for item, _, _ in lane.waiting]
        self._lanes.clear()
        self._new.clear()
        self._behind.clear()
        return items


class Noise:
    """How often each source was over its share, by name as far as ``NAMED`` names go."""

    def __init__(self) -> None:
        self.refused: dict[str, int] = {}
        """Source → records refused."""
        self.waited: dict[str, int] = {}
        """Source → times that its senders were made to wait."""

    def refuse(self, source: str, records: int) -> None:
        """Records of a source over its share were refused."""
        _count(self.refused, source, records)

    def wait(self, source: str) -> None:
        """A sender of a source over its share waits."""
        _count(self.waited, source, 1)


def _count(counts: dict[str, int], source: str, more: int) -> None:
    name = source if source in counts or len(counts) < NAMED else ""
    counts[name] = counts.get(name, 0) + more

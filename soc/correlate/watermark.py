"""Watermark records in, how far event time has come for each depth of rule out."""

from soc.clock import Micros
from soc.model import Watermark

Progress = tuple[dict[int, Micros], list[Micros]]
"""Per raw partition the newest time it said; the watermark of each depth."""

NEVER: Micros = -(1 << 62)
"""Before every time: no watermark has come yet."""


class Watermarks:
    """How far event time has come: the minimum over all raw partitions of what each has said.

    A partition without active sources says up to when it has seen everything that was received, and repeats it: an absence
    fires although its only source is dead, but time stands still while the engine itself is dead or behind, so that its
    backlog is not late when it comes back. Wall time plays no part here: a replay of the records gives the same.

    A rule of depth d goes by what depth d - 1 had reached when the *previous* batch ended, and only after the batch's
    detections are in: what its children say at a watermark reaches it before it passes that watermark itself.

    Attributes:
        levels: the watermark of depth 1, 2, ...; it never goes back.
    """

    __slots__ = ("_partitions", "_raw_partitions", "levels")

    def __init__(self, raw_partitions: int, depth: int) -> None:
        self._raw_partitions = raw_partitions
        self._partitions: dict[int, Micros] = {}
        self.levels: list[Micros] = [NEVER] * max(1, depth)

    def observe(self, record: Watermark) -> bool:
        """Take a record; True if the watermark of depth 1 rose."""
        known = self._partitions
        known[record.raw_partition] = max(record.time, known.get(record.raw_partition, NEVER))
        if len(known) < self._raw_partitions:
            return False
        time = min(known.values())
        if time <= self.levels[0]:
            return False
        self.levels[0] = time
        return True

    def stage(self, before: list[Micros]) -> list[int]:
        """Let depth 2 and deeper follow, one batch behind.

        Args:
            before: ``levels`` as they were when this batch began.

        Returns:
            The depths whose watermark rose, deepest last.
        """
        risen: list[int] = []
        for index in range(1, len(self.levels)):
            if before[index - 1] > self.levels[index]:
                self.levels[index] = before[index - 1]
                risen.append(index + 1)
        return risen

    def dump(self) -> Progress:
        """What must be kept over a restart."""
        return dict(sorted(self._partitions.items())), list(self.levels)

    def load(self, progress: Progress) -> None:
        """Go on from a dump. Depths that a new rule set adds start from the deepest known one."""
        partitions, levels = progress
        self._partitions = dict(partitions)
        for index in range(len(self.levels)):
            self.levels[index] = levels[min(index, len(levels) - 1)]

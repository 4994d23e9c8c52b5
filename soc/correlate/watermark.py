"""Watermark records in, how far event time has come for each depth of rule out."""

from soc.clock import MINUTE, Micros
from soc.model import Watermark

Progress = tuple[dict[int, tuple[Micros, bool]], list[Micros], Micros]
"""Per raw partition the last time and whether it is idle; the watermark of each depth; when the first partition spoke."""

NEVER: Micros = -(1 << 62)
"""Before every time: no watermark has come yet."""

SILENT: Micros = MINUTE
"""How long, in wall time since the first partition spoke, one that has never spoken is waited for: it may have a backlog.
After that it counts as idle, or an installation with fewer sources than partitions would never see an absence."""


class Watermarks:
    """How far event time has come.

    Depth 1 (rules over base rules only) goes by the minimum over all raw partitions that are not idle; one that has not
    spoken yet holds everything back for a minute. When all are idle, nobody can say how far event time has come, and wall time stands
    in: an absence fires although its only source is dead. It never goes back.

    A rule of depth d goes by what depth d - 1 had reached when the *previous* batch ended, and only after the batch's
    detections are in: what its children say at a watermark reaches it before it passes that watermark itself.

    Attributes:
        levels: the watermark of depth 1, 2, ...
    """

    __slots__ = ("_partitions", "_raw_partitions", "_since", "levels")

    def __init__(self, raw_partitions: int, depth: int) -> None:
        self._raw_partitions = raw_partitions
        self._partitions: dict[int, tuple[Micros, bool]] = {}
        self._since = NEVER  # wall time at the end of the first batch in which a partition spoke
        self.levels: list[Micros] = [NEVER] * max(1, depth)

    def observe(self, record: Watermark) -> bool:
        """Take a record; True if the watermark of depth 1 rose."""
        self._partitions[record.raw_partition] = (record.time, record.idle)
        if any(number not in self._partitions for number in range(self._raw_partitions)):
            return False
        if all(idle for _, idle in self._partitions.values()):
            return False
        return self._raise_to(self._active())

    def tick(self, now: Micros) -> bool:
        """Take wall time, at the end of a batch; True if the watermark of depth 1 rose because every partition is idle."""
        known = self._partitions
        missing = [number for number in range(self._raw_partitions) if number not in known]
        if missing and known:
            if self._since == NEVER:
                self._since = now
            if now - self._since < SILENT:
                return False
            known.update(dict.fromkeys(missing, (NEVER, True)))
        if not known or not all(idle for _, idle in known.values()):
            return bool(missing and known) and self._raise_to(self._active())
        return self._raise_to(now)

    def _active(self) -> Micros:
        return min(time for time, idle in self._partitions.values() if not idle)

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

    def _raise_to(self, time: Micros) -> bool:
        if time <= self.levels[0]:
            return False
        self.levels[0] = time
        return True

    def dump(self) -> Progress:
        """What must be kept over a restart."""
        return dict(sorted(self._partitions.items())), list(self.levels), self._since

    def load(self, progress: Progress) -> None:
        """Go on from a dump. Depths that a new rule set adds start from the deepest known one."""
        partitions, levels, self._since = progress
        self._partitions = dict(partitions)
        for index in range(len(self.levels)):
            self.levels[index] = levels[min(index, len(levels) - 1)]

"""Whether a bus may be worked on: the mark a migration leaves on both sides in, a bus whose claims respect it out.

The mark is state of the stage ``migrate``, so it is on the bus itself and every host sees it. It is looked at before a claim,
so that a migration is not fenced by who waits for its end, and after it: a migration writes its mark first and fences then, so
whoever claims after that fence sees the mark.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Literal

import msgspec

from soc.bus.base import Bus, Claim, Lag, Positions, Problem, Reader, Topology, Worker
from soc.clock import Micros, to_iso
from soc.errors import UnavailableError
from soc.model import decode, encode
from soc.pipeline.table import MIGRATE

_KEY = b"mark"


class Mark(msgspec.Struct, frozen=True):
    """What a bus has to do with a migration.

    Attributes:
        id: of the migration; the same on both sides.
        side: whether it was copied from here or to here.
        stage: ``given up`` is what is left of a target that was not finished.
        peer: the other side, in words.
        at: when this was written.
    """

    id: str
    side: Literal["source", "target"]
    stage: Literal["under way", "done", "given up"]
    peer: str
    at: Micros

    def refusal(self) -> str:
        """Why nobody may work on this bus; "" if anybody may."""
        when = to_iso(self.at)
        match self.side, self.stage:
            case "source", "done":
                return f"this installation was migrated to {self.peer} ({when}): set [kafka] as the migration said"
            case "source", _:
                return f"this installation is being migrated to {self.peer} since {when}: let the migration end"
            case "target", "under way":
                return f"a migration from {self.peer} to here is under way since {when}: let it end, or start it again"
            case "target", "given up":
                return f"here is what a migration from {self.peer} left when it was given up ({when}): delete it"
            case _:
                return ""


async def read_mark(bus: Bus) -> Mark | None:
    """The mark of a bus; None on one that has nothing to do with any migration.

    Raises:
        UnavailableError: the bus cannot be reached.
    """
    async for _, state in bus.states(MIGRATE):
        if _KEY in state:
            return decode(state[_KEY], Mark)
    return None


async def write_mark(bus: Bus, mark: Mark | None) -> None:
    """Replace the mark of a bus; whoever was migrating to it is fenced."""
    claim = await bus.claim(MIGRATE, 0)
    try:
        await claim.commit(state={_KEY: encode(mark) if mark else None})
    finally:
        await claim.release()


class GuardedBus:
    """A bus on which nothing is claimed while a migration is under way, or after it left."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    @property
    def topology(self) -> Topology:
        """See ``Bus``."""
        return self._bus.topology

    async def claim(self, stage: str, partition: int, *, wait: float = 0.0) -> Claim:
        """See ``Bus``.

        Raises:
            UnavailableError: also when a migration forbids it: whoever waits for the bus waits for the migration too.
        """
        await self._allowed()
        claim = await self._bus.claim(stage, partition, wait=wait)
        allowed = False
        try:
            await self._allowed()
            allowed = True
        finally:
            if not allowed:
                await claim.release()
        return claim

    async def _allowed(self) -> None:
        mark = await read_mark(self._bus)
        if mark is not None and (reason := mark.refusal()):
            raise UnavailableError(reason)

    def shares(self, stage: str, worker: Worker) -> AsyncGenerator[frozenset[int]]:
        """See ``Bus``."""
        return self._bus.shares(stage, worker)

    def reader(self, topics: Sequence[str], positions: Positions | None = None) -> Reader:
        """See ``Bus``."""
        return self._bus.reader(topics, positions)

    async def ends(self, topics: Sequence[str]) -> Positions:
        """See ``Bus``."""
        return await self._bus.ends(topics)

    def states(self, stage: str) -> AsyncIterator[tuple[int, Mapping[bytes, bytes]]]:
        """See ``Bus``."""
        return self._bus.states(stage)

    async def lag(self) -> Sequence[Lag]:
        """See ``Bus``."""
        return await self._bus.lag()

    async def retain(self, topic: str, *, max_age: float, max_bytes: int) -> int:
        """See ``Bus``."""
        return await self._bus.retain(topic, max_age=max_age, max_bytes=max_bytes)

    async def problems(self) -> Sequence[Problem]:
        """See ``Bus``."""
        return await self._bus.problems()

    async def close(self) -> None:
        """See ``Bus``."""
        await self._bus.close()

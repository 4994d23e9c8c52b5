"""A claim in memory for the tests of the inputs: what is committed, and faults on demand."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence

from soc.bus.base import Address, Message
from soc.errors import FencedError, UnavailableError
from soc.model import RawRecord, decode


class MemoryLog:
    """What is durable; ``open`` makes claims on it, the newest fences the others.

    Attributes:
        faults: for each next commit, None (works), or (error, whether it was written all the same).
        gate: commits wait while it is cleared.
        away: how many claims fail before one works.
        batches: how many outputs each commit wrote.
    """

    def __init__(self) -> None:
        self.outputs: list[Message] = []
        self.state: dict[bytes, bytes] = {}
        self.faults: deque[tuple[Exception, bool] | None] = deque()
        self.gate = asyncio.Event()
        self.gate.set()
        self.commits = 0
        self.batches: list[int] = []
        self.claims = 0
        self.released = 0
        self.away = 0

    async def open(self) -> "MemoryClaim":
        await asyncio.sleep(0)
        if self.away:
            self.away -= 1
            raise UnavailableError("the bus is away")
        self.claims += 1
        return MemoryClaim(self, self.claims)

    @property
    def records(self) -> list[RawRecord]:
        return [decode(message.value, RawRecord) for message in self.outputs]

    @property
    def lines(self) -> list[bytes]:
        return [record.data for record in self.records]

    def balance(self) -> dict[str, int]:
        prefix = b"balance/"
        return {
            key[len(prefix) :].decode(): decode(value, int)
            for key, value in self.state.items()
            if key.startswith(prefix)
        }


class MemoryClaim:
    stage = "collect"
    partition = 0
    positions: Mapping[tuple[str, int, str], int] = {}

    def __init__(self, log: MemoryLog, epoch: int) -> None:
        self._log = log
        self._epoch = epoch
        self.state = dict(log.state)

    async def fetch(self, limit: int, timeout: float) -> Sequence[object]:  # noqa: ASYNC109 - part of the port
        return ()

    async def commit(
        self, outputs: Sequence[Message] = (), state: Mapping[bytes, bytes | None] | None = None
    ) -> Sequence[Address]:
        await self._log.gate.wait()
        await asyncio.sleep(0)
        if self._epoch != self._log.claims:
            raise FencedError("another collector owns (collect, 0); stop this one")
        fault = self._log.faults.popleft() if self._log.faults else None
        if fault is None or fault[1]:
            self._log.outputs += outputs
            for key, value in (state or {}).items():
                if value is None:
                    self._log.state.pop(key, None)
                else:
                    self._log.state[key] = value
            self._log.commits += 1
            self._log.batches.append(len(outputs))
        if fault is not None:
            raise fault[0]
        return [Address(message.topic, 0, "memory", index) for index, message in enumerate(outputs)]

    async def release(self) -> None:
        self._log.released += 1

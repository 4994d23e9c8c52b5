"""What the intake wrote, read back from the embedded bus."""

import asyncio
from collections import Counter
from pathlib import Path

from soc.bus.base import Record
from soc.bus.embedded import EmbeddedBus
from soc.model import RawRecord, decode
from soc.pipeline.table import RAW, topology


def read_raw(directory: Path) -> list[tuple[Record, RawRecord]]:
    """Everything in ``soc.raw``."""

    async def reading() -> list[tuple[Record, RawRecord]]:
        bus = EmbeddedBus(directory, topology(2))
        reader = bus.reader((RAW,))
        found: list[tuple[Record, RawRecord]] = []
        while records := await reader.fetch(10_000, 0.2):
            found += [(record, decode(record.value, RawRecord)) for record in records]
        await reader.close()
        await bus.close()
        return found

    return asyncio.run(reading())


def read_balance(directory: Path) -> Counter[str]:
    """Records per source as the intake counted them."""

    async def reading() -> Counter[str]:
        bus = EmbeddedBus(directory, topology(2))
        total: Counter[str] = Counter()
        async for _, state in bus.states("collect"):
            for key, value in state.items():
                if key.startswith(b"balance/"):
                    total[key.split(b"/", 2)[2].decode()] += decode(value, int)
        await bus.close()
        return total

    return asyncio.run(reading())


def check_balance(directory: Path, raw: list[tuple[Record, RawRecord]]) -> None:
    assert read_balance(directory) == Counter(record.source for _, record in raw)
    assert all(record.key == value.source.encode() for record, value in raw)

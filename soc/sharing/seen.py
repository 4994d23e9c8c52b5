"""The bus in, where alert sharing stands out: seen from outside its process, from what is committed."""

from collections.abc import Mapping
from typing import Any

import msgspec

from soc.bus.base import Bus
from soc.sharing.book import Book
from soc.sharing.sharer import STAGE
from soc.sharing.telling import Standing, days_told, refused_told, standing
from soc.sharing.terms import Terms

OUTSIDE = (b"l/", b"o/", b"d/")
"""Keys that tell where it stands; what is remembered of single alerts is not looked at."""


async def read_book(bus: Bus) -> Book | None:
    """What is committed; None where alert sharing has no stage."""
    if all(stage.name != STAGE for stage in bus.topology.stages):
        return None
    async for _, state in bus.states(STAGE):
        return Book({key: value for key, value in state.items() if key.startswith(OUTSIDE)})
    return Book({})


async def standings(bus: Bus, terms: Mapping[str, Terms]) -> list[Standing]:
    """Where it stands with each receiver; () where nothing is shared."""
    book = await read_book(bus)
    return list(standing(book, terms).values()) if book else []


async def overview(bus: Bus, terms: Mapping[str, Terms]) -> dict[str, Any]:
    """What the page shows: receivers, their days, what was refused; ``enabled`` is whether anything is shared."""
    book = await read_book(bus)
    if book is None:
        return {"enabled": False, "receivers": [], "days": [], "refused": []}
    return {
        "enabled": True,
        "receivers": msgspec.to_builtins(list(standing(book, terms).values())),
        "days": days_told(book, terms),
        "refused": refused_told(book),
    }

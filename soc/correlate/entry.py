"""What correlate keeps of one detection: its place in time, what it counts as, and what a person will want to see."""

from operator import attrgetter
from typing import Any

import msgspec

from soc.clock import Micros


class Entry(msgspec.Struct, array_like=True, gc=False, eq=False):
    """One detection in the memory of a group.

    Attributes:
        event_id: as in the detection; of a child the child's episode id.
        time: correlation time.
        rule: number of the matching rule among the distinct referenced rules.
        token: what it counts as (``Demand.token``).
    """

    event_id: str
    time: Micros
    rule: int
    token: str | int
    source: str
    received: Micros
    fields: dict[str, Any] | None = None
    matched: tuple[tuple[str, str], ...] = ()


class Child(Entry, array_like=True, gc=False, eq=False):
    """One revision of a child correlation's episode.

    Attributes:
        revision: of the episode, from 1.
        retracted: it no longer holds; kept so that an older revision coming later is known to be old.
    """

    revision: int = 0
    retracted: bool = False


Taken = tuple[str, Micros, int, str | int, str, Micros, dict[str, Any] | None, tuple[tuple[str, str], ...]]
"""An event's entry that is not made: the fields of ``Entry``, in its order; encoded it is the same."""

ORDER = attrgetter("time", "event_id", "rule")
"""The order of a group's entries; the same whatever order they came in."""

Place = tuple[Micros, str, int]
"""A position in that order."""

EVENT = attrgetter("event_id")
"""Neighbours with the same one are one event that several referenced rules matched."""

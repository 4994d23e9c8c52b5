"""What alert sharing knows in; where it stands with each receiver, for the page, the commands, the metrics and the health page, out. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from soc.clock import Micros
from soc.sharing.book import Book
from soc.sharing.outbox import Lane, LaneState
from soc.sharing.terms import ACKNOWLEDGES, Terms

DAYS_SHOWN = 31
GAP_DAYS = 14
"""A day that nobody set right within two weeks is history: the page still shows it."""
REFUSED_SHOWN = 50


class Standing(msgspec.Struct, frozen=True):
    """Where alert sharing stands with one receiver.

    Attributes:
        set_up: the settings still name it.
        wire: of its binding, "" where it is not set up.
        acknowledges: its wire knows acknowledgements.
        since: when its numbering began. ``next``: number of the next record.
        state: of its sendings. ``attempts``: of the one under way. ``next_attempt``: not before this, 0 = at once.
        failing: since when nothing gets through, 0 = it does. ``detail``: what was said last.
        last: when the receiver last took something.
        waiting: records to be sent. ``bytes``: of all records kept. ``oldest``: when the first was sealed, 0 = none.
        full: windows grow because more would wait than agreed.
        refused: records that a person must look at.
        repeats: sendings that were made more than once.
        gaps: days of the last two weeks whose counts do not agree.
    """

    receiver: str
    set_up: bool
    wire: str
    acknowledges: bool
    since: Micros
    next: int
    state: LaneState
    attempts: int
    next_attempt: Micros
    failing: Micros
    detail: str
    last: Micros
    waiting: int
    bytes: int
    oldest: Micros
    full: bool
    refused: int
    repeats: int
    gaps: tuple[str, ...]


def standing(book: Book, terms: Mapping[str, Terms]) -> dict[str, Standing]:
    """Where it stands with every receiver that ever had a lane.

    Args:
        book: of the committed state.
        terms: of those that the settings name.
    """
    return {name: _standing(book, name, lane, terms.get(name)) for name in book.receivers if (lane := book.lane(name))}


def _standing(book: Book, name: str, lane: Lane, one: Terms | None) -> Standing:
    entries = book.entries(name)
    waiting = [entry for entry in entries if not entry.refused]
    acknowledges = ACKNOWLEDGES[one.wire] if one else True
    gaps = [day.day for day in book.days(name)[:GAP_DAYS] if day.agreement(acknowledges) == "gap"]
    return Standing(
        receiver=name,
        set_up=one is not None,
        wire=one.wire if one else "",
        acknowledges=acknowledges,
        since=lane.since,
        next=lane.next,
        state=lane.state,
        attempts=lane.attempts,
        next_attempt=lane.next_attempt,
        failing=lane.failing,
        detail=lane.detail,
        last=lane.last,
        waiting=len(waiting),
        bytes=book.waiting(name),
        oldest=min((entry.made for entry in waiting), default=0),
        full=one is not None and book.waiting(name) >= one.backlog,
        refused=len(entries) - len(waiting),
        repeats=lane.repeats,
        gaps=tuple(sorted(gaps)),
    )


def days_told(book: Book, terms: Mapping[str, Terms], day: str = "", shown: int = DAYS_SHOWN) -> list[dict[str, Any]]:
    """Daily counts, the latest first, each with whether the receiver agrees.

    Args:
        book: of the committed state.
        terms: of the receivers that the settings name.
        day: only this one; "" = the latest ``shown`` of each receiver.
        shown: how many.
    """
    rows: list[dict[str, Any]] = []
    for name in book.receivers:
        one = terms.get(name)
        acknowledges = ACKNOWLEDGES[one.wire] if one else True
        for counted in book.days(name)[: None if day else shown]:
            if day in {"", counted.day}:
                told = {"receiver": name, **msgspec.to_builtins(counted), "agreement": counted.agreement(acknowledges)}
                rows.append(told | {"acknowledges": acknowledges})
    return sorted(rows, key=lambda row: (row["day"], row["receiver"]), reverse=True)


def refused_told(book: Book) -> list[dict[str, Any]]:
    """Records that a receiver refused, the latest first."""
    rows = [
        {
            "receiver": name,
            "number": entry.number,
            "id": entry.id,
            "day": entry.day,
            "made": entry.made,
            "why": entry.refused,
        }
        for name in book.receivers
        for entry in book.entries(name)
        if entry.refused
    ]
    return sorted(rows, key=lambda row: (row["made"], row["number"]), reverse=True)[:REFUSED_SHOWN]

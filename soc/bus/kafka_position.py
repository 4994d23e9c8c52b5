"""A position as it is kept: beside the state in the changelog, and as metadata of the group's offset; and what of it does not fit.

A position is where to go on, the id of the topic it was made from, and a check of the record before it. The check tells a
partition that was rolled back and appended to from the one that was read: the same id, the same offset, another record.
"""

import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

Place = tuple[str, int]
"""(topic as the topology names it, partition)."""

STATE, POSITION = b"s", b"p"
ADVICE = "see `soc doctor`: restore the topic, or declare it replaced"


class Mark(NamedTuple):
    """A position: the next offset, the log (topic id) it is of, the check of the record before it (-1: none)."""

    next: int
    log_id: str
    check: int

    def text(self) -> str:
        """As it stands in the group's offset metadata."""
        return f"{self.log_id} {self.check}"


def check_of(key: bytes, value: bytes, timestamp: int) -> int:
    """What tells one record from another that stands at the same offset; the same line later is another record."""
    return zlib.crc32(value, zlib.crc32(key, timestamp & 0xFFFFFFFF))


def parse(offset: int, text: str) -> Mark | None:
    """A mark from a group's offset and metadata; None if other tools wrote it."""
    log_id, _, check = text.partition(" ")
    try:
        return Mark(offset, log_id, int(check)) if offset >= 0 else None
    except ValueError:
        return None


def encode(place: Place, mark: Mark) -> tuple[bytes, bytes]:
    """Key and value in the changelog."""
    return POSITION + msgspec.json.encode(place), msgspec.json.encode(mark)


class Changelog:
    """What a changelog holds: feed it its records, oldest first."""

    def __init__(self) -> None:
        self.state: dict[bytes, bytes] = {}
        self.marks: dict[Place, Mark] = {}

    def size(self) -> int:
        """About how many bytes the state has."""
        return sum(len(key) + len(value) for key, value in self.state.items())

    def take(self, record: Any) -> None:
        """One record of the changelog; a value of None deletes."""
        key, value = record.key, record.value
        if key[:1] == STATE:
            if value is None:
                self.state.pop(key[1:], None)
            else:
                self.state[key[1:]] = value
        else:
            place = msgspec.json.decode(key[1:], type=tuple[str, int])
            if value is None:
                self.marks.pop(place, None)
            else:
                self.marks[place] = Mark(*msgspec.json.decode(value, type=tuple[int, str, int]))


class Marks(Changelog):
    """The positions of a changelog, without its state."""

    def take(self, record: Any) -> None:
        """See ``Changelog``."""
        if record.key[:1] != STATE:
            super().take(record)


def differences(kept: Mapping[Place, Mark], group: Mapping[Place, Mark | None]) -> list[str]:
    """Where the group's offsets say otherwise than the changelog: somebody reset one of the two."""
    found: list[str] = []
    for place, mark in group.items():
        if mark != kept.get(place):
            mine = kept[place].next if place in kept else "no position"
            said = f"{mark.next}" if mark else "an offset of other tools"
            found.append(
                f"{place[0]}-{place[1]}: the group's offset is {said}, the stage's own state says {mine}: the offsets were "
                "reset or the state topic was replaced; delete the group's offset to go on by the state"
            )
    return found


def mismatch(where: str, place: Place, mark: Mark, *, log_id: str, begin: int, end: int, before: int | None) -> str:
    """What is wrong with a position; "" if nothing is.

    Args:
        where: the stage and partition that had read.
        place: what it read.
        mark: its position.
        log_id: the topic's id now; empty if there is no such topic.
        begin: the oldest retained offset.
        end: the end of what is committed.
        before: the check of the record before the position; None if it is not there any more.
    """
    words = f"{place[0]}-{place[1]}: {where} had read log {mark.log_id} up to {mark.next}; "
    if mark.log_id != log_id:
        return f"{words}the topic has another id now ({log_id or 'it is gone'}): it was deleted and made anew"
    if mark.next > end:
        return f"{words}it ends at {end} now: it was rolled back to an older copy"
    if mark.next < begin:
        return f"{words}it begins at {begin} now: what was between is gone unread"
    if before is not None and mark.check not in (-1, before):
        return f"{words}another record stands before {mark.next} now: it was rolled back and appended to"
    return ""

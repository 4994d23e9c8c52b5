"""A time and a source in; the archived raw records of it, segment by segment, and what had to be opened for them, out."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from soc.archive.naming import hour_of, segments
from soc.archive.place import Place
from soc.archive.segment import Manifest, entries, open_segment
from soc.clock import Micros
from soc.errors import RecordError
from soc.model import RawRecord


class Window(NamedTuple):
    """What is asked for: lines received in [start, end), of one source or of all."""

    start: Micros
    end: Micros
    source: str | None = None

    def has(self, raw: RawRecord) -> bool:
        """Whether a record is in it."""
        return self.start <= raw.received < self.end and self.source in {None, raw.source}


@dataclass(slots=True)
class Looked:
    """What was looked at.

    Attributes:
        opened: segments; those outside the time or of other sources are not.
        records: in the window.
        damaged: (name, reason) of segments that could not be read to their end.
    """

    opened: int = 0
    records: int = 0
    damaged: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


class Archived(NamedTuple):
    """One archived record with its raw id."""

    id: str
    appended: Micros
    key: bytes
    raw: RawRecord


class Seen:
    """Which records were read from segments and chunks, by source, hour and log: those are read in order, so one offset tells."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, Micros, int, str], int] = {}

    def note(self, source: str, hour: Micros, partition: int, logs: Mapping[str, tuple[int, int]]) -> None:
        """The records of a segment or chunk are read."""
        for log_id, (_, last) in logs.items():
            key = source, hour, partition, log_id
            self._last[key] = max(last, self._last.get(key, -1))

    def has(self, raw: RawRecord, partition: int, log_id: str, offset: int) -> bool:
        """Whether a record is among them. One that was migrated is known by the address that its id says it had."""
        if _ADDRESS.fullmatch(raw.id):
            log_id, was_in, at = raw.id.split("/")
            partition, offset = int(was_in), int(at)
        return offset <= self._last.get((raw.source, hour_of(raw.received), partition, log_id), -1)


_ADDRESS = re.compile(r"[^/]{1,100}/\d{1,6}/\d{1,18}")


def read(
    place: Place,
    window: Window,
    looked: Looked,
    progress: Callable[[int], None] = lambda _: None,
    opened: Callable[[Manifest], None] = lambda _: None,
) -> Iterator[Archived]:
    """Every record of the window, by hour, then source, then in the order it was received in by its log.

    A segment that is damaged is noted, and the others are read.

    Args:
        place: where the segments are.
        window: what is asked for.
        looked: filled while it goes on.
        progress: told how many records were read, after each segment.
        opened: told of each segment that was read to its end.

    Raises:
        UnavailableError: the place cannot be read now.
    """
    for found in segments(place, window.start, window.end, window.source):
        name = found.stored.name
        looked.opened += 1
        try:
            segment = open_segment(place, name)
            partition = segment.manifest.partition
            for entry in entries(place, name, segment, window.start, window.end):
                raw = entry.raw()
                if window.has(raw):
                    looked.records += 1
                    yield Archived(entry.id(partition, raw), entry.appended, entry.key, raw)
        except RecordError as error:
            looked.damaged.append((name, error.reason))
        except FileNotFoundError:
            looked.damaged.append((name, "it went while it was being read"))
        else:
            opened(segment.manifest)
        progress(looked.records)

"""What a segment's name tells, which is the time index: a segment is found by day, time and source without being opened.

2026-11-23/05-1795411200000000-1795414799000000-9f2c31aa-000000000012-192.0.2.7.zst
day        hour  first and last receive time     chain    number       source, percent-encoded
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final, NamedTuple
from urllib.parse import quote

from soc.archive.place import Place, Stored
from soc.clock import DAY, HOUR, Micros, to_datetime, to_micros

LONGEST_SOURCE: Final = 120
"""Characters of an encoded source in a name; a longer one stands there as ``=`` and a digest. File names end at 255 bytes."""

_NAME = re.compile(
    r"(\d{4}-\d\d-\d\d)/(\d\d)-(\d{1,20})-(\d{1,20})-([0-9a-f]{8})-(\d{12})-([A-Za-z0-9_.%=~-]{1,160})\.zst"
)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class Name(NamedTuple):
    """A segment's name in its parts.

    Attributes:
        hour: its start.
        first: when the earliest of its records was received.
        last: when the latest was.
        chain: id of the chain.
        seq: number in the chain, from 1.
        source: as ``encoded`` gives it.
    """

    hour: Micros
    first: Micros
    last: Micros
    chain: str
    seq: int
    source: str

    @property
    def text(self) -> str:
        """The whole name."""
        moment = to_datetime(self.hour)
        return f"{moment:%Y-%m-%d}/{moment:%H}-{self.first}-{self.last}-{self.chain}-{self.seq:012d}-{self.source}.zst"


def encoded(source: str) -> str:
    """A source as it stands in a name: two sources never give the same."""
    text = quote(source, safe="") or "="
    return text if len(text) <= LONGEST_SOURCE else f"={blake2b(source.encode(), digest_size=16).hexdigest()}"


def hour_of(time: Micros) -> Micros:
    """The start of the hour (UTC) that a time is in; times outside the years 1970 to 9999 are of the first or last hour of those."""
    return min(max(0, time), _LAST) // HOUR * HOUR


_LAST = to_micros(datetime(9999, 12, 31, 23, tzinfo=UTC))


def parse_name(text: str) -> Name | None:
    """A name in its parts; None for an object that is no segment."""
    found = _NAME.fullmatch(text)
    if found is None:
        return None
    day, hour, first, last, chain, seq, source = found.groups()
    try:
        start = to_micros(datetime.fromisoformat(day).replace(tzinfo=UTC)) + int(hour) * HOUR
    except ValueError:
        return None
    return Name(start, int(first), int(last), chain, int(seq), source)


class Found(NamedTuple):
    """A segment as its name tells it, and its size in bytes."""

    name: Name
    stored: Stored


def segments(place: Place, start: Micros = 0, end: Micros | None = None, source: str | None = None) -> Iterator[Found]:
    """The segments that may hold records received in [start, end) from a source, by hour, source and number.

    Only names are read. A segment's times are those of its own records, so none is named in vain for its hour alone.

    Raises:
        UnavailableError: the place cannot be read now.
    """
    wanted = None if source is None else encoded(source)
    for day in place.folders():
        if not _overlaps(day, start, end):
            continue
        found: list[Found] = []
        for stored in place.list(f"{day}/"):
            name = parse_name(stored.name)
            if name is None or name.last < start or (end is not None and name.first >= end):
                continue
            if wanted is None or name.source == wanted:
                found.append(Found(name, stored))
        yield from sorted(found, key=lambda one: (one.name.hour, one.name.source, one.name.chain, one.name.seq))


def _start_of(day: str) -> Micros | None:
    """When a day's folder begins; None for a folder of another kind."""
    try:
        return to_micros(datetime.fromisoformat(day).replace(tzinfo=UTC)) if _DAY.fullmatch(day) else None
    except ValueError:
        return None


def _overlaps(day: str, start: Micros, end: Micros | None) -> bool:
    begins = _start_of(day)
    return begins is not None and begins + DAY > start and (end is None or begins < end)

"""Retention of the archive: a chain and a time in; which of its oldest segments go, and what the chain begins with then, out.

A chain loses segments from its front only, so that what is kept can still be verified to its end: a segment stays while one
before it is young enough to stay.
"""

from typing import NamedTuple

import structlog

from soc.archive.archiver import Chain
from soc.archive.naming import Found, segments
from soc.archive.place import Place
from soc.archive.segment import open_segment
from soc.clock import DAY, Micros
from soc.errors import RecordError

log = structlog.get_logger()


class Expired(NamedTuple):
    """What goes.

    Attributes:
        base: number of the last segment that goes.
        base_hash: its hash.
        since: when the first record of the segment after it was received; 0 if there is none.
        names: of all that go.
    """

    base: int
    base_hash: str
    since: Micros
    names: tuple[str, ...]


def expired(place: Place, chain: Chain, before: Micros) -> Expired | None:
    """The segments of whole days (UTC) that ended before a time; None if none go.

    Raises:
        UnavailableError: the place cannot be read now.
    """
    old = {
        found.name.seq: found
        for found in segments(place, end=_day_of(before))
        if found.name.chain == chain.id and found.name.last < _day_of(before) and found.name.seq <= chain.head
    }
    left = [found for seq, found in old.items() if seq <= chain.base]  # a deletion was interrupted
    seq = chain.base
    gone: list[Found] = []
    while old and seq < max(old):
        if seq + 1 not in old and _is_there(place, chain, seq + 1):
            break
        seq += 1
        if seq in old:
            gone.append(old[seq])
        else:
            log.error("segment_missing", chain=chain.id, segment=seq)
    names = tuple(found.stored.name for found in (*left, *gone))
    if not gone:
        return Expired(chain.base, chain.base_hash, chain.since, names) if names else None
    return Expired(gone[-1].name.seq, _hash_of(place, gone[-1]), _since(place, chain, gone[-1].name.seq + 1), names)


def _day_of(time: Micros) -> Micros:
    return time // DAY * DAY


def _is_there(place: Place, chain: Chain, seq: int) -> bool:
    return any(found.name.chain == chain.id and found.name.seq == seq for found in segments(place))


def _since(place: Place, chain: Chain, seq: int) -> Micros:
    return next(
        (found.name.first for found in segments(place) if (found.name.chain, found.name.seq) == (chain.id, seq)), 0
    )


def _hash_of(place: Place, found: Found) -> str:
    """The hash of a segment that goes; "" if it is damaged: the next one's word is then taken."""
    try:
        return open_segment(place, found.stored.name).hash
    except (RecordError, FileNotFoundError):
        return ""


def days_covered(chain: Chain, now: Micros) -> float:
    """How far back the chain reaches, in days."""
    return (now - chain.since) / DAY if chain.since else 0.0

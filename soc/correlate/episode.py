"""What is open in a group in, revisions of episodes out; and how ids are made."""

import base64
from collections.abc import Sequence
from hashlib import blake2b

import msgspec

from soc.clock import Micros, to_datetime
from soc.correlate.entry import Entry
from soc.model import Detection, Episode, Member

_EDGE = 3  # members with a body at each end of an episode
_LOOK = 200  # how far from each end they are looked for


class OpenEpisode(msgspec.Struct, array_like=True):
    """An episode that can still change.

    Attributes:
        id: its id.
        first_event: the first member when it fired first: what the id is made of, and what keeps it in a split.
        first_time: that event's correlation time.
        fired: which firing of its group it was; of two that merge the smaller one survives.
        first: time of the first satisfied anchor.
        last: time of the last; the members are the entries of [first, last + timespan].
        revision, key, start, end, count, late: as in the last revision.
        peak: the largest number counted in any of its windows.
        sealed: how many members are no longer in memory; their ids (up to the bound) are ``Group.sealed_ids``.
        sealed_last: the last satisfied anchor among them, None if it is not known to be one (base rules only: not needed).
        sealed_sample: the members among them that the sample must keep.
    """

    id: str
    first_event: str
    first_time: Micros
    fired: int
    first: Micros
    last: Micros
    peak: float
    revision: int = 0
    key: str = ""
    start: Micros = 0
    end: Micros = 0
    count: int = 0
    late: bool = False
    sealed: int = 0
    sealed_last: Micros | None = None
    sealed_sample: tuple[Member, ...] = ()


def month(time: Micros) -> str:
    """``202611`` in UTC; a time outside the calendar's years is of the year 1 or 9999."""
    try:
        moment = to_datetime(time)
    except OverflowError:
        return "000101" if time < 0 else "999912"
    return f"{moment.year:04d}{moment.month:02d}"


def episode_id(rule: str, group: Sequence[str], event_id: str, time: Micros) -> str:
    """The id of an episode: the month of its first event, a dash, 26 base32 characters of a digest.

    Each part is preceded by its length, so that no two different lists of parts give the same bytes.
    """
    parts = "".join(f"{len(part)}:{part}" for part in (rule, *group, event_id))
    digest = blake2b(parts.encode(), digest_size=16).digest()
    return f"{month(time)}-{base64.b32encode(digest).decode().rstrip('=').lower()}"


def key_of(members: Sequence[str], count: int) -> str:
    """The digest of the members as a set; where more are counted than listed, of the listed ones and the count."""
    text = "\n".join(sorted(members))
    if count > len(members):
        text += f"\n+{count - len(members)}"
    return blake2b(text.encode(), digest_size=16).hexdigest()


def member_of(entry: Entry, rules: Sequence[str]) -> Member:
    """An entry as a member."""
    return Member(
        event_id=entry.event_id,
        rule=rules[entry.rule],
        source=entry.source,
        time=entry.time,
        received=entry.received,
        fields=entry.fields,
        matched=entry.matched,
    )


def earliest(
    sealed: Sequence[Member], entries: Sequence[Entry], low: int, high: int, rules: Sequence[str], *, each_rule: bool
) -> list[int]:
    """Which of ``entries[low:high]`` the sample needs after ``sealed``, the older members it keeps already.

    Up to three in all that carry fields, and if asked for one of each rule (temporal: without its other half an alert
    explains nothing).
    """
    places: set[int] = set()
    for index in range(low, min(high, low + _LOOK)):
        if len(places) + len(sealed) >= _EDGE:
            break
        if entries[index].fields is not None:
            places.add(index)
    if each_rule:
        missing = set(range(len(rules))) - {entries[index].rule for index in places}
        missing -= {number for number, name in enumerate(rules) if any(member.rule == name for member in sealed)}
        for number in sorted(missing):
            of_rule = [index for index in range(low, high) if entries[index].rule == number]
            if of_rule:
                places.add(next((index for index in of_rule if entries[index].fields is not None), of_rule[0]))
    return sorted(places)


def sample_of(
    sealed: Sequence[Member], entries: Sequence[Entry], low: int, high: int, rules: Sequence[str], *, each_rule: bool
) -> tuple[Member, ...]:
    """The bounded sample of an episode: ``earliest`` and the latest three that carry fields.

    Args:
        sealed: sample members that are older than all entries.
        entries: the group's entries; ``entries[low:high]`` are the episode's.
        low: see ``entries``.
        high: see ``entries``.
        rules: names by number.
        each_rule: see ``earliest``.
    """
    places = set(earliest(sealed, entries, low, high, rules, each_rule=each_rule))
    latest = 0
    for index in range(high - 1, max(low, high - _LOOK) - 1, -1):
        if latest == _EDGE:
            break
        if entries[index].fields is not None:
            places.add(index)
            latest += 1
    if not places and not sealed and high > low:
        places.update((low, high - 1))  # nothing carries fields: show at least where it began and ended
    return (*sealed, *(member_of(entries[index], rules) for index in sorted(places)))


def single(detection: Detection, rule_set: str) -> Episode:
    """The episode of a single-event rule: complete at once, and the same each time the detection comes."""
    return Episode(
        id=episode_id(detection.rule, (), detection.event_id, detection.time),
        key=key_of((detection.event_id,), 1),
        revision=1,
        rule=detection.rule,
        rule_set=rule_set,
        type="event",
        group=(),
        start=detection.time,
        end=detection.time,
        count=1,
        members=(detection.event_id,),
        sample=(
            Member(
                event_id=detection.event_id,
                rule=detection.rule,
                source=detection.source,
                time=detection.time,
                received=detection.received,
                fields=detection.fields,
                matched=detection.matched,
            ),
        ),
        value=1,
        late=detection.late,
    )

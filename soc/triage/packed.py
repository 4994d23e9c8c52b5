"""A repeat in, the few bytes that stay of it out; and the repeat again, as far as they and its first one tell.

The first ``KEPT`` repeats of an alert are kept whole: they follow what becomes of it, and one of them takes its place when it turns out
to be none. Of the others the document is written once and only this line stays, so that closing an alert with 100,000 repeats
writes two dozen documents and triage's memory does not grow with a storm.
"""

import msgspec

from soc.clock import DAY, Micros
from soc.model import Alert, decode, encode

KEPT = 25
"""Repeats of one alert that are kept whole, the earliest ones."""

KNOWN_FOR: Micros = 400 * DAY
"""How long a line is kept: longer than the twelve months whose raw lines may be replayed."""


class Packed(msgspec.Struct, frozen=True, array_like=True):
    """What stays of a repeat: the first one it repeats (or that one's heir), and what a later revision of it must be held against."""

    first: str
    episode_revision: int
    first_seen: Micros
    last_seen: Micros
    raised: Micros


class Storeroom:
    """The packed repeats; keys of the state: ``r/<id>``, and ``q/<id>`` for a first one whose place another took."""

    def __init__(self) -> None:
        self._packed: dict[str, Packed] = {}
        self._heirs: dict[str, str] = {}

    def restore(self, id_: str, value: bytes) -> None:
        """Take up one committed line.

        Raises:
            RecordError: it is none.
        """
        self._packed[id_] = decode(value, Packed)

    def restore_heir(self, id_: str, value: bytes) -> None:
        """Take up who took the place of a first one."""
        self._heirs[id_] = value.decode()

    def get(self, id_: str) -> Packed | None:
        """What stays of a packed repeat; its first one is the one that holds now."""
        found = self._packed.get(id_)
        if found is None:
            return None
        first = found.first
        while first in self._heirs:
            first = self._heirs[first]
        return msgspec.structs.replace(found, first=first)

    def put(self, repeat: Alert, state: dict[bytes, bytes | None]) -> None:
        """Pack one."""
        line = Packed(repeat.duplicate_of, repeat.episode_revision, repeat.first_seen, repeat.last_seen, repeat.raised)
        self._packed[repeat.id] = line
        state[b"r/" + repeat.id.encode()] = encode(line)

    def take(self, id_: str, state: dict[bytes, bytes | None]) -> None:
        """It is whole again."""
        if self._packed.pop(id_, None) is not None:
            state[b"r/" + id_.encode()] = None

    def inherit(self, old: str, heir: str, state: dict[bytes, bytes | None]) -> None:
        """What repeated ``old`` repeats ``heir`` from now on."""
        if self._heirs.pop(heir, None) is not None:
            state[b"q/" + heir.encode()] = None
        self._heirs[old] = heir
        state[b"q/" + old.encode()] = heir.encode()

    def earliest(self, first: str) -> str:
        """Of the packed repeats of one the earliest; "" if there is none. Asked only when no whole one is left."""
        found = [(line.first_seen, id_) for id_ in self._packed if (line := self.get(id_)) and line.first == first]
        return min(found)[1] if found else ""

    def prune(self, before: Micros, state: dict[bytes, bytes | None]) -> None:
        """Forget lines that were raised before a time."""
        for id_ in [id_ for id_, line in self._packed.items() if line.raised < before]:
            self.take(id_, state)


def unpacked(id_: str, line: Packed, first: Alert) -> Alert:
    """The repeat as far as is known: rule and entities are those of its first one, its own sample is in the store alone."""
    return msgspec.structs.replace(
        first,
        id=id_,
        episode_revision=line.episode_revision,
        state="live",
        merged_into="",
        first_seen=line.first_seen,
        last_seen=line.last_seen,
        raised=line.raised,
        count=1,
        members=(),
        sample=(),
        owner="",
        notes=(),
        new_activity=False,
        duplicate_of=first.id,
        repeats=0,
        last_repeat=0,
    )


def packable(repeat: Alert, first: Alert | None) -> bool:
    """Whether nobody did anything to it apart from its first one."""
    apart = repeat.owner or repeat.notes or first is None
    return not apart and repeat.status == (first.status if first else "") and repeat.state == "live"

"""What the engine learns of each source beside its events: rhythm and clock, in the state that commits with its outputs.

Looked at once a source and minute only; ``soc sources``, ``soc doctor`` and the health page read it from outside.
"""

from collections.abc import Iterable, Mapping
from itertools import chain

import msgspec

from soc.clock import MINUTE, Micros
from soc.model import Event
from soc.pipeline.clock_offset import KEPT_SAMPLES, Sample
from soc.pipeline.rhythm import MEMORY_MINUTES, Rhythm, is_known

STATE_PREFIX = b"source/"

MAX_SOURCES = 4096
"""Of one partition. Beyond it the strangers go first, those heard longest ago: a flood of forged senders evicts forged senders."""

_EVICTED_AT_ONCE = MAX_SOURCES // 8


class SourceState(msgspec.Struct, array_like=True):
    """What is known of one source.

    Attributes:
        samples: of its clock, oldest first.
        no_zone: its newest stamp said no zone.
        profile: that its newest line was read with, "" for none.
    """

    rhythm: Rhythm
    samples: list[Sample] = []
    no_zone: bool = False
    profile: str = ""

    def merge(self, other: "SourceState") -> None:
        """Take up what another partition knows of the same source."""
        if other.rhythm.last > self.rhythm.last:
            self.no_zone, self.profile = other.no_zone, other.profile
        self.rhythm.merge(other.rhythm)
        self.samples = sorted((*self.samples, *other.samples))[-KEPT_SAMPLES:]


class SourceWatch:
    """The sources of one raw partition."""

    def __init__(self) -> None:
        self._states: dict[str, SourceState] = {}
        self._until: dict[str, Micros] = {}
        self._changed: set[str] = set()

    def restore(self, state: Mapping[bytes, bytes]) -> None:
        """Take up what is committed."""
        self._states = read_sources([state])
        self._until = {name: (known.rhythm.last + 1) * MINUTE for name, known in self._states.items()}

    def is_due(self, source: str, received: Micros) -> bool:
        """Whether a record of this source begins a minute in which it was not heard yet; asked for every record."""
        return received >= self._until.get(source, 0)

    def observe(self, source: str, received: Micros, event: Event | None, profile: str) -> None:
        """Take up a record.

        Args:
            source: as in the raw record.
            received: as in the raw record.
            event: what it became; None for a dead letter or a discarded line, which show that it sends.
            profile: that it was read with.
        """
        minute = received // MINUTE
        known = self._states.get(source)
        if known is None:
            if len(self._states) >= MAX_SOURCES:
                self._evict()
            known = self._states[source] = SourceState(Rhythm(minute, minute))
        else:
            known.rhythm.hear(minute)
        known.profile = profile
        if event is not None and event.clock is not None:
            known.no_zone = "no_zone" in event.time_flags
            known.samples = [*known.samples, (minute, event.clock // 1000)][-KEPT_SAMPLES:]
        self._until[source] = (minute + 1) * MINUTE
        self._changed.add(source)

    def changes(self) -> dict[bytes, bytes | None]:
        """What must be committed."""
        changes: dict[bytes, bytes | None] = {}
        for name in self._changed:
            known = self._states.get(name)
            changes[STATE_PREFIX + name.encode()] = None if known is None else msgspec.msgpack.encode(known)
        self._changed.clear()
        return changes

    def _evict(self) -> None:
        newest = max(known.rhythm.last for known in self._states.values())
        order = sorted(self._states, key=lambda name: (is_known(self._states[name].rhythm), self._last(name), name))
        gone = [name for name in self._states if self._last(name) < newest - MEMORY_MINUTES]
        for name in dict.fromkeys(chain(gone, order[: max(0, _EVICTED_AT_ONCE - len(gone))])):
            del self._states[name]
            self._until.pop(name, None)
            self._changed.add(name)

    def _last(self, name: str) -> int:
        return self._states[name].rhythm.last


def read_sources(states: Iterable[Mapping[bytes, bytes]]) -> dict[str, SourceState]:
    """Every source by name, from the committed states of the engine's partitions."""
    found: dict[str, SourceState] = {}
    for state in states:
        for key, value in state.items():
            if key.startswith(STATE_PREFIX):
                name = key[len(STATE_PREFIX) :].decode()
                part = msgspec.msgpack.decode(value, type=SourceState)
                known = found.setdefault(name, part)
                if known is not part:
                    known.merge(part)
    return found

"""Raw records of one partition in, in their order; whole events out: single lines at once, the parts of one event together.

What waits is state of the engine, and is decided by the records alone: their order, the stamps in them and when they were
appended to ``soc.raw``. So wherever a batch is cut and whoever takes over, the same events come out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from soc.clock import SECOND, Micros
from soc.model.record import RawRecord
from soc.normalize.heads import Heads
from soc.normalize.joining import Place
from soc.normalize.normalizer import Normalizer

STATE_PREFIX = b"assemble/"

QUIET: Final[Micros] = 2 * SECOND
"""An event to which nothing came for so long is whole; also auditd's own limit (auditd.conf(5), end_of_event_timeout)."""
OLDEST: Final[Micros] = 10 * SECOND
"""From its first part to its last."""
SLACK: Final[Micros] = SECOND
"""What is read now may have been appended so much earlier: the wall clock ends a wait only so much later."""
MOST_PARTS: Final = 500
MOST_BYTES: Final = 262_144
"""Of one event; what comes then begins another."""
MOST_OPEN: Final = 10_000
"""Events of a partition that wait; of more the one that waited longest is taken as whole. A quarter of a million of lines."""
MOST_HELD: Final = 64 * 1024 * 1024
"""Bytes of a partition that wait."""
INTERLEAVED: Final = 4
"""Records of other events that may come between the last part of an auditd event and its end mark, from other processors."""
SEARCHED: Final = 64
"""Waiting events that a line without a header is compared with."""


class Part(msgspec.Struct, frozen=True, array_like=True):
    """A part after the first: its raw id, bytes, when it was received, and what the raw record says of its coming."""

    id: str
    data: bytes
    received: Micros
    cut: bool
    unauthenticated: bool = False


class Open(msgspec.Struct, array_like=True):
    """An event that waits for its next part.

    Attributes:
        id: of the first part, which is the event's.
        key: of the first part on the bus.
        first: the first part.
        place: (stream, event, stamp) of ``Place``.
        opened: when the first part was appended.
        touched: when the newest one was.
        reached: how far the source's clock had come when it began to wait (``soc.pipeline.watermarks``).
        parts: the others.
        size: bytes of all.
        others: records of other events since its last part but the end mark; -1 before that.
        turn: grows with each part that comes to any event: the order in which they wait.
    """

    id: str
    key: bytes
    first: RawRecord
    place: tuple[str, str, Micros]
    opened: Micros
    touched: Micros
    reached: Micros
    parts: list[Part]
    size: int
    others: int = -1
    turn: int = 0


@dataclass(frozen=True, slots=True)
class Whole:
    """What is to be normalized as one.

    Attributes:
        record: its bytes are the parts' joined by LF; all else is the first part's.
        id: the first part's.
        key: the first part's on the bus.
        head: what its source declared of its columns (``soc.normalize.heads``).
        parts: those after the first.
    """

    record: RawRecord
    id: str
    key: bytes
    head: str = ""
    parts: Sequence[Part] = ()


def _never(source: str) -> Micros:  # noqa: ARG001 - the shape of the engine's
    return 0


class Assembler:
    """The events of one partition that wait for their parts."""

    def __init__(self, normalizer: Normalizer, reached: Callable[[str], Micros] = _never) -> None:
        """Set up, empty.

        Args:
            normalizer: knows the profile of a record.
            reached: (source) → how far its clock has come; asked when an event begins to wait.
        """
        self._normalizer = normalizer
        self._reached = reached
        self._heads = Heads()
        self._open: dict[tuple[str, str], Open] = {}  # the one touched longest ago first
        self._streams: dict[str, dict[str, Open]] = {}
        self._bytes = 0
        self._turn = 0
        self._changed: set[str] = set()
        self._committed: set[str] = set()

    @property
    def held(self) -> Micros | None:
        """How far a watermark may go: no event that waits becomes late by waiting. None while nothing waits."""
        return min(found.reached for found in self._open.values()) if self._open else None

    def restore(self, state: Mapping[bytes, bytes]) -> None:
        """Take up what waited in a committed state."""
        rows = [msgspec.msgpack.decode(v, type=Open) for k, v in state.items() if k.startswith(STATE_PREFIX)]
        for row in sorted(rows, key=lambda row: row.turn):
            self._keep(row)
            self._committed.add(row.id)
            self._turn = row.turn
        self._changed.clear()
        self._heads.restore(state)

    def changes(self) -> dict[bytes, bytes | None]:
        """What must be committed with the outputs of the records taken since."""
        found = self._heads.changes()
        if self._changed:
            waiting = {row.id: row for row in self._open.values()}
            for name in self._changed:
                row = waiting.get(name)
                if row is not None:
                    found[STATE_PREFIX + name.encode()] = msgspec.msgpack.encode(row)
                    self._committed.add(name)
                elif name in self._committed:
                    found[STATE_PREFIX + name.encode()] = None
                    self._committed.discard(name)
            self._changed.clear()
        return found

    def take(self, record: RawRecord, id: str, key: bytes, appended: Micros) -> Sequence[Whole]:  # noqa: A002 - the model's own name
        """One record.

        Args:
            record: as read from ``soc.raw``.
            id: its raw id.
            key: its key on the bus.
            appended: when it was appended; does not go back within a partition.

        Returns:
            The events that are whole now, those that waited first. A record that is no part of them waits itself.
        """
        done = self.expire(appended) if self._open else []
        place = self._place(record)
        if place is None:
            head = self._heads.of(record)
            if record.data.startswith(b"#") and self._heads.observe(record, key):
                head = ""
            done.append(Whole(record, id, key, head))
            return done
        stream = self._streams.get(place.stream) or self._nearby(record, place)
        if stream:
            done += self._overtaken(stream, place)
        found = stream.get(place.event) if stream else None
        if found is not None and (place.begins or self._is_full(found, record, appended)):
            done.append(self._close(found))
            found = None
        if found is not None:
            self._add(found, Part(id, record.data, record.received, record.cut, record.unauthenticated), appended)
        elif place.alone or place.ends:
            done.append(Whole(record, id, key))
            return done
        else:
            reached, size = self._reached(record.source), len(record.data)
            where = (place.stream, place.event, place.stamp)
            self._turn += 1
            found = Open(id, key, record, where, appended, appended, reached, [], size, turn=self._turn)
            self._keep(found)
        if place.ripens:
            found.others = 0
        if place.ends:
            done.append(self._close(found))
        while len(self._open) > MOST_OPEN or self._bytes > MOST_HELD:
            done.append(self._close(next(iter(self._open.values()))))
        return done

    def expire(self, at: Micros) -> list[Whole]:
        """What is whole because nothing came to it for long.

        Args:
            at: when the next record was appended; if there is none, the wall clock less ``SLACK``.
        """
        done: list[Whole] = []
        while self._open:
            oldest = next(iter(self._open.values()))
            if oldest.touched + QUIET > at:
                break
            done.append(self._close(oldest))
        return done

    def flush(self) -> list[Whole]:
        """The end of the input: everything is whole."""
        return [self._close(found) for found in list(self._open.values())]

    def _place(self, record: RawRecord) -> Place | None:
        if len(record.data) > MOST_BYTES:
            return None
        joining = self._normalizer.joining(record)
        return None if joining is None else joining.place(record)

    def _nearby(self, record: RawRecord, place: Place) -> dict[str, Open] | None:
        """The stream that a line without a header goes on from: the last of the same connection."""
        if not place.headless or place.begins:
            return None
        for _, found in zip(range(SEARCHED), reversed(self._open.values()), strict=False):
            if found.place[1] == "" and (found.first.source, found.first.peer) == (record.source, record.peer):
                return self._streams[found.place[0]]
        return None

    def _overtaken(self, stream: dict[str, Open], place: Place) -> list[Whole]:
        """What a record of another event shows to be whole."""
        done: list[Whole] = []
        for found in list(stream.values()):
            if found.place[1] == place.event:
                continue
            if found.others >= 0:
                found.others += 1
                self._changed.add(found.id)
            if found.others > INTERLEAVED or place.stamp >= found.place[2] + QUIET:
                done.append(self._close(found))
        return done

    def _is_full(self, found: Open, record: RawRecord, appended: Micros) -> bool:
        return (
            len(found.parts) + 1 >= MOST_PARTS
            or found.size + len(record.data) > MOST_BYTES
            or appended >= found.opened + OLDEST
        )

    def _keep(self, found: Open) -> None:
        stream, event, _ = found.place
        self._open[stream, event] = found
        self._streams.setdefault(stream, {})[event] = found
        self._bytes += found.size
        self._changed.add(found.id)

    def _add(self, found: Open, part: Part, appended: Micros) -> None:
        found.parts.append(part)
        found.size += len(part.data)
        found.touched = appended
        self._turn += 1
        found.turn = self._turn
        self._bytes += len(part.data)
        stream, event, _ = found.place
        self._open[stream, event] = self._open.pop((stream, event))
        self._changed.add(found.id)

    def _close(self, found: Open) -> Whole:
        stream, event, _ = found.place
        del self._open[stream, event]
        events = self._streams[stream]
        del events[event]
        if not events:
            del self._streams[stream]
        self._bytes -= found.size
        self._changed.add(found.id)
        record = found.first
        if found.parts:
            data = b"\n".join((record.data, *(part.data for part in found.parts)))
            cut = record.cut or any(part.cut for part in found.parts)
            unsure = record.unauthenticated or any(part.unauthenticated for part in found.parts)
            record = msgspec.structs.replace(record, data=data, cut=cut, unauthenticated=unsure)
        return Whole(record, found.id, found.key, parts=found.parts)


def waiting(state: Mapping[bytes, bytes]) -> int:
    """How many records wait in a committed state."""
    rows = (msgspec.msgpack.decode(v, type=Open) for k, v in state.items() if k.startswith(STATE_PREFIX))
    return sum(1 + len(row.parts) for row in rows)

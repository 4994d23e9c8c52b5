"""One partition of ``soc.raw``: records in; segments to be written, and the state to commit with how far was read, out.

    take     records are held by (source, hour)
    cut      what is held becomes compressed chunks in the state; what is to be closed is named there: ``closing``
             ── commit: chunks + names + position of the input ──
    segments the closing's segments, one after another, to be put into the place
    closed   their chunks leave the state, the chain's head moves
             ── commit ──

Nothing is in the place that a committed closing has not named, and a closing is committed before its first segment is
written. So whoever is killed in between, or takes over, writes the same names again: no record is archived twice in a
chain, none is missing, and no object is left over that nobody knows.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from soc.archive.naming import hour_of
from soc.archive.segment import VERSION, ZERO, Entry, Frame, Manifest, digest, pack, seal, unpack
from soc.bus.base import Record
from soc.clock import HOUR, MINUTE, SECOND, Micros
from soc.model import decode, encode

CHAIN, CLOSING, OPEN, PAST = b"chain", b"closing", b"open/", b"past/"
"""Keys of the state: this chain, the closing under way, chunks by number, chains that a migration ended."""

CHUNK_BYTES: Final = 1024 * 1024
"""Of records' values in one chunk or frame."""

CUT_BYTES: Final = 8 * 1024 * 1024
CUT_AFTER: Final[Micros] = SECOND
"""Held at most, and for how long at most once no more records come."""

SETTLED: Final[Micros] = MINUTE
"""A segment is closed when its hour is over and no record came to it for so long: reading a backlog makes whole segments."""

AT_ONCE: Final = 64
"""Segments of one closing: between two of them the input is read on."""

Changes = dict[bytes, bytes | None]
_Slot = tuple[str, Micros]
"""(source, hour)."""


class Chain(msgspec.Struct, frozen=True, array_like=True):
    """A chain of segments, as far as it is committed.

    Attributes:
        id: eight hexadecimal digits, new for each chain.
        head: number of the last segment closed, 0 if there is none.
        head_hash: its hash.
        base: number of the last segment that retention deleted, 0 if there is none.
        base_hash: its hash.
        since: when the first record of the oldest segment that is kept was received; 0 without one.
    """

    id: str
    head: int = 0
    head_hash: str = ZERO
    base: int = 0
    base_hash: str = ZERO
    since: Micros = 0


class Chunk(msgspec.Struct, frozen=True, array_like=True):
    """A part of an open segment: one packed frame, and what the manifest will say of it."""

    source: str
    hour: Micros
    records: int
    raw_bytes: int
    first: Micros
    last: Micros
    logs: dict[str, tuple[int, int]]
    frame: bytes


class Planned(msgspec.Struct, frozen=True, array_like=True):
    """A segment to be closed: the numbers of its chunks in order."""

    source: str
    hour: Micros
    chunks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Bounds:
    """When segments are closed before their hour is over.

    Attributes:
        segment: compressed bytes of one.
        open: compressed bytes of all that are open in a partition.
    """

    segment: int
    open: int


@dataclass(slots=True)
class _Held:
    """Records of one slot that are in no chunk yet."""

    entries: list[Entry] = field(default_factory=list[Entry])
    received: list[Micros] = field(default_factory=list[Micros])
    bytes: int = 0


@dataclass(slots=True)
class _Open:
    """An open segment: its chunks by number, their compressed size, and when a record last came to it."""

    chunks: dict[int, Chunk] = field(default_factory=dict[int, Chunk])
    size: int = 0
    touched: Micros = 0


class Archiver:
    """The archive's work on one partition; it does no input or output."""

    def __init__(self, partition: int, bounds: Bounds, new_id: Callable[[], str]) -> None:
        """Start with nothing; ``new_id`` gives the id of a new chain."""
        self._partition = partition
        self._bounds = bounds
        self._chain = Chain(new_id())
        self._past: dict[str, Chain] = {}
        self._held: dict[_Slot, _Held] = {}
        self._held_bytes = 0
        self._held_since: Micros = 0
        self._open: dict[_Slot, _Open] = {}
        self._next = 0
        self._closing: tuple[Planned, ...] = ()
        self._after: Chain | None = None

    def restore(self, state: Mapping[bytes, bytes], now: Micros) -> None:
        """Take up the chain, the open segments and a closing that was under way."""
        if CHAIN in state:
            self._chain = decode(state[CHAIN], Chain)
        self._past = {chain.id: chain for chain in (decode(v, Chain) for k, v in state.items() if k.startswith(PAST))}
        for key in sorted(key for key in state if key.startswith(OPEN)):
            number = int(key.removeprefix(OPEN), 16)
            self._add(number, decode(state[key], Chunk), now)
        if CLOSING in state:
            self._closing = decode(state[CLOSING], tuple[Planned, ...])

    @property
    def chain(self) -> Chain:
        """The chain as it was last committed."""
        return self._chain

    @property
    def chains(self) -> Sequence[Chain]:
        """All whose segments are kept from here: those that a migration ended, then this one."""
        return (*self._past.values(), self._chain)

    @property
    def open_records(self) -> int:
        """Records that are in no closed segment yet."""
        chunks = sum(chunk.records for one in self._open.values() for chunk in one.chunks.values())
        return chunks + sum(len(held.entries) for held in self._held.values())

    def take(self, records: Sequence[Record], now: Micros) -> None:
        """Hold records."""
        if records and not self._held:
            self._held_since = now
        for record in records:
            entry = Entry.of(record)
            raw = entry.raw()
            held = self._held.setdefault((raw.source, hour_of(raw.received)), _Held())
            held.entries.append(entry)
            held.received.append(raw.received)
            held.bytes += len(entry.value)
            self._held_bytes += len(entry.value)

    def is_due(self, now: Micros) -> bool:
        """Whether it is time to ``cut``."""
        if self._held and (self._held_bytes >= CUT_BYTES or now - self._held_since >= CUT_AFTER):
            return True
        return any(self._is_over(slot, one, now) for slot, one in self._open.items())

    def cut(self, now: Micros, *, everything: bool = False) -> Changes:
        """Make chunks of what is held, and name what is to be closed, unless a closing is under way.

        Args:
            now: the time.
            everything: close what is open whether its hour is over or not.
        """
        changes: Changes = {}
        for held in self._held.values():
            for chunk in _chunks(held):
                self._add(self._next, chunk, now)
                changes[_key(self._next - 1)] = encode(chunk)
        self._held = {}
        self._held_bytes = 0
        if not self._closing:
            self._closing = self._plan(now, everything=everything)
            if self._closing:
                changes[CLOSING] = encode(self._closing)
        if changes:
            changes[CHAIN] = encode(self._chain)
        return changes

    @property
    def is_closing(self) -> bool:
        """Whether ``segments`` has something to write."""
        return bool(self._closing)

    def segments(self) -> Iterator[tuple[Manifest, bytes]]:
        """Manifest and bytes of each segment of the closing, in the order of the chain; ``closed`` is for when all are durable."""
        chain = self._chain
        for planned in self._closing:
            open_one = self._open[planned.source, planned.hour]
            manifest, frames = self._segment(chain, planned, [open_one.chunks[number] for number in planned.chunks])
            data, made = seal(manifest, frames)
            yield manifest, data
            chain = msgspec.structs.replace(
                chain, head=manifest.seq, head_hash=made, since=chain.since or manifest.first
            )
        self._after = chain

    def closed(self) -> Changes:
        """After every segment of the closing was written: what to commit."""
        assert self._after is not None, "segments were written to the end"
        changes: Changes = {CLOSING: None}
        for planned in self._closing:
            slot = planned.source, planned.hour
            for number in planned.chunks:
                chunk = self._open[slot].chunks.pop(number)
                self._open[slot].size -= len(chunk.frame)
                changes[_key(number)] = None
            if not self._open[slot].chunks:
                del self._open[slot]
        self._closing, self._chain, self._after = (), self._after, None
        changes[CHAIN] = encode(self._chain)
        return changes

    def forget(self, chain: Chain, base: int, base_hash: str, since: Micros) -> Changes:
        """Retention is about to delete a chain's segments up to number ``base``: what to commit before."""
        changed = msgspec.structs.replace(chain, base=base, base_hash=base_hash, since=since)
        if chain.id == self._chain.id:
            self._chain = changed
            return {CHAIN: encode(changed)}
        self._past[chain.id] = changed
        return {PAST + chain.id.encode(): encode(changed)}

    def _add(self, number: int, chunk: Chunk, now: Micros) -> None:
        one = self._open.setdefault((chunk.source, chunk.hour), _Open())
        one.chunks[number] = chunk
        one.size += len(chunk.frame)
        one.touched = now
        self._next = max(self._next, number + 1)

    def _is_over(self, slot: _Slot, one: _Open, now: Micros) -> bool:
        return now >= slot[1] + HOUR and now >= one.touched + SETTLED

    def _plan(self, now: Micros, *, everything: bool) -> tuple[Planned, ...]:
        """What to close: what is over or has its size, oldest hour first; the largest while too much is open."""
        chosen = [
            slot
            for slot, one in self._open.items()
            if everything or one.size >= self._bounds.segment or self._is_over(slot, one, now)
        ]
        chosen.sort(key=lambda slot: (slot[1], slot[0]))
        size = sum(one.size for slot, one in self._open.items() if slot not in chosen)
        for slot in sorted(self._open.keys() - set(chosen), key=lambda slot: -self._open[slot].size):
            if size <= self._bounds.open:
                break
            chosen.append(slot)
            size -= self._open[slot].size
        return tuple(Planned(*slot, tuple(self._open[slot].chunks)) for slot in chosen[:AT_ONCE])

    def _segment(self, chain: Chain, planned: Planned, chunks: Sequence[Chunk]) -> tuple[Manifest, list[bytes]]:
        logs: dict[str, tuple[int, int]] = {}
        for chunk in chunks:
            for log_id, (first, last) in chunk.logs.items():
                low, high = logs.get(log_id, (first, last))
                logs[log_id] = min(low, first), max(high, last)
        whole = list(_merged(chunks))
        frames = [chunk.frame for chunk in whole]
        manifest = Manifest(
            version=VERSION,
            chain=chain.id,
            seq=chain.head + 1,
            prev=chain.head_hash,
            partition=self._partition,
            source=planned.source,
            hour=planned.hour,
            records=sum(chunk.records for chunk in chunks),
            raw_bytes=sum(chunk.raw_bytes for chunk in chunks),
            first=min(chunk.first for chunk in chunks),
            last=max(chunk.last for chunk in chunks),
            logs=logs,
            frames=tuple(Frame(len(one.frame), one.records, one.first, one.last) for one in whole),
            content=digest(frames),
        )
        return manifest, frames


def open_chunks(states: Mapping[int, Mapping[bytes, bytes]]) -> Iterator[tuple[int, Chunk]]:
    """The chunks that committed states hold, with their partition: what is archived and in no segment yet."""
    for partition, state in states.items():
        for key in sorted(key for key in state if key.startswith(OPEN)):
            yield partition, decode(state[key], Chunk)


def _key(number: int) -> bytes:
    return OPEN + b"%016x" % number


def _chunks(held: _Held) -> Iterator[Chunk]:
    """What is held of one slot as chunks of about ``CHUNK_BYTES``."""
    start = size = 0
    for index, entry in enumerate(held.entries):
        size += len(entry.value)
        if size >= CHUNK_BYTES or index + 1 == len(held.entries):
            yield _chunk(held.entries[start : index + 1], held.received[start : index + 1], size)
            start, size = index + 1, 0


def _chunk(entries: Sequence[Entry], received: Sequence[Micros], size: int) -> Chunk:
    raw = entries[0].raw()
    logs: dict[str, tuple[int, int]] = {}
    for entry in entries:
        low, high = logs.get(entry.log_id, (entry.offset, entry.offset))
        logs[entry.log_id] = min(low, entry.offset), max(high, entry.offset)
    return Chunk(
        raw.source, hour_of(raw.received), len(entries), size, min(received), max(received), logs, pack(entries)
    )


def _merged(chunks: Sequence[Chunk]) -> Iterator[Chunk]:
    """The chunks, small neighbours packed together: a source of few lines makes one frame of an hour, not one a second."""
    small: list[Chunk] = []
    for chunk in chunks:
        if chunk.raw_bytes + sum(one.raw_bytes for one in small) > CHUNK_BYTES and small:
            yield _joined(small)
            small = []
        small.append(chunk)
    if small:
        yield _joined(small)


def _joined(chunks: Sequence[Chunk]) -> Chunk:
    if len(chunks) == 1:
        return chunks[0]
    entries = [entry for chunk in chunks for entry in unpack(chunk.frame)]
    return msgspec.structs.replace(
        chunks[0],
        records=len(entries),
        raw_bytes=sum(chunk.raw_bytes for chunk in chunks),
        first=min(chunk.first for chunk in chunks),
        last=max(chunk.last for chunk in chunks),
        frame=pack(entries),
    )

"""State to changelog records and back: the keys, the encodings, and how large one record may become.

    w                                   how far event time has come
    p <rule> <group> <number>           up to 8 entries of a group, in the order they came (so: of one stretch of time)
    c <rule> <group> <child episode>    the latest revision of one child
    h <rule> <group>                    open episodes, and from which place on entries count
    m <rule> <group> <number>           up to 128 ids of members that are no longer in memory

<rule> is 8 bytes of the digest of the rule (with all rules below it), <group> 16 bytes of that of the group's values. Only
pieces that changed are written, a full one never again, and a piece goes when its newest entry is no longer needed. Other
keys in the same state (the stage's own) are left alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from soc.clock import Micros
from soc.correlate.entry import Child, Entry, Place, Taken
from soc.correlate.episode import OpenEpisode
from soc.correlate.watermark import Progress

WATERMARKS = b"w"
PIECE = 8
SEALED_PIECE = 128

_RULE = slice(1, 9)
_GROUP = slice(1, 25)
_KINDS = frozenset((b"p", b"c", b"h", b"m"))

_encode = msgspec.msgpack.Encoder().encode
encode_text: Callable[[str], bytes] = _encode
"""A text as it stands in an encoded entry: with its length before it."""
encode_entry: Callable[[Entry | Taken], bytes] = _encode
"""An event's entry, to stand in a piece."""
_ARRAYS = [bytes((0x90 | size,)) for size in range(16)]
"""MessagePack's headers of short arrays (its fixarray)."""

Changes = dict[bytes, bytes | None]


class Head(msgspec.Struct, array_like=True):
    """What a group knows beside its entries.

    Attributes:
        floor: entries before this place are gone.
        firings: how often an episode of it fired.
        episodes: the open ones, in order of time.
        retired: id → (last revision, time of the first event) of episodes that merged or were retracted and whose id
            could come back.
    """

    values: tuple[str, ...]
    floor: Place
    firings: int
    episodes: list[OpenEpisode]
    retired: dict[str, tuple[int, Micros]]


class Piece(NamedTuple):
    """Entries as they were written together."""

    number: int
    entries: list[Entry]


@dataclass(slots=True)
class Kept:
    """All that is kept of one group."""

    values: tuple[str, ...] = ()
    pieces: list[Piece] = field(default_factory=list[Piece])
    children: list[Child] = field(default_factory=list[Child])
    head: Head | None = None
    sealed: dict[int, list[str]] = field(default_factory=dict[int, list[str]])

    def take_piece(self, number: int, value: bytes) -> None:
        """Add a piece; they come in order."""
        self.values, entries = _decode_piece.decode(value)
        self.pieces.append(Piece(number, entries))

    def quiet(self, few: int) -> bool:
        """Is it a first piece of up to ``few`` entries and nothing else?"""
        if self.head is not None or self.children or self.sealed or len(self.pieces) != 1:
            return False
        return not self.pieces[0].number and len(self.pieces[0].entries) <= few


_decode_progress = msgspec.msgpack.Decoder(Progress)
_decode_piece = msgspec.msgpack.Decoder(tuple[tuple[str, ...], list[Entry]])
_decode_entries = msgspec.msgpack.Decoder(list[Entry])
_decode_child = msgspec.msgpack.Decoder(tuple[tuple[str, ...], Child])
_decode_head = msgspec.msgpack.Decoder(Head)
_decode_sealed = msgspec.msgpack.Decoder(list[str])


def rule_key(digest: str) -> bytes:
    """The 8 bytes that stand for a rule."""
    return blake2b(digest.encode(), digest_size=8).digest()


def group_key(rule: bytes, values: tuple[str, ...]) -> bytes:
    """The 24 bytes that stand for a group of a rule."""
    return rule + blake2b(_encode(values), digest_size=16).digest()


def piece_key(group: bytes, number: int) -> bytes:
    """Where a piece of entries is kept."""
    return b"p" + group + number.to_bytes(6, "big")


def group_of(record: bytes) -> bytes:
    """The ``group_key`` in the key of a record."""
    return record[_GROUP]


def first_piece_key(rule: bytes, values: tuple[str, ...]) -> bytes:
    """Where the first piece of a group of a rule is kept."""
    return b"p" + rule + blake2b(_encode(values), digest_size=16).digest() + b"\0\0\0\0\0\0"


def sealed_key(group: bytes, number: int) -> bytes:
    """Where a piece of member ids is kept."""
    return b"m" + group + number.to_bytes(4, "big")


def child_key(group: bytes, event_id: str) -> bytes:
    """Where a child is kept."""
    return b"c" + group + event_id.encode()


def head_key(group: bytes) -> bytes:
    """Where the head is kept."""
    return b"h" + group


def decode_entries(number: int, entries: bytes) -> list[Entry]:
    """Up to 15 entries that were encoded one after another."""
    return _decode_entries.decode(_ARRAYS[number] + entries)


def piece_value(values: tuple[str, ...], number: int, entries: bytes) -> bytes:
    """A piece of ``number`` entries, up to 15, that are encoded already, one after another."""
    return b"\x92" + _encode(values) + _ARRAYS[number] + entries


def child_value(values: tuple[str, ...], entry: Child) -> bytes:
    """A child with its group."""
    return _encode((values, entry))


def encode(value: Head | Progress | Sequence[str]) -> bytes:
    """A head, the progress of time, or member ids."""
    return _encode(value)


def decode_progress(value: bytes) -> Progress:
    """The reverse of ``encode`` for the progress of time."""
    return _decode_progress.decode(value)


def kept_groups(
    state: Mapping[bytes, bytes], known: Sequence[bytes]
) -> tuple[dict[bytes, dict[bytes, Kept]], list[bytes]]:
    """State records sorted by rule and group, and the keys of rules that are no longer known.

    Raises:
        msgspec.DecodeError: a record is not of this version; the claim cannot be used.
    """
    rules: dict[bytes, dict[bytes, Kept]] = {key: {} for key in known}
    gone: list[bytes] = []
    for key in sorted(state):
        if key[:1] not in _KINDS or len(key) < _GROUP.stop:
            continue
        groups = rules.get(key[_RULE])
        if groups is None:
            gone.append(key)
            continue
        kept = groups.setdefault(key[_GROUP], Kept())
        kind, rest, value = key[:1], key[25:], state[key]
        if kind == b"p":
            kept.take_piece(int.from_bytes(rest, "big"), value)
        elif kind == b"c":
            kept.values, child = _decode_child.decode(value)
            kept.children.append(child)
        elif kind == b"m":
            kept.sealed[int.from_bytes(rest, "big")] = _decode_sealed.decode(value)
        else:
            kept.head = _decode_head.decode(value)
            kept.values = kept.head.values
    return rules, gone

"""One closed segment: raw records in, bytes with a manifest in front out, and back, checked.

    zstd skippable frame   the manifest as JSON
    zstd frames            each a MessagePack array of entries

so any zstd unpacks a segment without this program. The frames' sizes stand in the manifest: a reader takes those it needs.
"""

import hashlib
import struct
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from soc.archive.naming import Name, encoded
from soc.archive.place import Place
from soc.bus.base import Record
from soc.clock import Micros
from soc.errors import RecordError
from soc.model import RawRecord, decode, encode

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ZERO: Final = "0" * 64
"""What the first segment of a chain names as the one before it."""

VERSION: Final = 1
_SKIPPABLE: Final = 0x184D2A5A
"""One of the sixteen magic numbers of skippable frames (RFC 8878, section 3.1.2)."""

_LEVEL: Final = 3
"""Higher levels save a few per cent of a log and take several times the time."""

_HEADER: Final = 64 * 1024
"""Bytes asked for at first when only the manifest is wanted."""

LONGEST_MANIFEST: Final = 16 * 1024 * 1024

_OPTIONS: Final[dict[int, int]] = {
    zstd.CompressionParameter.compression_level: _LEVEL,
    zstd.CompressionParameter.checksum_flag: 1,
}


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One raw record as it stood on the bus: where, since when, its key and its value, untouched."""

    log_id: str
    offset: int
    appended: Micros
    key: bytes
    value: bytes

    @classmethod
    def of(cls, record: Record) -> "Entry":
        """A record of ``soc.raw``."""
        return cls(record.log_id, record.offset, record.appended, record.key, record.value)

    def raw(self) -> RawRecord:
        """The record; a value that is none stands for itself, as in the engine."""
        try:
            return decode(self.value, RawRecord)
        except RecordError:
            return RawRecord(self.value, self.appended, "", "", self.key.decode("utf-8", "replace"))

    def id(self, partition: int, raw: RawRecord) -> str:
        """The raw id: the input's own identity, else the address."""
        return raw.id or f"{self.log_id}/{partition}/{self.offset}"


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """One zstd frame: its compressed size, how many records it holds, and when the first and last of them were received."""

    size: int
    records: int
    first: Micros
    last: Micros


class Manifest(msgspec.Struct, frozen=True):
    """What is known of a segment without unpacking it.

    Attributes:
        chain: id of the chain.
        seq: number in it, from 1.
        prev: hash of the segment before; zeros in the first.
        partition: of ``soc.raw``.
        source: who sent the lines.
        hour: start of the hour (UTC) in which they were received.
        records: how many.
        raw_bytes: of the records' values, unpacked.
        first: when the earliest was received.
        last: when the latest was.
        logs: log id → first and last offset in it.
        frames: in order.
        content: SHA-256 of the frames' bytes.
    """

    version: int
    chain: str
    seq: int
    prev: str
    partition: int
    source: str
    hour: Micros
    records: int
    raw_bytes: int
    first: Micros
    last: Micros
    logs: dict[str, tuple[int, int]]
    frames: tuple[Frame, ...]
    content: str

    @property
    def name(self) -> str:
        """The name that it must have."""
        return Name(self.hour, self.first, self.last, self.chain, self.seq, encoded(self.source)).text


def pack(entries: Sequence[Entry]) -> bytes:
    """Entries as one frame."""
    return zstd.compress(encode(entries), options=_OPTIONS)


def unpack(frame: bytes) -> list[Entry]:
    """The entries of one frame.

    Raises:
        RecordError: stage ``archive``; it is damaged.
    """
    try:
        return decode(zstd.decompress(frame), list[Entry])
    except (zstd.ZstdError, RecordError) as error:
        raise RecordError("archive", "a frame of the segment cannot be unpacked") from error


def seal(manifest: Manifest, frames: Iterable[bytes]) -> tuple[bytes, str]:
    """The bytes of a segment, and its hash: SHA-256 of the manifest, which names the content's."""
    head = msgspec.json.encode(manifest)
    data = struct.pack("<II", _SKIPPABLE, len(head)) + head + b"".join(frames)
    return data, hashlib.sha256(head).hexdigest()


def digest(frames: Iterable[bytes]) -> str:
    """What ``Manifest.content`` is of these frames."""
    made = hashlib.sha256()
    for frame in frames:
        made.update(frame)
    return made.hexdigest()


class Opened(msgspec.Struct, frozen=True):
    """A segment's manifest, its hash, and where its frames begin."""

    manifest: Manifest
    hash: str
    start: int


def open_segment(place: Place, name: str) -> Opened:
    """Read the manifest of a segment.

    Raises:
        RecordError: stage ``archive``; it is damaged, or no segment of this version.
        FileNotFoundError: there is none of this name.
        UnavailableError: the place cannot be read now.
    """
    data = place.get(name, 0, _HEADER)
    if len(data) < 8:
        raise RecordError("archive", "the segment is truncated")
    magic, length = struct.unpack("<II", data[:8])
    if magic != _SKIPPABLE or length > LONGEST_MANIFEST:
        raise RecordError("archive", "the segment does not begin with a manifest")
    if len(data) < 8 + length:
        data += place.get(name, len(data), 8 + length - len(data))
    head = data[8 : 8 + length]
    if len(head) < length:
        raise RecordError("archive", "the segment is truncated")
    try:
        manifest = msgspec.json.decode(head, type=Manifest)
    except msgspec.MsgspecError as error:
        raise RecordError("archive", "the segment's manifest cannot be read") from error
    if manifest.version != VERSION:
        raise RecordError("archive", "the segment is of another version of the product")
    return Opened(manifest, hashlib.sha256(head).hexdigest(), 8 + length)


def check(place: Place, name: str, opened: Opened) -> str:
    """What is wrong with a segment's name, size or content; "" if nothing is.

    Raises:
        FileNotFoundError: it went meanwhile.
        UnavailableError: the place cannot be read now.
    """
    manifest = opened.manifest
    if manifest.name != name:
        return "its name is not the one that its manifest gives: it was renamed or exchanged"
    if manifest.records != sum(frame.records for frame in manifest.frames):
        return "its manifest contradicts itself: it was altered"
    expected = sum(frame.size for frame in manifest.frames)
    content = place.get(name, opened.start)
    if len(content) != expected:
        return f"its content has {len(content)} bytes, {expected} were written"
    if hashlib.sha256(content).hexdigest() != manifest.content:
        return "its content is not what was written: the hash does not fit"
    return ""


def entries(place: Place, name: str, opened: Opened, start: Micros = 0, end: Micros | None = None) -> Iterator[Entry]:
    """The entries of an opened segment, of those frames that may hold records received in [start, end).

    A frame is unpacked when it is its turn, so memory holds one of them unpacked.

    Raises:
        RecordError: stage ``archive``; it is damaged.
        FileNotFoundError: there is none of this name.
        UnavailableError: the place cannot be read now.
    """
    at = opened.start
    for frame in opened.manifest.frames:
        if frame.last >= start and (end is None or frame.first < end):
            data = place.get(name, at, frame.size)
            if len(data) < frame.size:
                raise RecordError("archive", "the segment is truncated")
            yield from unpack(data)
        at += frame.size

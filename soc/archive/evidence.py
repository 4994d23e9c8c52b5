"""Raw lines of an incident in; one compressed file beside the archive's segments with a manifest that proves each line, out, and back.

    evidence/INC-2026-000012-20261123T031500Z-4f1c09aa.ndjson.zst     a JSON object a line, zstd: readable without this program
    evidence/INC-2026-000012-20261123T031500Z-4f1c09aa.manifest.json  the file's SHA-256 and size, and the SHA-256 of every line's bytes

Retention knows segments by the day in their names, so nothing in this folder ever expires.
"""

import base64
import hashlib
import re
import sys
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from soc.archive.place import Place
from soc.archive.reading import Archived
from soc.clock import Micros, to_datetime, to_iso
from soc.errors import RecordError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

FOLDER: Final = "evidence/"
SUFFIX, MANIFEST_SUFFIX = ".ndjson.zst", ".manifest.json"
LONGEST: Final = 512 * 1024 * 1024
"""Bytes of a file, unpacked, that verifying reads: more was never written by this program."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}\.ndjson\.zst")
_OPTIONS: Final[dict[int, int]] = {
    zstd.CompressionParameter.compression_level: 6,
    zstd.CompressionParameter.checksum_flag: 1,
}


class Line(msgspec.Struct, frozen=True, array_like=True):
    """What the manifest says of one line: its raw id, when it was received, the SHA-256 of its bytes."""

    id: str
    received: Micros
    sha256: str


class EvidenceManifest(msgspec.Struct, frozen=True):
    """What is known of a file of evidence without unpacking it.

    Attributes:
        name: the file's.
        incident, number: which incident it was pinned for.
        made, made_by: when, by whom.
        sha256, size: of the file's bytes.
        start, end: when the first and the last of its lines were received.
        matched: how many of the lines are those that a rule matched; the others are what was received around them.
        left_out: lines around the matched ones that found no room (``MAX_LINES``, ``MAX_BYTES`` of the collector).
        damaged: segments of the archive that could not be read to their end.
        lines: in the file's order.
    """

    name: str
    incident: str
    number: str
    made: Micros
    made_by: str
    sha256: str
    size: int
    start: Micros
    end: Micros
    matched: int
    left_out: int
    damaged: tuple[str, ...]
    lines: tuple[Line, ...]


class Pinned(NamedTuple):
    """A file of evidence that is written whole."""

    manifest: EvidenceManifest
    data: bytes


class Writer:
    """Collects lines into one file; the compressed bytes are held, the lines are not."""

    def __init__(self) -> None:
        self._compressor = zstd.ZstdCompressor(options=_OPTIONS)
        self._parts: list[bytes] = []
        self._lines: list[Line] = []
        self.raw_bytes = 0
        self.matched = 0

    @property
    def count(self) -> int:
        """How many lines it has."""
        return len(self._lines)

    def add(self, one: Archived, *, matched: bool) -> None:
        """One more line."""
        digest = hashlib.sha256(one.raw.data).hexdigest()
        self._lines.append(Line(one.id, one.raw.received, digest))
        self.raw_bytes += len(one.raw.data)
        self.matched += matched
        self._parts.append(self._compressor.compress(msgspec.json.encode(_row(one, digest, matched=matched)) + b"\n"))

    def finish(
        self, *, incident: str, number: str, made: Micros, made_by: str, left_out: int, damaged: tuple[str, ...]
    ) -> Pinned:
        """The file and its manifest."""
        data = b"".join((*self._parts, self._compressor.flush()))
        digest = hashlib.sha256(data).hexdigest()
        times = [line.received for line in self._lines] or [made]
        name = f"{number}-{to_datetime(made):%Y%m%dT%H%M%SZ}-{digest[:8]}{SUFFIX}"
        manifest = EvidenceManifest(
            name=name,
            incident=incident,
            number=number,
            made=made,
            made_by=made_by,
            sha256=digest,
            size=len(data),
            start=min(times),
            end=max(times),
            matched=self.matched,
            left_out=left_out,
            damaged=damaged,
            lines=tuple(self._lines),
        )
        return Pinned(manifest, data)


def _row(one: Archived, digest: str, *, matched: bool) -> dict[str, Any]:
    """One line of the file: text where the bytes are UTF-8, else base64, so that its hash can be checked."""
    raw = one.raw
    row: dict[str, Any] = {
        "id": one.id,
        "received": to_iso(raw.received),
        "source": raw.source,
        "peer": raw.peer,
        "listener": raw.listener,
        "matched": matched,
        "sha256": digest,
    }
    try:
        return {**row, "line": raw.data.decode()}
    except UnicodeDecodeError:
        return {**row, "base64": base64.b64encode(raw.data).decode()}


def store(place: Place, pinned: Pinned) -> None:
    """Write both files; the manifest last, so that one that is there names a file that is whole.

    Raises:
        UnavailableError: the place cannot be written now.
    """
    place.put(FOLDER + pinned.manifest.name, pinned.data)
    place.put(_manifest_of(pinned.manifest.name), msgspec.json.encode(pinned.manifest))


def names(place: Place) -> list[str]:
    """The names of all files of evidence, in order.

    Raises:
        UnavailableError: the place cannot be read now.
    """
    stored = (one.name.removeprefix(FOLDER) for one in place.list(FOLDER))
    return sorted({_file_of(name) for name in stored if name.endswith((SUFFIX, MANIFEST_SUFFIX))})


def manifest(place: Place, name: str) -> EvidenceManifest:
    """What stands in a file's manifest.

    Raises:
        RecordError: stage ``evidence``; it is missing, or none.
        UnavailableError: the place cannot be read now.
    """
    if not _NAME.fullmatch(name):
        raise RecordError("evidence", f"{name!r} is no name of a file of evidence")
    try:
        return msgspec.json.decode(place.get(_manifest_of(name)), type=EvidenceManifest)
    except FileNotFoundError as error:
        raise RecordError("evidence", "its manifest is missing") from error
    except msgspec.MsgspecError as error:
        raise RecordError("evidence", "its manifest cannot be read") from error


def content(place: Place, name: str) -> bytes:
    """A file's bytes as they are.

    Raises:
        RecordError: stage ``evidence``; it is missing.
        UnavailableError: the place cannot be read now.
    """
    if not _NAME.fullmatch(name):
        raise RecordError("evidence", f"{name!r} is no name of a file of evidence")
    try:
        return place.get(FOLDER + name)
    except FileNotFoundError as error:
        raise RecordError("evidence", "the file is missing") from error


def manifest_bytes(place: Place, name: str) -> bytes:
    """A file's manifest as it was written.

    Raises:
        RecordError: stage ``evidence``; it is missing.
        UnavailableError: the place cannot be read now.
    """
    if not _NAME.fullmatch(name):
        raise RecordError("evidence", f"{name!r} is no name of a file of evidence")
    try:
        return place.get(_manifest_of(name))
    except FileNotFoundError as error:
        raise RecordError("evidence", "its manifest is missing") from error


def wrong(place: Place, name: str, sha256: str = "") -> str:
    """What is wrong with a file; "" if nothing is.

    Args:
        place: where it is.
        name: which.
        sha256: what its incident says of it, which the audit chain holds too; "" if no incident names it.

    Raises:
        UnavailableError: the place cannot be read now.
    """
    try:
        data = content(place, name)
        found = manifest(place, name)
        digest = hashlib.sha256(data).hexdigest()
        if sha256 and digest != sha256:
            return f"its SHA-256 is {digest[:16]}…, the incident says {sha256[:16]}…"
        if (digest, len(data), found.name) != (found.sha256, found.size, name):
            return "the file is not what its manifest says"
        return _wrong_line(data, found)
    except RecordError as error:
        return error.reason


def _wrong_line(data: bytes, found: EvidenceManifest) -> str:
    """The first line that is not what the manifest says."""
    count = 0
    for row in rows(data):
        line = row.get("line")
        raw = line.encode() if isinstance(line, str) else base64.b64decode(str(row.get("base64", "")))
        said = found.lines[count] if count < len(found.lines) else None
        count += 1
        if said is None or (said.id, said.sha256) != (row.get("id"), hashlib.sha256(raw).hexdigest()):
            return f"line {count} is not what the manifest says"
    return "" if count == len(found.lines) else f"it has {count} lines, the manifest {len(found.lines)}"


def rows(data: bytes) -> Iterator[dict[str, Any]]:
    """The lines of a file.

    Raises:
        RecordError: stage ``evidence``; it cannot be unpacked, or is longer than ``LONGEST``.
    """
    try:
        text = zstd.ZstdDecompressor().decompress(data, LONGEST)
        for line in text.splitlines():
            yield msgspec.json.decode(line, type=dict[str, Any])
    except (zstd.ZstdError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RecordError("evidence", "the file cannot be unpacked") from error


def _manifest_of(name: str) -> str:
    return FOLDER + name.removesuffix(SUFFIX) + MANIFEST_SUFFIX


def _file_of(name: str) -> str:
    return name.removesuffix(MANIFEST_SUFFIX) + SUFFIX if name.endswith(MANIFEST_SUFFIX) else name

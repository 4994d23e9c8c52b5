"""One followed file: an open descriptor and a position in, its next lines and the next position out; blocking reads.

A position says which file it belongs to by (device, inode), by the first bytes that were read and by the last ones: a file
that was truncated, replaced, or whose inode was given to another file does not match, whatever its size is.
"""

import hashlib
import os
import secrets
import stat
from typing import NamedTuple

import msgspec

from collectors.lines import Line, take_lines
from collectors.multiline import Joining, join

HEAD, TAIL = 256, 64  # bytes a position remembers from the beginning of the file and from before its offset
READ = 1024 * 1024


class Position(msgspec.Struct, frozen=True, array_like=True):
    """Where reading stands.

    Attributes:
        path: where the file was when it was first followed, as bytes: file names need not be UTF-8. Stays when it is renamed.
        device: of the file system; may change when the machine restarts.
        inode: in it.
        identity: names the file's content in record ids; taken along when it is renamed or copied, new when it starts over.
        offset: the first byte not yet durable as a record.
        head: the first bytes of the file, up to ``offset`` or ``HEAD``.
        tail: the bytes before ``offset``, up to ``TAIL``.
        skipping: ``offset`` is inside a line that was cut.
    """

    path: bytes
    device: int
    inode: int
    identity: str
    offset: int = 0
    head: bytes = b""
    tail: bytes = b""
    skipping: bool = False


class Chunk(NamedTuple):
    """What one read gave: lines, the position once they are durable, and how many bytes were cut off."""

    lines: list[Line]
    position: Position
    discarded: int


def new_identity(path: bytes, device: int, inode: int) -> str:
    """A name for the content of one file from its beginning to its end.

    Random in part: files of a rotation share inode numbers and often their first lines, and two records must never share
    an id. It is part of the position, so a restart goes on with the same one.
    """
    return hashlib.sha256(b"%s\0%d\0%d\0%s" % (path, device, inode, secrets.token_bytes(16))).hexdigest()[:32]


def _beginning(fd: int, path: bytes) -> Position:
    found = os.fstat(fd)
    return Position(path, found.st_dev, found.st_ino, new_identity(path, found.st_dev, found.st_ino))


def open_regular(path: bytes) -> int | None:
    """A descriptor, or None if there is no such regular file to read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        return None
    return fd


def matches(fd: int, position: Position) -> bool:
    """The file holds what was read of it, unchanged."""
    offset, head, tail = position.offset, position.head, position.tail
    if os.fstat(fd).st_size < offset:
        return False
    return os.pread(fd, len(head), 0) == head and os.pread(fd, len(tail), offset - len(tail)) == tail


class FollowedFile:
    """One open file.

    Attributes:
        position: what is durable.
        path: where it is now.
        rotated_at: when it was found to be no longer at any followed path (monotonic seconds), or None.
        at_end: the last read found no further line.
        after: this one is not read before that one is at its end.
        copy: it repeats another followed file up to its position, and is read on only if that one is truncated.
        pending: the lines of a record that may still grow are there, and not taken.
        packed: (device, inode) of the compressed file that this one was unpacked from, or None.
    """

    def __init__(self, fd: int, position: Position, path: bytes) -> None:
        self.fd = fd
        self.position = position
        self.path = path
        self.rotated_at: float | None = None
        self.at_end = False
        self.after: FollowedFile | None = None
        self.copy = False
        self.pending = False
        self.packed: tuple[int, int] | None = None
        self._checked = (-1, -1)
        self._read_size: int = -1
        self._grown: tuple[int, float] = (-1, 0.0)  # size, and when it was first seen

    @classmethod
    def begin(cls, fd: int, path: bytes, origin: bytes = b"") -> "FollowedFile":
        """A file at its beginning, with a new identity; ``origin`` is the followed path it was rotated away from."""
        return cls(fd, _beginning(fd, origin or path), path)

    def moved_to(self, offset: int) -> None:
        """Go on from an offset, without reading what is before it."""
        self.position = self._at(offset, skipping=False)

    def start_over(self) -> None:
        """The file was truncated: its content is another one now."""
        self.position = _beginning(self.fd, self.position.path)
        self.look_again()

    def look_again(self) -> None:
        """Read even if the size is what it was."""
        self._read_size = -1
        self.at_end = False

    @property
    def key(self) -> tuple[int, int]:
        """(device, inode) of the open file."""
        found = os.fstat(self.fd)
        return found.st_dev, found.st_ino

    def repeats(self, fd: int) -> bool:
        """Another file holds the same content: the same size, the same beginning and the same end."""
        size = os.fstat(self.fd).st_size
        end = max(0, size - READ)
        return os.fstat(fd).st_size == size and all(
            os.pread(fd, READ, at) == os.pread(self.fd, READ, at) for at in (0, end)
        )

    @property
    def waits(self) -> bool:
        """An older file has to be read to its end first."""
        if self.after is not None and self.after.at_end and not self.after.pending:
            self.after = None
        return self.after is not None

    def unchanged(self) -> bool:
        """What was read is still there; looked at only when size or time of the file changed."""
        found = os.fstat(self.fd)
        now = (found.st_size, found.st_mtime_ns)
        if now == self._checked:
            return True
        if not matches(self.fd, self.position):
            return False
        self._checked = now
        return True

    def read(self, max_bytes: int, *, last: bool, joining: Joining | None = None, now: float = 0.0) -> Chunk | None:
        """The next lines; None (and ``at_end``) when there is no further one now.

        Args:
            max_bytes: of a line, and of a record of several.
            last: nothing more will be written.
            joining: how lines make records, None if each is one.
            now: monotonic seconds.
        """
        size = os.fstat(self.fd).st_size
        offset = self.position.offset
        if size != self._grown[0]:
            self._grown = (size, now)
        whole = last or (joining is not None and now - self._grown[1] >= joining.idle)
        if size == self._read_size and not last and not (whole and self.pending):
            self.at_end = True
            return None
        length = max(READ, max_bytes + 4096)
        tail = self.position.tail
        # what was read last and what comes now in one read: a truncation in between cannot go unseen
        data = os.pread(self.fd, length + len(tail), offset - len(tail))
        if not data.startswith(tail):
            return None
        data = data[len(tail) :]
        if data and not data.strip(b"\0") and not self.position.skipping:
            offset = self._behind_hole(offset + len(data), size)
            data = os.pread(self.fd, length, offset)
        taken = take_lines(data, offset, max_bytes=max_bytes, skipping=self.position.skipping, last=last)
        if joining is not None:
            # idle speaks of what was there when the size was looked at; more may have come since
            full = len(data) >= length
            ends = not full if last else offset + len(data) <= size
            records, held = join(taken.lines, joining, max_bytes, whole=whole and ends)
            if held == offset and full:  # nothing but empty lines behind it: to come forward, this is its end
                records, held = join(taken.lines, joining, max_bytes, whole=True)
            self.pending = held is not None
            taken = taken._replace(lines=records, consumed=taken.consumed if held is None else held - offset)
        if not taken.consumed:
            self._read_size = size
            self.at_end = True
            return None
        return Chunk(taken.lines, self._at(offset + taken.consumed, skipping=taken.skipping), taken.discarded)

    def _behind_hole(self, offset: int, size: int) -> int:
        """The first byte that is not NUL at or after ``offset``; the old position when there is none."""
        while offset < size:
            try:
                offset = os.lseek(self.fd, offset, os.SEEK_DATA)
            except OSError:  # no data behind
                break
            data = os.pread(self.fd, READ, offset)
            rest = data.lstrip(b"\0")
            offset += len(data) - len(rest)
            if rest:
                return offset
            if not data:
                break
        return self.position.offset

    def _at(self, offset: int, *, skipping: bool) -> Position:
        old = self.position
        head = old.head if len(old.head) == HEAD else os.pread(self.fd, min(HEAD, offset), 0)
        length = min(TAIL, offset)
        tail = os.pread(self.fd, length, offset - length)
        found = os.fstat(self.fd)
        return Position(old.path, found.st_dev, found.st_ino, old.identity, offset, head, tail, skipping)

    def close(self) -> None:
        """Close the file; it counts as read to its end."""
        self.at_end = True
        self.pending = False
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

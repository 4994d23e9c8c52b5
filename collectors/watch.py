"""Which files to read next: paths and restored positions in, followed files in order out; blocking calls, no event loop.

Rotation, in all its kinds, is told from what is on disk:

    renamed            the open file is at no followed path any more: read it to its end, then the new one at its old path
    copied, truncated  what was read is not there any more: read the rest from the copy beside it, then from the beginning
    while stopped      the file is found again by inode, or by its first and last bytes, among the files of its directory,
                       gzip files too; the generations between it and the present one are read whole
    deleted            the open file is read to its end
"""

# paths are bytes here, because file names need not be UTF-8, and pathlib takes no bytes
# ruff: noqa: PTH116, PTH118, PTH119, PTH120, PTH207

import glob
import os
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from collectors import packed
from collectors.base import InputCounters
from collectors.followed import HEAD, FollowedFile, Position, matches, open_regular

_COMPRESSED = (b".gz", b".bz2", b".xz", b".zst", b".Z")
_ENDED = 32
"""Files read to their end whose compressed copies are still known for what they are."""
_ROTATED = re.compile(rb"[.\-_][0-9]|[.\-_](old|bak|backup)\Z")
"""What rotation puts behind (or logrotate's ``extension`` option: before) a name; ``app.log.1``, ``app.log-20261122``."""


class FileWatch:
    """All files of one listener.

    Args:
        patterns: paths or globs.
        from_end: files there at the very first start are followed from their end.
        rotate_wait: seconds a rotated file is watched for late lines.
        counters: rotated, truncated, missing are counted here.
    """

    def __init__(self, patterns: Sequence[str], *, from_end: bool, rotate_wait: float, counters: InputCounters) -> None:
        self.followed: list[FollowedFile] = []
        self.unsaved: list[FollowedFile] = []
        self.forgotten: list[str] = []
        self._patterns = [os.fsencode(pattern) for pattern in patterns]
        self._from_end = from_end
        self._rotate_wait = rotate_wait
        self._counters = counters
        self._first_time: set[bytes] = set()
        self._ended: deque[Position] = deque(maxlen=_ENDED)  # of files read to their end
        self._finished: set[tuple[int, int]] = set()  # read to their end while older generations are still watched

    # --- start ---------------------------------------------------------------------------------------------------------

    def restore(self, positions: Iterable[Position], known_patterns: Iterable[bytes]) -> None:
        """Find the files again; call it once, before ``scan``."""
        if self._from_end:
            self._first_time = set(self._patterns) - set(known_patterns)
        for position in sorted(positions, key=lambda p: p.path):
            found = self._find(position)
            if found is not None:
                self.followed.append(found)
                continue
            self.forgotten.append(position.identity)
            if _inode(position.path) == position.inode:
                self._counters.truncated += 1
            else:
                self._counters.missing += 1
        for file in tuple(self.followed):
            if file.path != file.position.path:
                self._follow_between(file)

    def _find(self, position: Position) -> FollowedFile | None:
        """The file a position belongs to: the same inode, else a copy beside its path."""
        directory = os.path.dirname(position.path)
        beside = list(_files(directory))
        by_inode = [path for path, inode in beside if inode == position.inode]
        by_name = [path for path, inode in beside if inode != position.inode and _is_rotation(path, position.path)]
        for path in [*sorted(by_inode, key=lambda p: p != position.path), *(by_name if position.head else ())]:
            fd = open_regular(path)
            if fd is None:
                continue
            if matches(fd, position):
                return FollowedFile(fd, position, path)
            os.close(fd)
        return self._find_packed(position) if position.head else None

    def _find_packed(self, position: Position) -> FollowedFile | None:
        """The file was compressed since."""
        for path, _ in _files(os.path.dirname(position.path), plain_only=False):
            if not path.endswith(packed.ENDING) or not _is_rotation(path, position.path):
                continue
            fd = packed.unpack(path, position)
            if fd is None:
                continue
            if matches(fd, position):
                file = FollowedFile(fd, position, path)
                file.packed = _key(path)
                return file
            os.close(fd)
        return None

    def _follow_between(self, oldest: FollowedFile) -> None:
        """Follow the generations written after ``oldest`` and rotated away, too, before anybody saw them."""
        path, age = oldest.position.path, os.fstat(oldest.fd).st_mtime_ns
        known = self._finished | {key for file in self.followed for key in (file.key, file.packed) if key is not None}
        generations: list[tuple[int, bytes]] = []
        for other, _ in _files(os.path.dirname(path), plain_only=False):
            if _is_rotation(other, path):
                try:
                    found = os.stat(other)
                except OSError:
                    continue
                if found.st_mtime_ns > age and (found.st_dev, found.st_ino) not in known:
                    generations.append((found.st_mtime_ns, other))
        before = oldest
        for _, other in sorted(generations):
            file = self._begin_packed(other, path) if other.endswith(_COMPRESSED) else self._begin_plain(other, path)
            if file is not None:
                file.after = before
                self._add(file)
                before = file

    def _begin_plain(self, path: bytes, origin: bytes) -> FollowedFile | None:
        fd = open_regular(path)
        return None if fd is None else FollowedFile.begin(fd, path, origin)

    def _begin_packed(self, path: bytes, origin: bytes) -> FollowedFile | None:
        """A generation that was compressed before anybody saw it; None if it is none, or cannot be read (counted)."""
        fd = packed.unpack(path) if path.endswith(packed.ENDING) else None
        if fd is None:
            self._counters.missing += 1
            return None
        key = _key(path)
        if any(file.repeats(fd) for file in self.followed) or any(matches(fd, position) for position in self._ended):
            os.close(fd)  # the compressed copy of what is followed, or was read: compressing may give it a new time
            self._finished.add(key)
            return None
        file = FollowedFile.begin(fd, path, origin)
        file.packed = key
        # after a restart it can be found again by its beginning only
        file.position = msgspec.structs.replace(file.position, head=os.pread(fd, HEAD, 0))
        return file

    # --- each poll -----------------------------------------------------------------------------------------------------

    def scan(self, now: float) -> list[FollowedFile]:
        """Look at the directories; the files that may have lines, those rotated away first."""
        seen = self._matching()
        moved: dict[bytes, FollowedFile] = {}
        for file in self.followed:
            path = seen.pop(file.key, None)
            if path is None:
                moved[file.path] = file
                if file.rotated_at is None:
                    file.rotated_at = now
                    file.look_again()
            else:
                if path != file.path:
                    moved[file.path] = file
                    file.path = path
                    file.look_again()
                file.rotated_at = None
        for file in list(self.followed):
            if not file.unchanged():
                self._truncated(file, now)
        if seen or any(file.rotated_at == now for file in self.followed):
            # a file appeared or went: generations may have come and gone since the last look; the newest is asked first
            for file in [file for file in reversed(self.followed) if file.rotated_at is not None]:
                self._follow_between(file)
        known = {file.key for file in self.followed}
        for key, path in seen.items():
            if key not in known:
                self._discover(path, moved)
        self._first_time = set()
        return sorted((file for file in self.followed if not file.waits), key=lambda f: f.rotated_at is None)

    def _matching(self) -> dict[tuple[int, int], bytes]:
        """(device, inode) → path of every regular file the patterns name; a hard link counts once."""
        found: dict[tuple[int, int], bytes] = {}
        for pattern in self._patterns:
            for path in sorted(glob.glob(pattern, recursive=True)):
                try:
                    status = os.stat(path)
                except OSError:
                    continue
                if not path.endswith(_COMPRESSED):
                    found.setdefault((status.st_dev, status.st_ino), path)
        return found

    def _discover(self, path: bytes, moved: dict[bytes, FollowedFile]) -> None:
        fd = open_regular(path)
        if fd is None:
            return
        file = FollowedFile.begin(fd, path)
        # older generations come first, whether a restart found them or they were renamed just now
        older = [other for other in self.followed if other.position.path == path]
        file.after = older[-1] if older else moved.get(path)
        size = os.fstat(fd).st_size
        original = next(
            (f for f in self.followed if f.position.head and _is_rotation(path, f.path) and matches(fd, f.position)),
            None,
        )
        if original is not None:
            file.copy = True
            file.moved_to(size)
        elif self._first_time and any(path in glob.glob(p, recursive=True) for p in self._first_time):
            file.moved_to(_line_start(fd, size))
        self._add(file)

    def _add(self, file: FollowedFile) -> None:
        # its position is saved before anything is read: renamed before its first line is durable, it is found again all the same
        self.followed.append(file)
        self.unsaved.append(file)

    def _truncated(self, file: FollowedFile, now: float) -> None:
        """What was read is gone: the rest may be in a copy; the file starts over."""
        self._counters.truncated += 1
        old = file.position
        rest = self._copy_of(old, file)
        file.start_over()
        self.unsaved.append(file)
        if rest is None:
            self.forgotten.append(old.identity)
            return
        rest.copy = False
        rest.rotated_at = now
        rest.look_again()
        file.after = rest

    def _copy_of(self, position: Position, original: FollowedFile) -> FollowedFile | None:
        """The copy beside a truncated file, made to go on where the original stood and to carry its identity."""
        for copy in self.followed:
            if copy.copy and _is_rotation(copy.path, original.path) and matches(copy.fd, position):
                self.forgotten.append(copy.position.identity)
                copy.position = position
                return copy
        known = {file.key for file in self.followed}
        for path, inode in _files(os.path.dirname(original.path)):
            if not position.head or inode == position.inode or not _is_rotation(path, original.path):
                continue
            fd = open_regular(path)
            if fd is None:
                continue
            copy = FollowedFile(fd, position, path)
            if copy.key not in known and matches(fd, position):
                self.followed.insert(self.followed.index(original), copy)
                return copy
            copy.close()
        return None

    def is_over(self, file: FollowedFile, now: float) -> bool:
        """A rotated file, at its end for long enough: its last line is a line even without an LF."""
        return file.rotated_at is not None and file.at_end and now >= file.rotated_at + self._rotate_wait

    def finish(self, file: FollowedFile) -> None:
        """Nothing more comes from this file."""
        self._counters.rotated += 1
        self.followed.remove(file)
        self._finished.add(file.packed or file.key)
        if file.position.head:
            self._ended.append(file.position)
        if all(other.rotated_at is None for other in self.followed):
            self._finished.clear()  # inode numbers are given again
        self.forgotten.append(file.position.identity)
        file.close()

    def close(self) -> None:
        """Close every file."""
        for file in self.followed:
            file.close()
        self.followed = []


def _files(directory: bytes, *, plain_only: bool = True) -> Iterator[tuple[bytes, int]]:
    """(path, inode) of the regular files in a directory."""
    try:
        with os.scandir(directory or b".") as entries:
            for entry in entries:
                if entry.is_file() and not (plain_only and entry.name.endswith(_COMPRESSED)):
                    yield os.path.join(directory, entry.name), entry.inode()
    except OSError:
        return


def _key(path: bytes) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return -1, -1
    return found.st_dev, found.st_ino


def _inode(path: bytes) -> int:
    try:
        return os.stat(path).st_ino
    except OSError:
        return -1


def _is_rotation(path: bytes, of: bytes) -> bool:
    """``path`` is named as rotation names the older generations of ``of``."""
    name, base = os.path.basename(path), os.path.basename(of)
    stem, dot, extension = base.rpartition(b".")
    if name.startswith(base):
        return _ROTATED.match(name[len(base) :]) is not None
    # app-20261122.log of app.log
    return (
        bool(dot)
        and name.startswith(stem)
        and name.endswith(b"." + extension)
        and _ROTATED.match(name[len(stem) :]) is not None
    )


def _line_start(fd: int, size: int) -> int:
    """The beginning of the last, unfinished line, if it began within the last MiB; else the end."""
    begin = max(0, size - 1024 * 1024)
    last = os.pread(fd, size - begin, begin).rfind(b"\n")
    if last < 0:
        return 0 if begin == 0 else size
    return begin + last + 1

"""A folder in, the texts of its rule files out; what cannot be read is told with its reason, and the others are read."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from soc.model import Unread

MAX_BYTES: Final = 32 * 1024 * 1024
"""Of one file; all of SigmaHQ is a third of it."""
_SUFFIXES: Final = (".yml", ".yaml")


def read_files(root: Path, unread: list[Unread]) -> Iterator[tuple[str, str]]:
    """(path, text) of a file, or of every ``*.yml`` and ``*.yaml`` file under a folder, in the order of their names.

    Linked folders are followed, each real one once. Names that begin with a dot are no rules (``.github``, the ``..data`` of a
    mounted ConfigMap, ``._x.yml``).

    Args:
        root: may also be a single file, whatever it is called.
        unread: what cannot be read is added.
    """
    for path in _paths(root, unread) if root.is_dir() else [str(root)]:
        text = _text(path, unread)
        if text is not None:
            yield path, text


def _paths(root: Path, unread: list[Unread]) -> Iterator[str]:
    seen: set[tuple[int, int]] = set()
    waiting = ["" if root == Path() else f"{str(root).rstrip(os.sep)}{os.sep}"]
    while waiting:
        folder = waiting.pop()
        try:
            found = Path(folder).stat()
            if (found.st_dev, found.st_ino) in seen:
                continue
            seen.add((found.st_dev, found.st_ino))
            with os.scandir(folder or ".") as listing:
                entries = sorted((entry.name, _is_folder(entry)) for entry in listing if entry.name[0] != ".")
        except OSError as error:
            unread.append(Unread(folder or ".", 0, f"the folder cannot be read: {error.strerror}"))
            continue
        waiting += [f"{folder}{name}{os.sep}" for name, is_dir in reversed(entries) if is_dir]
        yield from (folder + name for name, is_dir in entries if not is_dir and name.endswith(_SUFFIXES))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _text(path: str, unread: list[Unread]) -> str | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe of that name must not keep us waiting
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                unread.append(Unread(path, 0, "no plain file"))
                return None
            if status.st_size > MAX_BYTES:
                unread.append(Unread(path, 0, f"larger than {MAX_BYTES // 1024**2} MB"))
                return None
            data = file.read()
    except OSError as error:
        unread.append(Unread(path, 0, f"cannot be read: {error.strerror}"))
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        unread.append(Unread(path, line, "not UTF-8: save the file as UTF-8 text"))
        return None

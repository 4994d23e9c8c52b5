"""The archive's place in a directory: names are relative paths, an object is a file that appears whole."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from soc.archive.place import Stored
from soc.errors import UnavailableError

_NEW = ".new"


class Folder:
    """See ``soc.archive.place.Place``.

    Args:
        root: made when something is first written.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def __str__(self) -> str:
        return str(self._root)

    def put(self, name: str, data: bytes) -> None:
        """See the port: written beside, made durable, renamed."""
        path = self._path(name)
        fresh = path.with_name(f".{path.name[:200]}{_NEW}")
        try:
            self._make(path.parent)
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "wb") as file:  # noqa: PTH123 - the mode
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
            _sync(path.parent)
        except OSError as error:
            with suppress(OSError):  # what cannot be removed is written over by the next attempt
                fresh.unlink()
            raise self._away(error, path) from error

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        """See the port."""
        path = self._path(name)
        try:
            with path.open("rb") as file:
                file.seek(start)
                return file.read(-1 if length is None else length)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._away(error, path) from error

    def size(self, name: str) -> int:
        """See the port."""
        path = self._path(name)
        try:
            return path.stat().st_size
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._away(error, path) from error

    def list(self, prefix: str) -> Iterator[Stored]:
        """See the port."""
        folder, _, begin = prefix.rpartition("/")
        yield from self._walk(self._root / folder, folder, begin)

    def folders(self) -> Sequence[str]:
        """See the port."""
        return [entry.name for entry in self._entries(self._root) if entry.is_dir() and not entry.name.startswith(".")]

    def delete(self, name: str) -> None:
        """See the port; a folder that is empty then goes too."""
        path = self._path(name)
        try:
            path.unlink(missing_ok=True)
            if path.parent != self._root and path.parent.is_dir() and not any(path.parent.iterdir()):
                path.parent.rmdir()
        except OSError as error:
            raise self._away(error, path) from error

    def _walk(self, directory: Path, folder: str, begin: str) -> Iterator[Stored]:
        for entry in self._entries(directory):
            if entry.name.startswith(".") or not entry.name.startswith(begin):
                continue
            name = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir():
                yield from self._walk(directory / entry.name, name, "")
            else:
                try:
                    yield Stored(name, entry.stat().st_size)
                except FileNotFoundError:
                    continue  # retention was faster

    def _entries(self, directory: Path) -> "list[os.DirEntry[str]]":
        try:
            with os.scandir(directory) as found:
                return sorted(found, key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise self._away(error, directory) from error

    def _path(self, name: str) -> Path:
        parts = name.split("/")
        assert all(part and not part.startswith(".") for part in parts), "a name leads nowhere else"
        return self._root.joinpath(*parts)

    def _make(self, directory: Path) -> None:
        if directory.is_dir():
            return
        directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        _sync(directory.parent)

    def _away(self, error: OSError, path: Path) -> UnavailableError:
        return UnavailableError(f"archive: {path}: {error.strerror}; see [archive] path")


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

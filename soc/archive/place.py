"""The port of where segments are kept: named objects that are written whole, in a folder or in a bucket."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol


class Stored(NamedTuple):
    """One object: its name below the place's root, with ``/`` between folders, and its size in bytes."""

    name: str
    size: int


class Place(Protocol):
    """Where segments are kept. Every call blocks: who must not wait asks in a thread.

    Whatever cannot be done now raises ``UnavailableError``; reading or measuring what is not there ``FileNotFoundError``.
    """

    def put(self, name: str, data: bytes) -> None:
        """Write an object, in the place of one of the same name. When it returns the object is durable; there is never half of one."""
        ...

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        """The bytes of an object from ``start``, at most ``length`` of them; fewer where it ends before."""
        ...

    def size(self, name: str) -> int:
        """How many bytes an object has."""
        ...

    def list(self, prefix: str) -> Iterator[Stored]:
        """Every object below ``prefix``, which is empty or ends in ``/``. What is being written does not show."""
        ...

    def folders(self) -> Sequence[str]:
        """The first parts of all names, without the ``/``, in order: one for each day."""
        ...

    def delete(self, name: str) -> None:
        """Remove an object; one that is not there is no error."""
        ...

"""Files of the register that somebody uploaded in; what they would change, kept for a while until he publishes it, out."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from soc.assets.difference import Change
from soc.assets.entries import Entries
from soc.clock import MINUTE, Clock, Micros
from soc.errors import UnavailableError

KEPT: Final = 4
"""Previews at once: each may be of megabytes."""
GOOD_FOR: Final[Micros] = 30 * MINUTE

PublishCall = Callable[[bytes, str, str, str], Awaitable[bool]]
"""(the new register, hash of the one it was compared with, who, a clause for the audit) → False if another is in force by now."""


async def cannot_publish(data: bytes, base: str, actor: str, detail: str) -> bool:
    """Of a console that was given no way to.

    Raises:
        UnavailableError: always.
    """
    raise UnavailableError(f"no register can be published here: {len(data)} bytes after {base[:16]}, {actor}, {detail}")


@dataclass(frozen=True, slots=True)
class Preview:
    """What files would change.

    Attributes:
        user: who uploaded them, and nobody else, may publish it.
        base: hash of the register that they were compared with.
        entries: the register as it would be.
    """

    token: str
    user: str
    at: Micros
    base: str
    files: tuple[str, ...]
    entries: Entries
    changes: Sequence[Change]


class Uploads:
    """Previews by token; the oldest goes when there are too many, and each after a while."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, Preview] = {}

    def keep(
        self, user: str, base: str, files: tuple[str, ...], entries: Entries, changes: Sequence[Change]
    ) -> Preview:
        """Keep what an upload would change."""
        self._forget()
        while len(self._kept) >= KEPT:
            del self._kept[next(iter(self._kept))]
        made = Preview(secrets.token_urlsafe(16), user, self._clock(), base, files, entries, changes)
        self._kept[made.token] = made
        return made

    def take(self, token: str, user: str) -> Preview | None:
        """A preview, once; None if there is none of this person any more."""
        self._forget()
        found = self._kept.get(token)
        if found is None or found.user != user:
            return None
        del self._kept[token]
        return found

    def _forget(self) -> None:
        for token in [token for token, one in self._kept.items() if self._clock() - one.at > GOOD_FOR]:
            del self._kept[token]

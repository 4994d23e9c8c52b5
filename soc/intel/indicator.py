"""What is known to be bad: one indicator in its normal form, what a file or feed gave of them, and the whole as it is published.

file, feed ──► parse ──► Parsed ──► merge (allow-list) ──► IndicatorSet ──► soc.context ──► Indicators (matcher)
"""

import sys
from collections.abc import Iterable
from typing import Any, Final, Literal, NamedTuple

import msgspec

from soc.clock import Micros
from soc.errors import RecordError
from soc.model import decode, encode

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Kind = Literal["address", "network", "domain", "url", "md5", "sha1", "sha256", "mail"]
KINDS: Final[tuple[Kind, ...]] = ("address", "network", "domain", "url", "md5", "sha1", "sha256", "mail")

Tlp = Literal["CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"]
TLPS: Final[tuple[Tlp, ...]] = ("CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED")
"""Traffic Light Protocol 2.0 (FIRST, August 2022), from free to named persons only."""

FOREVER: Final[Micros] = 0
"""As ``expires``: it does not."""

NOTE_LENGTH: Final = 300
TAGS: Final = 20
UNUSABLE_KEPT: Final = 200
"""Of what a feed gave and cannot be used so many are kept by name; all are counted."""
_LEVEL: Final = 6


def confidence_word(confidence: int) -> str:
    """0 to 100 as one of the words of ECS, by the scale of STIX 2.1 (appendix A, "None / Low / Med / High")."""
    if confidence >= 70:
        return "High"
    if confidence >= 30:
        return "Medium"
    return "Low" if confidence else "None"


def tlp_of(text: str) -> Tlp | None:
    """A marking as people and tools write it (``tlp:amber``, ``TLP:WHITE``, ``Amber+Strict``); None if it is none.

    WHITE of version 1.0 is CLEAR.
    """
    word = text.strip().upper().removeprefix("TLP:").strip().replace(" ", "+").replace("_", "+").replace("-", "+")
    if word == "WHITE":
        return "CLEAR"
    return next((tlp for tlp in TLPS if tlp == word), None)


def strictest(markings: Iterable[Tlp]) -> Tlp | None:
    """The one that allows least; None of none."""
    return max(markings, key=TLPS.index, default=None)


class Indicator(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One value that is known to be bad, as one feed says.

    Attributes:
        kind, value: canonical, as ``soc.intel.value`` makes them.
        tlp: how far it may travel.
        confidence: 0 to 100.
        first: since when it is said to be bad; 0 = not said. A live event meets it from then on.
        last: when the feed last said so.
        expires: from then on it is nobody's hit; 0 = never.
        note: what the feed says about it, one line.
        tags: as written.
        id: the feed's own, by which it is revised and revoked; "" where it has none.
        known: when it was first published here.
        also: further (kind, value) pairs that the same event must have.
    """

    kind: Kind
    value: str
    tlp: Tlp = "AMBER"
    confidence: int = 50
    first: Micros = 0
    last: Micros = 0
    expires: Micros = FOREVER
    note: str = ""
    tags: tuple[str, ...] = ()
    id: str = ""
    known: Micros = 0
    also: tuple[tuple[Kind, str], ...] = ()

    def holds(self, at: Micros) -> bool:
        """Whether it is in force at a moment."""
        return self.first <= at and (not self.expires or at < self.expires)


class Unusable(msgspec.Struct, frozen=True, array_like=True):
    """What was given and is not used: where it stood, what it says, and why not."""

    where: str
    value: str
    reason: str


class Parsed(NamedTuple):
    """What one file or one page of a feed holds.

    Attributes:
        indicators: in the order they stood there.
        unusable: what this product has no use for, or what could flood it; nobody made a mistake.
        mistakes: what is wrong with the file itself; an import by hand takes none of it.
        revoked: ids of the feed that no longer hold.
    """

    indicators: tuple[Indicator, ...] = ()
    unusable: tuple[Unusable, ...] = ()
    mistakes: tuple[Unusable, ...] = ()
    revoked: tuple[str, ...] = ()


class Defaults(NamedTuple):
    """What holds for indicators of a feed that do not say otherwise.

    Attributes:
        expire: after so long without being said again it is no hit any more; 0 = never.
        now: when it was read.
    """

    now: Micros
    tlp: Tlp = "AMBER"
    confidence: int = 50
    expire: Micros = 0


class FeedContent(msgspec.Struct, frozen=True, array_like=True):
    """What is in force of one feed.

    Attributes:
        at: when it was last changed.
        origin: file name or address, without secrets.
        cursor: what the next pull begins with; "" where each pull is whole.
        level: highest confidence word that its hits may have; "" = as they say.
        dropped: how many indicators were left out, and ``unusable`` the first of them with their reasons.
    """

    name: str
    at: Micros
    origin: str
    indicators: tuple[Indicator, ...]
    cursor: str = ""
    level: str = ""
    dropped: int = 0
    unusable: tuple[Unusable, ...] = ()


class IndicatorSet(msgspec.Struct, frozen=True, array_like=True):
    """Everything that is in force, as it is published under the name ``indicators``.

    Attributes:
        feeds: by name.
        own: networks and domains of one's own, so that a hit knows inside from outside.
    """

    feeds: tuple[FeedContent, ...] = ()
    own: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many indicators."""
        return sum(len(feed.indicators) for feed in self.feeds)

    def feed(self, name: str) -> FeedContent | None:
        """One feed's content."""
        return next((feed for feed in self.feeds if feed.name == name), None)

    def encode(self) -> bytes:
        """As published: MessagePack in a zstd frame."""
        return zstd.compress(encode(self), _LEVEL)

    @classmethod
    def decode(cls, data: bytes) -> "IndicatorSet":
        """What ``encode`` gave.

        Raises:
            RecordError: it is none.
        """
        try:
            return decode(zstd.decompress(data), cls)
        except zstd.ZstdError as error:
            raise RecordError("intel", f"not a published set of indicators: {error}") from error


class Attempt(msgspec.Struct, frozen=True, array_like=True):
    """The last time a feed was asked.

    Attributes:
        error: why it gave nothing; "" when it did.
        since: since when it has been failing; 0 when it is not.
        got: how many indicators came.
    """

    feed: str
    at: Micros
    error: str = ""
    since: Micros = 0
    got: int = 0


class Attempts(msgspec.Struct, frozen=True, array_like=True):
    """Published under the name ``feeds``, apart from the indicators: a failing feed changes none of them."""

    feeds: tuple[Attempt, ...] = ()

    def of(self, name: str) -> Attempt | None:
        """The last attempt at one feed."""
        return next((one for one in self.feeds if one.feed == name), None)

    def with_(self, attempt: Attempt) -> "Attempts":
        """With a newer attempt."""
        return Attempts((*(one for one in self.feeds if one.feed != attempt.feed), attempt))

    @classmethod
    def decode(cls, data: bytes) -> "Attempts":
        """One publication.

        Raises:
            RecordError: it is none.
        """
        return decode(data, cls)


def line(text: Any, length: int = NOTE_LENGTH) -> str:
    """Any text of a feed as one printable line: feeds are written by others, and their words reach terminals and pages."""
    words = "".join(char if char.isprintable() else " " for char in str(text)[: 4 * length])
    return " ".join(words.split())[:length]

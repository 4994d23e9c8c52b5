"""Looking back: what is in force and what is new of it in; which old lines and events are worth looking at, and what was found, out.

A feed writes down the day on which it learnt of a value, and an attacker used it before. So a hunt takes a new indicator as if it
had always been bad; when it ends counts as ever.
"""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import Any, Final, NamedTuple, cast

import ahocorasick
import msgspec

from soc.clock import Micros
from soc.intel import value as values
from soc.intel.fields import ADDRESSES, DIGESTS, MAILS, NAMES, URLS
from soc.intel.indicator import FeedContent, Indicator, IndicatorSet
from soc.model import decode

MOST_LITERALS: Final = 100_000
"""Of more, the automaton would take more memory than a hunt may: every line is normalized then."""
RUNS: Final = 30
"""Hunts that are remembered."""


class Run(msgspec.Struct, frozen=True, array_like=True):
    """One hunt that ended.

    Attributes:
        at: when it began; ``took`` in microseconds.
        actor: who asked; ``soc`` is the installation itself.
        start, end: lines received in this time were looked at; those before ``reached`` were left out, because the time was up
            (``reached`` = ``start``: none).
        indicators: how many were looked for.
        lines: how many were read; ``events``: how many had one of them.
        alerts: how many alerts came of it, new or revised; ``standing``: how many of the hits stood already.
    """

    at: Micros
    took: Micros
    actor: str
    start: Micros
    end: Micros
    reached: Micros
    indicators: int
    lines: int
    events: int
    alerts: int
    standing: int


class Hunts(msgspec.Struct, frozen=True, array_like=True):
    """Published under the name ``hunts``.

    Attributes:
        until: indicators that were first published up to then have been looked for.
        runs: the last ones, newest first.
        owner, began: the process whose hunt is under way, and since when; "" = none.
    """

    until: Micros = 0
    runs: tuple[Run, ...] = ()
    owner: str = ""
    began: Micros = 0

    def begun(self, owner: str, at: Micros) -> "Hunts":
        """With a hunt under way."""
        return Hunts(self.until, self.runs, owner, at)

    def ended(self, run: Run, until: Micros) -> "Hunts":
        """With one more that ended; ``until`` 0 = it did not look for everything that is new."""
        return Hunts(max(self.until, until), (run, *self.runs)[:RUNS])

    @classmethod
    def decode(cls, data: bytes) -> "Hunts":
        """One publication.

        Raises:
            RecordError: it is none.
        """
        return decode(data, cls)


class Quarry(NamedTuple):
    """What a hunt looks for.

    Attributes:
        fresh: the indicators that it is about.
        all: everything that is in force, those among it: an event is marked as if all had been known then.
        newest: when the last of ``fresh`` was first published.
    """

    fresh: IndicatorSet
    all: IndicatorSet
    newest: Micros


def quarry(published: IndicatorSet, *, after: Micros = 0, wanted: Sequence[str] = ()) -> Quarry:
    """The indicators to look for.

    Args:
        published: what is in force.
        after: those that were first published later than this.
        wanted: in the place of that: these values, however they are written.

    Raises:
        ValueError: one of ``wanted`` is nothing that an indicator can be.
    """
    named = frozenset(values.guess(text) for text in wanted)
    fresh: list[FeedContent] = []
    everything: list[FeedContent] = []
    newest: Micros = 0
    for feed in published.feeds:
        new: list[Indicator] = []
        all_: list[Indicator] = []
        for one in feed.indicators:
            is_new = (one.kind, one.value) in named if named else one.known > after
            early = msgspec.structs.replace(one, first=0) if is_new and one.first else one
            all_.append(early)
            if is_new:
                new.append(early)
                newest = max(newest, one.known)
        everything.append(msgspec.structs.replace(feed, indicators=tuple(all_)))
        if new:
            fresh.append(msgspec.structs.replace(feed, indicators=tuple(new)))
    own = published.own
    return Quarry(IndicatorSet(tuple(fresh), own), IndicatorSet(tuple(everything), own), newest)


class Sieve:
    """Whether a raw line can hold one of the indicators, by a literal without which none of them is in it.

    A line that writes a value in another way than as text (percent, base64) is not seen; ``soc replay`` normalizes every line.
    """

    def __init__(self, fresh: IndicatorSet) -> None:
        self._scan: Any = None
        self._any = False
        self._foreign = False
        literals: set[str] = set()
        for feed in fresh.feeds:
            for one in feed.indicators:
                literal = _literal(one.kind, one.value)
                self._any = self._any or not literal
                if literal.startswith("xn--") or ".xn--" in literal:
                    self._foreign = True
                literals.add(literal)
        if self._any or len(literals) > MOST_LITERALS:
            self._any = True
        elif literals:
            automaton = cast("Any", ahocorasick).Automaton()
            for literal in literals:
                automaton.add_word(literal, literal)
            automaton.make_automaton()
            self._scan = automaton.iter

    def may(self, data: bytes) -> bool:
        """Whether the line has to be normalized. Text in UTF-16 and names in their own letters always are."""
        if self._any or b"\0" in data or (self._foreign and (not data.isascii() or b"\\u" in data)):
            return True
        return self._scan is not None and next(self._scan(data.decode("latin-1").lower()), None) is not None


def _literal(kind: str, value: str) -> str:
    """What is in every line that has the value, in lower case; "" if nothing is."""
    if kind in ("address", "network"):
        net = ip_network(value)
        if net.version == 6:
            return f"{value.partition(':')[0].lower()}:" if net.prefixlen >= 16 and not value.startswith(":") else ""
        octets = str(net.network_address).split(".")[: net.prefixlen // 8]
        return ".".join(octets) + ("." if 0 < len(octets) < 4 else "")
    if kind == "url":
        host = value.split("/", 3)[2].rpartition("@")[2].rpartition(":")
        name = host[0] if host[2].isdecimal() and host[0] else "".join(host)
        return "" if name.startswith("[") else name.lower()
    return value.lower()


def asked_of_the_store(fresh: IndicatorSet, most: int) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """(fields, values) by which events with an indicator are looked up, at most ``most`` values at once; networks cannot be."""
    by_fields: dict[tuple[str, ...], dict[str, None]] = {}
    for feed in fresh.feeds:
        for one in feed.indicators:
            fields = _FIELDS.get(one.kind) or (
                *(f"{of}.{one.kind}" for of in DIGESTS if one.kind in ("md5", "sha1", "sha256")),
            )
            if fields:
                by_fields.setdefault(fields, {})[one.value] = None
    for fields, found in by_fields.items():
        listed = tuple(found)
        for start in range(0, len(listed), most):
            yield fields, listed[start : start + most]


_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "address": (*ADDRESSES, *NAMES),
    "domain": tuple(NAMES),
    "url": tuple(URLS),
    "mail": tuple(MAILS),
}

"""A published set of indicators in, what an event has of them out: one hash look-up a field, whatever the number of indicators.

Why not the literal index of the rules: a value is listed whole, so a hash set is exact and costs the same for one indicator and
for a million, while an automaton of 200,000 literals has to be built anew with every feed (ADR 0022). What a hit is worth is
decided by ordinary rules: ``marked`` puts it into the event under ECS names, and the rules in ``rules/intel`` ask for those.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from ipaddress import ip_address, ip_network
from typing import Any, Final, NamedTuple, cast

import msgspec

from soc.clock import Micros
from soc.intel import value as values
from soc.intel.allow import INTERNAL, Spans, parents
from soc.intel.fields import ADDRESSES, DIGESTS, MAILS, NAMES, URLS, Side, contact_of, host_of, refused
from soc.intel.indicator import TLPS, Indicator, IndicatorSet, Kind, confidence_word
from soc.model import Event, LogSource
from soc.model.alert import IndicatorHit

HITS: Final = 20
"""Of one event or alert so many are told, the strongest first."""
REMEMBERED: Final = 50_000
"""Values of one kind of field of which it is remembered what they are; then it begins anew."""
LISTED: Final = LogSource(category="threat_indicator")
"""What an event with a hit belongs to beside its own logsources."""
TYPES: Final[Mapping[Kind, str]] = {
    "address": "ipv4-addr",
    "network": "ipv4-addr",
    "domain": "domain-name",
    "url": "url",
    "md5": "file",
    "sha1": "file",
    "sha256": "file",
    "mail": "email-addr",
}
"""Of ECS ``threat.indicator.type``, which takes them from STIX; IPv6 is told apart where it is written."""
_WORDS: Final = ("None", "Low", "Medium", "High")

Entry = tuple[int, Indicator]
"""(number of its feed, indicator)."""
Found = tuple[Entry, ...]
Look = tuple[str, dict[Any, Found], Callable[[str], Found], Side]
"""(field, what is remembered of its values, how a new one is looked up, whose they are)."""


class Hit(NamedTuple):
    """One indicator in one field of one event.

    Attributes:
        field, side: where, and whose value that is.
        text: the value as the event writes it.
        word: its confidence, as its feed's level allows.
    """

    field: str
    side: Side
    text: str
    indicator: Indicator
    feed: str
    word: str


class Indicators:
    """All indicators of a publication, ready for events. Not shared between threads: it remembers in plain dictionaries.

    Attributes:
        published: what they were made from.
        ours: what is one's own: networks of the register, and whatever is no address on the Internet.
    """

    def __init__(self, published: IndicatorSet) -> None:
        self.published = published
        self.ours = Spans([*_networks(published.own), *INTERNAL])
        self._tables: dict[Kind, dict[str, Found]] = {}
        for number, feed in enumerate(published.feeds):
            for indicator in feed.indicators:
                table = self._tables.setdefault(indicator.kind, {})
                known = table.get(indicator.value)
                entry = (number, indicator)
                table[indicator.value] = (entry,) if known is None else (*known, entry)
        self._asked: set[str] = {
            *self._tables,
            *(kind for feed in published.feeds for one in feed.indicators for kind, _ in one.also),
        }
        self._ranges = _Ranges(self._tables.get("network", {}))
        self._hosts = {text.split("/", 3)[2] for text in self._tables.get("url", {})}
        self._plan: list[Look] = []
        self._add(ADDRESSES, self._address, {"address", "network"})
        self._add(NAMES, self._name, {"domain", "address", "network"})
        self._add(URLS, self._url, {"url"})
        self._add(MAILS, self._mail, {"mail", "domain"})
        for algorithm in ("md5", "sha1", "sha256"):
            files: dict[str, Side] = dict.fromkeys((f"{of}.{algorithm}" for of in DIGESTS), "file")
            self._add(files, partial(self._digest, algorithm), {algorithm})
        self._by_field: dict[str, Look] = {look[0]: look for look in self._plan}
        self._wanted = frozenset(self._by_field)
        self._order = {field: place for place, field in enumerate(self._by_field)}

    @classmethod
    def decode(cls, data: bytes) -> "Indicators":
        """What was published under ``indicators``.

        Raises:
            RecordError: it is not that.
        """
        return cls(IndicatorSet.decode(data))

    def __len__(self) -> int:
        return self.published.count

    def mark(self, event: Event) -> Event:
        """The event as it goes on: with what was found in it (see ``marked``), else itself."""
        if not self._wanted:
            return event
        hits = self.find(event.fields, event.correlation_time)
        return marked(event, hits, self.ours) if hits else event

    def find(self, fields: Mapping[str, Any], at: Micros) -> list[Hit]:
        """What an event has of them, the strongest first; [] for nearly every event."""
        hits: list[Hit] = []
        for field in self._wanted.intersection(fields):
            text = fields[field]
            if text is None:
                continue
            _, memo, learn, side = self._by_field[field]
            try:
                found = memo.get(text)
            except TypeError:  # a list
                hits += self._of_list(text, field, at)
                continue
            if found is None:
                found = self._learn(memo, learn, text)
            if found:
                hits += self._held(found, field, side, str(text), at)
        if hits:
            hits = self._complete(hits, fields)
        return hits

    def hits(self, pairs: Iterable[tuple[str, str]], at: Micros) -> tuple[IndicatorHit, ...]:
        """What (field, value) pairs of an alert have of them, for its document, the strongest first, at most 20.

        An indicator that demands more than one value is told where one of them is found: the rule has seen the whole event.
        One that is said to be bad from a later day on is told too: a hunt found it, or somebody who reads the alert wants to know.
        The note of a RED one stays on the page of intelligence, for those who may see it.
        """
        found: list[Hit] = []
        for field, text in dict.fromkeys(pairs):
            found += self._of_list([text], field, at, early=True)
        told = (
            IndicatorHit(hit.field, hit.text, hit.feed, hit.indicator.tlp, _note(hit.indicator))
            for hit in ranked(found)
        )
        return tuple(dict.fromkeys(told))[:HITS]

    def known(self, text: str) -> list[tuple[str, Indicator]]:
        """(feed, indicator) of everything that a value is or is in, in force or not.

        Raises:
            ValueError: it is nothing that an indicator can be.
        """
        kind, value = values.guess(text)
        ways: Mapping[str, Callable[[str], Found]] = {
            "address": self._address,
            "domain": self._name,
            "mail": self._mail,
        }
        found = ways[kind](value) if kind in ways else self._tables.get(kind, {}).get(value, ())
        return [(self.published.feeds[number].name, indicator) for number, indicator in found]

    def _add(self, fields: Mapping[str, Side], learn: Callable[[str], Found], kinds: Iterable[str]) -> None:
        """Have fields looked at, if there is any indicator that they could hold; they share what is remembered."""
        if not self._asked.isdisjoint(kinds):
            memo: dict[Any, Found] = {}
            for field, side in fields.items():
                self._plan.append((field, memo, learn, side))

    @staticmethod
    def _learn(memo: dict[Any, Found], learn: Callable[[str], Found], text: Any) -> Found:
        if len(memo) >= REMEMBERED:
            memo.clear()
        found = memo[text] = learn(str(text))
        return found

    def _of_list(self, texts: Any, field: str, at: Micros, *, early: bool = False) -> Iterator[Hit]:
        known = self._by_field.get(field)
        if known is None or not isinstance(texts, list | tuple):
            return
        _, memo, learn, side = known
        for text in cast("Sequence[Any]", texts):
            if isinstance(text, str):
                found = memo.get(text)
                found = self._learn(memo, learn, text) if found is None else found
                yield from self._held(found, field, side, text, at, early=early)

    def _held(
        self, found: Found, field: str, side: Side, text: str, at: Micros, *, early: bool = False
    ) -> Iterator[Hit]:
        for number, indicator in found:
            if indicator.holds(max(at, indicator.first) if early else at):
                feed = self.published.feeds[number]
                word = confidence_word(indicator.confidence)
                if feed.level and _WORDS.index(word) > _WORDS.index(feed.level):
                    word = feed.level
                yield Hit(field, side, text, indicator, feed.name, word)

    def _complete(self, hits: list[Hit], fields: Mapping[str, Any]) -> list[Hit]:
        """Without those that demand more than the event has."""
        hits.sort(key=lambda hit: self._order[hit.field])  # a set has no order, and a restart must find the same
        return ranked(
            hit for hit in hits if all(self._present(kind, value, fields) for kind, value in hit.indicator.also)
        )

    def _present(self, kind: Kind, value: str, fields: Mapping[str, Any]) -> bool:
        for field in self._by_field:
            text = fields.get(field)
            items = cast("Sequence[Any]", text if isinstance(text, list | tuple) else (text,))
            if any(isinstance(item, str) and _is(kind, value, item) for item in items):
                return True
        return False

    # ── what a value of a field is ─────────────────────────────────────────────────────────────────────────────────────

    def _address(self, text: str) -> Found:
        number = _version4(text)
        if number is None:  # IPv6, which has many ways of writing, or no address
            try:
                text = values.address(text)
            except ValueError:
                return ()
            number = _version4(text)
        found = self._tables.get("address", {}).get(text, ())
        if self._ranges:
            wide = self._ranges.of(4, number) if number is not None else self._ranges.of(6, int(ip_address(text)))
            return (*found, *wide) if wide else found
        return found

    def _name(self, text: str) -> Found:
        name = text.rstrip(".").lower()
        if not name.isascii():
            try:
                name = values.domain(name)
            except ValueError:
                return ()
        if name[-1:].isdecimal() or ":" in name:
            return self._address(name)
        table = self._tables.get("domain", {})
        found = table.get(name, ())
        dot = name.find(".")
        while dot >= 0:
            higher = table.get(name[dot + 1 :])
            if higher:
                found = (*found, *higher)
            dot = name.find(".", dot + 1)
        return found

    def _url(self, text: str) -> Found:
        start = text.find("://")
        if start < 0:
            return ()
        table = self._tables.get("url", {})
        found = table.get(text)
        if found is None:
            rest = text[start + 3 :]
            end = min((place for place in map(rest.find, "/?#") if place >= 0), default=len(rest))
            authority = rest[:end].rpartition("@")[2].lower()
            if authority.isascii() and not _may_be(authority, self._hosts):
                return ()
            try:
                found = table.get(values.url(text), ())
            except ValueError:
                return ()
        return found

    def _mail(self, text: str) -> Found:
        try:
            address = values.mail(text)
        except ValueError:
            return ()
        return (*self._tables.get("mail", {}).get(address, ()), *self._name(address.rpartition("@")[2]))

    def _digest(self, algorithm: Kind, text: str) -> Found:
        return self._tables.get(algorithm, {}).get(text.lower(), ())


class _Ranges:
    """Networks as ranges cut at every edge: each piece knows all networks that have it, so a look-up is one bisection."""

    def __init__(self, networks: Mapping[str, Found]) -> None:
        self._edges: dict[int, list[int]] = {4: [], 6: []}
        self._pieces: dict[int, list[Found]] = {4: [], 6: []}
        by_version: dict[int, list[tuple[int, int, Found]]] = {4: [], 6: []}
        for text, found in networks.items():
            net = ip_network(text)
            by_version[net.version].append((int(net.network_address), int(net.broadcast_address) + 1, found))
        for version, some in by_version.items():
            self._cut(version, some)
        self._any = bool(networks)

    def __bool__(self) -> bool:
        return self._any

    def _cut(self, version: int, some: list[tuple[int, int, Found]]) -> None:
        """Networks nest or are apart, so a stack of the open ones is enough."""
        edges, pieces = self._edges[version], self._pieces[version]
        open_: list[tuple[int, Found]] = []

        def close(until: int) -> None:
            while open_ and open_[-1][0] <= until:
                end, _ = open_.pop()
                edges.append(end)
                pieces.append(open_[-1][1] if open_ else ())

        for start, end, found in sorted(some, key=lambda one: (one[0], -one[1])):
            close(start)
            open_.append((end, (*(open_[-1][1] if open_ else ()), *found)))
            edges.append(start)
            pieces.append(open_[-1][1])
        close(2**129)

    def of(self, version: int, number: int) -> Found:
        """The networks that an address is in."""
        place = bisect_right(self._edges[version], number) - 1
        return self._pieces[version][place] if place >= 0 else ()


def marked(event: Event, hits: Sequence[Hit], ours: Spans) -> Event:
    """The event with what was found in it, under names of ECS, and with the logsource that the rules of ``rules/intel`` ask for.

    Rules ask for one way it went and one confidence, so of several hits those like the strongest are told; all are found again
    for the alert. Nothing of a feed's own words is written: a document is read by more people than a feed may be.
    """
    first = hits[0]
    contact = contact_of(first.side, event.fields, ours)
    like = [hit for hit in hits if hit.word == first.word and contact_of(hit.side, event.fields, ours) == contact][
        :HITS
    ]
    fields = {
        **event.fields,
        "threat.indicator.name": _one_or_all(hit.indicator.value for hit in like),
        "threat.indicator.type": _one_or_all(_type(hit.indicator) for hit in like),
        "threat.indicator.confidence": first.word,
        "threat.indicator.marking.tlp": max((hit.indicator.tlp for hit in like), key=TLPS.index),
        "threat.feed.name": _one_or_all(hit.feed for hit in like),
        "threat.enrichments.matched.field": _one_or_all(hit.field for hit in like),
        "threat.enrichments.matched.atomic": _one_or_all(hit.text for hit in like),
        "threat.contact": contact,
        "threat.refused": "true" if refused(event.fields) else "false",
        "threat.host": host_of(contact, event.fields, event.source),
    }
    return msgspec.structs.replace(event, fields=fields, logsources=(*event.logsources, LISTED))


def ranked(hits: Iterable[Hit]) -> list[Hit]:
    """The strongest first; of equal ones as they were found."""
    return sorted(hits, key=lambda hit: -_WORDS.index(hit.word))


def _one_or_all(texts: Iterable[str]) -> str | list[str]:
    some = list(dict.fromkeys(texts))
    return some[0] if len(some) == 1 else some


def _type(indicator: Indicator) -> str:
    return "ipv6-addr" if indicator.kind in ("address", "network") and ":" in indicator.value else TYPES[indicator.kind]


def _note(indicator: Indicator) -> str:
    return "" if indicator.tlp == "RED" else indicator.note


def _version4(text: str) -> int | None:
    """An IPv4 address as a number; None for anything else. Three times as fast as ``ipaddress``, and every new value comes here."""
    try:
        a, b, c, d = map(int, text.split("."))
    except ValueError:
        return None
    if a | b | c | d > 255 or min(a, b, c, d) < 0:
        return None
    return (a << 24) | (b << 16) | (c << 8) | d


def _may_be(authority: str, hosts: set[str]) -> bool:
    """Whether a URL's host, with or without its port, is that of some listed URL."""
    if authority in hosts:
        return True
    name, _, port = authority.rpartition(":")
    return name in hosts or authority.endswith(".") or "[" in authority or (port.isdecimal() and name.endswith("."))


def _is(kind: Kind, value: str, text: str) -> bool:
    """Whether a value of an event is the one, or in it."""
    try:
        if kind == "network":
            return Spans([value]).has(values.address(text))
        if kind == "domain":
            name = values.domain(text)
            return name == value or value in parents(name)
        return values.canonical(kind, text).value == value
    except ValueError:
        return False


def _networks(own: Iterable[str]) -> Iterator[str]:
    for text in own:
        try:
            kind, value = values.guess(text)
        except ValueError:
            continue
        if kind in ("address", "network"):
            yield value


NO_INDICATORS: Final = Indicators(IndicatorSet())

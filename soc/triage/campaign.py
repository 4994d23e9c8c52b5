"""The alerts of a batch in; incidents of one campaign linked, with the reason on both, and never merged.

A campaign is the same attack on many systems: one rule, and one thing of the attacker's (an address outside, a domain, a hash, a value that
intelligence lists), at machines of different incidents within ``WINDOW``. Each incident is linked with the one that the campaign was
first seen in, and all carry the same ``campaign``. What everybody stands behind by declaration (a NAT, a proxy) is nobody's mark. What a
person unlinked is not linked again.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from soc.clock import DAY, Micros
from soc.model import Incident, decode, encode
from soc.model.incident import Link
from soc.triage.alerts import Card
from soc.triage.entities import Key, key

WINDOW: Micros = DAY
"""After the last alert of a campaign, the next of the same kind is a new one."""

MAX_LINKS = 50
"""Other incidents that one names; all of a campaign have its id."""

_FINE: Micros = DAY // 24
"""How exactly the last alert of a campaign is kept: every alert would write it else."""

_TECHNIQUE = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)")


class Attack(msgspec.Struct, frozen=True, array_like=True):
    """Where one attack was first seen.

    Attributes:
        rule_id: what fired; ``kind``, ``value``: whose mark it carries.
        incident_id: of the incident that had it first. ``last``: when it was last seen.
    """

    rule_id: str
    kind: str
    value: str
    incident_id: str
    last: Micros


class Joined(NamedTuple):
    """Two incidents that are linked from now on."""

    first: Incident
    other: Incident
    reason: str


class Campaigns:
    """Attacks of the last day and where they were seen first; keys of the state: ``m/<digest>``; ``u/<id>|<id>``: unlinked by a person."""

    def __init__(self) -> None:
        self._attacks: dict[tuple[str, Key], Attack] = {}
        self._unlinked: set[str] = set()

    def restore(self, value: bytes) -> None:
        """Take up one committed attack.

        Raises:
            RecordError: it is none.
        """
        found = decode(value, Attack)
        self._attacks[found.rule_id, (found.kind, found.value)] = found

    def restore_unlinked(self, pair: str) -> None:
        """Take up that a person unlinked two."""
        self._unlinked.add(pair)

    def unlink(self, one: str, other: str, state: dict[bytes, bytes | None], *, undone: bool = False) -> None:
        """A person unlinked two incidents (``undone``: linked them again): no machine does otherwise."""
        pair = _pair(one, other)
        if undone:
            if pair in self._unlinked:
                self._unlinked.discard(pair)
                state[b"u/" + pair.encode()] = None
        else:
            self._unlinked.add(pair)
            state[b"u/" + pair.encode()] = b""

    def unlinked(self, one: str, other: str) -> bool:
        """Whether a person unlinked two incidents."""
        return _pair(one, other) in self._unlinked

    def first(self, card: Card, mark: Key) -> str:
        """The incident in which this attack was seen first, "" if it is new or was last seen too long ago."""
        known = self._attacks.get((card.rule_id, mark))
        return known.incident_id if known is not None and card.first_seen <= known.last + WINDOW else ""

    def seen(self, card: Card, mark: Key, incident_id: str, state: dict[bytes, bytes | None]) -> None:
        """An alert of the attack; ``incident_id``: where it was seen first."""
        known = self._attacks.get((card.rule_id, mark))
        if known is not None and known.incident_id == incident_id and card.last_seen < known.last + _FINE:
            return
        last = max(card.last_seen, known.last if known else 0)
        fresh = self._attacks[card.rule_id, mark] = Attack(card.rule_id, *mark, incident_id, last)
        state[_name(fresh)] = encode(fresh)

    def prune(self, before: Micros, state: dict[bytes, bytes | None]) -> None:
        """Forget attacks that were last seen before a time."""
        for name, attack in list(self._attacks.items()):
            if attack.last < before:
                del self._attacks[name]
                state[_name(attack)] = None


def marks(card: Card) -> Iterator[Key]:
    """What of an alert may be the attacker's: anything it is about that is no person and no host, and listed values."""
    yield from sorted(mark for mark in card.about if mark[0] not in {"user", "host"})
    for value in card.indicators:
        yield "indicator", value


def elsewhere(card: Card, mark: Key, first: Incident) -> bool:
    """Whether the alert is at a machine that the first incident does not touch."""
    there = {key((field, value)) for field, value, _ in first.entities}
    machines = {found for found in card.about if found != mark and found[0] in {"ip", "host"} and found[1] != mark[1]}
    return bool(machines) and machines.isdisjoint(there)


def joined(first: Incident, other: Incident, card: Card, mark: Key) -> Joined | None:
    """The two incidents with a link to each other; None if they have it already."""
    if any(link.incident_id == first.id for link in other.links):
        return None
    reason = _reason(card, mark)
    digest = hashlib.sha256(f"{card.rule_id}|{mark[0]}|{mark[1]}|{first.id}".encode("utf-8", "replace")).hexdigest()
    campaign = first.campaign or other.campaign or f"{first.id[:6]}-{digest[:16]}"
    return Joined(
        _with(first, other, campaign, reason),
        _with(other, first, campaign, reason),
        reason,
    )


def kept_links(into: Incident, source: Incident) -> tuple[Link, ...]:
    """The links of an incident once another is part of it."""
    both: Iterable[Link] = (*into.links, *source.links)
    found = {link.incident_id: link for link in both if link.incident_id not in {into.id, source.id}}
    return tuple(found.values())[:MAX_LINKS]


def _with(incident: Incident, other: Incident, campaign: str, reason: str) -> Incident:
    links = incident.links
    if len(links) < MAX_LINKS:
        links = (*links, Link(other.id, other.number, reason))
    return msgspec.structs.replace(incident, links=links, campaign=incident.campaign or campaign)


def _reason(card: Card, mark: Key) -> str:
    techniques = (found for tag in card.tags if (found := _TECHNIQUE.fullmatch(tag)))
    technique = next(techniques, None)
    named = f"{card.title} ({technique.group(1).upper()})" if technique else card.title
    return f"{named}: {mark[1]}"


def _pair(one: str, other: str) -> str:
    return "|".join(sorted((one, other)))


def _name(attack: Attack) -> bytes:
    text = f"{attack.rule_id}\0{attack.kind}\0{attack.value}"
    return b"m/" + hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=12).hexdigest().encode()

"""Entities in; whether two alerts that have one in common belong together by it, and who was learned to be shared, out.

Declared (settings, register) or learned: from how many others it is seen with; from how many independent stories only it holds together
(``soc.triage.learned``); and from what devices say of themselves: the address that translates others' (``source.nat.ip``), the device
that only observed (``observer.ip``), the proxy before the real client (``network.forwarded_ip``).
"""

from collections.abc import Collection, Mapping, Sequence

from soc.clock import DAY, Micros
from soc.model import Alert
from soc.triage.alerts import Card
from soc.triage.documents import Documents
from soc.triage.entities import Key, canonical
from soc.triage.learned import gateways
from soc.triage.surroundings import Surroundings

REMEMBERED: Micros = 30 * DAY
"""How long what was learned of an entity holds after it was last seen so."""

REMEMBERED_OUTSIDE: Micros = DAY
"""The same of an outside address that stories were parted by: tomorrow it may be the thread of one attack."""

MAX_ANSWERS = 50_000
"""Of the register, kept until it is published anew."""


class Shared:
    """Knows which entities prove nothing. What it learned is kept in the state, under ``g/<family>/<value>``."""

    def __init__(self, documents: Documents, declared: Collection[str], max_degree: int) -> None:
        self._documents = documents
        self._declared = frozenset(value.strip().casefold() for value in declared)
        self._max_degree = max_degree
        self._told: set[Key] = set()
        self._answers: dict[Key, bool] = {}
        self._surroundings = Surroundings()
        self.fresh: dict[Key, str] = {}
        """Learned in this batch, and why: what only they hold together is parted."""

    def know(self, surroundings: Surroundings) -> None:
        """What is known beside the alerts, for the batch that begins."""
        if surroundings is not self._surroundings:
            self._surroundings = surroundings
            self._told.clear()
            self._answers.clear()

    def strong(self, item: Key, at: Micros) -> bool:
        """Whether sharing it says that two alerts of a time belong together."""
        if self.declared(item) or self._documents.learned.get(item, -1) >= at:
            return False
        return self._documents.index.degree(item) <= self._max_degree

    def learn(self, item: Card, alert: Alert) -> None:
        """What one alert tells about who is shared."""
        for found, why in _evidence(alert).items():
            self._remember(found, why, alert.last_seen)
        for about in sorted(item.about):
            degree = self._documents.index.degree(about)
            if degree > self._max_degree:
                self._remember(about, f"seen with {degree} others", alert.last_seen)
            elif self.declared(about) and about not in self._told:
                self._told.add(about)
                self.fresh[about] = "is declared to be"

    def study(self, cards: Sequence[Card]) -> None:
        """Learn from an incident as a whole: what only holds independent stories together."""
        at = max((card.last_seen for card in cards), default=0)
        for found, number in sorted(gateways(cards, lambda item: not self.strong(item, at), self.ours).items()):
            why = f"holds {number} independent stories together"
            self._remember(found, why, at, REMEMBERED if self.ours(found) else REMEMBERED_OUTSIDE)

    def ours(self, item: Key) -> bool:
        """Whether it is a host, or an address that is internal or of a system of the register."""
        return item[0] == "host" or (item[0] == "ip" and self._surroundings.is_own(item[1]))

    def _remember(self, item: Key, why: str, at: Micros, lasts: Micros = REMEMBERED) -> None:
        known = self._documents.learned.get(item, -1)
        if known - at < lasts // 2:
            self._documents.learn(item, at + lasts)
        if known < at:
            self.fresh[item] = why

    def declared(self, item: Key) -> bool:
        """Whether the settings or the register say so."""
        answer = self._answers.get(item)
        if answer is None:
            answer = item[1].casefold() in self._declared or (
                item[0] in {"ip", "host"} and self._surroundings.is_shared(item[1])
            )
            if len(self._answers) >= MAX_ANSWERS:
                self._answers.clear()
            self._answers[item] = answer
        return answer


def _evidence(alert: Alert) -> Mapping[Key, str]:
    found: dict[Key, str] = {}
    for member in alert.sample:
        fields = member.fields or {}
        for field, why in (
            ("source.nat.ip", "translates the addresses of others"),
            ("observer.ip", "is what observed"),
        ):
            value = fields.get(field)
            if isinstance(value, str) and (text := canonical(field, value)):
                found["ip", text] = why
        source, client = fields.get("source.ip"), fields.get("network.forwarded_ip")
        if isinstance(source, str) and client and client != source and (text := canonical("source.ip", source)):
            found["ip", text] = "passes on the requests of others"
    return found


def components(cards: Sequence[Card], shared: Shared, window: Micros) -> list[list[Card]]:
    """Alerts of one incident as the groups that strong entities within the window hold together, the earliest first.

    Alerts that link nothing (lesser, closed, no longer live) go where they share something, else to the first group.
    """
    nodes = sorted((card for card in cards if card.worthy and card.live), key=lambda card: (card.first_seen, card.id))
    parent = {card.id: card.id for card in nodes}

    def root(id_: str) -> str:
        while parent[id_] != id_:
            parent[id_] = id_ = parent[parent[id_]]
        return id_

    last: dict[Key, tuple[Micros, str]] = {}
    for card in nodes:
        for about in sorted(card.about):
            if not shared.strong(about, card.first_seen):
                continue
            until, other = last.get(about, (card.last_seen, card.id))
            if card.first_seen <= until + window:
                parent[root(card.id)] = root(other)
                until = max(until, card.last_seen)
            else:
                until = card.last_seen
            last[about] = (until, card.id)
    groups: dict[str, list[Card]] = {}
    for card in nodes:
        groups.setdefault(root(card.id), []).append(card)
    ordered = list(groups.values())
    for card in sorted(cards, key=lambda card: (card.first_seen, card.id)):
        if card.id not in parent and ordered:
            keys = {about for about in card.about if shared.strong(about, card.first_seen)}
            fitting = (group for group in ordered if any(keys & other.about for other in group))
            next(fitting, ordered[0]).append(card)
    return ordered

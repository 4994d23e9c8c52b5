"""Alerts in, incidents out: alerts that share an entity within a window belong together, and each join says by what.

Rules, in this order (ADR 0008):

1. A live alert of level medium or above, or of any correlation, belongs to an incident. A lesser one only comes along
   when it shares an entity with an open incident, before or after; it never links two.
2. Shared is what both are *about* (``entities.about``) within ``window`` of the incident's interval. An entity that is
   declared shared, or is seen in more than ``max_degree`` companies, proves nothing and never joins.
3. One alert that leads to several incidents merges them into one: the one a person has touched, else the older. Two that
   people have touched are not merged by the machine.
4. A closed incident takes nothing in; a person's detaching is final.
5. What only an entity held together that turns out to be shared is parted again; what a person has touched only says so.
"""

import hashlib
from collections.abc import Collection, Sequence

import msgspec

from soc.clock import Micros, to_datetime
from soc.model import Alert, Incident, Join
from soc.triage.alerts import Card
from soc.triage.documents import Documents
from soc.triage.entities import Entity, Key, key
from soc.triage.joining import absorbed
from soc.triage.lifecycle import remembered
from soc.triage.shared import Shared, components

MAX_ALERTS = 1000
"""Alerts of one incident, since its document lists them all and is written whole. Past it another incident is opened."""

MAX_REASONS = 4
"""Joins recorded for one alert."""


class Grouping:
    """Decides to which incident an alert belongs."""

    def __init__(
        self, documents: Documents, *, window: Micros, shared_entities: Collection[str], max_degree: int
    ) -> None:
        self._documents = documents
        self._window = window
        self.shared = Shared(documents, shared_entities, max_degree)

    def place(self, item: Card, now: Micros) -> None:
        """Put a new or revised live alert where it belongs, and merge what it turns out to link."""
        documents = self._documents
        if not item.live or item.status == "closed" or documents.detached(item.id):
            return
        home = documents.incident(item.incident_id) if item.incident_id else None
        if home is not None and not documents.is_open(home.id):
            return
        found = self._matches(item)
        if home is None:
            room = [incident for incident in self._by_claim(found) if len(incident.alerts) < MAX_ALERTS]
            if room:
                home = self._join(room[0], item, found[room[0].id], now)
            elif item.worthy:
                home = self.open(item, now)
            else:
                return
        else:
            home = self._extend(home, item)
        if item.worthy:
            self._merge_linked(home, item, found, now)
            self._gather(item, now)

    def open(self, item: Card, now: Micros) -> Incident:
        """A new incident with one alert."""
        number = self._documents.next_number(to_datetime(now).strftime("%Y"))
        digest = hashlib.sha256(f"{number}|{item.id}".encode()).hexdigest()[:20]
        incident = Incident(
            id=f"{_month(item)}-{digest}",
            number=number,
            version=0,
            revision=0,
            title=item.title,
            title_vi=item.title_vi,
            level=item.level,
            alerts=(item.id,),
            joins=(),
            entities=(),
            first_seen=item.first_seen,
            last_seen=item.last_seen,
            raised=now,
        )
        self._documents.put_incident(incident)
        self._move(item.id, incident.id)
        return incident

    def merge(self, source: Incident, into: Incident) -> Incident:
        """Move every alert of ``source`` into ``into``, which takes the earlier clock; human fields stay where they are."""
        documents = self._documents
        documents.put_incident(msgspec.structs.replace(source, status="merged", merged_into=into.id))
        survivor = msgspec.structs.replace(
            into,
            **absorbed(into, source),
            alerts=into.alerts + source.alerts,
            joins=into.joins + source.joins,
            first_seen=min(into.first_seen, source.first_seen),
            last_seen=max(into.last_seen, source.last_seen),
            raised=min(into.raised, source.raised),
            new_activity=into.new_activity or source.new_activity,
        )
        documents.put_incident(survivor)
        for alert_id in source.alerts:
            self._move(alert_id, into.id)
        return survivor

    def detach(self, alert: Alert, incident: Incident, now: Micros) -> None:
        """Take an alert out for good. It gets an incident of its own if its weight asks for one, which attracts nothing."""
        documents = self._documents
        documents.detach(alert.id)
        documents.put_incident(
            msgspec.structs.replace(
                incident,
                alerts=tuple(item for item in incident.alerts if item != alert.id),
                joins=tuple(join for join in incident.joins if join.alert_id != alert.id),
            )
        )
        self._move(alert.id, "")
        item = documents.card(alert.id)
        if item.worthy and item.live:
            self.open(item, now)

    def adopt(self, alert_id: str, incident: Incident) -> None:
        """Put an alert without an incident into one because another alert of that incident became part of it."""
        larger = msgspec.structs.replace(incident, alerts=(*incident.alerts, alert_id))
        self._documents.put_incident(larger)
        self._move(alert_id, incident.id)
        self._extend(larger, self._documents.card(alert_id))

    def part(self, now: Micros) -> None:
        """Part what only entities held together that were learned to be shared in this batch."""
        self._study()
        fresh, self.shared.fresh = self.shared.fresh, {}
        held: dict[str, list[str]] = {}
        for (kind, value), why in sorted(fresh.items()):
            for id_ in self._documents.index.incidents((kind, value)):
                held.setdefault(id_, []).append(f"{value} is shared: it {why}")
        for incident_id in sorted(held):
            incident = self._documents.incident(incident_id)
            if incident is not None and len(incident.alerts) > 1 and self._documents.is_open(incident_id):
                self._part(incident, "; ".join(held[incident_id][:MAX_REASONS]), now)

    def _study(self) -> None:
        """Look at the incidents that grew in this batch; a large one not at every alert."""
        for incident, before in self._documents.grown():
            step = max(1, len(incident.alerts) // 8)
            if self._documents.is_open(incident.id) and len(incident.alerts) // step != before // step:
                self.shared.study([self._documents.card(alert_id) for alert_id in incident.alerts])

    def _part(self, incident: Incident, why: str, now: Micros) -> None:
        cards = [self._documents.card(alert_id) for alert_id in incident.alerts]
        kept, *others = components(cards, self.shared, self._window) or [cards]
        if others and incident.revision:
            told = f"{why}; {len(others) + 1} groups of alerts may be apart, and stay because a person has touched it"
            timeline = remembered(incident, now, "soc", "part", told)
            self._documents.put_incident(msgspec.structs.replace(incident, timeline=timeline))
        elif others:
            for group in others:
                fresh = self.take_out(incident, group, now, f"parted from {incident.number}: {why}")
                self._documents.put_incident(msgspec.structs.replace(fresh, joins=self._proven(fresh.joins)))
            remaining = self._documents.incident(incident.id) or incident
            timeline = remembered(remaining, now, "soc", "part", f"{len(others)} parted: {why}")
            self._documents.put_incident(
                msgspec.structs.replace(
                    remaining,
                    timeline=timeline,
                    joins=self._proven(remaining.joins),
                    first_seen=min(card.first_seen for card in kept),
                    last_seen=max(card.last_seen for card in kept),
                )
            )

    def _proven(self, joins: Sequence[Join]) -> tuple[Join, ...]:
        """The reasons that still are some: none by what turned out to be shared."""
        return tuple(
            join
            for join in joins
            if self.shared.strong(
                key((join.entity_kind, join.entity_value)), self._documents.card(join.alert_id).first_seen
            )
        )

    def take_out(self, incident: Incident, group: Sequence[Card], now: Micros, why: str) -> Incident:
        """A new incident with some alerts of another one, which keeps the rest; their reasons for joining come along."""
        current = self._documents.incident(incident.id) or incident
        ids = {card.id for card in group}
        self._documents.put_incident(
            msgspec.structs.replace(
                current,
                alerts=tuple(alert_id for alert_id in current.alerts if alert_id not in ids),
                joins=tuple(join for join in current.joins if join.alert_id not in ids),
            )
        )
        fresh = self.open(min(group, key=lambda card: (card.first_seen, card.id)), now)
        fresh = msgspec.structs.replace(
            fresh,
            alerts=tuple(alert_id for alert_id in current.alerts if alert_id in ids),
            joins=tuple(join for join in current.joins if join.alert_id in ids),
            raised=min(card.raised for card in group),
            first_seen=min(card.first_seen for card in group),
            last_seen=max(card.last_seen for card in group),
            timeline=remembered(fresh, now, "soc", "part", why),
        )
        self._documents.put_incident(fresh)
        for alert_id in fresh.alerts:
            self._move(alert_id, fresh.id)
        return fresh

    def _matches(self, item: Card) -> dict[str, list[Key]]:
        """The open incidents that share a strong entity with an alert within the window, and which entities."""
        found: dict[str, list[Key]] = {}
        for shared in sorted(item.about):
            if self.shared.strong(shared, item.first_seen):
                for incident_id in self._documents.index.incidents(shared):
                    incident = self._documents.incident(incident_id)
                    if incident is not None and self._near(item, incident):
                        found.setdefault(incident_id, []).append(shared)
        return found

    def _near(self, item: Card, incident: Incident) -> bool:
        return (
            item.first_seen - self._window <= incident.last_seen
            and item.last_seen + self._window >= incident.first_seen
        )

    def _by_claim(self, ids: Collection[str]) -> list[Incident]:
        """Who survives a merge first: the incident that a person touched, then the older."""
        incidents = [incident for id_ in ids if (incident := self._documents.incident(id_)) is not None]
        return sorted(incidents, key=lambda incident: (incident.revision == 0, incident.raised, incident.number))

    def _join(self, incident: Incident, item: Card, shared: list[Key], now: Micros) -> Incident:
        reasons = tuple(Join(item.id, now, *_as_written(item, reason)) for reason in shared[:MAX_REASONS])
        joined = msgspec.structs.replace(incident, alerts=(*incident.alerts, item.id), joins=incident.joins + reasons)
        self._documents.put_incident(joined)
        self._move(item.id, incident.id)
        return self._extend(joined, item)

    def _extend(self, incident: Incident, item: Card) -> Incident:
        """The incident's interval covers the alert's."""
        wider = msgspec.structs.replace(
            incident,
            first_seen=min(incident.first_seen, item.first_seen),
            last_seen=max(incident.last_seen, item.last_seen),
        )
        self._documents.put_incident(wider)
        return wider

    def _merge_linked(self, home: Incident, item: Card, found: dict[str, list[Key]], now: Micros) -> None:
        """Merge the incidents that one alert links. The survivor records by which entities."""
        survivor, *others = self._by_claim({home.id, *found})
        for other in others:
            full = len(survivor.alerts) + len(other.alerts) > MAX_ALERTS
            if full or other.revision or other.exercise != survivor.exercise:
                continue
            merged = self.merge(other, survivor)
            shared = found.get(other.id, []) if other.id != home.id else found.get(survivor.id, [])
            reasons = tuple(Join(item.id, now, *_as_written(item, reason)) for reason in shared[:MAX_REASONS])
            fresh = tuple(reason for reason in reasons if reason not in merged.joins)
            survivor = msgspec.structs.replace(merged, joins=merged.joins + fresh)
            self._documents.put_incident(survivor)

    def _gather(self, item: Card, now: Micros) -> None:
        """Bring the lesser alerts along that waited for an incident about the same."""
        documents = self._documents
        home_id = documents.card(item.id).incident_id
        for shared in sorted(item.about):
            for loner_id in (
                sorted(documents.index.loners(shared)) if self.shared.strong(shared, item.first_seen) else ()
            ):
                home = documents.incident(home_id)
                loner = documents.card(loner_id)
                if home is not None and len(home.alerts) < MAX_ALERTS and self._near(loner, home):
                    self._join(home, loner, [shared], now)

    def _move(self, alert_id: str, incident_id: str) -> None:
        alert = self._documents.alert(alert_id)
        if alert is not None:
            self._documents.put_alert(msgspec.structs.replace(alert, incident_id=incident_id))


def _as_written(item: Card, shared: Key) -> Entity:
    """The alert's own field and spelling of a shared key."""
    return next((entity for entity in item.entities if key(entity) == shared), shared)


def _month(item: Card) -> str:
    """The month of the first alert's first firing, as its id has it: it names the store's index of the incident."""
    prefix = item.id[:6]
    return prefix if prefix.isdecimal() and len(prefix) == 6 else to_datetime(item.first_seen).strftime("%Y%m")

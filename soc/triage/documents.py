"""Triage's state: the current documents, what a batch touched of them, and the bytes to commit.

Keys of the state (values are MessagePack):

    a/<id>   an alert         h/<id>   the last acts on an alert or incident, for the wording of a conflict
    i/<id>   an incident      n/<slot> the answer to an action; slots are used in turn, the oldest is forgotten
    c        the counters     x/<id>   an alert that a person took out of its incident: no machine puts it back
    s/<id>   a silence        y/<id>   a directive
    g/<entity>  until when it counts as shared     k/ p/ v/  risk, prevalence, verdicts (``risk``, ``history``)
    m/ u/    attacks that may become campaigns, and incidents that a person unlinked (``campaign``)
    r/ q/    repeats of which little is kept, and heirs of first ones (``packed``)

Alerts are kept as the bytes that were committed and decoded when touched: decoded, their samples would take ten times the memory.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec

from soc.audit.chain import Head
from soc.clock import DAY, Micros
from soc.errors import RecordError
from soc.model import Alert, Answer, Directive, Incident, Silence, decode, encode
from soc.model.incident import OPEN
from soc.triage.alerts import Card, card
from soc.triage.campaign import Campaigns
from soc.triage.entities import Key
from soc.triage.history import Prevalence, Verdicts
from soc.triage.index import Index, Part
from soc.triage.packed import KEPT, KNOWN_FOR, Storeroom, packable, unpacked
from soc.triage.repeats import Families
from soc.triage.risk import Risks

Standing = TypeVar("Standing", Silence, Directive)

ANSWERS_KEPT = 10_000
"""How many acts back a repeated action id is recognized; a client that repeats does so within minutes."""

LATE: Micros = 7 * DAY
"""What has expired is kept so much longer: events come late."""

CHANGES_KEPT = 20
"""Acts on one document that a conflict can still name."""


class Change(msgspec.Struct, frozen=True, array_like=True):
    """One act on one document: the revision it made, by whom, what."""

    revision: int
    at: Micros
    actor: str
    what: str


class Counters(msgspec.Struct):
    """What only ever grows.

    Attributes:
        version: the fold's sequence: the ``version`` of the document written last.
        numbers: year → the last incident number given in it.
        answered: how many actions were answered.
        audit: the end of triage's audit chain.
        pruned: the day (since 1970) on which what has no more use was last forgotten.
    """

    version: int = 0
    numbers: dict[str, int] = {}
    answered: int = 0
    audit: Head = Head("triage")
    pruned: int = 0


class Written(NamedTuple):
    """What a batch changed: documents with their new versions, and the state to commit with them."""

    alerts: list[Alert]
    incidents: list[Incident]
    state: dict[bytes, bytes | None]
    silences: list[Silence]
    directives: list[Directive]


class Documents:
    """Alerts, incidents and what belongs to them, by id; every change goes through here and keeps the index right."""

    def __init__(self, state: Mapping[bytes, bytes], half_life: Micros) -> None:
        """Take up the committed state.

        Raises:
            RecordError: a value is not what its key says.
        """
        self.index = Index()
        self.families = Families()
        self.risks = Risks(half_life)
        self.prevalence = Prevalence()
        self.verdicts = Verdicts()
        self.storeroom = Storeroom()
        self.campaigns = Campaigns()
        self.learned: dict[Key, Micros] = {}
        self.silences: dict[str, Silence] = {}
        self.directives: dict[str, Directive] = {}
        self._standing: set[str] = set()
        self.counters = Counters()
        self._cards: dict[str, Card] = {}
        self._stored: dict[str, bytes] = {}
        self._alerts: dict[str, Alert] = {}
        self._were: dict[str, Card | None] = {}
        self._incidents: dict[str, Incident] = {}
        self._before: dict[str, Incident | None] = {}
        self._answers: dict[str, Answer] = {}
        self._slots: dict[int, str] = {}
        self._changes: dict[str, tuple[Change, ...]] = {}
        self._detached: set[str] = set()
        self.state: dict[bytes, bytes | None] = {}
        for name, value in state.items():
            kind, _, rest = name.partition(b"/")
            id_ = rest.decode()
            if self._restore_known(kind, id_, value):
                continue
            match kind:
                case b"c":
                    self.counters = decode(value, Counters)
                case b"a":
                    self._stored[id_] = value
                    alert = decode(value, Alert)
                    self._cards[id_] = card(alert)
                    self.families.set(alert)
                case b"i":
                    self._incidents[id_] = _incident(value)
                case b"h":
                    self._changes[id_] = decode(value, tuple[Change, ...])
                case b"n":
                    answer = decode(value, Answer)
                    self._answers[answer.action_id] = answer
                    self._slots[int(id_)] = answer.action_id
                case _:
                    self._detached.add(id_)
        for item in self._cards.values():
            self.index.set(item, self._part(item))

    def _restore_known(self, kind: bytes, id_: str, value: bytes) -> bool:
        """Take up a value of what stands beside alerts and incidents; whether it was one."""
        match kind:
            case b"s":
                self.silences[id_] = decode(value, Silence)
            case b"y":
                self.directives[id_] = decode(value, Directive)
            case b"g":
                family, _, text = id_.partition("/")
                self.learned[family, text] = decode(value, int)
            case b"m":
                self.campaigns.restore(value)
            case b"u":
                self.campaigns.restore_unlinked(id_)
            case b"r":
                self.storeroom.restore(id_, value)
            case b"q":
                self.storeroom.restore_heir(id_, value)
            case b"k":
                self.risks.restore(id_, value)
            case b"p":
                self.prevalence.restore(id_, value)
            case b"v":
                self.verdicts.restore(value)
            case _:
                return False
        return True

    # Reading

    def card(self, alert_id: str) -> Card:
        """The card of an alert that exists."""
        return self._cards[alert_id]

    def alert(self, alert_id: str) -> Alert | None:
        """An alert as it is now, or None."""
        if alert_id in self._alerts:
            return self._alerts[alert_id]
        stored = self._stored.get(alert_id)
        if stored is not None:
            return decode(stored, Alert)
        line = self.storeroom.get(alert_id)
        first = self.alert(line.first) if line else None
        return unpacked(alert_id, line, first) if line and first else None

    def incident(self, incident_id: str) -> Incident | None:
        """An incident as it is now, or None. Its machine fields but the interval are brought up to date by ``finish``."""
        return self._incidents.get(incident_id)

    def survivor(self, incident_id: str) -> Incident | None:
        """An incident, or what it became part of."""
        incident = self._incidents.get(incident_id)
        while incident is not None and incident.status == "merged":
            incident = self._incidents.get(incident.merged_into)
        return incident

    def is_open(self, incident_id: str) -> bool:
        """Whether an incident takes part in grouping: it is neither closed nor merged."""
        incident = self._incidents.get(incident_id)
        return incident is not None and incident.status in OPEN

    def detached(self, alert_id: str) -> bool:
        """Whether a person took the alert out of its incident."""
        return alert_id in self._detached

    def answer(self, action_id: str) -> Answer | None:
        """The answer given to an action before."""
        return self._answers.get(action_id)

    def changes(self, target_id: str) -> tuple[Change, ...]:
        """The last acts on a document, oldest first."""
        return self._changes.get(target_id, ())

    # Writing

    def put_alert(self, alert: Alert) -> Card:
        """The alert is now so."""
        self._alerts[alert.id] = alert
        item = card(alert)
        self._were.setdefault(alert.id, self._cards.get(alert.id))
        self._cards[alert.id] = item
        self.index.set(item, self._part(item))
        self.families.set(alert)
        return item

    def put_incident(self, incident: Incident) -> None:
        """The incident is now so. Opening or closing it changes how its alerts count."""
        was_open = self.is_open(incident.id)
        self._before.setdefault(incident.id, self._incidents.get(incident.id))
        self._incidents[incident.id] = incident
        if was_open != self.is_open(incident.id):
            for alert_id in incident.alerts:
                self.index.set(self._cards[alert_id], self._part(self._cards[alert_id]))

    def put_standing(self, document: Silence | Directive) -> None:
        """The silence or directive is now so."""
        if isinstance(document, Silence):
            self.silences[document.id] = document
        else:
            self.directives[document.id] = document
        self._standing.add(document.id)

    def learn(self, item: Key, until: Micros) -> None:
        """An entity counts as shared until a time."""
        self.learned[item] = until
        self.state[_learned(item)] = encode(until)

    def detach(self, alert_id: str) -> None:
        """Remember that a person took the alert out."""
        self._detached.add(alert_id)
        self.state[b"x/" + alert_id.encode()] = b""

    def note_change(self, target_id: str, change: Change) -> None:
        """Remember who did what."""
        kept = self._changes[target_id] = (*self.changes(target_id), change)[-CHANGES_KEPT:]
        self.state[b"h/" + target_id.encode()] = encode(kept)

    def remember(self, answer: Answer) -> None:
        """Keep an answer, forgetting the one given ``ANSWERS_KEPT`` acts ago."""
        slot = self.counters.answered % ANSWERS_KEPT
        self.counters.answered += 1
        self._answers.pop(self._slots.get(slot, ""), None)
        self._slots[slot] = answer.action_id
        self._answers[answer.action_id] = answer
        self.state[b"n/%d" % slot] = encode(answer)

    def next_number(self, year: str) -> str:
        """The number of the next incident of a year: ``INC-2026-000001``."""
        number = self.counters.numbers.get(year, 0) + 1
        self.counters.numbers = {**self.counters.numbers, year: number}
        return f"INC-{year}-{number:06d}"

    def touched(self) -> Iterable[Incident]:
        """The incidents that this batch wrote so far."""
        return [self._incidents[incident_id] for incident_id in self._before]

    def grown(self) -> list[tuple[Incident, int]]:
        """The incidents that have more alerts than before this batch, and how many they had."""
        both = [(self._incidents[id_], before) for id_, before in sorted(self._before.items())]
        sizes = [(incident, len(before.alerts) if before else 0) for incident, before in both]
        return [(incident, size) for incident, size in sizes if len(incident.alerts) > size]

    def touched_cards(self) -> list[Card]:
        """Of the first alerts that this batch wrote and that hold an open incident together, in the order of time."""
        cards = [self._cards[id_] for id_ in self._alerts]
        return sorted((one for one in cards if self._part(one) == "member"), key=lambda one: (one.first_seen, one.id))

    def prune(self, now: Micros) -> None:
        """Once a day: forget what has faded, expired or become too old to be asked for."""
        if self.counters.pruned >= now // DAY:
            return
        self.counters.pruned = now // DAY
        self.risks.prune(now, self.state)
        self.prevalence.prune(now, self.state)
        self.verdicts.prune(now - KNOWN_FOR, self.state)
        self.storeroom.prune(now - KNOWN_FOR, self.state)
        self.campaigns.prune(now - LATE, self.state)
        for item in [item for item, until in self.learned.items() if until < now - LATE]:
            del self.learned[item]
            self.state[_learned(item)] = None

    def moved_firsts(self) -> list[Alert]:
        """First alerts with repeats that are new, that a person acted on, or that went to another incident in this batch."""
        found: list[Alert] = []
        for alert in self._alerts.values():
            was = self._were[alert.id]
            moved = was is None or (was.revision, was.incident_id) != (alert.revision, alert.incident_id)
            if moved and self.families.count(alert.id):
                found.append(alert)
        return found

    def finish(self) -> Written:
        """End the batch: give what really changed its version, and the state that goes with it."""
        alerts: list[Alert] = []
        known = {id_ for id_ in self._alerts if id_ in self._stored}
        for id_ in sorted(self._alerts):
            alert = self._alerts[id_]
            if id_ not in known or encode(alert) != self._stored[id_]:
                alert = msgspec.structs.replace(alert, version=self._next_version())
                alerts.append(alert)
                self._stored[id_] = encode(alert)
                self.state[b"a/" + id_.encode()] = self._stored[id_]
                self.storeroom.take(id_, self.state)
        self._pack(known)
        incidents: list[Incident] = []
        for id_ in sorted(self._before):
            incident = self._incidents[id_]
            if incident != self._before[id_]:
                incident = self._incidents[id_] = msgspec.structs.replace(incident, version=self._next_version())
                incidents.append(incident)
                self.state[b"i/" + id_.encode()] = encode(incident)
        silences = [self._numbered(self.silences, id_, b"s/") for id_ in sorted(self._standing & self.silences.keys())]
        directives = [
            self._numbered(self.directives, id_, b"y/") for id_ in sorted(self._standing & self.directives.keys())
        ]
        self._standing = set()
        self.prevalence.finish(self.state)
        state = self.state
        if state:
            state[b"c"] = encode(self.counters)
        self._alerts, self._were, self._before, self.state = {}, {}, {}, {}
        return Written(alerts, incidents, state, silences, directives)

    def _pack(self, known: Collection[str]) -> None:
        """Keep only a line of the repeats past the first ones; ``known``: whose document is in the committed state."""
        for first_id in sorted({alert.duplicate_of for alert in self._alerts.values() if alert.duplicate_of}):
            if self.families.count(first_id) <= KEPT:
                continue
            first = self.alert(first_id)
            for id_ in self.families.of(first_id)[KEPT:]:
                repeat = self.alert(id_)
                if repeat is None or id_ in self._detached or not packable(repeat, first):
                    continue
                self.storeroom.put(repeat, self.state)
                self.families.drop(id_)
                self.index.drop(id_)
                del self._cards[id_], self._stored[id_]
                if id_ in known or id_ not in self._alerts:
                    self.state[b"a/" + id_.encode()] = None
                else:
                    del self.state[b"a/" + id_.encode()]

    def _numbered(self, table: dict[str, Standing], id_: str, prefix: bytes) -> Standing:
        document = table[id_] = msgspec.structs.replace(table[id_], version=self._next_version())
        self.state[prefix + id_.encode()] = encode(document)
        return document

    def _next_version(self) -> int:
        self.counters.version += 1
        return self.counters.version

    def _part(self, item: Card) -> Part:
        if not item.live or item.duplicate_of or item.status == "closed" or item.id in self._detached:
            return "none"
        if not item.incident_id:
            return "none" if item.worthy else "loner"
        return "member" if item.worthy and self.is_open(item.incident_id) else "none"


def _learned(item: Key) -> bytes:
    return f"g/{item[0]}/{item[1]}".encode("utf-8", "replace")


def _incident(value: bytes) -> Incident:
    """An incident of the state; one of before 2026-11-23 may still have the status that is called triage now.

    Raises:
        RecordError: it is none.
    """
    try:
        return decode(value, Incident)
    except RecordError:
        tree = decode(value, dict[str, Any])
        if tree.get("status") != "acknowledged":
            raise
        return decode(encode({**tree, "status": "triage"}), Incident)

"""What alert sharing knows: alerts, what was told of each to whom, the records that wait, where each receiver's sendings stand. Pure.

Keys of the state (values are MessagePack):

    a/<alert>              what is remembered of it (``soc.sharing.facts.Facts``)
    x/<incident>           it is a drill
    t/<receiver>/<alert>   what was told of it (``Told``)
    l/<receiver>           its lane (``soc.sharing.outbox.Lane``)
    o/<receiver>/<number>  a record that waits, sealed (``Entry``)
    d/<receiver>/<day>     a day's count (``soc.sharing.days.Day``)
    restored               an operator declared this state restored: numbers may have been used since, so every series begins anew
"""

from collections.abc import Container, Mapping

import msgspec

from soc.clock import Micros
from soc.model import decode, encode
from soc.sharing.days import Day
from soc.sharing.facts import Facts
from soc.sharing.outbox import Lane
from soc.sharing.summary import Change, Series

RESTORED = b"restored"


class Told(msgspec.Struct, frozen=True, array_like=True):
    """What one receiver was told of one alert.

    Attributes:
        base: events that came before sharing began, which are not told.
        events: that were told. ``alert``: whether the alert was.
    """

    base: int = 0
    events: int = 0
    alert: bool = False


class Entry(msgspec.Struct, frozen=True):
    """A record that waits.

    Attributes:
        number: its place in the series. ``id``: its own.
        day: local day that it is counted on.
        payload: its canonical JSON; b"" = the count of a day, sealed when its turn comes.
        wire: what leaves of it, b"" = the payload itself.
        made: when it was sealed.
        refused: why the receiver will not take it, "" = it was not refused.
        attempts: after which the receiver refused it alone.
    """

    number: int
    id: str
    day: str
    payload: bytes
    wire: bytes
    made: Micros
    refused: str = ""
    attempts: int = 0

    @property
    def of_day(self) -> bool:
        """Whether it is the count of a day."""
        return not self.payload or b'"kind":"day"' in self.payload

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return len(self.payload) + len(self.wire)


class Book:
    """Everything that alert sharing knows; every change goes through here and is in ``take`` once.

    Attributes:
        alerts: id → what is remembered.
        exercises: incidents that are drills.
    """

    def __init__(self, state: Mapping[bytes, bytes]) -> None:
        """Take up the committed state.

        Raises:
            RecordError: a value is not what its key says.
        """
        self.alerts: dict[str, Facts] = {}
        self.exercises: set[str] = set()
        self._told: dict[str, dict[str, Told]] = {}
        self._lanes: dict[str, Lane] = {}
        self._entries: dict[str, dict[int, Entry]] = {}
        self._days: dict[str, dict[str, Day]] = {}
        self._bytes: dict[str, int] = {}
        self._changes: dict[bytes, bytes | None] = {}
        self.restored = RESTORED in state
        for name in sorted(state):
            self._restore(name.decode(), state[name])

    def _restore(self, name: str, value: bytes) -> None:
        kind, _, rest = name.partition("/")
        receiver, _, key = rest.partition("/")
        match kind:
            case "a":
                self.alerts[rest] = decode(value, Facts)
            case "x":
                self.exercises.add(rest)
            case "t":
                self._told.setdefault(receiver, {})[key] = decode(value, Told)
            case "l":
                self._lanes[rest] = decode(value, Lane)
            case "o":
                self._place(receiver, decode(value, Entry))
            case "d":
                self._days.setdefault(receiver, {})[key] = decode(value, Day)
            case _:
                return

    @property
    def receivers(self) -> list[str]:
        """Every receiver that ever had a lane."""
        return sorted(self._lanes)

    def learn(self, alert: str, facts: Facts) -> bool:
        """Remember an alert as it is now; whether that is new but for when it was read."""
        before = self.alerts.get(alert)
        if before is not None and msgspec.structs.replace(before, changed=facts.changed) == facts:
            return False
        self.alerts[alert] = facts
        self._changes[b"a/" + alert.encode()] = encode(facts)
        return True

    def mark_exercise(self, incident: str, exercise: bool) -> bool:
        """An incident is a drill, or is none; whether that is new."""
        if (incident in self.exercises) == exercise:
            return False
        (self.exercises.add if exercise else self.exercises.discard)(incident)
        self._changes[b"x/" + incident.encode()] = encode(True) if exercise else None
        return True

    def told(self, receiver: str, alert: str) -> Told:
        """What a receiver was told of an alert."""
        return self._told.get(receiver, {}).get(alert, _NOTHING)

    def tell(self, receiver: str, alert: str, told: Told) -> None:
        """A receiver was told of an alert."""
        if told == _NOTHING:
            if self._told.get(receiver, {}).pop(alert, None) is not None:
                self._changes[_key(b"t", receiver, alert)] = None
            return
        self._told.setdefault(receiver, {})[alert] = told
        self._changes[_key(b"t", receiver, alert)] = encode(told)

    def forget(self, before: Micros, but: Container[str]) -> int:
        """Forget alerts that did not change since, but those still to be told; how many."""
        old = [alert for alert, facts in self.alerts.items() if facts.changed < before and alert not in but]
        for alert in old:
            del self.alerts[alert]
            self._changes[b"a/" + alert.encode()] = None
            for receiver in self._told:
                self.tell(receiver, alert, _NOTHING)
        return len(old)

    def lane(self, receiver: str) -> Lane | None:
        """Where a receiver's sendings stand; None before it was ever set up."""
        return self._lanes.get(receiver)

    def put_lane(self, receiver: str, lane: Lane) -> None:
        """They stand so now."""
        if self._lanes.get(receiver) != lane:
            self._lanes[receiver] = lane
            self._changes[b"l/" + receiver.encode()] = encode(lane)

    def entries(self, receiver: str) -> list[Entry]:
        """The records that wait for a receiver, in the order of their numbers; those that it refused too."""
        return [self._entries[receiver][number] for number in sorted(self._entries.get(receiver, {}))]

    def entry(self, receiver: str, number: int) -> Entry | None:
        """One of them."""
        return self._entries.get(receiver, {}).get(number)

    def waiting(self, receiver: str) -> int:
        """Bytes of them."""
        return self._bytes.get(receiver, 0)

    def put(self, receiver: str, entry: Entry) -> None:
        """A record waits, or what is known of it changed."""
        self._place(receiver, entry)
        self._changes[_entry(receiver, entry.number)] = encode(entry)

    def done(self, receiver: str, number: int) -> None:
        """A record waits no more."""
        entry = self._entries[receiver].pop(number)
        self._bytes[receiver] -= entry.size
        self._changes[_entry(receiver, number)] = None

    def days(self, receiver: str) -> list[Day]:
        """A receiver's counts, the latest day first."""
        return [self._days[receiver][day] for day in sorted(self._days.get(receiver, {}), reverse=True)]

    def day(self, receiver: str, day: str) -> Day:
        """The count of one day."""
        return self._days.get(receiver, {}).get(day) or Day(day)

    def put_day(self, receiver: str, day: Day) -> None:
        """A day is counted so now."""
        if self._days.setdefault(receiver, {}).get(day.day) != day:
            self._days[receiver][day.day] = day
            self._changes[_key(b"d", receiver, day.day)] = encode(day)

    def drop_days(self, receiver: str, before: str) -> None:
        """Days before one are kept no more."""
        for day in [day for day in self._days.get(receiver, {}) if day < before]:
            del self._days[receiver][day]
            self._changes[_key(b"d", receiver, day)] = None

    def begin_anew(self) -> None:
        """What was declared restored is taken up; the caller gives every lane a new series."""
        self.restored = False
        self._changes[RESTORED] = None

    def take(self) -> dict[bytes, bytes | None]:
        """What changed since the last call."""
        changes, self._changes = self._changes, {}
        return changes

    def _place(self, receiver: str, entry: Entry) -> None:
        entries = self._entries.setdefault(receiver, {})
        before = entries.get(entry.number)
        entries[entry.number] = entry
        self._bytes[receiver] = self._bytes.get(receiver, 0) + entry.size - (before.size if before else 0)


_NOTHING = Told()


def change_of(facts: Facts, told: Told, why: str) -> tuple[Change | None, Told]:
    """What is to be told of an alert now, and what will have been told then.

    Args:
        facts: as it is.
        told: of it so far.
        why: it is not to be told, "" = it is.
    """
    more = 0 if why else max(0, facts.count - told.base)
    wanted = Told(told.base, more, more > 0)
    if (wanted.events, wanted.alert) == (told.events, told.alert):
        return None, told
    grown = wanted.events - told.events
    new = wanted.alert - told.alert
    return Change(facts, max(0, new), max(0, grown), max(0, -new), max(0, -grown)), wanted


def series_of(organization: str, receiver: str, lane: Lane) -> Series:
    """The numbering of a lane."""
    return Series(organization, receiver, lane.since)


def _key(kind: bytes, receiver: str, rest: str) -> bytes:
    return b"%s/%s/%s" % (kind, receiver.encode(), rest.encode())


def _entry(receiver: str, number: int) -> bytes:
    return b"o/%s/%012d" % (receiver.encode(), number)

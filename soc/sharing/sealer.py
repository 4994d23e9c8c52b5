"""Alerts and incidents in, sealed records in each receiver's outbox out: windows, days, what is told anew and what is taken back. Pure.

A window begins with the first change after the last one ended. While more bytes wait than agreed, none ends: it grows, its counts stay
exact, and nothing is dropped. A summary is counted on the local day that is open when it is sealed.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from soc.clock import DAY, HOUR, Micros
from soc.forward.payload import canonical
from soc.model import Alert, Incident
from soc.privacy.inside import Inside
from soc.sharing.book import Book, Entry, Told, change_of, series_of
from soc.sharing.days import day_of, days_between
from soc.sharing.facts import facts_of, why_not
from soc.sharing.outbox import Lane
from soc.sharing.summary import Change, Sums, leaking, rows_of, summary, total
from soc.sharing.terms import Terms
from soc.sharing.wire import rendered

MOST_SUMMARIES = 10
"""Of one window; from so many full ones on smaller rows no longer list their attackers."""

WITHHELD = "[withheld]"
_COUNTS = frozenset({*Sums._fields, "attackers_more", "hour"})


class Rules(msgspec.Struct, frozen=True):
    """What holds for every receiver.

    Attributes:
        organization: who shares.
        window: how long one lasts at least.
        max_rows: of one summary.
        remember: an alert without change for so long is forgotten.
        keep_days: how long each day's count is kept.
        zone: in which a day is one.
    """

    organization: str
    window: Micros
    max_rows: int
    remember: Micros
    keep_days: int
    zone: str


class Sealer:
    """Seals into one book.

    Args:
        book: of the claim.
        rules: for every receiver.
        terms: of each receiver.
        inside: what the register says is ours, now.
        now: the time.
    """

    def __init__(
        self, book: Book, rules: Rules, terms: Sequence[Terms], inside: Callable[[], Inside], now: Micros
    ) -> None:
        self._book = book
        self._rules = rules
        self._terms = terms
        self._inside = inside
        self._zone = ZoneInfo(rules.zone)
        self._changed: dict[str, set[str]] = {}
        self._swept = now
        for one in terms:
            self._open(one, now)
            self._changed[one.name] = set(book.alerts)  # what was told is compared with what is, once
        if book.restored:
            for name in book.receivers:
                self._anew(name, now)
            book.begin_anew()

    def read(self, incidents: Iterable[Incident], alerts: Iterable[Alert], now: Micros) -> None:
        """Learn what incidents and alerts are now; incidents first, so that a drill is known as one."""
        for incident in incidents:
            if self._book.mark_exercise(incident.id, incident.exercise):
                self._note(alert for alert, facts in self._book.alerts.items() if facts.incident == incident.id)
        inside = self._inside()
        for alert in alerts:
            new = alert.id not in self._book.alerts
            if self._book.learn(alert.id, facts_of(alert, inside, now)):
                if new:
                    self._take_base(alert.id, now)
                self._note((alert.id,))

    def seal(self, now: Micros) -> None:
        """End what windows and days are over."""
        today = day_of(now, self._zone)
        for one in self._terms:
            lane = self._lane(one)
            if self._changed[one.name] and not lane.start:
                lane = self._put(one, msgspec.structs.replace(lane, start=now))
            over = lane.start and now - lane.start >= self._rules.window
            if (over or (lane.start and lane.day < today)) and self._book.waiting(one.name) < one.backlog:
                lane = self._end_window(one, lane, now)
            if lane.day < today:
                self._end_days(one, lane, today, now)
        if now - self._swept > HOUR:
            self._swept = now
            self._sweep(now)

    def _open(self, one: Terms, now: Micros) -> None:
        """A receiver that is new is told of what comes from now on."""
        if self._book.lane(one.name) is None:
            self._book.put_lane(one.name, Lane(now, day=day_of(now, self._zone)))
            for alert, facts in self._book.alerts.items():
                self._book.tell(one.name, alert, Told(facts.count))

    def _anew(self, name: str, now: Micros) -> None:
        lane = self._book.lane(name)
        if lane is not None:
            self._book.put_lane(name, msgspec.structs.replace(lane, since=max(now, lane.since + 1)))

    def _take_base(self, alert: str, now: Micros) -> None:
        """Events of an alert from before a receiver was set up, or from before it was forgotten, are not told."""
        facts = self._book.alerts[alert]
        for one in self._terms:
            if facts.raised < max(self._lane(one).since, now - self._rules.remember):
                self._book.tell(one.name, alert, Told(facts.count))

    def _note(self, alerts: Iterable[str]) -> None:
        found = set(alerts)
        for changed in self._changed.values():
            changed.update(found)

    def _lane(self, one: Terms) -> Lane:
        return self._book.lane(one.name) or Lane(0)

    def _put(self, one: Terms, lane: Lane) -> Lane:
        self._book.put_lane(one.name, lane)
        return lane

    def _end_window(self, one: Terms, lane: Lane, now: Micros) -> Lane:
        """Seal everything that changed for a receiver as summaries."""
        book, changes = self._book, list[Change]()
        for alert in sorted(self._changed[one.name]):
            facts = book.alerts.get(alert)
            if facts is None:
                continue
            why = why_not(facts, book.exercises, one.levels)
            change, wanted = change_of(facts, book.told(one.name, alert), why)
            if change is not None:
                changes.append(change)
                book.tell(one.name, alert, wanted)
        self._changed[one.name] = set()
        inside, most = self._inside(), self._rules.max_rows
        rows = rows_of(changes, one.profile, inside, most * MOST_SUMMARIES)
        for place in range(0, len(rows), most):
            lane = self._seal(one, lane, rows[place : place + most], now)
        return self._put(one, msgspec.structs.replace(lane, start=0))

    def _seal(self, one: Terms, lane: Lane, rows: list[dict[str, Any]], now: Micros) -> Lane:
        series = series_of(self._rules.organization, one.name, lane)
        inside = self._inside()
        shown = [bare(row) if leaking(canonical(row), inside) else row for row in rows]
        record = summary(series, lane.next, shown, (lane.start, now), lane.day)
        wire = rendered(one.wire, record, one.data_id)
        entry = Entry(lane.next, series.id(lane.next), lane.day, record, b"" if wire == record else wire, now)
        self._book.put(one.name, entry)
        day = self._book.day(one.name, lane.day).sealed(lane.next, total(shown), record)
        withheld = sum(after is not before for after, before in zip(shown, rows, strict=True))
        self._book.put_day(one.name, msgspec.structs.replace(day, withheld=day.withheld + withheld))
        return msgspec.structs.replace(lane, next=lane.next + 1)

    def _end_days(self, one: Terms, lane: Lane, today: str, now: Micros) -> None:
        """Close every day that is over: its own record follows all summaries of it."""
        for name in days_between(lane.day, today):
            series = series_of(self._rules.organization, one.name, lane)
            day = self._book.day(one.name, name)
            self._book.put_day(one.name, msgspec.structs.replace(day, closed=True))
            self._book.put(one.name, Entry(lane.next, series.id(lane.next), name, b"", b"", now))
            lane = msgspec.structs.replace(lane, next=lane.next + 1)
        self._put(one, msgspec.structs.replace(lane, day=today))

    def _sweep(self, now: Micros) -> None:
        self._book.forget(now - self._rules.remember, set[str]().union(*self._changed.values()))
        for one in self._terms:
            self._book.drop_days(one.name, day_of(now - self._rules.keep_days * DAY, self._zone))


def bare(row: dict[str, Any]) -> dict[str, Any]:
    """A row of which the second scan lets nothing but the counts go."""
    return {
        name: value if name in _COUNTS else [] if isinstance(value, list) else WITHHELD for name, value in row.items()
    }

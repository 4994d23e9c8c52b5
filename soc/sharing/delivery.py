"""One receiver's outbox in: what is sent next, and after an attempt, what became of each record of it. Pure.

Strictly in order of numbers, one sending at a time. The count of a day is sealed when everything before it is settled, so it says what
was sent and acknowledged by then. A record that the receiver refuses alone is put aside for a person, counted, and holds up nothing.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from soc.clock import Micros
from soc.sharing.book import Book, Entry, series_of
from soc.sharing.days import Day
from soc.sharing.orders import Orders
from soc.sharing.outbox import Lane, Outcome, after
from soc.sharing.sealer import Rules
from soc.sharing.summary import day_record
from soc.sharing.terms import Terms
from soc.sharing.wire import body, key_of, rendered

REFUSED_ATTEMPTS = 5
"""So often a record that the receiver refuses is sent alone, the pauses growing; then a person is asked."""

RESTARTED = "alert sharing was restarted while sending"


class Sending(NamedTuple):
    """What is sent at once.

    Attributes:
        key: its idempotency key: the same for the same records.
        ids: of its records. ``number``: of the first.
        data: the bytes.
        attempts: made with it before.
        of_day: it is the count of a day.
    """

    key: str
    ids: tuple[str, ...]
    number: int
    data: bytes
    attempts: int
    of_day: bool


def begin(book: Book, one: Terms, rules: Rules, now: Micros) -> Sending | None:
    """The lane goes to ``sending``: what was being sent before, or the next records; None when nothing is due.

    The caller commits before a byte leaves.
    """
    lane = book.lane(one.name)
    if lane is None or lane.state == "sending" or lane.next_attempt > now:
        return None
    entries = [entry for number in lane.numbers if (entry := book.entry(one.name, number)) is not None]
    if not entries:
        entries = _next(book, one, lane)
        if not entries:
            return None
        lane = msgspec.structs.replace(lane, state="idle", numbers=tuple(entry.number for entry in entries), attempts=0)
    entries = [_sealed(book, one, lane, entry, rules) for entry in entries]
    attempts = lane.attempts
    book.put_lane(one.name, after(lane, Outcome("attempt"), now, one.backoff, 0.0))
    ids = tuple(entry.id for entry in entries)
    key = key_of(ids)
    data = body(one.wire, key, [entry.wire or entry.payload for entry in entries])
    return Sending(key, ids, entries[0].number, data, attempts, entries[0].of_day)


def _next(book: Book, one: Terms, lane: Lane) -> list[Entry]:
    """The next records in order; the count of a day is sent alone, after everything before it."""
    found: list[Entry] = []
    for entry in book.entries(one.name):
        if entry.refused:
            continue
        if entry.of_day:
            return found or [entry]
        found.append(entry)
        if len(found) >= min(one.batch, max(1, lane.size)):
            break
    return found


def _sealed(book: Book, one: Terms, lane: Lane, entry: Entry, rules: Rules) -> Entry:
    """A record with its bytes: the count of a day gets them now, and for ever."""
    if entry.payload:
        return entry
    series = series_of(rules.organization, one.name, lane)
    record = day_record(series, entry.number, entry.day, rules.zone, book.day(one.name, entry.day).figures())
    wire = rendered(one.wire, record, one.data_id)
    sealed = msgspec.structs.replace(
        entry, id=series.id(entry.number), payload=record, wire=b"" if wire == record else wire
    )
    book.put(one.name, sealed)
    return sealed


def came_of(book: Book, one: Terms, outcome: Outcome, now: Micros, jitter: float) -> None:
    """Take up what came of the sending under way."""
    lane = book.lane(one.name)
    if lane is None or lane.state != "sending":
        return
    entries = [entry for number in lane.numbers if (entry := book.entry(one.name, number)) is not None]
    match outcome.kind:
        case "acknowledged" | "sent":
            _took(book, one, entries, outcome)
        case "partly":
            _took(book, one, [entry for entry in entries if entry.id in outcome.taken], outcome)
            _refused(book, one, [(entry, outcome.refused.get(entry.id, "")) for entry in entries])
        case "refused" if len(entries) == 1:
            outcome = _refused_alone(book, one, entries[0], outcome)
        case _:
            pass
    book.put_lane(one.name, after(lane, outcome, now, one.backoff, jitter))


def restarted(book: Book, one: Terms, now: Micros) -> None:
    """Whatever was being sent when the process died is sent again, the same bytes under the same ids."""
    came_of(book, one, Outcome("restarted", RESTARTED), now, 0.0)


def follow(book: Book, one: Terms, orders: Orders) -> None:
    """Do what people ordered since the last time."""
    lane = book.lane(one.name)
    asked = orders.retry.get(one.name, 0)
    if lane is not None and asked > lane.retried:
        for entry in book.entries(one.name):
            if entry.refused:
                book.put(one.name, msgspec.structs.replace(entry, refused="", attempts=0))
                if not entry.of_day:
                    day = book.day(one.name, entry.day)
                    book.put_day(one.name, msgspec.structs.replace(day, refused=day.refused - 1))
        due = 0 if lane.state != "sending" else lane.next_attempt
        book.put_lane(one.name, msgspec.structs.replace(lane, retried=asked, next_attempt=due, size=1000))
    known = {day.day: day for day in book.days(one.name)}
    for said in orders.counted:
        day = known.get(said.day)
        if said.receiver == one.name and day is not None and day.counted_by != f"{said.by} {said.at}":
            known[said.day] = msgspec.structs.replace(day, counted=said.count, counted_by=f"{said.by} {said.at}")
            book.put_day(one.name, known[said.day])


def _took(book: Book, one: Terms, entries: Iterable[Entry], outcome: Outcome) -> None:
    """The receiver has these."""
    for entry in entries:
        day = book.day(one.name, entry.day)
        if entry.of_day:
            counted, by = (day.counted, day.counted_by) if outcome.counted is None else (outcome.counted, "receiver")
            day = msgspec.structs.replace(day, told=True, counted=counted, counted_by=by)
        else:
            day = _one_more(day, acknowledged=one.acknowledges)
        book.put_day(one.name, day)
        book.done(one.name, entry.number)


def _one_more(day: Day, acknowledged: bool) -> Day:
    """One more summary has arrived; late for a day that the receiver had counted, it has one more than it said."""
    late = day.counted is not None and day.counted < day.due
    counted = day.counted + 1 if late and day.counted is not None else day.counted
    return msgspec.structs.replace(
        day, sent=day.sent + 1, acknowledged=day.acknowledged + acknowledged, counted=counted
    )


def _refused(book: Book, one: Terms, entries: Iterable[tuple[Entry, str]]) -> None:
    """The receiver will never take those that have a reason."""
    for entry, why in entries:
        if why:
            book.put(one.name, msgspec.structs.replace(entry, refused=why))
            if not entry.of_day:
                day = book.day(one.name, entry.day)
                book.put_day(one.name, msgspec.structs.replace(day, refused=day.refused + 1))


def _refused_alone(book: Book, one: Terms, entry: Entry, outcome: Outcome) -> Outcome:
    """One record alone was refused: again some times, then it is put aside."""
    entry = msgspec.structs.replace(entry, attempts=entry.attempts + 1)
    if entry.attempts < REFUSED_ATTEMPTS:
        book.put(one.name, entry)
        return msgspec.structs.replace(outcome, kind="unavailable")
    _refused(book, one, [(entry, outcome.detail or "refused")])
    return outcome

"""A roster and a moment in; who is on duty, who stands in for whom, and where nobody is, out.

A shift is a weekly pattern in the roster's time zone. What it says holds by the clock on the wall, so a shift from 19:30 to
07:30 ends at 07:30 also in a night in which clocks are changed. A step of an escalation calls a team (whoever of it is on
duty), a person by key, or ``everyone``.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from soc.clock import DAY, Micros, to_datetime, to_micros

Language = Literal["vi", "en"]
ChannelName = Literal["smtp", "webhook", "command"]
Holidays = Literal["also", "never", "only"]

EVERYONE = "everyone"
NOBODY = "nobody"
"""As an escalation of a route: nobody is called for what it matches."""

HORIZON: Micros = 30 * DAY
"""How far ahead holes are looked for: a duty roster is usually written a month at a time."""


class Person(msgspec.Struct, frozen=True):
    """Somebody who can be called.

    Attributes:
        key: as shifts and steps name them.
        name: for people.
        channels: (channel, address) in the order in which they are tried.
    """

    key: str
    name: str
    language: Language
    channels: tuple[tuple[ChannelName, str], ...]


class Shift(msgspec.Struct, frozen=True):
    """Who of a team is on duty when.

    Attributes:
        days: weekdays on which it begins, 0 is Monday.
        start, end: minutes after midnight; an end not after the start is on the next day.
        first, last: the days between which it begins, both included; None is without bound.
        every, starting: every so many weeks, counted from the week of ``starting``.
        holidays: ``also`` on holidays, ``never`` on them, ``only`` on them (whatever the weekday).
    """

    name: str
    team: str
    people: tuple[str, ...]
    days: tuple[int, ...]
    start: int
    end: int
    first: date | None = None
    last: date | None = None
    every: int = 1
    starting: date | None = None
    holidays: Holidays = "also"


class Holiday(msgspec.Struct, frozen=True):
    """Days off, both ends included."""

    first: date
    last: date
    name: str = ""


class Substitution(msgspec.Struct, frozen=True):
    """``by`` is called in the place of ``person``."""

    person: str
    by: str
    start: Micros
    end: Micros
    reason: str = ""


class Step(msgspec.Struct, frozen=True):
    """Teams, people or ``everyone``, and how long their answer is waited for."""

    call: tuple[str, ...]
    minutes: float


class Route(msgspec.Struct, frozen=True):
    """Which escalation is for what; an empty criterion matches everything. The first route that matches is taken.

    Attributes:
        exercise: None matches no drill; True only drills; False only what is real.
        escalation: a name, or ``nobody``.
    """

    escalation: str
    levels: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    exercise: bool | None = None


class Roster(msgspec.Struct, frozen=True):
    """Whoever can be called, when, and in which order."""

    zone: str = "Asia/Ho_Chi_Minh"
    people: dict[str, Person] = {}
    shifts: tuple[Shift, ...] = ()
    holidays: tuple[Holiday, ...] = ()
    substitutions: tuple[Substitution, ...] = ()
    escalations: dict[str, tuple[Step, ...]] = {}
    routes: tuple[Route, ...] = ()


EMPTY = Roster()


class Hole(NamedTuple):
    """A time in which the first step of an escalation reaches nobody."""

    escalation: str
    start: Micros
    end: Micros


class Turn(NamedTuple):
    """Keys of the same people on duty from one moment to another."""

    people: tuple[str, ...]
    start: Micros
    end: Micros


def turns(roster: Roster, team: str, start: Micros, end: Micros) -> tuple[Turn, ...]:
    """Who of a team is on duty between two moments, in order; a turn is cut where the span ends."""
    moments = sorted({start, *(moment for moment in _changes(roster, start, end) if start < moment < end)})
    found: list[Turn] = []
    for moment, following in zip(moments, [*moments[1:], end], strict=True):
        people = on_duty(roster, team, moment)
        if found and found[-1].people == people:
            found[-1] = found[-1]._replace(end=following)
        else:
            found.append(Turn(people, moment, following))
    return tuple(found)


def teams(roster: Roster) -> frozenset[str]:
    """Every team that has a shift."""
    return frozenset(shift.team for shift in roster.shifts)


def on_duty(roster: Roster, team: str, at: Micros) -> tuple[str, ...]:
    """Keys of who of a team is on duty, substitutes in their place, in the order of the shifts."""
    zone = ZoneInfo(roster.zone)
    today = to_datetime(at).astimezone(zone).date()
    found = [
        substitute(roster, person, at)
        for shift in roster.shifts
        if shift.team == team
        for day in (today - timedelta(days=1), today)
        if _begins(roster, shift, day)
        if _from(shift, day, zone) <= at < _until(shift, day, zone)
        for person in shift.people
    ]
    return tuple(dict.fromkeys(found))


def called(roster: Roster, step: Step, at: Micros) -> tuple[str, ...]:
    """Keys of whom a step calls at a moment, each once."""
    known = teams(roster)
    found: list[str] = []
    for name in step.call:
        if name == EVERYONE:
            found += roster.people
        elif name in known:
            found += on_duty(roster, name, at)
        else:
            found.append(substitute(roster, name, at))
    return tuple(key for key in dict.fromkeys(found) if key in roster.people)


def substitute(roster: Roster, person: str, at: Micros) -> str:
    """Who is called in the place of a person; a circle of substitutions ends where it began."""
    seen = {person}
    while True:
        by = next((s.by for s in roster.substitutions if s.person == person and s.start <= at < s.end), None)
        if by is None or by in seen:
            return person
        seen.add(by)
        person = by


def holes(roster: Roster, start: Micros, end: Micros) -> tuple[Hole, ...]:
    """Every time between two moments in which the first step of an escalation in use reaches nobody.

    Who is on duty changes only where a shift or a substitution begins or ends, so only those moments are looked at.
    """
    if not roster.people:
        return ()
    used = {route.escalation for route in roster.routes} if roster.routes else set(roster.escalations)
    moments = sorted({start, *(moment for moment in _changes(roster, start, end) if start < moment < end)})
    found: list[Hole] = []
    for name in sorted(used & roster.escalations.keys()):
        first = roster.escalations[name][0]
        for moment, following in zip(moments, [*moments[1:], end], strict=True):
            if called(roster, first, moment):
                continue
            if found and found[-1].escalation == name and found[-1].end == moment:
                found[-1] = found[-1]._replace(end=following)
            else:
                found.append(Hole(name, moment, following))
    return tuple(found)


def unreached(roster: Roster) -> tuple[str, ...]:
    """Keys of people whom no step of any escalation can ever call."""
    named = {name for steps in roster.escalations.values() for step in steps for name in step.call}
    if EVERYONE in named:
        return ()
    reached = named | {person for shift in roster.shifts if shift.team in named for person in shift.people}
    reached |= {one.by for one in roster.substitutions if one.person in reached}
    return tuple(key for key in roster.people if key not in reached)


def _changes(roster: Roster, start: Micros, end: Micros) -> Iterator[Micros]:
    zone = ZoneInfo(roster.zone)
    for shift in roster.shifts:
        for day in _days(to_datetime(start).date() - timedelta(days=2), to_datetime(end).date() + timedelta(days=2)):
            if _begins(roster, shift, day):
                yield _from(shift, day, zone)
                yield _until(shift, day, zone)
    for one in roster.substitutions:
        yield one.start
        yield one.end


def _days(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _begins(roster: Roster, shift: Shift, day: date) -> bool:
    """Whether a shift begins on a day."""
    if (shift.first and day < shift.first) or (shift.last and day > shift.last):
        return False
    if shift.every > 1 and shift.starting and (_monday(day) - _monday(shift.starting)).days // 7 % shift.every:
        return False
    holiday = any(one.first <= day <= one.last for one in roster.holidays)
    if shift.holidays == "only":
        return holiday
    return day.weekday() in shift.days and not (holiday and shift.holidays == "never")


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _from(shift: Shift, day: date, zone: ZoneInfo) -> Micros:
    return to_micros(_at(day, shift.start, zone))


def _until(shift: Shift, day: date, zone: ZoneInfo) -> Micros:
    return to_micros(_at(day if shift.end > shift.start else day + timedelta(days=1), shift.end, zone))


def _at(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    if minutes == 24 * 60:
        day, minutes = day + timedelta(days=1), 0
    return datetime(day.year, day.month, day.day, minutes // 60, minutes % 60, tzinfo=zone)


def steps_of(roster: Roster, escalation: str) -> Sequence[Step]:
    """The steps of an escalation; of one that the roster does not have any more, everyone at once."""
    return roster.escalations.get(escalation) or (Step((EVERYONE,), 15),)

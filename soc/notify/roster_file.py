"""The text of a roster (YAML) in, the roster out; or every mistake in it, each with its line and column."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from soc.clock import Micros, to_micros
from soc.errors import RecordError, SettingsError
from soc.notify.roster import (
    EVERYONE,
    NOBODY,
    ChannelName,
    Holiday,
    Holidays,
    Language,
    Person,
    Roster,
    Route,
    Shift,
    Step,
    Substitution,
    teams,
)
from soc.notify.routing import RANK

T = TypeVar("T")
Node = yaml.Node

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
REASONS = (
    "incident",
    "alert",
    "deadline",
    "report",
    "task",
    "directive",
    "approval",
    "break_glass",
    "audit_fault",
    "heartbeat",
)
_KEY = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")
_TIME = re.compile(r"([01]?[0-9]|2[0-4]):([0-5][0-9])")
_ADDRESS: Mapping[str, re.Pattern[str]] = {
    "smtp": re.compile(r"[^\s<>@,;]+@[^\s<>@,;]+"),
    "webhook": re.compile(r"\S{1,200}"),
    "command": re.compile(r"[^\s-]\S{0,99}"),  # never an option of the program
}
MAX_BYTES = 1024 * 1024


def parse(text: str, where: str = "roster") -> Roster:
    """The roster of a file.

    Args:
        text: YAML.
        where: how mistakes name the file.

    Raises:
        SettingsError: every mistake, ``file:line:column: what is wrong``.
    """
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise SettingsError([f"{where}: longer than {MAX_BYTES} bytes"])
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        told = " ".join(str(error).split())
        raise SettingsError([f"{where}: no YAML: {told}"]) from error
    reading = _Reading(where)
    roster = _roster(reading, root) if root is not None else Roster()
    if root is None:
        reading.mistakes.append(f"{where}:1:1: the file is empty")
    if reading.mistakes:
        raise SettingsError(reading.mistakes)
    return roster


def decode(data: bytes) -> Roster:
    """The roster as it was published.

    Raises:
        RecordError: it cannot be read.
    """
    try:
        return parse(data.decode())
    except (SettingsError, UnicodeDecodeError) as error:
        raise RecordError("notify", f"the published roster cannot be read: {error}") from error


class _Reading:
    """Values out of nodes; what is wrong is noted with its place, and reading goes on."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.mistakes: list[str] = []
        self.zone = ZoneInfo("Asia/Ho_Chi_Minh")

    def wrong(self, node: Node, what: str) -> None:
        mark = cast("Any", node.start_mark)
        self.mistakes.append(f"{self.where}:{mark.line + 1}:{mark.column + 1}: {what}")

    def table(self, node: Node, known: tuple[str, ...] | None = None, needed: tuple[str, ...] = ()) -> dict[str, Node]:
        """The entries of a mapping by key; ``known``: the keys it may have."""
        if not isinstance(node, yaml.MappingNode):
            self.wrong(node, "a mapping (key: value) belongs here")
            return {}
        found: dict[str, Node] = {}
        for key, value in cast("list[tuple[Node, Node]]", node.value):
            name = str(key.value)
            if name in found:
                self.wrong(key, f"{name} is here twice")
            elif known is not None and name not in known:
                self.wrong(key, f"unknown key {name}; known: {', '.join(known)}")
            else:
                found[name] = value
        missing = [name for name in needed if name not in found]
        if missing:
            self.wrong(node, f"{', '.join(missing)} is missing")
        return found

    def items(self, node: Node | None) -> list[Node]:
        """The items of a list; a single value counts as a list of one."""
        if node is None:
            return []
        return cast("list[Node]", node.value) if isinstance(node, yaml.SequenceNode) else [node]

    def text(self, node: Node | None, default: str = "") -> str:
        if node is None:
            return default
        if not isinstance(node, yaml.ScalarNode) or not str(node.value).strip():
            self.wrong(node, "a text belongs here")
            return default
        return str(node.value).strip()

    def one_of(self, node: Node, allowed: tuple[str, ...], default: str) -> str:
        value = self.text(node)
        if value and value not in allowed:
            self.wrong(node, f"{value!r} is none of {', '.join(allowed)}")
        return value if value in allowed else default

    def several(self, node: Node | None, allowed: tuple[str, ...] | None = None) -> tuple[str, ...]:
        values = [self.text(item) if allowed is None else self.one_of(item, allowed, "") for item in self.items(node)]
        return tuple(value for value in values if value)

    def read(self, node: Node, what: str, convert: Callable[[str], T], default: T) -> T:
        """A value of which ``convert`` raises ValueError where it is not ``what``."""
        value = self.text(node)
        try:
            return convert(value) if value else default
        except ValueError:
            self.wrong(node, f"{value!r} is no {what}")
            return default

    def day(self, node: Node) -> date:
        return self.read(node, "date; write one like 2026-12-31", date.fromisoformat, date.min)

    def moment(self, node: Node) -> Micros:
        def convert(value: str) -> Micros:
            found = datetime.fromisoformat(value)
            return to_micros(found if found.tzinfo else found.replace(tzinfo=self.zone))

        return self.read(node, "moment; write one like 2026-12-31 07:00", convert, 0)


def _minutes(value: str) -> int:
    found = _TIME.fullmatch(value)
    if not found or (minutes := int(found[1]) * 60 + int(found[2])) > 24 * 60:
        raise ValueError(value)
    return minutes


def _roster(reading: _Reading, root: Node) -> Roster:
    known = ("timezone", "people", "shifts", "holidays", "substitutions", "escalations", "routes")
    table = reading.table(root, known, ("people", "escalations"))
    zone = reading.text(table.get("timezone"), "Asia/Ho_Chi_Minh")
    try:
        reading.zone = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        reading.wrong(table["timezone"], f"{zone!r} is no IANA time zone; write one like Asia/Ho_Chi_Minh")
    people = _people(reading, table["people"]) if "people" in table else {}
    roster = Roster(
        zone=zone,
        people=people,
        shifts=tuple(_shift(reading, node, people) for node in reading.items(table.get("shifts"))),
        holidays=tuple(_holiday(reading, node) for node in reading.items(table.get("holidays"))),
        substitutions=tuple(_substitution(reading, node, people) for node in reading.items(table.get("substitutions"))),
    )
    escalations = _escalations(reading, table["escalations"], roster) if "escalations" in table else {}
    routes = tuple(_route(reading, node, escalations) for node in reading.items(table.get("routes")))
    for team in sorted(teams(roster) & (people.keys() | {EVERYONE})):
        reading.wrong(table["shifts"], f"{team} is a team and a person: give one of them another name")
    return Roster(zone, people, roster.shifts, roster.holidays, roster.substitutions, escalations, routes)


def _people(reading: _Reading, node: Node) -> dict[str, Person]:
    found: dict[str, Person] = {}
    for key, value in reading.table(node).items():
        table = reading.table(value, ("name", "language", "channels"), ("name", "channels"))
        if not _KEY.fullmatch(key) or key == EVERYONE:
            reading.wrong(value, f"{key!r} is no key of a person: small letters, digits, . _ -, at most 40")
        language = reading.one_of(table["language"], ("vi", "en"), "vi") if "language" in table else "vi"
        channels: list[tuple[ChannelName, str]] = [
            (cast("ChannelName", channel), reading.text(address))
            for item in reading.items(table.get("channels"))
            for channel, address in reading.table(item, ("smtp", "webhook", "command")).items()
            if _is_address(reading, channel, address)
        ]
        if "channels" in table and not channels:
            reading.wrong(table["channels"], f"{key} has no channel that can be used")
        found[key] = Person(key, reading.text(table.get("name"), key), cast("Language", language), tuple(channels))
    if not found:
        reading.wrong(node, "there are no people")
    return found


def _is_address(reading: _Reading, channel: str, node: Node) -> bool:
    value = reading.text(node)
    if value and not _ADDRESS[channel].fullmatch(value):
        reading.wrong(node, f"{value!r} is no address for {channel}")
    return bool(value)


def _person(reading: _Reading, node: Node, people: Mapping[str, Person]) -> str:
    key = reading.text(node)
    if key and key not in people:
        reading.wrong(node, f"there is no person {key!r}")
    return key


def _shift(reading: _Reading, node: Node, people: Mapping[str, Person]) -> Shift:
    known = ("name", "team", "people", "days", "from", "to", "first", "last", "every", "starting", "holidays")
    table = reading.table(node, known, ("team", "people", "from", "to"))
    days = reading.several(table.get("days"), DAYS) or DAYS
    every = reading.read(table["every"], "number of weeks", int, 1) if "every" in table else 1
    if "every" in table and not (1 <= every <= 52):
        reading.wrong(table["every"], "every: 1 to 52 weeks")
    if every > 1 and "starting" not in table:
        reading.wrong(node, "every needs starting: a day of the first week")
    first = reading.day(table["first"]) if "first" in table else None
    last = reading.day(table["last"]) if "last" in table else None
    if first and last and last < first:
        reading.wrong(table["last"], "last is before first")
    return Shift(
        name=reading.text(table.get("name")),
        team=reading.text(table.get("team")),
        people=tuple(_person(reading, item, people) for item in reading.items(table.get("people"))),
        days=tuple(sorted({DAYS.index(day) for day in days})),
        start=reading.read(table["from"], "time of day; write one like 07:30", _minutes, 0) if "from" in table else 0,
        end=reading.read(table["to"], "time of day; write one like 19:30", _minutes, 0) if "to" in table else 0,
        first=first,
        last=last,
        every=every,
        starting=reading.day(table["starting"]) if "starting" in table else None,
        holidays=_holidays(reading, table),
    )


def _holidays(reading: _Reading, table: Mapping[str, Node]) -> Holidays:
    if "holidays" not in table:
        return "also"
    return cast("Holidays", reading.one_of(table["holidays"], ("also", "never", "only"), "also"))


def _holiday(reading: _Reading, node: Node) -> Holiday:
    if isinstance(node, yaml.ScalarNode):
        day = reading.day(node)
        return Holiday(day, day)
    table = reading.table(node, ("first", "last", "name"), ("first",))
    first = reading.day(table["first"]) if "first" in table else date.min
    last = reading.day(table["last"]) if "last" in table else first
    if last < first:
        reading.wrong(node, "last is before first")
    return Holiday(first, last, reading.text(table.get("name")))


def _substitution(reading: _Reading, node: Node, people: Mapping[str, Person]) -> Substitution:
    needed = ("person", "by", "from", "until")
    table = reading.table(node, (*needed, "reason"), needed)
    start = reading.moment(table["from"]) if "from" in table else 0
    end = reading.moment(table["until"]) if "until" in table else 0
    if start and end and end <= start:
        reading.wrong(node, "until is not after from")
    person = _person(reading, table["person"], people) if "person" in table else ""
    by = _person(reading, table["by"], people) if "by" in table else ""
    return Substitution(person, by, start, end, reading.text(table.get("reason")))


def _escalations(reading: _Reading, node: Node, roster: Roster) -> dict[str, tuple[Step, ...]]:
    known = {EVERYONE, *roster.people, *teams(roster)}
    found: dict[str, tuple[Step, ...]] = {}
    for name, value in reading.table(node).items():
        if name == NOBODY:
            reading.wrong(value, f"{NOBODY} is the route that calls nobody; give the escalation another name")
        steps = [_step(reading, item, known) for item in reading.items(value)]
        if not steps:
            reading.wrong(value, f"{name} has no steps")
        found[name] = tuple(steps)
    if not found:
        reading.wrong(node, "there are no escalations")
    return found


def _step(reading: _Reading, node: Node, known: set[str]) -> Step:
    table = reading.table(node, ("call", "minutes"), ("call", "minutes"))
    for item in reading.items(table.get("call")):
        name = reading.text(item)
        if name and name not in known:
            reading.wrong(item, f"{name!r} is no team that has a shift, no person, and not {EVERYONE}")
    minutes = reading.read(table["minutes"], "number of minutes", float, 15.0) if "minutes" in table else 15.0
    if not 0 < minutes <= 7 * 24 * 60:
        reading.wrong(table["minutes"], "minutes: more than 0, at most a week")
    return Step(reading.several(table.get("call")), minutes)


def _route(reading: _Reading, node: Node, escalations: Mapping[str, object]) -> Route:
    table = reading.table(node, ("escalation", "level", "system", "unit", "reason", "exercise"), ("escalation",))
    name = reading.text(table.get("escalation"))
    if name and name != NOBODY and name not in escalations:
        reading.wrong(table["escalation"], f"there is no escalation {name!r}")
    exercise = reading.one_of(table["exercise"], ("true", "false"), "false") == "true" if "exercise" in table else None
    return Route(
        name,
        levels=reading.several(table.get("level"), tuple(RANK)),
        systems=reading.several(table.get("system")),
        units=reading.several(table.get("unit")),
        reasons=reading.several(table.get("reason"), REASONS),
        exercise=exercise,
    )

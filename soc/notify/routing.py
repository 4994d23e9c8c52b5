"""What people must be told of in; which escalation of the roster is for it out."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from soc.clock import MINUTE, Micros
from soc.notify.roster import NOBODY, Roster, Route, called, steps_of

Reason = Literal[
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
    "heartbeat_back",
    "test",
]
RANK = {"informational": 1, "low": 2, "medium": 3, "high": 4, "critical": 5}
DEFAULT_LEVELS = ("high", "critical")
"""From which level on people are called where the roster has no routes."""


class Matter(msgspec.Struct, frozen=True):
    """One thing that people must be told of.

    Attributes:
        key: what makes it the same thing as before: told once under each key.
        about: ``incident/<id>``, ``alert/<id>``, ``report/<id>`` …
        level: of the rule, or how grave the reason is.
        number: for people: ``INC-2026-000012``; "" where there is none.
        title, title_vi: of the rule, or what is wrong.
        detail: (name, value) that the wording of the reason names: ``share``, ``due``, ``state`` …
        systems: (key, name) of the systems touched; units: keys of their owners.
        path: of the page in the console.
        rules, entities: what other matters are compared with in a storm.
        at: when it came up.
        size: of how many alerts it is, repeats among them.
        walks: the roster is walked until it is acknowledged; else it is told once.
    """

    key: str
    about: str
    reason: Reason
    level: str
    at: Micros
    number: str = ""
    title: str = ""
    title_vi: str = ""
    detail: tuple[tuple[str, str], ...] = ()
    systems: tuple[tuple[str, str], ...] = ()
    units: tuple[str, ...] = ()
    exercise: bool = False
    path: str = ""
    rules: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    size: int = 1
    walks: bool = False


def escalation_of(roster: Roster, matter: Matter) -> str:
    """The name of the escalation that a matter takes; "" if nobody is to be called."""
    routes: Sequence[Route] = roster.routes
    if not routes:
        first = next(iter(roster.escalations), "")
        return first if matter.level in DEFAULT_LEVELS and not matter.exercise else ""
    for route in routes:
        if matches(route, matter):
            return "" if route.escalation == NOBODY else route.escalation
    return ""


def matches(route: Route, matter: Matter) -> bool:
    """Whether every criterion of a route holds; a drill needs a route that says so."""
    return (
        (route.exercise or False) == matter.exercise
        and (not route.levels or matter.level in route.levels)
        and (not route.reasons or matter.reason in route.reasons)
        and (not route.systems or any(key in route.systems for key, _ in matter.systems))
        and (not route.units or any(unit in route.units for unit in matter.units))
    )


def who_would_be_called(roster: Roster, matter: Matter, at: Micros) -> list[tuple[int, Micros, tuple[str, ...]]]:
    """For each step of the first round: (number, when, whom), were a matter to come up at a moment and nobody to answer."""
    escalation = escalation_of(roster, matter)
    found: list[tuple[int, Micros, tuple[str, ...]]] = []
    moment = at
    for number, step in enumerate(steps_of(roster, escalation) if escalation else ()):
        people = called(roster, step, moment)
        found.append((number, moment, people))
        if people:
            moment += round(step.minutes * MINUTE)
    return found

"""What was sent lately and the open cases in; whether a step of a case is told at once, alone later, or in a digest, out.

People read a handful of messages in ten minutes. Of ``most`` messages of new matters in a window one is kept for a digest, two for
what has nothing to do with the storm, and the rest go out at once. What does not go out at once waits: a critical matter until
it can be told from the storm (``settled``), everything else for the digest.

    quiet: each step calls all its people at once ──► storm: the first person on duty of a new matter gets it in a digest,
                                                       and a message of its own where it is critical and unlike all others
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from soc.clock import Micros
from soc.notify.cases import Allowance, Book, Case

Way = Literal["own", "break", "digest"]

ALL = "*"
"""Key of the allowance of the whole installation; no person has it."""
BREAKS = 2
"""Messages in a window kept for what has nothing to do with a storm."""
FEW = 20
"""An incident of so many alerts, repeats among them, shortly after it came up is no part of a flood by its size alone."""


class Limits(NamedTuple):
    """How much is sent.

    Attributes:
        most: messages of new matters in a window, a digest among them; at least 5.
        window: its length.
        gathered: how long a digest waits for more before it is sent.
    """

    most: int
    window: Micros
    gathered: Micros

    @property
    def own(self) -> int:
        """Messages that go out at once."""
        return self.most - 1 - BREAKS

    @property
    def settled(self) -> Micros:
        """How long after it came up it is clear whether a matter is part of a storm."""
        return self.gathered // 3


def at_once(people: int, allowance: Allowance, limits: Limits, now: Micros) -> bool:
    """Whether a step is told at once to all whom it calls: nothing was in this window, or there is room for all of them."""
    told = _recent(allowance, limits, now).count("own")
    return not told or told + people <= limits.own


def unlike_all(waiting: Iterable[Case], allowance: Allowance, book: Book, limits: Limits, now: Micros) -> list[Case]:
    """Of the cases that wait those that have nothing to do with the storm, as many as may have a message of their own now.

    A critical one whose rules no other open case shares; the last of a window only if nobody shares its entities either. The
    smallest go first: a storm's incidents grow, one intrusion does not.
    """
    left = BREAKS - _recent(allowance, limits, now).count("break")
    if left <= 0:
        return []
    found = [case for case in waiting if _stands_out(case, book) and case.step_at <= now - limits.settled]
    found.sort(key=lambda case: (not _alone(case, book), case.matter.size, case.opened, case.id))
    chosen: list[Case] = []
    for case in found:
        if left > 1 or (left == 1 and _alone(case, book)):
            chosen.append(case)
            left -= 1
    return chosen


def with_sent(before: Allowance, ways: Sequence[Way], now: Micros, limits: Limits) -> Allowance:
    """The allowance after messages were written; what is older than the window is forgotten."""
    sent = tuple(entry for entry in before.sent if entry[0] > now - limits.window)
    added = tuple((now, way) for way in ways)
    waits = any(way == "digest" for way in ways)
    return Allowance((*sent, *added), 0 if waits else before.waiting_since)


def _recent(allowance: Allowance, limits: Limits, now: Micros) -> list[str]:
    return [way for at, way in allowance.sent if at > now - limits.window]


def _stands_out(case: Case, book: Book) -> bool:
    matter = case.matter
    alone = all(book.rules[rule] <= 1 for rule in matter.rules)
    return matter.level == "critical" and matter.size <= FEW and alone


def _alone(case: Case, book: Book) -> bool:
    return all(book.entities[entity] <= 1 for entity in case.matter.entities)

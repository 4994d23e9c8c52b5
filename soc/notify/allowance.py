"""A matter and what a person was sent lately in; by which way the person is told of it out.

A person reads a handful of messages in ten minutes. Of ``most`` messages in a window one is kept for a digest and about
half of the rest for what has nothing to do with the storm: a critical matter whose rule, or whose rule and entities, no
other open case shares. Every window of that length holds at most ``most`` messages, wherever it begins.
"""

from typing import Literal, NamedTuple

from soc.clock import Micros
from soc.notify.cases import Allowance, Book
from soc.notify.routing import Matter

Way = Literal["own", "break", "digest"]


class Limits(NamedTuple):
    """How much a person is sent.

    Attributes:
        most: messages in a window, a digest among them; at least 3.
        window: its length.
        gathered: how long a digest waits for more before it is sent.
    """

    most: int
    window: Micros
    gathered: Micros

    @property
    def breaks(self) -> int:
        """Messages kept for what has nothing to do with a storm."""
        return (self.most - 1) // 2


def way_of(matter: Matter, allowance: Allowance, book: Book, limits: Limits, now: Micros) -> Way:
    """How a person is told of a matter whose case is open already.

    Args:
        matter: of what.
        allowance: what the person was sent.
        book: the open cases, that of the matter among them.
        limits: how much a person is sent.
        now: the time.
    """
    recent = [way for at, way in allowance.sent if at > now - limits.window]
    if recent.count("own") < limits.most - 1 - limits.breaks:
        return "own"
    if matter.level != "critical":
        return "digest"
    alone_by_rule = all(book.rules[rule] <= 1 for rule in matter.rules)
    alone_by_entity = all(book.entities[entity] <= 1 for entity in matter.entities)
    left = limits.breaks - recent.count("break")
    if alone_by_rule and left > (0 if alone_by_entity or limits.breaks == 1 else 1):
        return "break"
    return "digest"


def with_sent(before: Allowance, way: Way, now: Micros, limits: Limits) -> Allowance:
    """The allowance after a message was written; what is older than the window is forgotten."""
    sent = tuple(entry for entry in before.sent if entry[0] > now - limits.window)
    return Allowance((*sent, (now, way)), 0 if way == "digest" else before.waiting_since)

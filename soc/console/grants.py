"""Reasons to read personal data: who gave one for which document in, whether it still holds out; kept in memory only."""

from collections import OrderedDict
from typing import NamedTuple

from soc.clock import Micros

_MAX = 4096


class Grant(NamedTuple):
    """A reason that was given, and recorded.

    Attributes:
        who: the browser's session or the API token it holds for: never for the person everywhere.
    """

    who: str
    kind: str
    id: str


class Grants:
    """What was given, bounded; a restart of the console ends all."""

    def __init__(self) -> None:
        self._until: OrderedDict[Grant, tuple[Micros, str]] = OrderedDict()
        self._told: OrderedDict[Grant, Micros] = OrderedDict()

    def give(self, grant: Grant, until: Micros, reason: str) -> None:
        """Let somebody read one document until a time."""
        self._until.pop(grant, None)
        self._until[grant] = (until, reason)
        while len(self._until) > _MAX:
            self._until.popitem(last=False)

    def reason(self, grant: Grant, now: Micros) -> str:
        """The reason that holds now, "" without one."""
        until, reason = self._until.get(grant, (0, ""))
        return reason if until > now else ""

    def until(self, grant: Grant) -> Micros:
        """When it ends or ended; 0 if there never was one."""
        return self._until.get(grant, (0, ""))[0]

    def is_told(self, grant: Grant, now: Micros) -> bool:
        """Whether this reading was recorded a short while ago: a page that is loaded again is not a second reading."""
        return self._told.get(grant, 0) > now

    def told(self, grant: Grant, until: Micros) -> None:
        """Remember that a reading was recorded."""
        self._told.pop(grant, None)
        self._told[grant] = until
        while len(self._told) > _MAX:
            self._told.popitem(last=False)

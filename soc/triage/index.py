"""Cards of alerts in; which open incidents an entity leads to, which alerts wait for one, and in how much company it is seen."""

from collections.abc import Iterable, Mapping
from typing import Literal, TypeVar

from soc.triage.alerts import Card
from soc.triage.entities import Key, partners

Part = Literal["member", "loner", "none"]
"""How an alert counts: it holds its incident together; it waits for one to come by; neither."""


Item = TypeVar("Item")

_NOWHERE: Mapping[str, int] = {}


class Index:
    """Everything in it follows from the cards and their parts alone, so that a restart builds the same."""

    def __init__(self) -> None:
        self._parts: dict[str, tuple[Card, Part]] = {}
        self._incidents: dict[Key, dict[str, int]] = {}
        self._loners: dict[Key, dict[str, int]] = {}
        self._company: dict[Key, dict[frozenset[Key], int]] = {}

    def set(self, card: Card, part: Part) -> None:
        """Count an alert as ``part``, in place of whatever it counted as."""
        before = self._parts.pop(card.id, None)
        if before:
            self._count(*before, -1)
        if part != "none":
            self._parts[card.id] = (card, part)
            self._count(card, part, 1)

    def drop(self, alert_id: str) -> None:
        """The alert no longer counts as anything."""
        before = self._parts.pop(alert_id, None)
        if before:
            self._count(*before, -1)

    def incidents(self, key: Key) -> Iterable[str]:
        """The open incidents that have a live alert about ``key``."""
        return self._incidents.get(key, _NOWHERE)

    def loners(self, key: Key) -> Iterable[str]:
        """The alerts about ``key`` that are in no incident."""
        return self._loners.get(key, _NOWHERE)

    def degree(self, key: Key) -> int:
        """In how many different companies of machines ``key`` is seen, over the live alerts of open incidents.

        One scan, or a thousand alerts between the same two machines, are one company; a gateway in front of 500 machines has 500.
        """
        return len(self._company.get(key, {}))

    def _count(self, card: Card, part: Part, step: int) -> None:
        for key in card.about:
            if part == "loner":
                _tally(self._loners, key, card.id, step)
            else:
                _tally(self._incidents, key, card.incident_id, step)
                _tally(self._company, key, partners(card.about, key), step)


def _tally(table: dict[Key, dict[Item, int]], key: Key, item: Item, step: int) -> None:
    row = table.setdefault(key, {})
    row[item] = row.get(item, 0) + step
    if not row[item]:
        del row[item]
    if not row:
        del table[key]

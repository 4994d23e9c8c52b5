"""Units with their dates in; who follows whom, who is below whom, and what a name of the past means, out."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date
from zoneinfo import ZoneInfo

from soc.assets.entries import Unit
from soc.clock import Micros, to_datetime


def folded(name: str) -> str:
    """A name as it is compared: composed (NFC), without case, single spaces."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


class Organizations:
    """The tree of units, over time."""

    def __init__(self, units: Iterable[Unit], timezone: str) -> None:
        self._units: Mapping[str, Unit] = {unit.key: unit for unit in units}
        self._zone = UTC if timezone == "UTC" else ZoneInfo(timezone)
        self._children: dict[str, list[str]] = {}
        self._predecessors: dict[str, list[str]] = {}
        self._named: dict[str, list[str]] = {}
        for unit in self._units.values():
            self._children.setdefault(unit.parent, []).append(unit.key)
            for successor in unit.successors:
                self._predecessors.setdefault(successor, []).append(unit.key)
            for name in {folded(unit.key), folded(unit.name), *map(folded, unit.aliases)}:
                self._named.setdefault(name, []).append(unit.key)
        self._under: dict[str, frozenset[str]] = {}

    def get(self, key: str) -> Unit | None:
        """A unit."""
        return self._units.get(key)

    def all(self) -> Sequence[Unit]:
        """Every unit, in the order of the register."""
        return tuple(self._units.values())

    def called(self, text: str) -> tuple[str, ...]:
        """Keys of the units of this key, name or alias; a key wins over other units' names."""
        if text in self._units:
            return (text,)
        return tuple(self._named.get(folded(text), ()))

    def at(self, key: str, moment: Micros) -> Unit | None:
        """Who answers for a unit at a time: itself, or the one that took over by then; itself where several did."""
        unit, day, seen = self._units.get(key), self._day(moment), set[str]()
        while unit is not None and unit.valid_to and day > unit.valid_to and len(unit.successors) == 1:
            following = self._units.get(unit.successors[0])
            if following is None or unit.key in seen:
                break
            seen.add(unit.key)
            unit = following
        return unit

    def exists(self, key: str, moment: Micros) -> bool:
        """Whether a unit exists on the day of a time."""
        unit, day = self._units.get(key), self._day(moment)
        return unit is not None and unit.valid_from <= day and (not unit.valid_to or day <= unit.valid_to)

    def under(self, key: str) -> frozenset[str]:
        """What a person scoped to this unit may see.

        The unit, who took over from it, and all below them. Units of the past whose every successor is among these are
        too, with what was below them: their systems may still be registered under the old name. Of a district that was
        split among three communes none of the three sees what was not handed over yet; the province does.
        An unknown key is only itself.
        """
        if key not in self._under:
            self._under[key] = self._covered(key)
        return self._under[key]

    def _covered(self, key: str) -> frozenset[str]:
        covered: set[str] = set()
        waiting = [key]
        while waiting:
            one = waiting.pop()
            if one in covered:
                continue
            covered.add(one)
            unit = self._units.get(one)
            waiting += self._children.get(one, ()) if unit is not None else ()
            waiting += unit.successors if unit is not None else ()
            for before in self._predecessors.get(one, ()):
                if set(self._units[before].successors) <= covered:
                    waiting.append(before)
        return frozenset(covered)

    def _day(self, moment: Micros) -> str:
        return to_datetime(moment).astimezone(self._zone).date().isoformat()


def is_day(text: str) -> bool:
    """Whether a text is a day as ``YYYY-MM-DD``."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False

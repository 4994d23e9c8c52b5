"""Rows whose values are read in, what does not fit together out: the same thing twice, circles, days in the wrong order."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from soc.assets.mistakes import Mistake, quoted
from soc.assets.tables import Row, Table


@dataclass(frozen=True, slots=True)
class Read:
    """A row with its values by field."""

    row: Row
    values: dict[str, Any]

    def mistake(self, field: str, reason: str) -> Mistake:
        """A mistake at the place of a field, or of the whole row where the field was not typed."""
        cell = self.row.cells.get(field)
        if cell is None:
            return Mistake(self.row.file, self.row.row, self.row.column, reason)
        return Mistake(self.row.file, cell.row, cell.column, reason)

    @property
    def place(self) -> str:
        """For other rows' mistakes."""
        return f"{self.row.file}:{self.row.row}" if self.row.row else f"{self.row.file} {self.row.column}"


def check_together(read: Mapping[Table, Sequence[Read]], mistakes: list[Mistake]) -> None:
    """Add what does not fit together to ``mistakes``."""
    units, systems, hosts = read["units"], read["systems"], read["hosts"]
    _once(units, "key", _folded, "is the key of two units", mistakes=mistakes)
    _once(systems, "key", _folded, "is the key of two systems", mistakes=mistakes)
    keys: dict[str, Read] = {one.values.get("key", ""): one for one in units}
    mistakes += [
        one.mistake("key", f"{quoted(key)} is a unit's key too ({keys[key].place}): contacts could not tell them apart")
        for one in systems
        if (key := one.values.get("key", "")) and key in keys
    ]
    _once(hosts, "name", _folded, "is the name of two hosts", mistakes=mistakes)
    _once(hosts, "addresses", str, "is the address of two hosts", mistakes=mistakes)
    shared = "is the network of two systems: an address belongs to one; give each its part"
    _once(systems, "networks", str, shared, mistakes=mistakes)
    _once(read["log_sources"], "source", str, "is expected twice by this system", mistakes=mistakes, beside="system")
    _days(units, mistakes)
    _circles(units, "parent", "is below itself", mistakes)
    _circles(units, "successors", "follows itself", mistakes)


def _folded(text: str) -> str:
    return text.casefold()


def _once(
    found: Iterable[Read],
    field: str,
    same: Callable[[str], str],
    reason: str,
    *,
    mistakes: list[Mistake],
    beside: str = "",
) -> None:
    """Each value of a field stands in one row only; ``beside``: only rows that are equal in that field are compared."""
    first: dict[tuple[Any, str], Read] = {}
    for one in found:
        value = one.values.get(field) or ()
        for text in (value,) if isinstance(value, str) else value:
            known = first.setdefault((one.values.get(beside), same(text)), one)
            if known is not one:
                mistakes.append(one.mistake(field, f"{quoted(text)} {reason} (first in {known.place})"))


def _days(units: Iterable[Read], mistakes: list[Mistake]) -> None:
    for one in units:
        begin, end = one.values.get("valid_from", ""), one.values.get("valid_to", "")
        if begin and end and begin > end:
            mistakes.append(one.mistake("valid_to", f"ends on {end}, before it begins on {begin}"))
        if one.values.get("successors") and not end:
            mistakes.append(one.mistake("successors", "has successors and no valid_to: on which day did it end?"))


def _circles(units: Sequence[Read], field: str, reason: str, mistakes: list[Mistake]) -> None:
    """No unit reaches itself by a field; each circle is told at each unit that is on it."""
    onward: dict[str, tuple[str, ...]] = {}
    for one in units:
        value = one.values.get(field) or ()
        onward[one.values.get("key", "")] = (value,) if isinstance(value, str) else tuple(value)
    for one in units:
        key, waiting, seen = one.values.get("key", ""), list(onward[one.values.get("key", "")]), set[str]()
        while waiting:
            at = waiting.pop()
            if at == key:
                mistakes.append(one.mistake(field, f"{quoted(key)} {reason}"))
                break
            if at not in seen:
                seen.add(at)
                waiting += onward.get(at, ())

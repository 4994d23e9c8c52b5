r"""The shared literal index: for one routing set and one field, a value in, the rules it triggers out.

                 value ──► memo ──hit──► rules
                             │ miss
                             ▼
        exact: hash map · prefix, suffix: hash map by their outermost characters · suffix "\name": hash map by last component
        contains: ``soc.detect.literals``
        probes: tested one by one

Every rule is in the index of one need only (``soc.detect.trigger``), so each pass is over few literals.
"""

from collections.abc import Iterable
from typing import Any, Final, cast

from soc.detect.literals import Literals
from soc.detect.trigger import Need, Probe
from soc.sigma.condition import Predicate
from soc.sigma.program import fold
from soc.sigma.regex import folds_plainly
from soc.sigma.values import scalars, text

MEMO_VALUES: Final = 16_384
"""Values that one field remembers before it starts anew."""
MEMO_CHARACTERS: Final = 1_000_000
"""Characters of those values: few long texts (script blocks) weigh as much as many short ones, and they repeat too."""

Slots = tuple[Any, ...]
"""What is triggered: opaque to the index."""


class FieldIndex(dict[Any, Slots]):
    """Value → triggered slots, for one field; itself the memo (a hit costs one look-up).

    Built when the field first has a value: most fields that rules name do not occur.
    """

    __slots__ = (
        "__weakref__",
        "_components",
        "_exact",
        "_needs",
        "_odd",
        "_parts",
        "_prefixes",
        "_probes",
        "_room",
        "_suffixes",
    )

    def __init__(self, needs: Iterable[tuple[Need, Any]]) -> None:
        """``needs``: of one field, each with the slot it triggers."""
        super().__init__()
        self._room = MEMO_CHARACTERS
        self._needs: list[tuple[Need, Any]] | None = list(needs)

    def prepare(self) -> None:
        """Build it before the first value comes."""
        if self._needs is not None:
            self._build(self._needs)
            if self._parts is not None:
                self._parts.prepare()

    def _build(self, needs: list[tuple[Need, Any]]) -> None:
        self._needs = None
        self._exact: dict[str, list[Any]] = {}
        self._components: dict[str, dict[str, list[Any]]] = {}
        self._odd: list[Any] = []
        prefixes: dict[str, list[Any]] = {}
        suffixes: dict[str, list[Any]] = {}
        parts: dict[str, list[Any]] = {}
        probes: dict[Predicate, list[Any]] = {}
        for need, slot in needs:
            if isinstance(need, Probe):
                probes.setdefault(need.predicate, []).append(slot)
                continue
            literal = need.text
            if need.of_regex:
                self._odd.append(slot)
            if need.anchor == "exact":
                self._exact.setdefault(literal, []).append(slot)
            elif need.anchor == "prefix":
                prefixes.setdefault(literal, []).append(slot)
            elif need.anchor == "suffix" and literal[0] in "\\/" and literal.count(literal[0]) == 1:
                self._components.setdefault(literal[0], {}).setdefault(literal, []).append(slot)
            elif need.anchor == "suffix":
                suffixes.setdefault(literal, []).append(slot)
            else:
                parts.setdefault(literal, []).append(slot)
        self._prefixes = _by_end(prefixes, at_start=True)
        self._suffixes = _by_end(suffixes, at_start=False)
        self._probes = list(probes.items())
        self._parts = Literals(parts) if parts else None

    def __missing__(self, value: Any) -> Slots:
        if self._needs is not None:
            self._build(self._needs)
        t = value if type(value) is str else text(value)
        slots = self._seek(value, t)
        # True == 1 and False == 0 as keys, but not as text: these four are looked up each time.
        if type(value) is str or value not in (0, 1):
            self._room -= len(t)
            if self._room < 0 or len(self) >= MEMO_VALUES:
                self.clear()
                self._room = MEMO_CHARACTERS
            if len(t) < MEMO_CHARACTERS:
                self[value] = slots
        return slots

    def _seek(self, value: Any, t: str) -> Slots:
        folded = fold(t)
        found: list[Any] = []
        hit = self._exact.get(folded)
        if hit is not None:
            found += hit
        for separator, names in self._components.items():
            at = folded.rfind(separator)
            if at >= 0:
                hit = names.get(folded[at:])
                if hit is not None:
                    found += hit
        for length, ends in self._prefixes:
            for literal, hit in ends.get(folded[:length], ()):
                if folded.startswith(literal):
                    found += hit
        for length, ends in self._suffixes:
            for literal, hit in ends.get(folded[-length:], ()):
                if folded.endswith(literal):
                    found += hit
        if self._parts is not None:
            self._parts.seek(folded, found)
        if self._odd and not folds_plainly(t):
            found += self._odd
        for predicate, hit in self._probes:
            test = predicate.test
            if test is not None and test(value, t, folded):
                found += hit
        return tuple(dict.fromkeys(found)) if found else ()


_END_LENGTHS: Final = (8, 4, 3, 2, 1)
_Ends = list[tuple[int, dict[str, list[tuple[str, list[Any]]]]]]


def _by_end(literals: dict[str, list[Any]], *, at_start: bool) -> _Ends:
    """Literals by their first or last characters, in a few lengths: so many look-ups find all that could be there."""
    table: dict[int, dict[str, list[tuple[str, list[Any]]]]] = {}
    for literal, slots in literals.items():
        length = next(n for n in _END_LENGTHS if n <= len(literal))
        end = literal[:length] if at_start else literal[-length:]
        table.setdefault(length, {}).setdefault(end, []).append((literal, slots))
    return list(table.items())


def each(index: FieldIndex, value: Any) -> list[Slots]:
    """What a value triggers: of a list, what any of its items does."""
    if isinstance(value, (list, tuple, dict)):
        looked_up = [_look_up(index, item) for item in scalars(cast("Any", value)) if item is not None]
        return [slots for slots in looked_up if slots]
    slots = index[value] if value is not None else ()
    return [slots] if slots else []


def _look_up(index: FieldIndex, item: Any) -> Slots:
    try:
        return index[item]
    except TypeError:  # a mapping within a list: compared by its text
        return index[text(item)]

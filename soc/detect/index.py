r"""The shared literal index: for one routing set and one field, a value in, the rules it triggers out.

                 value ──► memo ──hit──► rules
                             │ miss
                             ▼
        exact: hash map · prefix, suffix: hash map by their outermost characters · suffix "\name": hash map by last component
        contains: str.find while they are few, else one Aho-Corasick automaton (long texts line by line, lines remembered)
        probes: tested one by one

Every rule is in the index of one need only (``soc.detect.trigger``), so each pass is over few literals.
"""

from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final, Protocol, cast

import ahocorasick

from soc.detect.trigger import Need, Probe
from soc.sigma.condition import Predicate
from soc.sigma.values import scalars, text

MEMO_VALUES: Final = 16_384
"""Values that one field remembers before it starts anew."""
MEMO_CHARACTERS: Final = 1_000_000
"""Characters of those values: few long texts (script blocks) weigh as much as many short ones, and they repeat too."""
_LONG: Final = 400
"""Characters from which a text is sought line by line."""
_FEW: Final = 12
"""Up to here, seeking literals one by one beats the automaton (measured: str.find about 1 ns a character, it 15 to 60)."""

Slots = tuple[Any, ...]
"""What is triggered: opaque to the index."""


class _Automaton(Protocol):
    def iter(self, haystack: str) -> Iterable[tuple[int, list[Any]]]: ...


class FieldIndex(dict[Any, Slots]):
    """Value → triggered slots, for one field; itself the memo (a hit costs one look-up)."""

    __slots__ = (
        "_components",
        "_exact",
        "_few",
        "_line_room",
        "_lines",
        "_many",
        "_non_ascii",
        "_prefixes",
        "_probes",
        "_room",
        "_suffixes",
    )

    def __init__(self, needs: Iterable[tuple[Need, Any]]) -> None:
        """``needs``: of one field, each with the slot it triggers."""
        super().__init__()
        self._room = self._line_room = MEMO_CHARACTERS
        self._lines: dict[str, tuple[list[Any], ...]] = {}
        self._exact: dict[str, list[Any]] = {}
        self._components: dict[str, dict[str, list[Any]]] = {}
        self._non_ascii: list[Any] = []
        self._probes: list[tuple[Predicate, list[Any]]] = []
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
                self._non_ascii.append(slot)
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
        whole = {
            literal: slots for literal, slots in parts.items() if "\n" not in literal
        }  # can be sought line by line
        self._many = _automaton(whole) if len(whole) > _FEW else None
        self._few = [item for item in parts.items() if self._many is None or item[0] not in whole]

    def __missing__(self, value: Any) -> Slots:
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
        folded = t.casefold()
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
        for literal, hit in self._few:
            if literal in folded:
                found += hit
        if self._many is not None:
            if len(folded) < _LONG:
                for _, hit in self._many.iter(folded):
                    found += hit
            else:
                self._seek_by_line(self._many, folded, found)
        if self._non_ascii and not t.isascii():
            found += self._non_ascii
        for predicate, hit in self._probes:
            test = predicate.test
            if test is not None and test(value, t, folded):
                found += hit
        return tuple(dict.fromkeys(found)) if found else ()

    def _seek_by_line(self, many: _Automaton, folded: str, found: list[Any]) -> None:
        """A long text line by line: its lines repeat (a script's, a dump of settings) even where the whole never does."""
        lines = self._lines
        for line in folded.split("\n"):
            hits = lines.get(line)
            if hits is None:
                hits = () if not line else tuple({id(hit): hit for _, hit in many.iter(line)}.values())
                self._line_room -= len(line)
                if self._line_room < 0 or len(lines) >= MEMO_VALUES:
                    lines.clear()
                    self._line_room = MEMO_CHARACTERS
                lines[line] = hits
            for hit in hits:
                found += hit


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


def _automaton(parts: dict[str, list[Any]]) -> _Automaton:
    automaton = cast("Any", ahocorasick).Automaton()
    for literal, slots in parts.items():
        automaton.add_word(literal, slots)
    automaton.make_automaton()
    return cast("_Automaton", automaton)


class KeywordIndex:
    """Literals sought in every value of an event, in one go over all of them joined.

    A memo by value does not pay here: most values are looked at for keywords only, and many are unique (stamps, ids). So a
    few short *gates* are sought first, parts of the literals such that no literal is there without one of them.
    """

    __slots__ = ("_by_value", "_gates", "_literals", "_many", "_numbers")

    def __init__(self, needs: Iterable[tuple[Need, Any]]) -> None:
        """``needs``: without a field, each with the slot it triggers."""
        literals: dict[str, list[Any]] = {}
        odd: list[tuple[Need, Any]] = []
        for need, slot in needs:
            if isinstance(need, Probe) or need.of_regex:
                odd.append((need, slot))
            else:
                literals.setdefault(need.text, []).append(slot)
        self._literals = list(literals.items())
        self._by_value = FieldIndex(odd) if odd else None
        self._gates = gates(tuple(literals))
        self._many = _automaton(literals) if len(self._gates) > _MANY_GATES else None
        self._numbers = any(set(literal) <= _NUMBER_TEXT for literal in literals)

    def triggered(self, fields: dict[str, Any]) -> list[Slots]:
        """The slots that an event's values trigger, with repeats."""
        values = fields.values()
        found: list[Slots] = []
        if self._literals:
            strings = [v for v in values if type(v) is str]
            if self._numbers or not _PLAIN.issuperset(map(type, values)):
                strings += self._others(values)
            joined = "\n".join(strings).casefold()
            if self._many is not None:
                found = [tuple(slots) for _, slots in self._many.iter(joined)]
            else:
                for gate in self._gates:
                    if gate in joined:
                        found = [tuple(slots) for literal, slots in self._literals if literal in joined]
                        break
        if self._by_value is not None:
            for value in values:
                found += each(self._by_value, value)
        return found

    def _others(self, values: Iterable[Any]) -> list[str]:
        """Texts of what is no string: items of lists, and numbers where a literal could be part of one."""
        others: list[str] = []
        for value in values:
            if isinstance(value, str) or value is None or (isinstance(value, _NUMBERS) and not self._numbers):
                continue
            others += [text(item) for item in scalars(value) if item is not None]
        return others


_NUMBER_TEXT: Final = frozenset("0123456789.+-einfaxtrulsbcd")
"""Every character that the text of a number or boolean can have."""
_NUMBERS: Final = (int, float, bool)
_PLAIN: Final[frozenset[type]] = frozenset((str, int, float, bool, type(None)))
_MANY_GATES: Final = 30
_GATE: Final = 4


@lru_cache(maxsize=256)  # the views of one product share its keyword rules
def gates(literals: tuple[str, ...]) -> tuple[str, ...]:
    """Short texts such that each literal contains at least one: greedily, the one that is in most literals first.

    Parts of four characters, or two that are no letters or digits (``::``), which are about as rare; shorter literals whole.
    """
    parts: dict[str, set[str]] = {}
    for literal in literals:
        own = {literal[i : i + _GATE] for i in range(max(1, len(literal) - _GATE + 1))}
        own |= {pair for pair in map("".join, pairwise(literal)) if not any(c.isalnum() or c.isspace() for c in pair)}
        for part in own:
            parts.setdefault(part, set()).add(literal)
    chosen: list[str] = []
    left = {literal for owners in parts.values() for literal in owners}
    while left:
        best = max(parts, key=lambda part: (len(parts[part] & left), part))
        chosen.append(best)
        left -= parts[best]
    return tuple(chosen)


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

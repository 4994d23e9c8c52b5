"""The shared literal index: for one routing set and one field, a value in, the rules it triggers out.

                 value ──► memo ──hit──► rules
                             │ miss
                             ▼
        exact: hash map · prefix, suffix: hash map a length · suffix "\name": hash map by last component
        contains: str.find while they are few, else one Aho-Corasick automaton · probes: tested one by one

Every rule is in the index of one need only (``soc.detect.trigger``), so each pass is over few literals.
"""

from collections.abc import Iterable
from itertools import filterfalse
from typing import Any, Final, Protocol, cast

import ahocorasick

from soc.detect.trigger import Need, Probe
from soc.sigma.condition import Predicate
from soc.sigma.values import scalars, text

MEMO_VALUES: Final = 16_384
"""Values that one field remembers before it starts anew."""
MEMO_LENGTH: Final = 2_048
"""Longer texts are looked up each time: they repeat rarely and weigh most."""
_FEW: Final = 12
"""Up to here, seeking literals one by one beats the automaton (measured: str.find about 1 ns a character, it 15 to 60)."""

Slots = tuple[Any, ...]
"""What is triggered: opaque to the index."""


class _Automaton(Protocol):
    def iter(self, haystack: str) -> Iterable[tuple[int, list[Any]]]: ...


class FieldIndex(dict[Any, Slots]):
    """Value → triggered slots, for one field; itself the memo (a hit costs one look-up)."""

    __slots__ = ("_components", "_exact", "_few", "_many", "_non_ascii", "_prefixes", "_probes", "_suffixes")

    def __init__(self, needs: Iterable[tuple[Need, Any]]) -> None:
        """``needs``: of one field, each with the slot it triggers."""
        super().__init__()
        self._exact: dict[str, list[Any]] = {}
        self._components: dict[str, dict[str, list[Any]]] = {}
        self._non_ascii: list[Any] = []
        self._probes: list[tuple[Predicate, list[Any]]] = []
        prefixes: dict[int, dict[str, list[Any]]] = {}
        suffixes: dict[int, dict[str, list[Any]]] = {}
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
                prefixes.setdefault(len(literal), {}).setdefault(literal, []).append(slot)
            elif need.anchor == "suffix" and literal[0] in "\\/" and literal.count(literal[0]) == 1:
                self._components.setdefault(literal[0], {}).setdefault(literal, []).append(slot)
            elif need.anchor == "suffix":
                suffixes.setdefault(len(literal), {}).setdefault(literal, []).append(slot)
            else:
                parts.setdefault(literal, []).append(slot)
        self._prefixes = list(prefixes.items())
        self._suffixes = list(suffixes.items())
        self._probes = list(probes.items())
        self._few: list[tuple[str, list[Any]]] = list(parts.items()) if len(parts) <= _FEW else []
        self._many = None if len(parts) <= _FEW else _automaton(parts)

    def __missing__(self, value: Any) -> Slots:
        t = value if type(value) is str else text(value)
        slots = self._seek(value, t)
        # True == 1 and False == 0 as keys, but not as text: these four are looked up each time.
        if (type(value) is str and len(t) <= MEMO_LENGTH) or (type(value) is not str and value != 0 and value != 1):
            if len(self) >= MEMO_VALUES:
                self.clear()
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
        for length, names in self._prefixes:
            hit = names.get(folded[:length])
            if hit is not None:
                found += hit
        for length, names in self._suffixes:
            hit = names.get(folded[-length:])
            if hit is not None:
                found += hit
        for literal, hit in self._few:
            if literal in folded:
                found += hit
        if self._many is not None:
            for _, hit in self._many.iter(folded):
                found += hit
        if self._non_ascii and not t.isascii():
            found += self._non_ascii
        for predicate, hit in self._probes:
            test = predicate.test
            if test is not None and test(value, t, folded):
                found += hit
        return tuple(dict.fromkeys(found)) if found else ()


def _automaton(parts: dict[str, list[Any]]) -> _Automaton:
    automaton = cast("Any", ahocorasick).Automaton()
    for literal, slots in parts.items():
        automaton.add_word(literal, slots)
    automaton.make_automaton()
    return cast("_Automaton", automaton)


class KeywordIndex:
    """Literals sought in every value of an event: the values not seen before are joined and searched in one go."""

    __slots__ = ("_by_value", "_clean", "_literals")

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
        self._clean: set[Any] = set()

    def triggered(self, fields: dict[str, Any]) -> list[Slots]:
        """The slots that an event's values trigger, with repeats."""
        values = fields.values()
        try:
            fresh = list(filterfalse(self._clean.__contains__, values))
        except TypeError:  # a list is no member of a set
            values = [item for value in values for item in scalars(value)]
            fresh = values
        found: list[Slots] = []
        if fresh:
            joined = "\n".join([v if type(v) is str else "" if v is None else text(v) for v in fresh]).casefold()
            found = [tuple(slots) for literal, slots in self._literals if literal in joined]
            if not found and fresh is not values:
                self._remember(fresh)
        if self._by_value is not None:
            for value in values:
                found += _each(self._by_value, value)
        return found

    def _remember(self, fresh: list[Any]) -> None:
        if len(self._clean) > 2 * MEMO_VALUES:
            self._clean.clear()
        # True == 1 and False == 0 as members, but not as text: these four are searched each time.
        self._clean.update([v for v in fresh if (type(v) is str and len(v) <= MEMO_LENGTH) or (type(v) is not str and v != 0 and v != 1)])


class View:
    """The index of one routing set: all rules that apply to events of the same logsources."""

    __slots__ = ("always", "keywords", "probes")

    def __init__(self, triggered: Iterable[tuple[Any, tuple[Need, ...] | None]]) -> None:
        """``triggered``: slots with their triggers; None means that the slot is always evaluated."""
        self.always: list[Any] = []
        fields: dict[str | None, list[tuple[Need, Any]]] = {}
        for slot, needs in triggered:
            if needs is None:
                self.always.append(slot)
                continue
            for need in needs:
                fields.setdefault(need.field, []).append((need, slot))
        keywords = fields.pop(None, None)
        self.keywords = KeywordIndex(keywords) if keywords else None
        self.probes = [(cast("str", field), FieldIndex(needs)) for field, needs in fields.items()]

    def candidates(self, fields: dict[str, Any]) -> list[Any]:
        """The slots whose condition may hold for an event, each once."""
        get = fields.get
        found: list[Slots] = []
        try:
            for name, index in self.probes:
                value = get(name)
                if value is not None:
                    slots = index[value]
                    if slots:
                        found.append(slots)
        except TypeError:  # a list is no key: look its items up
            found = [slots for name, index in self.probes for slots in _each(index, get(name))]
        if self.keywords is not None:
            found += self.keywords.triggered(fields)
        if not found:
            return self.always
        if len(found) == 1 and not self.always:
            return cast("list[Any]", found[0])
        return list(dict.fromkeys([slot for slots in found for slot in slots] + self.always))


def _each(index: FieldIndex, value: Any) -> list[Slots]:
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



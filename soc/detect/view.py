"""The rules that apply to one kind of event, and which of them an event triggers.

Events of the same logsources share a ``Routes``. Where most of its rules ask for one value of the same field (an EventID, a
record type), that field splits it, so that an event meets the index of the rules for its own value only. Each part, a
``View``, at first guesses which trigger of a rule is rare, and after a while chooses again by what it has seen.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, Final, Protocol, cast
from weakref import WeakValueDictionary

from soc.detect import compiled
from soc.detect.index import FieldIndex, Slots, each
from soc.detect.keywords import KeywordIndex
from soc.detect.sample import Sample
from soc.detect.trigger import Need, Option
from soc.sigma.values import text

_LEARNING: Final = 600
"""Events that a view looks at before it chooses its triggers again."""
_SAMPLE: Final = 60
_FIRST_LOOK: Final = 40
"""Events after which it chooses a first time: a bad guess (a keyword rule tried on every request) costs a millisecond an event."""
_NOISY: Final = 0.01
"""A rule that is triggered by more of the events than this, mostly in vain, gets another trigger if one is rarer."""
_OFTEN: Final = 0.5
"""The same at the first look."""
_SPLIT_RULES: Final = 8
_SPLIT_SHARE: Final = 0.5
_VALUES: Final = 4_096
EVENTS: Final = 8_192
"""Events that a view remembers, by the values of the fields it asks, before it starts anew; 0: none."""
EVENT_CHARACTERS: Final = 2_000_000
"""Characters of those values."""


class Triggered(Protocol):
    """What a view needs of a rule."""

    options: list[Option]

    @property
    def exact(self) -> list[tuple[str, frozenset[str]] | None]:
        """For each option, what ``exact_values`` says of it."""
        ...


class Indexes:
    """The indexes of all views of a detector; views that ask the same of a field share one, and what it remembers."""

    def __init__(self) -> None:
        self._fields: WeakValueDictionary[tuple[int, ...], FieldIndex] = WeakValueDictionary()
        self._keywords: WeakValueDictionary[tuple[int, ...], KeywordIndex] = WeakValueDictionary()

    def field(self, needs: list[tuple[Need, Any]]) -> FieldIndex:
        """The index for these needs of one field."""
        key = tuple([id(need) for need, _ in needs])  # a need is one rule's own and lives as long as the detector
        index = self._fields.get(key)
        if index is None:
            index = self._fields[key] = FieldIndex(needs)
        return index

    def keywords(self, needs: list[tuple[Need, Any]]) -> KeywordIndex:
        """The index for these needs without a field."""
        key = tuple([id(need) for need, _ in needs])
        index = self._keywords.get(key)
        if index is None:
            index = self._keywords[key] = KeywordIndex(needs)
        return index


class View:
    """The index over some rules."""

    __slots__ = (
        "_chosen",
        "_counts",
        "_fields",
        "_indexes",
        "_keywords",
        "_memo",
        "_names",
        "_remembered",
        "_room",
        "_sample",
        "_triggered",
        "always",
        "learning",
    )

    def __init__(self, slots: Iterable[Triggered], indexes: Indexes, known: str = "", remembered: int = EVENTS) -> None:
        """An index that learns.

        Args:
            slots: the rules.
            indexes: where views find the indexes they share.
            known: a field whose value every event of this view is known to have as its rules want it.
            remembered: events to remember.
        """
        self._chosen: dict[Triggered, tuple[Need, ...]] = {}
        self._indexes = indexes
        self._remembered = remembered
        self._triggered = compiled.native.triggered if compiled.native is not None else None
        self.always: list[Any] = []
        self.learning = _LEARNING
        self._counts: dict[Any, int] = {}
        self._sample: list[dict[str, Any]] = []
        for slot in slots:
            # An option that only says what the view knows already would trigger on every event.
            usable = (
                needs
                for (_, needs), exact in zip(slot.options, slot.exact, strict=True)
                if exact is None or exact[0] != known
            )
            self._chosen[slot] = next(usable, ())
        self._build()

    def _build(self) -> None:
        self.always = []
        fields: dict[str | None, list[tuple[Need, Any]]] = {}
        for slot, needs in self._chosen.items():
            if not needs:
                self.always.append(slot)
            for need in needs:
                own = fields.get(need.field)
                if own is None:
                    own = fields[need.field] = []
                own.append((need, slot))
        keywords = fields.pop(None, None)
        self._keywords = self._indexes.keywords(keywords) if keywords else None
        self._names = cast("tuple[str, ...]", tuple(fields))
        self._fields = tuple(self._indexes.field(needs) for needs in fields.values())
        self._memo: dict[tuple[Any, ...], list[Any]] = {}
        self._room = EVENT_CHARACTERS

    def prepare(self) -> None:
        """Build its indexes before the first event comes."""
        for index in self._fields:
            index.prepare()

    def candidates(self, fields: dict[str, Any]) -> list[Any]:
        """The slots whose condition may hold for an event, each once."""
        try:
            if self._triggered is not None:  # as fast as asking a memo of whole events
                found = self._triggered(fields, self._names, self._fields)
                known = self.always if found is None else _distinct(found, self.always)
            else:
                known = self._remembered_or_looked_up(fields)
        except TypeError:  # a list is no key: look its items up
            values = map(fields.get, self._names)
            known = _distinct(
                chain.from_iterable(each(i, v) for i, v in zip(self._fields, values, strict=True)), self.always
            )
        if self._keywords is not None:
            found = self._keywords.triggered(fields)
            if found:
                return _distinct(found, known)
        return known

    def _remembered_or_looked_up(self, fields: dict[str, Any]) -> list[Any]:
        values = tuple(map(fields.get, self._names))
        known = self._memo.get(values)
        return self._look_up(values) if known is None else known

    def _look_up(self, values: tuple[Any, ...]) -> list[Any]:
        found = [
            slots
            for index, value in zip(self._fields, values, strict=True)
            if value is not None and (slots := index[value])
        ]
        known = _distinct(found, self.always) if found else self.always
        # True == 1 and False == 0 as keys, but not as text: an event with one of these four is looked up each time.
        if self._remembered and 0 not in values and 1 not in values:
            memo = self._memo
            size = sum([len(value) for value in values if type(value) is str])
            self._room -= size
            if self._room < 0 or len(memo) >= self._remembered:
                memo.clear()
                self._room = EVENT_CHARACTERS - size
            if size < EVENT_CHARACTERS:
                memo[values] = known
        return known

    def learn(self, fields: dict[str, Any], candidates: list[Any], hits: list[Any]) -> None:
        """Notes what one event triggered; after enough of them, chooses the triggers again."""
        self.learning -= 1
        counts = self._counts
        for slot in candidates:
            counts[slot] = counts.get(slot, 0) + 1
        for slot in hits:
            counts[slot] -= 1
        seen = _LEARNING - self.learning
        if seen <= _FIRST_LOOK or self.learning % (_LEARNING // _SAMPLE) == 0:
            self._sample.append(fields)
        if seen == _FIRST_LOOK:
            self._choose_again(_OFTEN * seen)
        elif self.learning == 0:
            self._choose_again(_NOISY * seen)

    def _choose_again(self, often: float) -> None:
        """Give rules that were triggered too often another trigger; what was counted and sampled for it is forgotten."""
        changed = False
        sample = Sample(self._sample)
        for slot, count in self._counts.items():
            if count <= often or len(slot.options) < 2:
                continue
            rates = [(sample.met(needs), i, needs) for i, (_, needs) in enumerate(slot.options)]
            best = min(rates)[2]
            if best is not self._chosen[slot]:
                self._chosen[slot] = best
                changed = True
        self._counts.clear()
        self._sample.clear()
        if changed:
            self._build()


def _distinct(found: Iterable[Slots], always: list[Any]) -> list[Any]:
    return list(dict.fromkeys(chain(always, *found)))


class Routes:
    """The views of one routing set, split by the value of one field where that pays."""

    def __init__(self, slots: Sequence[Triggered], indexes: Indexes, remembered: int = EVENTS) -> None:
        """``slots``: the rules that apply to events of these logsources; the rest is as in ``View``."""
        self._slots = slots
        self._indexes = indexes
        self._remembered = remembered
        self._field, self._wanted = _splitter(slots)
        self._views: dict[str | None, View] = {}
        self._by_value: dict[Any, View] = {}

    def view(self, fields: dict[str, Any]) -> View:
        """The view for one event."""
        if not self._field:
            return self._by_value.get(None) or self._remember(None, self._part(None))
        value = fields.get(self._field)
        if value is True or value is False:
            value = text(value)
        try:
            view = self._by_value.get(value)
        except TypeError:  # a list has several values at once: all rules
            return self._views.get("\0all") or self._views.setdefault("\0all", self._new(self._slots, ""))
        return view or self._remember(value, self._part(None if value is None else text(value).casefold()))

    def prepare(self, fields: dict[str, Any]) -> None:
        """Build the view of events that have these fields; where they do not say which part it is, of every part."""
        values: Iterable[str | None] = (None,)
        if self._field and self._field not in fields:
            values = (None, *sorted(frozenset[str]().union(*self._wanted.values())))
        elif self._field:
            values = (text(fields[self._field]).casefold(),)
        for value in values:
            self._part(value).prepare()

    def _new(self, slots: Iterable[Triggered], known: str) -> View:
        return View(slots, self._indexes, known, self._remembered)

    def _remember(self, value: Any, view: View) -> View:
        if len(self._by_value) >= _VALUES:
            self._by_value.clear()
        self._by_value[value] = view
        return view

    def _part(self, value: str | None) -> View:
        """The view of the rules that want this value, and of those that want none; one for all values nobody wants."""
        key = value if value is not None and any(value in values for values in self._wanted.values()) else None
        view = self._views.get(key)
        if view is None:
            slots = [slot for slot in self._slots if slot not in self._wanted or key in self._wanted[slot]]
            view = self._views[key] = self._new(slots, self._field)
        return view


def _splitter(slots: Sequence[Triggered]) -> tuple[str, dict[Triggered, frozenset[str]]]:
    """The field that most rules want one of some values of, and those values by rule; ("", {}) if it would not pay."""
    wanted: dict[str, dict[Triggered, frozenset[str]]] = {}
    for slot in slots:
        for exact in slot.exact:
            if exact is not None:
                by_slot = wanted.setdefault(exact[0], {})
                by_slot[slot] = by_slot[slot] & exact[1] if slot in by_slot else exact[1]
    if not wanted:
        return "", {}
    field = max(wanted, key=lambda name: len(wanted[name]))
    if len(wanted[field]) < max(_SPLIT_RULES, _SPLIT_SHARE * len(slots)):
        return "", {}
    return field, wanted[field]

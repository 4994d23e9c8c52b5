"""The rules that apply to one kind of event, and which of them an event triggers.

Events of the same logsources share a ``Routes``. Where most of its rules ask for one value of the same field (an EventID, a
record type), that field splits it, so that an event meets the index of the rules for its own value only. Each part, a
``View``, at first guesses which trigger of a rule is rare, and after a while chooses again by what it has seen.
"""

from collections.abc import Iterable
from itertools import chain
from typing import Any, Final, Protocol, cast

from soc.detect.index import FieldIndex, KeywordIndex, Slots, each
from soc.detect.trigger import Need, Option, exact_values, met
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


class Triggered(Protocol):
    """What a view needs of a rule."""

    options: list[Option]


class View:
    """The index over some rules."""

    __slots__ = ("_chosen", "_counts", "_keywords", "_probes", "_sample", "always", "learning")

    def __init__(self, slots: Iterable[Triggered], known: str = "") -> None:
        """``known``: a field whose value every event of this view is known to have as its rules want it."""
        self._chosen: dict[Triggered, tuple[Need, ...]] = {}
        self.always: list[Any] = []
        self.learning = _LEARNING
        self._counts: dict[Any, int] = {}
        self._sample: list[dict[str, Any]] = []
        for slot in slots:
            usable = [needs for _, needs in slot.options if not _settled(needs, known)]
            self._chosen[slot] = usable[0] if usable else ()
        self._build()

    def _build(self) -> None:
        self.always = [slot for slot, needs in self._chosen.items() if not needs]
        fields: dict[str | None, list[tuple[Need, Any]]] = {}
        for slot, needs in self._chosen.items():
            for need in needs:
                fields.setdefault(need.field, []).append((need, slot))
        keywords = fields.pop(None, None)
        self._keywords = KeywordIndex(keywords) if keywords else None
        self._probes = [(cast("str", field), FieldIndex(needs)) for field, needs in fields.items()]

    def candidates(self, fields: dict[str, Any]) -> list[Any]:
        """The slots whose condition may hold for an event, each once."""
        get = fields.get
        found: list[Slots] = []
        try:
            for name, index in self._probes:
                value = get(name)
                if value is not None:
                    slots = index[value]
                    if slots:
                        found.append(slots)
        except TypeError:  # a list is no key: look its items up
            found = [slots for name, index in self._probes for slots in each(index, get(name))]
        if self._keywords is not None:
            found += self._keywords.triggered(fields)
        if not found:
            return self.always
        if len(found) == 1 and not self.always:
            return cast("list[Any]", found[0])
        return list(dict.fromkeys(chain(self.always, *found)))

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
        for slot, count in self._counts.items():
            if count <= often or len(slot.options) < 2:
                continue
            rates = [
                (sum(met(needs, fields) for fields in self._sample), i, needs)
                for i, (_, needs) in enumerate(slot.options)
            ]
            best = min(rates)[2]
            if best != self._chosen[slot]:
                self._chosen[slot] = best
                changed = True
        self._counts.clear()
        self._sample.clear()
        if changed:
            self._build()


def _settled(needs: tuple[Need, ...], field: str) -> bool:
    """Whether the needs only say what the view knows already."""
    exact = exact_values(needs)
    return exact is not None and exact[0] == field


class Routes:
    """The views of one routing set, split by the value of one field where that pays."""

    def __init__(self, slots: list[Triggered]) -> None:
        """``slots``: the rules that apply to events of these logsources."""
        self._slots = slots
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
            return self._views.get("\0all") or self._views.setdefault("\0all", View(self._slots))
        return view or self._remember(value, self._part(None if value is None else text(value).casefold()))

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
            view = self._views[key] = View(slots, self._field)
        return view


def _splitter(slots: list[Triggered]) -> tuple[str, dict[Triggered, frozenset[str]]]:
    """The field that most rules want one of some values of, and those values by rule; ("", {}) if it would not pay."""
    wanted: dict[str, dict[Triggered, frozenset[str]]] = {}
    for slot in slots:
        for _, needs in slot.options:
            exact = exact_values(needs)
            if exact is not None:
                by_slot = wanted.setdefault(exact[0], {})
                by_slot[slot] = by_slot[slot] & exact[1] if slot in by_slot else exact[1]
    if not wanted:
        return "", {}
    field = max(wanted, key=lambda name: len(wanted[name]))
    if len(wanted[field]) < max(_SPLIT_RULES, _SPLIT_SHARE * len(slots)):
        return "", {}
    return field, wanted[field]

"""Events in, the rules that match them out: candidates from the literal index, then their compiled conditions."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from time import perf_counter
from typing import Any, Final

from soc.detect.costs import TIMED, RuleCosts
from soc.detect.trigger import Option, Rarity, exact_values, options
from soc.detect.view import EVENTS, Indexes, Routes
from soc.model import Event, LogSource
from soc.model.event import UNKNOWN
from soc.sigma.condition import holds, why
from soc.sigma.program import Program, Programs
from soc.sigma.ruleset import CompiledRule, RuleSet
from soc.sigma.values import MISSING

MATCHED_PAIRS: Final = 20
MATCHED_LENGTH: Final = 500
_ROUTES: Final = 1_024
"""Routing sets kept; an event whose logsources are made up can add some, and the oldest goes."""
_IDENTITIES: Final = 8_192


Matched = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Match:
    """One rule that matched.

    Attributes:
        rule: its id.
        explain: gives ``matched``. Called only for detections that carry it: most matches of base rules do not, and finding
            out costs more than the match did.
    """

    rule: str
    explain: Callable[[], Matched]

    @property
    def matched(self) -> Matched:
        """The (field, value) pairs that made the rule match, at most 20, values cut at 500 characters."""
        return self.explain()


@dataclass(frozen=True, slots=True)
class Asked:
    """What the rules of some logsources ask of an event: a value in none of it changes no result.

    Attributes:
        fields: the names of all fields in their conditions. What a correlation groups by or counts is not among them.
        keywords: whether any of them seeks texts in all values.
    """

    fields: frozenset[str]
    keywords: bool


class Slot:
    """One rule within a detector; its condition is compiled when it is first a candidate."""

    __slots__ = ("_exact", "names_fields", "options", "rule", "test")

    def __init__(self, rule: CompiledRule, options: list[Option], programs: Programs) -> None:
        self.rule = rule
        self.options = options
        self.names_fields = any(all(need.field is not None for need in needs) for _, needs in options)
        self._exact: list[tuple[str, frozenset[str]] | None] | None = None
        self.test: Program = self._first(programs)

    @property
    def exact(self) -> list[tuple[str, frozenset[str]] | None]:
        """For each option, what ``exact_values`` says of it."""
        if self._exact is None:
            self._exact = [exact_values(needs) for _, needs in self.options]
        return self._exact

    def _first(self, programs: Programs) -> Program:
        def compile_and_test(get: Callable[[str, Any], Any], missing: Any, fields: Mapping[str, Any]) -> bool:
            self.test = programs.compile(self.rule.condition)
            return self.test(get, missing, fields)

        return compile_and_test


class Detector:
    """All rules of a set, ready for events. Not shared between threads: its memos are plain dictionaries."""

    def __init__(self, rules: RuleSet, remembered: int = EVENTS) -> None:
        """A detector that has seen no event.

        Args:
            rules: what to detect.
            remembered: events that each view remembers by the values its rules ask for; 0 turns that off.
        """
        self._remembered = remembered
        self._indexes = Indexes()
        programs = Programs()
        rarity = Rarity(rule.condition for rule in rules.rules.values())
        self._slots = [Slot(rule, options(rule.condition, rarity), programs) for rule in rules.rules.values()]
        self._by_logsource: dict[LogSource, list[Slot]] = {}
        for slot in self._slots:
            self._by_logsource.setdefault(slot.rule.logsource, []).append(slot)
        self._routes: OrderedDict[tuple[LogSource, ...], Routes] = OrderedDict()
        self._identities: dict[int, tuple[tuple[LogSource, ...], Routes]] = {}
        self._asked: OrderedDict[tuple[LogSource, ...], Asked] = OrderedDict()
        self.evaluated = 0
        """Conditions evaluated so far."""
        self.costs = RuleCosts(rules)
        self._untimed = TIMED

    def detect(self, event: Event) -> list[Match]:
        """The rules that match, with what made them."""
        fields = event.fields
        self._untimed -= 1
        hits = self._hits(fields, event.logsources) if self._untimed else self._timed_hits(fields, event.logsources)
        return [Match(slot.rule.id, partial(_matched, slot.rule, fields)) for slot in hits]

    def detect_fields(self, fields: dict[str, Any], logsources: tuple[LogSource, ...]) -> list[str]:
        """The ids of the rules that match; ``fields`` are flat, as the normalizer gives them."""
        return [slot.rule.id for slot in self._hits(fields, logsources)]

    def prepare(self, kinds: Iterable[tuple[tuple[LogSource, ...], dict[str, Any]]]) -> None:
        """Build what events will be looked up in before the first of them comes; it changes no result.

        Args:
            kinds: (logsources, fields that tell such events apart, an EventID) of events that are to be expected.
        """
        for logsources, fields in kinds:
            self._route(logsources).prepare(fields)

    def asked(self, logsources: tuple[LogSource, ...]) -> Asked:
        """What the rules that apply to these logsources ask; remembered, so cheap to ask for each event."""
        asked = self._asked.get(logsources)
        if asked is None:
            names = frozenset[str | None]().union(*(slot.rule.fields for slot in self._routed(logsources)))
            asked = Asked(frozenset(name for name in names if name is not None), None in names)
            self._asked[logsources] = asked
            if len(self._asked) > _ROUTES:
                self._asked.popitem(last=False)
        return asked

    def _hits(self, fields: dict[str, Any], logsources: tuple[LogSource, ...]) -> list[Slot]:
        known = self._identities.get(id(logsources))  # equal tuples are mostly the same one: no hashing of structs
        routes = known[1] if known is not None and known[0] is logsources else self._route(logsources)
        view = routes.view(fields)
        candidates = view.candidates(fields)
        if not candidates and not view.learning:
            return []
        self.evaluated += len(candidates)
        get = fields.get
        hits: list[Slot] = []
        for slot in candidates:
            try:
                if slot.test(get, MISSING, fields):
                    hits.append(slot)
            except TypeError:  # a list is no key of a memo: evaluate the tree
                if holds(slot.rule.condition, fields):
                    hits.append(slot)
        if view.learning:
            view.learn(fields, candidates, hits)
        return hits

    def _timed_hits(self, fields: dict[str, Any], logsources: tuple[LogSource, ...]) -> list[Slot]:
        """As ``_hits``, on one event in ``TIMED``: each condition is timed."""
        self._untimed = TIMED
        view = self._route(logsources).view(fields)
        candidates = view.candidates(fields)
        hits: list[Slot] = []
        for slot in candidates:
            started = perf_counter()
            try:
                held = slot.test(fields.get, MISSING, fields)
            except TypeError:
                held = holds(slot.rule.condition, fields)
            self.costs.add(slot.rule.id, started)
            if held:
                hits.append(slot)
        self.evaluated += len(candidates)
        if view.learning:
            view.learn(fields, candidates, hits)
        return hits

    def _route(self, logsources: tuple[LogSource, ...]) -> Routes:
        routes = self._routes.get(logsources)
        if routes is None:
            routes = self._routes[logsources] = Routes(list(self._routed(logsources)), self._indexes, self._remembered)
            if len(self._routes) > _ROUTES:
                self._routes.popitem(last=False)
                self._identities.clear()
        if len(self._identities) >= _IDENTITIES:
            self._identities.clear()
        self._identities[id(logsources)] = (logsources, routes)  # holds the tuple, so its id is not given away
        return routes

    def _routed(self, logsources: tuple[LogSource, ...]) -> list[Slot]:
        """The slots whose rule applies: some logsource of the event has all that the rule declares, or may have it.

        Where it only may (the sender did not say), a rule must find a value in a field that it names: what a sender calls
        its fields says what it is. Keywords and rules made of negations would match anything, and wait for a logsource.
        """
        routed: list[Slot] = []
        for wanted, slots in self._by_logsource.items():
            if any(applies(wanted, own) for own in logsources):
                routed += slots
            elif any(may_apply(wanted, own) for own in logsources):
                routed += [slot for slot in slots if slot.names_fields]
        return routed


def applies(wanted: LogSource, own: LogSource) -> bool:
    """Whether every dimension that a rule declares is that of the event's logsource."""
    return (
        (not wanted.product or wanted.product == own.product)
        and (not wanted.category or wanted.category == own.category)
        and (not wanted.service or wanted.service == own.service)
    )


def may_apply(wanted: LogSource, own: LogSource) -> bool:
    """Whether nothing that a rule declares contradicts the event's logsource; UNKNOWN contradicts nothing."""
    return (
        (not wanted.product or own.product in (wanted.product, UNKNOWN))
        and (not wanted.category or own.category in (wanted.category, UNKNOWN))
        and (not wanted.service or own.service in (wanted.service, UNKNOWN))
    )


def _matched(rule: CompiledRule, fields: Mapping[str, Any]) -> Matched:
    pairs = dict.fromkeys((name, value[:MATCHED_LENGTH]) for name, value in islice(why(rule.condition, fields), 200))
    return tuple(islice(pairs, MATCHED_PAIRS))

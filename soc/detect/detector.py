"""Events in, the rules that match them out: candidates from the literal index, then their compiled conditions."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Final

from soc.detect.trigger import Option, Rarity, options
from soc.detect.view import Routes
from soc.model import Event, LogSource
from soc.model.event import UNKNOWN
from soc.sigma.compile import CompiledRule
from soc.sigma.condition import holds, why
from soc.sigma.program import Program, Programs
from soc.sigma.ruleset import RuleSet
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


class Slot:
    """One rule within a detector; its condition is compiled when it is first a candidate."""

    __slots__ = ("names_fields", "options", "rule", "test")

    def __init__(self, rule: CompiledRule, options: list[Option], programs: Programs) -> None:
        self.rule = rule
        self.options = options
        self.names_fields = any(all(need.field is not None for need in needs) for _, needs in options)
        self.test: Program = self._first(programs)

    def _first(self, programs: Programs) -> Program:
        def compile_and_test(get: Callable[[str, Any], Any], missing: Any, fields: Mapping[str, Any]) -> bool:
            self.test = programs.compile(self.rule.condition)
            return self.test(get, missing, fields)

        return compile_and_test


class Detector:
    """All rules of a set, ready for events. Not shared between threads: its memos are plain dictionaries."""

    def __init__(self, rules: RuleSet) -> None:
        programs = Programs()
        rarity = Rarity(rule.condition for rule in rules.rules.values())
        self._slots = [Slot(rule, options(rule.condition, rarity), programs) for rule in rules.rules.values()]
        self._by_logsource: dict[LogSource, list[Slot]] = {}
        for slot in self._slots:
            self._by_logsource.setdefault(slot.rule.logsource, []).append(slot)
        self._routes: OrderedDict[tuple[LogSource, ...], Routes] = OrderedDict()
        self._identities: dict[int, tuple[tuple[LogSource, ...], Routes]] = {}
        self.evaluated = 0
        """Conditions evaluated so far."""

    def detect(self, event: Event) -> list[Match]:
        """The rules that match, with what made them."""
        fields = event.fields
        return [
            Match(slot.rule.id, partial(_matched, slot.rule, fields)) for slot in self._hits(fields, event.logsources)
        ]

    def detect_fields(self, fields: dict[str, Any], logsources: tuple[LogSource, ...]) -> list[str]:
        """The ids of the rules that match; ``fields`` are flat (``soc.sigma.values.flatten``)."""
        return [slot.rule.id for slot in self._hits(fields, logsources)]

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

    def _route(self, logsources: tuple[LogSource, ...]) -> Routes:
        routes = self._routes.get(logsources)
        if routes is None:
            routes = self._routes[logsources] = Routes(list(self._routed(logsources)))
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

"""A condition in, its cheapest trigger out: literals and tests of which one must hold on any event that it matches.

A trigger is necessary, not sufficient: it picks the few rules whose condition is then evaluated. A condition of which
nothing positive is necessary (only negations) has none and is evaluated on every event of its logsource.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from typing import Final

from soc.sigma.condition import All, Leaf, Node, Not, Predicate, leaves
from soc.sigma.matchers import (
    Anchor,
    Compare,
    Exists,
    Matcher,
    Network,
    Networks,
    Null,
    Present,
    Reference,
    Regex,
    Text,
    Texts,
    TimePart,
    Wildcard,
)
from soc.sigma.regex import required_literals


@dataclass(frozen=True, slots=True)
class Literal:
    """A case-folded literal in a field (None: in any value).

    Attributes:
        of_regex: it was taken from a regular expression, whose own idea of case differs from folding (``folds_plainly``); ASCII.
    """

    field: str | None
    text: str
    anchor: Anchor
    of_regex: bool = False


@dataclass(frozen=True, slots=True)
class Probe:
    """A predicate without a literal, tested on each new value of its field."""

    field: str | None
    predicate: Predicate


Need = Literal | Probe

_PROBE_COSTS: Final[dict[type[Matcher], float]] = {
    Regex: 0.08,
    Network: 0.1,
    Networks: 0.1,
    TimePart: 0.1,
    Compare: 0.2,
    Present: 0.5,
    Exists: 0.6,
}
_MIN_REGEX_LITERAL: Final = 3
"""A shorter literal of an expression is everywhere: the expression is then tested itself, behind that literal."""
_PROBE_PENALTY: Final = 4.0
"""A probe is evaluated on every new value, a literal is found for nothing: a probe must be rarer by this much."""


class Rarity:
    """How often each literal is used by the rules of a set: what many rules name (``powershell.exe``) is common in logs."""

    def __init__(self, conditions: Iterable[Node]) -> None:
        uses: Counter[tuple[str | None, str]] = Counter()
        for condition in conditions:
            for key in {(p.field, p.matcher.text) for p in leaves(condition) if isinstance(p.matcher, Text)}:
                uses[key] += 1
        self._uses = uses

    def cost(self, need: Need) -> float:
        """A guess at how often it is met, for comparison only: short or popular is common, exact rarer than a part."""
        if isinstance(need, Probe):
            return _PROBE_PENALTY * _PROBE_COSTS.get(type(need.predicate.matcher), 0.5)
        length = len(need.text) + (3 if need.anchor == "exact" else 0)
        keyword = 2.0 if need.field is None else 1.0
        return keyword * sqrt(1 + self._uses[need.field, need.text]) / (length + 0.5) ** 2


Option = tuple[float, tuple[Need, ...]]
"""A guess at its cost, and needs of which at least one holds on every event that the condition matches."""

MAX_OPTIONS: Final = 12


def options(condition: Node, rarity: Rarity) -> list[Option]:
    """The triggers that a condition could have, cheapest first; none if nothing positive is necessary."""
    found = {tuple(dict.fromkeys(needs)): cost for cost, needs in _options(condition, rarity, negated=False)}
    return sorted(((cost, needs) for needs, cost in found.items()), key=lambda option: option[0])[:MAX_OPTIONS]


def _options(node: Node, rarity: Rarity, *, negated: bool) -> list[tuple[float, list[Need]]]:
    if isinstance(node, Not):
        return _options(node.part, rarity, negated=not negated)
    if isinstance(node, Leaf):
        needs = _of_negated_leaf(node.predicate) if negated else _of_leaf(node.predicate)
        return [] if needs is None else [(sum(rarity.cost(n) for n in needs), needs)]
    parts = [_options(part, rarity, negated=negated) for part in node.parts]
    if isinstance(node, All) is not negated:  # all of them, also as the negation of "any of them"
        return [option for part in parts for option in part]
    total = 0.0
    union: list[Need] = []
    for part in parts:
        if not part:
            return []
        cost, needs = min(part, key=lambda option: option[0])
        total += cost
        union += needs
    return [(total, union)]


def exact_values(needs: Iterable[Need]) -> tuple[str, frozenset[str]] | None:
    """(field, case-folded values) if the needs say no more than that one field has one of some values."""
    fields: set[str | None] = set()
    values: set[str] = set()
    for need in needs:
        if not isinstance(need, Literal) or need.anchor != "exact":
            return None
        fields.add(need.field)
        values.add(need.text)
    field = fields.pop() if len(fields) == 1 else None
    return None if field is None else (field, frozenset(values))


def _of_leaf(predicate: Predicate) -> list[Need] | None:
    field, matcher = predicate.field, predicate.matcher
    if isinstance(matcher, Text):
        return [Literal(field, matcher.text.casefold(), matcher.anchor)]
    if isinstance(matcher, Texts):
        return [Literal(field, literal.casefold(), matcher.anchor) for literal in matcher.texts]
    if isinstance(matcher, Wildcard):
        literal = _longest(field, matcher)
        return [literal] if literal is not None else [Probe(field, predicate)]
    if isinstance(matcher, Regex):
        literals = required_literals(matcher.source, matcher.flags, _MIN_REGEX_LITERAL)
        if literals and all(map(str.isascii, literals)):
            return [Literal(field, text, "contains", of_regex=True) for text in literals]
        return [Probe(field, predicate)]
    if isinstance(matcher, Reference):
        return None if field is None else [Probe(field, _PRESENT(field))]
    if isinstance(matcher, Null) or (isinstance(matcher, Exists) and not matcher.wanted):
        return None  # holds where there is no value: nothing to look up
    if isinstance(matcher, Exists):
        return None  # a null value is there too, and the index is asked about values that are not null
    return [Probe(field, predicate)]


def _of_negated_leaf(predicate: Predicate) -> list[Need] | None:
    """``not null`` needs a value; nothing else that is excluded needs anything."""
    if isinstance(predicate.matcher, Null) and predicate.field is not None:
        return [Probe(predicate.field, _PRESENT(predicate.field))]
    return None


def _PRESENT(field: str) -> Predicate:  # noqa: N802  # reads as a constant of the field
    return Predicate(field, Present())


def _longest(field: str | None, matcher: Wildcard) -> Literal | None:
    """The longest literal of the pattern, anchored where it stands at an end."""
    parts = matcher.parts
    best: Literal | None = None
    for i, part in enumerate(parts):
        if not isinstance(part, str):
            continue
        anchor: Anchor = "prefix" if i == 0 else "suffix" if i == len(parts) - 1 else "contains"
        if best is None or len(part) > len(best.text):
            best = Literal(field, part.casefold(), anchor)
    return best

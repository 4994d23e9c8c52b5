"""Samples of the time that rules take in, what each rule costs out: so that a rule that slows the engine is known by name.

Nothing is timed on the way of most events: of one event in ``TIMED`` each condition, of one search in so many each expression,
and every search that had to leave ``re`` for the automaton (``soc.sigma.search``). A rule that costs much goes on: a rule that
is not asked is an attack that is not seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final

from soc.sigma.condition import leaves
from soc.sigma.matchers import Regex
from soc.sigma.ruleset import RuleSet
from soc.sigma.search import tolls

TIMED: Final = 64
"""One event in so many is timed, and stands for the others."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one rule has cost since its rule set was taken up.

    Attributes:
        seconds: estimated.
        cut: values that its expressions did not see all of, so that it may have missed something.
    """

    seconds: float = 0.0
    cut: int = 0


@dataclass(slots=True)
class RuleCosts:
    """The costs of a rule set's rules."""

    rules: RuleSet
    conditions: dict[str, float] = field(default_factory=dict[str, float])
    """Rule id → estimated seconds of its condition. Bounded by the rules."""
    _of_expression: dict[tuple[str, int], list[str]] | None = None

    def add(self, rule: str, started: float) -> None:
        """The condition of a rule was evaluated on a timed event, begun at ``started`` (of ``perf_counter``)."""
        self.conditions[rule] = self.conditions.get(rule, 0.0) + TIMED * (perf_counter() - started)

    def by_rule(self) -> Mapping[str, Cost]:
        """The rules that have cost anything.

        An expression is asked within its rule's condition, or by the index, or both: the larger of the two counts. What an
        expression costs that several rules have, each of them is said to cost.
        """
        searched: dict[str, float] = {}
        cut: dict[str, int] = {}
        for expression, toll in list(tolls.items()):
            if toll.seconds or toll.cut:
                for rule in self._rules_with(expression):
                    searched[rule] = searched.get(rule, 0.0) + toll.seconds
                    cut[rule] = cut.get(rule, 0) + toll.cut
        return {
            rule: Cost(max(self.conditions.get(rule, 0.0), searched.get(rule, 0.0)), cut.get(rule, 0))
            for rule in self.conditions.keys() | searched.keys()
        }

    def _rules_with(self, expression: tuple[str, int]) -> list[str]:
        if self._of_expression is None:
            self._of_expression = {}
            for rule in self.rules.rules.values():
                own = {
                    (p.matcher.source, p.matcher.flags) for p in leaves(rule.condition) if isinstance(p.matcher, Regex)
                }
                for one in own:
                    self._of_expression.setdefault(one, []).append(rule.id)
        return self._of_expression.get(expression, [])

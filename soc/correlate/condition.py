"""What a window must hold: a correlation rule in, its demand out (how to count, from when on it is satisfied)."""

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Literal

from soc.correlate.number import bound_of
from soc.sigma.correlation import CorrelationCondition, CorrelationRule, Operator

Counting = Literal["entries", "tokens", "steps", "sum", "avg", "percentile", "present", "ordered"]
Token = Literal["none", "event", "value", "rule", "number"]
Test = Callable[[float, float], bool]

_TESTS: dict[Operator, Test] = {
    "gte": operator.ge,
    "gt": operator.gt,
    "lte": operator.le,
    "lt": operator.lt,
    "eq": operator.eq,
    "neq": operator.ne,
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to satisfy a temporal condition.

    Attributes:
        steps: numbers of the rules that occur; where order counts, in this order.
        without: numbers of the rules that do not occur in the window.
    """

    steps: tuple[int, ...]
    without: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Demand:
    """A condition made ready to be counted.

    Attributes:
        counting: ``entries``: how many; ``tokens``: how many different tokens; ``steps``: whether the steps are climbed;
            ``sum``, ``avg``, ``percentile`` of the tokens as numbers; ``present``: whether one of the choices is there;
            ``ordered``: the longest of the choices that is climbed.
        token: what makes two entries count once (the event id, the counted value or the rule), or the number to reckon with.
        need: the least number of entries that can satisfy it, and for a demand that more events can only help (``gte``,
            ``gt``, temporal without ``not``) the smallest satisfying count.
        waits: it is decided when nothing can come into a window any more; else at once.
        test: for one that waits: does this number satisfy (of ``sum``, ``avg`` and ``percentile``: times ``parts``, against
            the bound)?
        steps: for ``steps``: numbers of the rules in the written order.
        choices: for ``present`` and ``ordered``: of which one must hold, those of most steps first.
        bound: for ``sum``, ``avg`` and ``percentile``: the number to compare with, in billionths.
        compare: for them: how.
        percent: for ``percentile``: which, 0 to 100.
        once: entries of one event with the same number (two referenced rules matched it) are one number.
    """

    counting: Counting
    token: Token
    need: int
    waits: bool = False
    test: Callable[[float], bool] | None = None
    steps: tuple[int, ...] = ()
    choices: tuple[Choice, ...] = ()
    bound: Fraction = Fraction(0)
    compare: Test = operator.ge
    percent: Fraction = Fraction(50)
    once: bool = False


def distinct_rules(rule: CorrelationRule) -> dict[str, int]:
    """The referenced rules, each once, numbered in the written order."""
    return {name: number for number, name in enumerate(dict.fromkeys(rule.rules))}


def demand_of(rule: CorrelationRule) -> Demand:
    """The demand of a rule.

    An event that two referenced rules match is one event for ``event_count``: with several references entries are
    told apart by event id; with one, entry and event are the same and nothing needs to be looked up.
    """
    numbers = distinct_rules(rule)
    condition = rule.condition
    if rule.alternatives:
        return _alternatives(rule, numbers)
    if rule.type == "temporal_ordered":
        return _ordered(tuple(numbers[name] for name in rule.rules), condition)
    if rule.type == "temporal":
        return Demand("tokens", "rule", len(numbers)) if condition is None else _count("tokens", "rule", condition)
    if rule.type in {"value_sum", "value_avg", "value_percentile", "value_median"}:
        assert condition is not None
        return _reckoned(rule, condition)
    token: Token = "value" if rule.type == "value_count" else "none" if len(numbers) == 1 else "event"
    counting: Counting = "entries" if token == "none" else "tokens"  # noqa: S105 no secret
    return Demand(counting, token, 1) if condition is None else _count(counting, token, condition)


def _count(counting: Counting, token: Token, condition: CorrelationCondition) -> Demand:
    need = _needed(condition)
    if need is not None:
        return Demand(counting, token, need)
    return Demand(counting, token, 1, waits=True, test=_test(condition))


def _needed(condition: CorrelationCondition) -> int | None:
    """The smallest satisfying count where more can only help; else None."""
    if condition.operator == "gte":
        return max(1, math.ceil(condition.count))
    if condition.operator == "gt":
        return max(1, math.floor(condition.count) + 1)
    return None


def _test(condition: CorrelationCondition) -> Callable[[float], bool]:
    compare, bound = _TESTS[condition.operator], condition.count
    return lambda number: compare(number, bound)


def _ordered(steps: tuple[int, ...], condition: CorrelationCondition | None) -> Demand:
    """``temporal_ordered``: all steps, or with a condition on their number: of the longest choice of steps, in their order."""
    need = len(steps) if condition is None else _needed(condition)
    if need == len(steps):
        return Demand("steps", "rule", len(steps), steps=steps)
    if need is None:
        assert condition is not None
        choices = tuple(
            Choice(some) for size in range(len(steps), 0, -1) for some in dict.fromkeys(combinations(steps, size))
        )
        return Demand("ordered", "rule", 1, waits=True, test=_test(condition), choices=choices)
    return Demand(
        "ordered", "rule", need, choices=tuple(Choice(one) for one in dict.fromkeys(combinations(steps, need)))
    )


def _alternatives(rule: CorrelationRule, numbers: dict[str, int]) -> Demand:
    counting: Counting = "ordered" if rule.type == "temporal_ordered" else "present"
    choices = tuple(
        Choice(tuple(numbers[name] for name in one.present), frozenset(numbers[name] for name in one.absent))
        for one in sorted(rule.alternatives, key=lambda one: -len(one.present))
    )
    need = max(1, min(len(one.steps) for one in choices))
    if any(one.without for one in choices):
        return Demand(counting, "rule", 1, waits=True, test=bool, choices=choices)
    return Demand(counting, "rule", need, choices=choices)


def _reckoned(rule: CorrelationRule, condition: CorrelationCondition) -> Demand:
    """Sums that must be large are looked at at once and taken back if a negative number comes; all else waits."""
    counting: Counting = "percentile"
    percent = Fraction(50)
    if rule.type == "value_sum":
        counting = "sum"
    elif rule.type == "value_avg":
        counting = "avg"
    elif rule.type == "value_percentile":
        percent = Fraction(repr(condition.percentile))
    waits = counting != "sum" or condition.operator not in {"gte", "gt"}
    return Demand(
        counting,
        "number",
        1,
        waits=waits,
        test=bool if waits else None,
        bound=bound_of(condition.count),
        compare=_TESTS[condition.operator],
        percent=percent,
        once=len(set(rule.rules)) > 1,
    )


def token_text(value: str | float) -> str:
    """A counted value as text, so that 4625, 4625.0 and "4625" are one value, as they are one value to a detection."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else str(value)

"""What a window must hold: a correlation rule in, its demand out (how to count, from when on it is satisfied)."""

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from soc.sigma.correlation import CorrelationRule, Operator

Counting = Literal["entries", "tokens", "steps"]
Token = Literal["none", "event", "value", "rule"]

_TESTS: dict[Operator, Callable[[float, float], bool]] = {
    "gte": operator.ge,
    "gt": operator.gt,
    "lte": operator.le,
    "lt": operator.lt,
    "eq": operator.eq,
    "neq": operator.ne,
}


@dataclass(frozen=True, slots=True)
class Demand:
    """A condition made ready to be counted.

    Attributes:
        counting: ``entries``: how many; ``tokens``: how many different tokens; ``steps``: whether the steps are climbed.
        token: what makes two entries count once: the event id, the counted value or the rule.
        need: the smallest satisfying number, for a demand that more events can only help (``gte``, ``gt``, temporal).
        steps: for ``temporal_ordered``: indexes into the distinct referenced rules, in the written order.
        test: for the other demands: is this number satisfying? None for one that more events can only help.
    """

    counting: Counting
    token: Token
    need: int
    steps: tuple[int, ...] = ()
    test: Callable[[float], bool] | None = None


def distinct_rules(rule: CorrelationRule) -> dict[str, int]:
    """The referenced rules, each once, numbered in the written order."""
    return {name: number for number, name in enumerate(dict.fromkeys(rule.rules))}


def demand_of(rule: CorrelationRule) -> Demand:
    """The demand of a rule.

    An event that two referenced rules match is one event for ``event_count``: with several references entries are
    told apart by event id; with one, entry and event are the same and nothing needs to be looked up.
    """
    numbers = distinct_rules(rule)
    if rule.type == "temporal":
        return Demand("tokens", "rule", len(numbers))
    if rule.type == "temporal_ordered":
        return Demand("steps", "rule", len(rule.rules), tuple(numbers[name] for name in rule.rules))
    token: Token = "value" if rule.type == "value_count" else "none" if len(numbers) == 1 else "event"
    counting: Counting = "entries" if token == "none" else "tokens"  # noqa: S105 no secret
    condition = rule.condition
    if condition is None:
        return Demand(counting, token, 1)
    bound = condition.count
    if condition.operator == "gte":
        return Demand(counting, token, max(1, math.ceil(bound)))
    if condition.operator == "gt":
        return Demand(counting, token, max(1, math.floor(bound) + 1))
    compare = _TESTS[condition.operator]
    return Demand(counting, token, 1, test=lambda number: compare(number, bound))


def token_text(value: str | float) -> str:
    """A counted value as text, so that 4625, 4625.0 and "4625" are one value, as they are one value to a detection."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else str(value)

"""The condition of a correlation document in, what is compared, or which rules must and must not occur, out."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, Final, cast

from sigma.correlations import (
    CorrelationConditionAND,
    CorrelationConditionNOT,
    SigmaCorrelationCondition,
    SigmaCorrelationRule,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)

from soc.sigma.correlation import Alternative, CorrelationCondition, CorrelationType, Operator
from soc.sigma.documents import Document

_MOST_ALTERNATIVES: Final = 256
_MOST_STEPS: Final = 8  # of temporal_ordered with a number to compare with: every choice of steps is a way to reach it

_Literals = frozenset[tuple[str, bool]]


def references_of(rule: SigmaCorrelationRule) -> list[str]:
    """The rules that a correlation names, in the written order: of ``rules``, else of its condition."""
    if rule.rules is not None:
        return [reference.reference for reference in rule.rules]
    condition = rule.condition
    return condition.get_referenced_rules() if isinstance(condition, SigmaExtendedCorrelationCondition) else []


def condition_of(
    document: Document, rule: SigmaCorrelationRule, kind: CorrelationType, steps: int
) -> CorrelationCondition | None:
    """What is compared with what; None where all rules must occur, or what ``alternatives_of`` says.

    Args:
        document: for the lines of mistakes, and for numbers as they are written: pySigma cuts 2.5 to 2.
        rule: as pySigma reads it.
        kind: its type.
        steps: how many rules it names.

    Raises:
        RuleError: it cannot be evaluated.
    """
    condition = rule.condition
    if not isinstance(condition, SigmaCorrelationCondition):
        return None
    operator = cast("Operator", condition.op.name.lower())
    written: Any = document.data["correlation"].get("condition")
    if condition.percentile is not None and kind != "value_percentile":
        raise document.error(f"{kind} takes no percentile", "correlation", "condition", "percentile")
    if kind.startswith("temporal"):
        if condition.fieldref:
            raise document.error(f"{kind} takes no field", "correlation", "condition", "field")
        if written is None:
            return None
        if kind == "temporal_ordered" and steps > _MOST_STEPS and condition.count != steps:
            reason = f"a number to compare with and more than {_MOST_STEPS} rules in order are not evaluated"
            raise document.error(reason, "correlation", "condition")
        return CorrelationCondition(operator, _number(document, operator))
    fields = () if kind == "event_count" else _fields(document, kind, condition.fieldref)
    percentile = _percentile(document) if kind == "value_percentile" else None
    return CorrelationCondition(operator, _number(document, operator), fields, percentile)


def _fields(document: Document, kind: CorrelationType, written: Any) -> tuple[str, ...]:
    names = cast("list[Any]", written) if isinstance(written, list) else [written]
    if not names or not all(isinstance(name, (str, int)) and name != "" for name in names):
        raise document.error(f"{kind} needs the name of a field", "correlation", "condition", "field")
    if len(names) > 1 and kind != "value_count":
        raise document.error(f"{kind} reckons with one field", "correlation", "condition", "field")
    return tuple(str(name) for name in names)


def _percentile(document: Document) -> float:
    if "percentile" not in document.data["correlation"]["condition"]:
        raise document.error("value_percentile needs a percentile", "correlation", "condition")
    percentile = _number(document, "percentile")
    if not 0 <= percentile <= 100:
        raise document.error(f"{percentile} is no percentile: 0 to 100", "correlation", "condition", "percentile")
    return percentile


def _number(document: Document, key: str) -> float:
    """The number as written."""
    value: Any = document.data["correlation"]["condition"][key]
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise document.error(f"{value!r} is no number to compare with", "correlation", "condition", key) from error
    if number != number or number in (float("inf"), float("-inf")):  # noqa: PLR0124  # NaN
        raise document.error(f"{value!r} is no number to compare with", "correlation", "condition", key)
    if isinstance(value, int):
        return value
    return int(number) if number.is_integer() else number


def alternatives_of(document: Document, rule: SigmaCorrelationRule, ids: Mapping[str, str]) -> tuple[Alternative, ...]:
    """The ways in which a condition with and, or, not holds; () for any other.

    Args:
        document: for the line of a mistake.
        rule: as pySigma reads it.
        ids: reference → rule id, in the written order.

    Raises:
        RuleError: it can never hold, or it has more ways than can be looked at.
    """
    condition = rule.condition
    if not isinstance(condition, SigmaExtendedCorrelationCondition):
        return ()
    ways = _ways(document, condition.parsed, ids, occurs=True)
    if not ways:
        raise document.error("the condition can never hold", "correlation", "condition")
    shortest = [way for way in ways if not any(other < way for other in ways)]
    order = list(dict.fromkeys(ids.values()))
    alternatives = [
        Alternative(
            tuple(name for name in order if (name, True) in way),
            frozenset(name for name in order if (name, False) in way),
        )
        for way in shortest
    ]
    return tuple(sorted(alternatives, key=lambda one: (one.present, sorted(one.absent))))


def _ways(document: Document, node: Any, ids: Mapping[str, str], *, occurs: bool) -> set[_Literals]:
    """The node as alternatives of (rule, occurs); ``not`` turned inwards, contradictions left out."""
    if isinstance(node, SigmaRuleReference):
        return {frozenset({(ids[node.reference], occurs)})}
    if isinstance(node, CorrelationConditionNOT):
        return _ways(document, node.args[0], ids, occurs=not occurs)
    parts = [_ways(document, arg, ids, occurs=occurs) for arg in cast("Sequence[Any]", node.args)]
    if isinstance(node, CorrelationConditionAND) != occurs:
        return set[_Literals]().union(*parts)
    ways: set[_Literals] = {frozenset()}
    for part in parts:
        joined = {one | other for one, other in product(ways, part)}
        ways = {way for way in joined if not any((name, not said) in way for name, said in way)}
        if len(ways) > _MOST_ALTERNATIVES:
            reason = f"the condition has more than {_MOST_ALTERNATIVES} alternatives"
            raise document.error(reason, "correlation", "condition")
    return ways

"""A pySigma rule in, a compiled rule out: its logsource and its condition over interned predicates."""

import re
from collections.abc import Sequence
from typing import Any, Final, cast

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.rule import SigmaRule
from sigma.types import (
    CompareOperators,
    Placeholder,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SigmaTimestampPart,
    SpecialChars,
)

from soc.model import LogSource
from soc.sigma.condition import All, Any_, Interner, Leaf, Node, Not, join
from soc.sigma.matchers import (
    MANY,
    Anchor,
    Compare,
    Exists,
    Matcher,
    Network,
    Null,
    Op,
    Present,
    Reference,
    Regex,
    Text,
    TimePart,
    Unit,
    Wildcard,
)
from soc.sigma.values import text

_FLAGS: Final = {
    SigmaRegularExpressionFlag.IGNORECASE: re.IGNORECASE,
    SigmaRegularExpressionFlag.MULTILINE: re.MULTILINE,
    SigmaRegularExpressionFlag.DOTALL: re.DOTALL,
}
_OPS: Final[dict[CompareOperators, Op]] = {
    CompareOperators.LT: "lt",
    CompareOperators.LTE: "lte",
    CompareOperators.GT: "gt",
    CompareOperators.GTE: "gte",
    CompareOperators.NEQ: "neq",
}
_UNITS: Final[dict[str, Unit]] = {
    "MINUTE": "minute",
    "HOUR": "hour",
    "DAY": "day",
    "WEEK": "week",
    "MONTH": "month",
    "YEAR": "year",
}


class NotEvaluatedError(ValueError):
    """A part of a rule that cannot be evaluated; the message is the reason of the refusal."""


def logsource_of(rule: SigmaRule) -> LogSource:
    """The rule's logsource; Sigma's are lower case, and so are an event's."""
    source = rule.logsource
    return LogSource((source.product or "").lower(), (source.category or "").lower(), (source.service or "").lower())


def condition_of(rule: SigmaRule, intern: Interner) -> Node:
    """The rule's condition; several conditions of one rule are alternatives.

    Raises:
        NotEvaluatedError: for what this engine does not evaluate.
        SigmaError: where pySigma refuses the condition.
    """
    node = _joined(Any_, [_node(condition.parsed, intern) for condition in rule.detection.parsed_condition])
    if node in (_ALWAYS, _NEVER):
        raise NotEvaluatedError("the condition selects no detection: a '1 of' or 'all of' pattern matches no name")
    return node


_NEVER: Final = Any_(())
"""What ``1 of`` or ``all of`` a pattern that matches no name comes to."""
_ALWAYS: Final = All(())


def _joined(kind: type[All] | type[Any_], parts: list[Node]) -> Node:
    """``join``, of parts of which some may hold always or never."""
    neutral, decisive = (_ALWAYS, _NEVER) if kind is All else (_NEVER, _ALWAYS)
    if decisive in parts:
        return decisive
    telling = [part for part in parts if part != neutral]
    return join(kind, telling) if telling else neutral


def _node(item: Any, intern: Interner) -> Node:
    if isinstance(item, ConditionAND):
        return _joined(All, [_node(arg, intern) for arg in item.args])
    if isinstance(item, ConditionOR):
        return _joined(Any_, [_node(arg, intern) for arg in item.args])
    if isinstance(item, ConditionNOT):
        part = _node(item.args[0], intern)
        return _ALWAYS if part == _NEVER else _NEVER if part == _ALWAYS else Not(part)
    if isinstance(item, ConditionFieldEqualsValueExpression):
        return _value_node(item.field, item.value, intern)
    if isinstance(item, ConditionValueExpression):
        return _value_node(None, item.value, intern)
    if item is None:
        return _NEVER
    raise NotEvaluatedError(f"{type(item).__name__} is not evaluated")


def _value_node(name: str | None, value: Any, intern: Interner) -> Node:
    if isinstance(value, SigmaExpansion):
        return join(Any_, [_value_node(name, inner, intern) for inner in value.values])
    return Leaf(intern(name, matcher_of(value, keyword=name is None)))


def matcher_of(value: Any, *, keyword: bool) -> Matcher:
    """What a Sigma value asks; as a keyword a string is sought anywhere in a value."""
    if isinstance(value, SigmaString):
        return _string_matcher(value, keyword=keyword)
    if isinstance(value, SigmaTimestampPart):
        return TimePart(_UNITS[value.timestamp_part.name], "eq", value.number)
    if isinstance(value, SigmaNumber):
        return Text(text(value.number), "contains" if keyword else "exact")
    if isinstance(value, SigmaBool):
        return Text(text(value.boolean), "contains" if keyword else "exact")
    if isinstance(value, SigmaNull):
        return Null()
    if isinstance(value, SigmaRegularExpression):
        if not isinstance(cast("Any", value.regexp), SigmaString):
            raise NotEvaluatedError("a regular expression must be text, not null")
        if value.contains_placeholder():
            raise NotEvaluatedError(_no_list(value.regexp.s))
        return Regex(str(value.regexp), sum(int(_FLAGS[flag]) for flag in value.flags))
    if isinstance(value, SigmaCompareExpression):
        if isinstance(value.number, SigmaTimestampPart):
            return TimePart(_UNITS[value.number.timestamp_part.name], _OPS[value.op], value.number.number)
        return Compare(_OPS[value.op], value.number.number)
    if isinstance(value, SigmaCIDRExpression):
        return Network(str(value.network))
    if isinstance(value, SigmaExists):
        return Exists(value.exists)
    if isinstance(value, SigmaFieldReference):
        return Reference(value.field, value.starts_with, value.ends_with)
    raise NotEvaluatedError(f"a value of type {type(value).__name__} is not evaluated")


def _no_list(parts: Sequence[Any]) -> str:
    names = ", ".join(sorted({f"%{p.name}%" for p in parts if isinstance(p, Placeholder)}))
    return f"the placeholder {names} has no value list: give one as 'vars' of a pipeline with value_placeholders"


def _string_matcher(value: SigmaString, *, keyword: bool) -> Matcher:
    cased = isinstance(value, SigmaCasedString)
    parts: list[str | bool] = [MANY] if keyword else []
    for part in [*value.s, SpecialChars.WILDCARD_MULTI] if keyword else value.s:
        if isinstance(part, Placeholder):
            raise NotEvaluatedError(_no_list(value.s))
        new = part if isinstance(part, str) else part is SpecialChars.WILDCARD_MULTI  # MANY, or ONE for ``?``
        if isinstance(new, str):
            new = new if cased else new.casefold()
            if parts and isinstance(parts[-1], str):
                parts[-1] += new
                continue
        if new != "" and not (new is MANY and parts and parts[-1] is MANY):
            parts.append(new)
    return _pattern(parts, cased=cased)


_ANCHORS: Final[dict[tuple[bool, bool], Anchor]] = {
    (False, False): "exact",
    (False, True): "prefix",
    (True, False): "suffix",
    (True, True): "contains",
}


def _pattern(parts: list[str | bool], *, cased: bool) -> Matcher:
    if parts == [MANY]:
        return Present()
    starts, ends = parts[:1] == [MANY], parts[-1:] == [MANY]
    inner = parts[(1 if starts else 0) : (len(parts) - 1 if ends else len(parts))]
    if all(isinstance(part, str) for part in inner) and len(inner) <= 1:
        literal = inner[0] if inner else ""
        assert isinstance(literal, str)
        return Text(literal, _ANCHORS[starts, ends], cased)
    return Wildcard(tuple(parts), cased)

"""The straightforward evaluator: every rule on every event, straight from pySigma's conditions. The index is tested against it.

Nothing is shared with the compiled path but what a value's text and number are: no interning, no index, no memo. Strings are
matched character by character with a small set of places, so that the two cannot be wrong in the same way.
"""

import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any, cast

from sigma.conditions import ConditionAND, ConditionFieldEqualsValueExpression, ConditionNOT, ConditionOR
from sigma.rule import SigmaRule
from sigma.types import (
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
    SigmaString,
    SigmaTimestampPart,
    SpecialChars,
)

from soc.model import Bundle, LogSource
from soc.sigma.load import read_bundle
from soc.sigma.values import moment, number, scalars, text

_ABSENT = object()


class NaiveDetector:
    """All base rules of a bundle, tried one after another."""

    def __init__(self, bundle: Bundle, ids: Iterable[str]) -> None:
        """``ids``: the rules to try, those that ``load`` did not refuse."""
        wanted = set(ids)
        self._rules: list[tuple[str, SigmaRule, list[Any]]] = []
        for entry in read_bundle(bundle).entries:
            if isinstance(entry.rule, SigmaRule) and entry.id in wanted:
                conditions = [condition.parsed for condition in entry.rule.detection.parsed_condition]
                self._rules.append((entry.id, entry.rule, conditions))

    def detect_fields(self, fields: Mapping[str, Any], logsources: Iterable[LogSource]) -> list[str]:
        """The ids of the rules that match, in the order of the bundle."""
        return [
            rule_id
            for rule_id, rule, conditions in self._rules
            if any(_applies(rule, own) for own in logsources) and any(_condition(c, fields) for c in conditions)
        ]


def _applies(rule: SigmaRule, own: LogSource) -> bool:
    declared = (
        (rule.logsource.product, own.product),
        (rule.logsource.category, own.category),
        (rule.logsource.service, own.service),
    )
    return all(not wanted or wanted.lower() == given for wanted, given in declared)


def _condition(item: Any, fields: Mapping[str, Any]) -> bool:
    if item is None:  # '1 of' a pattern that matches no name
        return False
    if isinstance(item, ConditionAND):
        return all(_condition(arg, fields) for arg in item.args)
    if isinstance(item, ConditionOR):
        return any(_condition(arg, fields) for arg in item.args)
    if isinstance(item, ConditionNOT):
        return not _condition(item.args[0], fields)
    if isinstance(item, ConditionFieldEqualsValueExpression):
        return _field(item.value, fields.get(item.field, _ABSENT), fields, keyword=False)
    return any(_field(item.value, value, fields, keyword=True) for value in fields.values())


def _field(wanted: Any, value: Any, fields: Mapping[str, Any], *, keyword: bool) -> bool:
    """One Sigma value against one event value, of which any item will do."""
    if isinstance(wanted, SigmaExpansion):
        return any(_field(inner, value, fields, keyword=keyword) for inner in wanted.values)
    if isinstance(wanted, SigmaExists):
        return wanted.exists == (value is not _ABSENT)
    items = [] if value is _ABSENT else list(scalars(value))
    if isinstance(wanted, SigmaNull):
        return all(item is None for item in items)
    return any(_scalar(wanted, item, fields, keyword=keyword) for item in items if item is not None)


def _scalar(wanted: Any, value: Any, fields: Mapping[str, Any], *, keyword: bool) -> bool:
    if isinstance(wanted, SigmaString):
        return _string(wanted, text(value), keyword=keyword)
    if isinstance(wanted, SigmaTimestampPart):
        return _part(wanted, value) == wanted.number
    if isinstance(wanted, (SigmaNumber, SigmaBool)):
        own = text(wanted.number if isinstance(wanted, SigmaNumber) else wanted.boolean)
        return own in text(value).casefold() if keyword else own == text(value).casefold()
    if isinstance(wanted, SigmaRegularExpression):
        flags = 0
        for flag in wanted.flags:
            flags |= getattr(re, flag.name)
        return re.search(str(wanted.regexp), text(value), flags) is not None
    if isinstance(wanted, SigmaCompareExpression):
        own = _part(wanted.number, value) if isinstance(wanted.number, SigmaTimestampPart) else number(value)
        return own is not None and _compare(wanted.op.name, own, wanted.number.number)
    if isinstance(wanted, SigmaCIDRExpression):
        return _in_network(text(value).strip(), str(wanted.network))
    if isinstance(wanted, SigmaFieldReference):
        others = (text(o).casefold() for o in scalars(fields.get(wanted.field)) if o is not None)
        return any(_refers(wanted, text(value).casefold(), other) for other in others)
    raise TypeError(type(cast("object", wanted)))


def _string(wanted: SigmaString, value: str, *, keyword: bool) -> bool:
    cased = isinstance(wanted, SigmaCasedString)
    tokens: list[str | SpecialChars] = []
    for part in wanted.s:
        if isinstance(part, SpecialChars):
            tokens.append(part)
        else:
            tokens.extend(str(part) if cased else str(part).casefold())
    if keyword:
        tokens = [SpecialChars.WILDCARD_MULTI, *tokens, SpecialChars.WILDCARD_MULTI]
    places = _skip_stars(tokens, {0})
    for char in value if cased else value.casefold():
        after: set[int] = set()
        for place in places:
            if place == len(tokens):
                continue
            token = tokens[place]
            if token is SpecialChars.WILDCARD_MULTI:
                after.add(place)
            elif token is SpecialChars.WILDCARD_SINGLE or token == char:
                after.add(place + 1)
        places = _skip_stars(tokens, after)
    return len(tokens) in places


def _skip_stars(tokens: list[str | SpecialChars], places: set[int]) -> set[int]:
    """Also the places behind each star, which may stand for nothing."""
    reached = set(places)
    for place in sorted(places):
        at = place
        while at < len(tokens) and tokens[at] is SpecialChars.WILDCARD_MULTI:
            at += 1
            reached.add(at)
    return reached


def _part(wanted: SigmaTimestampPart, value: Any) -> int | None:
    at = moment(value)
    if at is None:
        return None
    name = wanted.timestamp_part.name.lower()
    return at.isocalendar()[1] if name == "week" else getattr(at, name)


def _compare(operator: str, own: float, bound: float) -> bool:
    return {"LT": own < bound, "LTE": own <= bound, "GT": own > bound, "GTE": own >= bound, "NEQ": own != bound}[
        operator
    ]


def _in_network(value: str, cidr: str) -> bool:
    try:
        address = ip_address(value)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any(a is not None and a in ip_network(cidr) for a in (address, mapped))


def _refers(wanted: SigmaFieldReference, own: str, other: str) -> bool:
    if wanted.starts_with and wanted.ends_with:
        return other in own
    if wanted.starts_with:
        return own[: len(other)] == other
    if wanted.ends_with:
        return len(own) >= len(other) and own[len(own) - len(other) :] == other
    return own == other

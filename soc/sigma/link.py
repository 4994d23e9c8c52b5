"""Correlation documents in, correlation rules with resolved references out: unknown ones and cycles are refused."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from sigma.correlations import SigmaCorrelationCondition, SigmaCorrelationRule

from soc.clock import SECOND
from soc.errors import RuleError
from soc.sigma.attributes import Attributes
from soc.sigma.compile import CompiledRule
from soc.sigma.correlation import CorrelationCondition, CorrelationRule, CorrelationType, Operator
from soc.sigma.documents import Document
from soc.sigma.fieldmap import FieldMaps

_TYPES: Final[dict[str, CorrelationType]] = {
    "event_count": "event_count",
    "value_count": "value_count",
    "temporal": "temporal",
    "temporal_ordered": "temporal_ordered",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """A correlation as written, under the id it will have."""

    id: str
    document: Document
    rule: SigmaCorrelationRule
    attributes: Attributes

    @property
    def references(self) -> list[str]:
        """The rules it names, in order."""
        return [reference.reference for reference in self.rule.rules or ()]


def link(
    drafts: list[Draft], rules: Mapping[str, CompiledRule], names: Mapping[str, str], maps: FieldMaps
) -> tuple[dict[str, CorrelationRule], list[RuleError]]:
    """The correlations that can be used, children before parents, and why the others cannot.

    Args:
        drafts: in the order read.
        rules: base rules by id.
        names: what a rule may be called (id or name) → id, of base rules and drafts.
        maps: for the event names of group-by and counted fields.
    """
    linked: dict[str, CorrelationRule] = {}
    refused: list[RuleError] = []
    waiting = list(drafts)
    known = {draft.id for draft in drafts}
    while waiting:
        later: list[Draft] = []
        for draft in waiting:
            try:
                ids = _resolve(draft, names, rules, known)
                if any(i not in rules and i not in linked for i in ids):
                    later.append(draft)
                    continue
                linked[draft.id] = _build(draft, ids, names, rules, linked, maps)
            except RuleError as error:
                refused.append(error)
                known.discard(draft.id)
        if len(later) == len(waiting):
            cycle = ", ".join(draft.id for draft in later)
            refused += [
                d.document.error(f"correlations refer to each other in a circle: {cycle}", "correlation", "rules")
                for d in later
            ]
            break
        waiting = later
    return linked, refused


def _resolve(draft: Draft, names: Mapping[str, str], rules: Mapping[str, CompiledRule], known: set[str]) -> list[str]:
    ids: list[str] = []
    for reference in draft.references:
        target = names.get(reference) or names.get(reference.lower())
        if target is None or (target not in rules and target not in known):
            why = "was refused" if target is not None else "does not exist"
            raise draft.document.error(f"the rule {reference!r} it refers to {why}", "correlation", "rules")
        if target not in ids:
            ids.append(target)
    return ids


def _build(  # noqa: PLR0917  # private, called once
    draft: Draft,
    ids: list[str],
    names: Mapping[str, str],
    rules: Mapping[str, CompiledRule],
    linked: Mapping[str, CorrelationRule],
    maps: FieldMaps,
) -> CorrelationRule:
    rule, document = draft.rule, draft.document
    kind = _TYPES.get(rule.type.name.lower())
    if kind is None:
        raise document.error(
            f"the correlation type {rule.type.name.lower()} is not evaluated in this version, only {', '.join(_TYPES)}",
            "correlation",
            "type",
        )
    if not ids:
        raise document.error("a correlation needs at least one rule", "correlation", "rules")
    condition = _condition(draft, kind, len(ids))
    if kind.startswith("temporal") and len(ids) < 2:
        raise document.error(f"{kind} needs at least two different rules", "correlation", "rules")
    group_by = tuple(rule.group_by or ())
    written = _aliases(draft, names, ids)
    counted = [condition.field] if condition is not None and condition.field else []
    wanted: dict[str, None] = dict.fromkeys([*group_by, *counted])
    aliases: dict[str, dict[str, str]] = {}
    for name in wanted:
        mapping = {
            i: maps.event_field(rules[i].logsource, written.get(name, {}).get(i, name))
            if i in rules
            else written.get(name, {}).get(i, name)
            for i in ids
        }
        if name in written or any(target != name for target in mapping.values()):
            aliases[name] = mapping
    built = CorrelationRule(
        id=draft.id,
        type=kind,
        rules=tuple(ids),
        group_by=group_by,
        aliases=aliases,
        timespan=rule.timespan.seconds * SECOND,
        condition=condition,
        generate=bool(rule.generate),
        lateness=draft.attributes.lateness,
        depth=1 + max((linked[i].depth for i in ids if i in linked), default=0),
    )
    return replace(built, digest=_digest(built, rules, linked))


def _condition(draft: Draft, kind: str, count: int) -> CorrelationCondition | None:
    condition = draft.rule.condition
    written = draft.document.data["correlation"].get("condition")
    if not isinstance(condition, SigmaCorrelationCondition):
        raise draft.document.error(
            "a temporal condition with and, or, not is not evaluated in this version", "correlation", "condition"
        )
    operator = cast("Operator", condition.op.name.lower())
    if kind.startswith("temporal"):
        if written is not None and (operator != "gte" or condition.count != count or condition.fieldref):
            raise draft.document.error(
                f"{kind} asks that all its rules occur: leave its condition out", "correlation", "condition"
            )
        return None
    field: Any = condition.fieldref or ""
    if isinstance(field, list):
        if len(cast("list[Any]", field)) != 1:
            raise draft.document.error(
                "counting over several fields at once is not evaluated in this version",
                "correlation",
                "condition",
                "field",
            )
        field = cast("list[Any]", field)[0]
    if condition.percentile is not None:
        raise draft.document.error(f"{kind} takes no percentile", "correlation", "condition", "percentile")
    return CorrelationCondition(operator, _count(draft, operator), str(field) if kind == "value_count" else "")


def _count(draft: Draft, operator: str) -> float:
    """The number as written: pySigma cuts 2.5 to 2."""
    value: Any = draft.document.data["correlation"]["condition"][operator]
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise draft.document.error(
            f"{value!r} is no number to compare with", "correlation", "condition", operator
        ) from error
    if number != number or number in (float("inf"), float("-inf")):  # noqa: PLR0124  # NaN
        raise draft.document.error(f"{value!r} is no number to compare with", "correlation", "condition", operator)
    return int(number) if number.is_integer() else number


def _aliases(draft: Draft, names: Mapping[str, str], ids: list[str]) -> dict[str, dict[str, str]]:
    aliases: dict[str, dict[str, str]] = {}
    for alias in draft.rule.aliases:
        mapping = aliases[alias.alias] = dict[str, str]()
        for reference, field in alias.mapping.items():
            target = names.get(reference.reference) or names.get(reference.reference.lower())
            if target not in ids:
                raise draft.document.error(
                    f"the alias {alias.alias!r} names the rule {reference.reference!r}, which is none of its rules",
                    "correlation",
                    "aliases",
                    alias.alias,
                )
            mapping[target] = str(field)
    return aliases


def _digest(built: CorrelationRule, rules: Mapping[str, CompiledRule], linked: Mapping[str, CorrelationRule]) -> str:
    below = [rules[i].fingerprint if i in rules else linked[i].digest for i in built.rules]
    aliases = sorted((a, sorted(m.items())) for a, m in built.aliases.items())
    own = (
        built.id,
        built.type,
        built.rules,
        built.group_by,
        aliases,
        built.timespan,
        built.condition,
        built.lateness,
        below,
    )
    return hashlib.sha256(repr(own).encode("utf-8", "surrogatepass")).hexdigest()[:32]

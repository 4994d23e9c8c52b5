"""Correlation documents in, correlation rules with resolved references out: unknown ones and cycles are refused."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from sigma.correlations import SigmaCorrelationRule

from soc.clock import SECOND
from soc.errors import RuleError
from soc.sigma.attributes import Attributes
from soc.sigma.correlation import CorrelationRule, CorrelationType
from soc.sigma.correlation_condition import alternatives_of, condition_of, references_of
from soc.sigma.documents import Document
from soc.sigma.fieldmap import FieldMaps
from soc.sigma.ruleset import CompiledRule

_TYPES: Final[dict[str, CorrelationType]] = {
    "event_count": "event_count",
    "value_count": "value_count",
    "value_sum": "value_sum",
    "value_avg": "value_avg",
    "value_percentile": "value_percentile",
    "value_median": "value_median",
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
        return references_of(self.rule)


def link(
    drafts: list[Draft],
    rules: Mapping[str, CompiledRule],
    names: Mapping[str, str],
    maps: FieldMaps,
    disabled: Mapping[str, str],
) -> tuple[dict[str, CorrelationRule], list[RuleError]]:
    """The correlations that can be used, children before parents, and why the others cannot.

    Args:
        drafts: in the order read.
        rules: base rules by id.
        names: what a rule may be called (id or name) → id, of base rules and drafts.
        maps: for the event names of group-by and counted fields.
        disabled: rule id → why an overlay disables it.
    """
    linked: dict[str, CorrelationRule] = {}
    refused: list[RuleError] = []
    waiting = list(drafts)
    known = {draft.id for draft in drafts}
    while waiting:
        later: list[Draft] = []
        for draft in waiting:
            try:
                ids = _resolve(draft, names, rules, known, disabled)
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


def _resolve(
    draft: Draft,
    names: Mapping[str, str],
    rules: Mapping[str, CompiledRule],
    known: set[str],
    disabled: Mapping[str, str],
) -> list[str]:
    ids: list[str] = []
    for reference in draft.references:
        target = names.get(reference) or names.get(reference.lower())
        if target is None or (target not in rules and target not in known):
            why = "was refused" if target is not None else "does not exist"
            if target is not None and target in disabled:
                why = f"is disabled: {disabled[target]}"
            where = "rules" if draft.rule.rules is not None else "condition"
            raise draft.document.error(f"the rule {reference!r} it refers to {why}", "correlation", where)
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
    kind = _TYPES[rule.type.name.lower()]
    if not ids:
        raise document.error("a correlation needs at least one rule", "correlation", "rules")
    alternatives = alternatives_of(document, rule, dict(zip(draft.references, ids, strict=True)))
    condition = condition_of(document, rule, kind, len(ids))
    if kind != "temporal_ordered" or alternatives:  # without order a rule written twice is the same as once
        ids = list(dict.fromkeys(ids))
    group_by = tuple(rule.group_by or ())
    written = _aliases(draft, names, ids)
    wanted: dict[str, None] = dict.fromkeys([*group_by, *(condition.fields if condition is not None else ())])
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
        alternatives=alternatives,
    )
    return replace(built, digest=_digest(built, rules, linked))


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
        [(one.present, sorted(one.absent)) for one in built.alternatives],
        built.lateness,
        below,
    )
    return hashlib.sha256(repr(own).encode("utf-8", "surrogatepass")).hexdigest()[:32]

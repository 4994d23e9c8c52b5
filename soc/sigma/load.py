"""A bundle of YAML in, a rule set out: every rule compiled, or refused with file, line and reason."""

import gc
import hashlib
from collections.abc import Collection, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec
from sigma.correlations import SigmaCorrelationRule
from sigma.filters import SigmaFilter
from sigma.rule import SigmaLevel, SigmaRule

from soc.errors import RuleError
from soc.model import Bundle, RuleInfo
from soc.sigma.attributes import Attributes, attributes_of
from soc.sigma.compile import condition_of, logsource_of
from soc.sigma.condition import Interner, fingerprint
from soc.sigma.correlation import CorrelationRule
from soc.sigma.documents import Document, read
from soc.sigma.fieldmap import FieldMaps
from soc.sigma.link import Draft, link
from soc.sigma.overlay import Overlays
from soc.sigma.ruleset import CompiledRule, RuleSet
from soc.sigma.syntax import PARSE_ERRORS, Parsed, Template, narrow, parse, refusal


@dataclass(slots=True)
class Entry:
    """One rule of the bundle, with filters and field maps applied if it is a base rule."""

    id: str
    document: Document
    rule: SigmaRule | SigmaCorrelationRule
    attributes: Attributes


@dataclass(slots=True)
class Syntax:
    """A bundle as pySigma reads it: what ``load`` compiles and the naive evaluator walks."""

    entries: list[Entry] = field(default_factory=list[Entry])
    names: dict[str, str] = field(default_factory=dict[str, str])
    refused: list[RuleError] = field(default_factory=list[RuleError])
    maps: FieldMaps = field(default_factory=lambda: FieldMaps(()))
    overlays: Overlays = field(default_factory=Overlays)


def read_bundle(bundle: Bundle) -> Syntax:
    """Every document of the bundle parsed, ids given, overlays, filters and field maps applied."""
    syntax = Syntax(maps=FieldMaps(bundle.pipelines))
    syntax.refused += [RuleError(*told) for told in bundle.unread]
    syntax.refused += syntax.maps.refused
    filters: list[Parsed] = []
    for path, text in bundle.files:
        documents, errors = read(path, text)
        syntax.refused += errors
        template = Template()
        for document in documents:
            try:
                if "overlay" in document.data:
                    syntax.refused += syntax.overlays.add(document)
                    continue
                data = template.fill(document)
                if data is None:
                    continue
                parsed = parse(document, data)
                if isinstance(parsed.rule, SigmaFilter):
                    filters.append(parsed)
                else:
                    _enter(syntax, parsed.rule, document, data)
            except PARSE_ERRORS as error:
                syntax.refused.append(refusal(document, error))
            except RuleError as error:
                syntax.refused.append(error)
    _apply_overlays(syntax)
    _apply_filters(syntax, filters)
    syntax.entries = [entry for entry in syntax.entries if entry.id not in syntax.overlays.disabled]
    _apply_maps(syntax)
    return syntax


def _enter(syntax: Syntax, rule: SigmaRule | SigmaCorrelationRule, document: Document, data: dict[str, Any]) -> None:
    rule_id = str(rule.id) if rule.id is not None else rule.name or _digest_id(data)
    if syntax.names.get(rule_id) == rule_id:
        raise document.error(
            f"the id {rule_id} is already that of another rule", "id" if rule.id is not None else "name"
        )
    syntax.entries.append(Entry(rule_id, document, rule, attributes_of(document, data)))
    syntax.names[rule_id] = rule_id
    if rule.name:
        syntax.names.setdefault(rule.name, rule_id)


def _digest_id(data: Mapping[str, Any]) -> str:
    """An id from the content, the same wherever the file lies."""
    encoded = msgspec.json.encode(data, order="deterministic", enc_hook=str)
    return hashlib.sha256(encoded).hexdigest()[:32]


def _apply_overlays(syntax: Syntax) -> None:
    overlays, refused = syntax.overlays.of(syntax.names)
    syntax.refused += refused
    for entry in syntax.entries:
        overlay = overlays.get(entry.id)
        if overlay is not None:
            entry.attributes = entry.attributes.overlaid(overlay.said.soc)
            if overlay.said.level is not None:
                entry.rule.level = SigmaLevel[overlay.said.level.upper()]


def _apply_filters(syntax: Syntax, filters: Iterable[Parsed]) -> None:
    rules = {entry.id: entry for entry in syntax.entries if isinstance(entry.rule, SigmaRule)}
    for parsed in filters:
        sigma_filter = cast("SigmaFilter", parsed.rule)
        wanted = sigma_filter.filter.rules
        if isinstance(wanted, str):
            targets = list(rules.values())
        else:
            targets: list[Entry] = []
            for reference in wanted:
                found = rules.get(
                    syntax.names.get(reference.reference) or syntax.names.get(reference.reference.lower(), "")
                )
                if found is None:
                    reason = f"the filter names the rule {reference.reference!r}, which is no rule of this set"
                    syntax.refused.append(parsed.document.error(reason, "filter", "rules"))
                else:
                    targets.append(found)
        for entry in targets:
            try:
                narrow(cast("SigmaRule", entry.rule), sigma_filter)
            except PARSE_ERRORS as error:
                syntax.refused.append(refusal(parsed.document, error))
                break


def _apply_maps(syntax: Syntax) -> None:
    usable: list[Entry] = []
    for entry in syntax.entries:
        try:
            if isinstance(entry.rule, SigmaRule):
                syntax.maps.apply(entry.rule)
            usable.append(entry)
        except PARSE_ERRORS as error:
            syntax.refused.append(refusal(entry.document, error))
    syntax.entries = usable


def load(bundle: Bundle) -> RuleSet:
    """Compiles a bundle. Pure: the same bundle gives the same rules anywhere; nothing a rule says raises."""
    with _collector_paused():
        return _load(bundle)


@contextmanager
def _collector_paused() -> Generator[None]:
    """A load makes a million objects that live as long as the rules: looking for garbage among them takes as long again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _load(bundle: Bundle) -> RuleSet:
    syntax = read_bundle(bundle)
    refused = syntax.refused
    intern = Interner()
    rules: dict[str, CompiledRule] = {}
    infos: dict[str, RuleInfo] = {}
    drafts: list[Draft] = []
    for entry in syntax.entries:
        if isinstance(entry.rule, SigmaCorrelationRule):
            drafts.append(Draft(entry.id, entry.document, entry.rule, entry.attributes))
            continue
        try:
            logsource = logsource_of(entry.rule)
            condition = condition_of(entry.rule, intern)
        except PARSE_ERRORS as error:
            refused.append(refusal(entry.document, error))
            continue
        rules[entry.id] = CompiledRule(entry.id, logsource, condition, fingerprint(condition))
        infos[entry.id] = _info(entry, "event")
    correlations, unlinked = link(drafts, rules, syntax.names, syntax.maps, syntax.overlays.disabled)
    refused += unlinked
    by_id = {entry.id: entry for entry in syntax.entries}
    infos |= {i: _info(by_id[i], correlation.type) for i, correlation in correlations.items()}
    feeds, muted = _outputs(correlations, {i for i, entry in by_id.items() if entry.attributes.generate})
    return RuleSet(
        hash=bundle.hash,
        rules=rules,
        correlations=correlations,
        infos=infos,
        refused=tuple(sorted(refused, key=lambda e: (e.path, e.line))),
        alerting=frozenset(i for i in infos if i not in muted),
        muted=muted,
        feeds=feeds,
        disabled=syntax.overlays.disabled,
        warnings=tuple(syntax.overlays.warnings),
    )


def _outputs(
    correlations: Mapping[str, CorrelationRule], unmuted: Collection[str]
) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """``feeds`` and ``muted``: a rule is silent if correlations refer to it and neither any of them nor it says ``generate``."""
    feeds: dict[str, list[str]] = {}
    for correlation in correlations.values():
        for reference in dict.fromkeys(correlation.rules):
            feeds.setdefault(reference, []).append(correlation.id)
    muted = {
        i: tuple(refs)
        for i, refs in feeds.items()
        if i not in unmuted and not any(correlations[c].generate for c in refs)
    }
    return {i: tuple(refs) for i, refs in feeds.items()}, muted


def _info(entry: Entry, kind: str) -> RuleInfo:
    rule = entry.rule
    return RuleInfo(
        id=entry.id,
        title=rule.title,
        level=rule.level.name.lower() if rule.level is not None else "medium",
        title_vi=entry.attributes.title_vi,
        description=rule.description or "",
        tags=tuple(str(tag) for tag in rule.tags),
        falsepositives=tuple(str(f) for f in rule.falsepositives),
        references=tuple(str(r) for r in rule.references),
        author=rule.author or "",
        yaml=entry.document.text,
        path=entry.document.path,
        line=entry.document.line,
        type=kind,
        entities=tuple(entry.attributes.entities),
        risk=entry.attributes.risk,
        runbook=entry.attributes.runbook,
    )

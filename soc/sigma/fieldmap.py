"""Field maps: pySigma pipelines in, rules rewritten to the names that events have, when they are compiled."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from sigma.exceptions import SigmaError
from sigma.processing.conditions import LogsourceCondition
from sigma.processing.pipeline import ProcessingPipeline
from sigma.processing.transformations import FieldMappingTransformation, FieldPrefixMappingTransformation
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaDetections, SigmaLogSource, SigmaRule
from sigma.types import SigmaFieldReference

from soc.errors import RuleError
from soc.model import LogSource
from soc.sigma.documents import read
from soc.sigma.syntax import PARSE_ERRORS


class FieldMaps:
    """The pipelines of a bundle, applied in the order of their priority (then path)."""

    def __init__(self, files: Iterable[tuple[str, str]]) -> None:
        """``files`` are (path, YAML text); a pipeline that cannot be used is in ``refused`` and the others apply."""
        self.refused: list[RuleError] = []
        self._pipelines: list[ProcessingPipeline] = []
        self._names: dict[tuple[LogSource, str], str] = {}
        self._reaches: dict[tuple[int, str | None, str | None, str | None], _Reach] = {}
        for path, text in files:
            documents, errors = read(path, text)
            self.refused += errors
            for document in documents:
                try:
                    pipeline = ProcessingPipeline.from_dict(document.data)
                except PARSE_ERRORS as error:
                    self.refused.append(document.error(f"not a pipeline: {error}"))
                    continue
                if pipeline.postprocessing_items or pipeline.finalizers:
                    self.refused.append(
                        document.error("a field map writes no queries: remove postprocessing and finalizers")
                    )
                    continue
                self._pipelines.append(pipeline)
        self._pipelines.sort(key=lambda p: p.priority)

    def apply(self, rule: SigmaRule) -> None:
        """Rewrites ``rule`` in place.

        Raises:
            SigmaError: where a pipeline refuses the rule.
        """
        fields = frozenset(_names_in(rule))
        for number, pipeline in enumerate(self._pipelines):
            source = rule.logsource
            key = (number, source.product, source.category, source.service)
            reach = self._reaches.get(key)
            if reach is None:
                reach = self._reaches[key] = _reach(pipeline, rule)
            if reach.concerns(fields):
                pipeline.apply(rule)
                fields = frozenset(_names_in(rule))

    def event_field(self, logsource: LogSource, name: str) -> str:
        """What the field ``name`` of a rule with that logsource is called in events: for group-by and counted fields.

        Where a pipeline names several, the first; where none does, the name itself.
        """
        key = (logsource, name)
        known = self._names.get(key)
        if known is None:
            known = self._names[key] = self._mapped(logsource, name)
        return known

    def _mapped(self, logsource: LogSource, name: str) -> str:
        if logsource == LogSource():
            return name
        item = SigmaDetectionItem.from_mapping(name, "x") if "|" not in name else None
        if item is None:
            return name
        probe = SigmaRule(
            title="which name",
            logsource=SigmaLogSource(logsource.category or None, logsource.product or None, logsource.service or None),
            detection=SigmaDetections({"probe": SigmaDetection([item])}, ["probe"]),
        )
        try:
            self.apply(probe)
        except SigmaError:
            return name
        return next(_names_in(probe), name)


@dataclass(frozen=True, slots=True)
class _Reach:
    """Which rules of one logsource a pipeline may change, found once: most it does not, and asking pySigma each time is slow.

    Attributes:
        anything: it has more than mappings of field names.
        names, prefixes: of the fields that it maps.
    """

    anything: bool
    names: frozenset[str]
    prefixes: tuple[str, ...]

    def concerns(self, fields: frozenset[str]) -> bool:
        if self.anything or not self.names.isdisjoint(fields):
            return True
        return bool(self.prefixes) and any(name.startswith(self.prefixes) for name in fields)


def _reach(pipeline: ProcessingPipeline, rule: SigmaRule) -> _Reach:
    anything = False
    names: set[str] = set()
    prefixes: list[str] = []
    for item in pipeline.items:
        conditions = item.rule_conditions
        by_logsource = isinstance(conditions, list) and all(isinstance(c, LogsourceCondition) for c in conditions)
        if by_logsource and not item.match_rule_conditions(rule):
            continue
        mapped = cast("dict[str, Any]", getattr(item.transformation, "mapping", {}))
        if type(item.transformation) is FieldMappingTransformation:
            names.update(mapped)
        elif type(item.transformation) is FieldPrefixMappingTransformation:
            prefixes += mapped
        else:
            anything = True
    return _Reach(anything, frozenset(names), tuple(prefixes))


def _names_in(rule: SigmaRule) -> Iterator[str]:
    """The fields of a rule, and those it refers to."""
    for detection in rule.detection.detections.values():
        for item in _items(detection):
            if item.field is not None:
                yield item.field
            for value in item.value:
                if isinstance(value, SigmaFieldReference):
                    yield value.field


def _items(detection: SigmaDetection) -> Iterator[SigmaDetectionItem]:
    for item in detection.detection_items:
        if isinstance(item, SigmaDetectionItem):
            yield item
        else:
            yield from _items(item)

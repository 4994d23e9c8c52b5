"""Field maps: pySigma pipelines in, rules rewritten to the names that events have, when they are compiled."""

from collections.abc import Iterable
from typing import Any, cast

from sigma.exceptions import SigmaError
from sigma.processing.pipeline import ProcessingPipeline
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaDetections, SigmaLogSource, SigmaRule

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
        for pipeline in self._pipelines:
            pipeline.apply(rule)

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
        return next(_fields(probe.detection.detections["probe"]), None) or name


def _fields(detection: Any) -> Any:
    for item in cast("list[Any]", detection.detection_items):
        if isinstance(item, SigmaDetectionItem):
            yield item.field
        else:
            yield from _fields(item)

"""Documents in, pySigma's rule, correlation and filter objects out, with a line for every mistake."""

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final, cast

import sigma.exceptions as sx
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.filters import SigmaFilter
from sigma.modifiers import SigmaCaseSensitiveModifier
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaRule
from sigma.types import SigmaCasedString, SigmaExpansion, SigmaString, SigmaType

from soc.errors import RuleError
from soc.sigma.compile import NotEvaluatedError
from soc.sigma.documents import Document

PARSE_ERRORS: Final = (
    SigmaError,
    AttributeError,
    TypeError,
    KeyError,
    ValueError,
    IndexError,
    NameError,
    RecursionError,
    re.error,
)
"""What pySigma raises on a document that is no good rule: its own errors, and plain ones where it did not foresee the shape
(``id: 5``, a list where a mapping should be, an unbound name after a collected error)."""

_WHERE: Final[dict[type[SigmaError], tuple[str, ...]]] = {
    sx.SigmaAuthorError: ("author",),
    sx.SigmaCorrelationConditionError: ("correlation", "condition"),
    sx.SigmaCorrelationRuleError: ("correlation",),
    sx.SigmaCorrelationTypeError: ("correlation", "type"),
    sx.SigmaConditionError: ("detection", "condition"),
    sx.SigmaDateError: ("date",),
    sx.SigmaDescriptionError: ("description",),
    sx.SigmaDetectionError: ("detection",),
    sx.SigmaFalsePositivesError: ("falsepositives",),
    sx.SigmaFieldsError: ("fields",),
    sx.SigmaFilterConditionError: ("filter", "condition"),
    sx.SigmaFilterError: ("filter",),
    sx.SigmaFilterRuleReferenceError: ("filter", "rules"),
    sx.SigmaIdentifierError: ("id",),
    sx.SigmaLevelError: ("level",),
    sx.SigmaLicenseError: ("license",),
    sx.SigmaLogsourceError: ("logsource",),
    sx.SigmaModifiedError: ("modified",),
    sx.SigmaNameError: ("name",),
    sx.SigmaReferencesError: ("references",),
    sx.SigmaRelatedError: ("related",),
    sx.SigmaScopeError: ("scope",),
    sx.SigmaStatusError: ("status",),
    sx.SigmaTagError: ("tags",),
    sx.SigmaTaxonomyError: ("taxonomy",),
    sx.SigmaTimespanError: ("correlation", "timespan"),
    sx.SigmaTitleError: ("title",),
}


@dataclass(slots=True)
class Parsed:
    """What one document became."""

    document: Document
    rule: SigmaRule | SigmaCorrelationRule | SigmaFilter


class Template:
    """The state of ``action: global``, ``repeat`` and ``reset`` from one document of a file to the next."""

    def __init__(self) -> None:
        self._global: dict[str, Any] = {}
        self._previous: dict[str, Any] = {}

    def fill(self, document: Document) -> dict[str, Any] | None:
        """The document completed by what came before it in its file; None for one that is a template itself.

        Raises:
            RuleError: for an unknown action.
        """
        data = document.data
        action = data.get("action")
        if action is None:
            if "correlation" in data or "filter" in data:
                return data
            self._previous = _merged(data, self._global)
            return self._previous
        rest = {key: value for key, value in data.items() if key != "action"}
        if action == "global":
            self._global = self._previous = rest
            return None
        if action == "reset":
            self._global = {}
            return None
        if action == "repeat":
            self._previous = _merged(self._previous, rest)
            return self._previous
        raise document.error(f"unknown action {action!r}: write global, repeat or reset", "action")


def _merged(base: Mapping[str, Any], update: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in update.items():
        old: Any = merged.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            merged[key] = _merged(cast("Mapping[str, Any]", old), cast("Mapping[str, Any]", value))
        else:
            merged[key] = value
    return merged


def parse(document: Document, data: dict[str, Any]) -> Parsed:
    """One document as pySigma understands it.

    Raises:
        RuleError: with every mistake that pySigma found, at the line of the first.
    """
    try:
        if "correlation" in data:
            return Parsed(document, SigmaCorrelationRule.from_dict(data))
        if "filter" in data:
            return Parsed(document, SigmaFilter.from_dict(data))
        data = _canonical(data)
        rule = SigmaRule.from_dict(data, collect_errors=True)
        if rule.errors:
            raise refusal(document, *rule.errors)
        for detection in rule.detection.detections.values():
            _restore_case(detection)
    except PARSE_ERRORS as error:
        raise refusal(document, error) from error
    return Parsed(document, rule)


def _canonical(data: dict[str, Any]) -> dict[str, Any]:
    """``utf16le``, which the specification names beside ``wide`` and pySigma 1.5 does not know, as ``wide``."""
    detection = data.get("detection")
    if not isinstance(detection, Mapping) or "utf16le" not in str(cast("Any", detection)):
        return data
    return {**data, "detection": _renamed(detection)}


def _renamed(value: Any) -> Any:
    if isinstance(value, Mapping):
        pairs = cast("Mapping[Any, Any]", value).items()
        return {_rename_modifier(k): _renamed(v) for k, v in pairs}
    if isinstance(value, list):
        return [_renamed(item) for item in cast("list[Any]", value)]
    return value


def _rename_modifier(key: Any) -> Any:
    if not isinstance(key, str) or "|" not in key:
        return key
    name, *modifiers = key.split("|")
    return "|".join([name, *("wide" if m == "utf16le" else m for m in modifiers)])


def _restore_case(detection: SigmaDetection) -> None:
    """Modifiers after ``cased`` that rebuild the string (``windash``, ``base64``) lose that it is cased: say it again."""
    for item in detection.detection_items:
        if isinstance(item, SigmaDetection):
            _restore_case(item)
        elif SigmaCaseSensitiveModifier in item.modifiers:
            item.value = [_cased(value) for value in item.value]


def _cased(value: SigmaType) -> SigmaType:
    if isinstance(value, SigmaExpansion):
        return SigmaExpansion([_cased(inner) for inner in value.values])
    if isinstance(value, SigmaString) and not isinstance(value, SigmaCasedString):
        return SigmaCasedString.from_sigma_string(value)
    return value


def refusal(document: Document, *errors: BaseException) -> RuleError:
    """Why a document is refused, at the line of the key that the first error speaks of."""
    first = errors[0]
    if isinstance(first, RuleError):
        return first
    reason = "; ".join(dict.fromkeys(_words(error) for error in errors))
    if isinstance(first, NotEvaluatedError):
        return RuleError(document.path, document.line_of("detection"), reason)
    for kind, keys in _WHERE.items():
        if type(first) is kind:
            line = _faulty_line(document) if keys == ("detection",) else None
            return RuleError(document.path, line or document.line_of(*keys), reason)
    named = "tags" if "tag" in reason[:12] else ""  # a malformed tag is reported as a bad value
    return RuleError(document.path, _faulty_line(document) or document.line_of(named), reason)


def _words(error: BaseException) -> str:
    if isinstance(error, (SigmaError, NotEvaluatedError)):
        return " ".join(str(error).split())
    return f"not understood ({type(error).__name__}: {error})"


def _faulty_line(document: Document) -> int | None:
    """The line of the first detection item that cannot be read by itself, found by reading each alone."""
    for section in ("detection", "filter"):
        detections = document.data.get(section)
        if not isinstance(detections, Mapping):
            continue
        for name, definition in cast("Mapping[str, Any]", detections).items():
            if name in ("condition", "rules"):
                continue
            if isinstance(definition, Mapping):
                for key, value in cast("Mapping[str, Any]", definition).items():
                    if _fails(lambda k=key, v=value: SigmaDetectionItem.from_mapping(k, v)):
                        return document.line_of(section, name, key)
            elif _fails(lambda d=definition: SigmaDetection.from_definition(d)):
                return document.line_of(section, name)
    return None


def _fails(read: Any) -> bool:
    try:
        read()
    except PARSE_ERRORS:
        return True
    return False


def narrow(rule: SigmaRule, sigma_filter: SigmaFilter) -> None:
    """Applies a filter to a rule in place, with a copy of its detections: pipelines later change them per rule."""
    deepcopy(sigma_filter).apply_on_rule(rule)

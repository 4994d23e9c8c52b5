"""Documents in, pySigma's rule, correlation and filter objects out, with a line for every mistake."""

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final, cast

import sigma.exceptions as sx
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.filters import SigmaFilter
from sigma.modifiers import SigmaBase64OffsetModifier, SigmaCaseSensitiveModifier
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaRule
from sigma.types import SigmaCasedString, SigmaExpansion, SigmaString, SigmaType

from soc.errors import RuleError
from soc.sigma.compile import NotEvaluatedError
from soc.sigma.documents import Document
from soc.sigma.regex import posix_classes
from soc.sigma.values import text

PARSE_ERRORS: Final = (
    SigmaError,
    AttributeError,
    TypeError,
    KeyError,
    ValueError,
    OverflowError,
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
    _refuse_many_dashes(document, data)
    try:
        if "correlation" in data:
            return Parsed(document, SigmaCorrelationRule.from_dict(data))
        if "filter" in data:
            narrowing = SigmaFilter.from_dict(_canonical(data, "filter"))
            for detection in narrowing.filter.detections.values():
                _put_right(detection)
            return Parsed(document, narrowing)
        rule = SigmaRule.from_dict(_canonical(data, "detection"), collect_errors=True)
        if rule.errors:
            raise refusal(document, *rule.errors)
        for detection in rule.detection.detections.values():
            _put_right(detection)
    except PARSE_ERRORS as error:
        raise refusal(document, error) from error
    return Parsed(document, rule)


_MOST_DASHES: Final = 6
"""SigmaHQ's rules have 3 at most. pySigma writes out every variant: 7 take it some seconds, 10 gigabytes."""
_DASH: Final = re.compile(r"\B[-/]\b")


def _refuse_many_dashes(document: Document, data: Mapping[str, Any]) -> None:
    for section in ("detection", "filter"):
        detections = data.get(section)
        if not isinstance(detections, Mapping) or "windash" not in str(cast("Any", detections)):
            continue
        for name, definition in cast("Mapping[str, Any]", detections).items():
            for key, value in _items(definition):
                most = max((len(_DASH.findall(one)) for one in _texts(value)), default=0)
                if "windash" in key.split("|")[1:] and most > _MOST_DASHES:
                    reason = (
                        f"windash: {most} dashes in one value are 5^{most} variants; seek its parts with |all|windash"
                    )
                    raise document.error(reason, section, name, key)


def _items(definition: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(definition, Mapping):
        for key, value in cast("Mapping[Any, Any]", definition).items():
            yield str(key), value
    elif isinstance(definition, list):
        for one in cast("list[Any]", definition):
            yield from _items(one)


def _texts(value: Any) -> list[str]:
    every = cast("list[Any]", value) if isinstance(value, list) else [value]
    return [one for one in every if isinstance(one, str)]


_ODD: Final = re.compile(r"utf16le|\|re\b|\d{16}")
"""What the text of a detection has if ``_canonical`` may have to change it."""
_EXACT: Final = 2**53
"""Up to here every whole number has a float of its own; pySigma rounds what is larger."""


def _canonical(data: dict[str, Any], section: str) -> dict[str, Any]:
    """What pySigma 1.5 does not read as the specification means it, in other words that it does.

    ``utf16le``, which it does not know, is ``wide``; a regular expression that YAML takes for a number or a truth value is text,
    and so is a number so large that it would be rounded; ``[[:alpha:]]`` has its letters, before anything warns of it.
    """
    detection = data.get(section)
    if not isinstance(detection, Mapping) or _ODD.search(str(cast("Any", detection))) is None:
        return data
    return {**data, section: _reworded(detection)}


def _reworded(value: Any, modifiers: Sequence[str] = ()) -> Any:
    if isinstance(value, Mapping):
        pairs = cast("Mapping[Any, Any]", value).items()
        return {_rename_modifier(k): _reworded(v, str(k).split("|")[1:]) for k, v in pairs}
    if isinstance(value, list):
        return [_reworded(item, modifiers) for item in cast("list[Any]", value)]
    if "re" in modifiers and isinstance(value, str | int | float):
        return posix_classes(text(value))
    if isinstance(value, int) and abs(value) > _EXACT and not set(modifiers) - {"all", "neq"}:
        return str(value)
    return value


def _rename_modifier(key: Any) -> Any:
    if not isinstance(key, str) or "|" not in key:
        return key
    name, *modifiers = key.split("|")
    return "|".join([name, *("wide" if m == "utf16le" else m for m in modifiers)])


def _put_right(detection: SigmaDetection) -> None:
    """What pySigma's modifiers lose or add.

    Those after ``cased`` that rebuild the string (``windash``, ``base64``) lose that it is cased. Of a single character
    ``base64offset`` makes empty strings, for places where nothing of it can be told: they would be in any text.
    """
    for item in detection.detection_items:
        if isinstance(item, SigmaDetection):
            _put_right(item)
            continue
        if SigmaCaseSensitiveModifier in item.modifiers:
            item.value = [_cased(value) for value in item.value]
        if SigmaBase64OffsetModifier in item.modifiers:
            item.value = [_telling(value) for value in item.value]


def _telling(value: SigmaType) -> SigmaType:
    if not isinstance(value, SigmaExpansion):
        return value
    return SigmaExpansion([inner for inner in value.values if str(inner).strip("*")] or value.values)


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

"""Every rule file of SigmaHQ: what pySigma accepts is loaded, what is refused is refused with file, line and reason."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from sigma.collection import SigmaCollection
from sigma.exceptions import SigmaError
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaRule

from soc.pipeline.ruleset import read_bundle
from soc.settings import RuleSettings
from soc.sigma.load import load

pytestmark = pytest.mark.corpus


class Verdict(NamedTuple):
    """What pySigma says of a file: why it refuses it, "" if it does not; how many rules it has; whether it needs value lists."""

    reason: str
    rules: int = 0
    wants_lists: bool = False


def test_we_refuse_what_pysigma_refuses_and_placeholders_without_a_list_and_nothing_else(corpus: Path) -> None:
    bundle = read_bundle(RuleSettings(paths=(str(corpus / "sigma"),)))
    assert len(bundle.files) >= 3_780
    rules = load(bundle)
    assert all(error.path and error.line and error.reason for error in rules.refused)
    ours = {error.path: error.reason for error in rules.refused}
    theirs = {path: verdict(text) for path, text in bundle.files}

    refused = {path for path, said in theirs.items() if said.reason}
    assert refused - set(ours) == set(), "pySigma refuses them, we do not"
    without_lists = {path for path, said in theirs.items() if said.wants_lists and not said.reason}
    assert set(ours) - refused == without_lists, "beyond pySigma only placeholders without a value list are refused"
    assert all("has no value list" in ours[path] for path in without_lists)

    told = Counter([info.path for info in rules.infos.values()] + [error.path for error in rules.refused])
    assert {path: told[path] for path in theirs} == {path: said.rules or 1 for path, said in theirs.items()}


def verdict(text: str) -> Verdict:
    """Conditions included, which pySigma reads when they are first asked for."""
    try:
        collection = SigmaCollection.from_yaml(text)
        wants_lists = False
        for rule in collection:
            assert isinstance(rule, SigmaRule)
            assert all(condition.parsed is not None for condition in rule.detection.parsed_condition)
            wants_lists |= any(any(_placeholders(d)) for d in rule.detection.detections.values())
    except SigmaError as error:
        return Verdict(str(error))
    return Verdict("", len(collection), wants_lists)


def _placeholders(detection: SigmaDetection) -> Iterator[bool]:
    """Of each value, whether it holds one."""
    for item in detection.detection_items:
        if isinstance(item, SigmaDetectionItem):
            yield from (getattr(value, "contains_placeholder", lambda: False)() for value in item.value)
        else:
            yield from _placeholders(item)

"""What a rule costs is known by its name: the time of its conditions and expressions, and what these did not see."""

from typing import Any
from unittest.mock import patch

import yaml

from soc.detect.costs import TIMED
from soc.detect.detector import Detector
from soc.model import Bundle, Event, LogSource
from soc.sigma.load import load
from soc.sigma.search import REGEX_CAP
from soc.sigma.search import TIMED as TIMED_SEARCHES


def detector_of(detections: dict[str, dict[str, Any]]) -> Detector:
    rules = [
        {"title": "t", "name": name, "logsource": {"product": "x"}, "detection": detection}
        for name, detection in detections.items()
    ]
    return Detector(load(Bundle((("f.yml", yaml.safe_dump_all(rules)),))))


def event(fields: dict[str, Any]) -> Event:
    return Event("id", "src", 1, 2, 3, fields, (LogSource("x", "", ""),))


def test_of_one_event_in_some_each_condition_is_timed_and_stands_for_the_others() -> None:
    detector = detector_of({"hit": {"s": {"a": "x"}, "condition": "s"}, "other": {"s": {"b": "x"}, "condition": "s"}})
    with (
        patch("soc.detect.costs.perf_counter", lambda: 102.0),
        patch("soc.detect.detector.perf_counter", lambda: 100.0),
    ):
        for _ in range(TIMED - 1):
            assert [match.rule for match in detector.detect(event({"a": "x"}))] == ["hit"]
        assert detector.costs.by_rule() == {}
        assert [match.rule for match in detector.detect(event({"a": "x"}))] == ["hit"]
        assert {rule: cost.seconds for rule, cost in detector.costs.by_rule().items()} == {"hit": 2.0 * TIMED}


def test_a_timed_event_finds_what_others_find_lists_included() -> None:
    detector = detector_of(
        {
            "list": {"s": {"a": "x", "b": "y"}, "condition": "s"},
            "not": {"s": {"a": "x"}, "f": {"b": "y"}, "condition": "s and not f"},
        }
    )
    fields = ({"a": ["w", "x"], "b": "y"}, {"a": "x", "b": ["z"]}, {"a": "x", "b": "y"}, {"a": "w"})
    expected = [[match.rule for match in detector.detect(event(one))] for one in fields]
    assert expected == [["list"], ["not"], ["list"], []]
    for one, rules in zip(fields, expected, strict=True):
        detector._untimed = 1
        assert [match.rule for match in detector.detect(event(one))] == rules


def test_a_rule_whose_expression_leaves_backtracking_is_named_with_what_it_did_not_see() -> None:
    source = "a.*b.*c.*costs-of-this-test"
    detector = detector_of(
        {
            "slow": {"s": {"a|re": source}, "condition": "s"},
            "same": {"s": {"b|re": source}, "condition": "s"},
            "quick": {"s": {"a|contains": "abc"}, "condition": "s"},
        }
    )
    value = "abc" * 30_000 + "costs-of-this-test"
    assert len(value) > REGEX_CAP
    assert detector.detect_fields({"a": value}, (LogSource("x", "", ""),)) == ["quick"]
    costs = detector.costs.by_rule()
    assert set(costs) == {"slow", "same"}, "it cannot be told which of the two asked"
    assert costs["slow"].seconds > 0
    assert costs["slow"].cut == 1


def test_an_expression_that_the_index_asks_is_charged_to_its_rule() -> None:
    detector = detector_of({"probe": {"s": {"a|re": r"[0-9]{3}[a-f]{2}[0-9]{4}"}, "condition": "s"}})
    for i in range(TIMED_SEARCHES):
        assert detector.detect_fields({"a": f"value {i}"}, (LogSource("x", "", ""),)) == []
    assert detector.costs.by_rule()["probe"].seconds > 0

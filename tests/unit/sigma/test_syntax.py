"""Where pySigma reads otherwise than the specification, the rule is read as the specification means it."""

from typing import Any

import pytest
import yaml

from soc.detect.detector import Detector
from soc.detect.naive import NaiveDetector
from soc.model import Bundle, LogSource
from soc.normalize.formats.json import flatten
from soc.sigma.load import load

HERE = (LogSource("x", "", ""),)


def matches(selection: Any, event: dict[str, Any], *more: str, condition: str = "s") -> bool:
    rule = {
        "title": "r",
        "name": "r",
        "logsource": {"product": "x"},
        "detection": {"s": selection, "condition": condition},
    }
    bundle = Bundle((("r.yml", yaml.safe_dump(rule)), *((f"m{i}.yml", text) for i, text in enumerate(more))))
    rules = load(bundle)
    assert rules.refused == ()
    fields = flatten(event)
    found = Detector(rules).detect_fields(fields, HERE)
    assert found == NaiveDetector(bundle, rules.rules).detect_fields(fields, HERE)
    return bool(found)


@pytest.mark.parametrize(
    ("selection", "event", "expected"),
    [
        ({"f": 9007199254740993}, {"f": 9007199254740993}, True),
        ({"f": 9007199254740993}, {"f": "9007199254740993"}, True),
        ({"f": 9007199254740993}, {"f": 9007199254740992}, False),
        ({"f|neq": [1, 9007199254740993]}, {"f": 9007199254740993}, False),
        ([9007199254740993], {"g": "id=9007199254740993"}, True),
        ({"f|gt": 9007199254740993}, {"f": 1e17}, True),
        ({"f|re": 5}, {"f": "a5"}, True),
        ({"f|re|i": True}, {"f": "TRUE"}, True),
        ({"f|re": 1.5}, {"f": "1x5"}, True),
        ({"f|re": "^[[:alpha:]_]{2}$"}, {"f": "a_"}, True),
        ({"f|base64offset|contains": "a"}, {"f": "zzzz"}, False),
        ({"f|base64offset|contains": "a"}, {"f": "xYQ=="}, True),
        ({"f|utf16le|base64offset|contains": "cmd"}, {"f": "YwBtAGQA"}, True),
        ({"f|hour": 1}, {"f": "4625"}, False),
        ({"f|hour": 8}, {"f": 1795334400}, True),
        ({"f|year": 5138}, {"f": 1e20}, False),
    ],
)
def test_a_value_is_what_it_was_written_as(selection: Any, event: dict[str, Any], expected: bool) -> None:
    assert matches(selection, event) is expected


def narrowing(selection: str) -> str:
    return f"title: f\nlogsource: {{product: x}}\nfilter:\n  rules: [r]\n  good: {selection}\n  condition: not good\n"


@pytest.mark.parametrize(
    ("good", "event", "expected"),
    [
        ("{g|utf16le|base64: cmd}", {"g": "YwBtAGQA"}, False),
        ("{g|cased|windash: -A}", {"g": "/A"}, False),
        ("{g|cased|windash: -A}", {"g": "/a"}, True),
        ("{g: 9007199254740993}", {"g": 9007199254740993}, False),
    ],
)
def test_a_filter_is_read_as_a_rule_is(good: str, event: dict[str, Any], expected: bool) -> None:
    assert matches({"f": "a"}, {"f": "a", **event}, narrowing(good)) is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("s and not 1 of filter_*", True),
        ("s and not all of filter_*", True),
        ("s or 1 of filter_*", True),
        ("s and 1 of filter_*", None),
        ("not s or not (s and not 1 of filter_*)", False),
    ],
)
def test_one_of_a_pattern_that_matches_no_name_is_never_true(condition: str, expected: bool | None) -> None:
    if expected is None:
        with pytest.raises(AssertionError, match="matches no name"):
            matches({"f": "a"}, {"f": "a"}, condition=condition)
    else:
        assert matches({"f": "a"}, {"f": "a"}, condition=condition) is expected


@pytest.mark.parametrize(
    ("selection", "event"),
    [
        ({"user.name": "an"}, {"user": {"name": "an"}}),
        ({"user.name": "an"}, {"user.name": "an"}),
        ({"user.name|all": ["an", "binh"]}, {"user.name": "an", "user": {"name": "binh"}}),
        ({"a.b.c": "x"}, {"a": {"b.c": "x"}}),
        ({"ips.a": 2}, {"ips": [{"a": 1}, {"a": 2}]}),
        ({"ips.a|gt": 1, "ips.b": None}, {"ips": [{"a": 1}, {"a": 2}]}),
        ({"ips.a|all": [1, 2]}, {"ips": [{"a": [1]}, {"a": [2, 3]}]}),
        ({"a": 3}, {"a": [[1, 2], [3]]}),
        (["needle"], {"a": [{"b": [{"c": "a needle"}]}]}),
        ({"tên đầy đủ": "AN"}, {"tên đầy đủ": "an"}),
        ({"a b-c.d": "x"}, {"a b-c": {"d": "x"}}),
    ],
)
def test_nested_flat_and_listed_fields_are_one_name_to_a_rule(selection: Any, event: dict[str, Any]) -> None:
    assert matches(selection, event)

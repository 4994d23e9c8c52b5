"""No rule and no event stalls the detector: what it does is counted, and stays small whatever the rule lists or nests."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
import yaml

from soc.detect.detector import Detector
from soc.model import Bundle, LogSource
from soc.sigma import many
from soc.sigma.condition import Predicate
from soc.sigma.load import load
from soc.sigma.search import Search

HERE = (LogSource("x", "", ""),)
MANY = 10_000


def detector_of(*detections: dict[str, Any]) -> Detector:
    rules = [
        {"title": "t", "name": f"r{i}", "logsource": {"product": "x"}, "detection": detection}
        for i, detection in enumerate(detections)
    ]
    loaded = load(Bundle((("f.yml", yaml.safe_dump_all(rules)),)))
    assert not loaded.refused
    return Detector(loaded)


@contextmanager
def counted(owner: Any, name: str) -> Iterator[Callable[[], int]]:
    """How often a function is called."""
    calls = 0
    real = getattr(owner, name)

    def watched(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        return real(*arguments)

    with patch.object(owner, name, watched):
        yield lambda: calls


@pytest.mark.parametrize(
    ("modifier", "hit", "size"),
    [
        ("", "value-01999x", MANY),
        ("|contains", "a value-01999x b", MANY),
        ("|startswith", "value-01999x b", 2_000),
        ("|endswith", "a value-01999x", 2_000),
        ("|cased|contains", "a value-01999x b", 2_000),
        ("|windash|contains", "a value-01999x b", 2_000),
        ("|base64offset|contains", "a dmFsdWUtMDE5OTl4 b", 2_000),
        ("|wide|base64offset|contains", "dgBhAGwAdQBlAC0AMAAxADkAOQA5AHgA", 2_000),
    ],
)
def test_a_list_of_thousands_of_texts_is_asked_as_a_whole(modifier: str, hit: str, size: int) -> None:
    detector = detector_of({"s": {"a" + modifier: [f"value-{i:05d}x" for i in range(size)]}, "condition": "s"})
    assert detector.detect_fields({"a": hit}, HERE) == ["r0"]
    before = detector.evaluated
    for i in range(500):
        assert detector.detect_fields({"a": f"a value-{i:05d}y b"}, HERE) == []
    assert detector.evaluated == before, "none of these is even a candidate"
    with counted(Predicate, "on_scalar") as tests:
        assert detector.detect_fields({"a": [hit, "value-1y"]}, HERE) == ["r0"]
    assert tests() <= 4, "a list of values is walked predicate by predicate: there are few"


def test_a_list_of_ten_thousand_networks_reads_an_address_once() -> None:
    cidrs = [f"198.51.{i // 250}.{i % 250}/32" for i in range(MANY)] + ["2001:db8::/32", "192.0.2.0/24"]
    detector = detector_of({"s": {"a|cidr": cidrs}, "condition": "s"})
    assert detector.detect_fields({"a": "198.51.39.249"}, HERE) == ["r0"]
    assert detector.detect_fields({"a": "::ffff:192.0.2.7"}, HERE) == ["r0"]
    with counted(many, "ip_address") as read:
        for i in range(200):
            assert detector.detect_fields({"a": f"203.0.113.{i}"}, HERE) == []
    assert read() == 200


def test_a_list_of_thousands_of_expressions_is_tried_behind_their_literals_only() -> None:
    detector = detector_of({"s": {"a|re": [rf"value-{i:05d}\s+x$" for i in range(3_000)]}, "condition": "s"})
    assert detector.detect_fields({"a": "value-02999  x"}, HERE) == ["r0"]
    with counted(Search, "__call__") as searches:
        for i in range(200):
            assert detector.detect_fields({"a": f"value-1{i:03d} x"}, HERE) == []
    assert searches() == 0


def test_ten_thousand_keywords_look_at_each_of_two_hundred_fields_once() -> None:
    detector = detector_of({"k": [f"value-{i:05d}x" for i in range(MANY)], "condition": "k"})
    fields = {f"f{i}": f"text {i}" for i in range(200)}
    assert detector.detect_fields(fields, HERE) == []
    assert detector.evaluated == 0
    with counted(Predicate, "on_scalar") as tests:
        assert detector.detect_fields(fields | {"b": "a value-09999x y"}, HERE) == ["r0"]
    assert tests() <= len(fields) + 1


def test_a_keyword_expression_is_tried_once_for_each_value_of_an_event() -> None:
    detector = detector_of({"k": {"|re": [r"\d+z\d+", r"[a-f]{9,}q"]}, "condition": "k"})
    fields = {f"f{i}": f"text {i}" for i in range(200)}
    with counted(Search, "__call__") as searches:
        assert detector.detect_fields(fields, HERE) == []
        assert detector.detect_fields(fields, HERE) == []
    assert searches() <= 2 * len(fields), "the second time from the memo"


def test_five_thousand_selections_are_evaluated_only_where_one_of_them_is_triggered() -> None:
    selections = {f"s{i}": {"a": f"v{i}", "b|contains": f"w{i}"} for i in range(5_000)}
    detector = detector_of(selections | {"condition": "1 of s*"})
    assert detector.detect_fields({"a": "v4999", "b": "a w4999 b"}, HERE) == ["r0"]
    before = detector.evaluated
    for i in range(500):
        assert detector.detect_fields({"a": f"u{i}", "b": f"u{i}"}, HERE) == []
    assert detector.evaluated == before


def test_one_of_two_thousand_lists_is_found() -> None:
    detector = detector_of({f"s{i}": {"a|endswith": f"\\p{i}.exe"} for i in range(2_000)} | {"condition": "1 of them"})
    assert detector.detect_fields({"a": "c:\\p1999.exe"}, HERE) == ["r0"]
    assert detector.detect_fields({"a": "c:\\p2000.exe"}, HERE) == []


@pytest.mark.parametrize("depth", [20, 200])
def test_deep_nesting_is_evaluated_or_refused_with_a_reason_and_hurts_no_other_rule(depth: int) -> None:
    condition = "s"
    for _ in range(depth):
        condition = f"not (not ({condition}) and t)"
    texts = [
        yaml.safe_dump(
            {
                "title": "t",
                "name": name,
                "logsource": {"product": "x"},
                "detection": {"s": {"a": 1}, "t": {"b": 1}, "condition": own},
            }
        )
        for name, own in (("deep", condition), ("flat", "s"))
    ]
    loaded = load(Bundle(tuple((f"{i}.yml", text) for i, text in enumerate(texts))))
    found = Detector(loaded).detect_fields({"a": 1, "b": 1}, HERE)
    if loaded.refused:
        assert [error.path for error in loaded.refused] == ["0.yml"]
        assert loaded.refused[0].reason
        assert found == ["flat"]
    else:
        assert found == ["deep", "flat"]


def test_a_value_of_a_megabyte_is_searched_to_its_end() -> None:
    detector = detector_of(
        {"s": {"a|contains": [f"needle-{i}" for i in range(100)]}, "condition": "s"},
        {"s": {"a|re": r"need[a-z]{1,9}-\d{1,3}z"}, "condition": "s"},
        {"s": ["needle-7"], "condition": "s"},
    )
    value = "hay need " * 120_000
    assert detector.detect_fields({"a": value}, HERE) == []
    assert sorted(detector.detect_fields({"a": value + "needle-7z"}, HERE)) == ["r0", "r1", "r2"]


def test_an_event_of_five_thousand_fields_is_asked_for_the_fields_that_rules_name() -> None:
    detector = detector_of(*({f"s{i}": {f"f{i}|contains": "needle"}, "condition": f"s{i}"} for i in range(50)))
    fields = {f"g{i}.h.i": [i, "needle"] for i in range(5_000)}
    assert len(fields) == 5_000
    with counted(Predicate, "on_scalar") as tests:
        assert detector.detect_fields(fields, HERE) == []
    assert tests() == 0
    assert detector.detect_fields(fields | {"f7": "a needle"}, HERE) == ["r7"]


def test_an_expression_of_fifty_kilobytes_is_a_rule_like_others() -> None:
    source = "|".join(f"word{i:05d}" for i in range(5_500))
    assert len(source) > 50_000
    detector = detector_of({"s": {"a|re": source}, "condition": "s"})
    assert detector.detect_fields({"a": "a word05499 b"}, HERE) == ["r0"]
    assert detector.detect_fields({"a": "word0 " * 5_000}, HERE) == []


CATASTROPHIC = ["(a+)+$", "(a|aa)+$", r"(\w+\s?)*!", r"^(([a-z])+.)+[A-Z]([a-z])+$", "a.*a.*a.*a.*b", r"(a+)+\1b"]


@pytest.mark.parametrize("source", CATASTROPHIC)
def test_a_catastrophic_expression_never_backtracks_over_a_long_value(source: str) -> None:
    detector = detector_of({"s": {"a|re": source}, "condition": "s"})
    longest = 0
    real = Search.__init__

    def watch(search: Search, *arguments: Any) -> None:
        real(search, *arguments)
        backtrack = search._backtrack

        def watched(text: str) -> re.Match[str] | None:
            nonlocal longest
            longest = max(longest, len(text))
            return backtrack(text)

        search._backtrack = watched  # type: ignore[assignment]

    with patch.object(Search, "__init__", watch):
        for value in ("a" * 50_000 + "\n#", "a " * 25_000, "ab" * 25_000 + "\u00e9"):
            assert detector.detect_fields({"a": value}, HERE) in ([], ["r0"])
    assert longest <= 300

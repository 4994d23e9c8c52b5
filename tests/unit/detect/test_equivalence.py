"""The law of the detector: with the index or without it, the same rules match the same events."""

from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soc.detect.detector import Detector
from soc.detect.naive import NaiveDetector
from soc.model import Bundle, LogSource
from soc.sigma.load import load

FIELDS = ("a", "b", "host.name", "n")
# Few letters and short texts, so that rules and events meet; ß, İ, ſ and the Kelvin sign fold in odd ways.
LETTERS = "aAbß\u0130ſK 1.\n"
TEXT = st.text(LETTERS, max_size=5)
PATTERN = st.lists(st.sampled_from([*"aAbßsSkKi 1\n", "*", "?", "\\*", "\\?", "\\\\", "/", "-"]), max_size=6).map(
    "".join
)
NUMBER = st.sampled_from([0, 1, 2, 11, -1, 1.0, 1.5, 4625])
ADDRESS = st.sampled_from(["192.0.2.1", "192.0.2.200", "198.51.100.7", "::ffff:192.0.2.1", "2001:db8::1", "x"])
STAMP = st.sampled_from(["2026-11-22T08:01:00Z", "2024/02/29 23:59:59", 1_700_000_000, "1700000000000", "never"])
SCALAR = st.one_of(TEXT, NUMBER, st.booleans(), st.none(), ADDRESS, STAMP, PATTERN)
EVENT = st.dictionaries(st.sampled_from(FIELDS), st.one_of(SCALAR, st.lists(SCALAR, max_size=3)))
REGEX = st.sampled_from(
    [
        "a",
        "^a",
        "b$",
        "a.b",
        ".*a.*b.*",
        "(a|b)+1",
        "(a+)+b",
        "A",
        "[ab]{2}",
        "(?i)a\\s",
        "a|b",
        "ab?",
        "k",
        "i",
        "\\bab",
        "(a|ab)*1",
        "s",
    ]
)


def one_or_list(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(values, st.lists(values, min_size=1, max_size=3))


def keyed(
    modifiers: str, values: st.SearchStrategy[Any], names: tuple[str, ...] = FIELDS
) -> st.SearchStrategy[tuple[str, Any]]:
    return st.tuples(st.sampled_from(names).map(lambda name: name + modifiers), values)


STRING_MODIFIERS = [
    *(
        "",
        "|contains",
        "|startswith",
        "|endswith",
        "|cased",
        "|contains|cased",
        "|cased|startswith",
        "|endswith|neq",
        "|neq",
    ),
    *("|contains|all", "|windash|contains", "|contains|windash|cased", "|all", "|cased|windash"),
]
PLAIN = st.text("abA -1", min_size=1, max_size=4)
ITEM = st.one_of(
    *(keyed(modifiers, one_or_list(st.one_of(PATTERN, TEXT))) for modifiers in STRING_MODIFIERS),
    *(
        keyed(modifiers, PLAIN)
        for modifiers in (
            "|base64",
            "|base64offset|contains",
            "|wide|contains",
            "|utf16le|base64offset|contains",
            "|utf16be",
        )
    ),
    *(keyed(modifiers, one_or_list(REGEX)) for modifiers in ("|re", "|re|i", "|re|m|s", "|re|neq", "|re|i|contains")),
    *(
        keyed(modifiers, NUMBER)
        for modifiers in (
            "|gt",
            "|gte",
            "|lt",
            "|lte|neq",
            "|hour",
            "|week",
            "|day",
            "|minute|gte",
            "|month|neq",
            "|year|lt",
        )
    ),
    keyed("|year", st.sampled_from([2023, 2024, 2026])),
    keyed("|cidr", one_or_list(st.sampled_from(["192.0.2.0/24", "192.0.2.0/25", "2001:db8::/32", "0.0.0.0/0"]))),
    keyed("|exists", st.booleans()),
    keyed("", one_or_list(st.one_of(NUMBER, st.booleans(), st.none()))),
    *(
        keyed("|fieldref" + more, st.sampled_from(FIELDS))
        for more in ("", "|startswith", "|endswith", "|contains", "|neq")
    ),
    st.tuples(st.sampled_from(["|contains", "|all", "|cased", "|startswith"]), one_or_list(PATTERN.filter(bool))),
    st.tuples(st.just("|re"), REGEX),
)
MAPPING = st.lists(ITEM, min_size=1, max_size=3).map(dict)
KEYWORDS = st.lists(st.one_of(PATTERN.filter(bool), NUMBER), min_size=1, max_size=3)
DETECTION = st.one_of(MAPPING, MAPPING, MAPPING, st.lists(MAPPING, min_size=1, max_size=2), KEYWORDS)
CONDITION = st.recursive(
    st.sampled_from(["sel1", "sel2", "other", "1 of sel*", "all of sel*", "1 of them", "all of them", "any of sel*"]),
    lambda inner: st.one_of(
        inner.map(lambda c: f"not ({c})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
    ),
    max_leaves=4,
)
LOGSOURCE = st.dictionaries(
    st.sampled_from(["product", "category", "service"]), st.sampled_from(["x", "y"]), min_size=1
)
RULE = st.fixed_dictionaries(
    {
        "title": st.just("generated"),
        "logsource": LOGSOURCE,
        "detection": st.fixed_dictionaries(
            {"sel1": DETECTION, "sel2": DETECTION, "other": DETECTION, "condition": CONDITION}
        ),
    }
)
OWN = st.lists(st.builds(LogSource, *[st.sampled_from(["", "x", "y"])] * 3), max_size=2).map(tuple)


def bundle_of(rules: list[dict[str, Any]]) -> Bundle:
    named = [rule | {"name": f"r{i}"} for i, rule in enumerate(rules)]
    return Bundle((("generated.yml", yaml.safe_dump_all(named, sort_keys=False, allow_unicode=True)),))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(RULE, min_size=1, max_size=6), st.lists(st.tuples(EVENT, OWN), min_size=1, max_size=8))
def test_the_indexed_detector_finds_what_the_naive_one_finds(
    rules: list[dict[str, Any]], events: list[tuple[dict[str, Any], Any]]
) -> None:
    bundle = bundle_of(rules)
    loaded = load(bundle)
    detector, naive = Detector(loaded), NaiveDetector(bundle, loaded.rules)
    for fields, logsources in events * 2:  # twice: the second time from the memos
        assert sorted(detector.detect_fields(fields, logsources)) == sorted(naive.detect_fields(fields, logsources))


SMALL = {
    "soc.detect.literals.FEW": 0,
    "soc.detect.literals.WORTH": 2,
    "soc.detect.literals._LONG": 0,
    "soc.detect.keywords._MANY_GATES": 0,
    "soc.detect.index.MEMO_VALUES": 2,
    "soc.detect.index.MEMO_CHARACTERS": 6,
    "soc.sigma.program.MEMO_VALUES": 2,
    "soc.sigma.program.MEMO_CHARACTERS": 6,
    "soc.detect.view._SPLIT_RULES": 1,
    "soc.detect.view._VALUES": 2,
    "soc.detect.view.EVENT_CHARACTERS": 6,
}
"""Bounds at which every way through the index is taken by short values and few rules."""


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(RULE, min_size=1, max_size=6), st.lists(EVENT, min_size=1, max_size=8))
def test_bounds_so_small_that_all_is_forgotten_change_no_result(
    rules: list[dict[str, Any]], events: list[dict[str, Any]]
) -> None:
    bundle = bundle_of(rules)
    loaded = load(bundle)
    here = (LogSource("x", "x", "x"), LogSource("y", "y", "y"))
    naive = NaiveDetector(bundle, loaded.rules)
    with ExitStack() as stack:
        for name, value in SMALL.items():
            stack.enter_context(patch(name, value))
        detector = Detector(loaded)
        for fields in events * 2:
            assert sorted(detector.detect_fields(fields, here)) == sorted(naive.detect_fields(fields, here))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(RULE, min_size=8, max_size=14), st.lists(EVENT, min_size=1, max_size=6))
def test_choosing_triggers_again_changes_no_result(rules: list[dict[str, Any]], events: list[dict[str, Any]]) -> None:
    bundle = bundle_of(rules)
    loaded = load(bundle)
    detector, naive = Detector(loaded), NaiveDetector(bundle, loaded.rules)
    here = (LogSource("x", "x", "x"), LogSource("y", "y", "y"))
    expected = [sorted(naive.detect_fields(fields, here)) for fields in events]
    for _ in range(3):
        for routes in detector._routes.values():
            for view in routes._views.values():
                view.learning = 1  # the next event is the last it learns from
        assert [sorted(detector.detect_fields(fields, here)) for fields in events] == expected


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(RULE, min_size=1, max_size=5), EVENT, st.lists(st.tuples(st.sampled_from(FIELDS), SCALAR), max_size=6))
def test_an_event_that_differs_in_one_field_from_one_seen_before_is_another(
    rules: list[dict[str, Any]], event: dict[str, Any], changes: list[tuple[str, Any]]
) -> None:
    bundle = bundle_of(rules)
    loaded = load(bundle)
    here = (LogSource("x", "x", "x"), LogSource("y", "y", "y"))
    naive = NaiveDetector(bundle, loaded.rules)
    events = [event, *({**event, name: value} for name, value in changes), event]
    prepared = Detector(loaded)
    prepared.prepare([(here, {}), (here, event), ((LogSource("other", "", ""),), {})])
    detectors = [Detector(loaded), Detector(loaded, remembered=0), Detector(loaded, remembered=2), prepared]
    for fields in events:
        expected = sorted(naive.detect_fields(fields, here))
        for detector in detectors:
            assert sorted(detector.detect_fields(fields, here)) == expected


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(RULE, min_size=1, max_size=5), st.lists(EVENT, min_size=1, max_size=5))
def test_without_hyperscan_the_same_is_found(rules: list[dict[str, Any]], events: list[dict[str, Any]]) -> None:
    loaded = load(bundle_of(rules))
    here = (LogSource("x", "x", "x"), LogSource("y", "y", "y"))
    with patch("soc.detect.literals.FEW", 0), patch("soc.detect.literals.WORTH", 0):
        found = [Detector(loaded).detect_fields(fields, here) for fields in events]
        with patch("soc.detect.literals.hyperscan", None):
            detector = Detector(loaded)
            detector.prepare([(here, {})])
            assert [sorted(detector.detect_fields(fields, here)) for fields in events * 2] == list(
                map(sorted, found * 2)
            )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(RULE, min_size=1, max_size=5), st.lists(EVENT, min_size=1, max_size=5))
def test_without_the_compiled_loops_the_same_is_found(
    rules: list[dict[str, Any]], events: list[dict[str, Any]]
) -> None:
    loaded = load(bundle_of(rules))
    here = (LogSource("x", "x", "x"), LogSource("y", "y", "y"))
    detector = Detector(loaded)
    found = [sorted(detector.detect_fields(fields, here)) for fields in events * 2]
    with patch("soc.detect.compiled.native", None):
        plain = Detector(loaded)
        assert [sorted(plain.detect_fields(fields, here)) for fields in events * 2] == found

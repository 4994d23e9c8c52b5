"""What each part of the language means on an event, and what the detector tells of a match."""

from typing import Any

import pytest
import yaml

from soc.detect.detector import MATCHED_LENGTH, MATCHED_PAIRS, Detector, applies
from soc.detect.naive import NaiveDetector
from soc.model import Bundle, Event, LogSource
from soc.sigma.load import load

HERE = (LogSource("x"),)


def bundle_of(detection: dict[str, Any], logsource: dict[str, str] | None = None) -> Bundle:
    text = yaml.safe_dump(
        {"title": "t", "name": "r", "logsource": logsource or {"product": "x"}, "detection": detection}, sort_keys=False
    )
    return Bundle((("r.yml", text),))


def matches(detection: Any, fields: dict[str, Any]) -> bool:
    """Whether it matches, told alike by the index (twice: second time from memos) and without it."""
    if not (isinstance(detection, dict) and "condition" in detection):
        detection = {"selection": detection, "condition": "selection"}
    bundle = bundle_of(detection)
    rules = load(bundle)
    assert rules.refused == ()
    detector = Detector(rules)
    answers = {bool(detector.detect_fields(fields, HERE)) for _ in range(2)}
    answers.add(bool(NaiveDetector(bundle, rules.rules).detect_fields(fields, HERE)))
    assert len(answers) == 1
    return answers.pop()


YES: list[tuple[str, Any, dict[str, Any]]] = [
    ("equal without case", {"user": "An"}, {"user": "aN"}),
    ("full case folding", {"road": "STRASSE"}, {"road": "straße"}),
    ("the Kelvin sign is a k", {"unit": "k"}, {"unit": "\u212a"}),
    ("a number meets text", {"EventID": 4625}, {"EventID": "4625"}),
    ("text meets a number", {"EventID": "4625"}, {"EventID": 4625}),
    ("a number meets an equal float", {"n": 4625}, {"n": 4625.0}),
    ("a boolean meets text", {"ok": True}, {"ok": "True"}),
    ("text meets a boolean", {"ok": "true"}, {"ok": True}),
    ("null is missing", {"user": None}, {}),
    ("null is null", {"user": None}, {"user": None}),
    ("null is an empty list", {"user": None}, {"user": []}),
    ("empty is empty", {"user": ""}, {"user": ""}),
    ("a field that is there and null exists", {"user|exists": True}, {"user": None}),
    ("a missing one does not", {"user|exists": False}, {"host": "a"}),
    ("star is any value, empty too", {"user": "*"}, {"user": ""}),
    ("any item of an array", {"ip": "192.0.2.1"}, {"ip": ["198.51.100.1", "192.0.2.1"]}),
    ("all, each by some item", {"ip|contains|all": ["2.1", "100"]}, {"ip": ["198.51.100.1", "192.0.2.1"]}),
    ("contains across lines", {"text|contains": "b\nc"}, {"text": "ab\ncd"}),
    ("star crosses lines", {"text": "a*d"}, {"text": "ab\ncd"}),
    ("question mark is a newline too", {"text": "b?c"}, {"text": "b\nc"}),
    ("wildcards within", {"path": "C:\\\\*\\\\a?c.exe"}, {"path": "c:\\x\\y\\abc.EXE"}),
    ("an escaped star is a star", {"text": r"a\*b"}, {"text": "a*b"}),
    ("a single backslash is one", {"path|endswith": r"\cmd.exe"}, {"path": r"C:\cmd.exe"}),
    ("overlapping ends must not share", {"text": "ab*b"}, {"text": "abb"}),
    ("cased", {"text|cased": "Ab"}, {"text": "Ab"}),
    ("windash", {"cmd|windash|contains": " -x"}, {"cmd": "tool /x"}),
    ("windash with an en dash", {"cmd|contains|windash": " /x"}, {"cmd": "tool \u2013x"}),
    ("base64", {"blob|base64|contains": "secret"}, {"blob": "x c2VjcmV0 y"}),
    ("base64offset at any offset", {"blob|base64offset|contains": "secret"}, {"blob": "eHNlY3JldA=="}),
    ("wide base64", {"blob|wide|base64offset|contains": "IEX"}, {"blob": "SQBFAFgA"}),
    ("utf16le is wide", {"blob|utf16le|base64offset|contains": "IEX"}, {"blob": "SQBFAFgA"}),
    ("re is sought anywhere", {"text|re": "b+c"}, {"text": "abbcd"}),
    ("re|i", {"text|re|i": "B+C"}, {"text": "abbcd"}),
    ("re|m", {"text|re|m": "^b$"}, {"text": "a\nb\nc"}),
    ("re|s", {"text|re|s": "a.c"}, {"text": "a\nc"}),
    ("re with look-around", {"text|re": "(?<=a)b(?!c)"}, {"text": "abd"}),
    ("cidr", {"ip|cidr": "192.0.2.0/24"}, {"ip": "192.0.2.7"}),
    ("cidr of IPv6", {"ip|cidr": "2001:db8::/32"}, {"ip": "2001:DB8:0:0::1"}),
    ("cidr of a mapped address", {"ip|cidr": "192.0.2.0/24"}, {"ip": "::ffff:192.0.2.7"}),
    ("gt of text that is a number", {"n|gt": 5}, {"n": "6.5"}),
    ("lte", {"n|lte": 5}, {"n": 5}),
    ("gte of huge numbers is exact", {"n|gte": 9007199254740993}, {"n": "9007199254740993"}),
    ("neq", {"user|neq": "an"}, {"user": "binh"}),
    ("neq of a missing field", {"user|neq": "an"}, {}),
    ("fieldref", {"a|fieldref": "b"}, {"a": "X", "b": "x"}),
    ("fieldref|endswith", {"a|fieldref|endswith": "b"}, {"a": "long.name", "b": "NAME"}),
    ("fieldref|startswith", {"a|fieldref|startswith": "b"}, {"a": "long.name", "b": "long"}),
    ("fieldref|contains", {"a|fieldref|contains": "b"}, {"a": "long.name", "b": "g.n"}),
    ("minute", {"t|minute": 1}, {"t": "2026-11-22T08:01:00Z"}),
    ("hour as it was written", {"t|hour": 8}, {"t": "2026-11-22T08:01:00+07:00"}),
    ("hour in a range", {"t|hour|gte": 8}, {"t": "2026-11-22 09:00:00.123"}),
    ("week of ISO 8601", {"t|week": 53}, {"t": "2027-01-01"}),
    ("day, month and year", {"t|day": 22, "t|month": 11, "t|year": 2026}, {"t": 1795334460}),
    ("epoch in milliseconds", {"t|year": 2026}, {"t": "1795334460000"}),
    ("a keyword in any value", ["needle"], {"a": "x", "b": "a NEEDLE here"}),
    ("a keyword in the raw text", ["needle"], {"event.original": "<34>a needle"}),
    ("a keyword in an array", ["needle"], {"a": ["x", "the needle"]}),
    ("a number as keyword", [4625], {"EventID": 4625}),
    ("a keyword with a wildcard", ["need*le"], {"a": "need a little"}),
    ("all keywords, in different values", {"|all": ["one", "two"]}, {"a": "one", "b": "two"}),
    ("a keyword expression", {"|re": "ne+dle"}, {"a": "x", "b": "a needle"}),
    ("a list of maps", [{"a": 1}, {"b": 2}], {"b": 2}),
    ("a field with a dot", {"host.name": "a"}, {"host.name": "a"}),
    ("one of", {"s_1": {"a": 1}, "s_2": {"b": 2}, "condition": "1 of s_*"}, {"b": 2}),
    ("all of them", {"s_1": {"a": 1}, "s_2": {"b": 2}, "condition": "all of them"}, {"a": 1, "b": 2}),
    ("only a negation", {"s": {"a": 1}, "condition": "not s"}, {"b": 2}),
    ("not of an or", {"s": {"a": 1}, "t": {"b": 1}, "u": {"c": 1}, "condition": "u and not (s or t)"}, {"c": 1}),
]
NO: list[tuple[str, Any, dict[str, Any]]] = [
    ("field names have case", {"User": "an"}, {"user": "an"}),
    ("equal is not contains", {"user": "an"}, {"user": "anh"}),
    ("null is not empty", {"user": None}, {"user": ""}),
    ("empty is not null", {"user": ""}, {"user": None}),
    ("empty is not missing", {"user": ""}, {}),
    ("exists false of null", {"user|exists": False}, {"user": None}),
    ("star is not null", {"user": "*"}, {"user": None}),
    ("true is not 1", {"ok": True}, {"ok": 1}),
    ("1 is not true", {"n": 1}, {"n": True}),
    ("cased", {"text|cased": "Ab"}, {"text": "ab"}),
    ("cased and windash together", {"cmd|cased|windash": "-X"}, {"cmd": "/x"}),
    ("re has case", {"text|re": "B"}, {"text": "b"}),
    ("a dot is no newline without s", {"text|re": "a.c"}, {"text": "a\nc"}),
    ("an escaped question mark", {"text": r"a\?"}, {"text": "ab"}),
    ("overlapping ends must not share", {"text": "ab*b"}, {"text": "ab"}),
    ("cidr of something else", {"ip|cidr": "192.0.2.0/24"}, {"ip": "not an address"}),
    ("gt of no number", {"n|gt": 5}, {"n": "6_0"}),
    ("gt of a boolean", {"n|gte": 0}, {"n": True}),
    ("time of no time", {"t|hour": 8}, {"t": "eight"}),
    ("neq of an array with it", {"user|neq": "an"}, {"user": ["binh", "an"]}),
    ("fieldref to a missing field", {"a|fieldref": "b"}, {"a": "x"}),
    ("a keyword does not span values", ["onetwo"], {"a": "one", "b": "two"}),
    ("a keyword does not span values by the way they are joined", ["one\ntwo"], {"a": "one", "b": "two"}),
    ("a keyword is no field name", ["needle"], {"needle": "x"}),
    ("diacritics are never folded", {"user": "an"}, {"user": "án"}),
]


@pytest.mark.parametrize(("detection", "fields"), [pytest.param(d, f, id=name) for name, d, f in YES])
def test_matches(detection: Any, fields: dict[str, Any]) -> None:
    assert matches(detection, fields)


@pytest.mark.parametrize(("detection", "fields"), [pytest.param(d, f, id=name) for name, d, f in NO])
def test_does_not_match(detection: Any, fields: dict[str, Any]) -> None:
    assert not matches(detection, fields)


@pytest.mark.parametrize(
    ("wanted", "own", "expected"),
    [
        (LogSource("windows"), LogSource("windows", "process_creation", "sysmon"), True),
        (LogSource("", "process_creation"), LogSource("linux", "process_creation"), True),
        (LogSource("windows", "process_creation"), LogSource("windows", "", "security"), False),
        (LogSource("", "", "sshd"), LogSource("linux", "", "auth"), False),
    ],
)
def test_a_rule_applies_where_every_dimension_it_declares_is_the_events(
    wanted: LogSource, own: LogSource, expected: bool
) -> None:
    assert applies(wanted, own) is expected


def test_one_logsource_of_the_event_must_have_all_that_the_rule_declares() -> None:
    rules = load(bundle_of({"s": {"a": 1}, "condition": "s"}, {"product": "x", "category": "c"}))
    detector = Detector(rules)
    assert detector.detect_fields({"a": 1}, (LogSource("x", "d"), LogSource("x", "c"))) == ["r"]
    assert detector.detect_fields({"a": 1}, (LogSource("x", "d"), LogSource("y", "c"))) == []
    assert detector.detect_fields({"a": 1}, ()) == []


def test_a_rule_of_only_negations_sees_its_own_logsource_only() -> None:
    rules = load(bundle_of({"s": {"a": 1}, "condition": "not s"}, {"product": "zeek", "service": "rdp"}))
    detector = Detector(rules)
    assert detector.detect_fields({"b": 1}, (LogSource("zeek", "", "rdp"),)) == ["r"]
    assert detector.detect_fields({"b": 1}, (LogSource("windows", "", "security"),)) == []


def event(fields: dict[str, Any]) -> Event:
    return Event("id", "src", 1, 2, 3, fields, HERE)


def test_a_match_tells_what_made_it_and_not_what_was_excluded() -> None:
    detection = {
        "s": {"a|contains": "x", "b": [1, 2]},
        "k": ["needle"],
        "f": {"c": "no"},
        "condition": "s and k and not f",
    }
    (match,) = Detector(load(bundle_of(detection))).detect(
        event({"a": "axb", "b": "2", "c": "yes", "d": ["hay", "a needle"]})
    )
    assert match.rule == "r"
    assert match.matched == (("a", "axb"), ("b", "2"), ("d", "a needle"))


def test_what_a_match_tells_is_bounded() -> None:
    fields = {f"f{i}": "needle" + "x" * 1000 for i in range(100)}
    (match,) = Detector(load(bundle_of({"k": ["needle"], "condition": "k"}))).detect(event(fields))
    assert len(match.matched) == MATCHED_PAIRS
    assert all(len(value) == MATCHED_LENGTH for _, value in match.matched)


@pytest.mark.parametrize(
    ("value", "null"), [([], True), ([None], True), (None, True), (["a", None], False), ("", False), ([""], False)]
)
def test_a_list_is_null_only_if_it_holds_no_value(value: Any, null: bool) -> None:
    rules = load(bundle_of({"s": {"t": None}, "condition": "s"}))
    assert Detector(rules).detect_fields({"t": value}, HERE) == (["r"] if null else [])
    rules = load(bundle_of({"s": {"t": None}, "condition": "not s"}))
    assert Detector(rules).detect_fields({"t": value}, HERE) == ([] if null else ["r"])


def test_posix_classes_are_what_pcre_means_by_them() -> None:
    rules = load(bundle_of({"s": {"t|re": "^[[:alpha:]_]+[[:digit:]]$"}, "condition": "s"}))
    detector = Detector(rules)
    assert detector.detect_fields({"t": "ab_7"}, HERE) == ["r"]
    assert detector.detect_fields({"t": "7"}, HERE) == []


def test_an_unknown_logsource_is_offered_rules_that_must_find_a_named_field() -> None:
    unknown = (LogSource("*", "*", "*"),)
    for detection, offered in (
        ({"s": {"t": "a"}, "condition": "s"}, True),
        ({"s": {"t": "a"}, "f": {"t": "b"}, "condition": "s and not f"}, True),
        ({"s": ["a"], "condition": "s"}, False),
        ({"s": ["a"], "f": {"t": "a"}, "condition": "s and f"}, True),
        ({"s": ["a"], "f": {"t": "a"}, "condition": "s or f"}, False),
        ({"f": {"t": "b"}, "condition": "not f"}, False),
    ):
        assert Detector(load(bundle_of(detection))).detect_fields({"t": "a"}, unknown) == (["r"] if offered else [])


def test_deep_nesting_is_evaluated_without_generated_code() -> None:
    condition = "s"
    for _ in range(60):
        condition = f"not (not ({condition}) and t)"
    rules = load(bundle_of({"s": {"a": 1}, "t": {"b": 1}, "condition": condition}))
    if rules.refused:  # pySigma's parser has a limit of its own
        assert "not understood" in rules.refused[0].reason
    else:
        assert Detector(rules).detect_fields({"a": 1, "b": 1}, HERE) == ["r"]


def test_true_and_1_are_told_apart_whichever_was_seen_first() -> None:
    for first, second in ((True, 1), (1, True), (False, 0), (0, False)):
        for wanted in (first, second):
            detector = Detector(load(bundle_of({"s": {"n": wanted}, "condition": "s"})))
            assert detector.detect_fields({"n": first}, HERE) == (["r"] if wanted is first else [])
            assert detector.detect_fields({"n": second}, HERE) == (["r"] if wanted is second else [])
            behind = Detector(load(bundle_of({"s": {"trigger": "seldom", "n": wanted}, "condition": "s"})))
            for value in (first, second):
                assert behind.detect_fields({"trigger": "seldom", "n": value}, HERE) == (
                    ["r"] if wanted is value else []
                )


def test_a_case_blind_expression_finds_letters_that_re_equates_and_folding_does_not() -> None:
    assert matches({"t|re|i": "xinyi"}, {"t": "X\u0130NYI"})
    assert matches({"t|re|i": "xinyi.*"}, {"t": "aX\u0131NYI"})


def test_rules_split_by_a_field_are_found_by_each_of_its_values_and_without_it() -> None:
    texts = [
        yaml.safe_dump(
            {"title": "t", "name": f"r{i}", "logsource": {"product": "x"}, "detection": {"s": s, "condition": "s"}}
        )
        for i, s in enumerate([*({"code": i, "a": "x"} for i in range(12)), {"code": [3, 4]}, {"a": "x"}])
    ]
    bundle = Bundle((("f.yml", "---\n".join(texts)),))
    detector = Detector(load(bundle))
    naive = NaiveDetector(bundle, [f"r{i}" for i in range(14)])
    for code in (3, "3", 4, 99, "zz", None, True, 1, [3, 7], [], 0):
        for fields in ({"code": code, "a": "x"}, {"code": code}, {"a": "x"}):
            assert sorted(detector.detect_fields(fields, HERE)) == sorted(naive.detect_fields(fields, HERE))

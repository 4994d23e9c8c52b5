"""A rule set frozen and thawed is the rule set that was loaded."""

from dataclasses import fields

import pytest

from soc.detect.detector import Detector
from soc.model import Bundle, LogSource
from soc.sigma.condition import fingerprint, leaves
from soc.sigma.frozen import MATCHERS, freeze, thaw
from soc.sigma.load import load
from soc.sigma.matchers import Matcher
from soc.sigma.ruleset import RuleSet

A = "11111111-1111-4111-8111-111111111111"
B = "22222222-2222-4222-8222-222222222222"
C = "33333333-3333-4333-8333-333333333333"
D = "44444444-4444-4444-8444-444444444444"
PARENT = "00000000-0000-4000-8000-000000000000"

EVERYTHING = """\
    one: {a: an, b|startswith: [x, y], c|endswith|cased: Z, d|contains: 'm', e: 'a*b?c', f|re|i: 'x.{2}y', g|gt: 2.5, h|lte: 3}
    two:
      - {i|cidr: 192.0.2.0/24, j|cidr: '2001:db8::/32', k: null, l|exists: true, m|exists: false, n: '*', o|fieldref: p}
      - {q|hour: 3, r|month|gte: 11, s|neq: 5, t|fieldref|startswith: a, u: '', v: true, w: 4625, a|cased: Ê*Ê}
    words: [alpha, 'be*ta', 7]
"""
EVERYTHING += f"    texts: {{x|contains: {[f'name{n}.' for n in range(70)]}}}\n"
EVERYTHING += f"    networks: {{y|cidr: {[f'192.0.2.{n}/32' for n in range(70)]}}}\n"


def rule(rule_id: str, detection: str, condition: str, more: str = "") -> str:
    return (
        f"title: A rule\nid: {rule_id}\nlogsource: {{product: x, service: y}}\nlevel: high\ntags: [attack.t1110]\n"
        f"{more}detection:\n{detection}    condition: {condition}\n"
    )


TEXTS = (
    rule(A, EVERYTHING, "one and not two or words or (1 of t* and not words) or networks"),
    rule(B, "    s: {a: an, b: [1, 2]}\n", "s", "soc: {title_vi: Luật, risk: 70, entities: [a]}\n"),
    rule(C, "    s: {a: [an, binh]}\n", "not s"),
    f"title: Often\nid: {D}\ncorrelation:\n  type: event_count\n  rules: [{B}]\n  group-by: [a]\n  timespan: 5m\n  condition: {{gte: 3}}\n",
    f"title: On top\nid: {PARENT}\ncorrelation:\n  type: event_count\n  rules: [{D}]\n  timespan: 1h\n  condition: {{gte: 2}}\n",
    "title: [",
    f"overlay:\n  {C}: {{disabled: true, reason: too loud}}\n  nobody: {{level: low}}\n",
)


def loaded(*texts: str) -> RuleSet:
    return load(Bundle(tuple((f"{number}.yml", text) for number, text in enumerate(texts))))


def test_every_part_of_a_rule_set_comes_back() -> None:
    rules = loaded(*TEXTS)
    assert rules.correlations
    assert rules.refused
    assert rules.disabled
    assert rules.warnings
    assert rules.muted
    again = thaw(freeze(rules))
    told = {"refused", "warnings"}
    for part in fields(RuleSet):
        if part.name not in told | {"rules"}:
            assert getattr(again, part.name) == getattr(rules, part.name), part.name
    for name in told:
        assert [(e.path, e.line, e.reason) for e in getattr(again, name)] == [
            (e.path, e.line, e.reason) for e in getattr(rules, name)
        ]
    assert list(again.rules) == list(rules.rules)
    assert list(again.correlations) == [D, PARENT], "children before parents"
    for name, rule in rules.rules.items():
        thawed = again.rules[name]
        assert (thawed.id, thawed.logsource, thawed.fingerprint) == (rule.id, rule.logsource, rule.fingerprint)
        assert thawed.fields == rule.fields
        assert fingerprint(thawed.condition) == rule.fingerprint
        assert repr(thawed.condition) == repr(rule.condition)


def test_every_kind_of_matcher_is_tried_here() -> None:
    condition = loaded(TEXTS[0]).rules[A].condition
    assert {type(predicate.matcher) for predicate in leaves(condition)} == set(MATCHERS.values()) - {Matcher}


def test_equal_predicates_of_a_thawed_set_are_one() -> None:
    same = [rule(i, "    s: {a: an}\n", "s") for i in (A, B)]
    again = thaw(freeze(loaded(*same)))
    (first,), (second,) = (list(leaves(again.rules[i].condition)) for i in (A, B))
    assert first is second


def test_the_fields_of_a_rule_are_all_it_asks_and_none_for_words() -> None:
    rules = loaded(rule(A, "    s: {a: x, o|fieldref: p}\n    w: [word]\n", "s or not w")).rules
    assert rules[A].fields == {"a", "o", "p", None}


def test_a_thawed_set_detects() -> None:
    rules = thaw(freeze(loaded(*TEXTS)))
    detector, own = Detector(rules), (LogSource("x", "", "y"),)
    assert detector.detect_fields({"a": "AN", "b": 1}, own) == [B]
    assert detector.detect_fields({"x": "my.NAME69.txt"}, own) == [A]
    assert detector.detect_fields({"y": "192.0.2.69"}, own) == [A]
    assert detector.detect_fields({"y": "192.0.2.99"}, own) == []
    assert detector.detect_fields({"z": "the alphabet"}, own) == [A]
    assert detector.detect_fields({"z": "nothing"}, own) == []


def test_freezing_again_gives_the_same_bytes() -> None:
    rules = loaded(TEXTS[0], TEXTS[1])
    assert freeze(thaw(freeze(rules))) == freeze(rules)


def test_what_has_no_place_in_the_bytes_is_an_error() -> None:
    with pytest.raises(OverflowError):
        freeze(loaded(rule(A, "    s: {a|hour: 123456789012345678901234567890}\n", "s")))


@pytest.mark.parametrize("data", [b"", b"\xc0", b"{}", freeze(loaded(TEXTS[1]))[:-1]])
def test_other_bytes_are_no_rule_set(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"Input|Expected|Object|decode|truncated"):
        thaw(data)

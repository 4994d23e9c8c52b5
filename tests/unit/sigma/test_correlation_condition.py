"""What the condition of a correlation may say, and what is refused with its line."""

import pytest

from soc.model import Bundle
from soc.sigma.correlation import Alternative, CorrelationCondition, CorrelationRule
from soc.sigma.load import load
from soc.sigma.ruleset import RuleSet

NAMES = ("a", "b", "c")
BASES = "---\n".join(
    f"title: {name}\nname: {name}\nlogsource: {{product: x}}\ndetection: {{s: {{f: {name}}}, condition: s}}\n"
    for name in NAMES
)


def loaded(kind: str, condition: str, rules: str = "[a]") -> RuleSet:
    lines = ["title: x", "name: x", "correlation:", f"  type: {kind}"]
    lines += [f"  rules: {rules}"] * bool(rules) + ["  timespan: 5m"] + [f"  condition: {condition}"] * bool(condition)
    return load(Bundle((("bases.yml", BASES), ("x.yml", "\n".join(lines)))))


def built(kind: str, condition: str, rules: str = "[a]") -> CorrelationRule:
    found = loaded(kind, condition, rules)
    assert found.refused == ()
    return found.correlations["x"]


@pytest.mark.parametrize("operator", ["gte", "gt", "lte", "lt", "eq", "neq"])
@pytest.mark.parametrize(
    "kind", ["event_count", "value_count", "value_sum", "value_avg", "value_percentile", "value_median"]
)
def test_every_comparison_is_taken_for_every_type(kind: str, operator: str) -> None:
    field = "" if kind == "event_count" else ", field: bytes"
    percentile = ", percentile: 99.9" if kind == "value_percentile" else ""
    wanted = CorrelationCondition(
        operator,  # pyright: ignore[reportArgumentType]
        2.5,
        ("bytes",) if field else (),
        99.9 if percentile else None,
    )
    assert built(kind, f"{{{operator}: 2.5{field}{percentile}}}").condition == wanted


def test_a_large_number_keeps_its_last_digit() -> None:
    condition = built("value_sum", "{gte: 9007199254740993, field: bytes}").condition
    assert condition is not None
    assert condition.count == 9007199254740993


def test_several_fields_are_counted_together() -> None:
    condition = built("value_count", "{gte: 2, field: [host, user]}").condition
    assert condition == CorrelationCondition("gte", 2, ("host", "user"))


def test_a_number_of_rules_may_be_compared() -> None:
    rule = built("temporal", "{gte: 2}", "[a, b, c]")
    assert (rule.condition, rule.alternatives) == (CorrelationCondition("gte", 2), ())


def test_in_order_a_rule_may_be_written_twice_and_gets_each_event_once() -> None:
    rules = loaded("temporal_ordered", "", "[a, b, a]")
    assert rules.correlations["x"].rules == ("a", "b", "a")
    assert rules.feeds == {"a": ("x",), "b": ("x",)}
    assert built("temporal", "", "[a, b, a]").rules == ("a", "b")


@pytest.mark.parametrize(
    ("condition", "alternatives"),
    [
        ("a", ["a"]),
        ("a and not b", ["a -b"]),
        ("not (a or not b)", ["b -a"]),
        ("a or b and c", ["a", "b c"]),
        ("(a or b) and c", ["a c", "b c"]),
        ("a and not (b and c)", ["a -b", "a -c"]),
        ("a or a and b", ["a"]),
        ("(a and not a) or b", ["b"]),
        ("c and a", ["a c"]),
        ("not b", [" -b"]),
    ],
)
def test_and_or_not_become_alternatives(condition: str, alternatives: list[str]) -> None:
    wanted: set[Alternative] = set()
    for text in alternatives:
        present, _, absent = text.partition(" -")
        wanted.add(Alternative(tuple(present.split()), frozenset(absent.split())))
    names = sorted(name for name in NAMES if name in condition.replace("and", ""))
    assert set(built("temporal", condition, f"[{', '.join(names)}]").alternatives) == wanted


def test_without_rules_those_of_the_condition_are_meant_in_its_order() -> None:
    rule = built("temporal_ordered", "c and not b and a", rules="")
    assert rule.rules == ("c", "b", "a")
    assert rule.alternatives == (Alternative(("c", "a"), frozenset("b")),)


def test_the_digest_changes_with_the_condition() -> None:
    digests = {
        built("temporal", condition, "[a, b]").digest
        for condition in ("a and b", "a or b", "a and not b", "{gte: 1}", "")
    }
    assert len(digests) == 5


@pytest.mark.parametrize(
    ("kind", "condition", "rules", "line", "words"),
    [
        ("value_percentile", "{gte: 1, field: f}", "[a]", 7, "needs a percentile"),
        ("value_percentile", "{gte: 1, field: f, percentile: 101}", "[a]", 7, "no percentile"),
        ("value_percentile", "{gte: 1, field: f, percentile: -1}", "[a]", 7, "no percentile"),
        ("value_percentile", "{gte: 1, field: f, percentile: high}", "[a]", 7, "high"),
        ("value_percentile", "{gte: 1, field: f, percentile: .inf}", "[a]", 1, "infinity"),
        ("value_sum", "{gte: 1, field: f, percentile: 50}", "[a]", 7, "takes no percentile"),
        ("value_sum", "{gte: 1, field: [f, g]}", "[a]", 7, "one field"),
        ("value_sum", "{gte: 1}", "[a]", 3, "field"),
        ("value_avg", "{gte: .inf, field: f}", "[a]", 7, "inf"),
        ("value_count", "{gte: 1, field: []}", "[a]", 7, "name of a field"),
        ("value_count", "{gte: 1, field: {f: g}}", "[a]", 7, "name of a field"),
        ("value_median", "{gte: 1, lt: 5, field: f}", "[a]", 7, "exactly one"),
        ("temporal", "{gte: 2, field: f}", "[a, b]", 7, "takes no field"),
        ("temporal", "a and not a", "[a]", 7, "never hold"),
        ("temporal", "a and", "[a]", 7, "arse"),
        ("temporal", "a and b", "[a]", 7, "not defined"),
        ("temporal", "a", "[a, b]", 7, "not referenced"),
        ("temporal", "a and nobody", "", 6, "does not exist"),
        ("event_count", "a and b", "[a, b]", 3, "Extended"),
        ("temporal_ordered", "{lt: 2}", "[a, b, a, b, a, b, a, b, a]", 7, "more than 8"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_with_its_line(
    kind: str, condition: str, rules: str, line: int, words: str
) -> None:
    found = loaded(kind, condition, rules)
    assert found.correlations == {}
    (error,) = found.refused
    assert words in error.reason
    assert (error.path, error.line) == ("x.yml", line)


def test_a_condition_with_too_many_alternatives_is_refused() -> None:
    names = [f"r{number}" for number in range(20)]
    bases = "---\n".join(
        f"title: {name}\nname: {name}\nlogsource: {{product: x}}\ndetection: {{s: {{f: {name}}}, condition: s}}\n"
        for name in names
    )
    pairs = " and ".join(f"({one} or {other})" for one, other in zip(names[::2], names[1::2], strict=True))
    text = f"title: x\nname: x\ncorrelation: {{type: temporal, timespan: 5m, condition: {pairs}}}\n"
    (error,) = load(Bundle((("b.yml", bases), ("x.yml", text)))).refused
    assert "more than 256" in error.reason

"""Who gets which detection, with which group, value and body."""

from typing import Any

from soc.detect.detector import Detector
from soc.detect.feed import GROUPS_AN_EVENT, Sampler, feed, feed_episode
from soc.model import Bundle, Detection, Episode, Event, LogSource, Member
from soc.sigma.load import load
from soc.sigma.ruleset import RuleSet

BASE = """\
title: Base
name: base
logsource: {product: x}
detection: {s: {a: 1}, condition: s}
"""


def correlation(name: str, rules: str, body: str) -> str:
    return f"title: {name}\nname: {name}\ncorrelation: {{rules: {rules}, timespan: 1m, {body}}}\n"


COUNT = correlation("count", "base", "type: event_count, group-by: [src, who], condition: {gte: 3}")
VALUES = correlation("values", "base", "type: value_count, condition: {gte: 3, field: port}")
PARENT = correlation(
    "parent", "count", "type: event_count, group-by: [addr], aliases: {addr: {count: src}}, condition: {gte: 2}"
)
DISTINCT = correlation("distinct", "count", "type: value_count, condition: {gte: 2, field: who}")


def loaded(*texts: str) -> RuleSet:
    rules = load(Bundle((("f.yml", "---\n".join(texts)),)))
    assert rules.refused == ()
    return rules


def fed(
    rules: RuleSet, fields: dict[str, Any], sampler: Sampler | None = None, event_id: str = "e1", **more: Any
) -> list[tuple[bytes, Detection]]:
    event = Event(event_id, "fw", 10, 20, 30, {"a": 1, **fields}, (LogSource("x"),), **more)
    return feed(event, Detector(rules).detect(event), rules, sampler or Sampler())


def test_a_rule_that_feeds_nothing_raises_an_alert_with_the_event() -> None:
    rules = loaded(BASE)
    ((key, detection),) = fed(rules, {"b": 2}, time_flags=("late",))
    assert detection == Detection(
        "base",
        rules.hash,
        "",
        (),
        None,
        "e1",
        "fw",
        20,
        20,
        30,
        late=True,
        fields={"a": 1, "b": 2},
        matched=(("a", "1"),),
    )
    assert fed(rules, {}, event_id="e2")[0][0] != key


def test_a_muted_rule_feeds_its_correlation_by_group_and_raises_nothing() -> None:
    ((_, detection),) = fed(loaded(BASE, COUNT), {"src": "192.0.2.1", "who": 7})
    assert (detection.target, detection.group, detection.value, detection.time) == (
        "count",
        ("192.0.2.1", "7"),
        None,
        20,
    )


def test_a_rule_whose_correlation_generates_does_both() -> None:
    generating = COUNT.replace("timespan", "generate: true, timespan")
    targets = [d.target for _, d in fed(loaded(BASE, generating, VALUES), {"src": "s", "who": "w", "port": 1})]
    assert targets == ["", "count", "values"]


def test_a_missing_null_or_empty_group_by_field_forms_no_group() -> None:
    rules = loaded(BASE, COUNT)
    for fields in ({"src": "s"}, {"src": "s", "who": None}, {"src": "s", "who": []}, {"src": "s", "who": [None]}):
        assert fed(rules, fields) == []
    assert fed(rules, {"src": "s", "who": ""})[0][1].group == ("s", ""), "empty is a value"


def test_equal_groups_have_equal_keys_and_others_do_not() -> None:
    rules = loaded(BASE, COUNT, VALUES)

    def keys(**fields: Any) -> list[bytes]:
        return [key for key, _ in fed(rules, fields)]

    assert keys(src="a", who="b", port=1) == keys(src="a", who="b", port=2)
    assert (
        len(
            {*keys(src="a", who="b"), *keys(src="ab", who=""), *keys(src="b", who="a"), *keys(src="a", who="b", port=1)}
        )
        == 4
    )


def test_a_list_in_a_group_by_field_puts_the_event_into_each_group() -> None:
    rules = loaded(BASE, COUNT)
    groups = [d.group for _, d in fed(rules, {"src": ["a", "b", "a"], "who": ["x", "y"]})]
    assert groups == [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")]
    assert len(fed(rules, {"src": list(range(1000)), "who": list(range(1000))})) == GROUPS_AN_EVENT


def test_a_value_count_gets_its_value_as_text_and_nothing_without_one() -> None:
    rules = loaded(BASE, VALUES)
    assert [fed(rules, {"port": port})[0][1].value for port in (443, "443", 443.0)] == ["443"] * 3
    assert fed(rules, {"port": ["80", 443]})[0][1].value == "443, 80"
    assert fed(rules, {}) == []


def test_several_counted_fields_are_one_value_that_tells_their_combinations_apart() -> None:
    several = VALUES.replace("field: port", "field: [host, port]")
    rules = loaded(BASE, several)
    values = [fed(rules, fields)[0][1].value for fields in ({"host": "a", "port": "bc"}, {"host": "ab", "port": "c"})]
    assert values == ['["a","bc"]', '["ab","c"]']
    assert fed(rules, {"host": "a"}) == []


def test_a_number_to_reckon_with_goes_as_its_text_and_nothing_goes_without_one() -> None:
    rules = loaded(BASE, correlation("total", "base", "type: value_sum, condition: {gte: 3, field: bytes}"))
    assert [fed(rules, {"bytes": value})[0][1].value for value in (12, 12.5, "1e3", [7], "many")] == [
        "12",
        "12.5",
        "1e3",
        "7",
        "many",
    ]
    assert [fed(rules, fields) for fields in ({}, {"bytes": None}, {"bytes": []})] == [[], [], []]


def test_only_the_first_few_of_a_group_carry_the_event_in_one_unit_of_work() -> None:
    rules, sampler = loaded(BASE, COUNT), Sampler(samples=2)

    def bodies(src: str) -> list[bool]:
        found = [d for i in range(4) for _, d in fed(rules, {"src": src, "who": "w"}, sampler, event_id=f"e{i}")]
        assert all(bool(d.fields) == bool(d.matched) for d in found)
        return [d.fields is not None for d in found]

    assert bodies("a") == [True, True, False, False]
    assert bodies("b") == [True, True, False, False]
    assert bodies("a") == [False] * 4
    sampler.start()
    assert bodies("a") == [True, True, False, False]


def episode(**changes: Any) -> Episode:
    member = Member("e1", "base", "fw", 5, 77)
    base: dict[str, Any] = {
        "id": "202611-x",
        "key": "k",
        "revision": 3,
        "rule": "count",
        "rule_set": "h",
        "type": "event_count",
        "group": (("src", "192.0.2.1"), ("who", "an")),
        "start": 5,
        "end": 9,
        "count": 3,
        "members": ("e1",),
        "sample": (member,),
    }
    return Episode(**(base | changes))


def test_an_episode_feeds_its_parents_by_the_childs_group_through_aliases() -> None:
    rules = loaded(BASE, COUNT, PARENT, DISTINCT)
    first, second = (d for _, d in feed_episode(episode(late=True), rules))
    assert first == Detection(
        "count",
        "h",
        "parent",
        ("192.0.2.1",),
        None,
        "202611-x",
        "",
        9,
        5,
        77,
        late=True,
        child_revision=3,
        retracted=False,
    )
    assert (second.target, second.group, second.value) == ("distinct", (), "an")


def test_an_episode_without_the_parents_group_feeds_nothing() -> None:
    assert feed_episode(episode(group=(("who", "an"),)), loaded(BASE, COUNT, PARENT)) == []
    assert feed_episode(episode(rule="parent"), loaded(BASE, COUNT, PARENT)) == []


def test_a_retracted_or_merged_episode_says_so_under_the_same_key() -> None:
    rules = loaded(BASE, COUNT, PARENT)
    ((live, _),) = feed_episode(episode(), rules)
    for state in ("retracted", "merged"):
        ((key, detection),) = feed_episode(episode(state=state), rules)
        assert key == live
        assert detection.retracted

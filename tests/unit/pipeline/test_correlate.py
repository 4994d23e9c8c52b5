"""Correlation while rules change: each detection under its own set, unchanged rules go on, what went leaves nothing behind."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.pipeline.rule_sets_support import T0, KnownSets, base, change, counting, detection, published, records

from soc.clock import SECOND
from soc.errors import LogMismatchError
from soc.model import Detection, Episode, RulesChange, Watermark, decode
from soc.pipeline import pace
from soc.pipeline.correlate import IN_USE, RULE_SET, Correlate, CorrelateSettings
from soc.pipeline.table import DETECTIONS, EPISODES

FAILED, OTHER = base("failed"), base("other")
OLD = published(
    FAILED, OTHER, counting("same", "failed", 3), counting("changed", "failed", 3), counting("removed", "failed", 3)
)
NEW = published(
    FAILED, OTHER, counting("same", "failed", 3), counting("changed", "failed", 2), counting("added", "other", 2)
)
BOUNDS = CorrelateSettings(600 * SECOND, 2, 1000, 1000)


@pytest.fixture(autouse=True)
def _nothing_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "PACE_SECONDS", 0.0)


class Run:
    """One partition of correlate, committed after each step."""

    def __init__(self, *sets: Any, state: dict[bytes, bytes] | None = None) -> None:
        self.sets = KnownSets(*(sets or (OLD, NEW)))
        self.state: dict[bytes, bytes] = dict(state or {})
        self.episodes: dict[str, Episode] = {}
        self.fed: list[Detection] = []
        self.told: list[str] = []
        self.start()

    def start(self) -> None:
        """Take over: only the committed state is left."""
        self._stage = Correlate(self.sets, BOUNDS, self.told.append)
        self._stage.restore(self.state)

    def take(self, *items: Detection | Watermark | RulesChange) -> None:
        """One batch."""
        work = asyncio.run(self._stage.step(records(*items), T0))
        for key, value in work.state.items():
            if value is None:
                self.state.pop(key, None)
            else:
                self.state[key] = value
        for message in work.outputs:
            if message.topic == EPISODES:
                episode = decode(message.value, Episode)
                self.episodes[episode.id] = episode
            elif message.topic == DETECTIONS:
                self.fed.append(decode(message.value, Detection))

    def live(self) -> set[tuple[str, str, tuple[str, ...]]]:
        """(rule, members, set) of what is found."""
        return {(e.rule, e.members, e.rule_set) for e in self.episodes.values() if e.state == "live"}

    def found(self) -> dict[str, tuple[str, ...]]:
        """Rule → members; each rule at most once."""
        found = {e.rule: e.members for e in self.episodes.values() if e.state == "live"}
        assert len(found) == len([e for e in self.episodes.values() if e.state == "live"])
        return found


def fed(rules: Any, number: int) -> list[Detection]:
    """What the engine writes of one failed log-on under a set."""
    return [detection(rules, target, number) for target in rules.feeds.get("failed", ())]


def started() -> Run:
    run = Run()
    run.take(change(0, OLD), change(1, OLD))
    return run


def test_a_rule_that_stays_fires_once_with_members_from_before_and_after():
    run = started()
    run.take(*fed(OLD, 1), *fed(OLD, 2))
    run.take(change(0, NEW), *fed(NEW, 3))
    run.take(change(1, NEW), *fed(NEW, 4))
    assert run.found()["same"] == ("e1", "e2", "e3", "e4")


def test_a_changed_rule_finds_only_what_each_version_was_given():
    run = started()
    run.take(*fed(OLD, 1), *fed(OLD, 2))
    run.take(change(0, NEW), *fed(NEW, 3))
    assert "changed" not in run.found()  # three events, but two under the old threshold and one under the new
    run.take(*fed(NEW, 4))
    assert run.live() >= {("changed", ("e3", "e4"), NEW.hash)}


def test_an_old_version_goes_on_until_the_last_raw_partition_is_read_with_the_new_set():
    run = started()
    run.take(*fed(OLD, 1), *fed(OLD, 2))
    run.take(change(0, NEW))
    run.take(*fed(OLD, 3))  # from the other partition, which is behind
    assert run.live() >= {("changed", ("e1", "e2", "e3"), OLD.hash), ("removed", ("e1", "e2", "e3"), OLD.hash)}
    run.take(change(1, NEW))
    before = dict(run.episodes)
    run.take(*fed(NEW, 4))
    assert {e.rule for i, e in run.episodes.items() if before.get(i) != e} == {"same"}


def test_a_version_that_went_leaves_no_state_behind_and_its_alerts_stay():
    run = started()
    run.take(*fed(OLD, 1), *fed(OLD, 2), *fed(OLD, 3))
    kept = len(run.state)
    run.take(change(0, NEW))
    assert len(run.state) == kept
    run.take(change(1, NEW))
    assert len(run.state) < kept
    assert {e.rule: e.members for e in run.episodes.values()} == dict.fromkeys(
        ("same", "changed", "removed"), ("e1", "e2", "e3")
    )


def test_a_set_that_is_published_again_is_the_newest_again_and_its_rules_begin_anew():
    run = started()
    run.take(*fed(OLD, 1), *fed(OLD, 2))
    run.take(change(0, NEW), change(1, NEW), *fed(NEW, 3))
    run.sets.sets.append(OLD)
    run.take(change(0, OLD), *fed(OLD, 4), *fed(NEW, 5))
    run.take(*fed(OLD, 6))
    assert {rule: members for rule, members, _ in run.live()} == {
        "same": ("e1", "e2", "e3", "e4", "e5", "e6"),
        "changed": ("e3", "e5"),
    }
    run.take(change(1, OLD), *fed(OLD, 7))
    assert run.live() >= {
        ("changed", ("e4", "e6", "e7"), OLD.hash),
        ("removed", ("e4", "e6", "e7"), OLD.hash),
        ("changed", ("e3", "e5"), NEW.hash),
    }
    assert run.state[RULE_SET] == OLD.hash.encode()


def test_a_detection_of_a_new_set_that_comes_before_its_announcement_is_not_lost():
    run = started()
    first, second = (detection(NEW, "added", number) for number in (1, 2))
    run.take(first)
    run.take(*fed(OLD, 3), second)
    run.take(change(0, NEW), change(1, NEW))
    assert run.found()["added"] == ("e1", "e2")


def test_a_detection_of_a_set_that_nobody_is_read_with_counts_where_the_rule_is_the_same():
    run = started()
    run.take(change(0, NEW), change(1, NEW))
    run.take(*fed(OLD, 1), *fed(OLD, 2), *fed(OLD, 3))
    assert run.found() == {"same": ("e1", "e2", "e3")}


def test_an_alert_of_a_single_event_keeps_the_set_it_was_made_with():
    run = started()
    alone = detection(OLD, "", 1, rule="other")
    run.take(change(0, NEW), alone)
    assert run.live() == {("other", ("e1",), OLD.hash)}


def test_a_set_that_is_not_on_the_bus_stops_the_stage():
    run = Run(OLD)
    with pytest.raises(LogMismatchError):
        run.take(change(0, NEW))


def test_the_newest_set_in_use_is_told():
    run = started()
    run.take(change(1, NEW))
    assert run.told == [OLD.hash, NEW.hash]
    run.start()
    run.take()
    assert run.told[-1] == NEW.hash


def test_a_state_from_before_sets_were_counted_goes_on():
    run = started()
    run.take(*fed(OLD, 1), *fed(OLD, 2))
    del run.state[IN_USE]
    run.start()
    run.take(*fed(OLD, 3))
    assert run.found()["same"] == ("e1", "e2", "e3")
    assert run.state[RULE_SET] == OLD.hash.encode()


CHILD = counting("child", "failed", 2)
PARENT_OLD = published(FAILED, CHILD, counting("parent", "child", 1))
PARENT_NEW = published(FAILED, CHILD, counting("parent", "child", 2), counting("aunt", "child", 1))


def test_a_child_that_stays_feeds_the_old_and_the_new_version_of_its_parent():
    run = Run(PARENT_OLD, PARENT_NEW)
    run.take(change(0, PARENT_OLD), change(1, PARENT_OLD))
    run.take(detection(PARENT_OLD, "child", 1))
    run.take(change(0, PARENT_NEW), detection(PARENT_NEW, "child", 2))
    assert sorted((d.target, d.rule_set) for d in run.fed) == sorted(
        [("parent", PARENT_OLD.hash), ("parent", PARENT_NEW.hash), ("aunt", PARENT_NEW.hash)]
    )
    assert not run.episodes[next(iter(run.episodes))].rule.count("@")
    run.take(*run.fed)
    fired = {(e.rule, e.rule_set) for e in run.episodes.values()}
    assert fired == {("child", PARENT_NEW.hash), ("parent", PARENT_OLD.hash), ("aunt", PARENT_NEW.hash)}


def test_a_child_that_changes_keeps_its_old_parent_until_both_go():
    old = published(FAILED, CHILD, counting("parent", "child", 1))
    new = published(FAILED, counting("child", "failed", 5), counting("parent", "child", 1))
    run = Run(old, new)
    run.take(change(0, old), change(1, old), detection(old, "child", 1))
    run.take(change(0, new), detection(old, "child", 2))
    assert [(d.rule, d.target, d.rule_set) for d in run.fed] == [("child", "parent", old.hash)]
    run.take(*run.fed)
    assert {(e.rule, e.rule_set) for e in run.episodes.values()} == {("child", old.hash), ("parent", old.hash)}


def test_an_old_rule_with_an_absence_still_knows_the_old_version_of_what_must_be_absent():
    absence = """
title: Without a child
name: without
correlation:
    type: temporal
    rules: [other, child]
    group-by: [source.ip]
    timespan: 1m
    condition: other and not child
"""
    old = published(FAILED, OTHER, CHILD, absence)
    new = published(FAILED, OTHER, counting("child", "failed", 5), absence)
    run = Run(old, new)
    run.take(change(0, old), change(1, old), detection(old, "child", 1))
    run.take(change(0, new))
    run.take(detection(old, "without", 2, rule="other"), detection(old, "child", 3))
    run.take(*[one for one in run.fed if one.rule_set == old.hash])
    later = T0 + 10_000 * SECOND
    for _ in range(3):
        run.take(Watermark(0, later), Watermark(1, later))
    assert "without" not in run.found()
    assert run.live() == {("child", ("e1", "e3"), old.hash)}


def test_an_event_that_alerts_and_feeds_counts_once_in_a_correlation_without_groups():
    rules = published(
        FAILED,
        """
title: Many
name: many
correlation: {type: event_count, rules: [failed], timespan: 1m, condition: {gte: 3}, generate: true}
""",
    )
    run = Run(rules)
    run.take(change(0, rules), change(1, rules))
    for number in (1, 2):
        run.take(detection(rules, "", number, rule="failed"), detection(rules, "many", number))
        run.take(*run.fed)
    assert {episode.rule for episode in run.episodes.values()} == {"failed"}


STREAM: list[list[Detection | Watermark | RulesChange]] = [
    [change(0, OLD), change(1, OLD), *fed(OLD, 1)],
    [*fed(OLD, 2), change(0, NEW)],
    [*fed(NEW, 3), *fed(OLD, 4), detection(NEW, "added", 5)],
    [Watermark(0, T0 + 5 * SECOND), *fed(OLD, 6)],
    [change(1, NEW), *fed(NEW, 7), detection(NEW, "added", 8)],
    [Watermark(1, T0 + 9 * SECOND), *fed(NEW, 9)],
]


@settings(max_examples=30, deadline=None)
@given(cuts=st.sets(st.integers(0, len(STREAM) - 1)))
def test_a_take_over_at_any_point_of_a_change_changes_nothing(cuts: set[int]):
    undisturbed, disturbed = Run(), Run()
    for at, batch in enumerate(STREAM):
        undisturbed.take(*batch)
        if at in cuts:
            disturbed.start()
        disturbed.take(*batch)
    assert disturbed.episodes == undisturbed.episodes
    assert disturbed.state == undisturbed.state


def _batches(items: Sequence[Any], sizes: Sequence[int]) -> list[list[Any]]:
    found: list[list[Any]] = []
    rest = list(items)
    for size in sizes:
        found.append(rest[:size])
        rest = rest[size:]
    return [*found, rest]


@settings(max_examples=40, deadline=None)
@given(order=st.permutations([0] * 9 + [1] * 9), sizes=st.lists(st.integers(1, 6), max_size=6))
def test_however_two_raw_partitions_interleave_the_same_is_found(order: list[int], sizes: list[int]):
    queues = [
        [change(0, OLD), *fed(OLD, 1), *fed(OLD, 2), change(0, NEW), *fed(NEW, 5)][:9],
        [change(1, OLD), *fed(OLD, 3), *fed(OLD, 4)[:2], change(1, NEW), *fed(NEW, 6)][:9],
    ]
    run = Run()
    stream = [queues[number].pop(0) for number in order if queues[number]] + queues[0] + queues[1]
    for batch in _batches(stream, sizes):
        run.take(*batch)
    assert run.found()["same"] == ("e1", "e2", "e3", "e4", "e5", "e6")

"""What a correlator says, one behaviour at a time. Times are small numbers; a window is drawn as [first..last]."""

import re
from datetime import datetime

import pytest
from correlate_streams import FAR, Run, correlator, hit, mark, rule

from soc.clock import to_micros
from soc.correlate.correlator import latenesses


def states(outcome):
    return [(one.id, one.revision, one.state, one.count) for one in outcome.episodes]


def test_it_fires_as_soon_as_the_condition_holds_and_revises_as_more_arrives():
    run = Run(correlator(rule(count=3)))
    assert run.batch([hit("e1", 1), hit("e2", 2)]).episodes == []
    (first,) = run.batch([hit("e3", 3)]).episodes
    (second,) = run.batch([hit("e4", 4)]).episodes
    assert (first.revision, first.count, first.members) == (1, 3, ("e1", "e2", "e3"))
    assert (second.id, second.revision, second.count) == (first.id, 2, 4)
    assert first.key != second.key


def test_an_id_is_the_month_and_a_digest_and_stays_when_earlier_events_come():
    november = to_micros(datetime.fromisoformat("2026-11-30T23:59:59+00:00"))
    run = Run(correlator(rule(count=2), lateness=100))
    (first,) = run.batch([hit("e2", november), hit("e3", november + 1)]).episodes
    (second,) = run.batch([hit("e1", november - 1)]).episodes
    assert re.fullmatch(r"202611-[a-z2-7]{26}", first.id)
    assert (second.id, second.start, second.members[0]) == (first.id, november - 1, "e1")


def test_of_two_that_merge_the_one_fired_first_survives():
    #   e4 e5          e1 e2        fired second, fired first
    #         e3 e6                 joins them
    run = Run(correlator(rule(count=2, timespan=5), lateness=100))
    (first,) = run.batch([hit("e1", 20), hit("e2", 21)]).episodes
    (second,) = run.batch([hit("e4", 6), hit("e5", 7)]).episodes
    outcome = run.batch([hit("e3", 11), hit("e6", 16)])
    merged, survivor = sorted(outcome.episodes, key=lambda one: one.state == "live")
    assert (survivor.id, survivor.state, survivor.count, survivor.revision) == (first.id, "live", 6, 2)
    assert (merged.id, merged.state, merged.merged_into, merged.revision) == (second.id, "merged", first.id, 2)


def test_a_run_that_splits_keeps_its_id_where_its_first_event_is():
    parent = rule(count=2, timespan=5, rules=("child",), id_="p")
    run = Run(correlator(parent, lateness=100))

    def child(name, time, revision=1, **more):
        return hit(name, time, by="child", target="p", revision=revision, **more)

    (whole,) = run.batch([child("k3", 10), child("k4", 12)]).episodes
    run.batch([child("k1", 0), child("k2", 2), child("bridge", 6)])
    assert len(run.fold.live) == 1
    outcome = run.batch([child("bridge", 6, 2, retracted=True)])
    live = {one.members: one.id for one in outcome.episodes}
    assert live[("k3", "k4")] == whole.id
    assert live[("k1", "k2")] != whole.id


def test_an_episode_that_no_longer_holds_is_retracted_and_its_id_goes_on_when_it_holds_again():
    run = Run(correlator(rule(count=2, rules=("child",)), lateness=100))
    (fired,) = run.batch([hit("k1", 1, by="child", revision=1), hit("k2", 2, by="child", revision=1)]).episodes
    (gone,) = run.batch([hit("k2", 2, by="child", revision=2, retracted=True)]).episodes
    assert (gone.id, gone.state, gone.revision) == (fired.id, "retracted", 2)
    (again,) = run.batch([hit("k3", 3, by="child", revision=1)]).episodes
    assert (again.id, again.state, again.revision) == (fired.id, "live", 3)


def test_a_revision_that_comes_after_a_newer_one_changes_nothing():
    run = Run(correlator(rule(count=1, rules=("child",)), lateness=100))
    run.batch([hit("k1", 1, by="child", revision=2, retracted=True)])
    assert run.batch([hit("k1", 1, by="child", revision=1)]).episodes == []


def test_what_is_decided_at_the_end_of_a_window_fires_when_the_watermark_passes_it_and_not_before():
    run = Run(correlator(rule(op="lt", count=2, timespan=10), lateness=5))
    assert run.batch([hit("e1", 100), mark(115)]).episodes == []  # something at 110 could still come
    (fired,) = run.batch([mark(116)]).episodes
    assert fired.members == ("e1",)


def test_an_absence_fires_although_its_only_source_is_dead():
    run = Run(correlator(rule(op="lt", count=2, timespan=10), lateness=5))
    assert run.batch([hit("e1", 100), mark(100), mark(115, idle=True)]).episodes == []
    (fired,) = run.batch([mark(116, idle=True)]).episodes
    assert fired.members == ("e1",)


def test_every_partition_must_have_spoken_and_the_slowest_counts():
    run = Run(correlator(rule(op="lt", count=2, timespan=10), raw_partitions=3))
    run.batch([hit("e1", 100), mark(500), mark(600, 1, idle=True)])
    assert run.machine.watermark < 0
    assert len(run.batch([mark(400, 2)]).episodes) == 1
    assert run.machine.watermark == 400


def test_the_watermark_never_goes_back():
    run = Run(correlator(rule(), raw_partitions=2))
    run.batch([mark(500), mark(600, 1)])
    run.batch([mark(40, 1)])
    assert run.machine.watermark == 500


def test_a_late_event_is_counted_and_marks_the_episode_it_would_have_touched_once():
    run = Run(correlator(rule(count=2, timespan=10), lateness=5))
    run.batch([hit("e1", 100), hit("e2", 101)])
    outcome = run.batch([mark(107), hit("e3", 101), hit("e4", 99), hit("e1", 100)])
    assert outcome.late == {"c": 2}
    (marked,) = outcome.episodes
    assert (marked.late, marked.members, marked.revision) == (True, ("e1", "e2"), 2)
    assert run.batch([hit("e5", 98)]).episodes == []


def test_an_event_exactly_at_the_watermark_minus_the_lateness_is_not_late():
    run = Run(correlator(rule(count=1), lateness=5))
    outcome = run.batch([mark(105), hit("e1", 100), hit("e2", 99)])
    assert (outcome.late, outcome.episodes[0].members) == ({"c": 1}, ("e1",))


def test_an_event_of_the_next_century_fires_nothing_hides_nothing_and_still_correlates():
    century = 100 * 365 * 86400 * 10**6
    run = Run(correlator(rule(count=2), lateness=5))
    run.batch([hit("far1", century), hit("e1", 1), mark(2)])
    (near,) = run.batch([hit("e2", 3)]).episodes
    (far,) = run.batch([mark(50), hit("far2", century + 1)]).episodes
    assert (near.members, far.members) == (("e1", "e2"), ("far1", "far2"))


def test_a_single_event_rule_gives_the_same_episode_each_time_the_event_comes():
    run = correlator(rule())
    one = hit("e1", 5, target="", group=())
    (first,), (second,) = run.apply([one]).episodes, run.apply([one]).episodes
    assert first == second
    assert (first.type, first.group, first.count, first.members, first.revision) == ("event", (), 1, ("e1",), 1)
    assert first.id.startswith("197001-")


def test_the_fullest_group_forgets_its_oldest_events_and_its_episode_still_counts_them():
    run = Run(correlator(rule(count=2, timespan=1000), max_events=10, max_members=4))
    evicted = sum(run.batch([hit(f"e{n:02}", n)]).evicted["c"] for n in range(30))
    (episode,) = [one for one in run.fold.latest.values() if one.state == "live"]
    assert (evicted, episode.count, episode.start, episode.end) == (20, 30, 0, 29)
    assert episode.members == ("e00", "e01", "e02", "e03")


def test_the_group_that_was_quiet_longest_goes_when_there_are_too_many():
    run = Run(correlator(rule(count=2), max_groups=2, lateness=100))
    run.batch([hit("e1", 1, group=("old",)), hit("e2", 5, group=("new",))])
    outcome = run.batch([hit("e3", 6, group=("newer",))])
    assert (outcome.evicted_groups, outcome.evicted) == ({"c": 1}, {"c": 1})
    assert run.batch([hit("e4", 2, group=("old",))]).episodes == []
    assert run.machine.groups == 2


def test_the_sample_holds_the_first_and_the_latest_that_carry_fields():
    run = Run(correlator(rule(count=20, timespan=100)))
    (episode,) = run.batch([hit(f"e{n:02}", n, fields={"n": n} if n != 1 else None) for n in range(20)]).episodes
    assert [one.fields["n"] for one in episode.sample] == [0, 2, 3, 17, 18, 19]


def test_a_busy_group_keeps_the_fields_of_one_event_in_eight_and_a_full_sample():
    run = Run(correlator(rule(count=20, timespan=1000)))
    for first in range(0, 400, 10):
        (*_, episode) = run.batch([hit(f"e{n:03}", n, fields={"n": n}) for n in range(first, first + 10)]).episodes or [
            None
        ]
    (group,) = run.machine._rules["c"].groups.values()
    assert sum(entry.fields is not None for entry in group.entries) == 32 + (400 - 32) // 8
    assert [one.fields["n"] for one in episode.sample] == [0, 1, 2, 376, 384, 392]


def test_the_sample_of_a_temporal_rule_shows_each_rule_however_late_it_comes():
    run = Run(correlator(rule("temporal", rules=("a", "b"), timespan=1000)))
    for first in range(0, 400, 10):
        run.batch([hit(f"e{n:03}", n, fields={"n": n}) for n in range(first, first + 10)])
    (episode,) = run.batch([hit("mid", 401, by="b", fields={"n": "b"})]).episodes
    assert ("b", "b") in [(one.rule, one.fields["n"]) for one in episode.sample if one.fields]


def test_the_sample_of_a_temporal_rule_shows_each_rule():
    run = Run(correlator(rule("temporal", rules=("a", "b"), timespan=100)))
    hits = [hit(f"e{n}", n, fields={"n": n}) for n in range(9)] + [hit("mid", 4, by="b", fields={"n": "b"})]
    (episode,) = run.batch(hits).episodes
    assert {one.rule for one in episode.sample} == {"a", "b"}
    assert len(episode.sample) == 7


def test_an_unchanged_rule_keeps_its_state_over_a_reload_and_a_removed_one_leaves_nothing():
    kept, gone = rule(count=2, digest="same"), rule(id_="gone", count=2)
    run = Run(correlator(kept, gone))
    run.batch([hit("e1", 1), hit("x1", 1, target="gone")])
    before = len(run.state)
    run.machine = correlator(kept, rule(id_="new", count=2), hash_="other")
    run.machine.restore(run.state | {b"rule_set": b"a key of the stage itself"})
    outcome = run.batch([hit("e2", 2)])
    assert [(one.members, one.rule_set) for one in outcome.episodes] == [(("e1", "e2"), "other")]
    assert [key for key, value in outcome.state.items() if value is None] != []
    assert len(run.state) == before  # the removed rule's piece went, the head of the episode came
    run.machine = correlator(rule(count=2, digest="changed"))
    run.machine.restore(run.state)
    assert run.batch([hit("e3", 3)]).episodes == []


def test_a_group_of_thousands_is_never_one_record_and_only_touched_records_are_written():
    run = Run(correlator(rule(count=3, timespan=10**6), max_events=10**5))
    run.batch([hit(f"event-{n}", n) for n in range(6000)])
    assert max(len(value) for value in run.state.values()) < 8_000
    outcome = run.batch([hit("one-more", 6001)])
    assert sum(len(value) for value in outcome.state.values()) < 4_000


def test_detections_for_an_unknown_target_or_rule_are_counted_and_do_no_harm():
    outcome = correlator(rule()).apply([hit("e1", 1, target="nobody"), hit("e2", 1, by="stranger")])
    assert outcome.unknown == {"nobody": 1, "c": 1}


def test_the_lateness_of_a_chain_covers_what_its_children_wait_for():
    child = rule(id_="child", timespan=7, lateness=3)
    middle = rule(id_="middle", rules=("child", "a"), timespan=11, depth=2)
    top = rule(id_="top", rules=("middle",), timespan=13, lateness=1, depth=3)
    rules = {one.id: one for one in (top, middle, child)}
    assert latenesses(rules, 5) == {"child": 3, "middle": 5 + 7 + 3, "top": 1 + 11 + 15}


@pytest.mark.parametrize("values", [[4625, "4625"], [1, 1.0, "1"]])
def test_a_number_and_its_text_are_one_value(values):
    run = Run(correlator(rule("value_count", count=2), lateness=10))
    run.batch([hit(f"e{n}", n, value=value) for n, value in enumerate(values)])
    assert run.end() == set()


def test_nothing_is_left_of_anything_after_the_end():
    run = Run(correlator(rule(count=2), rule("temporal", rules=("a", "b"), id_="d"), lateness=5))
    run.batch([hit("e1", 1), hit("e2", 2), hit("e1", 1, target="d"), hit("e3", 2, by="b", target="d")])
    run.batch([mark(FAR)])
    assert (run.machine.groups, set(run.state)) == (0, {b"w"})


def test_what_left_memory_holds_a_run_together_only_as_far_as_its_windows_were_satisfied():
    #   0000   b c   x d     4 within 5: the window of 0 and, with the child k beside d, that of c; never that of b
    #   ├────────┤   k
    run = Run(correlator(rule(count=4, timespan=5, rules=("a", "child"), depth=2), lateness=10))
    run.batch([hit(f"e{n}", 0) for n in range(4)] + [hit("b", 4), hit("c", 5), hit("x", 9), hit("d", 10)])
    run.batch([hit("k", 10, by="child", revision=1)])
    assert {one[3] for one in run.fold.live} == {10}
    run.batch([mark(20)])
    run.batch([])  # depth 2 follows one batch later: what is before 5 leaves memory with the next change
    run.batch([hit("k", 90, by="child", revision=2)])
    assert {one[4] for one in run.end()} == {("e0", "e1", "e2", "e3", "b", "c")}

"""Another rule set in a running correlator: what stayed the same goes on, the rest is forgotten and deleted."""

import random

from correlate_streams import Run, correlator, hit, mark, rule, rule_set
from hypothesis import given, settings
from hypothesis import strategies as st
from test_order import any_rule, arrivals, batches


def test_a_rule_that_stayed_the_same_goes_on_with_what_it_has():
    run = Run(correlator(rule(count=3), lateness=100))
    run.batch([hit("e1", 1), hit("e2", 2)])
    run.machine.adopt(rule_set(rule(count=3), rule(id_="new"), hash_="next"))
    (fired,) = run.batch([hit("e3", 3)]).episodes
    assert (fired.members, fired.rule_set) == (("e1", "e2", "e3"), "next")


def test_it_is_the_digest_that_says_which_rule_is_the_same_whatever_it_is_called_now():
    run = Run(correlator(rule(count=2, digest="same"), lateness=100))
    (before,) = run.batch([hit("e1", 1), hit("e2", 2)]).episodes
    run.machine.adopt(rule_set(rule(count=2, digest="same", id_="c@same")))
    (after,) = run.batch([hit("e3", 3, target="c@same")]).episodes
    assert (after.id, after.revision, after.count, after.rule) == (before.id, 2, 3, "c@same")


def test_a_rule_that_changed_begins_anew_and_its_records_are_deleted_by_the_next_batch():
    run = Run(correlator(rule(count=3, digest="before"), lateness=100))
    run.batch([hit("e1", 1), hit("e2", 2), hit("e1", 1, group=("other",))])
    run.machine.adopt(rule_set(rule(count=3, digest="after")))
    assert run.machine.groups == 0
    run.batch([])
    assert set(run.state) == set()
    assert run.batch([hit("e3", 3)]).episodes == []


def test_time_goes_on_where_it_was_and_a_new_depth_begins_there_too():
    child, parent = rule(count=2, timespan=10), rule(rules=("c",), id_="p", depth=2, timespan=10)
    run = Run(correlator(child, lateness=5))
    run.batch([mark(1000)])
    run.machine.adopt(rule_set(child, parent))
    assert run.machine.watermark == 1000
    outcome = run.batch([hit("k", 900, by="c", target="p", revision=1), hit("e", 900)])
    assert outcome.late == {"c": 1, "p": 1}


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**40).map(random.Random))
def test_adopting_is_the_same_as_a_restart_under_the_other_rule_set_to_the_byte(rng):
    one = any_rule(rng)
    other = [
        rule(count=2, id_="d", digest="d"),
        rule(count=3, id_="d", digest="changed"),
        rule(count=2, id_="d", depth=2),
    ]
    items, lateness = arrivals(rng, one, groups=("u", "v"))
    items += [hit(item.event_id, item.time, target="d") for item in items if hasattr(item, "target")]
    bounds = {"lateness": lateness, "max_events": rng.choice([3, 1000])}
    adopting, restarting = Run(correlator(one, **bounds)), Run(correlator(one, **bounds))
    for part in [*batches(rng, items), []]:
        if rng.random() < 0.5:
            rules = [some for some in (one, rng.choice(other)) if rng.random() < 0.8]
            adopting.machine.adopt(rule_set(*rules))
            restarting.machine = correlator(*rules, **bounds)
            restarting.machine.restore(restarting.state)
            for run in (adopting, restarting):
                run.fold.latest.clear()  # a rule that changed counts its revisions from 1 again
        first, second = adopting.batch(part), restarting.batch(part)
        assert first.episodes == second.episodes
        assert first.late == second.late
        assert adopting.state == restarting.state

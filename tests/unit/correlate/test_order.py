"""Laws of event time: order within the lateness, batch boundaries, duplicates and restarts change nothing.

Hypothesis draws the seed of each input: drawing every time and place by itself took nine tenths of the tests' time.
"""

import random
from itertools import pairwise

from correlate_streams import FAR, Run, as_child, correlator, expected, hit, mark, rule
from hypothesis import given, settings
from hypothesis import strategies as st

from soc.clock import DAY
from soc.correlate.condition import demand_of

SEED = st.integers(0, 2**40).map(random.Random)
QUICK = settings(max_examples=200, deadline=None)
CENTURY = 36_525 * DAY
RECKONED = ["value_sum", "value_avg", "value_percentile", "value_median"]


TYPES = ["event_count", "value_count", "temporal", "temporal_ordered", *RECKONED]
CHOICES = [  # (rules, what occurs and what does not): as the conditions in the comments
    (("a", "b"), [("a", "b")]),  # a and not b
    (("a", "b"), [("", "b")]),  # not b
    (("a", "b", "z"), [("ab", "z")]),  # a and b and not z
    (("b", "a", "z"), [("a", "b"), ("a", "z")]),  # a and not (b and z)
    (("a", "b", "z"), [("ab", ""), ("az", "")]),  # a and (b or z)
    (("z", "a", "b"), [("z", ""), ("ab", "")]),  # z or (a and b)
    (("a", "b"), [("a", ""), ("", "b")]),  # a or not b
    (("a",), [("a", "")]),  # a
]


def any_rule(rng):
    type_ = rng.choice(TYPES)
    op = rng.choice(["gte", "gte", "gte", "gt", "lt", "lte", "eq", "neq"])
    names = rng.choice([("a",), ("a", "b"), ("b", "a"), ("a", "b", "z")])
    if type_ == "temporal_ordered":
        names = rng.choice([names, ("a", "b", "a"), ("a", "a"), ("a", "b", "b", "a")])
    timespan = rng.randint(0, 12)
    if type_ in RECKONED:
        bound = rng.choice([-1, 0, 1, 2.5, 4, 9.75])
        percentile = rng.choice([0, 12.5, 50, 90, 100]) if type_ == "value_percentile" else None
        return rule(type_, op, bound, rules=names, timespan=timespan, percentile=percentile)
    if type_.startswith("temporal") and rng.random() < 0.4:
        names, choices = rng.choice(CHOICES)
        return rule(type_, rules=names, timespan=timespan, choices=choices)
    counted = rng.random() < 0.3
    return rule(type_, op, rng.randint(counted, 4), rules=names, timespan=timespan, counted=counted)


def any_value(rng, rule_):
    if rule_.type == "value_count":
        return rng.choice(["x", "y", "z", None])
    if rule_.type in RECKONED:
        return rng.choice(
            ["0", "1", 2, "2.5", "0.1", "0.2", "1e1", "7", *rng.choice([[], ["-3", "-0.5"]]), "word", None]
        )
    return None


def arrivals(rng, rule_, groups=("u",)):
    """Detections of a rule in an order and with watermarks among them that its lateness allows, with duplicates."""
    lateness = rng.choice([0, 1, 5, 20])
    names = sorted(set(rule_.rules))
    width = rng.choice([8, 25, 60])
    made = []
    for number in range(rng.choice([2, 6, 14, 30])):
        time = rng.randint(0, width)
        group = (rng.choice(groups),)
        rules = rng.sample(names, rng.randint(1, len(names)))
        made += [hit(f"e{number:02}", time, by=by, group=group, value=any_value(rng, rule_)) for by in rules]
    made += rng.choices(made, k=rng.randint(0, 3))
    rng.shuffle(made)
    if rng.random() < 0.5:  # nearly in order, as most inputs are
        made.sort(key=lambda one: one.time + rng.randint(0, 6))
    items = []
    for place, one in enumerate(made):
        items.append(one)
        if rng.random() < 0.4:
            rest = [later.time for later in made[place + 1 :]]
            items.append(mark(min(rest, default=100) + lateness - rng.randint(0, 3)))
    return items, lateness


def batches(rng, items):
    edges = [0, *sorted(rng.randint(0, len(items)) for _ in range(rng.randint(0, 9))), len(items)]
    return [items[low:high] for low, high in pairwise(edges)]


def detections(items):
    return [one for one in items if hasattr(one, "event_id")]


@QUICK
@given(SEED)
def test_any_order_within_the_lateness_and_any_batches_give_the_episodes_of_the_definition(rng):
    one = any_rule(rng)
    items, lateness = arrivals(rng, one, groups=("u", "v"))
    run = Run(correlator(one, lateness=lateness))
    for batch in batches(rng, items):
        run.batch(batch)
    assert run.end() == expected(one, detections(items))
    assert not any(outcome.late or outcome.evicted for outcome in run.outcomes)


@QUICK
@given(SEED)
def test_everything_is_forgotten_once_the_watermark_has_passed(rng):
    one = any_rule(rng)
    items, lateness = arrivals(rng, one)
    run = Run(correlator(one, lateness=lateness))
    for batch in batches(rng, items):
        run.batch(batch)
    run.end()
    assert run.machine.groups == 0
    assert set(run.state) == {b"w"}


@QUICK
@given(SEED)
def test_a_restart_between_any_two_batches_changes_no_output_and_no_byte_of_state(rng):
    one = any_rule(rng)
    items, lateness = arrivals(rng, one, groups=("u", "v"))
    lateness = max(0, lateness - rng.choice([0, 0, 3]))  # sometimes a few come too late
    bounds = {"lateness": lateness, "max_events": rng.choice([3, 1000]), "max_members": 5}
    steady, broken = Run(correlator(one, **bounds)), Run(correlator(one, **bounds))
    for part in [*batches(rng, items), [mark(FAR)]]:
        if rng.random() < 0.5:
            broken.machine = correlator(one, **bounds)
            broken.machine.restore(broken.state)
        first, second = steady.batch(part), broken.batch(part)
        assert first.episodes == second.episodes
        assert first.evicted == second.evicted
        assert first.late == second.late
        assert steady.state == broken.state


ABSENCE = rule("temporal", rules=("c", "b"), choices=[("c", "b")], timespan=15, id_="p", depth=2)  # c and not b
PARENTS = [
    ABSENCE,
    rule("temporal_ordered", rules=("c", "b"), choices=[("b", "c")], timespan=9, id_="p", depth=2),  # b and not c
    rule("temporal", "eq", 1, rules=("c", "b"), counted=True, timespan=9, id_="p", depth=2),
    rule("temporal_ordered", rules=("c", "b"), timespan=15, id_="p", depth=2),
    rule("event_count", "gte", 2, rules=("c",), timespan=15, id_="p", depth=2),
    rule("event_count", "lt", 2, rules=("c",), timespan=15, id_="p", depth=2),
]


def chained(rng):
    types = ["event_count", "value_count", "value_sum", "value_median", "temporal"]
    type_ = rng.choice(types)
    timespan = rng.randint(1, 8)
    if type_ == "temporal":
        child = rule(type_, rules=("a", "z"), choices=[("a", "z")], timespan=timespan)
    else:
        child = rule(type_, rng.choice(["gte", "gte", "lt", "eq"]), 2, timespan=timespan)
    parent = rng.choice(PARENTS)
    items, lateness = arrivals(rng, child)
    spread = []
    for one in items:
        spread.append(one)
        if "b" in parent.rules and hasattr(one, "event_id") and rng.random() < 0.5:
            spread.append(hit(f"b{one.event_id}", one.time, by="b", target="p"))
    return child, parent, spread, lateness


@QUICK
@given(SEED)
def test_a_chain_gives_the_same_episodes_whatever_the_order_although_children_grow_merge_and_move(rng):
    child, parent, items, lateness = chained(rng)
    run = Run(correlator(child, parent, lateness=lateness), parents=(parent,))
    for batch in batches(rng, items):
        run.batch(batch)
    live = run.end()
    events = [one for one in detections(items) if one.target == "c"]
    assert {one for one in live if one[0] == "c"} == expected(child, events)

    last = [one for one in run.fold.latest.values() if one.rule == "c" and one.state == "live"]
    fed = [as_child(one, parent) for one in last] + [one for one in detections(items) if one.target == "p"]
    assert {one for one in live if one[0] == "p"} == expected(parent, fed)
    assert not any(outcome.late for outcome in run.outcomes)


@QUICK
@given(SEED)
def test_a_chain_goes_on_over_a_restart_as_if_nothing_had_happened(rng):
    child, parent, items, lateness = chained(rng)
    steady = Run(correlator(child, parent, lateness=lateness), parents=(parent,))
    broken = Run(correlator(child, parent, lateness=lateness), parents=(parent,))
    for part in [*batches(rng, items), [mark(FAR)], [], [], []]:
        if rng.random() < 0.5:
            broken.machine = correlator(child, parent, lateness=lateness)
            broken.machine.restore(broken.state)
        assert steady.batch(part).episodes == broken.batch(part).episodes
        assert steady.state == broken.state


@QUICK
@given(SEED)
def test_children_moved_and_retracted_in_any_order_count_by_their_latest_revision_only(rng):
    type_ = rng.choice(["event_count", "temporal", "temporal_ordered"])
    parent = rule(type_, "gte", 2, rules=("c",) if type_ == "event_count" else ("c", "d"), timespan=8, id_="p", depth=2)
    made = []
    for number in range(rng.randint(0, 8)):
        by = rng.choice(sorted(set(parent.rules)))
        for revision in range(1, rng.randint(1, 3) + 1):
            away = revision > 1 and rng.random() < 0.3
            made.append(hit(f"k{number}", rng.randint(0, 30), by=by, target="p", revision=revision, retracted=away))
    rng.shuffle(made)
    run = Run(correlator(parent, lateness=1000))
    for batch in batches(rng, made):
        run.batch(batch)
    assert run.end() == expected(parent, made)


@QUICK
@given(SEED)
def test_three_workers_that_share_the_groups_find_what_one_finds(rng):
    one = any_rule(rng)
    items, lateness = arrivals(rng, one, groups=("u", "v", "w", "x"))
    workers = [Run(correlator(one, lateness=lateness)) for _ in range(3)]
    for batch in batches(rng, items):
        for number, worker in enumerate(workers):
            worker.batch([item for item in batch if not hasattr(item, "group") or ord(item.group[0]) % 3 == number])
    found = [worker.end() for worker in workers]
    assert set().union(*found) == expected(one, detections(items))
    assert sum(map(len, found)) == len(set().union(*found))


@QUICK
@given(SEED)
def test_what_is_stamped_a_day_or_a_century_ahead_changes_nothing_else_and_correlates_itself(rng):
    one = any_rule(rng)
    items, lateness = arrivals(rng, one)
    ahead = rng.choice([DAY, CENTURY])
    strange = [
        hit(f"x{number}", ahead + rng.randint(0, 20), by=rng.choice(one.rules), value=any_value(rng, one))
        for number in range(rng.randint(1, 6))
    ]
    plain, mixed = Run(correlator(one, lateness=lateness)), Run(correlator(one, lateness=lateness))
    for batch in batches(rng, items):
        plain.batch(batch)
    for item in strange:
        items.insert(rng.randint(0, len(items)), item)
    for batch in batches(rng, items):
        mixed.batch(batch)
    plain.batch([mark(ahead // 2)])
    mixed.batch([mark(ahead // 2)])
    assert {one for one in mixed.fold.live if one[2] < ahead} == plain.fold.live
    mixed.batch([mark(2 * ahead)])
    assert {one for one in mixed.fold.live if one[2] >= ahead} == expected(one, strange)


@QUICK
@given(SEED)
def test_what_waits_is_said_when_nothing_can_change_it_and_is_never_taken_back(rng):
    one = any_rule(rng)
    while not demand_of(one).waits:
        one = any_rule(rng)
    items, lateness = arrivals(rng, one)
    run = Run(correlator(one, lateness=lateness))
    for batch in batches(rng, items):
        for episode in run.batch(batch).episodes:
            assert episode.state == "live"
            assert episode.start + one.timespan < run.machine.watermark - lateness
    run.end()
    assert all(episode.state == "live" for outcome in run.outcomes for episode in outcome.episodes)

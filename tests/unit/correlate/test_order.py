"""Laws of event time: order within the lateness, batch boundaries, duplicates and restarts change nothing."""

from correlate_streams import FAR, Run, as_child, correlator, expected, hit, mark, rule
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

CONDITIONS = st.sampled_from(
    [(kind, op) for kind in ("event_count", "value_count") for op in ("gte", "gt", "lt", "lte", "eq", "neq")]
    + [("temporal", ""), ("temporal_ordered", "")] * 3
    + [("event_count", "gte"), ("value_count", "gte")] * 3
)


@st.composite
def rules(draw):
    type_, op = draw(CONDITIONS)
    names = draw(st.sampled_from([("a",), ("a", "b"), ("b", "a"), ("a", "b", "z")]))
    if type_ == "temporal_ordered":
        names = draw(st.sampled_from([names, ("a", "b", "a"), ("a", "a"), ("a", "b", "b", "a")]))
    count = draw(st.integers(1, 4))
    return rule(type_, op, count, rules=names, timespan=draw(st.integers(0, 12)))


@st.composite
def arrivals(draw, rule_, *, groups=("u",)):
    """Detections of a rule in an order and with watermarks among them that its lateness allows, with duplicates."""
    lateness = draw(st.integers(0, 20))
    names = sorted(set(rule_.rules))
    made = []
    for number in range(draw(st.integers(0, 14))):
        time = draw(st.integers(0, 40))
        group = (draw(st.sampled_from(groups)),)
        for by in draw(st.sets(st.sampled_from(names), min_size=1)):
            value = draw(st.sampled_from(["x", "y", "z", None])) if rule_.type == "value_count" else None
            made.append(hit(f"e{number:02}", time, by=by, group=group, value=value))
    if made:
        made += draw(st.lists(st.sampled_from(made), max_size=3))
    order = draw(st.permutations(made))
    items = []
    for place, one in enumerate(order):
        items.append(one)
        rest = [later.time for later in order[place + 1 :]]
        if draw(st.booleans()):
            items.append(mark(min(rest, default=100) + lateness - draw(st.integers(0, 3))))
    return items, lateness


@st.composite
def batches(draw, items):
    cuts = sorted(draw(st.sets(st.integers(0, len(items)), max_size=6)))
    edges = [0, *cuts, len(items)]
    return [items[low:high] for low, high in zip(edges, edges[1:], strict=False)]


def detections(items):
    return [one for one in items if hasattr(one, "event_id")]


@QUICK
@given(st.data())
def test_any_order_within_the_lateness_and_any_batches_give_the_episodes_of_the_definition(data):
    one = data.draw(rules())
    items, lateness = data.draw(arrivals(one, groups=("u", "v")))
    run = Run(correlator(one, lateness=lateness))
    for batch in data.draw(batches(items)):
        run.batch(batch)
    assert run.end() == expected(one, detections(items))
    assert not any(outcome.late for outcome in run.outcomes)
    assert not any(outcome.evicted for outcome in run.outcomes)


@QUICK
@given(st.data())
def test_everything_is_forgotten_once_the_watermark_has_passed(data):
    one = data.draw(rules())
    items, lateness = data.draw(arrivals(one))
    run = Run(correlator(one, lateness=lateness))
    for batch in data.draw(batches(items)):
        run.batch(batch)
    run.end()
    assert run.machine.groups == 0
    assert set(run.state) == {b"w"}


@QUICK
@given(st.data())
def test_a_restart_between_any_two_batches_changes_no_output(data):
    one = data.draw(rules())
    items, lateness = data.draw(arrivals(one, groups=("u", "v")))
    parts = [*data.draw(batches(items)), [mark(FAR)]]
    bounds = {"lateness": lateness, "max_events": data.draw(st.sampled_from([3, 1000])), "max_members": 5}
    steady, broken = Run(correlator(one, **bounds)), Run(correlator(one, **bounds))
    for part in parts:
        if data.draw(st.booleans()):
            broken.machine = correlator(one, **bounds)
            broken.machine.restore(broken.state)
        first, second = steady.batch(part), broken.batch(part)
        assert first.episodes == second.episodes
        assert first.evicted == second.evicted
        assert steady.state == broken.state


PARENT = rule("temporal_ordered", rules=("c", "b"), timespan=15, id_="p", depth=2)
COUNTING_PARENT = rule("event_count", "gte", 2, rules=("c",), timespan=15, id_="p", depth=2)
FEW_PARENT = rule("event_count", "lt", 2, rules=("c",), timespan=15, id_="p", depth=2)


@st.composite
def chained(draw):
    child = rule(
        draw(st.sampled_from(["event_count", "value_count"])),
        draw(st.sampled_from(["gte", "gte", "lt", "eq"])),
        2,
        timespan=draw(st.integers(1, 8)),
    )
    parent = draw(st.sampled_from([PARENT, COUNTING_PARENT, FEW_PARENT]))
    items, lateness = draw(arrivals(child))
    spread = []
    for one in items:
        spread.append(one)
        if "b" in parent.rules and hasattr(one, "event_id") and draw(st.booleans()):
            spread.append(hit(f"b{one.event_id}", one.time, by="b", target="p"))
    return child, parent, spread, lateness


@QUICK
@given(st.data())
def test_a_chain_gives_the_same_episodes_whatever_the_order_although_children_grow_merge_and_move(data):
    child, parent, items, lateness = data.draw(chained())
    run = Run(correlator(child, parent, lateness=lateness), parents=(parent,))
    for batch in data.draw(batches(items)):
        run.batch(batch)
    live = run.end()
    events = [one for one in detections(items) if one.target == "c"]
    children = expected(child, events)
    assert {one for one in live if one[0] == "c"} == children

    ids = {one.members: one for one in run.fold.latest.values() if one.rule == "c" and one.state == "live"}
    fed = [as_child(one, parent) for one in ids.values()] + [one for one in detections(items) if one.target == "p"]
    assert {one for one in live if one[0] == "p"} == expected(parent, fed)
    assert not any(outcome.late for outcome in run.outcomes)


@QUICK
@given(st.data())
def test_a_chain_goes_on_over_a_restart_as_if_nothing_had_happened(data):
    child, parent, items, lateness = data.draw(chained())
    parts = [*data.draw(batches(items)), [mark(FAR)], [], [], []]
    steady = Run(correlator(child, parent, lateness=lateness), parents=(parent,))
    broken = Run(correlator(child, parent, lateness=lateness), parents=(parent,))
    for part in parts:
        if data.draw(st.booleans()):
            broken.machine = correlator(child, parent, lateness=lateness)
            broken.machine.restore(broken.state)
        assert steady.batch(part).episodes == broken.batch(part).episodes


@QUICK
@given(st.data())
def test_children_moved_and_retracted_in_any_order_count_by_their_latest_revision_only(data):
    type_ = data.draw(st.sampled_from(["event_count", "temporal", "temporal_ordered"]))
    parent = rule(type_, "gte", 2, rules=("c", "d") if type_ != "event_count" else ("c",), timespan=8, id_="p", depth=2)
    made = []
    for number in range(data.draw(st.integers(0, 8))):
        by = data.draw(st.sampled_from(sorted(set(parent.rules))))
        for revision in range(1, data.draw(st.integers(1, 3)) + 1):
            time, away = data.draw(st.integers(0, 30)), data.draw(st.booleans())
            made.append(hit(f"k{number}", time, by=by, target="p", revision=revision, retracted=away and revision > 1))
    order = data.draw(st.permutations(made))
    run = Run(correlator(parent, lateness=1000))
    for batch in data.draw(batches(order)):
        run.batch(batch)
    assert run.end() == expected(parent, order)

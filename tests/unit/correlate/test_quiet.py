"""A group that holds too little for anything to be looked at."""

import random

from correlate_streams import Run, correlator, expected, rule
from hypothesis import given, settings
from hypothesis import strategies as st
from test_order import arrivals, batches, detections

from soc.correlate.quiet import Quiet
from soc.correlate.snapshot import PIECE, Changes, Kept, first_piece_key, group_key, piece_key, rule_key

RULE = rule_key("rule")
RECORD = first_piece_key(RULE, ("a",))


def taken(event_id, time, number=0):
    return (event_id, time, number, 0, "source", time, None, ())


def quiet(*entries):
    group, changes = Quiet(("a",), RECORD, entries[0][1], entries[0][1], 0), Changes()
    for entry in entries:
        group.add(entry, 0, changes)
    return group, changes


def kept_of(value):
    kept = Kept()
    kept.take_piece(0, value)
    return kept


def test_its_record_is_the_first_piece_of_the_group():
    assert piece_key(group_key(RULE, ("a",)), 0) == RECORD


def test_what_is_written_is_what_it_holds():
    group, changes = quiet(taken("e2", 7), taken("e1", 5), taken("e3", 6))
    kept = kept_of(changes[RECORD])
    assert (kept.values, [entry.event_id for entry in kept.pieces[0].entries]) == (("a",), ["e2", "e1", "e3"])
    assert (group.oldest, group.newest, group.size) == (5, 7, 3)


def test_it_knows_an_event_of_a_rule_by_its_whole_id():
    group, _ = quiet(taken("log/1/12", 1), taken("log/1/2", 2, number=1))
    known = [
        (name, rule) for name in ("log/1/12", "log/1/2", "log/1/1", "12") for rule in (0, 1) if group.knows(name, rule)
    ]
    assert known == [("log/1/12", 0), ("log/1/2", 1)]


def test_an_id_that_stands_in_another_field_is_not_known():
    group, _ = quiet(taken("e1", 1))
    assert not group.knows("source", 0)


def test_restored_from_its_record_it_is_the_same():
    group, changes = quiet(*[taken(f"event-{number}", 100 - number) for number in range(PIECE)])
    again = Quiet.restored(RECORD, kept_of(changes[RECORD]), None)
    assert (again.piece, again.size, again.oldest, again.newest) == (
        group.piece,
        group.size,
        group.oldest,
        group.newest,
    )


def test_it_forgets_what_is_before_the_cut_and_goes_on():
    group, changes = quiet(taken("e1", 1), taken("e2", 5), taken("e3", 9))
    group.forget(5, None, changes)
    assert [entry.event_id for entry in kept_of(changes[RECORD]).pieces[0].entries] == ["e2", "e3"]
    group.add(taken("e4", 10), 0, changes)
    assert [entry.event_id for entry in kept_of(changes[RECORD]).pieces[0].entries] == ["e2", "e3", "e4"]
    assert (group.oldest, group.size) == (5, 3)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**40).map(random.Random))
def test_whatever_wakes_a_group_the_episodes_are_those_of_the_definition_and_a_restart_changes_no_byte(rng):
    type_ = rng.choice(["event_count", "value_count", "value_sum", "temporal", "temporal_ordered"])
    count = rng.choice([20, 40]) if type_ == "value_sum" else rng.choice([3, 8, 9, 10, 12])
    names = ("a", "b") if type_.startswith("temporal") else ("a",)
    one = rule(type_, count=count, rules=names, timespan=rng.choice([9, 30]))
    items, lateness = arrivals(rng, one, groups=("u", "v"))
    items = [item for item in items if getattr(item, "rule", "a") == "a" or rng.random() < 0.2]  # b is rare
    steady, broken = Run(correlator(one, lateness=lateness)), Run(correlator(one, lateness=lateness))
    for part in batches(rng, items):
        if rng.random() < 0.5:
            broken.machine = correlator(one, lateness=lateness)
            broken.machine.restore(broken.state)
        steady.batch(part)
        broken.batch(part)
        assert steady.state == broken.state
    assert steady.end() == broken.end() == expected(one, detections(items))

"""When each type says what it has to say: at once, or when the watermark has passed; and what is taken back."""

import pytest
from correlate_streams import FAR, Run, correlator, hit, mark, rule

from soc.correlate.condition import demand_of

ABSENCE = {"rules": ("a", "b"), "choices": [("a", "b")], "timespan": 10}  # a and not b


def numbers(*values, start=1):
    return [hit(f"e{place}", place, value=value) for place, value in enumerate(values, start)]


@pytest.mark.parametrize("dead", [0, 1])
def test_an_absence_fires_once_when_the_watermark_passes_and_not_before_although_its_source_is_dead(dead):
    run = Run(correlator(rule("temporal", **ABSENCE), lateness=5, raw_partitions=2))
    assert run.batch([hit("e1", 100), mark(100, dead), mark(110, 1 - dead)]).episodes == []
    assert run.batch([mark(115, dead, idle=True), mark(400, 1 - dead)]).episodes == []
    (fired,) = run.batch([mark(116, dead, idle=True)]).episodes
    assert (fired.members, fired.value) == (("e1",), 1)
    assert run.batch([mark(500, dead, idle=True), mark(500, 1 - dead)]).episodes == []
    assert run.end() == {("c", (("user", "u"),), 100, 100, ("e1",))}


def test_what_should_have_been_absent_may_come_until_the_lateness_is_over():
    run = Run(correlator(rule("temporal", **ABSENCE), lateness=5))
    run.batch([hit("e1", 100), mark(114)])
    assert run.batch([hit("e2", 110, by="b"), mark(500)]).episodes == []
    assert not run.outcomes[-1].late


def test_and_or_without_not_fires_at_once():
    run = Run(correlator(rule("temporal", rules=("a", "b", "z"), choices=[("ab", ""), ("az", "")]), lateness=5))
    assert run.batch([hit("e1", 1, by="b"), hit("e2", 2, by="z")]).episodes == []
    (fired,) = run.batch([hit("e3", 3)]).episodes
    assert (fired.members, fired.value) == (("e1", "e2", "e3"), 3)


def test_the_sample_of_an_absence_shows_who_is_there():
    run = Run(correlator(rule("temporal", **ABSENCE)))
    run.batch([hit("e1", 1, fields={"n": 1}), mark(FAR)])
    (episode,) = run.fold.latest.values()
    assert [(one.rule, one.fields) for one in episode.sample] == [("a", {"n": 1})]


def test_a_sum_fires_at_once_and_is_taken_back_and_said_again_under_the_same_id():
    run = Run(correlator(rule("value_sum", "gte", 10), lateness=100))
    (fired,) = run.batch(numbers("6", "4.5")).episodes
    (gone,) = run.batch(numbers("-1", start=5)).episodes
    (again,) = run.batch(numbers("0.5", start=6)).episodes
    assert (fired.state, fired.value, fired.members) == ("live", 10.5, ("e1", "e2"))
    assert (gone.id, gone.state, gone.revision) == (fired.id, "retracted", 2)
    assert (again.id, again.state, again.revision, again.value) == (fired.id, "live", 3, 10)


def test_a_negative_number_that_has_left_memory_takes_nothing_back_any_more():
    run = Run(correlator(rule("value_sum", "gte", 10, timespan=5), lateness=5))
    run.batch([*numbers("-100"), mark(50)])
    (fired,) = run.batch(numbers("6", "4", start=60)).episodes
    assert (fired.state, fired.value) == ("live", 10)
    assert run.end() == {("c", (("user", "u"),), 60, 61, ("e60", "e61"))}


def test_what_left_memory_is_an_episode_of_its_own_when_a_negative_number_cuts_the_run_behind_it():
    #   10       4    -1   6    10       the window of 4 had 10 and held 0 and 9 together
    #   0        4     7   9    12
    run = Run(correlator(rule("value_sum", "gte", 10, timespan=5), lateness=10))
    times = {0: "10", 4: "4", 9: "6", 12: "10"}
    run.batch([hit(f"e{time}", time, value=value) for time, value in times.items()])
    assert {one[4] for one in run.fold.live} == {("e0", "e4", "e9", "e12")}
    run.batch([mark(16)])
    run.batch([hit("e7", 7, value="-1")])
    assert {one[4] for one in run.end()} == {("e0", "e4"), ("e7", "e9", "e12")}


@pytest.mark.parametrize(
    ("type_", "bound", "value"), [("value_avg", 5, 6.25), ("value_median", 5, 7), ("value_percentile", 9, 9.25)]
)
def test_what_more_events_can_lower_waits_and_says_the_number_it_found(type_, bound, value):
    percentile = 75 if type_ == "value_percentile" else None
    run = Run(correlator(rule(type_, "gte", bound, percentile=percentile), lateness=5))
    assert run.batch([*numbers("10", "1", "5", "9"), mark(16)]).episodes == []
    (fired,) = run.batch([mark(17)]).episodes
    assert (fired.members, fired.value) == (("e1", "e2", "e3", "e4"), value)


def test_what_is_no_number_is_counted_and_is_no_member():
    run = Run(correlator(rule("value_sum", "gte", 3)))
    outcome = run.batch(numbers("1", "many", None, True, "2", "nan"))
    assert outcome.unfit == {"c": 4}
    assert outcome.episodes[0].members == ("e1", "e5")


def test_sums_do_not_depend_on_the_order_in_which_numbers_arrive():
    values = ["1e16", "0.1", "-1e16", "0.2", "0.000000001"]
    for shift in range(len(values)):
        run = Run(correlator(rule("value_sum", "eq", 0.300000001), lateness=100))
        arrivals = numbers(*values)
        assert {one[4] for one in (run.batch(arrivals[shift:] + arrivals[:shift]), run.end())[1]} == {
            ("e1", "e2", "e3", "e4", "e5")
        }


def test_a_group_of_thousands_keeps_its_percentile_when_the_oldest_must_go():
    run = Run(correlator(rule("value_percentile", "gte", 50, percentile=50, timespan=1000), max_events=10))
    evicted = sum(run.batch(numbers(str(100 - n), start=n)).evicted["c"] for n in range(30))
    assert evicted == 20
    assert {one[4] for one in run.end()} == {tuple(f"e{n}" for n in range(20, 30))}


COUNTS = ["event_count", "value_count", "temporal", "temporal_ordered"]


@pytest.mark.parametrize("operator", ["gte", "gt", "lte", "lt", "eq", "neq"])
def test_only_what_more_events_can_hardly_harm_is_said_at_once(operator):
    at_once = {
        type_
        for type_ in [*COUNTS, "value_sum", "value_avg", "value_percentile", "value_median"]
        if not demand_of(rule(type_, operator, 1, rules=("a", "b"), counted=True, percentile=50)).waits
    }
    assert at_once == ({*COUNTS, "value_sum"} if operator in {"gte", "gt"} else set())

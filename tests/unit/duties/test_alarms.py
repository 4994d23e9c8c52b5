"""Alarms at 50, 75 and 90 % of the time and on a miss: each once, whenever somebody looks."""

from duties_support import HOURS, SEEN, incident, report, shipped
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from soc.duties.alarms import alarms, next_alarm
from soc.duties.clocks import clocks

POLICY = shipped()
CASE = incident(severity="serious")


def ring(now, case=CASE, *sent):
    return [alarm for one in clocks(POLICY, case, now, sent) for alarm in alarms(one, now)]


def test_each_threshold_rings_in_its_own_microsecond():
    due = SEEN + 24 * HOURS
    expected = [(12 * HOURS, 50), (18 * HOURS, 75), (24 * HOURS * 9 // 10, 90), (24 * HOURS + 1, 100)]
    for after, threshold in expected:
        assert [alarm.threshold for alarm in ring(SEEN + after)] == [threshold]
        assert threshold not in [alarm.threshold for alarm in ring(SEEN + after - 1)]
    assert [alarm.threshold for alarm in ring(due)] == [90]


def test_the_same_alarm_has_the_same_id_and_a_moved_deadline_another():
    now = SEEN + 13 * HOURS
    assert ring(now)[0].id == ring(now + HOURS)[0].id
    assert ring(now, replace(CASE, t0=SEEN - HOURS))[0].id != ring(now)[0].id


def test_what_is_late_when_it_is_found_rings_once_with_the_miss():
    found = ring(SEEN + 90 * HOURS)
    assert [(alarm.clock.duty, alarm.threshold) for alarm in found] == [("notice_initial", 100)]


def test_nothing_rings_of_what_was_delivered():
    assert ring(SEEN + 90 * HOURS, CASE, report("notice_initial", SEEN + HOURS))[0].clock.kind == "update"
    closed = replace(CASE, status="closed", verdict="true_positive", closed_at=SEEN + HOURS)
    assert ring(SEEN + 90 * HOURS, closed, report("notice_initial", SEEN + HOURS)) == []


@given(st.lists(st.integers(min_value=0, max_value=30 * HOURS), max_size=12))
def test_who_wakes_when_told_to_misses_no_alarm(extra):
    """Whatever else wakes the loop in between, each of the four comes exactly once."""
    told: dict[str, int] = {}
    now, looks = SEEN, sorted(SEEN + after for after in extra)
    while now is not None:
        one = next(clock for clock in clocks(POLICY, CASE, now, ()) if clock.duty == "notice_initial")
        for alarm in alarms(one, now):
            told.setdefault(alarm.id, alarm.threshold)
        due = next_alarm(one, now)
        later = [look for look in looks if look > now]
        now = min([*later[:1], *([due] if due else [])], default=None)
    assert sorted(told.values()) == [50, 75, 90, 100]

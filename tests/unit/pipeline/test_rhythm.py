"""A source's rhythm: what it usually does is learned, what it never does is told, and a source costs a bounded amount."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from soc.pipeline.rhythm import (
    DAY_MINUTES,
    FORGOTTEN_MINUTES,
    KEPT_GAPS,
    MEMORY_MINUTES,
    Rhythm,
    is_known,
    silence,
    usual_gap,
)

MONDAY = 20_770 * DAY_MINUTES
"""A midnight."""


def heard(minutes: list[int]) -> Rhythm:
    rhythm = Rhythm(minutes[0], minutes[0])
    for minute in minutes[1:]:
        rhythm.hear(minute)
    return rhythm


def every(step: int, start: int, end: int) -> list[int]:
    return list(range(start, end, step))


def by_day(days: int) -> list[int]:
    """A machine that is on from 7 to 18 h and says something each minute."""
    return [minute for day in range(days) for minute in every(1, *hours(day, 7, 18))]


def hours(day: int, start: int, end: int) -> tuple[int, int]:
    return MONDAY + day * DAY_MINUTES + start * 60, MONDAY + day * DAY_MINUTES + end * 60


def test_one_that_sends_every_minute_is_missed_after_a_quarter_of_an_hour():
    rhythm = heard(every(1, MONDAY, MONDAY + 300))
    assert silence(rhythm, rhythm.last + 15) is None
    found = silence(rhythm, rhythm.last + 16)
    assert found is not None
    assert (found.since, found.lasted, found.usual) == (rhythm.last, 16, 1)


def test_one_that_sends_every_hour_is_missed_after_an_hour_and_a_half():
    rhythm = heard(every(60, MONDAY, MONDAY + 2 * DAY_MINUTES))
    assert silence(rhythm, rhythm.last + 90) is None
    assert silence(rhythm, rhythm.last + 91) is not None


def test_a_machine_that_is_off_at_night_is_not_missed_by_night_and_is_by_day():
    rhythm = heard([*by_day(3), *every(1, *hours(3, 7, 18))])
    assert silence(rhythm, hours(4, 6, 7)[0]) is None
    rhythm = heard([*by_day(4), *every(1, *hours(4, 7, 11))])
    assert silence(rhythm, rhythm.last + 16) is not None


def test_one_outage_does_not_teach_that_outages_are_usual():
    rhythm = heard([*every(1, MONDAY, MONDAY + 300), *every(1, MONDAY + 900, MONDAY + 1200)])
    assert silence(rhythm, rhythm.last + 16) is not None
    again = heard([*every(1, MONDAY, MONDAY + 300), *every(1, MONDAY + 900, MONDAY + 901)])
    assert usual_gap(again, MONDAY + 300) == 1


def test_what_comes_every_week_is_known_after_two_of_them():
    days = [day for week in range(3) for day in range(7 * week, 7 * week + 5)]
    rhythm = heard([minute for day in days for minute in every(1, *hours(day, 7, 18))])
    assert silence(rhythm, hours(20, 12, 13)[0]) is None


def test_nothing_is_said_of_a_source_that_is_hardly_known():
    assert silence(heard(every(1, MONDAY, MONDAY + 9)), MONDAY + 500) is None
    assert silence(heard(every(20, MONDAY, MONDAY + 120)), MONDAY + 500) is None
    assert not is_known(heard([MONDAY]))


def test_a_source_that_is_gone_for_good_is_forgotten():
    rhythm = heard(every(1, MONDAY, MONDAY + 300))
    assert silence(rhythm, rhythm.last + FORGOTTEN_MINUTES) is not None
    assert silence(rhythm, rhythm.last + FORGOTTEN_MINUTES + 1) is None


def test_what_the_collector_heard_and_the_engine_has_not_read_yet_counts():
    rhythm = heard(every(1, MONDAY, MONDAY + 300))
    assert silence(rhythm, rhythm.last + 60, last=rhythm.last + 55) is None


def test_gaps_older_than_four_weeks_are_forgotten():
    old = heard([*by_day(3), *every(1, *hours(3, 7, 8))])
    assert usual_gap(old, hours(0, 17, 18)[1]) == 13 * 60 + 1
    for minute in every(1, hours(3, 8, 9)[0], hours(3, 8, 9)[0] + MEMORY_MINUTES + 2 * DAY_MINUTES):
        old.hear(minute)
    assert usual_gap(old, hours(0, 17, 18)[1]) == 1


@settings(deadline=None)
@given(st.lists(st.integers(0, 60 * DAY_MINUTES), min_size=1, max_size=300))
def test_whatever_is_heard_a_source_costs_the_same_few_numbers_and_survives_being_stored(minutes):
    rhythm = heard(sorted(minutes))
    assert len(rhythm.gaps) <= 24
    assert all(len(gaps) <= KEPT_GAPS for gaps in rhythm.gaps.values())
    assert (rhythm.first, rhythm.last, rhythm.heard) == (min(minutes), max(minutes), len(set(minutes)))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(rhythm), type=Rhythm) == rhythm


@settings(deadline=None)
@given(st.lists(st.integers(0, 3 * DAY_MINUTES), min_size=20, max_size=200), st.data())
def test_minutes_that_come_again_or_out_of_order_change_nothing(minutes, data):
    ordered = sorted(minutes)
    rhythm = heard(ordered)
    before = msgspec.msgpack.encode(rhythm)
    assert not rhythm.hear(data.draw(st.sampled_from(ordered)))
    assert msgspec.msgpack.encode(rhythm) == before

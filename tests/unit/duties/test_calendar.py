"""Periods and their deadlines, and days of the calendar, to the second."""

from zoneinfo import ZoneInfo

import pytest
from duties_support import ZONE, local, shipped
from hypothesis import given
from hypothesis import strategies as st

from soc.clock import DAY, HOUR, SECOND, to_iso
from soc.duties.calendar import MonthDay, due_of, parse_before, parse_day, period, periods_around
from soc.duties.offset import due_at, parse_offset

YEAR_BEGINS = MonthDay(12, 15)


def test_a_year_holds_what_happened_from_15_12_to_14_12():
    year = period("year", "2026", YEAR_BEGINS, ZONE)
    assert (year.start, year.end) == (local("2025-12-15 00:00:00"), local("2026-12-15 00:00:00"))
    assert year.end - SECOND == local("2026-12-14 23:59:59")


def test_before_20_12_and_before_25_12_end_with_the_evening_before():
    (yearly,) = [one for one in shipped().periodic if one.id == "year"]
    year = period("year", "2026", yearly.first_day, ZONE)
    dues = [due_of(step.before, year, ZONE) for step in yearly.steps]
    assert dues == [local("2026-12-19 23:59:59"), local("2026-12-24 23:59:59")]
    assert [(step.sender, step.recipient) for step in yearly.steps] == [("operator", "owner"), ("owner", "national")]


def test_a_report_that_is_due_with_the_last_second_of_its_data_is_due_in_that_year():
    (yearly,) = [one for one in shipped("vn-2017").periodic if one.id == "year"]
    year = period("year", "2026", yearly.first_day, ZONE)
    assert due_of(yearly.steps[0].before, year, ZONE) == local("2026-12-14 23:59:59")


def test_half_years_meet_and_are_due_in_june_and_december():
    first, second = (period("half-year", f"2026-H{half}", YEAR_BEGINS, ZONE) for half in (1, 2))
    assert (first.start, first.end) == (local("2025-12-15 00:00:00"), local("2026-06-15 00:00:00"))
    assert (second.start, second.end) == (first.end, local("2026-12-15 00:00:00"))
    assert due_of(parse_before("20/06"), first, ZONE) == local("2026-06-19 23:59:59")


def test_a_week_is_monday_to_sunday_and_due_so_many_days_after():
    week = period("week", "2026-W47", None, ZONE)
    assert (week.start, week.end) == (local("2026-11-16 00:00:00"), local("2026-11-23 00:00:00"))
    assert due_of(parse_before("2 days after its end"), week, ZONE) == local("2026-11-24 23:59:59")


@pytest.mark.parametrize(
    ("every", "name"),
    [
        ("year", "2026-H1"),
        ("half-year", "2026"),
        ("half-year", "2026-H3"),
        ("week", "2026-W54"),
        ("week", "W47"),
        ("year", "26"),
    ],
)
def test_a_period_that_does_not_exist_is_refused(every, name):
    with pytest.raises(ValueError, match=name):
        period(every, name, None, ZONE)


@pytest.mark.parametrize(
    "text", ["31/02", "29/02", "20-12", "32/01", "0 days after its end", "on demand after its end"]
)
def test_a_day_that_is_not_of_every_year_is_refused(text):
    with pytest.raises(ValueError, match=r"day|length"):
        parse_before(text)


@given(st.integers(min_value=local("2020-01-01 00:00:00"), max_value=local("2035-01-01 00:00:00")))
def test_the_running_period_holds_the_moment_and_the_one_before_ended_where_it_begins(now):
    for every in ("week", "half-year", "year"):
        ended, running = periods_around(every, None if every == "week" else YEAR_BEGINS, now, ZONE)
        assert ended.end == running.start <= now < running.end


@given(
    st.integers(min_value=2000, max_value=2100),
    st.sampled_from([MonthDay(12, 15), MonthDay(1, 1), MonthDay(8, 31), MonthDay(6, 30)]),
)
def test_years_and_half_years_leave_no_gap(year, first_day):
    whole = period("year", str(year), first_day, ZONE)
    halves = [period("half-year", f"{year}-H{half}", first_day, ZONE) for half in (1, 2)]
    assert (whole.start, whole.end) == (halves[0].start, halves[1].end)
    assert halves[0].end == halves[1].start
    assert whole.end == period("year", str(year + 1), first_day, ZONE).start


def test_days_keep_the_time_of_day_where_clocks_are_changed_and_hours_do_not():
    berlin = ZoneInfo("Europe/Berlin")
    before_the_change = local("2026-10-24 17:00:00")  # 12:00 in Berlin, summer time
    assert due_at(before_the_change, parse_offset("5 days"), berlin) == before_the_change + 5 * DAY + HOUR
    assert due_at(before_the_change, parse_offset("120 hours"), berlin) == before_the_change + 5 * DAY


def test_the_end_of_a_day_is_its_last_second_in_the_zone():
    at = local("2026-11-20 23:59:59")
    due = due_at(at, parse_offset("5 days, end of day"), ZONE)
    assert due == local("2026-11-25 23:59:59")
    assert to_iso(due) == "2026-11-25T16:59:59.000Z"
    assert due_at(local("2026-11-21 00:00:00"), parse_offset("5 days, end of day"), ZONE) == due + DAY


@pytest.mark.parametrize("text", ["24h", "-1 hours", "0 hours", "1.5 days", "24 hours, end of day", "soon", ""])
def test_a_length_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="length"):
        parse_offset(text)


def test_a_day_is_written_day_first():
    assert parse_day("05/12") == MonthDay(12, 5)

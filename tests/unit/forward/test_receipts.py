"""The daily reconcile: of which day a report is, what is counted, what is a difference."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from forward_made import report
from hypothesis import given
from hypothesis import strategies as st

from soc.clock import DAY, HOUR, to_micros
from soc.forward.receipts import bounds, day_of, gauged, reconciled

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
NOON = to_micros(datetime(2026, 11, 23, 12, tzinfo=ZONE))
DONE = ("accepted", "out_of_band")


def made(state, *, number=1, at=NOON, sent=None, recipient="national", detail=""):
    sent = at if sent is None else sent
    history = (("queued", at, ""), ("sending", sent, ""), (state, sent + 1, detail))
    return report(
        state, about=f"i{number}", sealed_at=at, attempts=1, history=history, recipient=recipient, detail=detail
    )


def test_forty_one_sent_and_forty_one_acknowledged_leave_no_difference():
    (row,) = reconciled([made("accepted", number=n) for n in range(41)], ZONE)
    assert (row.day, row.sent, row.acknowledged, row.open, row.differences) == ("2026-11-23", 41, 41, 0, ())


@pytest.mark.parametrize(
    ("state", "needs"),
    [
        ("held", "person"),
        ("rejected", "person"),
        ("blocked_auth", "person"),
        ("retry_wait", "time"),
        ("uncertain", "time"),
        ("processing", "time"),
        ("cancelled", "nothing"),
        ("superseded", "nothing"),
    ],
)
def test_what_is_not_acknowledged_is_named_with_what_it_needs(state, needs):
    (row,) = reconciled([made("accepted"), made(state, number=2, detail="503")], ZONE)
    (one,) = row.differences
    assert (one.incident, one.state, one.needs, one.detail) == ("i2", state, needs, "503")
    assert (row.sent, row.acknowledged, row.open) == (2, 1, int(needs != "nothing"))


def test_what_a_person_delivered_another_way_is_no_difference():
    (row,) = reconciled([made("out_of_band")], ZONE)
    assert (row.acknowledged, row.other_way, row.open, row.differences) == (0, 1, 0, ())


def test_a_report_is_of_the_day_it_was_first_sent_on_in_the_policys_zone():
    before_midnight = to_micros(datetime(2026, 11, 23, 23, 59, 59, tzinfo=ZONE))
    late = made("accepted", at=before_midnight, sent=before_midnight + 2_000_000)
    assert day_of(late, ZONE) == date(2026, 11, 24)
    assert day_of(made("accepted", at=before_midnight), ZONE) == date(2026, 11, 23)
    never = report("queued", sealed_at=before_midnight, history=(("queued", before_midnight, ""),))
    assert day_of(never, ZONE) == date(2026, 11, 23)


def test_an_approval_that_fitted_no_bytes_counts_nowhere():
    assert reconciled([made("stale")], ZONE) == ()


@given(st.lists(st.tuples(st.sampled_from([*DONE, "held", "retry_wait", "cancelled"]), st.integers(0, 9)), max_size=30))
def test_every_report_is_counted_once_and_the_rows_add_up(drawn):
    reports = [made(state, number=n, at=NOON - days * DAY) for n, (state, days) in enumerate(drawn)]
    rows = reconciled(reports, ZONE)
    assert sum(row.sealed for row in rows) == len(reports)
    for row in rows:
        assert row.sealed == row.acknowledged + row.other_way + len(row.differences)
    sums = gauged(rows, ["national"], date(2026, 11, 23))
    assert sum(still for _, _, still in sums.values()) == sum(row.open for row in rows)


def test_the_bounds_of_a_day_hold_what_was_sealed_on_it_and_the_month_before():
    since, until = bounds(date(2026, 11, 23), ZONE)
    assert since <= NOON - 30 * DAY < NOON < until
    assert until == NOON + 12 * HOUR


def test_a_receiver_without_reports_has_numbers_too():
    assert gauged([], ["national"], date(2026, 11, 23))[("national", "yesterday")] == (0, 0, 0)

"""What is owed over a store of incidents and reports: everything, once, overdue first."""

import asyncio

import pytest
from duties_support import HOURS, SEEN, incident, local, report, shipped
from msgspec.structs import replace

from soc.audit.chain import Entry, Head, append
from soc.clock import DAY, MINUTE
from soc.duties.schedule import periodic_clocks
from soc.forward.owed import HANDED_OVER, PERIODIC, next_due, owed
from soc.store.documents import audit_document, incident_document, report_document
from soc.store.embedded import EmbeddedStore

POLICY = shipped()


@pytest.fixture
def look(tmp_path):
    """What is owed at a time, of these documents."""

    def run(now, *documents, since=None):
        async def inside():
            store = EmbeddedStore(tmp_path / "store.db")
            try:
                await store.write(list(documents))
                return await owed(store, POLICY, now, since)
            finally:
                await store.close()

        return asyncio.run(inside())

    return run


def made(number, **changes):
    return incident_document(replace(incident(**changes), id=f"202611-inc{number}", number=f"INC-2026-{number:06d}"))


def test_overdue_comes_first_and_what_is_made_on_demand_last(look):
    found = look(
        SEEN + 30 * HOURS,
        made(1, severity="normal", kind="incident", confirmed_at=SEEN),
        made(2, severity="serious"),
        made(3, particulars={"requests_to_national": "xin hỗ trợ"}),
        made(4),
    )
    assert [(one.number[-1], one.kind, one.state) for one in found.clocks] == [
        ("2", "notice_initial", "overdue"),
        ("1", "report_72h", "running"),
        ("3", "support_request", "running"),
    ]
    assert found.overdue == 1


def test_what_was_delivered_is_not_owed_and_reports_of_merged_incidents_count(look):
    sent = report("notice_initial", SEEN + HOURS, incident_id="202611-inc9")
    merged = made(9, status="merged", merged_into="202611-inc2")
    found = look(SEEN + 2 * HOURS, made(2, severity="serious"), merged, report_document(sent))
    assert [one.kind for one in found.clocks] == ["update"]


def test_a_closed_incident_that_was_reported_as_a_false_alarm_is_still_there(look):
    closed = made(1, severity="serious", status="closed", verdict="false_positive", closed_at=SEEN + 5 * HOURS)
    sent = report("notice_initial", SEEN + HOURS)
    found = look(SEEN + 6 * HOURS, closed, report_document(sent))
    assert [(one.kind, one.due) for one in found.clocks] == [("correction", SEEN + 29 * HOURS)]


def test_more_incidents_than_one_page_are_all_looked_at(look):
    found = look(SEEN, *(made(number, severity="serious") for number in range(1, 450)))
    assert len({one.number for one in found.clocks}) == 449
    assert not found.cut


def test_the_next_due_of_a_kind_is_the_first_and_infinite_where_none_is_owed(look):
    now = SEEN + 2 * HOURS
    found = look(
        now,
        made(1, severity="serious"),
        made(2, severity="serious", t0=SEEN - 25 * HOURS),
        made(3, severity="serious", exercise=True, t0=SEEN - 90 * HOURS),
    )
    seconds = next_due(POLICY, found, now)
    assert seconds["notice_initial"] == -3 * 3600
    assert seconds["closing"] == float("inf")


def test_a_periodic_report_is_owed_from_the_end_of_its_period_and_only_those_since_it_was_begun(look):
    at = local("2026-12-15 00:00:00")
    due = {(one.report, one.recipient): one.due for one in look(at).periodic}
    assert due["year", "owner"] == local("2026-12-19 23:59:59")
    assert due["year", "national"] == local("2026-12-24 23:59:59")
    assert not [one for one in look(at - 1).periodic if one.report == "year"]
    late = local("2026-12-20 00:00:00")
    begun = local("2026-11-01 00:00:00")
    states = {(one.report, one.recipient): one.state for one in look(late, since=begun).periodic}
    assert (states["year", "owner"], states["year", "national"]) == ("overdue", "running")
    assert ("year", "owner") not in {(one.report, one.recipient) for one in look(late).periodic}
    assert ("year", "owner") not in {(one.report, one.recipient) for one in look(late, since=at).periodic}


def test_a_hand_over_that_is_in_the_audit_is_owed_no_more(look):
    at = local("2026-12-15 08:00:00")
    line, _ = append(Head("context"), Entry(at, "lan", HANDED_OVER, f"{PERIODIC}year/2026/owner", "123/BC"))
    left = {(one.report, one.recipient) for one in look(at, audit_document(line)).periodic}
    assert ("year", "owner") not in left
    assert ("year", "national") in left


def test_every_second_around_a_hand_over_has_the_right_state():
    for second, state in ((0, "running"), (59 * MINUTE + 59_000_000, "running"), (59 * MINUTE + 59_000_001, "overdue")):
        now = local("2026-12-19 23:00:00") + second
        (one,) = [
            c
            for c in periodic_clocks(POLICY, now, now - 30 * DAY)
            if (c.report, c.period, c.recipient) == ("year", "2026", "owner")
        ]
        assert one.state == state

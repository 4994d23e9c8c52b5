"""Clocks to the second: what is owed, since when, until when, and what moves a deadline (nothing but the incident)."""

import pytest
from duties_support import HOURS, SEEN, SYSTEM, incident, local, report, shipped
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from soc.clock import DAY, MINUTE, SECOND
from soc.duties.clocks import clocks, gaps, missing, t0, values
from soc.model import Approval, Link, Moment

POLICY = shipped()
SERIOUS = incident(severity="serious")
CONFIRMED = incident(kind="incident", confirmed_at=SEEN + MINUTE, severity="normal")


def clock(case, duty, now, *sent, policy=POLICY, recipient="national"):
    found = [one for one in clocks(policy, case, now, sent) if one.duty == duty and one.recipient == recipient]
    assert len(found) == 1
    return found[0]


def owed(case, now=SEEN, *sent, policy=POLICY):
    return {one.duty for one in clocks(policy, case, now, sent) if one.state in {"running", "overdue"}}


@pytest.mark.parametrize(
    ("case", "duty", "due"),
    [
        (incident(flags=("national_security",)), "notice_immediate", SEEN + 15 * MINUTE),
        (incident(flags=("public_order",)), "notice_immediate", SEEN + 15 * MINUTE),
        (incident(flags=("serious_disruption",)), "notice_immediate", SEEN + 15 * MINUTE),
        (incident(flags=("beyond_capability",)), "notice_beyond", SEEN + 15 * MINUTE),
        (SERIOUS, "notice_initial", SEEN + 24 * HOURS),
        (CONFIRMED, "report_72h", SEEN + 72 * HOURS),
    ],
)
def test_each_deadline_is_met_in_its_last_microsecond_and_missed_in_the_next(case, duty, due):
    one = clock(case, duty, due)
    assert (one.t0, one.due, one.state, one.share) == (SEEN, due, "running", 1.0)
    assert clock(case, duty, due + 1).state == "overdue"
    assert clock(case, duty, due + SECOND, report(one.kind, due)).state == "met"
    assert clock(case, duty, due + SECOND, report(one.kind, due + 1)).state == "late"


def test_an_incident_that_nobody_classified_or_confirmed_owes_nothing():
    assert owed(incident()) == set()
    assert {one.state for one in clocks(POLICY, incident(), SEEN, ())} == {"not_triggered"}


def test_under_a_strict_policy_the_clock_begins_with_the_alarm():
    strict = replace_policy(strict=True)
    one = clock(SERIOUS, "notice_initial", SEEN, policy=strict)
    assert one.t0 == SERIOUS.raised == SEEN - 8 * MINUTE
    assert one.due == SERIOUS.raised + 24 * HOURS


def replace_policy(**changes):
    from dataclasses import replace as changed

    return changed(POLICY, **changes)


def test_a_person_moves_the_start_earlier_and_never_later():
    earlier = replace(SERIOUS, t0=SEEN - 3 * HOURS, t0_reason="đơn vị đã gọi điện báo")
    assert t0(POLICY, earlier) == SEEN - 3 * HOURS
    assert t0(POLICY, replace(SERIOUS, t0=SEEN + HOURS)) == SEEN


def test_what_was_classified_before_anybody_acknowledged_counts_from_the_alarm():
    unseen = replace(SERIOUS, acknowledged_at=None)
    assert t0(POLICY, unseen) is None
    assert clock(unseen, "notice_initial", SEEN).t0 == unseen.raised


def test_a_confirmation_is_a_sign_that_a_person_saw_it():
    assert t0(POLICY, replace(CONFIRMED, acknowledged_at=None)) == CONFIRMED.confirmed_at


def test_a_reclassification_upward_counts_from_the_same_start_and_is_overdue_at_once():
    late = SEEN + 30 * HOURS
    assert "notice_initial" not in owed(CONFIRMED, late)
    one = clock(replace(CONFIRMED, severity="serious"), "notice_initial", late)
    assert (one.t0, one.due, one.state) == (SEEN, SEEN + 24 * HOURS, "overdue")


def test_what_was_found_long_after_it_began_keeps_its_deadline_and_says_so():
    old = replace(SERIOUS, first_seen=SEEN - 40 * DAY)
    one = clock(old, "notice_initial", SEEN)
    assert one.found_late
    assert one.due == SEEN + 24 * HOURS
    assert not clock(replace(SERIOUS, first_seen=SEEN - DAY), "notice_initial", SEEN).found_late
    assert clock(replace(SERIOUS, first_seen=SEEN - DAY - 1), "notice_initial", SEEN).found_late


@pytest.mark.parametrize("verdict", ["false_positive", "benign_true_positive"])
def test_a_false_positive_before_anything_was_sent_owes_nothing(verdict):
    closed = replace(CONFIRMED, severity="serious", status="closed", verdict=verdict, closed_at=SEEN + HOURS)
    states = {one.duty: one.state for one in clocks(POLICY, closed, SEEN + 2 * HOURS, ())}
    assert states["notice_initial"] == states["report_72h"] == states["closing"] == "void"
    assert owed(closed) == set()


def test_a_false_positive_after_sending_becomes_a_correction():
    sent = report("notice_initial", SEEN + 2 * HOURS)
    closed = replace(SERIOUS, status="closed", verdict="false_positive", closed_at=SEEN + 5 * HOURS)
    one = clock(closed, "correction", SEEN + 6 * HOURS, sent)
    assert (one.state, one.t0, one.due) == ("running", SEEN + 5 * HOURS, SEEN + 29 * HOURS)
    assert clock(closed, "correction", SEEN + 29 * HOURS + 1, sent).state == "overdue"
    assert clock(closed, "notice_initial", SEEN + 6 * HOURS, sent).state == "met"
    assert owed(closed, SEEN + 6 * HOURS, sent) == {"correction"}
    answer = report("correction", SEEN + 7 * HOURS)
    assert owed(closed, SEEN + 8 * HOURS, sent, answer) == set()
    assert clock(closed, "correction", SEEN + 8 * HOURS, sent, answer).state == "met"


@pytest.mark.parametrize(
    "state", ["queued", "sending", "retry_wait", "uncertain", "processing", "held", "blocked_auth"]
)
def test_what_is_on_its_way_may_arrive_and_is_corrected_too(state):
    closed = replace(SERIOUS, status="closed", verdict="false_positive", closed_at=SEEN + 5 * HOURS)
    assert "correction" in owed(closed, SEEN + 6 * HOURS, report("notice_initial", SEEN + 2 * HOURS, state))


@pytest.mark.parametrize("state", ["stale", "rejected", "superseded", "cancelled"])
def test_what_nobody_got_is_neither_an_answer_nor_corrected(state):
    sent = report("notice_initial", SEEN + 2 * HOURS, state)
    assert clock(SERIOUS, "notice_initial", SEEN + 3 * HOURS, sent).state == "running"
    closed = replace(SERIOUS, status="closed", verdict="false_positive", closed_at=SEEN + 5 * HOURS)
    assert owed(closed, SEEN + 6 * HOURS, sent) == set()


def test_a_reclassification_downward_after_sending_is_corrected_since_it_was_made():
    sent = report("notice_initial", SEEN + 2 * HOURS)
    lower = replace(CONFIRMED, timeline=(Moment(SEEN + 9 * HOURS, "lan", "classify", "normal"),))
    one = clock(lower, "correction", SEEN + 10 * HOURS, sent)
    assert (one.state, one.t0) == ("running", SEEN + 9 * HOURS)
    closed = replace(
        lower,
        status="closed",
        verdict="true_positive",
        closed_at=SEEN + 20 * HOURS,
        timeline=(*lower.timeline, Moment(SEEN + 20 * HOURS, "lan", "close")),
    )
    assert clock(closed, "correction", SEEN + 21 * HOURS, sent, report("correction", SEEN + 11 * HOURS)).state == "met"


def test_a_report_that_was_sent_without_a_duty_is_not_corrected():
    told = incident(timeline=(Moment(SEEN, "lan", "acknowledge"), Moment(SEEN, "lan", "classify", "none")))
    assert owed(told, SEEN + 2 * HOURS, report("notice_immediate", SEEN + HOURS)) == {"update_normal"}


def test_what_was_judged_between_approval_and_sealing_is_corrected():
    sent = report("notice_initial", SEEN + 4 * HOURS, payload_sha256="ab")
    lower = incident(
        approvals=(Approval("notice_initial", "ab", "hoa", SEEN + HOURS, 3),),
        timeline=(Moment(SEEN + 2 * HOURS, "lan", "classify", "none"),),
    )
    assert "correction" in owed(lower, SEEN + 5 * HOURS, sent)
    assert "correction" not in owed(replace(lower, approvals=()), SEEN + 5 * HOURS, sent)


def test_a_correction_that_came_before_it_turned_out_is_none():
    sent = report("notice_initial", SEEN + 2 * HOURS)
    early = report("correction", SEEN + 3 * HOURS)
    closed = replace(SERIOUS, status="closed", verdict="false_positive", closed_at=SEEN + 5 * HOURS)
    assert clock(closed, "correction", SEEN + 6 * HOURS, sent, early).state == "running"


def test_updates_are_owed_from_the_last_report_until_it_is_closed():
    first, second = report("notice_initial", SEEN + 2 * HOURS), report("update", SEEN + 20 * HOURS)
    one = clock(SERIOUS, "update_serious", SEEN + 21 * HOURS, first)
    assert (one.t0, one.due) == (SEEN + 2 * HOURS, SEEN + 26 * HOURS)
    again = clock(SERIOUS, "update_serious", SEEN + 21 * HOURS, first, second)
    assert (again.due, again.state) == (SEEN + 44 * HOURS, "running")
    assert clock(SERIOUS, "update_serious", SEEN + 44 * HOURS + 1, first, second).state == "overdue"
    assert clock(CONFIRMED, "update_normal", SEEN + 21 * HOURS, first).due == SEEN + 74 * HOURS
    closed = replace(SERIOUS, status="closed", verdict="true_positive", closed_at=SEEN + 30 * HOURS)
    assert clock(closed, "update_serious", SEEN + 60 * HOURS, first).state == "not_triggered"


def test_closing_waits_for_what_must_come_first_and_counts_days_of_the_calendar():
    closed = replace(CONFIRMED, severity="serious", status="closed", verdict="true_positive", closed_at=SEEN + HOURS)
    one = clock(closed, "closing", SEEN + 2 * HOURS, report("notice_initial", SEEN + MINUTE))
    assert one.waits_for == ("report_72h",)
    assert one.due == local("2026-11-25 10:00:00")
    sent = (report("notice_initial", SEEN + MINUTE), report("report_72h", SEEN + HOURS, "out_of_band"))
    assert clock(closed, "closing", SEEN + 2 * HOURS, *sent).waits_for == ()


def test_a_closing_report_is_owed_anew_after_a_reopening():
    reopened = (Moment(SEEN + 5 * HOURS, "lan", "reopen"),)
    closed = replace(CONFIRMED, status="closed", verdict="true_positive", closed_at=SEEN + 8 * HOURS)
    before = report("closing", SEEN + 2 * HOURS)
    assert clock(closed, "closing", SEEN + 9 * HOURS, before).state == "met"
    assert clock(replace(closed, timeline=reopened), "closing", SEEN + 9 * HOURS, before).state == "running"


def test_a_delivery_by_another_way_stops_the_clock_at_its_time():
    sent = report("notice_initial", SEEN + 23 * HOURS, "out_of_band")
    one = clock(SERIOUS, "notice_initial", SEEN + 90 * HOURS, sent)
    assert (one.state, one.delivered, one.report_state) == ("met", SEEN + 23 * HOURS, "out_of_band")


def test_a_breach_of_personal_data_has_its_own_start_and_addressee():
    breach = incident(flags=("personal_data",), particulars={"pdp_detected_at": "19/11/2026 08:30"})
    one = clock(breach, "pdp_authority", SEEN, recipient="pdp_authority")
    assert (one.t0, one.due) == (local("2026-11-19 08:30:00"), local("2026-11-22 08:30:00"))
    assert "pdp_kinds" in one.missing
    assert clock(incident(flags=("personal_data",)), "pdp_authority", SEEN, recipient="pdp_authority").t0 == SEEN
    assert owed(breach) == {"pdp_authority"}
    located = replace(breach, particulars={**breach.particulars, "pdp_location_biometric": "Có: ảnh khuôn mặt"})
    assert owed(located) == {"pdp_authority", "pdp_subjects"}


def test_a_drill_has_clocks_without_a_real_recipient():
    drill = replace(SERIOUS, exercise=True)
    found = [one for one in clocks(POLICY, drill, SEEN, ()) if one.state == "running"]
    assert [(one.duty, one.recipient, one.exercise) for one in found] == [("notice_initial", "", True)]


@pytest.mark.parametrize("secret", [{"flags": ("state_secret_risk",)}, {"tlp": "RED"}])
def test_a_secret_goes_by_paper_and_only_its_number_is_kept(secret):
    case = incident(severity="serious", **secret)
    one = clock(case, "notice_initial", SEEN + HOURS)
    assert (one.paper, one.missing) == (True, ("paper_notice_initial",))
    assert missing(POLICY, case, "notice_initial") == ("paper_notice_initial",)
    noted = replace(case, particulars={"paper_notice_initial": "12/M-SOC 20/11/2026 14:05"})
    done = clock(noted, "notice_initial", SEEN + 90 * HOURS)
    assert (done.state, done.delivered) == ("met", local("2026-11-20 14:05:00"))
    assert missing(POLICY, noted, "notice_initial") == ()


def test_one_report_a_campaign_answers_for_its_incidents_only_where_the_policy_says_so():
    text = "one_per_campaign: false"
    from duties_support import ROOT

    from soc.duties.policy import Policy

    yaml = (ROOT / "deploy/policy/vn-2026.yaml").read_text(encoding="utf-8").replace(text, "one_per_campaign: true")
    once = Policy.parse(yaml, "once.yaml")
    other = report("report_72h", SEEN + HOURS, incident_id="202611-inc2")
    case = replace(CONFIRMED, campaign="c1", links=(Link("202611-inc2", "INC-2026-000002", "same address"),))
    one = clock(case, "report_72h", SEEN + 2 * HOURS, other, policy=once)
    assert (one.state, one.covered_by) == ("met", "INC-2026-000002")
    assert clock(case, "report_72h", SEEN + 2 * HOURS, other).state == "running"
    assert clock(replace(case, campaign=""), "report_72h", SEEN + 2 * HOURS, other, policy=once).state == "running"


def test_reports_of_what_was_merged_into_it_answer_for_it():
    taken = report("notice_initial", SEEN + HOURS, incident_id="202611-inc9")
    assert clock(SERIOUS, "notice_initial", SEEN + 2 * HOURS, taken).state == "met"


def test_a_merged_incident_owes_nothing_itself():
    merged = replace(SERIOUS, status="merged", merged_into="202611-inc9")
    assert owed(merged, SEEN + 90 * HOURS, report("report_72h", SEEN + HOURS)) == set()


def test_missing_fields_are_named_from_the_first_minute_with_the_system_that_lacks_them():
    second = replace(SYSTEM, key="mail", name="Thư điện tử", operator="")
    found = gaps(POLICY, incident(systems=(SYSTEM, second)), "notice_initial")
    assert {gap.field.name: gap.systems for gap in found} == {
        "system_operator": ("mail",),
        "description": (),
        "current_state": (),
        "how_detected": (),
        "already_notified": (),
        "severity": (),
    }
    assert "reporter_name" in missing(shipped(reporter_name=" "), incident(), "notice_initial")


def test_with_a_filled_register_a_first_notice_takes_at_most_six_typed_fields():
    from soc.model.incident import AlertSummary

    alerts = (AlertSummary("202611-a1", "r", "Guessing", "Dò mật khẩu", "high", 9, SEEN, SEEN, "open"),)
    case = replace(SERIOUS, summaries=alerts)
    names = missing(POLICY, case, "notice_initial")
    assert len(names) <= 6
    filled = replace(case, particulars=dict.fromkeys(names, "đã điền"))
    assert missing(POLICY, filled, "notice_initial") == ()
    assert clock(filled, "notice_initial", SEEN).missing == ()


def test_what_a_person_typed_wins_over_register_and_settings():
    case = incident(particulars={"system_operator": "Đơn vị khác", "contact_name": "Người khác"})
    said = values(POLICY, case, "notice_initial")
    assert (said["system_operator"], said["contact_name"]) == ("Đơn vị khác", "Người khác")
    assert said["detected_at"] == "20/11/2026 09:00:00"
    assert said["security_provider"] == "Không có"


TIMES = st.integers(min_value=SEEN - 5 * DAY, max_value=SEEN + 5 * DAY)


@given(first=TIMES, second=TIMES, earlier=st.none() | TIMES, confirmed=st.none() | TIMES)
def test_a_merge_takes_the_earliest_start_of_both(first, second, earlier, confirmed):
    one = incident(acknowledged_at=first, t0=earlier, raised=min(first, SEEN))
    two = incident(acknowledged_at=second, confirmed_at=confirmed, raised=min(second, SEEN))
    merged = replace(one, acknowledged_at=min(first, second), confirmed_at=confirmed)
    assert t0(POLICY, merged) == min(t0(POLICY, one), t0(POLICY, two))


@given(jumps=st.lists(st.integers(min_value=SEEN - 100 * DAY, max_value=SEEN + 100 * DAY), min_size=1, max_size=6))
def test_no_jump_of_the_wall_clock_moves_a_deadline(jumps):
    case = replace(CONFIRMED, severity="serious", flags=("public_order", "personal_data"))
    fixed = [(one.t0, one.due) for one in clocks(POLICY, case, SEEN, ())]
    for now in jumps:
        found = clocks(POLICY, case, now, ())
        assert [(one.t0, one.due) for one in found] == fixed
        assert all((one.state == "overdue") == (now > one.due) for one in found if one.due is not None)


@given(now=st.integers(min_value=SEEN, max_value=SEEN + 10 * DAY), at=TIMES)
def test_what_was_delivered_stays_met_or_late_whenever_it_is_looked_at(now, at):
    sent = report("notice_initial", at)
    state = clock(SERIOUS, "notice_initial", now, sent).state
    assert state == ("met" if at <= SEEN + 24 * HOURS else "late")

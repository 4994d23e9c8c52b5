"""The state table of incidents: every pair of state and act, generated from the table itself, and what stands beside the state."""

from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc.clock import DAY, HOUR, MINUTE
from soc.model import Action, ActionKind, Incident, IncidentStatus, decode, encode
from soc.model.incident import Approval, Moment, Task
from soc.triage import acts, lifecycle
from soc.triage.arguments import RefusedError
from soc.triage.roles import ALLOWED

T = 1_795_000_000_000_000
HASH = "a" * 64
TASK = Task("t1", "Chặn địa chỉ", "Trung tâm CNTT", T + DAY, T, "lan")
BY_TELEPHONE = Approval("notice_initial", HASH, "lan", T, 1, by_telephone="giám đốc")

GOOD = {
    "close": {"verdict": "true_positive", "reason": "đã chặn"},
    "assign": {"owner": "minh"},
    "note": {"text": "đã gọi"},
    "approve": {"report_kind": "closing", "payload_sha256": HASH},
    "countersign": {"report_kind": "notice_initial", "payload_sha256": HASH},
    "settle": {"report_id": "r1", "decision": "out_of_band", "number": "12/CV", "reason": "gửi văn thư"},
    "unconfirm": {"reason": "bị chặn"},
    "classify": {"severity": "serious", "reason": "mất dữ liệu"},
    "set_t0": {"at": T - HOUR, "reason": "người dân báo"},
    "describe": {"particulars": {"cause": "mật khẩu yếu"}},
    "exercise": {"exercise": True, "reason": "diễn tập quý IV"},
    "add_task": {"title": "Cô lập máy", "unit": "Sở Y tế", "due": T + DAY},
    "answer_task": {"task": "t1", "reply": "đã chặn"},
    "close_task": {"task": "t1", "status": "done"},
    "pin": {"name": "e.ndjson.zst", "sha256": HASH, "size": 9, "lines": 2, "start": T, "end": T + 1},
}
FOLDS = {"merge", "split", "link", "unlink"}
"""Acts on several documents: the fold asks the table by ``check``."""


def incident(**fields):
    made = Incident(
        id="202611-a", number="INC-2026-000001", version=1, revision=0, title="Intrusion", title_vi="Xâm nhập",
        level="high", alerts=("202611-x",), joins=(), entities=(), first_seen=T - 2 * HOUR, last_seen=T, raised=T - HOUR,
    )  # fmt: skip
    return msgspec.structs.replace(made, **fields)


def act(kind, changes=None, at=T, actor="lan"):
    return Action(
        f"id-{kind}",
        at,
        actor,
        "lead",
        kind,
        "incident",
        "202611-a",
        0,
        GOOD.get(kind, {}) if changes is None else changes,
    )


def do(found, kind, at=T, actor="lan", **changes):
    """The incident after an act with these arguments, or with good ones."""
    return acts.changed(found, acts.perform(act(kind, changes or None, at, actor), found))


def in_state(state, kind):
    """An incident in a state, with what the act needs beside the state."""
    seen = None if state == "new" else T - 30 * MINUTE
    return incident(
        status=state,
        acknowledged_at=seen,
        contained_at=T - 1 if state == "contained" else None,
        closed_at=T - 1 if state == "closed" else None,
        new_activity=state == "closed",
        kind="incident" if kind == "unconfirm" else "event",
        tasks=(TASK,),
        approvals=(BY_TELEPHONE,) if kind == "countersign" else (),
        merged_into="202611-b" if state == "merged" else "",
    )


@pytest.mark.parametrize("state", get_args(IncidentStatus))
@pytest.mark.parametrize("kind", get_args(ActionKind))
def test_every_act_in_every_state_leads_where_the_table_says_or_is_refused_with_a_reason(state, kind):
    found = in_state(state, kind)
    actor = "hoa" if kind == "countersign" else "lan"
    to = lifecycle.TABLE.get((state, kind))
    if to is None:
        with pytest.raises(RefusedError, match=r"\w"):
            acts.perform(act(kind, actor=actor), found)
        with pytest.raises(RefusedError, match=r"\w"):
            lifecycle.check(found, kind)
    elif kind in FOLDS:
        assert lifecycle.check(found, kind) == to
    else:
        after = do(found, kind, actor=actor)
        assert (after.status, after.revision) == (to, 1)
        assert (after.timeline[-1].actor, after.timeline[-1].act, after.timeline[-1].at) == (actor, kind, T)
        assert decode(encode(after), Incident) == after
        assert after != msgspec.structs.replace(found, timeline=after.timeline, revision=1)


def test_every_act_of_the_table_has_a_role_and_no_state_is_a_dead_end_but_merged():
    assert {kind for _, kind in lifecycle.TABLE} <= set(ALLOWED)
    states = {state for state, _ in lifecycle.TABLE}
    assert states == set(get_args(IncidentStatus)) - {"merged"}
    for state in states:
        assert {to for (start, _), to in lifecycle.TABLE.items() if start == state} - {state, "merged"}


@pytest.mark.parametrize("state", get_args(IncidentStatus))
def test_what_the_page_offers_is_accepted(state):
    for kind in get_args(ActionKind):
        found = in_state(state, kind)
        if lifecycle.possible(found, kind) and kind not in FOLDS:
            acts.perform(act(kind, actor="hoa"), found)


def test_four_times_are_kept_and_none_of_them_moves_later():
    found = do(incident(), "acknowledge", at=T)
    found = do(found, "confirm", at=T + MINUTE)
    found = do(found, "contain", at=T + HOUR)
    found = do(found, "close", at=T + 2 * HOUR)
    found = do(found, "reopen", at=T + 3 * HOUR)
    assert (found.first_seen, found.raised, found.acknowledged_at, found.confirmed_at) == (
        T - 2 * HOUR, T - HOUR, T, T + MINUTE,
    )  # fmt: skip
    assert (found.status, found.contained_at, found.closed_at, found.verdict) == ("triage", None, None, "")
    assert [moment.act for moment in found.timeline] == ["acknowledge", "confirm", "contain", "close", "reopen"]


@pytest.mark.parametrize("kind", ["start", "contain", "confirm", "classify", "close"])
def test_whoever_judges_a_new_incident_has_seen_it(kind):
    assert do(incident(), kind, at=T + 5).acknowledged_at == T + 5


def test_an_event_becomes_an_incident_by_a_person_and_back_with_a_reason():
    found = do(incident(), "confirm")
    assert (found.kind, found.confirmed_at) == ("incident", T)
    with pytest.raises(RefusedError, match="already"):
        do(found, "confirm")
    with pytest.raises(RefusedError, match="reason"):
        do(found, "unconfirm", reason=" ")
    back = do(found, "unconfirm", reason="tường lửa đã chặn hết")
    assert (back.kind, back.confirmed_at) == ("event", None)
    assert back.timeline[-1] == Moment(T, "lan", "unconfirm", "tường lửa đã chặn hết")
    with pytest.raises(RefusedError, match="already"):
        do(back, "unconfirm")


def test_a_classification_up_or_down_stays_in_the_timeline_with_its_reason():
    up = do(incident(), "classify", severity="serious", flags=["personal_data"], tlp="RED", reason="lộ 2.000 hồ sơ")
    down = do(up, "classify", severity="normal", flags=[], keep_secret=True, reason="hồ sơ thử nghiệm")
    assert (down.severity, down.flags, down.tlp, down.keep_secret) == ("normal", (), "RED", True)
    assert [moment.detail for moment in down.timeline] == [
        "none → serious, +personal_data, TLP AMBER → RED: lộ 2.000 hồ sơ",
        "serious → normal, −personal_data, +keep_secret: hồ sơ thử nghiệm",
    ]


@pytest.mark.parametrize(
    ("kind", "changes", "word"),
    [
        ("classify", {"severity": "serious"}, "reason"),
        ("classify", {"severity": "grave", "reason": "x"}, "severity"),
        ("classify", {"flags": ["loud"], "reason": "x"}, "loud"),
        ("classify", {"flags": "personal_data", "reason": "x"}, "flags"),
        ("classify", {"tlp": "PINK", "reason": "x"}, "tlp"),
        ("classify", {"keep_secret": "yes", "reason": "x"}, "keep_secret"),
        ("classify", {"severity": "none", "reason": "x"}, "already"),
        ("set_t0", {"at": T + 1, "reason": "x"}, "earlier"),
        ("set_t0", {"at": T - 400 * DAY, "reason": "x"}, "year"),
        ("set_t0", {"at": "yesterday", "reason": "x"}, "microseconds"),
        ("set_t0", {"at": T - HOUR}, "reason"),
        ("describe", {"particulars": {"Cause": "x"}}, "field"),
        ("describe", {"particulars": {}}, "already"),
        ("describe", {"particulars": {"cause": 7}}, "text"),
        ("describe", {"particulars": {f"f{n}": "x" for n in range(41)}}, "40"),
        ("describe", {"particulars": {"cause": "x" * 6000, "measures": "y" * 6000}}, "10000"),
        ("exercise", {"reason": "x"}, "true or false"),
        ("exercise", {"exercise": True}, "reason"),
        ("exercise", {"exercise": False, "reason": "x"}, "not marked"),
        ("pin", {**GOOD["pin"], "name": "../etc/passwd"}, "name"),
        ("pin", {**GOOD["pin"], "size": True}, "whole"),
        ("pin", {**GOOD["pin"], "end": T - 1}, "before"),
        ("approve", {**GOOD["approve"], "by_telephone": "lan"}, "somebody else"),
        ("settle", {**GOOD["settle"], "number": ""}, "number"),
        ("settle", {**GOOD["settle"], "decision": "forget"}, "decision"),
        ("close", {"verdict": "maybe", "reason": "x"}, "verdict"),
    ],
)
def test_a_wrong_argument_is_refused_and_the_message_names_it(kind, changes, word):
    with pytest.raises(RefusedError, match=word):
        acts.perform(act(kind, changes), incident())


@given(st.lists(st.integers(-500, 500), max_size=8))
def test_t0_only_ever_moves_earlier(minutes):
    found = do(incident(), "acknowledge", at=T)
    before = lifecycle.start_of_clock(found)
    for step in minutes:
        try:
            found = acts.changed(
                found, acts.perform(act("set_t0", {"at": T + step * MINUTE, "reason": "báo muộn"}, T + HOUR), found)
            )
        except RefusedError:
            assert T + step * MINUTE >= before
        after = lifecycle.start_of_clock(found)
        assert after <= before
        before = after


def test_particulars_are_added_field_by_field_and_a_blank_one_is_taken_out():
    found = do(incident(), "describe", particulars={"cause": "chưa rõ", "measures": "cô lập"})
    found = do(found, "describe", particulars={"cause": " mật khẩu yếu ", "measures": ""})
    assert found.particulars == {"cause": "mật khẩu yếu"}
    assert found.timeline[-1].detail == "cause, measures"


def test_no_receiver_that_takes_no_drills_gets_a_drill():
    drill = do(incident(), "exercise", exercise=True, reason="diễn tập")
    assert "diễn tập" in lifecycle.may_report(drill, accepts_exercises=False)
    assert lifecycle.may_report(drill, accepts_exercises=True) == ""
    assert lifecycle.may_report(incident(), accepts_exercises=False) == ""
    assert lifecycle.may_report(incident(status="merged", merged_into="202611-b"), accepts_exercises=True)


def test_what_was_approved_as_real_never_becomes_a_drill_nor_the_other_way_round():
    approved = do(incident(), "approve")
    with pytest.raises(RefusedError, match="approved"):
        do(approved, "exercise")
    drill = do(do(incident(), "exercise"), "approve")
    with pytest.raises(RefusedError, match="approved"):
        do(drill, "exercise", exercise=False, reason="thật")


def test_a_state_secret_or_tlp_red_is_held_back_from_every_automatic_channel():
    assert lifecycle.held_back(incident()) == ""
    assert lifecycle.held_back(incident(flags=("state_secret_risk",))) == "state_secret_risk"
    assert lifecycle.held_back(incident(tlp="RED")) == "TLP:RED"


def test_a_long_timeline_keeps_how_it_began_and_what_happened_last():
    found = incident()
    for n in range(400):
        found = msgspec.structs.replace(found, timeline=lifecycle.remembered(found, T + n, "lan", "note", "x" * 900))
    times = [moment.at - T for moment in found.timeline]
    assert times == [*range(50), *range(150, 400)]
    assert {len(moment.detail) for moment in found.timeline} == {lifecycle.MAX_DETAIL}


def test_a_second_person_agrees_to_the_same_bytes_and_one_person_does_not_agree_twice():
    found = do(incident(), "approve", actor="hoa")
    with pytest.raises(RefusedError, match="already"):
        do(found, "approve", actor="hoa")
    both = do(found, "approve", actor="minh")
    assert (both.approvals[0].approver, both.approvals[0].second, len(both.approvals)) == ("hoa", "minh", 1)
    with pytest.raises(RefusedError, match="already"):
        do(both, "approve", actor="tuan")
    assert len(do(both, "approve", actor="minh", **GOOD["approve"], recipient="ncsc").approvals) == 2


def test_what_is_approved_with_required_fields_missing_says_which_and_why():
    lacking = {**GOOD["approve"], "missing": ["cause", "spread"]}
    with pytest.raises(RefusedError, match="missing_reason"):
        do(incident(), "approve", actor="hoa", **lacking)
    found = do(incident(), "approve", actor="hoa", **lacking, missing_reason="chưa biết")
    assert (found.approvals[0].missing, found.approvals[0].missing_reason) == (("cause", "spread"), "chưa biết")
    assert found.timeline[-1].detail.endswith(" without cause, spread: chưa biết")
    for wrong in ("cause", ["Cause!"], [1], ["x"] * 101):
        with pytest.raises(RefusedError, match="names of fields"):
            do(incident(), "approve", actor="hoa", **GOOD["approve"], missing=wrong, missing_reason="chưa biết")


def test_an_approval_by_telephone_is_countersigned_by_another_than_who_typed_it():
    typed = do(incident(), "approve", actor="lan", **GOOD["approve"], by_telephone="giám đốc Hà")
    same = {"report_kind": "closing", "payload_sha256": HASH}
    with pytest.raises(RefusedError, match="typed"):
        do(typed, "countersign", actor="lan", **same)
    with pytest.raises(RefusedError, match="waits"):
        do(typed, "countersign", actor="hoa", report_kind="closing", payload_sha256="b" * 64)
    signed = do(typed, "countersign", actor="hoa", at=T + HOUR, **same).approvals[0]
    assert (signed.by_telephone, signed.approver, signed.countersigned_by) == ("giám đốc Hà", "lan", "hoa")
    assert signed.countersigned_at == T + HOUR


def test_a_piece_of_evidence_is_pinned_once():
    found = do(incident(), "pin")
    assert (found.evidence[0].pinned_by, found.evidence[0].at, found.evidence[0].lines) == ("lan", T, 2)
    with pytest.raises(RefusedError, match="pinned already"):
        do(found, "pin")

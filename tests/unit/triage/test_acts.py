"""What people do: roles, conflicts, repeats, and the state table of an alert and an incident."""

import json
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from triage_made import Desk, act, episode, fold

from soc.audit.chain import verify
from soc.model import Action, ActionKind, decode, encode
from soc.triage.documents import ANSWERS_KEPT
from soc.triage.roles import ALLOWED, ROLES, may

HASH = "a" * 64
CHANGES = {
    "acknowledge": {},
    "close": {"verdict": "true_positive", "reason": "blocked at the firewall"},
    "reopen": {},
    "assign": {"owner": "minh"},
    "note": {"text": "đã gọi chủ quản"},
    "approve": {"report_kind": "notice_initial", "payload_sha256": HASH},
    "merge": {"into": ""},
    "detach": {},
}


@pytest.fixture
def desk():
    desk = Desk()
    desk.apply(episode("a", fields={"host.name": "web"}), episode("b", fields={"host.name": "web"}))
    desk.apply(episode("c", fields={"host.name": "db"}))
    return desk


def one(out):
    (answer,) = out.answers
    return answer


def ready(desk, kind):
    """The document on which ``kind`` is possible, and its arguments."""
    changes = dict(CHANGES[kind])
    if kind == "reopen":
        desk.apply(act("close", "incident", desk.incident("c"), **CHANGES["close"]))
        return "incident", desk.incident("c"), changes
    if kind == "detach":
        return "alert", desk.alert("b"), changes
    if kind == "merge":
        changes["into"] = desk.incident("a").id
    return "incident", desk.incident("c"), changes


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("kind", CHANGES)
def test_an_act_is_done_under_exactly_the_roles_of_the_table(desk, kind, role):
    target, document, changes = ready(desk, kind)
    answer = one(desk.apply(act(kind, target, document, role=role, **changes)))
    assert answer.outcome == ("accepted" if role in ALLOWED[kind] else "refused")
    if role not in ALLOWED[kind]:
        assert role in answer.reason


def test_the_administrator_neither_approves_nor_closes_and_only_the_approver_approves():
    assert not any(may("administrator", act) for act in CHANGES)
    assert [role for role in ROLES if may(role, "approve")] == ["approver"]
    assert not any(may(role, act) for role in ("viewer", "auditor") for act in CHANGES)
    assert not may("nobody", "close")
    assert not may("analyst", "delete")


def test_a_stale_revision_conflicts_and_is_told_what_changed_and_by_whom(desk):
    seen = desk.incident("c")
    desk.apply(act("acknowledge", "incident", seen, actor="minh"))
    desk.apply(act("assign", "incident", seen, actor="hoa", revision=1, owner="hoa"))
    answer = one(desk.apply(act("close", "incident", seen, **CHANGES["close"])))
    assert (answer.outcome, answer.revision) == ("conflict", 2)
    assert "acknowledged by minh" in answer.reason
    assert "assigned to hoa by hoa" in answer.reason
    assert desk.incident("c").status == "triage"


def test_a_revision_from_the_future_conflicts(desk):
    answer = one(desk.apply(act("note", "alert", desk.alert("a"), revision=7, text="x")))
    assert (answer.outcome, answer.revision) == ("conflict", 0)


def test_a_machine_revision_between_seeing_and_acting_is_no_conflict(desk):
    seen = desk.alert("a")
    desk.apply(*(episode("a", fields={"host.name": "web"}, revision=n, until=n) for n in range(2, 50)))
    assert one(desk.apply(act("acknowledge", "alert", seen))).outcome == "accepted"


def test_the_same_act_twice_has_one_effect_and_the_same_answer(desk):
    note = act("note", "alert", desk.alert("a"), text="once")
    first = one(desk.apply(note))
    again = desk.apply(note)
    assert one(again) == first
    assert (again.alerts, again.audit, again.state) == ([], [], {})
    restarted = fold(state=desk.state)
    assert restarted.apply([note], 0).answers == [first]
    assert len(desk.alert("a").notes) == 1


def test_two_copies_of_an_act_in_one_batch_have_one_effect(desk):
    note = act("note", "alert", desk.alert("a"), text="once")
    out = desk.apply(note, note)
    assert out.answers[0] == out.answers[1]
    assert len(desk.alert("a").notes) == 1


def test_answers_are_remembered_up_to_a_bound(desk):
    for _ in range(3):
        desk.apply(act("note", "alert", desk.alert("a"), role="viewer", text="x"))
    slots = [key for key in desk.state if key.startswith(b"n/")]
    assert len(slots) == 3
    desk.triage._documents.counters.answered = ANSWERS_KEPT
    desk.apply(act("note", "alert", desk.alert("a"), role="viewer", text="x"))
    assert len([key for key in desk.state if key.startswith(b"n/")]) == 3
    assert len(desk.triage._documents._answers) == 3


def test_an_unknown_target_is_refused(desk):
    answer = one(desk.apply(act("note", "incident", desk.alert("a"), text="an alert's id, called an incident")))
    assert (answer.outcome, answer.reason) == ("refused", "there is no incident 202611-a")


@pytest.mark.parametrize(
    ("kind", "changes", "word"),
    [
        ("close", {"reason": "x"}, "verdict"),
        ("close", {"verdict": "maybe", "reason": "x"}, "verdict"),
        ("close", {"verdict": "true_positive"}, "reason"),
        ("close", {"verdict": "true_positive", "reason": "  "}, "reason"),
        ("close", {"verdict": "true_positive", "reason": 7}, "reason"),
        ("close", {"verdict": ["true_positive"], "reason": "x"}, "verdict"),
        ("reopen", {}, "what is closed"),
        ("note", {"text": ""}, "text"),
        ("note", {"text": "x" * 10_001}, "text"),
        ("assign", {"owner": None}, "owner"),
        ("assign", {"owner": ""}, "no owner"),
        ("approve", {"payload_sha256": HASH}, "report_kind"),
        ("approve", {"report_kind": "notice", "payload_sha256": "beef"}, "payload_sha256"),
        ("approve", {"report_kind": "No Tice", "payload_sha256": HASH}, "report_kind"),
        ("merge", {"into": "nowhere"}, "into"),
        ("detach", {}, "an alert"),
        ("erase", {}, "may not"),
    ],
)
def test_an_impossible_act_is_refused_with_the_reason_and_changes_nothing(desk, kind, changes, word):
    before = desk.incident("c")
    role = "approver" if kind == "approve" else "analyst"
    answer = one(desk.apply(act(kind, "incident", before, role=role, **changes)))
    assert answer.outcome == "refused"
    assert word in answer.reason
    assert desk.incident("c") == before


def test_the_life_of_an_incident(desk):
    desk.apply(act("acknowledge", "incident", desk.incident("c"), at=1))
    desk.apply(act("close", "incident", desk.incident("c"), at=2, **CHANGES["close"]))
    closed = desk.incident("c")
    assert (closed.status, closed.verdict, closed.close_reason) == ("closed", *CHANGES["close"].values())
    assert closed.closed_at == closed.acknowledged_at + 1
    assert one(desk.apply(act("close", "incident", closed, **CHANGES["close"]))).outcome == "refused"
    desk.apply(act("reopen", "incident", closed))
    opened = desk.incident("c")
    assert (opened.status, opened.verdict, opened.closed_at, opened.revision) == ("triage", "", None, 3)


def test_reopening_an_incident_reopens_what_it_closed_and_takes_alerts_in_again(desk):
    desk.apply(act("close", "alert", desk.alert("a"), verdict="false_positive", reason="own scanner"))
    desk.apply(act("close", "incident", desk.incident("b"), **CHANGES["close"]))
    desk.apply(act("reopen", "incident", desk.incident("b")))
    assert (desk.alert("a").status, desk.alert("b").status) == ("closed", "acknowledged")
    desk.apply(episode("d", at=1, fields={"host.name": "web"}))
    assert desk.incident("d").alerts == ("202611-a", "202611-b", "202611-d")


def test_closing_an_incident_closes_its_open_alerts_and_names_itself(desk):
    desk.apply(act("close", "alert", desk.alert("a"), verdict="false_positive", reason="own scanner"))
    desk.apply(act("close", "incident", desk.incident("b"), **CHANGES["close"]))
    assert (desk.alert("a").verdict, desk.alert("b").verdict) == ("false_positive", "true_positive")
    assert desk.alert("b").close_reason == f"{desk.incident('b').number}: blocked at the firewall"
    assert "acknowledged" not in {desk.alert("a").status, desk.alert("b").status}


def test_acknowledging_an_incident_takes_its_alerts_out_of_the_queue(desk):
    desk.apply(act("acknowledge", "incident", desk.incident("a")))
    assert {desk.alert(name).status for name in "ab"} == {"acknowledged"}
    stale = one(desk.apply(act("note", "alert", desk.alert("a"), revision=0, text="x")))
    assert "acknowledged with INC-2026-" in stale.reason


def test_acknowledging_the_new_activity_of_a_closed_alert_clears_it(desk):
    desk.apply(act("close", "alert", desk.alert("a"), **CHANGES["close"]))
    desk.apply(episode("a", fields={"host.name": "web"}, revision=2, until=2))
    desk.apply(act("acknowledge", "alert", desk.alert("a")))
    assert (desk.alert("a").status, desk.alert("a").new_activity) == ("closed", False)


def test_an_approval_names_the_hash_and_version_that_were_previewed(desk):
    seen = desk.incident("c")
    approve = act("approve", "incident", seen, role="approver", actor="hoa", incident_version=3, **CHANGES["approve"])
    desk.apply(approve)
    (approval,) = desk.incident("c").approvals
    assert (approval.report_kind, approval.payload_sha256, approval.approver) == ("notice_initial", HASH, "hoa")
    assert approval.incident_version == 3
    approve = act("approve", "incident", desk.incident("c"), role="approver", actor="hoa", **CHANGES["approve"])
    again = one(desk.apply(approve))
    assert (again.outcome, "hoa approved exactly this already") == ("refused", again.reason)


def test_merging_moves_the_alerts_and_the_merged_one_refuses_further_acts(desk):
    source, into = desk.incident("c"), desk.incident("a")
    desk.apply(act("merge", "incident", source, into=into.id))
    assert desk.live() == {frozenset({"a", "b", "c"})}
    gone = desk.incidents[source.id]
    assert (gone.status, gone.merged_into, gone.revision) == ("merged", into.id, 1)
    answer = one(desk.apply(act("note", "incident", gone, text="x")))
    assert answer.reason == f"it is part of {into.number} now"


def test_a_detached_alert_gets_an_incident_of_its_own_and_no_machine_puts_it_back(desk):
    home = desk.incident("b")
    desk.apply(act("detach", "alert", desk.alert("b")))
    assert frozenset({"b"}) in desk.live()
    assert desk.incidents[home.id].alerts == ("202611-a",)
    desk.apply(episode("b", fields={"host.name": "web"}, revision=2, until=3))
    desk.triage = fold(state=desk.state)
    desk.apply(
        episode("b", fields={"host.name": "web"}, revision=3, until=4), episode("d", fields={"host.name": "web"})
    )
    assert desk.live() == {frozenset({"a", "d"}), frozenset({"b"}), frozenset({"c"})}


def test_the_only_alert_of_an_incident_is_not_detached(desk):
    answer = one(desk.apply(act("detach", "alert", desk.alert("c"))))
    assert (answer.outcome, "only alert" in answer.reason) == ("refused", True)


def test_every_act_even_a_refused_one_is_in_the_audit_chain(desk):
    desk.apply(act("close", "incident", desk.incident("c"), role="administrator", actor="root", **CHANGES["close"]))
    desk.apply(act("note", "alert", desk.alert("a"), actor="lan", text="mật khẩu là 123"))
    lines = [json.loads(line) for line in desk.audit]
    assert [(line["actor"], line["act"]) for line in lines[-2:]] == [("root", "close"), ("lan", "note")]
    assert lines[-2]["detail"] == "refused: the role administrator may not close"
    assert "123" not in lines[-1]["detail"]
    assert [line["act"] for line in lines].count("open") == 2
    assert verify(desk.audit, desk.triage._documents.counters.audit) is None


scalars = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.text(max_size=8), st.just("true_positive"))
arguments = st.dictionaries(
    st.sampled_from(
        ["verdict", "reason", "owner", "text", "report_kind", "payload_sha256", "into", "incident_version"]
    ),
    st.one_of(scalars, st.lists(scalars, max_size=2), st.dictionaries(st.text(max_size=3), scalars, max_size=2)),
)
wild = st.builds(
    Action,
    id=st.text(max_size=3), at=st.integers(0, 2**52), actor=st.text(max_size=5), role=st.sampled_from([*ROLES, "", "x"]),
    kind=st.sampled_from(get_args(ActionKind)), target=st.sampled_from(["alert", "incident"]),
    target_id=st.sampled_from(["202611-a", "202611-b", "@incident", "", "nowhere"]),
    expected_revision=st.integers(-1, 2), changes=arguments,
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(wild, max_size=6))
def test_whatever_a_client_sends_gets_an_answer_and_every_document_stays_readable(actions):
    desk = Desk()
    desk.apply(episode("a", fields={"host.name": "web"}), episode("b", fields={"host.name": "web"}))
    home = desk.incident("a").id
    out = desk.apply(
        *(Action(**{**{f: getattr(item, f) for f in item.__struct_fields__}, "target_id": item.target_id.replace("@incident", home)})
          for item in actions)
    )  # fmt: skip
    assert len(out.answers) == len(actions)
    for document in [*out.alerts, *out.incidents, *out.answers]:
        assert decode(encode(document), type(document)) == document
    fold(state=desk.state)


def test_two_people_act_while_the_machine_revises_a_thousand_times_and_no_act_is_lost_or_overwritten(desk):
    accepted, conflicts = [], 0
    for n in range(1000):
        desk.apply(episode("a", fields={"host.name": "web"}, revision=n + 2, until=n / 100))
        if n % 10:
            continue
        seen = desk.alert("a")
        answers = [
            one(desk.apply(act("note", "alert", seen, actor=name, text=f"{name} {n}"))) for name in ("lan", "hoa")
        ]
        assert [answer.outcome for answer in answers] == ["accepted", "conflict"]
        assert "note added by lan" in answers[1].reason
        again = one(desk.apply(act("note", "alert", desk.alert("a"), actor="hoa", text=f"hoa {n}")))
        assert again.outcome == "accepted"
        accepted += [f"lan {n}", f"hoa {n}"]
        conflicts += 1
    alert = desk.alert("a")
    assert [note.text for note in alert.notes] == accepted
    assert (alert.revision, alert.episode_revision, conflicts) == (200, 1001, 100)

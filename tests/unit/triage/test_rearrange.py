"""Split, detach, link and unlink: what becomes of both sides, what no machine undoes, and what the audit says of it."""

import json

import pytest
from triage_made import Desk, act, episode

WEB = {"host.name": "web"}


def joined(number=3):
    desk = Desk()
    for n in range(number):
        desk.apply(episode(f"a{n}", "guess", n, {**WEB, "source.ip": f"192.0.2.{n + 1}"}))
    return desk


def two():
    desk = Desk()
    desk.apply(episode("a", "guess", 0, WEB), episode("b", "guess", 1, {"host.name": "db"}))
    return desk


def ids(*names):
    return [f"202611-{name}" for name in names]


def answer_of(desk, *items):
    return desk.apply(*items).answers[-1]


def audited(desk):
    return [(line["act"], line["detail"]) for line in map(json.loads, desk.audit) if line["actor"] == "lan"]


def test_a_split_makes_an_incident_of_its_own_and_both_count_it():
    desk = joined()
    whole = desk.incident("a0")
    desk.apply(act("split", "incident", whole, alerts=ids("a2"), reason="another attacker"))
    rest, fresh = desk.incident("a0"), desk.incident("a2")
    assert (rest.alerts, fresh.alerts) == (tuple(ids("a0", "a1")), tuple(ids("a2")))
    assert (rest.revision, fresh.revision, fresh.raised) == (1, 1, whole.raised)
    assert rest.timeline[-1].detail == f"{fresh.number} another attacker"
    assert f"split off {rest.number}" in fresh.timeline[-1].detail
    assert audited(desk) == [("split", f"accepted: 1 alerts split off as {fresh.number}, revision 1")]


def test_no_machine_joins_again_what_a_person_split():
    desk = joined()
    desk.apply(act("split", "incident", desk.incident("a0"), alerts=ids("a2")))
    desk.apply(episode("bridge", "guess", 5, {**WEB, "source.ip": "192.0.2.3"}))
    assert desk.incident("a0").id != desk.incident("a2").id


@pytest.mark.parametrize(
    ("alerts", "reason"),
    [
        (["202611-nobody"], "ids of alerts of this incident"),
        ([], "ids of alerts of this incident"),
        (ids("a0", "a0"), "ids of alerts of this incident"),
        (ids("a0", "a1", "a2"), "some alert must stay"),
    ],
)
def test_a_split_of_nothing_of_strangers_or_of_all_is_refused(alerts, reason):
    desk = joined()
    answer = answer_of(desk, act("split", "incident", desk.incident("a0"), alerts=alerts))
    assert answer.outcome == "refused"
    assert reason in answer.reason
    assert desk.incident("a0").revision == 0


def test_a_detached_alert_leaves_for_good_and_its_incident_counts_it():
    desk = joined()
    home = desk.incident("a0")
    desk.apply(act("detach", "alert", desk.alert("a2")))
    assert desk.incident("a2").id != home.id
    assert (desk.incident("a0").revision, desk.incident("a0").timeline[-1].act) == (1, "detach")
    desk.apply(episode("a2", "guess", 2, {**WEB, "source.ip": "192.0.2.3"}, revision=2, until=9))
    assert desk.incident("a2").id != home.id


def test_a_link_is_on_both_with_its_reason_and_is_taken_away_on_both():
    desk = two()
    one, other = desk.incident("a"), desk.incident("b")
    desk.apply(act("link", "incident", one, to=other.id, reason="same mail"))
    assert [(link.incident_id, link.reason) for link in desk.incident("a").links] == [(other.id, "same mail")]
    assert [(link.incident_id, link.reason) for link in desk.incident("b").links] == [(one.id, "same mail")]
    assert (desk.incident("a").revision, desk.incident("b").revision) == (1, 1)
    desk.apply(act("unlink", "incident", desk.incident("b"), to=one.id))
    assert (desk.incident("a").links, desk.incident("b").links) == ((), ())
    assert [moment.act for moment in desk.incident("a").timeline] == ["link", "unlink"]
    assert audited(desk) == [
        ("link", f"accepted: linked with {other.number}, revision 1"),
        ("unlink", f"accepted: unlinked from {one.number}, revision 2"),
    ]


def test_who_saw_the_other_incident_before_it_was_linked_is_told_so():
    desk = two()
    stale = desk.incident("b")
    desk.apply(act("link", "incident", desk.incident("a"), to=stale.id, actor="hoa"))
    answer = answer_of(desk, act("note", "incident", stale, text="x"))
    assert answer.outcome == "conflict"
    assert f"linked with {desk.incident('a').number} by hoa" in answer.reason


@pytest.mark.parametrize("kind", ["link", "unlink"])
def test_a_link_to_itself_to_nothing_or_that_is_there_already_is_refused(kind):
    desk = two()
    one, other = desk.incident("a"), desk.incident("b")
    if kind == "link":
        desk.apply(act("link", "incident", one, to=other.id))
    for to in (one.id, "202611-nothing", other.id):
        assert answer_of(desk, act(kind, "incident", desk.incident("a"), to=to)).outcome == "refused"


def test_a_link_of_closed_incidents_is_possible_and_reopens_neither():
    desk = two()
    desk.apply(act("close", "incident", desk.incident("a"), verdict="true_positive", reason="done"))
    assert answer_of(desk, act("link", "incident", desk.incident("a"), to=desk.incident("b").id)).outcome == "accepted"
    assert desk.incident("a").status == "closed"


def test_the_audit_says_what_was_done_and_nothing_of_what_was_typed():
    desk = two()
    desk.apply(act("note", "incident", desk.incident("a"), text="his number is 0912 345 678"))
    desk.apply(act("assign", "incident", desk.incident("a"), owner="minh"))
    desk.apply(act("classify", "incident", desk.incident("a"), severity="serious", reason="0912 345 678"))
    desk.apply(act("close", "alert", desk.alert("b"), verdict="false_positive", reason="0912 345 678"))
    assert audited(desk) == [
        ("note", "accepted: note added, revision 1"),
        ("assign", "accepted: assigned to minh, revision 2"),
        ("classify", "accepted: classified: none → serious, revision 3"),
        ("close", "accepted: closed as false_positive, revision 1"),
    ]

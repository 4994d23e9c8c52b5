"""State that earlier releases wrote is taken up: nothing of it is lost, and what is new about documents begins empty."""

import pytest
from triage_made import ATTACKER, T0, Desk, act, episode, fold, story

from soc.clock import HOUR
from soc.errors import RecordError
from soc.model import Alert, Incident, decode, encode

FIRST_ALERT = (
    *("id", "version", "revision", "rule_id", "title", "title_vi", "level", "tags", "type", "rule_set"),
    *("episode_revision", "state", "merged_into", "group", "first_seen", "last_seen", "count", "members", "sample"),
    *("value", "late", "entities", "raised", "status", "owner", "verdict", "close_reason", "notes"),
    *("acknowledged_at", "closed_at", "new_activity", "incident_id"),
)
"""Fields of an alert of the first release."""
FIRST_INCIDENT = (
    *("id", "number", "version", "revision", "title", "title_vi", "level", "alerts", "joins", "entities"),
    *("first_seen", "last_seen", "raised", "tags", "status", "owner", "verdict", "close_reason", "notes"),
    *("acknowledged_at", "closed_at", "new_activity", "approvals", "merged_into", "summaries"),
)


def as_first_release(state):
    """The state as the first release wrote it: fewer fields, ``acknowledged`` for what is ``triage`` now, no state of later parts."""
    old = {}
    for name, value in state.items():
        kind = name[:2]
        if value is None or kind in {b"k/", b"p/", b"v/", b"g/", b"m/", b"r/", b"q/", b"s/", b"y/"}:
            continue
        if kind in {b"a/", b"i/"}:
            fields = FIRST_ALERT if kind == b"a/" else FIRST_INCIDENT
            tree = decode(value, dict)
            kept = {field: tree[field] for field in fields if field in tree}
            if kind == b"i/" and kept["status"] == "triage":
                kept["status"] = "acknowledged"
            value = encode(kept)  # noqa: PLW2901
        elif name == b"c":
            tree = decode(value, dict)
            value = encode({field: tree[field] for field in ("version", "numbers", "answered", "audit")})  # noqa: PLW2901
        old[name] = value
    return old


def taken_up():
    desk = Desk()
    for part in story():
        desk.apply(part)
    desk.apply(act("acknowledge", "incident", desk.incident("scan")))
    state = as_first_release(desk.state)
    later = Desk(state and fold(state=state))
    later.state = dict(state)
    for name, value in state.items():
        if name.startswith(b"a/"):
            later.alerts[name[2:].decode()] = decode(value, Alert)
    later.incidents = dict(desk.incidents)
    return later


def test_an_acknowledged_incident_of_the_first_release_is_one_in_triage_and_goes_on():
    desk = taken_up()
    desk.apply(episode("more", "sudo", 25, {"host.name": "mc-web-01", "user.name": "deploy"}))
    incident = desk.incident("more")
    assert (incident.status, incident.revision, incident.number) == ("triage", 1, "INC-2026-000001")
    assert len(incident.alerts) == 6
    assert incident.acknowledged_at == T0 + HOUR


def test_versions_numbers_and_the_audit_chain_go_on_from_where_they_were():
    desk = taken_up()
    highest = max(alert.version for alert in desk.alerts.values())
    out = desk.apply(episode("other", "sudo", 0, {"host.name": "elsewhere"}))
    assert min(alert.version for alert in out.alerts) > highest
    assert out.incidents[0].number == "INC-2026-000002"
    assert len(out.audit) == 1


def test_a_person_can_act_on_what_an_earlier_release_left():
    desk = taken_up()
    incident = desk.incident("scan")
    for kind, changes in (("confirm", {}), ("close", {"verdict": "true_positive", "reason": "done"})):
        answer = desk.apply(act(kind, "incident", desk.incidents[incident.id], **changes)).answers[0]
        assert answer.outcome == "accepted", answer.reason
    assert desk.alert("sudo").status == "closed"


def test_a_revision_of_an_old_alert_gets_what_is_new_about_alerts():
    desk = taken_up()
    desk.apply(episode("transfer", "transfer", 20, {"source.ip": "10.20.0.15", "destination.ip": ATTACKER}, revision=2))
    alert = desk.alert("transfer")
    assert alert.fingerprint
    assert alert.incident_id == desk.incident("scan").id


def test_a_status_that_no_release_ever_wrote_stops_the_stage():
    tree = decode(taken_up().state[next(name for name in taken_up().state if name.startswith(b"i/"))], dict)
    with pytest.raises(RecordError):
        fold(state={b"i/x": encode({**tree, "status": "lost"})})


def test_what_was_taken_up_is_written_in_the_form_of_today():
    desk = taken_up()
    desk.apply(act("note", "incident", desk.incident("scan"), text="x"))
    value = desk.state[b"i/" + desk.incident("scan").id.encode()]
    assert decode(value, Incident).status == "triage"

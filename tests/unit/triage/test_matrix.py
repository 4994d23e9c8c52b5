"""The fold itself: every kind of act × every role × every scope, generated from the tables; triage trusts no console."""

from typing import get_args

import msgspec
import pytest
from triage_made import Desk, act, episode

from soc.model import ActionKind
from soc.triage.roles import ROLES, may

MINE, OTHERS = "so-y-te", "so-tai-chinh"
TARGETS = {"detach": "alert", "silence": "silence", "end_silence": "silence"}
DIRECTIVES = {"direct", "answer_directive", "close_directive"}
SCOPES = {"whole": (), "mine": (MINE,), "others": (OTHERS,)}


def owned() -> Desk:
    """A fold with one alert in one incident, both of the first office."""
    desk = Desk()
    desk.apply(episode("one", "guess", 0, {"host.name": "mc-web-01"}))
    documents = desk.triage._documents
    (alert,), (incident,) = desk.alerts.values(), desk.incidents.values()
    documents.put_alert(msgspec.structs.replace(alert, units=(MINE,)))
    documents.put_incident(msgspec.structs.replace(incident, units=(MINE,)))
    return desk


def reason(kind: str, role: str, units: tuple[str, ...]) -> str:
    """Why triage refuses the act, "" if it does not."""
    desk = owned()
    target = TARGETS.get(kind, "incident")
    document = next(iter((desk.alerts if target == "alert" else desk.incidents).values()))
    made = act(kind, target, document, role=role, revision=document.revision)
    out = desk.triage.apply([msgspec.structs.replace(made, units=units)], made.at)
    (answer,) = out.answers
    return answer.reason if answer.outcome == "refused" else ""


@pytest.mark.parametrize("kind", sorted(set(get_args(ActionKind)) - set(TARGETS) - DIRECTIVES))
def test_an_act_is_refused_to_the_wrong_role_and_outside_of_the_scope_and_to_nobody_else(kind):
    for role in ROLES:
        for scope, units in SCOPES.items():
            said = reason(kind, role, units)
            if not may(role, kind):
                assert f"the role {role} may not" in said, (role, scope)
            elif scope == "others":
                assert "organizations" in said, (role, scope)
            else:
                assert "the role" not in said, (role, scope)
                assert "organizations" not in said, (role, scope)


def test_what_no_unit_owns_is_not_a_limited_persons_to_act_on():
    desk = Desk()
    desk.apply(episode("one", "guess", 0, {"host.name": "mc-web-01"}))
    incident = next(iter(desk.incidents.values()))
    made = act("note", "incident", incident, text="x")
    (answer,) = desk.triage.apply([msgspec.structs.replace(made, units=(MINE,))], made.at).answers
    assert (answer.outcome, "organizations" in answer.reason) == ("refused", True)


def test_a_limited_person_merges_into_no_incident_of_somebody_else():
    desk = owned()
    desk.apply(episode("two", "sudo", 300, {"host.name": "mc-db-02"}))
    mine = next(incident for incident in desk.incidents.values() if "202611-one" in incident.alerts)
    other = next(incident for incident in desk.incidents.values() if "202611-two" in incident.alerts)
    made = act("merge", "incident", mine, into=other.id)
    (answer,) = desk.triage.apply([msgspec.structs.replace(made, units=(MINE,))], made.at).answers
    assert (answer.outcome, answer.reason) == ("refused", "into must be the id of another incident")
    (answer,) = desk.triage.apply([msgspec.structs.replace(made, id="again", units=())], made.at).answers
    assert answer.outcome == "accepted"

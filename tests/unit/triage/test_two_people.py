"""Two people act on one alert while the machine revises it: no act is lost, none silently overwritten, and closed stays closed."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from triage_made import T0, Desk, act, episode, fold

from soc.clock import MINUTE, SECOND

REVISIONS = 1000
WEB = {"source.ip": "192.0.2.1", "host.name": "web"}
KINDS = ("note", "note", "assign", "acknowledge", "close", "reopen")


class Person:
    """Acts on what they saw last, which may be old, and remembers what they were told."""

    def __init__(self, name):
        self.name, self.seen, self.told = name, None, {}

    def look(self, document):
        self.seen = document

    def act(self, rng):
        kind = rng.choice(KINDS)
        id_ = f"{self.name}-{len(self.told)}"
        changes = {"text": id_, "owner": id_, "verdict": "benign_true_positive", "reason": id_}
        self.told[id_] = None
        return act(kind, "alert", self.seen, actor=self.name, id_=id_, **changes)


def run(seed, revisions, restart_at=()):
    """Everything at once, in an order drawn from a seed; gives the desk and (act, answer) in the order they were answered."""
    rng, desk = random.Random(seed), Desk()
    desk.apply(episode("a", "guess", 0, WEB))
    people, done, number = [Person("lan"), Person("hoa")], [], 1
    for one in people:
        one.look(desk.alert("a"))
    while number < revisions:
        items, acts = [], {}
        for _ in range(rng.randint(1, 12)):
            if rng.random() < 0.9:
                number += 1
                items.append(episode("a", "guess", 0, WEB, revision=number, until=1 + number / 10))
            else:
                person = rng.choice(people)
                if rng.random() < 0.5:
                    person.look(desk.alert("a"))
                action = person.act(rng)
                items.append(action)
                acts[action.id] = action
        out = desk.apply(*items)
        done += [(acts[answer.action_id], answer) for answer in out.answers]
        if number in restart_at:
            desk.triage = fold(state=desk.state)
    return desk, done, number


def check(desk, done):
    alert = desk.alert("a")
    accepted = [action for action, answer in done if answer.outcome == "accepted"]
    assert alert.revision == len(accepted)
    # An act that was accepted saw everything that was accepted before it: nothing was overwritten unseen.
    assert [action.expected_revision for action in accepted] == list(range(len(accepted)))
    assert [note.text for note in alert.notes] == [action.id for action in accepted if action.kind == "note"]
    owners = [action.id for action in accepted if action.kind == "assign"]
    assert alert.owner == (owners[-1] if owners else "")
    lives = [action.kind for action in accepted if action.kind in {"acknowledge", "close", "reopen"}]
    states = {"close": "closed", "reopen": "acknowledged", "acknowledge": alert.status}
    assert alert.status == (states[lives[-1]] if lives else "new")
    for action, answer in done:
        if answer.outcome == "conflict":
            assert action.expected_revision != answer.revision
            assert "changed since revision" in answer.reason


@pytest.mark.parametrize("seed", range(3))
def test_a_thousand_revisions_lose_no_act_and_overwrite_none(seed):
    desk, done, number = run(seed, REVISIONS)
    assert number >= REVISIONS
    assert desk.alert("a").episode_revision == number
    assert {answer.outcome for _, answer in done} >= {"accepted", "conflict"}
    check(desk, done)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 60), st.sets(st.integers(2, 60), max_size=5))
def test_whatever_the_order_and_the_restarts_no_act_is_lost(seed, revisions, restart_at):
    desk, done, _ = run(seed, revisions, restart_at)
    check(desk, done)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20))
def test_a_closed_alert_that_goes_on_shows_it_and_stays_closed(before, after):
    desk = Desk()
    desk.apply(*(episode("a", "guess", 0, WEB, revision=n, until=n) for n in range(1, before + 1)))
    desk.apply(act("close", "alert", desk.alert("a"), verdict="true_positive", reason="blocked"))
    closed = desk.alert("a")
    for n in range(before + 1, before + after + 1):
        desk.apply(episode("a", "guess", 0, WEB, revision=n, until=n))
        assert (desk.alert("a").status, desk.alert("a").new_activity) == ("closed", True)
    assert (desk.alert("a").revision, desk.alert("a").closed_at) == (closed.revision, closed.closed_at)
    assert desk.alert("a").last_seen == T0 + (before + after) * MINUTE
    desk.apply(act("acknowledge", "alert", desk.alert("a")))
    assert (desk.alert("a").status, desk.alert("a").new_activity) == ("closed", False)


def test_the_same_act_sent_twice_has_one_effect_and_one_answer():
    desk = Desk()
    desk.apply(episode("a", "guess", 0, WEB))
    note = act("note", "alert", desk.alert("a"), text="called the owner")
    first = desk.apply(note).answers
    again = desk.apply(episode("a", "guess", 0, WEB, revision=2, until=2), note, now=T0 + 90 * SECOND).answers
    assert first == again
    assert len(desk.alert("a").notes) == 1


def test_who_saw_only_one_of_two_incidents_before_a_merge_is_told_of_the_other():
    desk = Desk()
    desk.apply(episode("a", "guess", 0, {"host.name": "web"}), episode("b", "guess", 1, {"host.name": "db"}))
    seen, gone = desk.incident("a"), desk.incident("b")
    desk.apply(act("merge", "incident", gone, actor="hoa", into=seen.id))
    answer = desk.apply(act("classify", "incident", seen, severity="serious", reason="data left")).answers[0]
    assert answer.outcome == "conflict"
    assert f"{gone.number} merged into it by hoa" in answer.reason
    assert [(m.actor, m.act) for m in desk.incidents[gone.id].timeline] == [("hoa", "merge")]
    assert [(m.actor, m.act, m.detail) for m in desk.incidents[seen.id].timeline] == [("hoa", "merge", gone.number)]

"""Silences and maintenance windows: what lies within is kept and marked and calls nobody; what goes on past them is as if they were not."""

import pytest
from triage_made import T0, Desk, episode

from soc.clock import HOUR, MINUTE
from soc.model import Action

WEB = {"source.ip": "192.0.2.1", "host.name": "web"}
WINDOW = "202611-window-1"


def silence(kind="maintenance", *, starts=0, ends=120, matchers=(("host.name", "web"),), id_=WINDOW):
    changes = {
        "kind": kind, "matchers": [list(one) for one in matchers], "starts": T0 + starts * MINUTE, "ends": T0 + ends * MINUTE,
        "reason": "new disks",
    }  # fmt: skip
    return Action(f"act-{id_}", T0 - HOUR, "lan", "analyst", "silence", "silence", id_, 0, changes)


def ended(at):
    return Action(
        "act-end", T0 + at * MINUTE, "lan", "analyst", "end_silence", "silence", WINDOW, 1, {"reason": "done"}
    )


def desk_with(*items):
    desk = Desk(repeat_window=4 * HOUR)
    for one in items:
        desk.apply(one, now=T0)
    return desk


@pytest.mark.parametrize("kind", ["maintenance", "silence"])
def test_what_lies_within_is_kept_and_marked_and_opens_nothing(kind):
    desk = desk_with(silence(kind), *(episode(f"a{n}", "success", n, WEB) for n in range(3)))
    assert {alert.silenced_by for alert in desk.alerts.values()} == {WINDOW}
    assert (len(desk.alerts), desk.incidents, desk.alert("a0").repeats) == (3, {}, 2)
    assert desk.alert("a0").risk == 0
    assert desk.triage._documents.silences[WINDOW].covered == 3


def test_an_alert_that_goes_on_past_the_window_is_marked_no_longer_and_opens_an_incident():
    desk = desk_with(silence(), episode("a", "success", 100, WEB))
    assert desk.incidents == {}
    desk.apply(episode("a", "success", 100, WEB, revision=2, until=121))
    assert desk.alert("a").silenced_by == ""
    assert desk.incident("a").alerts == (desk.alert("a").id,)


def test_a_repeat_that_goes_on_past_the_window_is_no_longer_hidden_behind_what_was_covered():
    desk = desk_with(silence(), episode("a", "success", 90, WEB), episode("b", "success", 100, WEB))
    assert desk.alert("b").duplicate_of == desk.alert("a").id
    desk.apply(episode("b", "success", 100, WEB, revision=2, until=130))
    assert (desk.alert("b").duplicate_of, desk.alert("b").silenced_by) == ("", "")
    assert desk.incident("b").level == "critical"
    assert desk.alert("a").repeats == 0


def test_what_is_covered_hides_nothing_that_is_not():
    desk = desk_with(silence(), episode("a", "success", 100, WEB), episode("b", "success", 125, WEB))
    assert (desk.alert("b").duplicate_of, desk.alert("b").silenced_by) == ("", "")
    assert desk.incident("b").level == "critical"


def test_what_is_covered_comes_along_where_there_is_an_incident_about_the_same_and_does_not_make_it_graver():
    desk = desk_with(
        silence(matchers=(("rule.id", "success"),)), episode("a", "guess", 10, WEB), episode("b", "success", 12, WEB)
    )
    assert desk.alert("b").incident_id == desk.incident("a").id
    assert desk.incident("a").level == "high"


def test_a_window_that_is_ended_early_covers_nothing_after_its_end():
    desk = desk_with(silence(), ended(30), episode("a", "success", 20, WEB), episode("b", "success", 40, WEB))
    assert (desk.alert("a").silenced_by, desk.alert("b").silenced_by) == (WINDOW, "")


def test_a_window_covers_what_happened_in_it_however_late_it_is_told():
    desk = desk_with(silence())
    desk.apply(episode("late", "success", 50, WEB), now=T0 + 30 * HOUR)
    assert desk.alert("late").silenced_by == WINDOW


def test_the_audit_says_what_is_silenced_and_until_when():
    desk = desk_with(silence())
    assert b"maintenance of host.name=web from 2026-11-22T08:00:00" in desk.audit[0]

"""The same again is a repeat: kept, counted, and told by the first one alone."""

from hypothesis import given, settings
from hypothesis import strategies as st
from triage_made import T0, Desk, act, episode, fold

from soc.clock import HOUR
from soc.model import Action

WINDOW = 4 * HOUR
WEB = {"source.ip": "192.0.2.1", "host.name": "web"}


def desk_with(*episodes):
    desk = Desk(repeat_window=WINDOW)
    for one in episodes:
        desk.apply(one)
    return desk


def counted(desk):
    """(alerts that the first ones stand for, live alerts)."""
    live = [alert for alert in desk.alerts.values() if alert.state == "live"]
    return sum(1 + alert.repeats for alert in live if not alert.duplicate_of), len(live)


def test_the_same_again_is_counted_on_the_first_and_not_listed():
    desk = desk_with(*(episode(f"a{n}", "guess", n, WEB) for n in range(5)))
    first = desk.alert("a0")
    assert (first.repeats, first.last_repeat) == (4, desk.alert("a4").last_seen)
    assert {desk.alert(f"a{n}").duplicate_of for n in range(1, 5)} == {first.id}
    assert {desk.alert(f"a{n}").incident_id for n in range(5)} == {first.incident_id}
    assert desk.incident("a0").alerts == (first.id,)
    assert desk.incident("a0").summaries[0].repeats == 4


def test_another_target_or_rule_is_no_repeat():
    desk = desk_with(
        episode("a", "guess", 0, WEB), episode("b", "guess", 1, WEB | {"host.name": "db"}), episode("c", "sudo", 2, WEB)
    )
    assert {alert.duplicate_of for alert in desk.alerts.values()} == {""}


def test_past_the_window_it_begins_anew():
    desk = desk_with(episode("a", "guess", 0, WEB), episode("b", "guess", 300, WEB))
    assert desk.alert("b").duplicate_of == ""


def test_closing_and_reopening_the_first_does_so_to_its_repeats():
    desk = desk_with(*(episode(f"a{n}", "guess", n, WEB) for n in range(3)))
    desk.apply(act("close", "alert", desk.alert("a0"), verdict="false_positive", reason="scanner"))
    assert [desk.alert(f"a{n}").status for n in range(3)] == ["closed"] * 3
    desk.apply(act("reopen", "alert", desk.alert("a0")))
    assert {desk.alert(f"a{n}").status for n in range(3)} == {"acknowledged"}


def test_a_repeat_of_a_closed_alert_is_new_activity_on_it_which_stays_closed():
    desk = desk_with(episode("a", "guess", 0, WEB))
    desk.apply(act("close", "incident", desk.incident("a"), verdict="true_positive", reason="blocked"))
    desk.apply(episode("b", "guess", 70, WEB))
    first = desk.alert("a")
    assert (first.status, first.new_activity, first.repeats) == ("closed", True, 1)
    assert (desk.incident("a").status, desk.incident("a").new_activity) == ("closed", True)
    assert (desk.alert("b").status, desk.alert("b").duplicate_of) == ("closed", first.id)


def test_when_the_first_is_retracted_the_next_takes_its_place():
    desk = desk_with(*(episode(f"a{n}", "guess", n, WEB) for n in range(3)))
    desk.apply(episode("a0", "guess", 0, WEB, revision=2, state="retracted"))
    heir = desk.alert("a1")
    assert (heir.duplicate_of, heir.repeats, desk.alert("a2").duplicate_of) == ("", 1, heir.id)
    assert heir.id in desk.incidents[heir.incident_id].alerts
    assert counted(desk) == (2, 2)


def test_a_retracted_repeat_is_no_longer_counted():
    desk = desk_with(*(episode(f"a{n}", "guess", n, WEB) for n in range(3)))
    desk.apply(episode("a1", "guess", 1, WEB, revision=2, state="retracted"))
    assert desk.alert("a0").repeats == 1


def test_how_it_was_closed_before_is_told_of_the_next():
    desk = desk_with(episode("a", "guess", 0, WEB))
    desk.apply(act("close", "alert", desk.alert("a"), verdict="false_positive", reason="scanner of ours"))
    desk.apply(episode("b", "guess", 9 * 60, WEB), now=desk.alert("a").raised + 9 * HOUR)
    assert (desk.alert("b").duplicate_of, desk.alert("b").seen_before) == ("", (("false_positive", 1),))


def test_a_covered_alert_is_kept_and_marked_and_opens_no_incident():
    desk = Desk(repeat_window=WINDOW)
    desk.apply(silence("202611-noise-1", [["host.name", "web"]]))
    desk.apply(episode("a", "guess", 90, WEB), episode("b", "guess", 90, {"host.name": "db"}))
    assert (desk.alert("a").silenced_by, desk.alert("a").incident_id) == ("202611-noise-1", "")
    assert desk.alert("b").silenced_by == ""
    assert desk.triage._documents.silences["202611-noise-1"].covered == 1


def silence(id_, matchers):
    changes = {
        "kind": "silence", "matchers": matchers, "starts": T0 + HOUR, "ends": T0 + 3 * HOUR, "reason": "a scanner of ours",
    }  # fmt: skip
    return Action("act-silence", T0 + HOUR, "lan", "analyst", "silence", "silence", id_, 0, changes)


moves = st.lists(
    st.builds(
        lambda n, at, host, revision, state: episode(
            f"e{n}", "guess", at, {"host.name": host}, revision=revision, state=state
        ),
        st.integers(0, 9), st.integers(0, 600), st.sampled_from(["web", "db"]), st.integers(1, 4),
        st.sampled_from(["live", "live", "retracted", "merged"]),
    ), max_size=30,
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(moves, st.integers(1, 7))
def test_first_ones_and_their_repeats_are_all_the_live_alerts_and_a_restart_changes_nothing(work, size):
    desk, again = Desk(repeat_window=WINDOW), Desk(repeat_window=WINDOW)
    for start in range(0, len(work), size):
        desk.apply(*work[start : start + size])
        again.triage = fold(repeat_window=WINDOW, state={k: v for k, v in again.state.items() if v is not None})
        again.apply(*work[start : start + size])
    stands_for, live = counted(desk)
    assert stands_for == live
    assert (desk.state, desk.alerts, desk.incidents) == (again.state, again.alerts, again.incidents)

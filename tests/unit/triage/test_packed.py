"""Of a storm's repeats little is kept, and nothing is lost by it: they stay counted, known and revisable."""

from hypothesis import given, settings
from hypothesis import strategies as st
from triage_made import Desk, act, episode, fold

from soc.clock import HOUR
from soc.triage import documents
from soc.triage.packed import KEPT

WINDOW = 4 * HOUR
WEB = {"source.ip": "192.0.2.1", "host.name": "web"}
MORE = 30
TOTAL = KEPT + MORE + 1


def storm(total=TOTAL):
    desk = Desk(repeat_window=WINDOW)
    for start in range(0, total, 7):
        desk.apply(*(one(n) for n in range(start, min(start + 7, total))))
    return desk


def one(n, **changes):
    return episode(f"a{n:03}", "guess", n / 10, WEB, **changes)


def stands_for(desk):
    """(alerts that the first ones stand for, live alerts)."""
    live = [alert for alert in desk.alerts.values() if alert.state == "live"]
    return sum(1 + alert.repeats for alert in live if not alert.duplicate_of), len(live)


def restarted(desk):
    desk.triage = fold(repeat_window=WINDOW, state={k: v for k, v in desk.state.items() if v is not None})


def test_every_repeat_is_written_and_counted_and_of_most_only_a_line_is_kept():
    desk = storm()
    kept = [name for name, value in desk.state.items() if value is not None and name.startswith(b"a/")]
    lines = [name for name, value in desk.state.items() if value is not None and name.startswith(b"r/")]
    assert (len(desk.alerts), len(kept), len(lines)) == (TOTAL, KEPT + 1, MORE)
    assert desk.alert("a000").repeats == TOTAL - 1
    assert desk.incident("a000").alerts == (desk.alert("a000").id,)


def test_closing_the_first_of_a_storm_writes_few_documents():
    desk = storm()
    out = desk.apply(act("close", "alert", desk.alert("a000"), verdict="false_positive", reason="scanner"))
    assert len(out.alerts) == KEPT + 1
    assert desk.alert("a000").repeats == TOTAL - 1


def test_an_act_on_a_packed_repeat_says_which_alert_stands_for_it():
    desk = storm()
    answer = desk.apply(act("note", "alert", desk.alert(f"a{TOTAL - 1:03}"), text="x")).answers[0]
    assert (answer.outcome, answer.reason) == (
        "refused", "it repeats 202611-a000, which stands for it: act on that one"
    )  # fmt: skip


def test_what_was_folded_already_changes_nothing_when_it_comes_again():
    desk = storm()
    restarted(desk)
    out = desk.apply(*(one(n) for n in range(TOTAL)))
    assert (out.alerts, out.incidents, out.state) == ([], [], {})


def test_a_packed_repeat_that_is_retracted_is_no_longer_counted():
    desk = storm()
    restarted(desk)
    desk.apply(one(TOTAL - 1, revision=2, state="retracted"))
    assert (desk.alert(f"a{TOTAL - 1:03}").state, desk.alert("a000").repeats) == ("retracted", TOTAL - 2)
    assert stands_for(desk) == (TOTAL - 1, TOTAL - 1)


def test_a_packed_repeat_that_goes_on_is_seen_on_its_first():
    desk = storm()
    desk.apply(one(TOTAL - 1, revision=2, until=200))
    assert desk.alert("a000").last_repeat == desk.alert(f"a{TOTAL - 1:03}").last_seen
    assert desk.alert("a000").repeats == TOTAL - 1


def test_whoever_takes_the_place_of_the_first_stands_for_the_packed_ones_too():
    desk = storm()
    for n in range(KEPT + 2):
        desk.apply(one(n, revision=2, state="retracted"))
        restarted(desk)
    heir = desk.alert(f"a{KEPT + 2:03}")
    assert (heir.duplicate_of, heir.repeats) == ("", MORE - 2)
    assert heir.id in desk.incidents[heir.incident_id].alerts
    desk.apply(one(TOTAL - 1, revision=2, state="retracted"))
    assert stands_for(desk) == (MORE - 2, MORE - 2)


moves = st.lists(
    st.builds(
        lambda n, at, host, revision, state: episode(
            f"e{n}", "guess", at, {"host.name": host}, revision=revision, state=state
        ),
        st.integers(0, 12), st.integers(0, 400), st.sampled_from(["web", "web", "db"]), st.integers(1, 4),
        st.sampled_from(["live", "live", "live", "retracted", "merged"]),
    ), max_size=40,
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(moves, st.integers(1, 7), st.integers(0, 3))
def test_however_little_is_kept_first_ones_stand_for_all_live_alerts_and_a_restart_changes_nothing(work, size, kept):
    before, documents.KEPT = documents.KEPT, kept
    try:
        desk, again = Desk(repeat_window=WINDOW), Desk(repeat_window=WINDOW)
        for start in range(0, len(work), size):
            desk.apply(*work[start : start + size])
            restarted(again)
            again.apply(*work[start : start + size])
        represented, live = stands_for(desk)
        assert represented == live
        assert (desk.state, desk.alerts, desk.incidents) == (again.state, again.alerts, again.incidents)
    finally:
        documents.KEPT = before

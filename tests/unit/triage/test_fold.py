"""The fold: episodes and acts in any order and any number of times, documents out."""

import random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from triage_made import ATTACKER, T0, Desk, act, episode, fold, story

from soc.audit.chain import verify
from soc.clock import HOUR, MINUTE

HUMAN = ("status", "owner", "verdict", "close_reason", "notes", "acknowledged_at", "closed_at", "revision")


def human(document):
    return {name: getattr(document, name) for name in HUMAN}


def test_the_story_becomes_one_incident_with_the_reason_of_each_join():
    desk = Desk()
    for part in story():
        desk.apply(part)
    assert desk.live() == {frozenset({"scan", "guess", "success", "sudo", "transfer"})}
    incident = desk.incident("scan")
    assert (incident.number, incident.title, incident.level) == ("INC-2026-000001", "Log-on after guessing", "critical")
    reasons = {join.alert_id.removeprefix("202611-"): set() for join in incident.joins}
    for join in incident.joins:
        reasons[join.alert_id.removeprefix("202611-")].add((join.entity_kind, join.entity_value))
    assert ("source.ip", ATTACKER) in reasons["guess"]
    assert ("host.name", "mc-web-01") in reasons["sudo"]
    assert reasons["transfer"] == {("destination.ip", ATTACKER)}
    assert (incident.first_seen, incident.last_seen) == (T0, T0 + 20 * MINUTE + 30_000_000)
    assert [summary.title for summary in incident.summaries][:2] == ["Port scan", "Password guessing"]


@settings(max_examples=40, deadline=None)
@given(st.permutations(range(5)), st.integers(0, 5))
def test_the_story_is_one_incident_in_whatever_order_and_batches_it_comes(order, cut):
    parts = [story()[n] for n in order]
    desk = Desk()
    desk.apply(*parts[:cut])
    desk.apply(*parts[cut:])
    assert desk.live() == {frozenset({"scan", "guess", "success", "sudo", "transfer"})}
    merged = [incident for incident in desk.incidents.values() if incident.status == "merged"]
    assert all(incident.merged_into == desk.incident("scan").id for incident in merged)


ADDRESSES = [f"192.0.2.{n}" for n in range(6)]
bodies = st.fixed_dictionaries(
    {},
    optional={
        "source.ip": st.sampled_from(ADDRESSES),
        "destination.ip": st.sampled_from(ADDRESSES),
        "host.name": st.sampled_from(["a", "b", "localhost"]),
        "user.name": st.sampled_from(["lan", "root", "minh"]),
    },
)
revisions = st.builds(
    lambda n, rule, at, fields, revision, state: episode(f"e{n}", rule, at, fields, revision=revision, state=state),
    st.integers(0, 7), st.sampled_from(["scan", "sudo", "low"]), st.integers(0, 200), bodies, st.integers(1, 3),
    st.sampled_from(["live", "live", "live", "retracted"]),
)  # fmt: skip
batches = st.lists(st.lists(revisions, max_size=6), min_size=1, max_size=5)


@settings(max_examples=50, deadline=None)
@given(st.lists(revisions, max_size=12, unique_by=lambda item: (item.id, item.revision)), st.randoms())
def test_the_order_within_a_batch_does_not_matter(items, rng):
    one, other = Desk(), Desk()
    one.apply(*items)
    shuffled = list(items)
    rng.shuffle(shuffled)
    other.apply(*shuffled)
    assert one.state == other.state


@settings(max_examples=50, deadline=None)
@given(batches)
def test_repeating_what_was_folded_changes_nothing(work):
    desk = Desk()
    for batch in work:
        desk.apply(*batch)
    for batch in work:
        out = desk.apply(*batch, now=T0 + 9 * HOUR)
        assert (out.alerts, out.incidents, out.audit, out.state) == ([], [], [], {})


def with_acts(desk, rng):
    """Some acts on what there is, drawn from a seed."""
    chosen = []
    for kind, documents in (("alert", desk.alerts), ("incident", desk.incidents)):
        for document in sorted(documents.values(), key=lambda item: item.id):
            what = rng.choice(["acknowledge", "close", "reopen", "note", "assign", "detach", "merge", ""])
            other = rng.choice(sorted(desk.incidents) or [""])
            changes = {"verdict": "false_positive", "reason": "x", "text": "y", "owner": "minh", "into": other}
            if what:
                id_ = f"{rng.random()}"
                chosen.append(act(what, kind, document, id_=id_, revision=document.revision, **changes))
    return chosen


@settings(max_examples=40, deadline=None)
@given(batches, st.integers(0, 2**32), st.integers(0, 5))
def test_a_restart_from_the_committed_state_equals_never_stopping(work, seed, stop):
    rng = random.Random(seed)
    whole, restarted = Desk(max_degree=2), Desk(max_degree=2)
    for number, batch in enumerate(work):
        items = [*batch, *with_acts(whole, rng)]
        whole.apply(*items)
        if number == stop:
            restarted.triage = fold(max_degree=2, state=restarted.state)
        restarted.apply(*items)
    assert (whole.state, whole.alerts, whole.incidents) == (restarted.state, restarted.alerts, restarted.incidents)
    assert whole.audit == restarted.audit
    assert verify(whole.audit, whole.triage._documents.counters.audit) is None


@settings(max_examples=40, deadline=None)
@given(batches, batches, st.integers(0, 2**32))
def test_no_machine_revision_changes_a_human_field(before, after, seed):
    desk = Desk()
    for batch in before:
        desk.apply(*batch)
    desk.apply(*with_acts(desk, random.Random(seed)))
    alerts = {id_: human(alert) for id_, alert in desk.alerts.items()}
    incidents = {id_: human(item) for id_, item in desk.incidents.items() if item.revision or item.status != "new"}
    for batch in after:
        desk.apply(*(msgspec.structs.replace(item, revision=item.revision + 3) for item in batch))
    assert {id_: human(desk.alerts[id_]) for id_ in alerts} == alerts
    assert {id_: human(desk.incidents[id_]) for id_ in incidents} == incidents


@settings(max_examples=40, deadline=None)
@given(batches)
def test_each_live_alert_of_weight_is_in_exactly_one_incident_that_is_not_merged(work):
    desk = Desk()
    for batch in work:
        desk.apply(*batch)
    places = [id_ for item in desk.incidents.values() if item.status != "merged" for id_ in item.alerts]
    assert len(places) == len(set(places))
    for alert in desk.alerts.values():
        if alert.state == "live" and alert.rule_id != "low":
            assert alert.id in desk.incidents[alert.incident_id].alerts
            assert desk.incidents[alert.incident_id].status != "merged"


def test_versions_strictly_increase_over_all_documents():
    desk, seen = Desk(), []
    for number in range(4):
        out = desk.apply(episode(f"n{number}", at=number, fields={"source.ip": ATTACKER}))
        seen += sorted(document.version for document in [*out.alerts, *out.incidents])
    assert seen == sorted(set(seen))


def test_an_older_revision_after_a_newer_one_is_ignored():
    desk = Desk()
    desk.apply(episode("a", "guess", 0, revision=3, until=9))
    assert desk.apply(episode("a", "guess", 0, revision=2, until=4)).alerts == []
    assert desk.alert("a").last_seen == T0 + 9 * MINUTE


def test_new_activity_shows_on_a_closed_alert_and_its_closed_incident_and_both_stay_closed():
    desk = Desk()
    desk.apply(episode("a", "guess", 0, {"source.ip": ATTACKER}))
    desk.apply(act("close", "incident", desk.incident("a"), verdict="true_positive", reason="blocked"))
    assert desk.alert("a").status == "closed"
    desk.apply(episode("a", "guess", 0, {"source.ip": ATTACKER}, revision=2, until=5))
    assert (desk.alert("a").status, desk.alert("a").new_activity, desk.alert("a").count) == ("closed", True, 1)
    assert (desk.incident("a").status, desk.incident("a").new_activity) == ("closed", True)


def test_a_retracted_episode_is_no_new_activity():
    desk = Desk()
    desk.apply(episode("a", "guess", 0, {"source.ip": ATTACKER}))
    desk.apply(act("close", "alert", desk.alert("a"), verdict="false_positive", reason="scanner"))
    desk.apply(episode("a", "guess", 0, {"source.ip": ATTACKER}, revision=2, state="retracted"))
    assert (desk.alert("a").state, desk.alert("a").new_activity) == ("retracted", False)


def test_a_merged_episode_points_to_its_survivor_which_keeps_an_incident():
    desk = Desk()
    desk.apply(episode("a", "guess", 0), episode("b", "guess", 600))
    assert desk.alert("a").incident_id != desk.alert("b").incident_id
    desk.apply(
        episode("b", "guess", 600, revision=2, state="merged", into="a"),
        episode("a", "guess", 0, revision=2, until=700),
    )
    assert (desk.alert("b").state, desk.alert("b").merged_into) == ("merged", "202611-a")
    assert desk.live() == {frozenset({"a", "b"})}
    assert desk.incident("a").status == "new"


def test_an_alert_of_a_rule_that_is_not_known_is_raised_under_its_id():
    desk = Desk()
    desk.apply(episode("a", "never-heard-of"))
    assert (desk.alert("a").title, desk.alert("a").level) == ("never-heard-of", "medium")


def test_a_rule_set_that_is_gone_takes_no_title_from_an_alert():
    desk = Desk()
    desk.apply(episode("a", "guess"))
    desk.triage = fold(state=desk.state)
    desk.triage._info = lambda *_: None
    desk.apply(episode("a", "guess", revision=2, until=3))
    assert (desk.alert("a").title, desk.alert("a").level) == ("Password guessing", "high")


def test_nothing_in_nothing_out():
    out = fold().apply([], T0)
    assert (out.alerts, out.incidents, out.answers, out.audit, out.state) == ([], [], [], [], {})


def test_the_type_of_an_item_decides_not_its_place():
    desk = Desk()
    desk.apply(episode("a", "guess"))
    close = act("close", "alert", desk.alert("a"), verdict="false_positive", reason="x")
    desk.apply(
        close, episode("a", "guess", revision=2, until=4), act("note", "alert", desk.alert("a"), revision=1, text="t")
    )
    alert = desk.alert("a")
    assert (alert.status, alert.new_activity, len(alert.notes)) == ("closed", True, 1)

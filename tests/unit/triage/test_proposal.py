"""Whether the alerts of an incident speak for an event or an incident, and by what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc.model import Alert, Member
from soc.triage.proposal import EFFECTS, proposed


def alert(id_="a", *tags, verdict="", state="live", **fields):
    sample = (Member("e", "r", "src", 1, 1, dict(fields)),) if fields else ()
    return Alert(
        id_, 1, 0, "r", "t", "", "high", tuple(f"attack.{tag}" for tag in tags), "event", "s", 1, state, "", (), 1, 1, 1,
        ("e",), sample, 1.0, False, (), 1, verdict=verdict,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("alerts", "kind", "reason"),
    [
        ([alert("a", "reconnaissance", "t1595")], "event", "attempts"),
        ([alert("a", "credential-access", "t1110.001")], "event", "attempts"),
        ([alert("a", "initial-access", **{"event.outcome": "failure"})], "event", "refused"),
        ([alert("a", "impact", **{"event.action": "Deny"})], "event", "refused"),
        ([alert("a", "initial-access", **{"event.outcome": "success"})], "incident", "success"),
        ([alert("a", "discovery"), alert("b", "exfiltration", "t1048")], "incident", "effect"),
        ([alert("a", "command_and_control")], "incident", "effect"),
    ],
)
def test_a_success_or_what_follows_one_is_an_incident_and_anything_else_an_event(alerts, kind, reason):
    found = proposed(alerts)
    assert (found.kind, found.reason) == (kind, reason)


def test_it_names_the_alerts_it_rests_on_and_their_tactics():
    found = proposed([alert("a", "discovery"), alert("b", "exfiltration", "t1048", "g0007", "s0002")])
    assert (found.alerts, found.tactics) == (("b",), ("exfiltration",))


def test_what_was_retracted_or_closed_as_false_speaks_for_nothing():
    assert proposed([alert("a", "impact", state="retracted"), alert("b", "impact", verdict="false_positive")]) is None


@given(st.lists(st.sampled_from(sorted(EFFECTS | {"discovery", "reconnaissance"})), min_size=1), st.randoms())
def test_the_order_of_the_alerts_changes_nothing_but_the_order_of_their_names(tactics, random):
    alerts = [alert(str(n), tactic) for n, tactic in enumerate(tactics)]
    mixed = list(alerts)
    random.shuffle(mixed)
    one, other = proposed(alerts), proposed(mixed)
    assert (one.kind, one.reason, one.tactics, set(one.alerts)) == (
        other.kind, other.reason, other.tactics, set(other.alerts),
    )  # fmt: skip

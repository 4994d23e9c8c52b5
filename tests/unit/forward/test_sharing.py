"""Alerts as counts: nothing raw, nobody's name, the same for the same alerts."""

import json
import random

import msgspec
from forward_made import T0
from privacy_canaries import canaries

from soc.clock import HOUR
from soc.forward.profile import DEFAULT, Profile
from soc.forward.sharing import alert_summary
from soc.model import Alert

BASE = Alert(
    id="202611-a", version=1, revision=1, rule_id="ssh_guess", title="Password guessing", title_vi="Dò mật khẩu", level="high",
    tags=("attack.t1110", "attack.credential_access"), type="event_count", rule_set="r", episode_revision=1, state="live", merged_into="", group=(),
    first_seen=T0, last_seen=T0, count=5, members=(), sample=(), value=5.0, late=False,
    entities=(("source.ip", "203.0.113.7"), ("destination.ip", "10.0.0.5"), ("user.name", "lan.nt")), raised=T0, systems=("dvc",),
)  # fmt: skip


def alert(**fields):
    return msgspec.structs.replace(BASE, **fields)


def test_alerts_are_counted_by_what_the_profile_lists():
    told = alert_summary(
        [alert(), alert(last_seen=T0 + HOUR, count=7), alert(rule_id="scan", tags=(), silenced_by="s1")]
    )
    assert (told["alerts"], told["events"], told["silenced"]) == (2, 12, 1)
    assert told["by_rule"] == [{"value": "ssh_guess", "alerts": 2, "events": 12}]
    assert told["by_technique"] == [{"value": "attack.t1110", "alerts": 2, "events": 12}]
    assert told["by_attacker"] == [{"value": "203.0.113.7", "alerts": 2, "events": 12}]
    assert [row["alerts"] for row in told["by_hour"]] == [1, 1]
    assert set(alert_summary([alert()], Profile(recipient="x"))) == {"schema", "alerts", "events", "silenced"}


def test_the_order_of_alerts_changes_nothing():
    alerts = [alert(rule_id=f"r{n % 7}", count=n, last_seen=T0 + n * HOUR) for n in range(40)]
    shuffled = random.Random(1).sample(alerts, len(alerts))
    assert alert_summary(alerts) == alert_summary(shuffled)


def test_no_canary_in_an_alert_is_told():
    planted = list(canaries(600, seed=11))
    alerts = [
        alert(rule_id=c.text, title=c.text, group=(("user.name", c.text),), facts=(("x", c.text),), entities=(("source.ip", c.text), ("user.name", c.text)), systems=(c.text,))
        for c in planted
    ]  # fmt: skip
    text = json.dumps(alert_summary(alerts, DEFAULT), ensure_ascii=False)
    assert [c for c in planted if any(json.dumps(value, ensure_ascii=False)[1:-1] in text for value in c.values)] == []

"""A storm of every kind through the fold and the store: few rows, the planted alert first, and nothing dropped.

``SOC_STORM_ALERTS=100000`` runs it at the size of issue 7; the laws are the same.
"""

import asyncio
import os
from types import SimpleNamespace

import pytest
from triage_made import Desk, episode

from soc.clock import HOUR
from soc.console.views import alerts
from soc.console.views.query_box import both, is_, is_not
from soc.model import RuleInfo
from soc.store.documents import alert_document, incident_document
from soc.store.embedded import EmbeddedStore
from soc.triage.fold import Triage
from soc.triage.packed import KEPT

NUMBER = int(os.environ.get("SOC_STORM_ALERTS", "5000"))
MINUTES = 10
PLANTED = {"source.ip": "203.0.113.66", "host.name": "register-db", "user.name": "minh.tt"}
LEVELS = ("medium", "high", "low")


def noise(n):
    """Of each five: a repeat, a machine of its own, a machine behind one gateway, an attacker's next host, a person at a portal."""
    at = MINUTES * n / NUMBER
    shape, k = n % 5, n // 5
    fields = (
        {"host.name": "printer", "source.ip": "10.0.0.8"},
        {"host.name": f"pc-{k}"},
        {"source.ip": "192.0.2.9", "destination.ip": f"10.1.{k % 500 // 250}.{k % 250}"},
        {"source.ip": "203.0.113.5", "host.name": f"web-{k % 300}"},
        {"source.ip": "192.0.2.10", "host.name": "portal", "user.name": f"staff{k % 400}"},
    )[shape]
    return episode(f"{n:06}", f"noise-{shape}-{k % 14}", at, fields, until=at)


@pytest.fixture(scope="module")
def stormed():
    """Everything the fold wrote of a storm with one alert planted in its middle."""
    planted = episode("planted", "planted", MINUTES / 2, PLANTED, until=MINUTES / 2)

    def info(_, rule):
        return RuleInfo(rule, rule, "critical" if rule == "planted" else LEVELS[int(rule[-1]) % 3])

    desk = Desk(Triage(info, window=HOUR, shared_entities=("192.0.2.10",), max_degree=25, repeat_window=4 * HOUR))
    for start in range(0, NUMBER, 500):
        batch = [noise(n) for n in range(start, min(start + 500, NUMBER))]
        desk.apply(*batch, *([planted] if start <= NUMBER // 2 < start + 500 else []))
    return desk


def firsts(desk):
    return [alert for alert in desk.alerts.values() if not alert.duplicate_of]


def test_every_episode_is_an_alert_and_the_first_ones_stand_for_all(stormed):
    assert len(stormed.alerts) == NUMBER + 1
    assert sum(1 + alert.repeats for alert in firsts(stormed)) == NUMBER + 1


def test_every_first_alert_of_weight_is_in_one_incident_that_lists_it(stormed):
    places = [id_ for one in stormed.incidents.values() if one.status != "merged" for id_ in one.alerts]
    assert len(places) == len(set(places))
    weighty = {alert.id for alert in firsts(stormed) if alert.level != "low"}
    assert weighty <= set(places)


def test_the_planted_alert_is_its_own_incident(stormed):
    assert stormed.incident("planted").alerts == (stormed.alert("planted").id,)
    assert (stormed.incident("planted").level, stormed.incident("planted").campaign) == ("critical", "")


def test_the_queue_is_at_most_fifty_rows_with_the_planted_alert_first(stormed, tmp_path, monkeypatch):
    async def queue():
        store = EmbeddedStore(tmp_path / "store.sqlite")
        documents = [alert_document(one) for one in stormed.alerts.values()]
        for start in range(0, len(documents), 2000):
            assert not await store.write(documents[start : start + 2000])
        await store.write([incident_document(one) for one in stormed.incidents.values()])
        monkeypatch.setattr(alerts, "console_of", lambda _: SimpleNamespace(store=store))
        listed = both(is_("alert.state", "live"), is_not("alert.duplicate", "true"), is_("alert.status", "new"))
        by_level = dict(await store.counts("alert", listed, "alert.level"))
        rows = await alerts._groups(SimpleNamespace(query={}), listed, by_level)
        whole = dict(await store.counts("alert", is_("alert.state", "live"), "alert.state"))
        await store.close()
        return rows, whole

    rows, whole = asyncio.run(queue())
    assert len(rows) <= 50
    assert (rows[0]["rule_id"], rows[0]["alerts"]) == ("planted", 1)
    assert sum(row["alerts"] for row in rows) == len(firsts(stormed))
    assert whole == {"live": NUMBER + 1}


def test_a_take_over_reads_the_first_ones_and_few_repeats_and_knows_all(stormed):
    kept = {name: value for name, value in stormed.state.items() if value is not None}
    assert sum(name.startswith(b"a/") for name in kept) <= len(firsts(stormed)) * (1 + KEPT)
    again = Triage(
        lambda *_: None, window=HOUR, shared_entities=("192.0.2.10",), max_degree=25, repeat_window=4 * HOUR
    )  # fmt: skip
    again.restore(kept)
    out = again.apply([noise(n) for n in range(0, NUMBER, 7)], stormed.alert("planted").raised)
    assert (out.alerts, out.incidents, out.state) == ([], [], {})

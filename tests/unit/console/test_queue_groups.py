"""A storm in the queue: at most fifty rows, the gravest first, and every alert behind one of them."""

import asyncio
from types import SimpleNamespace

import pytest

from soc.console.views import alerts
from soc.model import Alert
from soc.store.documents import alert_document
from soc.store.embedded import EmbeddedStore
from soc.store.query import All


def made(number, rule, level):
    id_ = f"202611-{number:06}"
    return Alert(
        id_, number + 1, 0, rule, f"Rule {rule}", "", level, (), "event", "set", 1, "live", "", (), number, number, 1,
        (), (), 0, False, (("host.name", f"h{number}"),), number,
    )  # fmt: skip


@pytest.mark.parametrize("rules", [3, 49, 400])
def test_a_storm_of_any_mix_is_at_most_fifty_rows_with_the_planted_alert_first(tmp_path, monkeypatch, rules):
    levels = ("high", "medium", "low")
    storm = [made(n, f"r{n % rules}", levels[n % rules % 3]) for n in range(1200)] + [made(1200, "planted", "critical")]

    async def rows():
        store = EmbeddedStore(tmp_path / "store.sqlite")
        await store.write([alert_document(one) for one in storm])
        monkeypatch.setattr(alerts, "console_of", lambda _: SimpleNamespace(store=store))
        by_level = dict(await store.counts("alert", All(), "alert.level"))
        found = await alerts._groups(SimpleNamespace(query={}), All(), by_level)
        await store.close()
        return found

    found = asyncio.run(rows())
    assert len(found) <= alerts.PAGE
    assert (found[0]["rule_id"], found[0]["alerts"]) == ("planted", 1)
    assert sum(one["alerts"] for one in found) == len(storm)

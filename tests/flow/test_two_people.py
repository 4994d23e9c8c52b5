"""Two people at one alert over the console's API while the engine revises it a thousand times: no act lost, none silently undone."""

import asyncio
import importlib.util
import json
import random
import re
from collections import Counter
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from soc.audit.chain import Head, verify
from soc.bus.base import Message
from soc.bus.embedded import EmbeddedBus
from soc.clock import SECOND, now
from soc.console import auth
from soc.model import Alert, Episode, decode, encode
from soc.pipeline import pace
from soc.pipeline.acts import ActionDesk
from soc.pipeline.index import Index
from soc.pipeline.loop import run_stage
from soc.pipeline.table import ALERTS, AUDIT, EPISODES, topology
from soc.pipeline.triage import TriageStage
from soc.store.embedded import EmbeddedStore
from soc.triage.fold import Triage

_spec = importlib.util.spec_from_file_location(
    "two_people_story", Path(__file__).parents[1] / "unit" / "console" / "story.py"
)
story = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(story)

ALERT = "202611-0000000000000001"
REVISIONS, ACTS = 1000, 30
PEOPLE = ("lan.nt", "hoa.pv")


class NoRules:
    """Rule sets of an installation without rules."""

    current = None

    @staticmethod
    def info(_set, _rule):
        return None

    @staticmethod
    async def get(_set):
        return None


class Centre:
    """Triage, index and a console over one embedded bus and store; the engine is ``revise``."""

    def __init__(self, bus, client, users):
        self.bus, self._client = bus, client
        self._headers = {
            name: {"Authorization": f"Bearer {users.add_token(name, 'test')}", "Accept": "application/json"}
            for name in PEOPLE
        }

    async def revise(self, first, last):
        """The alert as correlation revises it, each revision a commit of its own."""
        claim = await self.bus.claim("correlate", 0)
        for revision in range(first, last + 1):
            episode = Episode(
                ALERT, f"key-{revision}", revision, "guess", "set", "event_count", (("source.ip", "203.0.113.7"),),
                SECOND, revision * SECOND, 5 + revision, ("a", "b"),
            )  # fmt: skip
            await claim.commit([Message(EPISODES, ALERT.encode(), encode(episode))])
        await claim.release()

    async def act(self, name, kind, revision, action_id, **changes):
        """One act over the API: its status and what was answered."""
        body = {"kind": kind, "action_id": action_id, "expected_revision": revision, **changes}
        async with self._client.post(f"/alerts/{ALERT}/act", json=body, headers=self._headers[name]) as answer:
            return answer.status, await answer.json()

    async def alert(self):
        """As triage wrote it last."""
        reader = self.bus.reader([ALERTS])
        found = None
        while records := await reader.fetch(1000, 0.0):
            found = decode(records[-1].value, Alert)
        await reader.close()
        return found

    async def until(self, condition):
        async with asyncio.timeout(60):
            while not ((found := await self.alert()) and condition(found)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return found


@asynccontextmanager
async def centre(directory):
    bus = EmbeddedBus(directory / "bus", topology(1))
    store = EmbeddedStore(directory / "store.db")
    users, stop = story.accounts(directory), asyncio.Event()
    desk = ActionDesk(bus, lambda wait: bus.claim("console", 0, wait=wait), 0)

    def triage():
        return TriageStage(NoRules(), lambda info: Triage(info, window=SECOND, shared_entities=(), max_degree=9))

    app = story.make_app(directory, store, users, desk, now)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run_stage(bus, "triage", 0, triage, clock=now, stop=stop))
        tasks.create_task(run_stage(bus, "index", 0, lambda: Index(store, stop), clock=now, stop=stop))
        tasks.create_task(desk.run(stop))
        async with TestClient(TestServer(app)) as client:
            place = Centre(bus, client, users)
            await place.revise(1, 1)
            async with asyncio.timeout(60):
                while await store.get("alert", ALERT) is None:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            try:
                yield place
            finally:
                stop.set()
    await store.close()
    await bus.close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(pace, "PACE_SECONDS", 0.02)
    monkeypatch.setattr(auth, "_N", 2**8)


async def work(place, name, chosen, told):
    """One person's notes, one after another, each from what he last saw; what was answered to each attempt is put into ``told``."""
    seen = 0
    for number in range(ACTS):
        text, attempt = f"{name} {number}", 0
        while True:
            attempt += 1
            status, answer = await place.act(name, "note", seen, f"{name}-{number}-{attempt}", text=text)
            told.append((name, text, status, answer))
            seen = answer["answer"]["revision"]
            if status == 200:
                break
        await asyncio.sleep(chosen.uniform(0, 0.02))


def test_of_two_people_at_one_alert_nothing_is_lost_and_who_comes_later_is_told_what_changed_and_by_whom(tmp_path):
    async def main():
        async with centre(tmp_path) as place:
            told, chosen = [], random.Random(7)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(place.revise(2, REVISIONS))
                for name in PEOPLE:
                    tasks.create_task(work(place, name, chosen, told))
            assert {status for _, _, status, _ in told} == {200, 409}
            for name, _, status, answer in told:
                if status == 409:
                    other = next(one for one in PEOPLE if one != name)
                    assert answer["answer"]["outcome"] == "conflict"
                    assert f"note added by {other}" in answer["detail"]
            alert = await place.until(lambda one: one.episode_revision == REVISIONS and one.revision == 2 * ACTS)
            wanted = Counter({f"{name} {number}": 1 for name in PEOPLE for number in range(ACTS)})
            assert Counter(note.text for note in alert.notes) == wanted
            assert {(note.author, note.text.split()[0]) for note in alert.notes} == {(name, name) for name in PEOPLE}
            assert alert.count == 5 + REVISIONS
            conflicts = sum(status == 409 for _, _, status, _ in told)
            assert await audited(place) == {"accepted": 2 * ACTS, "conflict": conflicts}

    asyncio.run(main())


async def audited(place):
    """How often triage's chain, which must be whole, tells of each outcome of a note."""
    reader = place.bus.reader([AUDIT])
    lines = []
    while records := await reader.fetch(1000, 0.0):
        lines += [record.value for record in records if record.key == b"triage"]
    await reader.close()
    assert verify(lines, Head("triage", len(lines), json.loads(lines[-1])["hash"])) is None
    notes = [entry["detail"] for line in lines if (entry := json.loads(line))["act"] == "note"]
    return Counter(re.split("[:,]", detail)[0] for detail in notes)


def test_an_alert_that_one_closed_and_the_engine_goes_on_with_stays_closed_shows_it_and_refuses_a_second_close(
    tmp_path,
):
    async def main():
        async with centre(tmp_path) as place:
            await place.revise(2, 5)
            closing = {"verdict": "false_positive", "reason": "a scanner of ours"}
            status, _ = await place.act("lan.nt", "close", 0, "close-first", **closing)
            assert status == 200
            status, answer = await place.act(
                "hoa.pv", "close", 0, "close-second", verdict="true_positive", reason="real"
            )
            assert (status, answer["answer"]["outcome"]) == (409, "conflict")
            assert "closed as false_positive by lan.nt" in answer["detail"]
            await place.revise(6, 20)
            alert = await place.until(lambda one: one.episode_revision == 20)
            assert (alert.status, alert.verdict, alert.new_activity) == ("closed", "false_positive", True)
            status, again = await place.act("lan.nt", "close", 0, "close-first", **closing)
            assert (status, again["answer"]["revision"]) == (200, 1), "a repeat of an act changes nothing"

    asyncio.run(main())

"""People's acts through a real broker: two consoles on one alert, a console killed after its word, fenced by its double, brokers away."""

import asyncio
import secrets
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from live import kafka_server

from soc.bus.base import Message
from soc.bus.kafka import KafkaBus
from soc.clock import SECOND, now
from soc.errors import CommitUnknownError, FencedError, UnavailableError
from soc.model import Action, Alert, Episode, decode, encode
from soc.pipeline import acts
from soc.pipeline.acts import TAKE_SECONDS, ActionDesk
from soc.pipeline.loop import run_stage
from soc.pipeline.table import ALERTS, EPISODES, topology
from soc.pipeline.triage import TriageStage
from soc.settings import KafkaSettings
from soc.triage.fold import Triage

pytestmark = pytest.mark.live

PROGRAM = Path(__file__).with_name("desk_process.py")
ALERT = "202611-0000000000000001"


class NoRules:
    """Rule sets of an installation without rules."""

    current = None

    @staticmethod
    def info(_set, _rule):
        return None

    @staticmethod
    async def get(_set):
        return None


def episode(revision):
    return Episode(
        ALERT, f"key-{revision}", revision, "guess", "set", "event_count", (("source.ip", "203.0.113.7"),),
        SECOND, revision * SECOND, 5 + revision, ("a", "b"),
    )  # fmt: skip


def note(text, revision, *, actor="minh", action_id=""):
    return Action(
        action_id or secrets.token_hex(8), now(), actor, "analyst", "note", "alert", ALERT, revision, {"text": text}
    )


class Centre:
    """Triage running on a prefix of a broker, and desks that come and go; each has a bus of its own."""

    def __init__(self, broker):
        self.broker = broker
        self.prefix = f"{secrets.token_hex(4)}."
        self.buses = []

    def bus(self):
        settings = KafkaSettings(servers=(self.broker.bootstrap,), prefix=self.prefix)
        self.buses.append(KafkaBus(settings, topology(2, 2)))
        return self.buses[-1]

    @asynccontextmanager
    async def desk(self, number):
        bus, stop = self.bus(), asyncio.Event()
        desk = ActionDesk(bus, lambda wait: bus.claim("console", number, wait=wait), number)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(desk.run(stop))
            try:
                yield desk
            finally:
                stop.set()

    async def machine(self, *revisions):
        """The alert as correlation revises it."""
        claim = await self.bus().claim("correlate", 0)
        for revision in revisions:
            await claim.commit([Message(EPISODES, ALERT.encode(), encode(episode(revision)))])
        await claim.release()

    async def alert(self):
        """As it stands."""
        reader = self.bus().reader([ALERTS])
        found = None
        while records := await reader.fetch(1000, 0.0):
            found = decode(records[-1].value, Alert)
        await reader.close()
        return found

    async def until_alert(self, condition, seconds=30.0):
        deadline = time.monotonic() + seconds
        while not ((found := await self.alert()) and condition(found)):
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.05)
        return found

    def killed(self, deadly, action):
        """A desk in a process that kills itself at a step of the commit of this act."""
        command = [sys.executable, "-P", str(PROGRAM), self.broker.bootstrap, self.prefix, "0", deadly]
        done = subprocess.run(
            command, input=encode(action).hex().encode() + b"\n", capture_output=True, timeout=60, check=False
        )
        assert done.returncode == -9, done.stderr.decode()[-2000:]


@asynccontextmanager
async def centre(broker):
    place, stop = Centre(broker), asyncio.Event()

    def make():
        fold = lambda info: Triage(info, window=SECOND, shared_entities=(), max_degree=9)  # noqa: E731
        return TriageStage(NoRules(), fold)

    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(run_stage(place.bus(), "triage", 0, make, clock=now, stop=stop, take_over_wait=0.0))
            try:
                await place.machine(1)
                yield place
            finally:
                stop.set()
    finally:
        for bus in place.buses:
            await bus.close()


@pytest.fixture
def broker():
    kafka_server.need()
    return kafka_server.shared()


@pytest.fixture
def own_broker(tmp_path):
    kafka_server.need()
    one = kafka_server.Broker(tmp_path / "kafka").start()
    yield one
    one.stop()


def test_of_two_people_on_one_alert_one_is_told_what_the_other_did_and_no_act_is_lost(broker):
    async def main():
        async with centre(broker) as place, place.desk(0) as first, place.desk(1) as second:
            await place.until_alert(lambda alert: alert.revision == 0)
            revision = 0
            for number in range(8):
                mine, yours = await asyncio.gather(
                    first.act(note(f"first {number}", revision)),
                    second.act(note(f"second {number}", revision, actor="lan")),
                )
                await place.machine(number + 2)
                assert sorted((mine.outcome, yours.outcome)) == ["accepted", "conflict"]
                late = mine if mine.outcome == "conflict" else yours
                assert late.reason.startswith(f"changed since revision {revision}: note added by ")
                desk, text = (first, f"first {number}") if late is mine else (second, f"second {number}")
                again = await desk.act(note(text, late.revision))
                assert again.outcome == "accepted"
                revision = again.revision
            alert = await place.until_alert(lambda alert: alert.revision == 16 and alert.count == 14)
            assert {one.text for one in alert.notes} == {f"{who} {n}" for who in ("first", "second") for n in range(8)}

    asyncio.run(main())


@pytest.mark.parametrize(("deadly", "there"), [("committed", True), ("positions_written", False)])
def test_an_act_of_a_console_that_was_killed_has_its_effect_once_however_often_it_is_handed_in(broker, deadly, there):
    async def main():
        async with centre(broker) as place:
            await place.until_alert(lambda alert: alert.revision == 0)
            act = note("seen", 0)
            await asyncio.to_thread(place.killed, deadly, act)
            if there:
                await place.until_alert(lambda alert: alert.revision == 1)
            async with place.desk(0) as desk:
                answers = [await desk.act(act) for _ in range(2)]
            assert [answer.outcome for answer in answers] == ["accepted"] * 2
            alert = await place.alert()
            assert ([one.text for one in alert.notes], alert.revision) == (["seen"], 1)

    asyncio.run(main())


def test_a_console_whose_number_another_one_has_says_so_and_works_again_when_that_one_ends(broker, monkeypatch):
    async def main():
        async with centre(broker) as place, place.desk(0) as first:
            await place.until_alert(lambda alert: alert.revision == 0)
            assert (await first.act(note("one", 0))).outcome == "accepted"
            monkeypatch.setattr(acts, "FIRST_WAIT_SECONDS", 0.0)
            async with place.desk(0) as double:
                assert (await double.act(note("two", 1))).outcome == "accepted"
                for error in (FencedError, UnavailableError):
                    with pytest.raises(
                        error, match=r"not taken: another console runs under number 0.*\[kafka\] instance"
                    ):
                        await first.act(note("lost", 2))
                assert (await double.act(note("three", 2))).outcome == "accepted", "the first does not fence it back"
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                try:
                    answer = await first.act(note("four", 3, action_id="the-fourth"))
                    break
                except UnavailableError:
                    continue
            assert answer.outcome == "accepted"
            alert = await place.until_alert(lambda alert: alert.revision == 4)
            assert [one.text for one in alert.notes] == ["one", "two", "three", "four"]

    asyncio.run(main())


def test_while_the_broker_is_away_an_act_is_answered_within_seconds_and_the_desk_recovers_by_itself(own_broker):
    async def main():
        async with centre(own_broker) as place, place.desk(0) as desk:
            await place.until_alert(lambda alert: alert.revision == 0)
            answer = await desk.act(note("before", 0))
            assert answer.outcome == "accepted"
            for away, back in ((own_broker.pause, own_broker.resume), (own_broker.kill, own_broker.start)):
                act = note(away.__name__, answer.revision)
                away()
                began = time.monotonic()
                with pytest.raises((UnavailableError, CommitUnknownError), match=r"not taken|not known"):
                    await desk.act(act)
                assert time.monotonic() - began < TAKE_SECONDS + 3
                await asyncio.to_thread(back)
                deadline = time.monotonic() + 150
                answer = None
                while answer is None and time.monotonic() < deadline:
                    try:
                        answer = await desk.act(act)
                    except (UnavailableError, CommitUnknownError):
                        continue
                assert answer.outcome == "accepted"
            alert = await place.until_alert(lambda alert: alert.revision == 3)
            assert [one.text for one in alert.notes] == ["before", "pause", "kill"]

    asyncio.run(main())

"""The notifier through its stage on the real embedded bus, with a clock that a test moves: a storm, and a walk over a whole roster."""

import asyncio

import msgspec
import pytest

from soc.bus.base import Message
from soc.bus.embedded import EmbeddedBus
from soc.calling import NotifySettings
from soc.clock import MINUTE, SECOND, now
from soc.model import Alert, Incident, encode
from soc.model.incident import AlertSummary
from soc.notify.attempts import Channel, Outcome
from soc.notify.roster_file import parse
from soc.notify.watching import Patience
from soc.pipeline.notifier import Notifier
from soc.pipeline.notifier_parts import calling
from soc.pipeline.table import ALERTS, INCIDENTS, topology

START = now()
TELLS = ("title", "system", "time", "link")
ROSTER = """
people:
  lan: {name: Lan, channels: [{smtp: lan@soc.example}, {command: "+84900000001"}]}
  minh: {name: Minh, channels: [{smtp: minh@soc.example}]}
  thu: {name: Thu, channels: [{command: "+84900000003"}]}
  hung: {name: Hùng, channels: [{smtp: hung@soc.example}]}
shifts:
  - {team: analysts, people: [lan, minh], from: "00:00", to: "24:00"}
escalations:
  default: [{call: analysts, minutes: 20}, {call: thu, minutes: 15}, {call: everyone, minutes: 30}]
"""
ALERT = Alert(
    "202611-a1", 1, 0, "r1", "Webshell", "", "critical", (), "event", "s", 1, "live", "", (), START, START, 1, (), (), 1.0,
    False, (("source.ip", "192.0.2.7"),), START, incident_id="202611-i1",
)  # fmt: skip
INCIDENT = Incident(
    "202611-i1", "INC-2026-000001", 1, 0, "Webshell", "", "critical", ("202611-a1",), (), (), START, START, START
)


def incident(number: int, size: int, rule: str, level: str, version: int = 1) -> Message:
    summary = AlertSummary("a", rule, f"Rule {rule}", "", level, size, START, START, "live", size - 1)
    document = msgspec.structs.replace(
        INCIDENT, id=f"202611-i{number}", number=f"INC-2026-{number:06}", version=version, level=level, title=f"Rule {rule}",
        entities=(("host.name", f"host-{number}", size),), summaries=(summary,),
    )  # fmt: skip
    return Message(INCIDENTS, document.id.encode(), encode(document))


def alert(id_: str, in_: int, rule: str, level: str) -> Message:
    document = msgspec.structs.replace(ALERT, id=id_, rule_id=rule, level=level, incident_id=f"202611-i{in_}")
    return Message(ALERTS, id_.encode(), encode(document))


class Outside:
    """A channel that does as it is told and notes what it took."""

    def __init__(self, world: "World", name: str) -> None:
        self.world, self.name = world, name

    async def send(self, notice, address) -> Outcome:
        del address
        if self.name in self.world.failing:
            return Outcome("failed", "the line is down")
        self.world.sent.append((self.world.now, notice))
        return Outcome("sent")

    async def close(self) -> None:
        pass


class World:
    """A bus, a moved clock, channels; each record takes ``tick`` of time, and so does each look that finds none."""

    def __init__(self, tmp_path, tick: float) -> None:
        self.bus = EmbeddedBus(tmp_path / "bus", topology(1))
        self.now, self.sent, self.failing = START, [], set()
        self.tick, self.idle = round(tick * SECOND), 2 * SECOND

    async def put(self, messages: list[Message]) -> None:
        claim = await self.bus.claim("triage", 0)
        for start in range(0, len(messages), 5000):
            await claim.commit(messages[start : start + 5000])
        await claim.release()

    async def claim(self):
        claim = await self.bus.claim("notify", 0)
        fetch = claim.fetch

        async def moving(limit, _timeout):
            records = await fetch(min(limit, 500), 0.0)
            self.now += len(records) * self.tick or self.idle
            if not records:
                await asyncio.sleep(0.001)  # what is being sent gets its turn
            return records

        claim.fetch = moving
        return claim

    async def run(self, minutes: float) -> None:
        end = self.now + round(minutes * MINUTE)
        how = calling(NotifySettings())._replace(
            channels={"smtp": Channel(TELLS, False, SECOND), "command": Channel(TELLS, True, SECOND)}
        )
        roster = parse(ROSTER)
        notifier = Notifier(
            self.claim, settings=how, senders={name: Outside(self, name) for name in how.channels}, roster=lambda: roster,
            policy=lambda: None, patience=Patience(MINUTE), clock=lambda: self.now,
        )  # fmt: skip
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(notifier.run(stop))
            while self.now < end:  # noqa: ASYNC110 - the clock is moved by what the notifier reads
                await asyncio.sleep(0.01)
            stop.set()


@pytest.mark.parametrize("level", ["high", "critical"])
def test_a_hundred_thousand_alerts_in_ten_minutes_are_at_most_five_messages_and_the_unrelated_one_has_its_own(
    tmp_path, level
):
    messages: list[Message] = []
    for number in range(100_000):
        group = number % 50
        messages.append(alert(f"202611-a{number}", group, f"r{group % 20}", level))
        if number < 50 or number % 1000 < 50:
            messages.append(incident(group, number // 50 + 1, f"r{group % 20}", level, number + 1))
        if number == 61_803:
            messages.append(alert("202611-planted", 777, "planted", "critical"))
            messages.append(incident(777, 1, "planted", "critical"))

    async def main() -> World:
        world = World(tmp_path, 600 / len(messages))
        await world.put(messages)
        await world.run(14)
        await world.bus.close()
        return world

    world = asyncio.run(main())
    told = [(notice.reason, notice.about) for _, notice in world.sent]
    assert len(told) <= 5, told
    assert told.count(("incident", "incident/202611-i777")) == 1
    digests = [notice for _, notice in world.sent if notice.reason == "digest"]
    assert digests
    assert {notice.person for notice in digests} == {"lan"}


def test_one_unacknowledged_critical_incident_walks_the_whole_roster_over_whatever_channel_works(tmp_path):
    async def main() -> World:
        world = World(tmp_path, 0.01)
        world.failing = {"smtp"}
        await world.put([incident(1, 1, "r1", "critical"), alert("202611-a1", 1, "r1", "critical")])
        await world.run(37)
        world.failing = set()
        await world.run(50)
        await world.bus.close()
        return world

    world = asyncio.run(main())
    walked = [((at - START) // MINUTE, notice.person, notice.channel) for at, notice in world.sent]
    assert walked[0][1:] == ("lan", "command")  # her mail failed; Minh has nothing else
    assert [one for one in walked if one[0] in {20, 21}] == [(walked[1][0], "thu", "command")]
    assert {one[1] for one in walked if 35 <= one[0] < 65} >= {"lan", "thu"}
    assert {one[1:] for one in walked if 65 <= one[0] < 80} == {("lan", "smtp"), ("minh", "smtp")}  # the next round

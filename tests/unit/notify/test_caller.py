"""The walk over the roster with a moved clock and channels that fail, and the storm."""

import importlib.util
from datetime import datetime
from pathlib import Path

from soc.clock import MINUTE, SECOND, to_micros
from soc.notify.allowance import Limits
from soc.notify.attempts import Channel, Outcome, Settings
from soc.notify.caller import Caller
from soc.notify.cases import Book
from soc.notify.routing import Matter

_spec = importlib.util.spec_from_file_location("roster_example", Path(__file__).parent / "roster_example.py")
example = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(example)

NOON = to_micros(datetime.fromisoformat("2026-11-23T12:00:00+07:00"))
TELLS = ("title", "system", "time", "link")
SETTINGS = Settings(
    "SOC", "https://soc.example", Limits(5, 10 * MINUTE, MINUTE), 3, SECOND, MINUTE, 4,
    {"smtp": Channel(TELLS, False, 20 * SECOND), "command": Channel(TELLS, True, 30 * SECOND)},
)  # fmt: skip


def matter(number: int, level: str = "critical", rule: str = "r1", walks: bool = True) -> Matter:
    return Matter(
        f"incident/{number}/{level}", f"incident/{number}", "incident", level, NOON, f"INC-{number}", "Webshell",
        rules=(rule,), entities=(f"host-{number}",), path=f"/incidents/{number}", walks=walks,
    )  # fmt: skip


class World:
    """A caller whose clock is moved and whose channels do as they are told."""

    def __init__(self) -> None:
        self.state: dict[bytes, bytes] = {}
        self.sent, self.failing, self.notices = [], set(), []
        self.now = NOON
        self.restart()

    def restart(self) -> None:
        self.caller = Caller(Book(self.state), SETTINGS, lambda: example.ROSTER)
        self.caller.recover(self.now)

    def commit(self) -> None:
        changes = self.caller.book.take()
        self.notices += changes.notices
        for key, value in changes.state.items():
            self.state.pop(key, None) if value is None else self.state.__setitem__(key, value)

    def work(self, restart: bool = False) -> None:
        self.caller.tick(self.now)
        due = self.caller.take_due(self.now)
        self.commit()
        for letter in due:
            fails = letter.notice.channel in self.failing
            if not fails:
                self.sent.append((self.now, letter.notice))
            self.caller.came_of(letter.notice.id, Outcome("failed" if fails else "sent"), self.now)
        self.commit()
        if restart:
            self.restart()

    def run(self, minutes: float, restart: bool = False) -> None:
        end = self.now + round(minutes * MINUTE)
        while self.now <= end:
            self.work(restart)
            self.now += 5 * SECOND

    @property
    def people(self) -> list[str]:
        return [notice.person for _, notice in self.sent]


def walked(world: World, restart: bool = False) -> list[tuple[int, str, str]]:
    world.caller.open(matter(1), world.now)
    world.run(65, restart)
    return [((at - NOON) // MINUTE, notice.person, notice.channel) for at, notice in world.sent]


def test_an_unacknowledged_critical_incident_walks_the_whole_roster_and_starts_again_at_the_top():
    world = World()
    found = walked(world)
    assert [entry[1] for entry in found[:2]] == ["lan", "hung"]
    assert {entry[1] for entry in found if entry[0] == 30} == {"lan", "minh", "hung", "thu"}
    assert found[-1][:2] == (60, "lan")
    assert "vòng 2" in world.sent[-1][1].text


def test_stopping_and_restoring_at_every_step_changes_nothing():
    assert walked(World(), restart=True) == walked(World())


def test_where_a_channel_fails_the_next_one_is_tried_and_then_the_next_person():
    world = World()
    world.failing = {"smtp"}
    found = walked(world)
    assert found[0] == (0, "lan", "command")
    assert {entry[1] for entry in found} == {"lan", "thu"}
    assert {notice.state for notice in world.notices if notice.channel == "smtp"} >= {"retry_wait", "failed"}
    assert world.caller.troubles["smtp"].failures > 3


def test_where_everything_fails_it_goes_on_until_something_works():
    world = World()
    world.failing = {"smtp", "command"}
    assert walked(world) == []
    world.failing = set()
    world.run(60)
    assert world.sent


def test_an_acknowledgement_ends_the_walk():
    world = World()
    world.caller.open(matter(1), world.now)
    world.run(1)
    world.caller.end("incident/1", world.now, acknowledged=True)
    world.run(120)
    assert world.people == ["lan"]
    assert world.notices[-1].state == "acknowledged"
    assert not world.caller.book.cases


def test_the_same_is_told_once():
    world = World()
    for _ in range(3):
        world.caller.open(matter(1, walks=False), world.now)
        world.run(30)
    assert world.people == ["lan"]


def test_a_message_that_was_being_sent_when_the_process_died_is_sent_again_under_its_id():
    world = World()
    world.caller.open(matter(1), world.now)
    world.caller.tick(world.now)
    (letter,) = world.caller.take_due(world.now)
    world.commit()
    world.restart()
    world.run(1)
    assert [notice.id for _, notice in world.sent] == [letter.notice.id]
    assert any("may arrive twice" in notice.detail for notice in world.notices)


def test_a_storm_becomes_at_most_five_messages_and_the_unrelated_critical_one_has_its_own():
    world = World()
    for number in range(3000):
        world.caller.open(matter(number, "high"), world.now)
        if number == 2500:
            world.caller.open(matter(99999, rule="other"), world.now)
        if number % 500 == 0:
            world.work()
            world.now += 5 * SECOND
    world.run(8)
    notices = [notice for _, notice in world.sent]
    assert len(notices) <= 5
    assert [notice.about for notice in notices].count("incident/99999") == 1
    (digest,) = [notice for notice in notices if notice.reason == "digest"]
    assert "2998 việc khác" in digest.subject


def test_a_message_tells_no_entity_unless_the_channel_may():
    world = World()
    world.caller.open(matter(1), world.now)
    world.run(1)
    assert "host-1" not in world.sent[0][1].text + world.sent[0][1].subject

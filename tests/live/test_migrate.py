"""An installation moved in the middle of its story, from a data directory to a real broker and on to more partitions.

The story has three parts. Before: windows half filled, an incident, a report approved, a followed file. Between: the rest of
some windows. After: the rest of the others. Each migration is killed in its phases before it is let through.
"""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import installation_support
import pytest
from feeding_support import post
from installation_support import Contents, Host, LiveAlert
from live import kafka_server

from soc.bus.base import Bus, Message
from soc.bus.embedded import EmbeddedBus
from soc.bus.kafka import KafkaBus
from soc.clock import SECOND, now, to_iso
from soc.forward import standin as standin_module
from soc.forward.ledger import Ledger
from soc.forward.payload import payload_preview
from soc.model import Action, Alert, Incident, encode
from soc.pipeline.release import load_profiles
from soc.pipeline.table import ACTIONS, ALERTS, AUDIT, INCIDENTS, OUTBOX, RULES, topology
from soc.settings import KafkaSettings, Settings

pytestmark = pytest.mark.live

GUESSING = "6f6cc5d7-9d51-4f58-9f0c-0e0d4c3f0003"
RULES_TEXT = f"""
title: Failed password
id: 6f6cc5d7-9d51-4f58-9f0c-0e0d4c3f0001
name: failed
level: low
logsource: {{product: linux, service: sshd}}
detection: {{words: ["Failed password"], condition: words}}
---
title: Guessing
id: {GUESSING}
level: high
correlation: {{type: event_count, rules: [failed], group-by: [source.ip], timespan: 30m, condition: {{gte: 6}}}}
"""
PHASES = ("fencing", "processing", "copying", "moving", "comparing")
BEFORE, BETWEEN, AFTER = range(4), range(4, 12), range(12, 20)
"""Attackers whose sixth failure is before the first migration, between the two, after the second."""
NOISE = 3000


class Receiver(Thread):
    """A stand-in receiver on a loop of its own."""

    def __init__(self, place: Path) -> None:
        super().__init__(daemon=True)
        self._place, self._loop = place, asyncio.new_event_loop()
        self.start()
        self.standin = self._call(standin_module.start("127.0.0.1", 0, place))

    def run(self) -> None:
        self._loop.run_forever()

    def close(self) -> None:
        self._call(self.standin.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self.join(10)
        self._loop.close()

    def _call(self, what):
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(30)


@dataclass
class Moving(Host, Contents):
    """One host whose settings change while it is moved; ``prefix`` None is the data directory."""

    kafka: str = ""
    prefix: str | None = None
    partitions: int = 2
    receiver: str = ""
    began: int = 0
    lines_sent: set[str] = field(default_factory=set)

    @property
    def followed(self) -> Path:
        return self.directory / "auth.log"

    def sections(self) -> str:
        cluster = f"""
[kafka]
servers = ["{self.kafka}"]
prefix = "{self.prefix}"
instances = 2
partitions = {self.partitions}
session_seconds = 6
"""
        return f"""
[[listeners]]
type = "file"
name = "auth"
paths = ["{self.followed}"]
{self.receiver}
[bus]
partitions = 2
{"" if self.prefix is None else cluster}"""

    def bus(self) -> Bus:
        if self.prefix is None:
            return EmbeddedBus(self.data_dir / "bus", topology(2))
        return KafkaBus(KafkaSettings(servers=(self.kafka,), prefix=self.prefix), topology(self.partitions, 2))

    def read(self, topic: str) -> list[tuple[str, bytes]]:
        """Every (key, value) of a topic; per key in order."""
        found: list[tuple[str, bytes]] = []
        self.each(topic, lambda key, value: found.append((key, value)))
        return found

    def attack(self, attackers, numbers) -> None:
        """Failures number 0 to 5 of some attackers: odd ones by HTTP, even ones through the followed file."""
        for attacker in attackers:
            for number in numbers:
                self.lines_sent.add(line := failure(attacker, number, self.began))
                if attacker % 2:
                    post(self.http_port, f"{attacker}-{number}", [line], time.monotonic() + 30)
                else:
                    self.write(line)

    def write(self, line: str) -> None:
        with self.followed.open("a") as file:
            file.write(line + "\n")


def failure(attacker: int, number: int, began: int) -> str:
    stamp = to_iso(began + (attacker * 6 + number) * SECOND)
    return f"<38>1 {stamp} bastion sshd {number} - - Failed password for root from 203.0.113.{attacker} port {40000 + number} ssh2"


def expected(attackers, began: int) -> set[LiveAlert]:
    return {
        LiveAlert(
            GUESSING,
            (("source.ip", f"203.0.113.{one}"),),
            began + one * 6 * SECOND,
            began + (one * 6 + 5) * SECOND,
            frozenset(failure(one, number, began) for number in range(6)),
        )
        for one in attackers
    }


def wait_for_alerts(host: Moving, attackers) -> None:
    wanted = expected(attackers, host.began)
    deadline = time.monotonic() + 200
    while (found := host.live_alerts()) != wanted:
        assert time.monotonic() < deadline, (found ^ wanted, host.said())
        time.sleep(0.3)


def killed_in_each_phase(host: Moving, *arguments: str, phases=PHASES) -> dict:
    """Run a migration, kill it in each of the phases, and let it through at last; what it printed then."""
    command = [sys.executable, "-m", "soc", *arguments, "--config", str(host.config)]
    for phase in phases:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        said = b""
        for line in process.stderr:
            said += line
            if line.startswith(b"soc: " + phase.encode()):
                time.sleep(random.Random(phase).random() * 0.3)
                break
        os.kill(process.pid, signal.SIGKILL)
        process.wait(30)
        process.stderr.close()
        assert b"soc: " + phase.encode() in said, said.decode()
    done = host.soc(*arguments)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def approve(host: Moving) -> None:
    """A person's last act before the installation stopped: the report of an incident is approved, nobody has read it yet."""
    incident = next(one for one in host.newest(INCIDENTS, Incident).values() if one.status != "merged")
    preview = payload_preview(incident, "initial", "SOC", "national", profile=load_profiles(Settings())["national"])
    changes = {"report_kind": "initial", "payload_sha256": preview.sha256, "incident_version": incident.version}
    act = Action("approval-1", now(), "lan", "approver", "approve", "incident", incident.id, incident.revision, changes)

    async def append() -> None:
        bus = host.bus()
        claim = await bus.claim("console", 0)
        await claim.commit([Message(ACTIONS, incident.id.encode(), encode(act))])
        await claim.release()
        await bus.close()

    asyncio.run(append())


def reports(host: Moving) -> list[tuple[str, str]]:
    async def read() -> list[tuple[str, str]]:
        bus = host.bus()
        try:
            return [(one.id, one.state) async for _, state in bus.states("forward") for one in Ledger(state).reports]
        finally:
            await bus.close()

    return asyncio.run(read())


def same(host: Moving, before: Moving, topics) -> None:
    """Bit by bit, in the order of each key."""
    for topic in topics:
        left, right = by_key(before.read(topic)), by_key(host.read(topic))
        assert {key: right[key][: len(values)] for key, values in left.items()} == left, topic


def by_key(records) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for key, value in records:
        found.setdefault(key, []).append(value)
    return found


@pytest.fixture
def broker(tmp_path):
    """One of its own, so that a second try finds no topics of the first."""
    kafka_server.need()
    broker = kafka_server.Broker(tmp_path / "kafka").start()
    yield broker
    broker.stop()


@pytest.fixture
def receiver(tmp_path):
    receiver = Receiver(tmp_path / "receiver")
    yield receiver
    receiver.close()


@pytest.mark.timeout(900)
def test_an_installation_moved_twice_in_the_middle_of_its_story_tells_it_to_the_end(
    broker, receiver, tmp_path, monkeypatch
):
    monkeypatch.setattr(installation_support, "READY_SECONDS", 150)
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES_TEXT)
    host = Moving(tmp_path / "host", rules, kafka=broker.bootstrap, began=now() - 600 * SECOND)
    host.directory.mkdir()
    source = before_the_first(host)
    wait = [*BEFORE]

    host.prefix, host.partitions = "one.", 2
    host.write_config()
    refused = host.soc("run")
    assert refused.returncode == 2
    assert b"soc migrate" in refused.stderr
    done = killed_in_each_phase(host, "migrate")
    assert not done["already"]
    assert done["left_out"] == 0
    host.prefix = None
    host.write_config()
    refused = host.soc("run")
    assert refused.returncode == 2
    assert b"was migrated to" in refused.stderr
    host.prefix = "one."
    host.write_config()
    moved_well(host, source, wait)
    standin = receiver.standin
    host.receiver = (
        f'[forward.receiver]\nurl = "{standin.url}"\nca_file = "{standin.ca_file}"\ntoken = "{standin.token}"'
    )
    posts = told_on(host, BETWEEN, wait, standin)

    second = heads(host)
    old = Moving(host.directory, rules, kafka=host.kafka, prefix="one.", partitions=2)
    checked = host.soc("topics", "check")
    assert checked.returncode == 0, checked.stdout.decode()
    arguments = ("topics", "migrate", "--partitions", "5", "--prefix", "two.")
    done = killed_in_each_phase(host, *arguments, phases=("copying", "moving"))
    refused = host.soc("run")
    assert refused.returncode == 2
    assert b"was migrated to" in refused.stderr
    assert host.soc("topics", "check").returncode == 0
    source.alerts, source.heads, source.topics = alert_ids(host), second, old
    host.prefix, host.partitions = "two.", 5
    host.write_config()
    assert host.soc("topics", "create").stdout == b""
    moved_well(host, source, wait)
    told_on(host, AFTER, wait, standin)
    assert standin.posts == posts == 1
    assert set(host.lines().values()) >= host.lines_sent

    kept = host.soc("topics", "delete", "two.", "--yes")
    assert kept.returncode == 2, kept.stdout
    gone = host.soc("topics", "delete", "one.", "--yes")
    assert gone.returncode == 0, gone.stderr.decode()
    host.reconcile()


@dataclass
class Left:
    """What an installation held when it was left."""

    alerts: set[tuple[str, str]]
    heads: Path
    topics: Moving


def alert_ids(host: Moving) -> set[tuple[str, str]]:
    return {(one.id, one.group[0][1]) for one in host.newest(ALERTS, Alert).values()}


def heads(host: Moving) -> Path:
    verified = host.soc("audit", "verify")
    assert verified.returncode == 0, verified.stdout.decode()
    path = host.directory / f"heads-{host.prefix}.json"
    path.write_bytes(verified.stdout)
    return path


def before_the_first(host: Moving) -> Left:
    """The embedded part: alerts, windows half filled, an approval unread, lines in the followed file that nobody read."""
    try:
        host.start()
        host.attack(BEFORE, range(6))
        host.attack([*BETWEEN, *AFTER], range(2))
        noise = [f"<38>1 {to_iso(host.began)} bastion cron {n} - - session {n} opened" for n in range(NOISE)]
        for first in range(0, NOISE, 1000):
            post(host.http_port, f"noise-{first}", noise[first : first + 1000], time.monotonic() + 60)
        host.lines_sent |= set(noise)
        wait_for_alerts(host, BEFORE)
        host.reconcile()
    finally:
        assert host.stop() == 0
    approve(host)
    host.attack([one for one in BETWEEN if one % 2 == 0], range(2, 4))  # into the file, which nobody follows now
    return Left(alert_ids(host), heads(host), Moving(host.directory))


def moved_well(host: Moving, source: Left, attackers) -> None:
    """Everything is there before any role ran."""
    balance = json.loads(host.soc("reconcile").stdout)
    assert (balance["off"], balance["in_flight"], balance["behind"].keys() - {"index"}) == ([], 0, set())
    assert alert_ids(host) == source.alerts
    assert host.live_alerts() == expected(attackers, host.began)
    same(host, source.topics, (ALERTS, INCIDENTS, OUTBOX, AUDIT, RULES))
    assert len(reports(host)) == 1
    verified = host.soc("audit", "verify", "--head", str(source.heads))
    assert verified.returncode == 0, verified.stdout.decode()


def told_on(host: Moving, through, wait: list[int], standin) -> int:
    """The next part: some attackers come to their sixth failure; how many reports were sent."""
    try:
        host.start()
        host.attack([one for one in through if one % 2], range(6))  # repeats with known keys: nothing comes twice
        known = 4 if through == BETWEEN else 2
        host.attack([one for one in through if one % 2 == 0], range(known, 6))
        wait += through
        wait_for_alerts(host, wait)
        deadline = time.monotonic() + 100
        while [state for _, state in reports(host)] != ["accepted"]:
            assert time.monotonic() < deadline, (reports(host), host.said())
            time.sleep(0.2)
        host.reconcile()
        assert sorted(host.lines().values()) == sorted(host.lines_sent)
    finally:
        assert host.stop() == 0
    return standin.posts

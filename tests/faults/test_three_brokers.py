"""Three brokers, one killed under load: the pipeline pauses for seconds, nothing is lost or doubled, the one that comes back catches up."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from cluster_support import Cluster, ClusterHost, Servers, running
from feeding_support import SOAK, HttpSender, Story
from live import kafka_server

from soc.bus.base import Bus
from soc.clock import SECOND
from soc.console.auth import Users
from soc.model import Alert
from soc.pipeline.table import ALERTS, EVENTS, RAW

pytestmark = [pytest.mark.live, pytest.mark.faults, pytest.mark.timeout(7200 if SOAK else 900)]

PAUSE_SECONDS = 15.0
"""The longest pause allowed."""
FEED_SECONDS = 1800 if SOAK else 50
DOWN_SECONDS = 12.0
EACH = 600 if SOAK else 25
"""Seconds from one kill to the next."""


@pytest.fixture
def three(tmp_path: Path, servers: Servers) -> Iterator[Servers]:
    """Three brokers, and the Elasticsearch node of the other faults."""
    brokers = kafka_server.Brokers(tmp_path / "brokers")
    try:
        yield Servers(brokers.start(), servers.elasticsearch)
    finally:
        brokers.stop()


async def leaders(bootstrap: str) -> tuple[dict[tuple[str, int], int], set[tuple[str, int]]]:
    """(topic, partition) → the broker that leads it; and the partitions that are not on all brokers."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap.split(","))
    await consumer.start()
    try:
        found = await consumer._client.fetch_all_metadata()
        led: dict[tuple[str, int], int] = {}
        short: set[tuple[str, int]] = set()
        for topic, partitions in found._partitions.items():
            for number, one in partitions.items():
                led[topic, number] = one.leader
                if len(one.isr) < len(one.replicas):
                    short.add((topic, number))
        return led, short
    finally:
        await consumer.stop()


def busiest(led: dict[tuple[str, int], int], topic: str) -> int:
    """The broker that leads most partitions of a topic."""
    led_by = [leader for (name, _), leader in led.items() if name == topic]
    return max(set(led_by), key=led_by.count)


async def gaps(bus: Bus, topic: str) -> float:
    """The longest time in seconds between two commits to one partition of a topic, from the first record to the last."""
    reader = bus.reader([topic])
    times: dict[int, set[int]] = defaultdict(set)
    while records := await reader.fetch(5000, 0.0):
        for record in records:
            times[record.partition].add(record.appended)
    await reader.close()
    return max(after - before for some in times.values() for before, after in pairwise(sorted(some))) / SECOND


async def wait_until_whole(bootstrap: str, seconds: float) -> None:
    """Until every partition is on every broker again."""
    deadline = time.monotonic() + seconds
    while short := (await leaders(bootstrap))[1]:
        assert time.monotonic() < deadline, f"not caught up after {seconds:.0f} s: {sorted(short)[:5]}"
        await asyncio.sleep(0.5)


def people_act(cluster: Cluster, host: ClusterHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two people on one alert by the command line, the console being the one that saw the brokers die."""
    users = Users(host.data_dir)
    alert = min(cluster.newest(ALERTS, Alert))
    said: list[tuple[int, str]] = []
    for name in ("lan", "minh"):
        users.add(name, ["analyst"])
        monkeypatch.setenv("SOC_TOKEN", users.add_token(name, "test"))
        done = host.soc("alerts", "act", "note", alert, "--revision", "0", "--text", f"seen by {name}")
        said.append((done.returncode, done.stdout.decode() + done.stderr.decode()))
    assert [code for code, _ in said] == [0, 1], said
    assert "changed since revision 0: note added by lan" in said[1][1]
    assert host.soc("alerts", "act", "acknowledge", alert).returncode == 0, "without a revision: as it is shown now"
    shown = cluster.newest(ALERTS, Alert)[alert]
    assert ([note.text for note in shown.notes], shown.status) == (["seen by lan"], "acknowledged")


def test_one_of_three_brokers_killed_under_load_pauses_nothing_for_long_and_loses_nothing(
    three: Servers, story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    brokers = three.broker
    assert isinstance(brokers, kafka_server.Brokers)
    cluster = Cluster(three, tmp_path, story.rules, "three")
    host = cluster.host()
    with running(cluster):
        sender = HttpSender(host.http_port, story.lines, pace=len(story.lines) / FEED_SECONDS)
        sender.start()
        time.sleep(3)
        for topic in (
            "__transaction_state",
            f"{cluster.name}.{RAW}",
        ):  # its coordinator of transactions, then a leader of records
            number = busiest(asyncio.run(leaders(brokers.bootstrap))[0], topic)
            print(f"broker {number}, which leads most of {topic}, is killed")
            brokers.nodes[number].kill()
            began = time.monotonic()
            time.sleep(DOWN_SECONDS)
            brokers.nodes[number].start()
            asyncio.run(wait_until_whole(brokers.bootstrap, 120))
            print(f"it was whole again after {time.monotonic() - began:.0f} s")
            time.sleep(max(0.0, EACH - (time.monotonic() - began)))
        sender.finish()
        cluster.assert_whole(story.lines, story.alerts)
        people_act(cluster, host, monkeypatch)

    async def longest() -> dict[str, float]:
        bus = cluster.bus()
        found = {topic: await gaps(bus, topic) for topic in (RAW, EVENTS)}
        await bus.close()
        return found

    pauses = asyncio.run(longest())
    print(f"longest pauses in seconds: {pauses}")
    assert max(pauses.values()) < PAUSE_SECONDS

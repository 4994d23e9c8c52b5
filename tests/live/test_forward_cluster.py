"""One forwarder of two hosts on a real broker: killed at every step, stopped while sending, its state lost; each report arrives once."""

import asyncio
import json
import secrets
import signal
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from forward_support import made
from live import kafka_server

from soc.app import open_bus, rebuild_forward, reports
from soc.audit.chain import verify
from soc.bus.base import Message
from soc.errors import SettingsError
from soc.forward import standin as standin_module
from soc.forward.ledger import Ledger
from soc.model import encode
from soc.pipeline.table import AUDIT, INCIDENTS
from soc.settings import load

pytestmark = pytest.mark.live

PROGRAM = Path(__file__).with_name("forward_process.py")
TIMEOUT_SECONDS = 5.0
"""Of an attempt; and how long a successor waits before it asks."""

SHARE_GONE = '"partitions": [], "event": "share_changed"'

SETTINGS = """
data_dir = "{directory}/data-{instance}"
[kafka]
servers = ["{server}"]
prefix = "{prefix}"
partitions = 2
instances = 2
instance = {instance}
session_seconds = 6
[elasticsearch]
urls = ["https://127.0.0.1:9"]
[forward]
organization = "{organization}"
[forward.receiver]
name = "{recipient}"
url = "{url}"
ca_file = "{ca_file}"
token = "{token}"
timeout_seconds = {timeout}
retry_min_seconds = 0.05
retry_max_seconds = 0.2
"""


class Hosts:
    """Two hosts' settings on one prefix of the broker, a stand-in, and their forwarders."""

    def __init__(self, directory, standin):
        self.standin = standin
        self.directory = directory
        self.prefix = f"{secrets.token_hex(4)}."
        self.server = kafka_server.shared().bootstrap
        self.children = []
        for instance in (0, 1):
            text = SETTINGS.format(
                directory=directory, instance=instance, server=self.server, prefix=self.prefix, url=standin.url,
                ca_file=standin.ca_file, token=standin.token, timeout=TIMEOUT_SECONDS,
                organization=made.ORGANIZATION, recipient=made.RECIPIENT,
            )  # fmt: skip
            self.config(instance).write_text(text)
        self.settings = load(self.config(0))

    def config(self, instance):
        return self.directory / f"host-{instance}.toml"

    def start(self, instance, *interfere):
        """The forward role of a host."""
        command = [sys.executable, "-P", str(PROGRAM), str(self.config(instance)), *map(str, interfere)]
        with (self.directory / f"host-{instance}.log").open("ab") as said:
            child = subprocess.Popen(command, stdout=said, stderr=said, stdin=subprocess.DEVNULL)
        self.children.append(child)
        return child

    def said(self, instance):
        return (self.directory / f"host-{instance}.log").read_text()

    def end(self):
        for child in self.children:
            child.send_signal(signal.SIGCONT)
            child.kill()
            child.wait(10)

    async def publish(self, *incidents):
        bus = open_bus(self.settings)
        claim = await bus.claim("triage", 0)
        await claim.commit([Message(INCIDENTS, item.id.encode(), encode(item)) for item in incidents])
        await bus.close()

    async def until(self, condition, seconds=120.0):
        """Wait for something outside this process."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.said(0)[-3000:] + self.said(1)[-3000:]
            await asyncio.sleep(0.05)

    async def states(self):
        return [report.state for report in await reports(self.settings)]

    async def until_states(self, wanted, seconds=120.0):
        deadline = time.monotonic() + seconds
        while (found := await self.states()) != wanted:
            assert time.monotonic() < deadline, (found, self.said(0)[-3000:], (self.directory / "host-1.log").exists())
            await asyncio.sleep(0.1)


@asynccontextmanager
async def hosts(tmp_path):
    kafka_server.need()
    standin = await standin_module.start("127.0.0.1", 0, tmp_path / "receiver")
    place = Hosts(tmp_path, standin)
    try:
        yield place
    finally:
        place.end()
        await standin.close()


async def ended(child):
    return await asyncio.to_thread(child.wait, 60)


def stopped(child):
    return Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


STEPS = ("fenced", "fetched", "outputs_written", "state_written", "positions_written", "committed")
KILLS = [(step, times) for step in STEPS for times in ((1,) if step in {"fenced", "fetched"} else (1, 2, 3))]


def test_killed_at_every_step_of_every_commit_each_report_is_posted_once_and_in_order(tmp_path):
    async def main():
        async with hosts(tmp_path) as place:
            about = [made.incident(number) for number in range(1, len(KILLS) + 1)]
            await place.publish(*(made.approved(item) for item in about[: len(about) // 2]))
            for number, (step, times) in enumerate(KILLS):
                child = place.start(0, "SIGKILL", step, times)
                if number == len(KILLS) // 2:
                    await place.publish(*(made.approved(item) for item in about[len(about) // 2 :]))
                assert await ended(child) == -signal.SIGKILL, place.said(0)[-3000:]
            first = made.approved(about[0])
            await place.publish(made.approved(first, "closing"))
            place.start(1)
            await place.until_states(["accepted"] * (len(about) + 1))
            sent = [json.loads(data) for data in place.standin.received.values()]
            kinds = [one["kind"] for one in sent if one["incident"]["number"] == first.number]
            assert (len(sent), kinds) == (len(about) + 1, ["initial", "closing"])
            assert place.standin.posts == len(sent), "what may have arrived was asked for, not sent again"
            bus = open_bus(place.settings)
            reader = bus.reader([AUDIT])
            lines = []
            while records := await reader.fetch(1000, 0.0):
                lines += [record.value for record in records]
            async for _, state in bus.states("forward"):
                assert verify(lines, Ledger(state).counters.audit) is None
            await bus.close()

    asyncio.run(main())


def test_a_forwarder_stopped_between_its_word_and_its_deed_does_neither_send_nor_commit_when_it_goes_on(tmp_path):
    async def main():
        async with hosts(tmp_path) as place:
            first = place.start(0, "SIGSTOP", "committed", 2)  # 1: sealed; 2: sending, and the bytes would leave next
            await place.publish(made.approved(made.incident()))
            await place.until(lambda: stopped(first))
            assert await place.states() == ["sending"]
            second = place.start(1)
            await place.until_states(["accepted"])
            assert place.standin.posts == 1
            first.send_signal(signal.SIGCONT)
            await place.until(lambda: SHARE_GONE in place.said(0))
            await asyncio.sleep(1)
            assert place.standin.posts == 1, "what it had said it would send it did not send: too late"
            await place.publish(made.approved(made.incident(2)))
            await place.until_states(["accepted"] * 2)
            assert (second.poll(), len(place.standin.received)) == (None, 2)

    asyncio.run(main())


def test_a_forwarder_stopped_while_its_bytes_are_under_way_is_fenced_and_the_report_arrives_once(tmp_path):
    async def main():
        async with hosts(tmp_path) as place:
            place.standin.control("stall", 1)
            first = place.start(0)
            await place.publish(made.approved(made.incident()))
            await place.until(lambda: place.standin.posts == 1)
            first.send_signal(signal.SIGSTOP)
            place.start(1)
            await place.until_states(["accepted"])
            first.send_signal(signal.SIGCONT)
            await place.until(lambda: SHARE_GONE in place.said(0))
            assert (place.standin.posts, len(place.standin.received)) == (2, 1)

    asyncio.run(main())


def test_a_second_forwarder_waits_while_the_first_lives_and_goes_on_when_it_leaves(tmp_path):
    async def main():
        async with hosts(tmp_path) as place:
            first, second = place.start(0), place.start(1)
            await place.publish(made.approved(made.incident()))
            await place.until_states(["accepted"])
            assert (first.poll(), second.poll()) == (None, None)
            first.terminate()
            assert await ended(first) == 0
            await place.publish(made.approved(made.incident(2)))
            await place.until_states(["accepted"] * 2)
            assert place.standin.posts == 2

    asyncio.run(main())


def test_a_lost_state_topic_stops_the_forwarder_until_it_is_rebuilt_and_no_report_goes_twice(tmp_path):
    async def main():
        async with hosts(tmp_path) as place:
            child = place.start(0)
            await place.publish(made.approved(made.incident()))
            await place.until_states(["accepted"])
            with pytest.raises(SettingsError, match="a forwarder is running"):
                await rebuild_forward(place.settings)
            place.standin.control("stall", 1)
            await place.publish(made.approved(made.incident(2)))
            await place.until(lambda: place.standin.posts == 2)
            child.kill()
            await ended(child)
            await place.publish(made.approved(made.incident(3)))
            admin = AIOKafkaAdminClient(bootstrap_servers=place.server)
            await admin.start()
            await admin.delete_topics([f"{place.prefix}soc.state.forward"])
            await admin.close()
            await asyncio.sleep(1)
            child = place.start(0)
            await place.until(lambda: '"event": "log_mismatch"' in place.said(0))
            assert place.standin.posts == 2
            child.kill()
            rows = await rebuild_forward(place.settings)
            assert [(row.was, row.state) for row in rows] == [
                ("accepted", "accepted"), ("sending", "uncertain"), ("approved", "uncertain"),
            ]  # fmt: skip
            place.start(1)
            await place.until_states(["accepted"] * 3)
            assert (place.standin.posts, len(place.standin.received)) == (4, 3)

    asyncio.run(main())

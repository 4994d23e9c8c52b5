"""The broker is killed and stays down while datagrams and requests come in: all of them are on it once when it is back."""

import re
import socket
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from feeding_support import SOAK, HttpSender
from installation_support import Contents, Host, running
from live import kafka_server
from ports import free_port

from soc.bus.base import Bus
from soc.model import RawRecord, decode
from soc.pipeline.table import RAW, topology
from soc.settings import KafkaSettings

pytestmark = [pytest.mark.live, pytest.mark.faults]

PARTITIONS, INSTANCES, SHARDS = 3, 2, 3
DOWN_SECONDS = 300 if SOAK else 20
AROUND_SECONDS = 5
UDP_RATE, HTTP_RATE = (4000, 400) if SOAK else (2000, 200)
SENT_AT_ONCE = 20
GROWTH_BYTES = 60 * 1024 * 1024
"""What the collecting process may grow by while the broker is away: its queue's bound, not what came in."""
LOG_LINES_A_MINUTE = 60


@dataclass
class IntakeHost(Host, Contents):
    """One host on a broker, with the embedded store; what a device says in a loop is discarded by name."""

    server: str = ""
    udp_port: int = 0

    def sections(self) -> str:
        """See ``Host``."""
        return f"""
[[listeners]]
type = "syslog-udp"
name = "udp"
port = {self.udp_port}
profile = "device"
[[sources]]
name = "device"
discard = "heartbeat"
shards = {SHARDS}
[kafka]
servers = ["{self.server}"]
instance = 1
instances = {INSTANCES}
partitions = {PARTITIONS}
session_seconds = 6
"""

    def bus(self) -> Bus:
        """See ``Contents``."""
        from soc.bus.kafka import KafkaBus

        return KafkaBus(KafkaSettings(servers=(self.server,)), topology(PARTITIONS, INSTANCES))

    def raw(self, listener: str) -> Counter[str]:
        """What one listener heard, as it is on the broker."""
        found: Counter[str] = Counter()

        def take(_: str, value: bytes) -> None:
            record = decode(value, RawRecord)
            if record.listener == listener:
                found[record.data.decode()] += 1

        self.each(RAW, take)
        return found

    def partitions_of(self, listener: str) -> set[str]:
        """The keys one listener's lines were shipped under."""
        found: set[str] = set()
        self.each(RAW, lambda key, value: found.add(key) if decode(value, RawRecord).listener == listener else None)
        return found

    def metrics(self) -> dict[str, float]:
        """Every series of /metrics."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=60) as answer:
            text = answer.read().decode()
        pairs = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def log_lines(self, process: str) -> list[str]:
        """What the processes logged; those of the libraries carry no name."""
        text = (self.directory / "stderr.log").read_text(errors="replace")
        return [line for line in text.splitlines() if f'"process": "{process}"' in line or not line.startswith("{")]

    def memory(self) -> int:
        """Resident bytes of the collecting process."""
        (pid,) = [status.pid for status in self.statuses() if status.group == "collect"]
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        assert found
        return int(found[1]) * 1024


class UdpSender(threading.Thread):
    """Numbered datagrams at a steady rate until told to stop."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._ended = threading.Event()
        self.sent = 0

    def run(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            due = time.monotonic()
            while not self._ended.is_set():
                for _ in range(SENT_AT_ONCE):
                    sender.sendto(b"<13>1 - dev1 app - - - heartbeat %d" % self.sent, ("127.0.0.1", self._port))
                    self.sent += 1
                due = max(due, time.monotonic() - 1) + SENT_AT_ONCE / UDP_RATE
                time.sleep(max(0.0, due - time.monotonic()))

    def finish(self) -> None:
        """End it."""
        self._ended.set()
        self.join(30)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[kafka_server.Broker]:
    kafka_server.need()
    own = kafka_server.Broker(tmp_path / "kafka").start()
    yield own
    own.stop()


def _settled(host: IntakeHost, sent: int) -> dict[str, float]:
    """The metrics once every datagram is accounted for: received, refused, or dropped by the kernel."""
    deadline = time.monotonic() + 60
    while True:
        found = host.metrics()
        names = ("received", "refused", "kernel_dropped")
        if sum(found[f'soc_input_{name}_total{{listener="udp"}}'] for name in names) >= sent:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(1)


@pytest.mark.timeout(1200)
def test_a_broker_that_is_down_under_load_costs_no_line_and_doubles_none(broker, tmp_path: Path, record_property):
    rules = tmp_path / "rules.yml"
    rules.write_text("title: Never\nlogsource: {product: linux}\ndetection: {words: [never-said], condition: words}\n")
    host = IntakeHost(tmp_path / "host", rules, server=broker.bootstrap, udp_port=free_port())
    lines = [f"<13>1 - dev2 app - - - request {n}" for n in range(HTTP_RATE * (DOWN_SECONDS + 2 * AROUND_SECONDS))]
    with running(host):
        datagrams, requests = UdpSender(host.udp_port), HttpSender(host.http_port, lines, HTTP_RATE)
        datagrams.start()
        requests.start()
        time.sleep(AROUND_SECONDS)
        broker.kill()
        before, logged = host.memory(), len(host.log_lines("collect"))
        time.sleep(DOWN_SECONDS)
        grown, logged = host.memory() - before, len(host.log_lines("collect")) - logged
        taken = requests.sent
        broker.start()
        time.sleep(AROUND_SECONDS)
        datagrams.finish()
        requests.finish()
        counted = _settled(host, datagrams.sent)
        balance = host.reconcile(300)
        shipped = host.metrics()['soc_stage_records_total{stage="ship"}']
        udp, http, keys = host.raw("udp"), host.raw("http"), host.partitions_of("udp")
    record_property("datagrams", datagrams.sent)
    record_property("grown_bytes", grown)

    assert taken > HTTP_RATE * DOWN_SECONDS // 2, "requests were not answered while the broker was down"
    assert grown < GROWTH_BYTES
    assert logged < 5 + LOG_LINES_A_MINUTE * DOWN_SECONDS / 60
    received = counted['soc_input_received_total{listener="udp"}']
    assert counted['soc_input_refused_total{listener="udp"}'] == 0
    assert received + counted['soc_input_kernel_dropped_total{listener="udp"}'] == datagrams.sent
    assert max(udp.values()) == 1, "a datagram is there twice"
    assert len(udp) == received, "a datagram that the kernel handed over is missing"
    assert http == Counter(lines)
    assert len(keys) == SHARDS
    assert balance["raw"] == balance["normalized"] + balance["discarded"] == len(udp) + len(http) == shipped
    assert (balance["unshipped"], balance["silent"]) == ({"1": 0}, [])


def test_a_collector_that_was_killed_and_stays_away_keeps_the_balance_open_and_is_named(broker, tmp_path: Path):
    host = IntakeHost(tmp_path / "host", server=broker.bootstrap, udp_port=free_port())
    with running(host):
        HttpSender(host.http_port, ["<13>1 - dev2 app - - - hello"]).run()
        host.reconcile(120)
        host.kill_all()
        found = host.soc("reconcile", "--wait", "--timeout", "3")
        assert found.returncode == 1
        assert b"the collector of host 1 (" in found.stderr
        assert b"has said nothing since" in found.stderr
        given_up = host.soc("store", "declare-restored", "collect", "1", "--yes")
        assert given_up.returncode == 0, given_up.stderr.decode()
        found = host.soc("reconcile", "--wait", "--timeout", "60")
        assert found.returncode == 0, (found.stdout, found.stderr)

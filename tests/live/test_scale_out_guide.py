"""docs/howto/scale-out.md, word for word: its settings and commands, taken from the page, on real servers; a host is a directory.

What a machine gives a host is substituted: host names of servers, paths below /etc and /var, ports, `systemctl` (which starts and ends
the supervisor with the roles of the host's soc.env), and smaller numbers of partitions and instances. Blocks for root are left out.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from live import elasticsearch_server, kafka_server
from ports import free_port

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]

GUIDE = Path(__file__).parent.parent.parent / "docs" / "howto" / "scale-out.md"
BLOCK = re.compile(
    r"^```(toml|sh)\n# on ([a-z0-9]+): (/\S+)\n(.*?)^```|^```sh\n# on ([a-z0-9]+)\n(.*?)^```", re.MULTILINE | re.DOTALL
)
START_SECONDS = 200.0
QUIET_SECONDS = 90.0
PARTITIONS = 4


class Step(NamedTuple):
    """One block of the page: a file of a host, or commands on it."""

    host: str
    file: str
    text: str


def steps() -> list[Step]:
    found = [
        Step(match[2] or match[5], match[3] or "", match[4] if match[2] else match[6])
        for match in BLOCK.finditer(GUIDE.read_text(encoding="utf-8"))
    ]
    fences = GUIDE.read_text(encoding="utf-8").count("```sh\n") + GUIDE.read_text(encoding="utf-8").count("```toml\n")
    for_root = GUIDE.read_text(encoding="utf-8").count("# on every host, as root")
    assert len(found) == fences - for_root, "a block of the page is not understood"
    return found


class Host:
    """A directory that stands for a machine, and its one service."""

    def __init__(self, place: Path, name: str, cluster: "Cluster") -> None:
        self.place = place / name
        self.place.mkdir()
        self.cluster = cluster
        self.port, self.console, self.metrics = (free_port() for _ in range(3))
        self._service: subprocess.Popen[bytes] | None = None

    @property
    def config(self) -> Path:
        return self.place / "etc" / "soc.toml"

    @property
    def environment(self) -> dict[str, str]:
        """What systemd gives the service."""
        file = self.place / "etc" / "soc.env"
        lines = file.read_text().splitlines() if file.exists() else []
        given = dict(line.split("=", 1) for line in lines if line)
        return {**os.environ, **given, "SOC_DATA_DIR": str(self.place / "var")}

    def write(self, file: str, text: str) -> None:
        path = self.place / "etc" / file.removeprefix("/etc/soc/")
        path.parent.mkdir(exist_ok=True)
        if file.endswith(".toml"):
            text = self.cluster.settle(text)
            text = text.replace("port = 5514", f"port = {self.port}").replace("0.0.0.0", "127.0.0.1")
            text = re.sub(r"\[console\]\n(host = [^\n]*\n)port = \d+", rf"[console]\n\1port = {self.console}", text)
            text += f"\n[metrics]\nport = {self.metrics}\n[log]\nlevel = 'warning'\n"
        path.write_text(text)

    def run(self, line: str) -> str:
        """One command of the page; its output. It must end with 0."""
        words = shlex.split(line.replace("/etc/soc/soc.toml", str(self.config)).replace("-P 5514", f"-P {self.port}"))
        if words[0] == "systemctl":
            self.start() if words[1] == "enable" else self.stop()
            return ""
        if words[0] == "soc":
            words = [sys.executable, "-m", *words]
        deadline = time.monotonic() + QUIET_SECONDS
        while True:
            done = subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=300, check=False)
            # Right after a start somebody may still be sharing out, and a busy machine answers late: look again.
            if done.returncode == 0 or "doctor" not in words or time.monotonic() > deadline:
                break
        assert done.returncode == 0, f"{line}: {done.returncode}\n{done.stdout}\n{done.stderr}\n{self.said()}"
        return done.stdout

    def start(self) -> None:
        roles = self.environment.get("SOC_ROLES", "").split()
        command = [sys.executable, "-m", "soc", "run", "--config", str(self.config), *roles]
        with (self.place / "journal").open("ab") as journal:
            self._service = subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL, stderr=journal)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._service.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/readyz", timeout=2):
                    return
            except OSError:
                time.sleep(0.2)
        raise AssertionError(f"{self.place.name} did not get ready:\n{self.said()}")

    def stop(self) -> None:
        service, self._service = self._service, None
        if service is not None:
            service.send_signal(signal.SIGTERM)
            try:
                service.wait(40)
            finally:
                service.kill()

    def said(self) -> str:
        journal = self.place / "journal"
        return journal.read_text(errors="replace")[-3000:] if journal.exists() else ""

    def metric(self, name: str) -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} "))


class Cluster:
    """The servers, and the hosts by name."""

    def __init__(self, place: Path, brokers: str, elasticsearch: str) -> None:
        self._place, self._brokers, self._elasticsearch = place, brokers, elasticsearch
        self._hosts: dict[str, Host] = {}

    def __getitem__(self, name: str) -> Host:
        if name not in self._hosts:
            self._hosts[name] = Host(self._place, name, self)
        return self._hosts[name]

    def settle(self, text: str) -> str:
        """A host's settings with this machine's servers and small numbers."""
        text = re.sub(r"servers = \[.*\]", f'servers = ["{self._brokers}"]\nsession_seconds = 6', text)
        text = re.sub(r"urls = \[.*\]", f'urls = ["{self._elasticsearch}"]', text)
        return text.replace("partitions = 24", f"partitions = {PARTITIONS}").replace("instances = 16", "instances = 4")

    def stop(self) -> None:
        for host in self._hosts.values():
            host.stop()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    kafka_server.need()
    elasticsearch = elasticsearch_server.new_server(tmp_path / "es")
    elasticsearch.start()
    broker = kafka_server.Broker(tmp_path / "kafka").start()
    made = Cluster(tmp_path, broker.bootstrap, elasticsearch.url)
    try:
        yield made
    finally:
        made.stop()
        broker.stop()
        elasticsearch.stop()


def test_the_page_does_what_it_says_word_for_word(cluster: Cluster):
    said: dict[str, list[str]] = {}
    for step in steps():
        if step.file:
            cluster[step.host].write(step.file, step.text)
            continue
        for line in step.text.splitlines():
            command = " ".join(shlex.split(line)[:3])
            said.setdefault(command, []).append(cluster[step.host].run(line))
    published = json.loads(said["soc rules publish"][0])
    assert published["changed"]
    assert published["loaded"] > 10
    assert "Root Logged On Over SSH With a Password" in said["soc alerts list"][0]
    assert json.loads(said["soc reconcile --wait"][0])["raw"] == 1
    assert said["soc doctor --config"] == [""]
    assert cluster["collector1"].metric("soc_bus_available") == 1
    assert cluster["collector1"].metric("soc_collector_own_unshipped_records") == 0

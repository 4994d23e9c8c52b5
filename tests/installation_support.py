"""A real installation for tests: processes started, fed over sockets, killed, restarted and asked what it holds."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from ports import free_port

from soc.bus.base import Bus
from soc.bus.embedded import EmbeddedBus
from soc.model import Alert, Episode, Event, decode
from soc.pipeline.status import ProcessStatus, is_alive, read_statuses
from soc.pipeline.table import ALERTS, EPISODES, EVENTS, topology
from soc.supervise import GROUPS

READY_SECONDS = 240
TOKEN = "test-ingest-token"


class LiveAlert(msgspec.Struct, frozen=True):
    """(rule, group, interval, members): what two runs must have in common."""

    rule: str
    group: tuple[tuple[str, str], ...]
    start: int
    end: int
    members: frozenset[str]


class Contents:
    """What an installation's topics hold, read from outside its processes."""

    def bus(self) -> Bus:
        """Opened anew for each reading."""
        raise NotImplementedError

    def each(self, topic: str, take: Callable[[str, bytes], None]) -> None:
        """Hand every (key, value) of a topic over; per key in order."""

        async def read() -> None:
            bus = self.bus()
            reader = bus.reader([topic])
            try:
                while records := await reader.fetch(5000, 0.0):
                    for record in records:
                        take(record.key.decode(), record.value)
            finally:
                await reader.close()
                await bus.close()

        asyncio.run(read())

    def newest(self, topic: str, type_: type[Any]) -> dict[str, Any]:
        """The last value of each key of a topic."""
        found: dict[str, bytes] = {}
        self.each(topic, found.__setitem__)
        return {key: decode(value, type_) for key, value in found.items()}

    def lines(self) -> dict[str, str]:
        """Raw id → line, of every normalized event."""
        found: dict[str, str] = {}

        def take(_: str, value: bytes) -> None:
            event = decode(value, Event)
            assert event.id not in found, f"the raw id {event.id} came out twice"
            found[event.id] = event.fields["event.original"]

        self.each(EVENTS, take)
        return found

    def live_alerts(self) -> set[LiveAlert]:
        """Live alerts of ``soc.alerts``."""
        alerts: dict[str, Alert] = self.newest(ALERTS, Alert)
        return set(self.as_live(alerts.values(), self.lines()))

    def as_live(self, alerts: Iterable[Alert], lines: Mapping[str, str]) -> list[LiveAlert]:
        """Those that are live, as DESIGN §3 compares them, their members as ``lines``: ids differ between two runs."""
        episodes: dict[str, Episode] = self.newest(EPISODES, Episode)

        def lines_of(members: Sequence[str]) -> frozenset[str]:
            """A member is an event or, in a correlation of correlations, an episode."""
            found = [{lines[m]} if m in lines else lines_of(episodes[m].members) for m in members]
            return frozenset().union(*found)

        return [
            LiveAlert(a.rule_id, a.group, a.first_seen, a.last_seen, lines_of(a.members))
            for a in alerts
            if a.state == "live"
        ]


@dataclass
class Host:
    """One data directory with its own ``soc.toml``, and the processes on it."""

    directory: Path
    rules: Path | None = None
    http_port: int = field(default_factory=free_port)
    tcp_port: int = field(default_factory=free_port)
    console_port: int = field(default_factory=free_port)
    metrics_port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def config(self) -> Path:
        """Its ``soc.toml``."""
        return self.directory / "soc.toml"

    @property
    def data_dir(self) -> Path:
        """What it keeps."""
        return self.directory / "data"

    @property
    def groups(self) -> set[str]:
        """Names of the processes it runs."""
        return set(GROUPS) - {"share"}  # off by default

    @property
    def arguments(self) -> Sequence[str]:
        """Beside ``--config`` of ``soc run``."""
        return ()

    def sections(self) -> str:
        """What ``soc.toml`` holds beside listeners, ports and rules."""
        return ""

    def write_config(self) -> None:
        """``soc.toml`` of this host."""
        rules = f'[rules]\npaths = ["{self.rules}"]\n' if self.rules else ""
        self.config.write_text(
            f"""
data_dir = "{self.data_dir}"
[[listeners]]
type = "http"
name = "http"
port = {self.http_port}
token = "{TOKEN}"
source = "http"
[[listeners]]
type = "syslog-tcp"
name = "tcp"
port = {self.tcp_port}
source = "tcp"
{self.sections()}
[correlation]
lateness_seconds = 7200
[console]
port = {self.console_port}
[metrics]
port = {self.metrics_port}
[log]
level = "warning"
format = "json"
{rules}"""
        )

    def start(self) -> None:
        """Start every process and wait until all are ready."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start every process."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.write_config()
        command = [sys.executable, "-m", "soc", "run", "--config", str(self.config), *self.arguments]
        with (self.directory / "stderr.log").open("ab") as errors:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
            )

    def wait_ready(self) -> None:
        """Until every process says that it owns its share and its ports are bound."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            assert self._process is not None
            assert self._process.poll() is None, self.said()
            if {status.group for status in self.statuses() if status.ready} >= self.groups:
                return
            time.sleep(0.05)
        raise AssertionError(f"not ready within {READY_SECONDS} s:\n{self.said()}")

    def said(self) -> str:
        """The end of what the processes logged, without the Kafka client's own lines: while a broker is away there are thousands."""
        text = (self.directory / "stderr.log").read_text(errors="replace")
        return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("aiokafka"))[-6000:]

    def statuses(self) -> list[ProcessStatus]:
        """Of the processes that live."""
        return [status for status in read_statuses(self.data_dir) if is_alive(status)]

    def kill(self, group: str) -> bool:
        """``kill -9`` one process, if it is there."""
        return self.signal(group, signal.SIGKILL)

    def signal(self, group: str, what: signal.Signals) -> bool:
        """Send a signal to one process, if it is there."""
        for status in self.statuses():
            if status.group == group:
                os.kill(status.pid, what)
                return True
        return False

    def kill_all(self) -> None:
        """``kill -9`` the supervisor and every process at once."""
        assert self._process is not None
        pids = [self._process.pid, *(status.pid for status in self.statuses())]
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._process.wait(30)

    def stop(self) -> int:
        """Stop cleanly; the exit code."""
        if self._process is None or self._process.poll() is not None:
            return 0
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)

    def soc(self, *arguments: str, timeout: float = 200) -> subprocess.CompletedProcess[bytes]:
        """Run another command on this installation."""
        command = [sys.executable, "-m", "soc", *arguments, "--config", str(self.config)]
        return subprocess.run(command, capture_output=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL)

    def reconcile(self, seconds: int = 120) -> Mapping[str, Any]:
        """``soc reconcile --wait``, which must say that all is balanced."""
        found = self.soc("reconcile", "--wait", "--timeout", str(seconds), timeout=seconds + 80)
        assert found.returncode == 0, (found.stdout.decode(), found.stderr.decode(), self.said())
        return json.loads(found.stdout)


@dataclass
class Installation(Host, Contents):
    """The embedded profile on one host."""

    partitions: int = 2

    def sections(self) -> str:
        """See ``Host``."""
        return f"[bus]\npartitions = {self.partitions}"

    def bus(self) -> Bus:
        """See ``Contents``."""
        return EmbeddedBus(self.data_dir / "bus", topology(self.partitions))


@contextmanager
def running(installation: Installation) -> Iterator[Installation]:
    """Started, and stopped at the end however the test goes."""
    try:
        installation.start()
        yield installation
    finally:
        if installation._process is not None and installation._process.poll() is None:
            installation.stop()

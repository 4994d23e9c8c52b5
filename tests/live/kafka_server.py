"""A real Kafka broker for tests: in goes an empty directory, out comes a KRaft node on a free loopback port, to be killed, paused and restarted.

The broker comes from Maven by ``kafka/pom.xml``; Maven's local repository is the cache. One JVM with a small heap is broker
and controller at once. Its data stays in the directory, so that a restart finds it.
"""

import atexit
import fcntl
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Literal

import pytest
from ports import free_port

POM = Path(__file__).parent / "kafka" / "pom.xml"
JAVA = 17
START_SECONDS = 180.0
"""Seconds of a quiet machine are minutes of a busy one."""
STOP_SECONDS = 15.0
RESOLVE_SECONDS = 300.0
HEAP = "192m"

SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=CLIENTS://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=CLIENTS://127.0.0.1:{port}
listener.security.protocol.map=CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENTS
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=2
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# a killed broker that comes back is let in again at once, not after the default nine seconds
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
num.network.threads=2
num.io.threads=4
background.threads=2
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=4194304
log.cleaner.backoff.ms=500
{extra}
"""

LOGGING = """\
rootLogger.level=WARN
rootLogger.appenderRefs=out
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %m (%c)%n
"""


def missing() -> str:
    """Why no broker can be started here, or an empty string."""
    if shutil.which("mvn") is None:
        return "no mvn on PATH"
    java = shutil.which("java")
    if java is None:
        return "no java on PATH"
    found = re.search(
        r'version "(\d+)', subprocess.run([java, "-version"], check=False, capture_output=True, text=True).stderr
    )
    if found is None or int(found[1]) < JAVA:
        return f"Java {found[1] if found else '?'} is older than {JAVA}"
    return ""


def need() -> None:
    """Skip the test, or fail it where live tests are required, if no broker can be started."""
    reason = missing()
    if reason:
        reason = f"{reason}: the bus was not tested on a real Kafka broker"
        if os.environ.get("SOC_REQUIRE_LIVE") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


@cache
def class_path() -> str:
    """The broker's jars in Maven's local repository; asked offline first, and once for as long as they are all there."""
    cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    target = cache_home / "soc-tests" / f"kafka-{hashlib.sha256(POM.read_bytes()).hexdigest()[:16]}"
    if target.exists() and all(map(os.path.exists, target.read_text().strip().split(os.pathsep))):
        return target.read_text().strip()
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / "maven.lock").open("w") as lock:  # Maven's repository is for one at a time
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _resolve(target)


def _resolve(target: Path) -> str:
    command = ["mvn", "-B", "-q", "-f", str(POM), "dependency:build-classpath", f"-Dmdep.outputFile={target}"]
    said = ""
    for offline in (["-o"], []):
        found = subprocess.run(
            [*command, *offline], check=False, capture_output=True, text=True, timeout=RESOLVE_SECONDS
        )
        if found.returncode == 0 and target.exists():
            return target.read_text().strip()
        said = found.stdout
    raise RuntimeError(f"Maven could not resolve the broker:\n{said[-2000:]}")


class Broker:
    """One broker. ``start`` it; ``bootstrap`` is its address from then on, through every restart.

    Args:
        directory: holds its settings, log and data; made if missing.
        extra: further lines of its settings; they win over those above them.
        scram: ``SCRAM-SHA-512=[name=…,password=…]`` of a user to be made with the storage.
        compiler: of its JVM. The quick one alone starts a short test sooner; what runs for longer is served faster by the normal ones.
    """

    def __init__(
        self, directory: Path, extra: str = "", scram: str = "", *, compiler: Literal["quick", "normal"] = "quick"
    ) -> None:
        self.directory = directory
        self.data = directory / "data"
        self._port, self._controller = free_port(), free_port()
        self._scram = ["--add-scram", scram] if scram else []
        self._compiler = ["-XX:TieredStopAtLevel=1"] if compiler == "quick" else []
        self._process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)
        self.configure(extra)
        (directory / "log4j2.properties").write_text(LOGGING)

    def configure(self, extra: str) -> None:
        """Its settings with these further lines, from the next start on."""
        settings = SETTINGS.format(port=self._port, controller=self._controller, data=self.data, extra=extra)
        (self.directory / "server.properties").write_text(settings)

    @property
    def voter(self) -> str:
        """host:port of its controller."""
        return f"127.0.0.1:{self._controller}"

    @property
    def bootstrap(self) -> str:
        """host:port for clients."""
        return f"127.0.0.1:{self._port}"

    def start(self) -> "Broker":
        """Start it and wait until it serves clients."""
        name = "c29jLXRlc3Qta2Fma2EtMQ"
        self._java("kafka.tools.StorageTool", "format", "--ignore-formatted", *self._scram, "-t", name, "-c")
        with (self.directory / "out.log").open("ab") as out:
            self._process = subprocess.Popen(
                self._command("kafka.Kafka"), stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True
            )
        atexit.register(self.stop)
        deadline = time.monotonic() + START_SECONDS
        while not self._serves():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"the broker did not start:\n{(self.directory / 'out.log').read_text()[-3000:]}")
            time.sleep(0.1)
        return self

    def alive(self) -> bool:
        """Whether it has not ended by itself."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL: what it had not written is gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Shut down; SIGKILL if it does not. Calling it twice is fine."""
        self.resume()
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """SIGSTOP: connections stay open and nothing answers."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        process.kill()
        process.wait(STOP_SECONDS)
        atexit.unregister(self.stop)

    def _command(self, *words: str) -> list[str]:
        options = ["-Xms64m", f"-Xmx{HEAP}", "-XX:+UseSerialGC", *self._compiler, "-cp", class_path()]
        logging = f"-Dlog4j2.configurationFile={self.directory / 'log4j2.properties'}"
        return ["java", *options, logging, *words, str(self.directory / "server.properties")]

    def _java(self, *words: str) -> None:
        if not (self.data / "meta.properties").exists():
            subprocess.run(self._command(*words), check=True, capture_output=True, timeout=START_SECONDS)

    def _serves(self) -> bool:
        """Whether it accepts connections; clients retry what is not ready yet behind that."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 0.5):
            return True
        return False


THREE = """\
node.id={number}
controller.quorum.voters={voters}
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
transaction.state.log.num.partitions=6
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
replica.lag.time.max.ms=5000
"""


class Brokers:
    """Three brokers that are one cluster, each of them controller too: everything is on all three, two suffice.

    Args:
        directory: each gets a directory of its own in it.
    """

    def __init__(self, directory: Path) -> None:
        self.nodes = {number: Broker(directory / str(number)) for number in (1, 2, 3)}
        voters = ",".join(f"{number}@{node.voter}" for number, node in self.nodes.items())
        for number, node in self.nodes.items():
            node.configure(THREE.format(number=number, voters=voters))

    @property
    def bootstrap(self) -> str:
        """All three, host:port, between commas."""
        return ",".join(node.bootstrap for node in self.nodes.values())

    def start(self) -> "Brokers":
        """Start all at once: the first serves nobody before there is a second."""
        with ThreadPoolExecutor(len(self.nodes)) as threads:
            list(threads.map(Broker.start, self.nodes.values()))
        return self

    def stop(self) -> None:
        """Shut all down. Calling it twice is fine."""
        with ThreadPoolExecutor(len(self.nodes)) as threads:
            list(threads.map(Broker.stop, self.nodes.values()))


@cache
def shared() -> Broker:
    """One broker for the whole test session, started at first use and ended with the process."""
    directory = Path(tempfile.mkdtemp(prefix="soc-kafka-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return Broker(directory).start()

"""A real Elasticsearch node for tests: assembled once from published artifacts, loopback only, small heap, killed and restarted at will.

Needs a Java of at least 21 (``SOC_JAVA_HOME``, ``JAVA_HOME``, the usual folders, then PATH) and Maven for the first
time. What Maven brought is assembled in the cache folder of the user, so later runs ask nobody.
"""

import atexit
import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Literal

import pytest
from ports import free_port

HERE = Path(__file__).parent / "elasticsearch"
JAVA_AT_LEAST = 21
START_SECONDS = 180.0
_MODULE = "transport-netty4"
_DUPLICATES = ("jcip-annotations-", "jakarta.activation-api-", "listenablefuture-")
_LOGGING = """status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %-5p %c{1.} %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
"""


class MissingError(Exception):
    """What the server needs is not on this machine."""


def java_home() -> Path:
    """The folder of a Java that is new enough, with its compiler."""
    named = [Path(os.environ[name]) for name in ("SOC_JAVA_HOME", "JAVA_HOME") if os.environ.get(name)]
    usual = sorted(path for root in ("/usr/lib/jvm", "/opt/java") for path in Path(root).glob("*"))
    found = shutil.which("javac")
    on_path = [Path(found).resolve().parent.parent] if found else []
    for home in [*named, *usual, *on_path]:
        release = home / "release"
        if not release.is_file() or not (home / "bin" / "javac").is_file():
            continue
        version = re.search(r'JAVA_VERSION="(\d+)', release.read_text(encoding="utf-8", errors="replace"))
        if version and int(version[1]) >= JAVA_AT_LEAST:
            return home
    raise MissingError(f"no Java {JAVA_AT_LEAST} or newer with javac: Elasticsearch was not tested")


def _jars(target: Path) -> None:
    """Let Maven bring the artifacts of the pom."""
    maven = shutil.which("mvn")
    if maven is None:
        raise MissingError("no Maven (mvn) on PATH: Elasticsearch was not tested")
    command = [maven, "-B", "-q", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies"]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={target}"]
    if repository := os.environ.get("SOC_MAVEN_REPOSITORY"):
        command.append(f"-Dmaven.repo.local={repository}")
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise MissingError(f"Maven could not bring Elasticsearch: {(done.stdout + done.stderr).strip()[-300:]}")


def _assemble(home: Path, java: Path) -> None:
    """Lay the jars out as the server expects them: the transport is a module of its own, the rest is the class path."""
    module, lib = home / "modules" / _MODULE, home / "lib"
    for folder in (module, lib, home / "plugins"):
        folder.mkdir(parents=True)
    _jars(home / "jars")
    for jar in sorted((home / "jars").glob("*.jar")):
        if jar.name.startswith(_DUPLICATES):
            continue
        of_module = jar.name.startswith(("netty-", _MODULE, "elasticsearch-ssl-config-"))
        jar.rename((module if of_module else lib) / jar.name)
    with zipfile.ZipFile(next(module.glob(f"{_MODULE}-*.jar"))) as archive:
        descriptor = archive.read(f"META-INF/es-plugins/{_MODULE}/plugin-descriptor.properties").decode()
    # Without its module name the plugin is loaded from a class path of its own and needs no module layer.
    lines = [line for line in descriptor.splitlines() if not line.startswith("modulename")]
    (module / "plugin-descriptor.properties").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for library in ("/usr/lib/x86_64-linux-gnu/libzstd.so.1", "/usr/lib/aarch64-linux-gnu/libzstd.so.1"):
        if Path(library).exists():
            native = home / "lib" / "platform" / ("linux-x64" if "x86_64" in library else "linux-aarch64")
            native.mkdir(parents=True)
            (native / "libzstd.so").symlink_to(library)
    classes = home / "classes"
    compiler = [str(java / "bin" / "javac"), "-nowarn", "-cp", f"{lib}/*", "-d", str(classes)]
    subprocess.run([*compiler, str(HERE / "TestNode.java")], check=True, timeout=120, capture_output=True)
    with zipfile.ZipFile(lib / "test-node.jar", "w") as jar:
        for path in sorted(classes.glob("*.class")):
            jar.write(path, path.name)


@lru_cache(maxsize=1)
def distribution() -> tuple[Path, Path]:
    """(the assembled server, the Java that runs it); made at the first call on this machine.

    Raises:
        MissingError: with the one line to tell.
    """
    java = java_home()
    made_of = hashlib.sha256((HERE / "pom.xml").read_bytes() + (HERE / "TestNode.java").read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "soc-tests"
    cache.mkdir(parents=True, exist_ok=True)
    home = cache / f"elasticsearch-{made_of.hexdigest()[:12]}"
    with (cache / "maven.lock").open("w") as lock:  # Maven's repository is for one at a time
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not home.is_dir():
            with tempfile.TemporaryDirectory(dir=cache) as scratch:
                _assemble(Path(scratch) / "home", java)
                (Path(scratch) / "home").rename(home)
    return home, java


class ElasticsearchServer:
    """One node in ``place``; its data outlive ``kill`` and ``stop`` until the folder is removed."""

    def __init__(self, place: Path, *, heap: str = "256m", compiler: Literal["quick", "normal"] = "quick") -> None:
        self._home, self._java = distribution()
        self._place = place
        self._heap = heap
        # The quick compiler alone starts a short test sooner; what runs for longer is served faster by the normal ones.
        self._compiler = ["-XX:TieredStopAtLevel=1"] if compiler == "quick" else []
        self._port, self._transport = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self._port}"
        for folder in ("config", "data", "logs", "tmp"):
            (place / folder).mkdir(parents=True, exist_ok=True)
        (place / "config" / "log4j2.properties").write_text(_LOGGING, encoding="utf-8")
        settings = {
            "cluster.name": "soc-tests",
            "node.name": "test-node",
            "path.data": str(place / "data"),
            "path.logs": str(place / "logs"),
            "network.host": "127.0.0.1",
            "http.port": self._port,
            "transport.port": self._transport,
            "discovery.type": "single-node",
            "cluster.routing.allocation.disk.threshold_enabled": False,
            "node.processors": 2,
        }
        lines = [f"{name}: {json.dumps(value)}" for name, value in settings.items()]
        (place / "config" / "elasticsearch.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")

    @property
    def pid(self) -> int:
        """Of the running node."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers and every primary is there."""
        command = [
            str(self._java / "bin" / "java"), f"-Xms{self._heap}", f"-Xmx{self._heap}", "-XX:+UseSerialGC",
            *self._compiler, "-XX:+AutoCreateSharedArchive",
            f"-XX:SharedArchiveFile={self._home / 'classes.jsa'}", "-Xlog:disable", "-Xlog:all=error:stderr",
            "-Xlog:cds=off", "-Xlog:cds+dynamic=off", f"-Djava.io.tmpdir={self._place / 'tmp'}",
            f"-Des.path.home={self._home}", "-Dfile.encoding=UTF-8", "-Djava.net.preferIPv4Stack=true",
            "-Dlog4j.shutdownHookEnabled=false", "-Dlog4j2.disable.jmx=true", "-Dio.netty.noUnsafe=true",
            "-Dorg.elasticsearch.nativeaccess.enableVectorLibrary=false", "--enable-native-access=ALL-UNNAMED",
            "-cp", f"{self._home / 'lib'}/*", "TestNode", str(self._home), str(self._place / "config"),
        ]  # fmt: skip
        with (self._place / "server.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"Elasticsearch ended at once:\n{self.log()}")
            try:
                with urllib.request.urlopen(f"{self.url}/_cluster/health", timeout=2) as answer:
                    if json.load(answer)["status"] in {"green", "yellow"}:
                        return
            except (OSError, urllib.error.URLError):
                pass
            time.sleep(0.1)
        self.kill()
        raise RuntimeError(f"Elasticsearch did not start within {START_SECONDS:.0f} s:\n{self.log()}")

    def log(self) -> str:
        """The end of what it wrote."""
        return (self._place / "server.log").read_text(encoding="utf-8", errors="replace")[-3000:]

    def kill(self) -> None:
        """As a power cut does to the process."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """It stands still, its connections stay."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on."""
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """Orderly."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._process = None


def new_server(
    place: Path, *, heap: str = "256m", compiler: Literal["quick", "normal"] = "quick"
) -> ElasticsearchServer:
    """A server that is not started yet; where it cannot be had the test is skipped, or fails with ``SOC_REQUIRE_LIVE=1``."""
    reason = "the extra `cluster` is not installed: Elasticsearch was not tested"
    if importlib.util.find_spec("elasticsearch") is not None:
        try:
            return ElasticsearchServer(place, heap=heap, compiler=compiler)
        except MissingError as error:
            reason = str(error)
    if os.environ.get("SOC_REQUIRE_LIVE") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


_SHARED: list[ElasticsearchServer] = []


def shared_server() -> ElasticsearchServer:
    """The one running server of this test session, for every test that does not hurt it."""
    if not _SHARED:
        place = Path(tempfile.mkdtemp(prefix="soc-elasticsearch-"))
        server = new_server(place)
        server.start()
        _SHARED.append(server)
        atexit.register(shutil.rmtree, place, ignore_errors=True)
        atexit.register(server.stop)
    return _SHARED[0]

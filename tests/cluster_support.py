"""A real cluster installation for tests: hosts with their own directories over one real broker and one real Elasticsearch node.

In go servers and lines; out comes whether every line and every alert is there exactly once, on the bus and in Elasticsearch.
"""

import json
import os
import signal
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple

import msgspec
from installation_support import Contents, Host, LiveAlert
from live import elasticsearch_server, kafka_server

from soc.bus.base import Bus
from soc.model import Alert
from soc.pipeline.table import ALERTS, topology
from soc.settings import KafkaSettings, ProcessSettings, Role
from soc.store.elasticsearch_document import restore
from soc.supervise import groups

PARTITIONS, INSTANCES = 4, 3
SESSION_SECONDS = 6
ABORTS = "transaction.abort.timed.out.transaction.cleanup.interval.ms=1000"
"""The broker looks for abandoned transactions every second, not every ten: tests wait for that."""


class Servers(NamedTuple):
    """One broker and one Elasticsearch node, for tests that kill and stop them."""

    broker: kafka_server.Broker | kafka_server.Brokers
    elasticsearch: elasticsearch_server.ElasticsearchServer


@contextmanager
def running_servers(place: Path) -> Iterator[Servers]:
    """Both started, and ended however the tests go; skips (or fails with SOC_REQUIRE_LIVE=1) where they cannot be had."""
    kafka_server.need()
    elasticsearch = elasticsearch_server.new_server(place / "elasticsearch")
    broker = kafka_server.Broker(place / "kafka", ABORTS)
    try:
        broker.start()
        elasticsearch.start()
        yield Servers(broker, elasticsearch)
    finally:
        broker.stop()
        elasticsearch.stop()


@dataclass
class ClusterHost(Host):
    """One host of a cluster installation: its number, its roles and how many processes of each kind it runs."""

    kafka: str = ""
    elasticsearch: str = ""
    name: str = ""
    instance: int = 0
    roles: tuple[Role, ...] = ()
    processes: ProcessSettings = field(default_factory=ProcessSettings)
    free_bytes: int = 0

    @property
    def groups(self) -> set[str]:
        """See ``Host``."""
        return set(groups(self.processes, self.roles, without=("share",)))  # off by default

    @property
    def arguments(self) -> Sequence[str]:
        """See ``Host``."""
        return [word for role in self.roles for word in ("--role", role)]

    def sections(self) -> str:
        """See ``Host``."""
        return f"""
[bus]
free_bytes = {self.free_bytes}
[kafka]
servers = {json.dumps(self.kafka.split(","))}
prefix = "{self.name}."
instance = {self.instance}
instances = {INSTANCES}
partitions = {PARTITIONS}
session_seconds = {SESSION_SECONDS}
[elasticsearch]
urls = ["{self.elasticsearch}"]
prefix = "{self.name}"
[processes]
engine = {self.processes.engine}
correlate = {self.processes.correlate}
index = {self.processes.index}
"""

    def pid(self, group: str) -> int:
        """Of a process that lives."""
        return next(status.pid for status in self.statuses() if status.group == group)

    def pause(self, group: str) -> int:
        """SIGSTOP one process; its pid, for SIGCONT."""
        pid = self.pid(group)
        os.kill(pid, signal.SIGSTOP)
        return pid

    def memory(self) -> dict[str, int]:
        """Resident bytes of every process that lives, by name."""
        found: dict[str, int] = {}
        for status in self.statuses():
            text = Path(f"/proc/{status.pid}/statm").read_text(encoding="ascii")
            found[status.group] = int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return found

    def processed(self, stage: str) -> float:
        """How many records this host's processes of a stage have committed, since they started (``/metrics``)."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        name = f'soc_stage_records_total{{stage="{stage}"}} '
        return sum(float(line[len(name) :]) for line in text.splitlines() if line.startswith(name))


class Cluster(Contents):
    """One installation on servers that it may share with others: ``name`` begins its prefix on both.

    Each has a prefix of its own, so that a test's second try does not find what its first one left.
    """

    def __init__(self, servers: Servers, directory: Path, rules: Path, name: str, *, elasticsearch: str = "") -> None:
        self.servers = servers
        self.name = f"{name}{token_hex(2)}"
        self.hosts: list[ClusterHost] = []
        self._directory = directory
        self._rules = rules
        self._elasticsearch = elasticsearch or servers.elasticsearch.url

    def host(self, *roles: Role, directory: Path | None = None, **processes: int) -> ClusterHost:
        """One more host, not started yet: with all roles, or only some; ``engine=2`` runs two engines on it."""
        instance = len(self.hosts)
        host = ClusterHost(
            directory or self._directory / f"{self.name}-{instance}",
            self._rules,
            kafka=self.servers.broker.bootstrap,
            elasticsearch=self._elasticsearch,
            name=self.name,
            instance=instance,
            roles=roles,
            processes=ProcessSettings(**processes),
        )
        self.hosts.append(host)
        return host

    def start(self) -> None:
        """Every host, all at once, until all are ready."""
        for host in self.hosts:
            host.launch()
        self.wait_ready()

    def wait_ready(self) -> None:
        """Until every process of every host is."""
        for host in self.hosts:
            host.wait_ready()

    def kill_all(self) -> None:
        """``kill -9`` every process of every host."""
        for host in self.hosts:
            host.kill_all()

    def stop(self) -> None:
        """Every host that runs, cleanly."""
        for host in self.hosts:
            host.stop()

    def reconcile(self, seconds: int = 300) -> Mapping[str, Any]:
        """``soc reconcile --wait``, which must exit 0."""
        return self.hosts[0].reconcile(seconds)

    def balance(self) -> Mapping[str, Any]:
        """What ``soc reconcile`` prints now, balanced or not."""
        return json.loads(self.hosts[0].soc("reconcile").stdout)

    def wait_for_all_but_index(self, lines: int, seconds: float) -> None:
        """Until so many lines are in and no stage has anything to do but index, whose store may be away."""
        deadline = time.monotonic() + seconds
        while (found := self.balance())["raw"] < lines or set(found["behind"]) - {"index"}:
            assert time.monotonic() < deadline, f"after {seconds:.0f} s: {found}\n{self.said()}"
            time.sleep(0.5)

    def said(self) -> str:
        """The end of what every host logged."""
        return "\n".join(f"--- host {host.instance}\n{host.said()}" for host in self.hosts)

    def bus(self) -> Bus:
        """See ``Contents``."""
        from soc.bus.kafka import KafkaBus

        settings = KafkaSettings(servers=tuple(self.servers.broker.bootstrap.split(",")), prefix=f"{self.name}.")
        return KafkaBus(settings, topology(PARTITIONS, INSTANCES))

    def stored_alerts(self) -> list[tuple[int, Alert]]:
        """(version, alert) of every alert document in Elasticsearch, read without the product's own searches."""
        answer = self._ask(f"{self.name}-alerts-*/_search", {"size": 10_000, "version": True})
        hits: list[dict[str, Any]] = answer["hits"]["hits"]
        assert len(hits) == answer["hits"]["total"]["value"]
        return [(hit["_version"], msgspec.convert(restore("alert", hit).body, Alert)) for hit in hits]

    def stored_events(self) -> int:
        """How many event documents Elasticsearch holds."""
        return self._ask(f"{self.name}-events-*/_count", {})["count"]

    def assert_whole(self, sent: Sequence[str], expected: set[LiveAlert], *, seconds: int = 300) -> Mapping[str, Any]:
        """What every fault must end in: all of it is there, nothing twice, and the alerts are those of an undisturbed run.

        Args:
            sent: every line that was acknowledged, each once.
            expected: the live alerts of an undisturbed run over the same lines.
            seconds: how long it may take to catch up.

        Returns:
            What ``soc reconcile --wait`` printed.
        """
        balance = self.reconcile(seconds)
        assert balance["raw"] == balance["normalized"] == len(sent), balance
        lines = self.lines()
        assert Counter(lines.values()) == Counter(sent)
        newest: dict[str, Alert] = self.newest(ALERTS, Alert)
        self._assert_alerts("soc.alerts", self.as_live(newest.values(), lines), expected)
        self._ask(f"{self.name}-*/_refresh", None)
        stored = self.stored_alerts()
        assert Counter((alert.id, version) for version, alert in stored) == Counter(
            (alert.id, alert.version) for alert in newest.values()
        ), "Elasticsearch does not hold each alert once, at its newest version"
        self._assert_alerts("Elasticsearch", self.as_live((alert for _, alert in stored), lines), expected)
        assert self.stored_events() == len(sent)
        return balance

    def _assert_alerts(self, where: str, live: Sequence[LiveAlert], expected: set[LiveAlert]) -> None:
        found = set(live)
        assert len(live) == len(found), f"{where}: an alert is there under two ids"
        missing, more = expected - found, found - expected
        differ = f"{where}: {len(missing)} missing {_some(missing)}, {len(more)} more {_some(more)}"
        assert found == expected, differ

    def _ask(self, path: str, body: Mapping[str, Any] | None) -> Any:
        request = urllib.request.Request(
            f"{self.servers.elasticsearch.url}/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


def _some(alerts: set[LiveAlert]) -> list[str]:
    """A few of them, short enough to read."""
    few = sorted(alerts, key=lambda alert: alert.start)[:3]
    return [f"{a.rule} {dict(a.group)} {a.start}..{a.end} {len(a.members)} members" for a in few]


@contextmanager
def running(cluster: Cluster) -> Iterator[Cluster]:
    """Started, and ended however the test goes; a test that fails tells what the hosts logged last."""
    try:
        cluster.start()
        yield cluster
    except BaseException:
        print(cluster.said())
        raise
    finally:
        cluster.stop()

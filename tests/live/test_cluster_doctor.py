"""What operators and analysts are told while brokers or Elasticsearch are away, on real servers: doctor, check, metrics, pages."""

import asyncio
import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from live import elasticsearch_server, kafka_server
from ports import free_port

from soc.bus.kafka_reach import reach
from soc.console.auth import Users
from soc.pipeline.table import topology
from soc.settings import ElasticsearchSettings, KafkaSettings
from soc.store.elasticsearch_reach import reach as reach_nodes

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]

WAIT_SECONDS = 120.0


class Host:
    """One host that does everything, with brokers and a store that a test takes away."""

    def __init__(
        self, place: Path, broker: kafka_server.Broker, node: elasticsearch_server.ElasticsearchServer
    ) -> None:
        self.place, self.broker, self.node = place, broker, node
        self.http, self.console, self.metrics = (free_port() for _ in range(3))
        self.config = place / "soc.toml"
        self.config.write_text(f"""
data_dir = "{place / "data"}"
[[listeners]]
type = "http"
name = "http"
port = {self.http}
token = "t"
[kafka]
servers = ["{broker.bootstrap}"]
partitions = 2
instances = 2
session_seconds = 6
[elasticsearch]
urls = ["{node.url}"]
[console]
port = {self.console}
[metrics]
port = {self.metrics}
[log]
level = "warning"
""")
        users = Users(place / "data")
        (place / "data").mkdir()
        users.bootstrap()
        self.token = users.add_token("admin", "test")

    def run(self) -> subprocess.Popen[bytes]:
        with (self.place / "journal").open("ab") as journal:
            command = [sys.executable, "-m", "soc", "run", "--config", str(self.config)]
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=journal)

    def soc(self, *words: str) -> tuple[int, str, str]:
        command = [sys.executable, "-m", "soc", *words, "--config", str(self.config)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
        return done.returncode, done.stdout, done.stderr

    def doctor(self, language: str = "en") -> tuple[int, dict[str, dict[str, str]]]:
        """Exit code, and the findings by id."""
        code, out, err = self.soc("doctor", "--output-format", "json", "--language", language)
        assert out, err
        return code, {row["id"]: row for row in json.loads(out)}

    def get(self, path: str, *, body: bytes | None = None, language: str = "vi") -> tuple[int, str]:
        """A page of the console as its JSON twin; the status and the text."""
        headers = {"Authorization": f"Bearer {self.token}", "Cookie": f"soc_language={language}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(f"http://127.0.0.1:{self.console}{path}", data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def send(self, count: int) -> None:
        lines = b"\n".join(b'{"message": "line %d"}' % number for number in range(count))
        headers = {"Authorization": "Bearer t", "Content-Type": "application/x-ndjson"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}/ingest", data=lines, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.status == 200

    def sample(self, name: str) -> float | None:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=30) as answer:
            found = re.search(rf"^{name}(?:{{}})? (\S+)$", answer.read().decode(), re.MULTILINE)
        return float(found[1]) if found else None

    def until(self, what: str, is_so) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            try:
                if is_so():
                    return
            except OSError:
                pass
            time.sleep(0.5)
        raise AssertionError(f"never: {what}\n{(self.place / 'journal').read_text()[-3000:]}")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    kafka_server.need()
    node = elasticsearch_server.new_server(tmp_path / "es")
    node.start()
    broker = kafka_server.Broker(tmp_path / "kafka").start()
    try:
        yield Host(tmp_path, broker, node)
    finally:
        broker.stop()
        node.stop()


def test_everybody_is_told_what_is_away_and_what_goes_on(host: Host):
    code, _, said = host.soc("check")
    assert (code, "topics are not there yet" in said) == (0, True), said
    service = host.run()
    try:
        host.until("ready", lambda: host.get("/alerts.json")[0] == 200 and host.sample("soc_bus_available") == 1)
        host.send(100)
        host.until("indexed", lambda: json.loads(host.get("/search.json?q=line")[1])["total"] >= 100)
        host.until("nothing is wrong", lambda: host.doctor() == (0, {}))  # a worker may have just come

        host.node.kill()
        host.until("the store is known to be away", lambda: host.sample("soc_store_reachable") == 0)
        code, found = host.doctor("vi")
        assert (code, found["store_away"]["level"]) == (1, "error")
        assert "Elasticsearch" in found["store_away"]["advice"]
        host.until("pages say so", lambda: "Kho tìm kiếm không truy cập được từ" in host.get("/search.json?q=line")[1])
        status, text = host.get("/alerts.json", language="en")
        assert (status, "The store is away since" in text) == (503, True)
        assert host.get("/health.json")[0] == 200
        host.node.start()
        host.until("the store is back", lambda: json.loads(host.get("/search.json?q=line")[1]).get("total", 0) >= 100)

        host.broker.kill()
        host.until("the brokers are known to be away", lambda: host.sample("soc_bus_available") == 0)
        host.send(50)
        assert host.sample("soc_collector_own_unshipped_records") >= 50
        assert host.sample('soc_lag_records{stage="engine"}') is None
        code, found = host.doctor()
        assert (code, host.broker.bootstrap in found["brokers_away"]["what"]) == (1, True)
        assert "nobody listens there" in found["brokers_away"]["what"]
        host.until("lines on this disk only are told", lambda: "collector_waits" in host.doctor()[1])
        assert host.get("/search.json?q=line")[0] == 200, "what was indexed can be searched"
        code, _, said = host.soc("check")
        assert (code, "nobody listens there" in said) == (3, True)

        host.broker.start()
        host.until("the brokers are back", lambda: host.sample("soc_bus_available") == 1)
        host.until("nothing is lost", lambda: json.loads(host.get("/search.json?q=line")[1]).get("total", 0) == 150)
    finally:
        service.terminate()
        service.wait(60)


def test_check_says_why_a_server_cannot_be_used(host: Host):
    port = host.broker.bootstrap.rpartition(":")[2]

    def brokers(**given: object) -> list[str]:
        return [one.problem for one in asyncio.run(reach(KafkaSettings.model_validate(given)))]

    here = f"127.0.0.1:{port}"
    assert brokers(servers=(here,)) == [""]
    closed, unknown = brokers(servers=("127.0.0.1:1", "broker.invalid:9092"))
    assert "nobody listens" in closed
    assert "name is not known" in unknown
    assert "tls = false" in brokers(servers=(here,), tls=True)[0]
    assert (
        'sasl_mechanism = ""' in brokers(servers=(here,), sasl_mechanism="SCRAM-SHA-256", username="x", password="y")[0]
    )
    host.broker.pause()
    assert "no answer within" in brokers(servers=(here,))[0]
    host.broker.resume()

    def nodes(url: str, **given: object) -> str:
        (one,) = asyncio.run(reach_nodes(ElasticsearchSettings.model_validate({"urls": (url,), **given})))
        return one.problem

    assert nodes(host.node.url) == ""
    assert "nobody listens" in nodes("http://127.0.0.1:1")
    assert "name is not known" in nodes("http://es.invalid:9200")
    assert "TLS" in nodes(host.node.url.replace("http:", "https:"))
    assert nodes(f"http://{here}")


def test_partition_counts_that_do_not_fit_are_told_before_anything_is_started(host: Host):
    code, made, _ = host.soc("topics", "create")
    assert (code, made.count("\n")) == (0, len(topology(2, 2).topics) + len(topology(2, 2, archive=True).stages) + 1)
    host.config.write_text(host.config.read_text().replace("partitions = 2", "partitions = 3"))
    code, _, said = host.soc("check")
    assert (code, "soc.raw: partitions 2, should be 3" in said) == (3, True)
    code, found = host.doctor()
    assert (code, "soc.raw" in found["topics_differ"]["what"]) == (1, True)

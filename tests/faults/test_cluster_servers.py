"""Broker and Elasticsearch killed, stopped and away under load, and everything killed at once: nothing lost, nothing doubled."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cluster_support import Cluster, Servers, running
from feeding_support import SOAK, HttpSender, Story, among_noise
from live import elasticsearch_server
from live.elasticsearch_proxy import Proxy, refused

pytestmark = [pytest.mark.live, pytest.mark.faults, pytest.mark.timeout(7200 if SOAK else 1500, func_only=True)]
AWAY_SECONDS = 600 if SOAK else 90
RATE = 5000
"""How long Elasticsearch is away, and how many lines a second come meanwhile."""
FLAT_MB = 40
"""What a process may grow by while Elasticsearch is away, in either version: what is read and not written is bounded by one
unit of work (2,000 records, each some kilobytes as objects) and what the client has fetched beyond it; memory of the first
lines' caches and of the allocator takes the rest. A backlog held in memory would pass it in the long version many times."""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[elasticsearch_server.ElasticsearchServer]:
    """An Elasticsearch node with the memory and the compiler of a small installation's: it has a lot to catch up with."""
    made = elasticsearch_server.new_server(tmp_path / "node", heap="1g", compiler="normal")
    made.start()
    yield made
    made.stop()


@contextmanager
def beside(proxy: Proxy) -> Iterator[str]:
    """The proxy in a thread with a loop of its own; its address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="proxy", daemon=True)
    thread.start()
    running_proxy = proxy.running()
    try:
        yield asyncio.run_coroutine_threadsafe(running_proxy.__aenter__(), loop).result(30)
    finally:
        asyncio.run_coroutine_threadsafe(running_proxy.__aexit__(None, None, None), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


def test_the_broker_killed_under_load_loses_and_doubles_nothing(servers: Servers, story: Story, tmp_path: Path):
    cluster = Cluster(servers, tmp_path, story.rules, "broker")
    host = cluster.host(engine=2)
    with running(cluster):
        sender = HttpSender(host.http_port, story.lines, pace=len(story.lines) / 15)
        sender.start()
        for _ in range(20 if SOAK else 2):
            time.sleep(3)
            servers.broker.kill()
            time.sleep(1)
            servers.broker.start()
        sender.finish()
        cluster.assert_whole(story.lines, story.alerts)


def test_elasticsearch_killed_under_load_misses_and_doubles_nothing(servers: Servers, story: Story, tmp_path: Path):
    cluster = Cluster(servers, tmp_path, story.rules, "store")
    host = cluster.host(index=2)
    with running(cluster):
        sender = HttpSender(host.http_port, story.lines, pace=len(story.lines) / 15)
        sender.start()
        for _ in range(20 if SOAK else 2):
            time.sleep(3)
            servers.elasticsearch.kill()
            time.sleep(1)
            servers.elasticsearch.start()
        sender.finish()
        cluster.assert_whole(story.lines, story.alerts)


def test_everything_killed_at_once_under_load_loses_no_acknowledged_line_and_doubles_nothing(
    servers: Servers, story: Story, tmp_path: Path
):
    cluster = Cluster(servers, tmp_path, story.rules, "everything")
    host = cluster.host()
    with running(cluster):
        sender = HttpSender(host.http_port, story.lines, pace=len(story.lines) / 15)
        sender.start()
        for _ in range(10 if SOAK else 1):
            time.sleep(5)
            cluster.kill_all()
            servers.broker.kill()
            servers.elasticsearch.kill()
            servers.broker.start()
            servers.elasticsearch.start()
            cluster.start()
        sender.finish()
        cluster.assert_whole(story.lines, story.alerts)


def test_a_broker_that_stands_still_for_thirty_seconds_loses_and_doubles_nothing(
    servers: Servers, story: Story, tmp_path: Path
):
    cluster = Cluster(servers, tmp_path, story.rules, "still")
    host = cluster.host()
    with running(cluster):
        sender = HttpSender(host.http_port, story.lines, pace=len(story.lines) / 40)
        sender.start()
        time.sleep(3)
        taken = sender.sent
        servers.broker.pause()
        try:
            time.sleep(30)
            assert sender.sent > taken, "lines were not taken while the broker stood still"
        finally:
            servers.broker.resume()
        sender.finish()
        cluster.assert_whole(story.lines, story.alerts)


def test_refusals_for_load_delay_documents_and_lose_none(servers: Servers, story: Story, tmp_path: Path):
    proxy = Proxy(servers.elasticsearch.url)
    with beside(proxy) as url:
        cluster = Cluster(servers, tmp_path, story.rules, "refused", elasticsearch=url)
        host = cluster.host()
        with running(cluster):
            sender = HttpSender(host.http_port, story.lines, pace=len(story.lines) / 15)
            sender.start()
            time.sleep(3)
            before = proxy.bulks
            proxy.answer = lambda *_: refused(429)
            time.sleep(60)
            sender.finish()
            cluster.wait_for_all_but_index(len(story.lines), 300)
            assert cluster.live_alerts() == story.alerts, "alerts did not go on while Elasticsearch refused"
            assert "index" in cluster.balance()["behind"]
            assert proxy.bulks > before + 5, "nothing was refused"
            proxy.answer = lambda *_: None
            cluster.assert_whole(story.lines, story.alerts)


def test_without_elasticsearch_memory_stays_flat_detection_and_alerts_go_on_and_it_catches_up(
    servers: Servers,
    node: elasticsearch_server.ElasticsearchServer,
    story: Story,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
):
    cluster = Cluster(Servers(servers.broker, node), tmp_path, story.rules, "away")
    host = cluster.host()
    third = len(story.lines) // 3
    rest = among_noise(story.lines[third:], RATE * AWAY_SECONDS)
    with running(cluster):
        first = HttpSender(host.http_port, story.lines[:third], key="first")
        first.start()
        first.finish()
        cluster.reconcile()
        before = host.memory()
        node.kill()
        try:
            since = time.monotonic()
            second = HttpSender(host.http_port, rest, pace=RATE, key="rest")
            second.start()
            second.finish(2 * AWAY_SECONDS + 400)
            cluster.wait_for_all_but_index(third + len(rest), AWAY_SECONDS + 300)
            assert cluster.live_alerts() == story.alerts, "alerts did not go on without Elasticsearch"
            found = host.soc("doctor", "--output-format", "json")
            assert found.returncode == 1
            assert b"lasticsearch" in found.stdout, found.stdout.decode()
            time.sleep(max(0.0, AWAY_SECONDS - (time.monotonic() - since)))
            after = host.memory()
            away = time.monotonic() - since
        finally:
            node.start()
        grown = {group: (after[group] - before[group]) / 1e6 for group in before}
        record_property("lines", len(rest))
        record_property("seconds away", round(away))
        record_property("grown by MB", " ".join(f"{group} {size:.1f}" for group, size in grown.items()))
        print(grown)
        cluster.assert_whole([*story.lines[:third], *rest], story.alerts, seconds=4 * AWAY_SECONDS + 300)
        assert max(grown.values()) < FLAT_MB, grown

"""Workers of the cluster killed, stopped and continued, coming and going under load: alerts as if nothing had happened."""

import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from cluster_support import SESSION_SECONDS, Cluster, ClusterHost, Servers, running
from feeding_support import SOAK, HttpSender, Story

from soc.bus.kafka_claim import TRANSACTION_MILLISECONDS

pytestmark = [pytest.mark.live, pytest.mark.faults, pytest.mark.timeout(7200 if SOAK else 900, func_only=True)]
KILLS = 300 if SOAK else 20


def feed(host: ClusterHost, lines: Sequence[str], key: str, seconds: float) -> HttpSender:
    """Some of the lines, within about so many seconds."""
    sender = HttpSender(host.http_port, lines, pace=len(lines) / seconds, key=key)
    sender.start()
    return sender


def test_kills_of_engines_and_correlators_at_random_moments_change_no_alert(
    servers: Servers, story: Story, tmp_path: Path, record_property: Callable[[str, object], None]
):
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    record_property("seed", seed)
    record_property("kills", KILLS)
    chosen = random.Random(seed)
    cluster = Cluster(servers, tmp_path, story.rules, "kills")
    host = cluster.host(engine=2, correlate=2)
    with running(cluster):
        sender = HttpSender(host.http_port, story.lines, pace=len(story.lines) / KILLS)
        sender.start()
        kills = 0
        while kills < KILLS:
            time.sleep(chosen.uniform(0.1, 1.9))
            kills += host.kill(chosen.choice(["engine", "engine-1", "correlate", "correlate-1"]))
        sender.finish()
        cluster.assert_whole(story.lines, story.alerts)


def test_a_host_that_joins_and_leaves_under_load_takes_work_over_and_gives_it_back(
    servers: Servers, story: Story, tmp_path: Path
):
    cluster = Cluster(servers, tmp_path, story.rules, "joins")
    first = cluster.host()
    third = len(story.lines) // 3
    with running(cluster):
        feeding = feed(first, story.lines[:third], "before", 10)
        second = cluster.host("engine", "correlate", "index")
        second.start()
        feeding.finish()
        feeding = feed(first, story.lines[third : 2 * third], "with", 10)
        deadline = time.monotonic() + 120
        while not all(second.processed(stage) for stage in ("engine", "correlate", "index")):
            assert time.monotonic() < deadline, "the second host was given no work"
            time.sleep(1)
        feeding.finish()
        feeding = feed(first, story.lines[2 * third :], "after", 10)
        time.sleep(1)
        assert second.stop() == 0
        feeding.finish()
        cluster.assert_whole(story.lines, story.alerts)


def test_a_worker_stopped_past_its_session_and_transaction_is_replaced_and_doubles_nothing_when_it_goes_on(
    servers: Servers, story: Story, tmp_path: Path
):
    cluster = Cluster(servers, tmp_path, story.rules, "stopped")
    first, second = cluster.host(), cluster.host("engine", "correlate")
    with running(cluster):
        sender = HttpSender(first.http_port, story.lines, pace=len(story.lines) / 60)
        sender.start()
        time.sleep(4)
        stopped = {group: second.pause(group) for group in ("engine", "correlate")}
        since = time.monotonic()
        time.sleep(max(SESSION_SECONDS, TRANSACTION_MILLISECONDS / 1000) + 2)
        done = first.processed("engine")
        for pid in stopped.values():
            os.kill(pid, signal.SIGCONT)
        print(f"stopped for {time.monotonic() - since:.0f} s; the other host had done {done:.0f} records by then")
        sender.finish()
        cluster.assert_whole(story.lines, story.alerts)
        for group in stopped:
            assert second.pid(group), f"{group} of the continued host does not run"
        print(second.said())

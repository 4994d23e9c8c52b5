"""A disk of the cluster that fills under load, the broker's and the collector's: when there is room again, nothing is missing."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_support import ABORTS, Cluster, Servers, running
from feeding_support import SOAK, HttpSender, Story
from live.kafka_server import Broker

pytestmark = [pytest.mark.live, pytest.mark.faults, pytest.mark.timeout(7200 if SOAK else 900, func_only=True)]
MEGABYTES = 256 if SOAK else 128


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that can be filled; mounting one needs privileges."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        reason = f"no file system can be mounted: a full disk was not tested ({mounted.stderr.decode().strip()})"
        if os.environ.get("SOC_REQUIRE_LIVE") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def fill(disk: Path) -> Path:
    """Take every byte that is free; the file to remove."""
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            block = bytes(size)
            try:
                while file.write(block) == size:
                    pass
            except OSError:
                continue
    return filler


def test_a_broker_whose_disk_is_full_stops_and_nothing_is_missing_once_it_has_room(
    servers: Servers, story: Story, small_disk: Path, tmp_path: Path
):
    broker = Broker(small_disk / "kafka", ABORTS).start()
    cluster = Cluster(Servers(broker, servers.elasticsearch), tmp_path, story.rules, "brokerdisk")
    host = cluster.host()
    try:
        with running(cluster):
            sender = HttpSender(host.http_port, story.lines, pace=len(story.lines) / 15)
            sender.start()
            time.sleep(4)
            filler = fill(small_disk)
            taken = sender.sent
            deadline = time.monotonic() + 60
            while broker.alive():
                assert time.monotonic() < deadline, "the broker did not notice that its disk is full"
                time.sleep(0.2)
            time.sleep(3)
            assert sender.sent > taken, "lines were not taken without the broker"
            broker.kill()
            filler.unlink()
            broker.start()
            sender.finish()
            cluster.assert_whole(story.lines, story.alerts)
    finally:
        broker.stop()


def test_a_collector_whose_disk_is_full_refuses_lines_and_loses_none_that_it_acknowledged(
    servers: Servers, story: Story, small_disk: Path, tmp_path: Path
):
    cluster = Cluster(servers, tmp_path, story.rules, "collectordisk")
    workers = cluster.host("engine", "correlate", "triage", "index", "forward", "notify", "archive")
    collector = cluster.host("collect", directory=small_disk / "collector")
    with running(cluster):
        sender = HttpSender(collector.http_port, story.lines, pace=len(story.lines) / 15)
        sender.start()
        time.sleep(4)
        filler = fill(small_disk)
        time.sleep(5)
        taken = sender.sent
        time.sleep(5)
        assert sender.sent == taken, "lines were acknowledged on a full disk"
        filler.unlink()
        sender.finish()
        assert workers.processed("engine") > 0
        cluster.assert_whole(story.lines, story.alerts)

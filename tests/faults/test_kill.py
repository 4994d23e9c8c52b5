"""``kill -9`` of any process, and of all at once, while 20,000 lines flow in: nothing lost, nothing doubled, the same alerts."""

import json
import random
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import pytest
from installation_support import TOKEN, Installation, LiveAlert, running

from soc.clock import now, to_iso
from soc.supervise import GROUPS

HTTP_LINES, TCP_LINES, BATCH = 16_000, 4_000, 200
IN_FLIGHT = 200
"""Lines that a sender may hand to a socket before it learns that the other side was killed: ten of its writes."""
RULES = """
title: Failed password
id: 6f6cc5d7-9d51-4f58-9f0c-0e0d4c3f0001
name: failed
level: low
logsource: {product: linux, service: sshd}
detection: {words: ["Failed password"], condition: words}
---
title: Accepted password
id: 6f6cc5d7-9d51-4f58-9f0c-0e0d4c3f0002
name: accepted
level: medium
logsource: {product: linux, service: sshd}
detection: {words: ["Accepted password"], condition: words}
---
title: Guessing
id: 6f6cc5d7-9d51-4f58-9f0c-0e0d4c3f0003
name: guessing
level: high
correlation: {type: event_count, rules: [failed], group-by: [source.ip], timespan: 10s, condition: {gte: 8}}
---
title: Guessed
id: 6f6cc5d7-9d51-4f58-9f0c-0e0d4c3f0004
level: critical
correlation: {type: temporal_ordered, rules: [guessing, accepted], group-by: [source.ip], timespan: 1m, generate: true}
"""


def make_lines(count: int, network: str, start: int, seed: int) -> list[str]:
    """Sshd lines of 60 addresses over three minutes: bursts that guess, quiet ones, and now and then a success."""
    chosen = random.Random(seed)
    lines: list[str] = []
    for number in range(count):
        stamp = to_iso(start + number * 180_000_000 // count)
        host = chosen.randrange(60) if number % 400 < 200 else number // 400 % 10
        what = "Accepted" if chosen.random() < 0.004 else "Failed"
        lines.append(
            f"<38>1 {stamp} bastion sshd {number} - - {what} password for user{chosen.randrange(9)} "
            f"from {network}.{host} port {20000 + number} ssh2"
        )
    return lines


def post(port: int, key: str, lines: Sequence[str], deadline: float) -> None:
    """One acknowledged request: repeated with the same key until it is answered."""
    body = "\n".join(lines).encode()
    headers = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": key, "Content-Type": "application/x-ndjson"}
    while time.monotonic() < deadline:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/ingest", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                assert json.load(answer)["accepted"] == len(lines)
                return
        except (urllib.error.URLError, OSError, TimeoutError):
            time.sleep(0.05)
    raise AssertionError(f"batch {key} was never acknowledged")


class TcpSender(threading.Thread):
    """Plain syslog over TCP: what the socket took and a kill threw away is gone, and the sender cannot know."""

    def __init__(self, port: int, lines: Sequence[str], pace: float) -> None:
        super().__init__()
        self._port, self._lines, self._pace = port, lines, pace

    def run(self) -> None:
        sent = 0
        while sent < len(self._lines):
            try:
                with socket.create_connection(("127.0.0.1", self._port), timeout=5) as connection:
                    while sent < len(self._lines):
                        chunk = self._lines[sent : sent + 20]
                        connection.sendall(("\n".join(chunk) + "\n").encode())
                        sent += len(chunk)
                        time.sleep(self._pace)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(4096):
                        pass
            except OSError:
                time.sleep(0.05)


def feed(
    installation: Installation, http: Sequence[str], tcp: Sequence[str], pace: float
) -> tuple[threading.Thread, ...]:
    deadline = time.monotonic() + 150

    def send_http() -> None:
        for first in range(0, len(http), BATCH):
            post(installation.http_port, f"batch-{first}", http[first : first + BATCH], deadline)
            time.sleep(pace * 10)

    threads = (threading.Thread(target=send_http), TcpSender(installation.tcp_port, tcp, pace))
    for thread in threads:
        thread.start()
    return threads


def gaps_of(sent: Sequence[str], received: set[str]) -> list[int]:
    """Lengths of the runs of lines that were sent and never arrived."""
    missing = "".join(" " if line in received else "x" for line in sent)
    return [len(run) for run in missing.split()]


def of_network(alerts: set[LiveAlert], network: str) -> set[LiveAlert]:
    return {alert for alert in alerts if all(f"from {network}." in line for line in alert.members)}


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_killing_any_process_and_all_at_once_changes_no_alert_and_loses_no_acknowledged_line(tmp_path: Path):
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES)
    start = now() - 240_000_000
    http = make_lines(HTTP_LINES, "203.0.113", start, 1)
    tcp = make_lines(TCP_LINES, "198.51.100", start, 2)

    with running(Installation(tmp_path / "undisturbed", rules)) as undisturbed:
        for thread in feed(undisturbed, http, tcp, 0.0):
            thread.join()
        balance = undisturbed.reconcile()
        assert balance["raw"] == HTTP_LINES + TCP_LINES
        expected = undisturbed.live_alerts()
    assert of_network(expected, "203.0.113")

    chosen = random.Random(20261122)
    kills = collect_kills = 0
    with running(Installation(tmp_path / "disturbed", rules)) as disturbed:
        threads = feed(disturbed, http, tcp, 0.02)
        while any(thread.is_alive() for thread in threads) or kills < 8:
            time.sleep(chosen.uniform(0.2, 0.9))
            if kills % 5 == 4:
                disturbed.kill_all()
                disturbed.start()
                kills, collect_kills = kills + 1, collect_kills + 1
            else:
                group = chosen.choice(list(GROUPS))
                killed = disturbed.kill(group)
                kills, collect_kills = kills + killed, collect_kills + (killed and group == "collect")
        for thread in threads:
            thread.join()
        disturbed.wait_ready()
        balance = disturbed.reconcile()
        received = set(disturbed.lines().values())
        found = disturbed.live_alerts()
    assert kills >= 8
    assert received >= set(http), "an acknowledged line is missing"
    assert received <= set(http) | set(tcp)
    assert balance["raw"] == len(received)
    gaps = gaps_of(tcp, received)
    assert len(gaps) <= collect_kills, "a line that was not in flight at a kill is missing"
    assert max(gaps, default=0) <= IN_FLIGHT, gaps
    assert of_network(found, "203.0.113") == of_network(expected, "203.0.113")

"""``kill -9`` of any process, and of all at once, while 20,000 lines flow in: nothing lost, nothing doubled, the same alerts."""

import random
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from feeding_support import BATCH, RULES, make_lines, post
from installation_support import Installation, LiveAlert, running

from soc.clock import now
from soc.supervise import GROUPS

HTTP_LINES, TCP_LINES = 16_000, 4_000
IN_FLIGHT = 200
"""Lines that a sender may hand to a socket before it learns that the other side was killed: ten of its writes."""


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
                group = chosen.choice([name for name in GROUPS if name != "share"])  # off by default
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

"""Rules and lines whose alerts two runs must have in common, and how they are handed to an installation until it has them."""

import json
import os
import random
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from installation_support import TOKEN, LiveAlert

from soc.clock import to_iso


class Story(NamedTuple):
    """The rules, the lines that are sent in every run, and the live alerts of the run that nothing disturbed."""

    rules: Path
    lines: Sequence[str]
    alerts: set[LiveAlert]


BATCH = 200
SOAK = os.environ.get("SOC_SOAK") == "1"
"""The long versions (`make soak`)."""
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


def make_lines(count: int, network: str, start: int, seed: int, *, seconds: int = 180) -> list[str]:
    """Sshd lines of 60 addresses over so many seconds: bursts that guess, quiet ones, and now and then a success."""
    chosen = random.Random(seed)
    lines: list[str] = []
    for number in range(count):
        stamp = to_iso(start + number * seconds * 1_000_000 // count)
        host = chosen.randrange(60) if number % 400 < 200 else number // 400 % 10
        what = "Accepted" if chosen.random() < 0.004 else "Failed"
        lines.append(
            f"<38>1 {stamp} bastion sshd {number} - - {what} password for user{chosen.randrange(9)} "
            f"from {network}.{host} port {20000 + number % 40000} ssh2"
        )
    return lines


def among_noise(lines: Sequence[str], total: int) -> list[str]:
    """The lines in their order, spread evenly among so many others that no rule matches: ``total`` in all."""
    found: list[str] = []
    for number, line in enumerate(lines, 1):
        stamp = line.split(" ", 2)[1]
        while len(found) < number * total // len(lines) - 1:
            of = len(found)
            found.append(
                f"<38>1 {stamp} bastion sshd n{of} - - Connection closed by 2001:db8::{of % 9999} port {1024 + of % 60000}"
            )
        found.append(line)
    return found


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


class HttpSender(Thread):
    """Acknowledged requests one after another, each again until it is answered.

    Args:
        pace: lines a second at most; 0 as fast as they are taken.
        key: begins the idempotency key of every request; another one for other lines.
        seconds: how long one request is repeated.
    """

    def __init__(
        self, port: int, lines: Sequence[str], pace: float = 0.0, key: str = "", seconds: float = 150.0
    ) -> None:
        super().__init__(daemon=True)
        self._port, self._lines, self._pace, self._seconds = port, lines, pace, seconds
        self._key = key
        self.sent = 0
        self.failure: AssertionError | None = None

    def run(self) -> None:
        """See ``Thread``; what went wrong is raised by ``finish``."""
        due = time.monotonic()
        try:
            for first in range(0, len(self._lines), BATCH):
                batch = self._lines[first : first + BATCH]
                post(self._port, f"{self._key}batch-{first}", batch, time.monotonic() + self._seconds)
                self.sent += len(batch)
                due = max(due, time.monotonic() - 1) + (len(batch) / self._pace if self._pace else 0)
                time.sleep(max(0.0, due - time.monotonic()))
        except AssertionError as failure:
            self.failure = failure

    def finish(self, seconds: float = 400.0) -> None:
        """Wait until everything was acknowledged."""
        self.join(seconds)
        if self.failure is not None:
            raise self.failure
        assert not self.is_alive(), f"only {self.sent} of {len(self._lines)} lines were taken in {seconds:.0f} s"

"""Rules change while lines flow through a real installation: no process restarts, no line is lost, each version finds its own."""

import asyncio
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from feeding_support import post
from installation_support import Installation, LiveAlert, running

from soc.app import publish_rules
from soc.clock import now, to_iso
from soc.model import Alert
from soc.pipeline.balance import Sums
from soc.pipeline.reconcile import reconcile_when_drained
from soc.pipeline.rules_status import RulesStatus, look_at_rules
from soc.pipeline.ruleset import Publication, RuleSets
from soc.pipeline.table import ALERTS
from soc.settings import RuleSettings, load

SAME, CHANGED, REMOVED, ADDED = (f"6f6cc5d7-9d51-4f58-9f0c-0e0d4c3f000{n}" for n in range(2, 6))
FAILED = """
title: Failed password
id: 6f6cc5d7-9d51-4f58-9f0c-0e0d4c3f0001
name: failed
level: low
logsource: {product: linux, service: sshd}
detection: {words: ["Failed password"], condition: words}
"""
PARTITIONS = 5  # the two sources are in two of them
PIECE = 5


def counting(rule: str, least: int) -> str:
    return f"""---
title: At least {least}
id: {rule}
level: high
correlation: {{type: event_count, rules: [failed], group-by: [source.ip], timespan: 1h, condition: {{gte: {least}}}}}
"""


OLD = FAILED + counting(SAME, 6) + counting(CHANGED, 20) + counting(REMOVED, 7)
NEW = FAILED + counting(SAME, 6) + counting(CHANGED, 10) + counting(ADDED, 8)


class Feeding:
    """Failed log-ons from one address, without end, over HTTP and TCP: two sources, in two raw partitions."""

    def __init__(self, installation: Installation) -> None:
        self.lines: list[str] = []
        self._installation = installation
        self._stop = threading.Event()
        self._numbers = itertools.count()
        self._start = now() - 1800_000_000
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._http, self._tcp)]

    def _make(self) -> list[str]:
        found: list[str] = []
        for _ in range(PIECE):
            number = next(self._numbers)
            text = f"Failed password for user{number} from 203.0.113.7 port {20000 + number} ssh2"
            found.append(f"<38>1 {to_iso(self._start + number * 100_000)} bastion sshd {number} - - {text}")
        return found

    def _http(self) -> None:
        while not self._stop.is_set():
            lines = self._make()
            post(self._installation.http_port, lines[0], lines, time.monotonic() + 60)
            self.lines += lines
            self._stop.wait(0.4)

    def _tcp(self) -> None:
        with socket.create_connection(("127.0.0.1", self._installation.tcp_port), timeout=5) as connection:
            while not self._stop.is_set():
                lines = self._make()
                connection.sendall(("\n".join(lines) + "\n").encode())
                self.lines += lines
                self._stop.wait(0.4)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass

    def more(self, count: int) -> None:
        """Until so many more lines were sent."""
        wanted, deadline = len(self.lines) + count, time.monotonic() + 60
        while len(self.lines) < wanted:
            assert time.monotonic() < deadline, f"only {len(self.lines)} lines of {wanted} were sent"
            time.sleep(0.02)

    @contextmanager
    def running(self) -> Iterator["Feeding"]:
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join(60)


def publish(installation: Installation, rules: Path) -> tuple[int, dict, str]:
    """(exit code, what it printed, what it said)."""
    done = installation.soc("rules", "publish", "--rules", str(rules))
    return done.returncode, msgspec.json.decode(done.stdout), done.stderr.decode()


async def look(installation: Installation) -> RulesStatus:
    bus = installation.bus()
    try:
        return await look_at_rules(bus, RuleSets(bus))
    finally:
        await bus.close()


async def drained(installation: Installation) -> Sums:
    bus = installation.bus()
    try:
        return (await reconcile_when_drained(bus, 120)).sums
    finally:
        await bus.close()


def publish_here(installation: Installation, rules: Path) -> Publication:
    """As the command does, without starting a process."""
    settings = load(installation.config).model_copy(update={"rules": RuleSettings(paths=(str(rules),))})
    return asyncio.run(publish_rules(settings))


def wait_until_followed(installation: Installation) -> None:
    deadline = time.monotonic() + 60
    while not (found := asyncio.run(look(installation))).everywhere:
        assert time.monotonic() < deadline, (found, installation.said())
        time.sleep(0.1)


def alerts_of(installation: Installation) -> dict[str, list[LiveAlert]]:
    """Rule → its live alerts, members as lines, in order of time."""
    newest: dict[str, Alert] = installation.newest(ALERTS, Alert)
    found: dict[str, list[LiveAlert]] = {}
    for alert in sorted(installation.as_live(newest.values(), installation.lines()), key=lambda one: one.start):
        found.setdefault(alert.rule, []).append(alert)
    return found


def assert_each_version_found_its_own(installation: Installation, lines: list[str]) -> None:
    """The whole truth about a change from OLD to NEW: one alert over all, and every line in exactly one version."""
    sums = asyncio.run(drained(installation))
    assert (sums.balanced, sums.raw, sums.normalized) == (True, len(lines), len(lines))
    found = alerts_of(installation)
    assert set(found) == {SAME, CHANGED, REMOVED, ADDED}
    (same,), (removed,), (added,) = found[SAME], found[REMOVED], found[ADDED]
    assert same.members == frozenset(lines)
    assert removed.members | added.members == frozenset(lines)
    assert not removed.members & added.members
    assert {one.members for one in found[CHANGED]} == {removed.members, added.members}


def test_a_set_published_under_load_takes_effect_without_a_restart_and_loses_nothing(tmp_path: Path):
    old, new, broken = tmp_path / "old", tmp_path / "new", tmp_path / "broken"
    for directory, text in ((old, OLD), (new, NEW), (broken, "title: Nothing of use\nid: x\n")):
        directory.mkdir()
        (directory / "rules.yml").write_text(text)
    (new / "broken.yml").write_text("title: Half a rule\n\nlogsource: {product: linux}\n")
    with running(Installation(tmp_path / "run", old, partitions=PARTITIONS)) as installation:
        pids = {status.group: status.pid for status in installation.statuses()}
        feeding = Feeding(installation)
        with feeding.running():
            feeding.more(40)
            code, printed, said = publish(installation, new)
            assert code == 1
            assert f"refused: {new / 'broken.yml'}:" in said
            assert (printed["rules_added"], printed["rules_changed"], printed["rules_removed"]) == (1, 1, 1)
            assert (printed["changed"], printed["loaded"], printed["refused"]) == (True, 4, 1)
            wait_until_followed(installation)
            useless = publish_here(installation, broken)
            assert "none of its rules can be used" in useless.rejected
            assert useless.current.hash == printed["hash"]
            feeding.more(40)
        assert_each_version_found_its_own(installation, feeding.lines)
        statuses = installation.statuses()
        assert {status.group: status.pid for status in statuses} == pids
        assert {s.rules for s in statuses if s.group in {"engine", "correlate"}} == {printed["hash"]}
        shown = installation.soc("rules", "status", "--output-format", "json")
        assert shown.returncode == 0
        rows = msgspec.json.decode(shown.stdout)
        assert {(row["stage"], row["partition"]) for row in rows} == {
            (stage, partition) for stage in ("engine", "correlate") for partition in range(PARTITIONS)
        }


def test_killing_engine_and_correlate_in_the_middle_of_a_change_changes_nothing(tmp_path: Path):
    old, new = tmp_path / "old.yml", tmp_path / "new.yml"
    old.write_text(OLD)
    new.write_text(NEW)
    with running(Installation(tmp_path / "run", old, partitions=PARTITIONS)) as installation:
        feeding = Feeding(installation)
        with feeding.running():
            feeding.more(40)
            publish_here(installation, new)
            deadline = time.monotonic() + 60
            kills = 0
            while (
                kills < 3
            ):  # the engine while it compiles or just took the set, correlate as it meets it, and once more
                assert time.monotonic() < deadline, installation.said()
                kills += installation.kill("correlate" if kills == 1 else "engine")
                time.sleep(0.7)
            wait_until_followed(installation)
            feeding.more(40)
        assert_each_version_found_its_own(installation, feeding.lines)

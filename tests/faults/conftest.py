"""What the faults of the cluster share: servers to be hurt, the lines, and the alerts of an undisturbed run over them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_support import Cluster, Servers, running, running_servers
from feeding_support import RULES, SOAK, HttpSender, Story, make_lines

from soc.clock import SECOND, now, to_iso

RESULTS = Path(__file__).parents[2] / "docs" / "explanation" / "faults.md"
"""Ends in the table of long runs."""
LINES = 60_000 if SOAK else 4_000
STORY_SECONDS = LINES * 180 // 4_000
"""More lines are a longer story, not a denser one: nobody would be quiet in it."""


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """One broker and one Elasticsearch node for all faults; each run has its own prefix on them."""
    with running_servers(tmp_path_factory.mktemp("servers")) as both:
        yield both


@pytest.fixture(scope="session")
def story(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The undisturbed run."""
    place = tmp_path_factory.mktemp("reference")
    rules = place / "rules.yml"
    rules.write_text(RULES)
    lines = make_lines(LINES, "203.0.113", now() - (STORY_SECONDS + 60) * SECOND, 1, seconds=STORY_SECONDS)
    cluster = Cluster(servers, place, rules, "reference")
    host = cluster.host()
    with running(cluster):
        sender = HttpSender(host.http_port, lines)
        sender.start()
        sender.finish()
        cluster.reconcile()
        alerts = cluster.live_alerts()
        cluster.assert_whole(lines, alerts)
    assert len({alert.rule for alert in alerts}) == 3, "three of the four rules raise alerts of their own"
    return Story(rules, lines, alerts)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A long run writes down what came out, a line a test, where readers look for it."""
    if not SOAK or report.when != "call":
        return
    name = report.nodeid.rpartition("::")[2].removeprefix("test_").replace("_", " ")
    figures = ", ".join(f"{key} {value}" for key, value in report.user_properties)
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(f"| {to_iso(now())[:10]} | {name} | {report.outcome} | {report.duration:.0f} | {figures} |\n")

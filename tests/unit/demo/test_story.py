"""The demo's story, judged without any running part."""

import ipaddress
import re
from collections import Counter
from pathlib import Path

from soc.clock import MINUTE, SECOND, Micros
from soc.demo.story import ALERTS, PLAY_SECONDS, Story, story
from soc.model import Bundle, RawRecord
from soc.normalize.normalizer import Normalizer
from soc.sigma.load import load
from soc.tooling.offline import Offline

NOW: Micros = 1_795_309_200 * SECOND
RULES = Path(__file__).parent.parent.parent.parent / "rules"
DOCUMENTATION = [ipaddress.ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]


def played(told: Story) -> tuple[Offline, Counter[str]]:
    texts = tuple((str(path), path.read_text(encoding="utf-8")) for path in sorted(RULES.rglob("*.yml")))
    pipelines = tuple(item for item in texts if "pipelines" in Path(item[0]).parts)
    rules = load(Bundle(tuple(item for item in texts if item not in pipelines), pipelines))
    normalizer = Normalizer((), timezone="Asia/Ho_Chi_Minh", lateness=10 * MINUTE, future_skew=5 * SECOND)
    run = Offline(rules, normalizer, singles=True, lateness=10 * MINUTE)
    for number, line in enumerate(told.lines):
        received = NOW + round(line.delay * SECOND)
        run.feed(RawRecord(line.data, received, line.transport, "127.0.0.1:4", "127.0.0.1"), f"{number}", received)
    return run, Counter(episode.rule for episode in run.finish())


def test_the_story_gives_exactly_its_alerts():
    told = story(NOW)
    run, alerts = played(told)
    assert alerts == Counter(told.alerts)
    assert (run.events, run.dead_letters) == (told.events, told.dead_letters)


def test_it_is_the_same_story_whenever_it_is_told():
    assert played(story(NOW + 40 * 86400 * SECOND))[1] == played(story(NOW))[1]


def test_every_alert_it_promises_is_a_rule_that_ships():
    ids = {
        re.search(r"^id: (\S+)$", path.read_text(encoding="utf-8"), re.MULTILINE)[1]: path.stem
        for path in RULES.rglob("*.yml")
        if "pipelines" not in path.parts
    }
    assert {rule: ids.get(rule) for rule in ALERTS} == dict(ALERTS)


def test_lines_are_in_order_and_told_in_time():
    delays = [line.delay for line in story(NOW).lines]
    assert delays == sorted(delays)
    assert delays[0] == 0
    assert delays[-1] <= PLAY_SECONDS


def test_only_documentation_addresses_occur():
    text = b"\n".join(line.data for line in story(NOW).lines).decode("utf-8", "replace")
    found = set(re.findall(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])", text))
    assert found
    assert [a for a in found if not any(ipaddress.ip_address(a) in network for network in DOCUMENTATION)] == []

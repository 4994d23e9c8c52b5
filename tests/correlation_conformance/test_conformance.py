"""Every case through the product's own rules, detector and correlator: as written, in one batch, and in other orders."""

import json
import random
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from soc.clock import DAY, SECOND, to_iso, to_micros
from soc.correlate import Correlator
from soc.detect.detector import Detector
from soc.detect.feed import Sampler, feed, feed_episode
from soc.model import Bundle, Event, LogSource, Watermark
from soc.sigma.load import load

CASES = sorted(path for path in (Path(__file__).parent / "cases").iterdir() if path.is_dir())
END_OF_TIME = 2**60


def micros(text):
    return to_micros(datetime.fromisoformat(text))


class Player:
    """One engine under test: lines of a stream in, live episodes out."""

    def __init__(self, case):
        bundle = Bundle(((f"{case.name}/rules.yml", (case / "rules.yml").read_text()),))
        self.rules = load(bundle)
        assert self.rules.refused == ()
        self.expected = yaml.safe_load((case / "expected.yml").read_text())
        self.stream = [json.loads(line) for line in (case / "stream.ndjson").read_text().splitlines()]
        self.detector = Detector(self.rules)
        lateness = self.expected.get("lateness")
        self.correlator = Correlator(
            self.rules,
            lateness=lateness * SECOND if lateness is not None else 3650 * DAY,
            raw_partitions=1,
            max_groups=1000,
            max_events_per_group=1000,
        )
        self.latest = {}
        self.back = []
        self.late = {}
        self.names = self.titles()

    def titles(self):
        """Rule id → name; a correlation's title is its name in these cases."""
        return {name: self.rules.infos[name].title for name in self.rules.correlations}

    def items(self, line):
        if "watermark" in line:
            return [Watermark(0, micros(line["watermark"]))]
        time = micros(line["@timestamp"])
        fields = {key: value for key, value in line.items() if key not in {"@timestamp", "event.id"}}
        event = Event(line["event.id"], "test", time, time, time, fields, (LogSource(category="authentication"),))
        detections = feed(event, self.detector.detect(event), self.rules, Sampler())
        return [one for _, one in detections if one.target]

    def apply(self, items):
        outcome = self.correlator.apply([*self.back, *items])
        self.back = [one for episode in outcome.episodes for _, one in feed_episode(episode, self.rules)]
        self.latest |= {episode.id: episode for episode in outcome.episodes}
        for rule, number in outcome.late.items():
            self.late[self.names[rule]] = self.late.get(self.names[rule], 0) + number
        return bool(outcome.episodes)

    def play(self, batches):
        for lines in batches:
            self.apply([item for line in lines for item in self.items(line)])
        while self.back:
            self.apply([])
        self.apply([Watermark(0, END_OF_TIME)])
        quiet = 0
        while quiet <= self.correlator.depth:
            quiet = 0 if self.apply([]) else quiet + 1
        return [self.plain(one) for one in self.latest.values() if one.state == "live"]

    def plain(self, episode):
        members = [self.member(one) for one in episode.members]
        return {
            "rule": self.names[episode.rule],
            "group": dict(episode.group),
            "start": to_iso(episode.start),
            "end": to_iso(episode.end),
            "members": members,
        }

    def member(self, event_id):
        child = self.latest.get(event_id)
        if child is None:
            return event_id
        return f"{self.names[child.rule]} {to_iso(child.start)}/{to_iso(child.end)}"


def wanted(player):
    episodes = player.expected["episodes"]
    for episode in episodes:
        for edge in ("start", "end"):
            if isinstance(episode[edge], datetime):  # YAML reads a bare time as one
                episode[edge] = to_iso(to_micros(episode[edge]))
    return in_order(episodes)


def in_order(episodes):
    return sorted(episodes, key=lambda one: (one["rule"], sorted(one["group"].items()), one["start"]))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_live_episodes_are_the_expected_ones(case):
    player = Player(case)
    assert in_order(player.play([[line] for line in player.stream])) == wanted(player)
    assert player.late == player.expected.get("late", {})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_one_batch_or_another_order_within_the_lateness_changes_nothing(case):
    player = Player(case)
    assert in_order(player.play([player.stream])) == wanted(player)
    if any("watermark" in line for line in player.stream):
        return  # its order is what the case is about
    for seed in range(8):
        player = Player(case)
        rng = random.Random(seed)
        rng.shuffle(player.stream)
        middle = rng.randint(0, len(player.stream))
        assert in_order(player.play([player.stream[:middle], player.stream[middle:]])) == wanted(player)

"""The analysis in one process."""

from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from soc.clock import MINUTE, SECOND, Micros
from soc.model import Bundle, RawRecord
from soc.normalize.normalizer import Normalizer
from soc.settings import SourceProfile
from soc.sigma.load import load
from soc.tooling.lines import render
from soc.tooling.offline import Offline

START: Micros = 1_795_309_200 * SECOND
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
BASE = """
title: {name}
id: {id}
name: {name}
logsource: {{product: linux, service: sshd}}
detection:
    selection: {{event.action: ssh-login, event.outcome: {outcome}}}
    condition: selection
"""
FAILED = BASE.format(name="failed", id="11111111-1111-4111-8111-111111111111", outcome="failure")
ACCEPTED = BASE.format(name="accepted", id="22222222-2222-4222-8222-222222222222", outcome="success")
GUESSING = """
title: guessing
id: 33333333-3333-4333-8333-333333333333
name: guessing
correlation: {type: event_count, rules: [failed], group-by: [source.ip], timespan: 1m, condition: {gte: 3}}
"""
GUESSED = """
title: guessed
id: 44444444-4444-4444-8444-444444444444
correlation: {type: temporal_ordered, rules: [guessing, accepted], group-by: [source.ip], timespan: 10m}
"""
CHAIN = load(Bundle((("a.yml", FAILED), ("b.yml", ACCEPTED), ("c.yml", GUESSING), ("d.yml", GUESSED))))
SINGLE = load(Bundle((("a.yml", FAILED),)))


def offline(rules=CHAIN, **options) -> Offline:
    profiles = (SourceProfile(name="sshd", product="sshd"), SourceProfile(name="quiet", product="sshd", discard="."))
    normalizer = Normalizer(profiles, timezone="Asia/Ho_Chi_Minh", lateness=10 * MINUTE, future_skew=5 * SECOND)
    return Offline(rules, normalizer, **options)


def record(second: int, word: str, number: int, profile: str = "sshd") -> tuple[RawRecord, str, Micros]:
    at = START + second * SECOND
    line = render(f"<86>{{bsd}} web01 sshd[{number}]: {word} password for dvc from 203.0.113.66 port 4 ssh2", at, ZONE)
    return RawRecord(line.encode(), at, "test", "test", "test", profile=profile), f"r{number}", at


STORY = [(0, "Failed"), (10, "Failed"), (20, "Failed"), (60, "Accepted")]


def titles(run: Offline) -> list[tuple[str, int]]:
    return [(CHAIN.infos[episode.rule].title, episode.count) for episode in run.finish()]


def test_a_chain_of_correlations_fires_once_for_the_whole_story():
    run = offline()
    for number, (second, word) in enumerate(STORY):
        run.feed(*record(second, word, number))
    assert [title for title, _ in titles(run)] == ["guessed"]
    assert (run.events, run.detections, run.episodes) == (4, 4, 1)


@settings(max_examples=25, deadline=None)
@given(st.permutations(list(enumerate(STORY))))
def test_the_order_of_a_file_does_not_matter(shuffled: list[tuple[int, tuple[int, str]]]):
    def outcome(order):
        run = offline()
        for number, (second, word) in order:
            run.feed(*record(second, word, number))
        return {(e.rule, e.group, e.start, e.end, e.count) for e in run.finish()}

    assert outcome(shuffled) == outcome(enumerate(STORY))


def test_matches_come_with_their_event_as_it_is_fed():
    found = offline().feed(*record(0, "Failed", 7))
    assert [(event.id, match.rule) for event, match in found] == [("r7", "11111111-1111-4111-8111-111111111111")]


def test_what_cannot_be_parsed_is_counted_and_kept():
    run = offline()
    assert run.feed(RawRecord(b"\x00", START, "test", "test", "test", profile="sshd"), "x", START) == []
    assert (run.events, run.dead_letters, run.letters[0].id) == (0, 1, "x")


def test_a_discarded_line_is_neither_an_event_nor_a_dead_letter():
    run = offline()
    run.feed(*record(0, "Failed", 1, profile="quiet"))
    assert (run.events, run.dead_letters, run.discarded) == (0, 0, 1)


def test_single_events_become_episodes_where_asked():
    counts = []
    for singles in (False, True):
        run = offline(SINGLE, singles=singles)
        for number in range(3):
            run.feed(*record(number, "Failed", number))
        counts.append(len(run.finish()))
    assert counts == [0, 3]


def test_with_a_lateness_what_is_later_is_not_counted():
    late = [(0, "Failed"), (10, "Failed"), (1000, "Accepted"), (20, "Failed")]
    found = []
    for lateness in (None, MINUTE):
        run = offline(lateness=lateness)
        for number, (second, word) in enumerate(late):
            data, name, _ = record(second, word, number)
            run.feed(data, name, START)
        found.append(len([e for e in run.finish(muted=True) if CHAIN.infos[e.rule].title == "guessing"]))
    assert found == [1, 0]

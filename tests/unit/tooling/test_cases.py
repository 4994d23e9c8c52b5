"""Cases of rules: what is read, and that a wrong case is told apart from a right one."""

import pytest

from soc.errors import SettingsError
from soc.model import Bundle
from soc.tooling.cases import Result, read_cases, run_cases

REFUSED = """
title: refused
id: 11111111-1111-4111-8111-111111111111
name: refused
logsource: {product: linux, service: sshd}
detection:
    selection: {event.action: ssh-login, event.outcome: failure}
    condition: selection
"""
GUESSING = """
title: guessing
id: 22222222-2222-4222-8222-222222222222
correlation:
    type: event_count
    rules: [refused]
    group-by: [source.ip]
    timespan: 1m
    condition: {gte: 3}
"""
BUNDLE = Bundle((("rules/guessing.yml", GUESSING), ("rules/refused.yml", REFUSED)))
LINE = "<86>{bsd} web01 sshd[1]: Failed password for dvc from 203.0.113.66 port 41000 ssh2"


def run(text: str, path: str = "guessing.yml") -> list[Result]:
    return run_cases(BUNDLE, read_cases([(path, text)]), timezone="Asia/Ho_Chi_Minh")


def case(fires: str, silent: str, expect: str = "{}") -> str:
    return f"""
fires:
  - name: a
    source: sshd
    timeline: [{{{fires}, line: '{LINE}'}}]
    expect: {expect}
silent:
  - name: b
    source: sshd
    timeline: [{{{silent}, line: '{LINE}'}}]
"""


def test_a_right_case_is_right():
    results = run(case("times: 3", "times: 2", "{episodes: 1, count: 3, group: {source.ip: 203.0.113.66}}"))
    assert [(result.case, result.ok, result.detail) for result in results] == [
        ("fires: a", True, ""),
        ("silent: b", True, ""),
    ]


def test_what_should_fire_and_does_not_fails():
    assert [result.ok for result in run(case("times: 2", "times: 1"))] == [False, True]


def test_what_should_stay_silent_and_fires_fails():
    assert [result.ok for result in run(case("times: 3", "times: 3"))] == [True, False]


@pytest.mark.parametrize(
    ("expect", "why"),
    [
        ("{episodes: 2}", "1 episodes, expected 2"),
        ("{count: 4}", "count 3, expected 4"),
        ("{group: {source.ip: 203.0.113.67}}", "source.ip is '203.0.113.66', expected '203.0.113.67'"),
    ],
)
def test_an_expectation_that_does_not_hold_fails_and_says_what_was_found(expect: str, why: str):
    result = run(case("times: 3", "times: 1", expect))[0]
    assert not result.ok
    assert why in result.detail


def test_a_rule_on_single_events_is_judged_by_its_matches():
    text = case("times: 2", "times: 1", "{episodes: 2}")
    assert [(result.ok, result.detail) for result in run(text, "refused.yml")] == [
        (True, ""),
        (False, "it fired 1 times"),
    ]


def test_a_line_that_cannot_be_parsed_fails_the_case_even_where_silence_was_expected():
    text = case("times: 3", "times: 1").replace(
        "    source: sshd\n    timeline: [{times: 1", "    source: fortigate\n    timeline: [{times: 1"
    )
    result = run(text)[1]
    assert not result.ok
    assert "cannot be parsed as fortigate" in result.detail


def test_cases_of_a_rule_that_is_not_there_fail():
    assert [result.detail for result in run(case("times: 3", "times: 1"), "other.yml")] == ["there is no such rule"] * 2


def test_the_timeline_decides_not_the_order_in_which_steps_are_written():
    text = f"""
fires:
  - name: written backwards
    source: sshd
    timeline:
      - {{at: 40s, line: '{LINE}'}}
      - {{at: 0s, every: 20s, times: 2, line: '{LINE}'}}
silent:
  - name: too far apart
    source: sshd
    timeline:
      - {{at: 0s, every: 31s, times: 3, line: '{LINE}'}}
"""
    assert [result.ok for result in run(text)] == [True, True]


def test_every_mistake_of_every_file_is_named_at_once():
    with pytest.raises(SettingsError) as caught:
        read_cases(
            [
                ("a.yml", "fires: [{name: x, lines: [y]}]\nsilent: []\n"),
                ("b.yml", "fires: ["),
                (
                    "c.yml",
                    "fires: [{name: x, source: s, timeline: [{line: l, at: 5}]}]\nsilent: [{name: x, source: s, lines: [l]}]",
                ),
            ]
        )
    mistakes = "\n".join(caught.value.mistakes)
    assert "a.yml: fires.0" in mistakes
    assert "source is missing" in mistakes
    assert "a.yml: silent" in mistakes
    assert "b.yml: no YAML" in mistakes
    assert "5 is no duration" in mistakes

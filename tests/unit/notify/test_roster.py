"""Who is on duty, who stands in, where nobody is; and every mistake of a roster with its line."""

import importlib.util
from datetime import datetime
from pathlib import Path

import pytest

from soc.clock import DAY, HOUR, to_micros
from soc.errors import SettingsError
from soc.notify.gsm import folded, short
from soc.notify.roster import holes, on_duty, unreached
from soc.notify.roster_file import parse

_spec = importlib.util.spec_from_file_location("roster_example", Path(__file__).parent / "roster_example.py")
example = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(example)


def at(text: str) -> int:
    return to_micros(datetime.fromisoformat(text + "+07:00"))


@pytest.mark.parametrize(
    ("moment", "who"),
    [
        ("2026-11-23T07:29:59", "minh"),
        ("2026-11-23T07:30:00", "lan"),
        ("2026-11-23T19:29:59", "lan"),
        ("2026-11-23T19:30:00", "minh"),
        ("2026-11-24T03:00:00", "minh"),
        ("2026-12-01T12:00:00", "hung"),
        ("2026-12-02T12:00:00", "lan"),
    ],
)
def test_a_shift_holds_by_the_clock_on_the_wall_and_a_substitute_is_called_instead(moment, who):
    assert on_duty(example.ROSTER, "analysts", at(moment)) == (who,)


def test_a_roster_without_a_gap_has_no_hole():
    start = at("2026-11-23T00:00:00")
    assert holes(example.ROSTER, start, start + 30 * DAY) == ()
    assert unreached(example.ROSTER) == ()


def test_a_gap_is_found_to_the_minute():
    roster = parse(example.TEXT.replace('from: "19:30", to: "07:30"', 'from: "20:00", to: "07:30"'))
    start = at("2026-11-23T00:00:00")
    found = holes(roster, start, start + DAY)
    assert [(hole.start, hole.end) for hole in found] == [(at("2026-11-23T19:30:00"), at("2026-11-23T20:00:00"))]
    assert found[0].end - found[0].start == HOUR // 2


def test_every_mistake_is_told_at_once_with_its_line():
    text = example.TEXT.replace("lan@soc.example", "nowhere").replace("people: [minh]", "people: [nam]")
    text = text.replace("minutes: 30", "minutes: soon").replace("[high, critical]", "[grave]")
    with pytest.raises(SettingsError) as caught:
        parse(text, "roster.yaml")
    lines = [int(mistake.split(":")[1]) for mistake in caught.value.mistakes]
    assert lines == [4, 10, 18, 20]


@pytest.mark.parametrize("text", ["", "people: [", "- a", "people: {}", "people: {a: {name: A, channels: []}}"])
def test_what_is_no_roster_is_refused(text):
    with pytest.raises(SettingsError):
        parse(text)


def test_a_short_message_keeps_number_and_link_and_has_no_diacritics():
    text = short("SOC Nghiêm trọng INC-2026-000012", "Đăng nhập lạ " * 30, "https://soc.example/i/1")
    assert len(text) <= 160
    assert text.startswith("SOC Nghiem trong INC-2026-000012 Dang nhap la")
    assert text.endswith("... https://soc.example/i/1")
    assert folded("đ€ 你") == "dEUR ?"

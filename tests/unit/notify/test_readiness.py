"""The example roster, the commands, and what would keep people from being told."""

import json
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from soc.calling import NotifySettings
from soc.cli import soc
from soc.clock import DAY, to_micros
from soc.notify.readiness import gaps
from soc.notify.roster import EMPTY, on_duty, turns
from soc.notify.roster_file import parse
from soc.settings import parse as settings

EXAMPLE = Path("deploy/roster.example.yaml")
START = to_micros(datetime.fromisoformat("2026-11-23T00:00:00+07:00"))
WHOLE = NotifySettings.model_validate(
    {
        "link": "https://soc.example",
        "command": {"argv": ("/usr/local/bin/sms",)},
        "heartbeat": {"file": "/mnt/soc2/beat", "secret_key": "a secret of twenty characters"},
    }
)


def at(text: str) -> int:
    return to_micros(datetime.fromisoformat(text + ":00+07:00"))


def run(tmp_path: Path, *arguments: str):
    (tmp_path / "soc.toml").write_text(f'data_dir = "{tmp_path / "data"}"\n')
    (tmp_path / "data" / "bus").mkdir(parents=True, exist_ok=True)
    return CliRunner().invoke(soc, ["notify", *arguments, "--config", str(tmp_path / "soc.toml")])


def test_the_example_roster_has_somebody_on_duty_in_every_hour_of_a_year_with_holidays():
    roster = parse(EXAMPLE.read_text(encoding="utf-8"))
    found = gaps(roster, WHOLE, START, START + 365 * DAY)
    assert [gap for gap in found if gap.what == "nobody_on_duty"] == []


def test_the_example_roster_says_who_is_on_duty_also_on_holidays_and_for_who_is_away():
    roster = parse(EXAMPLE.read_text(encoding="utf-8"))
    for moment, person in (
        ("2026-11-23T08:00", "lan"),
        ("2026-11-23T22:00", "minh"),
        ("2026-11-28T12:00", "thu"),
        ("2026-12-08T08:00", "thu"),
        ("2027-02-08T08:00", "thu"),
    ):
        assert on_duty(roster, "analysts", at(moment)) == (person,), moment


def test_turns_follow_one_another_without_a_gap_and_name_who_is_on_duty():
    roster = parse(EXAMPLE.read_text(encoding="utf-8"))
    found = turns(roster, "analysts", START, START + 7 * DAY)
    assert (found[0].start, found[-1].end) == (START, START + 7 * DAY)
    assert all(one.end == other.start for one, other in pairwise(found))
    assert all(on_duty(roster, "analysts", turn.start) == turn.people for turn in found)


def test_hours_without_anybody_people_without_a_channel_and_people_nobody_calls_are_all_listed():
    roster = parse("""
people:
  lan: {name: Lan, channels: [{smtp: lan@soc.example}]}
  minh: {name: Minh, channels: [{command: "1"}]}
shifts:
  - {team: analysts, people: lan, from: "07:30", to: "06:30"}
escalations:
  default: [{call: analysts, minutes: 15}]
""")
    found = gaps(roster, WHOLE, START, START + 2 * DAY)
    assert [gap.what for gap in found] == ["nobody_on_duty"] * 2 + ["person_without_channel", "person_never_called"]
    assert "2026-11-23 06:30 to 2026-11-23 07:30" in found[0].detail
    assert [gap.what for gap in gaps(EMPTY, NotifySettings(), START, START + DAY)] == ["no_roster", "no_channel"]
    assert [gap.what for gap in gaps(roster, NotifySettings(), START, START + 1)] == [
        "no_channel", "person_never_called", "no_link", "no_heartbeat",
    ]  # fmt: skip


def test_importing_a_roster_with_mistakes_lists_them_all_with_line_and_column_and_takes_nothing(tmp_path):
    (tmp_path / "bad.yaml").write_text(
        "people:\n  lan: {name: Lan, channels: [{pager: 1}]}\nescalations:\n  x: [{call: nobody-known, minutes: 0}]\n"
    )
    done = run(tmp_path, "roster", "import", str(tmp_path / "bad.yaml"))
    assert done.exit_code == 1
    for part in ("bad.yaml:2:", "pager", "bad.yaml:4:", "nobody-known", "minutes", "nothing was taken"):
        assert part in done.output + done.stderr
    assert run(tmp_path, "roster", "show").exit_code == 1


def test_an_imported_roster_is_shown_as_it_was_and_says_who_would_be_called(tmp_path):
    done = run(tmp_path, "roster", "import", str(EXAMPLE))
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["roster"].startswith("4 people")
    assert run(tmp_path, "roster", "show").stdout == EXAMPLE.read_text(encoding="utf-8")
    who = run(tmp_path, "who", "--at", "2026-11-23T22:00", "--level", "critical")
    steps = [json.loads(line) for line in who.stdout.splitlines()]
    assert steps[0]["people"] == ["Trần Văn Minh"]
    assert len(steps[-1]["people"]) == 4
    assert run(tmp_path, "who", "--level", "low").exit_code == 1
    check = run(tmp_path, "check")
    assert check.exit_code == 1
    assert {json.loads(line)["what"] for line in check.stdout.splitlines()} == {"no_channel", "no_link", "no_heartbeat"}


@pytest.mark.parametrize("arguments", [(), ("lan", "--channel", "smtp")])
def test_a_test_message_is_for_a_person_or_for_a_channel(tmp_path, arguments):
    assert "a person or a --channel" in str(run(tmp_path, "test", *arguments).exception)


def test_a_test_message_to_nobody_in_the_roster_is_refused(tmp_path):
    assert "there is no person 'nemo'" in str(run(tmp_path, "test", "nemo").exception)


def test_secrets_deep_in_a_section_come_from_the_environment():
    found = settings("", {"SOC_NOTIFY__HEARTBEAT__SECRET_KEY": "x" * 20, "SOC_NOTIFY__LINK": "https://soc.example/"})
    assert found.notify.heartbeat.secret_key == "x" * 20
    assert found.notify.link == "https://soc.example"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[notify]\nlink = "soc.example"', "no address"),
        ('[notify.smtp]\nhost = "mail.example"', "sender must be"),
        ('[notify.smtp]\nhost = "m"\nsender = "a@b"\nsecurity = "none"\npassword = "x"', "anybody can read"),
        ('[notify.webhook]\nurl = "https://b.example"\nsecret_key = "short"', "at least 16"),
        ('[notify.command]\nargv = ["sms"]', "whole path"),
        ('[notify.watch]\ncertificate_file = "a"', "belong together"),
    ],
)
def test_settings_that_cannot_work_are_refused_with_a_reason(text, reason):
    with pytest.raises(Exception, match=reason):
        settings(text, {})


def test_an_authority_that_cannot_be_read_is_said_by_the_check(tmp_path):
    (tmp_path / "soc.toml").write_text(
        '[notify.smtp]\nhost = "m"\nsender = "a@b"\nca_file = "/nowhere/ca.pem"\n', encoding="utf-8"
    )
    done = CliRunner().invoke(
        soc, ["notify", "check", "--roster", str(EXAMPLE), "--config", str(tmp_path / "soc.toml")]
    )
    assert "ca_file of a channel cannot be read" in str(done.exception)

"""``soc forward retry``: whose reports are tried now, by whose word, and what is told of those that cannot be."""

import json

import msgspec
import pytest
from click.testing import CliRunner
from duties_support import SEEN, report

from soc.cli import forward as module
from soc.cli.forward import forward

WAITS = msgspec.structs.replace(report("notice_initial", SEEN), id="waits", state="retry_wait")
ASKED = msgspec.structs.replace(report("update", SEEN), id="asked", state="uncertain")
DONE = msgspec.structs.replace(report("closing", SEEN), id="done", state="accepted")


@pytest.fixture
def handed(monkeypatch, tmp_path):
    """The acts that were handed in; the installation has three reports."""
    acts = []

    async def reports(_):
        return [WAITS, ASKED, DONE]

    def hand_in(_settings, _url, token, *, target, identifier, act, revision=None):
        acts.append(
            (token, target, identifier, {name: act[name] for name in ("kind", "report_id", "decision", "reason")})
        )
        return 200, {"outcome": "accepted"}

    monkeypatch.setattr("soc.app.reports", reports)
    monkeypatch.setattr(module, "hand_in", hand_in)
    monkeypatch.setattr(module, "require_installation", lambda _: None)
    monkeypatch.chdir(tmp_path)
    return acts


def run(*words):
    return CliRunner().invoke(
        forward, ["retry", *words, "--reason", "mended", "--token", "t", "--output-format", "json"]
    )


def test_one_report_is_tried_now_by_a_decision_on_its_incident(handed):
    done = run("waits")
    assert done.exit_code == 0, done.output
    wish = {"kind": "settle", "report_id": "waits", "decision": "resend", "reason": "mended"}
    assert handed == [("t", "incident", WAITS.incident_id, wish)]
    assert [row["taken"] for row in json.loads(done.stdout)] == [True]


def test_all_that_wait_are_tried_and_what_is_through_is_left_alone(handed):
    assert run("--all").exit_code == 0
    assert [act["report_id"] for *_, act in handed] == ["waits", "asked"]


def test_what_is_through_already_is_told_and_the_exit_code_says_so(handed):
    done = run("done")
    assert done.exit_code == 1
    assert "it is accepted" in done.stdout
    assert handed == []


@pytest.mark.parametrize(
    ("words", "said"), [(("nobody",), "no report has the id nobody"), ((), "Name reports, or say --all")]
)
def test_a_wish_without_a_report_is_a_mistake_of_use(handed, words, said):
    done = run(*words)
    assert (done.exit_code, handed) == (2, [])
    assert said in done.output

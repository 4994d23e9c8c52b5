"""``soc report``: exit codes, rows and what people are told."""

import asyncio
import hashlib
import json

import pytest
from cli_support import run_cli
from duties_support import HOURS, STANDING, incident

from soc.clock import now
from soc.store.documents import incident_document


@pytest.fixture
def config(tmp_path):
    """Settings of an installation whose store holds one serious incident, acknowledged so long ago."""

    def make(ago=HOURS, policy="", **changes):
        data = tmp_path / "data"
        (data / "bus").mkdir(parents=True)
        seen = now() - ago
        case = incident(severity="serious", acknowledged_at=seen, raised=seen, first_seen=seen, **changes)

        async def write():
            from soc.app import open_store
            from soc.settings import load

            store = open_store(load(file))
            await store.write([incident_document(case)])
            await store.close()

        file = tmp_path / "soc.toml"
        particulars = "\n".join(f'{name} = "{text}"' for name, text in STANDING.items())
        file.write_text(
            f'data_dir = "{data}"\n[policy]\n{policy}\n[policy.particulars]\n{particulars}\n', encoding="utf-8"
        )
        asyncio.run(write())
        return str(file)

    return make


def rows(outcome):
    return [json.loads(line) for line in outcome.out.splitlines()]


def test_what_is_due_is_listed_and_is_no_finding_while_it_is_in_time(config):
    outcome = run_cli("report", "due", "--config", config())
    found = [row for row in rows(outcome) if row["incident"]]
    assert outcome.code == 0
    assert [(row["kind"], row["state"], row["incident"]) for row in found] == [
        ("notice_initial", "running", "INC-2026-000001")
    ]
    assert found[0]["left"].startswith("22:59:")


def test_what_is_overdue_is_a_finding(config):
    outcome = run_cli("report", "due", "--config", config(ago=25 * HOURS))
    assert outcome.code == 1
    assert rows(outcome)[0]["state"] == "overdue"
    assert "1 overdue" in outcome.err


def test_missing_fields_are_named_with_where_they_come_from(config):
    file = config()
    outcome = run_cli("report", "missing", "INC-2026-000001", "--kind", "notice_initial", "--config", file)
    assert outcome.code == 1
    assert {row["field"]: row["source"] for row in rows(outcome)}["current_state"] == "person"
    assert run_cli("report", "missing", "INC-2026-000009", "--config", file).code == 2
    assert run_cli("report", "missing", "INC-2026-000001", "--kind", "letter", "--config", file).code == 2


def test_every_clock_of_an_incident_is_shown(config):
    found = rows(run_cli("report", "clocks", "202611-inc1", "--config", config()))
    assert {row["state"] for row in found} == {"running", "not_triggered"}


def test_a_periodic_report_comes_in_three_forms_and_its_figures_can_be_listed(config):
    file = config()
    year = "2027"
    asked = ("report", "periodic", "--kind", "year", "--period", year, "--config", file)
    tree = json.loads(run_cli(*asked).out)
    figure = next(one for one in tree["sections"][0]["figures"] if one["id"] == "all")
    listed = run_cli("report", "list", figure["query"], "--of", figure["kind"], "--config", file)
    assert len(rows(listed)) == figure["value"]
    assert run_cli(*asked, "--as", "html").out.startswith(b"<!doctype html>")
    assert "# BÁO CÁO".encode() in run_cli(*asked, "--as", "markdown").out
    assert run_cli("report", "periodic", "--kind", "year", "--period", "soon", "--config", file).code == 2


def test_a_periodic_report_as_a_file_has_its_hash_in_the_audit_and_never_takes_anothers_place(config, tmp_path):
    settings, file = config(), tmp_path / "tuan.html"
    asked = ("report", "periodic", "--kind", "year", "--period", "2026", "--as", "html", "--config", settings)
    made = run_cli(*asked, "--output", str(file))
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    assert json.loads(made.out)["sha256"] == sha256
    (line,) = rows(run_cli("audit", "search", "--act", "export", "--config", settings))
    assert (line["object"], line["detail"]) == ("periodic/year/2026", f"periodic report as html, sha256 {sha256}")
    assert run_cli(*asked, "--output", str(file)).code == 2
    handed = ("report", "delivered", "--kind", "year", "--period", "2026", "--to", "owner", "--document", "1/BC")
    assert run_cli(*handed, "--file", str(file), "--config", settings).code == 0
    (line,) = rows(run_cli("audit", "search", "--act", "hand_over", "--config", settings))
    assert line["detail"] == f"1/BC, sha256 {sha256}"


def test_the_policy_in_force_is_shown_and_unverified_entries_are_a_finding(config):
    outcome = run_cli("report", "policy", "--config", config(policy='file = "vn-2017"'))
    assert outcome.code == 1
    assert {row["policy"] for row in rows(outcome)} == {"vn-2017"}
    assert "policy vn-2017: closing was not compared with the law by anybody with authority" in outcome.err
    assert "[policy] since is not set" in outcome.err
    assert "reporter_name" not in outcome.err


def test_a_hand_over_needs_a_recipient_of_the_policy_and_a_document(config):
    asked = ("report", "delivered", "--kind", "year", "--period", "2026", "--config", config())
    for wrong in (("--to", "national", "--document", " "), ("--to", "somebody", "--document", "1/BC")):
        outcome = run_cli(*asked, *wrong)
        assert outcome.code == 2
        assert "--document" in outcome.err or "--to: year goes to owner, national" in outcome.err


def test_a_policy_that_is_not_there_or_wrong_is_a_mistake_of_the_settings(config, tmp_path):
    wrong = tmp_path / "mine.yaml"
    wrong.write_text("policy: mine\nduties: []\n", encoding="utf-8")
    outcome = run_cli("report", "due", "--config", config(policy=f'file = "{wrong}"'))
    assert outcome.code == 2
    assert "mine.yaml:2: duties:" in outcome.err

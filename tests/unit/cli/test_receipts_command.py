"""``soc report sent | withheld | late | receipts``: rows, exit codes and what people are told."""

import json

import pytest
from cli_support import run_cli
from reported_support import NUMBER, installation, sealed

from soc.clock import HOUR, now


def rows(outcome):
    return [json.loads(line) for line in outcome.out.splitlines()]


@pytest.fixture
def config(tmp_path):
    return installation(tmp_path)


def test_what_was_sent_is_listed_with_time_approval_and_receipt(config):
    outcome = run_cli("report", "sent", NUMBER, "--config", config)
    first, second = rows(outcome)
    assert outcome.code == 0
    assert (first["kind"], first["incident"], first["approver"], first["second"]) == (
        "notice_initial",
        NUMBER,
        "hoa",
        "an",
    )
    assert first["sent"]
    assert first["acknowledged"]
    assert first["receipt"] == "R-2026-7741"
    assert (second["state"], second["acknowledged"], second["receipt"]) == ("held", "", "")
    assert run_cli("report", "sent", "INC-1", "--config", config).code == 2


def test_what_was_withheld_is_listed_by_field_and_rule_never_by_value(config):
    found = rows(run_cli("report", "withheld", "--config", config))
    assert {(row["kind"], row["field"], row["rule"], row["count"]) for row in found} == {
        (kind, *what)
        for kind in ("notice_initial", "update")
        for what in (("user.name", "account", 2), ("text", "phone", 1))
    }


def test_what_is_late_is_listed_with_its_reasons(config):
    outcome = run_cli("report", "late", "--config", config)
    late = next(row for row in rows(outcome) if row["kind"] == "notice_initial")
    assert late["state"] == "late"
    assert late["why"][0].startswith("reason given:")


def test_what_is_overdue_is_a_finding_and_says_that_nobody_approved_it(tmp_path):
    outcome = run_cli("report", "late", "--config", installation(tmp_path, reports=[], particulars={}))
    (row,) = rows(outcome)
    assert outcome.code == 1
    assert row["state"] == "overdue"
    assert row["why"][0] == "nobody approved it"
    assert row["why"][1].startswith("required fields are empty: ")


def test_the_daily_reconcile_names_each_difference_and_is_a_finding_while_one_is_open(config):
    outcome = run_cli("report", "receipts", "--config", config)
    assert outcome.code == 1
    assert sum(row["sent"] for row in rows(outcome)) == 2
    assert sum(row["acknowledged"] for row in rows(outcome)) == 1
    assert "update on 202611-inc1" in outcome.err
    assert "needs person" in outcome.err


def test_a_day_on_which_all_was_acknowledged_is_no_finding(tmp_path):
    file = installation(tmp_path, reports=[sealed("notice_initial", now() - 48 * HOUR, "accepted")])
    outcome = run_cli("report", "receipts", "--config", file)
    assert (outcome.code, outcome.err) == (0, "")
    assert rows(run_cli("report", "receipts", "--day", "2025-01-01", "--config", file)) == []
    assert run_cli("report", "receipts", "--day", "monday", "--config", file).code == 2

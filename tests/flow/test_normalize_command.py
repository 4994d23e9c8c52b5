"""``soc normalize``: one JSON line for each record, in order, whatever is put together, cannot be read or is wrapped in JSON."""

import json
from pathlib import Path
from typing import Any

import pytest
from cli_support import run_cli
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

AUDIT = [
    'type=SYSCALL msg=audit(1795334400.123:456): arch=c000003e syscall=59 success=yes exit=0 pid=8 uid=0 comm="id" exe="/usr/bin/id"',
    'type=EXECVE msg=audit(1795334400.123:456): argc=1 a0="id"',
    "type=PROCTITLE msg=audit(1795334400.123:456): proctitle=6964",
    "type=EOE msg=audit(1795334400.123:456):",
]
SSHD = "Nov 22 15:00:00 srv1 sshd[812]: Failed password for root from 203.0.113.5 port 51514 ssh2"


def printed(file: Path, *options: str, config: str = "") -> list[dict[str, Any]]:
    if config:
        toml = file.parent / "soc.toml"
        toml.write_text(config)
        options = (*options, "--config", str(toml))
    outcome = run_cli("normalize", str(file), *options)
    assert outcome.code == 0, outcome.err
    return [json.loads(line) for line in outcome.out.splitlines()]


def written(tmp_path: Path, lines: list[str]) -> Path:
    file = tmp_path / "input.log"
    file.write_text("\n".join(lines) + "\n")
    return file


def test_the_parts_of_an_event_point_to_its_first_line_and_order_is_kept(tmp_path: Path):
    lines = [SSHD, AUDIT[0], SSHD, *AUDIT[1:], "\x01 garbage", SSHD]
    found = printed(written(tmp_path, lines))
    assert [row.get("joined_into") for row in found] == [None, None, None, "line-2", "line-2", "line-2", None, None]
    assert found[1]["process.command_line"] == "id"
    assert found[1]["event.original"] == "\n".join(AUDIT)
    assert found[6]["error"]
    assert found[6]["event.original"] == lines[6]
    assert found[0]["event.original"] == found[2]["event.original"] == found[7]["event.original"] == SSHD


def test_an_event_whose_end_never_comes_does_not_hold_back_the_lines_after_it_for_ever(tmp_path: Path):
    found = printed(written(tmp_path, [AUDIT[0], *[SSHD] * 3000]))
    assert len(found) == 3001
    assert found[0]["type"] == "SYSCALL"


def test_a_stack_trace_of_a_profile_is_one_event(tmp_path: Path):
    config = '[[sources]]\nname = "app"\nproduct = "syslog"\nmultiline = "indented"\n'
    head = "<11>Nov 22 15:00:00 srv1 portal[7]: "
    lines = [head + "java.lang.IllegalStateException: x", head + "\tat a.B.c(B.java:1)", head + "done"]
    found = printed(written(tmp_path, lines), "--source", "app", config=config)
    assert found[0]["message"] == "java.lang.IllegalStateException: x\n\tat a.B.c(B.java:1)"
    assert found[0]["event.original"] == "\n".join(lines[:2])
    assert found[1] == {"joined_into": "line-1"}
    assert found[2]["message"] == "done"


def test_a_serial_audit_log_of_modsecurity_is_put_together_by_itself(tmp_path: Path):
    entry = [
        "--5c2d1f0a-A--",
        "[22/Nov/2026:15:00:00 +0700] aXb1 203.0.113.5 50229 192.0.2.10 443",
        "--5c2d1f0a-B--",
        "GET /x HTTP/1.1",
        "--5c2d1f0a-Z--",
    ]
    found = printed(written(tmp_path, entry + entry), "--source", "modsecurity")
    assert [row.get("source.ip") for row in found if "joined_into" not in row] == ["203.0.113.5"] * 2
    assert sum("joined_into" in row for row in found) == 2 * (len(entry) - 1)


def test_the_columns_that_a_log_declares_hold_until_it_declares_others(tmp_path: Path):
    lines = [
        "#Software: Microsoft Internet Information Services 10.0",
        "#Fields: date time cs-method cs-uri-stem c-ip sc-status",
        "2026-11-22 08:00:00 GET /a 203.0.113.5 200",
        "#Fields: date time c-ip cs-method cs-uri-stem sc-status",
        "2026-11-22 08:00:01 203.0.113.6 GET /b 404",
    ]
    for source in ("auto", "iis"):
        found = printed(written(tmp_path, lines), "--source", source)
        assert [(row["source.ip"], row["url.path"]) for row in (found[2], found[4])] == [
            ("203.0.113.5", "/a"),
            ("203.0.113.6", "/b"),
        ]
        assert [row["event.type"] for row in (found[0], found[1], found[3])] == [["info"]] * 3


def test_a_field_of_json_lines_is_the_raw_text(tmp_path: Path):
    lines = [
        json.dumps({"message": SSHD}),
        json.dumps({"log": {"raw": SSHD}}),
        json.dumps({"message": 5}),
        "no JSON",
        json.dumps({"message": "two\nlines"}),
    ]
    found = printed(written(tmp_path, lines), "--input-format", "ndjson:message", "--source", "sshd")
    assert found[0]["source.ip"] == "203.0.113.5"
    assert found[0]["event.original"] == SSHD
    assert [row.get("error") for row in found[1:4]] == [
        "the object has no such field",
        "the field holds no text",
        "the line is no JSON",
    ]
    assert found[3]["event.original"] == "no JSON"
    nested = printed(written(tmp_path, lines), "--input-format", "ndjson:log.raw")
    assert nested[1]["source.ip"] == "203.0.113.5"


@pytest.mark.parametrize("given", ["csv", "ndjson", "ndjson:"])
def test_another_input_format_is_wrong_usage(tmp_path: Path, given: str):
    outcome = run_cli("normalize", str(written(tmp_path, [SSHD])), "--input-format", given)
    assert outcome.code == 2
    assert "ndjson:FIELD" in outcome.err


def test_products_and_profiles_are_listed(tmp_path: Path):
    config = tmp_path / "soc.toml"
    config.write_text('[[sources]]\nname = "portal"\nproduct = "nginx"\n')
    outcome = run_cli("normalize", "--list", "--config", str(config))
    assert outcome.code == 0
    for name in (b"auditd", b"iis", b"haproxy", b"bind", b"squid", b"modsecurity", b"portal"):
        assert name in outcome.out


def test_a_discarded_line_says_by_which_profile_in_its_place(tmp_path: Path):
    config = '[[sources]]\nname = "quiet"\nproduct = "sshd"\ndiscard = "Failed password"\n'
    found = printed(written(tmp_path, [SSHD, SSHD.replace("Failed", "Accepted")]), "--source", "quiet", config=config)
    assert found[0] == {"discarded": "quiet", "event.original": SSHD}
    assert found[1]["event.outcome"] == "success"


records = st.sampled_from([*AUDIT, SSHD, "#Fields: date time", "x", "\x01"])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(records, max_size=30))
def test_each_line_has_one_outcome_in_its_place(tmp_path: Path, lines: list[str]):
    found = printed(written(tmp_path, lines)) if lines else []
    assert len(found) == len(lines)
    for number, (line, row) in enumerate(zip(lines, found, strict=True), 1):
        if "joined_into" in row:
            first = int(row["joined_into"].removeprefix("line-"))
            assert first < number
            assert line in found[first - 1]["event.original"].split("\n")
        else:
            assert row["event.original"].startswith(line)

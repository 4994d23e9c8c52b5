"""No byte sequence makes a command end other than by its documented exit codes, or lose a line."""

import gzip
import json
from pathlib import Path

import pytest
from cli_support import run_cli
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

DOCUMENTED = {0, 1, 2, 3}
QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

lines = st.one_of(
    st.binary(max_size=400),
    st.sampled_from(
        [
            b"<34>1 2026-11-22T08:00:00Z host sshd 1 - - Failed password for root from 192.0.2.1 port 1 ssh2",
            b'date=2026-11-22 time=15:00:00 devname="fw" logid="0000000013" type="traffic" srcip=192.0.2.1 action="deny"',
            b'{"EventID": 4625, "Channel": "Security"}',
            b'192.0.2.1 - - [22/Nov/2026:08:00:00 +0700] "GET / HTTP/1.1" 200 1 "-" "-"',
        ]
    ).flatmap(lambda line: st.integers(0, len(line)).map(lambda cut: line[:cut] + b"\x00\xff" + line[cut:])),
)


def records(data: bytes) -> int:
    return sum(1 for line in data.split(b"\n") if line.rstrip(b"\r\n"))


@QUICK
@given(
    parts=st.lists(lines, max_size=8), source=st.sampled_from(["auto", "fortigate", "windows-json", "sshd", "nginx"])
)
@example(parts=[b"\x00" * (1 << 20)], source="auto")
@example(parts=[b'"' * (1 << 20)], source="fortigate")
@example(parts=[b"{" * (1 << 20)], source="windows-json")
@example(parts=[b"<" + b"9" * (1 << 20)], source="auto")
def test_normalize_prints_one_json_line_for_each_record_whatever_the_bytes(
    tmp_path: Path, parts: list[bytes], source: str
):
    data = b"\n".join(parts)
    file = tmp_path / "input.log"
    file.write_bytes(data)
    outcome = run_cli("normalize", str(file), "--source", source)
    assert outcome.code == 0, outcome.err
    printed = outcome.out.splitlines()
    assert len(printed) == records(data)
    for line in printed:
        assert isinstance(json.loads(line), dict)


@QUICK
@given(parts=st.lists(lines, max_size=8))
def test_detect_reads_every_line_and_ends_with_its_statistics(tmp_path: Path, parts: list[bytes]):
    data = b"\n".join(parts)
    file = tmp_path / "input.log"
    file.write_bytes(data)
    outcome = run_cli("detect", str(file))
    assert outcome.code == 0, outcome.err
    statistics = json.loads(outcome.err.splitlines()[-1])
    assert statistics["events"] + statistics["dead_letters"] == records(data)


@QUICK
@given(text=st.binary(max_size=300))
@example(text=b"title: x\nlogsource: {product: linux}\ndetection: {s: {a|re: '('}, condition: s}\n")
@example(text=b"a: &a [*a, *a]\n")
@example(text=b"[" * 5000)
def test_rules_check_refuses_garbage_with_its_file(tmp_path: Path, text: bytes):
    rule = tmp_path / "garbage.yml"
    rule.write_bytes(text)
    outcome = run_cli("rules", "check", str(rule), "--output-format", "ndjson")
    assert outcome.code in {0, 1}, outcome.err
    for line in outcome.out.splitlines():
        row = json.loads(line)
        assert row["path"] == str(rule)
        assert row["reason"]


@QUICK
@given(text=st.binary(max_size=200))
@example(text=b"[console]\nport = 'x'\nnonsense = 1\n[triage]\nmax_degree = 0\n")
def test_settings_that_cannot_be_used_end_with_2_and_say_why(tmp_path: Path, text: bytes):
    config = tmp_path / "soc.toml"
    config.write_bytes(text)
    outcome = run_cli("check", "--config", str(config))
    assert outcome.code in {0, 2}, outcome.err
    if outcome.code == 2:
        assert "soc.toml" in outcome.err


def test_every_mistake_in_the_settings_is_listed_at_once(tmp_path: Path):
    config = tmp_path / "soc.toml"
    config.write_text("timezone = 'Nowhere/City'\n[console]\nport = 'x'\nnonsense = 1\n[triage]\nmax_degree = 0\n")
    outcome = run_cli("check", "--config", str(config))
    assert outcome.code == 2
    for key in ("timezone", "console.port", "console.nonsense", "triage.max_degree"):
        assert key in outcome.err


@pytest.mark.parametrize(
    "damage",
    [b"no gzip at all", gzip.compress(b"line\n" * 999, mtime=0)[:40]],
    ids=["no archive", "cut short"],
)
def test_a_damaged_archive_ends_with_2_and_names_the_file(tmp_path: Path, damage: bytes):
    file = tmp_path / "input.log.gz"
    file.write_bytes(damage)
    outcome = run_cli("normalize", str(file))
    assert outcome.code == 2
    assert "input.log.gz" in outcome.err


def test_wrong_usage_ends_with_2():
    assert run_cli("normalize").code == 2
    assert run_cli("detect", "--no-such-option", "x").code == 2
    assert run_cli("normalize", "/nonexistent/file").code == 2
    assert run_cli("normalize", "--source", "no-such-product", "-").code == 2


def test_no_secret_of_the_settings_is_printed(tmp_path: Path):
    config = tmp_path / "soc.toml"
    config.write_text(
        "[[listeners]]\ntype='http'\nname='h'\nport=1\ntoken='s3cret-1'\n[forward.receiver]\ntoken='s3cret-2'\n"
        "[kafka]\npassword='s3cret-3'\n[elasticsearch]\napi_key='s3cret-4'\npassword='s3cret-5'\n"
    )
    outcome = run_cli("check", "--config", str(config))
    assert b"s3cret" not in outcome.out
    assert "s3cret" not in outcome.err
    assert outcome.out.count(b"(set)") >= 4

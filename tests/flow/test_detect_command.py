"""``soc detect``: what it prints for matches of single events and for correlations, and its statistics."""

import gzip
import json
from pathlib import Path

from cli_support import run_cli

RULES = """
title: Failed password
id: 6f6cc5d7-9d51-4f58-9f0c-0e0d4c3f0001
name: failed
level: low
logsource: {product: linux, service: sshd}
detection: {words: ["Failed password"], condition: words}
---
title: Guessing
id: 6f6cc5d7-9d51-4f58-9f0c-0e0d4c3f0003
level: high
correlation: {type: event_count, rules: [failed], group-by: [source.ip], timespan: 1m, condition: {gte: 3}}
---
title: Encoded PowerShell
id: 6f6cc5d7-9d51-4f58-9f0c-0e0d4c3f0005
level: high
logsource: {product: windows, category: process_creation}
detection: {s: {"CommandLine|contains": " -enc "}, condition: s}
"""
SSHD = "<38>1 2026-11-22T08:00:0{n}Z bastion sshd 1 - - Failed password for root from 203.0.113.7 port 4000{n} ssh2"
SYSMON = {
    "Channel": "Microsoft-Windows-Sysmon/Operational",
    "EventID": 1,
    "Image": "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe",
    "CommandLine": "powershell.exe -enc SQBFAFgA",
    "UtcTime": "2026-11-22 08:00:00.000",
}


def detect(tmp_path: Path, data: bytes, *arguments: str, name: str = "input.log"):
    rules, file = tmp_path / "rules.yml", tmp_path / name
    rules.write_text(RULES)
    file.write_bytes(data)
    outcome = run_cli("detect", "--rules", str(rules), *arguments, str(file))
    assert outcome.code == 0, outcome.err
    return [json.loads(line) for line in outcome.out.splitlines()], json.loads(outcome.err.splitlines()[-1])


def test_a_match_names_its_rule_and_keeps_the_inputs_own_fields(tmp_path: Path):
    found, statistics = detect(
        tmp_path, gzip.compress(json.dumps(SYSMON).encode()), "--source", "windows-json", name="events.ndjson.gz"
    )
    (one,) = found
    assert (one["rule.title"], one["rule.level"]) == ("Encoded PowerShell", "high")
    assert {name: one["event"][name] for name in SYSMON} == SYSMON
    assert set(statistics) >= {"events", "seconds", "events_per_second", "rules_loaded", "rules_refused", "detections"}
    assert (statistics["events"], statistics["detections"], statistics["rules_loaded"]) == (1, 1, 3)


def test_a_correlation_is_printed_as_its_episode_in_whatever_order_the_lines_come(tmp_path: Path):
    lines = [SSHD.format(n=n).encode() for n in (3, 1, 4, 2)]
    found, statistics = detect(tmp_path, b"\n".join(lines))
    (episode,) = [line for line in found if "episode" in line]
    assert episode["rule.title"] == "Guessing"
    assert episode["episode"]["group"] == {"source.ip": "203.0.113.7"}
    assert episode["episode"]["count"] == 4
    assert (episode["episode"]["start"], episode["episode"]["end"]) == (
        "2026-11-22T08:00:01.000Z",
        "2026-11-22T08:00:04.000Z",
    )
    assert episode["event"]["source.ip"] == "203.0.113.7"
    assert statistics["episodes"] == 1


def test_a_refused_rule_is_listed_with_its_line_and_the_others_run(tmp_path: Path):
    bad = tmp_path / "bad.yml"
    bad.write_text("title: Bad\nlogsource: {product: linux}\ndetection: {s: {a|nosuch: 1}, condition: s}\n")
    outcome = run_cli("detect", "--rules", str(bad), "-", stdin=b"")
    assert outcome.code == 0
    *words, statistics = outcome.err.splitlines()
    assert any("bad.yml:" in line and "nosuch" in line for line in words)
    assert json.loads(statistics)["rules_refused"] == 1


def test_json_over_several_lines_is_read_by_object(tmp_path: Path):
    for data in ([SYSMON, SYSMON], SYSMON):
        found, statistics = detect(
            tmp_path, json.dumps(data, indent=2).encode(), "--source", "windows-json", name="e.json"
        )
        assert len(found) == statistics["events"] == (2 if data is not SYSMON else 1)
    several = b"\n".join(json.dumps(event, indent=1).encode() for event in (SYSMON, {"EventID": 3}, SYSMON))
    found, statistics = detect(tmp_path, several, "--source", "windows-json", name="e.json")
    assert (len(found), statistics["events"]) == (2, 3)


def test_what_only_begins_like_json_is_read_by_line(tmp_path: Path):
    _found, statistics = detect(tmp_path, b"[\n" + SSHD.format(n=1).encode() + b"\n{\n", name="e.json")
    assert (statistics["events"], statistics["dead_letters"], statistics["detections"]) == (1, 2, 1)


def test_several_rule_paths_are_one_set_and_the_input_keeps_its_fields_whatever_reads_it(tmp_path: Path):
    more = tmp_path / "more"
    more.mkdir()
    (more / "other.yml").write_text(
        "title: Any shell\nlevel: low\nlogsource: {product: windows, category: process_creation}\n"
        "detection: {s: {Image|endswith: 'powershell.exe'}, condition: s}\n"
    )
    idle = {**SYSMON, "Image": "C:\\x.exe", "CommandLine": "x"}
    lines = "\n".join(json.dumps(event) for event in (idle, SYSMON, idle)).encode()
    for source in ("windows-json", "auto"):
        found, statistics = detect(tmp_path, lines, "--rules", str(more), "--source", source, name="e.json")
        assert {one["rule.title"] for one in found} == {"Encoded PowerShell", "Any shell"}
        assert {one["event.id"] for one in found} == {"line-2"}
        assert all(one["event"].items() >= SYSMON.items() for one in found)
        assert (statistics["events"], statistics["detections"]) == (3, 2)


def test_events_that_nothing_matches_feed_no_correlation_and_those_that_do_are_counted(tmp_path: Path):
    rules = tmp_path / "more.yml"
    rules.write_text(
        """
title: Tool
name: tool
logsource: {product: windows, category: process_creation}
detection: {s: {Image|endswith: '\\tool.exe'}, condition: s}
---
title: Tools
level: high
correlation: {type: event_count, rules: [tool], group-by: [user.name], timespan: 1m, condition: {gte: 2}}
"""
    )
    events = [
        {**SYSMON, "Image": f"C:\\{name}.exe", "CommandLine": "x", "User": "HUE\\lan"}
        for name in ("tool", "other", "tool", "other")
    ]
    found, _statistics = detect(
        tmp_path, "\n".join(map(json.dumps, events)).encode(), "--rules", str(rules), "--source", "windows-json"
    )
    (episode,) = [one for one in found if "episode" in one]
    assert (episode["episode"]["group"], episode["episode"]["count"]) == ({"user.name": "lan"}, 2)

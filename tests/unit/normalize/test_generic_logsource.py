"""JSON of any sender meets the rules that its field names and hints allow, in Sigma's names and in ECS."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from soc.detect.detector import Detector
from soc.model import Bundle
from soc.model.event import Event, LogSource
from soc.model.record import RawRecord
from soc.normalize.normalizer import Normalizer
from soc.normalize.products.generic_json import ALIASES, SIGMA
from soc.settings import SourceProfile
from soc.sigma.load import load

RECEIVED = 1_795_334_400_000_000
PIPELINES = tuple(
    (path.name, path.read_text("utf-8"))
    for path in sorted((Path(__file__).resolve().parents[3] / "rules" / "pipelines").glob("*.yml"))
)


def _event(event: dict[str, Any], product: str = "json") -> Event:
    profile = SourceProfile(name="j", product=product, live=False)
    normalizer = Normalizer((profile,), timezone="UTC", lateness=1, future_skew=1)
    record = RawRecord(json.dumps(event).encode(), RECEIVED, "l", "p", "s", profile="j")
    found = normalizer.normalize(record, "id", RECEIVED)
    assert isinstance(found, Event)
    return found


def _matches(
    logsource: dict[str, str], detection: dict[str, Any], event: dict[str, Any], product: str = "json"
) -> bool:
    rule = {"title": "r", "name": "r", "logsource": logsource, "detection": {"condition": "s", **detection}}
    rules = load(Bundle((("r.yml", yaml.safe_dump(rule)),), PIPELINES))
    assert rules.refused == ()
    return bool(Detector(rules).detect(_event(event, product)))


LINUX = {"product": "linux", "category": "process_creation"}


@pytest.mark.parametrize("product", ["json", "auto"])
@pytest.mark.parametrize(
    ("logsource", "detection", "event"),
    [
        (LINUX, {"s": {"Image|endswith": "/nc"}}, {"Image": "/usr/bin/nc"}),
        (LINUX, {"s": {"Image|endswith": "/nc"}}, {"process": {"executable": "/usr/bin/nc"}}),
        ({"category": "webserver"}, {"s": {"cs-uri-query|contains": "../"}}, {"cs-uri-query": "f=../../x"}),
        ({"category": "proxy"}, {"s": {"c-useragent": "x"}}, {"user_agent": {"original": "x"}}),
        ({"category": "proxy"}, {"s": {"c-useragent": "x"}}, {"c-useragent": "x"}),
        ({"category": "dns"}, {"s": {"query|endswith": ".test"}}, {"query": "a.test"}),
        ({"category": "firewall"}, {"s": {"dst_port": 445}}, {"dst_port": 445}),
        ({"product": "zeek", "service": "conn"}, {"s": {"id.resp_p": 445}}, {"id": {"resp_p": 445}}),
        (
            {"product": "aws", "service": "cloudtrail"},
            {"s": {"eventName": "StopLogging"}},
            {"eventName": "StopLogging"},
        ),
        (
            {"product": "linux", "service": "auditd"},
            {"s": {"type": "EXECVE", "a0": "nc"}},
            {"type": "EXECVE", "a0": "nc"},
        ),
    ],
)
def test_a_rule_finds_its_own_names_and_those_of_ecs(
    logsource: dict[str, str], detection: dict[str, Any], event: dict[str, Any], product: str
) -> None:
    assert _matches(logsource, detection, event, product)


def test_a_sender_that_says_what_it_is_meets_no_rules_for_anything_else() -> None:
    detection = {"s": {"Image": "/bin/nc"}}
    assert _matches(LINUX, detection, {"Image": "/bin/nc", "product": "linux"})
    assert not _matches(LINUX, detection, {"Image": "/bin/nc", "product": "macos"})
    assert not _matches(LINUX, detection, {"Image": "/bin/nc", "logsource": {"product": "Zeek"}})
    assert not _matches(LINUX, detection, {"Image": "/bin/nc", "host": {"os": {"type": "windows"}}})
    assert not _matches(LINUX, detection, {"Image": "/bin/nc", "category": "proxy"})
    assert _matches(LINUX, detection, {"Image": "/bin/nc", "product": "a shop's lamp", "category": "lamps"})


def test_keywords_and_negations_wait_for_a_logsource() -> None:
    sshd = {"product": "linux", "service": "sshd"}
    for detection in ({"s": ["bad thing"]}, {"s": {"a": "x"}, "condition": "not s"}):
        assert not _matches(sshd, detection, {"m": "a bad thing"})
        assert _matches(sshd, detection, {"m": "a bad thing", "logsource": {"product": "linux", "service": "sshd"}})


def test_hints_are_the_logsource_and_what_is_not_said_is_unknown() -> None:
    assert _event({"a": 1}).logsources == (LogSource("*", "*", "*"),)
    hints = {"product": "Linux", "category": "process_creation", "service": "x"}
    assert _event({"a": 1, **hints}).logsources == (LogSource("linux", "process_creation", "x"),)
    assert _event({"a": 1, "service": "x"}).logsources == (LogSource("*", "*", "*"),)


def test_every_name_that_a_shipped_pipeline_gives_an_ecs_name_is_found_under_both() -> None:
    renamed = 0
    for path, text in PIPELINES:
        for item in yaml.safe_load(text)["transformations"]:
            if item["type"] != "field_name_mapping":
                continue
            for name, target in item["mapping"].items():
                ecs = [target] if isinstance(target, str) else target
                if path == "kubernetes.yml" or all("." not in one for one in ecs):
                    continue  # another name of the product's own
                renamed += 1
                assert SIGMA.get(name) in ecs or any(name in ALIASES.get(one, ()) for one in ecs), f"{path}: {name}"
    assert renamed > 50


KUBERNETES = {
    "kind": "Event",
    "apiVersion": "audit.k8s.io/v1",
    "verb": "create",
    "objectRef": {"resource": "pods", "apiGroup": "apps"},
    "requestObject": {
        "spec": {"containers": [{"name": "a"}, {"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}]}
    },
}
ZEEK = {"product": "zeek", "service": "dns"}
FORTIGATE = {"product": "fortigate", "service": "event"}
AUDITD = {"product": "linux", "service": "auditd"}


@pytest.mark.parametrize(
    ("logsource", "detection", "event"),
    [
        (ZEEK, {"s": {"query": "a.test"}}, {"event.module": "zeek", "event.dataset": "zeek.dns", "zeek.dns.query": "a.test"}),
        (ZEEK, {"s": {"zeek.dns.query": "a.test"}}, {"_path": "dns", "ts": 1795334400.0, "query": "a.test"}),
        ({"product": "zeek", "service": "http"}, {"s": {"c-uri": "/x"}}, {"_path": "http", "uid": "C1", "uri": "/x"}),
        (ZEEK, {"s": ["a.test"]}, {"_path": "dns", "ts": 1795334400.0, "query": "a.test"}),
        (
            {"product": "suricata", "service": "alert"},
            {"s": {"alert.signature|contains": "scan", "dst_port": 22}},
            {"event_type": "alert", "flow_id": 1, "src_ip": "192.0.2.1", "dest_port": 22, "alert": {"signature": "a scan"}},
        ),
        (
            {"product": "suricata"},
            {"s": {"alert.signature": "a scan"}},
            {"event": {"module": "suricata"}, "suricata": {"eve": {"event_type": "alert", "alert": {"signature": "a scan"}}}},
        ),
        (AUDITD, {"s": {"type": "EXECVE", "a0": "nc"}}, {"event.module": "auditd", "auditd": {"message_type": "execve", "data": {"a0": "nc"}}}),
        (AUDITD, {"s": {"auditd.message_type": "EXECVE", "auditd.data.a0": "nc"}}, {"type": "EXECVE", "a0": "nc"}),
        (
            FORTIGATE,
            {"s": {"cfgpath": "firewall.policy", "action": "Add"}},
            {"event.module": "fortinet", "fortinet.firewall": {"type": "event", "cfgpath": "firewall.policy", "action": "Add"}},
        ),
        ({"category": "webserver"}, {"s": {"cs-uri-query|contains": "/x?f=1"}}, {"cs-uri-stem": "/x", "cs-uri-query": "f=1"}),
        ({"category": "webserver"}, {"s": {"c-uri": "/x"}}, {"cs-uri-stem": "/x", "cs-uri-query": "-"}),
        ({"category": "proxy"}, {"s": {"c-uri|contains": "//a.test/"}}, {"url": {"full": "http://a.test/x"}}),
        (
            {"product": "kubernetes", "category": "application", "service": "audit"},
            {"s": {"verb": "create", "capabilities": "*"}},
            KUBERNETES,
        ),
        ({"product": "kubernetes", "service": "audit"}, {"s": ["sys_admin"]}, KUBERNETES),
        ({"product": "kubernetes", "service": "audit"}, {"s": {"apiGroup": "apps"}}, KUBERNETES),
        (
            {"product": "kubernetes", "service": "audit"},
            {"s": {"kubernetes.audit.verb": "create"}},
            {"event.module": "kubernetes", "kubernetes.audit": KUBERNETES},
        ),
        ({"category": "firewall"}, {"s": {"action": "blocked"}}, {"category": "firewall", "action": "deny"}),
    ],
)  # fmt: skip
def test_rules_in_one_vocabulary_find_events_in_another(
    logsource: dict[str, str], detection: dict[str, Any], event: dict[str, Any]
) -> None:
    assert _matches(logsource, detection, event)


def test_a_module_makes_its_events_that_products_and_no_other() -> None:
    event = {"_path": "dns", "ts": 1795334400.0, "query": "a.test"}
    assert _event(event).logsources == (LogSource("zeek", "", "dns"),)
    assert not _matches({"product": "zeek", "service": "http"}, {"s": {"query": "a.test"}}, event)
    assert _event({**event, "product": "linux"}).logsources[0].product == "linux"


AGENT = {
    "host": {"os": {"type": "windows"}},
    "event": {"category": ["process"], "type": ["start"]},
    "process": {
        "executable": "C:\\a\\nc.exe",
        "command_line": "nc -e",
        "hash": {"sha256": "ab", "md5": "cd"},
        "pe": {"original_file_name": "netcat.exe", "imphash": "ef"},
        "parent": {"executable": "C:\\cmd.exe"},
    },
    "user": {"name": "an", "domain": "HUE"},
}


SYSMON = {
    "winlog": {"channel": "Microsoft-Windows-Sysmon/Operational", "event_id": "1", "event_data": {"RuleName": "-"}}
}


@pytest.mark.parametrize(
    ("event", "product"),
    [(AGENT, "auto"), (AGENT, "windows-json"), (AGENT | SYSMON, "auto")],
    ids=["agent", "named", "winlogbeat"],
)
@pytest.mark.parametrize(
    "detection",
    [
        {"Image|endswith": "\\nc.exe"},
        {"OriginalFileName": "netcat.exe"},
        {"ParentImage|endswith": "\\cmd.exe"},
        {"Hashes|contains": "IMPHASH=EF"},
        {"User": "HUE\\an"},
        {"winlog.event_data.CommandLine": "nc -e"},
    ],
)
def test_a_process_in_ecs_meets_the_native_rules_of_process_creation(
    detection: dict[str, Any], event: dict[str, Any], product: str
) -> None:
    assert _matches({"product": "windows", "category": "process_creation"}, {"s": detection}, event, product)
    assert not _matches({"product": "windows", "category": "file_event"}, {"s": detection}, event, product)


def test_an_agents_event_of_linux_is_of_its_category() -> None:
    event = {**AGENT, "host": {"os": {"type": "linux"}}}
    assert {source.category for source in _event(event).logsources} == {"process_creation"}

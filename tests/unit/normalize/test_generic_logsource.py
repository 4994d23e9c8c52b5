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


def test_every_name_that_a_shipped_pipeline_renames_is_found_under_both() -> None:
    for path, text in PIPELINES:
        for item in yaml.safe_load(text)["transformations"]:
            for name, ecs in item.get("mapping", {}).items():
                assert SIGMA.get(name) == ecs or name in ALIASES.get(ecs, ()), f"{path}: {name}"

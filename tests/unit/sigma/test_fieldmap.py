"""Field maps rewrite a rule as pySigma's pipelines do, though most of them are never asked."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from sigma.processing.pipeline import ProcessingPipeline
from sigma.rule import SigmaRule

from soc.model import Bundle, LogSource
from soc.sigma.condition import leaves
from soc.sigma.fieldmap import FieldMaps
from soc.sigma.load import load

FOLDER = Path(__file__).parents[3] / "rules" / "pipelines"
OWN = """\
name: an installation's own
priority: 15
transformations:
  - {id: where, type: change_logsource, category: proxy, rule_conditions: [{type: logsource, product: y}]}
  - {id: once, type: field_name_mapping, mapping: {raw: c-uri}, rule_conditions: [{type: logsource, category: proxy}]}
  - {id: not_x, type: field_name_mapping, mapping: {a: b}, rule_conditions: [{type: logsource, product: x}], rule_cond_not: true}
"""
PIPELINES = (*((path.name, path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.yml"))), ("own.yml", OWN))
MAPS = FieldMaps(PIPELINES)
PLAIN = sorted((ProcessingPipeline.from_dict(yaml.safe_load(text)) for _, text in PIPELINES), key=lambda p: p.priority)

FIELD = st.sampled_from(
    ["Image", "c-uri", "cs-uri-query", "raw", "a", "b", "winlog.event_data.Image", "zeek.dns.query", "action", "type", "src_ip"]
)  # fmt: skip
ITEM = st.tuples(
    FIELD, st.sampled_from([("", "accept"), ("|contains", "x"), ("|fieldref", "c-uri"), ("|fieldref", "raw")])
)
LOGSOURCE = st.fixed_dictionaries(
    {},
    optional={
        "product": st.sampled_from(["x", "y", "windows", "linux", "zeek", "fortigate", "cisco"]),
        "category": st.sampled_from(["proxy", "webserver", "firewall", "process_creation", "dns"]),
        "service": st.sampled_from(["dns", "http", "auditd", "sudo"]),
    },
).filter(bool)


def spelled(rule: SigmaRule) -> str:
    """The detections, but for pySigma's notes of which items looked at them."""
    return re.sub(r"applied_processing_items=(?:set\(\)|\{[^}]*\})", "", str(rule.detection.detections))


@settings(max_examples=80, deadline=None)
@given(LOGSOURCE, st.lists(ITEM, min_size=1, max_size=3))
def test_a_rule_is_rewritten_as_if_each_pipeline_had_been_asked(source: dict[str, str], items: list[Any]) -> None:
    selection = {field + modifier: value for field, (modifier, value) in items}
    data = {"title": "r", "logsource": source, "detection": {"s": [selection, {"raw": "x"}], "condition": "s"}}
    mapped, plain = SigmaRule.from_dict(data), SigmaRule.from_dict(data)
    MAPS.apply(mapped)
    for pipeline in PLAIN:
        pipeline.apply(plain)
    assert spelled(mapped) == spelled(plain)
    assert mapped.logsource == plain.logsource


def fields(logsource: dict[str, str], *names: str) -> set[str]:
    rule = {
        "title": "r",
        "name": "r",
        "logsource": logsource,
        "detection": {"s": dict.fromkeys(names, "x"), "condition": "s"},
    }
    return {
        str(p.field) for p in leaves(load(Bundle((("r.yml", yaml.safe_dump(rule)),), PIPELINES)).rules["r"].condition)
    }


@pytest.mark.parametrize(
    ("logsource", "written", "sought"),
    [
        ({"product": "windows", "category": "process_creation"}, "Image", {"Image"}),
        ({"product": "windows", "service": "security"}, "winlog.event_data.TargetUserName", {"TargetUserName"}),
        ({"product": "windows", "service": "system"}, "Event.EventData.ImagePath", {"ImagePath"}),
        ({"product": "windows", "service": "system"}, "Event.System.EventID", {"EventID"}),
        ({"product": "windows", "service": "system"}, "winlog.provider_name", {"Provider_Name"}),
        ({"product": "linux", "category": "process_creation"}, "LogonId", {"user.id", "LogonId"}),
        ({"product": "macos", "category": "file_event"}, "TargetFilename", {"file.path"}),
        ({"product": "linux", "service": "auditd"}, "auditd.data.a0", {"a0"}),
        ({"category": "webserver"}, "cs-uri-query", {"url.query", "url.original"}),
        ({"category": "proxy"}, "c-uri", {"url.original"}),
        ({"category": "firewall"}, "src_ip", {"source.ip"}),
        ({"product": "fortigate", "service": "event"}, "cfgpath", {"cfgpath"}),
        ({"product": "fortigate", "service": "event"}, "fortinet.firewall.cfgpath", {"cfgpath"}),
        ({"product": "cisco", "service": "aaa"}, "src_ip", {"source.ip"}),
        ({"product": "zeek", "service": "dns"}, "zeek.dns.query", {"query"}),
        ({"product": "zeek", "service": "dns"}, "query", {"query"}),
        ({"category": "dns"}, "query", {"dns.question.name"}),
        ({"product": "suricata"}, "suricata.eve.alert.signature", {"alert.signature"}),
        ({"product": "kubernetes", "service": "audit"}, "apiGroup", {"apiGroup", "objectRef.apiGroup"}),
        ({"category": "antivirus"}, "Signature", {"threat.software.name", "Threat Name", "Signature"}),
    ],
)
def test_a_rules_field_is_sought_under_the_names_that_events_have(
    logsource: dict[str, str], written: str, sought: set[str]
) -> None:
    assert fields(logsource, written) == sought


def test_a_counted_field_has_the_first_of_its_names() -> None:
    assert MAPS.event_field(LogSource("", "webserver", ""), "cs-uri-query") == "url.query"
    assert MAPS.event_field(LogSource("windows", "", "security"), "TargetUserName") == "TargetUserName"
    assert MAPS.event_field(LogSource(), "cs-uri-query") == "cs-uri-query"

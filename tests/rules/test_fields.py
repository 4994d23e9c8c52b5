"""What SigmaHQ's rules ask for, by logsource: each field is one that events have, or is known to be in none, and why."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from soc.model import Bundle, LogSource
from soc.model.event import Event
from soc.model.record import RawRecord
from soc.normalize.normalizer import Normalizer
from soc.normalize.products.generic_json import SIGMA
from soc.settings import SourceProfile
from soc.sigma.condition import leaves
from soc.sigma.load import load
from soc.sigma.matchers import Reference
from soc.sigma.ruleset import RuleSet

pytestmark = pytest.mark.corpus

ROOT = Path(__file__).parent.parent.parent
RECEIVED = 1_795_334_400_000_000

SYSMON: dict[str, str] = {
    "process_creation": "ProcessGuid ProcessId Image FileVersion Description Product Company OriginalFileName CommandLine "
    "CurrentDirectory User LogonGuid LogonId TerminalSessionId IntegrityLevel Hashes ParentProcessGuid ParentProcessId "
    "ParentImage ParentCommandLine ParentUser",
    "file_change": "Image TargetFilename CreationUtcTime PreviousCreationUtcTime User",
    "network_connection": "Image User Protocol Initiated SourceIsIpv6 SourceIp SourceHostname SourcePort SourcePortName "
    "DestinationIsIpv6 DestinationIp DestinationHostname DestinationPort DestinationPortName",
    "driver_load": "ImageLoaded Hashes Signed Signature SignatureStatus",
    "image_load": "Image ImageLoaded FileVersion Description Product Company OriginalFileName Hashes Signed Signature "
    "SignatureStatus User",
    "create_remote_thread": "SourceImage TargetImage NewThreadId StartAddress StartModule StartFunction SourceUser TargetUser",
    "raw_access_thread": "Image Device User",
    "process_access": "SourceImage TargetImage GrantedAccess CallTrace SourceUser TargetUser",
    "file_event": "Image TargetFilename CreationUtcTime User",
    "registry_event": "EventType Image TargetObject Details NewName User",
    "registry_add": "EventType Image TargetObject User",
    "registry_delete": "EventType Image TargetObject User",
    "registry_set": "EventType Image TargetObject Details User",
    "create_stream_hash": "Image TargetFilename CreationUtcTime Hash Contents User",
    "pipe_created": "EventType PipeName Image User",
    "wmi_event": "EventType Operation User EventNamespace Name Query Type Destination Consumer Filter",
    "dns_query": "QueryName QueryStatus QueryResults Image User",
    "file_delete": "User Image TargetFilename Hashes IsExecutable Archived",
    "process_tampering": "Image Type User",
    "file_executable_detected": "User Image TargetFilename Hashes",
    "sysmon_status": "State Version SchemaVersion Configuration ConfigurationFileHash",
    "sysmon_error": "ID Description",
}
"""Sigma category → the fields of Sysmon's events (those of Windows and of Linux)."""

OTHER_WINDOWS: dict[str, str] = {
    "ps_classic_start": "Data",
    "ps_classic_provider_start": "Data",
    "ps_module": "ContextInfo Payload UserData",
    "ps_script": "ScriptBlockText ScriptBlockId Path MessageNumber MessageTotal",
    "file_access": "FileName Image",
    "file_rename": "SourceFilename TargetFilename Image",
}
EVERY_WINDOWS_EVENT = "EventID Channel Provider_Name Computer Level Keywords"

LINES: dict[tuple[str, str, str], tuple[str, tuple[str, ...]]] = {
    ("", "webserver", ""): (
        "nginx",
        (
            '192.0.2.1 - an [22/Nov/2026:08:00:00 +0700] "GET /a?b=c HTTP/1.1" 200 5 "http://a.test/" "curl"',
            '2026/11/22 08:00:00 [error] 1#1: *1 open() failed, client: 192.0.2.1, server: a, request: "GET /a HTTP/1.1", host: "a.test"',
        ),
    ),
    ("", "firewall", ""): (
        "cisco-asa",
        (
            '<166>Nov 22 08:00:00 fw : %ASA-4-106023: Deny tcp src outside:192.0.2.1/5 dst inside:198.51.100.1/22 by access-group "a"',
        ),
    ),
    ("fortigate", "", "event"): (
        "fortigate",
        (
            'date=2026-11-22 time=08:00:00 logid="0100044547" type="event" action="Add" cfgpath="firewall.policy" user="an"',
        ),
    ),
    ("", "antivirus", ""): (
        "fortigate",
        ('type="utm" subtype="virus" logid="0211008192" devid="F" action="blocked" virus="EICAR" filename="a.exe"',),
    ),
    ("", "dns", ""): (
        "fortigate",
        ('type="utm" subtype="dns" logid="1501054802" devid="F" srcip=192.0.2.1 qname="a.test" qtype="A"',),
    ),
    ("linux", "", "sudo"): (
        "linux",
        ("Nov 22 08:00:00 h sudo:   an : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh",),
    ),
}
"""Logsource → product of the parser and lines of it."""

NATIVE: dict[LogSource, tuple[str, ...]] = {
    LogSource("zeek", "", "http"): ("uri", "user_agent"),
    LogSource("kubernetes", "application", "audit"): (
        "objectRef.apiGroup",
        "requestObject.spec.volumes.hostPath.path",
        "requestObject.spec.containers.securityContext.capabilities.add",
    ),
}
"""Names of the product's own that a rule uses others for."""

NEVER: dict[tuple[str, str, str], dict[str, str]] = {
    ("", "webserver", ""): {
        "cs-content-type": "no access log has it",
    },
    ("", "dns", ""): {"dns.answers.data": "FortiGate names no answer; resolvers that log JSON do"},
    ("", "firewall", ""): {"blocked": "no product here has it: what was done is event.action"},
    ("windows", "process_creation", ""): {"GrandParentImage": "only an agent that remembers processes adds it"},
    ("windows", "network_connection", ""): {
        "CommandLine": "only an agent that remembers processes adds it",
        "ParentImage": "only an agent that remembers processes adds it",
    },
    ("windows", "file_event", ""): {
        "CommandLine": "only an agent that remembers processes adds it",
        "IntegrityLevel": "only an agent that remembers processes adds it",
        "ParentCommandLine": "only an agent that remembers processes adds it",
        "ParentImage": "only an agent that remembers processes adds it",
    },
    ("windows", "image_load", ""): {"CommandLine": "only an agent that remembers processes adds it"},
    ("windows", "file_access", ""): {"ParentImage": "only an agent that remembers processes adds it"},
    ("windows", "process_access", ""): {"SourceCommandLine": "only an agent that remembers processes adds it"},
    ("windows", "create_remote_thread", ""): {
        "SourceCommandLine": "only an agent that remembers processes adds it",
        "SourceParentImage": "only an agent that remembers processes adds it",
        "TargetParentProcessId": "only an agent that remembers processes adds it",
    },
    ("macos", "process_creation", ""): {"OriginalFileName": "executables of macOS have no version resource"},
}
"""Logsource → field as the event would have it → why no event does."""


ASIDE: dict[tuple[str, str, str], tuple[str, ...]] = {
    ("", "webserver", ""): ("url.original",),
    ("", "antivirus", ""): ("Filename", "Path", "Signature", "Threat Name", "file.path"),
    ("linux", "process_creation", ""): ("user.id",),
}
"""Second names under which a rule's field is sought as well."""


def files(corpus: Path, *, windows: bool) -> tuple[tuple[str, str], ...]:
    paths = sorted(path for path in (corpus / "sigma").rglob("*.yml") if windows or "windows" not in path.parts)
    return tuple((str(path), path.read_text("utf-8")) for path in paths)


@cache
def rule_set(corpus: Path) -> RuleSet:
    pipelines = tuple((p.name, p.read_text("utf-8")) for p in sorted((ROOT / "rules" / "pipelines").glob("*.yml")))
    return load(Bundle(files(corpus, windows=True), pipelines))


def wanted(corpus: Path) -> dict[tuple[str, str, str], set[str]]:
    """Logsource → the event fields that its rules ask for, field maps applied."""
    found: dict[tuple[str, str, str], set[str]] = {}
    for rule in rule_set(corpus).rules.values():
        key = (rule.logsource.product, rule.logsource.category, rule.logsource.service)
        fields = found.setdefault(key, set())
        for predicate in leaves(rule.condition):
            fields |= {predicate.field or ""} - {""}
            if isinstance(predicate.matcher, Reference):
                fields.add(predicate.matcher.field)
    return found


def read(product: str, line: str) -> Event:
    profile = SourceProfile(name="p", product=product, live=False)
    normalizer = Normalizer((profile,), timezone="UTC", lateness=1, future_skew=1)
    event = normalizer.normalize(RawRecord(line.encode(), RECEIVED, "l", "p", "s", profile="p"), "id", RECEIVED)
    assert isinstance(event, Event)
    return event


def given(key: tuple[str, str, str]) -> Iterator[str]:
    """The fields that events of a logsource have."""
    if key in LINES:
        product, lines = LINES[key]
        for line in lines:
            yield from read(product, line).fields
    elif key[0] == "windows" and key[1]:
        yield from f"{SYSMON.get(key[1], '')} {OTHER_WINDOWS.get(key[1], '')} {EVERY_WINDOWS_EVENT}".split()
    elif key[0] == "linux" and key[1]:
        values = dict.fromkeys(SYSMON[key[1]].split(), "198.51.100.7") | {"DestinationPort": "22", "SourcePort": "22"}
        yield from read("windows-json", json.dumps({"Channel": "Linux-Sysmon/Operational", **values})).fields
    elif key[0] == "macos" and key[1]:
        names = "Image CommandLine CurrentDirectory User ParentImage ParentCommandLine TargetFilename"
        yield from read("json", json.dumps({"product": "macos", **dict.fromkeys(names.split(), "x")})).fields


def described(key: tuple[str, str, str]) -> bool:
    """Whether the fields of its events are known here; the rest is JSON that keeps the sender's own names."""
    return key in LINES or (key[0] in ("windows", "linux", "macos") and bool(key[1]))


def test_every_field_that_a_rule_asks_for_is_given_or_listed_as_never_there(corpus: Path) -> None:
    unknown = {
        key: missing
        for key, fields in wanted(corpus).items()
        if described(key) and (missing := fields - set(given(key)) - set(ASIDE.get(key, ())) - set(NEVER.get(key, ())))
    }
    assert unknown == {}


def test_what_is_listed_as_never_there_is_asked_for_and_not_given(corpus: Path) -> None:
    asked = wanted(corpus)
    for key, fields in NEVER.items():
        assert set(fields) <= asked[key], key
        assert not set(fields) & set(given(key)), key


def test_other_json_is_asked_for_under_the_names_its_sender_gives(corpus: Path) -> None:
    """Cloud services, Zeek, OpenCanary …: what no map renames stays as it came; what one renames is filled in from Sigma's name."""
    filled = set(SIGMA.values())
    plain = load(Bundle(files(corpus, windows=False)))
    names = {
        rule_id: {predicate.field for predicate in leaves(rule.condition)} for rule_id, rule in plain.rules.items()
    }
    assert len(names) > 500
    for rule_id, asked in names.items():
        rule = rule_set(corpus).rules[rule_id]
        source = rule.logsource
        if described((source.product, source.category, source.service)) or source.product == "windows":
            continue
        for predicate in leaves(rule.condition):
            own = predicate.field in asked
            native = predicate.field in NATIVE.get(source, ())
            assert own or native or predicate.field in filled, f"{rule_id}: {predicate.field}"

"""What the sieve holds back, no rule matches: the first look and the full event give the same matches."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import soc.tooling.sieve
from soc.clock import MINUTE, SECOND
from soc.detect.detector import Detector
from soc.detect.literals import Database
from soc.model import Bundle, Event, RawRecord
from soc.normalize.normalizer import Normalizer
from soc.normalize.products.product import FirstLook
from soc.settings import SourceProfile
from soc.sigma.load import load
from soc.sigma.ruleset import RuleSet
from soc.tooling.sieve import FOLDED_TO_ASCII, Sieve

NOW = 1_795_334_400_000_000
NORMALIZER = Normalizer(
    (
        SourceProfile(name="windows", product="windows-json", live=False),
        SourceProfile(name="auto", product="auto", live=False),
        SourceProfile(name="quiet", product="windows-json", discard="x"),
        SourceProfile(name="sshd", product="sshd"),
    ),
    timezone="UTC",
    lateness=10 * MINUTE,
    future_skew=5 * SECOND,
)
SYSMON = "Microsoft-Windows-Sysmon/Operational"

DETECTIONS: dict[str, str] = {
    "creation, a name": "{product: windows, category: process_creation}|{s: {Image|endswith: '\\evil.exe'}, condition: s}",
    "creation, the user": "{product: windows, category: process_creation}|{s: {User: 'HUE\\an'}, condition: s}",
    "creation, negations": "{product: windows, category: process_creation}|{s: {Image|contains: a}, condition: not s}",
    "network, ECS": "{product: windows, category: network_connection}|{s: {destination.port: 4444}, condition: s}",
    "network, an ECS name missing": "{product: windows, category: network_connection}|{s: {source.ip: null}, condition: s}",
    "registry": "{product: windows, category: registry_add}|{s: {TargetObject|contains: Run}, condition: s}",
    "provider": "{product: windows, service: system}|{s: {Provider_Name: Eventlog}, condition: s}",
    "words everywhere": "{product: windows}|{k: ['sekurlsa::logon', 'kiwi', 'ab\"cd', 'n\\\\tek'], condition: k}",
    "words of the mapping": "{product: windows, service: security}|{k: [logged-in, '4624'], condition: k}",
    "a word and a field": "{product: windows, service: security}|{k: [zebra], s: {EventID: 4625}, condition: k and s}",
    "a word or a field": "{product: windows, service: wmi}|{k: [zebra], s: {EventID: 5861}, condition: k or s}",
    "a number as word": "{product: windows, service: taskscheduler}|{k: ['420'], condition: k}",
    "an expression as word": "{product: windows, service: ntlm}|{k: {'|re': 'ze+bra'}, condition: k}",
}


def rule(title: str, text: str) -> str:
    logsource, detection = text.split("|", 1)
    return f"title: {title}\nlogsource: {logsource}\ndetection: {detection}\n"


RULES = load(Bundle(tuple((f"{title}.yml", rule(title, text)) for title, text in DETECTIONS.items())))
DETECTOR = Detector(RULES)


def first_look(profile: str = "windows") -> FirstLook:
    look = NORMALIZER.first_look(profile)
    assert look is not None
    return look


@cache
def sieve() -> Sieve:
    return Sieve(RULES, first_look())


def event_of(line: bytes, profile: str = "windows") -> Event:
    event = NORMALIZER.normalize(RawRecord(line, NOW, "file", "file", "file", profile=profile), "id", NOW)
    assert isinstance(event, Event)
    return event


def titles(rules: RuleSet, found: list[Any]) -> set[str]:
    return {rules.infos[match.rule].title for match in found}


def plain(**fields: Any) -> bytes:
    return json.dumps({"Channel": SYSMON, "EventID": 1, "UtcTime": "2026-11-22 08:00:00.000", **fields}).encode()


MATCHING: dict[str, bytes] = {
    "creation, a name": plain(Image="C:\\a\\evil.exe"),
    "creation, the user": plain(Image="a", User="HUE\\an"),
    "creation, negations": plain(Image="b"),
    "network, ECS": plain(EventID=3, DestinationPort="4444"),
    "network, an ECS name missing": plain(EventID=3, SourceIp="-"),
    "registry": plain(EventID=12, EventType="CreateKey", TargetObject="HKLM\\Run"),
    "provider": plain(Channel="System", EventID=6005, SourceName="EventLog"),
    "words everywhere": plain(EventID=5, Any="x SEKURLSA::logonpasswords"),
    "words of the mapping": plain(Channel="Security", EventID=4648),
    "a word and a field": plain(Channel="Security", EventID=4625, Any="a zebra"),
    "a word or a field": plain(Channel="Microsoft-Windows-WMI-Activity/Operational", EventID=5861),
    "a number as word": plain(Channel="Microsoft-Windows-TaskScheduler/Operational", EventID=7, ProcessId="0x1a4"),
    "an expression as word": plain(Channel="Microsoft-Windows-NTLM/Operational", EventID=8, Any="zeebra"),
}


@pytest.mark.parametrize("title", MATCHING)
def test_an_event_that_a_rule_matches_is_passed_on(title: str):
    event = event_of(MATCHING[title])
    assert title in titles(RULES, DETECTOR.detect(event))
    assert not sieve().is_idle(MATCHING[title])
    assert titles(RULES, sieve().detect(event)) == titles(RULES, DETECTOR.detect(event))


@pytest.mark.parametrize("searched", [True, False])
@pytest.mark.parametrize(
    "line",
    [
        MATCHING["words everywhere"].replace(b"SEKURLSA", b"\\u0053ekurlsa"),  # as any character may be written
        plain(EventID=5, Any="\u212aIWI"),  # the Kelvin sign folds to k
        json.dumps(json.loads(plain(EventID=5, Any="\u212aiwi")), ensure_ascii=False).encode(),
        plain(EventID=5, kiwi="the name of a field stands in event.original"),
        plain(EventID=5, Any='ab"cd'),
        plain(EventID=5, Any="a\n\tek"),  # the word is in event.original only: ``\n\t`` as JSON writes them
    ],
)
def test_a_word_is_found_however_json_writes_it(line: bytes, searched: bool, monkeypatch: pytest.MonkeyPatch):
    assert "words everywhere" in titles(RULES, DETECTOR.detect(event_of(line)))
    if not searched:  # as where hyperscan is not installed
        monkeypatch.setattr(Database, "of", lambda *_, **__: None)
        monkeypatch.setattr(soc.tooling.sieve, "_ESCAPE", None)
    own = Sieve(RULES, first_look())
    assert not own.is_idle(line)
    assert own.is_idle(plain(EventID=5, Any="nothing \u00e0 \u2192"))


def test_every_letter_whose_folding_holds_ascii_is_known():
    beyond = map(chr, [*range(0x80, 0xD800), *range(0xE000, 0x20000)])
    assert "".join(letter for letter in beyond if any(part.isascii() for part in letter.casefold())) == FOLDED_TO_ASCII


def test_an_event_that_nothing_matches_is_held_back():
    assert sieve().is_idle(plain(Image="C:\\a\\b.exe", User="HUE\\binh", SourceName="x"))
    assert sieve().is_idle(plain(Channel="System", EventID=6006))
    assert sieve().is_idle(plain(EventID=12, EventType="DeleteValue", TargetObject="HKLM\\Run"))


def test_what_the_first_look_cannot_say_is_passed_on():
    nested = json.dumps({"Event": {"System": {"Channel": SYSMON, "EventID": 1}, "EventData": {"Image": "x"}}})
    for line in (nested.encode(), b"no JSON", b"\xff{", b'{"Channel":"x"}', plain(EventID=True), plain(Image=2**70)):
        assert not Sieve(RULES, first_look()).is_idle(line)
    for port_asked in (plain(EventID=3, DestinationPort="80"), plain(Channel="Security", EventID=4689)):
        assert not sieve().is_idle(port_asked)


def test_lines_of_another_sender_are_no_longer_looked_at_but_a_few_do_no_harm():
    own = Sieve(RULES, first_look("auto"))
    idle = plain(Image="a")
    for few in (10, 100):
        for _ in range(few):
            assert not own.is_idle(b'{"some": "object"}')
        assert own.is_idle(idle) == (few == 10)


def test_profiles_that_discard_and_products_without_a_cheaper_way_have_no_first_look():
    assert NORMALIZER.first_look("quiet") is None
    assert NORMALIZER.first_look("sshd") is None
    assert NORMALIZER.first_look("") is None


WORDS = (
    "evil.exe",
    "\\evil.exe",
    "HUE\\an",
    "-",
    "",
    "zebra",
    "Kiwi",
    "sekurlsa::logon",
    'ab"cd',
    "\n\tek",
    "4444",
    "0x1a4",
)
TEXTS = st.one_of(
    st.sampled_from(WORDS),
    st.tuples(st.text(max_size=4), st.sampled_from(WORDS), st.text(max_size=4)).map("".join),
    st.sampled_from(("\u212aiwi", "sekurl\u017fa::logon", "NT AUTHORITY\\SYSTEM", "::ffff:192.0.2.1", "CreateKey")),
)
VALUES = st.one_of(
    TEXTS, st.none(), st.booleans(), st.sampled_from((1, 4624, 2**70, 1.5, float(2**60))), st.lists(TEXTS)
)
NAMES = st.sampled_from(
    [
        "Image",
        "NewProcessName",
        "ParentImage",
        "User",
        "SubjectUserName",
        "SubjectDomainName",
        "SubjectUserSid",
        "TargetUserName",
        "EventType",
        "DestinationPort",
        "SourceIp",
        "destination.port",
        "TargetObject",
        "SourceName",
        "Provider_Name",
        "ProcessId",
        "Any",
        "EventData",
    ]
)
EVENTS = st.fixed_dictionaries(
    {
        "Channel": st.sampled_from(
            (
                SYSMON,
                "Security",
                "system",
                "Microsoft-Windows-WMI-Activity/Operational",
                "",
                "Nobody/Knows",
                ["Security"],
            )
        ),
        "EventID": st.sampled_from((1, "1", 3, 5, 12, "12", 4624, 4625, 4688, "4688", 5861, 6005, True, 1.0, None)),
    }
).flatmap(lambda known: st.dictionaries(NAMES, VALUES, max_size=6).map(lambda more: {**more, **known}))


@settings(max_examples=250, deadline=None)
@given(EVENTS, st.booleans(), st.booleans())
def test_whatever_is_held_back_no_rule_matches(event: dict[str, Any], ascii_only: bool, nested: bool):
    line = json.dumps({"Event": event} if nested else event, ensure_ascii=ascii_only).encode("utf-8", "replace")
    full = event_of(line)
    expected = titles(RULES, DETECTOR.detect(full))
    assert titles(RULES, sieve().detect(full)) == expected
    if sieve().is_idle(line):
        assert expected == set()


@settings(max_examples=250, deadline=None)
@given(EVENTS, st.sampled_from(("windows", "auto")))
def test_the_first_look_is_the_full_event_but_for_what_the_mapping_makes(event: dict[str, Any], profile: str):
    line = json.dumps(event).encode()
    look = first_look(profile)
    seen = look.read(line)
    if seen is not None:
        full = event_of(line, profile)
        fields, logsources = seen
        assert logsources == full.logsources
        assert {n: v for n, v in fields.items() if n not in look.makes} == {
            n: v for n, v in full.fields.items() if n not in look.makes
        }


@pytest.mark.corpus
def test_of_recorded_events_and_all_rules_no_match_is_lost(corpus: Path):
    files = sorted((corpus / "sigma" / "rules" / "windows").rglob("*.yml"))
    rules = load(Bundle(tuple((str(path), path.read_text("utf-8")) for path in files)))
    own, full = Sieve(rules, first_look()), Detector(rules)
    lines = (corpus / "windows_50k.ndjson").read_bytes().splitlines()[::9]
    held = matched = 0
    for line in lines:
        event = event_of(line)
        expected = {match.rule for match in full.detect(event)}
        assert {match.rule for match in own.detect(event)} == expected
        matched += bool(expected)
        if own.is_idle(line):
            held += 1
            assert not expected, line[:200]
    assert matched > 50
    assert held > 0.95 * len(lines)

"""Whatever exporter wrote a Windows event as JSON, Sigma's rules find the native names and the logsource."""

import json
from typing import Any

import pytest

from soc.model.event import Event, LogSource
from soc.model.record import RawRecord
from soc.normalize.normalizer import Normalizer
from soc.settings import SourceProfile

RECEIVED = 1_795_334_400_000_000
CHANNEL = "Microsoft-Windows-Sysmon/Operational"
PROVIDER = "Microsoft-Windows-Sysmon"
TIME = "2026-11-22T08:00:00.123Z"
DATA: dict[str, Any] = {"Image": "C:\\Tools\\a.exe", "CommandLine": "a -x", "User": "HUE\\an"}
SYSTEM: dict[str, Any] = {"EventID": 1, "Channel": CHANNEL, "Computer": "may-01"}


def _system(marker: str) -> dict[str, Any]:
    name, time = {"Name": PROVIDER}, {"SystemTime": TIME}
    if marker == "@":
        name, time = {"@Name": PROVIDER}, {"@SystemTime": TIME}
    elif marker:
        name, time = {marker: name}, {marker: time}
    return {**SYSTEM, "Provider": name, "TimeCreated": time}


def _listed(name: str, text: str) -> list[dict[str, Any]]:
    return [{name: key, text: value} for key, value in DATA.items()]


SHAPES: dict[str, dict[str, Any]] = {
    "attributes of evtx_dump": {"Event": {"System": _system("#attributes"), "EventData": DATA}},
    "plain": {"Event": {"System": _system(""), "EventData": DATA}},
    "without Event": {"System": _system("#attributes"), "EventData": DATA},
    "an id with qualifiers": {
        "Event": {
            "System": {**_system(""), "EventID": {"#attributes": {"Qualifiers": 16384}, "#text": 1}},
            "EventData": DATA,
        }
    },
    "xmltodict": {"Event": {"System": _system("@"), "EventData": {"Data": _listed("@Name", "#text")}}},
    "xml-js": {"Event": {"System": _system("_attributes"), "EventData": {"Data": _listed("Name", "_text")}}},
    "named items": {"Event": {"System": _system(""), "EventData": {"Data": _listed("Name", "Value")}}},
    "a mapping below Data": {"Event": {"System": _system(""), "EventData": {"Data": DATA}}},
    "dotted": {
        **{f"Event.System.{k}": v for k, v in SYSTEM.items()},
        "Event.System.Provider_attributes.Name": PROVIDER,
        "Event.System.TimeCreated_attributes.SystemTime": TIME,
        **{f"Event.EventData.{k}": v for k, v in DATA.items()},
    },
    "Winlogbeat": {
        "@timestamp": TIME,
        "winlog": {"channel": CHANNEL, "event_id": "1", "provider_name": PROVIDER, "event_data": DATA},
    },
    "Winlogbeat, dotted": {
        "@timestamp": TIME,
        "winlog.channel": CHANNEL,
        "winlog.event_id": 1,
        "winlog.provider_name": PROVIDER,
        **{f"winlog.event_data.{k}": v for k, v in DATA.items()},
    },
    "Elastic": {
        "@timestamp": TIME,
        "event": {"code": 1},
        "winlog": {"channel": CHANNEL, "provider_name": PROVIDER, "event_data": DATA},
    },
    "NXLog": {"EventID": 1, "SourceName": PROVIDER, "Channel": CHANNEL, "EventTime": TIME, **DATA},
    "chainsaw": {"kind": "x", "document": {"data": {"Event": {"System": _system(""), "EventData": DATA}}}},
    "Hayabusa": {
        "Timestamp": TIME,
        "Channel": "Sysmon",
        "EventID": 1,
        "Provider_Name": PROVIDER,
        "AllFieldInfo": DATA,
    },
    "EvtxECmd": {
        "EventId": 1,
        "Provider": PROVIDER,
        "Channel": CHANNEL,
        "TimeCreated": TIME,
        "Payload": json.dumps({"EventData": {"Data": _listed("@Name", "#text")}}),
    },
    "Wazuh": {
        "data": {
            "win": {
                "system": {"eventID": "1", "channel": CHANNEL, "providerName": PROVIDER, "systemTime": TIME},
                "eventdata": {"image": DATA["Image"], "commandLine": "a -x", "user": "HUE\\an"},
            }
        }
    },
    "Get-WinEvent": {"Id": 1, "ProviderName": PROVIDER, "LogName": CHANNEL, "TimeCreated": TIME, **DATA},
    "no channel": {"EventID": "1", "Provider_Name": PROVIDER, "UtcTime": "2026-11-22 08:00:00.123", **DATA},
    "neither channel nor provider": {"EventID": 1, "UtcTime": "2026-11-22 08:00:00.123", **DATA},
}


def _event(event: dict[str, Any], product: str = "windows-json") -> Event:
    profile = SourceProfile(name="w", product=product, live=False)
    normalizer = Normalizer((profile,), timezone="UTC", lateness=1, future_skew=1)
    record = RawRecord(json.dumps(event).encode(), RECEIVED, "l", "p", "s", profile="w")
    found = normalizer.normalize(record, "id", RECEIVED)
    assert isinstance(found, Event)
    return found


@pytest.mark.parametrize("product", ["windows-json", "auto"])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_native_names_logsource_and_time(shape: str, product: str) -> None:
    event = _event(SHAPES[shape], product)
    assert event.logsources == (LogSource("windows", "process_creation", "sysmon"),)
    assert {name: event.fields.get(name) for name in DATA} == DATA
    assert str(event.fields["EventID"]) == "1"
    assert event.fields["@timestamp"] == TIME
    if shape != "neither channel nor provider":
        assert event.fields["Provider_Name"] == PROVIDER


def test_values_without_names_are_a_list_called_data() -> None:
    system = {"EventID": 400, "Channel": "Windows PowerShell"}
    for data in ({"Data": ["a", "HostApplication=x"]}, {"Data": {"#text": ["a", "HostApplication=x"]}}):
        event = _event({"Event": {"System": system, "EventData": data}})
        assert event.fields["Data"] == ["a", "HostApplication=x"]


def test_user_data_is_lifted_out_of_its_element() -> None:
    system = {"EventID": 1102, "Channel": "Security"}
    event = _event({"Event": {"System": system, "UserData": {"LogFileCleared": {"SubjectUserName": "an"}}}})
    assert event.fields["SubjectUserName"] == "an"
    assert event.logsources == (LogSource("windows", "", "security"),)


@pytest.mark.parametrize(
    ("code", "provider", "service"),
    [
        (4625, "Microsoft-Windows-Security-Auditing", "security"),
        (4625, "", "security"),
        (4104, "", "powershell"),
        (7045, "Service Control Manager", "system"),
        (1102, "Microsoft-Windows-Eventlog", "security"),
        (104, "Microsoft-Windows-Eventlog", "system"),
        (1116, "Microsoft-Windows-Windows Defender", "windefend"),
        (77, "Anything-Else", ""),
    ],
)
def test_an_event_without_a_channel_is_known_by_its_provider_or_id(code: int, provider: str, service: str) -> None:
    event = _event({"EventID": code, **({"Provider_Name": provider} if provider else {})})
    assert {source.service for source in event.logsources} == {service}


def test_security_4688_has_the_names_of_process_creation_rules_beside_its_own() -> None:
    native = {
        "EventID": 4688,
        "Channel": "Security",
        "NewProcessName": "C:\\a.exe",
        "ParentProcessName": "C:\\p.exe",
        "SubjectUserName": "an",
        "SubjectDomainName": "HUE",
        "MandatoryLabel": "S-1-16-12288",
        "ProcessId": "0x1a4",
    }
    fields = _event(native).fields
    assert {name: fields[name] for name in native} == native
    assert fields["Image"] == "C:\\a.exe"
    assert fields["ParentImage"] == "C:\\p.exe"
    assert fields["User"] == "HUE\\an"
    assert fields["IntegrityLevel"] == "S-1-16-12288"
    system = _event({**native, "SubjectUserSid": "S-1-5-18"}).fields
    assert system["User"] == "NT AUTHORITY\\SYSTEM"
    assert _event({**native, "Image": "its own"}).fields["Image"] == "its own"


def test_what_a_sender_says_in_ecs_itself_is_kept() -> None:
    own = {"event.action": "Process Create (rule: ProcessCreate)", "event.kind": "event", "user.name": "other"}
    event = _event({**SHAPES["Winlogbeat, dotted"], **own})
    assert {name: event.fields[name] for name in own} == own
    assert event.fields["process.name"] == "a.exe"


def test_a_windows_event_that_says_nothing_of_where_it_is_from_may_be_of_any_log() -> None:
    assert _event({"Image": "a", "EventID": 9999}).logsources == (LogSource("windows", "*", "*"),)
    hints = {"category": "process_creation", "service": "sysmon"}
    assert _event({"Image": "a", **hints}).logsources == (LogSource("windows", "process_creation", "sysmon"),)


def test_the_channel_of_a_cleared_log_stands_beside_the_events_own_in_any_order_of_keys() -> None:
    system = {"EventID": 104, "Channel": "System", "Provider": {"Name": "Microsoft-Windows-Eventlog"}}
    cleared = {"LogFileCleared": {"Channel": "Windows PowerShell", "SubjectUserName": "an"}}
    for event in ({"System": system, "UserData": cleared}, {"UserData": cleared, "System": system}):
        found = _event({"Event": event})
        assert found.fields["Channel"] == ["System", "Windows PowerShell"]
        assert found.logsources == (LogSource("windows", "", "system"),)
    winlog = {"channel": "System", "event_id": 104, "user_data": cleared["LogFileCleared"]}
    assert _event({"winlog": winlog}).fields["Channel"] == ["System", "Windows PowerShell"]
    data = {"Computer": "another", "EventID": 7, "Level": "x"}
    found = _event({"Event": {"EventData": data, "System": {**system, "Computer": "may-01", "Level": 4}}})
    assert (found.fields["EventID"], found.fields["Computer"], found.fields["Level"]) == (104, "may-01", 4)

"""Windows channel and id give the Sigma logsources SigmaHQ's rules ask for, and native fields stay as they came."""

import json
from itertools import islice
from pathlib import Path

import pytest

from soc.model.event import Event
from soc.model.record import RawRecord
from soc.normalize.normalizer import Normalizer
from soc.settings import SourceProfile

RECEIVED = 1_795_334_400_000_000


def _normalizer() -> Normalizer:
    profile = SourceProfile(name="w", product="windows-json", live=False)
    return Normalizer((profile,), timezone="UTC", lateness=1, future_skew=1)


def _event(normalizer: Normalizer, line: bytes) -> Event:
    event = normalizer.normalize(RawRecord(line, RECEIVED, "l", "p", "s", profile="w"), "id", RECEIVED)
    assert isinstance(event, Event)
    return event


def _categories(channel: str, code: int, **more: str) -> tuple[set[str], set[str]]:
    event = _event(_normalizer(), json.dumps({"Channel": channel, "EventID": code, **more}).encode())
    assert all(source.product == "windows" for source in event.logsources)
    return {source.category for source in event.logsources}, {source.service for source in event.logsources}


@pytest.mark.parametrize(
    ("channel", "code", "category", "service"),
    [
        ("Microsoft-Windows-Sysmon/Operational", 1, "process_creation", "sysmon"),
        ("Microsoft-Windows-Sysmon/Operational", 3, "network_connection", "sysmon"),
        ("Microsoft-Windows-Sysmon/Operational", 13, "registry_set", "sysmon"),
        ("Microsoft-Windows-Sysmon/Operational", 13, "registry_event", "sysmon"),
        ("Microsoft-Windows-Sysmon/Operational", 18, "pipe_created", "sysmon"),
        ("Microsoft-Windows-Sysmon/Operational", 255, "sysmon_error", "sysmon"),
        ("Security", 4688, "process_creation", "security"),
        ("security", 4625, "", "security"),
        ("Microsoft-Windows-PowerShell/Operational", 4104, "ps_script", "powershell"),
        ("Windows PowerShell", 400, "ps_classic_start", "powershell-classic"),
        ("Microsoft-Windows-Windows Defender/Operational", 1116, "", "windefend"),
        ("Microsoft-Windows-AppLocker/EXE and DLL", 8004, "", "applocker"),
    ],
)
def test_channel_and_id_give_category_and_service(channel: str, code: int, category: str, service: str):
    categories, services = _categories(channel, code)
    assert category in categories
    assert services == {service}


def test_sysmon_12_is_what_its_event_type_says_and_both_if_it_says_nothing():
    channel = "Microsoft-Windows-Sysmon/Operational"
    assert _categories(channel, 12, EventType="CreateKey")[0] == {"registry_add", "registry_event"}
    assert _categories(channel, 12, EventType="DeleteValue")[0] == {"registry_delete", "registry_event"}
    assert _categories(channel, 12)[0] == {"registry_add", "registry_delete", "registry_event"}


@pytest.mark.corpus
def test_native_fields_of_real_events_stay_exactly_as_they_came(corpus: Path):
    normalizer = _normalizer()
    with (corpus / "windows_50k.ndjson").open("rb") as lines:
        for line in islice(lines, 0, 4000):
            event = _event(normalizer, line.rstrip(b"\n"))
            native = json.loads(line)
            native.pop("@timestamp", None)
            assert {name: event.fields.get(name) for name in native} == native
            assert event.logsources
            assert "no_time" not in event.time_flags


@pytest.mark.corpus
def test_every_windows_service_and_category_of_sigmahqs_rules_is_in_the_tables(corpus: Path):
    import re

    from soc.normalize.products.windows_logsource import CATEGORIES, MORE_SERVICES, SERVICES

    rules = corpus / "sigma" / "rules" / "windows"
    text = "\n".join(path.read_text(encoding="utf-8") for path in rules.rglob("*.yml"))
    services = set(re.findall(r"^    service: ([\w-]+)", text, re.MULTILINE))
    categories = set(re.findall(r"^    category: (\w+)", text, re.MULTILINE))
    known = set(SERVICES.values()) | {name for names in MORE_SERVICES.values() for name in names}
    assert services - known == set()
    # Kernel-File tracing (ETW), which no collector ships as an event log
    assert categories - {name for names in CATEGORIES.values() for name in names} <= {"file_access", "file_rename"}

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
        ("Microsoft-Windows-Windows Defender/Operational", 1116, "antivirus", "windefend"),
        ("Microsoft-Windows-Windows Defender/Operational", 5001, "", "windefend"),
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
    assert categories - {name for names in CATEGORIES.values() for name in names} == set()


def _evtx(channel: str, provider: str, code: int) -> bytes:
    """As evtx_dump writes an event: nested, attributes apart."""
    system = {
        "Provider": {"#attributes": {"Name": provider}},
        "EventID": code,
        "Channel": channel,
        "Computer": "may-01",
        "TimeCreated": {"#attributes": {"SystemTime": "2026-11-22T01:00:00.000000Z"}},
    }
    event = {"Event": {"#attributes": {"xmlns": "events"}, "System": system, "EventData": {"Data Name": "x"}}}
    return json.dumps(event).encode()


_SYSMON = "Microsoft-Windows-Sysmon"
_EVTX = [
    *[
        (f"{_SYSMON}/Operational", _SYSMON, code, category, "sysmon")
        for code, category in {
            1: "process_creation",
            2: "file_change",
            3: "network_connection",
            4: "sysmon_status",
            5: "process_termination",
            6: "driver_load",
            7: "image_load",
            8: "create_remote_thread",
            9: "raw_access_thread",
            10: "process_access",
            11: "file_event",
            12: "registry_event",
            13: "registry_set",
            14: "registry_rename",
            15: "create_stream_hash",
            16: "sysmon_status",
            17: "pipe_created",
            18: "pipe_created",
            19: "wmi_event",
            20: "wmi_event",
            21: "wmi_event",
            22: "dns_query",
            23: "file_delete",
            24: "clipboard_capture",
            25: "process_tampering",
            26: "file_delete_detected",
            27: "file_block_executable",
            28: "file_block_shredding",
            29: "file_executable_detected",
            255: "sysmon_error",
        }.items()
    ],
    *[
        (
            "Security",
            "Microsoft-Windows-Security-Auditing",
            code,
            "process_creation" if code == 4688 else "",
            "security",
        )
        for code in (4624, 4625, 4688, 4697, 4698, 4720, 4732, 4768, 4769, 5140, 5145)
    ],
    ("Security", "Microsoft-Windows-Eventlog", 1102, "", "security"),
    (
        "Microsoft-Windows-Windows Defender/Operational",
        "Microsoft-Windows-Windows Defender",
        1116,
        "antivirus",
        "windefend",
    ),
    ("System", "Service Control Manager", 7045, "", "system"),
    ("System", "Service Control Manager", 7036, "", "system"),
    ("System", "Microsoft-Windows-DHCP-Server", 1031, "", "system"),
    ("Application", "MsiInstaller", 1034, "", "application"),
    ("Microsoft-Windows-PowerShell/Operational", "Microsoft-Windows-PowerShell", 4103, "ps_module", "powershell"),
    ("Microsoft-Windows-PowerShell/Operational", "Microsoft-Windows-PowerShell", 4104, "ps_script", "powershell"),
    ("PowerShellCore/Operational", "PowerShellCore", 4104, "ps_script", "powershell"),
    ("Windows PowerShell", "PowerShell", 400, "ps_classic_start", "powershell-classic"),
    ("Windows PowerShell", "PowerShell", 600, "ps_classic_provider_start", "powershell-classic"),
    ("Windows PowerShell", "PowerShell", 800, "ps_classic_script", "powershell-classic"),
    *[
        (channel, channel.partition("/")[0], code, "", service)
        for channel, code, service in (
            ("Microsoft-Windows-Windows Defender/Operational", 5001, "windefend"),
            ("Microsoft-Windows-AppLocker/EXE and DLL", 8004, "applocker"),
            ("Microsoft-Windows-AppLocker/MSI and Script", 8007, "applocker"),
            ("Microsoft-Windows-AppLocker/Packaged app-Execution", 8022, "applocker"),
            ("Microsoft-Windows-Bits-Client/Operational", 59, "bits-client"),
            ("Microsoft-Windows-TaskScheduler/Operational", 106, "taskscheduler"),
            ("Microsoft-Windows-TaskScheduler/Operational", 129, "taskscheduler"),
            ("DNS Server", 150, "dns-server"),
            ("Microsoft-Windows-DNS-Server/Analytical", 257, "dns-server-analytic"),
            ("Microsoft-Windows-DNS Client Events/Operational", 3008, "dns-client"),
            ("Microsoft-Windows-WMI-Activity/Operational", 5861, "wmi"),
            ("Microsoft-Windows-LSA/Operational", 300, "lsa-server"),
            ("Microsoft-Windows-NTLM/Operational", 8001, "ntlm"),
            ("Microsoft-Windows-NTLM/Operational", 8004, "ntlm"),
            (
                "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",
                21,
                "terminalservices-localsessionmanager",
            ),
            ("OpenSSH/Operational", 4, "openssh"),
            ("Microsoft-Windows-Windows Firewall With Advanced Security/Firewall", 2004, "firewall-as"),
            ("Microsoft-Windows-CodeIntegrity/Operational", 3033, "codeintegrity-operational"),
            ("Microsoft-Windows-AppXDeploymentServer/Operational", 854, "appxdeployment-server"),
            ("Microsoft-Windows-AppxPackaging/Operational", 157, "appxpackaging-om"),
            ("Microsoft-Windows-AppModel-Runtime/Admin", 201, "appmodel-runtime"),
            ("Microsoft-Windows-PrintService/Admin", 808, "printservice-admin"),
            ("Microsoft-Windows-PrintService/Operational", 316, "printservice-operational"),
            ("Microsoft-Windows-SmbClient/Security", 31017, "smbclient-security"),
            ("Microsoft-Windows-SmbClient/Connectivity", 30803, "smbclient-connectivity"),
            ("Microsoft-Windows-SMBServer/Connectivity", 1023, "smbserver-connectivity"),
            ("MSExchange Management", 6, "msexchange-management"),
            ("Microsoft-Windows-DHCP-Server/Operational", 71, "dhcp"),
            ("Microsoft-Windows-LDAP-Client/Debug", 30, "ldap"),
            ("Microsoft-Windows-CAPI2/Operational", 70, "capi2"),
            ("Microsoft-Windows-DriverFrameworks-UserMode/Operational", 2003, "driver-framework"),
            ("Microsoft-Windows-Security-Mitigations/KernelMode", 12, "security-mitigations"),
            ("Microsoft-Windows-Diagnosis-Scripted/Operational", 101, "diagnosis-scripted"),
            ("Microsoft-Windows-Shell-Core/Operational", 28115, "shell-core"),
            ("Microsoft-IIS-Configuration/Operational", 29, "iis-configuration"),
            ("Microsoft-ServiceBus-Client/Operational", 40301, "servicebus-client"),
            ("Microsoft-ServiceBus-Client/Admin", 40301, "microsoft-servicebus-client"),
            ("Microsoft-Windows-VHDMP-Operational", 25, "vhdmp"),
            ("Microsoft-Windows-Ntfs/Operational", 142, "ntfs"),
            ("Microsoft-Windows-SENSE/Operational", 84, "sense"),
            ("Microsoft-Windows-Application-Experience/Program-Telemetry", 500, "application-experience"),
        )
    ],
]


@pytest.mark.parametrize(("channel", "provider", "code", "category", "service"), _EVTX)
def test_an_event_as_evtx_dump_writes_it_has_its_category_and_service(
    channel: str, provider: str, code: int, category: str, service: str
):
    event = _event(_normalizer(), _evtx(channel, provider, code))
    found = {(source.product, source.category, source.service) for source in event.logsources}
    assert ("windows", category, service) in found
    others = {12: {"registry_add", "registry_delete"}, 13: {"registry_event"}, 14: {"registry_event"}}
    others |= {26: {"file_delete"}, 800: {"ps_module"}}
    allowed = others.get(code, set()) if service in ("sysmon", "powershell-classic") else set()
    assert {source.category for source in event.logsources} - allowed == {category}
    assert event.fields["Provider_Name"] == provider
    assert event.fields["Data Name"] == "x"


def test_file_events_of_kernel_tracing_are_of_categories_that_no_event_log_has():
    provider = "Microsoft-Windows-Kernel-File"
    for code, category in ((12, "file_access"), (19, "file_rename"), (27, "file_rename"), (30, "file_event")):
        line = json.dumps({"Provider_Name": provider, "EventID": code, "FileName": "C:\\a"}).encode()
        assert {source.category for source in _event(_normalizer(), line).logsources} == {category}


def test_sysmon_for_linux_is_a_log_of_linux():
    line = json.dumps(
        {"Channel": "Linux-Sysmon/Operational", "EventID": 1, "Image": "/usr/bin/nc", "User": "an", "LogonId": "0"}
    ).encode()
    event = _event(_normalizer(), line)
    assert [(source.product, source.category) for source in event.logsources] == [("linux", "process_creation")]
    assert event.fields["process.executable"] == "/usr/bin/nc"
    assert (event.fields["process.name"], event.fields["user.name"], event.fields["LogonId"]) == ("nc", "an", "0")

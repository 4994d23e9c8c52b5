"""What shippers send unchanged, from their own protocol to the normalized event: Windows through ``_bulk``, Splunk's clients, the journal."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
from elasticsearch import AsyncElasticsearch, helpers

from collectors.http import HttpIngest
from collectors.intake import Intake
from collectors.journal_export import JournalExportParser
from soc.bus.embedded import EmbeddedBus
from soc.clock import now
from soc.model.event import Event
from soc.model.record import RawRecord
from soc.normalize.normalizer import Normalizer
from soc.pipeline.table import topology
from tests.unit.collectors.support.raw_log import check_balance, read_raw
from tests.unit.collectors.support.running import running

NORMALIZER = Normalizer((), timezone="Asia/Ho_Chi_Minh", lateness=10**15, future_skew=10**15)


def winlogbeat(channel: str, provider: str, code: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """An event as Winlogbeat 8 and 9 write it without its modules."""
    return {
        "@timestamp": "2026-11-22T08:00:00.250Z",
        "agent": {"type": "winlogbeat", "version": "9.1.0", "name": "dc1", "ephemeral_id": "e", "id": "a"},
        "ecs": {"version": "8.0.0"},
        "event": {"code": code, "kind": "event", "provider": provider, "created": "2026-11-22T08:00:01.000Z"},
        "host": {"name": "dc1.tayninh.example"},
        "log": {"level": "information"},
        "message": "An account failed to log on.\n\nSubject:",
        "winlog": {
            "api": "wineventlog",
            "channel": channel,
            "computer_name": "dc1.tayninh.example",
            "event_data": dict(data),
            "event_id": code,
            "keywords": ["Audit Failure"],
            "opcode": "Info",
            "process": {"pid": 700, "thread": {"id": 712}},
            "provider_name": provider,
            "record_id": 48211,
        },
    }


LOGON = winlogbeat(
    "Security",
    "Microsoft-Windows-Security-Auditing",
    "4625",
    {
        "TargetUserName": "lan",
        "TargetDomainName": "TAYNINH",
        "IpAddress": "203.0.113.5",
        "IpPort": "51514",
        "LogonType": "3",
    },
)
PROCESS = winlogbeat(
    "Microsoft-Windows-Sysmon/Operational",
    "Microsoft-Windows-Sysmon",
    "1",
    {
        "Image": "C:\\Windows\\System32\\whoami.exe",
        "CommandLine": "whoami /all",
        "ParentImage": "C:\\Windows\\System32\\cmd.exe",
        "ProcessId": "4711",
        "User": "TAYNINH\\lan",
        "UtcTime": "2026-11-22 08:00:00.250",
    },
)
NXLOG = {
    "EventTime": "2026-11-22 15:00:00",
    "Hostname": "dc1.tayninh.example",
    "EventType": "AUDIT_FAILURE",
    "EventID": 4625,
    "SourceName": "Microsoft-Windows-Security-Auditing",
    "Channel": "Security",
    "TargetUserName": "lan",
    "IpAddress": "203.0.113.5",
    "SourceModuleType": "im_msvistalog",
}


def through_http(directory: Path, send: Callable[[str], Awaitable[None]]) -> list[Event]:
    """Send to an HTTP listener on the embedded bus; the events that its records are."""

    async def scenario() -> None:
        bus = EmbeddedBus(directory, topology(2))
        intake = Intake(lambda: bus.claim("collect", 0), clock=now)
        http = HttpIngest(intake, name="http", host="127.0.0.1", port=0, token="secret", clock=now)
        async with running(intake, http):
            assert http.address is not None
            await send(f"http://127.0.0.1:{http.address[1]}")
        await bus.close()

    asyncio.run(scenario())
    raw = read_raw(directory)
    check_balance(directory, raw)
    return [event_of(record) for _, record in raw]


def event_of(record: RawRecord) -> Event:
    event = NORMALIZER.normalize(record, "id", record.received)
    assert isinstance(event, Event)
    return event


def logsources(event: Event) -> list[tuple[str, str, str]]:
    return [(one.product, one.category, one.service) for one in event.logsources]


def test_winlogbeat_events_through_bulk_have_their_native_names_and_logsources(tmp_path: Path) -> None:
    async def send(url: str) -> None:
        async with AsyncElasticsearch(url, basic_auth=("winlogbeat", "secret"), http_compress=True) as shipper:
            documents = [{"_op_type": "create", "_index": "winlogbeat-9.1.0", **one} for one in (LOGON, PROCESS)]
            assert await helpers.async_bulk(shipper, documents) == (2, [])

    logon, process = through_http(tmp_path, send)
    fields = logon.fields
    assert (fields["EventID"], fields["Channel"], fields["TargetUserName"]) == ("4625", "Security", "lan")
    assert (fields["Provider_Name"], fields["LogonType"]) == ("Microsoft-Windows-Security-Auditing", "3")
    assert (fields["source.ip"], fields["user.name"], fields["event.outcome"]) == ("203.0.113.5", "lan", "failure")
    assert fields["@timestamp"] == "2026-11-22T08:00:00.250Z"
    assert ("windows", "", "security") in logsources(logon)
    fields = process.fields
    assert (fields["Image"], fields["CommandLine"]) == ("C:\\Windows\\System32\\whoami.exe", "whoami /all")
    assert (fields["EventID"], fields["process.command_line"]) == ("1", "whoami /all")
    assert any(one[:2] == ("windows", "process_creation") for one in logsources(process))


def test_nxlog_events_through_ingest_have_their_native_names_and_logsources(tmp_path: Path) -> None:
    async def send(url: str) -> None:
        async with aiohttp.ClientSession(headers={"Authorization": "Bearer secret"}) as session:
            body = json.dumps(NXLOG).encode() + b"\r\n"
            async with session.post(f"{url}/ingest", data=body, headers={"Content-Type": "text/plain"}) as response:
                assert await response.json() == {"accepted": 1}

    (event,) = through_http(tmp_path, send)
    assert (event.fields["EventID"], event.fields["TargetUserName"]) == (4625, "lan")
    assert (event.fields["source.ip"], event.fields["event.code"]) == ("203.0.113.5", "4625")
    assert event.fields["@timestamp"] == "2026-11-22T08:00:00.000Z"
    assert ("windows", "", "security") in logsources(event)


def test_a_line_in_splunks_metadata_is_read_as_the_line_it_is(tmp_path: Path) -> None:
    line = "Nov 22 15:00:00 srv1 sshd[812]: Failed password for root from 203.0.113.5 port 51514 ssh2"

    async def send(url: str) -> None:
        async with aiohttp.ClientSession(headers={"Authorization": "Splunk secret"}) as session:
            body = json.dumps({"time": 1795334400, "host": "srv1", "sourcetype": "linux_secure", "event": line}) * 2
            async with session.post(f"{url}/services/collector/event", data=body) as response:
                assert (await response.json())["code"] == 0

    for event in through_http(tmp_path, send):
        assert (event.fields["source.ip"], event.fields["user.name"]) == ("203.0.113.5", "root")
        assert event.fields["splunk.sourcetype"] == "linux_secure"
        assert logsources(event) == [("linux", "", "sshd"), ("linux", "", "auth")]


def test_a_journal_entry_gives_what_its_syslog_line_gives() -> None:
    said = "Failed password for root from 203.0.113.5 port 51514 ssh2"
    exported = (
        f"__CURSOR=c1\n__REALTIME_TIMESTAMP=1795334400000000\n_HOSTNAME=srv1\n_PID=812\nSYSLOG_IDENTIFIER=sshd\n"
        f"SYSLOG_FACILITY=10\nPRIORITY=6\nMESSAGE={said}\n\n"
    )
    (entry,) = JournalExportParser(65536).receive(exported.encode())
    received = 1_795_334_401_000_000
    journal = event_of(RawRecord(entry.data, received, "j", "journal", entry.host, entry.cursor))
    syslog = event_of(
        RawRecord(f"<86>Nov 22 15:00:00 srv1 sshd[812]: {said}".encode(), received, "s", "192.0.2.1:514", "srv1")
    )
    own = {"log.level", "event.severity", "event.original", "log.syslog.procid"}
    for name, value in syslog.fields.items():
        if name not in own:
            assert (name, journal.fields.get(name)) == (name, value)
    assert journal.logsources == syslog.logsources

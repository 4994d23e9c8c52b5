"""What proves its sender and what does not is said on every record, and from there on the event, through retries and joining too."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
import uvloop

from collectors.gelf_listeners import GelfTcp, GelfUdp
from collectors.intake import Intake
from collectors.relp_listener import Relp
from collectors.streams import StreamInput
from collectors.syslog_tcp import SyslogTcp
from collectors.syslog_udp import SyslogUdp
from collectors.tls import TlsFiles
from soc.inputs import make_collector
from soc.listeners import KafkaListener
from soc.model import DeadLetter, Event, RawRecord, decode, encode
from soc.normalize.assemble import Assembler
from soc.normalize.normalizer import Normalizer
from soc.pipeline.retried import try_again
from soc.settings import Settings
from tests.unit.collectors.support.certificates import Authority
from tests.unit.collectors.support.memory_claim import MemoryLog
from tests.unit.collectors.support.running import Stepped, running, until

NOW = 1_795_334_400_000_000
NORMALIZER = Normalizer((), timezone="UTC", lateness=600_000_000, future_skew=5_000_000)


def event_of(record: RawRecord) -> Event:
    event = NORMALIZER.normalize(record, "id", NOW)
    assert isinstance(event, Event)
    return event


@pytest.mark.parametrize(("kind", "datagram"), [(SyslogUdp, b"<13>x"), (GelfUdp, b'{"version":"1.1","host":"h"}')])
def test_every_datagram_is_marked(kind: type[SyslogUdp | GelfUdp], datagram: bytes) -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped())
        listener = kind(intake, name="udp", host="127.0.0.1", port=0, clock=Stepped())
        async with running(intake, listener):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.sendto(datagram, listener.address or ("", 0))
                await until(lambda: len(log.outputs) == 1)
        assert [record.unauthenticated for record in log.records] == [True]

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", [SyslogTcp, GelfTcp])
def test_a_line_over_plain_tcp_is_marked(kind: type[StreamInput]) -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped())
        listener: Any = kind(intake, name="tcp", host="127.0.0.1", port=0, clock=Stepped())
        async with running(intake, listener):
            _, writer = await asyncio.open_connection(*(listener.address or ("", 0)))
            writer.write(b'{"version":"1.1","host":"h"}\0' if kind is GelfTcp else b"<13>x\n")
            await until(lambda: len(log.outputs) == 1)
            writer.close()
        assert [record.unauthenticated for record in log.records] == [True]

    asyncio.run(scenario())


@pytest.mark.parametrize("certified", [False, True])
@pytest.mark.parametrize("kind", [SyslogTcp, Relp])
def test_over_tls_only_a_checked_certificate_takes_the_mark_away(
    tmp_path: Path, kind: type[StreamInput], *, certified: bool
) -> None:
    authority = Authority(tmp_path)

    async def scenario() -> None:
        files = TlsFiles(*authority.issue("server"), str(authority.file), client_required=False)
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped())
        listener: Any = kind(intake, name="tls", host="127.0.0.1", port=0, clock=Stepped(), tls=files)
        async with running(intake, listener):
            context = authority.client(authority.issue("fw01")) if certified else authority.client()
            _, writer = await asyncio.open_connection(*(listener.address or ("", 0)), ssl=context)
            said = b"1 open 0\n2 syslog 5 <13>x\n" if kind is Relp else b"<13>x\n"
            writer.write(said)
            await until(lambda: len(log.outputs) == 1)
            writer.close()
        assert [record.unauthenticated for record in log.records] == [not certified]

    uvloop.run(scenario())


@pytest.mark.parametrize(
    ("signing_in", "marked"), [({}, True), ({"sasl_mechanism": "PLAIN", "username": "u", "password": "p"}, False)]
)
def test_topics_of_brokers_that_ask_nobody_to_sign_in_are_marked(
    tmp_path: Path, signing_in: dict[str, str], *, marked: bool
) -> None:
    pytest.importorskip("aiokafka")
    listener = KafkaListener(type="kafka", name="k", servers=("broker.example:9092",), topics=("t",), **signing_in)  # type: ignore[arg-type]
    intake = Intake(MemoryLog().open, clock=Stepped())
    collector: Any = make_collector(listener, intake, Settings(data_dir=tmp_path))
    assert collector._unproven is marked


def test_an_event_says_it_only_where_it_is_so() -> None:
    record = RawRecord(b"<13>x", NOW, "udp", "192.0.2.7:514", "192.0.2.7", unauthenticated=True)
    assert event_of(record).fields["event.unauthenticated"] is True
    proven = RawRecord(b"<13>x", NOW, "tls", "192.0.2.7:514", "192.0.2.7")
    assert "event.unauthenticated" not in event_of(proven).fields


def test_a_record_written_before_there_was_a_mark_is_read_as_it_was() -> None:
    record = RawRecord(b"<13>x", NOW, "udp", "192.0.2.7:514", "192.0.2.7")
    older = encode([record.data, NOW, "udp", record.peer, record.source, "", "", False])
    assert decode(older, RawRecord) == record


def test_a_dead_letter_keeps_it_through_a_retry() -> None:
    letter = DeadLetter(
        "id", "normalize", "r", b"<13>x", "s", "udp", "192.0.2.7:1", NOW, unauthenticated=True, state="open"
    )
    result = try_again(letter, NORMALIZER, NOW).result
    assert isinstance(result, Event)
    assert result.fields["event.unauthenticated"] is True


def test_an_event_of_several_lines_is_marked_if_one_of_them_is() -> None:
    assembler = Assembler(NORMALIZER, lambda _: 0)
    whole = []
    for number, (kind, marked) in enumerate([("SYSCALL", False), ("PATH", True), ("EOE", False)]):
        line = f'type={kind} msg=audit(1795334400.000:7): item=0 name="/etc/x"'.encode()
        record = RawRecord(line, NOW, "l", "192.0.2.7:1", "s", unauthenticated=marked)
        whole += assembler.take(record, f"r{number}", b"s", NOW)
    assert [one.record.unauthenticated for one in whole] == [True]

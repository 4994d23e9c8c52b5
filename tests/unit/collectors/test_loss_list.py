"""The ways in which trusted collectors are known to lose lines, each sent over a real socket: nothing is lost here.

Each test names the public reports it comes from (project#issue).
"""

import asyncio
import socket
from contextlib import asynccontextmanager

import aiohttp
import pytest
import uvloop

from collectors.http import HttpIngest
from collectors.intake import Intake
from collectors.relp_listener import Relp
from collectors.syslog_tcp import SyslogTcp
from collectors.syslog_udp import SyslogUdp
from soc.errors import UnavailableError
from tests.unit.collectors.support.memory_claim import MemoryLog
from tests.unit.collectors.support.running import Stepped, running, until

FORTIGATE = (
    b'<189>date=2026-11-22 time=08:00:%02d devname="fw-a" devid="FGT0000000000001" logid="0000000013" type="traffic" '
    b'subtype="forward" srcip=192.0.2.7 dstip=198.51.100.9 action="accept" msg="B\xc3\xa1o c\xc3\xa1o s\xe1\xbb\x91 %d"'
)


@asynccontextmanager
async def over_tcp(**kwargs: object):
    """A TCP listener, a connection to it, and what it made durable."""
    log = MemoryLog()
    intake = Intake(log.open, clock=Stepped())
    listener = SyslogTcp(intake, name="tcp", host="127.0.0.1", port=0, clock=Stepped(), **kwargs)  # type: ignore[arg-type]
    async with running(intake, listener):
        assert listener.address is not None
        _, writer = await asyncio.open_connection(*listener.address)
        yield writer, log, listener
        writer.close()


def counted(*lines: bytes) -> bytes:
    return b"".join(b"%d %s" % (len(line), line) for line in lines)


def test_octet_counted_lines_of_fortigate_in_reliable_mode_are_whole_lines() -> None:
    """elastic/integrations#7516, elastic/beats#23837, Graylog2/graylog2-server#10863, syslog-ng#4792."""
    lines = [FORTIGATE % (n, n) for n in range(60)]

    async def scenario() -> None:
        async with over_tcp() as (writer, log, listener):
            sent = counted(*lines)
            for at in range(0, len(sent), 1448):
                writer.write(sent[at : at + 1448])
                await writer.drain()
            await until(lambda: len(log.outputs) == len(lines))
            assert log.lines == lines
            assert listener.counters.resynchronized == 0

    uvloop.run(scenario())


@pytest.mark.parametrize("wrong", [b"214000000000 <13>huge\n", b"999 <13>short\n", b"3 <13>long\n", b"<13>none\n"])
def test_behind_a_wrong_octet_count_the_next_lines_are_whole_again(wrong: bytes) -> None:
    """As in rsyslog imtcp-msg-truncation-on-number, vector#2955, journalpump#193, fluentd#2982."""
    before, after = [b"<13>before %d" % n for n in range(3)], [b"<13>after %d." % n for n in range(200)]

    async def scenario() -> None:
        async with over_tcp() as (writer, log, listener):
            writer.write(counted(*before) + wrong + counted(*after))
            await writer.drain()
            writer.close()
            await until(lambda: listener.counters.connections == 0 and log.lines[-1:] == after[-1:])
            assert log.lines[:3] == before
            kept = b"".join(
                log.lines
            )  # a count that is too large joins what follows into one record: no byte of it is lost
            assert wrong.split(b">")[-1].strip() in kept
            assert all(line in kept for line in after)
            assert log.lines[-100:] == after[-100:]

    uvloop.run(scenario())


def test_a_nul_inside_a_line_stays_and_ends_neither_line_nor_connection() -> None:
    """syslog-ng#3755, syslog-ng#1776 (Cisco ISE), fluent-bit#2742."""

    async def scenario() -> None:
        async with over_tcp() as (writer, log, _):
            writer.write(b"<13>a\0b\n<13>ends with one\0\n" + b"<13>next\n")
            await until(lambda: log.lines == [b"<13>a\0b", b"<13>ends with one", b"<13>next"])

    uvloop.run(scenario())


def test_bytes_that_are_no_utf8_are_kept_and_end_neither_line_nor_connection() -> None:
    """loki#1783 (ends the connection), vector#24657 (drops the line), syslog-ng#4083 (stops reading)."""
    tcvn3 = b"<13>user=\xb6\xd8\xd2 \xff\xfe\xc3\x28"

    async def scenario() -> None:
        async with over_tcp() as (writer, log, _):
            writer.write(tcvn3 + b"\n<13>next\n")
            await until(lambda: log.lines == [tcvn3, b"<13>next"])

    uvloop.run(scenario())


@pytest.mark.parametrize("framing", ["lines", "counted"])
def test_a_line_of_70_kb_is_cut_and_marked_and_the_connection_lives_on(framing: str) -> None:
    """syslog-ng#3676, wazuh#308."""
    long, following = b"<13>" + b"x" * 69_996, b"<13>next"

    async def scenario() -> None:
        async with over_tcp() as (writer, log, listener):
            writer.write(counted(long, following) if framing == "counted" else long + b"\n" + following + b"\n")
            await until(lambda: len(log.outputs) == 2)
            assert [(r.data, r.cut) for r in log.records] == [(long[:65536], True), (following, False)]
            assert listener.counters.connections == 1
            writer.close()
            await until(lambda: listener.counters.cut_bytes == 70_000 - 65_536)
            assert listener.counters.cut == 1

    uvloop.run(scenario())


def test_a_line_of_70_kb_is_whole_where_the_limit_says_so() -> None:
    """syslog-ng#3676."""
    long = b"<13>" + b"x" * 69_996

    async def scenario() -> None:
        async with over_tcp(max_bytes=131_072) as (writer, log, _):
            writer.write(long + b"\n")
            await until(lambda: log.lines == [long])
            assert not log.records[0].cut

    uvloop.run(scenario())


def test_a_datagram_that_its_sender_cut_at_1024_bytes_is_a_record_and_nothing_of_the_next_is_lost() -> None:
    """wazuh#308, pfelk#121: senders cut; a receiver that reads less than came would lose the rest without a word."""
    cut, whole = (FORTIGATE % (0, 0)).ljust(1200, b"x")[:1024], FORTIGATE % (1, 1)

    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped())
        listener = SyslogUdp(intake, name="udp", host="127.0.0.1", port=0, clock=Stepped())
        async with running(intake, listener):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                for data in (cut, whole):
                    sender.sendto(data, listener.address or ("", 0))
                await until(lambda: log.lines == [cut, whole])
            assert listener.counters.cut == 0

    uvloop.run(scenario())


def test_a_repeat_over_relp_after_a_lost_acknowledgement_is_a_second_event_and_neither_is_lost() -> None:
    """RELP has no identity beyond its connection: at least once, as the reference of inputs says."""
    hello = b"1 open 30 relp_version=0\ncommands=syslog\n"

    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped())
        listener = Relp(intake, name="relp", host="127.0.0.1", port=0, clock=Stepped())
        async with running(intake, listener):
            assert listener.address is not None
            _, writer = await asyncio.open_connection(*listener.address)
            writer.write(hello + b"2 syslog 8 <13>once")
            await writer.drain()
            writer.transport.abort()  # before the frame was whole: it was never a record, and is sent again
            for lost in (True, False):
                log.gate.clear()
                reader, writer = await asyncio.open_connection(*listener.address)
                writer.write(hello + b"2 syslog 8 <13>once\n")
                await reader.readuntil(b"commands=syslog\n")
                await until(lambda: intake.counters.queued_bytes > 0)
                if lost:
                    writer.transport.abort()
                    await until(lambda: all(connection._closing for connection in listener.connections))
                log.gate.set()
                if not lost:
                    assert await reader.readline() == b"2 rsp 6 200 OK\n"
                    writer.close()
            assert log.lines == [b"<13>once"] * 2

    uvloop.run(scenario())


def test_a_repeat_over_http_after_a_lost_acknowledgement_is_stored_once_with_its_key() -> None:
    """The answer is lost after the commit; the sender cannot know and sends the same body with the same key."""

    async def scenario() -> None:
        log = MemoryLog()
        log.faults.append((UnavailableError("went away"), True))
        intake = Intake(log.open, clock=Stepped())
        listener = HttpIngest(intake, name="http", host="127.0.0.1", port=0, token="t0ken", clock=Stepped())
        async with running(intake, listener), aiohttp.ClientSession() as session:
            assert listener.address is not None
            url = f"http://127.0.0.1:{listener.address[1]}/ingest"
            headers = {"Authorization": "Bearer t0ken", "Content-Type": "text/plain", "Idempotency-Key": "7"}
            log.gate.clear()
            with pytest.raises(TimeoutError):
                await session.post(url, data=b"once\n", headers=headers, timeout=aiohttp.ClientTimeout(0.1))
            log.gate.set()
            async with session.post(url, data=b"once\n", headers=headers) as answer:
                assert (answer.status, await answer.json()) == (200, {"accepted": 1})
            assert log.lines == [b"once"]

    uvloop.run(scenario())

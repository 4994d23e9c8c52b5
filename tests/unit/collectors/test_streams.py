"""What is around the frames of a TCP input, on real sockets and the product's event loop: PROXY headers, TLS behind them, shares."""

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from collectors import streams
from collectors.intake import Intake
from collectors.proxy_protocol import SIGNATURE
from collectors.syslog_tcp import SyslogTcp
from collectors.tls import TlsFiles
from tests.unit.collectors.support.certificates import Authority
from tests.unit.collectors.support.memory_claim import MemoryLog
from tests.unit.collectors.support.running import Stepped, running, until

V1 = b"PROXY TCP4 192.0.2.7 203.0.113.1 51514 6514\r\n"
V2 = SIGNATURE + b"\x21\x11\x00\x0f" + bytes([192, 0, 2, 7, 203, 0, 113, 1]) + b"\xc9\x3a\x19\x72" + b"\x04\x00\x00"
LOCAL = SIGNATURE + b"\x20\x00\x00\x00"


@asynccontextmanager
async def listening(**kwargs: object):
    """A listener that believes PROXY headers of this machine, and what it made durable."""
    log = MemoryLog()
    intake = Intake(log.open, clock=Stepped())
    options: dict[str, object] = {"proxy_from": ["127.0.0.0/8"], **kwargs}
    listener = SyslogTcp(intake, name="tcp", host="127.0.0.1", port=0, clock=Stepped(), **options)  # type: ignore[arg-type]
    async with running(intake, listener):
        yield listener, log


async def connect(listener: SyslogTcp):
    assert listener.address is not None
    return await asyncio.open_connection(*listener.address)


async def is_closed(reader: asyncio.StreamReader) -> bool:
    async with asyncio.timeout(5):
        try:
            return await reader.read() == b""
        except ConnectionError:
            return True


@pytest.mark.parametrize("header", [V1, V2])
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_the_sender_is_the_one_that_a_believed_proxy_announces(header: bytes, step: int) -> None:
    async def scenario() -> None:
        async with listening() as (listener, log):
            _, writer = await connect(listener)
            sent = header + b"<13>line\n"
            for at in range(0, len(sent), step):
                writer.write(sent[at : at + step])
                await writer.drain()
                await asyncio.sleep(0)
            await until(lambda: log.lines == [b"<13>line"])
            (record,) = log.records
            assert (record.peer, record.source) == ("192.0.2.7:51514", "192.0.2.7")
            writer.close()

    uvloop.run(scenario())


def test_a_proxy_that_speaks_for_itself_is_the_sender() -> None:
    async def scenario() -> None:
        async with listening() as (listener, log):
            _, writer = await connect(listener)
            writer.write(LOCAL + b"<13>line\n")
            await until(lambda: log.lines == [b"<13>line"])
            assert log.records[0].source == "127.0.0.1"
            writer.close()

    uvloop.run(scenario())


@pytest.mark.parametrize("sent", [b"<13>a line without a header\n", b"PROXY TCP4 nonsense\r\n<13>line\n"])
def test_a_missing_or_wrong_header_of_a_believed_proxy_is_refused_and_counted(sent: bytes) -> None:
    async def scenario() -> None:
        async with listening() as (listener, log):
            reader, writer = await connect(listener)
            writer.write(sent)
            assert await is_closed(reader)
            assert listener.counters.proxy_refused == 1
            await until(lambda: listener.counters.connections == 0)
            assert log.lines == []
            writer.close()

    uvloop.run(scenario())


def test_a_header_that_ends_too_early_is_counted_and_a_connection_without_a_byte_is_a_health_check() -> None:
    async def scenario() -> None:
        async with listening() as (listener, log):
            for sent, refused in ((b"", 0), (V2[:20], 1)):
                _, writer = await connect(listener)
                writer.write(sent)
                await asyncio.sleep(0.01)
                writer.close()
                await until(lambda: listener.counters.accepted > 0 and listener.counters.connections == 0)
                assert listener.counters.proxy_refused == refused
            assert log.lines == []

    uvloop.run(scenario())


def test_a_header_that_does_not_come_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "OPENING", 0.05)

    async def scenario() -> None:
        async with listening() as (listener, _):
            reader, writer = await connect(listener)
            writer.write(V1[:9])
            assert await is_closed(reader)
            assert listener.counters.proxy_refused == 1
            writer.close()

    uvloop.run(scenario())


def test_a_header_of_somebody_else_is_a_line_like_any_other() -> None:
    async def scenario() -> None:
        async with listening(proxy_from=["198.51.100.0/24"]) as (listener, log):
            _, writer = await connect(listener)
            writer.write(V1 + b"<13>line\n")
            await until(lambda: len(log.outputs) == 2)
            assert log.lines == [V1[:-2], b"<13>line"]
            assert {record.source for record in log.records} == {"127.0.0.1"}
            writer.close()

    uvloop.run(scenario())


@pytest.mark.parametrize("together", [False, True])
def test_a_header_stands_before_the_handshake_of_tls(tmp_path: Path, together: bool) -> None:
    authority = Authority(tmp_path)

    async def scenario() -> None:
        async with listening(tls=TlsFiles(*authority.issue("server"))) as (listener, log):
            assert listener.address is not None
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            client = authority.client().wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
            reader, writer = await connect(listener)
            writer.write(V2)
            if not together:  # else the header and the beginning of the handshake come in one segment
                await writer.drain()
                await asyncio.sleep(0.02)
            while True:
                try:
                    client.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    writer.write(outgoing.read())
                    incoming.write(await reader.read(65536))
            client.write(b"<13>line\n")
            writer.write(outgoing.read())
            await until(lambda: log.lines == [b"<13>line"])
            assert log.records[0].source == "192.0.2.7"
            writer.close()

    uvloop.run(scenario())


def test_without_a_header_a_believed_proxy_gets_no_handshake(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def scenario() -> None:
        async with listening(tls=TlsFiles(*authority.issue("server"))) as (listener, _):
            assert listener.address is not None
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await asyncio.open_connection(*listener.address, ssl=authority.client())
            assert (listener.counters.proxy_refused, listener.counters.tls_refused) == (1, 0)

    uvloop.run(scenario())


def test_an_address_with_more_connections_than_are_free_gets_no_further_one() -> None:
    async def scenario() -> None:
        async with listening(max_connections=9, proxy_from=[]) as (listener, _):
            assert listener.address is not None
            loop = asyncio.get_running_loop()

            async def open_from(host: str) -> socket.socket:
                sock = socket.socket()
                sock.setblocking(False)
                sock.bind((host, 0))
                await loop.sock_connect(sock, listener.address)
                await asyncio.sleep(0.01)
                return sock

            noisy = [await open_from("127.0.0.2") for _ in range(9)]
            assert listener.counters.connections == 5
            assert listener.counters.connections_refused == 4
            quiet = [await open_from(f"127.0.0.{n}") for n in range(3, 6)]
            assert listener.counters.connections == 8
            assert listener.counters.connections_refused == 4
            for sock in noisy + quiet:
                sock.close()
            await until(lambda: listener.counters.connections == 0)
            assert listener._of == {}

    uvloop.run(scenario())

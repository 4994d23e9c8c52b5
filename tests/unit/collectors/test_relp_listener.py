"""RELP on real sockets: acknowledged means durable."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from collectors.intake import Intake
from collectors.relp_listener import Relp
from collectors.tls import TlsFiles
from soc.errors import BusFullError
from tests.unit.collectors.support.certificates import Authority
from tests.unit.collectors.support.memory_claim import MemoryLog
from tests.unit.collectors.support.running import Stepped, running, until

OPEN = b"1 open 30 relp_version=0\ncommands=syslog\n"
OK = b"%d rsp 6 200 OK\n"


@asynccontextmanager
async def listening(log: MemoryLog, **kwargs: object):
    """A RELP listener."""
    intake = Intake(log.open, clock=Stepped())
    listener = Relp(intake, name="relp", host="127.0.0.1", port=0, clock=Stepped(), **kwargs)  # type: ignore[arg-type]
    async with running(intake, listener):
        yield listener


async def connect(listener: Relp, **kwargs: object):
    assert listener.address is not None
    reader, writer = await asyncio.open_connection(*listener.address, **kwargs)  # type: ignore[arg-type]
    writer.write(OPEN)
    assert (await reader.readline()).startswith(b"1 rsp ")
    for _ in range(3):
        await reader.readline()
    return reader, writer


def message(txnr: int, data: bytes) -> bytes:
    return b"%d syslog %d %s\n" % (txnr, len(data), data)


def test_nothing_is_acknowledged_before_it_is_durable() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        async with listening(log) as listener:
            reader, writer = await connect(listener)
            log.gate.clear()
            writer.write(message(2, b"<13>one") + message(3, b"<13>two"))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.1)
            log.gate.set()
            assert await reader.readexactly(30) == OK % 2 + OK % 3
            assert log.lines == [b"<13>one", b"<13>two"]
            writer.close()

    uvloop.run(scenario())


def test_while_the_log_is_full_nothing_is_acknowledged_and_then_everything_is() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        log.faults.append((BusFullError("no room"), False))
        async with listening(log) as listener:
            reader, writer = await connect(listener)
            writer.write(message(2, b"<13>one"))
            assert await reader.readexactly(15) == OK % 2
            assert listener.counters.pushed_back >= 1
            assert log.lines == [b"<13>one"]
            writer.close()

    uvloop.run(scenario())


def test_close_is_answered_after_everything_before_it_and_the_connection_ends() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        async with listening(log) as listener:
            reader, writer = await connect(listener)
            writer.write(b"".join(message(n, b"<13>%d" % n) for n in range(2, 302)) + b"302 close 0\n")
            expected = b"".join(OK % n for n in range(2, 302)) + b"302 rsp 0\n0 serverclose 0\n"
            assert await reader.read() == expected
            assert len(log.outputs) == 300
            await until(lambda: listener.counters.connections == 0)
            writer.close()

    uvloop.run(scenario())


def test_a_stop_acknowledges_what_is_durable_and_says_goodbye() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        async with listening(log) as listener:
            reader, writer = await connect(listener)
            writer.write(message(2, b"<13>one"))
        assert await reader.read() == OK % 2 + b"0 serverclose 0\n"
        assert log.lines == [b"<13>one"]
        writer.close()

    uvloop.run(scenario())


def test_a_frame_that_is_none_ends_the_session_with_a_hint_and_is_counted() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        async with listening(log) as listener:
            reader, writer = await connect(listener)
            writer.write(message(2, b"<13>one") + b"<13>not relp at all\n")
            assert sorted((await reader.read()).splitlines()) == [b"0 serverclose 0", b"2 rsp 6 200 OK"]
            assert log.lines == [b"<13>one"]
            await until(lambda: listener.counters.sessions_broken == 1)
            writer.close()

    uvloop.run(scenario())


def test_a_client_that_takes_no_answers_is_not_read_on_and_grows_no_memory() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        async with listening(log) as listener:
            reader, writer = await connect(listener)
            reader._transport.pause_reading()  # type: ignore[union-attr]
            sent = 0
            while True:
                writer.write(b"".join(message(n % 900_000_000 + 1, b"x") for n in range(sent, sent + 5000)))
                sent += 5000
                try:
                    await asyncio.wait_for(writer.drain(), 0.5)
                except TimeoutError:
                    break
            assert sent < 3_000_000
            (connection,) = listener.connections
            assert connection._transport.get_write_buffer_size() < 4_000_000  # type: ignore[union-attr]
            writer.transport.abort()

    uvloop.run(scenario())


def test_a_client_that_closes_its_half_gets_its_acknowledgements() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        async with listening(log) as listener:
            reader, writer = await connect(listener)
            log.gate.clear()
            writer.write(message(2, b"<13>one"))
            writer.write_eof()
            await asyncio.sleep(0.05)
            log.gate.set()
            assert await reader.read() == OK % 2
            writer.close()

    uvloop.run(scenario())


def test_relp_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def scenario() -> None:
        log = MemoryLog()
        async with listening(log, tls=TlsFiles(*authority.issue("server"))) as listener:
            reader, writer = await connect(listener, ssl=authority.client())
            writer.write(message(2, b"<13>one") + b"3 close 0\n")
            assert await reader.read() == OK % 2 + b"3 rsp 0\n0 serverclose 0\n"
            assert log.lines == [b"<13>one"]
            writer.close()

    uvloop.run(scenario())

"""TCP: streams framed per connection, senders pushed back, nothing read is lost on a stop."""

import asyncio
import socket
import struct

from collectors.intake import Intake
from collectors.syslog_tcp import SyslogTcp
from soc.errors import BusFullError
from tests.unit.collectors.support.memory_claim import MemoryLog
from tests.unit.collectors.support.running import Stepped, running, until


def tcp(intake: Intake, host: str = "127.0.0.1", **kwargs: object) -> SyslogTcp:
    return SyslogTcp(intake, name="tcp", host=host, port=0, clock=Stepped(), **kwargs)  # type: ignore[arg-type]


async def send(listener: SyslogTcp, *chunks: bytes, close: bool = True) -> socket.socket:
    assert listener.address is not None
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    sock.setblocking(False)
    await loop.sock_connect(sock, listener.address)
    for chunk in chunks:
        await loop.sock_sendall(sock, chunk)
        await asyncio.sleep(0.001)
    if close:
        sock.close()
    return sock


def test_both_framings_on_one_port_told_apart_per_connection() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped())
        listener = tcp(intake, profile="auto")
        async with running(intake, listener):
            await send(listener, b"<13>al", b"pha\n<13>beta\n<13>unended")
            await until(lambda: len(log.outputs) == 3)
            await send(listener, b"11 <13>cou", b"nted9 <13>alpha")
            await until(lambda: len(log.outputs) == 5)
            assert log.lines == [b"<13>alpha", b"<13>beta", b"<13>unended", b"<13>counted", b"<13>alpha"]

    asyncio.run(scenario())


def test_a_record_is_durable_while_its_sender_stays_connected() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped())
        listener = tcp(intake)
        async with running(intake, listener):
            sock = await send(listener, b"<13>alpha\n", close=False)
            await until(lambda: log.lines == [b"<13>alpha"])
            assert listener.counters.connections == 1
            assert log.records[0].peer == f"127.0.0.1:{sock.getsockname()[1]}"
            sock.close()
            await until(lambda: listener.counters.connections == 0)

    asyncio.run(scenario())


def test_bytes_that_are_not_utf8_and_nuls_close_no_connection() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped())
        listener = tcp(intake)
        async with running(intake, listener):
            await send(listener, b"<13>\xff\xfe\0x\n", b"<13>next\n")
            await until(lambda: len(log.outputs) == 2)
            assert log.lines == [b"<13>\xff\xfe\0x", b"<13>next"]

    asyncio.run(scenario())


def test_a_frame_over_the_limit_is_cut_and_marked_and_the_connection_lives_on() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped())
        listener = tcp(intake, max_bytes=480)
        async with running(intake, listener):
            await send(listener, b"x" * 100_000 + b"\n<13>next\n")
            await until(lambda: len(log.outputs) == 2)
            assert [(len(r.data), r.cut) for r in log.records] == [(480, True), (8, False)]
            await until(lambda: listener.counters.cut_bytes == 100_000 - 480)
            assert listener.counters.cut == 1

    asyncio.run(scenario())


def test_a_sender_waits_while_nothing_can_be_made_durable_and_nothing_is_lost() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped(), max_queued_bytes=100_000)
        listener = tcp(intake)
        line = b"<13>" + b"x" * 995 + b"\n"
        total = 30_000
        async with running(intake, listener):
            log.gate.clear()
            sending = asyncio.ensure_future(send(listener, *[line * 1000] * (total // 1000)))
            await asyncio.sleep(0.5)
            assert not sending.done(), "30 MB were taken though nothing could be written"
            log.gate.set()
            await sending
            await until(lambda: len(log.outputs) == total, 20)
            assert set(log.lines) == {line[:-1]}

    asyncio.run(scenario())


def test_a_full_bus_is_tried_again_until_there_is_room() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        log.faults.extend([(BusFullError("no room"), False)])
        intake = Intake(log.open, clock=Stepped())
        listener = tcp(intake)
        async with running(intake, listener):
            await send(listener, b"<13>alpha\n<13>beta\n")
            await until(lambda: log.lines == [b"<13>alpha", b"<13>beta"])
            assert listener.counters.pushed_back >= 1
            assert listener.counters.refused == 0

    asyncio.run(scenario())


def test_connections_beyond_the_limit_are_closed_and_counted() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped())
        listener = tcp(intake, max_connections=2)
        async with running(intake, listener):
            socks = [await send(listener, close=False) for _ in range(3)]
            await until(lambda: listener.counters.connections_refused == 1)
            async with asyncio.timeout(2):
                assert await asyncio.get_running_loop().sock_recv(socks[2], 1) == b""
            for sock in socks:
                sock.close()
            await until(lambda: listener.counters.connections == 0)
            await send(listener, b"<13>again\n")
            await until(lambda: log.lines == [b"<13>again"])

    asyncio.run(scenario())


def test_a_stop_appends_what_was_sent_before_it_whole_or_not() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped())
        listener = tcp(intake)
        async with running(intake, listener):
            sock = await send(listener, *[b"<13>%d\n" % n for n in range(100)], b"<13>tail", close=False)
        assert log.lines == [b"<13>%d" % n for n in range(100)] + [b"<13>tail"]
        sock.close()

    asyncio.run(scenario())


def test_a_connection_reset_keeps_what_came_before_it() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped())
        listener = tcp(intake)
        async with running(intake, listener):
            sock = await send(listener, b"<13>alpha\n<13>unended", close=False)
            await until(lambda: log.lines == [b"<13>alpha"])
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()  # RST
            await until(lambda: log.lines == [b"<13>alpha", b"<13>unended"])

    asyncio.run(scenario())


def test_many_connections_at_once_lose_and_mix_nothing() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped())
        listener = tcp(intake)
        async with running(intake, listener):
            await asyncio.gather(
                *(send(listener, b"".join(b"<13>%d-%d\n" % (c, n) for n in range(200))) for c in range(20))
            )
            await until(lambda: len(log.outputs) == 4000)
        for c in range(20):
            mine = [line for line in log.lines if line.startswith(b"<13>%d-" % c)]
            assert mine == [b"<13>%d-%d" % (c, n) for n in range(200)], "order within one connection"

    asyncio.run(scenario())

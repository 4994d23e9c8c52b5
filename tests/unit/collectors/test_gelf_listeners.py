"""GELF on real sockets: the record is the JSON text of the whole message, and what never becomes one is counted."""

import asyncio
import gzip
import socket
import zlib

from collectors import datagrams
from collectors.gelf import WITHIN
from collectors.gelf_listeners import GelfTcp, GelfUdp
from collectors.intake import Intake
from tests.unit.collectors.support.memory_claim import MemoryLog
from tests.unit.collectors.support.running import Stepped, running, until

MESSAGE = b'{"version":"1.1","host":"app01","short_message":"' + b"x" * 3000 + b'"}'


def chunks(data: bytes, name: bytes) -> list[bytes]:
    parts = [data[at : at + 1420] for at in range(0, len(data), 1420)]
    return [b"\x1e\x0f" + name + bytes([number, len(parts)]) + part for number, part in enumerate(parts)]


def test_plain_compressed_and_chunked_messages_are_one_record_each() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped())
        listener = GelfUdp(intake, name="gelf", host="127.0.0.1", port=0, clock=Stepped(), max_bytes=1_000_000)
        async with running(intake, listener):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.connect(listener.address or ("", 0))
                sent = [MESSAGE, zlib.compress(MESSAGE), *chunks(MESSAGE, b"message1"), *chunks(gzip.compress(MESSAGE), b"message2")]  # fmt: skip
                for part in sent:
                    sender.send(part)
                await until(lambda: len(log.outputs) == 4)
                assert set(log.lines) == {MESSAGE}
                assert {record.peer for record in log.records} == {f"127.0.0.1:{sender.getsockname()[1]}"}
            assert listener.counters.incomplete == 0

    asyncio.run(scenario())


def test_what_is_not_whole_in_time_is_counted_and_a_bomb_is_cut_and_marked(monkeypatch) -> None:
    monkeypatch.setattr(datagrams, "LOOK_EVERY", 0.01)

    async def scenario() -> None:
        log, clock = MemoryLog(), Stepped()
        intake = Intake(log.open, clock=clock)
        listener = GelfUdp(intake, name="gelf", host="127.0.0.1", port=0, clock=clock, max_bytes=5000)
        async with running(intake, listener):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.connect(listener.address or ("", 0))
                sender.send(chunks(MESSAGE, b"message1")[0])
                sender.send(zlib.compress(b"{" + b" " * 10_000_000))
                await until(lambda: len(log.outputs) == 1)
                clock.now += WITHIN + 1
                await until(lambda: listener.counters.incomplete == 1)
            assert [(len(record.data), record.cut) for record in log.records] == [(5000, True)]
            await until(lambda: listener.counters.cut == 1)

    asyncio.run(scenario())


def test_over_tcp_a_message_ends_with_a_nul() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped())
        listener = GelfTcp(intake, name="gelf", host="127.0.0.1", port=0, clock=Stepped(), max_bytes=1_000_000)
        async with running(intake, listener):
            _, writer = await asyncio.open_connection(*(listener.address or ("", 0)))
            writer.write(MESSAGE + b"\0" + MESSAGE + b"\0" + b'{"short_message":"the last"}')
            writer.close()
            await until(lambda: log.lines == [MESSAGE, MESSAGE, b'{"short_message":"the last"}'])

    asyncio.run(scenario())

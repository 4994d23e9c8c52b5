"""UDP: one datagram, one record; what is lost is counted where it is lost."""

import asyncio
import socket

import pytest

from collectors.intake import Intake
from collectors.syslog_udp import SyslogUdp
from soc.errors import UnavailableError
from tests.unit.collectors.support.memory_claim import MemoryLog
from tests.unit.collectors.support.running import Stepped, running, until


def udp(intake: Intake, host: str = "127.0.0.1", **kwargs: object) -> SyslogUdp:
    return SyslogUdp(intake, name="udp", host=host, port=0, clock=Stepped(), **kwargs)  # type: ignore[arg-type]


def sender(to: tuple[str, int], family: int = socket.AF_INET) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.connect(to)
    return sock


def test_each_datagram_is_a_record_untouched_with_its_sender() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped())
        listener = udp(intake, profile="fortigate")
        async with running(intake, listener):
            assert listener.address is not None
            with sender(listener.address) as sock:
                payloads = [b"<13>one\n", b"two\0\xff", b"x" * 60_000]
                for payload in payloads:
                    sock.send(payload)
                port = sock.getsockname()[1]
                await until(lambda: len(log.outputs) == 3)
            assert log.lines == payloads
            assert {r.peer for r in log.records} == {f"127.0.0.1:{port}"}
            assert {(r.source, r.profile, r.listener, r.id, r.cut) for r in log.records} == {
                ("127.0.0.1", "fortigate", "udp", "", False)
            }
            await until(lambda: listener.counters.received == 3)
            assert listener.counters.bytes == sum(map(len, payloads))

    asyncio.run(scenario())


def test_a_configured_source_is_the_key() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped())
        listener = udp(intake, source="fw-tayninh")
        async with running(intake, listener):
            with sender(listener.address or ("", 0)) as sock:
                sock.send(b"a")
                await until(lambda: len(log.outputs) == 1)
            assert log.outputs[0].key == b"fw-tayninh"

    asyncio.run(scenario())


def test_a_datagram_over_the_limit_is_cut_and_marked() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped())
        listener = udp(intake, max_bytes=500)
        async with running(intake, listener):
            with sender(listener.address or ("", 0)) as sock:
                sock.send(b"x" * 700)
                sock.send(b"y" * 500)
                sock.send(b"")
                await until(lambda: len(log.outputs) == 2)
            assert [(r.data, r.cut) for r in log.records] == [(b"x" * 500, True), (b"y" * 500, False)]
            assert (listener.counters.cut, listener.counters.cut_bytes) == (1, 200)

    asyncio.run(scenario())


def test_ipv6_senders_and_ipv4_senders_of_a_dual_stack_port_are_named_as_people_write_them() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped())
        listener = udp(intake, host="::")
        async with running(intake, listener):
            assert listener.address is not None
            port = listener.address[1]
            with sender(("::1", port), socket.AF_INET6) as six, sender(("127.0.0.1", port)) as four:
                six.send(b"6")
                await until(lambda: len(log.outputs) == 1)
                four.send(b"4")
                await until(lambda: len(log.outputs) == 2)
                names = [f"[::1]:{six.getsockname()[1]}", f"127.0.0.1:{four.getsockname()[1]}"]
            assert [r.peer for r in log.records] == names
            assert [r.source for r in log.records] == ["::1", "127.0.0.1"]

    asyncio.run(scenario())


def test_the_largest_datagrams_of_ipv4_and_ipv6_are_whole() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped())
        listener = udp(intake, host="::")
        async with running(intake, listener):
            assert listener.address is not None
            port = listener.address[1]
            with sender(("::1", port), socket.AF_INET6) as six, sender(("127.0.0.1", port)) as four:
                four.send(b"4" * 65_507)
                six.send(b"6" * 65_527)
                await until(lambda: len(log.outputs) == 2)
            assert sorted((len(r.data), r.cut) for r in log.records) == [(65_507, False), (65_527, False)]

    asyncio.run(scenario())


def test_sockets_that_share_the_port_hear_everything_and_each_sender_in_order() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped())
        listener = udp(intake, sockets=4)
        async with running(intake, listener):
            socks = [sender(listener.address or ("", 0)) for _ in range(20)]
            for n in range(50):
                for number, sock in enumerate(socks):
                    sock.send(b"%d-%d" % (number, n))
            await until(lambda: listener.counters.received == 1000)
            for number in range(20):
                mine = [line for line in log.lines if line.startswith(b"%d-" % number)]
                assert mine == [b"%d-%d" % (number, n) for n in range(50)]
            for sock in socks:
                sock.close()

    asyncio.run(scenario())


def test_a_flood_fills_the_buffer_of_one_socket_and_the_drops_of_all_are_summed() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped())
        listener = udp(intake, sockets=8, receive_buffer=8192)
        async with running(intake, listener):
            flooding, *quiet = [sender(listener.address or ("", 0)) for _ in range(9)]
            for _ in range(500):  # the loop does not run meanwhile: nothing is read
                flooding.send(b"x" * 500)
            for number, sock in enumerate(quiet):
                sock.send(b"quiet %d" % number)
            await until(lambda: listener.counters.received + listener.counters.kernel_dropped == 508)
            assert listener.counters.kernel_dropped > 0
            assert sum(line.startswith(b"quiet") for line in log.lines) > 0
            for sock in [flooding, *quiet]:
                sock.close()

    asyncio.run(scenario())


def test_a_port_is_not_shared_with_another_program_unless_it_was_asked_for() -> None:
    async def scenario() -> None:
        intake = Intake(MemoryLog().open, clock=Stepped())
        first = udp(intake)
        async with running(intake, first):
            assert first.address is not None
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                with pytest.raises(OSError, match="in use"):
                    other.bind(first.address)

    asyncio.run(scenario())


def test_what_the_kernel_drops_is_counted_to_the_datagram() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped())
        listener = udp(intake, receive_buffer=8192)
        sent = 500
        async with running(intake, listener):
            with sender(listener.address or ("", 0)) as sock:
                for _ in range(sent):  # the loop does not run meanwhile: nothing is read
                    sock.send(b"x" * 500)
            await until(lambda: listener.counters.kernel_dropped > 0)
            await until(lambda: listener.counters.received + listener.counters.kernel_dropped == sent)
            assert listener.counters.received == len(log.outputs) > 0

    asyncio.run(scenario())


def test_without_room_datagrams_are_refused_and_counted_and_the_loop_goes_on() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped(), max_queued_bytes=1000)
        listener = udp(intake)
        async with running(intake, listener):
            log.gate.clear()
            with sender(listener.address or ("", 0)) as sock:
                for _ in range(10):
                    sock.send(b"x" * 400)
                    await asyncio.sleep(0.01)
            assert listener.counters.refused > 0
            log.gate.set()
            await until(lambda: listener.counters.received + listener.counters.refused == 10)
            assert listener.counters.received == len(log.outputs) > 0

    asyncio.run(scenario())


def test_a_stop_appends_what_the_kernel_still_holds() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped())
        listener = udp(intake)
        async with running(intake, listener):
            with sender(listener.address or ("", 0)) as sock:
                for n in range(100):
                    sock.send(b"%d" % n)
        assert log.lines == [b"%d" % n for n in range(100)]
        assert listener.counters.received == 100

    asyncio.run(scenario())


def test_an_address_that_cannot_be_bound_is_an_error_that_names_it() -> None:
    async def scenario() -> None:
        intake = Intake(MemoryLog().open, clock=Stepped())
        async with running(intake, udp(intake, host="192.0.2.1")):
            pass

    with pytest.raises(UnavailableError, match=r"192\.0\.2\.1"):
        asyncio.run(scenario())

"""All inputs at once on the embedded bus: what was sent is what soc.raw holds, and the balance says so."""

import asyncio
import socket
from collections import Counter
from pathlib import Path

import aiohttp

from collectors.file import FileTail
from collectors.gelf_listeners import GelfUdp
from collectors.http import HttpIngest
from collectors.intake import Intake
from collectors.relp_listener import Relp
from collectors.syslog_tcp import SyslogTcp
from collectors.syslog_udp import SyslogUdp
from collectors.tls import TlsFiles
from soc.bus.base import Step
from soc.bus.embedded import EmbeddedBus
from soc.clock import now
from soc.errors import CommitUnknownError
from soc.model import RawRecord
from soc.pipeline.table import topology
from tests.unit.collectors.support.certificates import Authority
from tests.unit.collectors.support.raw_log import check_balance, read_raw
from tests.unit.collectors.support.running import running, until


def test_every_input_delivers_what_was_sent_and_the_balance_agrees(tmp_path: Path) -> None:
    log_file = tmp_path / "app.log"
    log_file.write_text("".join(f"file {n}\n" for n in range(500)))

    async def scenario() -> None:
        bus = EmbeddedBus(tmp_path / "bus", topology(2))
        intake = Intake(lambda: bus.claim("collect", 0), clock=now)
        udp = SyslogUdp(intake, name="udp", host="127.0.0.1", port=0, source="fw01", clock=now)
        tcp = SyslogTcp(intake, name="tcp", host="127.0.0.1", port=0, clock=now)
        http = HttpIngest(intake, name="http", host="127.0.0.1", port=0, token="t0ken", source="agents", clock=now)
        files = FileTail(intake, name="file", paths=[str(log_file)], clock=now)
        async with running(intake, udp, tcp, http, files), aiohttp.ClientSession() as session:
            assert udp.address is not None
            assert tcp.address is not None
            assert http.address is not None
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                for n in range(500):
                    sender.sendto(b"<13>udp %d" % n, udp.address)
            _, writer = await asyncio.open_connection(*tcp.address)
            writer.write(b"".join(b"%d %s" % (len(m), m) for m in (b"<13>tcp %d" % n for n in range(500))))
            await writer.drain()
            for batch in range(5):
                body = b"".join(b"http %d\n" % n for n in range(batch * 100, batch * 100 + 100))
                headers = {"Authorization": "Bearer t0ken", "Content-Type": "text/plain", "Idempotency-Key": str(batch)}
                for _ in range(2):
                    async with session.post(
                        f"http://127.0.0.1:{http.address[1]}/ingest", data=body, headers=headers
                    ) as response:
                        assert await response.json() == {"accepted": 100}
            parts = (udp, tcp, http, files)
            await until(lambda: all(part.counters.received == 500 for part in parts))
            writer.close()
        await bus.close()

    asyncio.run(scenario())
    raw = read_raw(tmp_path / "bus")
    lines = Counter(value.data for _, value in raw)
    expected = [b"<13>udp %d", b"<13>tcp %d", b"http %d", b"file %d"]
    assert lines == Counter(form % n for form in expected for n in range(500))
    check_balance(tmp_path / "bus", raw)


def test_tls_relp_and_gelf_deliver_what_was_sent_and_the_balance_agrees(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    bodies = [b'{"version":"1.1","host":"app01","short_message":"gelf %d"}' % n for n in range(200)]

    async def scenario() -> None:
        bus = EmbeddedBus(tmp_path / "bus", topology(2))
        intake = Intake(lambda: bus.claim("collect", 0), clock=now)
        files = TlsFiles(*authority.issue("server"), str(authority.file))
        tls = SyslogTcp(intake, name="tls", host="127.0.0.1", port=0, tls=files, clock=now)
        relp = Relp(intake, name="relp", host="127.0.0.1", port=0, source="relay", clock=now)
        gelf = GelfUdp(intake, name="gelf", host="127.0.0.1", port=0, sockets=2, clock=now)
        async with running(intake, tls, relp, gelf):
            assert tls.address is not None
            assert relp.address is not None
            assert gelf.address is not None
            _, secret = await asyncio.open_connection(*tls.address, ssl=authority.client(authority.issue("fw01")))
            secret.write(b"".join(b"%d %s" % (len(m), m) for m in (b"<13>tls %d" % n for n in range(200))))
            reader, plain = await asyncio.open_connection(*relp.address)
            messages = [b"<13>relp %d" % n for n in range(200)]
            plain.write(
                b"1 open 0\n" + b"".join(b"%d syslog %d %s\n" % (n, len(m), m) for n, m in enumerate(messages, 2))
            )
            plain.write(b"202 close 0\n")
            answers = (await reader.read()).splitlines()
            assert answers[-202:] == [b"%d rsp 6 200 OK" % n for n in range(2, 202)] + [
                b"202 rsp 0",
                b"0 serverclose 0",
            ]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                for n, body in enumerate(bodies):
                    half = len(body) // 2
                    for number, part in enumerate((body[:half], body[half:])):
                        sender.sendto(b"\x1e\x0f%08d" % n + bytes([number, 2]) + part, gelf.address)
            await until(lambda: all(part.counters.received == 200 for part in (tls, relp, gelf)))
            for writer in (secret, plain):
                writer.close()
        await bus.close()

    asyncio.run(scenario())
    raw = read_raw(tmp_path / "bus")
    expected = [form % n for form in (b"<13>tls %d", b"<13>relp %d") for n in range(200)] + bodies
    assert Counter(value.data for _, value in raw) == Counter(expected)
    check_balance(tmp_path / "bus", raw)


def test_unknown_outcomes_on_the_real_bus_double_and_lose_nothing(tmp_path: Path) -> None:
    """The answer is lost after the commit, and before it, again and again."""
    steps: list[Step] = []

    def lose_answers(step: Step) -> None:
        steps.append(step)
        if (step == "committed" and steps.count("committed") % 3 == 2) or (
            step == "state_written" and steps.count("state_written") % 4 == 3
        ):
            raise CommitUnknownError(f"the answer was lost after {step}")

    async def scenario() -> int:
        bus = EmbeddedBus(tmp_path / "bus", topology(2), on_step=lose_answers)
        intake = Intake(lambda: bus.claim("collect", 0), clock=now)
        async with running(intake):
            for n in range(30):
                await intake.append([RawRecord(b"%d" % n, now(), "test", "192.0.2.7:514", "192.0.2.7")])
        await bus.close()
        return intake.counters.reclaimed

    assert asyncio.run(scenario()) >= 10
    raw = read_raw(tmp_path / "bus")
    assert Counter(value.data for _, value in raw) == Counter(b"%d" % n for n in range(30))
    check_balance(tmp_path / "bus", raw)

"""A collector's own log without room: datagrams are dropped with the reason, HTTP and TCP are pushed back, and only what is shipped goes."""

import asyncio
import socket
from collections import Counter
from contextlib import asynccontextmanager
from functools import partial

import aiohttp
import pytest

from collectors.http import HttpIngest
from collectors.intake import Intake
from collectors.syslog_tcp import SyslogTcp
from collectors.syslog_udp import SyslogUdp
from soc.bus.embedded import EmbeddedBus
from soc.clock import now
from soc.pipeline import retention
from soc.pipeline.retention import keep_log_retention
from soc.pipeline.table import RAW, collector_topology
from soc.settings import Settings
from tests.unit.collectors.support.running import running
from tests.unit.pipeline.ship_support import collect, lines, open_brokers, own, shipped_lines, shipping, until

FULL = 1 << 60


def log_on(directory) -> EmbeddedBus:
    return EmbeddedBus(directory / "local", collector_topology(), free_bytes=1)


def set_full(local: EmbeddedBus, full: bool) -> None:
    """As if the disk had less free than is to be kept free."""
    local._disk._free_bytes = FULL if full else 1


@asynccontextmanager
async def listening(local):
    """A UDP, a TCP and an HTTP listener over one intake on a collector's own log."""
    intake = Intake(partial(local.claim, "collect", 0), clock=now)
    udp = SyslogUdp(intake, name="udp", host="127.0.0.1", port=0, clock=now)
    tcp = SyslogTcp(intake, name="tcp", host="127.0.0.1", port=0, clock=now)
    http = HttpIngest(intake, name="http", host="127.0.0.1", port=0, token="secret", clock=now)
    async with running(intake, udp, tcp, http):
        yield intake, udp, tcp, http


async def post(http, text: str) -> int:
    headers = {"Authorization": "Bearer secret", "Content-Type": "application/x-ndjson"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"http://127.0.0.1:{http.address[1]}/ingest", data=text.encode()) as answer,
    ):
        return answer.status


def test_without_room_udp_drops_with_the_reason_and_tcp_and_http_are_pushed_back_until_there_is_room(tmp_path):
    async def scenario():
        local, brokers = log_on(tmp_path), open_brokers(tmp_path / "brokers")
        async with listening(local) as (_, udp, tcp, http), shipping(own(local, brokers)):
            set_full(local, True)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                for number in range(5):
                    sender.sendto(b"datagram %d" % number, udp.address)
            await until(lambda: udp.counters.refused == 5)
            assert udp.counters.refused_full == 5
            _, writer = await asyncio.open_connection(*tcp.address)
            writer.write(b"over tcp\n")
            await until(lambda: tcp.counters.pushed_back > 0)
            assert await post(http, "over http") == 503
            set_full(local, False)
            await until(lambda: tcp.counters.received == 1)
            await asyncio.sleep(0.6)
            assert await post(http, "over http") == 200
            writer.close()
        assert Counter(await shipped_lines(brokers)) == Counter(["over tcp", "over http"])
        assert (udp.counters.received, tcp.counters.refused) == (0, 0)

    asyncio.run(scenario())


def test_without_room_what_is_shipped_goes_at_once_and_what_is_not_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(retention, "LOOK_SECONDS", 0.05)

    async def scenario():
        local, brokers = log_on(tmp_path), open_brokers(tmp_path / "brokers")
        await collect(local, lines(10))
        async with shipping(own(local, brokers)):
            pass
        await collect(local, lines(10, 10))
        crowded = False
        stop = asyncio.Event()
        keeping = asyncio.create_task(keep_log_retention(local, Settings(), stop, lambda: crowded))
        await asyncio.sleep(0.3)
        assert await _kept(local) == 20, "shipped an hour ago at most, and there is room"
        crowded = True
        async with asyncio.timeout(10):
            while await _kept(local) > 10:  # noqa: ASYNC110 - what retention has done shows only in the log
                await asyncio.sleep(0.05)
        stop.set()
        await keeping
        async with shipping(own(local, brokers)):
            pass
        assert Counter(await shipped_lines(brokers)) == Counter(lines(20))

    asyncio.run(scenario())


@pytest.mark.parametrize("days", [0.0, 7.0])
def test_retention_alone_never_takes_what_is_not_shipped(tmp_path, days):
    async def scenario():
        local = log_on(tmp_path)
        await collect(local, lines(10))
        assert await local.retain(RAW, max_age=days, max_bytes=0) == 0
        assert await _kept(local) == 10

    asyncio.run(scenario())


async def _kept(local) -> int:
    reader = local.reader([RAW])
    found = len(await reader.fetch(100, 0.0))
    await reader.close()
    return found

"""Heads leave the host: to a directory, an address and a log, signed, retried, and told when they do not."""

import asyncio
import socket
import stat

import pytest
from aiohttp import web

from soc.audit.chain import Entry
from soc.audit.signing import public_of, read
from soc.bus.embedded import EmbeddedBus
from soc.clock import HOUR
from soc.desk import AuditSettings
from soc.errors import SettingsError
from soc.pipeline import audit_heads
from soc.pipeline.audit_heads import HeadSender, key_of
from soc.pipeline.audit_record import record
from soc.pipeline.audit_sent import SENT, last_sent, targets_of
from soc.pipeline.auditing import Ends, committed_heads, read_heads, verify_audit
from soc.pipeline.table import topology

NOW = 1_795_312_800_000_000


async def bus_with_acts(directory, count: int = 2) -> EmbeddedBus:
    bus = EmbeddedBus(directory / "bus", topology(1))
    await record(bus, *(Entry(number, "lan.nt", "unmask", "alert/1", "why") for number in range(count)))
    return bus


def sender(bus, directory, settings: AuditSettings, clock=lambda: NOW) -> HeadSender:
    return HeadSender(Ends(bus).heads, settings, directory, "tay-ninh-0", clock)


def test_a_file_in_a_mounted_directory_verifies_the_chains_by_the_key(tmp_path):
    (tmp_path / "mount").mkdir()

    async def main():
        bus = await bus_with_acts(tmp_path)
        settings = AuditSettings(directory=str(tmp_path / "mount"))
        assert set((await sender(bus, tmp_path, settings).send()).values()) == {""}
        (path,) = (tmp_path / "mount").iterdir()
        assert path.name == "heads-tay-ninh-0-20261122T020000000000Z.json"
        heads = read_heads(path, public_of(key_of(tmp_path, make=False)))
        assert not [chain for chain in await verify_audit(bus, heads) if chain.fault]
        await bus.close()

    asyncio.run(main())


def test_a_directory_that_is_not_mounted_is_told_and_not_made(tmp_path):
    async def main():
        bus = await bus_with_acts(tmp_path)
        settings = AuditSettings(directory=str(tmp_path / "mount"))
        ((_, why),) = (await sender(bus, tmp_path, settings).send()).items()
        assert "is it mounted?" in why
        assert not (tmp_path / "mount").exists()
        await bus.close()

    asyncio.run(main())


def test_an_address_gets_the_document_with_its_token_and_a_refusal_is_told(tmp_path):
    got: list[tuple[str, bytes]] = []

    async def take(request: web.Request) -> web.Response:
        got.append((request.headers["Authorization"], await request.read()))
        return web.Response(status=201 if len(got) == 1 else 403)

    async def main():
        app = web.Application()
        app.router.add_post("/heads", take)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        bus = await bus_with_acts(tmp_path)
        settings = AuditSettings(url=f"http://127.0.0.1:{port}/heads", token="t0k")
        assert set((await sender(bus, tmp_path, settings).send()).values()) == {""}
        ((_, why),) = (await sender(bus, tmp_path, settings).send()).items()
        assert why == "it answered 403"
        assert got[0][0] == "Bearer t0k"
        assert read(got[0][1], public_of(key_of(tmp_path, make=False))).heads[0].seq == 2
        await bus.close()
        await runner.cleanup()

    asyncio.run(main())


def test_a_log_server_gets_one_line_with_every_chain(tmp_path):
    async def main():
        bus = await bus_with_acts(tmp_path)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", 0))
            server.settimeout(5)
            settings = AuditSettings(syslog=f"127.0.0.1:{server.getsockname()[1]}")
            assert set((await sender(bus, tmp_path, settings).send()).values()) == {""}
            line = (await asyncio.to_thread(server.recv, 65_000)).decode()
        assert line.startswith("<110>1 2026-11-22T02:00:00.000Z ")
        assert " context=2:" in line
        await bus.close()

    asyncio.run(main())


def test_sending_is_due_every_interval_and_tried_again_until_it_works(tmp_path, monkeypatch):
    monkeypatch.setattr(audit_heads, "AGAIN_SECONDS", 0.01)
    now, mount = [NOW], tmp_path / "mount"

    async def until(condition) -> None:
        for _ in range(1000):
            if condition():
                return
            await asyncio.sleep(0.01)
        raise AssertionError("it did not come to be")

    async def main():
        bus, stop = await bus_with_acts(tmp_path), asyncio.Event()
        one = sender(bus, tmp_path, AuditSettings(directory=str(mount)), lambda: now[0])
        monkeypatch.setattr(audit_heads, "pause", lambda *_: asyncio.sleep(0.01))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(one.run(stop))
            await until(lambda: last_sent(tmp_path).tried)
            assert (last_sent(tmp_path).at, last_sent(tmp_path).since) == (0, NOW)
            mount.mkdir()
            await until(lambda: last_sent(tmp_path).at == NOW)
            await asyncio.sleep(0.1)
            assert len(list(mount.iterdir())) == 1
            now[0] += HOUR
            await until(lambda: len(list(mount.iterdir())) == 2)
            stop.set()
        await bus.close()

    asyncio.run(main())


def test_the_ends_that_are_followed_are_those_that_the_writers_committed(tmp_path):
    async def main():
        bus = await bus_with_acts(tmp_path)
        ends = Ends(bus)
        assert await ends.heads() == await committed_heads(bus)
        await record(bus, Entry(9, "hoa.pv", "close", "alert/2"))
        found = await ends.heads()
        assert found == await committed_heads(bus)
        assert found["context"].seq == 3
        await bus.close()

    asyncio.run(main())


def test_the_private_key_is_its_owners_and_is_made_once(tmp_path):
    with pytest.raises(SettingsError, match="soc audit key"):
        key_of(tmp_path, make=False)
    first = key_of(tmp_path, make=True)
    assert key_of(tmp_path, make=True) == first
    assert stat.S_IMODE((tmp_path / audit_heads.KEY).stat().st_mode) == 0o600


def test_a_damaged_note_of_the_last_sending_is_none(tmp_path):
    (tmp_path / SENT).write_text("{")
    assert last_sent(tmp_path).at == 0
    assert targets_of(AuditSettings()) == ()

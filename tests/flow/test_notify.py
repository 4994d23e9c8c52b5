"""The notifier on the real embedded bus with a real program, a real bridge and a real mail server; killed at every commit."""

import asyncio
import json
import socketserver
import sys
import threading

import pytest
from aiohttp import web

from soc.bus.base import Message
from soc.bus.embedded import EmbeddedBus
from soc.calling import NotifySettings
from soc.clock import now
from soc.model import Alert, Incident, Notice, decode, encode
from soc.notify.roster_file import parse
from soc.notify.signing import signed_at
from soc.notify.watching import Patience
from soc.pipeline.notifier import Notifier
from soc.pipeline.notifier_parts import calling, senders
from soc.pipeline.table import ALERTS, INCIDENTS, NOTICES, topology

ROSTER = """
people:
  lan: {name: Lan, language: en, channels: [CHANNELS]}
escalations:
  default: [{call: lan, minutes: 15}]
"""
SECRET = "a secret of twenty characters"


class KilledError(Exception):
    """Stands for the end of the process at this very point."""


def documents() -> list[Message]:
    at = now()
    incident = Incident(
        "202611-i1", "INC-2026-000001", 1, 0, "Webshell", "", "critical", ("202611-a1",), (), (), at, at, at
    )
    alert = Alert(
        "202611-a1", 1, 0, "r1", "Webshell", "", "critical", (), "event", "s", 1, "live", "", (), at, at, 1, (), (), 1.0,
        False, (("source.ip", "192.0.2.7"),), at, incident_id="202611-i1",
    )  # fmt: skip
    return [Message(INCIDENTS, b"202611-i1", encode(incident)), Message(ALERTS, b"202611-a1", encode(alert))]


class Place:
    """A bus with one critical incident on it."""

    def __init__(self, tmp_path, settings: NotifySettings, channels: str) -> None:
        self.bus = EmbeddedBus(tmp_path / "bus", topology(1))
        self.settings = settings
        self.roster = parse(ROSTER.replace("CHANNELS", channels))

    async def begin(self) -> None:
        claim = await self.bus.claim("triage", 0)
        await claim.commit(documents())
        await claim.release()

    async def notices(self) -> list[Notice]:
        reader = self.bus.reader([NOTICES])
        found = []
        while records := await reader.fetch(1000, 0.0):
            found += [decode(record.value, Notice) for record in records]
        await reader.close()
        return found

    async def run(self, state: str = "sent", wrap=lambda claim: claim) -> None:
        """Run a notifier until a notice is in the state."""

        async def claim():
            return wrap(await self.bus.claim("notify", 0))

        notifier = Notifier(
            claim, settings=calling(self.settings), senders=senders(self.settings, now), roster=lambda: self.roster,
            policy=lambda: None, patience=Patience(1), clock=now,
        )  # fmt: skip
        stop = asyncio.Event()
        async with asyncio.timeout(90), asyncio.TaskGroup() as tasks:
            tasks.create_task(notifier.run(stop))
            while not any(notice.state == state for notice in await self.notices()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            stop.set()


def program(tmp_path, code: int = 0) -> tuple[str, ...]:
    script = (
        "import os, sys; open(sys.argv[1], 'a').write(os.environ['SOC_NOTICE_ID'] + ' ' + sys.argv[2] + ' ' + "
        f"sys.stdin.read().replace(chr(10), ' ') + chr(10)); sys.exit({code})"
    )
    return (sys.executable, "-c", script, str(tmp_path / "sent"), "{address}")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", [1, 2])
def test_killed_before_or_after_any_commit_the_message_arrives_and_twice_only_where_nobody_can_tell(
    tmp_path, number, after
):
    settings = NotifySettings.model_validate(
        {"command": {"argv": program(tmp_path), "timeout_seconds": 0.5}, "retry_min_seconds": 0.1}
    )

    def wrap(claim):
        commit, count = claim.commit, 0

        async def killing(outputs=(), state=None):
            nonlocal count
            count += bool(outputs)
            if count == number and outputs and not after:
                raise KilledError
            done = await commit(outputs, state)
            if count == number and outputs:
                raise KilledError
            return done

        claim.commit = killing
        return claim

    async def main() -> None:
        place = Place(tmp_path, settings, '{command: "+84900000001"}')
        await place.begin()
        try:
            await place.run("never", wrap)
        except* KilledError:
            pass
        await place.run()
        sent = [notice for notice in await place.notices() if notice.state == "sent"]
        lines = (tmp_path / "sent").read_text().splitlines()
        assert len({line.split()[0] for line in lines}) == 1
        assert len(sent) == 1
        assert "INC-2026-000001" in lines[0]
        assert "192.0.2.7" not in lines[0]
        assert len(lines) in {1, 2}
        if len(lines) == 2:
            assert any("may arrive twice" in notice.detail for notice in await place.notices())
        await place.bus.close()

    asyncio.run(main())


def test_a_bridge_gets_a_signed_message_and_a_failing_program_is_passed_over(tmp_path):
    got = []

    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        at = signed_at(SECRET, request.headers["Soc-Timestamp"], request.headers["Soc-Signature"], body)
        got.append((at is not None, request.headers["Soc-Id"], json.loads(body)))
        return web.Response()

    async def main() -> None:
        app = web.Application()
        app.router.add_post("/hook", take)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        settings = NotifySettings.model_validate(
            {
                "command": {"argv": program(tmp_path, 1)},
                "webhook": {"url": url, "secret_key": SECRET},
                "retry_min_seconds": 0.1,
                "attempts": 2,
            }
        )
        place = Place(tmp_path, settings, "{command: '1'}, {webhook: lan}")
        await place.begin()
        await place.run()
        ((genuine, id_, body),) = got
        assert genuine
        assert (body["id"], body["to"]) == (id_, "lan")
        assert len((tmp_path / "sent").read_text().splitlines()) == 2
        await runner.cleanup()
        await place.bus.close()

    asyncio.run(main())


class Mailbox(socketserver.StreamRequestHandler):
    """As much of SMTP as one message needs."""

    def handle(self) -> None:
        self.wfile.write(b"220 mail.example\r\n")
        while line := self.rfile.readline():
            word = line.split()[0].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                while (text := self.rfile.readline()) != b".\r\n":
                    self.server.lines.append(text)
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 fine\r\n")
            if word == b"QUIT":
                return


def test_a_mail_server_gets_the_message_with_an_id_that_tells_a_repeat(tmp_path):
    async def main(port: int) -> Notice:
        smtp = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "soc@soc.example"}
        place = Place(tmp_path, NotifySettings.model_validate({"smtp": smtp}), "{smtp: lan@soc.example}")
        await place.begin()
        await place.run()
        await place.bus.close()
        return (await place.notices())[0]

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mailbox) as server:
        server.lines = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        notice = asyncio.run(main(server.server_address[1]))
        server.shutdown()
        assert f"Message-ID: <{notice.id}@soc.example>\r\n".encode() in server.lines

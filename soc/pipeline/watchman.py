"""On the second host: signs of life of the first in, by POST or from a file; calls to people when they stop, out.

It has channels, a roster and a state of its own (one file, replaced whole), and asks nothing of the first host: whatever takes that one
away takes nothing from here. A message is kept as ``sending`` before it leaves, as on the first host.
"""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec
import structlog
from aiohttp import web

from soc.calling import NotifySettings
from soc.clock import SECOND, Clock, Micros
from soc.errors import RecordError, SettingsError, UnavailableError
from soc.notify import heartbeat
from soc.notify.attempts import Outcome
from soc.notify.caller import Caller
from soc.notify.cases import Book, Letter
from soc.notify.channels.base import Sender
from soc.notify.deadman import Deadman
from soc.notify.heartbeat import Bounds
from soc.notify.roster import Roster
from soc.notify.signing import SIGNATURE, TIMESTAMP
from soc.pipeline.notifier_parts import calling
from soc.pipeline.waiting import pause

log = structlog.get_logger()

LOOK_SECONDS = 0.5
MOST = 100
"""Messages in a window: there is no storm of lost heartbeats."""


class Watchman:
    """The one watcher of an installation.

    Args:
        settings: [notify] of this host: how people are called, [notify.watch] among them.
        roster: whom to call from here.
        senders: the channels that are set up here.
        state_file: where what is under way is kept.
        clock: the time.

    Raises:
        SettingsError: nothing says where signs of life come from, or the state cannot be read.
    """

    def __init__(
        self,
        settings: NotifySettings,
        roster: Roster,
        senders: Mapping[str, Sender],
        state_file: Path,
        clock: Clock,
    ) -> None:
        self._watch = settings.watch
        if not (self._watch.port or self._watch.file):
            raise SettingsError(["[notify.watch] port and file are both empty: nothing can be heard"])
        self._senders, self._clock, self._file = senders, clock, state_file
        self._state = _read(state_file)
        how = calling(settings)
        self._book = Book(self._state)
        self._caller = Caller(self._book, how._replace(limits=how.limits._replace(most=MOST)), lambda: roster)
        if self._caller.nobody:
            raise SettingsError(
                [f"nobody can be called from here: no {self._caller.nobody}; see soc notify watch --help"]
            )
        watch = self._watch
        bounds = Bounds(*(round(x * SECOND) for x in (watch.silent_seconds, watch.queue_seconds, watch.lag_seconds)))
        self._deadman = Deadman(self._state, self._caller, bounds, clock())
        self._came: list[tuple[str, Outcome]] = []
        self._seen = b""
        self.address: tuple[str, int] | None = None
        self.ready = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until told to stop.

        Raises:
            UnavailableError: the port cannot be bound, or the state cannot be kept.
        """
        runner = await self._listen() if self._watch.port else None
        try:
            self._caller.recover(self._clock())
            async with asyncio.TaskGroup() as sending:
                while not stop.is_set():
                    self.ready.set()
                    await self._look(sending)
                    await pause(stop, LOOK_SECONDS)
            self._note(self._clock())
            self._keep()
        finally:
            if runner is not None:
                await runner.cleanup()
            for sender in self._senders.values():
                await sender.close()

    async def _look(self, sending: asyncio.TaskGroup) -> None:
        if self._watch.file:
            await self._look_at_file()
        now = self._clock()
        self._note(now)
        self._deadman.tick(now)
        self._caller.tick(now)
        due = self._caller.take_due(now)
        self._keep()
        for letter in due:
            sending.create_task(self._send(letter), name="notice")

    def _note(self, now: Micros) -> None:
        came, self._came = self._came, []
        for notice_id, outcome in came:
            self._caller.came_of(notice_id, outcome, now)

    async def _send(self, letter: Letter) -> None:
        outcome = await self._senders[letter.notice.channel].send(letter.notice, letter.address)
        log.info("notice", notice=letter.notice.id, person=letter.notice.person, outcome=outcome.kind)
        self._came.append((letter.notice.id, outcome))

    async def _look_at_file(self) -> None:
        try:
            async with asyncio.timeout(LOOK_SECONDS * 10):
                content = await asyncio.to_thread(Path(self._watch.file).read_bytes)
        except (OSError, TimeoutError):
            return  # that there is none is what silence means
        if content == self._seen or len(content) > heartbeat.MAX_BYTES:
            return
        self._seen = content
        try:
            beat = heartbeat.from_file(content, self._watch.secret_key)
        except RecordError as error:
            log.warning("heartbeat_refused", why=error.reason)
            return
        self._deadman.hear(beat, self._clock())

    async def _listen(self) -> web.AppRunner:
        app = web.Application(client_max_size=heartbeat.MAX_BYTES)
        app.router.add_post("/heartbeat", self._take)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        tls: ssl.SSLContext | None = None
        try:
            if self._watch.certificate_file:
                tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                tls.load_cert_chain(self._watch.certificate_file, self._watch.key_file)
            await web.TCPSite(runner, self._watch.host, self._watch.port, ssl_context=tls).start()
        except OSError as error:
            await runner.cleanup()
            raise UnavailableError(
                f"[notify.watch]: cannot listen on {self._watch.host}:{self._watch.port}: {error.strerror or error}"
            ) from error
        self.address = runner.addresses[0][:2]
        return runner

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            stamp, signature = request.headers.get(TIMESTAMP, ""), request.headers.get(SIGNATURE, "")
            beat = heartbeat.from_request(stamp, signature, body, self._watch.secret_key)
        except RecordError as error:
            log.warning("heartbeat_refused", why=error.reason, peer=request.remote)
            raise web.HTTPForbidden(text=error.reason) from error
        if not self._deadman.hear(beat, self._clock()):
            raise web.HTTPConflict(text="that sign of life came before, or a later one did")
        return web.Response(status=204)

    def _keep(self) -> None:
        changes = self._book.take()
        changes.state.update(self._deadman.take())
        if not changes.state:
            return
        for key, value in changes.state.items():
            if value is None:
                self._state.pop(key, None)
            else:
                self._state[key] = value
        temporary = self._file.with_suffix(".new")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(msgspec.msgpack.encode(self._state))
            temporary.replace(self._file)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink()
            log.error("state_not_kept", why=error.strerror)  # noqa: TRY400 - calling people matters more than remembering it


def _read(path: Path) -> dict[bytes, bytes]:
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=dict[bytes, bytes])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError) as error:
        raise SettingsError([f"{path} cannot be read: {error}; move it away to begin anew"]) from error

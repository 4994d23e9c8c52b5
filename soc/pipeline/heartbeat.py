"""How the notifier is in; a signed sign of life, sent to the second host by POST or written to a file it sees, out."""

import asyncio
import socket
import ssl
from contextlib import suppress
from pathlib import Path

import aiohttp
import msgspec
import structlog

from soc.calling import HeartbeatSettings
from soc.clock import SECOND, Clock, Micros
from soc.errors import SettingsError
from soc.notify.heartbeat import Beat, to_file
from soc.notify.signing import signed
from soc.pipeline.waiting import pause
from soc.telemetry import HEARTBEAT_SENT

log = structlog.get_logger()


class Heartbeat:
    """Sends what it was last told, again and again: a notifier that stands still is told by ``Beat.worked``.

    Args:
        settings: where to.
        clock: the time.

    Raises:
        SettingsError: the file of the authority cannot be read.
    """

    def __init__(self, settings: HeartbeatSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._latest = Beat(0, clock())
        self._host = socket.gethostname()
        try:
            self._ssl = ssl.create_default_context(cafile=settings.ca_file or None) if settings.url else None
        except OSError as error:
            raise SettingsError([f"[notify.heartbeat] ca_file cannot be read: {error.strerror or error}"]) from error
        self.failed: Micros = 0

    def note(self, beat: Beat) -> None:
        """How the notifier is now."""
        self._latest = beat

    async def run(self, stop: asyncio.Event) -> None:
        """Send until told to stop; what cannot be sent is told in the log, the metrics and ``failed`` (since when)."""
        if not (self._settings.url or self._settings.file):
            return
        while not stop.is_set():
            at = self._clock()
            beat = msgspec.structs.replace(self._latest, at=at, host=self._host)
            problems = [problem for problem in (await self._post(beat), await self._write(beat)) if problem]
            if problems:
                self.failed = self.failed or at
                log.warning("heartbeat_not_sent", why="; ".join(problems), again_in=self._settings.interval_seconds)
            else:
                self.failed = 0
                HEARTBEAT_SENT.labels("notify").set(at / SECOND)
            await pause(stop, self._settings.interval_seconds)

    async def _post(self, beat: Beat) -> str:
        """Why the second host did not take it, "" if it did or is not asked."""
        if not self._settings.url or self._ssl is None:
            return ""
        body = msgspec.json.encode(beat)
        headers = {"Content-Type": "application/json", **signed(self._settings.secret_key, beat.at, body)}
        timeout = aiohttp.ClientTimeout(total=self._settings.timeout_seconds)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(
                    self._settings.url, data=body, headers=headers, ssl=self._ssl, allow_redirects=False
                ) as answer,
            ):
                return "" if answer.status < 300 else f"the second host answers {answer.status}"
        except TimeoutError:
            return f"the second host does not answer within {self._settings.timeout_seconds:g} s"
        except aiohttp.ClientError as error:
            return f"the second host cannot be reached: {type(error).__name__}"

    async def _write(self, beat: Beat) -> str:
        if not self._settings.file:
            return ""
        content = to_file(beat, self._settings.secret_key)
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):  # a mount that hangs must not hang us
                await asyncio.to_thread(_replace, Path(self._settings.file), content)
        except TimeoutError:
            return f"{self._settings.file} cannot be written within {self._settings.timeout_seconds:g} s"
        except OSError as error:
            return f"{self._settings.file} cannot be written: {error.strerror}"
        return ""


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.new")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise

"""The ends of all audit chains in, a signed document on another host out, every hour; and what became of the last sending.

Whoever administers this host can rewrite every chain together with its end. He cannot rewrite what another host was sent before.
The document goes to every target that is set: a directory mounted from elsewhere (a new file each time, never replaced), an HTTPS
address (POST), a syslog receiver (one line by UDP: that it arrived is not known, so it should not be the only one).
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import UTC
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import structlog

from soc.audit.chain import Head
from soc.audit.signing import fingerprint, new_key, public_of, sign
from soc.clock import SECOND, Clock, Micros, to_datetime
from soc.desk import AuditSettings
from soc.errors import BusError, SettingsError, SocError, UnavailableError
from soc.pipeline.audit_sent import SENT, Sent, last_sent, targets_of
from soc.pipeline.waiting import pause
from soc.telemetry import AUDIT_HEADS_SENT, AUDIT_HEADS_TARGETS

log = structlog.get_logger()

KEY = "audit-key.pem"
AGAIN_SECONDS = 60.0
"""After a failure, until all targets have the hour's heads."""


def key_of(data_dir: Path, *, make: bool) -> bytes:
    """This host's private key; made if it is missing and ``make``. Only its owner may read it.

    Raises:
        SettingsError: there is none.
    """
    path = data_dir / KEY
    if make and not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(new_key())
            file.flush()
            os.fsync(file.fileno())
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError([f"{path}: {error.strerror}; make a key with `soc audit key`"]) from error


EndsCall = Callable[[], Awaitable[Mapping[str, Head]]]
"""Chain → its end."""


class HeadSender:
    """Sends the heads of all chains, signed.

    Args:
        ends: the ends of all chains now.
        settings: where to.
        data_dir: where the key is, and what became of the last sending.
        installation: whose heads they are.
        clock: the time.
    """

    def __init__(
        self, ends: EndsCall, settings: AuditSettings, data_dir: Path, installation: str, clock: Clock
    ) -> None:
        self._ends = ends
        self._settings = settings
        self._data_dir = data_dir
        self._installation = installation
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Send every interval until told to stop; what failed is tried again each minute."""
        AUDIT_HEADS_TARGETS.set(len(targets_of(self._settings)))
        if not targets_of(self._settings):
            return
        while not stop.is_set():
            sent = last_sent(self._data_dir)
            due = sent.at + round(self._settings.interval_seconds * SECOND)
            AUDIT_HEADS_SENT.set(sent.at / SECOND)
            if self._clock() >= due or sent.at > self._clock():
                sent = await self._try(sent)
                wait = AGAIN_SECONDS if any(sent.targets.values()) else self._settings.interval_seconds
            else:
                wait = (due - self._clock()) / SECOND
            await pause(stop, max(1.0, min(wait, AGAIN_SECONDS)))

    async def _try(self, before: Sent) -> Sent:
        now = self._clock()
        try:
            results = await self.send()
        except (BusError, UnavailableError, SettingsError) as error:
            results = dict.fromkeys(targets_of(self._settings), str(error))
        whole = not any(results.values())
        if not whole:
            log.warning("audit_heads_not_sent", **{name.split(" ")[0]: why for name, why in results.items() if why})
        sent = Sent(now if whole else before.at, now, before.since or now, results)
        AUDIT_HEADS_SENT.set(sent.at / SECOND)
        await asyncio.to_thread(self._remember, sent)
        return sent

    def _remember(self, sent: Sent) -> None:
        path = self._data_dir / SENT
        temporary = path.with_suffix(".new")
        temporary.write_bytes(msgspec.json.encode(sent))
        temporary.replace(path)

    async def send(self) -> dict[str, str]:
        """Send once; target → "" or why it failed.

        Raises:
            SettingsError: there is no key.
            UnavailableError: the chains' ends cannot be read.
        """
        now = self._clock()
        private = key_of(self._data_dir, make=True)
        heads = await self._ends()
        document = sign(sorted(heads.values(), key=lambda head: head.chain), private, now, self._installation)
        ways: Mapping[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "directory": lambda: asyncio.to_thread(self._put, document, now),
            "url": lambda: self._post(document),
            "syslog": lambda: asyncio.to_thread(self._say, heads, private),
        }
        results: dict[str, str] = {}
        for target in targets_of(self._settings):
            try:
                async with asyncio.timeout(self._settings.timeout_seconds):
                    await ways[target.split(" ")[0]]()
                results[target] = ""
            except TimeoutError:
                results[target] = f"no answer within {self._settings.timeout_seconds:g} s"
            except (OSError, aiohttp.ClientError, SocError) as error:
                results[target] = str(error) or type(error).__name__
        return results

    def _put(self, document: bytes, now: Micros) -> None:
        """A new file, complete under its name or not there; an older one is never touched."""
        directory = Path(self._settings.directory)
        if not directory.is_dir():
            raise UnavailableError(f"{directory} is no directory: is it mounted?")
        stamp = to_datetime(now).astimezone(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        path = directory / f"heads-{self._installation}-{stamp}.json"
        temporary = path.with_suffix(".part")
        with temporary.open("wb") as file:
            file.write(document)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)

    async def _post(self, document: bytes) -> None:
        settings = self._settings
        headers = {"Content-Type": "application/json"}
        if settings.token:
            headers["Authorization"] = f"Bearer {settings.token}"
        context: ssl.SSLContext | bool = (
            ssl.create_default_context(cafile=settings.ca_file) if settings.ca_file else True
        )
        timeout = aiohttp.ClientTimeout(total=settings.timeout_seconds)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(settings.url, data=document, headers=headers, ssl=context, allow_redirects=False) as answer,
        ):
            if not 200 <= answer.status < 300:
                raise UnavailableError(f"it answered {answer.status}")

    def _say(self, heads: Mapping[str, Head], private: bytes) -> None:
        """One line: RFC 5424, facility 13 (log audit), severity 6; each chain as ``name=seq:hash``."""
        said = " ".join(
            f"{head.chain}={head.seq}:{head.hash}" for head in sorted(heads.values(), key=lambda h: h.chain)
        )
        stamp = to_datetime(self._clock()).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        name = socket.gethostname() or "-"
        line = f"<110>1 {stamp} {name} soc-audit - heads - key={fingerprint(public_of(private))} {said}"
        host, _, port = self._settings.syslog.rpartition(":")
        family, kind, protocol, _, address = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as sender:
            sender.settimeout(self._settings.timeout_seconds)
            sender.sendto(line.encode(), address)

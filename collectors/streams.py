"""Inputs over TCP: connections in, one record a frame out; PROXY headers and TLS are undone on the way; a sender waits when there is no room.

    bytes → PROXY header (believed proxies only) → TLS → session (framing, answers) → held records → intake → answers

The PROXY header stands before the TLS handshake, as load balancers that pass TLS through send it. From anybody who is not on the
allow-list a header is content like any other: it is believed in nothing, and kept as the line it is.

Fairness: the intake gives each source its turn (``fairness``), and a connection whose records wait there is not read meanwhile, so
a noisy sender is slowed down by TCP itself and nobody else is. Connections are shared out by the same rule: when few are free, an
address that holds more than are free gets no further one.

Without answers (plain syslog, GELF), what a sender's kernel has handed over and this process has not yet made durable is lost
if the process is killed: at most what was in flight. A clean stop appends it.

Records are marked ``unauthenticated`` unless the sender showed a certificate that was checked: who reaches a plain port can
write any device's name in a line.
"""

import asyncio
from collections.abc import Sequence
from typing import cast

import structlog

from collectors.base import Endpoint, InputCounters
from collectors.intake import Intake
from collectors.patience import append_when_there_is_room
from collectors.proxy_protocol import Believed, ProxyError, parse_header
from collectors.session import Frame, Session
from collectors.sockets import endpoint_of, listen_tcp, peer_of
from collectors.tls import FollowedContext, TlsChannel, TlsFiles
from soc.clock import Clock
from soc.errors import BusError, UnavailableError
from soc.model.record import RawRecord

log = structlog.get_logger()

BUDGET = 64 * 1024 * 1024  # bytes held for all connections together while their appends wait
SHARE_MIN, SHARE_MAX = 64 * 1024, 2 * 1024 * 1024  # one connection's part of it
LAST_READS = 0.1  # seconds a stop goes on reading what the kernel already has
GIVE_UP = 10.0  # seconds a stop waits for a full bus
OPENING = 10.0  # seconds for a PROXY header and a TLS handshake
CLOSING = 5.0  # seconds for the last answers to be taken
_TOLD = 4096  # things said of an address once in the log: scanners come back without end


class StreamInput:
    """One TCP port; the protocol is the subclass's.

    Args:
        intake: where records become durable.
        name: the listener's name, on every record.
        host: address to bind; ``::`` takes IPv4 too.
        port: 0 picks a free one.
        profile: source profile of every record, ``""`` to find it later.
        source: key of every record; ``""`` takes the sender's address.
        max_bytes: a longer frame is cut and marked.
        max_connections: further ones are closed at once and counted.
        tls: the certificate; None listens without TLS.
        proxy_from: addresses and networks whose PROXY header is required and believed.
        clock: stamps the records.

    Raises:
        SettingsError: the certificate cannot be used.
        ValueError: ``proxy_from`` holds something that is no network.
    """

    def __init__(
        self,
        intake: Intake,
        *,
        name: str,
        host: str,
        port: int,
        clock: Clock,
        profile: str = "",
        source: str = "",
        max_bytes: int = 65536,
        max_connections: int = 1024,
        tls: TlsFiles | None = None,
        proxy_from: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.counters = InputCounters()
        self.ready = asyncio.Event()
        self.address: Endpoint | None = None
        self.intake = intake
        self.clock = clock
        self.profile = profile
        self.source = source
        self.max_bytes = max_bytes
        self.context = FollowedContext(tls, name, self.counters) if tls is not None else None
        self.believed = Believed(proxy_from)
        self.connections: set[_Connection] = set()
        self._bind = (host, port)
        self._max_connections = max_connections
        self._of: dict[str, int] = {}  # peer's address → its connections
        self._told: set[tuple[str, str, str]] = set()
        self._give_up_at: float | None = None

    def session(self) -> Session:
        """What a new connection is read with."""
        raise NotImplementedError

    async def run(self) -> None:
        """See ``Collector.run``."""
        await self.intake.ready.wait()
        loop = asyncio.get_running_loop()
        cancelled: asyncio.CancelledError | None = None
        with self.intake.attached():
            sock = listen_tcp(*self._bind)
            self.address = endpoint_of(sock)
            async with asyncio.TaskGroup() as group:
                server = await loop.create_server(lambda: _Connection(self, group), sock=sock)
                self.ready.set()
                try:
                    await loop.create_future()
                except asyncio.CancelledError as error:
                    cancelled = error
                    self._give_up_at = loop.time() + GIVE_UP
                finally:
                    server.close()
                await asyncio.sleep(LAST_READS)
                for connection in tuple(self.connections):
                    connection.stop()
        if cancelled is not None:
            raise cancelled

    def share(self) -> int:
        """Bytes one connection may hold."""
        return min(SHARE_MAX, max(SHARE_MIN, BUDGET // max(1, len(self.connections))))

    def gives_up(self) -> bool:
        """A stop has waited long enough for a full bus."""
        return self._give_up_at is not None and asyncio.get_running_loop().time() >= self._give_up_at

    def admit(self, connection: "_Connection", host: str, *, proxy: bool) -> bool:
        """Take a connection in, unless there are too many, or too many of its address while few are free."""
        free = self._max_connections - len(self.connections)
        if free <= 0 or (not proxy and self._of.get(host, 0) > free):
            self.counters.connections_refused += 1
            return False
        self.connections.add(connection)
        self._of[host] = self._of.get(host, 0) + 1
        self.counters.accepted += 1
        self.counters.connections = len(self.connections)
        return True

    def leave(self, connection: "_Connection", host: str) -> None:
        """A connection that was taken in is over."""
        self.connections.discard(connection)
        self.counters.connections = len(self.connections)
        left = self._of[host] - 1
        if left:
            self._of[host] = left
        else:
            del self._of[host]

    def tell_sender(self, host: str, subject: str) -> None:
        """A sender proved who it is: counted always, logged once for each address and certificate."""
        self.counters.tls_verified += 1
        if self._is_news("tls_sender", host, subject):
            log.info("tls_sender", listener=self.name, address=host, subject=subject)

    def tell_refused(self, event: str, host: str, reason: str) -> None:
        """A connection was ended for what it sent: its counter counts, the log says it once for each address and reason."""
        if self._is_news(event, host, reason):
            log.warning(event, listener=self.name, address=host, reason=reason)

    def _is_news(self, event: str, host: str, what: str) -> bool:
        said = (event, host, what)
        if said in self._told or len(self._told) >= _TOLD:
            return False
        self._told.add(said)
        return True


class _Connection(asyncio.Protocol):
    """One sender: frames as they come in, a task that appends them, and no reading while too much waits."""

    def __init__(self, port: StreamInput, group: asyncio.TaskGroup) -> None:
        self._port = port
        self._group = group
        self._session = port.session()
        self._tls = TlsChannel(port.context) if port.context is not None else None
        self._header: bytearray | None = None  # what came of a PROXY header that is still expected
        self._held: list[RawRecord] = []
        self._held_bytes = 0
        self._wake = asyncio.Event()
        self._closing = False  # nothing more is read; closed once everything held is appended
        self._ended = False
        self._paused = False
        self._choked = False  # the sender does not take its answers
        self._spoke = False
        self._proven = False  # the sender showed a certificate that was checked
        self._host = self._peer = self._source = ""
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    # --- the connection ------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept, or close at once when there are too many."""
        port = self._port
        self._peer, self._host = peer_of(transport.get_extra_info("peername") or ("", 0))
        proxy = self._host in port.believed
        if not port.admit(self, self._host, proxy=proxy):
            transport.close()
            return
        self._transport = cast("asyncio.Transport", transport)
        self._source = port.source or self._host
        if proxy:
            self._header = bytearray()
        if proxy or self._tls is not None:
            self._timer = asyncio.get_running_loop().call_later(OPENING, self._opened_too_late)
        self._group.create_task(self._append())

    def data_received(self, data: bytes) -> None:
        """Undo what is around it, frame, stamp and hold; stop reading when this connection's share is used."""
        if self._transport is None or self._ended or self._closing:
            return
        self._spoke = True
        if self._header is not None:
            data = self._behind_header(data)
        if data and self._tls is not None:
            data = self._decrypted(data, self._tls)
        if data:
            self._hold(self._session.receive(data))
            self._held_bytes += len(data)
            self._answer()
        if self._session.ended or (self._tls is not None and self._tls.ended):
            self._close()
        self._regulate()

    def eof_received(self) -> bool:
        """Nothing more comes. Who waits for answers gets them before the connection is closed."""
        if self._session.answering and self._transport is not None and not self._opening():
            self._close()
            return True
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        """Whatever the reason, what was received is kept."""
        if self._transport is None or self._ended:
            return
        self._ended = True
        if self._opening() and self._spoke and not self._closing:
            self._count_refused()
        self._still()
        self._hold(self._session.finish())
        counters, session = self._port.counters, self._session
        counters.cut_bytes += session.discarded
        counters.resynchronized += session.resynchronized
        if session.broken:
            counters.sessions_broken += 1
            self._port.tell_refused("session_broken", self._source, session.broken)
        self._port.leave(self, self._host)
        self._wake.set()

    def pause_writing(self) -> None:
        """The sender does not take its answers: it is read again when it does."""
        self._choked = True
        self._regulate()

    def resume_writing(self) -> None:
        """The sender takes its answers again."""
        self._choked = False
        self._regulate()

    def stop(self) -> None:
        """Read no more; what was read is appended, what waits for an answer gets it."""
        if self._transport is not None and not self._ended and not self._closing:
            self._session.stop()
            self._close()

    # --- what is around the frames -------------------------------------------------------------------------------------

    def _opening(self) -> bool:
        """The PROXY header or the handshake is not over."""
        return self._header is not None or (self._tls is not None and not self._tls.established)

    def _still(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _opened_too_late(self) -> None:
        if self._spoke or self._tls is not None:
            self._count_refused()
        self._close()

    def _count_refused(self) -> None:
        if self._header is not None:
            self._port.counters.proxy_refused += 1
        else:
            self._port.counters.tls_refused += 1

    def _behind_header(self, data: bytes) -> bytes:
        """What follows the PROXY header, once that is whole."""
        assert self._header is not None
        self._header += data
        try:
            announced = parse_header(bytes(self._header))
        except ProxyError as error:
            self._count_refused()
            self._port.tell_refused("proxy_header_refused", self._host, str(error))
            self._close()
            return b""
        if announced is None:
            return b""
        rest = bytes(self._header[announced.length :])
        self._header = None
        if announced.peer is not None:
            self._peer, address = peer_of(announced.peer)
            self._source = self._port.source or address
        if self._tls is None:
            self._still()
        return rest

    def _decrypted(self, data: bytes, tls: TlsChannel) -> bytes:
        was = tls.established
        plain = tls.receive(data)
        self._write(tls.outgoing())
        if tls.established and not was:
            self._still()
            self._proven = tls.certified()
            if subject := tls.subject():
                self._port.tell_sender(self._source, subject)
        if tls.failure:
            self._port.counters.tls_refused += 1
            self._port.tell_refused("tls_refused", self._source, tls.failure)
            self._close()
        return plain

    def _answer(self) -> None:
        """Send what the session has to say."""
        answers = self._session.answers()
        if answers and self._tls is not None:
            self._tls.send(answers)
            answers = self._tls.outgoing()
        self._write(answers)

    def _write(self, data: bytes) -> None:
        if data and self._transport is not None and not self._ended and not self._transport.is_closing():
            self._transport.write(data)

    # --- holding and appending -----------------------------------------------------------------------------------------

    def _hold(self, frames: Sequence[Frame]) -> None:
        if not frames:
            return
        port, peer, source = self._port, self._peer, self._source
        received, name, profile, unproven = port.clock(), port.name, port.profile, not self._proven
        self._held += [
            RawRecord(data, received, name, peer, source, "", profile, cut, unproven) for data, cut in frames
        ]
        self._wake.set()

    def _close(self) -> None:
        """Read no more, and close when everything held is appended and answered."""
        self._closing = True
        self._still()
        self._regulate()
        self._wake.set()

    def _regulate(self) -> None:
        """Read on, or not."""
        transport = self._transport
        if transport is None or self._ended or transport.is_closing():
            return
        much = self._held_bytes >= self._port.share() or self._session.crowded
        wanted = much or self._choked or self._closing
        if wanted and not self._paused:
            transport.pause_reading()
        elif self._paused and not wanted:
            transport.resume_reading()
        self._paused = wanted

    async def _append(self) -> None:
        port = self._port
        try:
            while not (self._ended and not self._held):
                await self._wake.wait()
                self._wake.clear()
                while self._held:
                    records, self._held = self._held, []
                    self._held_bytes = 0
                    if await append_when_there_is_room(port.intake, records, {}, port.counters, give_up=port.gives_up):
                        self._session.durable(len(records))
                        self._answer()
                    self._regulate()
                if self._closing:
                    self._shut()
        except (BusError, UnavailableError):
            # the intake has ended and its own error stops the process; the sender sees a closed connection
            port.counters.refused += len(self._held)
            self._closing = True
            self._shut()

    def _shut(self) -> None:
        """Close after the last answers, which a sender has a while to take."""
        transport = self._transport
        if transport is None or self._ended or transport.is_closing():
            return
        self._answer()
        if self._tls is not None:
            self._tls.close()
            self._write(self._tls.outgoing())
        transport.close()
        self._timer = asyncio.get_running_loop().call_later(CLOSING, transport.abort)

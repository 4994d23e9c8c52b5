"""Syslog over TCP (RFC 6587): byte streams in, one record a frame out; a sender waits when there is no room.

Plain syslog has no acknowledgement. What a sender's kernel has handed over and this process has not yet made durable is
lost if the process is killed: at most what was in flight. A clean stop appends it.
"""

import asyncio
from dataclasses import dataclass, field
from typing import cast

from collectors.base import Endpoint, InputCounters
from collectors.framing import Frame, SyslogFramer
from collectors.intake import Intake
from collectors.patience import append_when_there_is_room
from collectors.sockets import endpoint_of, listen_tcp, peer_of
from soc.clock import Clock
from soc.errors import BusError, UnavailableError
from soc.model.record import RawRecord

BUDGET = 64 * 1024 * 1024  # bytes held for all connections together while their appends wait
SHARE_MIN, SHARE_MAX = 64 * 1024, 2 * 1024 * 1024  # one connection's part of it
LAST_READS = 0.1  # seconds a stop goes on reading what the kernel already has
GIVE_UP = 10.0  # seconds a stop waits for a full bus


@dataclass(slots=True)
class _Port:
    """What the connections of one listener share."""

    intake: Intake
    name: str
    profile: str
    source: str
    max_bytes: int
    max_connections: int
    clock: Clock
    counters: InputCounters
    connections: "set[_Connection]" = field(default_factory=lambda: set[_Connection]())  # noqa: PLW0108 - the class is defined below
    give_up_at: float | None = None

    def share(self) -> int:
        """Bytes one connection may hold."""
        return min(SHARE_MAX, max(SHARE_MIN, BUDGET // max(1, len(self.connections))))

    def gives_up(self) -> bool:
        """A stop has waited long enough for a full bus."""
        return self.give_up_at is not None and asyncio.get_running_loop().time() >= self.give_up_at


class SyslogTcp:
    """One TCP port; octet counting and LF framing, told apart per connection.

    Args:
        intake: where records become durable.
        name: the listener's name, on every record.
        host: address to bind; ``::`` takes IPv4 too.
        port: 0 picks a free one.
        profile: source profile of every record, ``""`` to find it later.
        source: key of every record; ``""`` takes the sender's address.
        max_bytes: a longer frame is cut and marked.
        max_connections: further ones are closed at once and counted.
        clock: stamps the records.
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
    ) -> None:
        self.name = name
        self.counters = InputCounters()
        self.ready = asyncio.Event()
        self.address: Endpoint | None = None
        self._intake = intake
        self._bind = (host, port)
        self._port = _Port(intake, name, profile, source, max_bytes, max_connections, clock, self.counters)

    async def run(self) -> None:
        """See ``Collector.run``."""
        await self._intake.ready.wait()
        loop = asyncio.get_running_loop()
        cancelled: asyncio.CancelledError | None = None
        with self._intake.attached():
            sock = listen_tcp(*self._bind)
            self.address = endpoint_of(sock)
            async with asyncio.TaskGroup() as group:
                server = await loop.create_server(lambda: _Connection(self._port, group), sock=sock)
                self.ready.set()
                try:
                    await loop.create_future()
                except asyncio.CancelledError as error:
                    cancelled = error
                    self._port.give_up_at = loop.time() + GIVE_UP
                finally:
                    server.close()
                await asyncio.sleep(LAST_READS)
                for connection in tuple(self._port.connections):
                    connection.stop()
        if cancelled is not None:
            raise cancelled


class _Connection(asyncio.Protocol):
    """One sender: frames as they come in, a task that appends them, and no reading while too much waits."""

    def __init__(self, port: _Port, group: asyncio.TaskGroup) -> None:
        self._port = port
        self._group = group
        self._framer = SyslogFramer(port.max_bytes)
        self._held: list[RawRecord] = []
        self._held_bytes = 0
        self._wake = asyncio.Event()
        self._ended = False
        self._paused = False
        self._peer = self._source = ""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept, or close at once when there are too many."""
        port = self._port
        if len(port.connections) >= port.max_connections:
            port.counters.connections_refused += 1
            transport.close()
            return
        self._transport = cast("asyncio.Transport", transport)
        self._peer, address = peer_of(transport.get_extra_info("peername") or ("", 0))
        self._source = port.source or address
        port.connections.add(self)
        port.counters.accepted += 1
        port.counters.connections = len(port.connections)
        self._group.create_task(self._append())

    def data_received(self, data: bytes) -> None:
        """Frame, stamp and hold; stop reading when this connection's share is used."""
        if self._transport is None or self._ended:
            return
        self._hold(self._framer.receive(data))
        self._held_bytes += len(data)
        if self._held_bytes >= self._port.share() and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _hold(self, frames: list[Frame]) -> None:
        if not frames:
            return
        port, peer, source = self._port, self._peer, self._source
        received, name, profile = port.clock(), port.name, port.profile
        self._held += [RawRecord(data, received, name, peer, source, "", profile, cut) for data, cut in frames]
        self._wake.set()

    def eof_received(self) -> bool:
        """Nothing more comes, and nothing is ever answered: close."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        """Whatever the reason, what was received is kept."""
        if self._transport is None or self._ended:
            return
        self._ended = True
        self._hold(self._framer.finish())
        counters = self._port.counters
        counters.cut_bytes += self._framer.discarded
        counters.resynchronized += self._framer.resynchronized
        self._port.connections.discard(self)
        counters.connections = len(self._port.connections)
        self._wake.set()

    def stop(self) -> None:
        """Read no more; what was read is framed and appended."""
        if self._transport is not None:
            self._transport.close()

    async def _append(self) -> None:
        port = self._port
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                records, self._held = self._held, []
                self._held_bytes = 0
                if records:
                    await append_when_there_is_room(port.intake, records, {}, port.counters, give_up=port.gives_up)
                elif self._ended:
                    return
                if self._held or self._ended:
                    self._wake.set()
                if self._paused and not self._ended and self._transport is not None and self._held_bytes < port.share():
                    self._paused = False
                    self._transport.resume_reading()
        except (BusError, UnavailableError):
            # the intake has ended and its own error stops the process; the sender sees a closed connection
            port.counters.refused += len(self._held)
            self.stop()

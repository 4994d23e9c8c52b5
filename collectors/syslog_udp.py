"""Syslog over UDP (RFC 5426): each datagram in is one record out.

UDP has no push-back. What is lost is counted where it is lost: by the kernel when its buffer is full
(``kernel_dropped``), here when the intake has no room (``refused``).
"""

import asyncio
import socket
from collections.abc import Sequence

from collectors.base import Endpoint, InputCounters
from collectors.intake import Intake
from collectors.sockets import dropped, endpoint_of, listen_udp, peer_of
from soc.clock import Clock
from soc.errors import BusError, BusFullError, UnavailableError
from soc.model.record import RawRecord

BATCH = 1024  # datagrams read before the event loop gets its turn again
LAST_BATCHES = 128  # read by a stop: more than a receive buffer holds, and an end under a flood
DROPS_EVERY = 1.0  # seconds between looks at the kernel's counter
_PEERS = 65_536  # sender addresses remembered as text; forged ones come without end


class SyslogUdp:
    """One UDP port.

    Args:
        intake: where records become durable.
        name: the listener's name, on every record.
        host: address to bind; ``::`` takes IPv4 too.
        port: 0 picks a free one.
        profile: source profile of every record, ``""`` to find it later.
        source: key of every record; ``""`` takes the sender's address.
        max_bytes: a longer datagram is cut and marked.
        receive_buffer: bytes asked of the kernel for bursts.
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
        receive_buffer: int = 16 * 1024 * 1024,
    ) -> None:
        self.name = name
        self.counters = InputCounters()
        self.ready = asyncio.Event()
        self.address: Endpoint | None = None
        self.receive_buffer = 0
        """What the kernel granted, in bytes as it counts them (data and overhead); 0 before it listens."""
        self._intake = intake
        self._bind = (host, port, receive_buffer)
        self._profile = profile
        self._source = source
        self._max = max_bytes
        self._clock = clock
        self._buffer = bytearray(max_bytes)
        self._view = memoryview(self._buffer)
        self._peers: dict[object, tuple[str, str]] = {}
        self._last: asyncio.Future[None] | None = None
        self._dropped = 0

    async def run(self) -> None:
        """See ``Collector.run``."""
        await self._intake.ready.wait()
        with self._intake.attached(), listen_udp(*self._bind) as sock:
            loop = asyncio.get_running_loop()
            self.receive_buffer = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
            self._dropped = dropped(sock)
            loop.add_reader(sock.fileno(), self._read, sock)
            self.address = endpoint_of(sock)
            self.ready.set()
            try:
                while True:
                    await asyncio.sleep(DROPS_EVERY)
                    self._look_at_drops(sock)
            finally:
                loop.remove_reader(sock.fileno())
                for _ in range(LAST_BATCHES):  # what the kernel still holds was received by this machine
                    if not self._read(sock):
                        break
                self._look_at_drops(sock)
                if self._last is not None:
                    await asyncio.wait((self._last,))

    def _look_at_drops(self, sock: socket.socket) -> None:
        now = dropped(sock)
        self.counters.kernel_dropped += (now - self._dropped) % 2**32
        self._dropped = now

    def _read(self, sock: socket.socket) -> bool:
        """Take up to ``BATCH`` datagrams; True if there may be more."""
        records: list[RawRecord] = []
        received = self._clock()
        view, limit, peers = self._view, self._max, self._peers
        name, profile, source = self.name, self._profile, self._source
        receive = sock.recvfrom_into
        more = True
        for _ in range(BATCH):
            try:
                # with MSG_TRUNC the kernel tells the real length of a datagram that did not fit
                size, address = receive(view, limit, socket.MSG_TRUNC)
            except BlockingIOError:
                more = False
                break
            except OSError:  # an ICMP error about something sent earlier; datagrams behind it are fine
                continue
            if not size:
                continue
            peer = peers.get(address)
            if peer is None:
                if len(peers) >= _PEERS:
                    peers.clear()
                peer = peers[address] = peer_of(address)
            if size > limit:
                self.counters.cut_bytes += size - limit
                records.append(RawRecord(bytes(view), received, name, peer[0], source or peer[1], "", profile, True))
            else:
                records.append(RawRecord(bytes(view[:size]), received, name, peer[0], source or peer[1], "", profile))
        if records:
            self._submit(records)
        return more

    def _submit(self, records: Sequence[RawRecord]) -> None:
        try:
            done = self._intake.submit(records)
        except (BusFullError, BusError, UnavailableError):
            # full or ended: this callback must not block and has nobody to raise to; the intake's own end stops the process
            self.counters.refused += len(records)
            self.counters.refused_full += len(records) if self._intake.log_full else 0
            return
        size = sum(len(record.data) for record in records)
        cut = sum(record.cut for record in records)

        def settled(future: asyncio.Future[None]) -> None:
            if future.cancelled() or future.exception() is not None:
                full = not future.cancelled() and isinstance(future.exception(), BusFullError)
                self.counters.refused += len(records)
                self.counters.refused_full += len(records) if full else 0
            else:
                self.counters.received += len(records)
                self.counters.bytes += size
                self.counters.cut += cut

        done.add_done_callback(settled)
        self._last = done

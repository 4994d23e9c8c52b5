"""Inputs over UDP: each datagram in is one record out, or a part of one; nobody can be made to wait.

UDP has no push-back. What is lost is counted where it is lost: by the kernel when its buffer is full
(``kernel_dropped``), here when the intake has no room (``refused``).

Fairness: what one read took is handed over by source, and the intake refuses a source only while that one holds more than its share
of a crowded room (``fairness``), so a flood costs the device that floods, and names it. Before that, in the kernel, several
sockets on the port (``sockets``) keep a flood to the buffer of one of them.

Anybody can write any sender's address on a datagram, so every record is marked ``unauthenticated``.
"""

import asyncio
import socket
from collections.abc import Sequence

from collectors.base import Endpoint, InputCounters
from collectors.fairness import OverShareError
from collectors.intake import Intake
from collectors.recvmmsg import Datagrams, sender_of
from collectors.sockets import dropped, endpoint_of, listen_udp, peer_of
from soc.clock import Clock, Micros
from soc.errors import BusError, BusFullError, UnavailableError
from soc.model.record import RawRecord

BATCH = 256  # datagrams read with one system call
TURNS = 4  # batches before the event loop gets its turn again
LAST_BATCHES = 128  # read by a stop: more than a receive buffer holds, and an end under a flood
LOOK_EVERY = 1.0  # seconds between looks at the kernel's counters
_PEERS = 65_536  # sender addresses remembered as text; forged ones come without end
LARGEST = 65_536  # a datagram holds 65,507 bytes over IPv4, 65,527 over IPv6


class DatagramInput:
    """One UDP port; what a datagram says is the subclass's.

    Args:
        intake: where records become durable.
        name: the listener's name, on every record.
        host: address to bind; ``::`` takes IPv4 too.
        port: 0 picks a free one.
        profile: source profile of every record, ``""`` to find it later.
        source: key of every record; ``""`` takes the sender's address.
        max_bytes: a longer message is cut and marked.
        receive_buffer: bytes asked of the kernel for bursts, for each socket.
        sockets: how many share the port.
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
        sockets: int = 1,
    ) -> None:
        self.name = name
        self.counters = InputCounters()
        self.ready = asyncio.Event()
        self.address: Endpoint | None = None
        self.receive_buffer = 0
        """What the kernel granted in all, in bytes as it counts them (data and overhead); 0 before it listens."""
        self.max_bytes = max_bytes
        self._intake = intake
        self._bind = (host, port, receive_buffer, sockets)
        self._profile = profile
        self._source = source
        self._clock = clock
        self._limit = self.longest()
        self._batch = Datagrams(BATCH, self._limit)
        self._peers: dict[bytes, tuple[str, str]] = {}
        self._last: dict[str, asyncio.Future[None]] = {}  # source → what was handed over last
        self._dropped: dict[int, int] = {}

    # --- for subclasses ------------------------------------------------------------------------------------------------

    def longest(self) -> int:
        """Bytes of a datagram that are read; a longer one is cut and marked."""
        return self.max_bytes

    def message(self, data: bytes, peer: str, received: Micros) -> tuple[bytes, bool] | None:  # noqa: ARG002 - a subclass's to use
        """What a datagram says: the message that it is or completes, and whether it was cut; None: nothing yet, or ever."""
        return data, False

    def look(self) -> None:
        """Called once a second."""

    # --- the port ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """See ``Collector.run``."""
        await self._intake.ready.wait()
        with self._intake.attached():
            socks = listen_udp(*self._bind)
            loop = asyncio.get_running_loop()
            for sock in socks:
                self.receive_buffer += sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
                self._dropped[sock.fileno()] = dropped(sock)
                loop.add_reader(sock.fileno(), self._read, sock)
            self.address = endpoint_of(socks[0])
            self.ready.set()
            try:
                while True:
                    await asyncio.sleep(LOOK_EVERY)
                    self._look_at(socks)
            finally:
                for sock in socks:
                    loop.remove_reader(sock.fileno())
                    for _ in range(LAST_BATCHES):  # what the kernel still holds was received by this machine
                        if not self._read(sock):
                            break
                self._look_at(socks)
                for sock in socks:
                    sock.close()
                if self._last:
                    await asyncio.wait(self._last.values())

    def _look_at(self, socks: Sequence[socket.socket]) -> None:
        for sock in socks:
            now = dropped(sock)
            self.counters.kernel_dropped += (now - self._dropped[sock.fileno()]) % 2**32
            self._dropped[sock.fileno()] = now
        self.look()

    def _read(self, sock: socket.socket) -> bool:
        """Take up to ``TURNS`` batches; True if there may be more."""
        records: dict[str, list[RawRecord]] = {}
        received = self._clock()
        peers, limit, message = self._peers, self._limit, self.message
        name, profile, fixed = self.name, self._profile, self._source
        more = True
        for _ in range(TURNS):
            try:
                datagrams = self._batch.receive(sock)
            except BlockingIOError:
                more = False
                break
            except OSError:  # an ICMP error about something sent earlier; datagrams behind it are fine
                continue
            for data, size, address in datagrams:
                if not size:
                    continue
                known = peers.get(address)
                if known is None:
                    if len(peers) >= _PEERS:
                        peers.clear()
                    known = peers[address] = peer_of(sender_of(address))
                peer, source = known
                said = message(data, peer, received)
                if said is None:
                    continue
                text, cut = said
                if size > limit:
                    self.counters.cut_bytes += size - limit
                    cut = True
                source = fixed or source
                record = RawRecord(text, received, name, peer, source, "", profile, cut, True)
                if (mine := records.get(source)) is None:
                    records[source] = [record]
                else:
                    mine.append(record)
            if len(datagrams) < BATCH:
                more = False
                break
        for source, mine in records.items():
            self._submit(source, mine)
        return more

    def _submit(self, source: str, records: Sequence[RawRecord]) -> None:
        counters = self.counters
        try:
            done = self._intake.submit(records)
        except (BusError, UnavailableError) as error:
            # full or ended: this callback must not block and has nobody to raise to; the intake's own end stops the process
            counters.refused += len(records)
            counters.refused_full += len(records) if self._intake.log_full else 0
            counters.refused_share += len(records) if isinstance(error, OverShareError) else 0
            return
        size = sum(len(record.data) for record in records)
        cut = sum(record.cut for record in records)

        def settled(future: asyncio.Future[None]) -> None:
            if self._last.get(source) is future:
                del self._last[source]
            if future.cancelled() or future.exception() is not None:
                full = not future.cancelled() and isinstance(future.exception(), BusFullError)
                counters.refused += len(records)
                counters.refused_full += len(records) if full else 0
            else:
                counters.received += len(records)
                counters.bytes += size
                counters.cut += cut

        self._last[source] = done
        done.add_done_callback(settled)

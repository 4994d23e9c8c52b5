"""What every input offers the composition root: a name, counters, a bound address and a ``run`` that ends when cancelled."""

import asyncio
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

Endpoint = tuple[str, int]
"""Host and port as bound."""


@dataclass(slots=True)
class InputCounters:
    """What one listener saw, since it started; every field only grows, except ``connections``.

    A record that came in is in exactly one of ``received`` (durable) and ``refused``; what never became a record is
    in ``kernel_dropped``, ``cut_bytes`` or ``rejected``.

    Attributes:
        received: records made durable.
        bytes: their bytes.
        refused: records dropped because the intake had no room (UDP at any time, TCP only when it must stop).
        refused_full: those of them for which the log had no room, on its disk or by its bound; for the others more waited to be
            made durable than is let wait, or the intake had ended.
        cut: records longer than the limit, cut and marked.
        cut_bytes: bytes that were cut off.
        resynchronized: wrong octet counts after which framing had to be found again.
        kernel_dropped: datagrams the kernel dropped before they were read.
        connections: open now (TCP).
        accepted: connections accepted.
        connections_refused: connections closed at once because there were too many.
        pushed_back: how often a sender had to wait, or was answered 503.
        duplicates: requests that repeated an idempotency key and wrote nothing.
        rejected: requests answered 4xx.
        rotated: files read to their end after a rotation.
        truncated: files started over at their beginning.
        missing: files that went away (deleted, compressed) with bytes that may not have been read.
        refused_share: those of ``refused`` whose source held its share of the waiting room; the others were let in.
        proxy_refused: connections of a believed proxy that did not begin with a correct PROXY header.
        tls_refused: connections whose TLS handshake failed, or whose TLS broke later.
        tls_verified: connections whose sender proved who it is by a certificate.
        certificates_reloaded: how often changed certificate files were taken up.
        certificates_unusable: how often changed certificate files could not be used, so that the former stayed.
        sessions_broken: RELP sessions ended because what came was no RELP.
        incomplete: GELF messages given up: parts of them did not come, or did not fit together.
        restarted: how often a program that an input reads from had to be started again.
        gaps: offsets of a foreign log that were deleted there before they were read (Kafka retention); markers have offsets too.
    """

    received: int = 0
    bytes: int = 0
    refused: int = 0
    refused_full: int = 0
    cut: int = 0
    cut_bytes: int = 0
    resynchronized: int = 0
    kernel_dropped: int = 0
    connections: int = 0
    accepted: int = 0
    connections_refused: int = 0
    pushed_back: int = 0
    duplicates: int = 0
    rejected: int = 0
    rotated: int = 0
    truncated: int = 0
    missing: int = 0
    refused_share: int = 0
    proxy_refused: int = 0
    tls_refused: int = 0
    tls_verified: int = 0
    certificates_reloaded: int = 0
    certificates_unusable: int = 0
    sessions_broken: int = 0
    incomplete: int = 0
    restarted: int = 0
    gaps: int = 0


def state_prefix(kind: str, listener: str) -> bytes:
    """Where a listener keeps its state: ``<kind>/<listener>/``; a slash in the name is escaped, so no prefix holds another."""
    return f"{kind}/{quote(listener, safe=' :@')}/".encode()


class Collector(Protocol):
    """One listener."""

    @property
    def name(self) -> str:
        """The configured name."""
        ...

    @property
    def counters(self) -> InputCounters:
        """Read by telemetry at any time."""
        ...

    @property
    def ready(self) -> asyncio.Event:
        """Set once it listens."""
        ...

    @property
    def address(self) -> Endpoint | None:
        """Where it listens (the real port, for port 0); None before it does, and for inputs without a socket."""
        ...

    async def run(self) -> None:
        """Listen until cancelled; then stop accepting, append what was read, and end.

        Raises:
            UnavailableError: the address cannot be bound.
            BusError: the intake has ended (inputs with senders refuse from then on; the intake's own error stops the process).
        """
        ...

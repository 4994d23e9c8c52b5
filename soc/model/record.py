"""``soc.raw``: the bytes of one received message, untouched, with what the collector knew when it came."""

import msgspec

from soc.clock import Micros


class RawRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):  # it holds nothing that could hold it
    """One received message.

    Attributes:
        data: the bytes as framed: no terminator, nothing decoded, nothing trimmed.
        received: when the collector had it.
        listener: the configured name of the input, e.g. ``syslog-udp``.
        peer: who sent it: ``192.0.2.7:51514``, ``[2001:db8::1]:514`` or ``/var/log/auth.log``.
        source: the key of order, fairness and balance: the listener's configured source, else the peer's address or path.
        id: the input's own identity where it has one (file fingerprint + offset, idempotency key + index); ``""`` means
            that the record's address on the bus is its id.
        profile: the source profile the listener is configured with; ``""`` means find it by address or pattern.
        cut: the frame was longer than the limit and was cut there.
        unauthenticated: nothing on the way here proved who sent it: it came over UDP, over TCP or TLS without a client
            certificate, or from brokers that ask nobody to sign in.
    """

    data: bytes
    received: Micros
    listener: str
    peer: str
    source: str
    id: str = ""
    profile: str = ""
    cut: bool = False
    unauthenticated: bool = False

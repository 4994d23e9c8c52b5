"""Loopback ports for tests, below those that the kernel hands out by itself: nobody gets a server's port while it is down."""

import random
import socket

FIRST, LAST = 10_000, 32_000
"""Linux hands out 32768 and above (``net.ipv4.ip_local_port_range``)."""

_random = random.SystemRandom()


def free_port() -> int:
    """A port that is free for TCP and UDP on loopback now."""
    while True:
        port = _random.randrange(FIRST, LAST)
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        ):
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port

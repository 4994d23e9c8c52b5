"""Listening sockets and peer names: host and port in, bound sockets out; socket addresses in, ``host:port`` out."""

import socket
from ipaddress import IPv6Address
from typing import Any

from collectors.base import Endpoint
from soc.errors import UnavailableError

SO_RCVBUFFORCE = 33  # linux: past net.core.rmem_max, needs CAP_NET_ADMIN
SO_MEMINFO = 55  # linux ≥ 4.12: nine u32, the last is how many packets this socket dropped (SK_MEMINFO_DROPS)
BACKLOG = 1024


def _family(host: str, port: int, kind: socket.SocketKind) -> tuple[socket.AddressFamily, Any]:
    flags = socket.AI_PASSIVE
    try:
        found = socket.getaddrinfo(host or None, port, type=kind, flags=flags)
    except OSError as error:
        raise UnavailableError(f"cannot listen on {host!r}: {error}; give an address of this machine") from error
    return found[0][0], found[0][4]


def _bound(host: str, port: int, kind: socket.SocketKind, *, shared: bool = False) -> socket.socket:
    family, address = _family(host, port, kind)
    sock = socket.socket(family, kind)
    try:
        if kind is socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            # "::" takes IPv4 too; an explicit IPv6 address never does
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if address[0] == "::" else 1)
        sock.bind(address)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise UnavailableError(
            f"cannot listen on {host}:{port}: {error.strerror}; is another program there, or is the port below 1024?"
        ) from error
    return sock


def listen_tcp(host: str, port: int) -> socket.socket:
    """A listening stream socket, not blocking.

    Raises:
        UnavailableError: the address cannot be bound.
    """
    sock = _bound(host, port, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # inherited: a peer that vanished is noticed
    sock.listen(BACKLOG)
    return sock


def listen_udp(host: str, port: int, receive_buffer: int, sockets: int = 1) -> list[socket.socket]:
    """Bound datagram sockets, not blocking, each with a kernel buffer as near to ``receive_buffer`` bytes as is allowed.

    Several share the port (SO_REUSEPORT): the kernel gives each sender's datagrams to one of them by a hash of its address and
    port, so order within a sender holds, and a flood fills the buffer of one socket and not that of the others. One alone
    does not share its port, so that a second program on it is an error and no silent half.

    Raises:
        UnavailableError: the address cannot be bound.
    """
    bound: list[socket.socket] = []
    try:
        for _ in range(sockets):
            sock = _bound(host, bound[0].getsockname()[1] if bound else port, socket.SOCK_DGRAM, shared=sockets > 1)
            bound.append(sock)
            try:
                sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, receive_buffer)
            except OSError:  # without CAP_NET_ADMIN: what net.core.rmem_max allows
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    except UnavailableError:
        for sock in bound:
            sock.close()
        raise
    return bound


def dropped(sock: socket.socket) -> int:
    """How many datagrams the kernel dropped for this socket so far, modulo 2**32."""
    return int.from_bytes(sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36)[32:36], "little")


def peer_of(address: Any) -> tuple[str, str]:
    """A socket address as (``host:port``, ``host``); an IPv4 sender on an IPv6 socket is written as IPv4."""
    host, port = str(address[0]), int(address[1])
    if ":" not in host:
        return f"{host}:{port}", host
    mapped = IPv6Address(host).ipv4_mapped
    if mapped is not None:
        return f"{mapped}:{port}", str(mapped)
    return f"[{host}]:{port}", host


def endpoint_of(sock: socket.socket) -> Endpoint:
    """Where a socket is bound."""
    host, port = sock.getsockname()[:2]
    return str(host), int(port)

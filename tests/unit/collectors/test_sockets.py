"""Sockets and the names of listeners and peers."""

import socket

import pytest

from collectors.base import state_prefix
from collectors.sockets import dropped, listen_tcp, listen_udp, peer_of
from soc.errors import UnavailableError


@pytest.mark.parametrize(
    ("address", "peer", "source"),
    [
        (("192.0.2.7", 514), "192.0.2.7:514", "192.0.2.7"),
        (("2001:db8::1", 514, 0, 0), "[2001:db8::1]:514", "2001:db8::1"),
        (("::ffff:192.0.2.7", 514, 0, 0), "192.0.2.7:514", "192.0.2.7"),
        (("fe80::1%eth0", 514, 0, 2), "[fe80::1%eth0]:514", "fe80::1%eth0"),
    ],
)
def test_peers_are_named_as_people_write_them(address: tuple[object, ...], peer: str, source: str) -> None:
    assert peer_of(address) == (peer, source)


def test_a_port_that_is_taken_is_an_error_that_names_it() -> None:
    with listen_tcp("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UnavailableError, match=str(port)):
            listen_tcp("127.0.0.1", port)


def test_a_host_that_is_no_address_is_an_error_that_names_it() -> None:
    with pytest.raises(UnavailableError, match="no-such-host"):
        listen_udp("no-such-host.invalid", 0, 4096)


def test_the_kernel_tells_how_many_datagrams_it_dropped() -> None:
    with listen_udp("127.0.0.1", 0, 4096)[0] as sock, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        assert dropped(sock) == 0
        for _ in range(200):
            sender.sendto(b"x" * 1000, sock.getsockname())
        kept = 0
        while True:
            try:
                sock.recv(2000)
            except BlockingIOError:
                break
            kept += 1
        assert 0 < kept < 200
        assert dropped(sock) == 200 - kept


def test_no_listener_s_state_lies_within_another_s() -> None:
    assert state_prefix("file", "auth") == b"file/auth/"
    assert not state_prefix("file", "a/b").startswith(state_prefix("file", "a"))

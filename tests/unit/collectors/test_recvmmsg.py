"""Datagrams of one system call: their bytes, their lengths and their senders, as recvfrom tells them one by one."""

import socket
import sys

import pytest

from collectors.recvmmsg import Datagrams, sender_of


def pair(family: int, host: str) -> tuple[socket.socket, socket.socket]:
    receiver, sender = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM)
    receiver.bind((host, 0))
    receiver.setblocking(False)
    sender.connect(receiver.getsockname())
    return receiver, sender


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_batch_holds_what_came_in_order_with_lengths_and_senders(family: int, host: str):
    receiver, sender = pair(family, host)
    with receiver, sender:
        batch = Datagrams(4, 100)
        with pytest.raises(BlockingIOError):
            batch.receive(receiver)
        sent = [b"one", b"", b"x" * 100, b"y" * 300, b"five", b"six"]
        for data in sent:
            sender.send(data)
        found = batch.receive(receiver)
        assert [(data, length) for data, length, _ in found] == [(data[:100], len(data)) for data in sent[:4]]
        found += batch.receive(receiver)
        assert [data for data, _, _ in found[4:]] == sent[4:]
        assert {sender_of(name) for _, _, name in found} == {sender.getsockname()[:2]}


def test_a_closed_socket_is_an_error_and_no_silence():
    receiver, sender = pair(socket.AF_INET, "127.0.0.1")
    receiver.close()
    sender.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        Datagrams(1, 10).receive(receiver)


def test_a_link_local_sender_is_named_with_its_zone():
    zone = socket.if_nametoindex("lo").to_bytes(4, sys.byteorder)
    address = socket.inet_pton(socket.AF_INET6, "fe80::7")
    family = socket.AF_INET6.to_bytes(2, sys.byteorder)
    assert sender_of(family + (514).to_bytes(2, "big") + bytes(4) + address + zone) == ("fe80::7%lo", 514)

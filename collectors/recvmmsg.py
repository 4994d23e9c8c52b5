"""recvmmsg(2): a socket in, up to a batch of datagrams out with one system call.

Python has no binding for it. One call a datagram is what a UDP input spends most of its time on, and while it is busy the kernel
drops; asked through ctypes for a batch, the kernel is entered once for many.
"""

import ctypes
import errno
import os
import socket
import sys
from ipaddress import IPv6Address
from typing import ClassVar

_NAME = 28  # bytes of a sockaddr_in6; a sockaddr_in has 16
_MSG_DONTWAIT = 0x40


class _Vector(ctypes.Structure):
    """struct iovec."""

    _fields_: ClassVar = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class _Message(ctypes.Structure):
    """struct msghdr."""

    _fields_: ClassVar = [
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint),
        ("vectors", ctypes.c_void_p),
        ("vectors_length", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    ]


class _Header(ctypes.Structure):
    """struct mmsghdr: the message, and how long the datagram was."""

    _fields_: ClassVar = [("message", _Message), ("length", ctypes.c_uint)]


_WORDS = ctypes.sizeof(_Header) // 4
_LENGTH_WORD = _Header.length.offset // 4
_libc = ctypes.CDLL(None, use_errno=True)


class Datagrams:
    """Room for a batch, used again for each.

    Args:
        count: datagrams of a batch.
        size: bytes of each that are kept. Memory is taken as far as datagrams fill it.
    """

    def __init__(self, count: int, size: int) -> None:
        self._count, self._size = count, size
        self._data = bytearray(count * size)
        self._names = bytearray(count * _NAME)
        self._headers = (_Header * count)()
        self._vectors = (_Vector * count)()
        data = ctypes.addressof(ctypes.c_char.from_buffer(self._data))
        names = ctypes.addressof(ctypes.c_char.from_buffer(self._names))
        vectors = ctypes.addressof(self._vectors)
        for index in range(count):
            self._vectors[index].base, self._vectors[index].length = data + index * size, size
            message = self._headers[index].message
            message.name, message.name_length = names + index * _NAME, _NAME
            message.vectors, message.vectors_length = vectors + index * ctypes.sizeof(_Vector), 1
        self._view = memoryview(self._data)
        self._words = memoryview(self._headers).cast("B").cast("I")

    def receive(self, sock: socket.socket) -> list[tuple[bytes, int, bytes]]:
        """What waits on a socket, up to a batch: (bytes, how long the datagram was, its sender as ``sender_of`` reads it).

        Raises:
            BlockingIOError: nothing waits.
            OSError: an error about something sent earlier (ICMP); datagrams behind it are fine.
        """
        # with MSG_TRUNC the kernel tells the real length of a datagram that did not fit
        found: int = _libc.recvmmsg(sock.fileno(), self._headers, self._count, _MSG_DONTWAIT | socket.MSG_TRUNC, None)
        if found < 0:
            number = ctypes.get_errno()
            raise (BlockingIOError if number == errno.EAGAIN else OSError)(number, os.strerror(number))
        view, size = self._view, self._size
        names = bytes(self._names[: found * _NAME])
        lengths = self._words[_LENGTH_WORD : found * _WORDS : _WORDS].tolist()
        return [
            (bytes(view[at : at + min(length, size)]), length, names[name : name + _NAME])
            for length, at, name in zip(
                lengths, range(0, found * size, size), range(0, found * _NAME, _NAME), strict=True
            )
        ]


def sender_of(name: bytes) -> tuple[str, int]:
    """A socket address of the kernel as (host, port), the host with its zone where it has one."""
    port = int.from_bytes(name[2:4], "big")
    if int.from_bytes(name[:2], sys.byteorder) == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, name[4:8]), port
    host = str(IPv6Address(name[8:24]))
    zone = int.from_bytes(name[24:28], sys.byteorder)
    return (f"{host}%{socket.if_indextoname(zone)}" if zone else host), port

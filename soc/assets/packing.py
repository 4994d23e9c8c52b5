"""A value in, the bytes of its publication out, small enough for one record of the bus; and back."""

import zlib
from typing import Any, TypeVar

from soc.errors import RecordError
from soc.model import decode, encode

T = TypeVar("T")

MAX_PACKED = 900_000
"""Bytes of a publication: a record of the bus may have 1 MB, its other fields included (Kafka's ``message.max.bytes``)."""

_MAX_UNPACKED = 256 * 1024 * 1024
_LEVEL = 9


def pack(value: Any) -> bytes:
    """MessagePack, compressed; the same value gives the same bytes."""
    return zlib.compress(encode(value), _LEVEL)


def unpack(what: str, data: bytes, type_: type[T]) -> T:
    """What ``pack`` was given.

    Args:
        what: its name, for the error.
        data: the publication.
        type_: of the value.

    Raises:
        RecordError: the bytes are no such thing, or are too many once unpacked.
    """
    packed = zlib.decompressobj()
    try:
        plain = packed.decompress(data, _MAX_UNPACKED)
    except zlib.error as error:
        raise RecordError(what, f"not packed as a {what} is: {error}") from error
    if not packed.eof:
        raise RecordError(what, f"cut off, or larger than {_MAX_UNPACKED:,} bytes")
    return decode(plain, type_)

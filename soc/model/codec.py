"""Structs to bus values and back: MessagePack, decoded against the expected type.

A field added at the end with a default reads old values; a field is never moved or retyped.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import msgspec

from soc.errors import RecordError

T = TypeVar("T")

_encoder = msgspec.msgpack.Encoder()


encode: Callable[[Any], bytes] = _encoder.encode
"""One struct (or plain value) as MessagePack."""


@cache
def _decoder(type_: type[Any]) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(type_)


def decode(value: bytes, type_: type[T]) -> T:
    """One bus value as ``type_``.

    Raises:
        RecordError: if the bytes are not such a value.
    """
    try:
        return _decoder(type_).decode(value)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        name = getattr(type_, "__name__", str(type_))
        raise RecordError("decode", f"not a {name}: {error}") from error

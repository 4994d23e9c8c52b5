"""GELF (Graylog Extended Log Format): datagrams or a byte stream in, the JSON text of each message out; no socket, no clock.

After "GELF via UDP", "GELF via TCP" and "Chunking" of Graylog's documentation. A message over UDP may be compressed (zlib or gzip)
and cut into at most 128 chunks that must all come within 5 seconds; over TCP it ends with a NUL and is neither.
Nothing is decoded but that: what is no JSON is found, and kept, later.
"""

import zlib
from collections import OrderedDict
from typing import NamedTuple

from collectors.session import Frame, Session
from soc.clock import SECOND, Micros

CHUNK = b"\x1e\x0f"
CHUNK_HEADER = 12  # magic 2, message id 8, number 1, count 1
MOST_CHUNKS = 128
WITHIN: Micros = 5 * SECOND
MAX_SETS = 1024  # messages waiting for chunks, of all senders
MAX_SETS_OF_A_SENDER = 128  # so that one sender's unfinished messages never push out all of another's
MAX_SET_BYTES = 32 * 1024 * 1024  # of all their chunks
_ENDING = b"\r\n"


class Whole(NamedTuple):
    """The bytes of one message; ``cut``: it was longer than the limit when decompressed."""

    data: bytes
    cut: bool = False


class _Set:
    """The chunks of one message that came so far."""

    __slots__ = ("began", "count", "parts", "size")

    def __init__(self, count: int, began: Micros) -> None:
        self.count = count
        self.began = began
        self.parts: dict[int, bytes] = {}
        self.size = 0


class GelfChunks:
    """Datagrams of all senders in, whole messages out; what waits is bounded in messages, bytes and time.

    Args:
        max_bytes: a message is decompressed up to this, then cut and marked: a bomb makes one record of this length.

    Attributes:
        incomplete: messages given up, because chunks did not come in time, contradicted each other, or too many waited.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max = max_bytes
        self._sets: OrderedDict[tuple[str, bytes], _Set] = OrderedDict()
        self._of: dict[str, int] = {}
        self._size = 0
        self.incomplete = 0

    def receive(self, data: bytes, sender: str, now: Micros) -> Whole | None:
        """Take one datagram; returns the message it is or completes, None if it waits for others or says nothing."""
        self.expire(now)
        if data.startswith(CHUNK):
            data = self._chunk(data, sender, now)
        return self._decompressed(data) if data else None

    def expire(self, now: Micros) -> None:
        """Give up what began too long ago; called with every datagram, and now and then without one."""
        while self._sets:
            key, oldest = next(iter(self._sets.items()))
            if oldest.began + WITHIN >= now >= oldest.began:
                return
            self._give_up(key)

    def _chunk(self, data: bytes, sender: str, now: Micros) -> bytes:
        """The bytes of the message that this chunk completes, none if others are missing."""
        if len(data) < CHUNK_HEADER:
            self.incomplete += 1
            return b""
        key, number, count = (sender, data[2:10]), data[10], data[11]
        waiting = self._sets.get(key)
        if not 0 < count <= MOST_CHUNKS or number >= count or (waiting is not None and waiting.count != count):
            if waiting is None:
                self.incomplete += 1
            else:
                self._give_up(key)
            return b""
        if waiting is None:
            waiting = self._sets[key] = _Set(count, now)
            self._of[sender] = self._of.get(sender, 0) + 1
        if number in waiting.parts:  # UDP may deliver a datagram twice
            return b""
        part = data[CHUNK_HEADER:]
        waiting.parts[number] = part
        waiting.size += len(part)
        self._size += len(part)
        if len(waiting.parts) < count:
            self._keep_bounds(sender)
            return b""
        self._forget(key)
        return b"".join(waiting.parts[index] for index in range(count))

    def _keep_bounds(self, sender: str) -> None:
        if self._of[sender] > MAX_SETS_OF_A_SENDER:
            self._give_up(next(key for key in self._sets if key[0] == sender))
        while len(self._sets) > MAX_SETS or self._size > MAX_SET_BYTES:
            self._give_up(next(iter(self._sets)))

    def _give_up(self, key: tuple[str, bytes]) -> None:
        self.incomplete += 1
        self._forget(key)

    def _forget(self, key: tuple[str, bytes]) -> None:
        self._size -= self._sets.pop(key).size
        left = self._of[key[0]] - 1
        if left:
            self._of[key[0]] = left
        else:
            del self._of[key[0]]

    def _decompressed(self, data: bytes) -> Whole:
        if data[:2] == b"\x1f\x8b":
            window = 16 + zlib.MAX_WBITS
        elif data[0] & 0x0F == 8 and len(data) > 2 and int.from_bytes(data[:2], "big") % 31 == 0:  # RFC 1950 §2.2
            window = zlib.MAX_WBITS
        else:
            return Whole(data[: self._max], len(data) > self._max)
        inflating = zlib.decompressobj(window)
        try:
            text = inflating.decompress(data, self._max + 1)
        except zlib.error:
            return Whole(
                data[: self._max], len(data) > self._max
            )  # kept as it came: whoever reads it says what it is not
        if len(text) > self._max:
            return Whole(text[: self._max], cut=True)
        # a stream that ends too early is kept as far as it goes
        return Whole(text, cut=not inflating.eof) if text else Whole(data[: self._max], len(data) > self._max)


class GelfFramer(Session):
    """GELF over TCP: messages that end with a NUL."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__()
        self._max = max_bytes
        self._buffer = bytearray()
        self._scanned = 0
        self._skip = False  # the message at hand was cut: discard up to its NUL

    def receive(self, data: bytes) -> list[Frame]:
        """Take the next bytes of the stream; return the messages they complete."""
        frames: list[Frame] = []
        buffer = self._buffer
        buffer += data
        last = buffer.rfind(b"\0", self._scanned)
        if last >= 0:
            for message in bytes(memoryview(buffer)[:last]).split(b"\0"):
                self._emit(message, frames)
            del buffer[: last + 1]
        if self._skip:
            self.discarded += len(buffer)
            buffer.clear()
        elif len(buffer) > self._max + len(_ENDING):
            self._emit(bytes(buffer), frames)
            buffer.clear()
            self._skip = True
        self._scanned = len(buffer)
        return frames

    def finish(self) -> list[Frame]:
        """The stream has ended: return what is left of it."""
        frames: list[Frame] = []
        self._emit(bytes(self._buffer), frames)
        self._buffer.clear()
        return frames

    def _emit(self, message: bytes, frames: list[Frame]) -> None:
        if self._skip:
            self.discarded += len(message)
            self._skip = False
            return
        data = message.strip(_ENDING) if len(message) <= self._max + len(_ENDING) else message
        if len(data) > self._max:
            self.discarded += len(data) - self._max
            frames.append(Frame(data[: self._max], cut=True))
        elif data:
            frames.append(Frame(data))

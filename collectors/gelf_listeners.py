"""GELF over UDP and TCP (and TLS): chunks, compression and NULs in, one record a message out, the JSON text as it was sent."""

from functools import cached_property

from collectors.datagrams import LARGEST, DatagramInput
from collectors.gelf import GelfChunks, GelfFramer
from collectors.session import Session
from collectors.streams import StreamInput
from soc.clock import Micros


class GelfUdp(DatagramInput):
    """One UDP port. A message whose parts do not all come is counted (``incomplete``), never half a record."""

    @cached_property
    def _chunks(self) -> GelfChunks:
        return GelfChunks(self.max_bytes)

    def longest(self) -> int:
        """Datagrams are read whole: the limit is of the message that they make."""
        return LARGEST

    def message(self, data: bytes, peer: str, received: Micros) -> tuple[bytes, bool] | None:
        """See ``DatagramInput.message``."""
        whole = self._chunks.receive(data, peer, received)
        self.counters.incomplete = self._chunks.incomplete
        return whole

    def look(self) -> None:
        """Give up what began too long ago, though nothing more comes."""
        self._chunks.expire(self._clock())
        self.counters.incomplete = self._chunks.incomplete


class GelfTcp(StreamInput):
    """One TCP port; a message ends with a NUL and is not compressed."""

    def session(self) -> Session:
        """See ``StreamInput.session``."""
        return GelfFramer(self.max_bytes)

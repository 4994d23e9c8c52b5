"""RELP over TCP or TLS: sessions in, one record a message out; a message is acknowledged when it is durable, and not before."""

from collectors.relp import RelpSession
from collectors.session import Session
from collectors.streams import StreamInput


class Relp(StreamInput):
    """One RELP port. What was not acknowledged when a connection broke comes again over the next one, as a second event."""

    def session(self) -> Session:
        """See ``StreamInput.session``."""
        return RelpSession(self.max_bytes)

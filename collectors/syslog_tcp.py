"""Syslog over TCP (RFC 6587) and over TLS (RFC 5425): byte streams in, one record a frame out.

RFC 5425 frames by octet counting alone; senders that end lines with LF over TLS are heard too, told apart as over TCP.
"""

from collectors.framing import SyslogFramer
from collectors.session import Session
from collectors.streams import StreamInput


class SyslogTcp(StreamInput):
    """One TCP port; octet counting and LF framing, told apart per connection."""

    def session(self) -> Session:
        """See ``StreamInput.session``."""
        return SyslogFramer(self.max_bytes)

"""What a stream input makes of one connection: bytes in as they come, frames out, and what is to be answered; no socket, no clock."""

from typing import NamedTuple


class Frame(NamedTuple):
    """One message as framed; ``cut``: it was longer than the limit, or the connection ended inside it."""

    data: bytes
    cut: bool = False


class Session:
    """One connection. What comes out depends on the bytes alone, not on where the network cut them.

    Most protocols answer nothing: what concerns answers is written here for them.

    Attributes:
        discarded: bytes cut off frames over the limit.
        resynchronized: how often framing was wrong and had to be found again.
        answering: the sender waits for answers, so a connection is closed only when they are sent.
        crowded: so many frames wait for their answer that no more should be read.
        ended: nothing more is read; what ``answers`` gives is the last that is sent.
        broken: why this side ended the connection; ``""`` while it did not.
    """

    answering = False

    def __init__(self) -> None:
        self.discarded = 0
        self.resynchronized = 0
        self.crowded = False
        self.ended = False
        self.broken = ""

    def receive(self, data: bytes) -> list[Frame]:
        """Take the next bytes of the stream; return the frames they complete."""
        raise NotImplementedError

    def finish(self) -> list[Frame]:
        """The stream has ended: return what is left of it."""
        raise NotImplementedError

    def durable(self, count: int) -> None:
        """The oldest ``count`` frames that were given out and not yet said to be durable are so now."""

    def answers(self) -> bytes:
        """What is to be sent now."""
        return b""

    def stop(self) -> None:
        """This side reads no more."""

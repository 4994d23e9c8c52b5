"""What a channel is: a message and an address in, what came of one attempt out."""

from typing import Protocol

from soc.model import Notice
from soc.notify.attempts import Outcome


class Sender(Protocol):
    """One channel. ``send`` ends within the channel's time-out and never raises for what the outside does."""

    async def send(self, notice: Notice, address: str) -> Outcome:
        """One attempt. A receiver can tell a repeat by the notice's id."""
        ...

    async def close(self) -> None:
        """Free what it holds."""
        ...

"""The port of a wire of alert sharing: a sending in, what came of it out. It never raises for what a receiver or a network does."""

from collections.abc import Callable
from typing import Protocol

from soc.sharing.delivery import Sending
from soc.sharing.outbox import Outcome


class Binding(Protocol):
    """One receiver over one wire."""

    async def send(self, sending: Sending, may_leave: Callable[[], bool]) -> Outcome:
        """Make one attempt.

        Args:
            sending: what leaves.
            may_leave: asked once, last of all before the first byte of it leaves; where it says no, none does, and what came
                of it is ``unavailable``.
        """
        ...

"""The port of a wire: a sealed report in, what happened to it out. It never raises for what a receiver or a network does."""

from collections.abc import Callable
from typing import Protocol

from soc.forward.outbox import Happened
from soc.model import Report


class Binding(Protocol):
    """One receiver over one wire."""

    async def send(self, report: Report, may_leave: Callable[[], bool]) -> Happened:
        """Make one attempt: ``accepted``, ``rejected``, ``unauthorized``, ``unavailable`` or ``lost``.

        Args:
            report: in state ``sending``.
            may_leave: asked once, last of all before the first byte of the report leaves; where it says no, none does, and
                what happened is ``unavailable``.
        """
        ...

    async def verify(self, report: Report) -> Happened:
        """Ask for a report that may have arrived: ``found``, ``absent``, ``differs`` or ``unreachable``."""
        ...

    async def close(self) -> None:
        """Free what it holds."""
        ...

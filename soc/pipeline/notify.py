"""Notify: alerts, incidents, reports and audit lines in; messages to people, each written before it is sent, out."""

from collections.abc import Mapping, Sequence

from soc.bus.base import Record
from soc.clock import Micros
from soc.pipeline.loop import Work


class NotifyStage:
    """The stage over its single partition."""

    def restore(self, state: Mapping[bytes, bytes]) -> None:
        """Take up what is under way."""

    async def step(self, records: Sequence[Record], now: Micros) -> Work:
        """One batch."""
        del records, now
        return Work()

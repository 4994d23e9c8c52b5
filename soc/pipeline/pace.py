"""Pacing of stages that publish whole documents: batches in and out, a short wait before the next one where it saves much.

An episode of a thousand members lists them in every revision, and its alert does again. Told after every handful of
detections, one busy group writes a hundred times what came in; told twice a second it does not.
"""

import asyncio
from collections.abc import Sequence

from soc.bus.base import Message, Record

PACE_SECONDS = 0.5
FEW = 500
"""Records of a batch that is worth waiting for more; a backlog, whose batches are larger, never waits."""

AMPLIFIED = 4
"""A batch that wrote more than so many times the bytes that it read makes the next one wait."""


class Pace:
    """Decides from one batch whether the next one, if it has few records, waits for company.

    What was fetched is not committed while it waits, so it shows as lag, and nothing is held back over a crash.
    """

    def __init__(self) -> None:
        self._amplified = False

    async def wait(self, records: Sequence[Record]) -> None:
        """Before a batch."""
        if self._amplified and 0 < len(records) < FEW:
            await asyncio.sleep(PACE_SECONDS)

    def note(self, records: Sequence[Record], outputs: Sequence[Message]) -> None:
        """After it."""
        if records:
            read = sum(len(record.value) for record in records)
            self._amplified = sum(len(message.value) for message in outputs) > AMPLIFIED * read

"""``soc.context`` in; the same without what was superseded out, as soon as that is much more than what is in force.

A log loses its oldest records only, and what is in force may be old: a register stays for a year while feeds change by the hour. So
what is in force is written once more, byte for byte, and then everything before it goes. Nobody who follows notices: the hashes
are the same. A kill in between leaves it twice, and the next time one of them goes.
"""

from typing import Final

import structlog

from soc.bus.base import Bus, Claim, Message, Record
from soc.clock import SECOND, Clock
from soc.errors import RecordError
from soc.model import Context, decode
from soc.pipeline.context import AT_ONCE, CLAIM_SECONDS
from soc.pipeline.table import CONTEXT, PUBLISHING

log = structlog.get_logger()

SLACK: Final = 64 * 1024 * 1024
"""Bytes of superseded publications that stay: a dozen of the largest."""
MARGIN: Final = 1.0
"""Seconds: what was published this shortly before stays too, whatever the clocks of two hosts say."""


class ContextTrim:
    """Follows the topic and trims it now and then; one process of the installation does.

    Args:
        bus: the bus.
        slack: see ``SLACK``.
    """

    def __init__(self, bus: Bus, slack: int = SLACK) -> None:
        self._bus = bus
        self._slack = slack
        self._positions: dict[tuple[str, int, str], int] = {}
        self._sizes: dict[tuple[str, int], int] = {}
        self._latest: dict[str, tuple[tuple[str, int], Record]] = {}

    async def trim(self, clock: Clock) -> int:
        """Trim if there is enough to gain; returns how many records went.

        Raises:
            UnavailableError: the bus is away.
        """
        await self._follow()
        superseded = sum(self._sizes.values()) - sum(self._sizes[place] for place, _ in self._latest.values())
        if superseded <= self._slack:
            return 0
        claim = await self._bus.claim(PUBLISHING, 0, wait=CLAIM_SECONDS)
        try:
            await self._follow()  # nobody publishes any more
            began = clock()
            again = await self._write_again(claim)
        finally:
            await claim.release()
        if not again:
            return 0
        gone = await self._bus.retain(CONTEXT, max_age=(clock() - began) / SECOND + MARGIN, max_bytes=1 << 62)
        self._positions.clear()
        self._sizes.clear()
        self._latest.clear()
        log.info("context_trimmed", records=gone, bytes=superseded)
        return gone

    async def _write_again(self, claim: Claim) -> bool:
        """Write what is in force once more; False where it was not read to what the publisher says it published last."""
        for name, (_, record) in self._latest.items():
            stored = decode(record.value, Context)
            if claim.state.get(name.encode()) != stored.hash.encode():
                log.warning("context_not_trimmed", name=name, reason="what is in force was not read to its end")
                return False
        for name, (_, record) in self._latest.items():
            await claim.commit([Message(CONTEXT, name.encode(), record.value)], {})
        return True

    async def _follow(self) -> None:
        ends = await self._bus.ends([CONTEXT])
        reader = self._bus.reader([CONTEXT], self._positions)
        try:
            while any(reader.positions.get(log_, 0) < end for log_, end in ends.items()):
                records = await reader.fetch(AT_ONCE, 1.0)
                if not records:
                    return  # what lies before the end are markers of transactions
                for record in records:
                    self._take(record)
        finally:
            await reader.close()

    def _take(self, record: Record) -> None:
        self._positions[record.topic, record.partition, record.log_id] = record.offset + 1
        place = record.log_id, record.offset
        self._sizes[place] = len(record.value)
        try:
            context = decode(record.value, Context)
        except RecordError:
            return  # who follows says so; it is in force nowhere
        self._latest[context.name] = place, record

"""An order to send a test message in; what came of each message out, as the notifier wrote it."""

import time

from soc.audit.chain import Entry
from soc.bus.base import Bus, Record
from soc.clock import Clock
from soc.model import Notice, decode
from soc.notify.matters import TEST_ACT
from soc.pipeline.audit_record import record
from soc.pipeline.table import NOTICES

OVER = frozenset({"sent", "failed", "dropped", "acknowledged"})
SETTLED_SECONDS = 1.0
"""All messages of one order are written in one commit: once there are some, none follows."""


async def order_test(
    bus: Bus, about: str, actor: str, clock: Clock, *, wait: float, starting: float
) -> tuple[list[Notice], bool]:
    """Order test messages and wait until each arrived or was given up.

    Args:
        bus: of the installation.
        about: ``person/<key>`` or ``channel/<name>``.
        actor: who orders it.
        clock: the time.
        wait: seconds until they must have arrived.
        starting: seconds until the notifier must have taken the order.

    Returns:
        The latest of each message, and whether there was any: a notifier took the order.
    """
    ends = await bus.ends([NOTICES])
    reader = bus.reader([NOTICES], ends)
    try:
        await record(bus, Entry(clock(), actor, TEST_ACT, about, "test message"))
        latest: dict[str, Notice] = {}
        began = time.monotonic()
        while True:
            passed = time.monotonic() - began
            open_ = [one for one in latest.values() if one.state not in OVER]
            if (latest and not open_) or passed > wait or (not latest and passed > starting):
                return list(latest.values()), bool(latest)
            records = await reader.fetch(1000, SETTLED_SECONDS)
            for notice in map(_notice, records):
                if notice.id in latest or (notice.reason == "test" and notice.version == 1):
                    latest[notice.id] = notice
    finally:
        await reader.close()


def _notice(record_: Record) -> Notice:
    return decode(record_.value, Notice)

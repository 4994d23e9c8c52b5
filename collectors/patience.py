"""What a sender that can wait does when there is no room: try again, and say so in its counters."""

import asyncio
from collections.abc import Callable, Sequence
from operator import attrgetter

from collectors.base import InputCounters
from collectors.intake import Intake, State
from soc.errors import BusFullError
from soc.model.record import RawRecord

_data, _cut = attrgetter("data"), attrgetter("cut")
RETRY = 0.5  # seconds between attempts while the bus is full


async def append_when_there_is_room(
    intake: Intake, records: Sequence[RawRecord], state: State, counters: InputCounters, *, give_up: Callable[[], bool]
) -> bool:
    """Append, waiting as long as the bus is full; the caller reads nothing meanwhile, which is the push-back.

    Returns:
        False if ``give_up`` said so first: the records are counted as refused.

    Raises:
        BusError: the intake has ended.
    """
    while True:
        try:
            await intake.append(records, state)
        except BusFullError:
            if give_up():
                counters.refused += len(records)
                counters.refused_full += len(records)
                return False
            counters.pushed_back += 1
            await asyncio.sleep(RETRY)
        else:
            counters.received += len(records)
            counters.bytes += sum(map(len, map(_data, records)))
            counters.cut += sum(map(_cut, records))
            return True

"""What a replay needs of the bus: raw records that are not archived yet and the alerts that stand out; its episodes in."""

from collections.abc import AsyncIterator, Callable, Sequence

from soc.audit.chain import Entry, Head, append
from soc.bus.base import Bus, Message, Record
from soc.errors import RecordError
from soc.model import Alert, Episode, RawRecord, decode, encode
from soc.pipeline.letters import HEAD
from soc.pipeline.loop import FETCH_LIMIT
from soc.pipeline.table import ALERTS, AUDIT, EPISODES, RAW, REPLAY

AT_ONCE = 200
"""Episodes of one commit."""


async def retained(bus: Bus) -> AsyncIterator[tuple[Record, RawRecord]]:
    """Every record that ``soc.raw`` still has, up to where it ends when this is called."""
    ends = await bus.ends([RAW])
    reader = bus.reader([RAW])
    try:
        while any(reader.positions.get(log, 0) < end for log, end in ends.items()):
            records = await reader.fetch(FETCH_LIMIT, 1.0)
            if not records:
                return  # what lies before the end are markers of transactions
            for record in records:
                try:
                    raw = decode(record.value, RawRecord)
                except RecordError:
                    raw = RawRecord(record.value, record.appended, "", "", record.key.decode("utf-8", "replace"))
                yield record, raw
    finally:
        await reader.close()


async def standing_alerts(bus: Bus, wanted: Callable[[Alert], bool]) -> list[Alert]:
    """The current document of every alert that is wanted."""
    found: dict[str, Alert] = {}
    reader = bus.reader([ALERTS])
    try:
        while records := await reader.fetch(FETCH_LIMIT, 1.0):
            for record in records:
                alert = decode(record.value, Alert)
                if wanted(alert):
                    found[alert.id] = alert
    finally:
        await reader.close()
    return list(found.values())


async def publish_episodes(bus: Bus, episodes: Sequence[Episode], entry: Entry) -> None:
    """Write episodes for triage to fold. Doing it again changes nothing: they have the same ids and revisions.

    Args:
        bus: where to.
        episodes: at least one.
        entry: of the audit trail; it commits with the first of them.

    Raises:
        FencedError: another replay began meanwhile.
    """
    claim = await bus.claim(REPLAY, 0)
    try:
        line, head = append(decode(claim.state[HEAD], Head) if HEAD in claim.state else Head(REPLAY), entry)
        said, state = [Message(AUDIT, REPLAY.encode(), line)], {HEAD: encode(head)}
        for start in range(0, len(episodes), AT_ONCE):
            piece = episodes[start : start + AT_ONCE]
            await claim.commit([*said, *(Message(EPISODES, one.id.encode(), encode(one)) for one in piece)], state)
            said = []
    finally:
        await claim.release()

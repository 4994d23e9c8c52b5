"""The archive stage on a real broker, where markers of transactions take offsets and positions live in a group."""

import asyncio
import secrets
from pathlib import Path

import pytest
from live import kafka_server
from unit.archive.archive_support import START

from soc.archive.archiver import Bounds
from soc.archive.folder import Folder
from soc.archive.naming import segments
from soc.archive.reading import Looked, Window, read
from soc.archive.verify import chains_of, verify
from soc.bus.base import Message
from soc.bus.kafka import KafkaBus
from soc.clock import SECOND, now
from soc.model import RawRecord, encode
from soc.pipeline.archive import ArchiveParts, archive_rest, run_archive
from soc.pipeline.replay import retained
from soc.pipeline.table import ARCHIVE, RAW, topology
from soc.settings import KafkaSettings

pytestmark = pytest.mark.live

PARTITIONS = 2


async def collect(bus: KafkaBus, numbers: range) -> None:
    claim = await bus.claim("collect", 0)
    for number in numbers:  # a transaction each, so that a marker stands between any two
        raw = RawRecord(b"line %d" % number, START + number * SECOND, "tcp", "192.0.2.1:1", f"source-{number % 5}")
        await claim.commit([Message(RAW, raw.source.encode(), encode(raw))])
    await claim.release()


def test_each_line_is_archived_once_through_a_take_over_and_only_then_deleted(tmp_path: Path):
    kafka_server.need()
    settings = KafkaSettings(
        servers=(kafka_server.shared().bootstrap,),
        prefix=f"archive{secrets.token_hex(4)}-",
        partitions=PARTITIONS,
        instances=1,
    )
    parts = ArchiveParts(Folder(tmp_path), Bounds(1 << 26, 1 << 27), 100_000)

    async def scenario() -> None:
        bus = KafkaBus(settings, topology(PARTITIONS, archive=True), clock=now)
        await collect(bus, range(20))
        assert await bus.retain(RAW, max_age=0, max_bytes=0) == 0, "nobody has archived it"
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for partition in range(PARTITIONS):
                tasks.create_task(run_archive(bus, partition, parts, clock=now, stop=stop))
            async with asyncio.timeout(60):
                while True:
                    if not any(lag.records for lag in await bus.lag() if lag.stage == ARCHIVE):
                        break
                    await asyncio.sleep(0.2)
            stop.set()
        await collect(bus, range(20, 40))
        await archive_rest(bus, parts, clock=now)
        looked = Looked()
        found = sorted(int(one.raw.data.split()[1]) for one in read(parts.place, Window(0, now()), looked))
        assert (found, looked.damaged) == (list(range(40)), [])
        known = chains_of({partition: state async for partition, state in bus.states(ARCHIVE)})
        whole = verify(parts.place, known, base=lambda _: 0, progress=lambda _: None)
        assert (whole.faults, len(whole.heads)) == ((), len({one.name.chain for one in segments(parts.place)}))
        assert len([raw async for _, raw in retained(bus)]) == 40
        await bus.close()

    asyncio.run(scenario())

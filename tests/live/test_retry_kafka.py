"""Dead letters retried on a real broker, where markers of transactions take offsets and several stages write one partition."""

import asyncio
import secrets

import pytest
from live import kafka_server
from unit.pipeline.letters_support import LINE, PARTITIONS, RIGHT, WRONG, Installation

from soc.bus.base import Message
from soc.bus.kafka import KafkaBus
from soc.model import DeadLetter, Event, encode
from soc.pipeline.auditing import verify_audit
from soc.pipeline.letters import Asked, Selection, groups, retry
from soc.pipeline.table import DEADLETTER, EVENTS, topology
from soc.settings import KafkaSettings

pytestmark = pytest.mark.live


def test_a_letter_is_processed_once_however_often_and_whenever_it_is_asked_for():
    kafka_server.need()
    settings = KafkaSettings(
        servers=(kafka_server.shared().bootstrap,),
        prefix=f"retry{secrets.token_hex(4)}-",
        partitions=PARTITIONS,
        instances=1,
    )

    async def scenario() -> None:
        bus = KafkaBus(settings, topology(PARTITIONS))
        one = Installation(bus, patience=1.0)
        await one.collect(LINE, LINE, b"\x00\x01\x02")
        await one.run(WRONG)
        assert sum(group.count for group in await groups(bus)) == 3
        assert await retry(bus, Selection(), "tester") == Asked(3, 0, 0)
        assert await retry(bus, Selection(), "tester") == Asked(0, 3, 0)
        blocker = await bus.claim("index", 0)
        letter = DeadLetter("other", "index", "no", b"", "", "", "", 0)
        await blocker.commit([Message(DEADLETTER, b"other", encode(letter))])
        await one.run(RIGHT)
        assert await retry(bus, Selection(), "tester") == Asked(1, 0, 1)
        await one.run(RIGHT)
        await blocker.release()
        assert len(await one.values(EVENTS, Event)) == 2
        sums = await one.sums()
        assert (sums.raw, sums.normalized, sums.dead, sums.off) == (3, 2, 1, ())
        assert not any(chain.fault for chain in await verify_audit(bus))
        await bus.close()

    asyncio.run(scenario())

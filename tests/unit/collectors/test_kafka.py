"""Foreign topics read by a fake consumer: each record once, whatever restarts, goes away or is deleted there."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

import pytest

from collectors.intake import Intake
from collectors.kafka import Fetched, KafkaTopics, Place
from soc.errors import BusFullError, CommitUnknownError, UnavailableError
from tests.unit.collectors.support.memory_claim import MemoryLog
from tests.unit.collectors.support.running import Stepped, running, until


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.kafka.RETRY_MIN", 0.01)
    monkeypatch.setattr("collectors.kafka.FETCH_WAIT", 0.01)
    monkeypatch.setattr("collectors.patience.RETRY", 0.01)


class Kept(NamedTuple):
    offset: int
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


class Brokers:
    """Topics in memory.

    Attributes:
        troubles: how many further fetches fail.
        away: how many further connections fail.
    """

    def __init__(self) -> None:
        self.logs: dict[Place, list[Kept]] = {}
        self.ends: dict[Place, int] = {}
        self.troubles = 0
        self.away = 0
        self.connected = 0

    def write(self, topic: str, partition: int, *values: bytes | None, header: str = "") -> None:
        place = Place(topic, partition)
        kept = self.logs.setdefault(place, [])
        for value in values:
            offset = self.ends.get(place, 0)
            kept.append(Kept(offset, value, [("host", header.encode())] if header else ()))
            self.ends[place] = offset + 1

    def delete_before(self, topic: str, partition: int, offset: int) -> None:
        place = Place(topic, partition)
        self.logs[place] = [one for one in self.logs[place] if one.offset >= offset]

    def make_anew(self, topic: str) -> None:
        for place in [place for place in self.logs if place.topic == topic]:
            del self.logs[place], self.ends[place]

    async def connect(self) -> "FakeConsumer":
        if self.away:
            self.away -= 1
            raise UnavailableError("no broker answers")
        self.connected += 1
        return FakeConsumer(self)


class FakeConsumer:
    def __init__(self, brokers: Brokers) -> None:
        self._brokers = brokers
        self._positions: dict[Place, int] = {}

    async def partitions(self, topics: Sequence[str]) -> Sequence[Place]:
        return [place for place in self._brokers.logs if place.topic in topics]

    async def bounds(self, places: Sequence[Place]) -> Mapping[Place, tuple[int, int]]:
        brokers = self._brokers
        return {
            place: (next((one.offset for one in brokers.logs[place]), brokers.ends[place]), brokers.ends[place])
            for place in places
        }

    def read(self, positions: Mapping[Place, int]) -> None:
        self._positions = dict(positions)

    async def fetch(self, limit: int, wait: float) -> Mapping[Place, Sequence[Fetched]]:
        await asyncio.sleep(wait)
        found: dict[Place, Sequence[Fetched]] = {}
        for place, position in self._positions.items():
            records = [one for one in self._brokers.logs.get(place, ()) if one.offset >= position][:3]
            if records:
                found[place] = records
                self._positions[place] = records[-1].offset + 1
        if self._brokers.troubles:
            self._brokers.troubles -= 1
            raise UnavailableError("the connection broke")
        return found

    async def close(self) -> None:
        self._positions = {}


def reading(
    log: MemoryLog,
    brokers: Brokers,
    expect: int,
    during: Callable[[KafkaTopics], Awaitable[None]] | None = None,
    **settings: Any,
) -> KafkaTopics:
    """Run the input until ``expect`` records are durable."""

    async def scenario() -> KafkaTopics:
        intake = Intake(log.open, clock=Stepped())
        topics = KafkaTopics(
            intake, **{"name": "k", "topics": ["logs"], "connect": brokers.connect, "clock": Stepped(), **settings}
        )
        async with running(intake, topics):
            if during is not None:
                await during(topics)
            await until(lambda: len(log.outputs) >= expect)
            await asyncio.sleep(0.1)  # anything doubled would come now
        return topics

    return asyncio.run(scenario())


def numbers(first: int, last: int) -> list[bytes]:
    return [b"%d" % n for n in range(first, last)]


def test_a_records_value_is_the_line_and_its_address_the_id() -> None:
    log, brokers = MemoryLog(), Brokers()
    brokers.write("logs", 0, b"one \xff", b"x" * 600)
    brokers.write("logs", 1, b"two", header="srv7")
    brokers.write("other", 0, b"not asked for")
    topics = reading(log, brokers, 3, profile="servers", source_header="host", max_bytes=500)
    found = {r.id: (r.data, r.peer, r.source, r.profile, r.cut) for r in log.records}
    assert found == {
        "kafka/k/logs/0/0": (b"one \xff", "logs/0", "logs", "servers", False),
        "kafka/k/logs/0/1": (b"x" * 500, "logs/0", "logs", "servers", True),
        "kafka/k/logs/1/0": (b"two", "logs/1", "srv7", "servers", False),
    }
    assert (topics.counters.received, topics.counters.cut_bytes) == (3, 100)


def test_a_restart_goes_on_at_the_first_record_that_is_not_durable() -> None:
    log, brokers = MemoryLog(), Brokers()
    for part in range(4):
        brokers.write("logs", 0, *numbers(part * 10, part * 10 + 10))
        reading(log, brokers, part * 10 + 10)
    assert log.lines == numbers(0, 40)


def test_trouble_and_unknown_outcomes_double_and_lose_nothing() -> None:
    log, brokers = MemoryLog(), Brokers()
    log.faults.extend(
        [None, (CommitUnknownError("lost"), True), (BusFullError("full"), False), (CommitUnknownError("lost"), False)]
    )
    brokers.away, brokers.troubles = 2, 3
    brokers.write("logs", 0, *numbers(0, 20))
    topics = reading(log, brokers, 20)
    assert log.lines == numbers(0, 20)
    assert topics.counters.restarted == 5


def test_start_end_skips_what_was_there_at_first_and_takes_new_partitions_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("collectors.kafka.LOOK_AGAIN", 0.02)
    log, brokers = MemoryLog(), Brokers()
    brokers.write("logs", 0, b"before")

    async def during(_: KafkaTopics) -> None:
        await until(lambda: any(key.startswith(b"kafka-begun/") for key in log.state))
        brokers.write("logs", 0, b"after")
        brokers.write("logs", 1, b"in a new partition")

    reading(log, brokers, 2, during, start="end")
    brokers.write("logs", 2, b"while stopped")
    reading(log, brokers, 3, start="end")
    assert sorted(log.lines) == [b"after", b"in a new partition", b"while stopped"]


def test_a_topic_that_is_not_there_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.kafka.LOOK_AGAIN", 0.02)
    log, brokers = MemoryLog(), Brokers()

    async def during(_: KafkaTopics) -> None:
        await until(lambda: brokers.connected > 0)
        brokers.write("logs", 0, b"one")

    reading(log, brokers, 1, during)
    assert log.lines == [b"one"]


def test_records_deleted_there_before_they_were_read_are_counted() -> None:
    log, brokers = MemoryLog(), Brokers()
    brokers.write("logs", 0, *numbers(0, 5))
    reading(log, brokers, 5)
    brokers.write("logs", 0, *numbers(5, 20))
    brokers.delete_before("logs", 0, 12)
    topics = reading(log, brokers, 13)
    assert log.lines == numbers(0, 5) + numbers(12, 20)
    assert topics.counters.gaps == 7


def test_a_topic_made_anew_is_read_from_its_beginning_under_other_ids() -> None:
    log, brokers = MemoryLog(), Brokers()
    brokers.write("logs", 0, *numbers(0, 5))
    reading(log, brokers, 5)
    brokers.make_anew("logs")
    brokers.write("logs", 0, b"new")
    topics = reading(log, brokers, 6)
    assert log.lines == [*numbers(0, 5), b"new"]
    assert log.records[-1].id == "kafka/k/logs~1/0/0"
    assert topics.counters.truncated == 1
    brokers.write("logs", 0, b"newer")
    reading(log, brokers, 7)
    assert log.records[-1].id == "kafka/k/logs~1/0/1"


def test_deletion_marks_are_passed_over_for_good() -> None:
    log, brokers = MemoryLog(), Brokers()
    brokers.write("logs", 0, b"a", None, b"b", None)
    reading(log, brokers, 2)
    assert log.lines == [b"a", b"b"]
    brokers.write("logs", 0, b"c")
    reading(log, brokers, 3)
    assert log.records[-1].id == "kafka/k/logs/0/4"

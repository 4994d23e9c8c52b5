"""The index stage without a server: it waits for a store that is away, ends when told to, and keeps what the store refuses."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest
from structlog.testing import capture_logs

from soc.bus.base import Message, Record
from soc.bus.embedded import EmbeddedBus
from soc.errors import UnavailableError
from soc.model import DeadLetter, Event, decode, encode
from soc.pipeline.index import SLICE, Index, PatientWriter, rebuild
from soc.pipeline.table import DEADLETTER, EVENTS, topology
from soc.store.base import Document, Refusal
from soc.store.embedded import EmbeddedStore


class AwayStore(EmbeddedStore):
    """Away for the first writes; refuses documents whose id begins with "bad"."""

    def __init__(self, path: Path, *, times: int = 0, hangs: bool = False) -> None:
        super().__init__(path)
        self.times, self.hangs = times, hangs

    async def write(self, documents: Sequence[Document]) -> Sequence[Refusal]:
        if self.hangs:
            await asyncio.sleep(3600)
        if self.times:
            self.times -= 1
            raise UnavailableError("away")
        bad = [document for document in documents if document.id.startswith("bad")]
        await super().write([document for document in documents if document not in bad])
        return [Refusal(document, "too odd") for document in bad]


def record(id_: str, topic: str = EVENTS, offset: int = 0, value: bytes | None = None) -> Record:
    event = Event(id_, "bastion", 5, 5, 5, {"user.name": "lan"})
    return Record(topic, 0, "log", offset, b"bastion", encode(event) if value is None else value, 7)


def test_a_store_that_is_away_is_waited_for_and_told_of_once(tmp_path: Path):
    async def scenario() -> None:
        store = AwayStore(tmp_path / "store.db", times=5)
        writer = PatientWriter(store, asyncio.Event(), retry_seconds=0.01)
        with capture_logs() as logs:
            assert await writer.write([Document("event", "a", 1, 5, {})]) == []
        assert [entry["event"] for entry in logs] == ["store_unavailable", "store_available"]
        assert await store.get("event", "a") is not None
        await store.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("hangs", [True, False])
def test_told_to_stop_it_ends_though_the_store_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hangs: bool):
    monkeypatch.setattr("soc.pipeline.index.STOP_SECONDS", 0.1)

    async def scenario() -> None:
        stop = asyncio.Event()
        store = AwayStore(tmp_path / "store.db", times=10**9, hangs=hangs)
        asyncio.get_running_loop().call_later(0.2, stop.set)
        async with asyncio.timeout(5):
            with pytest.raises(UnavailableError):
                await Index(store, stop).step([record("a")], 5)
        await store.close()

    asyncio.run(scenario())


def test_while_the_store_is_away_only_as_many_partitions_as_there_is_room_for_hold_documents(tmp_path: Path):
    class CountingStore(AwayStore):
        tried: ClassVar[set[str]] = set()

        async def write(self, documents: Sequence[Document]) -> Sequence[Refusal]:
            self.tried.update(document.id for document in documents)
            return await super().write(documents)

    async def scenario() -> None:
        store, room = CountingStore(tmp_path / "store.db", times=10**9), asyncio.Semaphore(2)
        partitions = [Index(store, asyncio.Event(), room) for _ in range(5)]
        steps = [asyncio.ensure_future(one.step([record(f"e{n}")], 5)) for n, one in enumerate(partitions)]
        await asyncio.sleep(0.1)
        assert store.tried == {"e0", "e1"}
        store.times = 0
        async with asyncio.timeout(10):
            await asyncio.gather(*steps)
        assert len(await store.get_many("event", [f"e{n}" for n in range(5)])) == 5
        await store.close()

    asyncio.run(scenario())


def test_what_the_store_refuses_is_a_dead_letter_with_the_reason_but_never_a_dead_letter_again(tmp_path: Path):
    async def scenario() -> None:
        store = AwayStore(tmp_path / "store.db")
        letter = DeadLetter("bad", "normalize", "odd", b"x", "bastion", "", "", 7)
        records = [
            record("good"),
            record("bad-1", offset=1),
            record("", offset=2, value=b"no event"),
            record("", DEADLETTER, 3, encode(letter)),
            record("", DEADLETTER, 4, b"no dead letter"),
        ]
        work = await Index(store).step(records, 5)
        letters = [decode(message.value, DeadLetter) for message in work.outputs]
        assert [(found.id, found.stage, found.data) for found in letters] == [
            ("log/0/2", "index", b"no event"),
            ("log/0/1", "index", records[1].value),
        ]
        assert letters[1].reason == "the store: too odd"
        assert await store.get("event", "good") is not None
        await store.close()

    asyncio.run(scenario())


def test_a_rebuild_counts_what_is_no_document_and_what_the_store_refuses(tmp_path: Path):
    async def scenario() -> None:
        bus, store = EmbeddedBus(tmp_path / "bus", topology(2), clock=lambda: 7), AwayStore(tmp_path / "store.db")
        claim = await bus.claim("engine", 0)
        values = [*(record(id_).value for id_ in ("a", "b", "bad")), b"no event"]
        await claim.commit([Message(EVENTS, b"k", value, n % 2) for n, value in enumerate(values)])
        await claim.release()
        await store.write([Document("event", "stale", 1, 5, {})])
        rebuilt = await rebuild(bus, store)
        assert rebuilt == (2, 1, 1, 0)
        assert set(await store.get_many("event", ["a", "b", "bad", "stale"])) == {"a", "b"}
        await store.close()
        await bus.close()

    asyncio.run(scenario())


def test_a_batch_is_made_and_written_slice_by_slice_and_what_is_refused_in_any_of_them_is_kept(tmp_path: Path):
    sizes: list[int] = []

    class Counting(AwayStore):
        async def write(self, documents: Sequence[Document]) -> Sequence[Refusal]:
            sizes.append(len(documents))
            return await super().write(documents)

    async def scenario() -> None:
        store = Counting(tmp_path / "store.db")
        ids = ["bad-0", *(f"id-{number}" for number in range(1, 2 * SLICE + 6)), "bad-1"]
        work = await Index(store).step([record(id_, offset=number) for number, id_ in enumerate(ids)], 9)
        assert sizes == [SLICE, SLICE, 7]
        letters = [decode(message.value, DeadLetter) for message in work.outputs]
        assert [letter.reason for letter in letters] == ["the store: too odd"] * 2
        assert await store.get("event", f"id-{2 * SLICE + 5}") is not None
        await store.close()

    asyncio.run(scenario())

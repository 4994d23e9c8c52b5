"""When a stage that publishes whole documents waits for a larger batch."""

import asyncio

import pytest

from soc.bus.base import Message, Record
from soc.pipeline import pace
from soc.pipeline.pace import Pace


def record(size: int) -> Record:
    return Record("in", 0, "log", 0, b"", b"x" * size, 0)


def waits(before: tuple[int, int], records: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a batch waits after one that read and wrote so many bytes."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(pace.asyncio, "sleep", sleep)
    one = Pace()
    one.note([record(before[0])], [Message("out", b"", b"x" * before[1])])
    asyncio.run(one.wait([record(1)] * records))
    return bool(slept)


def test_a_few_records_wait_after_a_batch_that_wrote_much_more_than_it_read(monkeypatch: pytest.MonkeyPatch):
    assert waits((100, 401), 1, monkeypatch)


def test_nothing_waits_after_a_batch_that_wrote_about_what_it_read(monkeypatch: pytest.MonkeyPatch):
    assert not waits((100, 400), 1, monkeypatch)


def test_a_backlog_never_waits(monkeypatch: pytest.MonkeyPatch):
    assert not waits((100, 10_000), pace.FEW, monkeypatch)


def test_a_step_without_records_neither_waits_nor_forgets(monkeypatch: pytest.MonkeyPatch):
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(pace.asyncio, "sleep", sleep)
    one = Pace()
    one.note([record(1)], [Message("out", b"", b"x" * 1_000)])
    asyncio.run(one.wait([]))
    one.note([], [])
    assert slept == []
    asyncio.run(one.wait([record(1)]))
    assert slept == [pace.PACE_SECONDS]

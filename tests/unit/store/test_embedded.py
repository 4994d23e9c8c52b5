"""The embedded store says how it is: where its file is, how large, and what to do when it cannot be used."""

import asyncio
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from soc.store.base import Document, StoreHealth
from soc.store.embedded import EmbeddedStore


def health_of(path: Path, *, write: bool = False) -> StoreHealth:
    async def ask() -> StoreHealth:
        store = EmbeddedStore(path)
        if write:
            await store.write([Document("event", "a", 1, 5, {"f": "x"})])
        health = await store.health()
        await store.close()
        return health

    return asyncio.run(ask())


def test_a_store_that_is_not_made_yet_is_no_fault_and_is_not_made_by_asking(tmp_path: Path):
    path = tmp_path / "store.db"
    assert health_of(path).state == "green"
    assert not path.exists()


def test_it_tells_file_and_size(tmp_path: Path):
    health = health_of(tmp_path / "store.db", write=True)
    assert (health.state, health.advice) == ("green", "")
    assert str(tmp_path / "store.db") in health.detail
    assert "MB" in health.detail


def test_a_file_that_is_no_store_is_red_with_what_to_do(tmp_path: Path):
    (tmp_path / "store.db").write_bytes(b"something else" * 1000)
    health = health_of(tmp_path / "store.db")
    assert health.state == "red"
    assert "soc store rebuild" in health.advice


def test_a_disk_with_little_room_is_yellow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10_000_000))
    health = health_of(tmp_path / "store.db", write=True)
    assert (health.state, health.advice) == ("yellow", "make room on the disk")
    assert "10 MB free" in health.detail

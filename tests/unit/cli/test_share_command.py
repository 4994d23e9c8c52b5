"""``soc share``: what stands where is told from the committed state, and what a person orders is published."""

import asyncio
import json
from pathlib import Path

import pytest
from cli_support import run_cli

from soc.app import open_bus
from soc.clock import now
from soc.pipeline.context import Contexts
from soc.settings import load
from soc.sharing.book import Book, Entry
from soc.sharing.days import Day
from soc.sharing.orders import parse
from soc.sharing.outbox import Lane


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "soc.toml"
    path.write_text(
        f'data_dir = "{tmp_path / "data"}"\n[bus]\npartitions = 1\n[sharing]\nenabled = true\n'
        '[[sharing.receivers]]\nname = "national"\nurl = "https://receiver.example/alerts"\n'
    )
    return path


def shared(config: Path) -> None:
    """The state of a sharer that has one closed day with a refused summary."""
    book = Book({})
    book.put_lane("national", Lane(now(), next=4, last=now()))
    book.put_day("national", Day("2026-11-22", 1, 2, 2, 1, 1, 1, alerts=3, closed=True, told=True))
    book.put("national", Entry(2, "id-2", "2026-11-22", b"{}", b"", now(), refused="422: no"))

    async def write() -> None:
        bus = open_bus(load(config))
        claim = await bus.claim("share", 0)
        await claim.commit((), book.take())
        await claim.release()
        await bus.close()

    asyncio.run(write())


def test_a_day_that_differs_is_told_with_its_figures_and_is_a_finding(config: Path):
    shared(config)
    status = run_cli("share", "status", "--config", str(config))
    assert (status.code, json.loads(status.out)["refused"]) == (1, 1)
    day = run_cli("share", "day", "2026-11-22", "--config", str(config))
    told = json.loads(day.out)
    assert (day.code, told["due"], told["acknowledged"], told["agreement"]) == (1, 2, 1, "gap")


def test_an_order_is_published_with_who_gave_it(config: Path):
    shared(config)
    assert run_cli("share", "retry", "--config", str(config)).code == 0
    assert run_cli("share", "day", "2026-11-22", "--counted", "2", "--config", str(config)).code == 0

    async def read() -> bytes:
        bus = open_bus(load(config))
        contexts = Contexts(bus)
        await contexts.catch_up()
        published = contexts.get("sharing")
        await bus.close()
        assert published is not None
        return published.data

    orders = parse(asyncio.run(read()))
    assert orders.retry["national"] > 0
    assert [(one.day, one.count, one.by.startswith("cli:")) for one in orders.counted] == [("2026-11-22", 2, True)]


@pytest.mark.parametrize(
    "arguments",
    [("day", "yesterday"), ("day", "2026-11-23", "--counted", "1"), ("retry", "--receiver", "nobody")],
    ids=["no day", "not closed", "no receiver"],
)
def test_an_order_that_fits_nothing_is_refused(config: Path, arguments: tuple[str, ...]):
    shared(config)
    assert run_cli("share", *arguments, "--config", str(config)).code == 2


def test_where_nothing_is_shared_the_command_says_so(tmp_path: Path):
    path = tmp_path / "soc.toml"
    (tmp_path / "data" / "bus").mkdir(parents=True)
    path.write_text(f'data_dir = "{tmp_path / "data"}"\n')
    refused = run_cli("share", "status", "--config", str(path))
    assert (refused.code, "enabled is false" in refused.err) == (2, True)

"""``soc deadletter``, ``soc reconcile`` and ``soc sources`` over an installation's data directory: what they print, and how they end."""

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.pipeline.letters_support import LINE, PARTITIONS, RIGHT, WRONG, Installation
from unit.pipeline.rule_sets_support import T0

from soc.bus.embedded import EmbeddedBus
from soc.cli import soc
from soc.cli.deadletter import printable
from soc.clock import MINUTE, now
from soc.pipeline.table import topology

BEL = b"\x1b]0;title\x07 \xff is no line of sshd"
Run = Callable[..., list[dict[str, Any]]]


def work(directory: Path, *steps: Callable[[Installation], Any]) -> None:
    async def inside() -> None:
        one = Installation(EmbeddedBus(directory / "bus", topology(PARTITIONS)))
        for step in steps:
            await step(one)
        await one.bus.close()

    asyncio.run(inside())


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command over ``tmp_path``; the lines of its standard output, and its exit code as the last."""
    monkeypatch.setenv("SOC_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOC_BUS__PARTITIONS", str(PARTITIONS))

    def command(*words: str) -> list[dict[str, Any]]:
        try:
            code = soc.main(list(words), standalone_mode=False) or 0
        except click.exceptions.Exit as exit_:
            code = exit_.exit_code
        return [*map(json.loads, capsys.readouterr().out.splitlines()), {"exit": code}]

    return command


def test_letters_are_listed_by_group_shown_with_their_bytes_and_retried(run: Run, tmp_path: Path):
    work(tmp_path, lambda one: one.collect(LINE, LINE, BEL), lambda one: one.run(WRONG))
    first, second, ended = run("deadletter", "list")
    assert (first["count"], first["sources"], second["count"], ended["exit"]) == (2, {"bastion": 2}, 1, 0)
    assert second["sample"] == r"\x1b]0;title\x07 \xff is no line of sshd"
    assert len(run("deadletter", "list", "--group", first["group"])) == 3
    assert run("deadletter", "list", "--source", "nobody") == [{"exit": 0}]
    shown, _ = run("deadletter", "show", second["sample_id"])
    assert base64.b64decode(shown["data"]["base64"]) == BEL
    asked, ended = run("deadletter", "retry", "--group", first["group"])
    assert (asked["asked"], ended["exit"]) == (2, 0)
    work(tmp_path, lambda one: one.run(RIGHT))
    assert [row.get("count") for row in run("deadletter", "list")] == [1, None]


def test_an_id_that_is_none_ends_with_one_and_a_retry_of_nothing_named_is_refused(run: Run, tmp_path: Path):
    work(tmp_path, lambda one: one.collect(LINE))
    assert run("deadletter", "show", "nothing/0/1") == [{"exit": 1}]
    with pytest.raises(click.UsageError, match="say which"):
        run("deadletter", "retry")


def test_the_balance_is_told_by_source_with_who_discarded(run: Run, tmp_path: Path):
    received = now() - MINUTE
    work(
        tmp_path,
        lambda one: one.collect(LINE, b"heartbeat", received=received),
        lambda one: one.run(RIGHT, discard="heartbeat"),
    )
    found, ended = run("reconcile")
    assert (found["raw"], found["normalized"], found["discarded_by"], ended["exit"]) == (2, 1, {"all": 1}, 0)
    assert found["sources"][0]["discarded_by"] == {"all": 1}
    source, sums, _ = run("reconcile", "--output-format", "ndjson")
    assert (source["kind"], source["source"], source["unsettled"]) == ("source", "bastion", 0)
    assert sums["kind"] == "sums"
    assert run("reconcile", "--hours", "0")[0]["sources"] == []


def test_a_record_that_is_in_no_bucket_ends_it_with_one(run: Run, tmp_path: Path):
    async def lose(one: Installation) -> None:
        claim = await one.bus.claim("collect", 0)
        await claim.commit((), {b"balance/29921820/lost": b"\x03"})
        await claim.release()

    work(tmp_path, lose)
    found, ended = run("reconcile")
    assert (found["off"][0]["source"], found["off"][0]["missing"], ended["exit"]) == ("lost", 3, 1)


def test_sources_are_told_with_what_to_write_into_their_profile(run: Run, tmp_path: Path):
    async def minutes(one: Installation) -> None:
        for minute in range(40):
            await one.collect(
                LINE, received=T0 - 2 * 60 * MINUTE + minute * MINUTE
            )  # stamped T0: two hours and less ahead

    work(tmp_path, minutes, lambda one: one.run(RIGHT))
    (found, _) = run("sources")
    assert (found["source"], found["samples"], found["confidence"]) == ("bastion", 40, "low"), "it does not stand still"
    assert run("sources", "--off") == [{"exit": 0}]


@given(st.binary(max_size=200))
def test_whatever_bytes_a_letter_has_a_terminal_can_take_them(data: bytes):
    assert printable(data).isprintable()

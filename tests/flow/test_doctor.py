"""A log file put back to an older copy, as an operator meets it: ``soc doctor`` says so, one command accepts it."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from cli_support import run_cli

from soc.bus.base import Message
from soc.bus.embedded import EmbeddedBus
from soc.errors import LogMismatchError
from soc.pipeline.table import RAW, topology


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "soc.toml"
    path.write_text(f'data_dir = "{tmp_path / "data"}"\n[bus]\npartitions = 1\n')
    return path


def roll_back(tmp_path: Path) -> None:
    """The collector's log as it was before its last two lines, which the engine has read already."""

    async def write(values: list[bytes]) -> None:
        bus = EmbeddedBus(tmp_path / "data" / "bus", topology(1))
        claim = await bus.claim("collect", 0)
        await claim.commit([Message(RAW, b"source", value) for value in values])
        await claim.release()
        engine = await bus.claim("engine", 0)
        await engine.fetch(100, 0.1)
        await engine.commit()
        await engine.release()
        await bus.close()

    asyncio.run(write([b"one", b"two"]))
    log = tmp_path / "data" / "bus" / "collect-0.db"
    older = shutil.copy(log, tmp_path / "older.db")
    asyncio.run(write([b"three", b"four"]))
    for file in log.parent.glob("collect-0.db*"):
        file.unlink()
    shutil.copy(older, log)


def test_a_rolled_back_log_is_named_with_what_to_do_and_an_operator_can_accept_it(tmp_path: Path, config: Path):
    roll_back(tmp_path)
    found = run_cli("doctor", "--config", str(config), "--output-format", "json")
    assert found.code == 1
    (problem, *_) = [row for row in json.loads(found.out) if row["level"] == "error"]
    assert "collect-0.db" in problem["what"]
    assert "declare-restored" in problem["advice"]

    async def claim() -> None:
        bus = EmbeddedBus(tmp_path / "data" / "bus", topology(1))
        try:
            await (await bus.claim("engine", 0)).release()
        finally:
            await bus.close()

    with pytest.raises(LogMismatchError):
        asyncio.run(claim())
    accepted = run_cli("store", "declare-restored", "collect", "0", "--yes", "--config", str(config))
    assert accepted.code == 0, accepted.err
    asyncio.run(claim())
    rows = json.loads(run_cli("doctor", "--config", str(config), "--output-format", "json").out)
    assert [row for row in rows if row["level"] == "error"] == []


def test_a_stage_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path, config: Path):
    roll_back(tmp_path)
    refused = run_cli("store", "declare-restored", "collector", "0", "--yes", "--config", str(config))
    assert refused.code == 2
    assert "collect 0" in refused.err


def test_a_directory_without_an_installation_is_not_made_into_one(tmp_path: Path, config: Path):
    for command in (["doctor"], ["reconcile"], ["alerts", "list"], ["audit", "verify"]):
        outcome = run_cli(*command, "--config", str(config))
        assert outcome.code == 2
        assert "holds no installation" in outcome.err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("command", [["run", "--config", "soc.toml"], ["demo", "--once", "--data-dir", "file/below"]])
def test_a_data_directory_that_cannot_be_made_is_named_and_is_wrong_usage(tmp_path: Path, command: list[str]):
    (tmp_path / "file").touch()
    (tmp_path / "soc.toml").write_text(f'data_dir = "{tmp_path}/file/below"\n')
    outcome = run_cli(*[str(tmp_path / part) if part.startswith(("soc.", "file")) else part for part in command])
    assert outcome.code == 2
    assert f"{tmp_path}/file/below cannot be made: Not a directory" in outcome.err


def test_checking_a_folder_without_rules_says_so(tmp_path: Path):
    outcome = run_cli("rules", "check", str(tmp_path))
    assert outcome.code == 0
    assert "there is no rule to check" in outcome.err

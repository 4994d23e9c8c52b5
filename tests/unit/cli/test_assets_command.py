"""``soc assets`` and ``soc check --readiness`` over an installation's data directory: what they print, and how they end."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from soc.bus.embedded import EmbeddedBus
from soc.cli import soc
from soc.pipeline.table import topology

PARTITIONS = 1
Run = Callable[..., list[dict[str, Any]]]

SYSTEMS = """
units: [{key: so, name: Sở B}]
systems:
  - {key: dvc, name: Cổng, level: 3, owner: Sở B, domains: dvc.example.vn, log_sources: [{source: fw-1, every: 5m}]}
"""


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command over ``tmp_path``; the lines of its standard output, and its exit code as the last."""
    monkeypatch.setenv("SOC_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOC_BUS__PARTITIONS", str(PARTITIONS))
    asyncio.run(EmbeddedBus(tmp_path / "bus", topology(PARTITIONS)).close())
    (tmp_path / "bus").mkdir(exist_ok=True)
    (tmp_path / "systems.yaml").write_text(SYSTEMS, encoding="utf-8")

    def command(*words: str) -> list[dict[str, Any]]:
        try:
            code = soc.main(list(words), standalone_mode=False) or 0
        except click.exceptions.Exit as exit_:
            code = exit_.exit_code
        out = capsys.readouterr().out
        return [*map(json.loads, out.splitlines()), {"exit": code}]

    return command


def test_a_register_is_imported_listed_looked_up_and_exported_as_it_was(run: Run, tmp_path: Path):
    imported, ended = run("assets", "import", "systems.yaml")
    assert (imported["published"], ended["exit"]) == (True, 0)
    assert imported["changes"]["systems"] == {"added": 1}
    listed, _ = run("assets", "list")
    assert (listed["key"], listed["owner"]) == ("dvc", "Sở B")
    assert "purpose" in listed["missing"]
    assert run("assets", "lookup", "www.dvc.example.vn")[0]["key"] == "dvc"
    assert run("assets", "lookup", "203.0.113.1") == [{"exit": 1}]
    assert run("assets", "show", "dvc")[0]["system"]["level"] == 3
    assert run("assets", "export", "--csv", "out") == [{"exit": 0}]
    files = [str(path) for path in sorted((tmp_path / "out").glob("*.csv"))]
    assert run("assets", "diff", *files) == [{"exit": 0}]


def test_a_file_with_mistakes_changes_nothing_and_ends_with_one(run: Run, tmp_path: Path):
    run("assets", "import", "systems.yaml")
    (tmp_path / "hosts.csv").write_text(
        "name,system,ip\nweb01,dvc,10.0.0.1\nweb02,nobody,10.0.0.300\n", encoding="utf-8"
    )
    *found, ended = run("assets", "import", "hosts.csv")
    assert ended == {"exit": 1}
    assert [(one["row"], one["column"]) for one in found] == [(3, 'C "ip"'), (3, 'B "system"')]
    assert run("assets", "show", "dvc")[0]["hosts"] == []


def test_a_dry_run_publishes_nothing(run: Run):
    assert run("assets", "import", "--dry-run", "systems.yaml")[0]["published"] is False
    assert run("assets", "list") == [{"exit": 0}]


def test_readiness_names_every_missing_field_and_the_source_that_was_never_heard(run: Run):
    assert [one.get("what") for one in run("check", "--readiness")] == ["no_register", None]
    run("assets", "import", "systems.yaml")
    *found, ended = run("check", "--readiness")
    assert ended == {"exit": 1}
    assert {"field_missing", "source_never"} == {one["what"] for one in found}
    assert "purpose" in {one["detail"] for one in found}
    assert "level" not in {one["detail"] for one in found}


def test_a_directory_and_a_geography_are_published_or_refused(run: Run, tmp_path: Path):
    (tmp_path / "users.csv").write_text("user,name\nlan,Lan\n", encoding="utf-8")
    (tmp_path / "networks.csv").write_text("203.0.113.0/24,VN\n", encoding="utf-8")
    assert run("directory", "import", "users.csv")[0]["directory"] == "1 accounts"
    assert run("geography", "import", "networks.csv")[0]["geography"] == "1 networks"
    (tmp_path / "networks.csv").write_text("203.0.113.0/24,VN\n203.0.113.7,VN\n", encoding="utf-8")
    found, ended = run("geography", "import", "networks.csv")
    assert (found["row"], ended["exit"]) == (2, 1)

"""``soc users`` and masked documents on the command line: what is done from the host is in the audit too."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from soc.bus.embedded import EmbeddedBus
from soc.cli import soc
from soc.cli.personal import shown
from soc.console.auth import Users
from soc.errors import SettingsError
from soc.pipeline.auditing import lines
from soc.pipeline.table import topology
from soc.settings import BusSettings, Settings
from soc.store.base import Document

CCCD = "072099001234"


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run ``soc users`` over an installation in ``tmp_path``; what it printed, line by line."""
    monkeypatch.setenv("SOC_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("SOC_BUS__PARTITIONS", "1")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bus").mkdir()
    Users(tmp_path).bootstrap()

    def command(*words: str) -> list[Any]:
        capsys.readouterr()
        assert not soc.main(["users", *words], standalone_mode=False)
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return command


def _audit(directory: Path) -> list[tuple[str, str, str]]:
    async def read() -> list[tuple[str, str, str]]:
        bus = EmbeddedBus(directory / "bus", topology(1))
        try:
            entries = [json.loads(line) async for _, line in lines(bus)]
        finally:
            await bus.close()
        return [(entry["act"], entry["object"], entry["detail"]) for entry in entries]

    return asyncio.run(read())


def test_an_account_is_made_listed_and_closed_with_a_line_in_the_audit_for_each(run, tmp_path):
    (made,) = run("add", "lan.nt", "--role", "analyst", "--organization", "so-y-te")
    assert Users(tmp_path).check("lan.nt", made["password"]) is not None
    run("disable", "lan.nt")
    listed = {row["name"]: row for row in run("list")}
    assert (listed["lan.nt"]["organizations"], listed["lan.nt"]["state"]) == (["so-y-te"], "disabled")
    assert _audit(tmp_path) == [
        ("account_add", "user/lan.nt", "person: analyst; so-y-te"),
        ("account_disable", "user/lan.nt", ""),
    ]


def test_an_emergency_account_is_sealed_and_sealed_anew(run, tmp_path):
    words = ("break-glass", "khan-cap", "--role", "lead")
    (first,) = run(*words)
    users = Users(tmp_path)
    assert users.spend("khan-cap", 5)
    assert users.check("khan-cap", first["password"]) is None
    (second,) = run(*words)
    assert users.check("khan-cap", second["password"]) is not None
    assert [act for act, _, _ in _audit(tmp_path)] == ["account_add", "account_reset"]


def test_a_refused_change_is_told_and_in_the_audit(run, tmp_path):
    with pytest.raises(SettingsError, match="administrator"):
        run("add", "x", "--role", "administrator", "--role", "approver")
    assert [act for act, _, _ in _audit(tmp_path)] == ["account_add", "account_add_refused"]


def test_documents_are_masked_for_the_operator_of_the_host_until_he_gives_a_reason(run, tmp_path):
    del run
    settings = Settings(data_dir=tmp_path, bus=BusSettings(partitions=1))
    document = Document("alert", "202611-a", 1, 0, {"note": CCCD}, {"id": "202611-a", "close_reason": f"CCCD {CCCD}"})
    (masked,) = shown(settings, [document], None, "alert/202611-a")
    assert CCCD not in str(masked)
    assert masked.body["id"] == "202611-a"
    assert _audit(tmp_path) == []
    with pytest.raises(SettingsError, match="reason"):
        shown(settings, [document], "x", "alert/202611-a")
    (plain,) = shown(settings, [document], "asked by the police", "alert/202611-a")
    assert CCCD in str(plain)
    assert _audit(tmp_path) == [("unmask", "alert/202611-a", "asked by the police")]

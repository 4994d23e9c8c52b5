"""``soc intel`` without an installation: what a file holds, and every mistake in it."""

import gzip
from pathlib import Path

import pytest
from click.testing import CliRunner

from soc.cli import soc
from soc.errors import RecordError, SettingsError


def run(*arguments: object):
    return CliRunner().invoke(soc, ["intel", *map(str, arguments)])


def test_every_mistake_is_named_and_nothing_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "list.csv"
    path.write_text("value,confidence\n203.0.113.7,85\n999.1.1.1,20\nbad.example,500\n")
    done = run("import", path)
    assert done.exit_code == 1
    assert "list.csv:3: column value" in done.stderr
    assert "list.csv:4: column confidence" in done.stderr
    assert '"imported":false' in done.stdout


def test_a_packed_list_is_checked_without_an_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "list.txt.gz"
    path.write_bytes(gzip.compress(b"203.0.113.7\nbad.example\n"))
    done = run("import", "--dry-run", path)
    assert done.exit_code == 0
    assert '"feed":"list","read":2' in done.stdout


def test_an_unknown_marking_is_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "list.txt"
    path.write_text("203.0.113.7\n")
    done = run("import", "--tlp", "PURPLE", path)
    assert isinstance(done.exception, SettingsError)
    assert "--tlp" in str(done.exception)


def test_what_is_no_bundle_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "b.json"
    path.write_bytes(b"\x00\x01")
    assert isinstance(run("import", path).exception, RecordError)


def test_a_feed_that_the_settings_do_not_have_cannot_be_pulled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert isinstance(run("pull", "nobody").exception, SettingsError)

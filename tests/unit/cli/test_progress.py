"""Progress is for people at a terminal who wait."""

import io
import sys
from pathlib import Path

import pytest

from soc.cli import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, file: Path, error: io.StringIO, every: float = 0.0) -> str:
    monkeypatch.setattr(progress, "_EVERY", every)
    monkeypatch.setattr(sys, "stderr", error)
    with file.open("rb") as stream, progress.Progress(stream, file) as bar:
        stream.read(50)
        bar.show(5)
    return error.getvalue()


def test_a_terminal_is_told_how_far_a_file_is_read_and_gets_its_line_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    file = tmp_path / "input.log"
    file.write_bytes(b"x" * 200)
    text = shown(monkeypatch, file, Terminal())
    assert "25 %" in text
    assert "5 lines" in text
    assert text.endswith("\r\x1b[K")


def test_a_pipe_and_a_short_file_see_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    file = tmp_path / "input.log"
    file.write_bytes(b"x" * 200)
    assert shown(monkeypatch, file, io.StringIO()) == ""
    assert shown(monkeypatch, file, Terminal(), every=60.0) == ""

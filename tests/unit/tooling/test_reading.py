"""Lines are read the same in whatever pieces they come."""

import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc.errors import SettingsError
from soc.tooling import reading


class Pieces(io.RawIOBase):
    """Gives its bytes in given pieces, as a pipe does."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        if not self._pieces:
            return 0
        piece = self._pieces.pop(0)
        taken = piece[: len(buffer)]
        if piece[len(taken) :]:
            self._pieces.insert(0, piece[len(taken) :])
        buffer[: len(taken)] = taken
        return len(taken)


def read(*pieces: bytes) -> list[tuple[bytes, bool]]:
    return list(reading.lines(io.BufferedReader(Pieces(list(pieces)))))


@given(st.lists(st.sampled_from((b"a", b"bc\n", b"\r\n", b"\n", b"\r", b"x" * 9, b"\xff"))), st.integers(0, 40))
def test_lines_do_not_depend_on_how_bytes_come(pieces: list[bytes], at: int):
    whole = b"".join(pieces)
    expected = [(line.rstrip(b"\r"), False) for line in whole.split(b"\n") if line.rstrip(b"\r")]
    assert read(*pieces) == expected
    assert read(whole[:at], whole[at:]) == expected


def test_a_line_past_the_limit_is_cut_and_said_to_be_and_the_next_is_whole(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "MAX_LINE", 8)
    monkeypatch.setattr(reading, "BLOCK", 4)
    expected = [(b"12345678", False), (b"abcdefgh", True), (b"next", False), (b"ABCDEFGH", True)]
    whole = b"12345678\nabcdefghijklmnopq\n\nnext\nABCDEFGHIJ"
    assert read(whole) == expected
    assert read(*(whole[i : i + 3] for i in range(0, len(whole), 3))) == expected


def test_json_over_several_lines_gives_one_line_an_object_and_what_is_none_is_read_by_line():
    objects = [{"a": [1, {"b": "\u1ec7"}]}, {"c": 2}]
    for text in (json.dumps(objects, indent=1), "\n".join(json.dumps(one, indent=2) for one in objects)):
        assert [json.loads(line) for line, _ in read(text.encode())] == objects
    assert read(b"{\nno JSON\n}") == [(b"{", False), (b"no JSON", False), (b"}", False)]


def test_packed_files_are_unpacked_and_broken_ones_refused(tmp_path: Path):
    file = tmp_path / "lines.gz"
    file.write_bytes(gzip.compress(b"a\nb\n" * 100_000))
    with reading.open_input(file) as stream:
        assert sum(len(lines) for lines, _ in reading.blocks(stream)) == 200_000
    file.write_bytes(gzip.compress(b"a\n" * 1000)[:-9])
    with pytest.raises(SettingsError, match="cannot be read"), reading.open_input(file) as stream:
        list(reading.blocks(stream))

"""Directives of a log are kept per source and file, restored, bounded, and put before each later line."""

import pytest

from soc.model.record import RawRecord
from soc.normalize import heads
from soc.normalize.heads import Heads

AT = 1_795_334_400_000_000


def record(text: str, *, source: str = "web1", peer: str = "/logs/u_ex.log") -> RawRecord:
    return RawRecord(text.encode(), AT, "file", peer, source)


def test_the_columns_declared_last_hold_for_later_lines_of_the_same_file_only():
    found = Heads()
    assert found.of(record("x")) == ""
    for line in ("#Software: Microsoft Internet Information Services 10.0", "#Fields: date time"):
        assert found.observe(record(line), b"k")
    assert found.of(record("x")) == "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time"
    assert found.of(record("x", peer="/logs/other.log")) == ""
    assert found.observe(record("#Fields: date c-ip"), b"k")
    assert found.of(record("x")).endswith("#Fields: date c-ip")


def test_a_new_beginning_of_a_log_forgets_what_was_declared_before():
    found = Heads()
    found.observe(record("#Fields: date time"), b"k")
    found.observe(record("#Software: another"), b"k")
    assert found.of(record("x")) == ""


def test_a_comment_is_no_directive():
    found = Heads()
    assert not found.observe(record("# a remark"), b"k")
    assert not found.observe(record("#Fieldset x"), b"k")
    assert found.changes() == {}


def test_what_was_committed_is_what_is_restored():
    found = Heads()
    found.observe(record("#separator \\x09"), b"k")
    found.observe(record("#fields\tts\tuid"), b"k")
    state = {key: value for key, value in found.changes().items() if value is not None}
    again = Heads()
    again.restore(state)
    assert again.of(record("x")) == found.of(record("x")) == "#separator \\x09\n#fields\tts\tuid"
    assert again.changes() == {}


def test_of_too_many_sources_the_first_is_forgotten_in_the_state_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(heads, "MOST", 2)
    found = Heads()
    for number in range(3):
        found.observe(record("#Fields: date", peer=f"/logs/{number}"), b"k")
    changes = found.changes()
    assert sorted(value is None for value in changes.values()) == [False, False, True]
    assert found.of(record("x", peer="/logs/0")) == ""


def test_a_directive_that_is_too_long_is_not_kept():
    found = Heads()
    assert found.observe(record("#Fields: " + "x" * heads.LONGEST), b"k")
    assert found.of(record("x")) == ""

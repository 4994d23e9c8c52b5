"""The journal export format: entries as journald wrote them, whatever the bytes are and wherever reads cut them."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.journal_export import FIELD, Entry, JournalExportParser


def text(name: str, value: str) -> bytes:
    return f"{name}={value}\n".encode()


def binary(name: str, value: bytes) -> bytes:
    return name.encode() + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"


def entry(*fields: bytes) -> bytes:
    return b"".join(fields) + b"\n"


def parse(data: bytes, *cuts: int, max_bytes: int = 1 << 20) -> tuple[list[Entry], JournalExportParser]:
    parser = JournalExportParser(max_bytes)
    found: list[Entry] = []
    places = [0, *sorted(cuts), len(data)]
    for begin, end in pairwise(places):
        found += parser.receive(data[begin:end])
    return found + parser.finish(), parser


def shown(data: bytes) -> list[object]:
    return [json.loads(one.data) for one in parse(data)[0]]


def test_an_entry_is_its_fields_with_cursor_and_host() -> None:
    data = entry(text("__CURSOR", "s=1;i=2"), text("_HOSTNAME", "srv1"), text("MESSAGE", "a=b"), text("EMPTY", ""))
    found, parser = parse(data)
    assert [(one.cursor, one.host, one.cut) for one in found] == [("s=1;i=2", "srv1", False)]
    assert json.loads(found[0].data) == {"__CURSOR": "s=1;i=2", "_HOSTNAME": "srv1", "MESSAGE": "a=b", "EMPTY": ""}
    assert (parser.discarded, parser.resynchronized, parser.pending) == (0, 0, False)


def test_a_binary_value_may_hold_what_ends_fields_and_entries() -> None:
    data = entry(binary("MESSAGE", b"two\nlines\n\n__CURSOR=x"), binary("COREDUMP", b"\xff\x00"), text("PRIORITY", "6"))
    assert shown(data) == [{"MESSAGE": "two\nlines\n\n__CURSOR=x", "COREDUMP": [255, 0], "PRIORITY": "6"}]


def test_a_field_that_comes_again_is_a_list_as_journalctl_shows_it() -> None:
    data = entry(text("A", "1"), text("A", "2"), text("A", "3"), binary("B", b"\xff"), binary("B", b"\xfe\xfd"))
    assert shown(data) == [{"A": ["1", "2", "3"], "B": [[255], [254, 253]]}]


def test_several_empty_lines_are_one_end_and_a_missing_last_one_is_none_the_less() -> None:
    assert shown(b"\n" + entry(text("A", "1")) + b"\n\n" + text("A", "2")) == [{"A": "1"}, {"A": "2"}]


def test_an_entry_that_ends_inside_a_value_is_kept_and_marked() -> None:
    found, _ = parse(text("A", "1") + binary("MESSAGE", b"whole\nvalue")[:-4])
    assert [(json.loads(one.data), one.cut) for one in found] == [({"A": "1", "MESSAGE": "whole\nva"}, True)]


def test_a_long_value_is_cut_counted_and_what_follows_is_found() -> None:
    data = entry(text("A", "x" * (FIELD + 5)), binary("B", b"\n" * (FIELD + 7)), text("C", "1")) + entry(text("D", "2"))
    found, parser = parse(data)
    first, second = (json.loads(one.data) for one in found)
    assert (len(first["A"]), len(first["B"]), first["C"], second) == (FIELD, FIELD, "1", {"D": "2"})
    assert [one.cut for one in found] == [True, False]
    assert parser.discarded == 12


def test_an_entry_over_the_limit_keeps_what_fits() -> None:
    found, parser = parse(
        entry(*(text(f"F{n}", "y" * 100) for n in range(1000))) + entry(text("D", "2")), max_bytes=1000
    )
    assert len(found[0].data) < 1300
    assert [one.cut for one in found] == [True, False]
    assert json.loads(found[1].data) == {"D": "2"}
    assert parser.discarded > 98_000


@pytest.mark.parametrize("damage", [b"no field\n", b"lower=case\n", b"NAME\n" + b"\xff" * 8 + b"\n", b"\xff\xfe\n"])
def test_a_damaged_line_is_counted_and_the_next_entry_is_read(damage: bytes) -> None:
    found, parser = parse(entry(text("A", "1"), damage) + entry(text("B", "2")))
    assert [json.loads(one.data) for one in found] == [{"A": "1"}, {"B": "2"}]
    assert parser.resynchronized >= 1


_names = st.sampled_from(["MESSAGE", "_PID", "__CURSOR", "A_1"])
_field = st.tuples(_names, st.binary(max_size=20))
_entries = st.lists(st.lists(_field, min_size=1, max_size=5), max_size=5)


def written(entries: list[list[tuple[str, bytes]]]) -> bytes:
    """As journald writes them: text where it can be text."""
    return b"".join(
        entry(
            *(
                name.encode() + b"=" + value + b"\n" if b"\n" not in value else binary(name, value)
                for name, value in one
            )
        )
        for one in entries
    )


@given(_entries, st.lists(st.integers(0, 600), max_size=8))
def test_bytes_cut_anywhere_give_the_same_entries(entries: list[list[tuple[str, bytes]]], cuts: list[int]) -> None:
    data = written(entries)
    whole, cut = parse(data)[0], parse(data, *(min(cut, len(data)) for cut in cuts))[0]
    assert cut == whole
    assert len(whole) == len(entries)


@given(st.binary(max_size=120), st.integers(0, 120), st.integers(20, 60))
def test_any_bytes_give_the_same_however_they_are_cut(data: bytes, cut: int, max_bytes: int) -> None:
    one, parser = parse(data, max_bytes=max_bytes)
    other, again = parse(data, min(cut, len(data)), max_bytes=max_bytes)
    assert (one, parser.discarded, parser.resynchronized) == (other, again.discarded, again.resynchronized)

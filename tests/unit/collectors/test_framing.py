"""Framing: what a byte stream's cuts, wrong counts, NULs and long frames become."""

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collectors.framing import Frame, SyslogFramer

LIMIT = 40


def frames_of(*chunks: bytes, limit: int = LIMIT, finish: bool = True) -> list[Frame]:
    framer = SyslogFramer(limit)
    found = [frame for chunk in chunks for frame in framer.receive(chunk)]
    return found + framer.finish() if finish else found


def datas(*chunks: bytes, limit: int = 1000, finish: bool = True) -> list[bytes]:
    return [frame.data for frame in frames_of(*chunks, limit=limit, finish=finish)]


def counted(*messages: bytes) -> bytes:
    return b"".join(b"%d %s" % (len(message), message) for message in messages)


# streams near the grammar: counts, separators, PRIs, endings and text in any order
pieces = st.one_of(
    st.sampled_from(
        [
            b"\n",
            b"\r\n",
            b"\0",
            b"\0\n",
            b" ",
            b"<13>",
            b"<",
            b"7 ",
            b"12 <13>",
            b"3 ",
            b"45 ",
            b"99999999 <13>",
            b"214000000000 <13>",
        ]
    ),
    st.integers(0, 60).map(lambda n: b"%d " % n),
    st.binary(max_size=12),
    st.text("ab9é \0", max_size=60).map(str.encode),
    st.text("ab9 é", max_size=30).map(lambda text: counted(b"<13>" + text.encode())),
    st.text("ab9 é", max_size=30).map(lambda text: counted(text.encode())),
)
streams = st.lists(pieces, max_size=12).map(b"".join)


@settings(max_examples=100)
@given(streams, st.data())
@example(b"12 <13>", None)
def test_bytes_cut_anywhere_give_the_same_frames_and_the_same_counts(stream: bytes, data: st.DataObject | None) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8)) if data else range(len(stream))
    bounds = [0, *sorted(cuts), len(stream)]
    whole, cut = SyslogFramer(LIMIT), SyslogFramer(LIMIT)
    at_once = whole.receive(stream) + whole.finish()
    in_pieces = [frame for a, b in pairwise(bounds) for frame in cut.receive(stream[a:b])] + cut.finish()
    assert in_pieces == at_once
    assert (cut.discarded, cut.resynchronized) == (whole.discarded, whole.resynchronized)


@settings(max_examples=100)
@given(streams)
def test_byte_by_byte_equals_at_once(stream: bytes) -> None:
    assert frames_of(*(stream[i : i + 1] for i in range(len(stream)))) == frames_of(stream)


@settings(max_examples=150)
@given(streams)
def test_any_bytes_give_frames_within_the_limit_and_only_framing_is_missing(stream: bytes) -> None:
    framer = SyslogFramer(LIMIT)
    frames = framer.receive(stream) + framer.finish()
    assert all(0 < len(frame.data) <= LIMIT for frame in frames)
    kept = sum(len(frame.data) for frame in frames)
    # what is neither in a frame nor counted as cut off is endings, separators and counts: no letter among them
    letters = sum(stream.count(letter) for letter in (b"a", b"b", b"<", b">"))
    in_frames = sum(frame.data.count(letter) for frame in frames for letter in (b"a", b"b", b"<", b">"))
    assert letters - in_frames <= framer.discarded
    assert kept + framer.discarded <= len(stream)


@settings(max_examples=100)
@given(
    st.lists(st.binary(max_size=LIMIT - 4).filter(lambda tail: not tail.endswith((b"\r", b"\n", b"\0"))), max_size=8)
)
def test_octet_counted_messages_come_back_as_they_were_with_any_byte_inside(tails: list[bytes]) -> None:
    messages = [b"<13>" + tail for tail in tails]
    assert frames_of(counted(*messages)) == [Frame(message) for message in messages]


@settings(max_examples=100)
@given(
    st.lists(
        st.binary(max_size=LIMIT - 4).filter(lambda tail: b"\n" not in tail and not tail.endswith((b"\r", b"\0"))),
        max_size=8,
    )
)
def test_lines_come_back_as_they_were(tails: list[bytes]) -> None:
    lines = [b"<13>" + tail for tail in tails]
    assert frames_of(b"".join(line + b"\n" for line in lines)) == [Frame(line) for line in lines]


def test_octet_counting_is_told_from_lf_framing_by_the_first_byte() -> None:
    assert datas(b"9 <13>alpha8 <13>beta") == [b"<13>alpha", b"<13>beta"]
    assert datas(b"<13>alpha\n<13>beta\n") == [b"<13>alpha", b"<13>beta"]
    assert datas(b"date=2026-11-22 logid=1\ndate=2026-11-22 logid=2\n") == [
        b"date=2026-11-22 logid=1",
        b"date=2026-11-22 logid=2",
    ]


def test_a_counted_frame_is_given_at_its_last_byte_without_waiting_for_the_next() -> None:
    assert datas(b"9 <13>alpha", finish=False) == [b"<13>alpha"]


def test_a_counted_message_without_pri_is_one_message() -> None:
    assert datas(b"5 hello5 world") == [b"hello", b"world"]
    assert datas(b"5 hello") == [b"hello"]
    assert datas(b"5 hello\n5 world\n", finish=False) == [b"hello", b"world"]


def test_a_line_that_begins_with_a_number_is_no_count() -> None:
    """The 214000000000 of rsyslog's tests, PAN-OS CSV, a year, a sequence number."""
    assert datas(b"214000000000 <13>tail\n<13>next\n") == [b"214000000000 <13>tail", b"<13>next"]
    assert datas(b"1,2026/11/22 08:00:00,0011\n1,2026/11/22 08:00:01,0012\n") == [
        b"1,2026/11/22 08:00:00,0011",
        b"1,2026/11/22 08:00:01,0012",
    ]
    assert datas(b"2026 Nov 22 fw01 up\n2026 Nov 22 fw01 down\n") == [b"2026 Nov 22 fw01 up", b"2026 Nov 22 fw01 down"]
    assert datas(b"7 tries from 192.0.2.7\nand more\n") == [b"7 tries from 192.0.2.7", b"and more"]


def test_an_lf_inside_a_counted_frame_stays() -> None:
    assert datas(b"14 <13>two\nlines\n9 <13>alpha") == [b"<13>two\nlines", b"<13>alpha"]


def test_a_counted_frame_may_be_followed_by_an_lf_that_is_not_counted() -> None:
    assert datas(b"9 <13>alpha\n8 <13>beta\r\n9 <13>gamma\0") == [b"<13>alpha", b"<13>beta", b"<13>gamma"]


def test_a_count_too_small_keeps_every_byte_and_finds_the_next_frame_without_an_lf() -> None:
    """Characters counted instead of bytes, as senders do with Vietnamese text."""
    text = "<13>đăng nhập thất bại"
    message = text.encode()
    short = b"%d %s" % (len(text), message)
    assert len(text) < len(message)
    framer = SyslogFramer(1000)
    found = [frame.data for frame in framer.receive(short + counted(b"<13>next", b"<13>last"))]
    assert b"".join(found[:2]) == message
    assert found[2:] == [b"<13>next", b"<13>last"]
    assert framer.resynchronized == 1


def test_a_count_too_large_loses_no_byte_and_the_stream_recovers_at_the_next_count() -> None:
    found = datas(b"12 <13>alpha8 <13>beta9 <13>gamma")
    assert found == [b"<13>alpha8 <", b"13>beta", b"<13>gamma"]


@pytest.mark.parametrize("ends", [b"x", b"7", b"=1234", b"90000000000", b"0"])
@pytest.mark.parametrize("wrong", [3, 20])
def test_behind_a_wrong_count_frames_are_found_again_though_lines_end_in_digits(ends: bytes, wrong: int) -> None:
    lines = [b"<189>line %d %s" % (n, ends) for n in range(30)]
    stream = b"%d %s" % (wrong, lines[0]) + b"".join(b"%d %s" % (len(line), line) for line in lines[1:])
    framer = SyslogFramer(1000)
    found = framer.receive(stream)
    found += framer.finish()
    kept = b"".join(frame.data for frame in found[:-28])
    assert kept.startswith(b"<189>line 0 ")
    assert kept.endswith(b"<189>line 1 " + ends)
    assert [frame.data for frame in found[-28:]] == lines[2:]


def test_a_line_in_a_counted_stream_is_a_frame_and_counting_goes_on() -> None:
    assert datas(b"9 <13>alpha<13>stray\n8 <13>beta") == [b"<13>alpha", b"<13>stray", b"<13>beta"]


def test_a_count_that_is_never_filled_is_given_at_the_end_marked() -> None:
    assert frames_of(b"30 <13>alpha") == [Frame(b"<13>alpha", cut=True)]


def test_a_nul_inside_a_message_stays_and_at_its_end_is_framing() -> None:
    """syslog-ng splits at NUL, loki closes the connection; Cisco ISE ends its messages with it."""
    assert datas(b"<13>al\0pha\0\n<13>beta\r\n") == [b"<13>al\0pha", b"<13>beta"]
    assert datas(b"11 <13>al\0pha\0") == [b"<13>al\0pha"]


def test_bytes_that_are_not_utf8_are_kept() -> None:
    assert datas(b"<13>\xff\xfe caf\xe9\n") == [b"<13>\xff\xfe caf\xe9"]


def test_empty_frames_are_ignored() -> None:
    assert datas(b"\n\r\n\n<13>alpha\n\n\0\n<13>beta\n") == [b"<13>alpha", b"<13>beta"]


def test_the_last_line_needs_no_lf() -> None:
    assert datas(b"<13>alpha\n<13>beta") == [b"<13>alpha", b"<13>beta"]


@pytest.mark.parametrize("chunk", [1, 7, 4096])
def test_a_frame_over_the_limit_is_cut_and_marked_and_the_stream_goes_on(chunk: int) -> None:
    long = b"<13>" + b"x" * 96
    for stream in (long + b"\n<13>next\n", counted(long, b"<13>next")):
        framer = SyslogFramer(LIMIT)
        found = [frame for at in range(0, len(stream), chunk) for frame in framer.receive(stream[at : at + chunk])]
        assert found == [Frame(long[:LIMIT], cut=True), Frame(b"<13>next")]
        assert framer.discarded == len(long) - LIMIT


def test_a_frame_of_exactly_the_limit_is_not_cut_whatever_ends_it() -> None:
    exact = b"<13>" + b"x" * (LIMIT - 4)
    for ending in (b"\n", b"\r\n", b"\0\n"):
        assert frames_of(exact + ending) == [Frame(exact)]
    assert frames_of(counted(exact + b"\r\n")) == [Frame(exact)]


def test_a_line_without_end_is_given_cut_and_holds_no_memory() -> None:
    framer = SyslogFramer(LIMIT)
    found = [frame for _ in range(1000) for frame in framer.receive(b"<13>" + b"x" * 1000)]
    assert found == [Frame(b"<13>" + b"x" * (LIMIT - 4), cut=True)]
    assert len(framer._buffer) <= LIMIT
    assert framer.receive(b"\n<13>next\n") == [Frame(b"<13>next")]

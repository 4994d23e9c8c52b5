"""GELF: chunks and compression are undone, what cannot be is counted or kept as it came, and nothing grows without a bound."""

import gzip
import random
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.gelf import MAX_SET_BYTES, MAX_SETS, MAX_SETS_OF_A_SENDER, WITHIN, GelfChunks, GelfFramer, Whole
from collectors.session import Frame

NOW = 1_764_000_000_000_000
A, B = "192.0.2.7:51514", "192.0.2.8:51514"


def chunks(data: bytes, name: bytes = b"message1", size: int = 100) -> list[bytes]:
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    return [b"\x1e\x0f" + name + bytes([number, len(parts)]) + part for number, part in enumerate(parts)]


@pytest.mark.parametrize("pack", [bytes, zlib.compress, gzip.compress, lambda data: zlib.compress(data, 0)])
def test_a_datagram_is_a_message_compressed_or_not(pack):
    message = b'{"version":"1.1","host":"app01","short_message":"x"}'
    assert GelfChunks(1000).receive(pack(message), A, NOW) == Whole(message)


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=3000), st.integers(24, 500), st.randoms(), st.booleans())
def test_chunks_in_any_order_and_repeated_give_the_message(
    data: bytes, size: int, shuffle: random.Random, packed: bool
):
    message = b"{" + data
    sent = chunks(gzip.compress(message) if packed else message, size=size)
    sent += sent[:-1]
    last = sent.pop(len(sent) // 2)
    shuffle.shuffle(sent)
    reader = GelfChunks(10_000)
    found = [whole for part in [*sent, last] if (whole := reader.receive(part, A, NOW)) is not None]
    assert found == [Whole(message)]


def test_messages_of_two_senders_with_one_id_are_not_mixed():
    reader = GelfChunks(1000)
    one, two = chunks(b"{" + b"a" * 150), chunks(b"{" + b"b" * 150)
    assert reader.receive(one[0], A, NOW) is None
    assert reader.receive(two[0], B, NOW) is None
    assert reader.receive(two[1], B, NOW) == Whole(b"{" + b"b" * 150)
    assert reader.receive(one[1], A, NOW) == Whole(b"{" + b"a" * 150)


def test_a_message_that_is_not_whole_within_five_seconds_is_given_up_and_counted():
    reader = GelfChunks(1000)
    first, second = chunks(b"{" + b"a" * 150)
    reader.receive(first, A, NOW)
    assert reader.receive(second, A, NOW + WITHIN + 1) is None
    assert reader.incomplete == 1
    reader.expire(NOW + 2 * WITHIN + 2)
    assert reader.incomplete == 2


@pytest.mark.parametrize(
    "wrong", [b"\x1e\x0f", b"\x1e\x0fmessage1\x00", b"\x1e\x0fmessage1\x00\x00x", b"\x1e\x0fmessage1\x00\x81x", b"\x1e\x0fmessage1\x02\x02x"]
)  # fmt: skip
def test_a_chunk_that_cannot_be_is_counted_and_harms_no_other(wrong: bytes):
    reader = GelfChunks(1000)
    assert reader.receive(wrong, A, NOW) is None
    assert reader.incomplete == 1
    assert [reader.receive(part, B, NOW) for part in chunks(b"{" + b"a" * 150)] == [None, Whole(b"{" + b"a" * 150)]


def test_chunks_that_contradict_each_other_are_given_up():
    reader = GelfChunks(1000)
    reader.receive(b"\x1e\x0fmessage1\x00\x03aaa", A, NOW)
    assert reader.receive(b"\x1e\x0fmessage1\x01\x02bbb", A, NOW) is None
    assert reader.incomplete == 1


def test_a_bomb_makes_one_record_of_the_limit_and_is_marked():
    bomb = zlib.compress(b"{" + b" " * 50_000_000)
    assert len(bomb) < 60_000
    reader = GelfChunks(4096)
    assert reader.receive(bomb, A, NOW) == Whole(b"{" + b" " * 4095, cut=True)


def test_bytes_that_only_look_compressed_are_kept_as_they_came():
    reader = GelfChunks(1000)
    for data in (b"\x1f\x8bnot gzip", b"\x78\x9cnot zlib", b"plain text", b"\x1f"):
        assert reader.receive(data, A, NOW) == Whole(data)
    cut = gzip.compress(bytes(range(256)) * 2)[:-20]
    whole = reader.receive(cut, A, NOW)
    assert whole is not None
    assert whole.cut


def test_what_waits_is_bounded_and_a_flooding_sender_pushes_out_its_own():
    reader = GelfChunks(1000)
    quiet = chunks(b"{" + b"q" * 150)
    reader.receive(quiet[0], B, NOW)
    flood = 3 * MAX_SETS
    for number in range(flood):
        reader.receive(b"\x1e\x0f" + number.to_bytes(8, "big") + b"\x00\x02x", A, NOW)
    assert reader.incomplete == flood - MAX_SETS_OF_A_SENDER
    assert reader.receive(quiet[1], B, NOW) == Whole(b"{" + b"q" * 150)


def test_bytes_that_wait_are_bounded():
    reader = GelfChunks(1000)
    part = b"x" * 60_000
    sent = 2 * MAX_SET_BYTES // len(part)
    for number in range(sent):
        reader.receive(
            b"\x1e\x0fmessage%d" % (number % 10) + bytes([number % 128, 128]) + part, f"a{number // 10}", NOW
        )
    assert reader.incomplete > 0
    assert reader._size <= MAX_SET_BYTES
    reader.expire(NOW + 2 * WITHIN)
    assert (reader._size, reader._sets, reader._of) == (0, {}, {})


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40).map(lambda tail: b"\x1e\x0f" + tail) | st.binary(max_size=40), max_size=40))
def test_any_datagrams_give_messages_or_nothing(datagrams: list[bytes]):
    reader = GelfChunks(100)
    for at, data in enumerate(datagrams):
        whole = reader.receive(data, A, NOW + at * 100_000)
        assert whole is None or 0 < len(whole.data) <= 100


STREAM = st.lists(st.binary(max_size=40).map(lambda data: data + b"\0") | st.just(b"\n\0"), max_size=12).map(b"".join)


@settings(deadline=None)
@given(STREAM, st.binary(max_size=40), st.lists(st.integers(0, 500), max_size=10))
def test_a_stream_cut_anywhere_gives_the_same_messages(head: bytes, tail: bytes, cuts: list[int]):
    stream = head + tail
    whole = GelfFramer(20)
    expected = whole.receive(stream) + whole.finish()
    framer, found, at = GelfFramer(20), [], 0
    for cut in [*sorted(cuts), len(stream)]:
        found += framer.receive(stream[at:cut])
        at = max(at, cut)
    found += framer.finish()
    assert found == expected
    assert framer.discarded == whole.discarded


def test_a_message_ends_with_a_nul_and_one_over_the_limit_is_cut_and_marked():
    framer = GelfFramer(10)
    assert framer.receive(b'{"a":1}\0\0\n{"b":2}\0' + b"x" * 50 + b"\0{}\0{") == [
        Frame(b'{"a":1}'),
        Frame(b'{"b":2}'),
        Frame(b"x" * 10, cut=True),
        Frame(b"{}"),
    ]
    assert framer.discarded == 40
    assert framer.finish() == [Frame(b"{")]

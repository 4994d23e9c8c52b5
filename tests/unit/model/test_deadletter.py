"""The shape of a dead letter: equal failures of equal lines are one group, whatever numbers, addresses and texts they carry."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc.model import DeadLetter
from soc.model.deadletter import mask, shape


def letter(data: bytes, reason: str = "no known line", stage: str = "normalize") -> DeadLetter:
    return DeadLetter("l/0/1", stage, reason, data, "s", "udp", "192.0.2.1:1", 0)


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        (b"<34>Nov 22 08:00:00 fw1 vpn: tunnel 17 is up", "<#>Nov # # # vpn: tunnel # is up"),
        (b"src=192.0.2.7 dst=2001:db8::1 len=40", "src=# dst=# len=#"),
        (b"user=\"Nguy\xe1\xbb\x85n V\xc4\x83n An\" msg='a b'", 'user="#" msg="#"'),
        (b"session deadbeefcafe closed", "session # closed"),
        (b"a face in the crowd", "a face in the crowd"),
        (b"\x00\x01\x02\x03 garbage", "(binary)"),
        (b"", ""),
    ],
)
def test_what_varies_from_line_to_line_is_masked(line: bytes, masked: str):
    assert mask(line) == masked


@given(st.integers(0, 10**12), st.ip_addresses(), st.text(string.ascii_letters + " é", max_size=30))
def test_lines_that_differ_in_numbers_addresses_and_quoted_texts_have_one_shape(number, address, text):
    first = letter(b'login 1 from 192.0.2.1 as "a" refused')
    assert shape(letter(f'login {number} from {address} as "{text}" refused'.encode())) == shape(first)


def test_another_reason_or_stage_is_another_shape():
    one = letter(b"x")
    assert (
        len({shape(one), shape(letter(b"x", "other")), shape(letter(b"x", stage="decode")), shape(letter(b"y"))}) == 4
    )


@given(st.binary(max_size=2000))
def test_any_bytes_have_a_shape_and_always_the_same(data: bytes):
    assert shape(letter(data)) == shape(letter(data))
    assert len(shape(letter(data))) == 12


def test_the_newest_record_of_a_letter_has_the_highest_version():
    made = [(0, "open"), (0, "processed"), (1, "open"), (1, "discarded"), (2, "open")]
    letters = [DeadLetter("l", "s", "r", b"", "", "", "", 0, attempt=attempt, state=state) for attempt, state in made]  # type: ignore[arg-type]
    assert [one.version for one in letters] == sorted({one.version for one in letters})

"""Bodies: NDJSON and arrays keep their bytes, compression is bounded, anything else says what is wrong."""

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.bodies import ARRAY_TYPE, BodyError, decompress, records_of

NDJSON = "application/x-ndjson"


def test_each_non_empty_line_is_a_record_as_it_is() -> None:
    body = b'{"a": 1}\r\n\n   \nnot json \xff\0x\n\xe2\x80\xa8separator\nlast'
    assert records_of(body, NDJSON) == [b'{"a": 1}', b"not json \xff\0x", b"\xe2\x80\xa8separator", b"last"]


def test_array_elements_keep_their_own_bytes() -> None:
    body = '[ {"b" :1.00, "a":"\\u0111 đ"} ,\n"text", 1e3, null, [1,\n2] ]'.encode()
    assert records_of(body, ARRAY_TYPE) == [
        '{"b" :1.00, "a":"\\u0111 đ"}'.encode(),
        b'"text"',
        b"1e3",
        b"null",
        b"[1,\n2]",
    ]


@settings(max_examples=100)
@given(
    st.lists(
        st.dictionaries(st.text(max_size=5), st.one_of(st.none(), st.integers(), st.text(max_size=9)), max_size=4),
        max_size=6,
    )
)
def test_an_array_and_its_ndjson_give_the_same_records(values: list[dict[str, object]]) -> None:
    elements = [json.dumps(value, ensure_ascii=False).encode() for value in values]
    assert (
        records_of(b"[" + b", ".join(elements) + b"]", ARRAY_TYPE)
        == records_of(b"\n".join(elements), NDJSON)
        == elements
    )


@pytest.mark.parametrize("body", [b"", b"{}", b"[1,", b"[1] 2", b"[1,]", b"nothing", b"[" * 100_000])
def test_json_that_is_no_array_is_400(body: bytes) -> None:
    with pytest.raises(BodyError) as caught:
        records_of(body, ARRAY_TYPE)
    assert caught.value.status == 400


def test_another_content_type_is_415() -> None:
    with pytest.raises(BodyError) as caught:
        records_of(b"<a/>", "application/xml")
    assert caught.value.status == 415


@settings(max_examples=100)
@given(st.binary(max_size=200), st.sampled_from([NDJSON, ARRAY_TYPE, "text/plain"]), st.sampled_from(["", "gzip"]))
def test_any_bytes_give_records_or_a_body_error(body: bytes, content_type: str, encoding: str) -> None:
    try:
        records = records_of(decompress(body, encoding, 1000), content_type)
    except BodyError as error:
        assert 400 <= error.status < 500  # noqa: PT017 - either outcome is fine
    else:
        assert all(records)


def test_gzip_of_one_or_more_members_is_undone() -> None:
    assert decompress(gzip.compress(b"one\n") + gzip.compress(b"two\n"), "gzip", 100) == b"one\ntwo\n"


def test_a_gzip_bomb_is_413_before_it_is_made() -> None:
    with pytest.raises(BodyError) as caught:
        decompress(gzip.compress(b"x" * 10_000_000), "gzip", 1000)
    assert caught.value.status == 413


def test_exactly_the_limit_is_taken() -> None:
    assert decompress(gzip.compress(b"x" * 1000), "gzip", 1000) == b"x" * 1000
    assert decompress(b"x" * 1000, "", 1000) == b"x" * 1000


@pytest.mark.parametrize(
    "body",
    [b"no gzip", gzip.compress(b"x" * 100, mtime=0)[:-9], gzip.compress(b"x", mtime=0) + b"rest"],
    ids=["no gzip", "cut short", "with a tail"],
)
def test_broken_gzip_is_400(body: bytes) -> None:
    with pytest.raises(BodyError) as caught:
        decompress(body, "gzip", 1000)
    assert caught.value.status == 400


def test_an_unknown_encoding_is_415() -> None:
    with pytest.raises(BodyError) as caught:
        decompress(b"x", "br", 1000)
    assert caught.value.status == 415

"""The query language: what is written means what the reference says, and mistakes are told where they are."""

import time
import unicodedata
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc.clock import to_iso
from soc.store.query import All, And, Exists, Field, Not, Or, Phrase, QueryError, matches, parse, tokens

DOCUMENT = {
    "message": "Đăng nhập thất bại: Failed password for root", "source.ip": "192.0.2.7", "user.name": ["adm-lan", "root"],
    "severity": 5, "size": 1.5, "port": 22, "ok": True, "nothing": None, "none": [], "path": "C:\\Windows\\System32\\cmd.exe",
    "@timestamp": "2026-11-22T08:00:00.000Z", "star": "a*b",
}  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "", "failed root", '"failed password"', "FAILED", "fail*", '"dang nhap"', "đăng nhập", "ĐĂNG", "192.0.2.7", "source.ip:192.0.2.7",
        "user.name:adm*", "user.name:ROOT", "user.name:?oot", "severity>=5", "severity:>4", "severity<5.5", "size>1", "port:22", "ok:true",
        "_exists_:user.name", "NOT _exists_:nothing", "NOT _exists_:none", "@timestamp<2026-12", "@timestamp>=2026-11-22T08:00",
        "@timestamp<=2026-11", "@timestamp<=2026-11-22", "NOT @timestamp>2026-11-22", "@timestamp>2026-10", "@timestamp<2027",
        'path:"C:\\Windows\\System32\\cmd.exe"', "path:*\\cmd.exe", "path:c:\\windows\\\\*", "star:a\\*b", "nope OR root", "NOT nope",
        "(nope OR failed) AND root", "nope AND nope OR root", 'message:"đăng nhập thất bại: failed password for root"',
    ],
)  # fmt: skip
def test_the_document_is_found(text):
    assert matches(parse(text), DOCUMENT)


@pytest.mark.parametrize(
    "text",
    [
        "nope", '"password failed"', "ailed*", "source.ip:192.0.2", "user.name:adm", "severity>5", "severity<5", "size:1", "port:2", "nothing:*",
        "_exists_:none", "@timestamp>=2026-12", "@timestamp<2026-11", "@timestamp>2026-11", "message>5", "ok>0", "path:*\\\\\\*",
        "root nope", "NOT root", "nope (failed OR root)", "message:dang*",
    ],
)  # fmt: skip
def test_the_document_is_not_found(text):
    assert not matches(parse(text), DOCUMENT)


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("(a", 2, ") is missing"), ("a)", 1, "never opened"), ('a "x', 2, "never closed"), ("a AND", 5, "missing after AND"),
        ("OR a", 0, "missing here"), ("x:", 2, "missing after x:"), ("n>abc", 2, "a number or a time"), ("*a", 0, "end only"),
        ("---", 0, "no word"), ('a:b"c', 3, "never closed"), ("NOT " * 50 + "a", 164, "nested deeper"), ("a " * 201, 400, "more than 200"),
        ("a" * 4097, 4096, "longer than"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_position(text, position, reason):
    with pytest.raises(QueryError) as caught:
        parse(text)
    assert caught.value.position == position
    assert reason in caught.value.reason


def test_what_has_a_colon_and_is_no_field_is_words():
    for text in ("fe80::1", "2001:db8::1", "00:11:22:aa:bb:cc", "https://dvc.example/login"):
        assert isinstance(parse(text), Phrase), text


def test_juxtaposition_is_and_and_binds_tighter_than_or():
    a, b, c = (Phrase((word,), folded=True) for word in "abc")
    assert parse("a b OR c") == Or((And((a, b)), c))
    assert parse("a AND NOT b") == And((a, Not(b)))
    assert parse("_exists_:x") == Exists("x")
    assert parse("x:Y") == Field("x", ((False, "y"),))
    assert parse("  ") == All()


def test_times_without_a_zone_are_read_in_the_given_one():
    at = {"@timestamp": "2026-11-22T02:30:00Z"}
    assert matches(parse("@timestamp>=2026-11-22T09:00", zone=ZoneInfo("Asia/Ho_Chi_Minh")), at)
    assert not matches(parse("@timestamp>=2026-11-22T09:00"), at)
    assert matches(parse("@timestamp>=2026-11-22T09:00+07:00"), at)


@given(st.text(max_size=80))
def test_any_text_is_a_query_or_a_mistake(text):
    try:
        query = parse(text)
    except QueryError as error:
        assert 0 <= error.position <= len(text)  # noqa: PT017 - either outcome is fine
    else:
        matches(query, DOCUMENT)


@given(st.text(max_size=40))
def test_both_normal_forms_make_the_same_words(text):
    assert tokens(unicodedata.normalize("NFD", text)) == tokens(unicodedata.normalize("NFC", text))
    made = tokens(text)
    assert len(made.exact) == len(made.folded)


@given(st.integers(0, 2**52))
def test_a_stamp_lies_within_its_own_day(micros):
    stamp = to_iso(micros)
    for operator in (">=", "<="):
        assert matches(parse(f"t{operator}{stamp[:10]}"), {"t": stamp})


def test_no_pattern_takes_forever():
    pattern = parse("f:" + "a*" * 60 + "b")
    start = time.perf_counter()
    assert not matches(pattern, {"f": "a" * 5000})
    assert time.perf_counter() - start < 1
